//! Time is an argument everywhere: these are the units.

use minicbor::{Decode, Encode};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct UnixMillis(#[n(0)] pub u64);

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Millis(#[n(0)] pub u64);

/// A day without leap seconds, as the calendar of this count has them.
pub const DAY: Millis = Millis(86_400_000);

impl UnixMillis {
    /// The day that this moment lies in, counted from 1970-01-01 in UTC.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0.div_euclid(DAY.0)
    }

    /// When such a day begins; at the latest the last representable moment.
    #[must_use]
    pub const fn begin_of(day: u64) -> Self {
        Self(day.saturating_mul(DAY.0))
    }

    /// `self + span`, or the last representable moment.
    #[must_use]
    pub const fn saturating_add(self, span: Millis) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

/// Number of an epoch in a tally's life; epoch 0 is its opening, with all counters zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Epoch(#[n(0)] pub u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The epoch before this one; none before the opening.
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }
}

/// What a monitor's times rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ClockKind {
    /// A stated generated clock: development evidence only, says nothing of real time.
    #[n(0)]
    Generated,
    /// Bracketed by witness cosignatures.
    #[n(1)]
    Witnessed,
    /// The host's clock as it was at start, carried on by a counter: development evidence only.
    #[n(2)]
    Host,
}

/// A moment known to lie between two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Bracket {
    /// Not before.
    #[n(0)]
    pub earliest: UnixMillis,
    /// Not after.
    #[n(1)]
    pub latest: UnixMillis,
    /// What the bounds rest on.
    #[n(2)]
    pub clock: ClockKind,
}
