//! The public door: what is appended to the log, and how a leaf is opened.

use alloc::boxed::Box;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::ids::Salt;
use crate::leaf::{
    AggregateBody, BootBody, BreakBody, Kind, Leaf, PactBody, ReserveBody, TallyBody,
};

/// One of the two types that leave. The list is complete; there is no general log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    /// A private aggregate.
    Aggregate(AggregateBody),
    /// A boot.
    Boot(BootBody),
    /// A tally without continuation.
    Break(BreakBody),
    /// A pact under monitoring.
    Pact(PactBody),
    /// A debit of the privacy budget.
    Reserve(ReserveBody),
    /// Running totals of one tally.
    Tally(Box<TallyBody>),
}

impl Publication {
    /// Which kind of leaf this is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Aggregate(_) => Kind::Aggregate,
            Self::Boot(_) => Kind::Boot,
            Self::Break(_) => Kind::Break,
            Self::Pact(_) => Kind::Pact,
            Self::Reserve(_) => Kind::Reserve,
            Self::Tally(_) => Kind::Tally,
        }
    }

    /// The body's only encoding.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        match self {
            Self::Aggregate(body) => body.to_cbor(),
            Self::Boot(body) => body.to_cbor(),
            Self::Break(body) => body.to_cbor(),
            Self::Pact(body) => body.to_cbor(),
            Self::Reserve(body) => body.to_cbor(),
            Self::Tally(body) => body.to_cbor(),
        }
    }
}

/// A leaf with what opens it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Disclosed {
    /// Place in the log.
    #[n(1)]
    pub index: u64,
    /// The public part.
    #[n(2)]
    pub leaf: Leaf,
    /// The salt of the body digest.
    #[n(3)]
    pub salt: Salt,
    /// The body.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub body: Vec<u8>,
}

impl Wire for Disclosed {
    const MAX_BYTES: usize = 96 * 1024;
}
