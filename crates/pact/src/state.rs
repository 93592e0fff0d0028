//! What a check remembers: tokens and counts, never a payload.

use std::collections::{BTreeMap, BTreeSet};

use messages::counter::CounterIndex;
use messages::time::UnixMillis;

use crate::compile::SLOTS;
use crate::tokens::{TokenKey, Tokens};

/// State of one session. Holds keyed tokens only, and dies with the session.
pub struct SessionState {
    pub(crate) key: TokenKey,
    pub(crate) opened: bool,
    pub(crate) turn: Turn,
    pub(crate) calls: BTreeMap<u64, CallState>,
    pub(crate) succeeded: BTreeSet<u16>,
    pub(crate) used: BTreeMap<u16, u64>,
    pub(crate) distinct: BTreeMap<u16, BTreeSet<u64>>,
    pub(crate) principal: Known,
    pub(crate) record: Known,
    pub(crate) content: Known,
    pub(crate) places: BTreeSet<u64>,
    pub(crate) stems: BTreeSet<u64>,
}

/// State of all sessions under one root pact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandingState {
    pub(crate) sessions: u64,
    pub(crate) used: BTreeMap<u16, u64>,
    pub(crate) windows: BTreeMap<u16, Window>,
}

/// Where the talk of agent and principal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The agent has not spoken to its principal since the last answer.
    Open,
    /// The agent spoke last.
    Asked,
    /// The principal answered yes.
    Confirmed,
}

/// What is known of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallState {
    pub(crate) rule: u16,
    pub(crate) stage: Stage,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Answered,
    Escalated,
    Permitted,
    Refused,
}

/// What was read of one class.
#[derive(Default)]
pub(crate) struct Known {
    /// Words in order; a zero ends each stretch.
    sequence: Vec<u64>,
    words: BTreeSet<u64>,
    /// Canonical forms, and whole fields.
    exact: BTreeSet<u64>,
}

impl Known {
    pub(crate) fn holds(&self, token: u64) -> bool {
        self.exact.contains(&token)
    }

    /// Whether `run` was read as a run of words of one stretch.
    pub(crate) fn holds_run(&self, run: &[u64]) -> bool {
        !run.is_empty()
            && run.iter().all(|w| self.words.contains(w))
            && self.sequence.windows(run.len()).any(|w| w == run)
    }

    /// Beyond the cap nothing more becomes known, so it stays unseen: this fails closed.
    fn learn(&mut self, words: &[u64], exact: &[u64]) {
        let size = self.sequence.len().saturating_add(words.len());
        if size > MAX_WORDS || self.exact.len().saturating_add(exact.len()) > MAX_WORDS {
            return;
        }
        self.sequence.extend_from_slice(words);
        self.sequence.push(0);
        self.words.extend(words);
        self.exact.extend(exact);
    }
}

/// A sliding window in whole slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    slots: BTreeMap<u64, u64>,
}

impl Window {
    /// Used in the window that ends in slot `now`, the oldest slot counted in full.
    pub(crate) fn used(&self, now: u64) -> u64 {
        let from = now.saturating_sub(SLOTS);
        self.slots.range(from..).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    fn add(&mut self, now: u64, n: u64) {
        // A clock that goes back counts in the newest slot: no budget is minted twice.
        let newest = self.slots.last_key_value().map_or(now, |(at, _)| now.max(*at));
        self.slots = self.slots.split_off(&newest.saturating_sub(SLOTS));
        let slot = self.slots.entry(newest).or_default();
        *slot = slot.saturating_add(n);
    }
}

/// What an event changes. Pure data: applied by the monitor once the event is on record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Change {
    pub(crate) now: UnixMillis,
    pub(crate) counters: Vec<(CounterIndex, u64)>,
    pub(crate) opens: bool,
    pub(crate) turn: Option<TurnChange>,
    pub(crate) call: Option<(u64, u16, StageChange)>,
    pub(crate) succeeded: Option<u16>,
    pub(crate) session_used: Vec<(u16, u64)>,
    pub(crate) pact_used: Vec<(u16, u64)>,
    /// Limit, slot, amount.
    pub(crate) window_used: Vec<(u16, u64, u64)>,
    pub(crate) distinct: Vec<(u16, u64)>,
    pub(crate) learned: Vec<Learned>,
    pub(crate) places: Vec<u64>,
    pub(crate) stems: Vec<u64>,
}

/// How the talk moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnChange {
    AgentSpoke,
    PrincipalSaidNo,
    PrincipalSaidYes,
}

/// How a call moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StageChange {
    Answered,
    Escalated,
    Permitted,
    Refused,
}

/// Tokens that become known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Learned {
    pub(crate) class: Class,
    pub(crate) words: Vec<u64>,
    pub(crate) exact: Vec<u64>,
}

/// How far a value is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Content,
    Principal,
    Record,
}

impl Change {
    /// Counters to add, by index in the pact's schema.
    #[must_use]
    pub fn counters(&self) -> &[(CounterIndex, u64)] {
        &self.counters
    }

    pub(crate) fn count(&mut self, counter: CounterIndex, n: u64) {
        if n > 0 {
            self.counters.push((counter, n));
        }
    }

    pub(crate) fn learn(&mut self, class: Class, tokens: Tokens) {
        self.learned.push(Learned { class, words: tokens.words, exact: tokens.typed });
    }
}

impl SessionState {
    /// A fresh session; `token_key` is 16 fresh random bytes.
    #[must_use]
    pub fn new(token_key: [u8; 16]) -> Self {
        Self {
            key: TokenKey::new(&token_key),
            opened: false,
            turn: Turn::Open,
            calls: BTreeMap::new(),
            succeeded: BTreeSet::new(),
            used: BTreeMap::new(),
            distinct: BTreeMap::new(),
            principal: Known::default(),
            record: Known::default(),
            content: Known::default(),
            places: BTreeSet::new(),
            stems: BTreeSet::new(),
        }
    }

    /// Applies a change that [`check`](crate::check::check) found for this state.
    pub fn apply(&mut self, change: &Change) {
        self.opened |= change.opens;
        self.turn = match (change.turn, self.turn) {
            (None, turn) => turn,
            (Some(TurnChange::AgentSpoke), _) => Turn::Asked,
            (Some(TurnChange::PrincipalSaidYes), Turn::Asked | Turn::Confirmed) => Turn::Confirmed,
            (Some(TurnChange::PrincipalSaidYes | TurnChange::PrincipalSaidNo), _) => Turn::Open,
        };
        if let Some((call, rule, stage)) = change.call {
            let stage = match stage {
                StageChange::Answered => Stage::Answered,
                StageChange::Escalated => Stage::Escalated,
                StageChange::Permitted => Stage::Permitted,
                StageChange::Refused => Stage::Refused,
            };
            self.calls.insert(call, CallState { rule, stage });
        }
        self.succeeded.extend(change.succeeded);
        for (limit, n) in &change.session_used {
            let used = self.used.entry(*limit).or_default();
            *used = used.saturating_add(*n);
        }
        for (limit, token) in &change.distinct {
            self.distinct.entry(*limit).or_default().insert(*token);
        }
        for learned in &change.learned {
            let known = match learned.class {
                Class::Content => &mut self.content,
                Class::Principal => &mut self.principal,
                Class::Record => &mut self.record,
            };
            known.learn(&learned.words, &learned.exact);
        }
        if self.places.len().saturating_add(change.places.len()) <= MAX_WORDS {
            self.places.extend(&change.places);
        }
        if self.stems.len().saturating_add(change.stems.len()) <= MAX_WORDS {
            self.stems.extend(&change.stems);
        }
    }

    /// Applies a change in a mode that stops nothing: a call that was not permitted ran all the
    /// same, so its result is expected.
    pub fn observe(&mut self, change: &Change) {
        self.apply(change);
        if let Some((call, ..)) = change.call
            && let Some(state) = self.calls.get_mut(&call)
            && matches!(state.stage, Stage::Escalated | Stage::Refused)
        {
            state.stage = Stage::Permitted;
        }
    }
}

impl StandingState {
    /// Applies a change that [`check`](crate::check::check) found for this state.
    pub fn apply(&mut self, change: &Change) {
        self.sessions = self.sessions.saturating_add(u64::from(change.opens));
        for (limit, n) in &change.pact_used {
            let used = self.used.entry(*limit).or_default();
            *used = used.saturating_add(*n);
        }
        for (limit, slot, n) in &change.window_used {
            self.windows.entry(*limit).or_default().add(*slot, *n);
        }
    }
}

/// Most words and forms remembered of one class.
const MAX_WORDS: usize = 1 << 17;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_its_oldest_slot_in_full() {
        let mut window = Window::default();
        window.add(100, 5);
        window.add(100 + SLOTS, 1);
        assert_eq!(window.used(100 + SLOTS), 6);
        assert_eq!(window.used(101 + SLOTS), 1);
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut window = Window::default();
        window.add(100, 5);
        window.add(3, 2);
        assert_eq!(window.used(100), 7);
        assert_eq!(window.used(3), 7);
    }

    #[test]
    fn beyond_the_cap_nothing_becomes_known() {
        let mut known = Known::default();
        known.learn(&vec![7; MAX_WORDS], &[]);
        known.learn(&[8], &[9]);
        assert!(known.holds_run(&[7, 7]) && !known.holds_run(&[8]) && !known.holds(9));
    }

    #[test]
    fn a_run_does_not_cross_two_stretches() {
        let mut known = Known::default();
        known.learn(&[1, 2], &[]);
        known.learn(&[3], &[]);
        assert!(known.holds_run(&[1, 2]) && !known.holds_run(&[2, 3]));
    }
}
