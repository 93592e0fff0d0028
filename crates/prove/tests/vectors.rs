//! The published vectors, `crates/verify/vectors/*.json`: whole bundles with what a verifier brings
//! and what comes of it, for other implementations. A change here changes the format: every proof
//! that was handed out stops verifying.
//!
//! `cargo test -p cloister-prove --test vectors -- --ignored` writes them anew.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]

#[path = "support/accused.rs"]
mod accused;
#[path = "support/coins.rs"]
mod coins;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use accused::{AFTER, heads, leaves, opening, opening_by, totals};
use curve25519_dalek::ristretto::CompressedRistretto;
use fixture::{NONCE, NOW, auditor};
use messages::bundle::{Bundle, Place as Shown, Proof, ProvenClaim};
use messages::claim::{Claim, Predicate};
use messages::codec::Wire;
use messages::did::Did;
use messages::ids::Commitment;
use messages::leaf::TallyBody;
use monitor::{Monitor, bundle_over, prove_over, verify_under};
use serde_json::{Value, json};
use verify::accusation::judge;
use verify::documents::{AnchorsDocument, AudienceDocument, MonitorDocument};
use verify::statement::Place;
use verify::transcript::{Binding, Points, StandBinding, linear};
use verify::{Findings, Report, Statement, audit, generators, range::Parties};

#[test]
fn the_vectors_are_what_this_implementation_makes_and_verifies() {
    for (name, value) in vectors() {
        let committed = std::fs::read_to_string(file(name)).unwrap();
        let committed: Value = serde_json::from_str(&committed).unwrap();
        assert_eq!(committed, value, "{name}");
    }
}

#[test]
#[ignore = "writes the vectors"]
fn write_the_vectors() {
    std::fs::create_dir_all(file("").parent().unwrap()).unwrap();
    for (name, value) in vectors() {
        let text = serde_json::to_string_pretty(&value).unwrap();
        std::fs::write(file(name), text + "\n").unwrap();
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../verify/vectors").join(format!("{name}.json"))
}

fn vectors() -> Vec<(&'static str, Value)> {
    let (other, monitor) = (Monitor::other(), Monitor::start());
    let one = |p: &Predicate| monitor.prove(&monitor.claim(p, 1, 2)).unwrap();
    let everything = Claim {
        statements: monitor.predicates.clone(),
        ..monitor.claim(&monitor.predicates[0], 1, 2)
    };
    let single = one(&monitor.predicates[0]);
    let signed = monitor.sign(&everything, 1, 9);
    let claims = [
        monitor.predicates.iter().map(one).collect(),
        vec![monitor.prove(&everything).unwrap(), signed],
    ]
    .concat();
    let agree = Predicate::Agree { sum: "calls.all".into() };
    let ranges = vec![other.range(0, 1, 2), monitor.range(0, 1, 2)];
    let agree = Claim { ranges, ..monitor.claim(&agree, 1, 2) };
    let agree = prove_over(&[&other, &monitor], &agree).unwrap();
    let mut single_vector = vector(&[&monitor], &monitor.bundle(vec![single.clone()]));
    single_vector["steps"] = steps(&monitor, &single);
    vec![
        ("single", single_vector),
        ("many", vector(&[&monitor], &monitor.bundle(claims))),
        (
            "two-monitors",
            vector(&[&other, &monitor], &bundle_over(&[&other, &monitor], vec![agree])),
        ),
        ("accusations", accusations(&monitor)),
        ("ledger", ledger(&monitor)),
        ("coins", proven(&monitor)),
    ]
}

/// A number with the noise of coins.
fn proven(monitor: &Monitor) -> Value {
    let mut drafts = monitor.drafts.clone();
    monitor.prove_number(&mut drafts, |_| (), |_| (), |_| ());
    let mut bundle = monitor.bundle(Vec::new());
    let view = &mut bundle.logs[0];
    (view.leaves, view.checkpoint) = monitor.publish(&drafts);
    let index = view.leaves.last().unwrap().disclosed.index;
    bundle.aggregates = vec![Shown { origin: monitor.origin.into(), index }];
    bundle.schemas.clear();
    bundle.boots.clear();
    let [first, ..] = coins::dealers();
    let mut vector = vector(&[monitor], &bundle);
    vector["dealt"] = json!({
        "dealer": hex(&first.public().0),
        "seed_of_its_key": hex(&first.expose_seed()),
        "query": hex(&coins::counted().id().0),
    });
    vector
}

/// A whole ledger, with a number of coins, and what it comes to.
fn ledger(monitor: &Monitor) -> Value {
    let mut drafts = monitor.drafts.clone();
    monitor.prove_number(&mut drafts, |_| (), |_| (), |_| ());
    let bytes = monitor.ledger(&drafts).to_cbor();
    let appraised = monitor.appraised();
    let findings = Findings { appraised: &appraised, timestamped: &[] };
    let report = audit(&bytes, &monitor.anchors(), findings).unwrap();
    let days = report.days.iter().map(|day| {
        json!({
            "dataset": hex(&day.dataset.0),
            "day": day.day,
            "spent_nano_rho": day.spent_nano_rho,
            "cap_nano_rho": day.cap_nano_rho,
            "paid": day.paid,
            "answered": day.answered,
        })
    });
    json!({
        "ledger": hex(&bytes),
        "anchors": anchors(&[monitor]),
        "verdict": report.items[0].verdict.code(),
        "days": days.collect::<Vec<_>>(),
    })
}

/// Accusations of every charge, and what each comes to.
fn accusations(monitor: &Monitor) -> Value {
    let shown = [
        ("two heads", heads()),
        ("two leaves", leaves(AFTER, AFTER)),
        ("one leaf", leaves(0, 0)),
        ("two totals", totals().1),
        ("a wrong opening", opening(monitor, |value| value ^ 1)),
        ("a right opening", opening(monitor, |value| value)),
        ("a wrong opening by a replaced boot", opening_by(monitor, 0, |value| value ^ 1)),
    ];
    let judged = shown.map(|(what, accusation)| {
        let bytes = accusation.to_cbor();
        let outcome = judge(&bytes, &monitor.anchors());
        let outcome = outcome.map_or_else(|unfounded| unfounded.code(), |offence| offence.code());
        json!({"what": what, "accusation": hex(&bytes), "outcome": outcome})
    });
    json!({"anchors": anchors(&[monitor]), "accusations": judged})
}

/// What a verifier trusts.
fn anchors(monitors: &[&Monitor]) -> Value {
    let logs = monitors.iter().map(|monitor| {
        let anchor = &monitor.anchors().logs[0];
        let configs: Vec<String> = anchor.configs.iter().map(|c| hex(&c.0)).collect();
        let evidence = monitor.appraised().into_iter().map(|a| hex(&a.evidence().0));
        json!({
            "origin": anchor.origin,
            "log_key": hex(&anchor.log_key.0),
            "configs": configs,
            "appraised_evidence": evidence.collect::<Vec<_>>(),
        })
    });
    json!({
        "logs": logs.collect::<Vec<_>>(),
        "pacts": [hex(&monitors[0].root_pact.0)],
        "audience": auditor().as_str(),
        "nonce": hex(&NONCE),
    })
}

/// A bundle, what its verifier brings, and the report.
fn vector(monitors: &[&Monitor], bundle: &Bundle) -> Value {
    let bytes = bundle.to_cbor();
    let report: Report = verify_under(monitors, &bytes).unwrap();
    let items = report
        .items
        .iter()
        .map(|item| json!({"words": item.words, "verdict": item.verdict.code()}));
    json!({
        "bundle": hex(&bytes),
        "anchors": anchors(monitors),
        "anchors_document": document(monitors),
        "now_ms": NOW.0,
        "items": items.collect::<Vec<_>>(),
    })
}

/// The anchors as people keep them.
fn document(monitors: &[&Monitor]) -> Value {
    let monitors_of = monitors.iter().map(|monitor| {
        let anchor = &monitor.anchors().logs[0];
        MonitorDocument {
            origin: anchor.origin.clone(),
            log_key: Did::from_key(&anchor.log_key),
            configs: anchor.configs.iter().map(ToString::to_string).collect(),
            appraisal_policy: None,
            software_measurements: Vec::new(),
        }
    });
    let document = AnchorsDocument {
        pacts: vec![monitors[0].root_pact.to_string()],
        audience: Some(AudienceDocument { did: auditor(), nonce: hex(&NONCE) }),
        monitors: monitors_of.collect(),
        witnesses: None,
        dealers: BTreeMap::new(),
        circuits: Vec::new(),
        time_stamps: None,
    };
    assert_eq!(document.anchors().unwrap().pacts, [monitors[0].root_pact]);
    serde_json::to_value(document).unwrap()
}

/// What an implementation meets on its way to the verdict of the first claim.
fn steps(monitor: &Monitor, proven: &ProvenClaim) -> Value {
    let (leaves, _) = monitor.publish(&monitor.drafts);
    let body = |at: usize| TallyBody::from_cbor(&leaves[at].disclosed.body).unwrap();
    let (before, after) = (body(2), body(7));
    let stretch = verify::stretch(&monitor.schemas[0], &before, &after);
    let statement = Statement::new(&proven.claim.statements[0], &[stretch]).unwrap();
    let (form, width) = statement.inequalities().next().unwrap();
    let opened = &proven.stands[0].commitments;
    let point = |c: &Commitment| CompressedRistretto(c.0).decompress().unwrap();
    let place = |counter| Place { range: 0, counter: messages::counter::CounterIndex(counter) };
    let growth = opened
        .iter()
        .map(|o| (place(o.counter), point(&o.after) - point(&o.before.unwrap())))
        .collect();
    let v = form.point(&growth).unwrap();
    let parties = Parties::of(&[(width, v)], &[]).unwrap();
    let forms = [Commitment(v.compress().to_bytes())];
    let boot = monitor.boot_body(1, 0);
    let stand = StandBinding {
        log_key: monitor.log_key.public(),
        pact: monitor.pact.0,
        schema: monitor.schemas[0].hash(),
        before: tlog::leaf_hash(&leaves[2].disclosed.leaf),
        after: tlog::leaf_hash(&leaves[7].disclosed.leaf),
        boot: boot.boot,
        boot_key: boot.boot_key,
        evidence: fixture::evidence(&monitor.evidence_claims(1)).evidence_id(),
        commitments: opened,
    };
    let binding = Binding { claim: &proven.claim, stands: &[stand] };
    let points = Points { parties: Some(&parties), forms: &forms, high: &[] };
    let mut challenge = [0; 32];
    linear(&binding, &points).challenge_bytes(b"test", &mut challenge);
    let Proof::ZeroKnowledge(proof) = &proven.proof else { panic!("a signed claim") };
    json!({
        "G": hex(generators::G.compress().as_bytes()),
        "H": hex(generators::h().compress().as_bytes()),
        "program": hex(&proven.claim.statements[0].program_id().0),
        "schema": hex(&stand.schema.0),
        "leaf_before": hex(&stand.before.0),
        "leaf_after": hex(&stand.after.0),
        "evidence": hex(&stand.evidence.0),
        "width": parties.bits,
        "V": hex(&forms[0].0),
        "challenge_after_V_with_label_test": hex(&challenge),
        "range_proof": hex(&proof.range),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
