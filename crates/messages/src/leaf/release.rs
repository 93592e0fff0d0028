//! Bodies of private releases: the budget that was taken, then the counts with noise.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::domain;
use crate::ids::Root;
use crate::time::Bracket;

/// Body of a `reserve` leaf: the privacy budget was debited before any noise was drawn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReserveBody {
    /// Contiguous over reserve and aggregate leaves of one ledger, so that an omission shows.
    #[n(1)]
    pub sequence: u64,
    /// The day of the data that pays, counted from 1970-01-01 by the monitor's clock.
    #[n(2)]
    pub day: u64,
    /// The query that is paid for.
    #[n(3)]
    pub query: crate::ids::QueryId,
    /// Debit in nano-ρ (zCDP), rounded up.
    #[n(4)]
    pub debit_nano_rho: u64,
    /// Spent on this day of data, this debit included.
    #[n(5)]
    pub spent_nano_rho: u64,
    /// The day's cap.
    #[n(6)]
    pub cap_nano_rho: u64,
}

impl Wire for ReserveBody {
    const MAX_BYTES: usize = 512;
}

/// Body of an `aggregate` leaf: one noise draw, ever, for one query.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AggregateBody {
    /// Contiguous with the reservations.
    #[n(1)]
    pub sequence: u64,
    /// Sequence number of the reservation that paid.
    #[n(2)]
    pub reserved: u64,
    /// The query.
    #[n(3)]
    pub query: Query,
    /// The noise.
    #[n(4)]
    pub noise: Noise,
    /// One noisy value a cell, in the query's order; may be negative.
    #[n(5)]
    pub values: Vec<i64>,
    /// When.
    #[n(6)]
    pub at: Bracket,
}

impl Wire for AggregateBody {
    const MAX_BYTES: usize = 64 * 1024;
}

/// A private query, in canonical form: its encoding is its identity.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Query {
    /// The pact whose sessions are counted: its root pact, salted as in the log.
    #[n(1)]
    pub dataset: Root,
    /// The day of the data.
    #[n(2)]
    pub day: u64,
    /// The statistic's name.
    #[n(3)]
    pub statistic: String,
    /// The public cells that are answered, in order.
    #[n(4)]
    pub cells: Vec<String>,
    /// Price in nano-ρ (zCDP).
    #[n(5)]
    pub nano_rho: u64,
    /// The mechanism.
    #[n(6)]
    pub mechanism: Mechanism,
}

impl Query {
    /// Identity: one noise draw, ever, per identity.
    #[must_use]
    pub fn id(&self) -> crate::ids::QueryId {
        crate::ids::QueryId(domain::QUERY.hash(&[&self.to_cbor()]))
    }
}

impl Wire for Query {
    const MAX_BYTES: usize = 32 * 1024;
}

/// How noise is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Mechanism {
    /// Discrete Laplace (Canonne, Kamath, Steinke 2020), pure ε accounted as ρ = ε²/2.
    #[n(1)]
    DiscreteLaplace,
    /// Discrete Gaussian (the same), ρ = Δ²/(2σ²).
    #[n(2)]
    DiscreteGaussian,
}

/// The noise of a release, as an auditor needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Noise {
    /// Which distribution.
    #[n(1)]
    pub mechanism: Mechanism,
    /// Scale (Laplace) or σ (Gaussian), in thousandths, rounded up.
    #[n(2)]
    pub scale_milli: u64,
    /// Sensitivity that the scale is for: L1 (Laplace) or L2 squared (Gaussian).
    #[n(3)]
    pub sensitivity: u64,
    /// Half width of the interval that holds the noise with 95 % probability.
    #[n(4)]
    pub half_width_95: u64,
    /// Most sessions of one principal and day that are counted.
    #[n(5)]
    pub session_bound: u32,
    /// Most cells that one session may touch.
    #[n(6)]
    pub cell_bound: u32,
}
