//! The verdicts for programs: one document, `cloister-verdict/1`, described in the README.

use serde_json::{Value, json};
use verify::{EvidenceClass, Subject, Verdict};

use super::Found;

/// Format and version. Fields are only ever added.
const FORMAT: &str = "cloister-verdict/1";

pub(super) fn document(found: &Found<'_>) -> Value {
    let Found { report, refusals, at, code } = found;
    let items: Vec<Value> = report.items.iter().map(item).collect();
    let logs = report.logs.iter().map(|log| {
        json!({
            "origin": log.origin,
            "size": log.size,
            "cosigned": log.cosigned,
            "stamped_ms": log.stamped.map(|at| at.0),
        })
    });
    json!({
        "format": FORMAT,
        "exit": code,
        "at_ms": at.0,
        "insecure_software_evidence": found.insecure(),
        "evidence_refusals": refusals,
        "logs": logs.collect::<Vec<_>>(),
        "items": items,
    })
}

fn item(item: &verify::Item) -> Value {
    let (verdict, code, evidence) = match &item.verdict {
        Verdict::Verified { class } => ("verified", None, Some(class_of(*class))),
        Verdict::Refuted(refutation) => ("refuted", Some(refutation.code()), None),
        Verdict::NotChecked(reason) => ("not-checked", Some(reason.code()), None),
    };
    let mut value = json!({
        "statement": item.words,
        "verdict": verdict,
        "code": code,
        "evidence": evidence,
    });
    let place = match item.subject {
        Subject::Statement { claim, statement } => {
            json!({"kind": "statement", "claim": claim, "place": statement})
        }
        Subject::Aggregate(place) => json!({"kind": "aggregate", "place": place}),
        Subject::Missing(place) => json!({"kind": "missing", "place": place}),
    };
    if let (Some(value), Value::Object(place)) = (value.as_object_mut(), place) {
        value.extend(place);
    }
    value
}

const fn class_of(class: EvidenceClass) -> &'static str {
    match class {
        EvidenceClass::Hardware => "hardware",
        EvidenceClass::InsecureSoftware => "insecure-software",
    }
}
