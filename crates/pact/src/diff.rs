//! Diff: what a revision changes, decided on the structured terms.
//!
//! A term that permits something is narrower, or it is wider: what cannot be shown to grant no
//! more counts as wider, so two patterns that are not the same are never compared. A term that
//! binds the monitor or the parties otherwise is neither; any change of it needs both signatures
//! (soundness rule 4).
//!
//! A narrowing holds for each single event: from the same history, what the new pact permits the
//! old one permits too. The caps of a session's memory are left aside.

use messages::event::Party;

use crate::document::Pact;
use crate::document::terms::{Direction, Document, InteractionKind};

mod agreed;
mod args;
mod bounds;
mod found;
mod interaction;
mod labels;
mod provenance;
mod succession;

use found::{Found, Place};
pub use succession::{Succession, SuccessionError, succeeds};

/// Everything that differs between two pacts, but for revision, prior and the order of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Diff(Vec<Difference>);

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: names of the format, identifiers and argument names of the pact, never values.
    pub at: String,
    /// What it means for what is granted.
    pub kind: Kind,
    /// What, in words.
    pub text: String,
    /// Whose permits it takes, when it is narrower.
    taken: Taken,
}

/// What a difference means for what is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The new pact grants less here.
    Narrower,
    /// The new pact grants more here, or it cannot be shown that it does not.
    Wider,
    /// Not a permit: both parties must agree.
    Changed,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Changed => "changed",
        }
    }
}

/// Which signatures a revision needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// Nothing differs.
    None,
    /// A party objects to renewal, as the old pact lets each of them: either signature is enough.
    Any,
    /// Only this party's permits shrink: its signature is enough.
    One(Party),
    /// Something else differs, or both lose permits.
    Both,
}

/// Whose permits a difference takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    Both,
    /// What the pact lets either party take from both.
    Either,
    From(Party),
}

/// Says what `new` changes in `old`.
pub fn diff(old: &Pact, new: &Pact) -> Diff {
    let (old, new) = (old.terms(), new.terms());
    let mut found = Found::default();
    // Every field by name: a new one must be thought about here.
    let Document {
        pact: _,
        id,
        revision: _,
        prior: _,
        template,
        parties,
        term,
        labels,
        interactions,
        flows,
        limits,
        performance,
        delegation,
        data,
        consequences,
        monitoring,
        dispute,
        anchor,
    } = old;
    found.agreed("id", id == &new.id, "it is about another relation");
    found.agreed("template", template == &new.template, "it comes from another template");
    agreed::parties(&mut found, parties, &new.parties);
    agreed::term(&mut found, term, &new.term);
    let kept = bounds::kept_flows(old, new);
    interaction::all(&mut found, interactions, &new.interactions, &kept);
    bounds::limits(&mut found, limits, (old, new));
    labels::compare(&mut found, labels, (old, new));
    bounds::flows(&mut found, flows, (old, new));
    bounds::delegation(&mut found, delegation.as_ref(), new.delegation.as_ref());
    found.agreed("performance", performance == &new.performance, "other objectives hold");
    found.agreed("data", data == &new.data, "data is treated in another way");
    found.agreed("consequences", consequences == &new.consequences, "something else follows");
    agreed::monitoring(&mut found, monitoring, &new.monitoring);
    found.agreed("dispute", dispute == &new.dispute, "disputes are settled in another way");
    found.agreed("anchor", anchor == &new.anchor, "it is anchored elsewhere");
    if found.any_narrower() && agreed::names_one_finding(old) {
        let place = Place::new("consequences".to_owned(), Taken::Both);
        found.wider(&place, "a narrower term can hide the one that a consequence names");
    }
    Diff(found.finish())
}

impl Diff {
    /// Every difference, in the order of the format.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.0
    }

    /// Whether the new pact grants no more than the old one and changes nothing else.
    #[must_use]
    pub fn is_narrower(&self) -> bool {
        self.0.iter().all(|d| d.kind == Kind::Narrower)
    }

    /// Who must sign the new pact. A party may give up its own permits alone, and nothing else.
    #[must_use]
    pub fn signatures(&self) -> Needed {
        if !self.is_narrower() {
            return Needed::Both;
        }
        self.0.iter().fold(Needed::None, |needed, d| match (needed, d.taken) {
            (Needed::Both, _) | (_, Taken::Both) => Needed::Both,
            (Needed::None | Needed::Any, Taken::Either) => Needed::Any,
            (Needed::One(party), Taken::Either) => Needed::One(party),
            (Needed::None | Needed::Any, Taken::From(party)) => Needed::One(party),
            (Needed::One(party), Taken::From(other)) if party == other => Needed::One(party),
            (Needed::One(_), Taken::From(_)) => Needed::Both,
        })
    }
}

impl Taken {
    /// Who makes what goes this way.
    const fn of(direction: Direction) -> Self {
        match direction {
            Direction::ToInitiator => Self::From(Party::Provider),
            Direction::ToProvider => Self::From(Party::Initiator),
        }
    }

    /// Who makes any of these; both when nobody does.
    fn of_all(mut directions: impl Iterator<Item = Direction>) -> Self {
        let first = directions.next().map_or(Self::Both, Self::of);
        directions.fold(first, |taken, d| if taken == Self::of(d) { taken } else { Self::Both })
    }

    /// Who makes calls under these terms.
    fn of_calls(terms: &Document) -> Self {
        let calls = terms.interactions.iter().filter(|i| i.kind == InteractionKind::Call);
        Self::of_all(calls.map(|i| i.direction))
    }
}
