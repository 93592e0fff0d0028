//! `cloister witness`: a witness of logs (C2SP tlog-witness), for anybody to run. It signs a
//! checkpoint only when it extends the last one that it signed, so that whoever sees its
//! cosignature sees the log that everybody else sees.
//!
//! What was signed last is durable before a cosignature leaves. A log that forks is convicted by
//! what it sent: the accusation is written to the state folder. While the lease of one boot lasts,
//! no other boot's checkpoint is signed; leases run by a clock that nobody can set, and one that was
//! granted before a restart begins anew with it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clap::Args;
use messages::accusation::{Accusation, Charge};
use messages::codec::Wire;
use messages::signature::{PublicKey, SigningKey};
use tlog::witness::{AddCheckpoint, Granted, Last, MAX_REQUEST_BYTES, Refusal};

use crate::fault::{Fault, durable};
use crate::memory::Memory;
use crate::{anchors, key, output};

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister key new --out witness.key\n  cloister witness --name witness.example --key witness.key --logs anchors.toml --state seen \\\n    --listen 127.0.0.1:8080\n\nIt speaks C2SP tlog-witness: POST /add-checkpoint. Put a TLS proxy before it. The state folder must\nnever be lost or copied: a witness that forgets signs a fork."
)]
pub(crate) struct Arguments {
    /// The witness's name, as its signature lines carry it.
    #[arg(long)]
    name: String,
    /// The witness's key.
    #[arg(long)]
    key: PathBuf,
    /// Anchors that name the logs to witness: origins and keys.
    #[arg(long)]
    logs: PathBuf,
    /// A folder for what was signed last.
    #[arg(long)]
    state: PathBuf,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let anchors = anchors::File::load(&arguments.logs)?.anchors()?;
    let memory = Memory::open(&arguments.state)?;
    if !tlog::is_origin(&arguments.name) {
        return Err(Fault::new(
            "witness-name",
            "the name cannot stand in a signature line",
            "name the witness by 1 to 255 printable ASCII characters without + and spaces",
        ));
    }
    let logs = anchors.logs.into_iter().map(|anchor| (anchor.origin, anchor.log_key)).collect();
    let witness = Arc::new(Witness {
        name: arguments.name.clone(),
        key: key::load(&arguments.key)?,
        logs,
        memory: Mutex::new(Seen { folder: memory, began: began(), granted: BTreeMap::new() }),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Fault::new("runtime", e.to_string(), "free memory and threads"))?;
    runtime.block_on(serve(witness, arguments.listen))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(witness: Arc<Witness>, listen: SocketAddr) -> Result<(), Fault> {
    let refused = |e: std::io::Error| {
        Fault::new("witness-listen", format!("cannot listen on {listen}: {e}"), "name a free port")
    };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let key = messages::did::Did::from_key(&witness.key.public());
    output::line(format!("witness {} {key} listens on http://{address}", witness.name));
    let router = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_BYTES))
        .with_state(witness);
    let ended = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, router).with_graceful_shutdown(ended).await.map_err(refused)
}

/// A witness with its memory.
struct Witness {
    name: String,
    key: SigningKey,
    logs: BTreeMap<String, PublicKey>,
    /// One request at a time reads and writes it.
    memory: Mutex<Seen>,
}

/// What was signed, and when.
struct Seen {
    folder: Memory,
    /// Since when this process remembers.
    began: Instant,
    /// When the lease of what it signed last of each log began.
    granted: BTreeMap<String, Instant>,
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    let answered = tokio::task::spawn_blocking(move || witness.take(&body)).await;
    answered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

impl Witness {
    fn take(&self, body: &[u8]) -> Response {
        let request = core::str::from_utf8(body).ok().and_then(AddCheckpoint::parse);
        let Some(request) = request else { return refused(Refusal::Malformed) };
        let origin = request.note.lines().next().unwrap_or_default();
        let Some((origin, log_key)) = self.logs.get_key_value(origin) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let path = memory.folder.of(origin, "note");
        let last = match std::fs::read_to_string(&path) {
            Ok(note) => Some(note),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => return refused(Refusal::Memory),
        };
        let since = memory.granted.get(origin).unwrap_or(&memory.began);
        let last = last.as_deref();
        let seen = last.map(|note| Last { note, seconds_ago: since.elapsed().as_secs() });
        let granted = match request.grant(seen, origin, log_key) {
            Ok(granted) => granted,
            Err(refusal) => {
                match refusal {
                    Refusal::Forked => {
                        let first = last.unwrap_or_default().to_owned();
                        accuse(&memory.folder, origin, first, request.note);
                    }
                    Refusal::Leased(_) => output::event("leased", &[("origin", origin)]),
                    _ => {}
                }
                return refused(refusal);
            }
        };
        if let Granted::Newer { seconds_ago } = granted {
            // CRASH: what is signed is remembered first. A witness that forgot would sign a fork.
            if durable(&path, request.note.as_bytes()).is_err() {
                return refused(Refusal::Memory);
            }
            let since = began();
            let since = since.checked_sub(Duration::from_secs(seconds_ago)).unwrap_or(since);
            memory.granted.insert(origin.clone(), since);
        }
        let now = anchors::now().0.div_euclid(1000);
        match tlog::cosign(&request.note, &self.name, &self.key, now) {
            Ok(line) => line.into_response(),
            Err(_) => refused(Refusal::Malformed),
        }
    }
}

/// A clock that nobody can set.
#[expect(clippy::disallowed_methods, reason = "a witness's own clock")]
fn began() -> Instant {
    Instant::now()
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match refusal {
        Refusal::Size(size) => {
            (status, [(CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
        _ => (status, format!("{refusal}\n")).into_response(),
    }
}

/// Both notes together convict the log.
fn accuse(memory: &Memory, origin: &str, first: String, second: String) {
    let (format, charge) = (Accusation::FORMAT.into(), Charge::ForkedHead { first, second });
    let bytes = Accusation { format, origin: origin.to_owned(), charge }.to_cbor();
    let kept = durable(&memory.of(origin, "accusation"), &bytes).is_ok();
    output::event("forked", &[("origin", origin), ("kept", if kept { "true" } else { "false" })]);
}
