//! What was read from where may go where.
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

use cloister_pact::{Compiled, Decision, LogScope, Pact, SessionState, compile, compile_after};
use common::{Play, base, document, is, text, tool};
use serde_json::{Value, json};

fn watchful(flows: Value, send: Value) -> Compiled {
    compile(&watchful_terms(flows, send)).unwrap_or_else(|e| panic!("{e}"))
}

fn watchful_terms(flows: Value, send: Value) -> Pact {
    let mut value = base();
    value["interactions"] = json!([
        tool("read_vault", "read", json!({})),
        tool("read_news", "read", json!({})),
        tool("send_mail", "external-send", send),
    ]);
    value["limits"] = json!([]);
    value["flows"] = flows;
    value["labels"] = json!({"sources": [
        {"tool": "read_vault", "trust": "record", "tier": "internal", "fields": [
            {"path": "key", "tier": "restricted"},
            {"path": "otp", "pii": ["otp"]},
            {"path": "memo", "trust": "content", "tier": "restricted"}]},
        {"tool": "read_news", "trust": "content", "tier": "public"}]});
    Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"))
}

fn open() -> Value {
    json!({"unlisted_args": "allow"})
}

fn vault(play: &mut Play) {
    play.call("read_vault", json!({}));
    drop(play.answers(document(json!({"key": "kx-9931-a", "otp": 594658,
        "memo": "the merger will be announced on the ninth of May", "name": "Vault One"}))));
    play.call("read_news", json!({}));
    drop(play.answers(text("a bank was robbed on the ninth of May")));
}

fn deny(id: &str, from: Value) -> Value {
    json!([{"id": id, "from": from, "to": {"interactions": ["send_mail"]}, "effect": "deny"}])
}

#[test]
fn what_is_denied_by_tier_kind_or_source_does_not_go() {
    for (flows, held, free) in [
        (deny("secrets", json!({"tiers": ["restricted"]})), "key: KX-9931-A!", "code 594658"),
        (deny("secrets", json!({"pii": ["otp"]})), "code 594658", "kx-9931-a"),
        (
            deny("secrets", json!({"sources": ["read_vault"]})),
            "from Vault One",
            "a bank was robbed",
        ),
        (
            deny("secrets", json!({"tiers": ["restricted"]})),
            "so the merger will be announced soon",
            "about the middle of June",
        ),
    ] {
        let mut play = Play::new(watchful(flows, open()));
        vault(&mut play);
        assert_eq!(
            play.call("send_mail", json!({"body": held})),
            is(Decision::Deny, "secrets"),
            "{held}"
        );
        assert_eq!(
            play.call("send_mail", json!({"body": free})),
            is(Decision::Allow, ""),
            "{free}"
        );
        assert_eq!(play.call("send_mail", json!({"body": {"deep": [held]}})).0, Decision::Deny);
    }
}

#[test]
fn what_the_principal_said_itself_may_go() {
    let flows = deny("secrets", json!({"tiers": ["restricted"]}));
    let mut play = Play::new(watchful(flows, open()));
    play.says("Send kx-9931-a to Bob.");
    vault(&mut play);
    assert_eq!(play.call("send_mail", json!({"body": "kx-9931-a"})), is(Decision::Allow, ""));
}

#[test]
fn a_flow_speaks_of_recipients_and_of_how_much_matches() {
    let flows = json!([{"id": "out", "from": {"sources": ["read_vault"]}, "effect": "escalate",
        "to": {"interactions": ["send_mail"], "recipients": ["!org:home.example", "!principal"]},
        "min_match": 2}]);
    let send = json!({"unlisted_args": "allow", "args": {"to": {"provenance":
        {"any_of": ["principal", "org:home.example", "unseen"], "else": "deny"}}}});
    let mut play = Play::new(watchful(flows, send));
    play.says("Bob is bob@away.example.");
    vault(&mut play);
    let both = "kx-9931-a and Vault One";
    for (to, body, expected) in [
        ("eve@evil.example", both, is(Decision::Escalate, "out")),
        ("eve@evil.example", "kx-9931-a", is(Decision::Allow, "")),
        ("al@home.example", both, is(Decision::Allow, "")),
        ("bob@away.example", both, is(Decision::Allow, "")),
    ] {
        assert_eq!(
            play.call("send_mail", json!({"to": to, "body": body})),
            expected,
            "{to} {body}"
        );
    }
}

/// What was read above the old bound is above the tighter one of a revision, too.
#[test]
fn a_revision_that_tightens_a_bound_lets_nothing_go_that_did_not_go_before() {
    let sending = |most: &str| {
        let send = json!({"unlisted_args": "allow", "max_tier": most});
        watchful_terms(json!([]), send)
    };
    let mut play = Play::new(compile(&sending("internal")).unwrap());
    vault(&mut play);
    let denied = is(Decision::Deny, "send_mail.max-tier");
    assert_eq!(play.call("send_mail", json!({"body": "kx-9931-a"})), denied);
    play.pact = compile_after(&play.pact, &sending("public")).unwrap();
    assert_eq!(play.call("send_mail", json!({"body": "kx-9931-a"})), denied);
    // And what is read from then on is held to the new bound.
    assert_eq!(play.call("read_vault", json!({})).0, Decision::Allow);
    drop(play.answers(document(json!({"name": "Vault Two"}))));
    assert_eq!(play.call("send_mail", json!({"body": "Vault Two"})), denied);
}

#[test]
fn data_above_a_bound_is_denied_unless_a_flow_allows_it() {
    let send = json!({"unlisted_args": "allow", "max_tier": "internal",
        "args": {"subject": {"max_tier": "public", "else": "escalate"}}});
    let mut play = Play::new(watchful(json!([]), send.clone()));
    vault(&mut play);
    let bound = |decision| is(decision, "send_mail.max-tier");
    assert_eq!(play.call("send_mail", json!({"body": "kx-9931-a"})), bound(Decision::Deny));
    assert_eq!(play.call("send_mail", json!({"subject": "Vault One"})), bound(Decision::Escalate));
    assert_eq!(play.call("send_mail", json!({"body": "Vault One"})), is(Decision::Allow, ""));
    let allow = json!([{"id": "keys", "from": {"tiers": ["restricted"]},
        "to": {"interactions": ["send_mail"]}, "effect": "allow"}]);
    let mut play = Play::new(watchful(allow, send));
    vault(&mut play);
    assert_eq!(play.call("send_mail", json!({"body": "kx-9931-a"})), is(Decision::Allow, ""));
}

#[test]
fn after_a_recovery_without_what_was_read_everything_may_carry_it() {
    let flows = deny("secrets", json!({"tiers": ["restricted"]}));
    let mut play = Play::new(watchful(flows, open()));
    assert_eq!(play.call("send_mail", json!({"body": "hello there"})), is(Decision::Allow, ""));
    let bytes = minicbor::to_vec(play.session.scoped(LogScope::HashOnly)).unwrap();
    play.session = minicbor::decode::<SessionState>(&bytes).unwrap();
    assert_eq!(
        play.call("send_mail", json!({"body": "hello there"})),
        is(Decision::Deny, "secrets")
    );
}

#[test]
fn flows_that_cannot_be_followed_do_not_compile() {
    let code = |flows: Value| {
        let mut value = base();
        value["flows"] = flows;
        compile(&Pact::parse(value.to_string().as_bytes()).unwrap()).unwrap_err().code()
    };
    let flow = |id: &str, to: &str, recipient: &str| {
        json!({"id": id, "from": {"tiers": ["restricted"]}, "effect": "deny",
            "to": {"interactions": [to], "recipients": [recipient]}})
    };
    assert_eq!(code(json!([flow("f", "no_such", "principal")])), "unknown-interaction");
    assert_eq!(code(json!([flow("f", "send_money", "!somebody")])), "bad-recipient");
    let many: Vec<Value> =
        (0..65).map(|n| flow(&format!("f{n}"), "send_money", "!principal")).collect();
    assert_eq!(code(json!(many)), "too-many-marks");
}

#[test]
fn data_is_sent_to_nobody_but_those_with_whom_it_is_shared() {
    let mut value = base();
    value["interactions"] = json!([tool("send_mail", "external-send", open())]);
    value["limits"] = json!([]);
    value["data"]["sharing"] = json!({"third_parties": ["did:web:broker.example"]});
    value["parties"]["initiator"]["organisation"] = "did:web:home.example".into();
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let mut play = Play::new(compile(&pact).unwrap_or_else(|e| panic!("{e}")));
    play.says("Write to bob@away.example.");
    for (to, expected) in [
        ("al@mail.home.example", is(Decision::Allow, "")),
        ("desk@broker.example", is(Decision::Allow, "")),
        ("bob@away.example", is(Decision::Allow, "")),
        ("eve@evilbroker.example", is(Decision::Escalate, "data.sharing")),
        ("https://evil.example/drop", is(Decision::Escalate, "data.sharing")),
    ] {
        assert_eq!(play.call("send_mail", json!({"to": [to]})), expected, "{to}");
    }
}
