//! The language of claims: `success_rate >= 97.4% of at least 100 over 2026-09..2026-11`.
//!
//! ```text
//! claim     = statement [ "over" range ]
//! statement = sum cmp number
//!           | number "<=" sum "<=" number
//!           | sum "/" sum cmp share [ least ]             a share, or a mean
//!           | "mean(" sum ")" cmp number [ least ]
//!           | "rate(" sum ")" cmp number "per" span
//!           | "pNN(" histogram ")" ("<=" | "<") number [ least ]
//!           | "none(" sum ")" | "none(" histogram ">" number ")"
//!           | sum "=" sum
//!           | "agree(" sum ")"                            of two monitors
//!           | sum ("<=" | "<") number "per session"
//! least     = "of at least" number
//! sum       = name { "+" name }
//! cmp       = "<" | "<=" | "=" | ">=" | ">"
//! range     = date [ ".." date ] | "epochs" number ".." number
//! ```
//!
//! A name is a counter of the pact, or one of the words in [`WORDS`]. A number has the counter's
//! unit, with the unit behind it or without; money is written in its major unit. A statement
//! compiles to a [`Predicate`], whose forms are linear in the counters. What is not linear is
//! refused, with the counter or term that would make it so.

mod compile;
mod scope;
mod syntax;

use messages::claim::Predicate;
use messages::counter::Schema;

pub(crate) use compile::{breach, fraction};
pub use scope::Scope;

use crate::compile::{Compiled, LimitRule};

/// A claim as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    statement: syntax::Statement,
    /// Over what; none when the text does not say.
    pub scope: Option<Scope>,
}

impl Spoken {
    /// Reads a claim.
    ///
    /// # Errors
    /// [`ClaimError::Syntax`] and the like, none of which needs a pact.
    pub fn parse(text: &str) -> Result<Self, ClaimError> {
        syntax::parse(text)
    }

    /// What it states under a pact.
    ///
    /// # Errors
    /// [`ClaimError`]: unknown names, units that differ, and whatever is not linear.
    pub fn predicate(&self, pact: &Compiled) -> Result<Predicate, ClaimError> {
        let words = Vocabulary { schema: pact.schema(), limits: &pact.limits };
        compile::predicate(&self.statement, &words)
    }

    pub(crate) fn under(&self, words: &Vocabulary<'_>) -> Result<Predicate, ClaimError> {
        compile::predicate(&self.statement, words)
    }
}

/// What names mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vocabulary<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) limits: &'a [LimitRule],
}

/// Words for counters, and for quotients of counters.
pub const WORDS: &[(&str, &str)] = &[
    ("breach", "breaches"),
    ("calls", "calls.all"),
    ("failure_rate", "calls.error / (calls.ok + calls.error)"),
    ("latency", "the histogram latency_ms"),
    ("pii_records", "pii:any"),
    ("spend", "all sums of the currency that is named"),
    ("success_rate", "calls.ok / (calls.ok + calls.error)"),
];

/// Why a text is not a claim that can be proven.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not of the language.
    #[error("the claim cannot be read from character {at} on: {expected} is expected")]
    Syntax {
        /// Counted from 1.
        at: usize,
        /// What would go on.
        expected: &'static str,
    },
    /// No such counter, histogram or word.
    #[error("the pact has no counter and no word `{name}`")]
    UnknownName {
        /// As it was written.
        name: String,
    },
    /// The number does not fit its counter.
    #[error("the number {number} does not fit the unit `{unit}`")]
    Unit {
        /// As it was written.
        number: String,
        /// Of the counter.
        unit: String,
    },
    /// Only the edges of a histogram can be stated.
    #[error("`{histogram}` has no edge at {number}; its edges are {edges}")]
    Edge {
        /// Which histogram.
        histogram: String,
        /// As it was written.
        number: String,
        /// What can be stated.
        edges: String,
    },
    /// A relation that this kind of statement does not have.
    #[error("{what} can only be stated with {allowed}")]
    Comparison {
        /// Of what.
        what: &'static str,
        /// What can be.
        allowed: &'static str,
    },
    /// Nothing linear in the counters.
    #[error("{what} is not linear in any counter; {counter}")]
    NotLinear {
        /// What was asked for.
        what: String,
        /// What would make it so.
        counter: String,
    },
    /// A range that is none.
    #[error("the range {range} is no range of dates or epochs")]
    Range {
        /// As it was written.
        range: String,
    },
}

impl ClaimError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "claim-syntax",
            Self::UnknownName { .. } => "claim-unknown-name",
            Self::Unit { .. } => "claim-unit",
            Self::Edge { .. } => "claim-edge",
            Self::Comparison { .. } => "claim-comparison",
            Self::NotLinear { .. } => "claim-not-linear",
            Self::Range { .. } => "claim-range",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => {
                "write it like `success_rate >= 97% of at least 100 over 2026-09..2026-11`"
            }
            Self::UnknownName { .. } => "`cloister pact counters PACT` lists what can be claimed",
            Self::Unit { .. } => "write a whole number of the unit, or another unit",
            Self::Edge { .. } => "state one of its edges",
            Self::Comparison { .. } => "turn the statement round",
            Self::NotLinear { .. } => "add that counter or term to the pact",
            Self::Range { .. } => "write 2026-09..2026-11, 2026-09-01..2026-09-07 or epochs 1..30",
        }
    }
}
