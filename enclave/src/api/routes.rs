//! Routes: one per operation, made from the table of operations, so that none can be missing.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use bytes::Bytes;
use channel::CMW_MEDIA_TYPE;
use channel::binding::Binding;
use channel::forms::body::{LoginBody, TokenForm};
use channel::forms::request::{is_media_type, json};
use channel::forms::{
    FormError, JSON, MAX_BATCH_BYTES, MAX_BODY_BYTES, NDJSON, Operation, from_http, openapi,
    to_json,
};
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, request};
use messages::reply::Reply;
use messages::signature::Signature;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

use super::alerts;
use super::desk::Desk;
use super::events;
use super::exports;
use super::intake::{Refusal, bytes_of, caller, read, tenant};
use super::login::{LIFETIME, Tokens, millis};
use super::problems::{INTERNAL_FAULT, LOGIN_REQUIRED, TILE_UNKNOWN, problem};
use super::shares::{Limits, Seat, Shares};
use crate::desk::Caller;
use crate::metrics::Metrics;

/// The interface of one process.
pub(crate) struct Api<D> {
    pub(super) desk: D,
    pub(super) limits: Limits,
    tokens: Tokens,
    shares: Arc<Shares>,
    pub(super) metrics: Metrics,
    document: Bytes,
}

impl<D: Desk> Api<D> {
    /// `key` is drawn for this process; tokens end with it. None is not possible.
    pub(crate) fn new(desk: D, limits: Limits, metrics: Metrics, key: &[u8; 32]) -> Option<Self> {
        Some(Self {
            desk,
            limits,
            tokens: Tokens::new(key, Instant::now())?,
            shares: Shares::new(limits),
            metrics,
            document: openapi::document(env!("CARGO_PKG_VERSION")).to_json().ok()?.into(),
        })
    }
}

/// A request that has passed the intake, all but its body.
pub(super) struct Admitted {
    pub(super) operation: Operation,
    pub(super) parts: request::Parts,
    pub(super) caller: Caller,
    pub(super) binding: Binding,
    pub(super) seat: Seat,
}

impl Admitted {
    /// Path and query, as the forms read them.
    pub(super) fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    pub(super) fn content_type(&self) -> Option<&str> {
        self.parts.headers.get(CONTENT_TYPE)?.to_str().ok()
    }

    /// Reads its body.
    pub(super) async fn read(
        &self,
        body: Body,
        limit: usize,
        limits: &Limits,
    ) -> Result<Bytes, Refusal> {
        read(&self.parts.headers, body, limit, limits.body).await
    }
}

/// The router of all operations. Every request must carry the TLS session's [`Binding`] as an
/// extension; without it nothing is answered but health and the log.
pub(crate) fn router<D: Desk>(api: Api<D>) -> Router {
    let mut router = Router::new();
    for operation in Operation::ALL {
        let filter = match operation.method() {
            Method::POST => MethodFilter::POST,
            _ => MethodFilter::GET,
        };
        let serve = move |State(api): State<Arc<Api<D>>>, request: Request<Body>| async move {
            let response =
                answer(&api, *operation, request).await.unwrap_or_else(Refusal::into_response);
            api.metrics.answered(*operation, response.status());
            response
        };
        router = router.route(operation.template(), on(filter, serve));
    }
    router
        .fallback(|| async { Refusal::from(FormError::PathUnknown) })
        .method_not_allowed_fallback(|request: Request<Body>| async move {
            let mut response = Refusal::from(FormError::MethodUnknown).into_response();
            // RFC 9110, section 15.5.6.
            let operation = Operation::find(request.uri().path()).map(|(operation, _)| operation);
            let allow = match operation.map(Operation::method) {
                Some(Method::POST) => "POST",
                _ => "GET, HEAD",
            };
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
            response
        })
        .layer(CatchPanicLayer::custom(|_| Refusal::new(INTERNAL_FAULT).into_response()))
        .with_state(Arc::new(api))
}

async fn answer<D: Desk>(
    api: &Arc<Api<D>>,
    operation: Operation,
    request: Request<Body>,
) -> Result<Response, Refusal> {
    match operation {
        Operation::Health => return Ok(StatusCode::NO_CONTENT.into_response()),
        Operation::Ready => return Ok(readiness(api.desk.ready())),
        Operation::OpenApi => return Ok(bytes_of(JSON, api.document.clone())),
        _ => {}
    }
    let now = Instant::now();
    let (parts, body) = request.into_parts();
    let (caller, binding) = caller(&parts, &api.tokens, now)?;
    if operation.needs_login() && caller.did.is_none() {
        return Err(Refusal::new(LOGIN_REQUIRED));
    }
    let tenant = tenant(&caller, &binding, |did| api.desk.names(did));
    let seat = api.shares.admit(tenant, now)?;
    let admitted = Admitted { operation, parts, caller, binding, seat };
    match operation {
        Operation::Decide => events::decide(api, &admitted, body).await,
        Operation::ExportLogs | Operation::ExportMetrics | Operation::ExportTraces => {
            exports::count(api, &admitted, body).await
        }
        Operation::Feed if is_media_type(admitted.content_type(), NDJSON) => {
            let body = admitted.read(body, MAX_BATCH_BYTES, &api.limits).await?;
            events::batch(api, admitted, &body)
        }
        Operation::Follow => alerts::follow(&api.desk, admitted).await,
        Operation::Login => login(api, &admitted, body).await,
        Operation::Tile => tile(api, &admitted).await,
        _ => {
            let limit = if admitted.parts.method == Method::POST { MAX_BODY_BYTES } else { 0 };
            let body = admitted.read(body, limit, &api.limits).await?;
            let method = operation.method();
            let request = from_http(&method, admitted.target(), admitted.content_type(), &body)?;
            let reply = api.desk.ask(request, admitted.caller, None).await;
            reply_to(operation, &admitted.parts.headers, &reply)
        }
    }
}

/// 204 or 503, and no word more.
pub(crate) fn readiness(ready: bool) -> Response {
    let status = if ready { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE };
    status.into_response()
}

/// A reply as the operation answers it: a few have a form of their own.
fn reply_to(operation: Operation, headers: &HeaderMap, reply: &Reply) -> Result<Response, Refusal> {
    match (operation, reply) {
        (_, Reply::Error { code }) => Err(Refusal::new(code)),
        (Operation::Attest, Reply::Attestation { evidence, .. }) if !accepts_json(headers) => {
            Ok(bytes_of(CMW_MEDIA_TYPE, evidence.clone()))
        }
        (
            Operation::Checkpoint | Operation::CheckpointOfTiles,
            Reply::Included { checkpoint, .. },
        ) => Ok(bytes_of("text/plain; charset=utf-8", checkpoint.clone())),
        _ => Ok(bytes_of(JSON, to_json(reply, &problem))),
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| is_media_type(Some(range), JSON))
}

async fn login<D: Desk>(
    api: &Api<D>,
    admitted: &Admitted,
    body: Body,
) -> Result<Response, Refusal> {
    if !is_media_type(admitted.content_type(), JSON) {
        return Err(FormError::MediaType.into());
    }
    let body = admitted.read(body, MAX_BODY_BYTES, &api.limits).await?;
    let LoginBody { did, signature } = json(&body)?;
    let key = api.desk.key(&did);
    let signature = Signature(signature.0);
    let token = api.tokens.login((&did, key), &signature, &admitted.binding, Instant::now())?;
    let form = TokenForm { token, expires_ms: millis(LIFETIME) };
    let json = serde_json::to_vec(&form).map_err(|_| Refusal::new(INTERNAL_FAULT))?;
    Ok(bytes_of(JSON, json))
}

async fn tile<D: Desk>(api: &Api<D>, admitted: &Admitted) -> Result<Response, Refusal> {
    let path = admitted.parts.uri.path().strip_prefix('/').unwrap_or("");
    let plain = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'/' | b'.');
    if path.len() > MAX_TILE_PATH || !path.bytes().all(plain) {
        return Err(Refusal::new(TILE_UNKNOWN));
    }
    let tile = api.desk.tile(path).await.ok_or_else(|| Refusal::new(TILE_UNKNOWN))?;
    let mut response = bytes_of("application/octet-stream", tile);
    // C2SP tlog-tiles: a tile of given width never changes.
    let for_ever = HeaderValue::from_static("public, max-age=604800, immutable");
    response.headers_mut().insert(CACHE_CONTROL, for_ever);
    Ok(response)
}

/// A body that never fails.
pub(super) type Parts = Result<Bytes, Infallible>;

const MAX_TILE_PATH: usize = 64;
