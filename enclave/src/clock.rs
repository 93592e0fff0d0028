//! The one clock. Monotone. It is read between two requests ([`Clock::sense`]) and stands still
//! in between; what its bounds rest on is part of every bracket.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use messages::time::{Bracket, ClockKind, Millis, UnixMillis};
use tlog::{Cosignature, Observed, Ticks, TimeTerms, WitnessedTime};

use crate::config::ClockValues;

/// The clock of this boot.
pub(crate) struct Clock {
    now: Bracket,
    source: Source,
    /// The time that was expected and the time that was found lie apart.
    jumped: bool,
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
        /// When the checkpoint of each size was made: no witness can have signed it earlier.
        made: BTreeMap<u64, Ticks>,
    },
}

/// Why nothing that depends on time goes on.
pub(crate) const JUMPED: &str = "clock-jumped";
/// The same, before the first quorum of this boot.
pub(crate) const UNWITNESSED: &str = "clock-unwitnessed";

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
            ClockValues::Witnessed { quorum, drift_ppm, slack_ms, reach_ms } => {
                let terms = TimeTerms {
                    quorum,
                    drift_ppm,
                    slack: Millis(slack_ms),
                    reach: Millis(reach_ms),
                };
                let time = WitnessedTime::new(terms, floor);
                let made = BTreeMap::new();
                (floor, ClockKind::Witnessed, Source::Witnessed { time, made })
            }
        };
        let earliest = first.max(floor);
        let latest = match kind {
            ClockKind::Witnessed => UNKNOWN,
            ClockKind::Generated | ClockKind::Host => earliest,
        };
        let now = Bracket { earliest, latest, clock: kind };
        Self { now, source, jumped: false, since: counter() }
    }

    /// Reads the counter. Returns whether a jump was found that was not known before.
    pub(crate) fn sense(&mut self) -> bool {
        let ticks = self.ticks();
        let before = self.jumped;
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
            Source::Witnessed { time, .. } => match time.compare(wall(), ticks) {
                Ok(observed) => {
                    self.jumped |= matches!(observed, Observed::Jumped(_));
                    if let Ok(bracket) = time.bracket(ticks) {
                        let earliest = bracket.earliest.max(self.now.earliest);
                        self.now = Bracket { earliest, ..bracket };
                    }
                }
                Err(tlog::TimeError::Unwitnessed) => {}
                Err(_) => self.jumped = true,
            },
        }
        self.jumped && !before
    }

    /// Why an event cannot be taken now, if it cannot.
    pub(crate) const fn stands_still(&self) -> Option<&'static str> {
        if self.jumped {
            Some(JUMPED)
        } else if self.now.latest.0 == UNKNOWN.0 {
            Some(UNWITNESSED)
        } else {
            None
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

    /// A checkpoint of this size was made now.
    pub(crate) fn made(&mut self, size: u64) {
        let ticks = self.ticks();
        if let Source::Witnessed { made, .. } = &mut self.source {
            made.entry(size).or_insert(ticks);
            while made.len() > REMEMBERED {
                made.pop_first();
            }
        }
    }

    /// Takes the word of witnesses on the checkpoint of `size`. What they say ends a jump: time
    /// goes on from there, and the bracket that it left is in the leaves.
    ///
    /// # Errors
    /// A code, when they are too few, disagree, or speak of a checkpoint that was not remembered.
    pub(crate) fn witnessed(
        &mut self,
        said: &[Cosignature<'_>],
        size: u64,
    ) -> Result<(), &'static str> {
        let ticks = self.ticks();
        let Source::Witnessed { time, made } = &mut self.source else { return Ok(()) };
        let asked = *made.get(&size).ok_or("note-too-old")?;
        // A jump that the witnesses themselves reveal is over with their word: the bracket that it
        // left is in the leaves.
        let _revealed: Observed =
            time.observe(said, asked, ticks).map_err(|error| match error {
                tlog::TimeError::TooFew { .. } => "witnesses-too-few",
                tlog::TimeError::Disagree { .. } => "witnesses-disagree",
                _ => JUMPED,
            })?;
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
/// Checkpoints whose making is remembered.
const REMEMBERED: usize = 4096;
