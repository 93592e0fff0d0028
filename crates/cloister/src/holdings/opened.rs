//! Openings that were unsealed and checked: each against its leaf, each leaf in the signed log.

use std::collections::BTreeMap;

use messages::codec::Wire;
use messages::ids::{BootId, PactHash, TallyId};
use messages::leaf::{BootBody, Kind, PactBody, TallyBody, body_digest};
use messages::opening::Holdings;
use messages::publication::Disclosed;
use messages::signature::{PublicKey, SigningKey};
use messages::time::Epoch;
use tally::{Held, Openings};

use crate::fault::Fault;

/// A tally leaf that is opened.
pub(super) struct Epochs {
    pub(super) leaf: Disclosed,
    pub(super) body: TallyBody,
    pub(super) openings: Openings,
}

/// A file of openings, unsealed. Only [`Opened::check`] makes one.
pub(super) struct Opened {
    pub(super) tallies: BTreeMap<(TallyId, Epoch), Epochs>,
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
    ) -> Result<Self, Fault> {
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
                return Err(malformed("a leaf is not in its log"));
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
            let openings = held.check(hash, &body, &signer.boot_key).map_err(|e| refused(&e))?;
            let at = (body.tally, body.epoch);
            tallies.insert(at, Epochs { leaf: leaf.clone(), body, openings });
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
            let open = all.map(messages::counter::CounterIndex);
            open.filter(|at| epoch.openings.expose_value(*at).is_some()).count()
        })
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

fn refused(error: &tally::HeldError) -> Fault {
    Fault::new(error.code(), error.to_string(), error.remedy())
}
