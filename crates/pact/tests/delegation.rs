//! Who may act for a party: how far it is handed on, and that it only shrinks.
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

use cloister_pact::{Approval, Compiled, Decision, Pact, compile, compile_after};
use common::{Play, base};
use messages::did::Did;
use messages::event::{Body, Role};
use serde_json::{Value, json};

fn named(name: &str) -> Did {
    Did::parse(&format!("did:web:{name}.example")).unwrap()
}

/// The small pact with a third call of the initiator's and one of the provider's.
fn with(delegation: Value) -> Value {
    let mut value = base();
    let calls = value["interactions"].as_array_mut().unwrap();
    calls.push(json!({"id": "list", "direction": "initiator->provider", "kind": "call",
        "name": "list_notes", "effect": "read"}));
    calls.push(json!({"id": "ring", "direction": "provider->initiator", "kind": "call",
        "name": "ring", "effect": "write", "args": {}}));
    if !delegation.is_null() {
        value["delegation"] = delegation;
    }
    value
}

fn compiled(value: &Value) -> Compiled {
    compile(&Pact::parse(value.to_string().as_bytes()).unwrap()).unwrap()
}

fn play(delegation: Value) -> Play {
    Play::new(compiled(&with(delegation)))
}

fn own(play: &mut Play, role: Role, to: &str, via: Option<&str>, ids: &[&str]) -> String {
    let interactions = ids.iter().map(|id| (*id).to_owned()).collect();
    let body = Body::Delegation { to: named(to), via: via.map(named), interactions };
    play.event(role, role, body, Approval::Absent).verdict.rule
}

/// The initiator's agent, or a delegate of it, hands calls on: which rule refuses it, if any.
fn hand(play: &mut Play, to: &str, via: Option<&str>, ids: &[&str]) -> String {
    own(play, Role::Initiator, to, via, ids)
}

fn ask(play: &mut Play, call: &str, name: &str, via: Option<&str>) -> String {
    let body =
        Body::Call { call: call.into(), name: name.into(), args: [].into(), via: via.map(named) };
    play.event(Role::Initiator, Role::Provider, body, Approval::Absent).verdict.rule
}

#[test]
fn without_the_term_nobody_acts_for_a_party() {
    let mut play = play(Value::Null);
    assert_eq!(hand(&mut play, "one", None, &["read_note"]), "delegation");
    assert_eq!(ask(&mut play, "c1", "read_note", Some("one")), "delegation");
    assert_eq!(ask(&mut play, "c2", "read_note", None), "");
    let mut none = self::play(json!({"max_depth": 0}));
    assert_eq!(hand(&mut none, "one", None, &["read_note"]), "delegation.depth");
    assert_eq!(ask(&mut none, "c1", "read_note", Some("one")), "delegation.unknown");
}

#[test]
fn a_delegate_makes_the_calls_it_was_handed_and_no_others() {
    let mut play = play(json!({"max_depth": 1}));
    assert_eq!(ask(&mut play, "c0", "read_note", Some("one")), "delegation.unknown");
    assert_eq!(hand(&mut play, "one", None, &["read_note"]), "");
    assert_eq!(ask(&mut play, "c1", "read_note", Some("one")), "");
    assert_eq!(ask(&mut play, "c2", "list_notes", Some("one")), "delegation.scope");
    assert_eq!(ask(&mut play, "c3", "list_notes", None), "", "the party itself is not bound");
    assert_eq!(ask(&mut play, "c4", "nothing", Some("one")), "default-deny");
    assert_eq!(hand(&mut play, "two", Some("one"), &[]), "delegation.depth");
    // More later, from the same delegator.
    assert_eq!(hand(&mut play, "one", None, &["list"]), "");
    assert_eq!(ask(&mut play, "c5", "list_notes", Some("one")), "");
    assert_eq!(ask(&mut play, "c6", "read_note", Some("one")), "");
}

#[test]
fn a_scope_only_shrinks_along_a_chain() {
    let mut play = play(json!({"max_depth": 3, "narrowing": "must-narrow"}));
    let all = ["read_note", "send_money", "list"];
    assert_eq!(hand(&mut play, "one", None, &all), "delegation.scope", "all is not less");
    assert_eq!(hand(&mut play, "one", None, &["read_note", "list"]), "");
    assert_eq!(hand(&mut play, "two", Some("one"), &["read_note", "list"]), "delegation.scope");
    assert_eq!(hand(&mut play, "two", Some("one"), &["send_money"]), "delegation.scope");
    assert_eq!(hand(&mut play, "two", Some("one"), &["read_note"]), "");
    // Piece by piece is not less either.
    assert_eq!(hand(&mut play, "two", Some("one"), &["list"]), "delegation.scope");
    assert_eq!(hand(&mut play, "one", None, &["send_money"]), "delegation.scope");
    assert_eq!(ask(&mut play, "c1", "list_notes", Some("two")), "delegation.scope");
    // Two delegators together could give what neither may, and a circle what was lost.
    assert_eq!(hand(&mut play, "two", None, &["list"]), "delegation.repeated");
    assert_eq!(hand(&mut play, "one", Some("two"), &[]), "delegation.repeated");
    assert_eq!(hand(&mut play, "three", Some("four"), &[]), "delegation.unknown");

    let mut same = self::play(json!({"max_depth": 2, "narrowing": "same-or-narrower"}));
    assert_eq!(hand(&mut same, "one", None, &all), "");
    assert_eq!(hand(&mut same, "two", Some("one"), &all), "");
    assert_eq!(hand(&mut same, "three", Some("two"), &[]), "delegation.depth");

    let mut wide = self::play(json!({"max_depth": 2, "narrowing": "none"}));
    assert_eq!(hand(&mut wide, "one", None, &["list"]), "");
    assert_eq!(hand(&mut wide, "two", Some("one"), &["send_money"]), "");
    assert_eq!(hand(&mut wide, "two", Some("one"), &["ring"]), "delegation.scope");
}

#[test]
fn a_delegate_is_one_partys_and_one_that_the_pact_names() {
    let to = json!({"max_depth": 2, "narrowing": "none", "to": ["did:web:one.example"]});
    let mut play = play(to);
    assert_eq!(hand(&mut play, "two", None, &["list"]), "delegation.to");
    assert_eq!(own(&mut play, Role::Provider, "one", None, &["ring"]), "");
    assert_eq!(ask(&mut play, "c1", "list_notes", Some("one")), "delegation.unknown");
    // Both may know the same one; what it may do for one it may not do for the other.
    assert_eq!(hand(&mut play, "one", None, &["list"]), "");
    assert_eq!(ask(&mut play, "c2", "list_notes", Some("one")), "");
    // The parties act for themselves.
    let mut any = self::play(json!({"max_depth": 2, "narrowing": "none"}));
    let party = any.pact.provider().clone();
    let body = Body::Delegation { to: party, via: None, interactions: vec!["list".into()] };
    let own = any.event(Role::Initiator, Role::Initiator, body.clone(), Approval::Absent);
    assert_eq!(own.verdict.rule, "delegation.to");
    for (from, to) in [(Role::Initiator, Role::Provider), (Role::Principal, Role::Principal)] {
        let judged = any.event(from, to, body.clone(), Approval::Absent);
        assert_eq!(judged.verdict.rule, "wrong-role");
    }
    let granted = any.event(Role::Initiator, Role::Initiator, body, Approval::Granted);
    assert_eq!(granted.verdict.rule, "nothing-to-approve");
}

#[test]
fn a_revision_reaches_delegates_too() {
    let value = with(json!({"max_depth": 2, "narrowing": "none"}));
    let mut play = Play::new(compiled(&value));
    assert_eq!(hand(&mut play, "one", None, &["list"]), "");
    assert_eq!(hand(&mut play, "two", Some("one"), &["list"]), "");
    let mut shallow = value;
    shallow["delegation"]["max_depth"] = json!(1);
    let revised = |value: &Value, play: &Play| {
        compile_after(&play.pact, &Pact::parse(value.to_string().as_bytes()).unwrap()).unwrap()
    };
    play.pact = revised(&shallow, &play);
    assert_eq!(ask(&mut play, "c1", "list_notes", Some("one")), "");
    assert_eq!(ask(&mut play, "c2", "list_notes", Some("two")), "delegation.depth");
    shallow["delegation"]["to"] = json!(["did:web:two.example"]);
    play.pact = revised(&shallow, &play);
    assert_eq!(ask(&mut play, "c4", "list_notes", Some("one")), "delegation.to");
    shallow["delegation"]["to"] = json!([]);
    // What is gone is in nobody's scope: the next delegation to it is not refused for it.
    let mut less = shallow.clone();
    less["interactions"].as_array_mut().unwrap().retain(|i| i["id"] != "list");
    play.pact = revised(&less, &play);
    assert_eq!(hand(&mut play, "one", None, &["read_note"]), "");
    play.pact = revised(&shallow, &play);
    assert_eq!(ask(&mut play, "c5", "list_notes", Some("one")), "delegation.scope");
    shallow.as_object_mut().unwrap().remove("delegation");
    play.pact = revised(&shallow, &play);
    assert_eq!(ask(&mut play, "c3", "list_notes", Some("one")), "delegation");
}

/// What is refused or waits was not handed over, whatever it is refused for.
#[test]
fn a_refused_delegation_has_no_effect() {
    for otherwise in ["escalate", "deny"] {
        let mut value = with(json!({"max_depth": 1}));
        value["limits"] = json!([{"id": "few", "counter": "events", "per": "session", "max": "1",
            "else": otherwise}]);
        value["interactions"][1]["limits"] = json!([]);
        let mut play = Play::new(compiled(&value));
        assert_eq!(ask(&mut play, "c0", "read_note", None), "");
        assert_eq!(hand(&mut play, "one", None, &["read_note"]), "few", "{otherwise}");
        let judged = ask(&mut play, "c1", "read_note", Some("one"));
        assert_eq!(judged, "delegation.unknown", "{otherwise}");
    }
}

/// A delegator that lost a call has less to hand on.
#[test]
fn narrowing_is_from_what_the_delegator_still_has() {
    let value = with(json!({"max_depth": 2, "narrowing": "must-narrow"}));
    let mut play = Play::new(compiled(&value));
    assert_eq!(hand(&mut play, "one", None, &["read_note", "list"]), "");
    assert_eq!(hand(&mut play, "two", Some("one"), &["list"]), "");
    let mut less = value.clone();
    less["interactions"].as_array_mut().unwrap().retain(|i| i["id"] != "list");
    let less = Pact::parse(less.to_string().as_bytes()).unwrap();
    play.pact = compile_after(&play.pact, &less).unwrap();
    assert_eq!(hand(&mut play, "two", Some("one"), &["read_note"]), "delegation.scope");
    // Nor does one hand on whom a revision names no more.
    let mut named = value;
    named["delegation"]["to"] = json!(["did:web:two.example"]);
    let named = Pact::parse(named.to_string().as_bytes()).unwrap();
    play.pact = compile_after(&play.pact, &named).unwrap();
    assert_eq!(hand(&mut play, "two", Some("one"), &[]), "delegation.to");
}

#[test]
fn a_session_remembers_so_many_delegates() {
    let mut play = play(json!({"max_depth": 1}));
    for n in 0..256 {
        assert_eq!(hand(&mut play, &format!("d{n}"), None, &["list"]), "");
    }
    assert_eq!(hand(&mut play, "last", None, &["list"]), "delegation.too-many");
    assert_eq!(hand(&mut play, "d0", None, &["read_note"]), "");
    let refused = play.event(
        Role::Initiator,
        Role::Provider,
        Body::Call {
            call: "c".into(),
            name: "list_notes".into(),
            args: [].into(),
            via: Some(named("last")),
        },
        Approval::Absent,
    );
    assert_eq!(refused.verdict.decision, Decision::Deny);
}
