//! Claims: what is stated, over which stretch of a tally, to whom.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::did::Did;
use crate::domain;
use crate::ids::{ProgramId, TallyId};
use crate::time::{Epoch, Millis, UnixMillis};

/// A behavioural statement. Everything here is linear in the counters.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Predicate {
    /// `counter <= bound`.
    #[n(1)]
    AtMost {
        /// Counter name.
        #[n(0)]
        counter: String,
        /// Inclusive upper bound.
        #[n(1)]
        bound: u64,
    },
    /// `counter >= bound`.
    #[n(2)]
    AtLeast {
        /// Counter name.
        #[n(0)]
        counter: String,
        /// Inclusive lower bound.
        #[n(1)]
        bound: u64,
    },
    /// `lower <= counter <= upper`.
    #[n(3)]
    Between {
        /// Counter name.
        #[n(0)]
        counter: String,
        /// Inclusive lower bound.
        #[n(1)]
        lower: u64,
        /// Inclusive upper bound.
        #[n(2)]
        upper: u64,
    },
    /// `part / whole >= numerator / denominator` and `whole >= min_whole`: without the
    /// minimum, nothing out of nothing would satisfy every ratio.
    #[n(4)]
    RatioAtLeast {
        /// Counter counted in the whole.
        #[n(0)]
        part: String,
        /// Counter of all.
        #[n(1)]
        whole: String,
        /// Threshold, upper half of the fraction.
        #[n(2)]
        numerator: u32,
        /// Threshold, lower half of the fraction; positive.
        #[n(3)]
        denominator: u32,
        /// Smallest whole that makes the ratio worth stating; positive.
        #[n(4)]
        min_whole: u64,
    },
    /// At least `percent` of the histogram's values are `<= edge`, out of at least `min_whole`.
    #[n(5)]
    PercentileAtMost {
        /// Histogram name.
        #[n(0)]
        histogram: String,
        /// 1..=99.
        #[n(1)]
        percent: u32,
        /// An edge of the histogram.
        #[n(2)]
        edge: u64,
        /// Smallest number of values.
        #[n(3)]
        min_whole: u64,
    },
    /// `counter = 0`.
    #[n(6)]
    None {
        /// Counter name.
        #[n(0)]
        counter: String,
    },
    /// The sums of two lists of counters are equal.
    #[n(7)]
    Equal {
        /// Left summands.
        #[n(0)]
        left: Vec<String>,
        /// Right summands.
        #[n(1)]
        right: Vec<String>,
    },
}

impl Predicate {
    /// Identity of the statement, thresholds included: what a consent entry names.
    #[must_use]
    pub fn program_id(&self) -> ProgramId {
        ProgramId(domain::CLAIM_PROGRAM.hash(&[&self.to_cbor()]))
    }
}

impl Wire for Predicate {
    const MAX_BYTES: usize = 8 * 1024;
}

/// A stretch of one tally: epochs `first..=last`, so the difference of the leaves of
/// `first - 1` and `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Range {
    /// The tally.
    #[n(1)]
    pub tally: TallyId,
    /// First epoch, at least 1.
    #[n(2)]
    pub first: Epoch,
    /// Last epoch.
    #[n(3)]
    pub last: Epoch,
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

/// A complete claim: the canonical bytes are bound into the proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claim {
    /// What is stated.
    #[n(1)]
    pub predicate: Predicate,
    /// Over what.
    #[n(2)]
    pub range: Range,
    /// To whom.
    #[n(3)]
    pub audience: Audience,
    /// The proof is stale from this moment on.
    #[n(4)]
    pub expiry: UnixMillis,
    /// How many missing events the claim admits in its range, over all owners.
    #[n(5)]
    pub admitted_gaps: u64,
}

impl Wire for Claim {
    const MAX_BYTES: usize = 16 * 1024;
}

/// One entry of a pact's consent: a claim that may leave, to whom, over which calendar ranges.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ConsentEntry {
    /// Name in the pact.
    #[n(1)]
    pub id: String,
    /// The statement, threshold included.
    #[n(2)]
    pub program: ProgramId,
    /// Who may receive it; empty means anyone.
    #[n(3)]
    pub audience: Vec<Did>,
    /// A range starts and ends on whole multiples of this; none means any range.
    #[n(4)]
    pub per: Option<Millis>,
    /// Keeps unopened entries from being guessed.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 32],
}

impl Wire for ConsentEntry {
    const MAX_BYTES: usize = 8 * 1024;
}
