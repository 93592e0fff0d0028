//! A proof that every event of a range obeyed: its entries, cut into segments.

use ark_bn254::Fr;
use ark_ff::PrimeField;
use circuits::digest::{bytes_of, element};
use circuits::keys::Prover;
use circuits::log::{Block, COUNTERS};
use circuits::rules::Rules;
use circuits::segment::{self, BLOCKS, Witness};
use messages::bundle::{Proof, ProvenClaim, SegmentsProof};
use messages::ids::CircuitKeyDigest;
use messages::segment::moved;
use rand_core::CryptoRngCore;
use tally::Openings;
use verify::transcript::{Binding, segment_context};
use verify::{Fault, check_of_each_event};
use zeroize::Zeroize;

use crate::error::ProveError;
use crate::request::{Checked, Request, proven};

/// The entries between two leaves, and the rules that they are under. Secret.
pub struct Entries {
    /// Of the pact that was in force.
    pub rules: Rules,
    /// From the end of the block that the leaf before the range ends with.
    pub blocks: Vec<Block>,
}

/// The key of the segment circuit, and the digest that verifiers pin.
#[derive(Clone, Copy)]
pub struct SegmentKey<'a> {
    /// Proves.
    pub prover: &'a Prover,
    /// Of its verifying key.
    pub digest: CircuitKeyDigest,
}

/// Proves the claim of `request` that every event obeyed; `done` is told after each segment how many
/// of how many there are. Some seconds a segment.
///
/// # Errors
/// [`ProveError`]: as [`prove`](crate::prove()) does; [`ProveError::OtherEntries`] when the entries
/// do not lead from one leaf to the other; [`ProveError::StatementFalse`] when one did not obey.
pub fn prove_segments(
    request: &Request<'_>,
    entries: &Entries,
    key: SegmentKey<'_>,
    rng: &mut impl CryptoRngCore,
    mut done: impl FnMut(usize, usize),
) -> Result<ProvenClaim, ProveError> {
    let checked = Checked::of(request)?;
    let empty = SegmentsProof { key: key.digest, between: Vec::new(), proofs: Vec::new() };
    check_of_each_event(request.claim, &Proof::Segments(empty))?;
    let [ground] = request.grounds.as_slice() else { return Err(Fault::StandCount.into()) };
    checked.check_one_pact()?;
    let commitments = vec![Vec::new()];
    let bindings = checked.bindings(request, &commitments)?;
    let context =
        segment_context(&Binding { claim: request.claim, stands: &bindings }, &key.digest);
    let context = element(&context).ok_or(ProveError::Internal)?;

    let hidden = |openings: &Openings| -> Result<(Fr, Fr), ProveError> {
        let (hiding, root) = openings.expose_hiding().ok_or(ProveError::NotHeld)?;
        Ok((*hiding.expose(), element(&root).ok_or(ProveError::OpeningsMismatch)?))
    };
    let (first, mut root) = hidden(ground.before_openings)?;
    let (last, end) = hidden(ground.after_openings)?;
    let places = moved(ground.schema);
    let mut counters: [u64; COUNTERS] = *ground.before_openings.expose_moved(&places);
    let count = entries.blocks.len().div_ceil(BLOCKS).max(1).next_power_of_two();
    if count > SegmentsProof::MAX_SEGMENTS {
        return Err(Fault::SegmentCount.into());
    }
    let mut blinding = first;
    let (mut between, mut proofs) = (Vec::new(), Vec::new());
    let mut chunks = entries.blocks.chunks(BLOCKS);
    let mut witnesses = Vec::with_capacity(count);
    for at in 0..count {
        let next = if at.saturating_add(1) == count { last } else { random(rng) };
        let blocks = chunks.next().unwrap_or_default().to_vec();
        let blindings = [blinding, next];
        let witness = Witness { rules: entries.rules.clone(), root, counters, blindings, blocks };
        (root, counters, blinding) = (witness.root_after(), witness.counters_after(), next);
        witnesses.push(witness);
    }
    if root != end || counters != *ground.after_openings.expose_moved(&places) {
        return Err(ProveError::OtherEntries);
    }
    for (at, witness) in witnesses.iter().enumerate() {
        let statement = witness.statement(context);
        let assignment = segment::assign(&statement, witness);
        let made = key.prover.prove(&assignment, rng).map_err(ProveError::from)?;
        proofs.push(made.proof.try_into().map_err(|_| ProveError::Internal)?);
        if at.saturating_add(1) < count {
            between.push(bytes_of(&statement.kappa_out));
        }
        done(at.saturating_add(1), count);
    }
    let proof = SegmentsProof { key: key.digest, between, proofs };
    Ok(proven(request, commitments, Proof::Segments(proof)))
}

fn random(rng: &mut impl CryptoRngCore) -> Fr {
    // The bias is below 2^-250.
    let mut bytes = [0; 64];
    rng.fill_bytes(&mut bytes);
    let element = Fr::from_be_bytes_mod_order(&bytes);
    bytes.zeroize();
    element
}
