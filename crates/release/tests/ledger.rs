//! Claims about the budget, and an audit of whole releases from neighbouring data.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::BTreeMap;

use cloister_release::{
    Bounds, Contribution, Contributions, DrawError, Ledger, Outcome, OutcomeCell, Refusal,
    Reservation, query,
};
use messages::did::Did;
use messages::ids::Root;
use messages::leaf::{AggregateBody, Mechanism, Query};
use messages::time::{Bracket, ClockKind, UnixMillis};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4 };
const CAP: u64 = 20_000_000;
const PRICE: u64 = 6_000_000;
const NAMES: [&str; 4] = ["sessions.count", "sessions.outcome", "tools", "violations.count"];
const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Generated };

fn tools() -> Vec<String> {
    vec!["read".into(), "write".into()]
}

fn ask(name: &str, day: u64, nano_rho: u64) -> Query {
    query(name, (Root([1; 32]), day), &tools(), nano_rho).unwrap()
}

fn nothing() -> Contributions {
    Contributions::new(BOUNDS, tools())
}

fn pay(ledger: &mut Ledger, query: Query) -> Reservation {
    match ledger.reserve(query).unwrap() {
        Outcome::Reserved(reservation) => reservation,
        Outcome::Cached(body) => panic!("cached under {}", body.sequence),
    }
}

fn answer(ledger: &mut Ledger, query: Query) -> AggregateBody {
    pay(ledger, query).draw(ledger, &nothing(), AT).unwrap()
}

#[test]
fn the_debit_is_final_before_the_draw() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let reservation = pay(&mut ledger, ask("sessions.count", 3, PRICE));
    assert_eq!(ledger.spent_on(3), PRICE);
    let body = reservation.body();
    assert_eq!((body.sequence, body.day), (0, 3));
    assert_eq!(body.query, ask("sessions.count", 3, PRICE).id());
    let amounts = (body.debit_nano_rho, body.spent_nano_rho, body.cap_nano_rho);
    assert_eq!(amounts, (PRICE, PRICE, CAP));
}

#[test]
fn a_second_request_gets_the_same_answer_for_nothing() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let first = answer(&mut ledger, ask("tools", 3, PRICE));
    for _ in 0..20 {
        match ledger.reserve(ask("tools", 3, PRICE)).unwrap() {
            Outcome::Cached(again) => assert_eq!(again, first),
            Outcome::Reserved(_) => panic!("drawn twice"),
        }
    }
    assert_eq!(ledger.spent_on(3), PRICE);
    assert_eq!(ledger.next_sequence(), 2);
}

#[test]
fn a_dropped_reservation_is_spent_and_never_redrawn() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    drop(pay(&mut ledger, ask("tools", 3, PRICE)));
    assert_eq!(ledger.reserve(ask("tools", 3, PRICE)).unwrap_err(), Refusal::Lost);
    assert_eq!(ledger.dry_run(&ask("tools", 3, PRICE)), Err(Refusal::Lost));
    assert_eq!(ledger.spent_on(3), PRICE);
}

#[test]
fn a_failed_draw_is_spent_and_never_redrawn() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let others = [
        Contributions::new(Bounds { sessions: 9, cells: 4 }, tools()),
        Contributions::new(BOUNDS, vec!["read".into()]),
    ];
    for (other, day) in others.iter().zip(0..) {
        let reservation = pay(&mut ledger, ask("tools", day, PRICE));
        assert_eq!(reservation.draw(&mut ledger, other, AT), Err(DrawError::OtherData));
        assert_eq!(ledger.reserve(ask("tools", day, PRICE)).unwrap_err(), Refusal::Lost);
        assert_eq!(ledger.spent_on(day), PRICE);
    }
}

#[test]
fn a_reservation_draws_from_its_own_ledger_only() {
    let (mut one, mut two) = (Ledger::new(CAP, BOUNDS), Ledger::new(CAP, BOUNDS));
    let reservation = pay(&mut one, ask("tools", 3, PRICE));
    assert_eq!(reservation.draw(&mut two, &nothing(), AT), Err(DrawError::OtherLedger));
    let reservation = pay(&mut one, ask("tools", 4, PRICE));
    let _first = answer(&mut two, ask("tools", 4, PRICE));
    assert_eq!(reservation.draw(&mut two, &nothing(), AT), Err(DrawError::OtherLedger));
}

#[test]
fn an_exhausted_day_says_what_would_still_fit_and_spends_nothing() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    for name in NAMES.iter().take(3) {
        let _answer = answer(&mut ledger, ask(name, 3, PRICE));
    }
    let left_nano_rho = CAP - 3 * PRICE;
    let refusal = Refusal::BudgetExhausted { left_nano_rho };
    for _ in 0..3 {
        assert_eq!(ledger.reserve(ask("violations.count", 3, PRICE)).unwrap_err(), refusal);
    }
    assert_eq!((refusal.code(), ledger.spent_on(3)), ("budget-exhausted", 3 * PRICE));
    assert_eq!(ledger.next_sequence(), 6);
    let _fits = answer(&mut ledger, ask("violations.count", 3, left_nano_rho));
    assert_eq!(ledger.spent_on(3), CAP);
    let _another_day = answer(&mut ledger, ask("violations.count", 4, PRICE));
}

#[test]
fn a_dry_run_spends_nothing_and_foretells_the_noise() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let quote = ledger.dry_run(&ask("tools", 3, PRICE)).unwrap();
    assert_eq!((quote.debit_nano_rho, quote.left_nano_rho), (PRICE, CAP - PRICE));
    assert_eq!((ledger.spent_on(3), ledger.next_sequence()), (0, 0));
    let body = answer(&mut ledger, ask("tools", 3, PRICE));
    assert_eq!(body.noise, quote.noise);
    let quote = ledger.dry_run(&ask("tools", 3, PRICE)).unwrap();
    assert_eq!((quote.debit_nano_rho, quote.left_nano_rho), (0, CAP - PRICE));
}

#[test]
fn refuses_what_no_mechanism_can_answer() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let unknown = Query { statistic: "sessions".into(), ..ask("tools", 3, PRICE) };
    assert_eq!(ledger.reserve(unknown).unwrap_err(), Refusal::UnknownStatistic);
    let other = Query { mechanism: Mechanism::DiscreteLaplace, ..ask("tools", 3, PRICE) };
    assert_eq!(ledger.reserve(other).unwrap_err(), Refusal::Mechanism);
    let free = Query { nano_rho: 0, ..ask("tools", 3, PRICE) };
    assert_eq!(ledger.reserve(free).unwrap_err(), Refusal::Price);
    let root = Root([1; 32]);
    assert_eq!(query("nothing", (root, 3), &tools(), PRICE), Err(Refusal::UnknownStatistic));
    assert_eq!(query("tools", (root, 3), &tools(), 0), Err(Refusal::Price));
    let crowd: Vec<String> = (0..4000).map(|n| format!("interaction-{n}")).collect();
    assert_eq!(query("tools", (root, 3), &crowd, PRICE), Err(Refusal::TooManyCells));
    for (sessions, cells) in [(0, 1), (1, 0), (1025, 1), (1, 65)] {
        let mut unbounded = Ledger::new(CAP, Bounds { sessions, cells });
        assert_eq!(unbounded.reserve(ask("tools", 3, PRICE)).unwrap_err(), Refusal::Bounds);
    }
    assert_eq!((ledger.spent_on(3), ledger.next_sequence()), (0, 0));
}

#[test]
fn an_aggregate_says_how_it_was_made() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let body = answer(&mut ledger, ask("tools", 3, PRICE));
    assert_eq!((body.reserved, body.sequence, body.at), (0, 1, AT));
    assert_eq!(body.query.cells, ["read", "write", "other"]);
    assert_eq!(body.noise.sensitivity, 8 * 8 * 4);
    assert_eq!((body.noise.session_bound, body.noise.cell_bound), (8, 4));
    assert_eq!(body.noise.scale_milli, 146_125);
}

#[test]
fn cells_of_a_day_without_sessions_get_noise_too() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let mut zeros = 0;
    for day in 0..200 {
        let body = answer(&mut ledger, ask("sessions.outcome", day, PRICE));
        zeros += body.values.iter().filter(|value| **value == 0).count();
    }
    // 800 draws at σ = 73: a zero with probability 0.0055, so about 4.
    assert!(zeros < 25, "{zeros}");
}

/// The share of days whose noisy count is at least the session bound, when one owner has
/// `sessions` sessions a day and every count is paid with `nano_rho`.
fn reaching(sessions: u32, nano_rho: u64) -> f64 {
    let (mut ledger, mut rng) = (Ledger::new(u64::MAX, BOUNDS), ChaCha20Rng::from_seed([1; 32]));
    let owner = Did::parse("did:web:owner.example").unwrap();
    let mut seen = Contributions::new(BOUNDS, tools());
    for day in 0..RUNS {
        for _ in 0..sessions {
            seen.add(&owner, day, Contribution::new(OutcomeCell::Clean, tools()), &mut rng);
        }
    }
    let reached = (0..RUNS).filter(|day| {
        let body = match ledger.reserve(ask("sessions.count", *day, nano_rho)).unwrap() {
            Outcome::Reserved(reservation) => reservation.draw(&mut ledger, &seen, AT),
            Outcome::Cached(_) => panic!("every day is new"),
        };
        body.unwrap().values.iter().all(|value| *value >= 8)
    });
    reached.count() as f64 / RUNS as f64
}

const RUNS: u64 = 4000;
/// ρ = ε²/2 at ε = 1.
const EPSILON_ONE: u64 = 500_000_000;

#[test]
fn neighbouring_days_are_as_hard_to_tell_apart_as_the_price_says() {
    // The owner has 50 sessions, of which 8 count; no event may be e^ε = e times as likely.
    let (with, without) = (reaching(50, EPSILON_ONE), reaching(0, EPSILON_ONE));
    // Exactly 0.53 against 0.21: near the bound. Six standard deviations are 0.05 and 0.04.
    let ratio = with / without;
    assert!(ratio > 2.0 && ratio < 3.4, "{with} {without}");
}

#[test]
fn the_same_audit_flags_a_release_with_half_of_that_noise() {
    let (with, without) = (reaching(50, 4 * EPSILON_ONE), reaching(0, 4 * EPSILON_ONE));
    assert!(with / without > 3.4, "{with} {without}");
}

proptest! {
    #[test]
    fn debits_stay_under_the_cap_and_no_query_has_two_answers(
        steps in prop::collection::vec((0..4_usize, 0..3_u64, 1..5_u64, any::<bool>()), 1..60),
        cap in 0..20_u64,
    ) {
        let mut ledger = Ledger::new(cap * 1_000_000, BOUNDS);
        let mut spent: BTreeMap<u64, u64> = BTreeMap::new();
        let mut answers = BTreeMap::new();
        let mut sequences = Vec::new();
        for (name, day, price, dropped) in steps {
            let query = ask(NAMES.get(name).unwrap(), day, price * 1_000_000);
            let (id, before) = (query.id(), ledger.spent_on(day));
            match ledger.reserve(query) {
                Ok(Outcome::Cached(body)) => {
                    prop_assert_eq!(answers.get(&id), Some(&Some(body)));
                    prop_assert_eq!(ledger.spent_on(day), before);
                }
                Ok(Outcome::Reserved(reservation)) => {
                    prop_assert!(!answers.contains_key(&id));
                    *spent.entry(day).or_default() += price * 1_000_000;
                    sequences.push(reservation.body().sequence);
                    let drawn = (!dropped)
                        .then(|| reservation.draw(&mut ledger, &nothing(), AT).unwrap());
                    sequences.extend(drawn.iter().map(|body| body.sequence));
                    answers.insert(id, drawn);
                }
                Err(Refusal::Lost) => prop_assert_eq!(answers.get(&id), Some(&None)),
                Err(Refusal::BudgetExhausted { left_nano_rho }) => {
                    prop_assert!(price * 1_000_000 > left_nano_rho);
                    prop_assert_eq!(left_nano_rho, cap * 1_000_000 - before);
                    prop_assert_eq!(ledger.spent_on(day), before);
                }
                Err(refusal) => prop_assert!(false, "{refusal}"),
            }
            prop_assert_eq!(ledger.spent_on(day), spent.get(&day).copied().unwrap_or(0));
            prop_assert!(ledger.spent_on(day) <= cap * 1_000_000);
        }
        let contiguous: Vec<u64> = (0..sequences.len() as u64).collect();
        prop_assert_eq!(sequences, contiguous);
    }
}
