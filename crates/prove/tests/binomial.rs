//! Verifiable noise: what an honest monitor proves holds, what any other one says does not, and the
//! noise is what the coins make of the bits.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test that fails here says so"
)]

use cloister_prove::ProveError;
use cloister_prove::binomial::{Answer, Bits, Count};
use curve25519_dalek::{RistrettoPoint, Scalar};
use messages::ids::Commitment;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use static_assertions::assert_not_impl_any;
use verify::Fault;
use verify::binomial::{Committed, MAX_COINS, Statement, verify};
use verify::generators::{G, h};

assert_not_impl_any!(Bits: std::fmt::Debug, Clone, PartialEq);

const CONTEXT: [u8; 32] = [7; 32];

/// All that a verifier sees of one number.
#[derive(Clone)]
struct Shown {
    context: [u8; 32],
    n: usize,
    counter: Commitment,
    bits: Commitment,
    seed: [u8; 32],
    answer: Answer,
}

impl Shown {
    /// A count of `x` with the noise of `n` coins.
    fn of(x: u64, n: usize, rng: &mut ChaCha20Rng) -> Self {
        let blinding = Scalar::random(rng);
        let counter = Scalar::from(x) * G + blinding * h();
        let counter = Commitment(counter.compress().to_bytes());
        let drawn = Bits::draw(n, rng).unwrap();
        let bits = *drawn.commitment();
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let count = Count { commitment: &counter, value: x, blinding: &blinding };
        let answer = drawn.answer(&CONTEXT, &count, &seed, rng).unwrap();
        Self { context: CONTEXT, n, counter, bits, seed, answer }
    }

    fn verify(&self) -> Result<(), Fault> {
        let Self { context, n, counter, bits, seed, answer } = self;
        let Answer { value, blinding, proof } = answer;
        let committed = Committed { context, count: *n, counter, bits };
        verify(&Statement { committed, seed, value: *value, blinding }, proof)
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Result<(), Fault> {
        let mut shown = self.clone();
        change(&mut shown);
        shown.verify()
    }
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

#[test]
fn what_is_released_is_the_count_with_the_noise_of_the_coins() {
    let mut rng = rng(1);
    for n in [64, 128, 256, 512, 1024] {
        for x in [0, 1, 1_000_000] {
            let shown = Shown::of(x, n, &mut rng);
            assert_eq!(shown.verify(), Ok(()), "{n} {x}");
            let noise = shown.answer.value.abs_diff(i64::try_from(x).unwrap());
            assert!(noise <= u64::try_from(n / 2).unwrap());
            let words = 8 + 2 * usize::try_from(n.ilog2()).unwrap();
            assert_eq!(shown.answer.proof.len(), 32 * words);
        }
    }
    assert!(Shown::of(5, 1024, &mut rng).answer.proof.len() <= 1024);
}

#[test]
fn nothing_of_it_can_be_changed() {
    let mut rng = rng(2);
    let good = Shown::of(40, 128, &mut rng);
    let proof = Err(Fault::RangeProof);
    assert_eq!(good.changed(|_| {}), Ok(()));
    assert_eq!(good.changed(|s| s.answer.value += 1), proof);
    assert_eq!(good.changed(|s| s.answer.value = i64::MIN), proof);
    assert_eq!(good.changed(|s| s.answer.value = i64::MAX), proof);
    assert_eq!(good.changed(|s| s.answer.blinding += Scalar::ONE), proof);
    assert_eq!(good.changed(|s| s.context[0] ^= 1), proof);
    assert_eq!(good.changed(|s| s.seed[0] ^= 1), proof);
    let other = Shown::of(40, 128, &mut rng);
    assert_eq!(good.changed(|s| s.bits = other.bits), proof);
    assert_eq!(good.changed(|s| s.counter = other.counter), proof);
    assert_eq!(good.changed(|s| s.answer = other.answer.clone()), proof);
    let encoding = Err(Fault::RangeEncoding);
    for n in [0, 1, 64, 96, 256, 2 * MAX_COINS] {
        assert_eq!(good.changed(|s| s.n = n), encoding, "{n}");
    }
    assert_eq!(good.changed(|s| s.answer.proof.extend([0; 32])), encoding);
    assert_eq!(good.changed(|s| s.answer.proof.truncate(32)), encoding);
    let none = Commitment([0; 32]);
    assert_eq!(good.changed(|s| s.bits = none), Err(Fault::CommitmentEncoding));
    assert_eq!(good.changed(|s| s.counter = none), Err(Fault::CommitmentEncoding));
    // Each word of the proof, one bit at a time.
    for word in 0..good.answer.proof.len() / 32 {
        let changed = good.changed(|s| s.answer.proof[32 * word] ^= 1);
        assert!(changed == proof || changed == encoding, "word {word}: {changed:?}");
    }
}

#[test]
fn bits_that_are_none_convince_nobody() {
    // A commitment to a "bit" of 5 would move the number by 5: the point that an honest monitor
    // publishes, and five of one generator more.
    let mut rng = rng(3);
    let good = Shown::of(40, 64, &mut rng);
    let moved = |by: u64| {
        let bits = curve25519_dalek::ristretto::CompressedRistretto(good.bits.0).decompress();
        let first: RistrettoPoint = verify::generators::share(0).unwrap().g[0];
        let bits = bits.unwrap() + Scalar::from(by) * first;
        good.changed(|s| {
            s.bits = Commitment(bits.compress().to_bytes());
            s.answer.value += i64::try_from(by).unwrap();
        })
    };
    assert_eq!(moved(5), Err(Fault::RangeProof));
    assert_eq!(moved(1), Err(Fault::RangeProof));
}

fn coins(seed: u8, context: u8, count: usize, points: [u8; 2]) -> Option<Vec<bool>> {
    let [counter, bits] = points.map(|point| Commitment([point; 32]));
    let committed = Committed { context: &[context; 32], count, counter: &counter, bits: &bits };
    committed.coins(&[seed; 32]).map(|coins| {
        let heads = coins.as_slice().iter().filter(|coin| **coin).count();
        let half = i64::try_from(count / 2).unwrap();
        assert_eq!(coins.excess(), i64::try_from(heads).unwrap() - half);
        assert_eq!(coins.count(), count);
        coins.as_slice().to_vec()
    })
}

/// Numbers that share a seed share no coins: who could choose bits for two numbers with one coin
/// string could make their noises cancel.
#[test]
fn coins_are_of_one_number_only() {
    let one = coins(1, 2, 1024, [3, 4]).unwrap();
    assert_eq!(coins(1, 2, 1024, [3, 4]), Some(one.clone()));
    let others = [
        coins(9, 2, 1024, [3, 4]),
        coins(1, 9, 1024, [3, 4]),
        coins(1, 2, 1024, [9, 4]),
        coins(1, 2, 1024, [3, 9]),
        coins(1, 2, 2048, [3, 4]).map(|mut longer| {
            longer.truncate(1024);
            longer
        }),
    ];
    for other in others {
        let alike = one.iter().zip(other.unwrap()).filter(|(one, other)| *one == other).count();
        // 512, and sixteen a deviation.
        assert!((400..624).contains(&alike), "{alike}");
    }
    for none in [0, 1, 32, 63, 65, 96, 2 * MAX_COINS] {
        assert!(coins(1, 2, none, [3, 4]).is_none(), "{none}");
        assert!(Bits::draw(none, &mut rng(4)).is_none(), "{none}");
    }
    assert!(coins(1, 2, MAX_COINS, [3, 4]).is_some());
}

#[test]
fn bits_answer_for_what_is_committed_to() {
    let mut rng = rng(5);
    let blinding = Scalar::ONE;
    let commit = |x: u64| Commitment((Scalar::from(x) * G + blinding * h()).compress().to_bytes());
    for (value, commitment, due) in [
        (3, commit(4), ProveError::OpeningsMismatch),
        (3, Commitment([0xff; 32]), ProveError::OpeningsMismatch),
        (1 << 62, commit(1 << 62), ProveError::Internal),
        (u64::MAX, commit(u64::MAX), ProveError::Internal),
    ] {
        let count = Count { commitment: &commitment, value, blinding: &blinding };
        let bits = Bits::draw(64, &mut rng).unwrap();
        assert_eq!(bits.answer(&CONTEXT, &count, &[1; 32], &mut rng).err(), Some(due));
    }
}

/// A generator that repeats itself blinds no two numbers alike.
#[test]
fn a_stuck_generator_gives_no_blinding_away() {
    let commit =
        |x: u64, r: Scalar| Commitment((Scalar::from(x) * G + r * h()).compress().to_bytes());
    let gamma = |r: Scalar, context: u8| {
        let commitment = commit(3, r);
        let count = Count { commitment: &commitment, value: 3, blinding: &r };
        let bits = Bits::draw(64, &mut rng(7)).unwrap();
        bits.answer(&[context; 32], &count, &[1; 32], &mut rng(8)).unwrap().blinding - r
    };
    let (one, two) = (Scalar::from(5_u8), Scalar::from(6_u8));
    assert_eq!(gamma(one, 1), gamma(one, 1));
    assert!(gamma(one, 1) != gamma(two, 1) && gamma(one, 1) != gamma(one, 2));
}

/// The noise of 64 coins has deviation 4, whatever the coins are, and of 500 numbers the mean of
/// none: all eleven deviations off would be met once in 10²⁵ runs of another seed.
#[test]
fn the_noise_is_binomial_whatever_the_coins_are() {
    let mut rng = rng(6);
    let blinding = Scalar::ONE;
    let counter = Commitment((Scalar::from(9_u8) * G + blinding * h()).compress().to_bytes());
    let noises: Vec<f64> = (0..500)
        .map(|_| {
            let count = Count { commitment: &counter, value: 9, blinding: &blinding };
            let bits = Bits::draw(64, &mut rng).unwrap();
            (bits.answer(&CONTEXT, &count, &[3; 32], &mut rng).unwrap().value - 9) as f64
        })
        .collect();
    let mean = noises.iter().sum::<f64>() / 500.0;
    let square = noises.iter().map(|noise| noise * noise).sum::<f64>() / 500.0;
    assert!(mean.abs() < 2.0 && (9.0..25.0).contains(&square), "{mean} {square}");
}
