//! `cloister cosign`: has witnesses cosign the checkpoint of a bundle, so that a verifier knows
//! that the log shows everybody the same.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use messages::bundle::Bundle;
use messages::codec::Wire;
use messages::ledger::Ledger;
use messages::opening::Holdings;

use crate::client::Reach;
use crate::fault::{Fault, read, write};
use crate::output;
use crate::witnesses::Witnesses;

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
    let asked =
        Witnesses::read(&arguments.witness)?.cosign(checkpoint, head.size(), &mut client)?;
    for (url, refused) in asked {
        refused.map_or(Ok(()), Err)?;
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
