//! What an event changes: pure data, put in the journal before it is applied.
//!
//! The encoding is deterministic CBOR (RFC 8949, section 4.2.1) and stays inside a sealed
//! journal. It holds keyed tokens, never text.

use std::borrow::Cow;

use messages::counter::CounterIndex;
use messages::time::UnixMillis;
use minicbor::{Decode, Encode};

use super::{Breach, Delegate, Lineage, MAX_WORDS, Sample, keeps_what_was_read, packed};
use crate::check::Granted;
use crate::document::terms::LogScope;
use crate::tokens::Tokens;

/// What an event changes. Pure data: applied by the monitor once the event is on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
#[must_use]
pub struct Change {
    #[n(0)]
    pub(crate) now: UnixMillis,
    #[n(1)]
    pub(crate) counters: Vec<(CounterIndex, u64)>,
    #[n(2)]
    pub(crate) opens: bool,
    #[n(3)]
    pub(crate) turn: Option<TurnChange>,
    #[n(4)]
    pub(crate) call: Option<CallChange>,
    #[n(5)]
    pub(crate) succeeded: Option<u16>,
    #[n(6)]
    pub(crate) session_used: Vec<(u16, u64)>,
    #[n(7)]
    pub(crate) pact_used: Vec<(u16, u64)>,
    /// Limit, slot, amount.
    #[n(8)]
    pub(crate) window_used: Vec<(u16, u64, u64)>,
    #[n(9)]
    pub(crate) distinct: Vec<(u16, u64)>,
    #[n(10)]
    pub(crate) learned: Vec<Learned>,
    #[n(11)]
    #[cbor(with = "packed")]
    pub(crate) places: Vec<u64>,
    #[n(12)]
    #[cbor(with = "packed")]
    pub(crate) stems: Vec<u64>,
    /// Something was read that raises scrutiny.
    #[n(13)]
    pub(crate) scrutiny: bool,
    /// What was read is not written here.
    #[n(14)]
    pub(crate) withheld: bool,
    /// Pieces that the pact follows.
    #[n(15)]
    pub(crate) marked: Vec<MarkedPieces>,
    /// What an answer adds to objectives.
    #[n(16)]
    pub(crate) samples: Vec<Sample>,
    /// Breaches that count towards consequences.
    #[n(17)]
    pub(crate) breaches: Vec<Breach>,
    /// A consequence stops the pact.
    #[n(18)]
    pub(crate) suspends: bool,
    /// A call runs.
    #[n(19)]
    pub(crate) ran: bool,
    /// Anomaly, window, amount.
    #[n(20)]
    pub(crate) usual: Vec<(u16, u64, u64)>,
    /// What the principal hands over.
    #[n(21)]
    pub(crate) granted: Granted,
    /// Who may act for a party from now on.
    #[n(22)]
    pub(crate) delegate: Option<(u64, Delegate)>,
}

/// Pieces with the same marks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct MarkedPieces {
    #[n(0)]
    marks: u64,
    #[n(1)]
    #[cbor(with = "packed")]
    tokens: Vec<u64>,
}

/// How one call moves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct CallChange {
    #[n(0)]
    pub(crate) call: u64,
    #[n(1)]
    pub(crate) rule: u16,
    #[n(2)]
    pub(crate) stage: StageChange,
    #[n(3)]
    pub(crate) lineage: Lineage,
    #[n(4)]
    #[cbor(with = "packed")]
    pub(crate) echo: Vec<u64>,
}

/// How the talk moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum TurnChange {
    #[n(0)]
    AgentSpoke,
    #[n(1)]
    PrincipalSaidNo,
    #[n(2)]
    PrincipalSaidYes,
}

/// How a call moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum StageChange {
    #[n(0)]
    Answered,
    #[n(1)]
    Escalated,
    #[n(2)]
    Permitted,
    #[n(3)]
    Refused,
}

/// Tokens that become known.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Learned {
    #[n(0)]
    pub(crate) class: Class,
    #[n(1)]
    #[cbor(with = "packed")]
    pub(crate) words: Vec<u64>,
    #[n(2)]
    #[cbor(with = "packed")]
    pub(crate) exact: Vec<u64>,
}

/// How far a value is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Class {
    #[n(0)]
    Asked,
    #[n(1)]
    Content,
    #[n(2)]
    Delegated,
    #[n(3)]
    Principal,
    #[n(4)]
    Proposed,
    #[n(5)]
    Record,
    #[n(6)]
    Urged,
}

impl Change {
    /// Counters to add, by index in the pact's schema.
    #[must_use]
    pub fn counters(&self) -> &[(CounterIndex, u64)] {
        &self.counters
    }

    /// What of this change may be written under a pact's log scope: under less than `full`
    /// nothing of what was read. After a recovery that counts as unseen, which fails closed.
    /// Counts, limits, distinct values (as keyed hashes), calls and the turn stay.
    ///
    /// The running monitor applies the change itself, not what is written of it.
    #[must_use]
    pub fn scoped(&self, scope: LogScope) -> Cow<'_, Self> {
        if keeps_what_was_read(scope) {
            return Cow::Borrowed(self);
        }
        // Every field by name: a new one must be thought about here.
        Cow::Owned(Self {
            now: self.now,
            counters: self.counters.clone(),
            opens: self.opens,
            turn: self.turn,
            call: self.call.clone().map(|call| CallChange { echo: Vec::new(), ..call }),
            succeeded: self.succeeded,
            session_used: self.session_used.clone(),
            pact_used: self.pact_used.clone(),
            window_used: self.window_used.clone(),
            distinct: self.distinct.clone(),
            learned: Vec::new(),
            places: Vec::new(),
            stems: Vec::new(),
            scrutiny: self.scrutiny,
            withheld: true,
            marked: Vec::new(),
            samples: self.samples.clone(),
            breaches: self.breaches.clone(),
            suspends: self.suspends,
            ran: self.ran,
            usual: self.usual.clone(),
            granted: self.granted,
            delegate: self.delegate.clone(),
        })
    }

    pub(crate) fn count(&mut self, counter: CounterIndex, n: u64) {
        if n > 0 {
            self.counters.push((counter, n));
        }
    }

    /// Places of the consequences that follow.
    pub(crate) fn followed(&self) -> impl Iterator<Item = usize> {
        self.breaches.iter().filter(|b| b.follows).map(|b| usize::from(b.consequence))
    }

    pub(crate) fn mark(&mut self, marks: u64, tokens: Vec<u64>) {
        self.marked.push(MarkedPieces { marks, tokens });
    }

    pub(super) fn marked(&self) -> impl Iterator<Item = (u64, &[u64])> {
        self.marked.iter().map(|m| (m.marks, &m.tokens[..]))
    }

    pub(crate) fn learn(&mut self, class: Class, tokens: Tokens) {
        self.learned.push(Learned { class, words: tokens.words, exact: tokens.typed });
    }

    /// Places in which a value stood; beyond the cap they stay unseen.
    pub(crate) fn place(&mut self, tokens: impl Iterator<Item = u64>) {
        self.places.extend(tokens.take(MAX_WORDS.saturating_sub(self.places.len())));
    }
}
