//! Model Context Protocol: which call a JSON-RPC body asks for.
//!
//! Source: Model Context Protocol specification, revisions 2024-11-05 to 2025-11-25, "Tools". A
//! `tools/call` is the call of the tool that it names. Any other method that carries content to
//! the server is a call of its own name (`resources/read`, `completion/complete`, ...), and so is
//! an answer to something that the server asked (`response`): a pact that does not permit it denies
//! it. Only the protocol's own housekeeping passes unasked; the free text that housekeeping may
//! carry (a client's name, a reason for a cancellation) is not looked at. `_meta` is no argument.
//!
//! ```
//! # use cloister_gateway as gateway;
//! let body = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call",
//!                 "params":{"name":"get_balance","arguments":{"account":"a1"}}}"#;
//! let call = gateway::mcp::read(body, "c1").unwrap().unwrap();
//! assert_eq!((call.name.as_str(), call.call.as_str()), ("get_balance", "7"));
//! assert_eq!(call.args["account"], "a1");
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::desk::Intended;
use crate::json;
use crate::jsonrpc::{self, Message, ReadError};

/// Reads a body of the conversation; none when it asks for nothing that a pact speaks of.
///
/// # Errors
/// [`ReadError`]: refuse the request.
pub fn read(body: &[u8], conversation: &str) -> Result<Option<Intended>, ReadError> {
    let (call, name, args) = match jsonrpc::read(body)? {
        Message::Request { method, .. } if HOUSEKEEPING.contains(&method.as_str()) => {
            return Ok(None);
        }
        Message::Request { id, method, params } => {
            let (name, args) = match method.as_str() {
                "tools/call" => tool(params)?,
                _ => (method, without_meta(params).collect()),
            };
            (id.ok_or(ReadError::Unanswerable)?, name, args)
        }
        Message::Response { id, body } => {
            let call = id.ok_or(ReadError::Unanswerable)?;
            (call, "response".to_owned(), BTreeMap::from([("body".to_owned(), body)]))
        }
    };
    Ok(Some(Intended {
        conversation: conversation.to_owned(),
        call,
        name,
        args,
        ticket: None,
        via: None,
    }))
}

fn tool(mut params: Map<String, Value>) -> Result<(String, BTreeMap<String, Value>), ReadError> {
    if !json::is_unmistakable(&params, &["name", "arguments"]) {
        return Err(ReadError::Ambiguous);
    }
    let Some(Value::String(name)) = params.remove("name") else {
        return Err(ReadError::Malformed);
    };
    let mut args: BTreeMap<String, Value> = match params.remove("arguments") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(args)) => args.into_iter().collect(),
        Some(_) => return Err(ReadError::Malformed),
    };
    // What later revisions put beside the arguments reaches the server too.
    for (key, value) in without_meta(params) {
        if args.insert(format!("params/{key}"), value).is_some() {
            return Err(ReadError::Ambiguous);
        }
    }
    Ok((jsonrpc::named(name)?, args))
}

fn without_meta(params: Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    params.into_iter().filter(|(key, _)| key != "_meta")
}

const HOUSEKEEPING: &[&str] = &[
    "initialize",
    "logging/setLevel",
    "notifications/cancelled",
    "notifications/initialized",
    "notifications/progress",
    "notifications/roots/list_changed",
    "ping",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
    "tools/list",
];
