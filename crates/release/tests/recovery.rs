//! What a data set is after its process ended: the same, less every answer that was not recorded.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use cloister_release::{
    Bounds, Contribution, Dataset, DrawError, Drawn, OutcomeCell, Refusal, Statistic,
};
use messages::did::Did;
use messages::ids::Root;
use messages::leaf::Query;
use messages::time::{Bracket, ClockKind, UnixMillis};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4, horizon: 5, unit: None };
const CAP: u64 = 20_000_000;
const PRICE: u64 = 6_000_000;
const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Witnessed };
const BOTH: [(Statistic, u64); 2] = [(Statistic::Tools, PRICE), (Statistic::SessionsTotal, PRICE)];

fn data() -> Dataset {
    Dataset::new(Root([1; 32]), CAP, BOUNDS, vec!["read".into()])
}

fn bytes(data: &Dataset) -> Vec<u8> {
    minicbor::to_vec(data).unwrap()
}

fn again(data: &Dataset) -> Dataset {
    minicbor::decode(&bytes(data)).unwrap()
}

fn recorded(drawn: &Drawn) -> Drawn {
    minicbor::decode(&minicbor::to_vec(drawn).unwrap()).unwrap()
}

#[test]
fn a_crash_between_debit_and_record_is_lost_for_ever() {
    let mut live = data();
    let queries = live.due(3, &BOTH);
    let reservation = live.reserve(queries.clone()).unwrap();
    let mut replayed = data();
    drop(replayed.reserve(queries.clone()).unwrap());
    assert_eq!(bytes(&replayed), bytes(&live));
    let mut recovered = again(&live);
    drop(live.draw(reservation, AT).unwrap());
    for data in [&mut live, &mut recovered, &mut replayed] {
        for query in &queries {
            assert_eq!(data.reserve(vec![query.clone()]).unwrap_err(), Refusal::Repeated);
            *data = again(data);
        }
        assert_eq!(data.spent_on(3), 2 * PRICE);
        let due = data.due(4, &BOTH);
        assert_eq!(due[1].total.unwrap().first, 4, "a total whose day was lost has ended");
        let reservation = data.reserve(due).unwrap();
        let next = data.draw(reservation, AT).unwrap();
        let numbers: Vec<_> = next.answers().iter().map(|b| (b.reserved, b.sequence)).collect();
        assert_eq!(numbers, [(1, 2), (1, 3)]);
    }
}

#[test]
fn an_answer_on_record_is_the_answer() {
    let mut live = data();
    let queries = live.due(3, &BOTH);
    let reservation = live.reserve(queries.clone()).unwrap();
    let drawn = live.draw(reservation, AT).unwrap();
    live.record(&drawn).unwrap();
    let mut replayed = data();
    let record = |data: &mut Dataset| data.record(&recorded(&drawn));
    assert_eq!(record(&mut replayed), Err(DrawError::Ended), "never paid");
    drop(replayed.reserve(queries).unwrap());
    record(&mut replayed).unwrap();
    assert_eq!(bytes(&replayed), bytes(&live));
    assert_eq!(record(&mut replayed), Err(DrawError::Ended), "twice");
    assert_eq!(bytes(&replayed), bytes(&live), "and nothing of it is taken");
}

#[test]
fn part_of_a_draw_is_none() {
    let mut live = data();
    let both = [(Statistic::Tools, PRICE), (Statistic::SessionsCount, PRICE)];
    let queries = live.due(3, &both);
    let before = {
        let mut paid = data();
        drop(paid.reserve(queries.clone()).unwrap());
        paid
    };
    let reservation = live.reserve(queries).unwrap();
    let drawn = live.draw(reservation, AT).unwrap();
    let altered = |change: fn(&mut Vec<messages::leaf::AggregateBody>)| {
        let mut answers = drawn.answers().to_vec();
        change(&mut answers);
        let mut e = minicbor::Encoder::new(Vec::new());
        e.map(1).unwrap().u8(1).unwrap().encode(&answers).unwrap();
        let altered: Drawn = minicbor::decode(&e.into_writer()).unwrap();
        again(&before).record(&altered)
    };
    assert_eq!(altered(|_| {}), Ok(()));
    let of_another = Err(DrawError::OtherLedger);
    assert_eq!(altered(Vec::clear), of_another, "none");
    assert_eq!(altered(|answers| drop(answers.pop())), of_another, "one of two");
    assert_eq!(altered(|answers| answers.reverse()), of_another, "out of sequence");
    assert_eq!(altered(|answers| answers[1].reserved = 7), of_another, "not its own");
    assert_eq!(altered(|answers| answers[1].query.nano_rho = 7), of_another, "never paid");
    assert_eq!(altered(|answers| answers[1].query = answers[0].query.clone()), of_another, "twice");
}

#[test]
fn a_day_that_is_over_is_never_sold_again() {
    let mut data = data();
    let ask = |data: &Dataset, day| data.due(day, &BOTH);
    let open = data.reserve(ask(&data, 3)).unwrap();
    data.skip(3);
    assert_eq!(data.draw(open, AT).err(), Some(DrawError::Forgotten));
    data.skip(1);
    let mut data = again(&data);
    assert!(ask(&data, 3).is_empty());
    let stale: Vec<Query> = ask(&self::data(), 3);
    assert_eq!(data.reserve(stale).unwrap_err(), Refusal::Forgotten);
    assert_eq!(data.quote(3, &BOTH), [Err(Refusal::Forgotten), Err(Refusal::Forgotten)]);
    assert_eq!(ask(&data, 4).len(), 2);
}

proptest! {
    /// Steps: sessions, whether the answers were recorded, whether the process ended after it.
    #[test]
    fn a_data_set_that_stopped_is_one_that_never_did(
        steps in prop::collection::vec((0..4_u8, any::<bool>(), any::<bool>()), 1..20)
    ) {
        let (mut live, mut stopped, mut replayed) = (data(), data(), data());
        let owner = Did::parse("did:web:owner.example").unwrap();
        for (day, (sessions, draws, stops)) in (0..).zip(steps) {
            for data in [&mut live, &mut stopped, &mut replayed] {
                let mut rng = ChaCha20Rng::from_seed([sessions; 32]);
                for _ in 0..sessions {
                    let session = Contribution::new(OutcomeCell::Clean, ["read".into()]);
                    data.add(&owner, day, session, &mut rng);
                }
            }
            let due = live.due(day, &BOTH);
            prop_assert_eq!(&stopped.due(day, &BOTH), &due);
            let reservation = live.reserve(due.clone()).unwrap();
            drop(stopped.reserve(due.clone()).unwrap());
            drop(replayed.reserve(due).unwrap());
            if draws {
                let drawn = live.draw(reservation, AT).unwrap();
                live.record(&drawn).unwrap();
                stopped.record(&recorded(&drawn)).unwrap();
                replayed.record(&recorded(&drawn)).unwrap();
            }
            if stops {
                stopped = again(&stopped);
            }
        }
        prop_assert_eq!(&bytes(&stopped), &bytes(&live));
        prop_assert_eq!(&bytes(&replayed), &bytes(&live));
    }

    #[test]
    fn any_bytes_are_a_data_set_or_none(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        drop(minicbor::decode::<Dataset>(&noise));
        drop(minicbor::decode::<Drawn>(&noise));
        let mut data = data();
        let reservation = data.reserve(data.due(3, &BOTH)).unwrap();
        let drawn = data.draw(reservation, AT).unwrap();
        data.record(&drawn).unwrap();
        let mut bytes = bytes(&data);
        *at.get_mut(&mut bytes) = to;
        drop(minicbor::decode::<Dataset>(&bytes));
    }
}
