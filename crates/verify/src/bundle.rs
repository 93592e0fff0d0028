//! The whole offline check of one bundle.

use messages::bundle::Bundle;
use messages::codec::{CodecError, Wire};
use messages::evidence::Conceptual;
use messages::leaf::{BootBody, Kind};
use messages::time::UnixMillis;

use crate::anchors::{Anchors, Appraised, EvidenceClass};
use crate::appraisal::Grounds;
use crate::codes::{Fault, Reason, Refutation, StatementError, Unusable};
use crate::leaves::Leaves;
use crate::{aggregate, claim, explain};

/// Verifies every claim and aggregate of a bundle, as of `now`.
///
/// Nothing of the bundle is trusted that the anchors do not lead to: the log key signs the
/// checkpoint, the checkpoint includes the leaves, an appraised boot signs them, they commit to
/// bodies, and the proofs speak of what the bodies commit to. `SPEC.md` lists the checks in order.
///
/// # Errors
/// [`Unusable`] when the bytes are no bundle of the anchored log; no part of it counts then.
pub fn verify(
    bundle: &[u8],
    anchors: &Anchors,
    appraised: &[Appraised],
    now: UnixMillis,
) -> Result<Report, Unusable> {
    let bundle = decode(bundle)?;
    let leaves = Leaves::open(&bundle, anchors)?;
    let schemas = bundle.schemas.iter().map(|s| (s.hash(), s)).collect();
    let grounds = Grounds { bundle: &bundle, leaves: &leaves, anchors, appraised, schemas };
    let ledger = aggregate::check_ledger(&grounds);
    let claims = bundle.claims.iter().map(|proven| Item {
        words: explain::claim(&proven.claim),
        verdict: verdict(claim::check(&grounds, proven, now)),
    });
    let aggregates = bundle.aggregates.iter().map(|index| Item {
        words: explain::aggregate(*index, leaves.at(*index).map(|opened| &opened.body)),
        verdict: verdict(aggregate::check(&grounds, ledger, *index)),
    });
    Ok(Report { items: claims.chain(aggregates).collect() })
}

/// The evidence that a bundle carries, in the order of its boot leaves: what an appraiser reads
/// before [`verify`]. Says nothing of the rest of the bundle.
#[must_use]
pub fn evidence_in(bundle: &Bundle) -> Vec<Conceptual> {
    let boots = bundle.leaves.iter().filter(|l| l.disclosed.leaf.kind == Kind::Boot);
    boots
        .filter_map(|l| BootBody::from_cbor(&l.disclosed.body).ok())
        .filter_map(|body| Conceptual::from_cbor(&body.evidence).ok())
        .collect()
}

/// One verdict an item: claims in the bundle's order, then aggregates.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The items.
    pub items: Vec<Item>,
}

/// A claim or an aggregate and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it says, in words.
    pub words: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of one claim or aggregate. There is no bare yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing speaks against it, but something that must be known is not.
    NotChecked(Reason),
    /// It does not hold, or is not what it says.
    Refuted(Refutation),
    /// It holds, as far as the evidence of its boots reaches.
    Verified {
        /// The weakest evidence among them.
        class: EvidenceClass,
    },
}

impl Verdict {
    /// The stable code; `verified` when it holds.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotChecked(reason) => reason.code(),
            Self::Refuted(refutation) => refutation.code(),
            Self::Verified { .. } => "verified",
        }
    }
}

/// Why an item is not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    NotChecked(Reason),
    Refuted(Refutation),
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Self::NotChecked(reason)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Refuted(fault.into())
    }
}

impl From<StatementError> for Stop {
    fn from(error: StatementError) -> Self {
        Self::Refuted(error.into())
    }
}

fn verdict(outcome: Result<EvidenceClass, Stop>) -> Verdict {
    match outcome {
        Ok(class) => Verdict::Verified { class },
        Err(Stop::NotChecked(reason)) => Verdict::NotChecked(reason),
        Err(Stop::Refuted(refutation)) => Verdict::Refuted(refutation),
    }
}

/// Decodes a bundle and holds it to its bounds.
pub(crate) fn decode(bytes: &[u8]) -> Result<Bundle, Unusable> {
    let bundle = Bundle::from_cbor(bytes).map_err(|error| match error {
        CodecError::Malformed => Unusable::Malformed,
        CodecError::NonCanonical => Unusable::NonCanonical,
        CodecError::TooLarge { .. } => Unusable::TooLarge,
    })?;
    let mut aggregates = bundle.aggregates.clone();
    aggregates.sort_unstable();
    aggregates.dedup();
    if bundle.format != Bundle::FORMAT {
        Err(Unusable::Format)
    } else if bundle.leaves.len() > Bundle::MAX_LEAVES {
        Err(Unusable::TooManyLeaves)
    } else if bundle.claims.len() > Bundle::MAX_CLAIMS
        || bundle.aggregates.len() > Bundle::MAX_CLAIMS
        || bundle.schemas.len() > MAX_LISTS
    {
        Err(Unusable::TooManyClaims)
    } else if bundle.boots.len() > MAX_LISTS
        || bundle.boots.iter().map(|boots| boots.entries.len()).sum::<usize>() > MAX_BOOTS
    {
        Err(Unusable::TooManyBoots)
    } else if aggregates.len() != bundle.aggregates.len() {
        Err(Unusable::AggregateRepeated)
    } else if bundle.claims.is_empty() && bundle.aggregates.is_empty() {
        Err(Unusable::Empty)
    } else {
        Ok(bundle)
    }
}

/// Most lists of boots, and most schemas: one each for every tally or pact that is spoken of.
const MAX_LISTS: usize = 64;
/// Most boots in all tallies' lives; their digests are recomputed for every claim.
const MAX_BOOTS: usize = 512;
