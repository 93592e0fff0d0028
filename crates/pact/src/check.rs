//! The check: (compiled pact, state, event, now) to (verdict, change). Pure and total.
//!
//! It serves all modes alike and says what interventionist mode would do; the monitor applies the
//! mode. Only what is counted as run depends on it. Whatever goes wrong inside is a verdict with a code, never a panic.

use std::collections::{BTreeMap, BTreeSet};

use messages::counter::CounterIndex;
use messages::did::Did;
use messages::event::{Body, Event, Role};
use messages::time::UnixMillis;
use serde_json::Value;

use crate::compile::schema::Fixed;
use crate::compile::{Compiled, RequestedRule, Rule};
use crate::digest::Digest;
use crate::document::terms::{ApprovalTerm, Confirmer, Direction, Mode, RequestedWhen, Unlisted};
use crate::state::{
    CallChange, Change, MAX_CALLS, SessionState, Stage, StageChange, StandingState, Turn,
};
use crate::tokens::Form;

mod anomalies;
mod conduct;
mod delegation;
mod flows;
mod heard;
mod limits;
mod origins;
mod reading;
mod term;
mod turn;
mod value;

pub use anomalies::canary;
pub(crate) use turn::{Granted, TurnSaid, granted, yes_or_no};

/// What a call may do, from mild to severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Go on; somebody is told.
    Alert,
    /// Wait for an overseer.
    Escalate,
    /// Do not.
    Deny,
    /// The session is over.
    Terminate,
}

/// Whether an overseer approved this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// First look at an event.
    Absent,
    /// Second look at a call that was escalated and then approved: it counts only what the
    /// approval adds.
    Granted,
}

/// What a check decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub decision: Decision,
    /// Which rule says so: identifiers of the pact and fixed words, never text of the event.
    /// Empty when allowed.
    pub rule: String,
    /// Argument, as the pact names it.
    pub at: Option<String>,
}

/// A verdict, and what the event changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// To apply once the event is on record.
    pub change: Change,
}

/// Judges one event.
///
/// `now` is monotone. The caller has verified the event's signature, chain and session. Apply
/// the change to both states and the tally, whatever the verdict, before the next event.
pub fn check(
    pact: &Compiled,
    session: &SessionState,
    standing: &StandingState,
    event: &Event,
    approval: Approval,
    now: UnixMillis,
) -> Judgement {
    let change = Change { now, ..Change::default() };
    let verdict = Verdict { decision: Decision::Allow, rule: String::new(), at: None };
    let mut look = Look { pact, session, standing, approval, change, verdict, found: Vec::new() };
    look.event(event);
    Judgement { verdict: look.verdict, change: look.change }
}

/// Judges a message or a result by its digest alone; the same verdict and the same change as
/// [`check`] finds for the event that it was made of.
pub fn check_digest(
    pact: &Compiled,
    session: &SessionState,
    standing: &StandingState,
    digest: &Digest,
    now: UnixMillis,
) -> Judgement {
    let change = Change { now, ..Change::default() };
    let verdict = Verdict { decision: Decision::Allow, rule: String::new(), at: None };
    let approval = Approval::Absent;
    let mut look = Look { pact, session, standing, approval, change, verdict, found: Vec::new() };
    look.enter();
    look.heard(digest);
    look.leave();
    Judgement { verdict: look.verdict, change: look.change }
}

/// One check under way.
pub(crate) struct Look<'a> {
    pub(crate) pact: &'a Compiled,
    pub(crate) session: &'a SessionState,
    pub(crate) standing: &'a StandingState,
    pub(crate) approval: Approval,
    pub(crate) change: Change,
    pub(crate) verdict: Verdict,
    /// Every finding: how severe, and the counter of its term, if that has one of its own.
    pub(crate) found: Vec<(Decision, Option<CounterIndex>)>,
}

impl Look<'_> {
    /// Keeps the most severe finding, and the first of equals.
    pub(crate) fn find(&mut self, decision: Decision, rule: &[&str], at: Option<&str>) {
        let counter = rule.first().and_then(|term| self.pact.breaches.get(*term)).copied();
        self.found.push((decision, counter));
        if decision > self.verdict.decision {
            let at = at.map(str::to_owned);
            self.verdict = Verdict { decision, rule: rule.concat(), at };
        }
    }

    fn deny(&mut self, code: &str) {
        self.find(Decision::Deny, &[code], None);
    }

    fn event(&mut self, event: &Event) {
        self.enter();
        let tool = self.answered(event);
        match (&event.body, Digest::of(self.pact, self.session, event, tool)) {
            (Body::Call { call, name, args, via }, _) => {
                self.call(event, call, name, (args, via.as_ref()));
            }
            (Body::Delegation { to, via, interactions }, _) => {
                self.delegation((event.from, event.to), (to, via.as_ref()), interactions);
            }
            (Body::Message { .. } | Body::Result { .. }, Some(digest)) => self.heard(&digest),
            // Only what a party does has no digest.
            (Body::Message { .. } | Body::Result { .. }, None) => self.deny("wrong-role"),
        }
        self.leave();
    }

    fn enter(&mut self) {
        if self.approval == Approval::Absent {
            self.change.count(Fixed::Events.at(), 1);
            self.open();
        }
        self.term();
        if self.standing.suspended {
            self.find(Decision::Terminate, &["suspended"], None);
        }
    }

    fn leave(&mut self) {
        if self.approval == Approval::Absent && self.verdict.decision == Decision::Alert {
            self.change.count(Fixed::Alerts.at(), 1);
        }
        self.count_breaches();
    }

    /// What broke a term and takes place all the same; what is stopped, waits or was approved
    /// broke none.
    fn count_breaches(&mut self) {
        let decision = self.verdict.decision;
        if decision > Decision::Alert && self.pact.mode() == Mode::Interventionist {
            return;
        }
        let granted = self.approval == Approval::Granted;
        let broken: Vec<Option<CounterIndex>> = core::mem::take(&mut self.found)
            .into_iter()
            .filter(|(decision, _)| !(granted && *decision == Decision::Escalate))
            .map(|(_, counter)| counter)
            .collect();
        if !broken.is_empty() {
            self.change.count(Fixed::Breaches.at(), 1);
        }
        let counters: BTreeSet<CounterIndex> = broken.into_iter().flatten().collect();
        counters.into_iter().for_each(|counter| self.change.count(counter, 1));
    }

    /// The name of the call that an event answers.
    fn answered(&self, event: &Event) -> &str {
        let Body::Result { call, .. } = &event.body else { return "" };
        let token = self.session.key.token(Form::CallId, call);
        let known = self.session.calls.get(&token);
        known.and_then(|c| self.pact.numbered(c.rule)).map_or("", |(name, _)| name)
    }

    fn call(
        &mut self,
        event: &Event,
        call: &str,
        name: &str,
        (args, via): (&BTreeMap<String, Value>, Option<&Did>),
    ) {
        let token = self.session.key.token(Form::CallId, call);
        let known = self.session.calls.get(&token).map(|c| c.stage);
        match (self.approval, known) {
            (Approval::Absent, None) if self.session.calls.len() >= MAX_CALLS => {
                self.deny("too-many-calls");
            }
            (Approval::Absent, None) | (Approval::Granted, Some(Stage::Escalated)) => {}
            (Approval::Absent, Some(_)) => self.deny("call-reused"),
            (Approval::Granted, _) => self.deny("nothing-to-approve"),
        }
        if self.pact.single && self.standing.ran > 0 {
            self.find(Decision::Terminate, &["term.kind"], None);
        }
        let direction = direction(event.from, event.to);
        let rule = self.pact.rules.get(name);
        match (rule, direction) {
            (_, None) => self.deny("wrong-role"),
            (None, _) => self.deny("default-deny"),
            (Some(rule), Some(direction)) if rule.direction != direction => {
                self.deny("wrong-direction");
            }
            (Some(rule), _) => {
                self.acts(rule, event.from.reporter(), via);
                self.rule(rule, args);
                self.flows(rule, args);
                self.sharing(rule, args);
                self.call_limits(rule, args);
                self.anomalies(rule, args);
            }
        }
        if args.values().any(|value| is_deep(value, 0)) {
            self.deny("too-deep");
        }
        self.canaries(args);
        let volume = self.measure(args);
        let bytes = volume.bytes;
        self.volume_limits(&volume);
        if let Some(rule) = rule
            && rule.max_bytes.is_some_and(|max| bytes > max)
        {
            self.find(Decision::Deny, &[&rule.id, ".max-bytes"], None);
        }
        self.settle(rule);
        if self.approval == Approval::Absent {
            self.follow_verdict();
            self.settle(rule);
        }
        self.record(token, known, rule, args);
    }

    /// What is still open once all terms have been looked at.
    fn settle(&mut self, rule: Option<&Rule>) {
        if self.verdict.decision != Decision::Escalate {
            return;
        }
        let never = rule.is_some_and(|r| r.approval == ApprovalTerm::Never);
        match (never, self.approval) {
            (true, _) => self.verdict.decision = Decision::Deny,
            (false, Approval::Granted) => {
                self.verdict = Verdict { decision: Decision::Allow, rule: String::new(), at: None };
            }
            (false, Approval::Absent) => {}
        }
    }

    fn record(
        &mut self,
        token: u64,
        known: Option<Stage>,
        rule: Option<&Rule>,
        args: &BTreeMap<String, Value>,
    ) {
        let decision = self.verdict.decision;
        let (counter, stage) = match decision {
            Decision::Allow | Decision::Alert => (Fixed::CallsPermitted, StageChange::Permitted),
            Decision::Escalate => (Fixed::CallsEscalated, StageChange::Escalated),
            Decision::Deny => (Fixed::CallsDenied, StageChange::Refused),
            Decision::Terminate => (Fixed::CallsTerminated, StageChange::Refused),
        };
        let permitted = decision <= Decision::Alert;
        let number = rule.map_or(u16::MAX, |r| r.number);
        match self.approval {
            Approval::Absent => {
                self.change.count(Fixed::CallsAll.at(), 1);
                self.change.count(counter.at(), 1);
                // A reused identifier leaves the first call as it was.
                let full = self.session.calls.len() >= MAX_CALLS;
                if known.is_none() && !full {
                    let (call, (lineage, echo)) = (token, self.ancestry(args));
                    self.change.call =
                        Some(CallChange { call, rule: number, stage, lineage, echo });
                }
            }
            Approval::Granted if known == Some(Stage::Escalated) => {
                if permitted {
                    self.change.count(Fixed::CallsApproved.at(), 1);
                }
                let (call, (lineage, echo)) = (token, self.ancestry(args));
                self.change.call = Some(CallChange { call, rule: number, stage, lineage, echo });
            }
            Approval::Granted => {}
        }
        // In the observing modes a refused call runs all the same: what ran is what counts.
        let runs = permitted || self.pact.mode() != Mode::Interventionist;
        if let Some(rule) = rule.filter(|_| runs) {
            self.change.count(rule.counter, 1);
            self.change.ran = true;
            self.consume(rule, args);
            self.add_usual(rule, args);
        }
    }

    fn rule(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        for (name, value) in args {
            match (rule.args.get(name), &rule.others, rule.unlisted) {
                (Some(_), ..) => {}
                (None, Some(others), _) => self.argument(rule, "*", others, value),
                (None, None, Unlisted::Allow) => {}
                (None, None, Unlisted::Deny) => {
                    self.find(Decision::Deny, &[&rule.id, ".unlisted-argument"], None);
                }
            }
        }
        for (name, constraint) in &rule.args {
            match args.get(name).filter(|v| !v.is_null()) {
                Some(value) => self.argument(rule, name, constraint, value),
                None if constraint.required => {
                    let decision = self.decision(constraint);
                    self.find(decision, &[&rule.id, ".required"], Some(name));
                }
                None => {}
            }
        }
        if let Some(RequestedRule { terms, when, otherwise }) = &rule.requested
            && (*when == RequestedWhen::Always || self.session.scrutiny)
            && !terms.iter().any(|term| self.was_said(term))
        {
            self.find(otherwise.decision(), &[&rule.id, ".requested"], None);
        }
        let granted = self.approval == Approval::Granted;
        let unconfirmed = match rule.confirmed_by {
            None => false,
            Some(Confirmer::Overseer) => !granted,
            Some(Confirmer::Principal) => self.session.turn != Turn::Confirmed,
        };
        if unconfirmed {
            self.find(Decision::Escalate, &[&rule.id, ".confirmed-by"], None);
        }
        if rule.after.iter().any(|before| !self.session.succeeded.contains(before)) {
            self.find(Decision::Deny, &[&rule.id, ".after"], None);
        }
        if rule.approval == ApprovalTerm::Always {
            self.find(Decision::Escalate, &[&rule.id, ".approval"], None);
        }
    }

    fn was_said(&self, term: &str) -> bool {
        let stems = self.session.key.stems(term);
        !stems.is_empty() && stems.iter().all(|s| self.session.stems.contains(s))
    }
}

/// Nested deeper than anything that is looked at.
fn is_deep(value: &Value, depth: usize) -> bool {
    let inner = depth.saturating_add(1);
    match value {
        _ if depth > MAX_DEPTH => true,
        Value::Array(list) => list.iter().any(|v| is_deep(v, inner)),
        Value::Object(map) => map.values().any(|v| is_deep(v, inner)),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => false,
    }
}

/// Levels of an argument.
const MAX_DEPTH: usize = 32;

const fn direction(from: Role, to: Role) -> Option<Direction> {
    match (from, to) {
        (Role::Initiator, Role::Provider) => Some(Direction::ToProvider),
        (Role::Provider, Role::Initiator) => Some(Direction::ToInitiator),
        _ => None,
    }
}
