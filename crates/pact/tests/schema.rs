//! The published JSON Schema and the parser agree on what a pact is.
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

use cloister_pact::Pact;
use common::{base, tool};
use jsonschema::Validator;
use serde_json::{Value, json};

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../pact.schema.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn parses(value: &Value) -> bool {
    Pact::parse(value.to_string().as_bytes()).is_ok()
}

/// A pact that uses every field of an interaction, of a source and of monitoring.
fn full() -> Value {
    let mut value = base();
    value["interactions"] = json!([tool(
        "send",
        "external-send",
        json!({
        "max_tier": "internal", "unlisted_args": "deny", "confirmed_by": "principal",
        "after": [], "approval": "on-else", "limits": [], "max_bytes": 10, "idempotency": true,
        "requested": {"terms": ["send"], "when": "scrutiny", "else": "escalate"},
        "args": {"to": {"type": "string", "required": true, "const": "a", "in": ["a"],
            "not_in": ["b"], "pattern": "a", "max_len": 3, "extract": "url", "max_tier": "public",
            "pii_max": 1, "unless": "approved", "else": "deny", "unit": "EUR",
            "each": {"min": "1", "max": "2.50", "max_items": 2},
            "provenance": {"any_of": ["principal", "record", "delegated", "content", "unseen",
                "org:a.example", "list:a,b", "result:t.x"], "under_scrutiny": ["principal"],
                "match": "host", "else": "escalate"}}}})
    )]);
    value["limits"] = json!([]);
    value["labels"] = json!({"pii_classes": ["name"], "sources": [{"tool": "*", "trust": "content",
        "tier": "internal", "pii": ["name"], "fields": [{"path": "**.*_id", "trust": "record",
            "tier": "public", "pii": ["name"], "sender": true}]}]});
    value["flows"] = json!([{"id": "f", "from": {"tiers": ["restricted"], "sources": ["t"],
        "pii": ["name"]}, "to": {"interactions": ["send"], "recipients": ["!record"]},
        "effect": "allow", "min_match": 2}]);
    value["performance"] = json!([{"id": "p", "indicator": "latency_ms", "percentile": "95",
        "op": "<=", "target": "2000", "window": "PT1H", "min_samples": 3, "applies_to": ["send"]}]);
    value["delegation"] = json!({"max_depth": 1, "narrowing": "must-narrow",
        "to": ["did:web:a.example"], "carry": ["x"]});
    value["monitoring"]["anomalies"] = json!([{"id": "a", "counter": "calls", "window": "PT1M",
        "factor": "4", "least": "20", "else": "alert"}]);
    let digest = format!("sha256:{}", "ab".repeat(32));
    value["monitoring"]["canaries"] = json!({"digests": [digest], "else": "terminate"});
    value["monitoring"]["scrutiny"] = json!({"on": ["instructions", "hidden", "encoded"]});
    value
}

#[test]
fn what_the_parser_reads_the_schema_accepts() {
    let schema = schema();
    let mut pacts = vec![base(), full()];
    let suites = concat!(env!("CARGO_MANIFEST_DIR"), "/../cloister/pacts");
    for entry in std::fs::read_dir(suites).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        pacts.push(serde_json::from_slice(&bytes).unwrap());
    }
    for pact in pacts {
        assert!(parses(&pact), "{pact}");
        let errors: Vec<String> =
            schema.iter_errors(&pact).map(|e| format!("{} at {}", e, e.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn what_the_schema_refuses_the_parser_refuses() {
    let schema = schema();
    let pact = full();
    let mut tried = 0;
    let mut places = Vec::new();
    walk(&pact, &mut String::new(), &mut places);
    for place in places {
        for wrong in [json!({"surely": "not a field"}), json!("ZZZ not a word"), json!(-1.5)] {
            let mut broken = pact.clone();
            *broken.pointer_mut(&place).unwrap() = wrong;
            if !schema.is_valid(&broken) {
                tried += 1;
                assert!(!parses(&broken), "the parser reads what the schema refuses, at {place}");
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

fn walk(value: &Value, at: &mut String, into: &mut Vec<String>) {
    let mut step = |name: String, inner: &Value| {
        let length = at.len();
        at.push('/');
        at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        into.push(at.clone());
        walk(inner, at, into);
        at.truncate(length);
    };
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(n, v)| step(n.to_string(), v)),
        Value::Object(map) => map.iter().for_each(|(k, v)| step(k.clone(), v)),
        _ => {}
    }
}
