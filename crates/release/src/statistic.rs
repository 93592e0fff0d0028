//! The statistics, their public cells, and how far one owner's day can move them.

use messages::counter::{LATENCY, LATENCY_EDGES};
use messages::leaf::{Mechanism, Query, Unit};
use messages::toeplitz::MAX_HORIZON;
use minicbor::{Decode, Encode};

use crate::contributions::OutcomeCell;

/// How much of one owner's day is counted; from the measured configuration, never from data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Bounds {
    /// Most sessions of one owner and day, S; 1..=1024.
    #[n(0)]
    pub sessions: u32,
    /// Most tool cells of one session, K; 1..=64.
    #[n(1)]
    pub cells: u32,
    /// Most days of one running total; 1..=1024.
    #[n(2)]
    pub horizon: u32,
    /// What neighbouring data differ by: the owner's day, where this says nothing else. Of single
    /// sessions all are counted, and S is 1.
    #[n(3)]
    pub unit: Option<Unit>,
}

impl Bounds {
    pub(crate) fn are_sound(self) -> bool {
        let most = if self.unit == Some(Unit::Session) { 1 } else { 1024 };
        (1..=most).contains(&self.sessions)
            && (1..=64).contains(&self.cells)
            && (1..=MAX_HORIZON).contains(&self.horizon)
    }
}

/// The quantiles that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Percent {
    /// The median.
    P50,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
}

impl Percent {
    pub(crate) const fn whole(self) -> u8 {
        match self {
            Self::P50 => 50,
            Self::P95 => 95,
            Self::P99 => 99,
        }
    }
}

/// What can be asked. Every cell is public before any data exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// `latency_ms`: sessions by the latency of one of their calls, drawn by chance.
    Latency,
    /// `latency_ms.p50`, `.p95` and `.p99`: the edge of the histogram of latencies that so many per
    /// cent of the sessions lie within, by the latency of one of their calls.
    LatencyQuantile(Percent),
    /// `sessions.count`: sessions.
    SessionsCount,
    /// `sessions.outcome`: sessions by outcome.
    SessionsOutcome,
    /// `sessions.total`: sessions of all days since the total began.
    SessionsTotal,
    /// The sum over sessions of what each added to a counter of the pact.
    Sum {
        /// The counter's name.
        counter: String,
        /// The most that one session counts for; published, and at least 1.
        clamp: u64,
    },
    /// `tools`: sessions that used an interaction, by its name in the pact, and `other`.
    Tools,
    /// `violations.count`: sessions in which a rule denied something or ended the session.
    ViolationsCount,
}

impl Statistic {
    /// Those that every pact has: all but sums.
    pub const FIXED: [Self; 9] = [
        Self::Latency,
        Self::SessionsCount,
        Self::SessionsOutcome,
        Self::SessionsTotal,
        Self::Tools,
        Self::ViolationsCount,
        Self::LatencyQuantile(Percent::P50),
        Self::LatencyQuantile(Percent::P95),
        Self::LatencyQuantile(Percent::P99),
    ];

    /// The statistic called `name`, if every pact has it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::FIXED.into_iter().find(|statistic| statistic.name() == name)
    }

    /// What a query asks for.
    #[must_use]
    pub fn of(query: &Query) -> Option<Self> {
        match (Self::parse(&query.statistic), query.clamp) {
            (Some(fixed), None) => Some(fixed),
            (None, Some(clamp)) if clamp > 0 => {
                Some(Self::Sum { counter: query.statistic.clone(), clamp })
            }
            _ => None,
        }
    }

    /// Its name in pacts.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Latency => LATENCY,
            Self::LatencyQuantile(Percent::P50) => "latency_ms.p50",
            Self::LatencyQuantile(Percent::P95) => "latency_ms.p95",
            Self::LatencyQuantile(Percent::P99) => "latency_ms.p99",
            Self::SessionsCount => "sessions.count",
            Self::SessionsOutcome => "sessions.outcome",
            Self::SessionsTotal => "sessions.total",
            Self::Sum { counter, .. } => counter,
            Self::Tools => "tools",
            Self::ViolationsCount => "violations.count",
        }
    }

    /// The most that one session counts for, where that is published.
    #[must_use]
    pub const fn clamp(&self) -> Option<u64> {
        match self {
            Self::Sum { clamp, .. } => Some(*clamp),
            _ => None,
        }
    }

    /// How its noise is drawn, unless its price buys less of another one.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        match self {
            Self::SessionsCount | Self::Sum { .. } | Self::ViolationsCount => {
                Mechanism::DiscreteLaplace
            }
            Self::Latency | Self::SessionsOutcome | Self::Tools => Mechanism::DiscreteGaussian,
            Self::LatencyQuantile(_) => Mechanism::Exponential,
            Self::SessionsTotal => Mechanism::SqrtToeplitz,
        }
    }

    /// Can its noise be drawn so? Histograms have Gaussian noise, or Laplace noise in each cell.
    #[must_use]
    pub fn is_drawn(&self, mechanism: Mechanism) -> bool {
        let usual = self.mechanism();
        let cells = usual == Mechanism::DiscreteGaussian;
        mechanism == usual || (cells && mechanism == Mechanism::DiscreteLaplace)
    }

    /// How far one owner's day moves its cells together, L1, where Laplace noise is drawn; none past
    /// 64 bits, and where none is.
    ///
    /// By the table of [`Statistic::sensitivity`]: a session of a histogram moves one cell, and of
    /// `tools` at most K of them.
    #[must_use]
    pub fn sensitivity_l1(&self, bounds: Bounds) -> Option<u64> {
        let (s, k) = (u64::from(bounds.sessions), u64::from(bounds.cells));
        match self {
            Self::SessionsCount | Self::Sum { .. } | Self::ViolationsCount => {
                self.sensitivity(bounds)
            }
            Self::Latency | Self::SessionsOutcome => Some(s),
            Self::Tools => s.checked_mul(k),
            Self::LatencyQuantile(_) | Self::SessionsTotal => None,
        }
    }

    /// Its public cells in order; `tools` are the interactions of the pact.
    #[must_use]
    pub fn cells(&self, tools: &[String]) -> Vec<String> {
        match self {
            Self::Latency => {
                let edges = LATENCY_EDGES.iter().map(ToString::to_string);
                edges.chain(["over".into()]).collect()
            }
            Self::LatencyQuantile(_) => vec!["milliseconds".into()],
            Self::SessionsCount | Self::SessionsTotal => vec!["sessions".into()],
            Self::SessionsOutcome => {
                OutcomeCell::ALL.iter().map(|outcome| outcome.name().into()).collect()
            }
            Self::Sum { counter, .. } => vec![counter.clone()],
            Self::Tools => {
                let named = tools.iter().filter(|tool| *tool != OTHER).cloned();
                named.chain([OTHER.into()]).collect()
            }
            Self::ViolationsCount => vec!["violations".into()],
        }
    }

    /// How far one owner's day moves its cells: L1 for the Laplace mechanism, L2 *squared* for the
    /// Gaussian one, L∞ of its scores for the exponential one. None for a sum past 64 bits, and for running totals, whose norm is that of a
    /// column of their lattice
    /// ([`toeplitz::sensitivity_squared`](messages::toeplitz::sensitivity_squared)).
    ///
    /// Neighbouring: two data sets that differ by all sessions of one initiating principal that end
    /// in one UTC day, added or removed. With S sessions and K cells (`Bounds`), an owner's day is
    /// a non-negative integer vector v, since no other owner's sample depends on it:
    ///
    /// | statistic | v | norm | bound |
    /// |---|---|---|---|
    /// | `sessions.count`, `violations.count` | one cell, at most S | L1 | S |
    /// | a sum with clamp U | one cell, at most U a session | L1 | S·U |
    /// | `sessions.outcome`, `latency_ms` | one cell a session: ‖v‖₁ ≤ S, so ‖v‖₂ ≤ ‖v‖₁ | L2 | S² |
    /// | a quantile of p per cent | a session moves the score of an edge by at most 100 − p or p | L∞ | S·max(p, 100 − p) |
    /// | `tools` | at most S in a cell, at most K cells a session: ‖v‖₂² ≤ ‖v‖∞ ‖v‖₁ | L2 | S·SK |
    ///
    /// All are attained. Source: Hölder's inequality; Dwork and Roth 2014, definition 3.1, for
    /// the notion.
    #[must_use]
    pub fn sensitivity(&self, bounds: Bounds) -> Option<u64> {
        let (s, k) = (u64::from(bounds.sessions), u64::from(bounds.cells));
        match self {
            Self::SessionsCount | Self::ViolationsCount => Some(s),
            Self::Latency | Self::SessionsOutcome => Some(s.saturating_mul(s)),
            Self::LatencyQuantile(percent) => {
                let percent = u64::from(percent.whole());
                Some(s.saturating_mul(percent.max(100_u64.saturating_sub(percent))))
            }
            Self::SessionsTotal => None,
            Self::Sum { clamp, .. } => s.checked_mul(*clamp),
            Self::Tools => Some(s.saturating_mul(s).saturating_mul(k)),
        }
    }
}

/// The cell of every interaction that the pact does not name.
pub const OTHER: &str = "other";
