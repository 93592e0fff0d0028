//! Claims: what is stated, over which stretches of which tallies, to whom.

mod consent;
mod predicate;

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

pub use consent::{Calendar, ConsentEntry};
pub use predicate::{Predicate, Relation, Sum};

use crate::codec::Wire;
use crate::did::Did;
use crate::ids::{PactHash, TallyId};
use crate::leaf::tally_id;
use crate::time::{Epoch, UnixMillis};

/// A complete claim: the canonical bytes are bound into the proof, and all statements are proven
/// at once, over the same ranges.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claim {
    /// What is stated; every statement is about the sums over all ranges.
    #[n(1)]
    pub statements: Vec<Predicate>,
    /// Over what: strictly increasing. Of one chain of pacts only tallies about one party, each
    /// once: others count the same sessions again.
    #[n(2)]
    pub ranges: Vec<Range>,
    /// To whom.
    #[n(3)]
    pub audience: Audience,
    /// The proof is stale from this moment on.
    #[n(4)]
    pub expiry: UnixMillis,
    /// How many missing events the claim admits in its ranges together, over all owners.
    #[n(5)]
    pub admitted_gaps: u64,
}

impl Claim {
    /// Most statements of one claim.
    pub const MAX_STATEMENTS: usize = 64;
    /// Most ranges of one claim.
    pub const MAX_RANGES: usize = 16;
}

impl Wire for Claim {
    const MAX_BYTES: usize = 64 * 1024;
}

/// A stretch of one tally: epochs `first..=last`, so the difference of the leaves of
/// `first - 1` and `last`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Range {
    /// Origin of the log that holds the tally's leaves: another monitor has another.
    #[n(1)]
    pub origin: String,
    /// Root of the chain of pacts that the tally counts under.
    #[n(2)]
    pub root: PactHash,
    /// Whom the tally is about.
    #[n(3)]
    pub party: Did,
    /// How many tallies about it broke off before this one.
    #[n(4)]
    pub generation: u32,
    /// First epoch, at least 1.
    #[n(5)]
    pub first: Epoch,
    /// Last epoch.
    #[n(6)]
    pub last: Epoch,
}

impl Range {
    /// The tally that leaves name.
    #[must_use]
    pub fn tally(&self) -> TallyId {
        tally_id(&self.root, &self.party, self.generation)
    }
}

impl Wire for Range {
    const MAX_BYTES: usize = 1024;
}

/// To whom a proof speaks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Audience {
    /// Anyone, at any time until the expiry.
    #[n(0)]
    Public,
    /// One verifier, who chose the nonce.
    #[n(1)]
    Verifier {
        /// The verifier.
        #[n(0)]
        did: Did,
        /// The verifier's 32 random bytes.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        nonce: [u8; 32],
    },
}
