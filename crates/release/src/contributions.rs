//! What sessions contribute, bounded before anything is counted. Apart from every counter that
//! claims are proven from.

use std::collections::{BTreeMap, BTreeSet};

use messages::did::Did;
use rand_core::CryptoRngCore;

use crate::statistic::{Bounds, Statistic};

/// How a session ended; each session is in exactly one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeCell {
    /// Nothing was denied, escalated or ended.
    Clean,
    /// Something was denied.
    Denied,
    /// Something waited for a person.
    Escalated,
    /// A rule ended the session.
    Terminated,
}

impl OutcomeCell {
    /// All, in cell order.
    pub const ALL: [Self; 4] = [Self::Clean, Self::Denied, Self::Escalated, Self::Terminated];

    /// The cell's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Denied => "denied",
            Self::Escalated => "escalated",
            Self::Terminated => "terminated",
        }
    }
}

/// What one session would contribute, not yet bounded.
pub struct Contribution {
    outcome: OutcomeCell,
    tools: BTreeSet<String>,
}

impl Contribution {
    /// One session: how it ended, and which interactions it used, each once.
    pub fn new(outcome: OutcomeCell, tools: impl IntoIterator<Item = String>) -> Self {
        Self { outcome, tools: tools.into_iter().collect() }
    }
}

/// Samples of the sessions of one data set: for each owner and day a uniform one of at most
/// `sessions` sessions. Secret: no `Debug`, no `Clone`, and no exact count leaves this crate.
pub struct Contributions {
    bounds: Bounds,
    tools: Vec<String>,
    days: BTreeMap<u64, BTreeMap<Did, Reservoir>>,
}

/// A uniform sample of a stream (Vitter 1985, algorithm R).
#[derive(Default)]
struct Reservoir {
    seen: u64,
    kept: Vec<Session>,
}

struct Session {
    outcome: OutcomeCell,
    // PRIVACY: at most `cells` distinct cells.
    tool_cells: Vec<usize>,
}

impl Contributions {
    /// No session yet; `tools` are the interactions of the pact, in its order.
    #[must_use]
    pub fn new(bounds: Bounds, tools: Vec<String>) -> Self {
        Self { bounds, tools, days: BTreeMap::new() }
    }

    /// Counts a session of `owner`, its initiating principal, on `day`.
    ///
    /// Which sessions of a full day stay is a matter of chance, not of order: nobody can choose
    /// which ones are seen.
    pub fn add(
        &mut self,
        owner: &Did,
        day: u64,
        session: Contribution,
        rng: &mut impl CryptoRngCore,
    ) {
        let Contribution { outcome, tools } = session;
        let session = Session { outcome, tool_cells: self.tool_cells(tools, rng) };
        let bound = usize::try_from(self.bounds.sessions).unwrap_or(usize::MAX);
        let owners = self.days.entry(day).or_default();
        let reservoir = owners.entry(owner.clone()).or_default();
        if reservoir.kept.len() < bound {
            reservoir.kept.push(session);
        } else {
            let at = below(reservoir.seen.saturating_add(1), rng);
            if let Some(kept) = usize::try_from(at).ok().and_then(|at| reservoir.kept.get_mut(at)) {
                *kept = session;
            }
        }
        reservoir.seen = reservoir.seen.saturating_add(1);
    }

    /// Forgets the days before `day`: what is not kept cannot be asked again.
    pub fn forget_before(&mut self, day: u64) {
        self.days = self.days.split_off(&day);
    }

    pub(crate) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(crate) fn cells(&self, statistic: Statistic) -> Vec<String> {
        statistic.cells(&self.tools)
    }

    /// Exact bounded counts of a day, one a cell.
    // PRIVACY: for the mechanism alone; never compared, logged or returned.
    pub(crate) fn count(&self, statistic: Statistic, day: u64) -> Vec<i64> {
        let mut counts = vec![0_i64; self.cells(statistic).len()];
        let sessions = self.days.get(&day).into_iter().flat_map(BTreeMap::values);
        for session in sessions.flat_map(|reservoir| &reservoir.kept) {
            let mut touch = |cell: usize| {
                if let Some(count) = counts.get_mut(cell) {
                    *count = count.saturating_add(1);
                }
            };
            match statistic {
                Statistic::SessionsCount => touch(0),
                Statistic::SessionsOutcome => touch(session.outcome.cell()),
                Statistic::Tools => session.tool_cells.iter().copied().for_each(touch),
                Statistic::ViolationsCount => match session.outcome {
                    OutcomeCell::Denied | OutcomeCell::Terminated => touch(0),
                    OutcomeCell::Clean | OutcomeCell::Escalated => {}
                },
            }
        }
        counts
    }

    /// The distinct cells of a session's tools, a uniform choice of `cells` when there are more.
    fn tool_cells(&self, tools: BTreeSet<String>, rng: &mut impl CryptoRngCore) -> Vec<usize> {
        let names = self.cells(Statistic::Tools);
        let other = names.len().saturating_sub(1);
        let cell = |tool| names.iter().position(|name| *name == tool).unwrap_or(other);
        let distinct: BTreeSet<usize> = tools.into_iter().map(cell).collect();
        let mut cells: Vec<usize> = distinct.into_iter().collect();
        while cells.len() > usize::try_from(self.bounds.cells).unwrap_or(usize::MAX) {
            let at = below(cells.len() as u64, rng);
            cells.swap_remove(usize::try_from(at).unwrap_or(0));
        }
        cells
    }
}

impl OutcomeCell {
    const fn cell(self) -> usize {
        match self {
            Self::Clean => 0,
            Self::Denied => 1,
            Self::Escalated => 2,
            Self::Terminated => 3,
        }
    }
}

/// A uniform number below `bound`, without the bias of a remainder; 0 for 0.
fn below(bound: u64, rng: &mut impl CryptoRngCore) -> u64 {
    // Draws at or above the largest multiple of `bound` are drawn again.
    let excess = u64::MAX.checked_rem(bound).and_then(|r| r.checked_add(1)).unwrap_or(0);
    let excess = excess.checked_rem(bound).unwrap_or(0);
    loop {
        let drawn = rng.next_u64();
        if drawn <= u64::MAX.saturating_sub(excess) {
            return drawn.checked_rem(bound).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests;
