//! The zero-knowledge proof of all statements of a claim: Schnorr proofs for their equalities,
//! then one range proof.

use std::sync::OnceLock;

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use curve25519_dalek::{RistrettoPoint, Scalar};
use merlin::Transcript;
use messages::bundle::{LinearProof, SchnorrProof};
use messages::ids::Commitment;
use rand_core::CryptoRngCore;
use verify::generators::{self, MAX_PARTIES};
use verify::range::Parties;
use verify::statement::Width;
use verify::transcript::{Binding, Points, linear};
use verify::{Fault, equality, range};
use zeroize::Zeroizing;

use crate::error::ProveError;
use crate::witness::Witness;

/// Proves that every witness of `equalities` is zero and every one of `inequalities` lies in
/// [0, 2^width).
pub(crate) fn prove(
    binding: &Binding<'_>,
    equalities: &[Witness],
    inequalities: Vec<(Width, Witness)>,
    rng: &mut impl CryptoRngCore,
) -> Result<LinearProof, ProveError> {
    let points: Vec<(Width, RistrettoPoint)> =
        inequalities.iter().map(|(width, witness)| (*width, witness.point())).collect();
    let (mut ranged, mut high) = (Vec::new(), Vec::new());
    for (width, witness) in inequalities {
        if width == Width::W128 {
            let [low, upper] = split(&witness, rng)?;
            high.push(upper.point());
            ranged.extend([low, upper]);
        } else {
            ranged.push(witness);
        }
    }
    let parties = Parties::of(&points, &high);
    if parties.as_ref().is_some_and(|parties| parties.points.len() > MAX_PARTIES) {
        return Err(Fault::TooManyParties.into());
    }
    let forms = equalities.iter().map(Witness::point).chain(points.into_iter().map(|(_, p)| p));
    let forms: Vec<Commitment> = forms.map(|point| encode(&point)).collect();
    let high: Vec<Commitment> = high.iter().map(encode).collect();
    let mut t = linear(binding, &Points { parties: parties.as_ref(), forms: &forms, high: &high });
    let equalities = equalities.iter().map(|w| schnorr(&mut t, w, rng)).collect();
    let range = match parties {
        Some(parties) => range_proof(&mut t, &parties, &ranged, rng)?,
        None => Vec::new(),
    };
    Ok(LinearProof { equalities, high, range })
}

/// Low and high half of a value: v = low + 2⁶⁴·high, ρ = ρ_low + 2⁶⁴·ρ_high.
fn split(witness: &Witness, rng: &mut impl CryptoRngCore) -> Result<[Witness; 2], ProveError> {
    let value = Zeroizing::new(witness.expose_value());
    let half = |v: u128| u64::try_from(v & u128::from(u64::MAX)).map_err(|_| ProveError::Internal);
    let (low, high) = (Zeroizing::new(half(*value)?), Zeroizing::new(half(*value >> 64)?));
    let blinding = Zeroizing::new(Scalar::random(rng));
    let rest = Zeroizing::new(witness.expose_blinding() - range::shift() * *blinding);
    Ok([Witness::half(*low, *rest), Witness::half(*high, *blinding)])
}

/// The nonce comes from the witness, the transcript and fresh randomness: a stuck generator does
/// not repeat it for another transcript, which would reveal ρ.
fn schnorr(t: &mut Transcript, witness: &Witness, rng: &mut impl CryptoRngCore) -> SchnorrProof {
    let rho = Zeroizing::new(witness.expose_blinding().to_bytes());
    let mut hedged = t.build_rng().rekey_with_witness_bytes(b"rho", &*rho).finalize(rng);
    let k = Zeroizing::new(Scalar::random(&mut hedged));
    let nonce = encode(&(&*k * generators::h_table()));
    let c = equality::challenge(t, &nonce);
    let response = (*k + c * witness.expose_blinding()).to_bytes();
    equality::absorb(t, &response);
    SchnorrProof { nonce, response }
}

fn range_proof(
    t: &mut Transcript,
    parties: &Parties,
    witnesses: &[Witness],
    rng: &mut impl CryptoRngCore,
) -> Result<Vec<u8>, ProveError> {
    let count = parties.points.len();
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
        vectors(count).ok_or(ProveError::Internal)?,
        &PedersenGens { B: generators::G, B_blinding: *generators::h() },
        t,
        &values,
        &blindings,
        parties.bits,
        &mut hedged,
    )
    .map_err(|_| ProveError::Internal)?;
    Ok(proof.to_bytes())
}

/// The generators for a power of two of commitments, derived when they are first needed.
fn vectors(count: usize) -> Option<&'static BulletproofGens> {
    const SIZES: usize = MAX_PARTIES.ilog2() as usize + 1;
    static VECTORS: [OnceLock<BulletproofGens>; SIZES] = [const { OnceLock::new() }; SIZES];
    let size = usize::try_from(count.checked_ilog2()?).ok()?;
    Some(VECTORS.get(size)?.get_or_init(|| BulletproofGens::new(64, count)))
}

fn encode(point: &RistrettoPoint) -> Commitment {
    Commitment(point.compress().to_bytes())
}
