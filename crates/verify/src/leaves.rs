//! The opened leaves of a bundle: every one is in the checkpoint's log, opens to its body, and
//! carries the signature of the boot that was in charge.

use std::collections::BTreeMap;

use messages::bundle::{IncludedLeaf, LogView};
use messages::codec::Wire;
use messages::evidence::Conceptual;
use messages::ids::{BootId, LeafHash};
use messages::leaf::{
    AggregateBody, BootBody, BreakBody, Kind, Leaf, PactBody, ReserveBody, TallyBody, body_digest,
};
use messages::publication::Publication;
use messages::time::ClockKind;
use tlog::{CheckpointError, leaf_hash, open_checkpoint, verify_inclusion};

use crate::anchors::LogAnchor;
use crate::codes::Unusable;

/// One opened leaf.
pub(crate) struct Opened<'a> {
    pub(crate) index: u64,
    pub(crate) hash: LeafHash,
    pub(crate) leaf: &'a Leaf,
    pub(crate) body: Publication,
}

/// All of them of one log, and where the boots are.
pub(crate) struct Leaves<'a> {
    pub(crate) anchor: &'a LogAnchor,
    pub(crate) view: &'a LogView,
    pub(crate) size: u64,
    by_index: BTreeMap<u64, Opened<'a>>,
    boots: BTreeMap<BootId, u64>,
}

impl<'a> Leaves<'a> {
    /// Opens every leaf of `view` under the anchored log.
    pub(crate) fn open(view: &'a LogView, anchor: &'a LogAnchor) -> Result<Self, Unusable> {
        let checkpoint = open_checkpoint(&view.checkpoint, &anchor.origin, &anchor.log_key)
            .map_err(checkpoint_fault)?;
        let mut by_index = BTreeMap::new();
        let mut boots = BTreeMap::new();
        for included in &view.leaves {
            let index = included.disclosed.index;
            if by_index.last_key_value().is_some_and(|(last, _)| *last >= index) {
                return Err(Unusable::LeafOrder);
            }
            if index >= checkpoint.size() {
                return Err(Unusable::LeafBeyondCheckpoint);
            }
            verify_inclusion(&checkpoint, index, &included.disclosed.leaf, &included.path)
                .map_err(|_| Unusable::NotIncluded)?;
            let opened = open_one(included, anchor)?;
            if let Publication::Boot(body) = &opened.body
                && boots.insert(body.boot, index).is_some()
            {
                return Err(Unusable::BootRepeated);
            }
            by_index.insert(index, opened);
        }
        let leaves = Self { anchor, view, size: checkpoint.size(), by_index, boots };
        leaves.check_signatures()?;
        leaves.check_chains()?;
        Ok(leaves)
    }

    pub(crate) fn at(&self, index: u64) -> Option<&Opened<'a>> {
        self.by_index.get(&index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Opened<'a>> {
        self.by_index.values()
    }

    /// The leaf that introduces a boot.
    pub(crate) fn boot(&self, boot: &BootId) -> Option<&BootBody> {
        match &self.at(*self.boots.get(boot)?)?.body {
            Publication::Boot(body) => Some(body),
            _ => None,
        }
    }

    /// Was this boot in charge when the log had `size` leaves, as far as boots are shown? None when
    /// it is not shown.
    pub(crate) fn in_charge(&self, boot: &BootId, size: u64) -> Option<bool> {
        let begins = self.boots.get(boot)?;
        let replaced = self.boots.values().any(|other| begins < other && *other < size);
        Some(*begins < size && size <= self.size && !replaced)
    }

    /// What the times of its leaves rest on: the weakest clock of those shown.
    pub(crate) fn clock(&self) -> Option<ClockKind> {
        let trusted = |clock: &ClockKind| match clock {
            ClockKind::Generated => 0,
            ClockKind::Host => 1,
            ClockKind::Witnessed => 2,
        };
        self.iter().filter_map(|opened| clock_of(&opened.body)).min_by_key(trusted)
    }

    /// Is a boot another one, or did it come after it? None when either is not shown.
    pub(crate) fn follows(&self, boot: &BootId, other: &BootId) -> Option<bool> {
        Some(self.boots.get(boot)? >= self.boots.get(other)?)
    }

    /// A leaf whose boot is not shown is left alone here; no claim that stands on it verifies.
    fn check_signatures(&self) -> Result<(), Unusable> {
        for Opened { index, leaf, .. } in self.by_index.values() {
            let Some((body, begins)) = self.boot(&leaf.boot).zip(self.boots.get(&leaf.boot)) else {
                continue;
            };
            if index < begins {
                return Err(Unusable::LeafBeforeBoot);
            }
            if self.boots.values().any(|other| begins < other && other <= index) {
                return Err(Unusable::BootSuperseded);
            }
            let signed = Leaf::signed_bytes(leaf.kind, &leaf.body, &leaf.boot);
            body.boot_key
                .verify(messages::domain::LEAF_SIGNATURE, &signed, &leaf.signature)
                .map_err(|_| Unusable::LeafSignature)?;
        }
        Ok(())
    }

    /// One leaf an epoch and tally, each continuing the one before where both are shown.
    fn check_chains(&self) -> Result<(), Unusable> {
        let mut shown = BTreeMap::new();
        for opened in self.by_index.values() {
            let Publication::Tally(body) = &opened.body else { continue };
            if shown.insert((body.tally, body.epoch), (opened.hash, body.previous)).is_some() {
                return Err(Unusable::Equivocation);
            }
        }
        for ((tally, epoch), (_, previous)) in &shown {
            let before = epoch.previous();
            let hash = before.and_then(|epoch| shown.get(&(*tally, epoch))).map(|(hash, _)| *hash);
            let continues = hash.is_none() || hash == *previous;
            if !continues || before.is_none() != previous.is_none() {
                return Err(Unusable::PreviousLeaf);
            }
        }
        Ok(())
    }
}

fn open_one<'a>(included: &'a IncludedLeaf, anchor: &LogAnchor) -> Result<Opened<'a>, Unusable> {
    let disclosed = &included.disclosed;
    let leaf = &disclosed.leaf;
    if body_digest(leaf.kind, &disclosed.salt, &disclosed.body) != leaf.body {
        return Err(Unusable::BodyDigest);
    }
    let body = decode(leaf.kind, &disclosed.body).ok_or(Unusable::BodyMalformed)?;
    if let Publication::Boot(boot) = &body {
        if boot.boot != leaf.boot {
            return Err(Unusable::BootIdMismatch);
        }
        if boot.log_key != anchor.log_key {
            return Err(Unusable::BootLogKey);
        }
        Conceptual::from_cbor(&boot.evidence).map_err(|_| Unusable::EvidenceMalformed)?;
    }
    Ok(Opened { index: disclosed.index, hash: leaf_hash(leaf), leaf, body })
}

const fn clock_of(body: &Publication) -> Option<ClockKind> {
    Some(match body {
        Publication::Aggregate(body) => body.at.clock,
        Publication::Boot(body) => body.at.clock,
        Publication::Break(body) => body.at.clock,
        Publication::Pact(body) => body.at.clock,
        Publication::Tally(body) => body.at.clock,
        Publication::Reserve(_) => return None,
    })
}

pub(crate) const fn checkpoint_fault(error: CheckpointError) -> Unusable {
    match error {
        CheckpointError::BadSignature => Unusable::CheckpointBadSignature,
        CheckpointError::Extension => Unusable::CheckpointExtension,
        CheckpointError::Malformed => Unusable::CheckpointMalformed,
        CheckpointError::NonCanonical => Unusable::CheckpointNonCanonical,
        CheckpointError::TooLarge => Unusable::CheckpointTooLarge,
        CheckpointError::Truncated => Unusable::CheckpointTruncated,
        CheckpointError::Unsigned => Unusable::CheckpointUnsigned,
        CheckpointError::WrongKey => Unusable::CheckpointWrongKey,
        CheckpointError::WrongOrigin => Unusable::CheckpointWrongOrigin,
    }
}

fn decode(kind: Kind, body: &[u8]) -> Option<Publication> {
    Some(match kind {
        Kind::Aggregate => Publication::Aggregate(AggregateBody::from_cbor(body).ok()?),
        Kind::Boot => Publication::Boot(BootBody::from_cbor(body).ok()?),
        Kind::Break => Publication::Break(BreakBody::from_cbor(body).ok()?),
        Kind::Pact => Publication::Pact(PactBody::from_cbor(body).ok()?),
        Kind::Reserve => Publication::Reserve(ReserveBody::from_cbor(body).ok()?),
        Kind::Tally => {
            let tally = TallyBody::from_cbor(body).ok()?;
            // One size, filled with nothing: a body has no room for anything else.
            let filled = body.len() == TallyBody::BYTES && tally.padding.iter().all(|b| *b == 0);
            filled.then(|| Publication::Tally(Box::new(tally)))?
        }
    })
}
