//! Agent2Agent protocol: which call a JSON-RPC body asks for.
//!
//! Source: A2A specification 0.3 (`message/send`) and 1.0 (`SendMessage`), JSON-RPC binding; both
//! spellings are one interaction here, under the older name. A message has no skill field that
//! its receiver must honour, so permission is never keyed on a skill: the interaction is
//! `message/send`, its arguments are the parameters as they stand. Reading, listing and cancelling
//! tasks is housekeeping; every other method is a call of its own name.

use serde_json::Value;

use crate::desk::Intended;
use crate::json;
use crate::jsonrpc::{self, Message, ReadError};

/// Reads a body; none when it asks for nothing that a pact speaks of. Without a `conversation`
/// the message's own `contextId` is taken, or else its `messageId`.
///
/// # Errors
/// [`ReadError`]: refuse the request.
pub fn read(body: &[u8], conversation: Option<&str>) -> Result<Option<Intended>, ReadError> {
    let Message::Request { id, method, params } = jsonrpc::read(body)? else {
        return Err(ReadError::Malformed);
    };
    if HOUSEKEEPING.contains(&method.as_str()) {
        return Ok(None);
    }
    let name = NAMES
        .iter()
        .find(|(newer, _)| *newer == method)
        .map_or(method, |(_, older)| (*older).to_owned());
    if !json::is_unmistakable(&params, &["message", "configuration", "metadata"]) {
        return Err(ReadError::Ambiguous);
    }
    let mut call = id.ok_or(ReadError::Unanswerable)?;
    let mut conversation = conversation.map(str::to_owned);
    if name.starts_with("message/") {
        let Some(Value::Object(message)) = params.get("message") else {
            return Err(ReadError::Malformed);
        };
        if !json::is_unmistakable(message, MESSAGE) {
            return Err(ReadError::Ambiguous);
        }
        let text = |key| message.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(message_id) = text("messageId") {
            call = jsonrpc::named(message_id)?;
        }
        conversation = conversation.or_else(|| text("contextId"));
    }
    let conversation = jsonrpc::named(conversation.unwrap_or_else(|| call.clone()))?;
    let args = params.into_iter().collect();
    Ok(Some(Intended { conversation, call, name, args, ticket: None, via: None }))
}

/// 1.0 to 0.3.
const NAMES: &[(&str, &str)] =
    &[("SendMessage", "message/send"), ("SendStreamingMessage", "message/stream")];

const MESSAGE: &[&str] = &["messageId", "contextId", "taskId", "role", "parts", "kind"];

const HOUSEKEEPING: &[&str] = &[
    "agent/getAuthenticatedExtendedCard",
    "tasks/cancel",
    "tasks/get",
    "tasks/list",
    "tasks/resubscribe",
    "CancelTask",
    "GetExtendedAgentCard",
    "GetTask",
    "ListTasks",
    "SubscribeToTask",
];
