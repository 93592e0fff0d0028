//! A pact binds when both parties signed it, and in no other case.
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
use cloister_pact::{KeyRing, Pact, SignedPact};
use common::base;
use messages::did::Did;
use messages::signature::SigningKey;
use serde_json::{Value, json};

struct Parties {
    keys: [SigningKey; 2],
    dids: [Did; 2],
    pact: Pact,
}

fn parties() -> Parties {
    let keys = [1u8, 2].map(|n| SigningKey::from_seed(&[n; 32]));
    let dids = [&keys[0], &keys[1]].map(|k| Did::from_key(&k.public()));
    let mut value = base();
    value["parties"]["initiator"]["did"] = json!(dids[0].as_str());
    value["parties"]["provider"]["did"] = json!(dids[1].as_str());
    Parties { keys, dids, pact: Pact::parse(value.to_string().as_bytes()).unwrap() }
}

fn signed(p: &Parties) -> SignedPact {
    let [a, b] = &p.dids;
    SignedPact::draft(p.pact.clone()).sign(a.clone(), &p.keys[0]).sign(b.clone(), &p.keys[1])
}

fn refusal(bytes: &[u8]) -> &'static str {
    match SignedPact::parse(bytes).and_then(|s| s.bind(&KeyRing::default())) {
        Ok(_) => "bound",
        Err(error) => error.code(),
    }
}

/// The code after a change of the file.
fn changed(change: impl FnOnce(&mut Value)) -> &'static str {
    let mut file: Value = serde_json::from_slice(&signed(&parties()).to_bytes()).unwrap();
    change(&mut file);
    refusal(file.to_string().as_bytes())
}

#[test]
fn two_signatures_bind() {
    let p = parties();
    let file = signed(&p).to_bytes();
    let bound = SignedPact::parse(&file).unwrap().bind(&KeyRing::default()).unwrap();
    assert_eq!(bound.pact().hash(), p.pact.hash());
    assert_eq!(changed(|_| ()), "bound");
}

#[test]
fn every_other_set_of_signatures_has_its_own_code() {
    let swap = |f: &mut Value| {
        let a = f["signatures"][0]["sig"].take();
        f["signatures"][0]["sig"] = f["signatures"][1]["sig"].take();
        f["signatures"][1]["sig"] = a;
    };
    assert_eq!(changed(|f| f["signatures"] = json!([])), "unsigned");
    assert_eq!(changed(|f| drop(f["signatures"].as_array_mut().unwrap().pop())), "one-signature");
    assert_eq!(changed(swap), "swapped-signature");
    assert_eq!(
        changed(|f| {
            let first = f["signatures"][0].clone();
            f["signatures"].as_array_mut().unwrap().push(first);
        }),
        "repeated-signature"
    );
    assert_eq!(
        changed(|f| f["signatures"][1]["sig"] = f["signatures"][0]["sig"].clone()),
        "repeated-signature"
    );
    assert_eq!(changed(|f| f["pact"]["revision"] = json!(2)), "bad-signature");
    assert_eq!(changed(|f| f["signatures"][0]["sig"] = json!("AAAA")), "bad-signature-form");
    assert_eq!(changed(|f| f["signatures"][0]["extra"] = json!(1)), "unknown-field");
    assert_eq!(
        changed(|f| f["signatures"][0]["key"] = f["signatures"][1]["key"].clone()),
        "wrong-key"
    );
}

#[test]
fn a_stranger_cannot_sign() {
    let p = parties();
    let stranger = SigningKey::from_seed(&[9; 32]);
    let file = signed(&p).sign(Did::from_key(&stranger.public()), &stranger);
    assert_eq!(refusal(&file.to_bytes()), "foreign-signature");
}

#[test]
fn a_party_that_is_no_did_key_needs_a_pinned_key() {
    let p = parties();
    let bank = Did::parse("did:web:bank.example:core").unwrap();
    let mut value = base();
    value["parties"]["initiator"]["did"] = json!(p.dids[0].as_str());
    value["parties"]["provider"]["did"] = json!(bank.as_str());
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap();
    let signed = || {
        SignedPact::draft(pact.clone())
            .sign(p.dids[0].clone(), &p.keys[0])
            .sign(bank.clone(), &p.keys[1])
    };
    assert_eq!(signed().bind(&KeyRing::default()).unwrap_err().code(), "unpinned-key");
    let mut ring = KeyRing::default();
    ring.pin(bank.clone(), SigningKey::from_seed(&[9; 32]).public());
    assert_eq!(signed().bind(&ring).unwrap_err().code(), "wrong-key");
    ring.pin(bank.clone(), p.keys[0].public());
    assert_eq!(signed().bind(&ring).unwrap_err().code(), "one-key");
    ring.pin(bank.clone(), p.keys[1].public());
    assert!(signed().bind(&ring).is_ok());
}

#[test]
fn the_hash_is_of_the_canonical_form_whatever_the_file_looks_like() {
    let value = base();
    let a = Pact::parse(value.to_string().as_bytes()).unwrap();
    let b = Pact::parse(serde_json::to_string_pretty(&value).unwrap().as_bytes()).unwrap();
    assert_eq!(a.hash(), b.hash());
    assert_eq!(Pact::parse(a.canonical()).unwrap().canonical(), a.canonical());
}
