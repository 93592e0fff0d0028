//! Time that a host cannot move: an interval between what a quorum of witnesses said, carried on
//! by an in-guest counter.
//!
//! A cosignature holds the second in which a witness signed. The checkpoint was made before, so
//! that second is not before it was made; it arrived afterwards, so that second is not after. Of
//! k witnesses of whom fewer than k lie, the k-th latest second is therefore not after now, and
//! the k-th earliest, plus the time since the checkpoint was made, not before now. Between two
//! observations both bounds move with the counter, each as far as its drift makes safe.
//!
//! Pure: no clock, no input, no output. It reads no host clock to tell the time; it only says
//! when the host's disagrees.
//!
//! ```
//! # use cloister_tlog as tlog;
//! use messages::time::{Millis, UnixMillis};
//! use tlog::{Cosignature, Observed, Ticks, TimeTerms, WitnessedTime};
//! let terms = TimeTerms {
//!     quorum: core::num::NonZeroUsize::MIN, drift_ppm: 100,
//!     slack: Millis(2_000), reach: Millis(3_600_000),
//! };
//! let mut time = WitnessedTime::new(terms, UnixMillis(0));
//! let said = [Cosignature { witness: "w.example", unix_seconds: 1_700_000_000 }];
//! // The checkpoint was signed at 40 ms of the counter and came back at 90.
//! assert_eq!(time.observe(&said, Ticks(40), Ticks(90)), Ok(Observed::Agrees));
//! let now = time.bracket(Ticks(10_090)).unwrap();
//! assert_eq!(now.earliest, UnixMillis(1_700_000_009_999));
//! assert_eq!(now.latest, UnixMillis(1_700_000_011_052));
//! ```

use core::num::NonZeroUsize;
use std::collections::BTreeMap;

use messages::time::{Bracket, ClockKind, Millis, UnixMillis};

use crate::cosignature::Cosignature;

/// Reading of the in-guest counter: milliseconds since the boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(pub u64);

/// What the measured configuration says about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeTerms {
    /// How many witnesses must agree, k; more than may lie.
    pub quorum: NonZeroUsize,
    /// How far the counter may drift, in millionths.
    pub drift_ppm: u32,
    /// How far apart two intervals may lie before that is a jump.
    pub slack: Millis,
    /// How far the counter alone carries the earlier bound past what a quorum said: a counter
    /// that runs wild gains no more than this.
    pub reach: Millis,
}

/// The one clock of a monitor.
#[derive(Clone, Debug)]
pub struct WitnessedTime {
    terms: TimeTerms,
    /// The latest that the earlier bound ever was.
    floor: UnixMillis,
    seen: Ticks,
    anchor: Option<Anchor>,
}

/// What quorums said in this boot, and where the counter stood.
#[derive(Clone, Debug)]
struct Anchor {
    /// Each carries the earlier bound for itself; the furthest one counts.
    lines: Vec<Line>,
    latest: UnixMillis,
    at: Ticks,
}

/// One quorum's word on the earlier bound, and the reading when it was heard.
#[derive(Clone, Copy, Debug)]
struct Line {
    said: UnixMillis,
    at: Ticks,
}

/// What is known at one reading of the counter.
#[derive(Clone, Copy, Debug)]
struct Known {
    earliest: UnixMillis,
    latest: UnixMillis,
}

impl WitnessedTime {
    /// A clock that never says earlier than `floor`: the last earlier bound on record. The time
    /// is not known until the first observation of this boot.
    #[must_use]
    pub const fn new(terms: TimeTerms, floor: UnixMillis) -> Self {
        Self { terms, floor, seen: Ticks(0), anchor: None }
    }

    /// Takes the cosignatures of a checkpoint that was made at `asked` and came back by `ticks`.
    /// They hold: [`cosignatures`](crate::cosignatures) returned them.
    ///
    /// After a jump the clock goes on from what the witnesses said; the earlier bound stands
    /// still where they said less than before. A jump is for the caller to publish, and to pause
    /// at.
    ///
    /// # Errors
    /// [`TimeError`]; nothing was learned then.
    pub fn observe(
        &mut self,
        said: &[Cosignature<'_>],
        asked: Ticks,
        ticks: Ticks,
    ) -> Result<Observed, TimeError> {
        self.tick(ticks)?;
        let travelled = Millis(ticks.0.checked_sub(asked.0).ok_or(TimeError::AskedLater)?);
        let (earliest, latest) = self.quorum(said, travelled)?;
        let known = self.known(ticks);
        let ahead = known.and_then(|known| self.apart(known.latest, earliest));
        let behind = self.apart(latest, known.map_or(self.floor, |known| known.earliest));
        let agree = known.filter(|known| earliest <= known.latest && known.earliest <= latest);
        let said = Line { said: earliest, at: ticks };
        let anchor = match (known, agree) {
            // Both hold, so what both say holds.
            (_, Some(known)) => {
                let lines = self.lines_with(said, ticks);
                Anchor { lines, latest: latest.min(known.latest), at: ticks }
            }
            // One of them is wrong. The earlier bound goes on from the witnesses, above the
            // floor; the later bound takes both in.
            (Some(known), None) => {
                Anchor { lines: vec![said], latest: latest.max(known.latest), at: ticks }
            }
            (None, None) => Anchor { lines: vec![said], latest, at: ticks },
        };
        let agreed = agree.map_or(earliest, |known| earliest.max(known.earliest));
        self.anchor = Some(anchor);
        self.floor = self.floor.max(agreed);
        Ok(match (ahead, behind) {
            (Some(by), _) => Observed::Jumped(Jump::Ahead(by)),
            (None, Some(by)) => Observed::Jumped(Jump::Behind(by)),
            (None, None) => Observed::Agrees,
        })
    }

    /// Now. The earlier bound never goes back, whatever the counter does.
    ///
    /// # Errors
    /// [`TimeError::CounterWentBack`], once, and then [`TimeError::Unwitnessed`] until the next
    /// observation.
    pub fn bracket(&mut self, ticks: Ticks) -> Result<Bracket, TimeError> {
        self.tick(ticks)?;
        let Known { earliest, latest } = self.known(ticks).ok_or(TimeError::Unwitnessed)?;
        self.floor = earliest;
        Ok(Bracket { earliest, latest, clock: ClockKind::Witnessed })
    }

    /// Whether the host's clock lies outside what is known, and by how much. It is never believed.
    ///
    /// # Errors
    /// As [`WitnessedTime::bracket`].
    pub fn compare(&mut self, host: UnixMillis, ticks: Ticks) -> Result<Observed, TimeError> {
        let now = self.bracket(ticks)?;
        let jump = self.apart(now.latest, host).map(Jump::Ahead);
        let jump = jump.or_else(|| self.apart(host, now.earliest).map(Jump::Behind));
        Ok(jump.map_or(Observed::Agrees, Observed::Jumped))
    }

    /// The latest that the earlier bound ever was: to decide by, also when the time is not known,
    /// and to put on record.
    #[must_use]
    pub const fn floor(&self) -> UnixMillis {
        self.floor
    }

    /// How long ago a quorum was last heard; none in this boot.
    #[must_use]
    pub fn silence(&self, ticks: Ticks) -> Option<Millis> {
        self.anchor.as_ref().map(|anchor| Millis(ticks.0.saturating_sub(anchor.at.0)))
    }

    /// A counter that went back measured nothing: what it carried is no longer known.
    fn tick(&mut self, ticks: Ticks) -> Result<(), TimeError> {
        let back = self.seen.0.checked_sub(ticks.0).filter(|by| *by > 0);
        self.seen = ticks;
        match back {
            None => Ok(()),
            Some(by) => {
                self.anchor = None;
                Err(TimeError::CounterWentBack { by: Millis(by) })
            }
        }
    }

    /// The floor is kept and not carried on: it is no more than what some line once reached.
    fn known(&self, ticks: Ticks) -> Option<Known> {
        let anchor = self.anchor.as_ref()?;
        let furthest = anchor.lines.iter().map(|line| self.carried(*line, ticks)).max()?;
        let earliest = furthest.max(self.floor);
        let elapsed = ticks.0.saturating_sub(anchor.at.0);
        let most = Millis(elapsed.saturating_add(self.drift(elapsed)));
        let latest = anchor.latest.saturating_add(most).max(earliest);
        Some(Known { earliest, latest })
    }

    /// How far the counter carries one quorum's word, at most to its reach.
    fn carried(&self, line: Line, ticks: Ticks) -> UnixMillis {
        let elapsed = ticks.0.saturating_sub(line.at.0);
        let least = elapsed.saturating_sub(self.drift(elapsed)).min(self.terms.reach.0);
        line.said.saturating_add(Millis(least))
    }

    /// The lines that may still count once `said` is one of them. A line counts while no other is
    /// both as far and has as far to go; to forget one only holds the bound back.
    fn lines_with(&self, said: Line, ticks: Ticks) -> Vec<Line> {
        let old = self.anchor.iter().flat_map(|anchor| &anchor.lines);
        let further =
            |line: &&Line| line.said < said.said && self.carried(**line, ticks) > said.said;
        let behind =
            |line: &Line| line.said >= said.said && self.carried(*line, ticks) >= said.said;
        let mut lines: Vec<Line> = old.clone().filter(further).copied().collect();
        lines.extend(old.filter(|line| behind(line)));
        if !lines.iter().any(behind) {
            lines.push(said);
        }
        let forgotten = lines.len().saturating_sub(MAX_LINES);
        lines.drain(..forgotten);
        lines
    }

    /// The bounds that a quorum stands for.
    fn quorum(
        &self,
        said: &[Cosignature<'_>],
        travelled: Millis,
    ) -> Result<(UnixMillis, UnixMillis), TimeError> {
        let mut each: BTreeMap<&str, u64> = BTreeMap::new();
        for cosignature in said {
            let latest = each.entry(cosignature.witness).or_default();
            *latest = cosignature.unix_seconds.max(*latest);
        }
        let mut seconds: Vec<u64> = each.into_values().collect();
        seconds.sort_unstable();
        let needed = self.terms.quorum.get();
        let at = |place: Option<usize>| place.and_then(|place| seconds.get(place).copied());
        let (Some(from), Some(until)) =
            (at(seconds.len().checked_sub(needed)), at(needed.checked_sub(1)))
        else {
            return Err(TimeError::TooFew { found: seconds.len(), needed });
        };
        // A second ends a thousand milliseconds after it began.
        let until = until.saturating_add(1).saturating_mul(1_000);
        let latest = until.saturating_add(travelled.0).saturating_add(self.drift(travelled.0));
        let earliest = from.saturating_mul(1_000);
        if earliest > latest {
            return Err(TimeError::Disagree { by: Millis(earliest.saturating_sub(latest)) });
        }
        Ok((UnixMillis(earliest), UnixMillis(latest)))
    }

    fn drift(&self, elapsed: u64) -> u64 {
        let drift = u128::from(elapsed).saturating_mul(u128::from(self.terms.drift_ppm));
        u64::try_from(drift.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }

    /// How far `after` lies past `before`, when that is more than the slack.
    fn apart(&self, before: UnixMillis, after: UnixMillis) -> Option<Millis> {
        let by = Millis(after.0.saturating_sub(before.0));
        (by > self.terms.slack).then_some(by)
    }
}

/// Most lines that are followed at a time.
const MAX_LINES: usize = 16;

/// What an observation showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a jump is published, and pauses"]
pub enum Observed {
    /// What was expected.
    Agrees,
    /// Time was elsewhere.
    Jumped(Jump),
}

/// How far time was from where it was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// Later: the machine stood still, or its counter is slow.
    Ahead(Millis),
    /// Earlier: the counter is fast, or an earlier quorum was wrong.
    Behind(Millis),
}

impl Jump {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ahead(_) => "clock-jump-ahead",
            Self::Behind(_) => "clock-jump-behind",
        }
    }
}

/// Why the time is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// An answer before its question.
    #[error("the checkpoint was made after its cosignatures came back")]
    AskedLater,
    /// The counter went back.
    #[error("the in-guest counter went back by {} ms", by.0)]
    CounterWentBack {
        /// How far.
        by: Millis,
    },
    /// No moment fits what the witnesses said.
    #[error("the witnesses' times lie {} ms apart", by.0)]
    Disagree {
        /// How far apart.
        by: Millis,
    },
    /// No quorum.
    #[error("{found} witnesses of the {needed} that are needed")]
    TooFew {
        /// Witnesses that cosigned.
        found: usize,
        /// Witnesses that are needed.
        needed: usize,
    },
    /// No quorum was heard since the boot, or since the counter went back.
    #[error("no quorum of witnesses has been heard")]
    Unwitnessed,
}

impl TimeError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AskedLater => "clock-asked-later",
            Self::CounterWentBack { .. } => "clock-counter-went-back",
            Self::Disagree { .. } => "clock-witnesses-disagree",
            Self::TooFew { .. } => "clock-too-few-witnesses",
            Self::Unwitnessed => "clock-unwitnessed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AskedLater => "read the counter before the checkpoint is signed",
            Self::CounterWentBack { .. } => {
                "have a new checkpoint cosigned; ask who moved the machine"
            }
            Self::Disagree { .. } => "compare the witnesses' clocks",
            Self::TooFew { .. } => "ask more of the configured witnesses",
            Self::Unwitnessed => "have a new checkpoint cosigned",
        }
    }
}
