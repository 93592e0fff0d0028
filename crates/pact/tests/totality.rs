//! No bytes and no events make reading or judging panic.
#![allow(
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod common;
use std::collections::BTreeMap;

use cloister_pact::{Approval, Decision, Pact, SignedPact, compile, lint};
use common::arbitrary::{body, role, value};
use common::{Play, base};
use proptest::prelude::*;
use serde_json::Value;

/// The parser's fuzz target: whatever it reads, it answers.
fn parse(bytes: &[u8]) {
    drop(SignedPact::parse(bytes));
    if let Ok(pact) = Pact::parse(bytes) {
        let again = Pact::parse(pact.canonical()).unwrap();
        assert_eq!(again.hash(), pact.hash());
        drop(compile(&pact));
        drop(lint(&pact));
    }
}

proptest! {
    #[test]
    fn any_events_get_a_verdict_and_calls_add_up(
        events in prop::collection::vec((role(), role(), body(), any::<bool>(), any::<u64>()), 1..24)
    ) {
        let pact = Pact::parse(base().to_string().as_bytes()).unwrap();
        let mut play = Play::new(compile(&pact).unwrap());
        let mut totals: BTreeMap<String, u128> = BTreeMap::new();
        for (from, to, body, granted, now) in events {
            play.now = if now % 3 == 0 { now } else { common::NOW };
            let approval = if granted { Approval::Granted } else { Approval::Absent };
            let judged = play.event(from, to, body, approval);
            for (index, n) in judged.change.counters() {
                let counter = &play.pact.schema().counters[usize::from(index.0)];
                *totals.entry(counter.name.clone()).or_default() += u128::from(*n);
            }
            prop_assert_eq!(judged.verdict.decision == Decision::Allow, judged.verdict.rule.is_empty());
        }
        let total = |name: &str| totals.get(name).copied().unwrap_or_default();
        prop_assert_eq!(
            total("calls.all"),
            total("calls.permitted") + total("calls.denied") + total("calls.escalated")
                + total("calls.terminated")
        );
        prop_assert!(total("calls.approved") <= total("calls.escalated"));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        parse(&bytes);
    }

    #[test]
    fn a_damaged_pact_is_read_or_refused(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let mut bytes = include_bytes!("small.pact.json").to_vec();
        *at.get_mut(&mut bytes) = to;
        parse(&bytes);
    }

    #[test]
    fn a_pact_with_any_value_in_any_place_is_read_or_refused(
        place in any::<prop::sample::Index>(), new in value()
    ) {
        let mut pact = base();
        let mut all = Vec::new();
        places(&pact, &mut String::new(), &mut all);
        let path: &String = place.get(&all);
        *pact.pointer_mut(path).unwrap() = new;
        parse(pact.to_string().as_bytes());
    }
}

fn places(value: &Value, at: &mut String, all: &mut Vec<String>) {
    all.push(at.clone());
    let inner: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        _ => Vec::new(),
    };
    for (step, v) in inner {
        let length = at.len();
        at.push('/');
        at.push_str(&step);
        places(v, at, all);
        at.truncate(length);
    }
}
