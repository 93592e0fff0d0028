//! What principal and initiator said to each other, out of the messages of a model inference.
//!
//! Source: GenAI semantic conventions, `gen_ai.input.messages` and `gen_ai.output.messages`. Each
//! inference repeats the history, so only what follows the last message of the assistant is new.
//! Of that, messages of the role `user` are the principal's; tool responses are results of calls
//! and come with their own spans; system instructions are nobody's words in the session. An output
//! with a tool call in it is a thought on the way, not yet an answer.

use serde_json::Value;

/// New messages of the principal: place among all of the principal's messages, and text.
pub(super) fn asked(input: &Value) -> Vec<(usize, String)> {
    let messages = input.as_array().map_or(&[][..], Vec::as_slice);
    let role = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
    let is_from = |message: &Value, who: &str| role(message).as_deref() == Some(who);
    let is_new = |index: usize| {
        !messages.iter().skip(index.saturating_add(1)).any(|later| is_from(later, "assistant"))
    };
    messages
        .iter()
        .enumerate()
        .filter(|(_, message)| is_from(message, "user"))
        .enumerate()
        .filter(|(_, (index, _))| is_new(*index))
        .filter_map(|(place, (_, message))| Some((place, text_of(message)?)))
        .collect()
}

/// Answers of the initiator: place among the outputs, and text.
pub(super) fn answered(output: &Value) -> Vec<(usize, String)> {
    let outputs = output.as_array().map_or(&[][..], Vec::as_slice);
    outputs
        .iter()
        .enumerate()
        .filter(|(_, message)| !parts(message).iter().any(|part| is_kind(part, "tool_call")))
        .filter_map(|(place, message)| Some((place, text_of(message)?)))
        .collect()
}

/// The text parts, in lines.
fn text_of(message: &Value) -> Option<String> {
    let texts: Vec<&str> = parts(message)
        .iter()
        .filter(|part| is_kind(part, "text"))
        .filter_map(|part| part.get("content").and_then(Value::as_str))
        .collect();
    match (texts.is_empty(), message.get("content")) {
        (false, _) => Some(texts.join("\n")),
        // As written before messages had parts.
        (true, Some(Value::String(text))) if !text.is_empty() => Some(text.clone()),
        (true, _) => None,
    }
}

fn parts(message: &Value) -> &[Value] {
    message.get("parts").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_kind(part: &Value, kind: &str) -> bool {
    part.get("type").and_then(Value::as_str) == Some(kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(role: &str, text: &str) -> Value {
        json!({"role": role, "parts": [{"type": "text", "content": text}]})
    }

    #[test]
    fn only_what_follows_the_last_answer_is_new() {
        let history = json!([
            said("system", "s"),
            said("user", "a"),
            said("assistant", "b"),
            said("user", "c")
        ]);
        assert_eq!(asked(&history), [(1, "c".to_owned())]);
        assert_eq!(asked(&json!([said("user", "a"), said("assistant", "b")])), []);
    }

    #[test]
    fn thought_with_a_tool_call_is_no_answer() {
        let call = json!({"type": "tool_call", "name": "t", "id": "1", "arguments": {}});
        let text = json!({"type": "text", "content": "let me see"});
        let secret = json!({"type": "reasoning", "content": "hm"});
        assert_eq!(answered(&json!([{"role": "assistant", "parts": [text, call]}])), []);
        let both = json!([{"role": "assistant", "parts": [secret, text]}]);
        assert_eq!(answered(&both), [(0, "let me see".to_owned())]);
    }
}
