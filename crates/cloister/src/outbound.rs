//! One request to somebody else's server: a webhook, a witness, a time-stamping authority. Over TLS
//! with the certificates that this machine trusts, or to this machine itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::Scheme;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where requests go.
pub(crate) struct Target {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<ServerName<'static>>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Target {
    /// Reads `https`, or `http` to this machine; none for everything else.
    pub(crate) fn read(url: &str) -> Option<Self> {
        let target = Self::signed(url)?;
        let local = target.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        (target.tls.is_some() || local).then_some(target)
    }

    /// Reads `https` or `http`: for requests that anybody may see, and answers that are signed.
    pub(crate) fn signed(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority().filter(|a| !a.as_str().contains('@'))?;
        let host = authority.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if uri.scheme() == Some(&Scheme::HTTPS) {
            Some(ServerName::try_from(bare.clone()).ok()?)
        } else {
            (uri.scheme() == Some(&Scheme::HTTP)).then_some(())?;
            None
        };
        let port = authority.port_u16().unwrap_or_else(|| if tls.is_some() { 443 } else { 80 });
        Some(Self { host: bare, port, tls, uri: uri.clone() })
    }

    /// Posts and reads a small answer.
    pub(crate) async fn post(&self, kind: &'static str, body: Bytes) -> std::io::Result<Answer> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        match &self.tls {
            None => self.exchange(stream, kind, body).await,
            Some(name) => {
                let connector = TlsConnector::from(Arc::new(trust()?));
                let stream = connector.connect(name.clone(), stream).await?;
                self.exchange(stream, kind, body).await
            }
        }
    }

    /// The same for commands that do one thing after the other, within a time.
    pub(crate) fn post_and_wait(&self, kind: &'static str, body: Bytes) -> std::io::Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        let answer = async { tokio::time::timeout(PATIENCE, self.post(kind, body)).await };
        runtime.block_on(answer).map_err(late)?
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        kind: &'static str,
        body: Bytes,
    ) -> std::io::Result<Answer> {
        let broken = |_: hyper::Error| std::io::Error::other("the server hung up");
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let driver = tokio::spawn(connection);
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(path)
            .header(HOST, authority)
            .header(CONTENT_TYPE, kind)
            .body(Full::new(body))
            .map_err(std::io::Error::other)?;
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body =
            body.map_err(|_| std::io::Error::other("the answer is too large, or was cut"))?;
        driver.abort();
        Ok(Answer { status, body: body.to_bytes() })
    }
}

/// The certificates that this machine trusts.
fn trust() -> std::io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(std::io::Error::other)?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

const MAX_ANSWER: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);
