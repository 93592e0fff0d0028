//! One session as one party's connector keeps it: what was said, what of it the monitor holds, and
//! what came from the counterparty.

use std::collections::VecDeque;

use messages::did::Did;
use messages::event::{Body, SignedEvent};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::receipt::{BootCertificate, Receipt};

use crate::connect::record::{Record, Standing};

/// One session.
pub(crate) struct Session {
    conversation: String,
    generation: u64,
    principal: Option<Did>,
    pact: PactHash,
    pub(super) standing: Standing,
    pending: VecDeque<Pending>,
    receipt: Option<(Receipt, BootCertificate)>,
    pub(super) settled: bool,
    /// The names of late calls in events, by the local client's own names for them.
    calls: VecDeque<(String, String)>,
}

/// An event that the monitor may not hold yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) seq: u64,
    pub(crate) hash: EventHash,
    /// Canonical JSON, sent as it is.
    pub(crate) bytes: Vec<u8>,
    source: Option<[u8; 32]>,
    alias: Option<String>,
}

/// Why something cannot be said, taken or believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    /// The monitor shows another history than this connector's.
    #[error("the monitor shows another history of the session")]
    Disputed,
    /// The session is over.
    #[error("the session is over")]
    Over,
    /// The monitor holds less than it receipted.
    #[error("the monitor holds less than it receipted: it was rolled back")]
    RolledBack,
    /// Terminated for a breach.
    #[error("the session was terminated")]
    Terminated,
    /// No such session.
    #[error("there is no such session")]
    Unknown,
    /// No canonical JSON of bearable size.
    #[error("the event cannot be written as canonical JSON of bearable size")]
    Unsayable,
    /// A crash lies between, and the monitor has not yet said what it holds.
    #[error("the monitor has not yet confirmed the session after a restart")]
    Unsettled,
}

impl Session {
    pub(super) fn new(
        (conversation, generation): (String, u64),
        principal: Option<Did>,
        pact: PactHash,
    ) -> Self {
        Self {
            conversation,
            generation,
            principal,
            pact,
            standing: Standing::default(),
            pending: VecDeque::new(),
            receipt: None,
            settled: true,
            calls: VecDeque::new(),
        }
    }

    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Begun { .. } => {}
            Record::Opened { .. } => self.standing.opened = true,
            Record::Said { event, source, alias, .. } => {
                self.push(event, *source, alias.as_deref());
            }
            Record::Receipted { receipt, certificate } => {
                self.standing.opened = true;
                self.advance(receipt.count);
                if self.receipt.as_ref().is_none_or(|(old, _)| old.count <= receipt.count) {
                    self.receipt = Some((receipt.as_ref().clone(), *certificate));
                }
                // Nothing that was ever numbered is unknown to this connector.
                self.settled |= receipt.count == self.next();
            }
            Record::Held { count, .. } => {
                self.standing.opened = true;
                self.advance(*count);
            }
            Record::Delivered { .. } => {
                self.standing.delivered = self.standing.delivered.saturating_add(1);
            }
            Record::Taken { seq, call, id, alias, .. } => {
                self.name(alias, id);
                let standing = &mut self.standing;
                if standing.received == 0 || *seq > standing.received_seq {
                    (standing.received_seq, standing.received_head) = (*seq, *call);
                }
                standing.received = standing.received.saturating_add(1);
            }
            Record::Closing { reason, .. } => {
                self.standing.closing = Some(*reason);
            }
            Record::Closed { .. } => {
                self.standing.closed = true;
                self.pending.clear();
            }
            Record::Standing { standing, .. } => self.standing = standing.clone(),
        }
    }

    fn push(&mut self, bytes: &[u8], source: Option<[u8; 32]>, alias: Option<&str>) {
        let Ok(signed) = SignedEvent::parse(bytes) else { return };
        if let Body::Call { call, .. } = &signed.unverified().body {
            self.name(alias.unwrap_or(call), call);
        }
        let (seq, prev) = (signed.unverified().seq, signed.unverified().prev);
        if (seq, prev) == (self.next(), self.head()) {
            let (hash, bytes, alias) = (signed.hash(), bytes.to_vec(), alias.map(Into::into));
            self.pending.push_back(Pending { seq, hash, bytes, source, alias });
        }
    }

    fn name(&mut self, alias: &str, id: &str) {
        if self.calls.len() >= LATE_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back((alias.to_owned(), id.to_owned()));
    }

    /// The name in events of the call that the local client calls `alias`; none when it is not
    /// known, or long ago.
    pub(crate) fn call(&self, alias: &str) -> Option<&str> {
        self.calls.iter().rev().find(|(a, _)| a == alias).map(|(_, id)| id.as_str())
    }

    fn advance(&mut self, count: u64) {
        while self.standing.held < count
            && let Some(event) = self.pending.pop_front()
        {
            self.standing.held = self.standing.held.saturating_add(1);
            self.standing.held_head = event.hash;
        }
    }

    /// Does a history of `count` events that ends in `head` fit ours?
    pub(super) fn agrees(&self, count: u64, head: EventHash) -> Result<(), SessionError> {
        let Some(ahead) = count.checked_sub(self.standing.held) else {
            return Err(SessionError::RolledBack);
        };
        let ours = match ahead.checked_sub(1) {
            None => Some(self.standing.held_head),
            Some(at) => {
                usize::try_from(at).ok().and_then(|at| self.pending.get(at)).map(|p| p.hash)
            }
        };
        if ours == Some(head) { Ok(()) } else { Err(SessionError::Disputed) }
    }

    /// The pact that its events name.
    pub(crate) const fn pact(&self) -> PactHash {
        self.pact
    }

    pub(super) fn snapshot(&self, session: SessionId, records: &mut Vec<Record>) {
        let (conversation, principal) = (self.conversation.clone(), self.principal.clone());
        let (generation, pact) = (self.generation, self.pact);
        records.push(Record::Begun { session, conversation, generation, principal, pact });
        records.push(Record::Standing { session, standing: self.standing.clone() });
        if let Some((receipt, certificate)) = self.receipt.clone() {
            records.push(Record::Receipted { receipt: Box::new(receipt), certificate });
        }
        records.extend(self.pending.iter().map(|p| Record::Said {
            session,
            event: p.bytes.clone(),
            source: p.source,
            alias: p.alias.clone(),
        }));
    }

    /// A start found it with nothing to show to the monitor, so it cannot be resumed.
    pub(super) fn hopeless(&self) -> bool {
        self.receipt.is_none() && self.pending.is_empty()
    }

    pub(super) const fn later(&self) -> u64 {
        self.generation.saturating_add(1)
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.iter().fold(0, |sum, p| sum.saturating_add(p.bytes.len()))
    }

    /// The next event's number.
    pub(crate) fn next(&self) -> u64 {
        let pending = u64::try_from(self.pending.len()).unwrap_or(u64::MAX);
        self.standing.held.saturating_add(pending)
    }

    /// Hash of the last event.
    pub(super) fn head(&self) -> EventHash {
        self.pending.back().map_or(self.standing.held_head, |p| p.hash)
    }

    /// The first event that the monitor may not hold.
    pub(crate) fn first_pending(&self) -> Option<&Pending> {
        self.pending.front()
    }

    /// What its records came to.
    pub(crate) const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// For whom the initiator acts.
    pub(crate) const fn principal(&self) -> Option<&Did> {
        self.principal.as_ref()
    }

    /// As the local client names it.
    pub(crate) fn conversation(&self) -> &str {
        &self.conversation
    }

    /// The last receipt, with the certificate of the boot that signed it.
    pub(crate) const fn receipt(&self) -> Option<&(Receipt, BootCertificate)> {
        self.receipt.as_ref()
    }

    /// May new events follow?
    pub(crate) const fn settled(&self) -> bool {
        self.settled
    }
}

impl SessionError {
    /// A stable code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Disputed => "outbox-disputed",
            Self::Over => "session-over",
            Self::RolledBack => "monitor-rollback",
            Self::Terminated => "session-terminated",
            Self::Unknown => "session-unknown",
            Self::Unsayable => "event-unsayable",
            Self::Unsettled => "session-unsettled",
        }
    }
}

const LATE_CALLS: usize = 256;
