//! What a strict verifier has to refuse, by the numbers of the list that it is held against.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField, UniformRand};
use ark_groth16::{Groth16, Proof, VerifyingKey, prepare_verifying_key};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use cloister_circuits::digest::{bytes_of, poseidon};
use cloister_circuits::keys::{ProveError, Proven, Prover};
use cloister_circuits::r1cs::{Assignment, System};
use messages::circuit::{CircuitKey, Setup};
use messages::ids::{CircuitKeyDigest, FieldElement, Root};
use messages::signature::Signature;
use rand_core::RngCore;
use verify::groth16::{KeyRefusal, PinnedKey, SEGMENT, Unreadable, Unverified, verify};

use crate::preimage::{assignment, circuit, preimage, rng, shape};

struct Made {
    prover: Prover,
    key: CircuitKey,
    pinned: PinnedKey,
}

fn made(seed: u64) -> Made {
    let (shape, setup) =
        (shape(), Setup::Enclave { evidence: Default::default(), signature: Signature([0; 64]) });
    let prover = Prover::generate(&shape, &mut rng(seed)).unwrap();
    let key = prover.circuit_key("preimage", &shape, setup);
    let pinned = PinnedKey::open(&key, &circuit(), &key.digest()).unwrap();
    Made { prover, key, pinned }
}

impl Made {
    fn prove(&self, secret: u64, context: u64) -> Proven {
        self.prover.prove(&assignment(secret, context), &mut rng(secret ^ context << 8)).unwrap()
    }
}

fn check(key: &PinnedKey, proof: &[u8], inputs: &[FieldElement]) -> Result<bool, Unreadable> {
    Ok(verify(&[Unverified::read(key, proof, inputs)?]) == [true])
}

fn compressed(of: &impl CanonicalSerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    of.serialize_compressed(&mut bytes).unwrap();
    bytes
}

fn points(proof: &[u8]) -> Proof<Bn254> {
    Proof::deserialize_compressed(proof).unwrap()
}

#[test]
fn honest_proofs_verify_and_other_statements_do_not() {
    let made = made(1);
    let Proven { inputs, proof } = made.prove(5, 6);
    assert_eq!(proof.len(), 128);
    assert_eq!(check(&made.pinned, &proof, &inputs), Ok(true));
    let [hash, context] = inputs[..] else { panic!() };
    let other = bytes_of(&Fr::from(7u64));
    assert_eq!(check(&made.pinned, &proof, &[other, context]), Ok(false));
    assert_eq!(check(&made.pinned, &proof, &[hash, other]), Ok(false), "the context is bound");
    let mut wrong = Assignment::new();
    preimage(&mut wrong, Fr::from(5u64), Fr::ZERO);
    assert!(made.prover.prove(&wrong, &mut rng(1)).is_ok());
    let mut wrong = Assignment::new();
    let hash = wrong.input(Fr::from(1u64));
    wrong.input(Fr::ZERO);
    let secret = wrong.wire(&[], |_| Fr::from(5u64));
    let computed = poseidon().hash_in(&mut wrong, &[secret]);
    wrong.same(&computed, &hash);
    let refused = made.prover.prove(&wrong, &mut rng(1)).unwrap_err();
    assert!(matches!(refused, ProveError::Unsatisfied { .. }), "{refused}");
    let short = made.prover.prove(&Assignment::new(), &mut rng(1)).unwrap_err();
    assert_eq!(short, ProveError::OtherCircuit);
    // A key whose maker added a point to one place could read that wire off the proof.
    let mut key = made.prover.key().clone();
    key.l_query[0] = (key.l_query[0] + key.delta_g1).into();
    let bad = Prover::new(&shape(), key).prove(&assignment(5, 6), &mut rng(1)).unwrap_err();
    assert_eq!(bad, ProveError::BadKey);
}

/// Number 1. The crate takes what is refused here.
#[test]
fn n01_as_many_inputs_as_the_key_has() {
    let made = made(1);
    // An input of zero adds nothing: without it the equation is the same.
    let Proven { inputs, proof } = made.prove(5, 0);
    let refused = |inputs: &[FieldElement]| check(&made.pinned, &proof, inputs);
    assert_eq!(refused(&inputs), Ok(true));
    assert_eq!(refused(&inputs[..1]), Err(Unreadable::Inputs));
    assert_eq!(refused(&[]), Err(Unreadable::Inputs));
    let long = [&inputs[..], &[FieldElement([1; 32])]].concat();
    assert_eq!(refused(&long), Err(Unreadable::Inputs));
    let prepared = prepare_verifying_key(&made.prover.key().vk);
    let upstream =
        |inputs: &[Fr]| Groth16::<Bn254>::verify_proof(&prepared, &points(&proof), inputs).unwrap();
    let hash = poseidon().hash(&[Fr::from(5u64)]);
    assert!(upstream(&[hash]) && upstream(&[hash, Fr::ZERO, Fr::from(9u64)]));
}

/// Number 2. Inputs are 32 bytes: there is no other spelling to refuse but x + r.
#[test]
fn n02_inputs_below_the_modulus() {
    let made = made(1);
    let Proven { inputs, proof } = made.prove(5, 6);
    let modulus = Fr::MODULUS.to_bytes_be();
    for at in 0..2 {
        let mut alias = inputs.clone();
        let mut carry = 0u16;
        for (byte, add) in alias[at].0.iter_mut().zip(&modulus).rev() {
            let sum = u16::from(*byte) + u16::from(*add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert_eq!(carry, 0, "x + r has 32 bytes");
        assert_eq!(check(&made.pinned, &proof, &alias), Err(Unreadable::Inputs));
        alias[at] = FieldElement([255; 32]);
        assert_eq!(check(&made.pinned, &proof, &alias), Err(Unreadable::Inputs));
        alias[at] = FieldElement(modulus.clone().try_into().unwrap());
        assert_eq!(check(&made.pinned, &proof, &alias), Err(Unreadable::Inputs));
        // −x is another number, and another statement.
        let negative = -Fr::from_be_bytes_mod_order(&inputs[at].0);
        alias[at] = bytes_of(&negative);
        assert_eq!(check(&made.pinned, &proof, &alias), Ok(false));
    }
}

/// Number 3.
#[test]
fn n03_inputs_in_their_order() {
    let made = made(1);
    let Proven { mut inputs, proof } = made.prove(5, 6);
    inputs.swap(0, 1);
    assert_eq!(check(&made.pinned, &proof, &inputs), Ok(false));
}

/// Number 4.
#[test]
fn n04_keys_are_pinned_and_sound() {
    let (one, other) = (made(1), made(2));
    let open =
        |key: &CircuitKey, digest: &CircuitKeyDigest| PinnedKey::open(key, &circuit(), digest);
    assert_eq!(open(&other.key, &one.key.digest()), Err(KeyRefusal::OtherKey));
    let Proven { inputs, proof } = one.prove(5, 6);
    assert_eq!(check(&other.pinned, &proof, &inputs), Ok(false));
    let digest = one.key.digest();
    assert_eq!(PinnedKey::open(&one.key, &SEGMENT, &digest), Err(KeyRefusal::OtherCircuit));
    // All of a key is under its digest: also what it is of and how it was made.
    let CircuitKey { circuit: _, constraints: _, setup: _, points: _ } = &one.key;
    let test = CircuitKey { setup: Setup::InsecureTest, ..one.key.clone() };
    let constraints = CircuitKey { constraints: Root([1; 32]), ..one.key.clone() };
    let points = CircuitKey { points: other.key.points.clone(), ..one.key.clone() };
    assert_eq!(open(&points, &digest), Err(KeyRefusal::OtherKey));
    assert_eq!(open(&constraints, &constraints.digest()), Err(KeyRefusal::OtherCircuit));
    let fewer = CircuitKey {
        points: one.key.points[..one.key.points.len() - 32].to_vec(),
        ..one.key.clone()
    };
    assert_eq!(open(&fewer, &fewer.digest()), Err(KeyRefusal::OtherCircuit));
    let transcript = Root([1; 32]);
    let ceremony = |contributions| CircuitKey {
        setup: Setup::Ceremony { transcript, contributions, beacon: true },
        ..one.key.clone()
    };
    let (alone, several) = (ceremony(0), ceremony(3));
    assert_eq!(open(&alone, &alone.digest()), Err(KeyRefusal::NoContribution));
    assert!(open(&several, &several.digest()).is_ok());
    assert_eq!(open(&test, &test.digest()), Err(KeyRefusal::InsecureTest));
    let read = PinnedKey::dangerous_open_test_key(&test, &circuit(), &test.digest()).unwrap();
    assert_eq!(check(&read, &proof, &inputs), Ok(true));

    // γ = δ: everybody proves everything.
    let vk = VerifyingKey { delta_g2: one.prover.key().vk.gamma_g2, ..one.prover.key().vk.clone() };
    let [hash, context] = [Fr::from(1u64), Fr::from(2u64)];
    let ic = vk.gamma_abc_g1[0] + vk.gamma_abc_g1[1] * hash + vk.gamma_abc_g1[2] * context;
    let forged = Proof { a: vk.alpha_g1, b: vk.beta_g2, c: (-ic).into() };
    let prepared = prepare_verifying_key(&vk);
    assert!(Groth16::<Bn254>::verify_proof(&prepared, &forged, &[hash, context]).unwrap());
    let mut bytes = one.key.points.clone();
    let gamma = bytes[96..160].to_vec();
    bytes[160..224].copy_from_slice(&gamma);
    let uncontributed = CircuitKey { points: bytes, ..one.key.clone() };
    let digest = uncontributed.digest();
    assert_eq!(open(&uncontributed, &digest), Err(KeyRefusal::NoContribution));
}

/// Number 5: a valid proof can be turned into others, so its bytes identify nothing.
#[test]
fn n05_proofs_are_malleable() {
    let made = made(1);
    let Proven { inputs, proof } = made.prove(5, 6);
    let honest = points(&proof);
    let vk = &made.prover.key().vk;
    let again = Groth16::<Bn254>::rerandomize_proof(vk, &honest, &mut ark_rng(3));
    let negated = Proof { a: -honest.a, b: -honest.b, c: honest.c };
    for other in [again, negated] {
        let other = compressed(&other);
        assert_ne!(other, proof);
        assert_eq!(check(&made.pinned, &other, &inputs), Ok(true));
    }
}

fn ark_rng(seed: u64) -> impl RngCore {
    rng(seed)
}

/// Number 6.
#[test]
fn n06_points_of_their_groups_in_one_encoding() {
    let made = made(1);
    let Proven { inputs, proof } = made.prove(5, 6);
    let refused = |proof: &[u8]| check(&made.pinned, proof, &inputs);
    let unreadable = Err(Unreadable::Proof);
    let honest = points(&proof);
    let with = |a: Vec<u8>, b: Vec<u8>, c: Vec<u8>| [a, b, c].concat();
    let [a, c] = [compressed(&honest.a), compressed(&honest.c)];
    let b = compressed(&honest.b);
    assert_eq!(refused(&with(a.clone(), b.clone(), c.clone())), Ok(true));
    // B on the curve of G2 and not in the group.
    let outside = outside();
    assert!(outside.is_on_curve() && !outside.is_in_correct_subgroup_assuming_on_curve());
    assert_eq!(refused(&with(a.clone(), compressed(&outside), c.clone())), unreadable);
    // Not on the curve: no y² for this x.
    let mut x = Fq::from(4u64);
    while G1Affine::get_point_from_x_unchecked(x, true).is_some() {
        x += Fq::ONE;
    }
    let mut off = x.into_bigint().to_bytes_le();
    assert_eq!(refused(&with(off.clone(), b.clone(), c.clone())), unreadable);
    assert_eq!(refused(&with(a.clone(), b.clone(), off.clone())), unreadable);
    // A coordinate at the modulus or over it.
    off = Fq::MODULUS.to_bytes_le();
    assert_eq!(refused(&with(off, b.clone(), c.clone())), unreadable);
    // The identity, in each place.
    let [zero1, zero2] = [compressed(&G1Affine::zero()), compressed(&G2Affine::zero())];
    assert_eq!(refused(&with(zero1.clone(), b.clone(), c.clone())), unreadable);
    assert_eq!(refused(&with(a.clone(), zero2, c.clone())), unreadable);
    assert_eq!(refused(&with(a.clone(), b.clone(), zero1)), unreadable);
    // Longer, shorter, uncompressed; and every flag bit.
    assert_eq!(refused(&[&proof[..], &[0]].concat()), unreadable);
    assert_eq!(refused(&proof[..127]), unreadable);
    assert_eq!(refused(&[]), unreadable);
    let mut plain = Vec::new();
    honest.serialize_uncompressed(&mut plain).unwrap();
    assert_eq!(refused(&plain), unreadable);
    for bit in 0..1024 {
        let mut flipped = proof.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(refused(&flipped), Ok(true), "bit {bit}");
    }
    // And the points of a key.
    for (from, replacement) in [(32, compressed(&outside)), (0, vec![0xff; 32])] {
        let mut points = made.key.points.clone();
        points[from..from + replacement.len()].copy_from_slice(&replacement);
        let key = CircuitKey { points, ..made.key.clone() };
        let opened = PinnedKey::open(&key, &circuit(), &key.digest());
        assert_eq!(opened, Err(KeyRefusal::BadPoint));
    }
    for length in [0, 223, 224, 255] {
        let key = CircuitKey { points: made.key.points[..length].to_vec(), ..made.key.clone() };
        let opened = PinnedKey::open(&key, &circuit(), &key.digest());
        assert_eq!(opened, Err(KeyRefusal::BadPoint), "{length}");
    }
}

/// A point of the curve that G2 is a part of, outside G2.
fn outside() -> G2Affine {
    let mut rng = rng(9);
    loop {
        let x = Fq2::rand(&mut rng);
        if let Some(point) = G2Affine::get_point_from_x_unchecked(x, true)
            && !point.is_in_correct_subgroup_assuming_on_curve()
        {
            return point;
        }
    }
}

/// Number 12.
#[test]
fn n12_batches_find_who_is_wrong() {
    let made = made(1);
    let proven: Vec<Proven> = (0..7).map(|n| made.prove(n, n + 20)).collect();
    fn read<'a>(key: &'a PinnedKey, proven: &[Proven]) -> Vec<Unverified<'a>> {
        proven.iter().map(|p| Unverified::read(key, &p.proof, &p.inputs).unwrap()).collect()
    }
    assert_eq!(verify(&[]), Vec::<bool>::new());
    assert_eq!(verify(&read(&made.pinned, &proven)), [true; 7]);
    for bad in 0..proven.len() {
        let mut wrong = proven.clone();
        wrong[bad].inputs[1] = FieldElement([0; 32]);
        let expected: Vec<bool> = (0..proven.len()).map(|at| at != bad).collect();
        assert_eq!(verify(&read(&made.pinned, &wrong)), expected);
    }
    // Two that would cancel under equal weights: C + D and C − D.
    let shift = made.prover.key().vk.alpha_g1;
    let moved = |proven: &Proven, by: G1Affine| {
        let mut proof = points(&proven.proof);
        proof.c = (proof.c + by).into();
        Proven { proof: compressed(&proof), ..proven.clone() }
    };
    let pair = [moved(&proven[0], shift), moved(&proven[1], -shift)];
    assert_eq!(verify(&read(&made.pinned, &pair)), [false, false]);
    // Keys mix in one batch.
    let other = self::made(2);
    let foreign = other.prove(3, 4);
    let mut mixed = read(&made.pinned, &proven[..2]);
    mixed.extend(read(&other.pinned, core::slice::from_ref(&foreign)));
    mixed.extend(read(&made.pinned, &[foreign]));
    assert_eq!(verify(&mixed), [true, true, true, false]);
}

/// The equation is the one that `ark-groth16` checks.
#[test]
fn agrees_with_another_verifier() {
    let made = made(1);
    let prepared = prepare_verifying_key(&made.prover.key().vk);
    let mut rng = rng(4);
    for n in 0..24 {
        let Proven { inputs, proof } = made.prove(n % 5, n);
        let mut honest = points(&proof);
        let mut elements: Vec<Fr> =
            inputs.iter().map(|i| Fr::from_be_bytes_mod_order(&i.0)).collect();
        match rng.next_u32() % 5 {
            0 => honest.a = (honest.a + made.prover.key().delta_g1).into(),
            1 => honest.c = (honest.c + honest.a).into(),
            2 => elements[0] += Fr::ONE,
            3 => honest.b = (honest.b + made.prover.key().vk.gamma_g2).into(),
            _ => {}
        }
        let theirs = Groth16::<Bn254>::verify_proof(&prepared, &honest, &elements).unwrap();
        let inputs: Vec<FieldElement> = elements.iter().map(bytes_of).collect();
        assert_eq!(check(&made.pinned, &compressed(&honest), &inputs), Ok(theirs), "{n}");
    }
}
