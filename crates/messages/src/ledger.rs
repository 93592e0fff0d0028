//! The whole log of a monitor with everything of its privacy ledgers opened, for whoever adds
//! them up. It carries no trust anchor; those come from outside.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::leaf::Leaf;
use crate::publication::Disclosed;

/// All leaves of a log, and what opens those of them that say who booted, debited and drew.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ledger {
    /// [`Ledger::FORMAT`].
    #[n(1)]
    pub format: String,
    /// The log.
    #[n(2)]
    pub origin: String,
    /// A checkpoint of it, of as many leaves as follow.
    #[n(3)]
    pub checkpoint: String,
    /// Every leaf, in order.
    #[n(4)]
    pub leaves: Vec<Leaf>,
    /// Boots, reservations and aggregates, by strictly increasing place.
    #[n(5)]
    pub opened: Vec<Disclosed>,
}

impl Ledger {
    /// Format and version.
    pub const FORMAT: &'static str = "cloister-ledger/1";

    /// Do these bytes begin as a ledger does, of whatever version?
    #[must_use]
    pub fn is_one(bytes: &[u8]) -> bool {
        // A map of five, whose first key is 1 and first value a text of 17 bytes.
        bytes.starts_with(b"\xa5\x01\x71cloister-ledger/")
    }
}

impl Wire for Ledger {
    const MAX_BYTES: usize = 256 * 1024 * 1024;
}
