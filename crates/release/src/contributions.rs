//! What sessions contribute, bounded before anything is counted. Apart from every counter that
//! claims are proven from.

use std::collections::{BTreeMap, BTreeSet};

use messages::counter::LATENCY_EDGES;
use messages::did::Did;
use messages::leaf::Unit;
use minicbor::{Decode, Encode};
use rand_core::CryptoRngCore;

use crate::statistic::{Bounds, Statistic};

/// How a session ended; each session is in exactly one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum OutcomeCell {
    /// Nothing was denied, escalated or ended.
    #[n(0)]
    Clean,
    /// Something was denied.
    #[n(1)]
    Denied,
    /// Something waited for a person.
    #[n(2)]
    Escalated,
    /// A rule ended the session.
    #[n(3)]
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
    sums: BTreeMap<String, u64>,
    latencies: Vec<u64>,
}

impl Contribution {
    /// One session: how it ended, and which interactions it used, each once.
    pub fn new(outcome: OutcomeCell, tools: impl IntoIterator<Item = String>) -> Self {
        let (sums, latencies) = (BTreeMap::new(), Vec::new());
        Self { outcome, tools: tools.into_iter().collect(), sums, latencies }
    }

    /// And what it added to the counters that may be summed, by name.
    #[must_use]
    pub fn with_sums(mut self, sums: impl IntoIterator<Item = (String, u64)>) -> Self {
        self.sums = sums.into_iter().collect();
        self
    }

    /// And how many of its calls were answered within each edge of the latency histogram and not
    /// within the one before; the last number is of those above all edges.
    #[must_use]
    pub fn with_latencies(mut self, latencies: Vec<u64>) -> Self {
        self.latencies = latencies;
        self
    }
}

/// Samples of the sessions of one data set: for each owner and day a uniform one of at most
/// `sessions` sessions. Secret: no `Debug`, no `Clone`, and no exact count leaves this crate but
/// in the encoding, which is for a sealed journal.
#[derive(Encode)]
#[cbor(array)]
pub(crate) struct Contributions {
    #[n(0)]
    bounds: Bounds,
    #[n(1)]
    tools: Vec<String>,
    /// Days before this one are forgotten and stay so.
    #[n(2)]
    from: u64,
    #[n(3)]
    days: BTreeMap<u64, BTreeMap<Did, Reservoir>>,
}

/// A uniform sample of a stream (Vitter 1985, algorithm R).
#[derive(Default, Encode, Decode)]
#[cbor(array)]
struct Reservoir {
    #[n(0)]
    seen: u64,
    #[n(1)]
    kept: Vec<Session>,
}

#[derive(Encode, Decode)]
#[cbor(array)]
struct Session {
    #[n(0)]
    outcome: OutcomeCell,
    // PRIVACY: at most `cells` distinct cells.
    #[n(1)]
    tool_cells: Vec<u16>,
    // PRIVACY: cut to the published clamp when they are summed.
    #[n(2)]
    sums: BTreeMap<String, u64>,
    /// The bucket of one of its calls.
    #[n(3)]
    latency: Option<u16>,
}

impl Contributions {
    /// No session yet; `tools` are the interactions of the pact, in its order.
    pub(crate) const fn new(bounds: Bounds, tools: Vec<String>) -> Self {
        Self { bounds, tools, from: 0, days: BTreeMap::new() }
    }

    /// The interactions of a revision of the pact: `tools` begins with those of now. What was
    /// counted as another one stays so.
    pub(crate) fn append(&mut self, tools: Vec<String>) {
        let last = |contributions: &Self| {
            u16::try_from(contributions.cells(&Statistic::Tools).len().saturating_sub(1)).ok()
        };
        let old = last(self);
        self.tools = tools;
        let (Some(old), Some(new)) = (old, last(self)) else { return };
        let samples = self.days.values_mut().flat_map(BTreeMap::values_mut);
        for session in samples.flat_map(|sample| &mut sample.kept) {
            for cell in session.tool_cells.iter_mut().filter(|cell| **cell == old) {
                *cell = new;
            }
        }
    }

    /// Counts a session of `owner`, its initiating principal, on `day`.
    ///
    /// Which sessions of a full day stay is a matter of chance, not of order: nobody can choose
    /// which ones are seen. To continue exactly after a recovery, the journal holds the seed of
    /// `rng`. A session of a forgotten day is not counted.
    pub(crate) fn add(
        &mut self,
        owner: &Did,
        day: u64,
        session: Contribution,
        rng: &mut impl CryptoRngCore,
    ) {
        if day < self.from {
            return;
        }
        let Contribution { outcome, tools, sums, latencies } = session;
        let (tool_cells, latency) = (self.tool_cells(tools, rng), one_of(&latencies, rng));
        let session = Session { outcome, tool_cells, sums, latency };
        let bound = usize::try_from(self.most()).unwrap_or(usize::MAX);
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

    /// Most sessions of an owner's day that are counted.
    const fn most(&self) -> u32 {
        match self.bounds.unit {
            // PRIVACY: each session is a unit of its own, and no other one's sample depends on it.
            Some(Unit::Session) => u32::MAX,
            None => self.bounds.sessions,
        }
    }

    /// Forgets the days before `day` for ever. The ledger forgets them too, and sells none of them:
    /// noise on nothing is no answer.
    pub(crate) fn forget_before(&mut self, day: u64) {
        self.from = self.from.max(day);
        self.days = self.days.split_off(&self.from);
    }

    /// The bounds under which sessions are counted.
    pub(crate) const fn bounds(&self) -> Bounds {
        self.bounds
    }

    pub(crate) const fn keeps(&self, day: u64) -> bool {
        self.from <= day
    }

    pub(crate) fn cells(&self, statistic: &Statistic) -> Vec<String> {
        statistic.cells(&self.tools)
    }

    /// Exact bounded counts of a day, one a cell; of a quantile the scores of its candidates, which
    /// are best where they are 0.
    // PRIVACY: for the mechanism alone; never compared, logged or returned.
    pub(crate) fn count(&self, statistic: &Statistic, day: u64) -> Vec<i64> {
        if let Statistic::LatencyQuantile(percent) = statistic {
            return self.scores(i64::from(percent.whole()), day);
        }
        let mut counts = vec![0_i64; self.cells(statistic).len()];
        let sessions = self.days.get(&day).into_iter().flat_map(BTreeMap::values);
        for session in sessions.flat_map(|reservoir| &reservoir.kept) {
            let mut add = |cell: usize, more: i64| {
                if let Some(count) = counts.get_mut(cell) {
                    *count = count.saturating_add(more);
                }
            };
            let mut touch = |cell: usize| add(cell, 1);
            match statistic {
                Statistic::LatencyQuantile(_) => {}
                Statistic::Latency => session.latency.iter().for_each(|b| touch(usize::from(*b))),
                Statistic::SessionsCount | Statistic::SessionsTotal => touch(0),
                Statistic::SessionsOutcome => touch(session.outcome.cell()),
                Statistic::Sum { counter, clamp } => {
                    let bounded = session.sums.get(counter).map_or(0, |sum| *sum.min(clamp));
                    add(0, i64::try_from(bounded).unwrap_or(i64::MAX));
                }
                Statistic::Tools => {
                    session.tool_cells.iter().map(|cell| usize::from(*cell)).for_each(touch);
                }
                Statistic::ViolationsCount => match session.outcome {
                    OutcomeCell::Denied | OutcomeCell::Terminated => touch(0),
                    OutcomeCell::Clean | OutcomeCell::Escalated => {}
                },
            }
        }
        counts
    }

    /// Of each edge of the latencies, by how much too few lie within it, or too many already within
    /// the one before: 0 for the first edge that `percent` lie within. The last edge stands for all
    /// that is above it, too.
    // PRIVACY: for the mechanism alone, as counts are.
    fn scores(&self, percent: i64, day: u64) -> Vec<i64> {
        let buckets = self.count(&Statistic::Latency, day);
        let all = buckets.iter().fold(0_i64, |sum, n| sum.saturating_add(*n));
        let (due, mut before) = (all.saturating_mul(percent), 0_i64);
        let edges = buckets.iter().take(LATENCY_EDGES.len()).enumerate();
        edges
            .map(|(at, count)| {
                let within = before.saturating_add(count.saturating_mul(100));
                let last = at.saturating_add(1) == LATENCY_EDGES.len();
                let few = if last { 0 } else { due.saturating_sub(within) };
                let many = before.saturating_sub(due);
                before = within;
                few.max(many).max(0)
            })
            .collect()
    }

    /// The distinct cells of a session's tools, a uniform choice of `cells` when there are more.
    fn tool_cells(&self, tools: BTreeSet<String>, rng: &mut impl CryptoRngCore) -> Vec<u16> {
        let names = self.cells(&Statistic::Tools);
        let other = names.len().saturating_sub(1);
        let cell = |tool| names.iter().position(|name| *name == tool).unwrap_or(other);
        let distinct: BTreeSet<usize> = tools.into_iter().map(cell).collect();
        let mut cells: Vec<usize> = distinct.into_iter().collect();
        while cells.len() > usize::try_from(self.bounds.cells).unwrap_or(usize::MAX) {
            let at = below(cells.len() as u64, rng);
            cells.swap_remove(usize::try_from(at).unwrap_or(0));
        }
        // A query has far fewer cells than this; what lies beyond is in no answer.
        cells.into_iter().filter_map(|cell| u16::try_from(cell).ok()).collect()
    }

    /// The bounds hold, as they do for every sample that was made here.
    fn is_bounded(&self) -> bool {
        let most = |bound: u32, n: usize| u32::try_from(n).is_ok_and(|n| n <= bound);
        let mut samples = self.days.values().flat_map(BTreeMap::values);
        self.days.keys().all(|day| self.keeps(*day))
            && samples.all(|sample| {
                most(self.most(), sample.kept.len())
                    && sample.kept.len() as u64 <= sample.seen
                    && sample.kept.iter().all(|s| {
                        let distinct: BTreeSet<u16> = s.tool_cells.iter().copied().collect();
                        most(self.bounds.cells, distinct.len())
                            && distinct.len() == s.tool_cells.len()
                    })
            })
    }
}

impl<'b, C> Decode<'b, C> for Contributions {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        if d.array()? != Some(4) {
            return Err(minicbor::decode::Error::message("expected four fields"));
        }
        let read = Self {
            bounds: Decode::decode(d, ctx)?,
            tools: Decode::decode(d, ctx)?,
            from: Decode::decode(d, ctx)?,
            days: Decode::decode(d, ctx)?,
        };
        // PRIVACY: a sample past its bounds would move an answer beyond its noise.
        let error = || minicbor::decode::Error::message("a sample past its bounds");
        read.is_bounded().then_some(read).ok_or_else(error)
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

/// The place of one of the things that are counted here by place, uniformly; none of nothing.
fn one_of(counts: &[u64], rng: &mut impl CryptoRngCore) -> Option<u16> {
    let all = counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let mut at = below(all, rng);
    let place = counts.iter().position(|count| match at.checked_sub(*count) {
        Some(rest) => {
            at = rest;
            false
        }
        None => true,
    });
    u16::try_from(place?).ok()
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
