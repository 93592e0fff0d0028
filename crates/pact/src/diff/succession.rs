//! The chain of revisions: no revision resets what was counted.

use messages::ids::PactHash;

use super::{Diff, diff};
use crate::compile::{CompileError, compile};
use crate::document::Pact;

/// A pact that follows another. Only [`succeeds`] makes one. It says nothing of signatures: whose
/// are needed is in [`Succession::diff`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Succession {
    replaced: PactHash,
    current: PactHash,
    diff: Diff,
}

impl Succession {
    /// The pact that is replaced.
    #[must_use]
    pub const fn replaced(&self) -> PactHash {
        self.replaced
    }

    /// The pact that replaces it.
    #[must_use]
    pub const fn current(&self) -> PactHash {
        self.current
    }

    /// What it changes, and who must sign it.
    pub const fn diff(&self) -> &Diff {
        &self.diff
    }
}

/// Why a pact does not follow another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuccessionError {
    /// A counter is gone or elsewhere: what a tally counted would be taken for something else.
    #[error("counter {index} of the old pact is not counter {index} of the new one")]
    CountersReordered {
        /// Its place in the old schema.
        index: usize,
    },
    /// A limit is gone, elsewhere or counts something else: what was used of it would be lost.
    #[error("limit {index} of the old pact is not limit {index} of the new one")]
    LimitsReordered {
        /// Its place in the old pact.
        index: usize,
    },
    /// The new pact does not compile.
    #[error("the new pact does not compile: {0}")]
    NewDoesNotCompile(CompileError),
    /// The old pact does not compile.
    #[error("the old pact does not compile: {0}")]
    OldDoesNotCompile(CompileError),
    /// The relation is another.
    #[error("the new pact has another identifier")]
    OtherIdentifier,
    /// The parties are others.
    #[error("the new pact is between other parties")]
    OtherParties,
    /// The new pact replaces another.
    #[error("the new pact does not replace the old one")]
    OtherPrior,
    /// The number does not follow.
    #[error("the new pact is not the next revision")]
    RevisionGap,
}

impl SuccessionError {
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
            Self::CountersReordered { .. } => (
                "counters-reordered",
                "keep all calls, and all limits on sums, in their order and with their units; \
                 forbid a call by a limit of 0 on it instead of leaving it out; where the old pact \
                 limits a sum, no call can be added: agree a new pact with no prior for it",
            ),
            Self::LimitsReordered { .. } => (
                "limits-reordered",
                "keep every limit in its place with its counter and `per`, and append new ones",
            ),
            Self::NewDoesNotCompile(error) | Self::OldDoesNotCompile(error) => {
                ("does-not-compile", error.remedy())
            }
            Self::OtherIdentifier => ("other-identifier", "keep `id`"),
            Self::OtherParties => ("other-parties", "keep the DIDs of initiator and provider"),
            Self::OtherPrior => {
                ("other-prior", "set `prior` to what `cloister pact hash` prints for the old pact")
            }
            Self::RevisionGap => ("revision-gap", "set `revision` one above the old pact's"),
        }
    }
}

/// Checks that `new` is the next revision of `old`, and that all that was counted under `old`
/// keeps its meaning: counters and limits may only be appended.
///
/// # Errors
/// [`SuccessionError`].
pub fn succeeds(old: &Pact, new: &Pact) -> Result<Succession, SuccessionError> {
    if new.prior() != Some(old.hash()) {
        return Err(SuccessionError::OtherPrior);
    }
    if old.revision().checked_add(1) != Some(new.revision()) {
        return Err(SuccessionError::RevisionGap);
    }
    if old.terms().id != new.terms().id {
        return Err(SuccessionError::OtherIdentifier);
    }
    if old.initiator() != new.initiator() || old.provider() != new.provider() {
        return Err(SuccessionError::OtherParties);
    }
    let before = compile(old).map_err(SuccessionError::OldDoesNotCompile)?;
    let now = compile(new).map_err(SuccessionError::NewDoesNotCompile)?;
    if let Some(index) = misplaced(&before.schema().counters, &now.schema().counters) {
        return Err(SuccessionError::CountersReordered { index });
    }
    let [before, now] = [old, new].map(|pact| {
        let limits = pact.terms().limits.iter();
        limits.map(|l| (&l.id, l.counter.as_str(), l.per)).collect::<Vec<_>>()
    });
    match misplaced(&before, &now) {
        Some(index) => Err(SuccessionError::LimitsReordered { index }),
        None => Ok(Succession { replaced: old.hash(), current: new.hash(), diff: diff(old, new) }),
    }
}

/// The first of `old` that `new` does not have in the same place.
fn misplaced<T: PartialEq>(old: &[T], new: &[T]) -> Option<usize> {
    old.iter().enumerate().find(|(at, item)| new.get(*at) != Some(item)).map(|(at, _)| at)
}
