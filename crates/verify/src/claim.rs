//! One proven claim.

use messages::bundle::ProvenClaim;
use messages::claim::{Audience, Claim, Range};
use messages::counter::CounterIndex;
use messages::leaf::{BootEntry, Gaps, PactBody, TallyBody};
use messages::merkle::COMMITMENTS;
use messages::publication::Publication;
use messages::time::{Epoch, UnixMillis};

use crate::anchors::{Anchors, EvidenceClass};
use crate::appraisal::{Grounds, check_order, within};
use crate::bundle::Stop;
use crate::codes::{Fault, Reason};
use crate::consent;
use crate::leaves::Opened;
use crate::proof::verify_proof;
use crate::revisions::Revisions;
use crate::statement::Statement;
use crate::transcript::Binding;

/// The three leaves that a claim stands on.
struct Stand<'a> {
    before: &'a Opened<'a>,
    after: &'a Opened<'a>,
    pact: &'a Opened<'a>,
    before_body: &'a TallyBody,
    after_body: &'a TallyBody,
    pact_body: &'a PactBody,
}

/// Refutations come before reasons: what is false stays false under other anchors.
pub(crate) fn check(
    grounds: &Grounds<'_>,
    proven: &ProvenClaim,
    now: UnixMillis,
) -> Result<EvidenceClass, Stop> {
    let claim = &proven.claim;
    let stand = stand(grounds, proven)?;
    check_range(&stand, claim)?;
    check_breaks(grounds, claim)?;
    let gaps = stand.after_body.gaps.since(&stand.before_body.gaps).ok_or(Fault::GapsFell)?;
    consent::check(proven, stand.pact_body, stand.before_body, stand.after_body)?;
    let revisions = Revisions::over(grounds, stand.pact, stand.before_body)?;
    let schema = revisions.schema();
    let statement = Statement::new(&claim.predicate, schema)?;
    check_commitments(proven, &stand, &revisions, &statement)?;

    let boots = boots(grounds, &stand)?;
    let mut class = EvidenceClass::Hardware;
    for leaf in revisions.leaves() {
        class = class.max(grounds.boot(&leaf.leaf.boot)?.0);
    }
    for entry in boots {
        let (of_boot, body) = grounds.boot(&entry.boot)?;
        if entry.config != body.config || entry.evidence != evidence(&body.evidence)? {
            return Err(Fault::BootEvidence.into());
        }
        class = class.max(of_boot);
    }
    let (_, signer) = grounds.boot(&stand.after.leaf.boot)?;
    let binding = Binding {
        root_pact: stand.pact_body.root,
        pact: stand.pact_body.pact,
        schema: stand.pact_body.schema,
        before: stand.before.hash,
        after: stand.after.hash,
        boot: stand.after.leaf.boot,
        boot_key: signer.boot_key,
        evidence: evidence(&signer.evidence)?,
        commitments: &proven.commitments,
        claim,
    };
    verify_proof(&statement, &binding, &proven.proof)?;
    check_reasons(grounds.anchors, &stand, claim, &gaps, now)?;
    Ok(class)
}

fn stand<'a>(grounds: &'a Grounds<'_>, proven: &ProvenClaim) -> Result<Stand<'a>, Stop> {
    let at = |index| grounds.leaves.at(index).ok_or(Reason::LeafMissing);
    let (before, after, pact) = (at(proven.before)?, at(proven.after)?, at(proven.pact)?);
    let Publication::Tally(before_body) = &before.body else {
        return Err(Fault::BeforeNotTally.into());
    };
    let Publication::Tally(after_body) = &after.body else {
        return Err(Fault::AfterNotTally.into());
    };
    let Publication::Pact(pact_body) = &pact.body else {
        return Err(Fault::PactNotPact.into());
    };
    Ok(Stand { before, after, pact, before_body, after_body, pact_body })
}

/// The leaves are of this claim's stretch, and in order.
fn check_range(stand: &Stand<'_>, claim: &Claim) -> Result<(), Fault> {
    let Stand { before_body: before, after_body: after, pact_body: pact, .. } = stand;
    covers(&claim.range, before, after, pact)?;
    if stand.before.index >= stand.after.index {
        Err(Fault::LeafOrderReversed)
    } else if before.at.earliest > before.at.latest
        || after.at.earliest > after.at.latest
        || before.at.earliest > after.at.earliest
        || before.at.latest > after.at.latest
    {
        Err(Fault::TimeReversed)
    } else {
        Ok(())
    }
}

/// Are these the bodies of this tally, these epochs and one chain of pacts, and is `pact` the one
/// in force at the end? Prover and verifier ask alike. That the pacts of both ends belong together
/// is checked apart, where the leaves in between are.
///
/// # Errors
/// [`Fault`] for the first that is not.
pub fn covers(
    range: &Range,
    before: &TallyBody,
    after: &TallyBody,
    pact: &PactBody,
) -> Result<(), Fault> {
    let fault = if range.first < Epoch(1) || range.first > range.last {
        Fault::RangeEmpty
    } else if before.tally != range.tally {
        Fault::TallyBefore
    } else if after.tally != range.tally {
        Fault::TallyAfter
    } else if Some(before.epoch) != range.first.previous() {
        Fault::EpochBefore
    } else if after.epoch != range.last {
        Fault::EpochAfter
    } else if before.root_pact != after.root_pact || after.root_pact != pact.root {
        Fault::PactRoot
    } else if after.pact != pact.pact {
        Fault::PactNotInForce
    } else if after.schema != pact.schema {
        Fault::PactSchema
    } else {
        return Ok(());
    };
    Err(fault)
}

fn check_breaks(grounds: &Grounds<'_>, claim: &Claim) -> Result<(), Fault> {
    let crossed = grounds.leaves.iter().any(|opened| match &opened.body {
        Publication::Break(body) => body.tally == claim.range.tally && body.last < claim.range.last,
        _ => false,
    });
    if crossed { Err(Fault::CrossesBreak) } else { Ok(()) }
}

/// The opened commitments are the statement's, and lie under the two leaves' roots.
fn check_commitments(
    proven: &ProvenClaim,
    stand: &Stand<'_>,
    revisions: &Revisions<'_>,
    statement: &Statement,
) -> Result<(), Fault> {
    let counts = (revisions.before().counters.len(), revisions.schema().counters.len());
    let counted = |body: &TallyBody, count| usize::try_from(body.counters) == Ok(count);
    if !counted(stand.before_body, counts.0) || !counted(stand.after_body, counts.1) {
        return Err(Fault::CounterCount);
    }
    let opened = proven.commitments.iter().map(|o| CounterIndex(o.counter));
    if !opened.eq(statement.counters().iter().copied()) {
        return Err(Fault::CommitmentSet);
    }
    for opened in &proven.commitments {
        let at = usize::from(opened.counter);
        let path = |path: &[messages::ids::LeafHash]| path.iter().map(|h| h.0).collect::<Vec<_>>();
        let before = path(&opened.before_path);
        let after = path(&opened.after_path);
        let after = COMMITMENTS.root_from(&opened.after.0, at, counts.1, &after);
        let begins = match &opened.before {
            Some(commitment) => {
                let root = COMMITMENTS.root_from(&commitment.0, at, counts.0, &before);
                root == Some(stand.before_body.commitments)
            }
            // Only what a revision appended later has no commitment, and begins at zero.
            None => at >= counts.0 && before.is_empty(),
        };
        if !begins {
            return Err(Fault::CommitmentPathBefore);
        }
        if after != Some(stand.after_body.commitments) {
            return Err(Fault::CommitmentPathAfter);
        }
    }
    Ok(())
}

/// Every boot that had a part in the range, those that signed its two leaves included.
fn boots<'a>(grounds: &'a Grounds<'_>, stand: &Stand<'_>) -> Result<&'a [BootEntry], Stop> {
    let until = grounds.life(&stand.before.leaf.boot, &stand.before_body.boots)?;
    let life = grounds.life(&stand.after.leaf.boot, &stand.after_body.boots)?;
    check_order(life)?;
    if !life.starts_with(until) {
        return Err(Fault::BootsDiverge.into());
    }
    let part = within(life, stand.before_body.epoch).len();
    let signed = life.len().saturating_sub(until.len()).saturating_add(1);
    let begins = life.len().saturating_sub(part.max(signed));
    Ok(life.get(begins..).unwrap_or_default())
}

fn evidence(bytes: &[u8]) -> Result<messages::ids::EvidenceId, Stop> {
    use messages::codec::Wire;
    let evidence =
        messages::evidence::Conceptual::from_cbor(bytes).map_err(|_| Reason::Evidence)?;
    Ok(evidence.evidence_id())
}

fn check_reasons(
    anchors: &Anchors,
    stand: &Stand<'_>,
    claim: &Claim,
    gaps: &Gaps,
    now: UnixMillis,
) -> Result<(), Reason> {
    if !anchors.pacts.contains(&stand.pact_body.root) {
        return Err(Reason::PactNotAnchored);
    }
    if claim.expiry <= now {
        return Err(Reason::Expired);
    }
    let answered = match &claim.audience {
        Audience::Public => None,
        Audience::Verifier { did, nonce } => {
            if anchors.audience.as_ref() != Some(did) {
                return Err(Reason::Audience);
            }
            Some(nonce)
        }
    };
    if anchors.nonce.as_ref() != answered {
        return Err(Reason::Nonce);
    }
    // An open tail may hide any number of events: no count of admitted ones covers it.
    if gaps.tail_open > 0 {
        return Err(Reason::TailOpen);
    }
    if gaps.total() > claim.admitted_gaps {
        return Err(Reason::Gap);
    }
    Ok(())
}
