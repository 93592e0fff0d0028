//! The proof of one statement: Schnorr proofs for its equalities, then one range proof.

use bulletproofs::RangeProof;
use curve25519_dalek::{RistrettoPoint, Scalar};
use merlin::Transcript;
use messages::bundle::{Proof, SchnorrProof};
use messages::ids::Commitment;
use rand_core::CryptoRngCore;
use verify::statement::Width;
use verify::transcript::{Binding, Points, begin};
use verify::{equality, range};
use zeroize::Zeroizing;

use crate::error::ProveError;
use crate::witness::Witness;

/// Proves that every witness of `equalities` is zero and every one of `inequalities` lies in
/// [0, 2^width).
pub(crate) fn prove(
    binding: &Binding<'_>,
    width: Option<Width>,
    equalities: &[Witness],
    inequalities: &[Witness],
    rng: &mut impl CryptoRngCore,
) -> Result<Proof, ProveError> {
    let halves = if width == Some(Width::W128) { split(inequalities, rng)? } else { Vec::new() };
    let high: Vec<RistrettoPoint> = halves.iter().skip(1).step_by(2).map(Witness::point).collect();
    let ranged = if halves.is_empty() { inequalities } else { &halves };
    let forms: Vec<Commitment> =
        equalities.iter().chain(inequalities).map(|w| encode(&w.point())).collect();
    let high: Vec<Commitment> = high.iter().map(encode).collect();
    let pads = width.map_or(0, |w| range::parties(w, inequalities.len()).1);
    let mut t = begin(binding, &Points { width, pads, forms: &forms, high: &high });
    let equalities = equalities.iter().map(|w| schnorr(&mut t, w, rng)).collect();
    let range = match width {
        Some(width) => range_proof(&mut t, width, ranged, pads, rng)?,
        None => Vec::new(),
    };
    Ok(Proof { equalities, high, range })
}

/// Low and high half of each value, alternating: v = low + 2⁶⁴·high, ρ = ρ_low + 2⁶⁴·ρ_high.
fn split(witnesses: &[Witness], rng: &mut impl CryptoRngCore) -> Result<Vec<Witness>, ProveError> {
    let mut halves = Vec::with_capacity(witnesses.len().saturating_mul(2));
    for witness in witnesses {
        let value = Zeroizing::new(witness.expose_value());
        let half =
            |v: u128| u64::try_from(v & u128::from(u64::MAX)).map_err(|_| ProveError::Internal);
        let (low, high) = (half(*value)?, half(*value >> 64)?);
        let blinding = Zeroizing::new(Scalar::random(rng));
        let rest = Zeroizing::new(witness.expose_blinding() - range::shift() * *blinding);
        halves.push(Witness::half(low, *rest));
        halves.push(Witness::half(high, *blinding));
    }
    Ok(halves)
}

/// The nonce comes from the witness, the transcript and fresh randomness: a stuck generator does
/// not repeat it for another transcript, which would reveal ρ.
fn schnorr(t: &mut Transcript, witness: &Witness, rng: &mut impl CryptoRngCore) -> SchnorrProof {
    let rho = Zeroizing::new(witness.expose_blinding().to_bytes());
    let mut hedged = t.build_rng().rekey_with_witness_bytes(b"rho", &*rho).finalize(rng);
    let k = Zeroizing::new(Scalar::random(&mut hedged));
    let nonce = encode(&(*k * range::PEDERSEN.B_blinding));
    let c = equality::challenge(t, &nonce);
    let response = (*k + c * witness.expose_blinding()).to_bytes();
    equality::absorb(t, &response);
    SchnorrProof { nonce, response }
}

fn range_proof(
    t: &mut Transcript,
    width: Width,
    witnesses: &[Witness],
    pads: usize,
    rng: &mut impl CryptoRngCore,
) -> Result<Vec<u8>, ProveError> {
    let count = witnesses.len().saturating_add(pads);
    let mut values = Zeroizing::new(Vec::with_capacity(count));
    let mut blindings = Zeroizing::new(Vec::with_capacity(count));
    for witness in witnesses {
        values.push(u64::try_from(witness.expose_value()).map_err(|_| ProveError::Internal)?);
        blindings.push(*witness.expose_blinding());
    }
    values.resize(count, 0);
    blindings.resize(count, Scalar::ZERO);
    let mut builder = t.build_rng();
    for blinding in &*blindings {
        let bytes = Zeroizing::new(blinding.to_bytes());
        builder = builder.rekey_with_witness_bytes(b"rho", &*bytes);
    }
    let mut hedged = builder.finalize(rng);
    let (proof, _) = RangeProof::prove_multiple_with_rng(
        &range::GENERATORS,
        &range::PEDERSEN,
        t,
        &values,
        &blindings,
        range::bits(width),
        &mut hedged,
    )
    .map_err(|_| ProveError::Internal)?;
    Ok(proof.to_bytes())
}

fn encode(point: &RistrettoPoint) -> Commitment {
    Commitment(point.compress().to_bytes())
}
