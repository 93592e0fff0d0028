//! What lint refuses, with what would do instead.
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

use cloister_pact::{Pact, Severity, lint};
use common::{base, tool};
use serde_json::{Value, json};

fn found(change: impl Fn(&mut Value)) -> Vec<(&'static str, Severity, String)> {
    let mut value = base();
    change(&mut value);
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let findings = lint(&pact).into_iter();
    findings.map(|f| (f.code, f.severity, f.at)).collect()
}

fn has(findings: &[(&'static str, Severity, String)], code: &str, at: &str) -> bool {
    findings.iter().any(|(c, s, a)| *c == code && a == at && *s != Severity::RecordedOnly)
}

#[test]
fn a_circle_of_permits_is_unreachable_however_long() {
    let calls = |last: Value| {
        json!([
            tool("a", "read", json!({"after": ["c"]})),
            tool("b", "read", json!({"after": ["a"]})),
            tool("c", "read", last),
        ])
    };
    let circle = found(|v| {
        v["interactions"] = calls(json!({"after": ["b"]}));
        v["limits"] = json!([]);
    });
    for n in 0..3 {
        assert!(has(&circle, "unreachable-permit", &format!("interactions[{n}]")));
    }
    let chain = found(|v| {
        v["interactions"] = calls(json!({}));
        v["limits"] = json!([]);
    });
    assert!(!chain.iter().any(|(code, ..)| *code == "unreachable-permit"));
}

#[test]
fn consequences_of_what_nobody_sees_are_refused() {
    let follows = |on: &str| {
        found(|v| v["consequences"] = json!([{"on": [on], "do": [{"action": "alert"}]}]))
    };
    assert!(has(&follows("gdpr-violation"), "unmonitorable-term", "consequences[0].on"));
    for seen in ["deny", "send_money", "default-deny"] {
        assert!(!has(&follows(seen), "unmonitorable-term", "consequences[0].on"), "{seen}");
    }
    let outside = follows("clock-skew");
    assert!(
        outside.iter().any(|(code, _, at)| *code == "recorded-only" && at == "consequences[0].on")
    );
}

#[test]
fn sources_above_the_pacts_own_bounds_contradict_it() {
    let source = |tier: &str, pii: Value| json!([{"tool": "read_note", "trust": "content", "tier": tier, "pii": pii}]);
    let of = |tier: &str, pii: Value| {
        found(|v| {
            v["data"] = json!({"max_tier": "confidential", "pii_max_tier": "internal"});
            v["labels"] = json!({"sources": source(tier, pii.clone())});
        })
    };
    assert!(has(&of("restricted", json!([])), "contradiction", "labels.sources[0]"));
    assert!(has(&of("confidential", json!(["name"])), "contradiction", "labels.sources[0]"));
    assert!(!has(&of("confidential", json!([])), "contradiction", "labels.sources[0]"));
    assert!(!has(&of("internal", json!(["name"])), "contradiction", "labels.sources[0]"));
}

#[test]
fn a_party_outside_the_datas_jurisdictions_is_pointed_out() {
    let of = |place: &str| {
        found(|v| {
            v["data"]["jurisdictions"] = json!(["EEA", "CH"]);
            v["parties"]["provider"]["jurisdiction"] = place.into();
        })
    };
    assert!(has(&of("US"), "outside-jurisdiction", "parties.provider"));
    assert!(!has(&of("DE"), "outside-jurisdiction", "parties.provider"));
}

#[test]
fn what_is_executed_is_not_called_recorded_only() {
    let all = found(|v| {
        v["flows"] = json!([{"id": "f", "from": {"tiers": ["restricted"]}, "effect": "deny",
            "to": {"interactions": ["send_money"]}}]);
        v["performance"] = json!([{"id": "ok", "indicator": "success_ratio", "op": ">=",
            "target": "0.9", "window": "P1D"}]);
        v["delegation"] = json!({"max_depth": 0, "carry": ["purpose"]});
    });
    let recorded: Vec<&str> = all
        .iter()
        .filter(|(_, severity, _)| *severity == Severity::RecordedOnly)
        .map(|(.., at)| at.as_str())
        .collect();
    assert!(recorded.contains(&"delegation.carry"));
    for executed in ["delegation", "flows", "performance", "consequences", "data", "labels.sources"]
    {
        assert!(!recorded.contains(&executed), "{executed}");
    }
}

#[test]
fn an_aggregate_that_no_monitor_releases_is_refused() {
    let dp = |change: &dyn Fn(&mut Value)| {
        found(|v| {
            let mut dp = json!({"statistic": "tools", "epsilon": "0.6", "delta": "0.0000001",
                                "per": "P1D", "bounds": ["0", "4"], "unit": "session"});
            change(&mut dp);
            v["monitoring"]["disclosure"]["dp"] = json!([dp]);
        })
    };
    let refused = |change: &dyn Fn(&mut Value)| {
        let found = dp(change);
        let of = "monitoring.disclosure.dp[0].";
        let at = found.iter().filter(|(code, ..)| *code == "unmonitorable-term");
        at.filter_map(|(.., at)| at.strip_prefix(of).map(str::to_owned)).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(refused(&|_| ()), none);
    assert_eq!(refused(&|dp| dp["statistic"] = "calls.by-tool".into()), ["statistic"]);
    for delta in ["0", "0.0000000001", "1"] {
        let total = refused(&|dp| {
            (dp["statistic"], dp["delta"]) = ("sessions.total".into(), delta.into());
        });
        assert_eq!(total, ["delta"], "{delta}");
        assert_eq!(refused(&|dp| dp["delta"] = delta.into()), none, "{delta}: Laplace noise");
    }
    assert_eq!(refused(&|dp| dp["epsilon"] = "0".into()), ["epsilon"]);
    assert_eq!(refused(&|dp| dp["epsilon"] = "0.0000001".into()), ["unit"]);
    assert_eq!(refused(&|dp| dp["per"] = "P7D".into()), ["unit"]);
    assert_eq!(refused(&|dp| dp["per"] = "PT1H".into()), none);
    for (unit, whole) in [("agent", false), ("organisation", false), ("event", true)] {
        let found = refused(&|dp| dp["unit"] = unit.into());
        assert_eq!(found.is_empty(), whole, "{unit}: {found:?}");
    }
    // A count has Laplace noise, and so has the sum of a counter, up to its bound.
    for name in ["sessions.count", "calls.all"] {
        let pure = |dp: &mut Value| {
            dp["statistic"] = name.into();
            dp["delta"] = "0".into();
        };
        assert_eq!(refused(&pure), none, "{name}");
        let unbounded = refused(&|dp| {
            pure(dp);
            dp["bounds"] = json!(["0", "0"]);
        });
        assert_eq!(unbounded.is_empty(), name == "sessions.count", "{name}");
    }
}
