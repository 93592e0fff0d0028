//! OTLP/gRPC.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};
use tower::limit::GlobalConcurrencyLimitLayer;

use super::genai::{Rejected, logs_to_observations, spans_to_observations};
use super::intake::{Intake, MAX_AT_WORK};
use super::{MAX_EXPORT_BYTES, web};
use crate::desk::{Desk, DeskError};
use crate::loopback::{ListenError, Loopback};

/// Serves traces, logs and metrics until `stop` is cancelled.
///
/// # Errors
/// [`ListenError::Stopped`] when the server ends by itself.
pub async fn serve<D: Desk>(
    listener: Loopback,
    intake: Intake<D>,
    stop: CancellationToken,
) -> Result<(), ListenError> {
    let traces = TraceServiceServer::new(Door(intake.clone()))
        .max_decoding_message_size(MAX_EXPORT_BYTES)
        .accept_compressed(Gzip);
    let logs = LogsServiceServer::new(Door(intake.clone()))
        .max_decoding_message_size(MAX_EXPORT_BYTES)
        .accept_compressed(Gzip);
    let metrics = MetricsServiceServer::new(Door(intake))
        .max_decoding_message_size(MAX_EXPORT_BYTES)
        .accept_compressed(Gzip);
    let (listener, _) = listener.into_parts();
    let server = Server::builder()
        .layer(GlobalConcurrencyLimitLayer::new(MAX_AT_WORK))
        .timeout(PATIENCE)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(traces)
        .add_service(logs)
        .add_service(metrics)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server => ended.map_err(|e| ListenError::Stopped(e.into())),
        () = overdue => Ok(()),
    }
}

struct Door<D>(Intake<D>);

#[tonic::async_trait]
impl<D: Desk> TraceService for Door<D> {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let response = traces(&self.0, request.into_inner()).await;
        response.map(Response::new).map_err(status)
    }
}

#[tonic::async_trait]
impl<D: Desk> LogsService for Door<D> {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let response = logs(&self.0, request.into_inner()).await;
        response.map(Response::new).map_err(status)
    }
}

#[tonic::async_trait]
impl<D: Desk> MetricsService for Door<D> {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(web::metrics(request.get_ref())))
    }
}

/// Takes spans.
pub(super) async fn traces<D: Desk>(
    intake: &Intake<D>,
    request: ExportTraceServiceRequest,
) -> Result<ExportTraceServiceResponse, DeskError> {
    let (observations, rejected) = spans_to_observations(request, &intake.scope);
    let rejected = intake.take(observations, rejected).await?;
    let partial_success = partly(&rejected).map(|(rejected_spans, error_message)| {
        ExportTracePartialSuccess { rejected_spans, error_message }
    });
    Ok(ExportTraceServiceResponse { partial_success })
}

/// Takes log records.
pub(super) async fn logs<D: Desk>(
    intake: &Intake<D>,
    request: ExportLogsServiceRequest,
) -> Result<ExportLogsServiceResponse, DeskError> {
    let (observations, rejected) = logs_to_observations(request, &intake.scope);
    let rejected = intake.take(observations, rejected).await?;
    let partial_success = partly(&rejected).map(|(rejected_log_records, error_message)| {
        ExportLogsPartialSuccess { rejected_log_records, error_message }
    });
    Ok(ExportLogsServiceResponse { partial_success })
}

fn partly(rejected: &Rejected) -> Option<(i64, String)> {
    let count = i64::try_from(rejected.count()).unwrap_or(i64::MAX);
    (count > 0).then(|| (count, rejected.reason()))
}

/// All that reaches here may be sent again: `UNAVAILABLE` with the time to wait (OTLP, "failures").
fn status(error: DeskError) -> Status {
    let Some(delay) = error.retry_after() else {
        return Status::new(Code::InvalidArgument, error.to_string());
    };
    let retry = RetryInfo {
        retry_delay: Some(ProtoDuration {
            seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(delay.subsec_nanos()).unwrap_or(0),
        }),
    };
    let details = RpcStatus {
        code: i32::from(Code::Unavailable),
        message: error.to_string(),
        details: vec![ProtoAny {
            type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
            value: retry.encode_to_vec(),
        }],
    };
    Status::with_details(Code::Unavailable, error.to_string(), details.encode_to_vec().into())
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
    #[prost(message, repeated, tag = "3")]
    pub(super) details: Vec<ProtoAny>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ProtoAny {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Exports at work on one connection.
const MAX_STREAMS: u32 = 16;

/// Longest time of one export, its arrival included.
const PATIENCE: Duration = Duration::from_secs(30);

const KEEPALIVE: Duration = Duration::from_secs(30);

const DRAIN: Duration = Duration::from_secs(10);
