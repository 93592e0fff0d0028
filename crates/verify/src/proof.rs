//! One claim's zero-knowledge proof against its commitments: equality proofs, then the range
//! proof, on one transcript.

use std::collections::BTreeMap;

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::{Identity, IsIdentity};
use messages::bundle::{LinearProof, OpenedCommitments};
use messages::ids::Commitment;

use crate::batch::{self, Unverified};
use crate::codes::Fault;
use crate::generators::MAX_PARTIES;
use crate::range::Parties;
use crate::statement::{Form, Place, Statement, Width};
use crate::transcript::{Binding, Points, linear};
use crate::{equality, range};

/// Verifies that the committed growth satisfies all `statements`.
///
/// Public inputs, in transcript order, are those of [`Binding`] and the recomputed commitments
/// of every form; nothing that the prover computed is taken over except the high halves of
/// 128-bit forms. `cuts` are those of the two leaves of each range. Soundness: discrete logarithm
/// in Ristretto255, random oracle.
///
/// # Errors
/// [`Fault`] for the first part that does not hold.
pub fn verify_proof<'a>(
    statements: &[Statement],
    binding: &Binding<'_>,
    opened: impl IntoIterator<Item = (Place, &'a OpenedCommitments)>,
    cuts: &[[Commitment; 2]],
    proof: &LinearProof,
) -> Result<(), Fault> {
    let proofs = read(statements, binding, opened, cuts, proof)?;
    batch::verify(&[proofs]).into_iter().flatten().next().map_or(Ok(()), Err)
}

/// Reads a proof and draws its challenges.
pub(crate) fn read<'a>(
    statements: &[Statement],
    binding: &Binding<'_>,
    opened: impl IntoIterator<Item = (Place, &'a OpenedCommitments)>,
    cuts: &[[Commitment; 2]],
    proof: &LinearProof,
) -> Result<Vec<Unverified>, Fault> {
    let growth = growth(opened)?;
    let point = |form: &Form| {
        let point = form.point(&growth).ok_or(Fault::CommitmentSet)?;
        if point.is_identity() { Err(Fault::StatementIdentity) } else { Ok(point) }
    };
    let (mut equalities, mut inequalities) = (Vec::new(), Vec::new());
    for statement in statements {
        for form in statement.equalities() {
            equalities.push(point(form)?);
        }
        if statement.compares_cuts() {
            equalities.extend(cut_equalities(cuts)?);
        }
        for (form, width) in statement.inequalities() {
            inequalities.push((width, point(form)?));
        }
    }
    if proof.equalities.len() != equalities.len() {
        return Err(Fault::EqualityCount);
    }
    if proof.range.is_empty() != inequalities.is_empty() {
        return Err(Fault::RangeUnexpected);
    }
    let wide = inequalities.iter().filter(|(width, _)| *width == Width::W128).count();
    if proof.high.len() != wide {
        return Err(Fault::HighCount);
    }
    let high = proof.high.iter().map(|c| decompress(c, Fault::HighEncoding));
    let high = high.collect::<Result<Vec<_>, _>>()?;
    let parties = Parties::of(&inequalities, &high);
    if parties.as_ref().is_some_and(|parties| parties.points.len() > MAX_PARTIES) {
        return Err(Fault::TooManyParties);
    }

    let inequalities = inequalities.iter().map(|(_, point)| point);
    let forms: Vec<Commitment> = equalities.iter().chain(inequalities).map(encode).collect();
    let points = Points { parties: parties.as_ref(), forms: &forms, high: &proof.high };
    let mut t = linear(binding, &points);
    let mut proofs = Vec::with_capacity(equalities.len().saturating_add(1));
    for (v, schnorr) in equalities.iter().zip(&proof.equalities) {
        proofs.push(Unverified::Equality(Box::new(equality::read(&mut t, v, schnorr)?)));
    }
    if let Some(parties) = parties {
        proofs.push(Unverified::Range(Box::new(range::read(&mut t, parties, &proof.range)?)));
    }
    Ok(proofs)
}

/// The sets of sessions of two ranges differ by a multiple of H alone, at both ends.
fn cut_equalities(cuts: &[[Commitment; 2]]) -> Result<[RistrettoPoint; 2], Fault> {
    let [first, second] = cuts else { return Err(Fault::AgreeLogs) };
    let differ = |end: fn(&[Commitment; 2]) -> &Commitment| {
        let [a, b] = [first, second].map(|cuts| decompress(end(cuts), Fault::CommitmentEncoding));
        let difference = a? - b?;
        if difference.is_identity() { Err(Fault::StatementIdentity) } else { Ok(difference) }
    };
    Ok([differ(|[before, _]| before)?, differ(|[_, after]| after)?])
}

/// S′ − S of every opened counter.
fn growth<'a>(
    opened: impl IntoIterator<Item = (Place, &'a OpenedCommitments)>,
) -> Result<BTreeMap<Place, RistrettoPoint>, Fault> {
    let hiding = |commitment: &Commitment| {
        let point = decompress(commitment, Fault::CommitmentEncoding)?;
        if point.is_identity() { Err(Fault::CommitmentIdentity) } else { Ok(point) }
    };
    let one = |(place, o): (Place, &OpenedCommitments)| {
        // A counter that a revision added later was zero by definition.
        let before = o.before.as_ref().map_or_else(|| Ok(RistrettoPoint::identity()), hiding)?;
        Ok((place, hiding(&o.after)? - before))
    };
    opened.into_iter().map(one).collect()
}

fn decompress(commitment: &Commitment, fault: Fault) -> Result<RistrettoPoint, Fault> {
    CompressedRistretto(commitment.0).decompress().ok_or(fault)
}

fn encode(point: &RistrettoPoint) -> Commitment {
    Commitment(point.compress().to_bytes())
}
