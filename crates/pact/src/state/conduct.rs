//! How a pact is kept over all its sessions: objectives over windows, breaches counted.

use std::collections::BTreeMap;

use messages::time::UnixMillis;
use minicbor::{Decode, Encode};

use super::Window;

/// One objective's measurements.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Measured {
    #[n(0)]
    pub(crate) good: Window,
    #[n(1)]
    pub(crate) all: Window,
    /// The first measurement: a window that is not yet full is no lack of throughput.
    #[n(2)]
    pub(crate) since: UnixMillis,
    /// Since when it is breached without a break.
    #[n(3)]
    pub(crate) breached: Option<UnixMillis>,
}

/// What is usual of one thing that is watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Usual {
    /// One slot a window.
    #[n(0)]
    pub(crate) window: Window,
    /// The first window.
    #[n(1)]
    pub(crate) since: u64,
}

/// What one answer adds to an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Sample {
    #[n(0)]
    pub(crate) objective: u16,
    #[n(1)]
    pub(crate) slot: u64,
    #[n(2)]
    pub(crate) good: bool,
    /// Whether the objective is breached with this answer counted.
    #[n(3)]
    pub(crate) breached: bool,
}

/// One consequence's count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Followed {
    #[n(0)]
    pub(crate) breaches: u64,
    /// Of each objective the onset of the breach that it followed last.
    #[n(1)]
    pub(crate) onsets: BTreeMap<u16, UnixMillis>,
}

/// A breach that counts towards a consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Breach {
    #[n(0)]
    pub(crate) consequence: u16,
    /// The objective that is breached, and since when.
    #[n(1)]
    pub(crate) onset: Option<(u16, UnixMillis)>,
    /// The consequence follows: it was the n-th.
    #[n(2)]
    pub(crate) follows: bool,
}
