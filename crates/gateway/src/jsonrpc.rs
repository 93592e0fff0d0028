//! JSON-RPC 2.0 as far as MCP and A2A use it, read for one purpose: what is asked for.
//!
//! Not a JSON-RPC implementation: nothing is answered, sessions are not followed, and the bytes
//! are never rewritten.

use serde_json::{Map, Value};

use crate::json;
use crate::observation::MAX_NAME_BYTES;

/// Largest body in bytes: more would not fit an event.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// One message.
#[derive(Debug, PartialEq)]
pub(crate) enum Message {
    /// A request, or a notification when it has no identifier.
    Request { id: Option<String>, method: String, params: Map<String, Value> },
    /// An answer to something that the server asked.
    Response { id: Option<String>, body: Value },
}

/// Why a body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another reader could understand it differently.
    #[error("a name stands twice or in another case, or a number is too long to be exact")]
    Ambiguous,
    /// Several messages in one body.
    #[error("several messages in one body")]
    Batch,
    /// Not a message of the protocol.
    #[error("not a message of this protocol")]
    Malformed,
    /// An identifier or name over [`MAX_NAME_BYTES`].
    #[error("an identifier or a name of more than {MAX_NAME_BYTES} bytes")]
    NameTooLong,
    /// Over [`MAX_BODY_BYTES`].
    #[error("more than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// A call that nobody could answer.
    #[error("a call without an identifier")]
    Unanswerable,
}

impl ReadError {
    /// Stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ambiguous => "body-ambiguous",
            Self::Batch => "body-batch",
            Self::Malformed => "body-malformed",
            Self::NameTooLong => "name-too-long",
            Self::TooLarge => "body-too-large",
            Self::Unanswerable => "call-without-id",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Ambiguous => {
                "write each name once, in the protocol's own case, and long numbers as strings"
            }
            Self::Batch => "send one message in each body",
            Self::Malformed => "send a message of the protocol, uncompressed",
            Self::NameTooLong => "shorten it",
            Self::TooLarge => "send less in one call",
            Self::Unanswerable => "give the call an identifier",
        }
    }
}

/// Reads one message.
pub(crate) fn read(body: &[u8]) -> Result<Message, ReadError> {
    let mut envelope = match json::read(body, MAX_BODY_BYTES)? {
        Value::Object(envelope) => envelope,
        Value::Array(_) => return Err(ReadError::Batch),
        _ => return Err(ReadError::Malformed),
    };
    if !json::is_unmistakable(&envelope, ENVELOPE) {
        return Err(ReadError::Ambiguous);
    }
    if envelope.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(ReadError::Malformed);
    }
    let id = match envelope.remove("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(named(id)?),
        Some(Value::Number(id)) => Some(id.to_string()),
        Some(_) => return Err(ReadError::Malformed),
    };
    match (envelope.remove("method"), envelope.remove("params")) {
        (Some(Value::String(method)), params) => {
            if envelope.contains_key("result") || envelope.contains_key("error") {
                return Err(ReadError::Ambiguous);
            }
            let params = match params {
                None => Map::new(),
                Some(Value::Object(params)) => params,
                Some(_) => return Err(ReadError::Malformed),
            };
            Ok(Message::Request { id, method: named(method)?, params })
        }
        (None, None) => match (envelope.remove("result"), envelope.remove("error")) {
            (Some(body), None) | (None, Some(body)) => Ok(Message::Response { id, body }),
            _ => Err(ReadError::Malformed),
        },
        _ => Err(ReadError::Malformed),
    }
}

/// A name of bearable length.
pub(crate) fn named(name: String) -> Result<String, ReadError> {
    if name.len() > MAX_NAME_BYTES { Err(ReadError::NameTooLong) } else { Ok(name) }
}

const ENVELOPE: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];
