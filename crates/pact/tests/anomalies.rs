//! What is unusual, and what must never travel.
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

use cloister_pact::{Compiled, Decision, Pact, compile};
use common::{Play, base, is, tool};
use messages::domain;
use serde_json::{Value, json};

fn pact(monitoring: &[(&str, Value)]) -> Compiled {
    let mut value = base();
    value["interactions"] = json!([
        tool("look", "read", json!({})),
        tool(
            "pay",
            "spend",
            json!({"unlisted_args": "allow",
            "args": {"amount": {"type": "decimal", "unit": "EUR"}}})
        ),
    ]);
    value["limits"] = json!([]);
    for (key, terms) in monitoring {
        value["monitoring"][*key] = terms.clone();
    }
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    compile(&pact).unwrap_or_else(|e| panic!("{e}"))
}

fn burst(counter: &str, least: &str, otherwise: &str) -> Value {
    json!([{"id": "burst", "counter": counter, "window": "PT1M", "factor": "3", "least": least,
        "else": otherwise}])
}

#[test]
fn a_burst_is_told_once_a_window_with_both_numbers() {
    let mut play = Play::new(pact(&[("anomalies", burst("calls", "5", "alert"))]));
    for _ in 0..20 {
        for _ in 0..2 {
            assert_eq!(play.call("look", json!({})), is(Decision::Allow, ""));
        }
        play.now += 60_000;
    }
    let heard: Vec<_> = (0..9).map(|_| play.call("look", json!({}))).collect();
    let told: Vec<_> = heard.iter().filter(|h| h.0 == Decision::Alert).collect();
    // Two a minute are usual; the seventh is more than three times that.
    assert_eq!(told, [&is(Decision::Alert, "burst 7/2")]);
    assert_eq!(heard[6], is(Decision::Alert, "burst 7/2"));
}

#[test]
fn unusual_spending_is_held_each_time_and_does_not_become_usual() {
    let mut play = Play::new(pact(&[("anomalies", burst("sum:pay.amount", "50.00", "escalate"))]));
    for _ in 0..10 {
        assert_eq!(play.call("pay", json!({"amount": "10.00"})), is(Decision::Allow, ""));
        play.now += 60_000;
    }
    for _ in 0..3 {
        let expected = is(Decision::Escalate, "burst 9000/1000");
        assert_eq!(play.call("pay", json!({"amount": "90.00"})), expected);
    }
    assert_eq!(play.call("pay", json!({"amount": "20.00"})), is(Decision::Allow, ""));
}

#[test]
fn nothing_is_unusual_before_enough_is_known() {
    let mut play = Play::new(pact(&[("anomalies", burst("calls", "1", "deny"))]));
    for _ in 0..30 {
        assert_eq!(play.call("look", json!({})), is(Decision::Allow, ""));
    }
}

#[test]
fn a_canary_never_travels_however_deep_it_is() {
    let digest = |value: &str| {
        let bytes = domain::CANARY.hash(&[value.as_bytes()]);
        format!("sha256:{}", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
    };
    let canaries = json!({"digests": [digest("kingfisher-4711")], "else": "terminate"});
    for (args, expected) in [
        (json!({"note": "see Kingfisher-4711."}), is(Decision::Terminate, "canary")),
        (json!({"a": [{"kingfisher-4711": 1}]}), is(Decision::Terminate, "canary")),
        (json!({"note": "kingfisher"}), is(Decision::Allow, "")),
    ] {
        let mut play = Play::new(pact(&[("canaries", canaries.clone())]));
        assert_eq!(play.call("pay", args.clone()), expected, "{args}");
    }
}

#[test]
fn a_comparison_that_says_nothing_does_not_compile() {
    let code = |anomalies: Value| {
        let mut value = base();
        value["monitoring"]["anomalies"] = anomalies;
        compile(&Pact::parse(value.to_string().as_bytes()).unwrap()).unwrap_err().code()
    };
    assert_eq!(code(burst("pii:any", "1", "alert")), "unknown-counter");
    let mut flat = burst("calls", "1", "alert");
    flat[0]["factor"] = "1".into();
    assert_eq!(code(flat), "bad-anomaly");
}
