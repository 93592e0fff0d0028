//! The connector's own door: plain HTTP with JSON, for agents that speak no other protocol here.
//!
//! | request | body | answer |
//! | --- | --- | --- |
//! | `POST /decide` | `{"conversation","call","name","args","ticket"?}` | 200 `{"decision":"allow","ticket"?}`, or a problem |
//! | `POST /redeem` | the same, `ticket` required | 204, or a problem |
//! | `POST /observe` | one observation (below) | 204, or a problem |
//! | `GET /healthz` | | 204 |
//!
//! An observation is `{"conversation","id"?,"kind","from","to","at_us"?, ...}` with `"kind":"call"`
//! (`call`, `name`, `args`), `"message"` (`text`) or `"result"` (`call`, `status`, `content`,
//! `latency_us`). Whoever may send one twice gives it an `id`. Problems are RFC 9457, with `code`,
//! `remedy`, and `rule` where a pact spoke. Bodies are `application/json`.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use messages::did::Did;
use messages::event::{Role, Status};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, Intended};
use crate::jsonrpc::{MAX_BODY_BYTES, ReadError};
use crate::loopback::{ListenError, Loopback};
use crate::observation::{Body, MAX_NAME_BYTES, Observation, SourceId};
use crate::problem::Problem;
use crate::scope::Scope;
use crate::{json, web};

/// Serves `desk` until `stop` is cancelled.
///
/// # Errors
/// [`ListenError::Stopped`] when the server ends by itself.
pub async fn serve<D: Desk>(
    listener: Loopback,
    desk: D,
    scope: Scope,
    stop: CancellationToken,
) -> Result<(), ListenError> {
    let router = Router::new()
        .route("/decide", post(decide::<D>))
        .route("/redeem", post(redeem::<D>))
        .route("/observe", post(observe::<D>))
        .route("/healthz", get(async || StatusCode::NO_CONTENT))
        .with_state((desk, scope));
    web::serve(listener, router, stop).await
}

async fn decide<D: Desk>(
    State((desk, _)): State<(D, Scope)>,
    request: Request,
) -> Result<Response, Problem> {
    let call = read::<RawCall>(request).await?.into_intended()?;
    let ticket = Problem::of_decision(desk.decide(call).await?)?;
    let mut body = serde_json::json!({ "decision": "allow" });
    if let (Some(object), Some(ticket)) = (body.as_object_mut(), ticket) {
        object.insert("ticket".into(), ticket.into());
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response())
}

async fn redeem<D: Desk>(
    State((desk, _)): State<(D, Scope)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let mut call = read::<RawCall>(request).await?.into_intended()?;
    let ticket = call.ticket.take().ok_or_else(Problem::ticket_missing)?;
    Problem::of_redemption(desk.redeem(ticket, call).await?)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn observe<D: Desk>(
    State((desk, scope)): State<(D, Scope)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let seen = read::<RawObservation>(request).await?.into_observation(&scope)?;
    desk.observe(seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a document of this shape and no other.
async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let (head, body) = request.into_parts();
    if web::media_type(&head.headers) != "application/json" {
        return Err(Problem::new(
            415,
            "media-type",
            "the body is not application/json",
            "send application/json",
        ));
    }
    let bytes = web::read(body, MAX_BODY_BYTES).await.map_err(|status| match status {
        StatusCode::PAYLOAD_TOO_LARGE => ReadError::TooLarge.into(),
        _ => Problem::new(408, "body-late", "the body did not arrive in time", "send it in one go"),
    })?;
    let value = json::read(&bytes, MAX_BODY_BYTES)?;
    serde_json::from_value(value).map_err(|_| ReadError::Malformed.into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCall {
    conversation: String,
    call: String,
    name: String,
    #[serde(default)]
    args: BTreeMap<String, Value>,
    ticket: Option<String>,
    via: Option<Did>,
}

impl RawCall {
    fn into_intended(self) -> Result<Intended, ReadError> {
        let Self { conversation, call, name, args, ticket, via } = self;
        all_bearable(&[&conversation, &call, &name])?;
        Ok(Intended { conversation, call, name, args, ticket, via })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawObservation {
    conversation: String,
    id: Option<String>,
    kind: RawKind,
    from: Role,
    to: Role,
    at_us: Option<u64>,
    call: Option<String>,
    name: Option<String>,
    args: Option<BTreeMap<String, Value>>,
    text: Option<String>,
    status: Option<Status>,
    content: Option<Value>,
    latency_us: Option<u64>,
    via: Option<Did>,
    delegate: Option<Did>,
    interactions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Call,
    Delegation,
    Message,
    Result,
}

impl RawObservation {
    fn into_observation(self, scope: &Scope) -> Result<Observation, ReadError> {
        let texts = [Some(&self.conversation), self.id.as_ref(), self.call.as_ref()];
        for text in texts.into_iter().flatten().chain(&self.name) {
            all_bearable(&[text])?;
        }
        let source = self
            .id
            .as_ref()
            .map(|id| SourceId::of("http", &[self.conversation.as_bytes(), id.as_bytes()]));
        let (conversation, from, to, at_us) = (self.conversation, self.from, self.to, self.at_us);
        let delegating = matches!(self.kind, RawKind::Delegation);
        let acting = delegating || matches!(self.kind, RawKind::Call);
        let delegation = (self.delegate, self.interactions);
        if !acting && self.via.is_some() || !delegating && delegation != (None, None) {
            return Err(ReadError::Malformed);
        }
        let body = match (self.kind, self.call, self.name, self.text, self.status) {
            (RawKind::Call, Some(call), Some(name), None, None)
                if self.content.is_none() && self.latency_us.is_none() =>
            {
                let args = self.args.map(|args| scope.capture_args(args));
                Body::Call { call, name, args, via: self.via }
            }
            (RawKind::Delegation, None, None, None, None)
                if self.args.is_none() && self.content.is_none() && self.latency_us.is_none() =>
            {
                let (Some(to), Some(interactions)) = delegation else {
                    return Err(ReadError::Malformed);
                };
                Body::Delegation { to, via: self.via, interactions }
            }
            (RawKind::Message, None, None, Some(text), None)
                if self.args.is_none() && self.content.is_none() && self.latency_us.is_none() =>
            {
                Body::Message { text: scope.capture(Value::String(text)) }
            }
            (RawKind::Result, Some(call), None, None, Some(status)) if self.args.is_none() => {
                Body::Result {
                    call,
                    status,
                    content: self.content.map(|content| scope.capture(content)),
                    latency_us: self.latency_us,
                }
            }
            _ => return Err(ReadError::Malformed),
        };
        Ok(Observation { conversation, source, from, to, at_us, body })
    }
}

fn all_bearable(names: &[&String]) -> Result<(), ReadError> {
    if names.iter().any(|name| name.is_empty()) {
        Err(ReadError::Malformed)
    } else if names.iter().any(|name| name.len() > MAX_NAME_BYTES) {
        Err(ReadError::NameTooLong)
    } else {
        Ok(())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::FORBIDDEN);
        let mut response = (status, HttpBody::from(self.to_json())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Self::MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
