//! Recovery: a journal that the real pipeline wrote, a process that was killed, and the time from
//! the next start to the audit line that says that the state is back.

use std::path::Path;
use std::time::Instant;

use channel::forms;
use futures_util::stream::{self, StreamExt};
use tokio::runtime::Runtime;

use crate::daemon::Daemon;
use crate::line::{Line, Prepared};
use crate::scene::{Scene, Talk, session};

/// How much.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Events on record.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Sessions that they are of.
    #[arg(long, default_value_t = 1000)]
    sessions: u64,
}

pub(crate) fn run(runtime: &Runtime, folder: &Path, arguments: &Arguments) {
    let scene = &Scene::new();
    let daemon = Daemon::start(folder);
    let endpoint = daemon.endpoint();
    let line = &runtime.block_on(Line::connect(&endpoint, daemon.policy()));
    runtime.block_on(line.ask(&scene.register()));
    let (boot, each) = (line.boot(), arguments.events / arguments.sessions);
    let began = Instant::now();
    runtime.block_on(stream::iter(0..arguments.sessions).for_each_concurrent(16, |n| async move {
        line.ask(&scene.open(n, boot)).await;
        let mut talk = Talk::new(n);
        let mut left = each;
        while left > 0 {
            let count = left.min(BATCH);
            let events: Vec<Vec<u8>> = (0..count).map(|_| scene.call(&mut talk)).collect();
            let http = forms::to_batch(&session(n), &events).unwrap();
            let answer = line.send(Prepared::of(http)).await;
            let verdicts = answer.body.split(|b| *b == b'\n').filter(|line| !line.is_empty());
            let taken =
                verdicts.filter(|line| line.windows(9).any(|w| w == b"\"receipt\"")).count();
            assert_eq!(u64::try_from(taken), Ok(count), "{:?}", answer.body);
            left -= count;
        }
    }));
    let (records, took) = (arguments.events + arguments.sessions, began.elapsed().as_secs_f64());
    println!("{records} records written in {took:.1} s, {:.0}/s", records as f64 / took);
    println!("journal: {:.1} MiB", daemon.journal_bytes() as f64 / 1_048_576.0);
    drop(daemon);

    let daemon = Daemon::start(folder);
    let (took, _) = daemon.wait("recovered");
    // The wall clock counts whatever else the machine does; the processor's does not.
    for (clock, took) in [("wall", took), ("processor", daemon.processor())] {
        let took = took.as_secs_f64();
        let million = took * 1e6 / records as f64;
        println!("recovered in {took:.2} s {clock} time: {million:.1} s a million records");
    }
    let (listening, _) = daemon.wait("listening");
    println!("listens after {:.2} s", listening.as_secs_f64());
    println!("resident: {:.0} MiB", daemon.memory("VmRSS:") as f64 / 1_048_576.0);
}

const BATCH: u64 = 200;
