//! The local door under bad input: each its own code, nothing crashes, nothing is said twice.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use messages::codec::Wire;
use messages::did::Did;
use messages::event::{Body, Event, Role};
use messages::evidence::{Conceptual, SOFTWARE_MEDIA_TYPE};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::reply::{Open, Reply, Request, Statistic};
use messages::signature::{Signature, SigningKey};
use messages::time::Millis;

use crate::support::{Daemon, read};

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

#[test]
fn refuses_each_bad_request_with_its_own_code_and_goes_on() {
    let daemon = Daemon::start();
    let code = |reply| match reply {
        Reply::Error { code } => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(code(daemon.ask_bytes(b"")), "request-malformed");
    assert_eq!(code(daemon.ask_bytes(b"\xff\xff\xff")), "request-malformed");
    let attest = Request::Attest { nonce: [3; 32] }.to_cbor();
    assert_eq!(code(daemon.ask_bytes(&[&attest[..], &[0]].concat())), "request-malformed");

    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    stream.write_all(&u32::MAX.to_be_bytes()).unwrap();
    assert_eq!(code(read(&mut stream)), "request-too-large");
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0, "the connection ends");

    let did = Did::from_key(&SigningKey::from_seed(&[1; 32]).public());
    let (pact, session) = (PactHash([1; 32]), SessionId([2; 32]));
    let open = Open { session, pact, principal: did.clone(), boot: BootId([0; 32]) };
    let signature = Signature([0; 64]);
    let query = Statistic { pact, statistic: "sessions.count".into(), day: 0 };
    let canonical = event(session);
    let spaced = [&canonical[..], b" "].concat();
    let cases = [
        (Request::Event { event: b"{}".to_vec() }, "event-malformed"),
        (Request::Event { event: spaced }, "event-non-canonical"),
        (Request::Event { event: vec![b' '; 300_000] }, "event-too-large"),
        (Request::Event { event: canonical }, "session-unknown"),
        (Request::Open { open, signature }, "pact-unknown"),
        (Request::Register { pact: b"{}".to_vec() }, "missing-field"),
        (Request::Register { pact: b"nonsense".to_vec() }, "not-json"),
        (Request::Release { query, requester: did, signature }, "requester-bad-signature"),
        (Request::Advance { by: Millis(u64::MAX) }, "advance-too-far"),
        (Request::Include { leaves: vec![9] }, "log-no-such-leaf"),
        (Request::Consistency { old: 9 }, "log-no-such-size"),
    ];
    for (request, expected) in cases {
        assert_eq!(daemon.refused(&request), expected);
    }

    let Reply::Attestation { evidence, checkpoint } = daemon.ask_bytes(&attest) else { panic!() };
    assert_eq!(Conceptual::from_cbor(&evidence).unwrap().media_type, SOFTWARE_MEDIA_TYPE);
    assert!(checkpoint.starts_with("insecure-dev/"));
}

#[test]
fn the_socket_is_the_owners_alone_and_audit_lines_are_enumerated() {
    let daemon = Daemon::start();
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    daemon.refused(&Request::Event { event: b"SECRETWORD".to_vec() });
    let audit = daemon.audit();
    assert!(!audit.contains("SECRETWORD"));
    for line in audit.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let event = value["fields"]["event"].as_str().unwrap();
        assert!(["booted", "listening", "published", "refused"].contains(&event), "{event}");
    }
    assert!(audit.contains("\"refused\""));
}
