//! A tiny monitor on loopback: the server's half, the software attester, a few paths.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use attestations::software::attest;
use attestations::{Log, Policy, SoftwarePolicy};
use bytes::Bytes;
use channel::binding::Binding;
use channel::client::{Attested, Channel, ChannelError, Connected, Endpoint, Limits};
use channel::login::verify_login;
use channel::server::{Rotation, ServerIdentity};
use channel::{ATTESTATION_PATH, CMW_MEDIA_TYPE, TOKEN_PATH};
use cloister_channel as channel;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Channel as Pieces, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use messages::codec::Wire;
use messages::did::Did;
use messages::evidence::{Claims, Conceptual};
use messages::ids::{BootId, ConfigDigest};
use messages::signature::{PublicKey, Signature};
use messages::time::UnixMillis;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
pub(crate) const ORIGIN: &str = "insecure-dev/log";
pub(crate) const MEASUREMENT: &str = "sw:00ff";
pub(crate) const CONFIG: ConfigDigest = ConfigDigest([3; 32]);

/// Makes claims out of claims.
pub(crate) type Change = fn(Claims) -> Claims;
/// The session of a token, and to whom it was given.
type Holder = ([u8; 32], Did);

/// What the monitor answers to a challenge.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Evidence over these claims, bound as asked and then changed.
    Claims(Change),
    /// The same evidence always.
    Evidence(Conceptual),
    /// A status, a type and a body.
    Raw(StatusCode, &'static str, Vec<u8>),
    /// None.
    Silence,
}

pub(crate) struct Monitor {
    pub(crate) address: SocketAddr,
    pub(crate) rotation: Arc<Rotation>,
    pub(crate) shown: Arc<Mutex<Vec<Conceptual>>>,
    _task: Task,
}

/// Ends with its owner.
pub(crate) struct Task(pub(crate) JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(crate) fn base() -> Claims {
    Claims::for_checkpoint(
        ORIGIN.into(),
        (BootId([4; 32]), PublicKey([1; 32])),
        PublicKey([2; 32]),
        CONFIG,
    )
}

pub(crate) fn policy() -> Policy {
    Policy {
        origin: ORIGIN.into(),
        configs: vec![CONFIG],
        log: Log::Any,
        hardware: None,
        software: Some(SoftwarePolicy { measurements: vec![MEASUREMENT.into()] }),
    }
}

/// An identity as an honest monitor has it.
pub(crate) fn identity() -> ServerIdentity {
    let make = |spki| Some(attest(&base().for_certificate(spki), MEASUREMENT));
    ServerIdentity::generate(ORIGIN, NOW, make).unwrap()
}

pub(crate) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub(crate) async fn connect(address: SocketAddr) -> Result<Channel<Connected>, ChannelError> {
    connect_with(address, &policy(), NOW).await
}

pub(crate) async fn connect_with(
    address: SocketAddr,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Channel<Connected>, ChannelError> {
    Channel::connect(&Endpoint::try_from(address).unwrap(), policy, now, Limits::default()).await
}

pub(crate) async fn open(address: SocketAddr) -> Result<Channel<Attested>, ChannelError> {
    connect(address).await?.attest(NOW, &mut rng(7)).await
}

impl Monitor {
    pub(crate) async fn honest() -> Self {
        Self::start(Answer::Claims(|claims| claims)).await
    }

    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rotation = Arc::new(Rotation::new(identity()));
        let shown = Arc::new(Mutex::new(Vec::new()));
        let desk = Desk {
            answer,
            shown: Arc::clone(&shown),
            tokens: Arc::new(Mutex::new(BTreeMap::new())),
        };
        let identities = Arc::clone(&rotation);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (identity, desk) = (identities.current(), desk.clone());
                tokio::spawn(async move { desk.serve(&identity, stream).await });
            }
        });
        Self { address, rotation, shown, _task: Task(task) }
    }
}

type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

#[derive(Clone)]
struct Desk {
    answer: Answer,
    shown: Arc<Mutex<Vec<Conceptual>>>,
    tokens: Arc<Mutex<BTreeMap<String, Holder>>>,
}

impl Desk {
    async fn serve(self, identity: &ServerIdentity, stream: TcpStream) {
        let Ok((session, binding)) = identity.accept(stream).await else { return };
        let service = service_fn(move |request| {
            let desk = self.clone();
            async move { Ok::<_, std::convert::Infallible>(desk.answer(request, binding).await) }
        });
        let served = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(session), service)
            .await;
        // Clients of these tests may leave as they like.
        drop(served);
    }

    async fn answer(&self, request: Request<Incoming>, binding: Binding) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        match (&head.method, head.uri.path()) {
            (&Method::POST, ATTESTATION_PATH) => self.attestation(&body, &binding).await,
            (&Method::POST, TOKEN_PATH) => self.token(&body, &binding),
            (&Method::POST, "/echo") => full(StatusCode::OK, "text/plain", body),
            (&Method::GET, "/whoami") => {
                let header = head.headers.get(AUTHORIZATION);
                let token = header.and_then(|h| h.to_str().ok()?.strip_prefix("Bearer "));
                let tokens = self.tokens.lock().unwrap();
                match token.and_then(|t| tokens.get(t)) {
                    Some((exporter, did)) if exporter == binding.exporter() => {
                        full(StatusCode::OK, "text/plain", did.as_str().to_owned().into())
                    }
                    _ => full(StatusCode::UNAUTHORIZED, "text/plain", Bytes::new()),
                }
            }
            (&Method::GET, "/events") => {
                let (mut sender, pieces) = Pieces::new(1);
                tokio::spawn(async move {
                    for n in 0..3 {
                        let piece = Bytes::from(format!("data: {n}\n\n"));
                        if sender.send_data(piece).await.is_err() {
                            return;
                        }
                    }
                    if head.uri.query() == Some("stall") {
                        pending::<()>().await;
                    }
                });
                let mut response = Response::new(pieces.boxed_unsync());
                response.headers_mut().insert(CONTENT_TYPE, "text/event-stream".parse().unwrap());
                response
            }
            (&Method::GET, "/large") => full(StatusCode::OK, "text/plain", vec![0; 100_000].into()),
            (&Method::GET, "/never") => pending().await,
            _ => full(StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
        }
    }

    async fn attestation(&self, body: &[u8], binding: &Binding) -> Response<Body> {
        let asked: serde_json::Value = serde_json::from_slice(body).unwrap();
        let nonce = hex::decode(asked["nonce"].as_str().unwrap()).unwrap().try_into().unwrap();
        let evidence = match &self.answer {
            Answer::Claims(change) => attest(&change(binding.answer(base(), nonce)), MEASUREMENT),
            Answer::Evidence(evidence) => evidence.clone(),
            Answer::Raw(status, media_type, body) => {
                return full(*status, media_type, body.clone().into());
            }
            Answer::Silence => pending().await,
        };
        self.shown.lock().unwrap().push(evidence.clone());
        full(StatusCode::OK, CMW_MEDIA_TYPE, evidence.to_cbor().into())
    }

    fn token(&self, body: &[u8], binding: &Binding) -> Response<Body> {
        let asked: serde_json::Value = serde_json::from_slice(body).unwrap();
        let did = Did::parse(asked["did"].as_str().unwrap()).unwrap();
        let signature = hex::decode(asked["signature"].as_str().unwrap()).unwrap();
        let signature = Signature(signature.try_into().unwrap());
        let key = did.key().unwrap();
        if verify_login(&did, binding, &key, &signature).is_err() {
            return full(StatusCode::UNAUTHORIZED, "text/plain", Bytes::new());
        }
        let mut tokens = self.tokens.lock().unwrap();
        let token = format!("{:064x}", tokens.len());
        let answer = format!(r#"{{"token":"{token}","expires_ms":60000}}"#);
        tokens.insert(token, (*binding.exporter(), did));
        full(StatusCode::OK, "application/json", answer.into())
    }
}

fn full(status: StatusCode, media_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type.parse().unwrap());
    response
}
