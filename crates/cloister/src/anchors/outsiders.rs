//! Witnesses and time-stamping authorities, whom the one who verifies chooses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use messages::codec::Wire;
use messages::did::Did;
use verify::documents::{AnchorsDocument, TimeStampsDocument, WitnessesDocument};

use super::malformed;
use crate::circuit;
use crate::fault::{Fault, read};
use crate::stamp::authority::Authorities;

#[derive(Args)]
pub(crate) struct Outsiders {
    /// A witness whose cosignature counts, as name=did:key:...; may be repeated.
    #[arg(long)]
    witness: Vec<String>,
    /// How many witnesses must have cosigned a checkpoint; by default all that are named here, and
    /// as many of the others as their file demands.
    #[arg(long)]
    quorum: Option<usize>,
    /// A dealer whose coins count, as name=did:key:...; may be repeated.
    #[arg(long)]
    dealer: Vec<String>,
    /// The verifying key of a circuit, a file that came with a proof about each event; may be
    /// repeated. A key that a monitor made counts with that monitor's evidence.
    #[arg(long, value_name = "FILE")]
    circuit: Vec<PathBuf>,
    /// A time-stamping authority whose tokens count, as name=chain.pem (its certificate first, its
    /// root last); may be repeated.
    #[arg(long)]
    authority: Vec<String>,
    /// Checkpoints must be stamped.
    #[arg(long)]
    stamped: bool,
}

impl Outsiders {
    /// Adds those of another file. How many of all witnesses are enough, no file says.
    pub(super) fn merge(
        &self,
        document: &mut AnchorsDocument,
        witnesses: Option<WitnessesDocument>,
        time_stamps: Option<TimeStampsDocument>,
    ) -> Result<(), Fault> {
        match (&mut document.witnesses, witnesses) {
            (_, None) => {}
            (none @ None, Some(theirs)) => *none = Some(theirs),
            (Some(ours), Some(theirs)) if *ours == theirs => {}
            (Some(_), Some(_)) if self.quorum.is_none() => {
                return Err(Fault::new(
                    "anchors-witnesses-differ",
                    "the files demand the cosignatures of different witnesses",
                    "say with --quorum how many of all of them must have cosigned",
                ));
            }
            (Some(ours), Some(theirs)) => add(&mut ours.keys, theirs.keys)?,
        }
        match (&mut document.time_stamps, time_stamps) {
            (_, None) => {}
            (none @ None, Some(theirs)) => *none = Some(theirs),
            (Some(ours), Some(theirs)) => {
                ours.required |= theirs.required;
                add(&mut ours.authorities, theirs.authorities)?;
            }
        }
        Ok(())
    }

    /// Adds those that are named.
    pub(super) fn enter(&self, document: &mut AnchorsDocument) -> Result<(), Fault> {
        for path in &self.circuit {
            document.circuits.push(hex::encode(circuit::load(path)?.to_cbor()));
        }
        document.circuits.sort_unstable();
        document.circuits.dedup();
        let dealers = self.dealer.iter().map(|text| keyed("--dealer", text));
        add(&mut document.dealers, dealers.collect::<Result<_, _>>()?)?;
        let named = self.witness.iter().map(|text| keyed("--witness", text));
        let named = named.collect::<Result<BTreeMap<_, _>, _>>()?;
        if !named.is_empty() || self.quorum.is_some() {
            let none = WitnessesDocument { quorum: 0, keys: BTreeMap::new() };
            let witnesses = document.witnesses.get_or_insert(none);
            let known = witnesses.keys.len();
            add(&mut witnesses.keys, named)?;
            // With as many more as there are new ones, no fewer of the others are enough.
            let new = witnesses.keys.len().saturating_sub(known);
            witnesses.quorum = self.quorum.unwrap_or_else(|| witnesses.quorum.saturating_add(new));
        }
        let named = self.authority.iter().map(|text| authority(text));
        let named = named.collect::<Result<BTreeMap<_, _>, _>>()?;
        if !named.is_empty() || self.stamped {
            let none = TimeStampsDocument { required: false, authorities: BTreeMap::new() };
            let stamps = document.time_stamps.get_or_insert(none);
            add(&mut stamps.authorities, named)?;
            stamps.required |= self.stamped;
            if stamps.authorities.is_empty() {
                return Err(malformed("--stamped without any authority whose stamp would count"));
            }
        }
        Authorities::read(document.time_stamps.as_ref()).map(drop)
    }
}

/// Adds entries; no name may stand for two things.
pub(super) fn add<T: PartialEq>(
    ours: &mut BTreeMap<String, T>,
    theirs: BTreeMap<String, T>,
) -> Result<(), Fault> {
    for (name, value) in theirs {
        if ours.get(&name).is_some_and(|known| *known != value) {
            return Err(Fault::new(
                "anchors-conflict",
                format!("`{name}` stands for two different keys or certificates"),
                "find out which is right; remove the other from its file",
            ));
        }
        ours.insert(name, value);
    }
    Ok(())
}

fn keyed(option: &str, text: &str) -> Result<(String, Did), Fault> {
    let (name, key) = text.split_once('=').ok_or_else(|| unnamed(option, "name=did:key:..."))?;
    let did = Did::parse(key).filter(|did| did.key().is_some());
    let did =
        did.ok_or_else(|| malformed(&format!("the key of a {option} is no Ed25519 did:key")))?;
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

#[cfg(test)]
mod tests {
    use messages::signature::SigningKey;

    use super::*;

    fn named(name: &str, seed: u8) -> (String, Did) {
        (name.to_owned(), Did::from_key(&SigningKey::from_seed(&[seed; 32]).public()))
    }

    fn document(witnesses: Option<(usize, &[(&str, u8)])>) -> AnchorsDocument {
        let witnesses = witnesses.map(|(quorum, keys)| WitnessesDocument {
            quorum,
            keys: keys.iter().map(|(name, seed)| named(name, *seed)).collect(),
        });
        let (pacts, monitors) = (Vec::new(), Vec::new());
        let dealers = BTreeMap::new();
        let (audience, circuits, time_stamps) = (None, Vec::new(), None);
        AnchorsDocument { pacts, audience, monitors, witnesses, dealers, circuits, time_stamps }
    }

    fn outsiders(witness: &[(&str, u8)], quorum: Option<usize>) -> Outsiders {
        let text = |(name, seed): &(&str, u8)| {
            let (name, did) = named(name, *seed);
            format!("{name}={did}")
        };
        let witness = witness.iter().map(text).collect();
        let (dealer, authority) = (Vec::new(), Vec::new());
        Outsiders { witness, quorum, dealer, circuit: Vec::new(), authority, stamped: false }
    }

    /// Quorum and number of witnesses of what `ours` and `theirs` become, or why they do not.
    fn joined(
        outsiders: &Outsiders,
        ours: Option<(usize, &[(&str, u8)])>,
        theirs: Option<(usize, &[(&str, u8)])>,
    ) -> Result<(usize, usize), String> {
        let mut document = document(ours);
        let theirs = self::document(theirs).witnesses;
        outsiders.merge(&mut document, theirs, None).map_err(|fault| fault.code)?;
        outsiders.enter(&mut document).map_err(|fault| fault.code)?;
        Ok(document.witnesses.map_or((0, 0), |w| (w.quorum, w.keys.len())))
    }

    #[test]
    fn no_demand_for_witnesses_is_lost_when_anchors_are_joined() {
        let none = outsiders(&[], None);
        let one: Option<(usize, &[(&str, u8)])> = Some((1, &[("a", 1)]));
        let two: Option<(usize, &[(&str, u8)])> = Some((2, &[("b", 2), ("c", 3), ("d", 4)]));
        assert_eq!(joined(&none, None, None), Ok((0, 0)));
        assert_eq!(joined(&none, one, None), Ok((1, 1)));
        assert_eq!(joined(&none, None, two), Ok((2, 3)));
        assert_eq!(joined(&none, two, two), Ok((2, 3)));
        assert_eq!(joined(&none, one, two), Err("anchors-witnesses-differ".to_owned()));
        assert_eq!(joined(&outsiders(&[], Some(3)), one, two), Ok((3, 4)));
        // Two of three, and one more: three of four have two of the three among them.
        assert_eq!(joined(&outsiders(&[("e", 5)], None), two, None), Ok((3, 4)));
        assert_eq!(joined(&outsiders(&[("b", 2)], None), two, None), Ok((2, 3)));
        assert_eq!(joined(&outsiders(&[("e", 5), ("f", 6)], Some(1)), None, None), Ok((1, 2)));
        let other = outsiders(&[("a", 9)], None);
        assert_eq!(joined(&other, one, None), Err("anchors-conflict".to_owned()));
    }

    #[test]
    fn a_stamp_is_demanded_of_some_authority_and_by_any_file() {
        let stamped = Outsiders { stamped: true, ..outsiders(&[], None) };
        assert!(stamped.enter(&mut document(None)).is_err(), "nobody could stamp");
        let file = |required| TimeStampsDocument { required, authorities: BTreeMap::new() };
        let mut ours = document(None);
        let none = outsiders(&[], None);
        for (theirs, required) in [(false, false), (true, true), (false, true)] {
            assert!(none.merge(&mut ours, None, Some(file(theirs))).is_ok());
            assert_eq!(ours.time_stamps.as_ref().map(|s| s.required), Some(required));
        }
    }
}
