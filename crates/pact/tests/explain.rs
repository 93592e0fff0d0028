//! A pact in plain sentences.
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

use std::path::PathBuf;

use cloister_pact::{Pact, explain};
use common::arbitrary::{drawn, draws};
use common::base;
use proptest::prelude::*;
use serde_json::{Value, json};

fn parse(value: &Value) -> Pact {
    Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"))
}

/// All lines of one section, or of all.
fn text(pact: &Pact, title: &str) -> String {
    let sections = explain(pact).into_iter().filter(|s| s.title.contains(title));
    sections.flat_map(|s| s.lines).collect::<Vec<_>>().join("\n")
}

fn shipped() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../cloister/pacts");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    all.push(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/small.pact.json").into());
    all
}

#[test]
fn everything_that_has_a_name_is_named() {
    for path in shipped() {
        let pact = Pact::parse(&std::fs::read(&path).unwrap()).unwrap();
        let (permits, all) = (text(&pact, "may do"), text(&pact, ""));
        let terms = pact.terms();
        for interaction in &terms.interactions {
            assert!(
                permits.contains(&format!(" {} (", interaction.name.0)),
                "{}",
                interaction.name.0
            );
            for arg in interaction.args.keys().filter(|a| *a != "*") {
                assert!(permits.contains(arg.as_str()), "{arg}");
            }
        }
        let limits = text(&pact, "Limits");
        for limit in &terms.limits {
            assert!(limits.contains(&format!("{}: ", limit.id.0)), "{}", limit.id.0);
        }
        let leaves = text(&pact, "leaves");
        let disclosure = terms.monitoring.disclosure.as_ref().unwrap();
        for claim in &disclosure.claims {
            assert!(leaves.contains(&format!("The claim {},", claim.id.0)), "{}", claim.id.0);
        }
        for statistic in &disclosure.dp {
            let name = format!("The aggregate {},", statistic.statistic.0);
            assert!(leaves.contains(&name), "{name}");
        }
        for source in terms.labels.sources.iter().filter(|s| s.tool != "*") {
            assert!(all.contains(&source.tool), "{}", source.tool);
        }
        plain(&pact);
    }
}

/// Whole sentences, without code and without leavings of a programming language.
fn plain(pact: &Pact) {
    for section in explain(pact) {
        assert!(!section.lines.is_empty(), "{}", section.title);
        for line in &section.lines {
            for bad in ["{", "}", "None", "Some(", "[\"", "  ", " ,", " .", "..", "()", ": ."] {
                assert!(!line.contains(bad), "{bad:?} in {line}");
            }
            assert!(line.ends_with('.') && line.is_ascii(), "{line}");
        }
    }
}

#[test]
fn says_what_a_payment_may_be() {
    let mut value = base();
    let recipient = &mut value["interactions"][1]["args"]["recipient"]["provenance"];
    recipient["any_of"] = json!(["principal", "record", "delegated"]);
    assert_eq!(
        text(&parse(&value), "initiator may").lines().nth(1).unwrap(),
        "May call send_money (spends money): amount is an exact number and is at most 2000.00 EUR, \
         unless an overseer approves; recipient must be there and is a text; recipient must come \
         from the principal's words, a field that the provider vouches for or a source that the \
         principal pointed to, otherwise an overseer decides; other arguments are refused."
    );
    assert_eq!(text(&parse(&value), "provider may"), "It may start nothing.");
}

#[test]
fn says_what_follows_silence_and_what_is_kept() {
    let pact = parse(&base());
    assert!(text(&pact, "Who decides").contains("After 5 minutes of silence the call is refused."));
    assert!(text(&pact, "keeps").contains("It keeps them for 90 days."));
    assert!(text(&pact, "monitor does").contains("A verdict takes at most 2 seconds."));
    assert!(text(&pact, "Limits").contains(
        "sent: the sum of amount of send_money is at most 5000.00 EUR in one session; beyond that it \
         is refused."
    ));
    assert!(text(&pact, "leaves").contains("at a loss of at most epsilon 0.1 for each 1 day"));
    assert!(text(&pact, "only on record").contains("disputes are settled by people."));
    let mut value = base();
    value["monitoring"]["mode"] = json!("passive");
    assert!(text(&parse(&value), "monitor does").contains("stops nothing"));
    value["limits"][0]["counter"] = json!("calls:none");
    assert!(text(&parse(&value), "monitor does").contains("No monitor can watch this pact"));
}

#[test]
fn says_where_data_may_go_what_is_promised_and_what_follows() {
    let mut value = base();
    value["flows"] = json!([{"id": "secret", "from": {"tiers": ["restricted"], "sources": ["read_note"]},
        "to": {"interactions": ["send_money"], "recipients": ["!org:good.com"]}, "effect": "deny", "min_match": 2}]);
    value["performance"] = json!([{"id": "quick", "indicator": "latency_ms", "percentile": "95",
        "op": "<=", "target": "500", "window": "P1D", "min_samples": 20}]);
    value["consequences"] = json!([{"on": ["quick"], "after": 3, "cure": "PT1H", "do": [
        {"action": "penalty", "amount": "5.00", "unit": "EUR", "per": "breach", "to": ["did:web:a.example"]}]}]);
    let pact = parse(&value);
    assert_eq!(
        text(&pact, "data may go"),
        "secret: what was read that is restricted from read_note may not go into send_money with a \
         recipient that is not org:good.com, from 2 matching pieces on."
    );
    assert_eq!(
        text(&pact, "promised"),
        "quick: milliseconds until an answer, for 95 percent, must be at most 500 within 1 day, \
         once there are at least 20."
    );
    assert_eq!(
        text(&pact, "breach"),
        "After a breach of quick, once there were 3, unless it is repaired within 1 hour: a penalty \
         is due of 5.00 EUR for each breach to did:web:a.example."
    );
    plain(&pact);
}

#[test]
fn says_nothing_that_a_terminal_obeys() {
    let mut value = base();
    let bad = "a\u{1b}[2J{x}";
    value["interactions"][1]["args"][bad] = json!({"in": [bad, {"a": 1}, null]});
    value["interactions"][1]["requested"] = json!({"terms": [bad], "else": "deny"});
    value["labels"]["sources"][0]["fields"] = json!([{"path": bad, "trust": "record"}]);
    plain(&parse(&value));
}

proptest! {
    #[test]
    fn any_pact_is_explained_plainly(draws in draws(0)) {
        plain(&parse(&drawn(base(), &draws[0])));
    }
}

#[test]
fn what_is_unusual_and_what_must_never_travel_is_said() {
    let mut value: Value = serde_json::from_str(include_str!("small.pact.json")).unwrap();
    value["monitoring"]["anomalies"] = json!([{"id": "burst", "counter": "calls",
        "window": "PT1M", "factor": "4", "least": "20", "else": "alert"}]);
    let digest = format!("sha256:{}", "ab".repeat(32));
    value["monitoring"]["canaries"] = json!({"digests": [digest], "else": "terminate"});
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap();
    let said = format!("{:?}", explain(&pact));
    assert!(said.contains("more than 4 times the usual in 1 minute"), "{said}");
    assert!(said.contains("must never travel is in a call, the session ends"), "{said}");
}
