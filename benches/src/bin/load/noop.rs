//! The server that decides nothing: the same TLS, the same HTTP, the same journal. A request's
//! bytes are read, a record of the given length is appended, the group becomes durable, and one and
//! the same answer is given. What remains of a monitor's time beyond this is the monitor.

use std::path::PathBuf;
use std::sync::Arc;

use attestations::software;
use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::routing::post;
use bytes::Bytes;
use channel::binding::Binding;
use channel::forms::Operation;
use channel::forms::body::AttestBody;
use channel::server::ServerIdentity;
use channel::{ATTESTATION_PATH, CMW_MEDIA_TYPE};
use http::header::{CONTENT_TYPE, HeaderName};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use journal::{InsecureSealing, Journal, Recovered};
use messages::codec::Wire;
use messages::evidence::Claims;
use messages::ids::{BootId, ConfigDigest};
use messages::signature::SigningKey;
use messages::time::UnixMillis;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tower::ServiceExt;

/// What it needs to know of the monitor that it stands beside.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Its state folder.
    #[arg(long)]
    pub(crate) state: PathBuf,
    /// Bytes of a record.
    #[arg(long)]
    pub(crate) record: usize,
    /// File with the answer to every request.
    #[arg(long)]
    pub(crate) answer: PathBuf,
    /// Milliseconds since 1970, for the certificate.
    #[arg(long)]
    pub(crate) now: u64,
}

#[derive(Clone)]
struct Desk {
    ask: mpsc::Sender<(Bytes, oneshot::Sender<()>)>,
    answer: Bytes,
    claims: Arc<Claims>,
}

/// Serves until it is killed.
pub(crate) fn serve(arguments: &Arguments) {
    let key = SigningKey::from_seed(&[9; 32]).public();
    let claims =
        Claims::for_checkpoint(ORIGIN.into(), (BootId([1; 32]), key), key, ConfigDigest([0; 32]));
    let identity = ServerIdentity::generate(ORIGIN, UnixMillis(arguments.now), |spki| {
        Some(software::attest(&claims.clone().for_certificate(spki), MEASUREMENT))
    });
    let (ask, asked) = mpsc::channel(QUEUE);
    let journal = journal(arguments);
    let record = arguments.record;
    std::thread::spawn(move || work(journal, asked, record));
    let answer = std::fs::read(&arguments.answer).unwrap().into();
    let desk = Desk { ask, answer, claims: Arc::new(claims) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(listen(Arc::new(identity.unwrap()), desk));
}

fn journal(arguments: &Arguments) -> Journal {
    std::fs::create_dir_all(&arguments.state).unwrap();
    let sealing = InsecureSealing::open_or_create(&arguments.state.join("key"), ORIGIN).unwrap();
    let (folder, on) = (arguments.state.join("journal"), &mut |_: Recovered<'_>| Ok::<(), ()>(()));
    let opened = Journal::open(&folder, Box::new(sealing), ORIGIN, BootId([1; 32]), on).unwrap();
    opened.start(&[], UnixMillis(0)).unwrap()
}

/// Groups as the monitor's desk makes them: whatever arrived while the last one became durable.
fn work(
    mut journal: Journal,
    mut asked: mpsc::Receiver<(Bytes, oneshot::Sender<()>)>,
    bytes: usize,
) {
    let mut group = Vec::with_capacity(GROUP);
    while asked.blocking_recv_many(&mut group, GROUP) > 0 {
        for (event, _) in &group {
            // The event's own bytes, cut or filled up to a record.
            let record: Vec<u8> = event.iter().copied().cycle().take(bytes).collect();
            journal.append(&record).unwrap();
        }
        journal.commit().unwrap();
        for (_, answer) in group.drain(..) {
            // Whoever went away needs no answer.
            answer.send(()).ok();
        }
    }
}

async fn listen(identity: Arc<ServerIdentity>, desk: Desk) {
    let router = Router::new()
        .route(Operation::Decide.template(), post(decide))
        .route(ATTESTATION_PATH, post(attest))
        .with_state(desk);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    eprintln!(r#"{{"fields":{{"event":"listening","address":"{address}"}}}}"#);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (identity, router) = (Arc::clone(&identity), router.clone());
        tokio::spawn(async move {
            let (session, binding) = identity.accept(stream).await.unwrap();
            let service = hyper::service::service_fn(
                move |mut request: hyper::Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(binding);
                    router.clone().oneshot(request.map(Body::new))
                },
            );
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS);
            drop(builder.serve_connection(TokioIo::new(session), service).await);
        });
    }
}

async fn decide(
    State(desk): State<Desk>,
    event: Bytes,
) -> ([(HeaderName, &'static str); 1], Bytes) {
    let (answer, answered) = oneshot::channel();
    desk.ask.send((event, answer)).await.unwrap();
    answered.await.unwrap();
    ([(CONTENT_TYPE, "application/json")], desk.answer)
}

async fn attest(
    State(desk): State<Desk>,
    Extension(binding): Extension<Binding>,
    body: Bytes,
) -> ([(HeaderName, &'static str); 1], Vec<u8>) {
    let AttestBody { nonce } = serde_json::from_slice(&body).unwrap();
    let claims = binding.answer(Claims::clone(&desk.claims), nonce.0);
    let evidence = software::attest(&claims, MEASUREMENT);
    ([(CONTENT_TYPE, CMW_MEDIA_TYPE)], evidence.to_cbor())
}

pub(crate) const ORIGIN: &str = "insecure-dev/noop";
pub(crate) const MEASUREMENT: &str = "sw:noop";
const QUEUE: usize = 4096;
const GROUP: usize = 1024;
const STREAMS: u32 = 256;
