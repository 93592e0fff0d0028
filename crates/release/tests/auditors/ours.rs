//! The mechanisms as they are released.

use cloister_release::{Bounds, Contribution, Dataset, OutcomeCell, Statistic};
use messages::did::Did;
use messages::ids::Root;
use messages::time::{Bracket, ClockKind, UnixMillis};
use messages::toeplitz;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use super::Subject;
use super::audit::Loss;

pub(crate) const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4, horizon: HORIZON, unit: None };
/// Days of a running total.
pub(crate) const HORIZON: u32 = 8;
/// High enough that a fault shows in a few thousand days.
pub(crate) const ZCDP: Loss = Loss::Zcdp(2.0);
/// The same price of pure differential privacy: ρ = ε²/2.
pub(crate) const PURE: Loss = Loss::Pure(2.0);
pub(crate) const NANO_RHO: u64 = 2_000_000_000;
/// What the owner has: more sessions than count, in as many tools as count.
pub(crate) const SESSIONS: usize = 10;
pub(crate) const TOOLS: usize = 4;

pub(crate) fn subjects() -> Vec<Subject> {
    let daily = [
        ("sessions.count", PURE, Statistic::SessionsCount, vec![1.0]),
        ("violations.count", PURE, Statistic::ViolationsCount, vec![1.0]),
        ("a sum", PURE, Statistic::Sum { counter: SPENT.into(), clamp: CLAMP }, vec![1.0]),
        ("latency_ms", ZCDP, Statistic::Latency, vec![0.0, 1.0]),
        ("sessions.outcome", ZCDP, Statistic::SessionsOutcome, vec![0.0, 1.0, 0.0, 0.0]),
        ("tools", ZCDP, Statistic::Tools, per_tool(1)),
    ];
    let daily = daily.map(|(name, loss, statistic, direction)| Subject {
        name,
        loss,
        direction,
        run: Box::new(move |present, days| daily_answers(&statistic, present, days, NANO_RHO)),
    });
    let total = Subject {
        name: "sessions.total",
        loss: ZCDP,
        direction: matched(),
        run: Box::new(|present, rounds| totals(present, rounds, NANO_RHO)),
    };
    daily.into_iter().chain([total]).collect()
}

/// Answers of independent days at this price.
pub(crate) fn daily_answers(
    statistic: &Statistic,
    present: bool,
    days: usize,
    nano_rho: u64,
) -> Vec<Vec<i64>> {
    let mut data = data();
    (0..u64::try_from(days).unwrap())
        .map(|day| {
            fill(&mut data, day, present);
            answer(&mut data, day, &[(statistic.clone(), nano_rho)]).concat()
        })
        .collect()
}

/// Running totals, each of which the owner is in on the first day.
pub(crate) fn totals(present: bool, rounds: usize, nano_rho: u64) -> Vec<Vec<i64>> {
    let round = |_| {
        let mut data = data();
        fill(&mut data, 0, present);
        let days = 0..u64::from(HORIZON);
        days.flat_map(|day| {
            answer(&mut data, day, &[(Statistic::SessionsTotal, nano_rho)]).concat()
        })
        .collect()
    };
    (0..rounds).map(round).collect()
}

/// The weights under which totals tell most of their first day: the totals are A·C̃⁻¹(C̃x + z), so
/// C̃A⁻¹ makes of them C̃x plus independent noise, along whose first column the owner moves.
pub(crate) fn matched() -> Vec<f64> {
    let column = toeplitz::coefficients(HORIZON);
    let column: Vec<f64> = column.iter().map(|c| *c as f64 / f64::from(1 << 20)).collect();
    let days = column.len();
    // cᵀ·C̃, then ·A⁻¹: differences of neighbouring days.
    let spread: Vec<f64> = (0..days)
        .map(|day| (day..days).map(|later| column[later] * column[later - day]).sum())
        .collect();
    (0..days).map(|day| spread[day] - spread.get(day + 1).unwrap_or(&0.0)).collect()
}

/// The cells of the owner's tools, so many times over; not that of other ones.
pub(crate) fn per_tool(times: usize) -> Vec<f64> {
    [vec![1.0; TOOLS], vec![0.0]].concat().repeat(times)
}

pub(crate) fn tools() -> Vec<String> {
    (0..TOOLS).map(|n| format!("tool-{n}")).collect()
}

pub(crate) fn data() -> Dataset {
    Dataset::new(Root([1; 32]), u64::MAX, BOUNDS, tools())
}

/// The owner, and another one who is there anyway.
pub(crate) fn fill(data: &mut Dataset, day: u64, present: bool) {
    let mut rng = ChaCha20Rng::seed_from_u64(day);
    let [owner, other] =
        ["owner", "other"].map(|name| Did::parse(&format!("did:web:{name}.example")).unwrap());
    for _ in 0..3 {
        data.add(&other, day, Contribution::new(OutcomeCell::Clean, []), &mut rng);
    }
    for _ in 0..if present { SESSIONS } else { 0 } {
        let session = Contribution::new(OutcomeCell::Denied, tools())
            .with_sums([(SPENT.to_owned(), 40 * CLAMP)])
            .with_latencies(vec![0, 3]);
        data.add(&owner, day, session, &mut rng);
    }
}

/// What is released of a day, by statistic.
pub(crate) fn answer(data: &mut Dataset, day: u64, asked: &[(Statistic, u64)]) -> Vec<Vec<i64>> {
    let reservation = data.reserve(data.due(day, asked)).unwrap();
    let drawn = data.draw(reservation, AT).unwrap();
    data.record(&drawn).unwrap();
    drawn.answers().iter().map(|body| body.values.clone()).collect()
}

/// A counter that is summed, and the most that a session counts for in it.
const SPENT: &str = "sum:pay.amount";
const CLAMP: u64 = 500;

const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Generated };
