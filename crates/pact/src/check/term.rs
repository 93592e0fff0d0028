//! How long a pact holds, for how many sessions, and when it is renewed.

use messages::time::UnixMillis;

use super::{Decision, Look};
use crate::compile::Compiled;
use crate::compile::schema::Fixed;
use crate::state::StandingState;

impl Look<'_> {
    pub(super) fn open(&mut self) {
        if self.session.opened {
            return;
        }
        self.change.opens = true;
        self.change.count(Fixed::Sessions.at(), 1);
        if self.pact.max_sessions.is_some_and(|max| self.standing.sessions >= max) {
            self.find(Decision::Terminate, &["term.max-sessions"], None);
        }
    }

    pub(super) fn term(&mut self) {
        let (from, _) = self.pact.term();
        if self.change.now < from {
            self.find(Decision::Terminate, &["term.not-before"], None);
        }
        if self.change.now >= self.standing.until(self.pact) {
            self.find(Decision::Terminate, &["term.not-after"], None);
        }
    }
}

impl StandingState {
    /// When the pact ends, with the renewals so far.
    #[must_use]
    pub fn until(&self, pact: &Compiled) -> UnixMillis {
        let (_, until) = pact.term();
        self.renewed.unwrap_or(until)
    }

    /// Renews a pact that says so, once the time to object is over and its conditions hold. A
    /// pact that was left to end stays at its end. Call it as time passes, at least once a notice.
    pub fn renew(&mut self, pact: &Compiled, now: UnixMillis) {
        let Some(rule) = &pact.renewal else { return };
        let breached = |at: &u16| self.objectives.get(at).is_some_and(|o| o.breached.is_some());
        if rule.conditions.iter().any(breached) {
            return;
        }
        let mut until = self.until(pact);
        while now < until && until.0.saturating_sub(rule.notice.0) <= now.0 {
            until = until.saturating_add(rule.length);
        }
        self.renewed = Some(until);
    }

    /// A revision takes the place of a pact: one that says when it ends ends then, one that leaves
    /// the end as it was keeps the renewals so far.
    pub fn revise(&mut self, old: &Compiled, new: &Compiled) {
        if old.term().1 != new.term().1 {
            self.renewed = None;
        }
    }
}
