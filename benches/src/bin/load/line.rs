//! Attested connections, and requests on them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use attestations::Policy;
use bytes::Bytes;
use channel::client::{Attested, Channel, Endpoint, Limits, Response};
use channel::forms::{self, HttpRequest};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use messages::ids::BootId;
use messages::reply::{Reply, Request};
use messages::time::UnixMillis;
use rand_core::OsRng;

/// One attested connection; cheap to clone.
#[derive(Clone)]
pub(crate) struct Line(Arc<Channel<Attested>>);

impl Line {
    pub(crate) async fn connect(endpoint: &Endpoint, policy: &Policy) -> Self {
        let connected = Channel::connect(endpoint, policy, now(), Limits::default()).await.unwrap();
        Self(Arc::new(connected.attest(now(), &mut OsRng).await.unwrap()))
    }

    pub(crate) fn boot(&self) -> BootId {
        self.0.appraised().claims().boot
    }

    /// Asks, and wants an answer that is no refusal.
    pub(crate) async fn ask(&self, request: &Request) -> Reply {
        let answer = self.send(Prepared::of(forms::to_http(request).unwrap())).await;
        match forms::from_json(&answer.body).unwrap() {
            Reply::Error { code } => panic!("{code}"),
            reply => reply,
        }
    }

    pub(crate) async fn send(&self, prepared: Prepared) -> Response {
        let Prepared { http, body } = prepared;
        let mut headers = HeaderMap::new();
        if let Some(kind) = http.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        self.0.request(http.method, &http.target, headers, body).await.unwrap()
    }
}

/// A request, written down.
pub(crate) struct Prepared {
    http: HttpRequest,
    body: Bytes,
}

impl Prepared {
    pub(crate) fn of(mut http: HttpRequest) -> Self {
        let body = std::mem::take(&mut http.body).into();
        Self { http, body }
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis(since.as_millis().try_into().unwrap())
}
