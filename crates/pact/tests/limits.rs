//! Limits and counters: quota is reserved at the decision, windows are conservative.
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
use cloister_pact::{Approval, Decision, SessionState};
use common::{Play, document, is, pact, text, tool};
use messages::event::{Role, Status};
use proptest::prelude::*;
use serde_json::{Value, json};

fn limited(limit: Value) -> Play {
    let args = json!({"args": {"amount": {"type": "decimal", "unit": "EUR"}, "to": {}}});
    let mut limit = limit;
    limit["id"] = json!("cap");
    if limit["else"].is_null() {
        limit["else"] = json!("deny");
    }
    let tools = json!([tool("pay", "spend", args), tool("look", "read", json!({}))]);
    Play::new(pact(tools, json!([limit]), json!([])))
}

#[test]
fn calls_in_flight_have_reserved_their_quota() {
    let mut play = limited(json!({"counter": "calls:pay", "per": "session", "max": "2"}));
    assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
    assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
    assert_eq!(play.call("pay", json!({})), is(Decision::Deny, "cap"));
    assert_eq!(play.call("look", json!({})).0, Decision::Allow);
    play.next_session();
    assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
}

#[test]
fn a_call_that_failed_gives_nothing_back() {
    let mut play = limited(json!({"counter": "calls:pay", "per": "session", "max": "3"}));
    for status in [Status::Error, Status::Timeout, Status::Cancelled] {
        assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
        drop(play.answers_with(status));
    }
    assert_eq!(play.call("pay", json!({})), is(Decision::Deny, "cap"));
}

/// What may happen next: a call (some of which wait for an overseer), a decision of the
/// overseer on the n-th call, or the n-th call's result.
#[derive(Clone, Copy, Debug)]
enum Step {
    Call(bool),
    Decide(u8),
    Answer(u8, Status),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let status = prop_oneof![Just(Status::Ok), Just(Status::Error), Just(Status::Cancelled)];
    let step = prop_oneof![
        any::<bool>().prop_map(Step::Call),
        (0..24u8).prop_map(Step::Decide),
        (0..24u8, status).prop_map(|(call, status)| Step::Answer(call, status)),
    ];
    prop::collection::vec(step, 1..48)
}

proptest! {
    #[test]
    fn no_order_of_calls_decisions_and_results_overshoots_a_limit(
        steps in steps(), max in 1..5u64, per in prop_oneof![
            Just("session"), Just("pact"), Just("PT64S")
        ]
    ) {
        let args = json!({"args": {"amount":
            {"type": "decimal", "max": "5", "unit": "EUR", "else": "escalate", "unless": "approved"}
        }});
        let cap = json!({"id": "cap", "counter": "calls:pay", "per": per, "max": max.to_string(),
            "else": "deny"});
        let mut play = Play::new(pact(json!([tool("pay", "spend", args)]), json!([cap]), json!([])));
        let mut permitted = 0;
        let mut calls = Vec::new();
        for step in steps {
            let judged = match step {
                Step::Call(waits) => {
                    calls.push(waits);
                    let id = format!("c{}", calls.len() - 1);
                    play.call_as(&id, "pay", amount(waits), Approval::Absent)
                }
                Step::Decide(n) => {
                    let waits = calls.get(usize::from(n)).copied().unwrap_or_default();
                    play.call_as(&format!("c{n}"), "pay", amount(waits), Approval::Granted)
                }
                Step::Answer(n, status) => {
                    drop(play.result(&format!("c{n}"), status, text("")));
                    continue;
                }
            };
            permitted += u64::from(judged.verdict.decision == Decision::Allow);
            prop_assert!(permitted <= max);
        }
    }
}

fn amount(waits: bool) -> Value {
    json!({"amount": if waits { 9 } else { 1 }})
}

#[test]
fn sums_are_exact_and_rounded_against_the_spender() {
    let mut play = limited(json!({"counter": "sum:pay.amount", "per": "session", "max": "10.00"}));
    assert_eq!(play.call("pay", json!({"amount": 9.99})).0, Decision::Allow);
    assert_eq!(play.call("pay", json!({"amount": "0.011"})), is(Decision::Deny, "cap"));
    assert_eq!(play.call("pay", json!({"amount": "0.01"})).0, Decision::Allow);
    assert_eq!(play.call("pay", json!({"amount": "0.01"})), is(Decision::Deny, "cap"));
    assert_eq!(play.call("pay", json!({"amount": -5})), is(Decision::Deny, "cap.amount"));
    assert_eq!(play.call("pay", json!({"amount": 1e25})), is(Decision::Deny, "cap.amount"));
}

#[test]
fn a_denied_call_uses_no_quota() {
    let mut play = limited(json!({"counter": "sum:pay.amount", "per": "session", "max": "10.00"}));
    assert_eq!(play.call("pay", json!({"amount": 11})).0, Decision::Deny);
    assert_eq!(play.call("pay", json!({"amount": 10})).0, Decision::Allow);
}

#[test]
fn a_limit_per_pact_outlives_the_session() {
    let mut play = limited(json!({"counter": "calls:pay", "per": "pact", "max": "1"}));
    assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
    play.next_session();
    assert_eq!(play.call("pay", json!({})), is(Decision::Deny, "cap"));
}

#[test]
fn a_window_slides_and_never_forgets_early() {
    let mut play = limited(json!({"counter": "calls:pay", "per": "PT64S", "max": "1"}));
    assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
    play.next_session();
    for after_ms in [1, 30_000, 63_999] {
        play.now = common::NOW + after_ms;
        assert_eq!(play.call("pay", json!({})).0, Decision::Deny, "{after_ms}");
    }
    play.now = common::NOW + 66_000;
    assert_eq!(play.call("pay", json!({})).0, Decision::Allow);
    play.now = common::NOW;
    assert_eq!(play.call("pay", json!({})).0, Decision::Deny, "a clock that goes back");
}

#[test]
fn distinct_values_count_once_in_every_spelling() {
    let mut play = limited(json!({"counter": "distinct:pay.to", "per": "session", "max": "2"}));
    assert_eq!(play.call("pay", json!({"to": "a@b.com"})).0, Decision::Allow);
    assert_eq!(play.call("pay", json!({"to": ["A@B.com", "c@d.com"]})).0, Decision::Allow);
    assert_eq!(play.call("pay", json!({"to": "e@f.com"})), is(Decision::Deny, "cap"));
    assert_eq!(play.call("pay", json!({"to": "c@d.com"})).0, Decision::Allow);
}

#[test]
fn errors_close_the_door_behind_them() {
    let mut play = limited(json!({"counter": "errors", "per": "session", "max": "1"}));
    for call in ["c1", "c2"] {
        assert_eq!(play.call("look", json!({})).0, Decision::Allow);
        drop(play.result(call, Status::Error, text("failed")));
    }
    assert_eq!(play.call("look", json!({})), is(Decision::Deny, "cap"));
}

#[test]
fn personal_data_and_bytes_are_limited_where_they_are_read() {
    let mut play = limited(json!({"counter": "pii:any", "per": "session", "max": "1"}));
    play.call("look", json!({}));
    let judged = play.answers(document(json!({"a": "x@y.com", "b": "z@y.com"})));
    assert_eq!((judged.verdict.decision, judged.verdict.rule.as_str()), (Decision::Deny, "cap"));
    assert_eq!(play.counted(&judged, "pii:any"), 2);
    let mut play = limited(json!({"counter": "bytes", "per": "session", "max": "10"}));
    play.call("look", json!({}));
    assert_eq!(play.answers(text("12345678901")).verdict.rule, "cap");
}

#[test]
fn an_alert_lets_the_event_pass_and_is_counted() {
    let limit = json!({"counter": "events", "per": "PT1M", "max": "1", "else": "alert"});
    let mut play = limited(limit);
    assert_eq!(play.call("look", json!({})).0, Decision::Allow);
    let judged = play.tells(Role::Principal, Role::Initiator, "hello");
    assert_eq!(judged.verdict.decision, Decision::Alert);
    assert_eq!(play.counted(&judged, "alerts"), 1);
}

#[test]
fn every_call_is_counted_once_under_its_decision() {
    let mut play = limited(json!({"counter": "calls:pay", "per": "session", "max": "1"}));
    let first = play.call_as("a", "pay", json!({"amount": "1.50"}), Approval::Absent);
    for (name, n) in [
        ("sessions", 1),
        ("events", 1),
        ("calls.all", 1),
        ("calls.permitted", 1),
        ("calls:pay", 1),
        ("calls.denied", 0),
        ("bytes", 10),
    ] {
        assert_eq!(play.counted(&first, name), n, "{name}");
    }
    let second = play.call_as("b", "pay", json!({}), Approval::Absent);
    for (name, n) in [("sessions", 0), ("calls.all", 1), ("calls.denied", 1), ("calls:pay", 0)] {
        assert_eq!(play.counted(&second, name), n, "{name}");
    }
    let result = play.result("a", Status::Ok, text("done"));
    for (name, n) in [("calls.ok", 1), ("latency_ms:100", 1), ("latency_ms:50", 0), ("bytes", 4)] {
        assert_eq!(play.counted(&result, name), n, "{name}");
    }
}

fn hi(play: &mut Play) -> cloister_pact::Judgement {
    play.tells(Role::Principal, Role::Initiator, "hi")
}

#[test]
fn sessions_of_a_pact_are_limited_by_its_term() {
    let mut value = common::base();
    value["term"]["max_sessions"] = json!(1);
    let pact = cloister_pact::Pact::parse(value.to_string().as_bytes()).unwrap();
    let mut play = Play::new(cloister_pact::compile(&pact).unwrap());
    assert_eq!(hi(&mut play).verdict.decision, Decision::Allow);
    assert_eq!(hi(&mut play).verdict.decision, Decision::Allow);
    play.session = SessionState::new([9; 16]);
    assert_eq!(hi(&mut play).verdict.rule, "term.max-sessions");
}

#[test]
fn labelled_personal_data_is_counted_by_kind() {
    let interactions = json!([tool("read_note", "read", json!({}))]);
    let limits = json!([{"id": "names", "counter": "pii:name", "per": "session", "max": "2", "else": "deny"},
        {"id": "phones", "counter": "pii:phone", "per": "session", "max": "0", "else": "alert"}]);
    let sources = json!([{"tool": "read_note", "trust": "record", "tier": "internal", "fields": [
        {"path": "**.name", "pii": ["name"]}]}]);
    let mut play = Play::new(pact(interactions, limits, sources));
    play.call("read_note", json!({}));
    let two = play.answers(document(json!([{"name": "Ann"}, {"name": "Bob"}, {"other": "Cid"}])));
    assert_eq!(two.verdict.decision, Decision::Allow);
    assert_eq!(play.counted(&two, "pii:any"), 2);
    play.call("read_note", json!({}));
    let third = play.answers(document(json!({"name": "Dee"})));
    assert_eq!((third.verdict.decision, third.verdict.rule.as_str()), (Decision::Deny, "names"));
    play.call("read_note", json!({}));
    let phone = play.answers(document(json!({"call": "+41 44 668 18 00"})));
    assert_eq!((phone.verdict.decision, phone.verdict.rule.as_str()), (Decision::Alert, "phones"));
}
