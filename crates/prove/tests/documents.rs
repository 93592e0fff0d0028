//! Anchors and verdicts as people and programs read them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use std::collections::BTreeMap;

use fixture::{NONCE, NOW, auditor, party_did};
use messages::bundle::Missing;
use messages::claim::{Audience, Predicate, Relation, Sum};
use messages::codec::Wire;
use messages::did::Did;
use messages::signature::SigningKey;
use messages::time::{Millis, UnixMillis};
use monitor::Monitor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use verify::documents::{
    AnchorsDocument, AnchorsError, AudienceDocument, Context, MonitorDocument, WitnessesDocument,
    unusable, verdict,
};
use verify::{Anchors, Findings, Timestamped, Unusable};

fn document(monitor: &Monitor) -> AnchorsDocument {
    let anchor = &monitor.anchors().logs[0];
    AnchorsDocument {
        pacts: vec![monitor.root_pact.to_string()],
        audience: Some(AudienceDocument { did: auditor(), nonce: hex(&NONCE) }),
        monitors: vec![MonitorDocument {
            origin: anchor.origin.clone(),
            log_key: Did::from_key(&anchor.log_key),
            configs: anchor.configs.iter().map(ToString::to_string).collect(),
            appraisal_policy: None,
            software_measurements: Vec::new(),
        }],
        witnesses: None,
        dealers: BTreeMap::new(),
        circuits: Vec::new(),
        time_stamps: None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

type Change = fn(&mut AnchorsDocument);

#[test]
fn anchors_are_read_whole_or_not_at_all() {
    let monitor = Monitor::start();
    let good = document(&monitor);
    assert_eq!(good.anchors(), Ok(monitor.anchors()));
    let again: AnchorsDocument = serde_json::from_value(json!(good)).unwrap();
    assert_eq!(again, good, "JSON gives back what it was given");

    let witness = Did::from_key(&SigningKey::from_seed(&[9; 32]).public());
    let mut witnessed = good.clone();
    let keys = [("w.example".to_owned(), witness.clone())].into();
    witnessed.witnesses = Some(WitnessesDocument { quorum: 1, keys });
    let read = witnessed.anchors().unwrap();
    assert_eq!(read.witnesses, [("w.example".to_owned(), witness.key().unwrap())]);
    assert_eq!((read.quorum, read.stamped), (1, false));

    let changes: [(AnchorsError, Change); 8] = [
        (AnchorsError::Digest, |d| d.pacts[0].push('0')),
        (AnchorsError::Digest, |d| d.monitors[0].configs[0] = "sha256:00".into()),
        (AnchorsError::Key, |d| d.monitors[0].log_key = party_did(0)),
        (AnchorsError::Nonce, |d| d.audience.as_mut().unwrap().nonce.clear()),
        (AnchorsError::Origin, |d| d.monitors.push(d.monitors[0].clone())),
        (AnchorsError::Quorum, |d| {
            d.witnesses = Some(WitnessesDocument { quorum: 1, keys: [].into() });
        }),
        (AnchorsError::Key, |d| {
            let keys = [("w".to_owned(), party_did(0))].into();
            d.witnesses = Some(WitnessesDocument { quorum: 1, keys });
        }),
        (AnchorsError::Nonce, |d| d.audience.as_mut().unwrap().nonce.push('0')),
    ];
    for (error, change) in changes {
        let mut document = good.clone();
        change(&mut document);
        assert_eq!(document.anchors(), Err(error));
        assert!(error.to_string().contains(' '));
    }
    let mut two = good.clone();
    two.monitors
        .push(MonitorDocument { origin: "z.example/log".into(), ..two.monitors[0].clone() });
    let key = two.monitors[0].log_key.clone();
    let keys = ["v.example", "w.example"].map(|name| (name.to_owned(), key.clone())).into();
    two.witnesses = Some(WitnessesDocument { quorum: 1, keys });
    assert_eq!(two.anchors().map(|anchors| (anchors.logs.len(), anchors.quorum)), Ok((2, 1)));
    let nobody = AnchorsDocument { audience: None, ..good };
    assert_eq!(nobody.anchors().map(|anchors| (anchors.audience, anchors.nonce)), Ok((None, None)));
    let unknown =
        serde_json::from_value::<AnchorsDocument>(json!({"pacts": [], "monitors": [], "a": 1}));
    assert!(unknown.is_err(), "a member that is not known is a mistake");
}

#[test]
fn the_evidence_of_every_boot_is_found() {
    let monitor = Monitor::start();
    let found = verify::evidence_in(&monitor.good_bundle().logs[0]);
    let due = monitor.boots.entries.iter().map(|entry| entry.evidence);
    assert!(due.len() > 1 && found.iter().map(|one| one.evidence_id()).eq(due));
}

fn verdict_of(monitor: &Monitor, bundle: &[u8]) -> Value {
    let appraised = monitor.appraised();
    let findings = Findings { appraised: &appraised, timestamped: &[] };
    let report = verify::verify(bundle, &monitor.anchors(), findings, NOW).unwrap();
    verdict(&report, Context { at: NOW, refusals: &[], stamps_refused: false })
}

fn told(monitor: &Monitor, anchors: &Anchors, timestamped: &[Timestamped]) -> Value {
    let mut bundle = monitor.good_bundle();
    bundle.claims.truncate(1);
    bundle.missing.push(Missing { what: "spend-ceiling".into(), why: "statement-false".into() });
    let appraised = monitor.appraised();
    let findings = Findings { appraised: &appraised, timestamped };
    let report = verify::verify(&bundle.to_cbor(), anchors, findings, NOW).unwrap();
    verdict(&report, Context { at: NOW, refusals: &["refused"], stamps_refused: true })
}

#[test]
fn a_verdict_has_every_member_in_every_case() {
    let monitor = Monitor::start();
    let document = told(&monitor, &monitor.anchors(), &[]);
    assert_eq!(document["format"], "cloister-verdict/1");
    assert_eq!(document["exit"], 2, "something is missing");
    assert_eq!(document["at_ms"], NOW.0);
    assert_eq!(document["insecure_software_evidence"], true);
    assert_eq!(document["evidence_refusals"], json!(["refused"]));
    assert_eq!(document["time_stamps_refused"], true);
    let log = json!({"origin": monitor.origin, "size": 12, "cosigned": 0, "stamped_ms": null,
        "clock": "generated"});
    assert_eq!(document["logs"], json!([log]));
    let pact = json!({"pact": monitor.root_pact.to_string(), "stamped_ms": null});
    assert_eq!(document["pacts"], json!([pact]));
    assert_eq!(document["days"], json!([]));
    let (of, claims) = (monitor.good_bundle().claims, document["claims"].as_array().unwrap());
    assert_eq!((claims.len(), &claims[0]["proof"]), (1, &json!("zero-knowledge")));
    assert_eq!(claims[0]["audience"], auditor().as_str());
    assert_eq!(claims[0]["expiry_ms"], of[0].claim.expiry.0);
    assert_eq!(claims[0]["admitted_gaps"], 0);
    let range = json!({"origin": monitor.origin, "pact": monitor.root_pact.to_string(),
        "party": party_did(0).as_str(), "first": 1, "last": 2, "began_ms": 500, "ended_ms": 2000});
    assert_eq!(claims[0]["ranges"], json!([range]));
    let items = document["items"].as_array().unwrap();
    let members =
        |item: &Value| -> Vec<String> { item.as_object().unwrap().keys().cloned().collect() };
    assert!(items.iter().all(|item| members(item) == members(&items[0])));
    let of = |at: usize| {
        let item = &items[at];
        json!([
            item["kind"],
            item["claim"],
            item["place"],
            item["verdict"],
            item["code"],
            item["evidence"]
        ])
    };
    assert_eq!(of(0), json!(["statement", 0, 0, "verified", null, "insecure-software"]));
    assert_eq!(of(1), json!(["aggregate", null, 0, "verified", null, "insecure-software"]));
    assert_eq!(of(2), json!(["aggregate", null, 1, "verified", null, "insecure-software"]));
    assert_eq!(of(3), json!(["missing", null, 0, "not-checked", "not-proven", null]));
    assert_eq!(items.len(), 4);
    let says = format!(
        "calls.denied is at most 5, over epochs 1 to 2 of what did:web:shop.example did, in the log \
         insecure-dev/test.example/log, to {}",
        auditor()
    );
    assert_eq!(items[0]["statement"], says);
    assert_eq!(items[0]["remedy"], Value::Null);
    assert!(items[3]["remedy"].as_str().unwrap().contains(' '));

    let strangers = Anchors { audience: Some(party_did(0)), ..monitor.anchors() };
    let document = told(&monitor, &strangers, &[]);
    assert_eq!(document["items"][0]["code"], "audience");
    // Nothing is verified that rests on any evidence, so nothing rests on that of a developer.
    let findings = Findings { appraised: &[], timestamped: &[] };
    let bundle = monitor.good_bundle().to_cbor();
    let report = verify::verify(&bundle, &monitor.anchors(), findings, NOW).unwrap();
    assert!(!report.insecure());
    let context = Context { at: NOW, refusals: &[], stamps_refused: false };
    let document = verdict(&report, context);
    assert_eq!(document["insecure_software_evidence"], false);
    assert_eq!((&document["exit"], &document["time_stamps_refused"]), (&json!(2), &json!(false)));
    let broken = unusable(Unusable::Malformed);
    assert_eq!((&broken["exit"], &broken["code"]), (&json!(3), &json!("malformed")));
    assert!(broken["reason"].is_string() && broken["remedy"].is_string());
}

/// The time of a range is that of its own leaves, or none.
#[test]
fn the_time_of_a_range_is_not_that_of_another_leaf() {
    let monitor = Monitor::start();
    let ends = |change: fn(&mut messages::bundle::Stand)| {
        let mut bundle = monitor.good_bundle();
        change(&mut bundle.claims[0].stands[0]);
        let document = verdict_of(&monitor, &bundle.to_cbor());
        let range = &document["claims"][0]["ranges"][0];
        [range["began_ms"].as_u64(), range["ended_ms"].as_u64()]
    };
    let (before, after) = (2, 7);
    assert_eq!(ends(|_| {}), [Some(500), Some(2000)]);
    let good = &monitor.good_bundle().claims[0].stands[0];
    assert_eq!((good.before, good.after), (before, after));
    assert_eq!(ends(|s| s.before = 1), [None, Some(2000)], "the pact's");
    assert_eq!(ends(|s| s.before += 1), [None, Some(2000)], "the other party's");
    assert_eq!(ends(|s| s.after = s.before), [Some(500), None], "of another epoch");
    assert_eq!(ends(|s| s.after = 99), [Some(500), None], "that is not there");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test plays the one who checks time stamps")]
fn the_earliest_accepted_stamp_counts_for_what_it_is_of() {
    let monitor = Monitor::start();
    let bundle = monitor.good_bundle();
    let data = verify::stampable(&bundle);
    assert_eq!(data.len(), 2, "a checkpoint and a pact");
    let text = tlog::checkpoint_text(&bundle.logs[0].checkpoint).unwrap();
    assert_eq!(data, [text.into_bytes(), verify::pact_name(&monitor.root_pact)]);
    assert_eq!(data[1], monitor.root_pact.to_string().into_bytes());
    let stamp =
        |data: &[u8], at| Timestamped::assertion(Sha256::digest(data).into(), UnixMillis(at));
    let strict = Anchors { stamped: true, ..monitor.anchors() };
    let found = [stamp(&data[0], 9), stamp(&data[0], 7), stamp(&data[1], 5), stamp(b"else", 1)];
    let document = told(&monitor, &strict, &found);
    assert_eq!(document["logs"][0]["stamped_ms"], 7);
    assert_eq!(document["pacts"][0]["stamped_ms"], 5);
    assert_eq!(document["items"][0]["verdict"], "verified");
    // A stamp on the pact is none on the checkpoint.
    let document = told(&monitor, &strict, &found[2..]);
    assert_eq!(document["items"][0]["code"], "not-stamped");
    assert_eq!(document["items"][1]["code"], "not-stamped", "aggregates, too");
}

/// Witnesses count who are the verifier's, each once, and as many as it demands.
#[test]
fn cosignatures_count_that_are_of_the_verifiers_witnesses() {
    let monitor = Monitor::start();
    let key = |seed: u8| SigningKey::from_seed(&[seed; 32]);
    let named = |seed: u8| format!("w{seed}.example");
    let mut bundle = monitor.good_bundle();
    let mut cosigned = |seed: u8, at: u64| {
        let note = &mut bundle.logs[0].checkpoint;
        let line = tlog::cosign(note, &named(seed), &key(seed), at).unwrap();
        *note = tlog::with_cosignature(note, &line).unwrap();
        bundle.to_cbor()
    };
    let bundles = [cosigned(1, 5), cosigned(2, 6), cosigned(3, 7)];
    let checked = |cosignatures: usize, witnesses: &[u8], quorum: usize| {
        let witnesses = witnesses.iter().map(|seed| (named(*seed), key(*seed).public())).collect();
        let anchors = Anchors { witnesses, quorum, ..monitor.anchors() };
        let appraised = monitor.appraised();
        let findings = Findings { appraised: &appraised, timestamped: &[] };
        let report = verify::verify(&bundles[cosignatures - 1], &anchors, findings, NOW).unwrap();
        (report.logs[0].cosigned, report.items[0].verdict.code())
    };
    assert_eq!(checked(3, &[1, 2, 3], 3), (3, "verified"));
    assert_eq!(checked(2, &[1, 2, 3], 2), (2, "verified"));
    assert_eq!(checked(2, &[1, 2, 3], 3), (2, "not-witnessed"));
    assert_eq!(checked(3, &[1, 9], 1), (1, "verified"), "others may cosign");
    assert_eq!(checked(3, &[9], 1), (0, "not-witnessed"));
    assert_eq!(checked(1, &[1], 0), (1, "verified"), "counted without a demand");
}

/// What a reader without any program for it is told; a lawyer can follow it.
#[test]
fn a_bundle_is_explained_in_words() {
    let monitor = Monitor::start();
    let mut bundle = monitor.good_bundle();
    let public = messages::claim::Claim {
        audience: Audience::Public,
        ..monitor.claim(&monitor.predicates[0], 1, 2)
    };
    let everything = messages::claim::Claim {
        statements: monitor.predicates.clone(),
        admitted_gaps: 3,
        ..monitor.claim(&monitor.predicates[0], 1, 2)
    };
    bundle.claims = vec![monitor.prove(&public).unwrap(), monitor.sign(&everything, 1, 9)];
    bundle.missing.push(Missing { what: "spend-ceiling".into(), why: "statement-false".into() });
    let said = verify::explain(&bundle.to_cbor()).unwrap();
    let expected = include_str!("explained.txt");
    assert_eq!(said.trim_end(), expected.trim_end());
    assert_eq!(verify::explain(b"no bundle").unwrap_err(), Unusable::Malformed);
}

#[test]
fn a_claim_without_statements_is_said_to_state_nothing() {
    let monitor = Monitor::start();
    let mut bundle = monitor.good_bundle();
    bundle.claims[0].claim.statements.clear();
    let report = monitor.verify(&bundle.to_cbor()).unwrap();
    let item = &report.items[0];
    assert_eq!(
        (item.verdict.code(), item.words.as_str()),
        ("statement-count", "a claim that states nothing")
    );
}

#[test]
fn a_predicate_is_said_with_its_spans_and_without_what_a_name_hides() {
    let rate = |per| {
        let sum = "calls".into();
        verify::words(&Predicate::Rate {
            sum,
            relation: Relation::AtLeast,
            count: 3,
            per: Millis(per),
        })
    };
    for (per, said) in [
        (1500, "calls is at least 3 per 1500 ms on average"),
        (0, "calls is at least 3 per 0 ms on average"),
        (2000, "calls is at least 3 per 2 seconds on average"),
        (60_000, "calls is at least 3 per minute on average"),
        (7_200_000, "calls is at least 3 per 2 hours on average"),
        (86_400_000, "calls is at least 3 per day on average"),
    ] {
        assert_eq!(rate(per), said);
    }
    let both = Predicate::Agree { sum: Sum::of(["a", "b"]) };
    assert_eq!(verify::words(&both), "both monitors counted the same a + b");
    let unbound = Predicate::Bounded { sum: "a".into(), lower: None, upper: None };
    assert_eq!(verify::words(&unbound), "a is anything");
    for hidden in ['\u{1b}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\n'] {
        let named = Predicate::never(format!("a{hidden}b").as_str());
        assert_eq!(verify::words(&named), "a\u{fffd}b is zero", "{}", hidden.escape_unicode());
    }
}
