//! The door under bad input: each its own code, nothing crashes, nothing is said twice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use channel::forms::{JSON, MAX_BODY_BYTES, NDJSON};
use messages::did::Did;
use messages::event::{Body, Event, Role};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::reply::{Open, Reply, Request, Statistic};
use messages::signature::{Signature, SigningKey};
use messages::time::Millis;

use crate::support::{Client, Home};

fn event(session: SessionId) -> Vec<u8> {
    let event = Event {
        pact: PactHash([1; 32]),
        session,
        seq: 0,
        prev: EventHash::default(),
        from: Role::Principal,
        to: Role::Initiator,
        body: Body::Message { text: "hello".into() },
    };
    event.sign(&SigningKey::from_seed(&[1; 32])).unwrap().to_bytes().unwrap()
}

/// Path, media type and body of a request, and how it is refused.
type Raw<'a> = (&'a str, &'static str, Vec<u8>, (u16, &'a str));

/// Status and code of a refusal.
fn told(client: &Client, path: &str, kind: &'static str, body: Vec<u8>) -> (u16, String) {
    let answer = client.post(path, kind, body);
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    (answer.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
}

#[test]
fn refuses_each_bad_request_with_its_own_code_and_goes_on() {
    let home = Home::new();
    let daemon = home.start();
    let client = daemon.connect();
    let feed = format!("/v1/sessions/{}/events", "02".repeat(32));
    let raw: [Raw<'_>; 8] = [
        ("/v1/clock/advance", JSON, b"".to_vec(), (400, "request-malformed")),
        ("/v1/clock/advance", JSON, b"\xff\xff\xff".to_vec(), (400, "request-malformed")),
        ("/v1/clock/advance", JSON, b"{\"by_ms\":1,\"x\":1}".to_vec(), (400, "request-malformed")),
        ("/v1/clock/advance", NDJSON, b"{\"by_ms\":1}".to_vec(), (415, "request-media-type")),
        ("/v1/checkpoint", JSON, b"{}".to_vec(), (405, "request-method-unknown")),
        ("/v1/nowhere", JSON, b"{}".to_vec(), (404, "request-path-unknown")),
        ("/v1/pacts", JSON, vec![b' '; MAX_BODY_BYTES + 1], (413, "request-too-large")),
        (&feed, NDJSON, vec![b'{'; 10 << 20], (413, "request-too-large")),
    ];
    for (path, kind, body, (status, code)) in raw {
        assert_eq!(told(&client, path, kind, body), (status, code.to_owned()), "{path}");
    }

    let did = Did::from_key(&SigningKey::from_seed(&[1; 32]).public());
    let (pact, session) = (PactHash([1; 32]), SessionId([2; 32]));
    let open = Open { session, pact, principal: did.clone(), boot: BootId([0; 32]) };
    let signature = Signature([0; 64]);
    let query = Statistic { pact, statistic: "sessions.count".into(), day: 0 };
    let canonical = event(session);
    let spaced = [&canonical[..], b" "].concat();
    let cases = [
        (Request::Event { event: spaced }, "event-non-canonical"),
        (Request::Event { event: canonical }, "session-unknown"),
        (Request::Open { open, signature }, "pact-unknown"),
        (Request::Register { pact: b"{}".to_vec() }, "missing-field"),
        (Request::Register { pact: b"nonsense".to_vec() }, "not-json"),
        (Request::Release { query, requester: did, signature }, "requester-bad-signature"),
        (Request::Advance { by: Millis(u64::MAX) }, "advance-too-far"),
        (Request::Include { leaves: vec![9] }, "log-no-such-leaf"),
        (Request::Consistency { old: 9, new: None }, "log-no-such-size"),
        (Request::Inbox, "login-required"),
    ];
    for (request, expected) in cases {
        assert_eq!(client.refused(&request), expected);
    }
    // The same connection, once its caller is known.
    let mut client = client;
    client.login(&SigningKey::from_seed(&[1; 32])).unwrap();
    assert_eq!(client.ask(&Request::Inbox), Reply::Waiting { calls: Vec::new() });
    let (_, checkpoint) = client.certificate().unwrap();
    assert!(checkpoint.starts_with("insecure-dev/"));
}

#[test]
fn strangers_who_speak_something_else_are_let_go_and_others_are_served() {
    let home = Home::new();
    let daemon = home.start();
    // Open and silent, half a record, and a record that announces more than it brings.
    let mut half = Vec::new();
    for begin in [&b""[..], b"\x16", b"\x16\x03\x01\x40\x00\x01"] {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.write_all(begin).unwrap();
        half.push(stream);
    }
    let garbage: [&[u8]; 3] = [
        b"GET /v1/checkpoint HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &[0xff; 4096],
    ];
    for bytes in garbage {
        let mut stream = TcpStream::connect(daemon.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // An alert, or an end: never a word of HTTP.
        stream.read_to_end(&mut answer).ok();
        assert!(!answer.starts_with(b"HTTP") && answer.len() < 64, "{answer:?}");
    }
    let client = daemon.connect();
    assert_eq!(client.get("/healthz").status.as_u16(), 204);
    assert_eq!(client.get("/readyz").status.as_u16(), 204);
    drop(half);
    assert_eq!(client.get("/readyz").status.as_u16(), 204);
}

#[test]
fn audit_lines_are_enumerated_and_say_nothing_of_a_request() {
    let home = Home::new();
    let daemon = home.start();
    let client = daemon.connect();
    client.refused(&Request::Register { pact: b"SECRETWORD".to_vec() });
    let known = ["recovered", "booted", "operator-listening", "listening", "published", "refused"];
    let audit = daemon.audit();
    assert!(!audit.contains("SECRETWORD"));
    for line in audit.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let event = value["fields"]["event"].as_str().unwrap();
        assert!(known.contains(&event), "{event}");
    }
    assert!(audit.contains("\"refused\""));
}
