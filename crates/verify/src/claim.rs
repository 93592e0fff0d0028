//! One proven claim: everything but the arithmetic of its proof, which [`crate::batch`] does for
//! all claims at once.

use messages::bundle::{Proof, ProvenClaim, SignedProof};
use messages::claim::{Audience, Claim, Predicate, Range};
use messages::counter::CounterIndex;
use messages::domain;
use messages::publication::Publication;
use messages::time::UnixMillis;

use crate::anchors::{Anchors, EvidenceClass};
use crate::appraisal::Grounds;
use crate::batch::Unverified;
use crate::codes::{Fault, Reason};
use crate::proof;
use crate::report::{ClaimFinding, Means, RangeFinding, Stop};
#[cfg(feature = "groth16")]
use crate::segments;
use crate::stand::Stand;
use crate::statement::Statement;
use crate::transcript::{Binding, signed_message};

/// A claim of which nothing but its proof can be false any more.
#[must_use]
pub(crate) struct Pending {
    /// The weakest evidence behind it.
    pub(crate) class: EvidenceClass,
    /// Why it is not checked, should its proof hold.
    pub(crate) reason: Option<Reason>,
    /// The proofs to verify; none when the claim is signed, or about each event.
    pub(crate) proofs: Vec<Unverified>,
    /// The segments to verify, of a claim about each event.
    #[cfg(feature = "groth16")]
    pub(crate) segments: Option<segments::Pending>,
}

/// What is false stays false under other anchors, so refutations come before reasons, but for what
/// a proof is bound to: without the boots and their appraisals there is nothing to check it with.
pub(crate) fn check(
    grounds: &Grounds<'_>,
    proven: &ProvenClaim,
    now: UnixMillis,
) -> Result<Pending, Stop> {
    let claim = &proven.claim;
    check_shape(claim)?;
    if proven.stands.len() != claim.ranges.len() {
        return Err(Fault::StandCount.into());
    }
    let stands = (0..claim.ranges.len())
        .map(|at| Stand::find(grounds, proven, at))
        .collect::<Result<Vec<_>, _>>()?;
    let ranges: Vec<_> = stands.iter().map(Stand::stretch).collect();
    let statements = claim.statements.iter().map(|p| Statement::new(p, &ranges));
    let statements = statements.collect::<Result<Vec<_>, _>>()?;
    check_agreement(claim, &statements)?;
    check_terms(&statements)?;
    check_of_each_event(claim, &proven.proof)?;
    let signed = matches!(proven.proof, Proof::Signed(_));
    for (at, stand) in stands.iter().enumerate() {
        if signed && proven.stands.iter().any(|stand| !stand.commitments.is_empty()) {
            return Err(Fault::SignedCommitments.into());
        }
        stand.check_commitments(&if signed { Vec::new() } else { used(&statements, at) })?;
    }
    let mut class = EvidenceClass::Hardware;
    for stand in &stands {
        class = class.max(stand.class(grounds)?);
    }
    let bindings = stands.iter().map(Stand::binding).collect::<Result<Vec<_>, _>>()?;
    let binding = Binding { claim, stands: &bindings };
    #[cfg(feature = "groth16")]
    let mut segments = None;
    let proofs = match &proven.proof {
        Proof::ZeroKnowledge(linear) => {
            let opened = stands.iter().enumerate().flat_map(|(at, stand)| stand.opened(at));
            let cuts: Vec<_> =
                stands.iter().map(|s| [s.before_body.cut, s.after_body.cut]).collect();
            proof::read(&statements, &binding, opened, &cuts, linear)?
        }
        Proof::Signed(signed) => {
            class = class.max(check_signed(grounds, &stands, &binding, signed)?);
            Vec::new()
        }
        #[cfg(feature = "groth16")]
        Proof::Segments(proof) => {
            let stand = stands.first().ok_or(Fault::StandCount)?;
            let (pending, made_by) = segments::read(grounds, stand, &binding, proof)?;
            class = class.max(made_by);
            segments = Some(pending);
            Vec::new()
        }
        #[cfg(not(feature = "groth16"))]
        Proof::Segments(_) => return Err(Reason::CircuitUnknown.into()),
    };
    let reason = check_reasons(grounds, &stands, claim, now).err();
    Ok(Pending {
        class,
        reason,
        proofs,
        #[cfg(feature = "groth16")]
        segments,
    })
}

/// How, until when and about what a claim speaks, as far as its leaves are there.
pub(crate) fn found(grounds: &Grounds<'_>, proven: &ProvenClaim) -> ClaimFinding {
    let Claim { statements: _, ranges, audience, expiry, admitted_gaps } = &proven.claim;
    let range = |(at, range): (usize, &Range)| {
        let log = grounds.log(&range.origin);
        let body = |index, epoch| match &log?.at(index)?.body {
            Publication::Tally(body) if body.tally == range.tally() => {
                (Some(body.epoch) == epoch).then_some(body)
            }
            _ => None,
        };
        let shown = proven.stands.get(at);
        let before = shown.and_then(|shown| body(shown.before, range.first.previous()));
        let after = shown.and_then(|shown| body(shown.after, Some(range.last)));
        RangeFinding {
            origin: range.origin.clone(),
            pact: range.root,
            party: range.party.clone(),
            first: range.first,
            last: range.last,
            began: before.map(|body| body.at.earliest),
            ended: after.map(|body| body.at.latest),
        }
    };
    ClaimFinding {
        means: Means::from(proven),
        audience: match audience {
            Audience::Public => None,
            Audience::Verifier { did, .. } => Some(did.clone()),
        },
        expiry: *expiry,
        admitted_gaps: *admitted_gaps,
        ranges: ranges.iter().enumerate().map(range).collect(),
    }
}

/// Most coefficients in all forms of a claim: each is a multiplication in the group.
const MAX_TERMS: usize = 16 * 1024;

/// Is it a claim at all? Prover and verifier ask alike.
///
/// # Errors
/// [`Fault::StatementCount`], [`Fault::RangeOrder`] or [`Fault::RangeTwice`].
pub fn check_shape(claim: &Claim) -> Result<(), Fault> {
    let Claim { statements, ranges, audience: _, expiry: _, admitted_gaps: _ } = claim;
    let counts = (1..=Claim::MAX_STATEMENTS).contains(&statements.len())
        && (1..=Claim::MAX_RANGES).contains(&ranges.len());
    if !counts {
        return Err(Fault::StatementCount);
    }
    let ordered = ranges.is_sorted_by(|a, b| a < b);
    let again = ranges.iter().enumerate().any(|(at, one)| {
        ranges.iter().skip(at.saturating_add(1)).any(|other| counts_again(one, other))
    });
    // Only what compares two records of one tally may speak of both.
    let compares = statements.iter().all(|p| matches!(p, Predicate::Agree { .. }));
    if !ordered {
        Err(Fault::RangeOrder)
    } else if again && !compares {
        Err(Fault::RangeTwice)
    } else {
        Ok(())
    }
}

/// Do two ranges count the same sessions? Both parties' tallies of a pact do, and so do two
/// monitors of one pact; a tally that follows one that broke off counts others.
fn counts_again(one: &Range, other: &Range) -> bool {
    let follows = one.party == other.party && one.generation != other.generation;
    one.root == other.root && !(follows && one.origin == other.origin)
}

/// Does a verifier multiply as much as the statements ask for?
///
/// # Errors
/// [`Fault::TooManyTerms`].
pub fn check_terms(statements: &[Statement]) -> Result<(), Fault> {
    let terms = statements.iter().map(Statement::terms);
    if terms.sum::<usize>() > MAX_TERMS { Err(Fault::TooManyTerms) } else { Ok(()) }
}

/// Only two records of one tally can agree, in the logs of two monitors.
///
/// # Errors
/// [`Fault::AgreeLogs`].
pub fn check_agreement(claim: &Claim, statements: &[Statement]) -> Result<(), Fault> {
    if !statements.iter().any(Statement::compares_cuts) {
        return Ok(());
    }
    match claim.ranges.as_slice() {
        [a, b] if a.origin != b.origin && a.root == b.root && a.tally() == b.tally() => Ok(()),
        _ => Err(Fault::AgreeLogs),
    }
}

/// A statement about each event stands alone, over one range, and segments show it: no form is left
/// to prove in any other way, and nothing would be.
///
/// # Errors
/// [`Fault::ObeyedAlone`], [`Fault::ObeyedProof`].
pub fn check_of_each_event(claim: &Claim, proof: &Proof) -> Result<(), Fault> {
    let obeyed = claim.statements.iter().filter(|p| matches!(p, Predicate::Obeyed)).count();
    let segments = matches!(proof, Proof::Segments(_));
    match (obeyed, segments) {
        (0, false) => Ok(()),
        (0, true) | (_, false) => Err(Fault::ObeyedProof),
        (_, true) if claim.statements.len() > 1 || claim.ranges.len() > 1 => {
            Err(Fault::ObeyedAlone)
        }
        (_, true) => Ok(()),
    }
}

/// The counters of one range that any statement uses, increasing.
#[must_use]
pub fn used(statements: &[Statement], range: usize) -> Vec<CounterIndex> {
    let places = statements.iter().flat_map(Statement::places);
    let mut counters: Vec<CounterIndex> =
        places.filter(|place| place.range == range).map(|place| place.counter).collect();
    counters.sort_unstable();
    counters.dedup();
    counters
}

/// The boot that signs was in charge, was appraised, and signs of its own log only.
fn check_signed(
    grounds: &Grounds<'_>,
    stands: &[Stand<'_>],
    binding: &Binding<'_>,
    signed: &SignedProof,
) -> Result<EvidenceClass, Stop> {
    let SignedProof { boot, size, signature } = signed;
    let [first, rest @ ..] = binding.claim.ranges.as_slice() else {
        return Err(Fault::StatementCount.into());
    };
    if rest.iter().any(|range| range.origin != first.origin) {
        return Err(Fault::SignedLogs.into());
    }
    let log = grounds.log(&first.origin).ok_or(Reason::LogMissing)?;
    // It cannot have known leaves that came later, nor sign after another boot took its place.
    let knew = stands.iter().all(|stand| stand.newest() < *size);
    if !log.in_charge(boot, *size).ok_or(Reason::BootMissing)? || !knew {
        return Err(Fault::SignedOrder.into());
    }
    let (class, body) = grounds.boot(log, boot)?;
    let message = signed_message(binding, boot, *size);
    body.boot_key
        .verify(domain::SIGNED_CLAIM, &message, signature)
        .map_err(|_| Fault::SignedProof)?;
    Ok(class)
}

fn check_reasons(
    grounds: &Grounds<'_>,
    stands: &[Stand<'_>],
    claim: &Claim,
    now: UnixMillis,
) -> Result<(), Reason> {
    let anchors: &Anchors = grounds.anchors;
    if stands.iter().any(|stand| !anchors.pacts.contains(&stand.pact_body.root)) {
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
    if stands.iter().any(|stand| stand.gaps.tail_open > 0) {
        return Err(Reason::TailOpen);
    }
    let gaps = stands.iter().fold(0, |sum: u64, stand| sum.saturating_add(stand.gaps.total()));
    if gaps > claim.admitted_gaps {
        return Err(Reason::Gap);
    }
    stands.iter().try_for_each(|stand| grounds.check_checkpoint(stand.log))
}
