//! Decisions with provenance on, under a drafted pact: what a result of 1 KB, 10 KB and 1 MB costs
//! to read, what a call costs after it, and what a session remembers.
//!
//! Not criterion: a tail is asked for, so every single time is kept.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a bench that panics has nothing to measure; it reads the clock and prints what it measured"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use draft::{Tools, draft};
use messages::event::{Body, Content, Event, Role, Status};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::time::UnixMillis;
use pact::{Approval, Compiled, Decision, LogScope, SessionState, StandingState, check, compile};
use serde_json::{Value, json};

fn main() {
    let pact = drafted();
    println!(
        "{:>10}  {:>10} {:>10}  {:>10} {:>10}  {:>12}",
        "result", "p50", "p99", "call p50", "p99", "remembered"
    );
    for (size, times) in [(1 << 10, 2_000), (10 << 10, 500), (1 << 20, 20)] {
        for document in [false, true] {
            measure(&pact, size, times, document);
        }
    }
    memory(&pact);
}

fn drafted() -> Compiled {
    let tools = json!({
        "list_mail": {"description": "Lists mail.", "parameters": {}},
        "send_mail": {"description": "Sends a mail.", "parameters": {"properties": {
            "to": {"type": "string"}, "subject": {"type": "string"}, "body": {"type": "string"}}}},
    });
    let tools = Tools::parse(tools.to_string().as_bytes()).unwrap();
    let start = jiff::Timestamp::from_second(1_799_000_000).unwrap();
    compile(&draft(&tools, "bench", start).unwrap()).unwrap()
}

/// English-like text with an address and a number every twenty words.
fn prose(bytes: usize, salt: usize) -> String {
    let mut text = String::with_capacity(bytes + 64);
    let mut n = salt;
    while text.len() < bytes {
        n += 1;
        match n % 20 {
            0 => text.push_str(&format!("write{n}@example.com ")),
            10 => text.push_str(&format!("{n}.50 ")),
            _ => text.push_str(&format!("word{} ", n.wrapping_mul(2_654_435_761) % 5_000)),
        }
        if n.is_multiple_of(13) {
            text.push_str(". ");
        }
    }
    text.truncate(bytes);
    text
}

fn content(bytes: usize, document: bool) -> Content {
    if !document {
        return Content::Text(prose(bytes, 1));
    }
    let each = 700.min(bytes);
    let items = (0..bytes.div_ceil(each)).map(|n| {
        json!({"id": n.to_string(), "sender": format!("ann{n}@example.com"), "body": prose(each - 60, n)})
    });
    Content::Document(Value::Array(items.collect()))
}

fn event(from: Role, to: Role, body: Body) -> Event {
    let (pact, session) = (PactHash::default(), SessionId::default());
    Event { pact, session, seq: 0, prev: EventHash::default(), from, to, body }
}

fn call(id: &str, name: &str, args: Value) -> Event {
    let args: BTreeMap<String, Value> = serde_json::from_value(args).unwrap();
    let body = Body::Call { call: id.into(), name: name.into(), args, via: None };
    event(Role::Initiator, Role::Provider, body)
}

struct Played {
    session: SessionState,
    standing: StandingState,
}

impl Played {
    /// The principal spoke and the agent asks for its mail.
    fn new(pact: &Compiled) -> Self {
        let mut played =
            Self { session: SessionState::new([7; 16]), standing: StandingState::default() };
        let text = "Ann wrote me; answer ann@home.example and say yes.".to_owned();
        let _ = played.take(pact, &event(Role::Principal, Role::Initiator, Body::Message { text }));
        let _ = played.take(pact, &call("r", "list_mail", json!({})));
        played
    }

    fn take(&mut self, pact: &Compiled, event: &Event) -> Decision {
        let judged = check(pact, &self.session, &self.standing, event, Approval::Absent, NOW);
        self.session.apply(&judged.change);
        self.standing.apply(&judged.change);
        judged.verdict.decision
    }
}

fn measure(pact: &Compiled, size: usize, times: usize, document: bool) {
    let body = Body::Result {
        call: "r".into(),
        status: Status::Ok,
        content: content(size, document),
        latency_us: Some(1_000),
    };
    let result = event(Role::Provider, Role::Initiator, body);
    let (mut reading, mut calling, mut remembered) = (Vec::new(), Vec::new(), 0);
    for n in 0..times {
        let mut played = Played::new(pact);
        let start = Instant::now();
        let decision = played.take(pact, black_box(&result));
        reading.push(start.elapsed());
        assert_eq!(decision, Decision::Allow);
        let to = if n % 2 == 0 { "ann@home.example" } else { "write20@example.com" };
        let args = json!({"to": to, "subject": "re", "body": "yes, thank you"});
        let sends = call("s", "send_mail", args);
        let start = Instant::now();
        let decision = played.take(pact, black_box(&sends));
        calling.push(start.elapsed());
        assert!(n % 2 == 1 || decision == Decision::Allow);
        remembered = minicbor::to_vec(&played.session).unwrap().len();
        let kept = minicbor::to_vec(played.session.scoped(LogScope::HashOnly)).unwrap();
        assert!(kept.len() < 1_000);
    }
    let form = if document { "fields" } else { "text" };
    let [r50, r99] = tail(&mut reading);
    let [c50, c99] = tail(&mut calling);
    println!(
        "{:>3} KB {form:<6}  {r50:>10.1?} {r99:>10.1?}  {c50:>10.1?} {c99:>10.1?}  {:>9} KB",
        size >> 10,
        remembered >> 10
    );
}

fn tail(times: &mut [Duration]) -> [Duration; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[(times.len() * 99 / 100).min(times.len() - 1)]]
}

/// What the process grows by for sessions that read 10 KB each.
fn memory(pact: &Compiled) {
    const SESSIONS: u64 = 1_000;
    let body = Body::Result {
        call: "r".into(),
        status: Status::Ok,
        content: content(10 << 10, false),
        latency_us: Some(1_000),
    };
    let result = event(Role::Provider, Role::Initiator, body);
    let before = resident();
    let sessions: Vec<Played> = (0..SESSIONS)
        .map(|_| {
            let mut played = Played::new(pact);
            let _ = played.take(pact, &result);
            played
        })
        .collect();
    let grown = resident().saturating_sub(before);
    println!(
        "memory: {} KB a session that read 10 KB ({} sessions)",
        grown / SESSIONS,
        sessions.len()
    );
}

/// VmRSS in KB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
