//! Modes: what becomes of a verdict.

use alloc::string::String;

use messages::receipt::{Receipt, Ticket};
use messages::reply::{Action, Reply};
use messages::time::UnixMillis;
use pact::{Decision, Mode};

use crate::session::Told;

/// What the parties are told about one event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer {
    /// The mode in force.
    pub mode: Mode,
    /// What interventionist mode does with the verdict.
    pub action: Action,
    /// The pact's rule; none when nothing was broken.
    pub rule: Option<String>,
    /// When it was first given: leave for a call runs from then on, however often it is told.
    pub at: UnixMillis,
    /// The session is over, or its pact stopped: what was said stands, and leave is not given
    /// again.
    pub over: bool,
}

impl Answer {
    pub(crate) fn new(mode: Mode, told: Told) -> Self {
        let Told { action, rule, at } = told;
        Self { mode, action, rule: (action != Action::Allow).then_some(rule), at, over: false }
    }

    /// May the call run now?
    #[must_use]
    pub fn runs(&self) -> bool {
        !self.over && runs(self.mode, self.action)
    }

    /// What leaves: passive tells nothing but the receipt, active alerts, interventionist decides.
    pub fn into_reply(self, receipt: Receipt, ticket: Option<Ticket>) -> Reply {
        let Self { mode, action, rule, .. } = self;
        match (mode, rule) {
            (Mode::Passive, _) | (Mode::Active, None) => Reply::Receipt(receipt),
            (Mode::Active, Some(rule)) => Reply::Alert { action, rule, receipt },
            (Mode::Interventionist, rule) => Reply::Verdict { action, rule, receipt, ticket },
        }
    }
}

/// What interventionist mode does.
pub(crate) const fn action(decision: Decision) -> Action {
    match decision {
        Decision::Allow => Action::Allow,
        Decision::Alert => Action::Alert,
        Decision::Escalate => Action::Pause,
        Decision::Deny => Action::Deny,
        Decision::Terminate => Action::Terminate,
    }
}

/// Does a call with this action run? In the observing modes nothing is stopped.
pub(crate) const fn runs(mode: Mode, action: Action) -> bool {
    match mode {
        Mode::Passive | Mode::Active => true,
        Mode::Interventionist => matches!(action, Action::Allow | Action::Alert),
    }
}
