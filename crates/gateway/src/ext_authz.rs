//! Envoy's external authorization over gRPC: a proxy asks before it forwards a request.
//!
//! Source: Envoy API v3, `envoy.service.auth.v3.Authorization`. On the initiator's side a call is
//! decided, and an allowed one leaves with its ticket in [`TICKET_HEADER`]; on the provider's side
//! the ticket is demanded, redeemed and taken off.
//!
//! What a body means is never guessed: the operator names the [`Protocol`] of the listener, or of a
//! route by the context extension `cloister-protocol` (`http`, `mcp` or `a2a`), which clients cannot
//! set. The proxy must be told to pass whole bodies (`with_request_body` without
//! `allow_partial_message`); a body that is missing or cut is refused. Every answer is a verdict,
//! also when there is none to be had: a gRPC error would let the request pass wherever
//! `failure_mode_allow` is set.

pub mod wire;

mod reading;

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::desk::Desk;
use crate::jsonrpc::MAX_BODY_BYTES;
use crate::loopback::{ListenError, Loopback};
use crate::problem::Problem;
use wire::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use wire::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use wire::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use wire::envoy::service::auth::v3::check_response::HttpResponse;
use wire::envoy::service::auth::v3::{
    CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use wire::envoy::r#type::v3::HttpStatus;

/// Carries the ticket from the initiator's side to the provider's.
pub const TICKET_HEADER: &str = "x-cloister-ticket";

/// Joins a request to a session; else `mcp-session-id`, the trace of `traceparent`, an A2A
/// `contextId` or the proxy's request identifier does.
pub const CONVERSATION_HEADER: &str = "x-cloister-conversation";

/// Names the interaction of a [`Protocol::Http`] request whose route does not.
pub const CALL_HEADER: &str = "x-cloister-call";

/// Names the call of a [`Protocol::Http`] request; else `x-request-id` does.
pub const CALL_ID_HEADER: &str = "x-cloister-call-id";

/// On whose side the proxy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Calls are decided here.
    Initiator,
    /// Tickets are redeemed here.
    Provider,
}

/// What request bodies mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Agent2Agent over JSON-RPC.
    A2a,
    /// Any HTTP: the interaction is named by the route's context extension `cloister-call`, or by
    /// the client in [`CALL_HEADER`]; its arguments are `method`, `host`, `path`, `query` and `body`. A
    /// pact that permits names which clients choose must constrain these.
    Http,
    /// Model Context Protocol over streamable HTTP.
    Mcp,
}

/// Serves `desk` until `stop` is cancelled.
///
/// # Errors
/// [`ListenError::Stopped`] when the server ends by itself.
pub async fn serve<D: Desk>(
    listener: Loopback,
    desk: D,
    side: Side,
    protocol: Protocol,
    stop: CancellationToken,
) -> Result<(), ListenError> {
    let service = AuthorizationServer::new(Door { desk, side, protocol })
        .max_decoding_message_size(MAX_MESSAGE_BYTES);
    let (listener, _) = listener.into_parts();
    let server = Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .add_service(service)
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

struct Door<D> {
    desk: D,
    side: Side,
    protocol: Protocol,
}

#[tonic::async_trait]
impl<D: Desk> Authorization for Door<D> {
    async fn check(
        &self,
        request: Request<CheckRequest>,
    ) -> Result<Response<CheckResponse>, Status> {
        Ok(Response::new(match self.answer(request.into_inner()).await {
            Ok(passed) => CheckResponse {
                status: Some(wire::google::rpc::Status::default()),
                http_response: Some(HttpResponse::OkResponse(passed)),
            },
            Err(problem) => denied(&problem),
        }))
    }
}

impl<D: Desk> Door<D> {
    async fn answer(&self, request: CheckRequest) -> Result<OkHttpResponse, Problem> {
        let Some(mut call) = reading::read(request, self.protocol)? else {
            return Ok(without_ticket());
        };
        match self.side {
            Side::Initiator => {
                let ticket = Problem::of_decision(self.desk.decide(call).await?)?;
                Ok(ticket.map_or_else(without_ticket, |ticket| OkHttpResponse {
                    headers: vec![header(TICKET_HEADER, ticket)],
                    headers_to_remove: Vec::new(),
                }))
            }
            Side::Provider => {
                let ticket = call.ticket.take().ok_or_else(Problem::ticket_missing)?;
                Problem::of_redemption(self.desk.redeem(ticket, call).await?)?;
                Ok(without_ticket())
            }
        }
    }
}

/// A ticket that nobody gave for this request goes no further.
fn without_ticket() -> OkHttpResponse {
    OkHttpResponse { headers: Vec::new(), headers_to_remove: vec![TICKET_HEADER.to_owned()] }
}

fn denied(problem: &Problem) -> CheckResponse {
    let mut headers = vec![header("content-type", Problem::MEDIA_TYPE.to_owned())];
    headers.extend(
        problem.retry_after_seconds().map(|seconds| header("retry-after", seconds.to_string())),
    );
    let code = match problem.status {
        429 | 503 => tonic::Code::Unavailable,
        _ => tonic::Code::PermissionDenied,
    };
    CheckResponse {
        status: Some(wire::google::rpc::Status {
            code: i32::from(code),
            message: problem.code.to_owned(),
        }),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(problem.status.cast_signed()) }),
            headers,
            body: problem.to_json(),
        })),
    }
}

fn header(key: &str, value: String) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: key.to_owned(), value, raw_value: Vec::new() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
    }
}

/// A body and its headers.
const MAX_MESSAGE_BYTES: usize = MAX_BODY_BYTES.saturating_mul(2);

/// Checks at work on one connection.
const MAX_STREAMS: u32 = 1024;

const KEEPALIVE: Duration = Duration::from_secs(30);

const DRAIN: Duration = Duration::from_secs(10);
