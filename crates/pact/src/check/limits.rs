//! Limits: quota is reserved at the decision, so calls in flight cannot overshoot.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::{Decision, Look};
use crate::compile::schema::Fixed;
use crate::compile::{ANY_PII, Counted, LimitRule, RECOGNISED, Rule};
use crate::document::terms::Per;
use crate::tokens::{Form, Pii, exact, text_of};

/// How much an event carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Volume {
    pub(super) bytes: u64,
    pub(super) pii: Pii,
    /// Values that the pact labels as personal data of a kind that has no form of its own.
    pub(super) labelled: BTreeMap<String, u64>,
}

impl Volume {
    pub(super) fn bytes(bytes: u64) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// A value under a label.
    pub(super) fn label(&mut self, kinds: &[String]) {
        for kind in kinds.iter().filter(|kind| !RECOGNISED.contains(&kind.as_str())) {
            let n = self.labelled.entry(kind.clone()).or_default();
            *n = n.saturating_add(1);
        }
    }

    fn of(&self, kind: &str) -> u64 {
        match kind {
            ANY_PII => self.labelled.values().fold(self.pii.any(), |n, m| n.saturating_add(*m)),
            "email" => self.pii.email,
            "iban" => self.pii.iban,
            "payment" => self.pii.payment,
            "phone" => self.pii.phone,
            labelled => self.labelled.get(labelled).copied().unwrap_or_default(),
        }
    }
}

impl Look<'_> {
    /// What a limit has used of its maximum.
    fn used(&self, at: u16, limit: &LimitRule) -> u64 {
        match limit.per {
            Per::Session => self.session.used.get(&at).copied().unwrap_or_default(),
            Per::Pact => self.standing.used.get(&at).copied().unwrap_or_default(),
            Per::Window(_) => {
                self.standing.windows.get(&at).map_or(0, |w| w.used(self.slot(limit)))
            }
        }
    }

    fn slot(&self, limit: &LimitRule) -> u64 {
        self.change.now.0.checked_div(limit.slot.0).unwrap_or_default()
    }

    fn use_up(&mut self, at: u16, limit: &LimitRule, n: u64) {
        match limit.per {
            Per::Session => self.change.session_used.push((at, n)),
            Per::Pact => self.change.pact_used.push((at, n)),
            Per::Window(_) => self.change.window_used.push((at, self.slot(limit), n)),
        }
    }

    fn demand(&mut self, at: u16, limit: &LimitRule, n: u64) {
        if self.used(at, limit).saturating_add(n) > limit.max {
            self.find(limit.otherwise.decision(), &[&limit.id], None);
        }
    }

    /// Limits on events, bytes and personal data; consumed whatever the verdict.
    pub(super) fn volume_limits(&mut self, volume: &Volume) {
        let bytes = volume.bytes;
        if self.approval == super::Approval::Granted {
            return;
        }
        self.change.count(Fixed::Bytes.at(), bytes);
        self.change.count(Fixed::PiiAny.at(), volume.of(ANY_PII));
        let pact = self.pact;
        for (at, limit) in numbered(&pact.limits) {
            let n = match &limit.counted {
                Counted::Bytes => bytes,
                Counted::Events => 1,
                Counted::Pii(kind) => volume.of(kind),
                Counted::Calls(_) | Counted::Distinct(..) | Counted::Errors | Counted::Sum(..) => {
                    continue;
                }
            };
            if n > 0 {
                self.demand(at, limit, n);
                self.use_up(at, limit, n);
            }
        }
    }

    /// Limits on calls, sums, distinct values and errors: does this call still fit?
    pub(super) fn call_limits(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        let pact = self.pact;
        for (at, limit) in rule.limits.iter().filter_map(|at| numbered_at(&pact.limits, *at)) {
            match &limit.counted {
                Counted::Calls(_) => self.demand(at, limit, 1),
                Counted::Errors => self.demand(at, limit, 0),
                Counted::Sum(_, arg) => match amount(args.get(arg)) {
                    Some(n) => self.demand(at, limit, n),
                    None => self.find(Decision::Deny, &[&limit.id, ".amount"], Some(arg)),
                },
                Counted::Distinct(_, arg) => {
                    let seen = self.session.distinct.get(&at);
                    let mut tokens = self.distinct_tokens(args.get(arg));
                    let used = seen.map_or(0, |s| s.len() as u64);
                    tokens.retain(|t| seen.is_none_or(|s| !s.contains(t)));
                    if used.saturating_add(tokens.len() as u64) > limit.max && !tokens.is_empty() {
                        self.find(limit.otherwise.decision(), &[&limit.id], Some(arg));
                    }
                }
                Counted::Bytes | Counted::Events | Counted::Pii(_) => {}
            }
        }
    }

    /// Reserves what a permitted call uses.
    pub(super) fn consume(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        for sum in &rule.sums {
            let n = amount(args.get(&sum.arg)).unwrap_or_default();
            self.change.count(sum.counter, n);
        }
        let pact = self.pact;
        for (at, limit) in rule.limits.iter().filter_map(|at| numbered_at(&pact.limits, *at)) {
            match &limit.counted {
                Counted::Calls(_) => self.use_up(at, limit, 1),
                Counted::Sum(_, arg) => {
                    let n = amount(args.get(arg)).unwrap_or_default();
                    self.use_up(at, limit, n);
                }
                Counted::Distinct(_, arg) => {
                    let tokens = self.distinct_tokens(args.get(arg));
                    self.change.distinct.extend(tokens.into_iter().map(|t| (at, t)));
                }
                Counted::Bytes | Counted::Errors | Counted::Events | Counted::Pii(_) => {}
            }
        }
    }

    pub(super) fn count_error(&mut self) {
        let pact = self.pact;
        for (at, limit) in numbered(&pact.limits) {
            if limit.counted == Counted::Errors {
                self.use_up(at, limit, 1);
            }
        }
    }

    fn distinct_tokens(&self, value: Option<&Value>) -> Vec<u64> {
        let key = &self.session.key;
        let mut tokens: Vec<u64> = match value {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => {
                list.iter().flat_map(|v| self.distinct_tokens(Some(v))).collect()
            }
            Some(value) => {
                let text = text_of(value).unwrap_or_else(|| value.to_string());
                let whole = || key.token(Form::Word, &text.to_lowercase());
                vec![key.canonical(&text).unwrap_or_else(whole)]
            }
        };
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }
}

/// An amount in hundredths, rounded up; none when it is negative or no exact number.
pub(super) fn amount(value: Option<&Value>) -> Option<u64> {
    match value {
        None | Some(Value::Null) => Some(0),
        Some(value) => {
            let amount = exact(value)?.checked_mul(Decimal::ONE_HUNDRED)?.ceil();
            amount.to_u64().filter(|n| *n <= messages::counter::DEFAULT_MAX)
        }
    }
}

fn numbered(limits: &[LimitRule]) -> impl Iterator<Item = (u16, &LimitRule)> {
    limits.iter().enumerate().filter_map(|(at, l)| Some((u16::try_from(at).ok()?, l)))
}

fn numbered_at(limits: &[LimitRule], at: u16) -> Option<(u16, &LimitRule)> {
    limits.get(usize::from(at)).map(|l| (at, l))
}
