//! The statistics, their public cells, and how far one owner's day can move them.

use messages::codec::Wire;
use messages::ids::Root;
use messages::leaf::{Mechanism, Query};
use minicbor::{Decode, Encode};

use crate::contributions::OutcomeCell;
use crate::ledger::Refusal;

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
}

impl Bounds {
    pub(crate) fn are_sound(self) -> bool {
        (1..=1024).contains(&self.sessions) && (1..=64).contains(&self.cells)
    }
}

/// What can be asked. Every cell is public before any data exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// `sessions.count`: sessions.
    SessionsCount,
    /// `sessions.outcome`: sessions by outcome.
    SessionsOutcome,
    /// `tools`: sessions that used an interaction, by its name in the pact, and `other`.
    Tools,
    /// `violations.count`: sessions in which a rule denied something or ended the session.
    ViolationsCount,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::SessionsCount, Self::SessionsOutcome, Self::Tools, Self::ViolationsCount];

    /// The statistic called `name`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statistic| statistic.name() == name)
    }

    /// Its name in pacts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionsCount => "sessions.count",
            Self::SessionsOutcome => "sessions.outcome",
            Self::Tools => "tools",
            Self::ViolationsCount => "violations.count",
        }
    }

    /// How its noise is drawn.
    #[must_use]
    pub const fn mechanism(self) -> Mechanism {
        match self {
            Self::SessionsCount | Self::ViolationsCount => Mechanism::DiscreteLaplace,
            Self::SessionsOutcome | Self::Tools => Mechanism::DiscreteGaussian,
        }
    }

    /// Its public cells in order; `tools` are the interactions of the pact.
    #[must_use]
    pub fn cells(self, tools: &[String]) -> Vec<String> {
        match self {
            Self::SessionsCount => vec!["sessions".into()],
            Self::SessionsOutcome => {
                OutcomeCell::ALL.iter().map(|outcome| outcome.name().into()).collect()
            }
            Self::Tools => {
                let named = tools.iter().filter(|tool| *tool != OTHER).cloned();
                named.chain([OTHER.into()]).collect()
            }
            Self::ViolationsCount => vec!["violations".into()],
        }
    }

    /// Sensitivity: L1 for the Laplace mechanism, L2 *squared* for the Gaussian one.
    ///
    /// Neighbouring: two data sets that differ by all sessions of one initiating principal in
    /// one UTC day, added or removed. With S sessions and K cells (`Bounds`), an owner's day is
    /// a non-negative integer vector v, since no other owner's sample depends on it:
    ///
    /// | statistic | v | norm | bound |
    /// |---|---|---|---|
    /// | `sessions.count`, `violations.count` | one cell, at most S | L1 | S |
    /// | `sessions.outcome` | one cell a session: ‖v‖₁ ≤ S, so ‖v‖₂ ≤ ‖v‖₁ | L2 | S² |
    /// | `tools` | at most S in a cell, at most K cells a session: ‖v‖₂² ≤ ‖v‖∞ ‖v‖₁ | L2 | S·SK |
    ///
    /// All are attained. Source: Hölder's inequality; Dwork and Roth 2014, definition 3.1, for
    /// the notion.
    #[must_use]
    pub fn sensitivity(self, bounds: Bounds) -> u64 {
        let (s, k) = (u64::from(bounds.sessions), u64::from(bounds.cells));
        match self {
            Self::SessionsCount | Self::ViolationsCount => s,
            Self::SessionsOutcome => s.saturating_mul(s),
            Self::Tools => s.saturating_mul(s).saturating_mul(k),
        }
    }
}

/// Returns the canonical query for `statistic` over one day of one data set at a price in
/// nano-ρ; `tools` are the interactions of the pact, in its order.
///
/// # Errors
/// [`Refusal::UnknownStatistic`], [`Refusal::Price`] or [`Refusal::TooManyCells`].
pub fn query(
    statistic: &str,
    (dataset, day): (Root, u64),
    tools: &[String],
    nano_rho: u64,
) -> Result<Query, Refusal> {
    let known = Statistic::parse(statistic).ok_or(Refusal::UnknownStatistic)?;
    if nano_rho == 0 {
        return Err(Refusal::Price);
    }
    let query = Query {
        dataset,
        day,
        statistic: known.name().into(),
        cells: known.cells(tools),
        nano_rho,
        mechanism: known.mechanism(),
    };
    if query.to_cbor().len() > Query::MAX_BYTES { Err(Refusal::TooManyCells) } else { Ok(query) }
}

/// The cell of every interaction that the pact does not name.
pub const OTHER: &str = "other";
