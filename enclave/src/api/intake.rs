//! What every request passes before anything is asked: who calls, whether there is room, and a body
//! of bounded size that arrives in bounded time.

use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use channel::binding::Binding;
use channel::forms::{FormError, PROBLEM_JSON, Problem};
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, StatusCode, request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use messages::did::Did;

use super::login::{LoginError, Tokens};
use super::problems::{CHANNEL_MISSING, MONITOR_BUSY, REQUEST_TOO_SLOW, SHARE_USED_UP, problem};
use super::shares::{Tenant, UsedUp};
use crate::desk::Caller;

/// A refusal on its way out.
pub(super) struct Refusal {
    problem: Box<Problem>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(code: &str) -> Self {
        let problem = problem(code);
        // Whoever can come back is told when. The time says nothing of how long the queue is.
        let again = problem.status == 503;
        Self { problem: Box::new(problem), retry_after: again.then_some(Duration::from_secs(1)) }
    }
}

impl From<FormError> for Refusal {
    fn from(error: FormError) -> Self {
        Self::new(error.code())
    }
}

impl From<LoginError> for Refusal {
    fn from(error: LoginError) -> Self {
        Self::new(error.code())
    }
}

impl From<UsedUp> for Refusal {
    fn from(UsedUp(wait): UsedUp) -> Self {
        Self { retry_after: Some(wait), ..Self::new(SHARE_USED_UP) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = bytes_of(PROBLEM_JSON, self.problem.to_json());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: nobody is asked back too early.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The refusal of a desk whose queue is full.
pub(super) fn busy() -> Refusal {
    Refusal::new(MONITOR_BUSY)
}

/// An answer of these bytes, which no cache keeps.
pub(super) fn bytes_of(media_type: &'static str, bytes: impl Into<Body>) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Who calls, as far as the connection has proved it. A token that does not hold is refused, never
/// ignored.
pub(super) fn caller(
    parts: &request::Parts,
    tokens: &Tokens,
    now: tokio::time::Instant,
) -> Result<(Caller, Binding), Refusal> {
    let binding =
        *parts.extensions.get::<Binding>().ok_or_else(|| Refusal::new(CHANNEL_MISSING))?;
    let did = match parts.headers.get(AUTHORIZATION) {
        None => None,
        Some(value) => {
            let token = value.to_str().ok().and_then(bearer).ok_or(LoginError::TokenInvalid)?;
            Some(tokens.read(token, &binding, now)?)
        }
    };
    Ok((Caller { did, channel: Some(binding) }, binding))
}

/// Whose share a request uses: that of a DID which some pact names, else that of the connection. A
/// stranger's logins under ever new DIDs share one.
pub(super) fn tenant(caller: &Caller, binding: &Binding, named: impl Fn(&Did) -> bool) -> Tenant {
    match &caller.did {
        Some(did) if named(did) => Tenant::Party(did.clone()),
        Some(_) | None => Tenant::Connection(*binding.exporter()),
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    within: Duration,
) -> Result<Bytes, Refusal> {
    let whole = async |body: Limited<Body>| Ok(body.collect().await?.to_bytes());
    bounded(headers, body, limit, within, whole).await
}

/// Lets a body of at most `limit` bytes pass by; no more than a part of it is held at a time.
pub(super) async fn discard(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    within: Duration,
) -> Result<(), Refusal> {
    let nothing = async |mut body: Limited<Body>| {
        while let Some(part) = body.frame().await {
            part?;
        }
        Ok(())
    };
    bounded(headers, body, limit, within, nothing).await
}

async fn bounded<T, F>(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    within: Duration,
    take: impl FnOnce(Limited<Body>) -> F,
) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, BoxError>>,
{
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| u64::try_from(limit).is_ok_and(|l| length > l)) {
        return Err(FormError::TooLarge.into());
    }
    match tokio::time::timeout(within, take(Limited::new(body, limit))).await {
        Err(_) => Err(Refusal::new(REQUEST_TOO_SLOW)),
        Ok(Ok(taken)) => Ok(taken),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(FormError::TooLarge.into()),
        Ok(Err(_)) => Err(FormError::Malformed.into()),
    }
}

/// The token of `Authorization: Bearer TOKEN` (RFC 6750, section 2.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
