//! One session: who may speak, in which order, and what waits for an overseer.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use messages::counter::CounterIndex;
use messages::did::Did;
use messages::event::{Body, Event, Party, Role, VerifiedEvent};
use messages::ids::{EventHash, PactHash};
use messages::leaf::Gaps;
use messages::reply::Action;
use messages::signature::PublicKey;
use messages::time::UnixMillis;
use minicbor::{Decode, Encode};
use pact::{Change, Compiled, OnTimeout, SessionState};

use crate::completeness::{Track, gaps, of, of_mut};
use crate::refusal::IngestError;

/// Written by the snapshot, as far as the pact's log scope allows.
#[derive(Decode)]
#[cbor(map)]
pub(crate) struct Session {
    /// As events name it.
    #[n(1)]
    pub(crate) pact: PactHash,
    /// Owns the session in private statistics.
    #[n(2)]
    pub(crate) principal: Did,
    #[n(3)]
    pub(crate) keys: [PublicKey; 2],
    #[n(4)]
    pub(crate) state: SessionState,
    #[n(5)]
    pub(crate) tracks: [Track; 2],
    #[n(6)]
    pub(crate) paused: BTreeMap<EventHash, Paused>,
    #[n(7)]
    pub(crate) worst: Action,
    /// Interactions that ran, by number.
    #[n(8)]
    pub(crate) used: BTreeSet<u16>,
    #[n(9)]
    pub(crate) terminated: bool,
    #[n(10)]
    pub(crate) touched: UnixMillis,
    #[n(11)]
    pub(crate) opened: UnixMillis,
    /// Gaps already noted while the session is open.
    #[n(12)]
    pub(crate) noted: Gaps,
    /// What overseers decided, by call.
    #[n(13)]
    pub(crate) decided: BTreeMap<EventHash, Told>,
    /// What it added to the counters of its pact, by place.
    #[n(14)]
    pub(crate) growth: BTreeMap<u16, u64>,
}

/// What a reporter was told about an event, and when: what it is told again is the same.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Told {
    #[n(1)]
    pub(crate) action: Action,
    #[n(2)]
    pub(crate) rule: String,
    #[n(3)]
    pub(crate) at: UnixMillis,
}

/// A call that waits for an overseer.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Paused {
    /// None where the pact's log scope does not keep it: then nobody can look a second time.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) event: Option<alloc::vec::Vec<u8>>,
    #[n(2)]
    pub(crate) until: UnixMillis,
    #[n(3)]
    pub(crate) rule: String,
}

/// Most calls that wait at once.
pub(crate) const MAX_PAUSED: usize = 16;

/// The number of interactions outside the pact: one cell, however many there are.
pub(crate) const OTHER: u16 = u16::MAX;

impl Session {
    pub(crate) fn new(
        pact: PactHash,
        principal: Did,
        keys: [PublicKey; 2],
        token_key: [u8; 16],
        now: UnixMillis,
    ) -> Self {
        Self {
            pact,
            principal,
            keys,
            state: SessionState::new(token_key),
            tracks: [Track::default(), Track::default()],
            paused: BTreeMap::new(),
            worst: Action::Allow,
            used: BTreeSet::new(),
            terminated: false,
            touched: now,
            opened: now,
            noted: Gaps::default(),
            decided: BTreeMap::new(),
            growth: BTreeMap::new(),
        }
    }

    /// Notes what an event of it adds to the counters.
    pub(crate) fn grow(&mut self, by: &[(CounterIndex, u64)]) {
        for (at, more) in by {
            let sum = self.growth.entry(at.0).or_default();
            *sum = sum.saturating_add(*more);
        }
    }

    /// Admits the reporter's next event: known direction, open, signed, in order, chained.
    pub(crate) fn admit<'e>(
        &self,
        verified: &'e VerifiedEvent,
    ) -> Result<(&'e Event, EventHash, Party), IngestError> {
        let event = verified.event();
        let party = event.from.reporter();
        let track = of(&self.tracks, party);
        if event.pact != self.pact {
            return Err(IngestError::OtherPact);
        }
        if !speaks(event) {
            return Err(IngestError::Direction);
        }
        if verified.key() != of(&self.keys, party) {
            return Err(IngestError::BadSignature);
        }
        if event.seq < track.count {
            return Err(IngestError::Duplicate);
        }
        if track.closed() {
            return Err(IngestError::Closed);
        }
        if self.terminated {
            return Err(IngestError::Terminated);
        }
        if event.seq > track.count {
            return Err(IngestError::OutOfOrder);
        }
        if event.prev != track.head {
            return Err(IngestError::BrokenChain);
        }
        Ok((event, verified.hash(), party))
    }

    /// The answer that was given to this event, if it is the last one taken of its reporter, or
    /// one that an overseer decided: a reporter that lost the answer asks again with the same
    /// bytes.
    pub(crate) fn answered(&self, verified: &VerifiedEvent) -> Option<Told> {
        let event = verified.event();
        let party = event.from.reporter();
        let track = of(&self.tracks, party);
        let decided = self.decided.get(&verified.hash());
        let last = event.pact == self.pact
            && event.seq.checked_add(1) == Some(track.count)
            && verified.hash() == track.head;
        let own = verified.key() == of(&self.keys, party);
        if !own || !(last || decided.is_some()) {
            return None;
        }
        decided.cloned().or_else(|| track.answer.clone())
    }

    /// Does nothing run in this session any more?
    pub(crate) fn over(&self, on_timeout: OnTimeout, now: UnixMillis) -> bool {
        let closed = of(&self.tracks, Party::Initiator).closed();
        closed || self.terminated || self.overdue(on_timeout, now)
    }

    /// What the session knows after an event: in the observing modes a call runs whatever the
    /// verdict.
    pub(crate) fn remember(&mut self, change: &Change, runs: bool) {
        if runs { self.state.observe(change) } else { self.state.apply(change) }
    }

    /// Forgets what was read under a log scope that would not have let it be written, when a
    /// revision widens the scope: from then on it counts as unseen, and a paused call whose content
    /// was not to be kept stays refused.
    pub(crate) fn withhold(&mut self) {
        self.state.withhold();
        self.paused.values_mut().for_each(|paused| paused.event = None);
    }

    /// Records an admitted event and what was done with it.
    pub(crate) fn record(&mut self, said: &Said, now: UnixMillis) {
        let track = of_mut(&mut self.tracks, said.party);
        let seq = track.count;
        track.count = seq.saturating_add(1);
        track.head = said.event;
        track.answer = Some(Told { action: said.action, rule: said.rule.clone(), at: now });
        self.worst = self.worst.max(said.action);
        self.touched = now;
        if said.runs {
            self.let_out(said, Some(seq));
        }
    }

    /// Notes an event that was let through: what it used, and that the counterparty gets it.
    pub(crate) fn let_out(&mut self, said: &Said, seq: Option<u64>) {
        if said.outward {
            of_mut(&mut self.tracks, said.party).let_out(said.event, seq);
        }
        self.used.extend(said.tool);
    }

    /// The gaps that this session has beyond those noted before; noted from now on.
    pub(crate) fn fresh_gaps(&mut self, ended: bool) -> Gaps {
        let [initiator, provider] = &self.tracks;
        let mut found = gaps(initiator, provider);
        if !ended {
            found.tail_open = 0;
        }
        let noted = self.noted;
        self.noted = Gaps {
            agent: found.agent.max(noted.agent),
            network: found.network.max(noted.network),
            monitor: found.monitor.max(noted.monitor),
            tail_open: found.tail_open.max(noted.tail_open),
        };
        self.noted.since(&noted).unwrap_or_default()
    }

    /// Would the pact end the session now, for a paused call that nobody decided in time?
    pub(crate) fn overdue(&self, on_timeout: OnTimeout, now: UnixMillis) -> bool {
        on_timeout == OnTimeout::Terminate && self.paused.values().any(|p| now > p.until)
    }

    /// Forgets paused calls that nobody decided in time; the pact may end the session for it.
    pub(crate) fn expire(&mut self, on_timeout: OnTimeout, now: UnixMillis) {
        if self.overdue(on_timeout, now) {
            self.terminated = true;
            self.worst = Action::Terminate;
        }
        self.paused.retain(|_, paused| now <= paused.until);
    }

    pub(crate) fn both_closed(&self) -> bool {
        self.tracks.iter().all(Track::closed)
    }
}

/// What was said, and what was done with it.
pub(crate) struct Said {
    pub(crate) party: Party,
    pub(crate) event: EventHash,
    pub(crate) action: Action,
    pub(crate) rule: String,
    pub(crate) runs: bool,
    pub(crate) outward: bool,
    pub(crate) tool: Option<u16>,
}

/// The number of a call's interaction; none for other events.
pub(crate) fn tool(event: &Event, pact: &Compiled) -> Option<u16> {
    let Body::Call { name, .. } = &event.body else { return None };
    Some(pact.number(name).unwrap_or(OTHER))
}

/// Does the event go to the counterparty?
pub(crate) fn outward(event: &Event) -> bool {
    event.from.reporter() != event.to.reporter()
}

fn speaks(event: &Event) -> bool {
    match (&event.body, event.from, event.to) {
        (Body::Message { .. }, from, to) => {
            from != to
                && (from, to) != (Role::Provider, Role::Principal)
                && (from, to) != (Role::Principal, Role::Provider)
        }
        (Body::Call { .. }, Role::Initiator, Role::Provider)
        | (Body::Result { .. }, Role::Provider, Role::Initiator) => true,
        (Body::Delegation { .. }, Role::Initiator, Role::Initiator)
        | (Body::Delegation { .. }, Role::Provider, Role::Provider) => true,
        (Body::Call { .. } | Body::Delegation { .. } | Body::Result { .. }, _, _) => false,
    }
}
