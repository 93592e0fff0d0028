//! Inequalities: one aggregated Bulletproofs range proof (Bünz et al. 2018, section 4.2) over all
//! of a statement's forms, padded to a power of two with the identity (value 0, blinding 0).

use std::sync::LazyLock;

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::Identity};
use merlin::Transcript;
use messages::domain;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::codes::Fault;
use crate::statement::Width;

/// Most commitments in one proof: two forms of two halves.
pub const MAX_PARTIES: usize = 4;
/// G and H of every commitment, derived once: hashing to the group costs as much as committing.
pub static PEDERSEN: LazyLock<PedersenGens> = LazyLock::new(PedersenGens::default);
/// Generators of every proof, derived once.
pub static GENERATORS: LazyLock<BulletproofGens> =
    LazyLock::new(|| BulletproofGens::new(64, MAX_PARTIES));

/// How many commitments a proof of `forms` forms has before padding, and how many pads.
#[must_use]
pub fn parties(width: Width, forms: usize) -> (usize, usize) {
    let count = if width == Width::W128 { forms.saturating_mul(2) } else { forms };
    (count, count.next_power_of_two().saturating_sub(count))
}

/// Bits of each committed half or whole.
#[must_use]
pub fn bits(width: Width) -> usize {
    match width {
        Width::W8 => 8,
        Width::W16 => 16,
        Width::W32 => 32,
        Width::W64 | Width::W128 => 64,
    }
}

/// The commitments that are proven: each V, or its low half V − 2⁶⁴·V_high and its high half.
#[must_use]
pub fn commitments(
    width: Width,
    forms: &[RistrettoPoint],
    high: &[RistrettoPoint],
) -> Vec<CompressedRistretto> {
    let (count, pads) = parties(width, forms.len());
    let mut points = Vec::with_capacity(count);
    if width == Width::W128 {
        for (v, high) in forms.iter().zip(high) {
            points.push((v - shift() * high).compress());
            points.push(high.compress());
        }
    } else {
        points.extend(forms.iter().map(RistrettoPoint::compress));
    }
    points.extend(core::iter::repeat_n(CompressedRistretto::identity(), pads));
    points
}

/// 2⁶⁴.
#[must_use]
pub fn shift() -> Scalar {
    Scalar::from(1u128 << 64)
}

/// Verifies the proof on the running transcript.
///
/// # Errors
/// [`Fault::RangeEncoding`] or [`Fault::RangeProof`].
pub(crate) fn verify(
    t: &mut Transcript,
    width: Width,
    points: &[CompressedRistretto],
    proof: &[u8],
) -> Result<(), Fault> {
    let decoded = RangeProof::from_bytes(proof).map_err(|_| Fault::RangeEncoding)?;
    // The weight that joins the two equations comes from a hash of the whole proof and of all
    // that the transcript holds: its last scalars are never absorbed by the proof system.
    let mut held = [0; 64];
    t.clone().challenge_bytes(b"weights", &mut held);
    let mut rng = ChaCha20Rng::from_seed(domain::VERIFIER_WEIGHTS.hash(&[&held, proof]));
    decoded
        .verify_multiple_with_rng(&GENERATORS, &PEDERSEN, t, points, bits(width), &mut rng)
        .map_err(|_| Fault::RangeProof)
}
