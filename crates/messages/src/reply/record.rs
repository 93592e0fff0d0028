//! What is shown of the record, and decided about it: calls that wait, events as far as a log scope
//! keeps them, and a pact that goes on after a rollback.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use super::Action;
use crate::codec::Wire;
use crate::did::Did;
use crate::event::Party;
use crate::ids::{BootId, EventHash, PactHash, SessionId};
use crate::receipt::JournalHead;
use crate::time::UnixMillis;

/// A call that waits for an overseer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct WaitingCall {
    /// Under which pact.
    #[n(1)]
    pub pact: PactHash,
    /// In which session.
    #[n(2)]
    pub session: SessionId,
    /// The call's event.
    #[n(3)]
    pub call: EventHash,
    /// The rule that asks for a decision.
    #[n(4)]
    pub rule: String,
    /// Nobody can decide after this.
    #[n(5)]
    pub until: UnixMillis,
    /// The event, canonical JSON.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub event: Vec<u8>,
}

/// One event on record, as far as the pact's log scope keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecordEntry {
    /// Place in the journal.
    #[n(1)]
    pub place: JournalHead,
    /// When it was taken.
    #[n(2)]
    pub at: UnixMillis,
    /// Who reported it.
    #[n(3)]
    pub party: Party,
    /// Its hash.
    #[n(4)]
    pub event: EventHash,
    /// What was done.
    #[n(5)]
    pub action: Action,
    /// The rule; empty when none was broken.
    #[n(6)]
    pub rule: String,
    /// Interaction and size in bytes, in the scopes `metadata` and `full`.
    #[n(7)]
    pub metadata: Option<Metadata>,
    /// The signed event, canonical JSON, in the scope `full`.
    #[n(8)]
    #[cbor(with = "minicbor::bytes")]
    pub content: Option<Vec<u8>>,
}

/// What the scope `metadata` keeps of an event.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Metadata {
    /// The interaction of a call; none for messages and results.
    #[n(1)]
    pub name: Option<String>,
    /// Size of the signed event in bytes.
    #[n(2)]
    pub bytes: u64,
}

/// An overseer's decision to go on under a pact that a rolled back monitor had stopped.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reinstatement {
    /// The pact.
    #[n(1)]
    pub pact: PactHash,
    /// The boot that stopped it: a decision for one rollback is none for the next.
    #[n(2)]
    pub boot: BootId,
    /// The overseer.
    #[n(3)]
    pub overseer: Did,
}

impl Wire for Reinstatement {
    const MAX_BYTES: usize = 1024;
}
