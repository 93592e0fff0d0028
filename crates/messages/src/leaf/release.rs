//! Bodies of private releases: the budget that was taken, then the counts with noise.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::coins::{Commitments, Proven};
use crate::domain;
use crate::ids::Root;
use crate::time::{Bracket, UnixMillis};

/// Body of a `reserve` leaf: privacy budget was debited before any noise was drawn, for every
/// statistic that a day of data answers at once.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReserveBody {
    /// Contiguous over the reserve and aggregate leaves of one data set, so that an omission
    /// shows.
    #[n(1)]
    pub sequence: u64,
    /// The data set that pays: as in [`Query::dataset`].
    #[n(2)]
    pub dataset: Root,
    /// The day of the data that pays, counted from 1970-01-01 by the monitor's clock.
    #[n(3)]
    pub day: u64,
    /// What is paid for, at least one and at most [`ReserveBody::MAX_DEBITS`].
    #[n(4)]
    pub debits: Vec<Debit>,
    /// Spent on this day of data, these debits included.
    #[n(5)]
    pub spent_nano_rho: u64,
    /// The day's cap.
    #[n(6)]
    pub cap_nano_rho: u64,
    /// What the numbers are committed to, where all are to be proven; otherwise none is.
    #[n(7)]
    pub committed: Option<Commitments>,
}

impl ReserveBody {
    /// Most debits of one leaf.
    pub const MAX_DEBITS: usize = 64;
}

impl Wire for ReserveBody {
    const MAX_BYTES: usize = 16 * 1024;
}

/// The price of one query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Debit {
    /// The query that is paid for.
    #[n(1)]
    pub query: crate::ids::QueryId,
    /// Its price in nano-ρ (zCDP), rounded up.
    #[n(2)]
    pub nano_rho: u64,
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
    /// What shows that the noise is that of public coins, where it is.
    #[n(7)]
    pub proven: Option<Proven>,
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
    /// Of a running total: the days that it is of. Other statistics have none.
    #[n(7)]
    pub total: Option<Days>,
    /// Of a sum over sessions: the most that one session counts for. Other statistics have none.
    #[n(8)]
    pub clamp: Option<u64>,
    /// How many coins make its noise, where coins do.
    #[n(9)]
    pub coins: Option<u32>,
}

/// The days of a running total: from the first one to the query's, which is one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Days {
    /// The first day that is counted.
    #[n(1)]
    pub first: u64,
    /// How many days there will be at most; 1..=[`toeplitz::MAX_HORIZON`](crate::toeplitz::MAX_HORIZON).
    #[n(2)]
    pub horizon: u32,
}

impl Query {
    /// Identity: one noise draw, ever, per identity.
    #[must_use]
    pub fn id(&self) -> crate::ids::QueryId {
        crate::ids::QueryId(domain::QUERY.hash(&[&self.to_cbor()]))
    }

    /// When the day of the data is over, and answers may be drawn.
    #[must_use]
    pub const fn ends(&self) -> UnixMillis {
        UnixMillis::begin_of(self.day.saturating_add(1))
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
    /// One stream of discrete Gaussian noise for all days of a running total, by the square root
    /// of the matrix of prefix sums ([`toeplitz`](crate::toeplitz)).
    #[n(3)]
    SqrtToeplitz,
    /// Binomial(n, 1/2) − n/2, of bits that were committed to before public coins flipped them
    /// (Biswas and Cormode 2022), priced by [`coins::price`](crate::coins::price).
    #[n(4)]
    Binomial,
    /// One of the public candidates, by permute-and-flip over their scores (McKenna and Sheldon
    /// 2020), pure ε accounted as ρ = ε²/2.
    #[n(5)]
    Exponential,
}

impl Mechanism {
    /// The noise of a statistic that means the same in every pact, where it is not that of coins;
    /// none of any other name, which is that of a counter to sum, with Laplace noise.
    #[must_use]
    pub fn fixed(statistic: &str) -> Option<Self> {
        match statistic {
            "sessions.count" | "violations.count" => Some(Self::DiscreteLaplace),
            "latency_ms" | "sessions.outcome" | "tools" => Some(Self::DiscreteGaussian),
            _ if quantile(statistic).is_some() => Some(Self::Exponential),
            "sessions.total" => Some(Self::SqrtToeplitz),
            _ => None,
        }
    }
}

/// Which quantile of latencies a statistic is, in per cent, where it is one.
#[must_use]
pub fn quantile(statistic: &str) -> Option<u8> {
    match statistic {
        "latency_ms.p50" => Some(50),
        "latency_ms.p95" => Some(95),
        "latency_ms.p99" => Some(99),
        _ => None,
    }
}

/// The noise of a release, as an auditor needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Noise {
    /// Which distribution.
    #[n(1)]
    pub mechanism: Mechanism,
    /// Scale (Laplace) or σ (the others), in thousandths, rounded up; of running totals σ on the
    /// lattice, whose step is 2⁻²⁰ of a session.
    #[n(2)]
    pub scale_milli: u64,
    /// Sensitivity that the scale is for: L1 (Laplace, coins), that of a score (exponential) or L2 squared (Gaussian, and the square of
    /// the first column's length for running totals).
    #[n(3)]
    pub sensitivity: u64,
    /// Half width of the interval that holds the noise with 95 % probability; of a quantile, how many
    /// sessions its rank is at most further off than the best candidate's.
    #[n(4)]
    pub half_width_95: u64,
    /// Most sessions of one principal and day that are counted.
    #[n(5)]
    pub session_bound: u32,
    /// Most cells that one session may touch.
    #[n(6)]
    pub cell_bound: u32,
    /// Whom the noise is for, where that is not the principal's day.
    #[n(7)]
    pub unit: Option<Unit>,
}

/// What neighbouring data differ by, where that is not all sessions of one initiating principal
/// that end on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Unit {
    /// One session, whoever initiated it: weaker, and every session is counted.
    #[n(1)]
    Session,
}
