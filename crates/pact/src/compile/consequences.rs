//! Consequences: what follows a breach, from which one on, and after which time to repair it.

use messages::did::Did;
use messages::time::Millis;

use crate::check::Decision;
use crate::document::scalar::Exact;
use crate::document::terms::{Consequence, ConsequenceAction, ConsequenceKind, Document};

/// One consequence.
#[derive(Clone, Debug)]
pub(crate) struct ConsequenceRule {
    /// Kinds of verdicts, or identifiers of terms.
    pub(crate) on: Vec<String>,
    /// From this breach on.
    pub(crate) after: u64,
    /// Time to repair an objective.
    pub(crate) cure: Millis,
    /// The most severe verdict among its actions.
    pub(crate) decision: Decision,
    /// The whole pact stops until an overseer reinstates it.
    pub(crate) suspends: bool,
    pub(crate) duties: Vec<Duty>,
}

/// What somebody has to do, or is told, once a consequence follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// What.
    pub kind: DutyKind,
    /// Who is told.
    pub to: Vec<Did>,
    /// By when, from the breach.
    pub within: Option<Millis>,
    /// How much, as the pact writes it, and of what.
    pub amount: Option<(String, String)>,
}

/// Kinds of duties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DutyKind {
    /// Somebody is told.
    Alert,
    /// An amount is due from escrow. The monitor moves no money: it says so, signed.
    Penalty,
    /// A report is due.
    Report,
}

pub(crate) fn compile(terms: &Document) -> Vec<ConsequenceRule> {
    terms.consequences.iter().map(rule).collect()
}

fn rule(terms: &Consequence) -> ConsequenceRule {
    let decisions = terms.actions.iter().map(|action| decision(action.action));
    ConsequenceRule {
        on: terms.on.iter().map(|name| name.0.clone()).collect(),
        after: terms.after.unwrap_or(1).max(1),
        cure: terms.cure.map_or(Millis(0), |cure| cure.0),
        decision: decisions.max().unwrap_or(Decision::Allow),
        suspends: terms.actions.iter().any(|a| a.action == ConsequenceKind::Suspend),
        duties: terms.actions.iter().filter_map(duty).collect(),
    }
}

const fn decision(kind: ConsequenceKind) -> Decision {
    match kind {
        ConsequenceKind::Alert | ConsequenceKind::Penalty | ConsequenceKind::Report => {
            Decision::Alert
        }
        ConsequenceKind::Escalate | ConsequenceKind::Pause => Decision::Escalate,
        ConsequenceKind::Deny => Decision::Deny,
        ConsequenceKind::Suspend | ConsequenceKind::Terminate => Decision::Terminate,
    }
}

fn duty(action: &ConsequenceAction) -> Option<Duty> {
    let kind = match action.action {
        ConsequenceKind::Alert => DutyKind::Alert,
        ConsequenceKind::Penalty => DutyKind::Penalty,
        ConsequenceKind::Report => DutyKind::Report,
        ConsequenceKind::Deny
        | ConsequenceKind::Escalate
        | ConsequenceKind::Pause
        | ConsequenceKind::Suspend
        | ConsequenceKind::Terminate => return None,
    };
    let unit = action.unit.clone().unwrap_or_default();
    Some(Duty {
        kind,
        to: action.to.iter().map(|party| party.0.clone()).collect(),
        within: action.within.map(|span| span.0),
        amount: action.amount.map(|Exact(amount)| (amount.to_string(), unit)),
    })
}
