//! The whole offline check of one bundle.

use std::collections::BTreeMap;

use messages::bundle::{Bundle, LogView};
use messages::codec::{CodecError, Wire};
use messages::evidence::Conceptual;
use messages::leaf::{BootBody, Kind};
use messages::publication::Disclosed;
use messages::time::UnixMillis;

use crate::anchors::{Anchors, Findings};
use crate::appraisal::Grounds;
use crate::claim::Pending;
use crate::codes::{Fault, Reason, Unusable};
use crate::leaves::Leaves;
use crate::ledger::Ledger;
use crate::report::{Item, LogFinding, PactFinding, Report, Stop, Subject, Verdict};
#[cfg(feature = "groth16")]
use crate::segments;
use crate::{aggregate, batch, claim, explain, stamps};

/// Verifies every claim and aggregate of a bundle, as of `now`.
///
/// Nothing of the bundle is trusted that the anchors do not lead to: the log key signs the
/// checkpoint, the checkpoint includes the leaves, an appraised boot signs them, they commit to
/// bodies, and the proofs speak of what the bodies commit to. `SPEC.md` lists the checks in order.
///
/// # Errors
/// [`Unusable`] when the bytes are no bundle of the anchored logs; no part of it counts then.
pub fn verify(
    bundle: &[u8],
    anchors: &Anchors,
    findings: Findings<'_>,
    now: UnixMillis,
) -> Result<Report, Unusable> {
    let bundle = decode(bundle)?;
    let logs = open_logs(&bundle, anchors)?;
    let schemas = bundle.schemas.iter().map(|s| (s.hash(), s)).collect();
    let grounds = Grounds { bundle: &bundle, logs, anchors, findings, schemas };
    let mut items = claims(&grounds, now);
    items.extend(aggregates(&grounds));
    items.extend(bundle.missing.iter().enumerate().map(|(at, missing)| Item {
        subject: Subject::Missing(at),
        words: explain::missing(missing),
        verdict: Verdict::NotChecked(Reason::NotProven),
    }));
    let logs = grounds.logs.iter().map(|(origin, log)| LogFinding {
        origin: (*origin).to_owned(),
        size: log.size,
        cosigned: grounds.cosigned(log),
        stamped: grounds.stamped(log),
        clock: log.clock(),
    });
    let pacts = stamps::pacts(&bundle).into_iter().map(|pact| PactFinding {
        pact,
        stamped: stamps::earliest(findings, &stamps::name(&pact)),
    });
    let claims = bundle.claims.iter().map(|proven| claim::found(&grounds, proven)).collect();
    let (logs, pacts) = (logs.collect(), pacts.collect());
    Ok(Report { items, claims, logs, pacts, days: Vec::new() })
}

/// Everything is checked claim by claim but the arithmetic, which is done once for all.
fn claims(grounds: &Grounds<'_>, now: UnixMillis) -> Vec<Item> {
    let shown = &grounds.bundle.claims;
    let mut pending: Vec<Result<Pending, Stop>> =
        shown.iter().map(|proven| claim::check(grounds, proven, now)).collect();
    let proofs: Vec<_> = pending
        .iter_mut()
        .map(|claim| claim.as_mut().map_or_else(|_| Vec::new(), |p| core::mem::take(&mut p.proofs)))
        .collect();
    let faults = batch::verify(&proofs);
    #[cfg(feature = "groth16")]
    let faults = {
        let segments: Vec<_> = pending
            .iter_mut()
            .map(|claim| claim.as_mut().map_or_else(|_| None, |p| p.segments.take()))
            .collect();
        let of_segments = segments::verify(&segments);
        faults.into_iter().zip(of_segments).map(|(one, other)| one.or(other)).collect::<Vec<_>>()
    };
    let settle = |pending: Result<Pending, Stop>, fault: Option<Fault>| {
        let Pending { class, reason, .. } = pending?;
        match (fault, reason) {
            (Some(fault), _) => Err(fault.into()),
            (None, Some(reason)) => Err(reason.into()),
            (None, None) => Ok(class),
        }
    };
    let outcomes = pending.into_iter().zip(faults).map(|(p, f)| Verdict::from(settle(p, f)));
    let claims = shown.iter().zip(outcomes).enumerate();
    claims
        .flat_map(|(at, (proven, verdict))| {
            let claim = &proven.claim;
            let one = move |(statement, predicate)| Item {
                subject: Subject::Statement { claim: at, statement },
                words: explain::statement(predicate, claim),
                verdict,
            };
            let none = claim.statements.is_empty().then(|| Item {
                subject: Subject::Statement { claim: at, statement: 0 },
                words: explain::nothing(),
                verdict,
            });
            claim.statements.iter().enumerate().map(one).chain(none)
        })
        .collect()
}

fn aggregates(grounds: &Grounds<'_>) -> Vec<Item> {
    let ledgers: BTreeMap<&str, _> =
        grounds.logs.iter().map(|(origin, log)| (*origin, Ledger::read(log))).collect();
    let shown = &grounds.bundle.aggregates;
    let mut promises = aggregate::Promises::default();
    let checked = shown.iter().map(|place| {
        let ledger = ledgers.get(place.origin.as_str());
        let (log, ledger) = grounds.log(&place.origin).zip(ledger).ok_or(Reason::LogMissing)?;
        aggregate::check(
            grounds,
            log,
            ledger.as_ref().map_err(|fault| *fault),
            (place.index, &mut promises),
        )
    });
    let outcomes = aggregate::verify(checked);
    // With anchored dealers, one of them dealt what is verified.
    let whose = if grounds.anchors.dealers.is_empty() { ", whom you do not anchor" } else { "" };
    let shown = shown.iter().zip(outcomes).enumerate();
    shown
        .map(|(at, (place, outcome))| {
            let log = grounds.log(&place.origin);
            let body = log.and_then(|log| log.at(place.index)).map(|opened| &opened.body);
            Item {
                subject: Subject::Aggregate(at),
                words: explain::aggregate(place.index, body, whose),
                verdict: outcome.into(),
            }
        })
        .collect()
}

/// Opens every log under its anchor.
fn open_logs<'a>(
    bundle: &'a Bundle,
    anchors: &'a Anchors,
) -> Result<BTreeMap<&'a str, Leaves<'a>>, Unusable> {
    let mut logs = BTreeMap::new();
    for view in &bundle.logs {
        if logs.last_key_value().is_some_and(|(last, _)| *last >= view.origin.as_str()) {
            return Err(Unusable::LogOrder);
        }
        let anchor = anchors.logs.iter().find(|anchor| anchor.origin == view.origin);
        let anchor = anchor.ok_or(Unusable::LogNotAnchored)?;
        logs.insert(view.origin.as_str(), Leaves::open(view, anchor)?);
    }
    Ok(logs)
}

/// The evidence that a bundle carries of one log, in the order of its boot leaves: what an
/// appraiser reads before [`verify`]. Says nothing of the rest of the bundle.
#[must_use]
pub fn evidence_in(log: &LogView) -> Vec<Conceptual> {
    evidence_of(log.leaves.iter().map(|leaf| &leaf.disclosed))
}

/// The same, of opened leaves. Says nothing about them.
pub fn evidence_of<'a>(opened: impl IntoIterator<Item = &'a Disclosed>) -> Vec<Conceptual> {
    let boots = opened.into_iter().filter(|disclosed| disclosed.leaf.kind == Kind::Boot);
    boots
        .filter_map(|disclosed| BootBody::from_cbor(&disclosed.body).ok())
        .filter_map(|body| Conceptual::from_cbor(&body.evidence).ok())
        .collect()
}

/// Decodes a bundle and holds it to its bounds.
pub(crate) fn decode(bytes: &[u8]) -> Result<Bundle, Unusable> {
    let bundle = Bundle::from_cbor(bytes).map_err(unread)?;
    let Bundle { format, logs, schemas, boots, claims, aggregates, stamps, missing } = &bundle;
    let mut places = aggregates.clone();
    places.sort_unstable();
    places.dedup();
    if format != Bundle::FORMAT {
        Err(Unusable::Format)
    } else if logs.len() > Bundle::MAX_LOGS {
        Err(Unusable::TooManyLogs)
    } else if logs.iter().map(|log| log.leaves.len()).sum::<usize>() > Bundle::MAX_LEAVES {
        Err(Unusable::TooManyLeaves)
    } else if claims.len() > Bundle::MAX_CLAIMS
        || aggregates.len() > Bundle::MAX_CLAIMS
        || schemas.len() > MAX_LISTS
    {
        Err(Unusable::TooManyClaims)
    } else if boots.len() > MAX_LISTS
        || boots.iter().map(|boots| boots.entries.len()).sum::<usize>() > MAX_BOOTS
    {
        Err(Unusable::TooManyBoots)
    } else if stamps.len() > Bundle::MAX_NOTES || missing.len() > Bundle::MAX_NOTES {
        Err(Unusable::TooManyNotes)
    } else if places.len() != aggregates.len() {
        Err(Unusable::AggregateRepeated)
    } else if claims.is_empty() && aggregates.is_empty() {
        Err(Unusable::Empty)
    } else {
        Ok(bundle)
    }
}

/// Why bytes are not what they should be.
pub(crate) const fn unread(error: CodecError) -> Unusable {
    match error {
        CodecError::Malformed => Unusable::Malformed,
        CodecError::NonCanonical => Unusable::NonCanonical,
        CodecError::TooLarge { .. } => Unusable::TooLarge,
    }
}

/// Most lists of boots, and most schemas: one each for every tally or pact that is spoken of.
const MAX_LISTS: usize = 64;
/// Most boots in all tallies' lives; their digests are recomputed for every claim.
const MAX_BOOTS: usize = 512;
