//! What is unusual: more in a window than many times the windows before, and values that must
//! never travel.

use std::collections::BTreeMap;

use messages::domain;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::limits::amount;
use super::{Decision, Look};
use crate::compile::{AnomalyRule, Counted, Rule, SLOTS};
use crate::tokens::{chunks, text_of};

/// The digest by which a pact names a value that must never travel: one word, in any case.
/// SHA-256 under a domain of its own; who can guess the value can check the guess.
#[must_use]
pub fn canary(value: &str) -> [u8; 32] {
    domain::CANARY.hash(&[value.to_lowercase().as_bytes()])
}

impl Look<'_> {
    /// Compares this call with what is usual. The finding names both numbers.
    pub(super) fn anomalies(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        let pact = self.pact;
        for (at, anomaly) in pact.anomalies.iter().enumerate() {
            let (Ok(number), Some(n)) = (u16::try_from(at), added(anomaly, rule, args)) else {
                continue;
            };
            let slot = self.slot_of(anomaly);
            let Some(known) = self.standing.usual.get(&number) else { continue };
            let elapsed = slot.saturating_sub(known.since).min(SLOTS);
            if elapsed < ENOUGH {
                continue;
            }
            let here = known.window.at(slot);
            let before = known.window.used(slot).saturating_sub(here);
            let usual = Decimal::from(before).checked_div(Decimal::from(elapsed));
            let bound = usual.and_then(|u| u.checked_mul(anomaly.factor)).unwrap_or_default();
            let unusual = |n: u64| n >= anomaly.least && Decimal::from(n) > bound;
            let now = here.saturating_add(n);
            // An alert is given once a window; what is held is held each time.
            let told = anomaly.decision == Decision::Alert && unusual(here);
            if unusual(now) && !told {
                let usual = usual.and_then(|u| u.ceil().to_u64()).unwrap_or_default();
                let numbers = format!(" {now}/{usual}");
                self.find(anomaly.decision, &[&anomaly.id, &numbers], None);
            }
        }
    }

    /// What a call that runs adds.
    pub(super) fn add_usual(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        let pact = self.pact;
        for (at, anomaly) in pact.anomalies.iter().enumerate() {
            if let (Ok(number), Some(n)) = (u16::try_from(at), added(anomaly, rule, args)) {
                self.change.usual.push((number, self.slot_of(anomaly), n));
            }
        }
    }

    fn slot_of(&self, anomaly: &AnomalyRule) -> u64 {
        self.change.now.0.checked_div(anomaly.window.0).unwrap_or_default()
    }

    /// Values that must never travel, wherever they stand in a call.
    pub(super) fn canaries(&mut self, args: &BTreeMap<String, Value>) {
        let Some(canaries) = &self.pact.canaries else { return };
        let met = |text: &str| chunks(text).any(|chunk| canaries.digests.contains(&canary(chunk)));
        if args.iter().any(|(name, value)| met(name) || travels(value, &met, 0)) {
            self.find(canaries.decision, &["canary"], None);
        }
    }
}

fn travels(value: &Value, met: &impl Fn(&str) -> bool, depth: usize) -> bool {
    let inner = depth.saturating_add(1);
    match value {
        _ if depth > MAX_DEPTH => true,
        Value::Array(list) => list.iter().any(|v| travels(v, met, inner)),
        Value::Object(map) => map.iter().any(|(k, v)| met(k) || travels(v, met, inner)),
        Value::Number(_) | Value::String(_) => text_of(value).is_some_and(|text| met(&text)),
        Value::Bool(_) | Value::Null => false,
    }
}

fn added(anomaly: &AnomalyRule, rule: &Rule, args: &BTreeMap<String, Value>) -> Option<u64> {
    match &anomaly.counted {
        Counted::Calls(None) => Some(1),
        Counted::Calls(Some(id)) => (*id == rule.id).then_some(1),
        Counted::Sum(id, arg) if *id == rule.id => amount(args.get(arg)),
        Counted::Bytes
        | Counted::Distinct(..)
        | Counted::Errors
        | Counted::Events
        | Counted::Pii(_)
        | Counted::Sum(..) => None,
    }
}

const MAX_DEPTH: usize = 64;
/// Windows that must have passed before anything is unusual.
const ENOUGH: u64 = 8;
