//! How far released numbers are from the truth, and what a release costs, beside what is possible
//! and what others reach: `accuracy/peers.py` writes a document of theirs, which `ACCURACY_PEERS`
//! names. The same unit (one session), the same ε and, where noise is Gaussian, δ = 10⁻⁷.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench measures and prints"
)]

use std::f64::consts::PI;
use std::hint::black_box;
use std::time::Instant;

use messages::did::Did;
use messages::ids::Root;
use messages::time::{Bracket, ClockKind, UnixMillis};
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::{make_gaussian, make_laplace};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use release::{Asked, Bounds, Contribution, Dataset, OutcomeCell, Percent, Statistic};
use serde_json::Value;

const BOUNDS: Bounds = Bounds { sessions: 1, cells: 4, horizon: 365, unit: None };
const AT: Bracket =
    Bracket { earliest: UnixMillis(0), latest: UnixMillis(0), clock: ClockKind::Generated };
const DELTA_BILLIONTHS: u32 = 100;

fn data() -> Dataset {
    let tools = (0..63).map(|n| format!("tool{n}")).collect();
    Dataset::new(Root([1; 32]), u64::MAX, BOUNDS, tools)
}

fn asked(statistic: Statistic, epsilon: f64) -> Asked {
    let loss = ((epsilon * 1e6).round() as u32, DELTA_BILLIONTHS);
    Asked::of(statistic, loss, u64::MAX, (BOUNDS, false)).unwrap()
}

/// The values of so many days without a session, and microseconds a day: what is told is the noise.
fn released(asked: &Asked, days: u64) -> (Vec<Vec<i64>>, f64) {
    let mut data = data();
    let begun = Instant::now();
    let told = (0..days).map(|day| {
        let reservation = data.reserve(data.due(day, std::slice::from_ref(asked))).unwrap();
        let drawn = data.draw(reservation, AT).unwrap();
        data.record(&drawn).unwrap();
        drawn.answers()[0].values.clone()
    });
    let told = told.collect();
    (told, begun.elapsed().as_secs_f64() * 1e6 / days as f64)
}

fn rmse(errors: impl Iterator<Item = f64>) -> f64 {
    let errors: Vec<f64> = errors.map(|error| error * error).collect();
    (errors.iter().sum::<f64>() / errors.len() as f64).sqrt()
}

/// The best of the peers in a row, by `of`.
fn peer(peers: &Value, row: (&str, u64, f64), of: &str) -> Option<(f64, String)> {
    let rows = peers["rows"].as_array()?;
    let found = rows.iter().filter(|r| {
        (r["workload"].as_str(), r["n"].as_u64(), r["epsilon"].as_f64())
            == (Some(row.0), Some(row.1), Some(row.2))
    });
    let best = found.filter_map(|r| Some((r[of].as_f64()?, r["peer"].as_str()?.to_owned())));
    best.min_by(|(a, _), (b, _)| a.total_cmp(b))
}

fn line(
    row: (&str, u64, f64),
    of: &str,
    ours: f64,
    (bound, micros): (Option<f64>, f64),
    peers: &Value,
) {
    let (name, n, epsilon) = row;
    let bound = bound.map_or_else(|| "| | |".into(), |b| format!("| {b:.4} | {:.2} |", ours / b));
    let peer = peer(peers, row, of).map_or_else(
        || " | |".into(),
        |(best, who)| format!(" {best:.4} ({who}) | {:.2} |", ours / best),
    );
    println!("| {name} {of} | {n} | {epsilon} | {ours:.4} {bound}{peer} {micros:.0} |");
}

fn main() {
    let file = std::env::var("ACCURACY_PEERS").ok().and_then(|path| std::fs::read(path).ok());
    let peers = file.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null);
    println!("| what | sessions | ε | ours | bound | ratio | best peer | ratio | µs a release |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for epsilon in [0.1, 0.5, 1.0] {
        let laplace = |delta: f64| {
            let q = (-epsilon / delta).exp();
            (2.0 * q).sqrt() / (1.0 - q)
        };
        for n in [1_000, 10_000, 100_000] {
            let (told, micros) = released(&asked(Statistic::SessionsCount, epsilon), 40_000);
            let error = rmse(told.iter().map(|values| values[0] as f64));
            line(("count", n, epsilon), "rmse", error, (Some(laplace(1.0)), micros), &peers);
            let (told, micros) = released(&asked(Statistic::Tools, epsilon), 4_000);
            let error = rmse(told.iter().flatten().map(|value| *value as f64));
            line(("histogram", n, epsilon), "rmse", error, (Some(laplace(4.0)), micros), &peers);
            let (told, micros) = released(&asked(Statistic::SessionsOutcome, epsilon), 20_000);
            let good = (n as f64 * 0.974).round();
            let error = rmse(told.iter().map(|values| {
                let (s, f) = (good + values[0] as f64, n as f64 - good + values[1] as f64);
                100.0 * (s / (s + f) - good / n as f64)
            }));
            line(("rate", n, epsilon), "rmse", error, (None, micros), &peers);
            let sum = Statistic::Sum { counter: "spent".into(), clamp: 50 };
            let (told, micros) = released(&asked(sum, epsilon), 40_000);
            let error = rmse(told.iter().map(|values| values[0] as f64));
            line(("sum", n, epsilon), "rmse", error, (Some(laplace(50.0)), micros), &peers);
        }
        let total = asked(Statistic::SessionsTotal, epsilon);
        let mut errors = Vec::new();
        let mut micros = 0.0;
        for _ in 0..60 {
            let (told, each) = released(&total, 365);
            errors.extend(told.into_iter().map(|values| values[0] as f64));
            micros = each;
        }
        // The nuclear norm of the matrix of prefix sums: no factorisation does better.
        let bound: f64 = (1..=365).map(|j| 0.5 / ((2 * j - 1) as f64 * PI / 1462.0).sin()).sum();
        let bound = bound / 365.0 / (2.0 * total.nano_rho as f64 * 1e-9).sqrt();
        let row = ("total of 365 days", 0, epsilon);
        line(row, "rmse", rmse(errors.into_iter()), (Some(bound), micros), &Value::Null);
    }
    quantiles();
    board();
}

/// Edges that are seven: how often the best one is told, of latencies that are spread like a bell on
/// a logarithmic scale about 200 ms.
fn quantiles() {
    for (n, percent, name) in [1_000_u32, 10_000].into_iter().flat_map(|n| {
        [(n, Percent::P50, "p50"), (n, Percent::P95, "p95"), (n, Percent::P99, "p99")]
    }) {
        let share = [0.083, 0.161, 0.256, 0.320, 0.126, 0.043, 0.010, 0.001];
        let mut sealed = data();
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let mut owner = 0;
        for (bucket, share) in share.iter().enumerate() {
            for _ in 0..(f64::from(n) * share).round() as u32 {
                let mut latencies = vec![0; 8];
                latencies[bucket] = 1;
                let session = Contribution::new(OutcomeCell::Clean, []).with_latencies(latencies);
                let did = Did::parse(&format!("did:web:o{owner}.example")).unwrap();
                sealed.add(&did, 0, session, &mut rng);
                owner += 1;
            }
        }
        let bytes = minicbor::to_vec(&sealed).unwrap();
        let asked = asked(Statistic::LatencyQuantile(percent), 1.0 / 3.0);
        let mut told = std::collections::BTreeMap::new();
        for _ in 0..400 {
            let mut data: Dataset = minicbor::decode(&bytes).unwrap();
            let reservation = data.reserve(data.due(0, std::slice::from_ref(&asked))).unwrap();
            let edge = data.draw(reservation, AT).unwrap().answers()[0].values[0];
            *told.entry(edge).or_insert(0) += 1;
        }
        println!("quantile {name} of {n} sessions, ε = 1/3, 400 releases: {told:?}");
    }
}

/// A whole board, five series of 1, 1, 4, 64 and 1 cells, beside the same draws alone.
fn board() {
    let asked = [
        Statistic::SessionsCount,
        Statistic::ViolationsCount,
        Statistic::SessionsOutcome,
        Statistic::Tools,
        Statistic::SessionsTotal,
    ]
    .map(|statistic| Asked::from((statistic, 6_000_000)));
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let mut data = data();
        for day in 0..50 {
            let begun = Instant::now();
            let reservation = data.reserve(data.due(day, &asked)).unwrap();
            let drawn = data.draw(reservation, AT).unwrap();
            data.record(&drawn).unwrap();
            ours.push(begun.elapsed());
            let begun = Instant::now();
            for cells in [1, 1] {
                let metric = L1Distance::<i64>::default();
                let domain = VectorDomain::new(AtomDomain::<i64>::default());
                let laplace = make_laplace::<_, _, MaxDivergence>(domain, metric, 9.125, None);
                black_box(laplace.unwrap().invoke(&vec![0; cells]).unwrap());
            }
            for (cells, scale) in [(4, 9.125), (64, 18.25), (1, 12_000_000.0)] {
                let metric = L2Distance::<f64>::default();
                let domain = VectorDomain::new(AtomDomain::<i64>::default());
                let gaussian =
                    make_gaussian::<_, _, ZeroConcentratedDivergence>(domain, metric, scale, None);
                black_box(gaussian.unwrap().invoke(&vec![0; cells]).unwrap());
            }
            bare.push(begun.elapsed());
        }
    }
    let [ours, bare] = [ours, bare].map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6
    });
    println!(
        "board of 5 series, 71 cells: {ours:.0} µs a day, bare draws {bare:.0} µs, ratio {:.2}",
        ours / bare
    );
}
