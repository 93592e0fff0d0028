//! Claims about the budget.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

use std::collections::{BTreeMap, BTreeSet};

use cloister_release::{Bounds, Dataset, DrawError, Drawn, Refusal, Reservation, Statistic};
use messages::ids::Root;
use messages::leaf::{AggregateBody, Days, Mechanism, Query, ReserveBody};
use messages::time::{Bracket, ClockKind, UnixMillis};
use proptest::prelude::*;
use static_assertions::assert_not_impl_any;

assert_not_impl_any!(Dataset: std::fmt::Debug, Clone);
assert_not_impl_any!(Drawn: std::fmt::Debug, Clone);

const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4, horizon: 30, unit: None };
const CAP: u64 = 20_000_000;
const PRICE: u64 = 6_000_000;
const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Generated };

fn tools() -> Vec<String> {
    vec!["read".into(), "write".into()]
}

fn data() -> Dataset {
    Dataset::new(Root([1; 32]), CAP, BOUNDS, tools())
}

/// The query that a fresh data set would answer.
fn ask(statistic: Statistic, day: u64, nano_rho: u64) -> Query {
    let fresh = Dataset::new(Root([1; 32]), u64::MAX, BOUNDS, tools());
    fresh.due(day, &[(statistic, nano_rho)]).pop().unwrap()
}

fn pay(data: &mut Dataset, statistic: Statistic, day: u64) -> Reservation {
    data.reserve(vec![ask(statistic, day, PRICE)]).unwrap()
}

fn answer(data: &mut Dataset, queries: Vec<Query>) -> Vec<AggregateBody> {
    let reservation = data.reserve(queries).unwrap();
    let drawn = data.draw(reservation, AT).unwrap();
    data.record(&drawn).unwrap();
    drawn.answers().to_vec()
}

#[test]
fn the_debit_is_final_before_the_draw() {
    let mut data = data();
    let queries = vec![ask(Statistic::Tools, 3, PRICE), ask(Statistic::SessionsCount, 3, 2)];
    let reservation = data.reserve(queries.clone()).unwrap();
    assert_eq!(data.spent_on(3), PRICE + 2);
    let ReserveBody { sequence, dataset, day, debits, spent_nano_rho, cap_nano_rho, committed } =
        reservation.body().clone();
    assert_eq!(committed, None);
    assert_eq!((sequence, dataset, day), (0, Root([1; 32]), 3));
    let ids: Vec<_> = debits.iter().map(|debit| (debit.query, debit.nano_rho)).collect();
    assert_eq!(ids, [(queries[0].id(), PRICE), (queries[1].id(), 2)]);
    assert_eq!((spent_nano_rho, cap_nano_rho), (PRICE + 2, CAP));
}

#[test]
fn a_query_that_was_paid_for_is_never_paid_for_again() {
    let mut data = data();
    let open = pay(&mut data, Statistic::Tools, 3);
    let again = |data: &mut Dataset| data.reserve(vec![ask(Statistic::Tools, 3, PRICE)]);
    assert_eq!(again(&mut data).unwrap_err(), Refusal::Repeated);
    // Lost, whatever becomes of the right to draw.
    drop(open);
    assert_eq!(again(&mut data).unwrap_err(), Refusal::Repeated);
    let twice = vec![ask(Statistic::SessionsCount, 3, 1), ask(Statistic::SessionsCount, 3, 1)];
    assert_eq!(data.reserve(twice).unwrap_err(), Refusal::Repeated);
    assert_eq!(data.spent_on(3), PRICE);
    // Told, and with it the whole day is over.
    let told = answer(&mut data, vec![ask(Statistic::SessionsOutcome, 3, PRICE)]);
    assert_eq!((told[0].reserved, told[0].sequence), (1, 2));
    for statistic in Statistic::FIXED {
        let refused = data.reserve(vec![ask(statistic, 3, 1)]).unwrap_err();
        assert_eq!(refused, Refusal::Forgotten);
    }
}

#[test]
fn a_reservation_draws_from_its_own_data_only() {
    let (mut one, mut two) = (data(), data());
    let mut other = Dataset::new(Root([2; 32]), CAP, BOUNDS, tools());
    let open = pay(&mut one, Statistic::Tools, 3);
    assert_eq!(other.draw(open, AT).err(), Some(DrawError::OtherLedger));
    let reservation = pay(&mut one, Statistic::SessionsCount, 3);
    let drawn = one.draw(reservation, AT).unwrap();
    assert_eq!(two.record(&drawn), Err(DrawError::OtherLedger), "never paid");
    let _open = pay(&mut two, Statistic::SessionsCount, 3);
    assert_eq!(two.record(&drawn), Err(DrawError::OtherLedger), "paid in another order");
    let foreign = vec![ask(Statistic::Tools, 3, PRICE)];
    assert_eq!(other.reserve(foreign).unwrap_err(), Refusal::Block);
    // Interactions that a revision appended after the debit are none that it paid for.
    let stale = pay(&mut one, Statistic::Tools, 4);
    one.append(vec!["read".into(), "write".into(), "send".into()]);
    assert_eq!(one.draw(stale, AT).err(), Some(DrawError::OtherData));
}

#[test]
fn an_exhausted_day_says_what_would_still_fit_and_spends_nothing() {
    let mut data = data();
    let asked: Vec<_> = Statistic::FIXED.into_iter().map(|s| (s, PRICE)).collect();
    let left_nano_rho = CAP - 3 * PRICE;
    let exhausted = Refusal::BudgetExhausted { left_nano_rho };
    let quotes = data.quote(3, &asked);
    let left: Vec<_> = quotes.iter().map(|q| q.as_ref().map(|q| q.left_nano_rho)).collect();
    let fits = [Ok(CAP - PRICE), Ok(CAP - 2 * PRICE), Ok(left_nano_rho)];
    assert_eq!(left, [&fits[..], &[Err(&exhausted); 6]].concat());
    assert_eq!(data.due(3, &asked).len(), 3);
    let all: Vec<_> = Statistic::FIXED.into_iter().map(|s| ask(s, 3, PRICE)).collect();
    let whole = Refusal::BudgetExhausted { left_nano_rho: CAP };
    assert_eq!(data.reserve(all).unwrap_err(), whole, "all of a block or nothing");
    assert_eq!((whole.code(), data.spent_on(3)), ("budget-exhausted", 0));
    // What is smaller fits after what did not.
    let cheap = [&asked[..4], &[(Statistic::ViolationsCount, left_nano_rho)]].concat();
    let due = data.due(3, &cheap);
    assert_eq!(due.len(), 4);
    let _open = data.reserve(due).unwrap();
    assert_eq!(data.spent_on(3), CAP);
    let _another_day = answer(&mut data, vec![ask(Statistic::ViolationsCount, 4, PRICE)]);
}

#[test]
fn a_quote_spends_nothing_and_foretells_the_noise() {
    let mut data = data();
    let asked: Vec<_> = Statistic::FIXED.into_iter().map(|s| (s, 1_000_000)).collect();
    let quotes: Vec<_> = data.quote(3, &asked).into_iter().map(Result::unwrap).collect();
    assert_eq!(data.spent_on(3), 0);
    let queries = quotes.iter().map(|quote| quote.query.clone()).collect();
    let told = answer(&mut data, queries);
    assert_eq!(told.len(), Statistic::FIXED.len());
    for (body, quote) in told.iter().zip(quotes) {
        assert_eq!((&body.query, body.noise), (&quote.query, quote.noise));
    }
}

#[test]
fn refuses_what_no_mechanism_can_answer() {
    let mut data = data();
    let tools = || ask(Statistic::Tools, 3, PRICE);
    let total = || ask(Statistic::SessionsTotal, 3, PRICE);
    let days = |first, horizon| Query { total: Some(Days { first, horizon }), ..total() };
    let mut fewer = tools();
    fewer.cells.pop();
    for (query, refusal) in [
        (Query { statistic: "sessions".into(), ..tools() }, Refusal::UnknownStatistic),
        (Query { mechanism: Mechanism::SqrtToeplitz, ..tools() }, Refusal::Mechanism),
        (Query { mechanism: Mechanism::Exponential, ..tools() }, Refusal::Mechanism),
        (Query { mechanism: Mechanism::Binomial, ..tools() }, Refusal::Mechanism),
        (Query { mechanism: Mechanism::DiscreteLaplace, ..total() }, Refusal::Mechanism),
        (Query { nano_rho: 0, ..tools() }, Refusal::Price),
        (Query { dataset: Root([2; 32]), ..tools() }, Refusal::Block),
        (Query { total: total().total, ..tools() }, Refusal::Days),
        (Query { total: None, ..total() }, Refusal::Days),
        (Query { clamp: Some(5), ..tools() }, Refusal::UnknownStatistic),
        (Query { statistic: "calls.all".into(), ..tools() }, Refusal::UnknownStatistic),
        (fewer, Refusal::Days),
        (days(2, 30), Refusal::Days),
        (days(3, 29), Refusal::Days),
    ] {
        assert_eq!(data.reserve(vec![query]).unwrap_err(), refusal);
    }
    assert_eq!(data.reserve(Vec::new()).unwrap_err(), Refusal::Block);
    let two_days = vec![tools(), ask(Statistic::Tools, 4, PRICE)];
    assert_eq!(data.reserve(two_days).unwrap_err(), Refusal::Block);
    assert_eq!(data.quote(3, &[(Statistic::Tools, 0)]), [Err(Refusal::Price)]);
    assert_eq!(data.quote(3, &[(Statistic::Tools, 1)]).len(), 1);
    let crowd: Vec<String> = (0..4000).map(|n| format!("interaction-{n}")).collect();
    let crowded = Dataset::new(Root([1; 32]), CAP, BOUNDS, crowd);
    assert_eq!(crowded.quote(3, &[(Statistic::Tools, 1)]), [Err(Refusal::TooManyCells)]);
    for (sessions, cells, horizon) in
        [(0, 1, 1), (1, 0, 1), (1025, 1, 1), (1, 65, 1), (1, 1, 0), (1, 1, 1025)]
    {
        let bounds = Bounds { sessions, cells, horizon, unit: None };
        let mut unbounded = Dataset::new(Root([1; 32]), CAP, bounds, self::tools());
        assert_eq!(unbounded.reserve(vec![tools()]).unwrap_err(), Refusal::Bounds);
    }
    assert_eq!(data.spent_on(3), 0);
}

#[test]
fn an_aggregate_says_how_it_was_made() {
    let mut data = data();
    let body = answer(&mut data, vec![ask(Statistic::Tools, 3, PRICE)]).pop().unwrap();
    assert_eq!((body.reserved, body.sequence, body.at), (0, 1, AT));
    assert_eq!(body.query.cells, ["read", "write", "other"]);
    assert_eq!(body.noise.sensitivity, 8 * 8 * 4);
    assert_eq!((body.noise.session_bound, body.noise.cell_bound), (8, 4));
    assert_eq!(body.noise.scale_milli, 146_125);
    // A sum: eight sessions of at most 50,000 each.
    let sum = Statistic::Sum { counter: "sum:pay.amount".into(), clamp: 50_000 };
    let body = answer(&mut data, vec![ask(sum, 4, PRICE)]).pop().unwrap();
    assert_eq!((body.query.clamp, body.noise.sensitivity), (Some(50_000), 400_000));
    assert_eq!(body.query.cells, ["sum:pay.amount"]);
    // 400,000/√0.012, rounded up to an eighth.
    assert_eq!(body.noise.scale_milli, 3_651_483_750);
    // One that no noise in range covers is refused, and never with less noise.
    for clamp in [1 << 40, u64::MAX / 8, u64::MAX] {
        let sum = Statistic::Sum { counter: "x".into(), clamp };
        assert!(matches!(data.quote(5, &[(sum, PRICE)])[..], [Err(_)]), "{clamp}");
    }
}

#[test]
fn cells_of_a_day_without_sessions_get_noise_too() {
    let mut data = data();
    let mut zeros = 0;
    for day in 0..200 {
        for body in answer(&mut data, vec![ask(Statistic::SessionsOutcome, day, PRICE)]) {
            zeros += body.values.iter().filter(|value| **value == 0).count();
        }
    }
    // 800 draws at σ = 73: a zero with probability 0.0055, so about 4.
    assert!(zeros < 25, "{zeros}");
}

#[test]
fn a_running_total_goes_on_ends_at_its_horizon_and_begins_again() {
    let mut data = data();
    let asked = [(Statistic::SessionsTotal, PRICE)];
    let told = |data: &mut Dataset, day| {
        let due = data.due(day, &asked);
        let days = due[0].total.unwrap();
        let _told = answer(data, due);
        (days.first, days.horizon)
    };
    for day in 3..33 {
        assert_eq!(told(&mut data, day), (3, 30), "{day}");
    }
    assert_eq!(told(&mut data, 33), (33, 30), "after its horizon the next one");
    // A day of which nothing was told has no place in it.
    assert_eq!(told(&mut data, 35), (35, 30));
    assert_eq!(told(&mut data, 36), (35, 30));
    // Nor has a day whose draw was lost.
    let _lost = data.reserve(data.due(37, &asked)).unwrap();
    assert_eq!(told(&mut data, 38), (38, 30));
    // At another price it is another one.
    let dearer = [(Statistic::SessionsTotal, 5)];
    assert_eq!(data.due(39, &dearer)[0].total.unwrap().first, 39);
    assert_eq!(data.due(39, &asked)[0].total.unwrap().first, 38);
    // Its noise is its reservation's, or there is none.
    let reservation = data.reserve(data.due(39, &asked)).unwrap();
    let _later = data.reserve(data.due(40, &dearer)).unwrap();
    assert_eq!(data.draw(reservation, AT).err(), Some(DrawError::Ended));
}

proptest! {
    #[test]
    fn debits_stay_under_the_cap_and_no_query_has_two_answers(
        steps in prop::collection::vec((0..6_usize, 0..3_u64, 1..5_u64, 0..3_u8), 1..60),
        cap in 0..20_u64,
    ) {
        let mut data = Dataset::new(Root([1; 32]), cap * 1_000_000, BOUNDS, tools());
        let mut spent: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut paid, mut told) = (BTreeSet::new(), 0);
        let mut sequences = Vec::new();
        for (name, day, price, fate) in steps {
            let Some(query) = data.due(day, &[(Statistic::FIXED[name].clone(), price * 1_000_000)]).pop()
            else { continue };
            let (id, before) = (query.id(), data.spent_on(day));
            match data.reserve(vec![query]) {
                Ok(reservation) => {
                    prop_assert!(paid.insert(id) && day >= told);
                    *spent.entry(day).or_default() += price * 1_000_000;
                    sequences.push(reservation.body().sequence);
                    prop_assert_eq!(data.spent_on(day), before + price * 1_000_000);
                    if fate == 0 {
                        let drawn = data.draw(reservation, AT).unwrap();
                        data.record(&drawn).unwrap();
                        sequences.extend(drawn.answers().iter().map(|body| body.sequence));
                        told = day + 1;
                    }
                }
                Err(refusal) => prop_assert!(false, "what is due is sold: {refusal}"),
            }
            prop_assert!(spent.values().all(|spent| *spent <= cap * 1_000_000));
        }
        let contiguous: Vec<u64> = (0..sequences.len() as u64).collect();
        prop_assert_eq!(sequences, contiguous);
    }
}
