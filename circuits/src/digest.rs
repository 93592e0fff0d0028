//! Hashes of lists, each under a tag of its own: what a tally's log, its counters and a pact's
//! rules are to a circuit.

use std::sync::LazyLock;

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use messages::domain::Domain;
use messages::ids::FieldElement;

use crate::poseidon::Poseidon;
use crate::r1cs::System;

/// Elements that one permutation takes in beside the running hash.
pub const RATE: usize = 8;

/// The one instance that everything here is hashed with.
pub fn poseidon() -> &'static Poseidon {
    &POSEIDON
}

#[expect(clippy::expect_used, reason = "the width is one that there is an instance of")]
static POSEIDON: LazyLock<Poseidon> =
    LazyLock::new(|| Poseidon::new(RATE.saturating_add(2)).expect("an instance"));

/// hₙ, with h₀ the tag and hᵢ₊₁ = poseidon(hᵢ, the next [`RATE`] elements): of a list whose length
/// its tag fixes.
pub fn chain<S: System>(system: &mut S, tag: Domain, list: &[S::Num]) -> S::Num {
    let start = system.constant(tagged(tag));
    list.chunks(RATE).fold(start, |hash, block| next(system, &hash, block))
}

/// poseidon(`hash`, `block`), with zeros for what the block is short of [`RATE`].
pub fn next<S: System>(system: &mut S, hash: &S::Num, block: &[S::Num]) -> S::Num {
    let mut inputs = vec![hash.clone()];
    inputs.extend(block.iter().take(RATE).cloned());
    poseidon().hash_in(system, &inputs)
}

/// The element that a tag stands for.
#[must_use]
pub fn tagged(tag: Domain) -> Fr {
    truncated(tag.hash(&[]))
}

/// The last 31 bytes of a digest, big-endian: always below the modulus.
#[must_use]
pub fn truncated([_, rest @ ..]: [u8; 32]) -> Fr {
    Fr::from_be_bytes_mod_order(&rest)
}

/// The element of 32 canonical bytes; none at or over the modulus.
#[must_use]
pub fn element(bytes: &FieldElement) -> Option<Fr> {
    let element = Fr::from_be_bytes_mod_order(&bytes.0);
    (bytes_of(&element) == *bytes).then_some(element)
}

/// The canonical bytes of an element, big-endian.
#[must_use]
pub fn bytes_of(element: &Fr) -> FieldElement {
    let bytes = element.into_bigint().to_bytes_be();
    FieldElement(bytes.try_into().unwrap_or_default())
}
