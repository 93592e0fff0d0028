//! Witnesses and time-stamping authorities, whom the one who verifies chooses.

use std::path::Path;

use clap::Args;
use messages::did::Did;
use verify::documents::{AnchorsDocument, TimeStampsDocument, WitnessesDocument};

use super::malformed;
use crate::fault::{Fault, read};
use crate::stamp::authority::Authorities;

#[derive(Args)]
pub(crate) struct Outsiders {
    /// A witness whose cosignature counts, as name=did:key:...; may be repeated.
    #[arg(long)]
    witness: Vec<String>,
    /// How many of them must have cosigned a checkpoint; all of them by default.
    #[arg(long, requires = "witness")]
    quorum: Option<usize>,
    /// A time-stamping authority whose tokens count, as name=chain.pem (its certificate first, its
    /// root last); may be repeated.
    #[arg(long)]
    authority: Vec<String>,
    /// Checkpoints must be stamped.
    #[arg(long, requires = "authority")]
    stamped: bool,
}

impl Outsiders {
    /// Puts them into anchors, in place of those that there are.
    pub(super) fn enter(&self, document: &mut AnchorsDocument) -> Result<(), Fault> {
        if !self.witness.is_empty() {
            let keys = self.witness.iter().map(|text| witness(text));
            let keys = keys.collect::<Result<std::collections::BTreeMap<_, _>, _>>()?;
            let quorum = self.quorum.unwrap_or(keys.len());
            document.witnesses = Some(WitnessesDocument { quorum, keys });
        }
        if !self.authority.is_empty() {
            let authorities = self.authority.iter().map(|text| authority(text));
            let authorities = authorities.collect::<Result<_, _>>()?;
            let stamps = TimeStampsDocument { required: self.stamped, authorities };
            Authorities::read(Some(&stamps))?;
            document.time_stamps = Some(stamps);
        }
        Ok(())
    }
}

fn witness(text: &str) -> Result<(String, Did), Fault> {
    let (name, key) =
        text.split_once('=').ok_or_else(|| unnamed("--witness", "name=did:key:..."))?;
    let did = Did::parse(key).filter(|did| did.key().is_some());
    let did = did.ok_or_else(|| malformed("the key of a witness is no Ed25519 did:key"))?;
    Ok((name.to_owned(), did))
}

fn authority(text: &str) -> Result<(String, String), Fault> {
    let (name, path) =
        text.split_once('=').ok_or_else(|| unnamed("--authority", "name=chain.pem"))?;
    let pem = String::from_utf8(read(Path::new(path), MAX_CHAIN)?);
    let pem = pem.map_err(|_| malformed("the certificates of an authority are no PEM"))?;
    Ok((name.to_owned(), pem))
}

fn unnamed(option: &str, form: &str) -> Fault {
    Fault::new(
        "anchors-unnamed",
        format!("a {option} has no name"),
        format!("give {option} {form}"),
    )
}

const MAX_CHAIN: u64 = 64 * 1024;
