//! What a party holds of its own tally: fetched once, checked against every leaf, and enough to
//! prove claims later, offline, on another machine.

mod opened;
mod prove;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use messages::bundle::IncludedLeaf;
use messages::claim::Range;
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::opening::Holdings;
use messages::publication::Disclosed;
use messages::reply::{Reply, Request};
use messages::time::Epoch;

pub(crate) use prove::{Arguments as ProveArguments, run as prove};

use self::opened::Opened;
use crate::client::{Client, Reach, strange};
use crate::fault::{Fault, read, write};
use crate::{claim, key, output, pacts, replay};

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister openings --monitor https://127.0.0.1:8443 --pact bank.pact.json --key initiator.key \\\n    --anchors anchors.toml --last 30 --out initiator.holdings\n\nThe file opens nothing without the key. Run it again with a later --last to add epochs."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// The pact that the monitor watches.
    #[arg(long)]
    pact: PathBuf,
    /// Hash of the first pact of the chain, when --pact is a revision.
    #[arg(long)]
    root: Option<String>,
    /// The key of the party that the tally is about.
    #[arg(long)]
    key: PathBuf,
    /// First epoch.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// Last epoch.
    #[arg(long)]
    last: u64,
    /// Which tally about you: how many broke off before it.
    #[arg(long, default_value_t = 0)]
    generation: u32,
    /// Where to keep the openings; epochs are added to a file that is there.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let signed = pacts::open(&arguments.pact)?;
    let key = key::load(&arguments.key)?;
    let holder = Did::from_key(&key.public());
    let root = claim::root_of(arguments.root.as_deref(), signed.pact())?;
    let mut client = arguments.reach.connect(&arguments.reach.file()?)?;
    let origin = client.appraised().claims().origin.clone();
    let mut kept = Collected::at(&arguments.out, &origin, &holder)?;
    let epochs = arguments.last.saturating_sub(arguments.first).saturating_add(1);
    let bar = replay::progress(usize::try_from(epochs).unwrap_or(usize::MAX), "epochs");
    let mut first = arguments.first.max(1);
    while first <= arguments.last {
        let last = arguments.last.min(first.saturating_add(PAGE));
        let range = Range {
            origin: origin.clone(),
            root,
            party: holder.clone(),
            generation: arguments.generation,
            first: Epoch(first),
            last: Epoch(last),
        };
        let signature = key.sign(domain::OPENINGS_REQUEST, &range.to_cbor());
        let requester = holder.clone();
        kept.add(client.ask(&Request::Openings { range, requester, signature })?)?;
        bar.inc(last.saturating_sub(first).saturating_add(1));
        first = last.saturating_add(1);
    }
    bar.finish_and_clear();
    let holdings = kept.finish(&mut client)?;
    // Nothing is kept that would not prove: every opening against its leaf, every leaf in the log.
    let log_key = client.appraised().claims().log_key;
    let accusation = arguments.out.with_extension("accusation");
    let opened = Opened::check(&holdings, &key, Some(&log_key)).map_err(|e| e.keep(&accusation))?;
    write(&arguments.out, &holdings.to_cbor())?;
    let (epochs, counters) = (opened.epochs(), opened.counters());
    output::line(format!(
        "wrote {}: {epochs} epochs, {counters} counters, each checked against its leaf",
        arguments.out.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// A file that grows.
struct Collected {
    holdings: Holdings,
    leaves: BTreeMap<u64, Disclosed>,
}

impl Collected {
    fn at(path: &Path, origin: &str, holder: &Did) -> Result<Self, Fault> {
        let holdings = if path.exists() {
            load(path)?
        } else {
            Holdings {
                format: Holdings::FORMAT.into(),
                origin: origin.to_owned(),
                holder: holder.clone(),
                checkpoint: String::new(),
                leaves: Vec::new(),
                schemas: Vec::new(),
                boots: Vec::new(),
                sealed: Vec::new(),
            }
        };
        if holdings.origin != origin || holdings.holder != *holder {
            return Err(Fault::new(
                "holdings-of-another",
                "the file holds openings of another log or of another party",
                "name another file",
            ));
        }
        let leaves = holdings.leaves.iter().map(|leaf| leaf.disclosed.clone());
        let leaves = leaves.map(|leaf| (leaf.index, leaf)).collect();
        Ok(Self { holdings, leaves })
    }

    fn add(&mut self, reply: Reply) -> Result<(), Fault> {
        let Reply::Openings { sealed, leaves, schemas, boots } = reply else {
            return Err(strange());
        };
        let known = |leaf| self.holdings.sealed.iter().any(|one| one.leaf == leaf);
        let fresh: Vec<_> = sealed.into_iter().filter(|one| !known(one.leaf)).collect();
        self.holdings.sealed.extend(fresh);
        for schema in schemas {
            if !self.holdings.schemas.contains(&schema) {
                self.holdings.schemas.push(schema);
            }
        }
        // The newest list begins with all earlier ones.
        self.holdings.boots = vec![boots];
        self.leaves.extend(leaves.into_iter().map(|leaf| (leaf.index, leaf)));
        Ok(())
    }

    /// Fetches the newest checkpoint and the ways of all leaves to it.
    fn finish(mut self, client: &mut Client) -> Result<Holdings, Fault> {
        let indices: Vec<u64> = self.leaves.keys().copied().collect();
        let mut paths = Vec::with_capacity(indices.len());
        for page in indices.chunks(PATHS) {
            let request = Request::Include { leaves: page.to_vec() };
            let Reply::Included { checkpoint, paths: some } = client.ask(&request)? else {
                return Err(strange());
            };
            if !paths.is_empty() && checkpoint != self.holdings.checkpoint {
                return Err(Fault::new(
                    "holdings-log-grew",
                    "the log grew while it was read",
                    "run the command again",
                ));
            }
            self.holdings.checkpoint = checkpoint;
            paths.extend(some);
        }
        let leaves = self.leaves.into_values().zip(paths);
        let included = |(disclosed, path)| IncludedLeaf { disclosed, path };
        self.holdings.leaves = leaves.map(included).collect();
        Ok(self.holdings)
    }
}

fn load(path: &Path) -> Result<Holdings, Fault> {
    let bytes = read(path, u64::try_from(Holdings::MAX_BYTES).unwrap_or(u64::MAX))?;
    let holdings = Holdings::from_cbor(&bytes).ok();
    holdings.filter(|holdings| holdings.format == Holdings::FORMAT).ok_or_else(|| {
        Fault::new(
            "holdings-malformed",
            format!("{} is no file of openings", path.display()),
            "name a file that `cloister openings` wrote",
        )
    })
}

/// Epochs of one request beside the first.
const PAGE: u64 = 62;
/// Leaves of one request for inclusion.
const PATHS: usize = 4096;
