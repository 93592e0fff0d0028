//! `cloister cosign`: has witnesses cosign the checkpoint of a bundle, so that a verifier knows
//! that the log shows everybody the same.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Args;
use messages::bundle::Bundle;
use messages::codec::Wire;
use messages::ledger::Ledger;
use messages::opening::Holdings;
use messages::reply::{Reply, Request};
use tlog::witness::AddCheckpoint;

use crate::client::{Client, Reach, strange};
use crate::fault::{Fault, read, write};
use crate::outbound::Target;
use crate::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister cosign bundle.cbor --monitor https://127.0.0.1:8443 --anchors anchors.toml \\\n    --witness https://witness.example --out bundle.cbor\n\nA witness signs only what extends the last checkpoint that it signed: have a bundle cosigned while it\nis fresh. The monitor is asked for the proofs that its log only grew."
)]
pub(crate) struct Arguments {
    /// A bundle, a file of openings, or a whole ledger.
    file: PathBuf,
    #[command(flatten)]
    reach: Reach,
    /// A witness, by the address before `/add-checkpoint`; may be repeated.
    #[arg(long, required = true)]
    witness: Vec<String>,
    /// Where to write the cosigned file.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let mut file_of = Cosigned::read(&arguments.file)?;
    let file = arguments.reach.file()?;
    let mut client = arguments.reach.connect(&file)?;
    let claims = client.appraised().claims();
    let (origin, log_key) = (claims.origin.clone(), claims.log_key);
    let checkpoint = file_of.checkpoint(&origin).ok_or_else(|| {
        Fault::new(
            "cosign-other-log",
            "the file shows no log of this monitor",
            "name the monitor that the file is about",
        )
    })?;
    let head = tlog::open_checkpoint(checkpoint, &origin, &log_key)
        .map_err(|error| Fault::new(error.code(), error.to_string(), "ask for the bundle again"))?;
    for url in &arguments.witness {
        cosign(url, head.size(), checkpoint, &mut client)?;
        output::line(format!("cosigned by {url}"));
    }
    let witnesses = file.anchors()?.witnesses;
    let counted = tlog::cosignatures(checkpoint, &witnesses).len();
    if !witnesses.is_empty() {
        output::line(format!(
            "{counted} of the anchors' {} witnesses have cosigned",
            witnesses.len()
        ));
    }
    write(&arguments.out, &file_of.bytes())?;
    output::line(format!("wrote {}", arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// A file with a checkpoint.
enum Cosigned {
    Bundle(Box<Bundle>),
    Holdings(Box<Holdings>),
    Ledger(Box<Ledger>),
}

impl Cosigned {
    fn read(path: &Path) -> Result<Self, Fault> {
        let most = Holdings::MAX_BYTES.max(Ledger::MAX_BYTES);
        let bytes = read(path, u64::try_from(most).unwrap_or(u64::MAX))?;
        if let Ok(ledger) = Ledger::from_cbor(&bytes) {
            return Ok(Self::Ledger(Box::new(ledger)));
        }
        if let Ok(bundle) = Bundle::from_cbor(&bytes) {
            return Ok(Self::Bundle(Box::new(bundle)));
        }
        let holdings = Holdings::from_cbor(&bytes).map_err(|_| {
            Fault::new(
                "cosign-unreadable",
                format!("{} is no bundle, file of openings or ledger", path.display()),
                "name what `cloister claim`, `openings` or `log ledger` wrote",
            )
        })?;
        Ok(Self::Holdings(Box::new(holdings)))
    }

    fn checkpoint(&mut self, origin: &str) -> Option<&mut String> {
        match self {
            Self::Bundle(bundle) => {
                let view = bundle.logs.iter_mut().find(|view| view.origin == origin);
                view.map(|view| &mut view.checkpoint)
            }
            Self::Holdings(holdings) => {
                (holdings.origin == origin).then_some(&mut holdings.checkpoint)
            }
            Self::Ledger(ledger) => (ledger.origin == origin).then_some(&mut ledger.checkpoint),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Bundle(bundle) => bundle.to_cbor(),
            Self::Holdings(holdings) => holdings.to_cbor(),
            Self::Ledger(ledger) => ledger.to_cbor(),
        }
    }
}

/// Has one witness add its line. It says which size it signed last, when that is another than was
/// thought.
fn cosign(url: &str, size: u64, checkpoint: &mut String, client: &mut Client) -> Result<(), Fault> {
    let full = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let target = Target::read(&full).ok_or_else(|| {
        Fault::new(
            "witness-address",
            "the witness is neither https:// nor http:// on a loopback address",
            "give https://host, or http://127.0.0.1:port",
        )
    })?;
    let mut old = 0;
    for _ in 0..ATTEMPTS {
        let proof = consistency(old, size, client)?;
        let request = AddCheckpoint { old, proof, note: checkpoint.clone() };
        let answer = target.post_and_wait("text/plain", Bytes::from(request.body()));
        let answer = answer.map_err(|e| unanswered(url, &e.to_string()))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status {
            200 => {
                let refused = |e: tlog::CheckpointError| unanswered(url, &e.to_string());
                // A witness may sign with several keys, a line each.
                for line in text.split_inclusive('\n') {
                    *checkpoint = tlog::with_cosignature(checkpoint, line).map_err(refused)?;
                }
                return Ok(());
            }
            409 => match text.trim_end().parse::<u64>() {
                Ok(known) if known <= size && known != old => old = known,
                Ok(_) => {
                    return Err(Fault::new(
                        "witness-ahead",
                        "the witness has signed a later checkpoint than the bundle's",
                        "ask for the bundle again and have it cosigned at once",
                    ));
                }
                Err(_) => return Err(unanswered(url, &text)),
            },
            status => return Err(unanswered(url, &format!("{status}: {}", text.trim_end()))),
        }
    }
    Err(unanswered(url, "its size changed again and again"))
}

/// That the log of `old` leaves is a prefix of the one of `size`.
fn consistency(
    old: u64,
    size: u64,
    client: &mut Client,
) -> Result<Vec<messages::ids::LeafHash>, Fault> {
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    match client.ask(&Request::Consistency { old, new: Some(size) })? {
        Reply::Consistent { path, .. } => Ok(path),
        _ => Err(strange()),
    }
}

fn unanswered(url: &str, said: &str) -> Fault {
    let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
    Fault::new(
        "witness-refused",
        format!("the witness {url} did not cosign: {said}"),
        "see that it witnesses this log, and ask for a fresh bundle",
    )
}

const ATTEMPTS: usize = 3;
