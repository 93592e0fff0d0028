//! MCP and A2A bodies: what is a call, what is not, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

use cloister_gateway as gateway;
use gateway::{MAX_BODY_BYTES, ReadError, a2a, mcp};
use proptest::prelude::*;
use serde_json::{Value, json};

fn rpc(method: &str, params: &Value) -> Vec<u8> {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).to_string().into_bytes()
}

fn mcp_error(body: &[u8]) -> ReadError {
    mcp::read(body, "c").unwrap_err()
}

#[test]
fn tool_call_is_the_call_of_its_tool() {
    let params = json!({"name": "pay", "arguments": {"to": "bob"}, "_meta": {"progressToken": 1}});
    let call = mcp::read(&rpc("tools/call", &params), "c").unwrap().unwrap();
    assert_eq!((call.name.as_str(), call.call.as_str()), ("pay", "7"));
    assert_eq!(call.conversation, "c");
    assert_eq!(call.args, [("to".to_owned(), json!("bob"))].into());
    assert_eq!(call.ticket, None);
}

#[test]
fn what_stands_beside_the_arguments_is_an_argument() {
    let params = json!({"name": "pay", "arguments": {}, "inputResponses": {"a": 1}});
    let call = mcp::read(&rpc("tools/call", &params), "c").unwrap().unwrap();
    assert_eq!(call.args, [("params/inputResponses".to_owned(), json!({"a": 1}))].into());
    let clash = json!({"name": "pay", "arguments": {"params/x": 1}, "x": 2});
    assert_eq!(mcp_error(&rpc("tools/call", &clash)), ReadError::Ambiguous);
}

#[test]
fn housekeeping_passes_and_everything_else_is_a_call() {
    for method in ["initialize", "ping", "tools/list", "notifications/initialized"] {
        assert_eq!(mcp::read(&rpc(method, &json!({})), "c").unwrap(), None);
    }
    for method in ["resources/read", "completion/complete", "tools/call2", "made/up"] {
        let call = mcp::read(&rpc(method, &json!({"uri": "x"})), "c").unwrap().unwrap();
        assert_eq!(call.name, method);
        assert_eq!(call.args["uri"], "x");
    }
    let answer = br#"{"jsonrpc":"2.0","id":"q1","result":{"content":"secret"}}"#;
    let call = mcp::read(answer, "c").unwrap().unwrap();
    assert_eq!((call.name.as_str(), call.call.as_str()), ("response", "q1"));
    assert_eq!(call.args["body"]["content"], "secret");
}

#[test]
fn what_another_reader_could_take_differently_is_refused() {
    let twice = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call",
        "params":{"name":"read","name":"pay","arguments":{}}}"#;
    assert_eq!(mcp_error(twice), ReadError::Ambiguous);
    let case = br#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{}}"#;
    assert_eq!(mcp_error(case), ReadError::Ambiguous);
    let case = json!({"name": "read", "Name": "pay"});
    assert_eq!(mcp_error(&rpc("tools/call", &case)), ReadError::Ambiguous);
    let both = br#"{"jsonrpc":"2.0","id":1,"method":"ping","result":1}"#;
    assert_eq!(mcp_error(both), ReadError::Ambiguous);
    let rounded = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call",
        "params":{"name":"pay","arguments":{"account":9007199254740993}}}"#;
    assert_eq!(mcp_error(rounded), ReadError::Ambiguous);
}

#[test]
fn refuses_batches_notified_calls_and_other_shapes() {
    assert_eq!(mcp_error(b"[]"), ReadError::Batch);
    assert_eq!(mcp_error(br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#), ReadError::Batch);
    let notified = br#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"pay"}}"#;
    assert_eq!(mcp_error(notified), ReadError::Unanswerable);
    for body in ["", "1", "{}", "\u{feff}{}", r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#] {
        assert_eq!(mcp_error(body.as_bytes()), ReadError::Malformed, "{body}");
    }
    assert_eq!(mcp_error(&rpc("tools/call", &json!({}))), ReadError::Malformed);
    let list = json!({"name": "pay", "arguments": [1]});
    assert_eq!(mcp_error(&rpc("tools/call", &list)), ReadError::Malformed);
    let long = json!({"name": "x".repeat(257)});
    assert_eq!(mcp_error(&rpc("tools/call", &long)), ReadError::NameTooLong);
    assert_eq!(mcp_error(&vec![b' '; MAX_BODY_BYTES + 1]), ReadError::TooLarge);
}

#[test]
fn both_spellings_of_a_message_are_one_interaction() {
    let message = json!({"messageId": "m1", "contextId": "k", "parts": [{"text": "hi"}]});
    for method in ["message/send", "SendMessage"] {
        let params = json!({"message": message, "metadata": {"skill": "harmless"}});
        let call = a2a::read(&rpc(method, &params), None).unwrap().unwrap();
        assert_eq!((call.name.as_str(), call.call.as_str()), ("message/send", "m1"));
        assert_eq!(call.conversation, "k");
        assert_eq!(call.args["message"], message);
    }
    let named = a2a::read(&rpc("SendMessage", &json!({"message": message})), Some("c"));
    assert_eq!(named.unwrap().unwrap().conversation, "c");
    assert_eq!(a2a::read(&rpc("GetTask", &json!({"id": "t"})), None).unwrap(), None);
    let hook = a2a::read(&rpc("tasks/pushNotificationConfig/set", &json!({})), None);
    assert_eq!(hook.unwrap().unwrap().name, "tasks/pushNotificationConfig/set");
    let bare = a2a::read(&rpc("message/send", &json!({})), None);
    assert_eq!(bare.unwrap_err(), ReadError::Malformed);
}

#[test]
fn refusals_have_codes_and_remedies_of_their_own() {
    let all = [
        ReadError::Ambiguous,
        ReadError::Batch,
        ReadError::Malformed,
        ReadError::NameTooLong,
        ReadError::TooLarge,
        ReadError::Unanswerable,
    ];
    let codes: std::collections::BTreeSet<_> = all.iter().map(|e| e.code()).collect();
    let remedies: std::collections::BTreeSet<_> = all.iter().map(|e| e.remedy()).collect();
    assert_eq!((codes.len(), remedies.len()), (all.len(), all.len()));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _mcp = mcp::read(&bytes, "c");
        let _a2a = a2a::read(&bytes, None);
    }

    #[test]
    fn arbitrary_members_never_panic(method in "[a-zA-Z/]{0,16}", params in any_json()) {
        for method in [method.as_str(), "tools/call", "message/send"] {
            let _mcp = mcp::read(&rpc(method, &params), "c");
            let _a2a = a2a::read(&rpc(method, &params), None);
        }
    }

    #[test]
    fn every_argument_arrives_as_it_was(
        name in "[a-z_]{1,20}",
        args in prop::collection::btree_map("[a-z]{1,6}", any_json(), 0..5),
    ) {
        let params = json!({"name": name, "arguments": args});
        let call = mcp::read(&rpc("tools/call", &params), "c").unwrap().unwrap();
        prop_assert_eq!(call.name, name);
        prop_assert_eq!(call.args, args);
    }
}
