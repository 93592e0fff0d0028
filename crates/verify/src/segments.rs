//! A claim that every event obeyed: segments that lead from the hidden counters of the leaf before
//! the range to those of its last leaf, under the rules of the one pact that was in force.

use messages::bundle::SegmentsProof;
use messages::circuit::{CircuitKey, Setup};
use messages::domain;
use messages::ids::FieldElement;

use crate::anchors::EvidenceClass;
use crate::appraisal::Grounds;
use crate::codes::{Fault, Reason};
use crate::groth16::{self, PinnedKey, SEGMENT, Unverified};
use crate::report::Stop;
use crate::stand::Stand;
use crate::transcript::{Binding, segment_context};

/// Segments that were put together and not yet verified.
pub(crate) struct Pending {
    key: PinnedKey,
    inputs: Vec<[FieldElement; SEGMENT.inputs]>,
    proofs: Vec<[u8; groth16::PROOF_BYTES]>,
}

impl Pending {
    fn unverified(&self) -> Result<Vec<Unverified<'_>>, Fault> {
        let Self { key, inputs, proofs } = self;
        let each = proofs.iter().zip(inputs);
        let each = each.map(|(proof, inputs)| Unverified::read(key, proof, inputs));
        each.collect::<Result<_, _>>().map_err(|_| Fault::SegmentEncoding)
    }
}

/// Puts the segments of a claim together. Also the class of the evidence behind the key.
///
/// Public inputs, in order: what is hidden before, what is hidden after, the pact's rules, and the
/// number drawn from all that the claim is bound to.
pub(crate) fn read(
    grounds: &Grounds<'_>,
    stand: &Stand<'_>,
    binding: &Binding<'_>,
    proof: &SegmentsProof,
) -> Result<(Pending, EvidenceClass), Stop> {
    let SegmentsProof { key: digest, between, proofs } = proof;
    let (before, after, pact) = (stand.before_body, stand.after_body, stand.pact_body);
    // Hashes of a chain do not come back: no other pact was in force in between.
    if before.pact != pact.pact || after.pact != pact.pact {
        return Err(Fault::ObeyedRevised.into());
    }
    let count = proofs.len();
    if !count.is_power_of_two()
        || count > SegmentsProof::MAX_SEGMENTS
        || between.len().saturating_add(1) != count
    {
        return Err(Fault::SegmentCount.into());
    }
    let key = grounds.anchors.circuits.iter().find(|key| key.digest() == *digest);
    let key = key.ok_or(Reason::CircuitNotAnchored)?;
    let class = made_by(grounds, key)?;
    let key = PinnedKey::open(key, &SEGMENT, digest).map_err(|_| Reason::CircuitNotAnchored)?;
    let context = segment_context(binding, digest);
    let from = core::iter::once(&before.kappa).chain(between);
    let to = between.iter().chain([&after.kappa]);
    let inputs = from.zip(to).map(|(from, to)| [*from, *to, pact.rules, context]).collect();
    Ok((Pending { key, inputs, proofs: proofs.clone() }, class))
}

/// Of a key that a boot made: that boot's evidence, which was appraised, and whose key signed.
fn made_by(grounds: &Grounds<'_>, key: &CircuitKey) -> Result<EvidenceClass, Reason> {
    let Setup::Enclave { evidence, signature } = &key.setup else {
        return Ok(EvidenceClass::Hardware);
    };
    let appraised = grounds.findings.appraised.iter().filter(|a| a.evidence() == *evidence);
    // The weakest of several appraisals counts.
    let appraised = appraised.max_by_key(|a| a.class()).ok_or(Reason::CircuitEvidence)?;
    let message = CircuitKey::signed_bytes(&key.circuit, &key.constraints, &key.points);
    let signer = &appraised.claims().boot_key;
    signer
        .verify(domain::CIRCUIT_SETUP, &message, signature)
        .map_err(|_| Reason::CircuitEvidence)?;
    Ok(appraised.class())
}

/// Verifies all segments of all claims together; what is wrong with each claim, in order.
pub(crate) fn verify(claims: &[Option<Pending>]) -> Vec<Option<Fault>> {
    let (mut counts, mut all) = (Vec::new(), Vec::new());
    for claim in claims {
        let read = claim.as_ref().map_or_else(|| Ok(Vec::new()), Pending::unverified);
        counts.push(read.as_ref().map(Vec::len).map_err(|fault| *fault));
        all.extend(read.unwrap_or_default());
    }
    let mut held = groth16::verify(&all).into_iter();
    let mut settle = |count| {
        // Every one is taken, so that the next claim has its own.
        let held: Vec<bool> = held.by_ref().take(count).collect();
        (!held.iter().all(|held| *held)).then_some(Fault::SegmentProof)
    };
    counts.into_iter().map(|count| count.map_or_else(Some, &mut settle)).collect()
}
