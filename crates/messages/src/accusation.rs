//! Accusations: what convicts a monitor by its own signatures. Self-contained files, to show to
//! anybody who anchors the log.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::bundle::{IncludedLeaf, LogView};
use crate::codec::Wire;
use crate::counter::Schema;
use crate::ids::{Commitment, LeafHash};
use crate::opening::{SignedOpening, SignedOpenings};

/// A file that accuses the log of `origin`.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Accusation {
    /// [`Accusation::FORMAT`].
    #[n(1)]
    pub format: String,
    /// The log.
    #[n(2)]
    pub origin: String,
    /// Of what.
    #[n(3)]
    pub charge: Charge,
}

impl Accusation {
    /// Format and version.
    pub const FORMAT: &'static str = "cloister-accusation/1";
}

impl Wire for Accusation {
    const MAX_BYTES: usize = 1024 * 1024;
}

/// What a monitor is accused of. Each is two signed things that an honest monitor never signs both.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Charge {
    /// Two checkpoints of one size have different roots.
    #[n(1)]
    ForkedHead {
        /// One signed note.
        #[n(0)]
        first: String,
        /// Another.
        #[n(1)]
        second: String,
    },
    /// Two checkpoints include different leaves at one place.
    #[n(2)]
    ForkedLeaf {
        /// One signed note.
        #[n(0)]
        first: String,
        /// Its leaf.
        #[n(1)]
        first_leaf: IncludedLeaf,
        /// Another signed note.
        #[n(2)]
        second: String,
        /// Its leaf at the same place.
        #[n(3)]
        second_leaf: IncludedLeaf,
    },
    /// One epoch of one tally has two leaves in one log.
    #[n(3)]
    TwoTotals {
        /// The log, with the two leaves and those of the boots that signed them.
        #[n(0)]
        view: LogView,
    },
    /// The monitor handed over an opening that does not open its commitment, and signed it.
    #[n(4)]
    WrongOpening {
        /// The log, with the tally leaf and that of the boot that signed the opening.
        #[n(0)]
        view: LogView,
        /// Place of the tally leaf.
        #[n(1)]
        leaf: u64,
        /// The opening.
        #[n(2)]
        opening: SignedOpening,
        /// The commitment that it does not open.
        #[n(3)]
        commitment: Commitment,
        /// Way of the commitment to the leaf's root.
        #[n(4)]
        path: Vec<LeafHash>,
    },
    /// The leaf hides other counters for circuits than the monitor says that it does.
    #[n(5)]
    WrongKappa {
        /// The log, with the tally leaf and that of the boot that signed the openings.
        #[n(0)]
        view: LogView,
        /// Place of the tally leaf.
        #[n(1)]
        leaf: u64,
        /// The schema that the leaf names.
        #[n(2)]
        schema: Schema,
        /// All openings, those of all counters that segments move among them.
        #[n(3)]
        openings: SignedOpenings,
    },
}
