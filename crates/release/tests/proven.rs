//! Numbers whose noise coins make: committed to with the debit, answered once, provable to anybody.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]

use cloister_release::{
    Asked, Bounds, Committed, Contribution, Dataset, DrawError, OutcomeCell, Refusal, Statistic,
    Uncommitted,
};
use curve25519_dalek::Scalar;
use messages::coins::{Dealer, Dealt, seed, value};
use messages::did::Did;
use messages::ids::Root;
use messages::leaf::{AggregateBody, Mechanism};
use messages::signature::{Signature, SigningKey};
use messages::time::{Bracket, ClockKind, UnixMillis};
use prove::binomial::Bits;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use verify::binomial::{self, Statement};

const ORIGIN: &str = "a.example";
const DAY: u64 = 20_000;
const BOUNDS: Bounds = Bounds { sessions: 1, cells: 4, horizon: 30, unit: None };
const AT: Bracket =
    Bracket { earliest: UnixMillis(1), latest: UnixMillis(2), clock: ClockKind::Generated };

/// Sessions of 40 owners, 13 of them with something denied.
fn data() -> Dataset {
    let mut data = Dataset::new(Root([1; 32]), 20_000_000, BOUNDS, vec!["read".into()]);
    let mut rng = rng(1);
    for owner in 0..40 {
        let did = Did::parse(&format!("did:web:o{owner}.example")).unwrap();
        let outcome = if owner < 13 { OutcomeCell::Denied } else { OutcomeCell::Clean };
        data.add(&did, DAY, Contribution::new(outcome, []), &mut rng);
    }
    data
}

fn rng(n: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([n; 32])
}

/// The counts of a day, with 1,024 coins each.
fn asked() -> Vec<Asked> {
    [Statistic::SessionsCount, Statistic::ViolationsCount]
        .map(|statistic| Asked::proven(&statistic, BOUNDS, 2_100_000).unwrap())
        .to_vec()
}

fn keys() -> [SigningKey; 2] {
    [5, 6].map(|n| SigningKey::from_seed(&[n; 32]))
}

fn dealers() -> Vec<Dealer> {
    keys().iter().map(|key| Dealer::new(key, ORIGIN, DAY - 3).unwrap()).collect()
}

fn dealt() -> Vec<Dealt> {
    let deal = |key: &SigningKey| Dealt {
        value: value(key, ORIGIN, DAY - 3, DAY).unwrap(),
        size: 9,
        root: Root([9; 32]),
        signature: Signature([0; 64]),
        path: Vec::new(),
    };
    keys().iter().map(deal).collect()
}

fn bits(of: &Uncommitted) -> Vec<Bits> {
    let draw = |coins: u32| Bits::draw(usize::try_from(coins).unwrap(), &mut rng(2)).unwrap();
    of.coins().into_iter().map(draw).collect()
}

fn committed(data: &mut Dataset) -> Committed {
    let reserved = data.reserve_proven(data.due(DAY, &asked())).unwrap();
    let bits = bits(&reserved);
    reserved.commit(data, bits, dealers(), &mut rng(3)).unwrap()
}

/// Whether the number's proof holds for what its reservation committed to.
fn holds(of: &Committed, at: usize, body: &AggregateBody) -> bool {
    let (proven, number) = (body.proven.as_ref().unwrap(), of.body().committed.as_ref().unwrap());
    let values: Vec<[u8; 32]> = proven.dealt.iter().map(|dealt| dealt.value).collect();
    let number = &number.numbers[at];
    let statement = Statement {
        committed: binomial::Committed {
            context: &body.query.id().0,
            count: 1024,
            counter: &number.counter,
            bits: &number.bits,
        },
        seed: &seed(&values),
        value: body.values[0],
        blinding: &Scalar::from_canonical_bytes(proven.blinding).unwrap(),
    };
    binomial::verify(&statement, &proven.proof).is_ok()
}

#[test]
fn a_proven_number_is_the_committed_count_with_the_noise_of_the_coins() {
    let (mut live, mut shown) = (data(), data());
    let told = committed(&mut shown);
    let answered = committed(&mut live).answer(dealt(), &mut rng(4)).unwrap();
    let drawn = live.tell(answered, AT);
    live.record(&drawn).unwrap();
    let [count, violations] = drawn.answers() else { panic!("two were asked") };
    assert_eq!((count.sequence, violations.sequence, count.reserved), (1, 2, 0));
    for (at, (body, exact)) in [(count, 40), (violations, 13)].into_iter().enumerate() {
        assert_eq!(body.query.mechanism, Mechanism::Binomial);
        let number = &told.body().committed.as_ref().unwrap().numbers[at];
        assert_eq!(number.statistic, body.query.statistic);
        assert_eq!((body.noise.scale_milli, body.noise.sensitivity), (16_000, 1));
        // Ten deviations; drawn from seeds, so this holds or not for ever.
        assert!((body.values[0] - exact).abs() < 160);
        assert!(holds(&told, at, body), "the same seeds make the same commitments");
        let mut other = body.clone();
        other.values[0] += 1;
        assert!(!holds(&told, at, &other));
        let mut other = body.clone();
        other.proven.as_mut().unwrap().dealt.swap(0, 1);
        assert!(!holds(&told, at, &other), "other coins");
    }
    assert!(!holds(&told, 0, &AggregateBody { query: violations.query.clone(), ..count.clone() }));
}

#[test]
fn what_is_to_be_proven_is_paid_for_apart() {
    let mut data = data();
    let proven = data.due(DAY, &asked());
    let drawn = data.due(DAY, &[(Statistic::Tools, 1_000_000)]);
    assert_eq!(data.reserve(proven.clone()).unwrap_err(), Refusal::Mechanism);
    assert_eq!(data.reserve_proven(drawn.clone()).unwrap_err(), Refusal::Mechanism);
    assert_eq!(data.reserve([proven.clone(), drawn].concat()).unwrap_err(), Refusal::Mechanism);
    // A price is that of its coins.
    let mut dearer = proven.clone();
    dearer[0].nano_rho += 1;
    assert_eq!(data.reserve_proven(dearer).unwrap_err(), Refusal::Price);
    let mut mechanism = proven.clone();
    mechanism[0].mechanism = Mechanism::DiscreteLaplace;
    assert_eq!(data.reserve_proven(mechanism).unwrap_err(), Refusal::Mechanism);
    let mut cells = asked();
    cells[0].statistic = Statistic::SessionsTotal;
    assert_eq!(data.quote(DAY, &cells)[0], Err(Refusal::Price));
    assert_eq!(data.spent_on(DAY), 0, "a refusal spends nothing");
    drop(data.reserve_proven(proven.clone()).unwrap());
    assert_eq!(data.spent_on(DAY), 2 * 2_090_455);
    // It is spent and lost.
    assert_eq!(data.reserve_proven(proven).unwrap_err(), Refusal::Repeated);
}

#[test]
fn nothing_is_committed_or_answered_in_another_way() {
    let reserved = |data: &mut Dataset| data.reserve_proven(data.due(DAY, &asked())).unwrap();
    let mut of = data();
    let block = reserved(&mut of);
    let bits_of = bits(&block);
    let refused = block.commit(&of, bits_of, Vec::new(), &mut rng(3)).err();
    assert_eq!(refused, Some(DrawError::Coins), "no dealers");
    let mut of = data();
    let block = reserved(&mut of);
    let few = bits(&block).into_iter().take(1).collect();
    assert_eq!(block.commit(&of, few, dealers(), &mut rng(3)).err(), Some(DrawError::Coins));
    let mut of = data();
    let block = reserved(&mut of);
    let wide = [1024, 2048].map(|n| Bits::draw(n, &mut rng(2)).unwrap()).into();
    assert_eq!(block.commit(&of, wide, dealers(), &mut rng(3)).err(), Some(DrawError::Coins));
    let mut of = data();
    let block = reserved(&mut of);
    let bits_of = bits(&block);
    of.skip(DAY);
    let late = block.commit(&of, bits_of, dealers(), &mut rng(3)).err();
    assert_eq!(late, Some(DrawError::Forgotten));
    let other = Dataset::new(Root([2; 32]), 20_000_000, BOUNDS, vec!["read".into()]);
    let mut of = data();
    let block = reserved(&mut of);
    let bits_of = bits(&block);
    let foreign = block.commit(&other, bits_of, dealers(), &mut rng(3)).err();
    assert_eq!(foreign, Some(DrawError::OtherLedger));
    for few in [0, 1, 3] {
        let coins = dealt().into_iter().cycle().take(few).collect();
        let answered = committed(&mut data()).answer(coins, &mut rng(4)).err();
        assert_eq!(answered, Some(DrawError::Coins), "{few}");
    }
}

#[test]
fn coins_may_come_a_little_after_their_day_is_forgotten() {
    for (later, due) in [(0, Ok(())), (1, Ok(())), (2, Err(DrawError::OtherLedger))] {
        let mut live = data();
        let waiting = committed(&mut live);
        live.skip(DAY + later - 1);
        // Meanwhile the ledger goes on.
        let reservation = live.reserve(live.due(DAY + later, &[(Statistic::Tools, 1_000_000)]));
        let drawn = live.draw(reservation.unwrap(), AT).unwrap();
        live.record(&drawn).unwrap();
        let drawn = live.tell(waiting.answer(dealt(), &mut rng(4)).unwrap(), AT);
        assert_eq!(drawn.answers()[0].sequence, 3);
        assert_eq!(live.record(&drawn), due, "{later} days later");
        if due.is_ok() {
            assert_eq!(live.record(&drawn), Err(DrawError::OtherLedger), "once");
        }
    }
}
