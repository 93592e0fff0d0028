//! What a monitor signs for a party: receipts, tickets, notices, and the certificate of the key
//! that signs them. Each can be shown to somebody else.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::domain::{self, Domain};
use crate::event::Party;
use crate::ids::{BootId, EventHash, PactHash, Root, SessionId};
use crate::reply::Action;
use crate::signature::{BadSignature, PublicKey, Sign, Signature, SigningKey};
use crate::time::UnixMillis;

/// A place in the monitor's journal: how many records it held, and the head of their chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub struct JournalHead {
    /// Number of the record, from 1, over the journal's whole life; 0 before the first.
    #[n(0)]
    pub seq: u64,
    /// Chain head after it. Opaque outside the monitor.
    #[n(1)]
    pub head: Root,
}

/// The monitor's word that it holds a party's events up to `count`, durably.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// The reporting party.
    #[n(2)]
    pub party: Party,
    /// Events held of that party.
    #[n(3)]
    pub count: u64,
    /// Hash of the last of them.
    #[n(4)]
    pub head: EventHash,
    /// Events held of the other party.
    #[n(5)]
    pub other: u64,
    /// Where in the journal the last event is on record: a monitor that shows less was rolled back.
    #[n(6)]
    pub journal: JournalHead,
    /// The boot whose key signs.
    #[n(7)]
    pub boot: BootId,
    /// Of the boot key over the rest, under the domain of receipts.
    #[n(8)]
    pub signature: Signature,
}

impl Receipt {
    /// Signs what the fields say. `domain` tells receipts from those of trials.
    #[must_use]
    pub fn sign(mut self, key: &impl Sign, domain: Domain) -> Self {
        self.signature = key.sign(domain, &self.signed_bytes());
        self
    }

    /// Checks the boot key's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(domain::RECEIPT, &self.signed_bytes(), &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        Self { signature: Signature([0; 64]), ..self.clone() }.to_cbor()
    }
}

impl Wire for Receipt {
    const MAX_BYTES: usize = 512;
}

/// The monitor's leave for one call, once: bound to the call's event, and to one boot. Whoever
/// serves the call checks it, offline, and remembers it until it expires.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ticket {
    /// The session.
    #[n(1)]
    pub session: SessionId,
    /// Hash of the call's event: name and arguments are bound by it.
    #[n(2)]
    pub call: EventHash,
    /// Not valid from here on, by the monitor's clock.
    #[n(3)]
    pub expires: UnixMillis,
    /// The boot whose key signs.
    #[n(4)]
    pub boot: BootId,
    /// Of the boot key over the rest.
    #[n(5)]
    pub signature: Signature,
}

impl Ticket {
    /// Signs what the fields say.
    #[must_use]
    pub fn sign(mut self, key: &impl Sign) -> Self {
        self.signature = key.sign(domain::TICKET, &self.signed_bytes());
        self
    }

    /// Checks the boot key's signature. The caller compares session, call, boot and time, and
    /// takes no ticket twice.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(domain::TICKET, &self.signed_bytes(), &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        Self { signature: Signature([0; 64]), ..self.clone() }.to_cbor()
    }
}

impl Wire for Ticket {
    const MAX_BYTES: usize = 256;
}

/// The log key's word for a boot key. With it a receipt of an earlier boot can be checked by a
/// monitor that has forgotten that boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BootCertificate {
    /// The boot.
    #[n(1)]
    pub boot: BootId,
    /// Its key.
    #[n(2)]
    pub key: PublicKey,
    /// Of the log key over both.
    #[n(3)]
    pub signature: Signature,
}

impl BootCertificate {
    /// Certifies `key` as the key of `boot`.
    #[must_use]
    pub fn issue(boot: BootId, key: PublicKey, log_key: &SigningKey) -> Self {
        let signature = log_key.sign(domain::BOOT_CERTIFICATE, &[boot.0, key.0].concat());
        Self { boot, key, signature }
    }

    /// Checks the log key's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, log_key: &PublicKey) -> Result<(), BadSignature> {
        let signed = [self.boot.0, self.key.0].concat();
        log_key.verify(domain::BOOT_CERTIFICATE, &signed, &self.signature)
    }
}

impl Wire for BootCertificate {
    const MAX_BYTES: usize = 256;
}

/// A party's return to a session, with the last receipt that it holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resumption {
    /// The party's last receipt of the session.
    #[n(1)]
    pub receipt: Receipt,
    /// The certificate of the boot that signed it.
    #[n(2)]
    pub certificate: BootCertificate,
    /// The pact, so that a monitor that lost the session still knows whom it failed.
    #[n(3)]
    pub pact: PactHash,
}

impl Wire for Resumption {
    const MAX_BYTES: usize = 1024;
}

/// What the monitor tells whom the pact names, as it happens.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Notice {
    /// What happened.
    #[n(1)]
    pub kind: NoticeKind,
    /// Under which pact.
    #[n(2)]
    pub pact: PactHash,
    /// In which session; none when it concerns the whole pact.
    #[n(3)]
    pub session: Option<SessionId>,
    /// The event that it is about; none when it is about no single one.
    #[n(4)]
    pub event: Option<EventHash>,
    /// What interventionist mode does, or would do.
    #[n(5)]
    pub action: Action,
    /// The pact's rule; empty when none was broken.
    #[n(6)]
    pub rule: String,
    /// When, by the monitor's clock.
    #[n(7)]
    pub at: UnixMillis,
    /// Place of the record behind it; notices of one pact follow this order.
    #[n(8)]
    pub journal: JournalHead,
    /// The boot whose key signs.
    #[n(9)]
    pub boot: BootId,
    /// Of the boot key over the rest.
    #[n(10)]
    pub signature: Signature,
    /// By when a duty is to be done; none when the pact sets no time, and for all other kinds.
    #[n(11)]
    pub due: Option<UnixMillis>,
}

impl Notice {
    /// Signs what the fields say.
    #[must_use]
    pub fn sign(mut self, key: &impl Sign) -> Self {
        self.signature = key.sign(domain::NOTICE, &self.signed_bytes());
        self
    }

    /// Checks the boot key's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(domain::NOTICE, &self.signed_bytes(), &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        Self { signature: Signature([0; 64]), ..self.clone() }.to_cbor()
    }
}

impl Wire for Notice {
    const MAX_BYTES: usize = 1024;
}

/// Why a notice is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum NoticeKind {
    /// A rule was broken.
    #[n(1)]
    Alert,
    /// A call waits for an overseer.
    #[n(2)]
    Paused,
    /// An overseer decided, or the time for it ran out.
    #[n(3)]
    Decided,
    /// The session is over: whatever is open under it ends.
    #[n(4)]
    Terminated,
    /// The monitor holds less than a receipt says; it allows nothing more until an overseer says so.
    #[n(5)]
    Rollback,
    /// The monitor's clock jumped; nothing that depends on time goes on.
    #[n(6)]
    Clock,
    /// A consequence of the pact makes something due: a report, a penalty, a word to somebody.
    #[n(7)]
    Duty,
    /// A revision took the place of the pact, whoever signed it; `rule` is its hash.
    #[n(8)]
    Revised,
}
