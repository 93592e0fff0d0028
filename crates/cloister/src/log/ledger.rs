//! `cloister log ledger`: the whole log of a monitor, with everything opened that says who booted,
//! debited and drew. `cloister verify` adds it up, offline.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use messages::codec::Wire;
use messages::leaf::{Kind, Leaf};
use messages::ledger::Ledger;
use messages::reply::{Reply, Request};
use tlog::{TilePath, Tiled};

use crate::client::{Client, Reach, strange};
use crate::fault::{Fault, write};
use crate::output;
use crate::replay::progress;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister log ledger --monitor https://127.0.0.1:8443 --anchors anchors.toml --out ledger.cbor\n  cloister verify ledger.cbor --anchors anchors.toml\n\nAnybody may: what is debited and drawn concerns everybody whose sessions are counted."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// Where to write the ledger.
    #[arg(long)]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let mut client = arguments.reach.connect(&arguments.reach.file()?)?;
    let ledger = fetch(&mut client)?;
    write(&arguments.out, &ledger.to_cbor())?;
    let (leaves, opened) = (ledger.leaves.len(), ledger.opened.len());
    let out = arguments.out.display();
    output::line(format!("{leaves} leaves, {opened} of them opened, in {out}; nothing is checked"));
    Ok(ExitCode::SUCCESS)
}

fn fetch(client: &mut Client) -> Result<Ledger, Fault> {
    let claims = client.appraised().claims();
    let (origin, log_key) = (claims.origin.clone(), claims.log_key);
    // Every log has a leaf: its first boot's.
    let request = Request::Consistency { old: 1, new: None };
    let Reply::Consistent { checkpoint, .. } = client.ask(&request)? else {
        return Err(strange());
    };
    let size = tlog::open_checkpoint(&checkpoint, &origin, &log_key).map_err(|_| strange())?.size();
    let bar = progress(usize::try_from(size).unwrap_or(usize::MAX), "leaves");
    let mut leaves: Vec<Leaf> = Vec::new();
    let mut opened = Vec::new();
    loop {
        let have = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        let Some(left) = size.checked_sub(have).filter(|left| *left > 0) else { break };
        let width = u16::try_from(left.min(WIDTH)).unwrap_or(u16::MAX);
        let index = have.checked_div(WIDTH).unwrap_or(0);
        let path = TilePath::new(Tiled::Entries, index, width).ok_or_else(strange)?;
        let bundle = client.tile(path)?;
        for leaf in tlog::read_entry_bundle(&bundle, width).ok_or_else(strange)? {
            if matches!(leaf.kind, Kind::Aggregate | Kind::Boot | Kind::Reserve) {
                let at = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
                let Reply::Disclosed { leaf, .. } = client.ask(&Request::Disclose { leaf: at })?
                else {
                    return Err(strange());
                };
                opened.push(leaf);
            }
            leaves.push(leaf);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let format = Ledger::FORMAT.into();
    Ok(Ledger { format, origin, checkpoint, leaves, opened })
}

/// Entries of a whole bundle of them (C2SP tlog-tiles).
const WIDTH: u64 = 256;
