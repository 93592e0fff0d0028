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

use cloister_pact::{Needed, Pact, SuccessionError, succeeds};
use common::base;
use messages::event::Party;
use serde_json::{Value, json};

fn parse(value: &Value) -> Pact {
    Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}: {value}"))
}

/// The next revision of the small pact after a change.
fn next(change: impl Fn(&mut Value)) -> Result<Needed, SuccessionError> {
    let mut value = base();
    let old = parse(&value);
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
        Err(SuccessionError::LimitsReordered { index: 0 })
    );
    let per = next(|v| v["limits"][0]["per"] = json!("P1D"));
    assert_eq!(per, Err(SuccessionError::LimitsReordered { index: 0 }));
    let bad = next(|v| v["interactions"][1]["limits"] = json!(["none"]));
    assert!(matches!(bad, Err(SuccessionError::NewDoesNotCompile(_))));
}

#[test]
fn a_new_call_would_move_the_sums() {
    let call = json!({"id": "list", "direction": "initiator->provider", "kind": "call",
        "name": "list", "effect": "read"});
    let add = |v: &mut Value| v["interactions"].as_array_mut().unwrap().push(call.clone());
    let error = next(add).unwrap_err();
    assert_eq!(error.code(), "counters-reordered");
    assert!(matches!(error, SuccessionError::CountersReordered { .. }));
    let gone = next(|v| drop(v["interactions"].as_array_mut().unwrap().remove(0)));
    assert!(matches!(gone, Err(SuccessionError::CountersReordered { .. })));
    // Without sums, a call may be appended.
    let mut value = base();
    value["limits"] = json!([]);
    value["interactions"][1]["limits"] = json!([]);
    let old = parse(&value);
    value["revision"] = json!(2);
    value["prior"] = json!(old.hash().to_string());
    add(&mut value);
    assert!(succeeds(&old, &parse(&value)).is_ok());
}
