//! Interaction events: canonical JSON (RFC 8785), chained and signed by the party that reports.
//!
//! Wire form of one event, `{"event": {...}, "sig": base64}`; the signature is Ed25519 over the
//! event's hash, which chains to the event before it of the same reporter.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codec::Wire;
use crate::did::Did;
use crate::domain;
use crate::ids::{EventHash, PactHash, SessionId};
use crate::receipt::Receipt;
use crate::signature::{BadSignature, PublicKey, Signature, SigningKey};

mod wire;

use wire::{Envelope, Raw, canonical};

/// Largest event in bytes, signature included.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// Who speaks. The principal is the person or organisation that the initiator acts for; the
/// initiator's connector reports its messages.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum Role {
    /// Acts for the principal.
    #[n(1)]
    Initiator,
    /// The initiator's user.
    #[n(2)]
    Principal,
    /// Serves calls.
    #[n(3)]
    Provider,
}

impl Role {
    /// The party whose connector reports what this role says.
    #[must_use]
    pub const fn reporter(self) -> Party {
        match self {
            Self::Initiator | Self::Principal => Party::Initiator,
            Self::Provider => Party::Provider,
        }
    }
}

/// A party that signs pacts and reports events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Party {
    /// The one that asks.
    #[n(1)]
    Initiator,
    /// The one that serves.
    #[n(2)]
    Provider,
}

impl Party {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::Initiator, Self::Provider];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Provider,
            Self::Provider => Self::Initiator,
        }
    }
}

/// One interaction event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The pact it happens under.
    pub pact: PactHash,
    /// The session.
    pub session: SessionId,
    /// The reporter's running number in the session, from 0, over both roles it reports.
    pub seq: u64,
    /// Hash of the reporter's event before this one; all zero for the first.
    pub prev: EventHash,
    /// Who speaks.
    pub from: Role,
    /// To whom.
    pub to: Role,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The initiator asks the provider to do something.
    Call {
        /// Joins the result to the call; unique in the session.
        call: String,
        /// Which interaction.
        name: String,
        /// Arguments by name.
        args: BTreeMap<String, Value>,
        /// The delegate that asks; none when the party's own agent does. Who it is, the party says.
        via: Option<Did>,
    },
    /// A party's agent, or a delegate of it, hands a part of what it may do to another. From the
    /// party to itself: nothing of it goes to the counterparty.
    Delegation {
        /// To whom.
        to: Did,
        /// The delegate that hands it over; none when the party's own agent does.
        via: Option<Did>,
        /// Identifiers of the interactions, as the pact has them.
        interactions: Vec<String>,
    },
    /// Free text between principal and initiator, or between the parties.
    Message {
        /// The text.
        text: String,
    },
    /// The provider answers a call.
    Result {
        /// The call that is answered.
        call: String,
        /// How it ended.
        status: Status,
        /// What came back.
        content: Content,
        /// Time to answer by the reporter's clock, microseconds; none when it is not known.
        latency_us: Option<u64>,
    },
}

/// What a result carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A document, whose fields may be trusted apart.
    Document(Value),
    /// Text without structure.
    Text(String),
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The call was withdrawn.
    Cancelled,
    /// The provider failed or refused.
    Error,
    /// Answered.
    Ok,
    /// No answer in time.
    Timeout,
}

/// An event as it travels: canonical bytes and the reporter's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvent {
    event: Event,
    hash: EventHash,
    signature: Signature,
}

/// An event whose signature holds under one key; only [`SignedEvent::check`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEvent {
    signed: SignedEvent,
    key: PublicKey,
}

impl VerifiedEvent {
    /// The event.
    #[must_use]
    pub const fn event(&self) -> &Event {
        &self.signed.event
    }

    /// Its hash.
    #[must_use]
    pub const fn hash(&self) -> EventHash {
        self.signed.hash
    }

    /// The key under which the signature holds. Whose key that is, the caller compares.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }
}

impl Event {
    /// Hash of the canonical bytes, under the event domain.
    ///
    /// # Errors
    /// [`EventError::Malformed`] when the event cannot be canonical JSON.
    pub fn hash(&self) -> Result<EventHash, EventError> {
        Ok(EventHash(domain::EVENT.hash(&[&canonical(&Raw::from(self))?])))
    }

    /// Signs with the reporter's key.
    ///
    /// # Errors
    /// As [`Event::hash`].
    pub fn sign(self, key: &SigningKey) -> Result<SignedEvent, EventError> {
        let hash = self.hash()?;
        let signature = key.sign(domain::EVENT, &hash.0);
        Ok(SignedEvent { event: self, hash, signature })
    }
}

impl SignedEvent {
    /// Reads an event. The signature is not yet checked: see [`SignedEvent::check`].
    ///
    /// # Errors
    /// [`EventError`]: too large, malformed, or not canonical.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLarge);
        }
        let envelope: Envelope =
            serde_json::from_slice(bytes).map_err(|_| EventError::Malformed)?;
        if canonical(&envelope)? != bytes {
            return Err(EventError::NonCanonical);
        }
        let sig = STANDARD.decode(&envelope.sig).map_err(|_| EventError::Malformed)?;
        let signature = Signature(sig.try_into().map_err(|_| EventError::Malformed)?);
        let hash = EventHash(domain::EVENT.hash(&[&canonical(&envelope.event)?]));
        Ok(Self { event: Event::try_from(envelope.event)?, hash, signature })
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// [`EventError::Malformed`] when the event cannot be canonical JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EventError> {
        let sig = STANDARD.encode(self.signature.0);
        canonical(&Envelope { event: Raw::from(&self.event), sig })
    }

    /// Checks the reporter's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn check(self, key: &PublicKey) -> Result<VerifiedEvent, BadSignature> {
        key.verify(domain::EVENT, &self.hash.0, &self.signature)?;
        Ok(VerifiedEvent { signed: self, key: *key })
    }

    /// The event, unverified: enough to find whose key must verify it.
    #[must_use]
    pub const fn unverified(&self) -> &Event {
        &self.event
    }

    /// The event's hash.
    #[must_use]
    pub const fn hash(&self) -> EventHash {
        self.hash
    }
}

/// A party's signed running counts: who said how much by when. Sent at intervals and at close.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Counts {
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// Whose counts.
    #[n(2)]
    pub party: Party,
    /// Events that this party reported to the monitor, or tried to.
    #[n(3)]
    pub sent: u64,
    /// Hash of the last of them.
    #[n(4)]
    pub sent_head: EventHash,
    /// Events that this party received from its counterparty.
    #[n(5)]
    pub received: u64,
    /// How many of `sent` went to the counterparty (the others are the principal's words and the
    /// initiator's to its principal).
    #[n(6)]
    pub delivered: u64,
    /// The monitor's last receipt that this party holds.
    #[n(7)]
    pub receipt: Option<Receipt>,
    /// True at close: nothing follows.
    #[n(8)]
    pub closing: bool,
    /// Hash of the event with the highest number received from the counterparty; all zero for
    /// none. Events chain, so it stands for all of them.
    #[n(9)]
    pub received_head: EventHash,
}

impl Wire for Counts {
    const MAX_BYTES: usize = 1024;
}

/// Why bytes are not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not JSON of this shape.
    #[error("not an event")]
    Malformed,
    /// Not RFC 8785.
    #[error("not canonical JSON (RFC 8785)")]
    NonCanonical,
    /// Over [`MAX_EVENT_BYTES`].
    #[error("more than {MAX_EVENT_BYTES} bytes")]
    TooLarge,
}
