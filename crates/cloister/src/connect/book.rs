//! All sessions of one party under one pact, sans-IO. What happens is first a [`Record`], made
//! here and written by the caller, and then applied here: so a start from the records comes to the
//! same state.
//!
//! INVARIANT: an event is sent only when its record is durable, and a number is given once. After
//! a start, a session takes new events only when the monitor has said how many it holds: an outbox
//! that lost records on a lying disk would otherwise number other events alike.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use messages::did::Did;
use messages::domain;
use messages::event::{Body, Counts, Event, Party, Role, SignedEvent};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::receipt::{BootCertificate, Receipt, Resumption};
use messages::signature::SigningKey;
use messages::time::UnixMillis;

use crate::connect::record::{Ending, Record};
use crate::connect::session::{Session, SessionError};

/// All sessions of one party under one pact.
pub(crate) struct Book {
    pub(crate) party: Party,
    pub(crate) pact: PactHash,
    /// The pact before it.
    prior: Option<PactHash>,
    sessions: BTreeMap<SessionId, Session>,
    /// The newest session of each conversation.
    conversations: BTreeMap<String, SessionId>,
    /// Calls served, until their tickets expire.
    used: BTreeMap<EventHash, Taken>,
    /// Happenings reported lately: a client that was not answered tells them again.
    sources: Recent,
    /// Bytes of events that the monitor may not hold yet.
    pending_bytes: usize,
}

/// A call that came from the counterparty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) session: SessionId,
    pub(crate) seq: u64,
    pub(crate) call: EventHash,
    pub(crate) until: UnixMillis,
    pub(crate) id: String,
    pub(crate) alias: String,
}

impl Taken {
    /// As it is kept.
    pub(crate) fn into_record(self) -> Record {
        let Self { session, seq, call, until, id, alias } = self;
        Record::Taken { session, seq, call, until, id, alias }
    }
}

impl Book {
    /// Without sessions.
    pub(crate) fn new(party: Party, pact: PactHash) -> Self {
        Self {
            party,
            pact,
            prior: None,
            sessions: BTreeMap::new(),
            conversations: BTreeMap::new(),
            used: BTreeMap::new(),
            sources: Recent::new(),
            pending_bytes: 0,
        }
    }

    /// What the records of an outbox come to. No session is settled.
    pub(crate) fn recover(party: Party, pact: PactHash, records: &[Record]) -> Self {
        let mut book = Self::new(party, pact);
        records.iter().for_each(|record| book.apply(record));
        book.sessions.values_mut().for_each(|session| session.settled = false);
        book
    }

    /// Takes a durable record into account. Total: a record that fits nowhere changes nothing.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Taken { session, seq, call, until, id, alias } => {
                let (id, alias) = (id.clone(), alias.clone());
                let (session, seq, call, until) = (*session, *seq, *call, *until);
                self.used.insert(call, Taken { session, seq, call, until, id, alias });
            }
            Record::Said { source: Some(source), .. } => self.sources.insert(*source),
            _ => {}
        }
        if let Record::Begun { session, conversation, generation, principal, pact } = record {
            let (conversation, principal) = (conversation.clone(), principal.clone());
            self.conversations.insert(conversation.clone(), *session);
            let new = Session::new((conversation, *generation), principal, *pact);
            self.sessions.entry(*session).or_insert(new);
            return;
        }
        if let Some(session) = self.sessions.get_mut(record.session()) {
            let before = session.pending_bytes();
            session.apply(record);
            self.pending_bytes =
                self.pending_bytes.saturating_sub(before).saturating_add(session.pending_bytes());
        }
    }

    /// The session in which a conversation goes on, or the record that begins one.
    ///
    /// # Errors
    /// [`SessionError`]: it was terminated, or waits for the monitor.
    pub(crate) fn place(
        &self,
        conversation: &str,
        principal: Option<&Did>,
    ) -> Result<Result<SessionId, Record>, SessionError> {
        let known = self.conversations.get(conversation);
        let generation = match known.and_then(|id| self.sessions.get(id).map(|s| (id, s))) {
            None => 0,
            Some((id, session)) => match session.standing().closing {
                Some(Ending::Terminated) => return Err(SessionError::Terminated),
                Some(Ending::Disputed | Ending::Gone | Ending::Silent) => session.later(),
                None if session.settled() => return Ok(Ok(*id)),
                None if session.hopeless() => session.later(),
                None => return Err(SessionError::Unsettled),
            },
        };
        let session = self.derived(conversation, generation);
        let (conversation, principal) = (conversation.to_owned(), principal.cloned());
        let pact = self.pact;
        Ok(Err(Record::Begun { session, conversation, generation, principal, pact }))
    }

    /// The record that joins a session which the counterparty named, unless it is the
    /// conversation's already.
    pub(crate) fn join(
        &self,
        conversation: &str,
        session: SessionId,
        pact: PactHash,
    ) -> Option<Record> {
        let known = self.conversations.get(conversation) == Some(&session);
        (!known || !self.sessions.contains_key(&session)).then(|| Record::Begun {
            session,
            conversation: conversation.to_owned(),
            generation: 0,
            principal: None,
            pact,
        })
    }

    /// The pact takes the place of this one, under which sessions may still be open.
    #[must_use]
    pub(crate) const fn following(mut self, prior: Option<PactHash>) -> Self {
        self.prior = prior;
        self
    }

    /// Whether a session may name this pact: its own, or if it is new here the configured one or the
    /// one before.
    pub(crate) fn goes_by(&self, session: &SessionId, pact: PactHash) -> bool {
        let named = [Some(self.pact), self.prior].contains(&Some(pact));
        self.sessions.get(session).map_or(named, |known| known.pact() == pact)
    }

    /// Both parties come to the same identifier from the same conversation, unasked.
    fn derived(&self, conversation: &str, generation: u64) -> SessionId {
        let parts = [&self.pact.0[..], conversation.as_bytes(), &generation.to_be_bytes()];
        SessionId(domain::OPEN.hash(&parts))
    }

    /// Signs the next event of a session.
    ///
    /// # Errors
    /// [`SessionError`]; then no number was given.
    pub(crate) fn say(
        &self,
        session: SessionId,
        (from, to): (Role, Role),
        body: Body,
        key: &SigningKey,
    ) -> Result<(SignedEvent, Vec<u8>), SessionError> {
        let known = self.session(&session)?;
        if let Some(ending) = known.standing().closing {
            return Err(match ending {
                Ending::Terminated => SessionError::Terminated,
                Ending::Disputed | Ending::Gone | Ending::Silent => SessionError::Over,
            });
        }
        if !known.settled() {
            return Err(SessionError::Unsettled);
        }
        let (seq, prev) = (known.next(), known.head());
        let pact = known.pact();
        let event = Event { pact, session, seq, prev, from, to, body };
        let signed = event.sign(key).map_err(|_| SessionError::Unsayable)?;
        let bytes = signed.to_bytes().map_err(|_| SessionError::Unsayable)?;
        // Also catches what the parser refuses, so that no number is spent on it.
        let parsed = SignedEvent::parse(&bytes).map_err(|_| SessionError::Unsayable)?;
        Ok((parsed, bytes))
    }

    /// What a receipt of the monitor comes to. The caller has checked its signature.
    ///
    /// # Errors
    /// [`SessionError`]: it contradicts what was said, or what was receipted before.
    pub(crate) fn receipted(
        &self,
        receipt: &Receipt,
        certificate: &BootCertificate,
    ) -> Result<Record, SessionError> {
        let session = self.session(&receipt.session)?;
        if receipt.party != self.party {
            return Err(SessionError::Disputed);
        }
        session.agrees(receipt.count, receipt.head)?;
        Ok(Record::Receipted { receipt: Box::new(receipt.clone()), certificate: *certificate })
    }

    /// What the monitor's answer to a resumption comes to.
    ///
    /// # Errors
    /// [`SessionError`]: it holds less than it receipted, or something else.
    pub(crate) fn resumed(
        &self,
        session: SessionId,
        count: u64,
        head: EventHash,
    ) -> Result<Record, SessionError> {
        self.session(&session)?.agrees(count, head)?;
        Ok(Record::Held { session, count })
    }

    /// The monitor confirmed what it holds of a session: new events may follow.
    pub(crate) fn settle(&mut self, session: &SessionId) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.settled = true;
        }
    }

    /// The statement with which a party returns to a session; none before the first receipt.
    pub(crate) fn resumption(&self, session: &SessionId) -> Option<Resumption> {
        let session = self.sessions.get(session)?;
        let (receipt, certificate) = session.receipt()?.clone();
        Some(Resumption { receipt, certificate, pact: session.pact() })
    }

    /// The party's counts as they stand. Running counts say what the monitor holds already: what
    /// is still on its way would look lost.
    ///
    /// # Errors
    /// [`SessionError::Unknown`].
    pub(crate) fn counts(&self, session: SessionId, closing: bool) -> Result<Counts, SessionError> {
        let known = self.session(&session)?;
        let standing = known.standing();
        let all = closing && standing.closing != Some(Ending::Terminated);
        let (sent, sent_head) =
            if all { (known.next(), known.head()) } else { (standing.held, standing.held_head) };
        Ok(Counts {
            session,
            party: self.party,
            sent,
            sent_head,
            received: standing.received,
            delivered: standing.delivered.min(sent),
            receipt: known.receipt().map(|(receipt, _)| receipt.clone()),
            closing,
            received_head: standing.received_head,
        })
    }

    /// Records that come to the same state, for an outbox that starts afresh. Sessions that are
    /// over are kept while their conversation might go on; tickets until they expire.
    pub(crate) fn snapshot(&self, now: UnixMillis) -> Vec<Record> {
        let mut records = Vec::new();
        let used = self.used.values().filter(|taken| taken.until > now);
        records.extend(used.map(|taken| taken.clone().into_record()));
        for (id, session) in &self.sessions {
            let current = self.conversations.get(session.conversation()) == Some(id);
            if current || !session.standing().closed {
                session.snapshot(*id, &mut records);
            }
        }
        // The newest session of a conversation begins last.
        records.sort_by_key(|record| match record {
            Record::Begun { session, conversation, generation, .. } => {
                let newest = self.conversations.get(conversation) == Some(session);
                (false, newest, *generation)
            }
            _ => (true, false, 0),
        });
        records
    }

    /// Forgets calls whose tickets have expired.
    pub(crate) fn expire(&mut self, now: UnixMillis) {
        self.used.retain(|_, taken| taken.until > now);
    }

    /// Was this call served already?
    pub(crate) fn served(&self, call: &EventHash) -> bool {
        self.used.contains_key(call)
    }

    /// Was this happening reported already?
    pub(crate) fn told(&self, source: &[u8; 32]) -> bool {
        self.sources.contains(source)
    }

    /// Bytes of events that the monitor may not hold yet.
    pub(crate) const fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// One session.
    ///
    /// # Errors
    /// [`SessionError::Unknown`].
    pub(crate) fn session(&self, session: &SessionId) -> Result<&Session, SessionError> {
        self.sessions.get(session).ok_or(SessionError::Unknown)
    }

    /// The sessions for which something is left to do.
    pub(crate) fn unfinished(&self) -> impl Iterator<Item = (&SessionId, &Session)> {
        self.sessions.iter().filter(|(_, session)| !session.standing().closed)
    }
}

/// A set that forgets its oldest member when it is full.
struct Recent {
    set: BTreeSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Recent {
    const fn new() -> Self {
        Self { set: BTreeSet::new(), order: VecDeque::new() }
    }

    fn insert(&mut self, source: [u8; 32]) {
        if !self.set.insert(source) {
            return;
        }
        self.order.push_back(source);
        if self.order.len() > LATE_SOURCES
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }

    fn contains(&self, source: &[u8; 32]) -> bool {
        self.set.contains(source)
    }
}

const LATE_SOURCES: usize = 1 << 16;
