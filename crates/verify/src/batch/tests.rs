//! One multiplication for many proofs says what one for each says, and what the proof system's own
//! verifier says.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test")]

use std::sync::LazyLock;

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use messages::bundle::SchnorrProof;
use messages::ids::Commitment;
use proptest::prelude::*;
use rand_core::RngCore;

use super::*;

static GENS: LazyLock<BulletproofGens> = LazyLock::new(|| BulletproofGens::new(64, 4));

/// Commitments and a proof that they lie in `0..2^bits`.
#[derive(Clone)]
struct Made {
    bits: usize,
    points: Vec<RistrettoPoint>,
    bytes: Vec<u8>,
}

impl Made {
    /// Of `count` values, with pads to a power of two.
    fn new(bits: usize, count: usize, rng: &mut ChaCha20Rng) -> Self {
        Self::padded(bits, count, Scalar::ZERO, rng)
    }

    /// The blinding of the pads is what an honest prover sets to zero.
    fn padded(bits: usize, count: usize, pad: Scalar, rng: &mut ChaCha20Rng) -> Self {
        let (mut values, mut blindings) = (Vec::new(), Vec::new());
        for at in 0..count.next_power_of_two() {
            let value = rng.next_u64() >> (64 - bits);
            values.push(if at < count { value } else { 0 });
            blindings.push(if at < count { Scalar::random(rng) } else { pad });
        }
        let pedersen = PedersenGens::default();
        let mut t = Transcript::new(b"test");
        let (proof, points) = RangeProof::prove_multiple_with_rng(
            &GENS, &pedersen, &mut t, &values, &blindings, bits, rng,
        )
        .unwrap();
        let points = points.iter().take(count).map(|p| p.decompress().unwrap()).collect();
        Self { bits, points, bytes: proof.to_bytes() }
    }

    fn parties(&self) -> Parties {
        let mut points = self.points.clone();
        let pads = points.len().next_power_of_two() - points.len();
        points.extend(core::iter::repeat_n(RistrettoPoint::identity(), pads));
        Parties { bits: self.bits, points, pads }
    }

    /// As this project reads it.
    fn read(&self) -> Result<Unverified, Fault> {
        let mut t = Transcript::new(b"test");
        range::read(&mut t, self.parties(), &self.bytes)
            .map(|proof| Unverified::Range(Box::new(proof)))
    }

    fn holds(&self) -> bool {
        self.read().is_ok_and(|proof| verify(&[vec![proof]]) == [None])
    }

    /// The verdict of the `bulletproofs` crate.
    fn holds_elsewhere(&self, rng: &mut ChaCha20Rng) -> bool {
        let points: Vec<_> = self.parties().points.iter().map(RistrettoPoint::compress).collect();
        RangeProof::from_bytes(&self.bytes).is_ok_and(|proof| {
            let (pedersen, mut t) = (PedersenGens::default(), Transcript::new(b"test"));
            proof
                .verify_multiple_with_rng(&GENS, &pedersen, &mut t, &points, self.bits, rng)
                .is_ok()
        })
    }

    /// Changed somewhere: a bit, a point, a scalar one more, two words exchanged, or not at all.
    fn mutated(&self, rng: &mut ChaCha20Rng) -> Self {
        let mut forged = self.clone();
        let words = forged.bytes.len() / 32;
        let mut pick = |n: usize| usize::try_from(rng.next_u64()).unwrap() % n;
        match pick(6) {
            0 => {}
            1 => forged.bytes[pick(words * 32)] ^= 1 << pick(8),
            2 => {
                let at = pick(words);
                forged.bytes[at * 32] = forged.bytes[at * 32].wrapping_add(1);
            }
            3 => {
                let (one, other) = (pick(words), pick(words));
                for at in 0..32 {
                    forged.bytes.swap(one * 32 + at, other * 32 + at);
                }
            }
            4 => {
                let at = pick(forged.points.len());
                forged.points[at] += G;
            }
            _ => {
                let (one, other) = (pick(forged.points.len()), pick(forged.points.len()));
                forged.points.swap(one, other);
            }
        }
        forged
    }
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// V = ρ·H + value·G with a proof that holds when `value` is zero.
fn equality(value: u64, rng: &mut ChaCha20Rng) -> Unverified {
    let (rho, nonce) = (Scalar::random(rng), Scalar::random(rng));
    let v = generators::h() * rho + G * Scalar::from(value);
    let commitment = Commitment((generators::h() * nonce).compress().to_bytes());
    let challenge = equality::challenge(&mut Transcript::new(b"test"), &commitment);
    let response = (nonce + challenge * rho).to_bytes();
    let proof = SchnorrProof { nonce: commitment, response };
    let read = equality::read(&mut Transcript::new(b"test"), &v, &proof).unwrap();
    Unverified::Equality(Box::new(read))
}

/// Proofs, most of them forged, in batches of sixteen; `CLOISTER_DIFFERENTIAL` asks for another
/// number of batches.
const BATCHES: usize = 625;

/// Ten thousand proofs, most of them forged: the verdict of each is the other verifier's, and all
/// together are found out as each alone.
#[test]
fn every_verdict_is_that_of_the_proof_systems_own_verifier() {
    let mut rng = rng(1);
    let shapes = [(8, 1), (8, 2), (8, 3), (8, 4), (16, 1), (16, 2), (32, 1), (64, 1)];
    let good: Vec<Made> = shapes.iter().map(|(b, n)| Made::new(*b, *n, &mut rng)).collect();
    let (mut intact, mut forged) = (0, 0);
    let asked = std::env::var("CLOISTER_DIFFERENTIAL").ok().and_then(|n| n.parse().ok());
    let batches = asked.unwrap_or(BATCHES);
    for _ in 0..batches {
        let batch: Vec<Made> = (0..16).map(|at| good[at % good.len()].mutated(&mut rng)).collect();
        let expected: Vec<bool> = batch.iter().map(|made| made.holds_elsewhere(&mut rng)).collect();
        let alone: Vec<bool> = batch.iter().map(Made::holds).collect();
        assert_eq!(alone, expected);
        let all = batch.iter().map(|m| (Transcript::new(b"test"), m.parties(), &m.bytes[..]));
        let together: Vec<bool> =
            verify_ranges(all.collect()).iter().map(Option::is_none).collect();
        assert_eq!(together, expected);
        intact += expected.iter().filter(|holds| **holds).count();
        forged += expected.iter().filter(|holds| !**holds).count();
    }
    assert_eq!(intact + forged, 16 * batches);
    assert!(10 * intact > intact + forged, "{intact} intact, {forged} forged");
    assert!(forged > intact, "{intact} intact, {forged} forged");
}

#[test]
fn blame_falls_on_the_one_that_is_bad_wherever_it_stands() {
    let mut rng = rng(2);
    for bad in 0..9 {
        let groups: Vec<Vec<Unverified>> = (0..9_u64)
            .map(|at| {
                let value = u64::from(at == bad);
                vec![equality(0, &mut rng), equality(value, &mut rng), equality(0, &mut rng)]
            })
            .collect();
        let faults = verify(&groups);
        for (at, fault) in (0_u64..).zip(faults) {
            assert_eq!(fault, (at == bad).then_some(Fault::EqualityProof));
        }
    }
    assert!(verify(&[]).is_empty());
    // What is no proof at all says nothing false.
    assert_eq!(verify(&[Vec::new()]), [None]);
}

/// Two errors that cancel in a plain sum: the weights keep them apart.
/// A claim may carry both kinds; its code is that of the proof that fails.
#[test]
fn blame_falls_on_the_proof_that_is_bad_within_a_group() {
    let mut rng = rng(5);
    let good = Made::new(8, 1, &mut rng);
    let mut bad = good.clone();
    bad.points[0] += G;
    for (zero, range, fault) in [
        (0, &good, None),
        (1, &good, Some(Fault::EqualityProof)),
        (0, &bad, Some(Fault::RangeProof)),
        (1, &bad, Some(Fault::EqualityProof)),
    ] {
        let group = vec![equality(zero, &mut rng), range.read().unwrap()];
        assert_eq!(verify(&[group]), [fault]);
        let turned = vec![range.read().unwrap(), equality(zero, &mut rng)];
        let first = fault.map(|fault| if range.holds() { fault } else { Fault::RangeProof });
        assert_eq!(verify(&[turned]), [first], "the first in its order");
    }
}

#[test]
fn errors_that_would_cancel_do_not() {
    let mut rng = rng(3);
    let made = [Made::new(8, 1, &mut rng), Made::new(8, 1, &mut rng)];
    let error = Scalar::random(&mut rng);
    let read = |made: &Made, error: Scalar| {
        let Ok(Unverified::Range(mut proof)) = made.read() else { panic!("reads") };
        proof.t_x_blinding += error;
        proof
    };
    let plain = |errors: [Scalar; 2]| {
        let mut sum = Sum::default();
        for (made, error) in made.iter().zip(errors) {
            let proof = read(made, error);
            let inverses: Vec<Scalar> =
                proof.u.iter().chain([&proof.y]).map(Scalar::invert).collect();
            sum.range([Scalar::ONE; 2], &proof, &mut inverses.into_iter()).unwrap();
        }
        sum.vanishes()
    };
    assert!(plain([Scalar::ZERO; 2]));
    assert!(!plain([error, Scalar::ZERO]));
    assert!(plain([error, -error]), "without weights the pair would pass");
    let group = |at: usize, error| vec![Unverified::Range(read(&made[at], error))];
    assert_eq!(verify(&[group(0, Scalar::ZERO), group(1, Scalar::ZERO)]), [None, None]);
    let both = Some(Fault::RangeProof);
    assert_eq!(verify(&[group(0, error), group(1, -error)]), [both, both]);
    // Nor do the two equations of one proof: an error of the first in the second's place.
    let mut proof = read(&made[0], error);
    proof.e_blinding -= error;
    assert_eq!(verify(&[vec![Unverified::Range(proof)]]), [both]);
}

/// A pad that is not the identity would be one more value to hide something in.
#[test]
fn pads_are_the_identity() {
    let mut rng = rng(4);
    assert!(Made::new(8, 3, &mut rng).holds());
    assert!(!Made::padded(8, 3, Scalar::ONE, &mut rng).holds());
}

#[test]
fn a_proof_of_another_size_is_none() {
    let mut rng = rng(5);
    let good = Made::new(8, 2, &mut rng);
    assert!(good.holds());
    let code = |made: &Made| made.read().err();
    assert_eq!(code(&Made { bits: 16, ..good.clone() }), Some(Fault::RangeEncoding));
    let mut fewer = good.clone();
    fewer.points.pop();
    assert_eq!(code(&fewer), Some(Fault::RangeEncoding));
    // Three parties of eight bits are no power of two, however the bytes are cut.
    let mut t = Transcript::new(b"test");
    let parties = Parties { bits: 8, points: vec![G; 3], pads: 0 };
    assert_eq!(range::read(&mut t, parties, &good.bytes).err(), Some(Fault::RangeEncoding));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is mixed: all hold exactly when each does.
    #[test]
    fn all_hold_when_each_does(
        kinds in prop::collection::vec((0..3_usize, any::<bool>()), 1..8),
        seed in any::<u8>(),
    ) {
        let mut rng = rng(seed);
        let groups: Vec<Vec<Unverified>> = kinds
            .iter()
            .map(|(kind, good)| match kind {
                0 => vec![equality(u64::from(!good), &mut rng)],
                kind => {
                    let mut made = Made::new([8, 16][kind - 1], *kind, &mut rng);
                    if !good {
                        made.points[0] += G;
                    }
                    vec![made.read().unwrap()]
                }
            })
            .collect();
        let faults = verify(&groups);
        for ((_, good), fault) in kinds.iter().zip(faults) {
            prop_assert_eq!(fault.is_none(), *good);
        }
    }
}
