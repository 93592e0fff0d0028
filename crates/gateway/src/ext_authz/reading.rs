//! From a proxy's request to an intended call.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::wire::envoy::service::auth::v3::CheckRequest;
use super::wire::envoy::service::auth::v3::attribute_context::HttpRequest;
use super::{CALL_HEADER, CALL_ID_HEADER, CONVERSATION_HEADER, Protocol, TICKET_HEADER};
use crate::desk::Intended;
use crate::json;
use crate::jsonrpc::{MAX_BODY_BYTES, ReadError, named};
use crate::problem::Problem;
use crate::{a2a, mcp};

/// The call that the request makes; none when it makes none.
pub(super) fn read(request: CheckRequest, listener: Protocol) -> Result<Option<Intended>, Problem> {
    let attributes = request.attributes.unwrap_or_default();
    let http = attributes.request.and_then(|request| request.http).ok_or_else(not_http)?;
    let route = attributes.context_extensions;
    let protocol = match route.get("cloister-protocol").map(String::as_str) {
        None => listener,
        Some("a2a") => Protocol::A2a,
        Some("http") => Protocol::Http,
        Some("mcp") => Protocol::Mcp,
        Some(_) => return Err(unknown_protocol()),
    };
    let seen = Seen::new(http)?;
    let call = match protocol {
        Protocol::A2a | Protocol::Mcp if seen.is_bare_retrieval() => None,
        Protocol::A2a => a2a::read(&seen.body, seen.conversation().as_deref())?,
        Protocol::Http => Some(seen.as_plain_call(route.get("cloister-call"))?),
        Protocol::Mcp => mcp::read(&seen.body, &seen.conversation_or_request())?,
    };
    let Some(mut call) = call else { return Ok(None) };
    call.conversation = named(call.conversation)?;
    if call.conversation.is_empty() {
        return Err(no_conversation());
    }
    call.ticket = seen.header(TICKET_HEADER).map(str::to_owned);
    Ok(Some(call))
}

/// A request whose body is whole.
struct Seen {
    http: HttpRequest,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Seen {
    fn new(mut http: HttpRequest) -> Result<Self, Problem> {
        let mut headers = core::mem::take(&mut http.headers);
        for raw in http.header_map.take().into_iter().flat_map(|map| map.headers) {
            let value = if raw.raw_value.is_empty() {
                raw.value
            } else {
                String::from_utf8(raw.raw_value).unwrap_or_default()
            };
            headers
                .entry(raw.key.to_ascii_lowercase())
                .and_modify(|first| {
                    first.push(',');
                    first.push_str(&value);
                })
                .or_insert(value);
        }
        let body = match core::mem::take(&mut http.raw_body) {
            raw if raw.is_empty() => core::mem::take(&mut http.body).into_bytes(),
            raw => raw,
        };
        let seen = Self { http, headers, body };
        if seen.body.len() > MAX_BODY_BYTES {
            return Err(ReadError::TooLarge.into());
        }
        if !seen.is_whole() {
            return Err(Problem::new(
                403,
                "body-not-given",
                "the proxy did not pass the whole body",
                "set with_request_body without allow_partial_message",
            ));
        }
        Ok(seen)
    }

    fn is_whole(&self) -> bool {
        let declared = self.header("content-length").map(|length| length.parse::<usize>().ok());
        let given = self.body.len();
        let fits = match declared {
            Some(length) => length == Some(given),
            // Chunked, or HTTP/2 without a length: nothing given may mean that nothing was passed.
            None => {
                given > 0
                    || !(self.headers.contains_key("transfer-encoding")
                        || self.has_method_with_body())
            }
        };
        fits && self.header("x-envoy-auth-partial-body") != Some("true")
    }

    fn has_method_with_body(&self) -> bool {
        matches!(self.http.method.as_str(), "PATCH" | "POST" | "PUT")
    }

    /// Opens or ends a stream, or fetches an agent card: no body and no query.
    fn is_bare_retrieval(&self) -> bool {
        matches!(self.http.method.as_str(), "DELETE" | "GET" | "HEAD" | "OPTIONS")
            && self.body.is_empty()
            && !self.http.path.contains('?')
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn conversation(&self) -> Option<String> {
        let own = self.header(CONVERSATION_HEADER).or_else(|| self.header("mcp-session-id"));
        own.or_else(|| self.header("traceparent").and_then(trace_id)).map(str::to_owned)
    }

    fn conversation_or_request(&self) -> String {
        self.conversation().unwrap_or_else(|| self.http.id.clone())
    }

    fn as_plain_call(&self, route: Option<&String>) -> Result<Intended, Problem> {
        let Some(name) = route.map(String::as_str).or_else(|| self.header(CALL_HEADER)) else {
            return Err(unnamed_call());
        };
        let call = self.header(CALL_ID_HEADER).unwrap_or(&self.http.id);
        if call.is_empty() {
            return Err(ReadError::Unanswerable.into());
        }
        let (path, query) = match self.http.path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.http.path.as_str(), None),
        };
        let mut args: BTreeMap<String, Value> = BTreeMap::from([
            ("host".to_owned(), self.http.host.clone().into()),
            ("method".to_owned(), self.http.method.clone().into()),
            ("path".to_owned(), path.into()),
        ]);
        args.extend(query.map(|query| ("query".to_owned(), query.into())));
        if !self.body.is_empty() {
            args.insert("body".to_owned(), self.body_value());
        }
        Ok(Intended {
            conversation: self.conversation_or_request(),
            call: named(call.to_owned())?,
            name: named(name.to_owned())?,
            args,
            ticket: None,
            via: None,
        })
    }

    /// JSON as it is, other text as a string, bytes by their digest.
    fn body_value(&self) -> Value {
        if let Ok(value) = json::read(&self.body, MAX_BODY_BYTES) {
            return value;
        }
        match core::str::from_utf8(&self.body) {
            Ok(text) => text.into(),
            Err(_) => json!({
                "bytes": self.body.len(),
                "sha256": hex::encode(Sha256::digest(&self.body)),
            }),
        }
    }
}

/// The trace of a `traceparent` (W3C Trace Context, section 3.2).
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    let is_hex = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (id.len() == 32 && is_hex && id.bytes().any(|b| b != b'0')).then_some(id)
}

fn not_http() -> Problem {
    Problem::new(403, "not-http", "not an HTTP request", "put the check on an HTTP filter")
}

fn unknown_protocol() -> Problem {
    Problem::new(
        403,
        "protocol-unknown",
        "the route names a protocol that nobody here speaks",
        "set cloister-protocol to a2a, http or mcp",
    )
}

fn unnamed_call() -> Problem {
    Problem::new(
        403,
        "call-unnamed",
        "nothing says which interaction this request is",
        "set cloister-call on the route, or send x-cloister-call",
    )
}

fn no_conversation() -> Problem {
    Problem::new(
        403,
        "conversation-unnamed",
        "nothing joins this request to a session",
        "send x-cloister-conversation, a traceparent or a request identifier",
    )
}
