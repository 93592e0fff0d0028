//! Resident memory of open sessions: each opened, then each with one call.

use std::path::Path;
use std::time::Instant;

use channel::forms;
use futures_util::stream::{self, StreamExt};
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::line::{Line, Prepared};
use crate::scene::{Scene, Talk};

/// How many.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Sessions.
    #[arg(long, default_value_t = 100_000)]
    sessions: u64,
    /// Calls of each.
    #[arg(long, default_value_t = 4)]
    calls: u64,
}

pub(crate) fn run(runtime: &Runtime, folder: &Path, arguments: &Arguments) {
    let (scene, daemon) = (Scene::new(), Daemon::start(folder));
    let (scene, endpoint) = (&scene, daemon.endpoint());
    let line = &runtime.block_on(Line::connect(&endpoint, daemon.policy()));
    runtime.block_on(line.ask(&scene.register()));
    let empty = daemon.memory("VmRSS:");
    report("empty", empty, 0, 0.0);

    let boot = line.boot();
    let began = Instant::now();
    runtime.block_on(stream::iter(0..arguments.sessions).for_each_concurrent(
        128,
        |n| async move {
            line.ask(&scene.open(n, boot)).await;
        },
    ));
    let each = |bytes: u64| bytes.saturating_sub(empty) as f64 / arguments.sessions as f64;
    let opened = daemon.memory("VmRSS:");
    report("opened", opened, arguments.sessions, each(opened));
    println!("opened {:.0} sessions/s", arguments.sessions as f64 / began.elapsed().as_secs_f64());

    let mut talks: Vec<Talk> = (0..arguments.sessions).map(Talk::new).collect();
    for call in 1..=arguments.calls {
        runtime.block_on(stream::iter(&mut talks).for_each_concurrent(128, |talk| async move {
            let http = forms::to_decision(&scene.call(talk)).unwrap();
            let answer = line.send(Prepared::of(http)).await;
            assert!(answer.status.is_success(), "{:?}", answer.body);
        }));
        let bytes = daemon.memory("VmRSS:");
        report(&format!("{call} calls"), bytes, arguments.sessions, each(bytes));
    }
    println!("highest: {:.0} MiB", daemon.memory("VmHWM:") as f64 / MIB);
}

fn report(what: &str, bytes: u64, sessions: u64, each: f64) {
    println!(
        "{what:<10} {:>8.1} MiB, {sessions} sessions, {each:.0} bytes each",
        bytes as f64 / MIB
    );
}

const MIB: f64 = 1_048_576.0;
