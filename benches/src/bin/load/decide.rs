//! Inline decisions at a constant rate. The rate does not wait for answers (an open loop), and
//! a latency begins when its request was due, not when it was sent: a server that stalls is charged
//! for everybody who would have come meanwhile.

use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use attestations::{Log, Policy, SoftwarePolicy};
use channel::forms;
use futures_util::stream::{self, StreamExt};
use messages::ids::ConfigDigest;
use tokio::runtime::Runtime;

use crate::daemon::{Daemon, beside};
use crate::line::{Line, Prepared};
use crate::noop;
use crate::scene::{Scene, Talk, session};

/// How much.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Decisions a second.
    #[arg(long, default_value_t = 5000)]
    rate: u64,
    /// Seconds of one round.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Rounds of each server.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Open sessions; each is on one connection.
    #[arg(long, default_value_t = 5000)]
    sessions: u64,
}

pub(crate) fn run(runtime: &Runtime, folder: &Path, arguments: &Arguments) {
    let (scene, daemon) = (Scene::new(), Daemon::start(folder));
    let lines = runtime.block_on(connect(&daemon, arguments.connections));
    runtime.block_on(lines.first().unwrap().ask(&scene.register()));
    // A round has sessions of its own: a call that came too late leaves a hole in its chain, and
    // what follows is refused for that.
    let mut first = 0;
    let mut fresh = || {
        let numbers = first..first + arguments.sessions;
        first = numbers.end;
        runtime.block_on(open(&scene, &lines, numbers.clone()));
        prepare(&scene, numbers, arguments)
    };

    // What a record weighs, and warm-up.
    let weight = runtime.block_on(weigh(&scene, &daemon, &lines, u64::MAX));
    let warm = round(runtime, &lines, fresh(), arguments.rate);
    let noop = start_noop(folder, weight, &warm.answer);
    let noop_lines = runtime.block_on(connect(&noop, arguments.connections));
    drop(round(runtime, &noop_lines, fresh(), arguments.rate));
    println!(
        "{} decisions/s, {} s a round, {} connections, {} sessions; {weight} bytes a record, {} an answer",
        arguments.rate,
        arguments.seconds,
        arguments.connections,
        arguments.sessions,
        warm.answer.len(),
    );
    println!("{HEAD}");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..arguments.rounds {
        for (name, server, lines, all) in
            [("cloisterd", &daemon, &lines, &mut ours), ("noop", &noop, &noop_lines, &mut theirs)]
        {
            let prepared = fresh();
            let (used, began) = (server.processor(), Instant::now());
            let done = round(runtime, lines, prepared, arguments.rate);
            let cores = (server.processor() - used).as_secs_f64() / began.elapsed().as_secs_f64();
            report(&format!("{name} {number}"), &done, Some(cores));
            all.push(done);
        }
    }
    // One stall of the machine strikes one round: beside all answers together, the middle round.
    let [usual, noop_usual] = [&ours, &theirs].map(|rounds| middle(rounds));
    let (ours, theirs) = (together(ours), together(theirs));
    report("cloisterd", &ours, None);
    report("noop", &theirs, None);
    let ratio = |per_mille| {
        ours.percentile(per_mille).as_secs_f64() / theirs.percentile(per_mille).as_secs_f64()
    };
    println!("ratio: p50 {:.2}, p99 {:.2}, p999 {:.2}", ratio(500), ratio(990), ratio(999));
    let [us, them] = [usual, noop_usual].map(|span| span.as_secs_f64() * 1e3);
    println!("p99 of the middle round: {us:.2} and {them:.2} ms, ratio {:.2}", us / them);
}

async fn connect(daemon: &Daemon, connections: usize) -> Vec<Line> {
    let endpoint = daemon.endpoint();
    let mut lines = Vec::new();
    for _ in 0..connections {
        lines.push(Line::connect(&endpoint, daemon.policy()).await);
    }
    lines
}

async fn open(scene: &Scene, lines: &[Line], numbers: Range<u64>) {
    let line = lines.first().unwrap();
    stream::iter(numbers)
        .for_each_concurrent(128, |number| async move {
            line.ask(&scene.open(number, line.boot())).await;
        })
        .await;
}

/// Bytes of a call's record in the journal, sealed: those of a batch, whose groups are so large that
/// their headers do not count. The journal's own bytes a decision depend on the groups.
async fn weigh(scene: &Scene, daemon: &Daemon, lines: &[Line], number: u64) -> u64 {
    let line = lines.first().unwrap();
    line.ask(&scene.open(number, line.boot())).await;
    let mut talk = Talk::new(number);
    let mut grown = 0;
    for _ in 0..2 {
        let before = daemon.journal_bytes();
        let events: Vec<Vec<u8>> = (0..BATCH).map(|_| scene.call(&mut talk)).collect();
        let batch = forms::to_batch(&session(number), &events).unwrap();
        assert!(line.send(Prepared::of(batch)).await.status.is_success());
        grown = daemon.journal_bytes() - before;
    }
    grown / BATCH
}

/// The calls of one round, signed, one session after the other.
fn prepare(scene: &Scene, numbers: Range<u64>, arguments: &Arguments) -> Vec<(usize, Prepared)> {
    let mut talks: Vec<Talk> = numbers.map(Talk::new).collect();
    let calls = usize::try_from(arguments.rate * arguments.seconds).unwrap();
    let (mut prepared, sessions) = (Vec::with_capacity(calls), talks.len());
    for call in 0..calls {
        let at = call % sessions;
        let event = scene.call(talks.get_mut(at).unwrap());
        let http = forms::to_decision(&event).unwrap();
        prepared.push((at % arguments.connections, Prepared::of(http)));
    }
    prepared
}

/// What came of a round.
struct Round {
    /// Sorted.
    latencies: Vec<Duration>,
    /// Answers other than "allow": refused, or past the pact's deadline.
    others: usize,
    /// One answer.
    answer: Vec<u8>,
}

impl Round {
    fn percentile(&self, per_mille: usize) -> Duration {
        let at = (self.latencies.len() * per_mille / 1000).min(self.latencies.len() - 1);
        *self.latencies.get(at).unwrap()
    }
}

/// The p99 of the round in the middle.
fn middle(rounds: &[Round]) -> Duration {
    let mut each: Vec<Duration> = rounds.iter().map(|round| round.percentile(990)).collect();
    each.sort_unstable();
    *each.get(each.len() / 2).unwrap()
}

fn together(rounds: Vec<Round>) -> Round {
    let mut all = Round { latencies: Vec::new(), others: 0, answer: Vec::new() };
    for round in rounds {
        all.latencies.extend(round.latencies);
        all.others += round.others;
    }
    all.latencies.sort_unstable();
    all
}

/// Sends each request when it is due, whatever became of those before.
fn round(runtime: &Runtime, lines: &[Line], prepared: Vec<(usize, Prepared)>, rate: u64) -> Round {
    let total = prepared.len();
    let latencies = Arc::new(Mutex::new(Vec::with_capacity(total)));
    let (others, sample) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
    let apart = Duration::from_secs(1) / u32::try_from(rate).unwrap();
    let mut due = Instant::now() + Duration::from_millis(50);
    for (line, request) in prepared {
        due += apart;
        if let Some(early) = due.checked_duration_since(Instant::now()) {
            std::thread::sleep(early);
        }
        let line = lines.get(line).unwrap().clone();
        let (latencies, others) = (Arc::clone(&latencies), Arc::clone(&others));
        let sample = Arc::clone(&sample);
        runtime.spawn(async move {
            let answer = line.send(request).await;
            let took = due.elapsed();
            if !allows(&answer.body) {
                others.fetch_add(1, Ordering::Relaxed);
            }
            sample.lock().unwrap().get_or_insert_with(|| answer.body.to_vec());
            latencies.lock().unwrap().push(took);
        });
    }
    let end = Instant::now() + Duration::from_secs(30);
    while latencies.lock().unwrap().len() < total {
        if Instant::now() > end {
            panic!("{} of {total} answers are missing", total - latencies.lock().unwrap().len());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut latencies = std::mem::take(&mut *latencies.lock().unwrap());
    latencies.sort_unstable();
    let answer = sample.lock().unwrap().take().unwrap();
    Round { latencies, others: others.load(Ordering::Relaxed), answer }
}

fn allows(answer: &[u8]) -> bool {
    answer.windows(ALLOW.len()).any(|window| window == ALLOW)
}

fn start_noop(folder: &Path, weight: u64, answer: &[u8]) -> Daemon {
    let (state, file) = (folder.join("noop"), folder.join("answer"));
    std::fs::write(&file, answer).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    // A frame adds its length and its tag.
    let record = (weight - FRAME).to_string();
    let mut command = Command::new(beside("load"));
    command.arg("noop").arg("--state").arg(&state).arg("--answer").arg(file);
    command.arg("--record").arg(record).arg("--now").arg(now.to_string());
    let software = Some(SoftwarePolicy { measurements: vec![noop::MEASUREMENT.into()] });
    let configs = vec![ConfigDigest([0; 32])];
    Daemon::spawn(
        command,
        state,
        Policy { origin: noop::ORIGIN.into(), configs, log: Log::Any, hardware: None, software },
    )
}

fn report(name: &str, round: &Round, cores: Option<f64>) {
    let [p50, p99, p999] = [500, 990, 999].map(|p| round.percentile(p).as_secs_f64() * 1e3);
    let max = round.latencies.last().unwrap().as_secs_f64() * 1e3;
    let cores = cores.map_or_else(String::new, |cores| format!("{cores:.2}"));
    let others = round.others;
    println!("{name:<12} {p50:>8.2} {p99:>8.2} {p999:>8.2} {max:>8.2} {others:>7} {cores:>6}");
}

const HEAD: &str = "server         p50 ms   p99 ms  p999 ms   max ms  others  cores";
const ALLOW: &[u8] = b"\"ticket\":{";
const FRAME: u64 = 20;
const BATCH: u64 = 1000;
