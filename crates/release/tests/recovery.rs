//! What a ledger is after its process ended: the same, less every answer that was not recorded.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, as it should"
)]

use cloister_release::{
    Bounds, Contributions, DrawError, Ledger, Outcome, Refusal, Reservation, query,
};
use messages::ids::Root;
use messages::leaf::{AggregateBody, Query};
use messages::time::{Bracket, ClockKind, UnixMillis};
use proptest::prelude::*;

const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4 };
const CAP: u64 = 20_000_000;
const PRICE: u64 = 6_000_000;
const NAMES: [&str; 4] = ["sessions.count", "sessions.outcome", "tools", "violations.count"];
const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Witnessed };

fn ask(name: &str, day: u64) -> Query {
    query(name, (Root([1; 32]), day), &["read".into()], PRICE).unwrap()
}

fn nothing() -> Contributions {
    Contributions::new(BOUNDS, vec!["read".into()])
}

fn pay(ledger: &mut Ledger, query: Query) -> Reservation {
    match ledger.reserve(query).unwrap() {
        Outcome::Reserved(reservation) => reservation,
        Outcome::Cached(body) => panic!("cached under {}", body.sequence),
    }
}

fn again(ledger: &Ledger) -> Ledger {
    minicbor::decode(&minicbor::to_vec(ledger).unwrap()).unwrap()
}

#[test]
fn a_crash_between_debit_and_release_is_lost_for_ever() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let reservation = pay(&mut ledger, ask("tools", 3));
    let mut recovered = again(&ledger);
    let mut replayed = Ledger::new(CAP, BOUNDS);
    replayed.recover_reservation(ask("tools", 3)).unwrap();
    assert_eq!(minicbor::to_vec(&replayed).unwrap(), minicbor::to_vec(&ledger).unwrap());
    drop(reservation);
    for ledger in [&mut recovered, &mut replayed] {
        for _ in 0..3 {
            assert_eq!(ledger.reserve(ask("tools", 3)).unwrap_err(), Refusal::Lost);
            *ledger = again(ledger);
        }
        assert_eq!((ledger.spent_on(3), ledger.next_sequence()), (PRICE, 1));
        let other = pay(ledger, ask("sessions.count", 3)).draw(ledger, &nothing(), AT).unwrap();
        assert_eq!((other.reserved, other.sequence), (1, 2));
    }
}

#[test]
fn an_answer_on_record_is_the_answer() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    let body = pay(&mut ledger, ask("tools", 3)).draw(&mut ledger, &nothing(), AT).unwrap();
    let mut replayed = Ledger::new(CAP, BOUNDS);
    assert_eq!(replayed.recover_answer(&body), Err(DrawError::OtherLedger), "never paid");
    replayed.recover_reservation(ask("tools", 3)).unwrap();
    let skipped = AggregateBody { sequence: 2, ..body.clone() };
    assert_eq!(replayed.recover_answer(&skipped), Err(DrawError::OtherLedger), "out of sequence");
    let other = AggregateBody { reserved: 7, ..body.clone() };
    assert_eq!(replayed.recover_answer(&other), Err(DrawError::OtherLedger), "not its own");
    replayed.recover_answer(&body).unwrap();
    assert_eq!(replayed.recover_answer(&body), Err(DrawError::OtherLedger), "twice");
    for ledger in [&mut ledger, &mut replayed] {
        match again(ledger).reserve(ask("tools", 3)).unwrap() {
            Outcome::Cached(found) => assert_eq!(found, body),
            Outcome::Reserved(_) => panic!("drawn twice"),
        }
        assert_eq!(ledger.recover_reservation(ask("tools", 3)), Err(Refusal::Lost));
    }
}

#[test]
fn a_forgotten_day_is_never_sold_again() {
    let mut ledger = Ledger::new(CAP, BOUNDS);
    drop(pay(&mut ledger, ask("tools", 3)).draw(&mut ledger, &nothing(), AT).unwrap());
    drop(pay(&mut ledger, ask("tools", 4)));
    let open = pay(&mut ledger, ask("sessions.count", 3));
    let mut seen = nothing();
    ledger.forget_before(4);
    seen.forget_before(4);
    assert_eq!(open.draw(&mut ledger, &seen, AT).unwrap_err(), DrawError::Forgotten);
    ledger.forget_before(2);
    let mut ledger = again(&ledger);
    for name in NAMES {
        assert_eq!(ledger.reserve(ask(name, 3)).unwrap_err(), Refusal::Forgotten, "{name}");
        assert_eq!(ledger.dry_run(&ask(name, 3)), Err(Refusal::Forgotten), "{name}");
    }
    assert_eq!(ledger.reserve(ask("tools", 4)).unwrap_err(), Refusal::Lost);
    assert_eq!((ledger.spent_on(4), ledger.next_sequence()), (PRICE, 4));
}

proptest! {
    /// Steps: statistic, day, whether the answer was drawn, whether the process ended after it.
    #[test]
    fn a_ledger_that_stopped_is_one_that_never_did(
        steps in prop::collection::vec((0..4_usize, 0..3_u64, any::<bool>(), any::<bool>()), 1..40)
    ) {
        let (mut live, mut stopped) = (Ledger::new(CAP, BOUNDS), Ledger::new(CAP, BOUNDS));
        let mut replayed = Ledger::new(CAP, BOUNDS);
        for (name, day, draws, stops) in steps {
            let query = ask(NAMES[name], day);
            prop_assert_eq!(live.dry_run(&query), stopped.dry_run(&query));
            match live.reserve(query.clone()) {
                Ok(Outcome::Reserved(reservation)) => {
                    stopped.recover_reservation(query.clone()).unwrap();
                    replayed.recover_reservation(query).unwrap();
                    if draws {
                        let body = reservation.draw(&mut live, &nothing(), AT).unwrap();
                        stopped.recover_answer(&body).unwrap();
                        replayed.recover_answer(&body).unwrap();
                    }
                }
                Ok(Outcome::Cached(body)) => match stopped.reserve(query) {
                    Ok(Outcome::Cached(found)) => prop_assert_eq!(found, body),
                    _ => prop_assert!(false, "not the answer on record"),
                },
                Err(refusal) => prop_assert_eq!(stopped.reserve(query).unwrap_err(), refusal),
            }
            if stops {
                stopped = again(&stopped);
            }
        }
        let bytes = minicbor::to_vec(&live).unwrap();
        prop_assert_eq!(&minicbor::to_vec(&stopped).unwrap(), &bytes);
        prop_assert_eq!(&minicbor::to_vec(&replayed).unwrap(), &bytes);
    }

    #[test]
    fn any_bytes_are_a_ledger_or_none(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        drop(minicbor::decode::<Ledger>(&noise));
        let mut ledger = Ledger::new(CAP, BOUNDS);
        drop(pay(&mut ledger, ask("tools", 3)).draw(&mut ledger, &nothing(), AT).unwrap());
        let mut bytes = minicbor::to_vec(&ledger).unwrap();
        *at.get_mut(&mut bytes) = to;
        drop(minicbor::decode::<Ledger>(&bytes));
    }
}
