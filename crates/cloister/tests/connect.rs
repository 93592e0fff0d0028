//! Two connectors and a monitor in processes of their own: calls, tickets, overseers, crashes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails here says so, and waits by its own clock"
)]

#[path = "connect/stage.rs"]
mod stage;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stage::{FLAG, Stage, post};

fn call(id: &str, name: &str, args: &Value) -> Value {
    json!({"conversation": "trace-1", "call": id, "name": name, "args": args})
}

fn with_ticket(mut call: Value, ticket: &Value) -> Value {
    call["ticket"] = ticket.clone();
    call
}

fn message(id: &str) -> Value {
    json!({
        "conversation": "trace-1", "id": id, "kind": "message",
        "from": "principal", "to": "initiator", "text": "what do I have?",
    })
}

#[test]
fn calls_run_by_ticket_and_overseers_decide() {
    let stage = Stage::new();
    let (asks, serves) = (stage.connector("initiator"), stage.connector("provider"));
    let (asking, serving) = (asks.door("http"), serves.door("http"));
    asks.attested();
    serves.attested();

    let balance = call("c1", "get_balance", &json!({}));
    assert_eq!(post(&asking, "/observe", &message("m1")).0, 204);
    let (status, allowed) = post(&asking, "/decide", &balance);
    assert_eq!((status, &allowed["decision"]), (200, &json!("allow")), "{allowed}");

    // The ticket is good once, for this call.
    let ticket = &allowed["ticket"];
    let other = with_ticket(call("c1", "list_payees", &json!({})), ticket);
    assert_eq!(post(&serving, "/redeem", &other).0, 403);
    let own = with_ticket(balance, ticket);
    assert_eq!(post(&serving, "/redeem", &own).0, 204);
    assert_eq!(post(&serving, "/redeem", &own).0, 403);
    let result = json!({
        "conversation": "trace-1", "id": "r1", "kind": "result", "from": "provider",
        "to": "initiator", "call": "c1", "status": "ok", "content": {"balance": "12.00"},
        "latency_us": 5000,
    });
    assert_eq!(post(&serving, "/observe", &result).0, 204);

    // Not in the pact.
    let (status, denied) = post(&asking, "/decide", &call("c2", "open_loan", &json!({})));
    assert_eq!((status, &denied["rule"]), (403, &json!("default-deny")), "{denied}");

    // A recipient that nobody named: an overseer decides, and sees it happen.
    let follower = stage.follow("overseer.key", 1);
    assert_eq!(stage.done(&["inbox"], "overseer.key").trim(), "nothing waits");
    let payment = call("c3", "send_money", &json!({"recipient": "CH93", "amount": "5.00"}));
    let asked = std::thread::spawn(move || post(&asking, "/decide", &payment));
    let waiting = stage.eventually(|| {
        let shown = stage.done(&["inbox", "--json"], "overseer.key");
        serde_json::from_str::<Value>(shown.lines().next()?).ok()
    });
    assert_eq!(waiting["rule"], "send_money.provenance");
    assert_eq!(waiting["event"]["event"]["args"]["recipient"], "CH93");
    let hash = waiting["call"].as_str().unwrap().to_owned();
    assert!(stage.refused(&["approve", &hash], "provider.key").contains("call-unknown"));
    assert!(stage.done(&["approve", &hash], "overseer.key").contains("the call runs"));
    let (status, approved) = asked.join().unwrap();
    assert_eq!((status, approved["ticket"].is_string()), (200, true), "{approved}");
    let followed = follower.wait_with_output().unwrap();
    let notice: Value = serde_json::from_slice(&followed.stdout).unwrap();
    assert_eq!((&notice["kind"], &notice["event"]), (&json!("paused"), &waiting["call"]));

    // At the end both sides have closed with their counts.
    assert_eq!(asks.end(), json!("all"));
    assert_eq!(serves.end(), json!("all"));

    // Who is given the record by the pact reads it; others do not.
    let session = waiting["session"].as_str().unwrap().to_owned();
    let read = ["log", "read", "--session", &session];
    assert!(stage.refused(&read, "auditor.key").contains("read-not-consented"));
    let record = stage.done(&read, "initiator.key");
    let entries: Vec<Value> =
        record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.len() >= 5, "{record}");
    assert!(!record.contains("12.00"), "the pact keeps hashes only");

    // Whom the pact concerns reads it as it was signed.
    let hash = String::from_utf8(stage.run(&["pact", "hash", "pact.json"]).stdout).unwrap();
    let chain = stage.done(&["log", "pacts", "--pact", hash.trim()], "provider.key");
    let [only] = &chain.lines().collect::<Vec<_>>()[..] else { panic!("{chain}") };
    let signed: Value = serde_json::from_str(only).unwrap();
    assert_eq!(signed["signatures"].as_array().unwrap().len(), 2);
    let other = ["log", "pacts", "--pact", &format!("sha256:{}", "0".repeat(64))];
    assert!(stage.refused(&other, "provider.key").contains("pact-not-for-caller"));
}

#[test]
fn nothing_is_lost_when_either_end_is_killed() {
    let mut stage = Stage::new();
    let mut asks = stage.connector("initiator");
    let mut sent = 0;
    let mut follower = None;
    let decided = |door: &str, id: &str| {
        let (status, answer) = post(door, "/decide", &call(id, "get_balance", &json!({})));
        (status, answer["ticket"].is_string())
    };
    for round in 0..3 {
        let door = asks.door("http");
        stage.eventually(|| {
            sent += 1;
            (decided(&door, &format!("c{sent}")) == (200, true)).then_some(())
        });
        // The pact is known by now, and so is its overseer.
        follower.get_or_insert_with(|| stage.follow("overseer.key", u64::MAX));
        // The monitor is killed: what is told meanwhile is kept, what is asked fails closed.
        stage.kill_monitor();
        assert_eq!(post(&door, "/observe", &message(&format!("m{round}"))).0, 204);
        assert_eq!(decided(&door, "closed"), (403, false));
        // The connector too.
        asks.kill();
        stage.start_monitor();
        asks = stage.connector("initiator");
    }
    let door = asks.door("http");
    stage.eventually(|| (decided(&door, "last") == (200, true)).then_some(()));
    let log = asks.log();
    for trouble in ["outbox-disputed", "monitor-rollback", "event-"] {
        assert!(!log.contains(trouble), "{log}");
    }
    assert_eq!(asks.end(), json!("all"));
    // Who follows is told where it may have missed something.
    let followed = stage.path("follow.log");
    stage.eventually(|| {
        std::fs::read_to_string(&followed).ok()?.contains("\"unheard\"").then_some(())
    });
    let mut follower = follower.unwrap();
    follower.kill().unwrap();
    follower.wait().unwrap();
}

#[test]
fn a_monitor_is_appraised_before_anything_is_said() {
    let stage = Stage::new();
    let attest = |anchors: &str, more: &[&str]| {
        let all = [&["attest", stage.url(), "--anchors", anchors], more].concat();
        stage.run(&all)
    };
    let flag = "--allow-insecure-software-evidence";
    let accepted = attest("anchors.toml", &[flag]);
    let text = String::from_utf8(accepted.stdout).unwrap();
    assert_eq!(accepted.status.code(), Some(0), "{text}");
    assert!(text.contains("bound to this session") && text.contains("INSECURE"), "{text}");
    assert_eq!(attest("anchors.toml", &[]).status.code(), Some(2));

    let anchors = std::fs::read_to_string(stage.path("anchors.toml")).unwrap();
    let config = anchors.split("configs = [").nth(1).unwrap().split('"').nth(1).unwrap();
    let other = anchors.replace(config, &format!("sha256:{}", "00".repeat(32)));
    std::fs::write(stage.path("other.toml"), other).unwrap();
    let refused = attest("other.toml", &[flag]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("evidence-config-unlisted"));

    // A connector with such anchors says nothing to it, and its clients fail closed.
    let asks = stage.connector_with("initiator", "other.toml");
    let (status, denied) =
        post(&asks.door("http"), "/decide", &call("c1", "get_balance", &json!({})));
    assert_eq!((status, &denied["rule"]), (403, &json!("deadline")), "{denied}");
    assert!(asks.log().contains("evidence-config-unlisted"));
}

#[test]
fn spans_become_events_of_the_session_that_both_sides_derive() {
    let stage = Stage::new();
    let (asks, serves) = (stage.connector("initiator"), stage.connector("provider"));
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = json!({
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331",
        "name": "execute_tool get_balance",
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000000005000000",
        "attributes": [
            attribute("gen_ai.operation.name", "execute_tool"),
            attribute("gen_ai.conversation.id", "conversation-1"),
            attribute("gen_ai.tool.name", "get_balance"),
            attribute("gen_ai.tool.call.id", "call-1"),
            attribute("gen_ai.tool.call.arguments", "{}"),
            attribute("gen_ai.tool.call.result", "{\"balance\":\"12.00\"}"),
        ],
    });
    let export = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    // Each side tells the same span, and reports its own part of it; told again, nothing more.
    for connector in [&asks, &serves, &asks] {
        assert_eq!(post(&connector.door("otlp_http"), "/v1/traces", &export).0, 200);
    }
    assert_eq!(asks.end(), json!("all"));
    assert_eq!(serves.end(), json!("all"));
    let hash = String::from_utf8(stage.run(&["pact", "hash", "pact.json"]).stdout).unwrap();
    let pact = messages::ids::PactHash::parse(hash.trim()).unwrap();
    let parts = [&pact.0[..], b"conversation-1", &0u64.to_be_bytes()];
    let session = messages::ids::SessionId(messages::domain::OPEN.hash(&parts)).to_string();
    let record = stage.done(&["log", "read", "--session", &session], "initiator.key");
    let parties: Vec<Value> = record
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["party"].clone())
        .collect();
    assert_eq!(parties, [json!("initiator"), json!("provider")], "{record}");
}

#[test]
fn a_telemetry_batch_is_kept_while_the_monitor_is_away_and_slow_ones_are_refused() {
    let mut stage = Stage::new();
    stage.kill_monitor();
    let asks = stage.connector("initiator");
    let door = asks.door("http");
    let long = "x".repeat(60_000);
    let started = Instant::now();
    let (mut kept, mut last) = (0, 0);
    while started.elapsed() < Duration::from_secs(60) {
        let mut told = message(&format!("m{kept}"));
        told["text"] = json!(long);
        last = post(&door, "/observe", &told).0;
        if last != 204 {
            break;
        }
        kept += 1;
    }
    // The outbox of this stage is small, and the log scope keeps sizes and hashes of the content.
    assert_eq!((last, (10..60).contains(&kept)), (503, true), "{kept} kept");
    stage.start_monitor();
    stage.eventually(|| (post(&door, "/observe", &message("after")).0 == 204).then_some(()));
    assert_eq!(asks.end(), json!("all"));
}

/// Whoever has looked at a log once notices that it is another one: a monitor whose whole state was
/// put back goes on from there, and signs what contradicts what it has signed.
#[test]
fn counts_of_a_day_say_why_there_are_none_and_the_ledger_is_everybodys() {
    let stage = Stage::new();
    let asks = stage.connector("initiator");
    asks.attested();
    let ask = ["counts", "--pact", "pact.json"];
    let said = stage.eventually(|| {
        // The connector registers the pact when it has connected.
        let said = stage.done(&ask, "auditor.key");
        (!said.contains("pact-unknown")).then_some(said)
    });
    // Yesterday there was no pact.
    for row in ["sessions.count", "sessions.total", "sessions.outcome", "tools"] {
        assert!(said.contains(row), "{said}");
    }
    assert_eq!(said.matches("release-lost").count(), 4, "{said}");
    let today = stage.done(&[&ask[..], &["--day", "2119-01-01"]].concat(), "auditor.key");
    assert_eq!(today.matches("release-day-still-open").count(), 4, "{today}");
    let none = stage.refused(&[&ask[..], &["--out", "counts.cbor"]].concat(), "auditor.key");
    assert!(none.contains("error[counts-none]"), "{none}");
    let early = stage.refused(&[&ask[..], &["--day", "1969-07-20"]].concat(), "auditor.key");
    assert!(early.contains("error[day-before-1970]"), "{early}");

    // Without a login: the ledger of a monitor that has released nothing is empty, and verifies.
    let url = stage.url().to_owned();
    let fetch = ["log", "ledger", "--monitor", &url, "--anchors", "anchors.toml", FLAG];
    let fetched = stage.run(&[&fetch[..], &["--out", "ledger.cbor"]].concat());
    assert!(fetched.status.success(), "{fetched:?}");
    let verify = ["verify", "ledger.cbor", "--anchors", "anchors.toml", FLAG];
    let verified = stage.run(&verify);
    let text = String::from_utf8(verified.stdout).unwrap();
    assert!(text.contains("0 days of 0 data sets, 0 queries paid for"), "{text}");
    assert_eq!(verified.status.code(), Some(0), "{text}");
}

#[test]
fn a_log_that_went_back_is_noticed_by_whom_it_was_shown() {
    let mut stage = Stage::new();
    let look = |stage: &Stage, more: &[&str]| {
        let url = stage.url().to_owned();
        let of = ["log", "check", "--monitor", &url, "--anchors", "anchors.toml"];
        let said = stage.run(&[&of[..], &["--seen", "seen.checkpoint", FLAG], more].concat());
        let all = [said.stdout, said.stderr].concat();
        (said.status.code(), String::from_utf8(all).unwrap())
    };
    let check = |stage: &Stage| look(stage, &[]);
    let copy = |stage: &Stage, from: &str, to: &str| {
        let (from, to) = (stage.path(from), stage.path(to));
        assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
    };
    // Whoever has lost what they saw has not seen that it only grew.
    let (code, said) = check(&stage);
    assert_eq!((code, said.contains("error[checkpoint-forgotten]")), (Some(3), true), "{said}");
    let (code, said) = look(&stage, &["--first"]);
    assert_eq!((code, said.contains("the first look")), (Some(0), true), "{said}");
    let (code, said) = look(&stage, &["--first"]);
    assert_eq!((code, said.contains("error[checkpoint-remembered]")), (Some(3), true), "{said}");
    let (code, said) = check(&stage);
    assert_eq!(code, Some(0));
    assert!(said.contains("0 of them new"), "{said}");
    stage.kill_monitor();
    copy(&stage, "monitor", "before");
    // Every start is on record.
    stage.start_monitor();
    assert_eq!(check(&stage).0, Some(0));
    let seen = std::fs::read_to_string(stage.path("seen.checkpoint")).unwrap();
    stage.kill_monitor();
    stage.start_monitor();
    let (code, said) = check(&stage);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 of them new"), "{said}");

    stage.kill_monitor();
    std::fs::remove_dir_all(stage.path("monitor")).unwrap();
    copy(&stage, "before", "monitor");
    stage.start_monitor();
    let (code, said) = check(&stage);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("fewer than"), "{said}");
    // Who saw it when it was as long as it is now can show that it was another.
    std::fs::write(stage.path("seen.checkpoint"), seen).unwrap();
    let (code, said) = check(&stage);
    assert_eq!(code, Some(1), "{said}");
    let judged = stage.run(&["judge", "seen.accusation.cbor", "--anchors", "anchors.toml"]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    // And once it has grown again, that it is none that grew from what was shown.
    stage.kill_monitor();
    stage.start_monitor();
    let (code, said) = check(&stage);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("does not extend"), "{said}");
}
