//! HTTP/2 (RFC 9113) over one TLS session: many requests side by side, each bounded in time and
//! size. When the session ends it stays ended.

use std::sync::Arc;
use std::time::Duration;

use attestations::Policy;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use messages::time::UnixMillis;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::certificate::{config, spki_of};
use super::endpoint::Endpoint;
use super::error::{ChannelError, Step};
use crate::binding::Binding;
use crate::tls;

/// Bounds of one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the connection with its handshake.
    pub connect: Duration,
    /// For a whole answer, or the head of a streamed one.
    pub answer: Duration,
    /// Between two pieces of a streamed answer.
    pub piece: Duration,
    /// Largest body of a whole answer, bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    /// Ten seconds, half a minute, a minute; 16 MiB.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            piece: Duration::from_secs(60),
            body_bytes: 16 * 1024 * 1024,
        }
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
#[must_use]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, at most [`Limits::body_bytes`].
    pub body: Bytes,
}

/// An answer that arrives piece by piece. Keeps the session alive; dropping it cancels the
/// request.
#[must_use]
pub struct Streamed {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    body: Incoming,
    patience: Duration,
    _driver: Arc<Driver>,
}

impl Streamed {
    /// The next piece, at most one HTTP/2 frame; none at the end.
    ///
    /// # Errors
    /// [`ChannelError::Ended`] when the answer broke off, [`ChannelError::TimedOut`] when nothing
    /// came for [`Limits::piece`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ChannelError> {
        loop {
            let frame = timeout(self.patience, self.body.frame())
                .await
                .map_err(|_| ChannelError::TimedOut(Step::Piece))?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(ChannelError::Ended),
                Some(Ok(frame)) => {
                    // Trailers carry nothing here.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

/// One session's sender, with the task that drives it.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    endpoint: Endpoint,
    limits: Limits,
    driver: Arc<Driver>,
}

/// Opens a session whose certificate passes.
pub(super) async fn open(
    endpoint: &Endpoint,
    policy: &Policy,
    now: UnixMillis,
    limits: Limits,
) -> Result<(Connection, Binding), ChannelError> {
    timeout(limits.connect, shake(endpoint, policy, now, limits))
        .await
        .map_err(|_| ChannelError::TimedOut(Step::Connect))?
}

async fn shake(
    endpoint: &Endpoint,
    policy: &Policy,
    now: UnixMillis,
    limits: Limits,
) -> Result<(Connection, Binding), ChannelError> {
    let connector = TlsConnector::from(Arc::new(config(policy, now)?));
    let unreachable = |e: std::io::Error| ChannelError::Unreachable(e.kind());
    let stream = TcpStream::connect(endpoint.address()).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let session = connector
        .connect(endpoint.name(), stream)
        .await
        .map_err(|e| ChannelError::of_handshake(&e))?;
    let tls = session.get_ref().1;
    if tls.alpn_protocol() != Some(tls::ALPN_H2) {
        return Err(ChannelError::NotHttp2);
    }
    let leaf = tls.peer_certificates().and_then(|chain| chain.first());
    let spki = leaf.and_then(spki_of).ok_or(ChannelError::Tls)?;
    let binding = Binding::of(tls, spki).ok_or(ChannelError::Exporter)?;
    let (sender, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(session))
        .await
        .map_err(|_| ChannelError::Ended)?;
    // How it ends shows at the next request.
    let driver = tokio::spawn(async move { drop(connection.await) });
    let driver = Arc::new(Driver(driver));
    Ok((Connection { sender, endpoint: endpoint.clone(), limits, driver }, binding))
}

impl Connection {
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, ChannelError> {
        let whole = async {
            let (head, body) = self.send(method, path, headers, body).await?.into_parts();
            let limit = self.limits.body_bytes;
            let body = Limited::new(body, limit).collect().await.map_err(|e| {
                if e.is::<LengthLimitError>() {
                    ChannelError::BodyTooLarge { limit }
                } else {
                    ChannelError::Ended
                }
            })?;
            Ok(Response { status: head.status, headers: head.headers, body: body.to_bytes() })
        };
        timeout(self.limits.answer, whole)
            .await
            .map_err(|_| ChannelError::TimedOut(Step::Answer))?
    }

    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Streamed, ChannelError> {
        let head = timeout(self.limits.answer, self.send(method, path, headers, body))
            .await
            .map_err(|_| ChannelError::TimedOut(Step::Answer))??;
        let (head, body) = head.into_parts();
        Ok(Streamed {
            status: head.status,
            headers: head.headers,
            body,
            patience: self.limits.piece,
            _driver: Arc::clone(&self.driver),
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<http::Response<Incoming>, ChannelError> {
        let uri = self.endpoint.uri(path).ok_or(ChannelError::PathMalformed)?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let mut sender = self.sender.clone();
        sender.ready().await.map_err(|_| ChannelError::Ended)?;
        sender.send_request(request).await.map_err(|_| ChannelError::Ended)
    }
}

/// The task that drives the session; ends with its last user.
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Largest headers of an answer.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// A peer that answers no ping for so long is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
