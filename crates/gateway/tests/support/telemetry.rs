//! Spans as an agent's instrumentation writes them.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

pub(crate) fn attribute(key: &str, value: Value) -> KeyValue {
    let value = Some(AnyValue { value: Some(value) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

pub(crate) fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// Trace and span are made of the byte `n`.
pub(crate) fn span(n: u8, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![n; 16],
        span_id: vec![n; 8],
        start_time_unix_nano: 1_000_000_000,
        end_time_unix_nano: 1_001_500_000,
        attributes,
        ..Span::default()
    }
}

pub(crate) fn tool_span(n: u8) -> Span {
    let mut tool = span(
        n,
        vec![
            text("gen_ai.operation.name", "execute_tool"),
            text("gen_ai.conversation.id", "conv"),
            text("gen_ai.tool.name", "get_balance"),
            text("gen_ai.tool.call.id", &format!("call_{n}")),
            text("gen_ai.tool.call.arguments", r#"{"account":"a1"}"#),
            text("gen_ai.tool.call.result", r#"{"balance":"12.50"}"#),
        ],
    );
    tool.trace_id = vec![9; 16];
    tool
}

pub(crate) fn chat_span(n: u8) -> Span {
    span(
        n,
        vec![
            text("gen_ai.operation.name", "chat"),
            text("gen_ai.conversation.id", "conv"),
            text(
                "gen_ai.input.messages",
                r#"[{"role":"user","parts":[{"type":"text","content":"my balance?"}]},
                    {"role":"assistant","parts":[{"type":"text","content":"Which?"}]},
                    {"role":"user","parts":[{"type":"text","content":"and mine?"}]}]"#,
            ),
            text(
                "gen_ai.output.messages",
                r#"[{"role":"assistant","finish_reason":"stop",
                     "parts":[{"type":"text","content":"It is 12.50."}]}]"#,
            ),
        ],
    )
}

pub(crate) fn export(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// A record in trace and span 1.
pub(crate) fn log(name: &str, attributes: Vec<KeyValue>) -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: 1_000_000_000,
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        event_name: name.into(),
        attributes,
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }],
    }
}
