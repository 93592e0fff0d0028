//! What a connector must still know after a crash: one record for each step, in order. The state
//! of every session is what its records say, and nothing else.

use messages::codec::Wire;
use messages::did::Did;
use messages::ids::{EventHash, PactHash, SessionId};
use messages::receipt::{BootCertificate, Receipt};
use messages::time::UnixMillis;
use minicbor::{Decode, Encode};

/// One step of one session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Record {
    /// A session exists. Written before anything of it is sent.
    #[n(1)]
    Begun {
        #[n(0)]
        session: SessionId,
        /// As the local client names it.
        #[n(1)]
        conversation: String,
        /// How many sessions the conversation had before.
        #[n(2)]
        generation: u64,
        /// For whom the initiator acts; none on the provider's side, which joins.
        #[n(3)]
        principal: Option<Did>,
        /// The pact that its events name, also once a revision has taken its place.
        #[n(4)]
        pact: PactHash,
    },
    /// The monitor opened it.
    #[n(2)]
    Opened {
        #[n(0)]
        session: SessionId,
    },
    /// A signed event, byte for byte. Written before it is sent, sent until it is receipted.
    #[n(3)]
    Said {
        #[n(0)]
        session: SessionId,
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        event: Vec<u8>,
        /// Equal for the same happening told twice by the local client.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        source: Option<[u8; 32]>,
        /// The local client's own name for a call, when the event's is another.
        #[n(3)]
        alias: Option<String>,
    },
    /// The monitor holds the events up to here.
    #[n(4)]
    Receipted {
        #[n(0)]
        receipt: Box<Receipt>,
        #[n(1)]
        certificate: BootCertificate,
    },
    /// The monitor holds `count` events, though no receipt says so.
    #[n(5)]
    Held {
        #[n(0)]
        session: SessionId,
        #[n(1)]
        count: u64,
    },
    /// An event went to the counterparty.
    #[n(6)]
    Delivered {
        #[n(0)]
        session: SessionId,
    },
    /// A call came from the counterparty. Written before it is served, so that its ticket is used
    /// once.
    #[n(7)]
    Taken {
        #[n(0)]
        session: SessionId,
        /// Its number among the counterparty's events.
        #[n(1)]
        seq: u64,
        #[n(2)]
        call: EventHash,
        /// The ticket is refused as used until it is refused as expired.
        #[n(3)]
        until: UnixMillis,
        /// The call's name in events.
        #[n(4)]
        id: String,
        /// The local client's own name for it.
        #[n(5)]
        alias: String,
    },
    /// Nothing more is said in it; closing counts are due.
    #[n(8)]
    Closing {
        #[n(0)]
        session: SessionId,
        #[n(1)]
        reason: Ending,
    },
    /// The monitor took the closing counts, or will take none.
    #[n(9)]
    Closed {
        #[n(0)]
        session: SessionId,
    },
    /// Where a session stands, when its earlier records are no longer kept.
    #[n(10)]
    Standing {
        #[n(0)]
        session: SessionId,
        #[n(1)]
        standing: Standing,
    },
}

/// What the records of a session came to, but for the events that the monitor may not hold yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Standing {
    /// The monitor opened it.
    #[n(1)]
    pub(crate) opened: bool,
    /// Events that the monitor holds; what follows them is kept one by one.
    #[n(2)]
    pub(crate) held: u64,
    /// Hash of the last of them.
    #[n(3)]
    pub(crate) held_head: EventHash,
    /// Events that went to the counterparty.
    #[n(4)]
    pub(crate) delivered: u64,
    /// Events that came from it.
    #[n(5)]
    pub(crate) received: u64,
    /// Number of the latest of those, by the counterparty's own numbering.
    #[n(6)]
    pub(crate) received_seq: u64,
    /// Its hash.
    #[n(7)]
    pub(crate) received_head: EventHash,
    /// Nothing more is said in it.
    #[n(8)]
    pub(crate) closing: Option<Ending>,
    /// Nor counted.
    #[n(9)]
    pub(crate) closed: bool,
}

impl Record {
    /// Which session it is a step of.
    pub(crate) const fn session(&self) -> &SessionId {
        match self {
            Self::Begun { session, .. }
            | Self::Opened { session }
            | Self::Said { session, .. }
            | Self::Held { session, .. }
            | Self::Delivered { session }
            | Self::Taken { session, .. }
            | Self::Closing { session, .. }
            | Self::Closed { session }
            | Self::Standing { session, .. } => session,
            Self::Receipted { receipt, .. } => &receipt.session,
        }
    }
}

impl Wire for Record {
    const MAX_BYTES: usize = messages::event::MAX_EVENT_BYTES + 1024;
}

/// Why nothing more is said in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Ending {
    /// This connector and the monitor disagree about what was said, so nothing can follow it.
    #[n(1)]
    Disputed,
    /// The monitor ended it, or never had it.
    #[n(2)]
    Gone,
    /// Its conversation is over, or was silent for long.
    #[n(3)]
    Silent,
    /// The monitor terminated it for a breach.
    #[n(4)]
    Terminated,
}
