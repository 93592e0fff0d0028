//! What a check remembers: tokens and counts, never a payload.
//!
//! State and change have one encoding each, for a sealed journal: what was written and applied
//! again is what was.

use std::collections::{BTreeMap, BTreeSet};

use messages::event::Party;
use messages::time::UnixMillis;
use minicbor::{Decode, Encode};

use crate::check::Granted;
use crate::document::terms::LogScope;
use crate::tokens::TokenKey;

mod change;
mod conduct;
mod known;
mod marked;
pub(crate) mod packed;
mod scoped;
mod window;

pub use change::Change;
pub(crate) use change::{CallChange, Class, StageChange, TurnChange};
pub(crate) use conduct::{Breach, Followed, Measured, Sample, Usual};
pub(crate) use known::Known;
pub(crate) use marked::Marked;
pub use scoped::Scoped;
pub(crate) use window::Window;

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
    pub(crate) delegated: Known,
    /// What sources that the principal pointed to ask for.
    pub(crate) asked: Known,
    pub(crate) content: Known,
    /// Content that asks for something.
    pub(crate) urged: Known,
    /// What the agent last said to its principal: a yes makes it the principal's own.
    pub(crate) proposed: Known,
    /// Who acts for a party, by token.
    pub(crate) delegates: BTreeMap<u64, Delegate>,
    /// Pieces that the pact follows.
    pub(crate) marked: Marked,
    pub(crate) places: BTreeSet<u64>,
    pub(crate) stems: BTreeSet<u64>,
    /// What the principal handed over.
    pub(crate) granted: Granted,
    /// Something was read that raises the scrutiny of the calls that follow.
    pub(crate) scrutiny: bool,
    /// Something that was read is not known any more: nothing counts as never seen.
    pub(crate) forgot: bool,
}

/// State of all sessions under one root pact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct StandingState {
    #[n(0)]
    pub(crate) sessions: u64,
    #[n(1)]
    pub(crate) used: BTreeMap<u16, u64>,
    #[n(2)]
    pub(crate) windows: BTreeMap<u16, Window>,
    #[n(3)]
    pub(crate) objectives: BTreeMap<u16, Measured>,
    #[n(4)]
    pub(crate) followed: BTreeMap<u16, Followed>,
    /// A consequence stopped the pact: nothing runs until an overseer reinstates it.
    #[n(5)]
    pub(crate) suspended: bool,
    /// Calls that ran.
    #[n(6)]
    pub(crate) ran: u64,
    /// What is usual of what the pact watches.
    #[n(7)]
    pub(crate) usual: BTreeMap<u16, Usual>,
    /// Until when renewals carry the pact on.
    #[n(8)]
    #[cbor(default)]
    pub(crate) renewed: Option<UnixMillis>,
}

/// Where the talk of agent and principal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Turn {
    /// The agent has not spoken to its principal since the last answer.
    #[n(0)]
    Open,
    /// The agent spoke last.
    #[n(1)]
    Asked,
    /// The principal answered yes.
    #[n(2)]
    Confirmed,
}

/// What is known of one call.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct CallState {
    #[n(0)]
    pub(crate) rule: u16,
    #[n(1)]
    pub(crate) stage: Stage,
    #[n(2)]
    pub(crate) lineage: Lineage,
    /// Values of its arguments that nobody vouched for: an answer that repeats them does not.
    #[n(3)]
    #[cbor(with = "packed")]
    pub(crate) echo: Vec<u64>,
}

/// Somebody who acts for a party.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Delegate {
    #[n(0)]
    pub(crate) party: Party,
    /// How many delegations lie between it and the party.
    #[n(1)]
    pub(crate) depth: u16,
    /// The delegate that it acts for; none for the party's own agent.
    #[n(2)]
    pub(crate) by: Option<u64>,
    /// Numbers of the calls that it may make.
    #[n(3)]
    pub(crate) scope: BTreeSet<u16>,
}

/// What a call's arguments say of what comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Lineage {
    /// The principal pointed to it.
    #[n(0)]
    Named,
    /// Nothing in particular.
    #[n(1)]
    Open,
    /// It answers words of the principal's, whoever wrote what was found.
    #[n(3)]
    Queried,
    /// From a place that nobody pointed to.
    #[n(4)]
    Elsewhere,
    /// Content chose it: even what the provider vouches for was picked by whoever wrote that.
    #[n(2)]
    Steered,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Stage {
    #[n(0)]
    Answered,
    #[n(1)]
    Escalated,
    #[n(2)]
    Permitted,
    #[n(3)]
    Refused,
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
            delegated: Known::default(),
            asked: Known::default(),
            content: Known::default(),
            urged: Known::default(),
            proposed: Known::default(),
            delegates: BTreeMap::new(),
            marked: Marked::default(),
            places: BTreeSet::new(),
            stems: BTreeSet::new(),
            granted: Granted::default(),
            scrutiny: false,
            forgot: false,
        }
    }

    /// Applies a change that [`check`](crate::check::check) found for this state.
    pub fn apply(&mut self, change: &Change) {
        self.opened |= change.opens;
        self.granted.all |= change.granted.all;
        self.granted.manner |= change.granted.manner;
        self.scrutiny |= change.scrutiny;
        self.forgot |= change.withheld;
        self.turn = match (change.turn, self.turn) {
            (None, turn) => turn,
            (Some(TurnChange::AgentSpoke), _) => Turn::Asked,
            (Some(TurnChange::PrincipalSaidYes), Turn::Asked | Turn::Confirmed) => Turn::Confirmed,
            (Some(TurnChange::PrincipalSaidYes | TurnChange::PrincipalSaidNo), _) => Turn::Open,
        };
        self.settle_proposal(change);
        if let Some(CallChange { call, rule, stage, lineage, echo }) = change.call.clone() {
            let stage = match stage {
                StageChange::Answered => Stage::Answered,
                StageChange::Escalated => Stage::Escalated,
                StageChange::Permitted => Stage::Permitted,
                StageChange::Refused => Stage::Refused,
            };
            self.calls.insert(call, CallState { rule, stage, lineage, echo });
        }
        self.delegates.extend(change.delegate.clone());
        self.succeeded.extend(change.succeeded);
        for (limit, n) in &change.session_used {
            let used = self.used.entry(*limit).or_default();
            *used = used.saturating_add(*n);
        }
        for (limit, token) in &change.distinct {
            let known = self.distinct.entry(*limit).or_default();
            if known.len() < MAX_WORDS {
                known.insert(*token);
            }
        }
        for learned in &change.learned {
            let known = match learned.class {
                Class::Asked => &mut self.asked,
                Class::Content => &mut self.content,
                Class::Delegated => &mut self.delegated,
                Class::Proposed => &mut self.proposed,
                Class::Principal => &mut self.principal,
                Class::Record => &mut self.record,
                Class::Urged => &mut self.urged,
            };
            // What does not fit is not known any more: it must not count as never seen.
            self.forgot |= !known.learn(&learned.words, &learned.exact);
        }
        for (marks, tokens) in change.marked() {
            self.marked.learn(marks, tokens);
        }
        if self.places.len().saturating_add(change.places.len()) <= MAX_WORDS {
            self.places.extend(&change.places);
        }
        if self.stems.len().saturating_add(change.stems.len()) <= MAX_WORDS {
            self.stems.extend(&change.stems);
        }
    }

    /// A yes to what the agent said makes it the principal's own words; anything else drops it.
    fn settle_proposal(&mut self, change: &Change) {
        match change.turn {
            None => {}
            Some(TurnChange::PrincipalSaidYes) if self.turn == Turn::Confirmed => {
                let proposed = core::mem::take(&mut self.proposed);
                self.forgot |= !self.principal.merge(proposed);
            }
            Some(
                TurnChange::AgentSpoke | TurnChange::PrincipalSaidNo | TurnChange::PrincipalSaidYes,
            ) => {
                self.proposed = Known::default();
            }
        }
    }

    /// Forgets all that was read, as a log scope below `full` does when this is written.
    pub fn withhold(&mut self) {
        self.calls.values_mut().for_each(|call| call.echo = Vec::new());
        for known in [
            &mut self.principal,
            &mut self.record,
            &mut self.delegated,
            &mut self.asked,
            &mut self.content,
            &mut self.urged,
            &mut self.proposed,
        ] {
            *known = Known::default();
        }
        self.marked = Marked::default();
        self.places = BTreeSet::new();
        self.stems = BTreeSet::new();
        self.forgot = true;
    }

    /// Applies a change in a mode that stops nothing: a call that was not permitted ran all the
    /// same, so its result is expected.
    pub fn observe(&mut self, change: &Change) {
        self.apply(change);
        if let Some(CallChange { call, .. }) = &change.call
            && let Some(state) = self.calls.get_mut(call)
            && matches!(state.stage, Stage::Escalated | Stage::Refused)
        {
            state.stage = Stage::Permitted;
        }
    }
}

impl StandingState {
    /// Whether a consequence stopped the pact.
    #[must_use]
    pub const fn suspended(&self) -> bool {
        self.suspended
    }

    /// An overseer lets the pact go on. What was counted stays counted.
    pub const fn reinstate(&mut self) {
        self.suspended = false;
    }

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
        for Sample { objective, slot, good, breached } in &change.samples {
            let measured = self
                .objectives
                .entry(*objective)
                .or_insert_with(|| Measured { since: change.now, ..Measured::default() });
            measured.all.add(*slot, 1);
            measured.good.add(*slot, u64::from(*good));
            measured.breached = breached.then(|| measured.breached.unwrap_or(change.now));
        }
        for Breach { consequence, onset, .. } in &change.breaches {
            let followed = self.followed.entry(*consequence).or_default();
            followed.breaches = followed.breaches.saturating_add(1);
            followed.onsets.extend(*onset);
        }
        for (anomaly, slot, n) in &change.usual {
            let known = self.usual.entry(*anomaly);
            let usual = known.or_insert_with(|| Usual { since: *slot, ..Usual::default() });
            usual.window.add(*slot, *n);
        }
        self.suspended |= change.suspends;
        self.ran = self.ran.saturating_add(u64::from(change.ran));
    }
}

/// Whether a scope lets the tokens of what was read be written.
const fn keeps_what_was_read(scope: LogScope) -> bool {
    match scope {
        LogScope::Full => true,
        LogScope::HashOnly | LogScope::Metadata => false,
    }
}

/// Most delegates of one party in a session.
pub(crate) const MAX_DELEGATES: usize = 256;
/// Most calls of one session.
pub(crate) const MAX_CALLS: usize = 1 << 16;
/// Most words and forms remembered of one class.
const MAX_WORDS: usize = 1 << 17;
