//! The wire form of events: one flat object a kind, each with its own fields and no others.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Body, Content, Event, EventError, Role, Status};
use crate::did::Did;
use crate::ids::{EventHash, PactHash, SessionId};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Envelope {
    pub(super) event: Raw,
    pub(super) sig: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    ev: String,
    pact: String,
    session: String,
    seq: u64,
    prev: String,
    from: Role,
    to: Role,
    kind: RawKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// In a box of its own, so that a document may be `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<[Value; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Did>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delegate: Option<Did>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interactions: Option<Vec<String>>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Call,
    Delegation,
    Message,
    Result,
}

impl From<&Event> for Raw {
    fn from(event: &Event) -> Self {
        let mut raw = Self {
            ev: VERSION.into(),
            pact: hex::encode(event.pact.0),
            session: hex::encode(event.session.0),
            seq: event.seq,
            prev: hex::encode(event.prev.0),
            from: event.from,
            to: event.to,
            kind: RawKind::Message,
            call: None,
            name: None,
            args: None,
            text: None,
            status: None,
            document: None,
            latency_us: None,
            via: None,
            delegate: None,
            interactions: None,
        };
        match &event.body {
            Body::Delegation { to, via, interactions } => {
                raw.kind = RawKind::Delegation;
                raw.delegate = Some(to.clone());
                raw.via.clone_from(via);
                raw.interactions = Some(interactions.clone());
            }
            Body::Call { call, name, args, via } => {
                raw.kind = RawKind::Call;
                raw.via.clone_from(via);
                raw.call = Some(call.clone());
                raw.name = Some(name.clone());
                raw.args = Some(args.clone());
            }
            Body::Message { text } => raw.text = Some(text.clone()),
            Body::Result { call, status, content, latency_us } => {
                raw.kind = RawKind::Result;
                raw.call = Some(call.clone());
                raw.status = Some(*status);
                raw.latency_us = *latency_us;
                match content {
                    Content::Document(value) => raw.document = Some([value.clone()]),
                    Content::Text(text) => raw.text = Some(text.clone()),
                }
            }
        }
        raw
    }
}

impl TryFrom<Raw> for Event {
    type Error = EventError;

    fn try_from(raw: Raw) -> Result<Self, EventError> {
        let body = match raw {
            Raw {
                kind: RawKind::Call,
                call: Some(call),
                name: Some(name),
                args: Some(args),
                text: None,
                status: None,
                document: None,
                latency_us: None,
                via,
                delegate: None,
                interactions: None,
                ..
            } => Body::Call { call, name, args, via },
            Raw {
                kind: RawKind::Delegation,
                delegate: Some(to),
                via,
                interactions: Some(interactions),
                call: None,
                name: None,
                args: None,
                text: None,
                status: None,
                document: None,
                latency_us: None,
                ..
            } => Body::Delegation { to, via, interactions },
            Raw {
                kind: RawKind::Message,
                text: Some(text),
                call: None,
                name: None,
                args: None,
                status: None,
                document: None,
                latency_us: None,
                via: None,
                delegate: None,
                interactions: None,
                ..
            } => Body::Message { text },
            Raw {
                kind: RawKind::Result,
                call: Some(call),
                status: Some(status),
                text,
                document,
                name: None,
                args: None,
                latency_us,
                via: None,
                delegate: None,
                interactions: None,
                ..
            } => {
                let content = match (text, document) {
                    (Some(text), None) => Content::Text(text),
                    (None, Some([value])) => Content::Document(value),
                    _ => return Err(EventError::Malformed),
                };
                Body::Result { call, status, content, latency_us }
            }
            _ => return Err(EventError::Malformed),
        };
        if raw.ev != VERSION || raw.seq > MAX_SAFE_INTEGER {
            return Err(EventError::Malformed);
        }
        Ok(Self {
            pact: PactHash(digest(&raw.pact)?),
            session: SessionId(digest(&raw.session)?),
            seq: raw.seq,
            prev: EventHash(digest(&raw.prev)?),
            from: raw.from,
            to: raw.to,
            body,
        })
    }
}

fn digest(digits: &str) -> Result<[u8; 32], EventError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| EventError::Malformed)?;
    if hex::encode(bytes) == digits { Ok(bytes) } else { Err(EventError::NonCanonical) }
}

pub(super) fn canonical(value: &impl Serialize) -> Result<Vec<u8>, EventError> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| EventError::Malformed)
}

const VERSION: &str = "1";
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;
