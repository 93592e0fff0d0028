//! GenAI spans and log events to observations: pure functions.
//!
//! Source: OpenTelemetry semantic conventions for generative AI, development status of late 2026
//! (`gen_ai.*`, repository semantic-conventions-genai), and for MCP (`mcp.method.name`).
//!
//! | telemetry | becomes |
//! | --- | --- |
//! | span, `gen_ai.operation.name` = `execute_tool`, or `mcp.method.name` = `tools/call` | a call at its start, a result at its end |
//! | span, operation `chat`, `generate_content` or `text_completion` | new messages of principal and initiator |
//! | log event `gen_ai.client.inference.operation.details` | the same |
//! | all other (`invoke_agent` repeats what its inferences say) | nothing |
//!
//! The conversation is `gen_ai.conversation.id`, else `mcp.session.id`, else the trace.
//! Where instrumentations record no content, calls and results come without.

use std::collections::{BTreeMap, BTreeSet};

use messages::event::{Role, Status};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;

use super::attributes::Attributes;
use super::chat;
use crate::observation::{Body, MAX_NAME_BYTES, Observation, SourceId};
use crate::scope::Scope;

/// Telemetry that should have become something and could not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    reasons: BTreeMap<&'static str, u64>,
}

impl Rejected {
    /// How many spans or log records.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.reasons.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Why, with a number each; empty when nothing was rejected.
    #[must_use]
    pub fn reason(&self) -> String {
        let reasons: Vec<String> =
            self.reasons.iter().map(|(why, n)| format!("{n} {why}")).collect();
        reasons.join("; ")
    }

    pub(super) fn add(&mut self, why: &'static str) {
        let count = self.reasons.entry(why).or_default();
        *count = count.saturating_add(1);
    }
}

/// Reads spans, oldest happening first.
#[must_use]
pub fn spans_to_observations(
    request: ExportTraceServiceRequest,
    scope: &Scope,
) -> (Vec<Observation>, Rejected) {
    let spans: Vec<Span> = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    let layers = Layers::of(&spans);
    let mut seen = BTreeSet::new();
    let mut observations = Vec::new();
    let mut rejected = Rejected::default();
    for span in &spans {
        if layers.is_inner(span) {
            continue; // the same call, seen again one layer down
        }
        if !seen.insert((&span.trace_id, &span.span_id)) {
            continue;
        }
        match of_span(span, scope) {
            Ok(found) => observations.extend(found),
            Err(why) => rejected.add(why),
        }
    }
    observations.sort_by_key(|observation| observation.at_us);
    (observations, rejected)
}

/// The tool spans of a request: an MCP client's span inside its framework's is the same call.
struct Layers<'a>(BTreeMap<SpanName<'a>, &'a Span>);

/// Trace and span.
type SpanName<'a> = (&'a [u8], &'a [u8]);

impl<'a> Layers<'a> {
    fn of(spans: &'a [Span]) -> Self {
        let tools = spans.iter().filter(|span| tool_name(Attributes(&span.attributes)).is_some());
        Self(tools.map(|span| ((&span.trace_id[..], &span.span_id[..]), span)).collect())
    }

    /// The span around `span`, when it is of the same tool.
    fn outer(&self, span: &Span) -> Option<&'a Span> {
        let parent = &span.parent_span_id[..];
        if !is_id(parent, 8) {
            return None;
        }
        let outer = self.0.get(&(&span.trace_id[..], parent)).copied()?;
        let name = |span: &'a Span| tool_name(Attributes(&span.attributes));
        (name(outer) == tool_name(Attributes(&span.attributes))).then_some(outer)
    }

    /// False for the outermost, and for parents in a circle: nothing is lost that way.
    fn is_inner(&self, span: &Span) -> bool {
        let mut outermost = self.outer(span);
        for _ in 0..MAX_LAYERS {
            let Some(layer) = outermost else { return false };
            outermost = self.outer(layer);
            if outermost.is_none() {
                return true;
            }
        }
        false
    }
}

/// Reads log records.
#[must_use]
pub fn logs_to_observations(
    request: ExportLogsServiceRequest,
    scope: &Scope,
) -> (Vec<Observation>, Rejected) {
    let records = request
        .resource_logs
        .into_iter()
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records);
    let mut observations = Vec::new();
    let mut rejected = Rejected::default();
    for record in records {
        match of_log(&record, scope) {
            Ok(found) => observations.extend(found),
            Err(why) => rejected.add(why),
        }
    }
    observations.sort_by_key(|observation| observation.at_us);
    (observations, rejected)
}

fn of_span(span: &Span, scope: &Scope) -> Result<Vec<Observation>, &'static str> {
    let attributes = Attributes(&span.attributes);
    let operation = attributes.text("gen_ai.operation.name").unwrap_or_default();
    let is_tool = is_tool(attributes);
    if !is_tool && !INFERENCE.contains(&operation) {
        return Ok(Vec::new());
    }
    let place = Place::new(&span.trace_id, &span.span_id, attributes)?;
    let (start, end) = (micros(span.start_time_unix_nano), micros(span.end_time_unix_nano));
    if is_tool {
        tool_use(span, &place, scope).map(Vec::from)
    } else {
        Ok(conversation(attributes, &place, (start, end), scope))
    }
}

fn of_log(record: &LogRecord, scope: &Scope) -> Result<Vec<Observation>, &'static str> {
    let attributes = Attributes(&record.attributes);
    // Before records had a name of their own, it was an attribute.
    let name = if record.event_name.is_empty() {
        attributes.text("event.name").unwrap_or_default()
    } else {
        &record.event_name
    };
    if name != "gen_ai.client.inference.operation.details" {
        return Ok(Vec::new());
    }
    let place = Place::new(&record.trace_id, &record.span_id, attributes)?;
    let at = micros(record.time_unix_nano).or_else(|| micros(record.observed_time_unix_nano));
    Ok(conversation(attributes, &place, (at, at), scope))
}

/// Where something was seen.
struct Place<'a> {
    trace: &'a [u8],
    span: &'a [u8],
    conversation: String,
}

impl<'a> Place<'a> {
    fn new(
        trace: &'a [u8],
        span: &'a [u8],
        attributes: Attributes<'_>,
    ) -> Result<Self, &'static str> {
        if !is_id(trace, 16) || !is_id(span, 8) {
            return Err("without a trace and a span identifier");
        }
        let named =
            attributes.text("gen_ai.conversation.id").or_else(|| attributes.text("mcp.session.id"));
        let conversation = named.map_or_else(|| hex::encode(trace), str::to_owned);
        Ok(Self { trace, span, conversation: bearable(conversation)? })
    }

    fn source(&self, kind: &str, place: usize) -> Option<SourceId> {
        let place = u64::try_from(place).unwrap_or(u64::MAX).to_be_bytes();
        Some(SourceId::of(kind, &[self.trace, self.span, &place]))
    }
}

fn tool_use(
    span: &Span,
    place: &Place<'_>,
    scope: &Scope,
) -> Result<[Observation; 2], &'static str> {
    let attributes = Attributes(&span.attributes);
    let name = tool_name(attributes).ok_or("without gen_ai.tool.name")?;
    let name = bearable(name.to_owned())?;
    let call = attributes
        .text("gen_ai.tool.call.id")
        .map_or_else(|| hex::encode(place.span), str::to_owned);
    let call = bearable(call)?;
    let args = attributes.structured("gen_ai.tool.call.arguments").map(|args| match args {
        Value::Object(args) => args.into_iter().collect(),
        other => BTreeMap::from([("arguments".to_owned(), other)]),
    });
    let content = attributes.structured("gen_ai.tool.call.result");
    let (start, end) = (micros(span.start_time_unix_nano), micros(span.end_time_unix_nano));
    let latency_us = start.zip(end).and_then(|(start, end)| end.checked_sub(start));
    let asked = Observation {
        conversation: place.conversation.clone(),
        source: place.source("call", 0),
        from: Role::Initiator,
        to: Role::Provider,
        at_us: start,
        body: Body::Call {
            call: call.clone(),
            name,
            args: args.map(|args| scope.capture_args(args)),
            via: None,
        },
    };
    let answered = Observation {
        conversation: place.conversation.clone(),
        source: place.source("result", 0),
        from: Role::Provider,
        to: Role::Initiator,
        // Never before its call, whatever the clock did.
        at_us: start.max(end),
        body: Body::Result {
            call,
            status: outcome(span),
            content: content.map(|content| scope.capture(content)),
            latency_us,
        },
    };
    Ok([asked, answered])
}

fn conversation(
    attributes: Attributes<'_>,
    place: &Place<'_>,
    (start, end): (Option<u64>, Option<u64>),
    scope: &Scope,
) -> Vec<Observation> {
    let message = |source, from, to, at_us, text: String| Observation {
        conversation: place.conversation.clone(),
        source,
        from,
        to,
        at_us,
        body: Body::Message { text: scope.capture(Value::String(text)) },
    };
    let input = attributes.structured("gen_ai.input.messages").unwrap_or_default();
    let output = attributes.structured("gen_ai.output.messages").unwrap_or_default();
    let asked = chat::asked(&input).into_iter().map(|(nth, text)| {
        // An inference that is tried again under a new span repeats the same words at the same
        // place of the conversation.
        let nth = u64::try_from(nth).unwrap_or(u64::MAX).to_be_bytes();
        let parts = [place.conversation.as_bytes(), &nth, text.as_bytes()];
        let source = SourceId::of("asked", &parts);
        message(Some(source), Role::Principal, Role::Initiator, start, text)
    });
    let answered = chat::answered(&output).into_iter().map(|(nth, text)| {
        message(place.source("answered", nth), Role::Initiator, Role::Principal, end, text)
    });
    asked.chain(answered).collect()
}

fn is_id(id: &[u8], length: usize) -> bool {
    id.len() == length && id.iter().any(|b| *b != 0)
}

fn is_tool(attributes: Attributes<'_>) -> bool {
    attributes.text("gen_ai.operation.name") == Some("execute_tool")
        || attributes.text("mcp.method.name") == Some("tools/call")
}

fn tool_name(attributes: Attributes<'_>) -> Option<&str> {
    if is_tool(attributes) { attributes.text("gen_ai.tool.name") } else { None }
}

/// `error.type` is a code, an exception's name or `timeout`; without one the span's status tells.
fn outcome(span: &Span) -> Status {
    let status = span.status.as_ref().map(|status| status.code);
    let Some(error) = Attributes(&span.attributes).text("error.type") else {
        let failed = status == Some(StatusCode::Error as i32);
        return if failed { Status::Error } else { Status::Ok };
    };
    let last = error.rsplit(['.', ':', '/']).next().unwrap_or(error).to_ascii_lowercase();
    match last.as_str() {
        "408" | "504" | "deadline_exceeded" | "deadlineexceeded" | "timeout" | "timeouterror"
        | "timeoutexception" => Status::Timeout,
        "aborterror" | "canceled" | "cancellederror" | "cancelled" | "cancellationexception" => {
            Status::Cancelled
        }
        _ => Status::Error,
    }
}

/// Microseconds; none for the moment zero, which stands for unknown.
const fn micros(nanos: u64) -> Option<u64> {
    if nanos == 0 { None } else { Some(nanos / 1000) }
}

fn bearable(name: String) -> Result<String, &'static str> {
    if name.len() > MAX_NAME_BYTES {
        Err("with a name or identifier over 256 bytes")
    } else {
        Ok(name)
    }
}

/// Framework, instrumentation, transport: more layers than anybody stacks.
const MAX_LAYERS: usize = 8;

const INFERENCE: &[&str] = &["chat", "generate_content", "text_completion"];
