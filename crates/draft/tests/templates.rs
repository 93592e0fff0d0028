//! Templates filled in, and over the recorded sessions of other people's agents.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test that fails here says so"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use cloister_draft::{Template, TemplateError, Tools, templates};
use messages::event::{Body, Content, Role, Status};
use messages::time::UnixMillis;
use pact::{
    Approval, Compiled, Decision, SessionState, Severity, StandingState, check, compile, lint,
};
use serde_json::{Value, json};
use traces::{Recorded, Session};

fn named(name: &str) -> Template {
    templates().find(|t| t.name() == name).unwrap()
}

fn values(template: &Template) -> BTreeMap<String, String> {
    let salt = "17".repeat(32);
    let examples = [
        ("INITIATOR", "did:web:agents.lakeside.example"),
        ("PROVIDER", "did:web:tools.harbour.example"),
        ("MONITOR", "did:web:monitor.example"),
        ("OVERSEER", "did:web:lakeside.example:owner"),
        ("AUDITOR", "did:web:lakeside.example:audit"),
        ("ID", "6c1f2d0a-7a51-4c0b-9a35-2f1d7be40c11"),
        ("NOT_BEFORE", "2026-01-01T00:00:00Z"),
        ("NOT_AFTER", "2027-01-01T00:00:00Z"),
        ("CONSENT_SALT", salt.as_str()),
        ("OWN_DOMAIN", "lakeside.example"),
        ("WORKER_DOMAIN", "workers.lakeside.example"),
        ("ORGANISATION", "lakeside"),
    ];
    let declared = |name: &str| template.parameters().iter().any(|p| p.name == name);
    let own = examples.iter().filter(|(name, _)| declared(name));
    own.map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

#[test]
fn each_template_is_a_sound_pact_with_every_kind_of_term() {
    for template in templates() {
        let pact = template.fill(&values(&template)).unwrap();
        let findings: Vec<_> =
            lint(&pact).into_iter().filter(|f| f.severity != Severity::RecordedOnly).collect();
        assert_eq!(findings, [], "{}", template.name());
        let compiled = compile(&pact).unwrap();
        let terms = pact.terms();
        assert!(terms.interactions.len() > 9 && compiled.tools().len() > 9);
        assert!(!terms.flows.is_empty() && !terms.limits.is_empty(), "{}", template.name());
        assert!(compiled.consent().len() > 5 && terms.performance.len() > 2);
        assert_eq!(terms.template.as_ref().unwrap().0, format!("{}/1", template.name()));
        let text = String::from_utf8(pact.canonical().to_vec()).unwrap();
        assert!(!text.contains("{{"), "{}", template.name());
    }
}

#[test]
fn a_value_changes_nothing_but_its_own_place() {
    let template = named("code-hosting");
    let leaves = |organisation: &str| {
        let mut values = values(&template);
        values.insert("ORGANISATION".into(), organisation.into());
        let pact = template.fill(&values).unwrap();
        let value: Value = serde_json::from_slice(pact.canonical()).unwrap();
        let mut leaves = Vec::new();
        collect(&value, &mut leaves);
        leaves
    };
    let plain = leaves("lakeside");
    for hostile in ["\"], \"else\": \"allow\"", "{{PENALTY}}", "}}{{", "a\u{0}\n\u{1b}[2Jb", "\\"] {
        let other = leaves(hostile);
        assert_eq!(plain.len(), other.len());
        for (before, after) in plain.iter().zip(&other) {
            let own = before.1 == "lakeside";
            assert!(if own { after.1 == hostile } else { before == after }, "{before:?} {after:?}");
        }
    }
}

fn collect(value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| collect(v, into)),
        Value::Object(map) => map.iter().for_each(|(key, v)| {
            into.push(("key".into(), key.clone()));
            collect(v, into);
        }),
        Value::String(text) => into.push(("text".into(), text.clone())),
        other => into.push(("other".into(), other.to_string())),
    }
}

#[test]
fn each_fault_has_its_code_and_a_remedy() {
    let template = named("purchase");
    let good = values(&template);
    let with = |name: &str, value: &str| {
        let mut values = good.clone();
        values.insert(name.into(), value.into());
        let error = template.fill(&values).unwrap_err();
        assert!(!error.remedy().is_empty());
        error
    };
    let mut few = good.clone();
    few.remove("AUDITOR");
    let missing = TemplateError::Missing { parameter: "AUDITOR" };
    assert_eq!(template.fill(&few), Err(missing.clone()));
    assert_eq!(missing.code(), "template-missing-value");
    assert_eq!(with("NOBODY", "x"), TemplateError::Unknown { at: 5 });
    for (name, value, code) in [
        ("NOBODY", "x", "template-unknown-parameter"),
        ("CEILING_PER_PURCHASE", "-1", "template-bad-value"),
        ("OVERSEER", "somebody", "template-bad-value"),
        ("PROVIDER", "did:web:agents.lakeside.example", "same-party"),
        ("NOT_AFTER", "2025-01-01T00:00:00Z", "empty-term"),
        ("CEILING_PER_PURCHASE", "0", "contradiction"),
        ("CALLS_PER_SESSION", "1.5", "bad-maximum"),
    ] {
        assert_eq!(with(name, value).code(), code, "{name}");
    }
}

#[test]
fn a_tool_list_cannot_write_places_into_a_template() {
    let tools = Tools::parse(
        br#"{"pay": {"parameters": {"properties": {"how": {"enum": ["{{CONSENT_SALT}}", "{{X}}"]}}}}}"#,
    );
    let template = named("purchase").with_tools(&tools.unwrap());
    let pact = template.fill(&values(&template)).unwrap();
    let text = String::from_utf8(pact.canonical().to_vec()).unwrap();
    assert!(text.contains("[\"{{CONSENT_SALT}}\",\"{{X}}\"]"), "{text}");
}

#[test]
fn what_a_template_is_for_goes_through_and_the_rest_waits() {
    for (name, said, call, args, goes) in [
        ("purchase", "Order it.", "place_order", json!({"total": "20.00"}), true),
        ("purchase", "Order it.", "place_order", json!({"total": "251.00"}), false),
        ("purchase", "Order it.", "place_order", json!({"total": "2", "note": "x"}), false),
        ("mail-and-calendar", "Write to a@b.example.", "send_mail", to("a@b.example"), true),
        ("mail-and-calendar", "Write to Ann.", "send_mail", to("ann@lakeside.example"), true),
        ("mail-and-calendar", "Write to Ann.", "send_mail", to("ann@evil.example"), false),
        ("code-hosting", "Close it.", "close_issue", repository("lakeside"), true),
        ("code-hosting", "Close it.", "close_issue", repository("elsewhere"), false),
        ("data-lookup", "Find it.", "delete_record", json!({}), false),
        ("orchestration", "Ask w.", "assign_task", agent("a.workers.lakeside.example"), true),
        ("orchestration", "Ask w.", "assign_task", agent("a.evil.example"), false),
        ("execution-delegation", "Run it.", "submit_task", json!({"timeout_seconds": 60}), true),
        ("execution-delegation", "Run it.", "submit_task", json!({"timeout_seconds": 9999}), false),
    ] {
        let template = named(name);
        let compiled = compile(&template.fill(&values(&template)).unwrap()).unwrap();
        let args: BTreeMap<String, Value> = serde_json::from_value(args).unwrap();
        let before = if call == "place_order" { "view_cart" } else { "nothing" };
        let session = session(&format!("{said} In website."), before, (call, args));
        let (allowed, _) = judge(&compiled, &session);
        let expected = usize::from(goes) + usize::from(before == "view_cart");
        assert_eq!(allowed, expected, "{name} {said} {call}");
    }
}

fn to(address: &str) -> Value {
    json!({"to": [address], "subject": "Hello", "body": "Hello."})
}

fn repository(owner: &str) -> Value {
    json!({"owner": owner, "repo": "website"})
}

fn agent(host: &str) -> Value {
    json!({"agent": format!("https://{host}/"), "task": "Read it."})
}

/// The principal speaks, one tool answers, another is called.
fn session(said: &str, before: &str, (name, args): (&str, BTreeMap<String, Value>)) -> Session {
    let call =
        |name: &str, args| Body::Call { call: name.into(), name: name.into(), args, via: None };
    let content = Content::Text("Done.".into());
    let result =
        Body::Result { call: before.into(), status: Status::Ok, content, latency_us: None };
    let bodies = [
        (Role::Principal, Role::Initiator, Body::Message { text: said.into() }),
        (Role::Initiator, Role::Provider, call(before, BTreeMap::new())),
        (Role::Provider, Role::Initiator, result),
        (Role::Initiator, Role::Provider, call(name, args)),
    ];
    let events = bodies.into_iter().zip(0..);
    let events = events.map(|((from, to, body), seq)| Recorded { seq, from, to, body });
    Session { sid: "made".into(), events: events.collect() }
}

#[test]
fn each_template_runs_over_each_recorded_suite() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/traces"));
    let Ok(suites) = std::fs::read(folder.join("suites.json")) else {
        // Straight to the stream: the harness shows it although the test passes.
        let skipped = format!("SKIPPED, no recorded sessions at {}\n", folder.display());
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    };
    let suites: BTreeMap<String, Value> = serde_json::from_slice(&suites).unwrap();
    for (suite, listed) in &suites {
        let tools = Tools::parse(listed["tools"].to_string().as_bytes()).unwrap();
        let (sessions, attacked) = recorded(folder, suite);
        assert!(!sessions.is_empty(), "{suite}");
        for (turn, template) in templates().enumerate() {
            let template = template.with_tools(&tools);
            let pact = template.fill(&values(&template)).unwrap();
            let compiled = compile(&pact).unwrap();
            let mut allowed = 0;
            let mut held = BTreeSet::new();
            let mine = || sessions.iter().skip(turn).step_by(TURNS);
            for session in mine() {
                let (passed, stopped) = judge(&compiled, session);
                allowed += passed;
                if stopped > 0 {
                    held.insert(session.sid.as_str());
                }
            }
            let name = template.name();
            assert!(allowed > 0, "{name} allows nothing of {suite}");
            let mut under_attack = mine().filter(|s| attacked.contains(&s.sid)).peekable();
            let none = under_attack.peek().is_none();
            let some = under_attack.any(|s| held.contains(s.sid.as_str()));
            assert!(some || none && attacked.is_empty(), "{name} holds no attack of {suite}");
        }
    }
}

/// Sessions of a suite, and which of them are under attack.
fn recorded(folder: &Path, suite: &str) -> (Vec<Session>, BTreeSet<String>) {
    let mut sessions = Vec::new();
    let mut attacked = BTreeSet::new();
    for entry in std::fs::read_dir(folder.join("sessions")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(stem) = name.strip_suffix(".ndjson.gz") else { continue };
        if !stem.starts_with(&format!("{suite}.")) {
            continue;
        }
        sessions.extend(traces::read(&path).unwrap());
        let labels = std::fs::read_to_string(folder.join(format!("labels/{stem}.ndjson"))).unwrap();
        for line in labels.lines() {
            let label: Value = serde_json::from_str(line).unwrap();
            if label["attack_present"] == Value::Bool(true) {
                attacked.insert(label["sid"].as_str().unwrap().to_owned());
            }
        }
    }
    (sessions, attacked)
}

/// How many calls of a session go through and how many are held, open loop.
fn judge(pact: &Compiled, session: &Session) -> (usize, usize) {
    let mut state = SessionState::new([7; 16]);
    let mut standing = StandingState::default();
    let mut stopped: BTreeSet<&str> = BTreeSet::new();
    let (mut allowed, mut held) = (0, 0);
    for recorded in &session.events {
        if let Body::Result { call, .. } = &recorded.body
            && stopped.contains(call.as_str())
        {
            continue;
        }
        let event = recorded.event();
        let judged = check(pact, &state, &standing, &event, Approval::Absent, START);
        state.apply(&judged.change);
        standing.apply(&judged.change);
        let goes = judged.verdict.decision <= Decision::Alert;
        if let Body::Call { call, .. } = &recorded.body {
            if goes {
                allowed += 1;
            } else {
                held += 1;
                stopped.insert(call);
            }
        }
        if judged.verdict.decision == Decision::Terminate {
            break;
        }
    }
    (allowed, held)
}

/// 2026-01-02T00:00:00Z, within the term.
const START: UnixMillis = UnixMillis(1_767_312_000_000);
/// The templates share the sessions of a suite, since all with all take a minute: each session is
/// judged under one of them.
const TURNS: usize = 6;
