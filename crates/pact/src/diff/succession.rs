//! The chain of revisions: no revision resets what was counted.

use messages::ids::PactHash;

use super::{Diff, Needed, diff};
use crate::compile::{CompileError, compile, compile_after};
use crate::document::Pact;
use crate::document::terms::Document;

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
    /// A term with a memory is gone, elsewhere or about something else: what was used of a limit,
    /// measured for an objective, or counted towards a consequence would be lost.
    #[error("{list}[{index}] of the old pact is not {list}[{index}] of the new one")]
    Moved {
        /// `limits`, `performance`, `consequences` or `monitoring.anomalies`.
        list: &'static str,
        /// Its place in the old pact.
        index: usize,
    },
    /// The old pact excludes it.
    #[error("the old pact excludes any change but that a party gives up permits")]
    NotRenegotiable,
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
            Self::Moved { .. } => (
                "term-moved",
                "keep every limit, objective, consequence and anomaly in its place, with what it \
                 counts and over what, and append new ones; to lift one, widen its bound",
            ),
            Self::NewDoesNotCompile(CompileError::UnknownCounter { .. }) => (
                "does-not-compile",
                "keep a call that a limit counts, and forbid it by a limit of 0; or correct the \
                 counter's name",
            ),
            Self::NewDoesNotCompile(error) | Self::OldDoesNotCompile(error) => {
                ("does-not-compile", error.remedy())
            }
            Self::NotRenegotiable => (
                "not-renegotiable",
                "agree a new pact with no prior, or only narrow one's own permits",
            ),
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
/// keeps its meaning: whatever has a memory stays in its place, and new terms are appended.
///
/// Calls may come and go: their counters and numbers stay (see [`compile_after`]).
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
    // A revision is a whole pact: it stands by itself, and after the one that it replaces.
    compile(new).map_err(SuccessionError::NewDoesNotCompile)?;
    compile_after(&before, new).map_err(SuccessionError::NewDoesNotCompile)?;
    remembered(old.terms(), new.terms())?;
    let diff = diff(old, new);
    let excluded = old.terms().term.renegotiation.as_ref().is_some_and(|r| !r.allowed);
    if excluded && !matches!(diff.signatures(), Needed::Any | Needed::One(_)) {
        return Err(SuccessionError::NotRenegotiable);
    }
    Ok(Succession { replaced: old.hash(), current: new.hash(), diff })
}

/// What the standing state knows by place.
fn remembered(old: &Document, new: &Document) -> Result<(), SuccessionError> {
    kept("limits", [old, new], |d| &d.limits, |l| (l.id.clone(), l.counter.clone(), l.per))?;
    kept(
        "performance",
        [old, new],
        |d| &d.performance,
        |o| (o.id.clone(), o.indicator, o.window, o.applies_to.clone()),
    )?;
    // A wider trigger would count from what the narrower one counted.
    kept("consequences", [old, new], |d| &d.consequences, |c| c.on.clone())?;
    kept(
        "monitoring.anomalies",
        [old, new],
        |d| &d.monitoring.anomalies,
        |a| (a.id.clone(), a.counter.clone(), a.window),
    )
}

/// Everything in a list of `old` is in the same place of `new`'s, about the same thing.
fn kept<T, K: PartialEq>(
    list: &'static str,
    documents: [&Document; 2],
    of: impl Fn(&Document) -> &Vec<T>,
    about: impl Fn(&T) -> K,
) -> Result<(), SuccessionError> {
    let [old, new] = documents.map(of);
    let stays = |(at, term): (usize, &T)| new.get(at).is_some_and(|now| about(now) == about(term));
    match old.iter().enumerate().position(|term| !stays(term)) {
        Some(index) => Err(SuccessionError::Moved { list, index }),
        None => Ok(()),
    }
}
