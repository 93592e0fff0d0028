//! The chain of revisions: what was counted keeps its meaning.
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

use cloister_pact::{
    CompileError, Compiled, Decision, KeyRing, Needed, Pact, SignedPact, SuccessionError, compile,
    compile_after, diff, succeeds,
};
use common::{Play, base};
use messages::did::Did;
use messages::event::{Content, Party, Status};
use messages::signature::SigningKey;
use messages::time::Millis;
use serde_json::{Value, json};

fn parse(value: &Value) -> Pact {
    Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}: {value}"))
}

/// The next revision of the small pact after a change.
fn next(change: impl Fn(&mut Value)) -> Result<Needed, SuccessionError> {
    following(&base(), change)
}

/// The next revision of `first` after a change.
fn following(first: &Value, change: impl Fn(&mut Value)) -> Result<Needed, SuccessionError> {
    let (old, mut value) = (parse(first), first.clone());
    value["revision"] = json!(2);
    value["prior"] = json!(old.hash().to_string());
    change(&mut value);
    succeeds(&old, &parse(&value)).map(|s| s.diff().signatures())
}

#[test]
fn a_revision_names_what_it_replaces_and_keeps_what_was_counted() {
    assert_eq!(next(|_| {}), Ok(Needed::None));
    assert_eq!(
        next(|v| v["interactions"][1]["max_bytes"] = json!(9)),
        Ok(Needed::One(Party::Initiator))
    );
    assert_eq!(next(|v| v["prior"] = json!(null)), Err(SuccessionError::OtherPrior));
    assert_eq!(next(|v| v["revision"] = json!(3)), Err(SuccessionError::RevisionGap));
    let id = "20000000-0000-4000-8000-000000000002";
    assert_eq!(next(|v| v["id"] = json!(id)), Err(SuccessionError::OtherIdentifier));
    let other = json!("did:web:other.example");
    assert_eq!(
        next(|v| v["parties"]["provider"]["did"] = other.clone()),
        Err(SuccessionError::OtherParties)
    );
    let more = json!({"id": "more", "counter": "calls", "per": "P1D", "max": "5", "else": "deny"});
    assert_eq!(
        next(|v| v["limits"].as_array_mut().unwrap().push(more.clone())),
        Ok(Needed::One(Party::Initiator))
    );
    assert_eq!(
        next(|v| v["limits"].as_array_mut().unwrap().insert(0, more.clone())),
        Err(SuccessionError::Moved { list: "limits", index: 0 })
    );
    let per = next(|v| v["limits"][0]["per"] = json!("P1D"));
    assert_eq!(per, Err(SuccessionError::Moved { list: "limits", index: 0 }));
    let bad = next(|v| v["interactions"][1]["limits"] = json!(["none"]));
    assert!(matches!(bad, Err(SuccessionError::NewDoesNotCompile(_))));
}

#[test]
fn a_pact_may_exclude_its_own_revision() {
    let mut first = base();
    first["term"]["renegotiation"] = json!({"allowed": false});
    let after = |change: &dyn Fn(&mut Value)| following(&first, change).map(drop);
    let wider = after(&|v| v["limits"][0]["max"] = json!("99999"));
    assert_eq!(wider, Err(SuccessionError::NotRenegotiable));
    // What a party gives up alone is no negotiation.
    assert_eq!(after(&|v| v["interactions"][1]["max_bytes"] = json!(9)), Ok(()));
}

/// Whatever has a memory stays where it is, each list on its own.
#[test]
fn what_is_remembered_by_place_keeps_its_place() {
    let mut first = base();
    first["performance"] = json!([
        {"id": "fast", "indicator": "latency_ms", "percentile": "95", "op": "<=", "target": "200", "window": "P1D"},
        {"id": "up", "indicator": "availability", "op": ">=", "target": "0.9", "window": "P1D"}]);
    first["consequences"] = json!([
        {"on": ["deny"], "after": 3, "do": [{"action": "suspend"}]},
        {"on": ["fast"], "do": [{"action": "alert"}]}]);
    first["monitoring"]["anomalies"] = json!([
        {"id": "burst", "counter": "calls", "window": "PT1M", "factor": "4", "least": "9", "else": "alert"},
        {"id": "storm", "counter": "calls", "window": "PT5M", "factor": "4", "least": "9", "else": "alert"}]);
    let after = |change: &dyn Fn(&mut Value)| following(&first, change).map(drop);
    for list in ["performance", "consequences", "anomalies"] {
        let whole = if list == "anomalies" { "monitoring.anomalies" } else { list };
        let at = move |v: &mut Value, f: &dyn Fn(&mut Vec<Value>)| {
            let v = if list == "anomalies" { &mut v["monitoring"] } else { v };
            f(v[list].as_array_mut().unwrap());
        };
        let moved = |index| Err(SuccessionError::Moved { list: whole, index });
        assert_eq!(after(&|v| at(v, &|l| l.swap(0, 1))), moved(0), "{list}");
        assert_eq!(after(&|v| at(v, &|l| drop(l.pop()))), moved(1), "{list}");
        assert_eq!(after(&|_| {}), Ok(()), "{list}");
    }
    let window = after(&|v| v["performance"][1]["window"] = json!("P2D"));
    assert_eq!(window, Err(SuccessionError::Moved { list: "performance", index: 1 }));
    assert_eq!(after(&|v| v["performance"][1]["target"] = json!("0.8")), Ok(()));
    assert_eq!(after(&|v| v["consequences"][0]["after"] = json!(2)), Ok(()));
}

/// The schema of the small pact's next revision after a change, compiled after the first.
fn compiled_after(change: impl Fn(&mut Value)) -> (Compiled, Result<Compiled, CompileError>) {
    let mut value = base();
    let old = compile(&parse(&value)).unwrap();
    change(&mut value);
    let new = compile_after(&old, &parse(&value));
    (old, new)
}

#[test]
fn calls_come_and_go_and_every_counter_and_number_stays() {
    let call = json!({"id": "list", "direction": "initiator->provider", "kind": "call",
        "name": "list", "effect": "read"});
    let (old, new) = compiled_after(|v| {
        let calls = v["interactions"].as_array_mut().unwrap();
        calls.insert(0, call.clone());
    });
    let new = new.unwrap();
    assert!(new.schema().counters.starts_with(&old.schema().counters));
    assert_eq!(new.schema().counters.last().unwrap().name, "calls:list");
    let names: Vec<&str> = old.calls().collect();
    assert!(new.calls().eq(names.iter().copied().chain(["list"])));
    for (number, name) in (0u16..).zip(&names) {
        assert_eq!((old.number(name), new.number(name)), (Some(number), Some(number)));
    }
    assert_eq!(new.number("list"), u16::try_from(names.len()).ok());
    // Gone, and back again: the same counter and the same number.
    let (old, gone) = compiled_after(|v| {
        v["interactions"].as_array_mut().unwrap().remove(0);
    });
    let gone = gone.unwrap();
    assert_eq!(gone.schema(), old.schema());
    assert!(gone.calls().eq(old.calls()) && gone.number(names[0]).is_none());
    let back = compile_after(&gone, &parse(&base())).unwrap();
    assert_eq!((back.number(names[0]), back.schema()), (old.number(names[0]), old.schema()));
    // An identifier means one call for ever, also when it was gone in between.
    for (key, to) in [("name", "other"), ("direction", "provider->initiator"), ("kind", "message")]
    {
        let changed = |v: &mut Value| v["interactions"][0][key] = json!(to);
        let (_, now) = compiled_after(changed);
        assert_eq!(now.unwrap_err(), CompileError::CallChanged { index: 0 }, "{key}");
        let mut later = base();
        changed(&mut later);
        let after = compile_after(&gone, &parse(&later));
        assert_eq!(after.unwrap_err(), CompileError::CallChanged { index: 0 }, "{key}");
    }
}

/// What ran under a call that is gone is answered under it, and counts as it did.
#[test]
fn a_call_that_is_gone_is_still_answered() {
    let value = base();
    let mut less = value.clone();
    less["interactions"].as_array_mut().unwrap().remove(0);
    let mut play = Play::new(compile(&parse(&value)).unwrap());
    assert_eq!(play.call("read_note", json!({})).0, Decision::Allow);
    play.pact = compile_after(&play.pact, &parse(&less)).unwrap();
    play.pact = compile_after(&play.pact, &parse(&less)).unwrap();
    assert_eq!(play.call("read_note", json!({})).1, "default-deny");
    let judged = play.result("c1", Status::Ok, Content::Text("a note".into()));
    assert_eq!(judged.verdict.decision, Decision::Allow);
    let ok = play.pact.schema().find("calls.ok").unwrap().0;
    assert!(judged.change.counters().contains(&(ok, 1)));
}

#[test]
fn renewal_names_what_is_promised_and_leaves_time_to_object() {
    let with = |renewal: Value| {
        let mut value = base();
        value["performance"] = json!([{"id": "up", "indicator": "availability", "op": ">=",
            "target": "0.9", "window": "P1D"}]);
        value["term"]["renewal"] = renewal;
        compile(&parse(&value)).map(|compiled| compiled.renewal_notice())
    };
    let automatic = |notice: Value, conditions: Value| {
        let mut renewal = json!({"mode": "automatic-unless-objected", "conditions": conditions});
        if !notice.is_null() {
            renewal["notice"] = notice;
        }
        with(renewal)
    };
    let day = Millis(86_400_000);
    assert_eq!(automatic(json!("P2D"), json!(["up"])), Ok(Some(Millis(2 * day.0))));
    assert_eq!(automatic(json!(null), json!([])), Ok(Some(day)), "a day when it says nothing");
    assert_eq!(automatic(json!("P2D"), json!(["down"])), Err(CompileError::UnknownObjective));
    assert_eq!(automatic(json!("P9999D"), json!([])), Err(CompileError::BadNotice));
    assert_eq!(with(json!({"mode": "explicit", "notice": "P2D"})), Ok(None));
}

/// What was read stays marked for the flow that it was marked for, whatever is put before it.
#[test]
fn a_new_flow_does_not_take_the_mark_of_one_that_is_kept() {
    let flow = |id: &str, to: &str| {
        json!({"id": id, "from": {"sources": ["read_note"]}, "effect": "deny",
            "to": {"interactions": [to]}})
    };
    let mut value = base();
    value["flows"] = json!([flow("kept", "send_money")]);
    value["limits"] = json!([]);
    value["interactions"][1]["limits"] = json!([]);
    value["interactions"][1]["args"] = json!({"*": {}});
    let mut play = Play::new(compile(&parse(&value)).unwrap());
    assert_eq!(play.call("read_note", json!({})).0, Decision::Allow);
    drop(play.answers(Content::Text("the combination is sparrow lantern copper wheel".into())));
    let out = json!({"subject": "sparrow lantern copper wheel"});
    let denied = (Decision::Deny, "kept".to_owned());
    assert_eq!(play.call("send_money", out.clone()), denied);
    let mut next = value.clone();
    next["flows"] = json!([flow("new", "read_note"), flow("kept", "send_money")]);
    play.pact = compile_after(&play.pact, &parse(&next)).unwrap();
    assert_eq!(play.call("send_money", out.clone()), denied);
    next["flows"].as_array_mut().unwrap().swap(0, 1);
    play.pact = compile_after(&play.pact, &parse(&next)).unwrap();
    assert_eq!(play.call("send_money", out), denied);
}

/// A flow that looks like a bound has a mark of its own: what is not known any more is not lifted.
#[test]
fn a_flow_does_not_take_the_mark_of_a_bound() {
    let mut value = base();
    value["interactions"][1]["max_tier"] = json!("internal");
    value["interactions"][1]["args"] = json!({"*": {}});
    value["limits"] = json!([]);
    value["interactions"][1]["limits"] = json!([]);
    let mut lifting = value.clone();
    lifting["flows"] = json!([{"id": "lifts", "effect": "allow",
        "from": {"tiers": ["confidential", "restricted", "top-secret"]},
        "to": {"interactions": ["send_money"]}}]);
    let before = compile(&parse(&value)).unwrap();
    let after = compile_after(&before, &parse(&lifting)).unwrap();
    for pact in [compile(&parse(&lifting)).unwrap(), before, after] {
        let mut play = Play::new(pact);
        play.session.withhold();
        let held = (Decision::Deny, "send_money.max-tier".to_owned());
        assert_eq!(play.call("send_money", json!({"subject": "something"})), held);
    }
}

#[test]
fn a_sum_keeps_its_unit() {
    let (_, new) = compiled_after(|v| {
        let (_, arg) = v["interactions"][1]["args"]
            .as_object_mut()
            .unwrap()
            .iter_mut()
            .find(|(_, a)| a.get("unit").is_some())
            .unwrap();
        arg["unit"] = json!("USD");
    });
    assert_eq!(new.unwrap_err(), CompileError::CounterChanged);
}

fn signer(n: u8) -> (Did, SigningKey) {
    let key = SigningKey::from_seed(&[n; 32]);
    (Did::from_key(&key.public()), key)
}

/// Only whose permits shrink may sign alone (soundness rule 4).
#[test]
fn one_signature_narrows_and_two_change() {
    let (initiator, provider) = (signer(1), signer(2));
    let mut first = base();
    first["parties"]["initiator"]["did"] = json!(initiator.0.as_str());
    first["parties"]["provider"]["did"] = json!(provider.0.as_str());
    first["term"]["renewal"] = json!({"mode": "automatic-unless-objected", "notice": "P7D"});
    let old = parse(&first);
    let bound = |change: &dyn Fn(&mut Value), by: &[&(Did, SigningKey)]| {
        let mut value = first.clone();
        value["revision"] = json!(2);
        value["prior"] = json!(old.hash().to_string());
        change(&mut value);
        let new = parse(&value);
        let succession = succeeds(&old, &new).unwrap();
        let mut signed = SignedPact::draft(new);
        for (did, key) in by {
            signed = signed.sign(did.clone(), key);
        }
        let bound = signed.bind_after(succession, &KeyRing::default());
        bound.map_err(|error| error.code()).map(|revision| {
            // Whose key is taken over is who signed.
            for (party, (did, _)) in Party::BOTH.into_iter().zip([&initiator, &provider]) {
                let signed = by.iter().any(|(signer, _)| signer == did);
                assert_eq!(revision.signed_by(party), signed);
            }
            revision.succession().replaced()
        })
    };
    let less = |v: &mut Value| v["interactions"][1]["max_bytes"] = json!(9);
    let more = |v: &mut Value| v["limits"][0]["max"] = json!("99999");
    let same = |_: &mut Value| {};
    let signers = [&initiator, &provider];
    for change in [&less as &dyn Fn(&mut Value), &more, &same] {
        assert_eq!(bound(change, &signers), Ok(old.hash()));
        assert_eq!(bound(change, &[]), Err("unsigned"));
        assert_eq!(bound(change, &[&signer(3)]), Err("foreign-signature"));
        assert_eq!(bound(change, &[&provider]), Err("one-signature"));
    }
    assert_eq!(bound(&less, &[&initiator]), Ok(old.hash()));
    // Either party may object to renewal, as both agreed.
    let object = |v: &mut Value| v["term"]["renewal"] = json!({"mode": "none"});
    let later = |v: &mut Value| v["term"]["renewal"]["notice"] = json!("P8D");
    for party in [&initiator, &provider] {
        assert_eq!(bound(&object, &[party]), Ok(old.hash()));
        assert_eq!(bound(&later, &[party]), Err("one-signature"));
    }
    // Also where a consequence waits for a term: the end of one hides no finding.
    let mut waiting = first.clone();
    waiting["consequences"] = json!([{"on": ["sent"], "do": [{"action": "pause"}]}]);
    let (before, mut after) = (parse(&waiting), waiting);
    object(&mut after);
    assert_eq!(diff(&before, &parse(&after)).signatures(), Needed::Any);
    let both = |v: &mut Value| {
        less(v);
        object(v);
    };
    assert_eq!(bound(&both, &[&initiator]), Ok(old.hash()));
    assert_eq!(bound(&both, &[&provider]), Err("one-signature"), "the other's permits");
    assert_eq!(bound(&more, &[&initiator]), Err("one-signature"));
    assert_eq!(bound(&same, &[&initiator]), Err("one-signature"));
}
