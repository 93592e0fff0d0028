//! Modes: what becomes of a verdict.

use alloc::string::String;

use messages::event::Receipt;
use messages::reply::{Action, Reply};
use pact::{Decision, Mode, Verdict};

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
    /// The record.
    pub receipt: Receipt,
}

impl Answer {
    pub(crate) fn new(mode: Mode, verdict: Verdict, receipt: Receipt) -> Self {
        let action = action(verdict.decision);
        let rule = (action != Action::Allow).then_some(verdict.rule);
        Self { mode, action, rule, receipt }
    }

    /// What leaves: passive tells nothing but the receipt, active alerts, interventionist decides.
    pub fn into_reply(self) -> Reply {
        match self.mode {
            Mode::Passive => Reply::Receipt(self.receipt),
            Mode::Active => match self.rule {
                None => Reply::Receipt(self.receipt),
                Some(rule) => Reply::Alert { action: self.action, rule, receipt: self.receipt },
            },
            Mode::Interventionist => {
                Reply::Verdict { action: self.action, rule: self.rule, receipt: self.receipt }
            }
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
