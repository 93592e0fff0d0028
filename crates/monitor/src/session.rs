//! One session: who may speak, in which order, and what waits for an overseer.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use messages::did::Did;
use messages::event::{Body, Event, Party, Role, SignedEvent};
use messages::ids::{EventHash, PactHash};
use messages::leaf::Gaps;
use messages::reply::Action;
use messages::signature::PublicKey;
use messages::time::UnixMillis;
use pact::{Change, OnTimeout, SessionState};

use crate::completeness::{Track, gaps, of, of_mut};
use crate::refusal::IngestError;

pub(crate) struct Session {
    /// As events name it.
    pub(crate) pact: PactHash,
    /// Owns the session in private statistics.
    pub(crate) principal: Did,
    pub(crate) keys: [PublicKey; 2],
    pub(crate) state: SessionState,
    pub(crate) tracks: [Track; 2],
    pub(crate) paused: BTreeMap<EventHash, Paused>,
    pub(crate) worst: Action,
    /// Interactions that ran.
    pub(crate) used: BTreeSet<String>,
    /// Names of the pact's interactions, in order.
    tools: Vec<String>,
    pub(crate) terminated: bool,
    pub(crate) touched: UnixMillis,
    pub(crate) opened: UnixMillis,
    /// Gaps already noted while the session is open.
    pub(crate) noted: Gaps,
}

/// A call that waits for an overseer.
pub(crate) struct Paused {
    pub(crate) event: SignedEvent,
    pub(crate) until: UnixMillis,
}

/// Most calls that wait at once.
pub(crate) const MAX_PAUSED: usize = 16;

impl Session {
    pub(crate) fn new(
        pact: PactHash,
        principal: Did,
        keys: [PublicKey; 2],
        (token_key, mut tools): ([u8; 16], Vec<String>),
        now: UnixMillis,
    ) -> Self {
        tools.sort_unstable();
        Self {
            pact,
            principal,
            keys,
            state: SessionState::new(token_key),
            tracks: [Track::default(), Track::default()],
            paused: BTreeMap::new(),
            worst: Action::Allow,
            used: BTreeSet::new(),
            tools,
            terminated: false,
            touched: now,
            opened: now,
            noted: Gaps::default(),
        }
    }

    /// Admits the reporter's next event: known direction, open, signed, in order, chained.
    pub(crate) fn admit<'e>(
        &self,
        signed: &'e SignedEvent,
    ) -> Result<(&'e Event, EventHash, Party), IngestError> {
        let event = signed.unverified();
        let party = event.from.reporter();
        let track = of(&self.tracks, party);
        if event.pact != self.pact {
            return Err(IngestError::OtherPact);
        }
        if !speaks(event) {
            return Err(IngestError::Direction);
        }
        let (event, hash) =
            signed.verify(of(&self.keys, party)).map_err(|_| IngestError::BadSignature)?;
        if track.closed() {
            return Err(IngestError::Closed);
        }
        if self.terminated {
            return Err(IngestError::Terminated);
        }
        if event.seq < track.count {
            return Err(IngestError::Duplicate);
        }
        if event.seq > track.count {
            return Err(IngestError::OutOfOrder);
        }
        if event.prev != track.head {
            return Err(IngestError::BrokenChain);
        }
        Ok((event, hash, party))
    }

    /// What the session knows after an event: in the observing modes a call runs whatever the
    /// verdict.
    pub(crate) fn remember(&mut self, change: &Change, runs: bool) {
        if runs { self.state.observe(change) } else { self.state.apply(change) }
    }

    /// Records an admitted event and what was done with it.
    pub(crate) fn record(
        &mut self,
        event: &Event,
        hash: EventHash,
        action: Action,
        runs: bool,
        now: UnixMillis,
    ) {
        let track = of_mut(&mut self.tracks, event.from.reporter());
        track.count = track.count.saturating_add(1);
        track.head = hash;
        self.worst = self.worst.max(action);
        self.touched = now;
        if runs {
            self.let_out(event, hash);
        }
    }

    /// Notes an event that was let through: what it used, and that the counterparty gets it.
    pub(crate) fn let_out(&mut self, event: &Event, hash: EventHash) {
        let (from, to) = (event.from.reporter(), event.to.reporter());
        if from != to {
            of_mut(&mut self.tracks, from).let_out(hash);
        }
        if let Body::Call { name, .. } = &event.body {
            // Names outside the pact have one cell, however many there are.
            let known = self.tools.binary_search(name).is_ok();
            self.used.insert(if known { name.clone() } else { String::from("other") });
        }
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

    /// Forgets paused calls that nobody decided in time; the pact may end the session for it.
    pub(crate) fn expire(&mut self, on_timeout: OnTimeout, now: UnixMillis) {
        let before = self.paused.len();
        self.paused.retain(|_, paused| now <= paused.until);
        if self.paused.len() < before && on_timeout == OnTimeout::Terminate {
            self.terminated = true;
            self.worst = Action::Terminate;
        }
    }

    pub(crate) fn both_closed(&self) -> bool {
        self.tracks.iter().all(Track::closed)
    }
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
        (Body::Call { .. } | Body::Result { .. }, _, _) => false,
    }
}
