//! One claim's proof against its commitments: equality proofs, then the range proof, on one
//! transcript.

use std::collections::BTreeMap;

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::{Identity, IsIdentity};
use messages::bundle::{OpenedCommitments, Proof};
use messages::counter::CounterIndex;
use messages::ids::Commitment;

use crate::codes::Fault;
use crate::statement::Statement;
use crate::transcript::{Binding, Points, begin};
use crate::{equality, range};

/// Verifies that the committed growth satisfies `statement`.
///
/// Public inputs, in transcript order, are those of [`Binding`] and the recomputed commitments
/// of every form; nothing that the prover computed is taken over except the high halves of
/// 128-bit statements. Soundness: discrete logarithm in Ristretto255, random oracle.
///
/// # Errors
/// [`Fault`] for the first part that does not hold.
pub fn verify_proof(
    statement: &Statement,
    binding: &Binding<'_>,
    proof: &Proof,
) -> Result<(), Fault> {
    let growth = growth(statement, binding.commitments)?;
    let point = |form: &crate::statement::Form| {
        let point = form.point(&growth).ok_or(Fault::CommitmentSet)?;
        if point.is_identity() { Err(Fault::StatementIdentity) } else { Ok(point) }
    };
    let equalities = statement.equalities().map(point).collect::<Result<Vec<_>, _>>()?;
    let inequalities = statement.inequalities().map(point).collect::<Result<Vec<_>, _>>()?;
    if proof.equalities.len() != equalities.len() {
        return Err(Fault::EqualityCount);
    }
    let width = statement.width();
    if proof.range.is_empty() != width.is_none() {
        return Err(Fault::RangeUnexpected);
    }
    let halves = if width == Some(crate::statement::Width::W128) { inequalities.len() } else { 0 };
    if proof.high.len() != halves {
        return Err(Fault::HighCount);
    }
    let high = proof.high.iter().map(|c| decompress(c, Fault::HighEncoding));
    let high = high.collect::<Result<Vec<_>, _>>()?;

    let forms: Vec<Commitment> = equalities
        .iter()
        .chain(&inequalities)
        .map(|p| Commitment(p.compress().to_bytes()))
        .collect();
    let pads = width.map_or(0, |w| range::parties(w, inequalities.len()).1);
    let mut t = begin(binding, &Points { width, pads, forms: &forms, high: &proof.high });
    for (v, schnorr) in equalities.iter().zip(&proof.equalities) {
        equality::verify(&mut t, v, schnorr)?;
    }
    match width {
        Some(width) => {
            let points = range::commitments(width, &inequalities, &high);
            range::verify(&mut t, width, &points, &proof.range)
        }
        None => Ok(()),
    }
}

/// S′ − S of exactly the counters that the statement uses, in their order.
fn growth(
    statement: &Statement,
    opened: &[OpenedCommitments],
) -> Result<BTreeMap<CounterIndex, RistrettoPoint>, Fault> {
    if !opened.iter().map(|o| CounterIndex(o.counter)).eq(statement.counters().iter().copied()) {
        return Err(Fault::CommitmentSet);
    }
    let hiding = |commitment: &Commitment| {
        let point = decompress(commitment, Fault::CommitmentEncoding)?;
        if point.is_identity() { Err(Fault::CommitmentIdentity) } else { Ok(point) }
    };
    let one = |o: &OpenedCommitments| {
        // A counter that a revision added later was zero by definition.
        let before = o.before.as_ref().map_or_else(|| Ok(RistrettoPoint::identity()), hiding)?;
        Ok((CounterIndex(o.counter), hiding(&o.after)? - before))
    };
    opened.iter().map(one).collect()
}

fn decompress(commitment: &Commitment, fault: Fault) -> Result<RistrettoPoint, Fault> {
    CompressedRistretto(commitment.0).decompress().ok_or(fault)
}
