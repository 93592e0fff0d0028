//! Objectives over windows, consequences of breaches, and pacts for once.
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

use cloister_pact::{Compiled, Decision, DutyKind, Judgement, Pact, compile};
use common::{Play, base, is, text, tool};
use messages::event::{Body, Role, Status};
use messages::time::Millis;
use serde_json::{Value, json};

fn pact(change: impl Fn(&mut Value)) -> Compiled {
    let mut value = base();
    value["interactions"] =
        json!([tool("look", "read", json!({})), tool("act", "write", json!({}))]);
    value["limits"] = json!([]);
    value["consequences"] = json!([]);
    change(&mut value);
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    compile(&pact).unwrap_or_else(|e| panic!("{e}"))
}

fn objective(indicator: &str, op: &str, target: &str, more: Value) -> Value {
    let mut value = json!({"id": "goal", "indicator": indicator, "op": op, "target": target,
        "window": "PT1H", "min_samples": 4});
    for (key, v) in more.as_object().unwrap() {
        value[key] = v.clone();
    }
    value
}

fn answer(play: &mut Play, n: u32, status: Status, latency_us: Option<u64>) -> Judgement {
    let id = format!("a{n}");
    drop(play.call_as(&id, "look", json!({}), cloister_pact::Approval::Absent));
    let body = Body::Result { call: id, status, content: text(""), latency_us };
    play.event(Role::Provider, Role::Initiator, body, cloister_pact::Approval::Absent)
}

#[test]
fn each_objective_is_breached_when_its_share_is_missed() {
    let slow = (Status::Ok, Some(3_000_000));
    let quick = (Status::Ok, Some(1_000_000));
    let failed = (Status::Error, Some(1_000));
    let silent = (Status::Timeout, None);
    for (terms, bad) in [
        (objective("latency_ms", "<=", "2000", json!({"percentile": "75"})), slow),
        (objective("success_ratio", ">=", "0.75", json!({})), failed),
        (objective("failure_ratio", "<=", "0.25", json!({})), failed),
        (objective("availability", ">=", "0.75", json!({})), silent),
    ] {
        let mut play = Play::new(pact(|v| v["performance"] = json!([terms])));
        let mut heard = Vec::new();
        // One bad answer of four is a quarter; two of five are more.
        for (n, (status, latency)) in [quick, quick, bad, quick, bad, quick].into_iter().enumerate()
        {
            let judged = answer(&mut play, u32::try_from(n).unwrap(), status, latency);
            heard.push((judged.verdict.decision, judged.verdict.rule));
        }
        let quiet = || is(Decision::Allow, "");
        let expected = [quiet(), quiet(), quiet(), quiet(), is(Decision::Alert, "goal"), quiet()];
        assert_eq!(heard, expected, "{terms}");
    }
}

#[test]
fn a_window_forgets_and_a_breach_ends() {
    let terms = objective("success_ratio", ">=", "0.75", json!({"min_samples": 1}));
    let mut play = Play::new(pact(|v| v["performance"] = json!([terms])));
    assert_eq!(answer(&mut play, 0, Status::Error, None).verdict.decision, Decision::Alert);
    assert_eq!(answer(&mut play, 1, Status::Error, None).verdict.decision, Decision::Allow);
    play.now += 2 * 3_600_000;
    assert_eq!(answer(&mut play, 2, Status::Ok, None).verdict.decision, Decision::Allow);
    assert_eq!(answer(&mut play, 3, Status::Error, None).verdict.decision, Decision::Alert);
}

#[test]
fn too_little_in_a_whole_window_is_a_lack_and_in_the_first_minutes_is_none() {
    let terms = objective("throughput", ">=", "3", json!({}));
    let mut play = Play::new(pact(|v| v["performance"] = json!([terms])));
    assert_eq!(answer(&mut play, 0, Status::Ok, None).verdict.decision, Decision::Allow);
    play.now += 2 * 3_600_000;
    assert_eq!(answer(&mut play, 1, Status::Ok, None).verdict.rule, "goal");
}

#[test]
fn an_objective_has_time_to_be_repaired_and_a_breach_follows_once() {
    let terms = objective("success_ratio", ">=", "0.75", json!({"min_samples": 1}));
    let follow = json!([{"on": ["goal"], "cure": "PT10M", "do": [
        {"action": "penalty", "amount": "250.00", "unit": "EUR", "from_escrow": "e", "per": "breach"},
        {"action": "report", "to": ["did:web:audit.example"], "within": "PT1H"}]}]);
    let mut play = Play::new(pact(|v| {
        v["performance"] = json!([terms]);
        v["consequences"] = follow.clone();
    }));
    let due = |play: &Play, judged: &Judgement| {
        let duties = play.pact.duties(&judged.change);
        duties.map(|(at, d)| (at, d.kind, d.within, d.amount.clone())).collect::<Vec<_>>()
    };
    let first = answer(&mut play, 0, Status::Error, None);
    assert!(due(&play, &first).is_empty());
    play.now += 11 * 60_000;
    let later = answer(&mut play, 1, Status::Error, None);
    let amount = Some(("250.00".to_owned(), "EUR".to_owned()));
    assert_eq!(later.verdict.rule, "consequences.0");
    assert_eq!(
        due(&play, &later),
        [
            (0, DutyKind::Penalty, None, amount),
            (0, DutyKind::Report, Some(Millis(3_600_000)), None),
        ]
    );
    let again = answer(&mut play, 2, Status::Error, None);
    assert!(due(&play, &again).is_empty());
}

#[test]
fn the_third_denial_suspends_the_pact_until_it_is_reinstated() {
    let follow = json!([{"on": ["deny"], "do": [{"action": "deny"}]},
        {"on": ["deny"], "after": 3, "do": [{"action": "suspend"}]}]);
    let mut play = Play::new(pact(|v| v["consequences"] = follow.clone()));
    for _ in 0..2 {
        assert_eq!(play.call("unlisted", json!({})), is(Decision::Deny, "default-deny"));
    }
    assert_eq!(play.call("look", json!({})), is(Decision::Allow, ""));
    assert_eq!(play.call("unlisted", json!({})), is(Decision::Terminate, "consequences.1"));
    play.next_session();
    assert!(play.standing.suspended());
    assert_eq!(play.call("look", json!({})), is(Decision::Terminate, "suspended"));
    play.standing.reinstate();
    assert_eq!(play.call("look", json!({})), is(Decision::Allow, ""));
}

#[test]
fn a_consequence_that_denies_counts_the_call_as_denied() {
    let follow = json!([{"on": ["act"], "do": [{"action": "deny"}]}]);
    let always = json!({"approval": "always"});
    let mut play = Play::new(pact(|v| {
        v["interactions"] = json!([tool("act", "write", always.clone())]);
        v["consequences"] = follow.clone();
    }));
    let judged = play.call_as("c", "act", json!({}), cloister_pact::Approval::Absent);
    assert_eq!(judged.verdict.decision, Decision::Deny);
    assert_eq!(play.counted(&judged, "calls.denied"), 1);
    assert_eq!(play.counted(&judged, "calls.escalated"), 0);
    let granted = play.call_as("c", "act", json!({}), cloister_pact::Approval::Granted);
    assert_eq!(granted.verdict.rule, "nothing-to-approve");
}

#[test]
fn a_pact_for_one_session_or_one_interaction_holds_once() {
    let mut play = Play::new(pact(|v| v["term"]["kind"] = "session".into()));
    for _ in 0..2 {
        assert_eq!(play.call("look", json!({})), is(Decision::Allow, ""));
    }
    play.next_session();
    assert_eq!(play.call("look", json!({})), is(Decision::Terminate, "term.max-sessions"));
    let mut play = Play::new(pact(|v| v["term"]["kind"] = "interaction".into()));
    assert_eq!(play.call("unlisted", json!({})).0, Decision::Deny);
    assert_eq!(play.call("look", json!({})), is(Decision::Allow, ""));
    assert_eq!(play.call("look", json!({})), is(Decision::Terminate, "term.kind"));
}

#[test]
fn an_objective_that_cannot_be_measured_does_not_compile() {
    for terms in [
        objective("latency_ms", "<=", "2000", json!({})),
        objective("latency_ms", ">=", "2000", json!({"percentile": "75"})),
        objective("success_ratio", ">=", "1.5", json!({})),
        objective("failure_ratio", ">=", "0.1", json!({})),
        objective("availability", ">=", "0.9", json!({"applies_to": ["nothing"]})),
    ] {
        let mut value = base();
        value["performance"] = json!([terms]);
        let pact = Pact::parse(value.to_string().as_bytes()).unwrap();
        assert_eq!(compile(&pact).unwrap_err().code(), "bad-objective", "{terms}");
    }
}
