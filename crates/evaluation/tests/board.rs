//! Private counts of recorded sessions: over repeated draws the stated intervals hold the true
//! values as often as they say.
#![expect(
    clippy::print_stderr,
    clippy::disallowed_macros,
    clippy::cast_precision_loss,
    reason = "says why nothing was tested, and counts"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use messages::did::Did;
use messages::event::Body;
use messages::ids::Root;
use messages::leaf::{AggregateBody, Mechanism};
use messages::time::{Bracket, ClockKind, UnixMillis};
use pact::{Approval, Compiled, Decision, Pact, SessionState, StandingState, check, compile};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use release::{Bounds, Contribution, Dataset, OutcomeCell, Statistic};
use traces::Session;

const DAY: u64 = 20_000;
const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Generated };
const DRAWS: usize = 1_000;

/// How a session ends under the pact, and what it used.
fn judged(pact: &Compiled, session: &Session) -> (OutcomeCell, BTreeSet<String>) {
    let (now, _) = pact.term();
    let (mut state, mut standing) = (SessionState::new([7; 16]), StandingState::default());
    let (mut worst, mut used) = (Decision::Allow, BTreeSet::new());
    for recorded in &session.events {
        let event = recorded.event();
        let judged = check(pact, &state, &standing, &event, Approval::Absent, now);
        state.observe(&judged.change);
        standing.apply(&judged.change);
        worst = worst.max(judged.verdict.decision);
        if let Body::Call { name, .. } = &event.body
            && judged.verdict.decision <= Decision::Alert
        {
            used.insert(name.clone());
        }
    }
    let outcome = match worst {
        Decision::Terminate => OutcomeCell::Terminated,
        Decision::Deny => OutcomeCell::Denied,
        Decision::Allow | Decision::Alert => OutcomeCell::Clean,
        _ => OutcomeCell::Escalated,
    };
    (outcome, used)
}

#[test]
fn intervals_hold_the_true_values_of_recorded_sessions_as_often_as_they_say() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let pact = std::fs::read(format!("{shared}/design/pact/example-banking.pact.json"));
    let file = format!("{shared}/traces/sessions/banking.agentdojo-groundtruth.ndjson.gz");
    let (Ok(pact), Ok(sessions)) = (pact, traces::read(Path::new(&file))) else {
        eprintln!("skipped: the example pacts and recorded sessions (../shared) are absent");
        return;
    };
    let pact = compile(&Pact::parse(&pact).unwrap()).unwrap();
    let tools: Vec<String> = pact.calls().map(str::to_owned).collect();
    let most = u32::try_from(tools.len()).unwrap();
    let bounds = Bounds { sessions: 2, cells: most.min(64), horizon: 30, unit: None };
    let mut data = Dataset::new(Root([1; 32]), u64::MAX, bounds, tools.clone());
    let mut truth: BTreeMap<&str, i64> = BTreeMap::new();
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    // Two sessions of each principal, so that nothing is left out.
    for (n, session) in sessions.iter().enumerate() {
        let owner = Did::parse(&format!("did:web:principal-{}.example", n / 2)).unwrap();
        let (outcome, used) = judged(&pact, session);
        let mut counted = |cell: &'static str| *truth.entry(cell).or_default() += 1;
        counted("sessions");
        counted(outcome.name());
        if matches!(outcome, OutcomeCell::Denied | OutcomeCell::Terminated) {
            counted("violations");
        }
        for tool in &used {
            let name = tools.iter().find(|name| *name == tool).map_or("other", String::as_str);
            *truth.entry(name).or_default() += 1;
        }
        data.add(&owner, DAY, Contribution::new(outcome, used), &mut rng);
    }
    assert!(truth["sessions"] > 50 && truth.len() > 8, "{truth:?}");
    let asked = Statistic::FIXED.map(|statistic| (statistic, 50_000_000));
    let reservation = data.reserve(data.due(DAY, &asked));
    drop(reservation.unwrap());
    // What nobody has: the same sealed state, drawn from again and again.
    let sealed = minicbor::to_vec(&data).unwrap();
    let mut held: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for day in 0..DRAWS {
        let mut data: Dataset = minicbor::decode(&sealed).unwrap();
        let due = data.due(DAY, &asked.clone().map(|(s, price)| (s, price + 1 + day as u64)));
        let reservation = data.reserve(due).unwrap();
        let drawn = data.draw(reservation, AT).unwrap();
        // The recorded sessions have no latencies of their own, whose quantiles could be compared.
        let counts = |body: &&AggregateBody| body.noise.mechanism != Mechanism::Exponential;
        for body in drawn.answers().iter().filter(counts) {
            for (cell, value) in body.query.cells.iter().zip(&body.values) {
                let due = truth.get(cell.as_str()).copied().unwrap_or(0);
                let (inside, all) = held.entry(body.query.statistic.clone()).or_default();
                *inside += usize::from(value.abs_diff(due) <= body.noise.half_width_95);
                *all += 1;
            }
        }
    }
    assert_eq!(held.len(), 6);
    for (statistic, (inside, all)) in held {
        let share = inside as f64 / all as f64;
        // Seven deviations of a share of 95 % below, and what rounding up widens above.
        let slack = 7.0 * (0.05 * 0.95 / all as f64).sqrt();
        assert!(share > 0.95 - slack && share < 0.975 + slack, "{statistic}: {share}");
    }
}
