//! Who talks about what: two parties under the pact of the demo, less its limit on the rate of
//! events, and the calls of their sessions, signed ahead of time.

use std::collections::BTreeMap;

use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Event, Role};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::reply::{Open, Request};
use messages::signature::SigningKey;
use pact::{Pact, SignedPact};
use serde_json::Value;

/// A pact with the keys of its parties.
pub(crate) struct Scene {
    initiator: SigningKey,
    pact: PactHash,
    signed: Vec<u8>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let [initiator, provider, other] = [1, 2, 3].map(|n| SigningKey::from_seed(&[n; 32]));
        let mut text = include_str!("../../../../crates/cloister/demo/bank.pact.json").to_owned();
        for (token, key) in [("{{INITIATOR}}", &initiator), ("{{PROVIDER}}", &provider)] {
            text = text.replace(token, did(key).as_str());
        }
        for token in ["{{AUDITOR}}", "{{OVERSEER}}", "{{MONITOR}}"] {
            text = text.replace(token, did(&other).as_str());
        }
        let mut document: Value = serde_json::from_str(&text).unwrap();
        document["limits"].as_array_mut().unwrap().retain(|limit| limit["id"] != "rate");
        document["term"]["max_sessions"] = 1_000_000.into();
        let pact = Pact::parse(document.to_string().as_bytes()).unwrap();
        let hash = pact.hash();
        let signed = SignedPact::draft(pact)
            .sign(did(&initiator), &initiator)
            .sign(did(&provider), &provider)
            .to_bytes();
        Self { initiator, pact: hash, signed }
    }

    pub(crate) fn register(&self) -> Request {
        Request::Register { pact: self.signed.clone() }
    }

    /// Opens session `number`.
    pub(crate) fn open(&self, number: u64, boot: BootId) -> Request {
        let principal = Did::parse("did:web:principal.example").unwrap();
        let open = Open { session: session(number), pact: self.pact, principal, boot };
        let signature = self.initiator.sign(domain::OPEN, &open.to_cbor());
        Request::Open { open, signature }
    }

    /// The next call of a session, signed.
    pub(crate) fn call(&self, talk: &mut Talk) -> Vec<u8> {
        let event = Event {
            pact: self.pact,
            session: session(talk.number),
            seq: talk.said,
            prev: talk.head,
            from: Role::Initiator,
            to: Role::Provider,
            body: Body::Call {
                call: format!("call-{}", talk.said),
                name: "get_balance".into(),
                args: BTreeMap::from([("account".into(), "DE02120300000000202051".into())]),
                via: None,
            },
        };
        let signed = event.sign(&self.initiator).unwrap();
        (talk.said, talk.head) = (talk.said + 1, signed.hash());
        signed.to_bytes().unwrap()
    }
}

/// How far a session is.
#[derive(Clone)]
pub(crate) struct Talk {
    pub(crate) number: u64,
    said: u64,
    head: EventHash,
}

impl Talk {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, said: 0, head: EventHash::default() }
    }
}

pub(crate) fn session(number: u64) -> SessionId {
    let mut id = [0x5e; 32];
    *id.first_chunk_mut().unwrap() = number.to_be_bytes();
    SessionId(id)
}

fn did(key: &SigningKey) -> Did {
    Did::from_key(&key.public())
}
