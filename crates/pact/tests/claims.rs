//! The language of claims: what is said, what it compiles to, and what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]

mod common;

use cloister_pact::{ClaimError, CompileError, Compiled, Pact, Scope, Spoken, compile};
use messages::claim::{Calendar, Predicate, Relation, Sum};
use messages::time::{Epoch, Millis};
use proptest::prelude::*;
use serde_json::{Value, json};

fn compiled() -> Compiled {
    with(|_| {}).unwrap()
}

/// The small pact with one interaction whose amounts are summed, changed.
fn with(change: impl FnOnce(&mut Value)) -> Result<Compiled, CompileError> {
    let mut value = common::base();
    value["interactions"] = json!([common::tool(
        "send_money",
        "write",
        json!({"args": {"amount": {"type": "decimal", "unit": "EUR"}}}),
    )]);
    value["limits"] = json!([
        {"id": "daily", "counter": "sum:send_money.amount", "per": "P1D", "max": "5000", "else": "deny"}
    ]);
    change(&mut value);
    compile(&Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}")))
}

fn predicate(text: &str) -> Result<Predicate, ClaimError> {
    Spoken::parse(text)?.predicate(&compiled())
}

fn ratio(
    part: &str,
    whole: Sum,
    relation: Relation,
    numerator: u64,
    denominator: u64,
    min_whole: u64,
) -> Predicate {
    Predicate::Ratio { part: part.into(), whole, relation, numerator, denominator, min_whole }
}

#[test]
fn statements_compile_to_the_forms_that_they_say() {
    use Relation::{AtLeast, AtMost};
    let answered = || Sum::of(["calls.ok", "calls.error"]);
    let percentile = |percent, edge, min_whole| Predicate::Percentile {
        histogram: "latency_ms".into(),
        percent,
        edge,
        min_whole,
    };
    let slow = Sum::of(["latency_ms:over"]);
    let cases = [
        ("success_rate >= 97.4%", ratio("calls.ok", answered(), AtLeast, 487, 500, 1)),
        (
            "failure_rate <= 0.025 of at least 40",
            ratio("calls.error", answered(), AtMost, 1, 40, 40),
        ),
        (
            "calls.ok / calls.all >= 1 of at least 5",
            ratio("calls.ok", "calls.all".into(), AtLeast, 1, 1, 5),
        ),
        (
            "calls.ok/(calls.ok + calls.error) >= 50%",
            ratio("calls.ok", answered(), AtLeast, 1, 2, 1),
        ),
        ("pii_records < 1000", Predicate::at_most("pii:any", 999)),
        ("pii:any<=1_000", Predicate::at_most("pii:any", 1000)),
        ("calls > 4", Predicate::at_least("calls.all", 5)),
        ("calls = 4", Predicate::between("calls.all", 4, 4)),
        ("alerts = 0", Predicate::never("alerts")),
        ("3 <= sessions <= 9", Predicate::between("sessions", 3, 9)),
        ("calls.ok + calls.error >= 7 calls", Predicate::at_least(answered(), 7)),
        ("p95(latency) <= 200ms", percentile(95, 200, 1)),
        ("p50(latency_ms) <= 2 s of at least 30", percentile(50, 2000, 30)),
        ("none(breach)", Predicate::never("breaches")),
        (
            "none(calls.terminated + calls.denied)",
            Predicate::never(Sum::of(["calls.denied", "calls.terminated"])),
        ),
        ("none(latency > 5s)", Predicate::never(slow)),
        (
            "calls.all = calls.permitted + calls.denied",
            Predicate::Equal {
                left: "calls.all".into(),
                right: Sum::of(["calls.denied", "calls.permitted"]),
            },
        ),
        (
            "rate(calls) <= 100 per hour",
            Predicate::Rate {
                sum: "calls.all".into(),
                relation: AtMost,
                count: 100,
                per: Millis(3_600_000),
            },
        ),
        (
            "rate(events) >= 1 per 30 s",
            Predicate::Rate {
                sum: "events".into(),
                relation: AtLeast,
                count: 1,
                per: Millis(30_000),
            },
        ),
        ("agree(calls.all)", Predicate::Agree { sum: "calls.all".into() }),
        ("spend <= 50000 EUR", Predicate::at_most("sum:send_money.amount", 5_000_000)),
        ("sum:send_money.amount < 12.50", Predicate::at_most("sum:send_money.amount", 1249)),
        (
            "mean(spend) <= 100.5 EUR of at least 3",
            ratio("sum:send_money.amount", "calls:send_money".into(), AtMost, 10_050, 1, 3),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(predicate(text).as_ref(), Ok(&expected), "{text}");
    }
}

/// A bound on each session is the pact's own limit, whose breaches are counted.
#[test]
fn a_bound_per_session_is_that_a_limit_was_never_broken() {
    let with_limit = with(|document| {
        document["limits"] = json!([
            {"id": "pii-session", "counter": "pii:any", "per": "session", "max": "999", "else": "deny"},
            {"id": "pii-tight", "counter": "pii:any", "per": "session", "max": "10", "else": "deny"}
        ]);
    })
    .unwrap();
    let said = Spoken::parse("pii_records < 1000 per session").unwrap();
    let never = said.predicate(&with_limit).unwrap();
    assert_eq!(never, Predicate::never("breach:pii-session"));
    let tight = Spoken::parse("pii_records <= 998 per session").unwrap();
    assert_eq!(tight.predicate(&with_limit), Ok(Predicate::never("breach:pii-tight")));
    let without = said.predicate(&compiled()).unwrap_err();
    assert_eq!(without.code(), "claim-not-linear");
    assert!(without.to_string().contains("per session, of at most 999"), "{without}");
}

#[test]
fn what_is_not_linear_is_refused_with_what_would_be() {
    for (text, code, words) in [
        ("max(latency) <= 200 ms", "claim-not-linear", "histogram"),
        ("variance(calls) <= 4", "claim-not-linear", "counter"),
        ("distinct(calls) <= 4", "claim-not-linear", "distinct"),
        ("mean(calls) <= 4", "claim-not-linear", "per what"),
        ("calls.ok + calls.ok >= 4", "claim-not-linear", "once"),
        ("secrets < 4", "claim-unknown-name", "secrets"),
        ("p95(size) <= 200", "claim-unknown-name", "size"),
        ("p95(latency) <= 300 ms", "claim-edge", "50, 100, 200, 500"),
        ("p95(latency) >= 200 ms", "claim-comparison", "edge"),
        ("success_rate > 97%", "claim-comparison", ">="),
        ("calls < 0", "claim-unit", "calls"),
        ("calls < 1.5", "claim-unit", "calls"),
        ("calls <= 3 EUR", "claim-unit", "calls"),
        ("spend <= 3 USD", "claim-unknown-name", "spend"),
        ("spend <= 3.005 EUR", "claim-unit", "EUR/100"),
        ("sum:send_money.amount + calls >= 1", "claim-unit", "calls"),
        ("calls <= 3 of at least 2", "claim-comparison", "share"),
        ("calls >= 3 per session", "claim-comparison", "<="),
        ("success_rate >= 0%", "claim-unit", "0"),
    ] {
        let refused = predicate(text).unwrap_err();
        assert_eq!(refused.code(), code, "{text}: {refused}");
        assert!(refused.to_string().contains(words), "{text}: {refused}");
        assert!(!refused.remedy().is_empty());
    }
}

#[test]
fn what_cannot_be_read_says_where() {
    for (text, at) in [
        ("", 1),
        ("calls", 6),
        ("calls <=", 9),
        ("calls <= 5 calls calls", 18),
        ("calls <= 5 over", 0),
        ("5 <= calls", 11),
        ("none(calls", 11),
        ("rate(calls) <= 5", 17),
        ("rate(calls) <= 5 per", 21),
        ("calls <= 5 of 3", 14),
        ("p95(latency) <= 200ms per session", 26),
        ("überall <= 5 €", 14),
    ] {
        let refused = Spoken::parse(text).unwrap_err();
        match refused {
            ClaimError::Syntax { at: found, .. } => assert_eq!(found, at, "{text}"),
            ClaimError::Range { .. } => assert_eq!(at, 0, "{text}"),
            other => panic!("{text}: {other}"),
        }
    }
    let long = format!("calls <= {}", "1".repeat(2000));
    assert!(Spoken::parse(&long).is_err());
}

#[test]
fn a_scope_is_dates_or_epochs() {
    let scope = |text: &str| Spoken::parse(text).unwrap().scope;
    assert_eq!(scope("calls >= 1"), None);
    assert_eq!(scope("calls >= 1 over epochs 3..17"), Some(Scope::Epochs(Epoch(3), Epoch(17))));
    let Some(Scope::Dates(from, to)) = scope("calls >= 1 over 2026-09..2026-11") else { panic!() };
    assert_eq!((from.0, to.0), (1_788_220_800_000, 1_796_083_200_000));
    for bad in ["0..3", "3..2", "x", ""] {
        let text = format!("calls >= 1 over epochs {bad}");
        assert_eq!(Spoken::parse(&text).unwrap_err().code(), "claim-range", "{bad}");
    }
}

/// A pact names statements as they are said; they are one program with several thresholds.
#[test]
fn a_pact_lists_statements_with_their_thresholds() {
    let listing = |claims: Value| {
        with(|document| document["monitoring"]["disclosure"] = json!({"dp": [], "claims": claims}))
    };
    let any_of = ["success_rate >= 90% of at least 10", "success_rate >= 99% of at least 10"];
    let pact = listing(json!([{"id": "success", "any_of": any_of, "per": "P1M"}])).unwrap();
    let [consented] = pact.consent() else { panic!() };
    assert_eq!(consented.entry.grid, [[9, 10, 10], [99, 100, 10]]);
    assert_eq!(consented.entry.per, Some(Calendar::Months));
    let said = |text: &str| Spoken::parse(text).unwrap().predicate(&pact).unwrap();
    assert!(consented.entry.lists(&said(any_of[1])));
    assert!(!consented.entry.lists(&said("success_rate >= 95% of at least 10")));
    assert!(!consented.entry.lists(&said("failure_rate >= 90% of at least 10")));

    for (claims, code) in [
        (json!([{"id": "x", "any_of": ["calls >= 1", "calls <= 1"]}]), "programs-differ"),
        (json!([{"id": "x", "any_of": ["max(calls) >= 1"]}]), "claim-not-linear"),
        (json!([{"id": "x", "any_of": ["calls >= 1 over 2026"]}]), "claim-range"),
        (json!([{"id": "x", "any_of": ["calls >= 1"], "counter": "events"}]), "unsupported-claim"),
        (json!([{"id": "x"}]), "unsupported-claim"),
        (json!([{"id": "x", "terms": true, "any_of": ["calls >= 1"]}]), "unsupported-claim"),
    ] {
        assert_eq!(listing(claims.clone()).unwrap_err().code(), code, "{claims}");
    }
}

/// The pact's own terms are statements too.
#[test]
fn every_term_can_be_claimed_never_to_have_been_broken() {
    let pact = with(|document| {
        let claims = json!([{"id": "kept", "terms": true}]);
        document["monitoring"]["disclosure"] = json!({"dp": [], "claims": claims});
    })
    .unwrap();
    let terms: Vec<&str> = pact.consent().iter().map(|c| c.entry.id.as_str()).collect();
    assert!(!terms.is_empty());
    for (consented, id) in pact.consent().iter().zip(&terms) {
        let term = id.strip_prefix("kept.").unwrap();
        assert_eq!(consented.predicates, [Predicate::never(format!("breach:{term}").as_str())]);
        assert!(pact.schema().find(&format!("breach:{term}")).is_some());
    }
}

proptest! {
    #[test]
    fn any_text_is_a_claim_or_refused(text in "[a-z0-9_.:()/<>=+% -]{0,60}") {
        drop(predicate(&text));
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(text in ".{0,200}") {
        drop(predicate(&text));
    }
}
