//! Openings that were unsealed and checked: each against its leaf, each leaf in the signed log.

use std::collections::BTreeMap;
use std::path::Path;

use messages::accusation::{Accusation, Charge};
use messages::bundle::LogView;
use messages::codec::Wire;
use messages::counter::{CounterIndex, Schema};
use messages::ids::{BootId, PactHash, TallyId};
use messages::leaf::{BootBody, Kind, PactBody, TallyBody, body_digest};
use messages::opening::Holdings;
use messages::publication::Disclosed;
use messages::segment::moved;
use messages::signature::{PublicKey, SigningKey};
use messages::time::Epoch;
use tally::{Held, HeldError, Openings};

use crate::fault::{Fault, write};

/// A tally leaf that is opened.
pub(super) struct OpenedEpoch {
    pub(super) leaf: Disclosed,
    pub(super) body: TallyBody,
    pub(super) openings: Openings,
}

/// A file of openings, unsealed. Only [`Opened::check`] makes one.
pub(super) struct Opened {
    pub(super) tallies: BTreeMap<(TallyId, Epoch), OpenedEpoch>,
    pub(super) pacts: BTreeMap<PactHash, (PactBody, Disclosed)>,
    pub(super) boots: BTreeMap<BootId, (BootBody, Disclosed)>,
}

impl Opened {
    /// Unseals with the holder's key and checks everything. Without a log key of one's own, the
    /// one that the leaves name is taken: the verifier will not.
    pub(super) fn check(
        holdings: &Holdings,
        key: &SigningKey,
        log_key: Option<&PublicKey>,
    ) -> Result<Self, Refused> {
        let boots = bodies::<BootBody>(holdings, Kind::Boot)?;
        let boots: BTreeMap<_, _> =
            boots.map(|(body, leaf)| (body.boot, (body, leaf.clone()))).collect();
        let named = boots.values().next().map(|(body, _)| body.log_key);
        let log_key = log_key.copied().or(named).ok_or_else(|| malformed("it has no boot leaf"))?;
        let head = tlog::open_checkpoint(&holdings.checkpoint, &holdings.origin, &log_key)
            .map_err(|error| Fault::new(error.code(), error.to_string(), "fetch the file again"))?;
        for included in &holdings.leaves {
            let Disclosed { index, leaf, salt, body } = &included.disclosed;
            let opens = body_digest(leaf.kind, salt, body) == leaf.body;
            let included = tlog::verify_inclusion(&head, *index, leaf, &included.path);
            if !opens || included.is_err() {
                return Err(malformed("a leaf is not in its log").into());
            }
        }
        let pacts = bodies::<PactBody>(holdings, Kind::Pact)?;
        let pacts = pacts.map(|(body, leaf)| (body.pact, (body, leaf.clone()))).collect();
        let mut tallies = BTreeMap::new();
        for (body, leaf) in bodies::<TallyBody>(holdings, Kind::Tally)? {
            let hash = tlog::leaf_hash(&leaf.leaf);
            let sealed = holdings.sealed.iter().find(|sealed| sealed.leaf == hash);
            let sealed = sealed.ok_or_else(|| malformed("a leaf has no openings"))?;
            let held = Held::unseal(sealed, key).map_err(|e| refused(&e))?;
            let (signer, _) = boots
                .get(&held.boot())
                .ok_or_else(|| malformed("the boot that signed openings is not shown"))?;
            let schema = holdings.schemas.iter().find(|schema| schema.hash() == body.schema);
            let schema = schema.ok_or_else(|| malformed("a leaf's schema is not shown"))?;
            let openings = match held.check((hash, &body), &moved(schema), &signer.boot_key) {
                Ok(openings) => openings,
                Err(HeldError::WrongKappa) => {
                    let accusation = wrong_kappa(holdings, &held, leaf, schema);
                    return Err(Refused::Wrong(accusation.map(Box::new)));
                }
                Err(HeldError::WrongOpening { counter }) => {
                    let accusation = accusation(holdings, &held, leaf, counter);
                    return Err(Refused::Wrong(accusation.map(Box::new)));
                }
                Err(error) => return Err(refused(&error).into()),
            };
            let at = (body.tally, body.epoch);
            tallies.insert(at, OpenedEpoch { leaf: leaf.clone(), body, openings });
        }
        Ok(Self { tallies, pacts, boots })
    }

    pub(super) fn epochs(&self) -> usize {
        self.tallies.len()
    }

    /// How many counters the newest leaf opens.
    pub(super) fn counters(&self) -> usize {
        let newest = self.tallies.values().next_back();
        newest.map_or(0, |epoch| {
            let all = (0..u16::MAX).take(epoch.openings.commitments().len());
            let open = all.map(CounterIndex);
            open.filter(|at| epoch.openings.expose_value(*at).is_some()).count()
        })
    }
}

/// Why a file of openings proves nothing.
pub(super) enum Refused {
    Fault(Fault),
    /// The monitor signed a wrong opening; what convicts it, where that can be put together.
    Wrong(Option<Box<Accusation>>),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Refused {
    /// The fault, after the accusation, if there is one, was written to `path`.
    pub(super) fn keep(self, path: &Path) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Wrong(accusation) => {
                let bytes = accusation.map(|accusation| accusation.to_cbor());
                match bytes.map(|bytes| write(path, &bytes)) {
                    Some(Ok(())) => Fault::new(
                        "openings-wrong",
                        "the monitor signed an opening that does not open its own commitment",
                        format!("show {} to anybody: it convicts the monitor", path.display()),
                    ),
                    Some(Err(fault)) => fault,
                    None => malformed("an opening is wrong"),
                }
            }
        }
    }
}

/// The wrong opening, with the leaves of tally and boots.
fn accusation(
    holdings: &Holdings,
    held: &Held,
    leaf: &Disclosed,
    counter: CounterIndex,
) -> Option<Accusation> {
    let (commitment, path) = held.committed(counter)?;
    let (view, opening) = (shown(holdings, leaf), held.evidence(counter)?);
    let charge = Charge::WrongOpening { view, leaf: leaf.index, opening, commitment, path };
    Some(accusing(holdings, charge))
}

/// What convicts the monitor: it shows all openings of the leaf, and so all counters that were
/// shared.
fn wrong_kappa(
    holdings: &Holdings,
    held: &Held,
    leaf: &Disclosed,
    schema: &Schema,
) -> Option<Accusation> {
    let (view, openings) = (shown(holdings, leaf), held.shown());
    let charge = Charge::WrongKappa { view, leaf: leaf.index, schema: schema.clone(), openings };
    Some(accusing(holdings, charge))
}

fn accusing(holdings: &Holdings, charge: Charge) -> Accusation {
    let (format, origin) = (Accusation::FORMAT.into(), holdings.origin.clone());
    Accusation { format, origin, charge }
}

/// The leaf, and those of the boots.
fn shown(holdings: &Holdings, leaf: &Disclosed) -> LogView {
    let leaves = holdings.leaves.iter().filter(|shown| {
        shown.disclosed.leaf.kind == Kind::Boot || shown.disclosed.index == leaf.index
    });
    LogView {
        origin: holdings.origin.clone(),
        checkpoint: holdings.checkpoint.clone(),
        leaves: leaves.cloned().collect(),
    }
}

fn bodies<T: Wire>(
    holdings: &Holdings,
    kind: Kind,
) -> Result<impl Iterator<Item = (T, &Disclosed)>, Fault> {
    let of_kind = holdings.leaves.iter().map(|leaf| &leaf.disclosed);
    let of_kind = of_kind.filter(|leaf| leaf.leaf.kind == kind);
    let read = of_kind.map(|leaf| T::from_cbor(&leaf.body).map(|body| (body, leaf)));
    let read =
        read.collect::<Result<Vec<_>, _>>().map_err(|_| malformed("a leaf is unreadable"))?;
    Ok(read.into_iter())
}

fn malformed(what: &str) -> Fault {
    Fault::new(
        "holdings-malformed",
        format!("the file of openings is unusable: {what}"),
        "fetch it again",
    )
}

fn refused(error: &HeldError) -> Fault {
    Fault::new(error.code(), error.to_string(), error.remedy())
}
