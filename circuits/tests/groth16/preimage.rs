//! A small statement that stands for a large one: knowledge of a number whose Poseidon hash is the
//! first input, with a second input that nothing is demanded of.

use ark_bn254::Fr;
use ark_ff::AdditiveGroup;
use cloister_circuits::digest::poseidon;
use cloister_circuits::keys;
use cloister_circuits::r1cs::{Assignment, Shape, System};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use verify::groth16::Circuit;

/// As a verifier knows it.
pub(crate) fn circuit() -> Circuit {
    Circuit { name: "preimage", constraints: keys::digest(&shape()), inputs: 2 }
}

pub(crate) fn preimage<S: System>(system: &mut S, secret: Fr, context: Fr) {
    let hash = system.input(poseidon().hash(&[secret]));
    system.input(context);
    let secret = system.wire(&[], |_| secret);
    let computed = poseidon().hash_in(system, &[secret]);
    system.same(&computed, &hash);
}

pub(crate) fn shape() -> Shape {
    let mut shape = Shape::new();
    preimage(&mut shape, Fr::ZERO, Fr::ZERO);
    shape
}

pub(crate) fn assignment(secret: u64, context: u64) -> Assignment {
    let mut assignment = Assignment::new();
    preimage(&mut assignment, Fr::from(secret), Fr::from(context));
    assignment
}

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}
