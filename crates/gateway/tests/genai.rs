//! Telemetry of the GenAI conventions to observations, without a server.
#[path = "support/telemetry.rs"]
mod telemetry;

use std::sync::Arc;

use cloister_gateway as gateway;
use gateway::otlp::genai::{logs_to_observations, spans_to_observations};
use gateway::{Body, Captured, Observation, Scope};
use messages::event::{self, Content, Role, Status};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use proptest::prelude::*;
use prost::Message;
use serde_json::json;
use telemetry::{attribute, chat_span, export, log, span, text, tool_span};

fn observe(spans: Vec<Span>) -> Vec<Observation> {
    let (seen, rejected) = spans_to_observations(export(spans), &Scope::Full);
    assert_eq!(rejected.count(), 0, "{}", rejected.reason());
    seen
}

#[test]
fn tool_span_is_a_call_and_its_result() {
    let seen = observe(vec![tool_span(1)]);
    let bodies: Vec<_> = seen.iter().map(|o| o.body.to_event_body().unwrap()).collect();
    assert_eq!(
        bodies,
        [
            event::Body::Call {
                call: "call_1".into(),
                name: "get_balance".into(),
                args: [("account".to_owned(), json!("a1"))].into(),
                via: None,
            },
            event::Body::Result {
                call: "call_1".into(),
                status: Status::Ok,
                content: Content::Document(json!({"balance": "12.50"})),
                latency_us: Some(1500),
            },
        ]
    );
    assert_eq!((seen[0].from, seen[0].to), (Role::Initiator, Role::Provider));
    assert_eq!((seen[1].from, seen[1].to), (Role::Provider, Role::Initiator));
    assert_eq!((seen[0].at_us, seen[1].at_us), (Some(1_000_000), Some(1_001_500)));
    assert!(seen.iter().all(|o| o.conversation == "conv"));
    assert_ne!(seen[0].source, seen[1].source);
}

#[test]
fn tool_span_without_content_has_no_content() {
    let bare =
        span(1, vec![text("gen_ai.operation.name", "execute_tool"), text("gen_ai.tool.name", "t")]);
    let seen = observe(vec![bare]);
    assert_eq!(seen[0].conversation, "01".repeat(16), "the trace stands in");
    let Body::Call { call, args: None, .. } = &seen[0].body else { panic!("{:?}", seen[0]) };
    assert_eq!(*call, "01".repeat(8), "the span stands in");
    assert!(matches!(seen[1].body, Body::Result { content: None, .. }));
    assert!(seen.iter().all(|o| o.body.to_event_body().is_none()));
}

#[test]
fn arguments_may_be_structured_or_text() {
    let with = |arguments| {
        let mut tool = span(1, vec![text("gen_ai.operation.name", "execute_tool")]);
        tool.attributes.extend([text("gen_ai.tool.name", "t"), arguments]);
        observe(vec![tool])[0].body.to_event_body()
    };
    let args = |value| {
        Some(event::Body::Call {
            call: "01".repeat(8),
            name: "t".into(),
            args: [value].into(),
            via: None,
        })
    };
    let key = "gen_ai.tool.call.arguments";
    let structured = attribute(
        key,
        Any::KvlistValue(KeyValueList {
            values: vec![
                attribute("n", Any::IntValue(5)),
                attribute("big", Any::IntValue(i64::MAX)),
            ],
        }),
    );
    let Some(event::Body::Call { args: got, .. }) = with(structured) else { panic!() };
    assert_eq!(got["n"], 5);
    assert_eq!(got["big"], i64::MAX.to_string());
    assert_eq!(with(text(key, "free text")), args(("arguments".into(), json!("free text"))));
    let twice = r#"{"a":1,"a":2}"#;
    assert_eq!(with(text(key, twice)), args(("arguments".into(), json!(twice))));
}

#[test]
fn errors_keep_their_kind() {
    let status = |error: Option<&str>, failed| {
        let mut tool = tool_span(1);
        tool.attributes.extend(error.map(|error| text("error.type", error)));
        tool.status = Some(opentelemetry_proto::tonic::trace::v1::Status {
            message: String::new(),
            code: if failed { StatusCode::Error } else { StatusCode::Unset }.into(),
        });
        match &observe(vec![tool])[1].body {
            Body::Result { status, .. } => *status,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status(None, false), Status::Ok);
    assert_eq!(status(None, true), Status::Error);
    assert_eq!(status(Some("timeout"), true), Status::Timeout);
    assert_eq!(status(Some("asyncio.exceptions.TimeoutError"), true), Status::Timeout);
    assert_eq!(status(Some("asyncio.CancelledError"), true), Status::Cancelled);
    assert_eq!(status(Some("tool_error"), false), Status::Error);
}

#[test]
fn result_never_precedes_its_call() {
    let mut tool = tool_span(1);
    tool.end_time_unix_nano = 1;
    let seen = observe(vec![tool]);
    assert_eq!(seen[0].at_us, seen[1].at_us);
    assert!(matches!(seen[0].body, Body::Call { .. }));
    assert!(matches!(seen[1].body, Body::Result { latency_us: None, .. }));
}

#[test]
fn chat_says_only_what_is_new() {
    let seen = observe(vec![chat_span(1)]);
    let said: Vec<_> = seen.iter().map(|o| (o.from, o.body.to_event_body().unwrap())).collect();
    let message = |text: &str| event::Body::Message { text: text.into() };
    assert_eq!(
        said,
        [(Role::Principal, message("and mine?")), (Role::Initiator, message("It is 12.50."))]
    );
}

#[test]
fn inference_tried_again_repeats_no_words() {
    let (first, again) = (observe(vec![chat_span(1)]), observe(vec![chat_span(2)]));
    assert_eq!(first[0].source, again[0].source);
    assert_ne!(first[1].source, again[1].source);
}

#[test]
fn log_event_says_the_same_as_its_span() {
    let record = log("gen_ai.client.inference.operation.details", chat_span(1).attributes);
    let (seen, rejected) = logs_to_observations(record, &Scope::Full);
    assert_eq!(rejected.count(), 0);
    let sources = |seen: &[Observation]| seen.iter().map(|o| o.source).collect::<Vec<_>>();
    assert_eq!(sources(&seen), sources(&observe(vec![chat_span(1)])));
    let (other, _) = logs_to_observations(log("gen_ai.choice", vec![]), &Scope::Full);
    assert!(other.is_empty());
}

#[test]
fn same_call_one_layer_down_counts_once() {
    let mut inner = tool_span(2);
    inner.parent_span_id = vec![1; 8];
    inner.attributes.push(text("mcp.method.name", "tools/call"));
    let mut other = tool_span(3);
    other.parent_span_id = vec![1; 8];
    other.attributes.retain(|a| a.key != "gen_ai.tool.name");
    other.attributes.push(text("gen_ai.tool.name", "another"));
    assert_eq!(observe(vec![inner, other, tool_span(1), tool_span(1)]).len(), 4);
}

#[test]
fn circle_of_parents_hides_no_call() {
    let (mut first, mut second, mut own) = (tool_span(1), tool_span(2), tool_span(3));
    first.parent_span_id = vec![2; 8];
    second.parent_span_id = vec![1; 8];
    own.parent_span_id = vec![3; 8];
    assert_eq!(observe(vec![first, second, own]).len(), 6);
}

#[test]
fn other_spans_are_acknowledged_and_ignored() {
    let agent = span(1, vec![text("gen_ai.operation.name", "invoke_agent")]);
    let plain = span(2, vec![text("http.request.method", "GET")]);
    let nameless = Span::default();
    assert!(observe(vec![agent, plain, nameless]).is_empty());
}

#[test]
fn unusable_tool_spans_are_rejected_with_a_reason() {
    let mut without_id = tool_span(1);
    without_id.span_id.clear();
    without_id.parent_span_id = vec![7; 8];
    let nameless = span(2, vec![text("gen_ai.operation.name", "execute_tool")]);
    let mut long = tool_span(3);
    long.attributes.insert(0, text("gen_ai.conversation.id", &"x".repeat(257)));
    let request = export(vec![without_id, nameless, long, tool_span(4)]);
    let (seen, rejected) = spans_to_observations(request, &Scope::Full);
    assert_eq!((seen.len(), rejected.count()), (2, 3));
    assert_eq!(
        rejected.reason(),
        "1 with a name or identifier over 256 bytes; 1 without a trace and a span identifier; \
         1 without gen_ai.tool.name"
    );
}

#[test]
fn scope_keeps_content_back() {
    let hash: gateway::KeyedHash = Arc::new(|bytes| [u8::try_from(bytes.len()).unwrap(); 32]);
    let (metadata, _) = spans_to_observations(export(vec![tool_span(1)]), &Scope::Metadata);
    let (hashed, _) = spans_to_observations(export(vec![tool_span(1)]), &Scope::HashOnly(hash));
    let first_arg = |seen: &[Observation]| match &seen[0].body {
        Body::Call { args: Some(args), .. } => args["account"].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(first_arg(&metadata), Captured::Sized { bytes: 2 });
    assert_eq!(first_arg(&hashed), Captured::Hashed { hash: [2; 32], bytes: 2 });
    for scope in [Scope::Metadata, Scope::HashOnly(Arc::new(|_| [0; 32]))] {
        let spans = vec![tool_span(1), chat_span(2)];
        let (seen, _) = spans_to_observations(export(spans), &scope);
        let told = format!("{seen:?}");
        for content in ["a1", "12.50", "mine"] {
            assert!(!told.contains(content), "{content} under {scope:?}");
        }
    }
}

#[test]
fn content_too_large_for_an_event_becomes_a_size() {
    let mut tool = tool_span(1);
    tool.attributes.retain(|a| a.key != "gen_ai.tool.call.result");
    tool.attributes.push(text("gen_ai.tool.call.result", &"x".repeat(300_000)));
    let seen = observe(vec![tool]);
    let Body::Result { content, .. } = &seen[1].body else { panic!() };
    assert_eq!(*content, Some(Captured::Sized { bytes: 300_000 }));
}

#[test]
fn largest_full_content_fits_an_event() {
    let text = "\u{1}".repeat(37_000); // six bytes of JSON each
    let Captured::Full(value) = Scope::Full.capture(json!(text)) else { panic!() };
    assert!(serde_json::to_vec(&value).unwrap().len() > 220_000);
    assert!(matches!(Scope::Full.capture(json!("\u{1}".repeat(39_000))), Captured::Sized { .. }));
}

#[test]
fn odd_message_lists_say_nothing() {
    for odd in ["7", "[]", "[1,{}]", r#"[{"role":"user","parts":[{"type":"text"}]}]"#, "{}"] {
        let mut chat = span(1, vec![text("gen_ai.operation.name", "chat")]);
        chat.attributes.push(text("gen_ai.input.messages", odd));
        chat.attributes.push(text("gen_ai.output.messages", odd));
        assert_eq!(observe(vec![chat]), [], "{odd}");
    }
    let mut chat = span(1, vec![text("gen_ai.operation.name", "chat")]);
    chat.attributes
        .push(attribute("gen_ai.input.messages", Any::ArrayValue(ArrayValue::default())));
    assert_eq!(observe(vec![chat]), []);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        if let Ok(spans) = ExportTraceServiceRequest::decode(&bytes[..]) {
            let _seen = spans_to_observations(spans, &Scope::Full);
        }
        if let Ok(records) = ExportLogsServiceRequest::decode(&bytes[..]) {
            let _seen = logs_to_observations(records, &Scope::Full);
        }
    }

    #[test]
    fn arbitrary_attributes_never_panic(
        operation in prop::sample::select(vec!["execute_tool", "chat", "invoke_agent", "x"]),
        values in prop::collection::vec("\\PC{0,40}", 4),
        ids in any::<(Vec<u8>, Vec<u8>)>(),
        times in any::<(u64, u64)>(),
    ) {
        let mut any = span(1, vec![text("gen_ai.operation.name", operation)]);
        let keys = ["gen_ai.tool.name", "gen_ai.tool.call.arguments", "gen_ai.input.messages", "error.type"];
        any.attributes.extend(keys.iter().zip(&values).map(|(key, value)| text(key, value)));
        (any.start_time_unix_nano, any.end_time_unix_nano) = times;
        let mut odd = any.clone();
        (odd.trace_id, odd.span_id) = ids;
        let (seen, rejected) = spans_to_observations(export(vec![any, odd]), &Scope::Full);
        prop_assert!(seen.len() <= 4 && rejected.count() <= 2);
    }
}
