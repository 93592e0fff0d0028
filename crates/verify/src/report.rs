//! What came of a bundle: one verdict for each statement. There is no bare yes.

use messages::bundle::{Proof, ProvenClaim};
use messages::did::Did;
use messages::ids::{PactHash, Root};
use messages::time::{ClockKind, Epoch, UnixMillis};

use crate::anchors::EvidenceClass;
use crate::codes::{Fault, Reason, Refutation, StatementError};

/// One verdict a statement: those of the claims in the bundle's order, then aggregates, then what
/// the bundle says is missing.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The items.
    pub items: Vec<Item>,
    /// The claims that statements are of, in the bundle's order.
    pub claims: Vec<ClaimFinding>,
    /// What is known of each log beside its leaves.
    pub logs: Vec<LogFinding>,
    /// The pacts that the claims speak of, each by the root of its chain.
    pub pacts: Vec<PactFinding>,
    /// Every day that was paid from, of a whole ledger; none of a bundle.
    pub days: Vec<DayFinding>,
}

impl Report {
    /// The verdict as a number: 0 when everything is verified, 1 when something is refuted, 2 when
    /// nothing is refuted and something not checked, or there is nothing at all.
    #[must_use]
    pub fn exit(&self) -> u8 {
        let any = |of: fn(&Verdict) -> bool| self.items.iter().any(|item| of(&item.verdict));
        let refuted = any(|verdict| matches!(verdict, Verdict::Refuted(_)));
        let unchecked = any(|verdict| matches!(verdict, Verdict::NotChecked(_)));
        match (refuted, unchecked || self.items.is_empty()) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 0,
        }
    }

    /// Does anything rest on evidence of a development machine?
    #[must_use]
    pub fn insecure(&self) -> bool {
        let class = EvidenceClass::InsecureSoftware;
        self.items.iter().any(|item| item.verdict == Verdict::Verified { class })
    }
}

/// A statement, an aggregate or something missing, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub subject: Subject,
    /// What it says, in words.
    pub words: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A statement of a claim, by both numbers.
    Statement {
        /// Which claim of the bundle.
        claim: usize,
        /// Which of its statements.
        statement: usize,
    },
    /// A private aggregate, by its number.
    Aggregate(usize),
    /// A whole ledger.
    Ledger,
    /// Something missing, by its number.
    Missing(usize),
}

/// How, until when and about what a claim speaks. Says nothing of whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimFinding {
    /// What stands behind it.
    pub means: Means,
    /// For whom it was made; none when it is for anybody.
    pub audience: Option<Did>,
    /// From then on it is stale.
    pub expiry: UnixMillis,
    /// How many missing events it admits.
    pub admitted_gaps: u64,
    /// Its ranges.
    pub ranges: Vec<RangeFinding>,
}

/// What stands behind a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// A proof over published commitments: nobody's word.
    ZeroKnowledge,
    /// The signature of a boot of the monitor: worth what that boot is worth.
    Signed,
    /// A proof about each event, segment by segment, under a circuit's key.
    Segments,
}

impl From<&ProvenClaim> for Means {
    fn from(proven: &ProvenClaim) -> Self {
        match proven.proof {
            Proof::ZeroKnowledge(_) => Self::ZeroKnowledge,
            Proof::Signed(_) => Self::Signed,
            Proof::Segments(_) => Self::Segments,
        }
    }
}

/// One range of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeFinding {
    /// The log.
    pub origin: String,
    /// The root of the pact's chain.
    pub pact: PactHash,
    /// Whose behaviour.
    pub party: Did,
    /// The first epoch.
    pub first: Epoch,
    /// The last.
    pub last: Epoch,
    /// Not earlier than this it began, by the leaf before it; none when the bundle lacks that.
    pub began: Option<UnixMillis>,
    /// Not later than this it ended, by its last leaf; none when the bundle lacks that.
    pub ended: Option<UnixMillis>,
}

/// How far a log's checkpoint is known to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFinding {
    /// The log.
    pub origin: String,
    /// Its leaves at the checkpoint.
    pub size: u64,
    /// How many of the verifier's witnesses cosigned it.
    pub cosigned: usize,
    /// Not later than this it existed, by the earliest accepted time stamp.
    pub stamped: Option<UnixMillis>,
    /// What the times in its leaves rest on, the weakest of those shown.
    pub clock: Option<ClockKind>,
}

/// Since when a pact is known to exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PactFinding {
    /// The pact.
    pub pact: PactHash,
    /// Not later than this its terms existed, by the earliest accepted time stamp of its name.
    pub stamped: Option<UnixMillis>,
}

/// A day of a data set, and what was paid from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayFinding {
    /// The data set: a pact under a name that says nothing.
    pub dataset: Root,
    /// The day, counted from 1970-01-01.
    pub day: u64,
    /// What was spent on it, nano-ρ.
    pub spent_nano_rho: u64,
    /// What may be spent on it, nano-ρ.
    pub cap_nano_rho: u64,
    /// How many queries were paid for.
    pub paid: usize,
    /// How many of them were answered; the others are lost.
    pub answered: usize,
}

/// What came of one item.
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

impl From<Result<EvidenceClass, Stop>> for Verdict {
    fn from(outcome: Result<EvidenceClass, Stop>) -> Self {
        match outcome {
            Ok(class) => Self::Verified { class },
            Err(Stop::NotChecked(reason)) => Self::NotChecked(reason),
            Err(Stop::Refuted(refutation)) => Self::Refuted(refutation),
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
