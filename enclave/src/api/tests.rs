//! The interface over a desk that says what a test wants it to say.

mod answers;
mod bounds;
mod deciding;
mod exporting;
mod following;
mod fuzzing;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use channel::binding::Binding;
use channel::forms::{HttpRequest, Operation, Problem};
use channel::server::ServerIdentity;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request as HttpOf, StatusCode};
use http_body_util::BodyExt;
use messages::did::Did;
use messages::event::{Event, Party, Role};
use messages::evidence::{Conceptual, SOFTWARE_MEDIA_TYPE};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::receipt::{JournalHead, Notice, Receipt};
use messages::reply::{Action, Reply, Request};
use messages::signature::{PublicKey, Signature, SigningKey};
use messages::time::UnixMillis;
use pact::OnDeadline;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::sync::{Notify, Semaphore, mpsc};
use tower::ServiceExt;

use super::{Api, Desk, Following, Limits, router};
use crate::desk::{Caller, Promise};
use crate::metrics::Metrics;

/// Where notices begin to be followed.
const FROM: u64 = 40;

/// A desk that answers what it is told to.
#[derive(Clone)]
struct Fake(Arc<State>);

struct State {
    /// Answers in turn; when they run out, a usual one.
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<(Request, Caller)>>,
    /// As the queue of a real desk: fair, and of this many places.
    places: Arc<Semaphore>,
    takes: Mutex<Duration>,
    terms: Mutex<Option<(Duration, OnDeadline)>>,
    decided: (Notify, Mutex<Option<Reply>>),
    readers: Mutex<Vec<(Did, mpsc::Sender<Arc<Notice>>)>>,
    ready: Mutex<bool>,
    named: Mutex<Vec<Did>>,
}

impl Fake {
    fn new() -> Self {
        Self(Arc::new(State {
            replies: Mutex::default(),
            asked: Mutex::default(),
            places: Arc::new(Semaphore::new(2)),
            takes: Mutex::default(),
            terms: Mutex::default(),
            decided: Default::default(),
            readers: Mutex::default(),
            ready: Mutex::new(true),
            named: Mutex::default(),
        }))
    }

    fn saying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let fake = Self::new();
        fake.0.replies.lock().unwrap().extend(replies);
        fake
    }

    fn asked(&self) -> Vec<Request> {
        self.0.asked.lock().unwrap().iter().map(|(request, _)| request.clone()).collect()
    }

    fn callers(&self) -> Vec<Option<Did>> {
        self.0.asked.lock().unwrap().iter().map(|(_, caller)| caller.did.clone()).collect()
    }

    fn router(&self, limits: Limits) -> Router {
        router(Api::new(self.clone(), limits, Metrics::new(), &[7; 32]).unwrap())
    }

    async fn ask_http(&self, request: HttpOf<Body>) -> Response {
        self.router(Limits::default()).oneshot(request).await.unwrap()
    }
}

impl Desk for Fake {
    async fn submit(&self, request: Request, caller: Caller, _: Option<Instant>) -> Promise {
        let place = Arc::clone(&self.0.places).acquire_owned().await.unwrap();
        let usual = match &request {
            Request::Include { .. } => {
                Reply::Included { checkpoint: "log\n1\nroot\n".into(), paths: Vec::new() }
            }
            _ => Reply::Opened,
        };
        self.0.asked.lock().unwrap().push((request, caller));
        let reply = self.0.replies.lock().unwrap().pop_front().unwrap_or(usual);
        let takes = *self.0.takes.lock().unwrap();
        let (promise, answer) = Promise::durable();
        tokio::spawn(async move {
            tokio::time::sleep(takes).await;
            answer(reply);
            drop(place);
        });
        promise
    }

    async fn decided(&self, _: SessionId, _: EventHash) -> Option<Reply> {
        loop {
            if let Some(reply) = self.0.decided.1.lock().unwrap().clone() {
                return Some(reply);
            }
            self.0.decided.0.notified().await;
        }
    }

    async fn deadline(&self, _: SessionId) -> Option<(Duration, OnDeadline)> {
        *self.0.terms.lock().unwrap()
    }

    async fn follow(&self, reader: Did) -> Result<Following, &'static str> {
        let (sender, notices) = mpsc::channel(4);
        self.0.readers.lock().unwrap().push((reader, sender));
        Ok(Following { from: FROM, notices })
    }

    fn key(&self, did: &Did) -> Option<PublicKey> {
        did.key()
    }

    fn names(&self, did: &Did) -> bool {
        self.0.named.lock().unwrap().contains(did)
    }

    fn tile(&self, path: &str) -> impl Future<Output = Option<Vec<u8>>> + Send {
        std::future::ready((path == "tile/0/x001/234.p/5").then(|| vec![1, 2, 3]))
    }

    fn ready(&self) -> bool {
        *self.0.ready.lock().unwrap()
    }
}

/// Two TLS sessions that were really made, in memory.
static BINDINGS: LazyLock<[Binding; 2]> = LazyLock::new(|| [binding(), binding()]);

#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        vec![rustls::SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn binding() -> Binding {
    let evidence = |_| {
        let (media_type, value) = (SOFTWARE_MEDIA_TYPE.into(), Vec::new());
        Some(Conceptual { media_type, value, indicator: 4 })
    };
    let identity = ServerIdentity::generate("insecure-dev/log", UnixMillis(0), evidence).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = rustls::ServerConnection::new(identity.server_config()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut flight = Vec::new();
        client.write_tls(&mut flight).unwrap();
        server.read_tls(&mut &flight[..]).unwrap();
        server.process_new_packets().unwrap();
        let mut flight = Vec::new();
        server.write_tls(&mut flight).unwrap();
        client.read_tls(&mut &flight[..]).unwrap();
        client.process_new_packets().unwrap();
    }
    identity.binding(&server).unwrap()
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn did(n: u8) -> Did {
    Did::from_key(&key(n).public())
}

/// A request on the first connection.
fn on_channel(method: &str, target: &str) -> http::request::Builder {
    HttpOf::builder().method(method).uri(target).extension(BINDINGS[0])
}

fn get(target: &str) -> HttpOf<Body> {
    on_channel("GET", target).body(Body::empty()).unwrap()
}

fn post(target: &str, media_type: &str, body: impl Into<Body>) -> HttpOf<Body> {
    on_channel("POST", target).header(CONTENT_TYPE, media_type).body(body.into()).unwrap()
}

fn of_form(form: HttpRequest) -> HttpOf<Body> {
    let mut request = on_channel(form.method.as_str(), &form.target);
    if let Some(media_type) = form.content_type {
        request = request.header(CONTENT_TYPE, media_type);
    }
    request.body(form.body.into()).unwrap()
}

fn bearing(mut request: HttpOf<Body>, token: &str) -> HttpOf<Body> {
    let value = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// Logs `did(n)` in to the first connection.
async fn login(router: &Router, n: u8) -> String {
    let signature = channel::login::sign_login(&did(n), &BINDINGS[0], &key(n));
    let body = format!(r#"{{"did":"{}","signature":"{}"}}"#, did(n), hex::encode(signature.0));
    let request = post(channel::TOKEN_PATH, "application/json", body);
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let token: serde_json::Value = serde_json::from_slice(&body_of(response).await).unwrap();
    assert_eq!(token["expires_ms"], 900_000);
    token["token"].as_str().unwrap().to_owned()
}

async fn body_of(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// The status and the code of a problem; panics when the answer is none.
async fn problem_of(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()[CONTENT_TYPE], channel::forms::PROBLEM_JSON, "{status}");
    let problem: Problem = serde_json::from_slice(&body_of(response).await).unwrap();
    assert_eq!(problem.status, status);
    assert_eq!(problem.r#type, format!("urn:cloister:problem:{}", problem.code));
    assert!(!problem.detail.is_empty() && !problem.remedy.is_empty());
    (status, problem.code)
}

fn session() -> SessionId {
    SessionId([0xab; 32])
}

/// The n-th event of a session, as far as this interface reads events.
fn event(session: &SessionId, n: usize) -> Vec<u8> {
    let event = Event {
        pact: PactHash([1; 32]),
        session: *session,
        seq: u64::try_from(n).unwrap(),
        prev: EventHash::default(),
        from: Role::Principal,
        to: Role::Initiator,
        body: messages::event::Body::Message { text: "hello".into() },
    };
    event.sign(&SigningKey::from_seed(&[1; 32])).unwrap().to_bytes().unwrap()
}

fn receipt(count: u64) -> Receipt {
    Receipt {
        session: session(),
        party: Party::Initiator,
        count,
        head: EventHash([count.to_le_bytes()[0]; 32]),
        other: 0,
        journal: JournalHead::default(),
        boot: BootId([3; 32]),
        signature: Signature([4; 64]),
    }
}

fn verdict(action: Action) -> Reply {
    let rule = (action != Action::Allow).then(|| "limit".to_owned());
    Reply::Verdict { action, rule, receipt: receipt(1), ticket: None }
}

fn error(code: &str) -> Reply {
    Reply::Error { code: code.into() }
}

/// Path of an operation, whatever its parameter.
fn path_of(operation: Operation) -> String {
    operation.path(match operation {
        Operation::Disclose => "7",
        Operation::Tile => "0/x001/234.p/5",
        _ => "abababababababababababababababababababababababababababababababab",
    })
}
