//! OTLP over real sockets: what is acknowledged was taken, once.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here says so")]

#[path = "support/desk.rs"]
mod desk;
#[path = "support/telemetry.rs"]
mod telemetry;
#[path = "support/web.rs"]
mod web;

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use cloister_gateway as gateway;
use desk::{Recorder, Served};
use flate2::Compression;
use flate2::write::GzEncoder;
use gateway::otlp::{self, Intake};
use gateway::{DeskError, ListenError, Loopback, Scope};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use prost::Message;
use telemetry::{chat_span, export, log, span, text, tool_span};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

async fn grpc(desk: &Recorder, scope: Scope) -> (Served, Channel) {
    let desk = desk.clone();
    let served =
        Served::start(|listener, stop| otlp::serve_grpc(listener, Intake::new(desk, scope), stop))
            .await;
    let endpoint = Endpoint::from_shared(format!("http://{}", served.address)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    (served, channel)
}

async fn http(desk: &Recorder) -> Served {
    let desk = desk.clone();
    Served::start(|listener, stop| otlp::serve_http(listener, Intake::new(desk, Scope::Full), stop))
        .await
}

fn seen(desk: &Recorder) -> usize {
    desk.with(|book| book.seen.len())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn grpc_export_reaches_the_desk_gzipped_or_not() {
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let mut traces = TraceServiceClient::new(channel.clone());
    let response = traces.export(export(vec![tool_span(1)])).await.unwrap();
    assert_eq!(response.into_inner().partial_success, None);
    let mut packed = traces.send_compressed(CompressionEncoding::Gzip);
    packed.export(export(vec![chat_span(2)])).await.unwrap();
    assert_eq!(seen(&desk), 4);
    let mut logs = LogsServiceClient::new(channel);
    let record = log("gen_ai.client.inference.operation.details", chat_span(1).attributes);
    logs.export(record).await.unwrap();
    assert_eq!(seen(&desk), 5, "the words of the principal were there already, the answer was not");
    served.end().await;
}

#[tokio::test]
async fn retry_is_taken_once() {
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let mut traces = TraceServiceClient::new(channel);
    let batch = export(vec![tool_span(1), tool_span(2)]);
    for _ in 0..3 {
        traces.export(batch.clone()).await.unwrap();
    }
    assert_eq!(seen(&desk), 4);
    served.end().await;
}

#[tokio::test]
async fn full_desk_asks_to_come_again_and_nothing_is_lost_or_doubled() {
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let mut traces = TraceServiceClient::new(channel);
    let batch = export(vec![tool_span(1)]);
    traces.export(batch.clone()).await.unwrap();
    let full = DeskError::Full { retry_after: Duration::from_millis(1500) };
    desk.with(|book| book.refusals = vec![full]);
    let batch = export(vec![tool_span(1), tool_span(2), tool_span(3)]);
    let status = traces.export(batch.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = status.details();
    assert!(details.windows(9).any(|w| w == b"RetryInfo"), "{details:?}");
    assert!(details.ends_with(&[0x08, 1, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01]), "1.5 s");
    traces.export(batch).await.unwrap();
    assert_eq!(seen(&desk), 6);
    served.end().await;
}

#[tokio::test]
async fn what_can_never_be_an_event_is_rejected_by_number() {
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let mut traces = TraceServiceClient::new(channel);
    desk.with(|book| book.refusals = vec![DeskError::Unfit, DeskError::NoSession]);
    let nameless = span(3, vec![text("gen_ai.operation.name", "execute_tool")]);
    let response = traces.export(export(vec![tool_span(1), nameless])).await.unwrap();
    let partial = response.into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 3);
    assert_eq!(
        partial.error_message,
        "1 of a conversation that no session belongs to; 1 that cannot be an event of the \
         session; 1 without gen_ai.tool.name"
    );
    served.end().await;
}

#[tokio::test]
async fn metrics_are_said_to_be_unused() {
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let data_points = vec![NumberDataPoint::default(); 2];
    let metric = Metric { data: Some(Data::Gauge(Gauge { data_points })), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    let request = ExportMetricsServiceRequest { resource_metrics };
    let response = MetricsServiceClient::new(channel).export(request).await.unwrap();
    let partial = response.into_inner().partial_success.unwrap();
    assert_eq!((partial.rejected_data_points, seen(&desk)), (2, 0));
    assert_eq!(partial.error_message, "metrics are not used here");
    served.end().await;
}

#[tokio::test]
async fn bomb_is_refused_on_both_ways() {
    let zeroes = vec![0; 64 * 1024 * 1024];
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let bomb = span(1, vec![text("x", &"0".repeat(zeroes.len()))]);
    let mut traces = TraceServiceClient::new(channel).send_compressed(CompressionEncoding::Gzip);
    let status = traces.export(export(vec![bomb])).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    served.end().await;

    let served = http(&desk).await;
    let gzipped = [PROTOBUF, ("content-encoding", "gzip")];
    let answer = web::send(served.address, "POST /v1/traces", &gzipped, &gzip(&zeroes)).await;
    assert_eq!(answer.status, 413);
    let answer = web::send(served.address, "POST /v1/traces", &[PROTOBUF], &zeroes).await;
    assert_eq!(answer.status, 413);
    served.end().await;
}

#[tokio::test]
async fn http_speaks_protobuf_and_json_gzipped_or_not() {
    let desk = Recorder::default();
    let served = http(&desk).await;
    let to = served.address;
    let plain = export(vec![tool_span(1)]).encode_to_vec();
    let answer = web::send(to, "POST /v1/traces", &[PROTOBUF], &plain).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/x-protobuf"))
    );
    assert_eq!(ExportTraceServiceResponse::decode(&answer.body[..]).unwrap().partial_success, None);
    let packed = gzip(&export(vec![tool_span(2)]).encode_to_vec());
    let gzipped = [PROTOBUF, ("content-encoding", "gzip")];
    assert_eq!(web::send(to, "POST /v1/traces", &gzipped, &packed).await.status, 200);
    // As the OTLP specification writes it: identifiers in hex, integers as strings.
    let json = br#"{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"scope":{},"spans":[{
        "traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"execute_tool t",
        "kind":1,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000",
        "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},
            {"key":"gen_ai.tool.name","value":{"stringValue":"t"}},
            {"key":"gen_ai.tool.call.arguments","value":{"kvlistValue":{"values":[
                {"key":"n","value":{"intValue":"3"}}]}}}]}]}]}]}"#;
    let answer = web::send(to, "POST /v1/traces", &[JSON], json).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(seen(&desk), 6);
    let args = desk.with(|book| format!("{:?}", book.seen[4].body));
    assert!(args.contains("Number(3)"), "{args}");
    served.end().await;
}

#[tokio::test]
async fn http_refusals_say_whether_to_come_again() {
    let desk = Recorder::default();
    let served = http(&desk).await;
    let to = served.address;
    let post = "POST /v1/traces";
    assert_eq!(web::send(to, post, &[JSON], b"{").await.status, 400);
    assert_eq!(web::send(to, post, &[PROTOBUF], b"\xff").await.status, 400);
    let gzipped = [PROTOBUF, ("content-encoding", "gzip")];
    assert_eq!(web::send(to, post, &gzipped, b"no gzip").await.status, 400);
    let brotli = [PROTOBUF, ("content-encoding", "br")];
    assert_eq!(web::send(to, post, &brotli, b"").await.status, 415);
    assert_eq!(web::send(to, post, &[("content-type", "text/plain")], b"{}").await.status, 415);
    assert_eq!(web::send(to, "POST /v1/profiles", &[JSON], b"{}").await.status, 404);
    desk.with(|book| book.refusals = vec![DeskError::Closed]);
    let body = export(vec![tool_span(1)]).encode_to_vec();
    let answer = web::send(to, post, &[PROTOBUF], &body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(web::send(to, post, &[PROTOBUF], &body).await.status, 200);
    assert_eq!(seen(&desk), 2);
    served.end().await;
}

#[tokio::test]
async fn pages_of_a_browser_are_refused() {
    let desk = Recorder::default();
    let served = http(&desk).await;
    let to = served.address;
    for header in [("origin", "https://example.org"), ("host", "example.org:4318")] {
        assert_eq!(web::send(to, "POST /v1/traces", &[JSON, header], b"{}").await.status, 403);
    }
    assert_eq!(web::send(to, "POST /v1/traces", &[JSON], b"{}").await.status, 200);
    served.end().await;
}

#[tokio::test]
async fn sender_that_hangs_up_leaves_a_definite_state() {
    let desk = Recorder::default();
    let (served, channel) = grpc(&desk, Scope::Full).await;
    let mut traces = TraceServiceClient::new(channel);
    let batch = export((1..=100).map(tool_span).collect());
    let hasty = tokio::time::timeout(Duration::from_micros(300), traces.export(batch.clone()));
    drop(hasty.await);
    // A retry is told to wait, or meets everything taken; never doubles.
    while traces.export(batch.clone()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(seen(&desk), 200);
    served.end().await;
}

#[tokio::test]
async fn senders_beyond_the_bound_wait_and_lose_nothing() {
    let desk = Recorder::default();
    let served = http(&desk).await;
    let to = served.address;
    let head = "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\n\
                content-type: application/x-protobuf\r\ncontent-length: 9\r\n\r\n";
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let body = export(vec![tool_span(1)]).encode_to_vec();
    let mut next =
        tokio::spawn(
            async move { web::send(to, "POST /v1/traces", &[PROTOBUF], &body).await.status },
        );
    let early = tokio::time::timeout(Duration::from_millis(300), &mut next).await;
    assert!(early.is_err(), "nobody took its place");
    drop(slow);
    assert_eq!((next.await.unwrap(), seen(&desk)), (200, 2));
    served.end().await;
}

#[tokio::test]
async fn other_machines_find_no_listener() {
    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = Loopback::new(everywhere).unwrap_err();
    assert!(matches!(error, ListenError::Exposed));
    assert_eq!(error.code(), "listener-exposed");
    let told = Loopback::dangerous_exposed(TcpListener::bind("0.0.0.0:0").await.unwrap());
    assert!(told.is_exposed());
    let inside: SocketAddr = "127.8.8.8:0".parse().unwrap();
    assert!(Loopback::new(TcpListener::bind(inside).await.unwrap()).is_ok());
}
