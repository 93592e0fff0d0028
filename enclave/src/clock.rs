//! The one clock. Monotone. It is read between two requests ([`Clock::sense`]) and stands still
//! in between; what its bounds rest on is part of every bracket.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use messages::time::{Bracket, ClockKind, Millis, UnixMillis};
use tlog::{Cosignature, Lease, Observed, Ticks, TimeTerms, WitnessedTime};

use crate::config::ClockValues;

/// The clock of this boot.
pub(crate) struct Clock {
    now: Bracket,
    source: Source,
    /// The time that was expected and the time that was found lie apart.
    jumped: bool,
    /// A quorum had granted this boot a lease, and none of it is left.
    lapsed: bool,
    since: Instant,
}

enum Source {
    /// Every event advances it by a stated step; it says nothing of real time.
    Generated { step: Millis },
    /// The host's clock as it was at start, carried on by the counter that nobody can set. The
    /// host is hostile, so this is for development.
    Host { started: UnixMillis },
    /// What a quorum of witnesses said, carried on by the counter.
    Witnessed {
        time: WitnessedTime,
        /// How long a lease this boot asks for.
        term: Millis,
        /// How far its counter may drift, in millionths.
        drift_ppm: u32,
        /// Until when a quorum has granted it.
        until: Ticks,
    },
}

/// What [`Clock::sense`] found that was not known before.
pub(crate) struct Found {
    /// A jump.
    pub(crate) jumped: bool,
    /// The end of the lease.
    pub(crate) lapsed: bool,
}

/// Why nothing that depends on time goes on.
pub(crate) const JUMPED: &str = "clock-jumped";
/// The same, before the first quorum of this boot.
pub(crate) const UNWITNESSED: &str = "clock-unwitnessed";
/// The same, once another boot of this monitor may be live.
pub(crate) const LAPSED: &str = "lease-ended";

impl Clock {
    /// Begins at `floor`, the last moment on record, or later.
    pub(crate) fn start(values: &ClockValues, floor: UnixMillis) -> Self {
        let (first, kind, source) = match *values {
            ClockValues::Generated { start_ms, step_ms } => {
                let source = Source::Generated { step: Millis(step_ms) };
                (UnixMillis(start_ms), ClockKind::Generated, source)
            }
            ClockValues::Host => {
                let started = wall();
                (started, ClockKind::Host, Source::Host { started })
            }
            ClockValues::Witnessed { quorum, drift_ppm, slack_ms, reach_ms, lease_ms } => {
                let terms = TimeTerms {
                    quorum,
                    drift_ppm,
                    slack: Millis(slack_ms),
                    reach: Millis(reach_ms),
                };
                let time = WitnessedTime::new(terms, floor);
                let (term, until) = (Millis(lease_ms), Ticks(0));
                let source = Source::Witnessed { time, term, drift_ppm, until };
                (floor, ClockKind::Witnessed, source)
            }
        };
        let earliest = first.max(floor);
        let latest = match kind {
            ClockKind::Witnessed => UNKNOWN,
            ClockKind::Generated | ClockKind::Host => earliest,
        };
        let now = Bracket { earliest, latest, clock: kind };
        Self { now, source, jumped: false, lapsed: false, since: counter() }
    }

    /// Reads the counter.
    pub(crate) fn sense(&mut self) -> Found {
        let ticks = self.ticks();
        let before = (self.jumped, self.lapsed);
        match &mut self.source {
            Source::Generated { .. } => {}
            Source::Host { started } => {
                let counted = started.saturating_add(Millis(ticks.0));
                let host = wall();
                self.jumped = counted.0.abs_diff(host.0) > TOLERANCE.0;
                self.now.earliest = self.now.earliest.max(counted);
                // A host whose clock ran ahead of the counter widens the bracket, in every leaf.
                self.now.latest = self.now.earliest.max(host);
            }
            Source::Witnessed { time, until, .. } => {
                self.lapsed = until.0 > 0 && ticks >= *until;
                match time.bracket(ticks) {
                    Ok(bracket) => {
                        let earliest = bracket.earliest.max(self.now.earliest);
                        self.now = Bracket { earliest, ..bracket };
                    }
                    Err(tlog::TimeError::Unwitnessed) => {}
                    Err(_) => self.jumped = true,
                }
            }
        }
        Found { jumped: self.jumped && !before.0, lapsed: self.lapsed && !before.1 }
    }

    /// Why an event cannot be taken now, if it cannot: the gravest reason.
    pub(crate) const fn stands_still(&self) -> Option<&'static str> {
        if self.now.latest.0 == UNKNOWN.0 {
            Some(UNWITNESSED)
        } else if self.lapsed {
            Some(LAPSED)
        } else if self.jumped {
            Some(JUMPED)
        } else {
            None
        }
    }

    /// Is a lease over by now that the last reading still found?
    pub(crate) fn has_lapsed_since(&self) -> bool {
        match self.source {
            Source::Witnessed { until, .. } => !self.lapsed && until.0 > 0 && self.ticks() >= until,
            Source::Generated { .. } | Source::Host { .. } => false,
        }
    }

    /// Now.
    pub(crate) const fn now(&self) -> UnixMillis {
        self.now.earliest
    }

    /// The moment of the next event, without moving.
    pub(crate) const fn next(&self) -> UnixMillis {
        match self.source {
            Source::Generated { step } => self.now.earliest.saturating_add(step),
            Source::Host { .. } | Source::Witnessed { .. } => self.now.earliest,
        }
    }

    /// Moves to `moment`, never back.
    pub(crate) fn reach(&mut self, moment: UnixMillis) {
        self.now.earliest = self.now.earliest.max(moment);
        self.now.latest = self.now.latest.max(self.now.earliest);
    }

    /// Now as leaves carry it.
    pub(crate) const fn bracket(&self) -> Bracket {
        self.now
    }

    /// Do witnesses carry it?
    pub(crate) const fn is_witnessed(&self) -> bool {
        matches!(self.source, Source::Witnessed { .. })
    }

    pub(crate) const fn is_generated(&self) -> bool {
        matches!(self.source, Source::Generated { .. })
    }

    /// The lease to ask witnesses for now: when it is asked for, and how long it is to last, both in
    /// seconds, the first of this boot's own counter and rounded down. None where no witness carries
    /// the time.
    pub(crate) fn asks(&self) -> Option<(u64, u32)> {
        let Source::Witnessed { term, .. } = self.source else { return None };
        let second = |millis: u64| millis.div_euclid(1_000);
        Some((second(self.ticks().0), u32::try_from(second(term.0)).unwrap_or(u32::MAX)))
    }

    /// Takes the word of witnesses on a checkpoint that asked for `lease` in this boot. What they
    /// say ends a jump: time goes on from there, and the bracket that it left is in the leaves.
    ///
    /// # Errors
    /// A code, when they are too few or disagree.
    pub(crate) fn witnessed(
        &mut self,
        said: &[Cosignature<'_>],
        lease: &Lease,
    ) -> Result<(), &'static str> {
        let ticks = self.ticks();
        let Source::Witnessed { time, drift_ppm, until, .. } = &mut self.source else {
            return Ok(());
        };
        let asked = Ticks(lease.asked.saturating_mul(1_000));
        // A jump that the witnesses themselves reveal is over with their word: the bracket that it
        // left is in the leaves.
        let _revealed: Observed =
            time.observe(said, asked, ticks).map_err(|error| match error {
                tlog::TimeError::TooFew { .. } => "witnesses-too-few",
                tlog::TimeError::Disagree { .. } => "witnesses-disagree",
                _ => JUMPED,
            })?;
        // No witness signed before it was asked, so none of their leases ends before this: a
        // counter that is slow by less than its drift has run so far when their clocks are there.
        let term = u64::from(lease.seconds).saturating_mul(1_000);
        let drift = term.saturating_mul(u64::from(*drift_ppm)).div_ceil(1_000_000);
        let granted = asked.0.saturating_add(term.saturating_sub(drift));
        *until = (*until).max(Ticks(granted));
        self.jumped = false;
        self.sense();
        Ok(())
    }

    fn ticks(&self) -> Ticks {
        Ticks(millis(self.since.elapsed()).0)
    }
}

/// The host's clock: for what people compare with their own, and to find that it jumps.
#[expect(clippy::disallowed_methods, reason = "this is where the host's clock is read")]
pub(crate) fn wall() -> UnixMillis {
    UnixMillis(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| millis(t).0))
}

/// The counter that nobody can set.
#[expect(clippy::disallowed_methods, reason = "this is where the counter is read")]
pub(crate) fn counter() -> Instant {
    Instant::now()
}

fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// Clocks drift; more than this is a jump.
const TOLERANCE: Millis = Millis(10_000);
/// The later bound before the first quorum.
const UNKNOWN: UnixMillis = UnixMillis(u64::MAX);
