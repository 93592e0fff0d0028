//! The one clock. Monotone. This version has only the generated clock of development monitors:
//! every event advances it by a stated step, and it says nothing about real time.

use messages::time::{Bracket, ClockKind, Millis, UnixMillis};

/// A stated generated clock.
pub(crate) struct Generated {
    now: UnixMillis,
    step: Millis,
}

impl Generated {
    pub(crate) const fn new(start: UnixMillis, step: Millis) -> Self {
        Self { now: start, step }
    }

    /// Now, without moving.
    pub(crate) const fn now(&self) -> UnixMillis {
        self.now
    }

    /// The moment one step on, without moving.
    pub(crate) const fn next(&self) -> UnixMillis {
        self.now.saturating_add(self.step)
    }

    /// Moves to `moment`, never back.
    pub(crate) fn reach(&mut self, moment: UnixMillis) {
        self.now = self.now.max(moment);
    }

    /// Now as leaves carry it.
    pub(crate) const fn bracket(&self) -> Bracket {
        Bracket { earliest: self.now, latest: self.now, clock: ClockKind::Generated }
    }
}
