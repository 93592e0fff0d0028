//! OTLP/HTTP: protobuf and JSON, plain or gzip.

use std::future::Future;
use std::io::Read;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use flate2::read::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tower::limit::GlobalConcurrencyLimitLayer;

use super::MAX_EXPORT_BYTES;
use super::grpc::{self, RpcStatus};
use super::intake::{Intake, MAX_AT_WORK};
use crate::desk::{Desk, DeskError, whole_seconds};
use crate::loopback::{ListenError, Loopback};
use crate::web;

/// Serves `/v1/traces`, `/v1/logs` and `/v1/metrics` until `stop` is cancelled.
///
/// # Errors
/// [`ListenError::Stopped`] when the server ends by itself.
pub async fn serve<D: Desk>(
    listener: Loopback,
    intake: Intake<D>,
    stop: CancellationToken,
) -> Result<(), ListenError> {
    let router = Router::new()
        .route("/v1/traces", post(traces::<D>))
        .route("/v1/logs", post(logs::<D>))
        .route("/v1/metrics", post(count_metrics))
        .layer(GlobalConcurrencyLimitLayer::new(MAX_AT_WORK))
        .with_state(intake);
    web::serve(listener, router, stop).await
}

async fn traces<D: Desk>(State(intake): State<Intake<D>>, request: Request) -> Response {
    export(
        request,
        |spans: ExportTraceServiceRequest| async move { grpc::traces(&intake, spans).await },
    )
    .await
}

async fn logs<D: Desk>(State(intake): State<Intake<D>>, request: Request) -> Response {
    export(request, |records: ExportLogsServiceRequest| async move {
        grpc::logs(&intake, records).await
    })
    .await
}

async fn count_metrics(request: Request) -> Response {
    export(request, |points: ExportMetricsServiceRequest| async move { Ok(metrics(&points)) }).await
}

/// Says that metrics are not used, and how many points that are.
pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> ExportMetricsServiceResponse {
    let metrics = request
        .resource_metrics
        .iter()
        .flat_map(|resource| &resource.scope_metrics)
        .flat_map(|scope| &scope.metrics);
    let points = metrics.map(|metric| match &metric.data {
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
        None => 0,
    });
    let points = points.fold(0_usize, usize::saturating_add);
    ExportMetricsServiceResponse {
        partial_success: Some(ExportMetricsPartialSuccess {
            rejected_data_points: i64::try_from(points).unwrap_or(i64::MAX),
            error_message: "metrics are not used here".to_owned(),
        }),
    }
}

/// The two encodings; an answer has its request's.
#[derive(Clone, Copy)]
enum Encoding {
    Json,
    Protobuf,
}

async fn export<In, Out, Taken>(request: Request, take: impl FnOnce(In) -> Taken) -> Response
where
    In: Message + Default + DeserializeOwned,
    Out: Message + Serialize,
    Taken: Future<Output = Result<Out, DeskError>>,
{
    let (head, body) = request.into_parts();
    let encoding = match web::media_type(&head.headers) {
        "application/json" => Encoding::Json,
        "application/x-protobuf" => Encoding::Protobuf,
        _ => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
    };
    let sent = match web::read(body, MAX_EXPORT_BYTES).await {
        Ok(sent) => sent,
        Err(status) => return encoding.failure(status, "the body is too large or too late"),
    };
    let plain = match inflate(&head.headers, sent) {
        Ok(plain) => plain,
        Err(status) => return encoding.failure(status, "the body cannot be inflated"),
    };
    let Some(input) = encoding.read::<In>(&plain) else {
        return encoding.failure(StatusCode::BAD_REQUEST, "the body cannot be read");
    };
    match take(input).await {
        Ok(output) => encoding.answer(StatusCode::OK, &output),
        Err(error) => {
            // 503 and not 429: both may be retried (OTLP, "retryable response codes"), and every
            // sender does so after a 503.
            let mut response =
                encoding.failure(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
            if let Some(time) = error.retry_after() {
                response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(time).into());
            }
            response
        }
    }
}

fn inflate(headers: &HeaderMap, sent: Bytes) -> Result<Vec<u8>, StatusCode> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"" | b"identity") => Ok(sent.into()),
        Some(b"gzip") => read_bounded(MultiGzDecoder::new(&sent[..])),
        Some(_) => Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
    }
}

/// Never more than [`MAX_EXPORT_BYTES`], however well it was packed.
fn read_bounded(packed: impl Read) -> Result<Vec<u8>, StatusCode> {
    let limit = u64::try_from(MAX_EXPORT_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut plain = Vec::new();
    match packed.take(limit).read_to_end(&mut plain) {
        Ok(size) if size > MAX_EXPORT_BYTES => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(_) => Ok(plain),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

impl Encoding {
    fn read<In: Message + Default + DeserializeOwned>(self, bytes: &[u8]) -> Option<In> {
        match self {
            Self::Json => serde_json::from_slice(bytes).ok(),
            Self::Protobuf => In::decode(bytes).ok(),
        }
    }

    fn answer(self, status: StatusCode, body: &(impl Message + Serialize)) -> Response {
        let bytes = match self {
            Self::Json => serde_json::to_vec(body).unwrap_or_default(),
            Self::Protobuf => body.encode_to_vec(),
        };
        self.response(status, bytes)
    }

    /// With a `google.rpc.Status`, as the protocol asks.
    fn failure(self, status: StatusCode, message: &str) -> Response {
        let code = match status {
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            _ => Code::InvalidArgument,
        };
        let code = i32::from(code);
        let bytes = match self {
            Self::Json => {
                serde_json::json!({ "code": code, "message": message }).to_string().into_bytes()
            }
            Self::Protobuf => {
                RpcStatus { code, message: message.to_owned(), details: Vec::new() }.encode_to_vec()
            }
        };
        self.response(status, bytes)
    }

    fn response(self, status: StatusCode, body: Vec<u8>) -> Response {
        let media_type = match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        };
        (status, [(header::CONTENT_TYPE, media_type)], body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_body_is_given_up() {
        assert_eq!(read_bounded(std::io::repeat(0)), Err(StatusCode::PAYLOAD_TOO_LARGE));
        let most = u64::try_from(MAX_EXPORT_BYTES).unwrap();
        assert!(read_bounded(std::io::repeat(0).take(most)).is_ok());
    }
}
