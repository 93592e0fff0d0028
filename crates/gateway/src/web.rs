//! What the two HTTP/1.1 servers share: a bounded way in and an end.
//!
//! A loopback port is within reach of every page that a browser on this machine shows. So a
//! request must name a loopback host (against DNS rebinding) and come from no page (no `Origin`);
//! with the media types that the servers demand, a page cannot send one without being asked first.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

use crate::loopback::{ListenError, Loopback, Reach};

/// Serves until `stop` is cancelled; then takes no new connection and gives those at work
/// [`DRAIN`].
pub(crate) async fn serve(
    listener: Loopback,
    router: Router,
    stop: CancellationToken,
) -> Result<(), ListenError> {
    let (listener, reach) = listener.into_parts();
    let router = match reach {
        Reach::Exposed => router,
        Reach::Loopback => router.layer(middleware::from_fn(refuse_pages)),
    };
    let server =
        axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server.into_future() => ended.map_err(|e| ListenError::Stopped(e.into())),
        () = overdue => Ok(()),
    }
}

/// Reads a body of at most `max` bytes that arrives within [`PATIENCE`].
pub(crate) async fn read(body: Body, max: usize) -> Result<Bytes, StatusCode> {
    match tokio::time::timeout(PATIENCE, to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// The media type without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> &str {
    let full = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    full.and_then(|value| value.split(';').next()).unwrap_or_default().trim()
}

async fn refuse_pages(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    if headers.contains_key(header::ORIGIN) || !host.is_some_and(is_loopback_host) {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Longest wait for a body.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest wait for requests at work when the server ends.
const DRAIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_hosts_pass() {
        for host in ["localhost", "LOCALHOST:4318", "127.0.0.1:1", "127.8.8.8", "[::1]:4318"] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in ["", "example.org", "127.0.0.1.example.org", "10.0.0.1:4318", "[::2]", "::1"] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }
}
