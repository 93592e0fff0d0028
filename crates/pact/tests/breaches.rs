//! What is counted as a breach of a term: what broke it and took place all the same. A call that was
//! stopped, waits or was approved broke nothing.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test that fails here says so")]

mod common;

use cloister_pact::{Approval, Compiled, Decision, Judgement, Pact, compile};
use common::{Play, base, tool};
use serde_json::{Value, json};

fn pact(mode: &str, otherwise: &str) -> Compiled {
    let mut value = base();
    value["interactions"] =
        json!([tool("pay", "spend", json!({})), tool("look", "read", json!({}))]);
    let cap = |id: &str, otherwise: &str| json!({"id": id, "counter": "calls:pay", "per": "session", "max": "1", "else": otherwise});
    value["limits"] = json!([cap("cap", otherwise), cap("quota", "alert")]);
    value["consequences"] = json!([]);
    value["monitoring"]["mode"] = json!(mode);
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    compile(&pact).unwrap_or_else(|e| panic!("{e}"))
}

fn pay(play: &mut Play, id: &str, approval: Approval) -> Judgement {
    play.call_as(id, "pay", Value::Object(serde_json::Map::new()), approval)
}

fn counted(play: &Play, judged: &Judgement) -> [u64; 3] {
    ["breaches", "breach:cap", "breach:quota"].map(|name| play.counted(judged, name))
}

/// The second call is over both limits.
fn second(mode: &str, otherwise: &str) -> (Play, Judgement) {
    let mut play = Play::new(pact(mode, otherwise));
    let first = pay(&mut play, "a", Approval::Absent);
    assert_eq!(counted(&play, &first), [0; 3], "within the limits");
    let judged = pay(&mut play, "b", Approval::Absent);
    (play, judged)
}

#[test]
fn an_event_that_breaks_two_terms_is_one_breach_and_one_of_each() {
    for mode in ["passive", "active", "interventionist"] {
        let (play, judged) = second(mode, "alert");
        assert_eq!(judged.verdict.decision, Decision::Alert);
        assert_eq!(counted(&play, &judged), [1, 1, 1], "{mode}");
    }
}

#[test]
fn what_nobody_stops_is_a_breach_however_severe() {
    for mode in ["passive", "active"] {
        for otherwise in ["escalate", "deny", "terminate"] {
            let (play, judged) = second(mode, otherwise);
            assert_eq!(counted(&play, &judged), [1, 1, 1], "{mode}, {otherwise}");
        }
    }
}

#[test]
fn what_is_stopped_broke_nothing() {
    for otherwise in ["deny", "terminate"] {
        let (play, judged) = second("interventionist", otherwise);
        assert_eq!(counted(&play, &judged), [0; 3], "{otherwise}");
    }
}

#[test]
fn what_waits_breaks_nothing_and_what_an_overseer_grants_is_no_breach_of_that_term() {
    let (mut play, waiting) = second("interventionist", "escalate");
    assert_eq!(waiting.verdict.decision, Decision::Escalate);
    assert_eq!(counted(&play, &waiting), [0; 3]);
    let granted = pay(&mut play, "b", Approval::Granted);
    // The overseer was asked about the one term; the other only alerts, and it was broken.
    assert_eq!(counted(&play, &granted), [1, 0, 1]);
}
