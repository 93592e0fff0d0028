//! Why a well-formed pact does not compile.

use super::rules::MAX_PATTERNS;
use crate::claim::ClaimError;

/// Why a pact does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// Two permitted interactions cannot be told apart.
    #[error("interaction {index}: another interaction has the same kind, direction and name")]
    AmbiguousName {
        /// Place in `interactions`.
        index: usize,
    },
    /// A comparison that says nothing.
    #[error(
        "anomaly {index}: its window is empty, its factor is not above 1, or its least is no number"
    )]
    BadAnomaly {
        /// Place in `monitoring.anomalies`.
        index: usize,
    },
    /// A bound that the counter cannot be compared with.
    #[error("claim {index}: the bound is not a whole number of the counter's unit, or is missing")]
    BadBound {
        /// Place in `claims`.
        index: usize,
    },
    /// No time, or more than a minute.
    #[error("the deadline for a verdict is not 1 to 60000 milliseconds")]
    BadDeadline,
    /// An objective that cannot be measured.
    #[error("objective {index}: this indicator cannot be compared so")]
    BadObjective {
        /// Place in `performance`.
        index: usize,
    },
    /// An amount that is not a whole number of minor units.
    #[error("limit {index}: the maximum is not a whole number of the counter's unit")]
    BadMaximum {
        /// Place in `limits`.
        index: usize,
    },
    /// Nobody could ever object.
    #[error("the notice for renewal is as long as the term, or longer")]
    BadNotice,
    /// A path that is not steps with dots.
    #[error("source {index}: a field path is not one to sixteen steps with dots")]
    BadPath {
        /// Place in `labels.sources`.
        index: usize,
    },
    /// Not a regular expression of the linear-time subset.
    #[error("interaction {index}: a pattern is not a regular expression of at most 512 bytes")]
    BadPattern {
        /// Place in `interactions`.
        index: usize,
    },
    /// Who a flow is about cannot be read.
    #[error("flow {index}: a recipient is not a provenance class, with or without ! before it")]
    BadRecipient {
        /// Place in `flows`.
        index: usize,
    },
    /// An identifier stands for one call for ever.
    #[error("interaction {index}: a pact before has another call under this identifier")]
    CallChanged {
        /// Place in `interactions`.
        index: usize,
    },
    /// What was counted in one unit cannot go on in another.
    #[error("a counter of the pact before counts in another unit now")]
    CounterChanged,
    /// Distinct values are told apart only inside one session.
    #[error("limit {index}: distinct values can only be limited per session")]
    DistinctNeedsSession {
        /// Place in `limits`.
        index: usize,
    },
    /// A sum of what?
    #[error("limit {index}: the summed argument has no unit")]
    LimitWithoutUnit {
        /// Place in `limits`.
        index: usize,
    },
    /// Expressions take room and time.
    #[error("the pact has more than {MAX_PATTERNS} patterns")]
    TooManyPatterns,
    /// The schema is full.
    #[error("the pact needs more than {} counters", messages::counter::MAX_COUNTERS)]
    TooManyCounters,
    /// More is followed than a mark can name.
    #[error("the pact has more than 64 flows and bounds on sensitivity")]
    TooManyMarks,
    /// A claim's statement that says nothing that can be proven.
    #[error("claim {index}: {error}")]
    BadStatement {
        /// Place in `claims`.
        index: usize,
        /// Why not.
        error: ClaimError,
    },
    /// Statements of one claim that differ in more than their thresholds.
    #[error("claim {index}: its statements differ in more than their thresholds")]
    ProgramsDiffer {
        /// Place in `claims`.
        index: usize,
    },
    /// A limit or claim counts something that is not counted.
    #[error("{kind} {index}: no such counter")]
    UnknownCounter {
        /// `limit` or `claim`.
        kind: &'static str,
        /// Its place.
        index: usize,
    },
    /// A flow goes to something that is not permitted.
    #[error("flow {index}: it names an interaction that the pact does not have")]
    UnknownFlowTarget {
        /// Place in `flows`.
        index: usize,
    },
    /// `after` names something that is not permitted.
    #[error("interaction {index}: it names an interaction that the pact does not have")]
    UnknownInteraction {
        /// Place in `interactions`.
        index: usize,
    },
    /// Renewal depends on something that is not promised.
    #[error("renewal names an objective that the pact does not have")]
    UnknownObjective,
    /// `limits` names something that is not limited.
    #[error("interaction {index}: it names a limit that the pact does not have")]
    UnknownLimit {
        /// Place in `interactions`.
        index: usize,
    },
    /// A claim that is not linear in the counters.
    #[error("claim {index}: this form of claim cannot be proven")]
    UnsupportedClaim {
        /// Place in `claims`.
        index: usize,
    },
}

impl CompileError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.words().0
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        self.words().1
    }

    const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::AmbiguousName { .. } => ("ambiguous-name", "merge the two interactions"),
            Self::BadAnomaly { .. } => {
                ("bad-anomaly", "write a window like PT1M, a factor like 4 and a least like 20")
            }
            Self::BadBound { .. } => ("bad-bound", "write a bound in the counter's unit"),
            Self::BadDeadline => ("bad-deadline", "write 1 to 60000, or leave it out for 2000"),
            Self::BadMaximum { .. } => ("bad-maximum", "write at most the unit's two decimals"),
            Self::BadObjective { .. } => (
                "bad-objective",
                "write latency_ms with a percentile and <=, success_ratio, availability or \
                 throughput with >=, failure_ratio with <=, and name interactions of the pact",
            ),
            Self::BadNotice => ("bad-notice", "write a notice shorter than the term"),
            Self::BadPath { .. } => ("bad-path", "write steps like a.*.b or **.sender"),
            Self::BadPattern { .. } => (
                "bad-pattern",
                "use a shorter expression without look-around and with few repetitions; max_len \
                 bounds a length",
            ),
            Self::BadRecipient { .. } => {
                ("bad-recipient", "write principal, !record, !org:example.com and so on")
            }
            Self::CallChanged { .. } => {
                ("call-changed", "give another name or direction another identifier")
            }
            Self::CounterChanged => {
                ("counter-changed", "keep the unit of every argument that a limit sums")
            }
            Self::DistinctNeedsSession { .. } => {
                ("distinct-needs-session", "write \"per\": \"session\"")
            }
            Self::LimitWithoutUnit { .. } => {
                ("limit-without-unit", "give the summed argument's constraint a unit")
            }
            Self::TooManyPatterns => ("too-many-patterns", "split the pact, or use lists"),
            Self::TooManyCounters => ("too-many-counters", "split the pact"),
            Self::TooManyMarks => (
                "too-many-marks",
                "merge flows of the same source; a chain of pacts that used up its marks goes on \
                 as a new pact with no prior",
            ),
            Self::UnknownCounter { .. } => (
                "unknown-counter",
                "use events, calls:ID, sum:ID.ARG, distinct:ID.ARG, pii:any, \
                  bytes, errors, or for claims a counter of the schema",
            ),
            Self::BadStatement { error, .. } => (error.code(), error.remedy()),
            Self::ProgramsDiffer { .. } => ("programs-differ", "make a claim of each"),
            Self::UnknownFlowTarget { .. } | Self::UnknownInteraction { .. } => {
                ("unknown-interaction", "correct the identifier")
            }
            Self::UnknownObjective => ("unknown-objective", "name objectives of `performance`"),
            Self::UnknownLimit { .. } => ("unknown-limit", "correct the identifier"),
            Self::UnsupportedClaim { .. } => (
                "unsupported-claim",
                "claim a bound, an interval, a least share, a percentile \
                  at an edge, or an equality; or write it out in `any_of`",
            ),
        }
    }
}
