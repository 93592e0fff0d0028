//! The verdict for programs, `cloister-verdict/1`. Fields are only ever added.

use messages::did::Did;
use messages::time::{ClockKind, UnixMillis};
use serde_json::{Value, json};

use crate::anchors::EvidenceClass;
use crate::codes::Unusable;
use crate::report::{
    ClaimFinding, DayFinding, Item, Means, RangeFinding, Report, Subject, Verdict,
};

/// Format and version.
pub const FORMAT: &str = "cloister-verdict/1";

/// What is known beside the report.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// As of when it was checked.
    pub at: UnixMillis,
    /// Codes of evidence that an appraiser refused.
    pub refusals: &'a [&'static str],
    /// Carries the bundle a time stamp that was not accepted?
    pub stamps_refused: bool,
}

/// The document of a report: `exit` is 0 when everything is verified, 1 when something is refuted,
/// else 2.
#[must_use]
pub fn verdict(report: &Report, context: Context<'_>) -> Value {
    let logs = report.logs.iter().map(|log| {
        json!({
            "origin": log.origin,
            "size": log.size,
            "cosigned": log.cosigned,
            "stamped_ms": log.stamped.map(|at| at.0),
            "clock": log.clock.map(clock),
        })
    });
    let pacts = report.pacts.iter().map(|found| {
        json!({ "pact": found.pact.to_string(), "stamped_ms": found.stamped.map(|at| at.0) })
    });
    json!({
        "format": FORMAT,
        "exit": report.exit(),
        "at_ms": context.at.0,
        "insecure_software_evidence": report.insecure(),
        "evidence_refusals": context.refusals,
        "time_stamps_refused": context.stamps_refused,
        "logs": logs.collect::<Vec<_>>(),
        "pacts": pacts.collect::<Vec<_>>(),
        "claims": report.claims.iter().map(claim).collect::<Vec<_>>(),
        "days": report.days.iter().map(day).collect::<Vec<_>>(),
        "items": report.items.iter().map(item).collect::<Vec<_>>(),
    })
}

fn claim(found: &ClaimFinding) -> Value {
    json!({
        "proof": match found.means {
            Means::ZeroKnowledge => "zero-knowledge",
            Means::Signed => "signed",
            Means::Segments => "segments",
        },
        "audience": found.audience.as_ref().map(Did::as_str),
        "expiry_ms": found.expiry.0,
        "admitted_gaps": found.admitted_gaps,
        "ranges": found.ranges.iter().map(range).collect::<Vec<_>>(),
    })
}

fn range(found: &RangeFinding) -> Value {
    json!({
        "origin": found.origin,
        "pact": found.pact.to_string(),
        "party": found.party.as_str(),
        "first": found.first.0,
        "last": found.last.0,
        "began_ms": found.began.map(|at| at.0),
        "ended_ms": found.ended.map(|at| at.0),
    })
}

fn day(found: &DayFinding) -> Value {
    json!({
        "dataset": found.dataset.to_string(),
        "day": found.day,
        "spent_nano_rho": found.spent_nano_rho,
        "cap_nano_rho": found.cap_nano_rho,
        "paid": found.paid,
        "answered": found.answered,
    })
}

const fn clock(kind: ClockKind) -> &'static str {
    match kind {
        ClockKind::Generated => "generated",
        ClockKind::Host => "host",
        ClockKind::Witnessed => "witnessed",
    }
}

/// The document of what is no bundle of the anchored logs: `exit` is 3.
#[must_use]
pub fn unusable(unusable: Unusable) -> Value {
    failed(unusable.code(), &unusable.to_string(), unusable.remedy())
}

/// The document of a program that came to no report, for reasons of its own: `exit` is 3.
#[must_use]
pub fn failed(code: &str, reason: &str, remedy: &str) -> Value {
    json!({ "format": FORMAT, "exit": 3, "code": code, "reason": reason, "remedy": remedy })
}

fn item(item: &Item) -> Value {
    let (verdict, code, evidence) = match &item.verdict {
        Verdict::Verified { class } => ("verified", None, Some(class_of(*class))),
        Verdict::Refuted(refutation) => ("refuted", Some(refutation.code()), None),
        Verdict::NotChecked(reason) => ("not-checked", Some(reason.code()), None),
    };
    let (reason, remedy) = match &item.verdict {
        Verdict::Verified { .. } => (None, None),
        Verdict::Refuted(refutation) => (Some(refutation.meaning()), Some(refutation.remedy())),
        Verdict::NotChecked(reason) => (Some(reason.meaning()), Some(reason.remedy())),
    };
    let (kind, claim, place) = match item.subject {
        Subject::Statement { claim, statement } => ("statement", Some(claim), statement),
        Subject::Aggregate(place) => ("aggregate", None, place),
        Subject::Ledger => ("ledger", None, 0),
        Subject::Missing(place) => ("missing", None, place),
    };
    json!({
        "kind": kind,
        "claim": claim,
        "place": place,
        "statement": item.words,
        "verdict": verdict,
        "code": code,
        "reason": reason,
        "remedy": remedy,
        "evidence": evidence,
    })
}

const fn class_of(class: EvidenceClass) -> &'static str {
    match class {
        EvidenceClass::Hardware => "hardware",
        EvidenceClass::InsecureSoftware => "insecure-software",
    }
}
