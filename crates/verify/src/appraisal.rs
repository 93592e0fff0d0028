//! Which boots stand behind a leaf or a range, and whether each was appraised.

use std::collections::BTreeMap;

use messages::bundle::Bundle;
use messages::codec::Wire;
use messages::counter::Schema;
use messages::evidence::{Claims, Conceptual};
use messages::ids::{BootId, EvidenceId, Root, SchemaHash};
use messages::leaf::{BootBody, BootEntry, Boots};

use crate::anchors::{Anchors, EvidenceClass, Findings};
use crate::codes::{Fault, Reason};
use crate::leaves::Leaves;
use crate::report::Stop;

/// What every item is judged against.
pub(crate) struct Grounds<'a> {
    pub(crate) bundle: &'a Bundle,
    pub(crate) logs: BTreeMap<&'a str, Leaves<'a>>,
    pub(crate) anchors: &'a Anchors,
    pub(crate) findings: Findings<'a>,
    /// Hashes of the bundle's schemas, computed once: many claims may share one.
    pub(crate) schemas: Vec<(SchemaHash, &'a Schema)>,
}

impl<'a> Grounds<'a> {
    /// What is shown of this log.
    pub(crate) fn log(&self, origin: &str) -> Option<&Leaves<'a>> {
        self.logs.get(origin)
    }

    /// The schema of this hash, where the bundle shows it.
    pub(crate) fn schema(&self, hash: &SchemaHash) -> Option<&'a Schema> {
        self.schemas.iter().find(|(h, _)| h == hash).map(|(_, schema)| *schema)
    }

    /// The class of one boot's evidence, given that its leaf is shown, its evidence was appraised
    /// and binds what the leaf says, and its configuration is anchored.
    pub(crate) fn boot<'l>(
        &self,
        log: &'l Leaves<'_>,
        boot: &BootId,
    ) -> Result<(EvidenceClass, &'l BootBody), Stop> {
        let body = log.boot(boot).ok_or(Reason::BootMissing)?;
        let evidence = evidence_id(body)?;
        // The weakest of several appraisals counts.
        let appraised = self
            .findings
            .appraised
            .iter()
            .filter(|a| a.evidence() == evidence)
            .max_by_key(|a| a.class())
            .ok_or(Reason::Evidence)?;
        // Evidence for a log is about no session: it binds the boot, and nothing of a connection.
        let expected = Claims::for_checkpoint(
            log.anchor.origin.clone(),
            (body.boot, body.boot_key),
            body.log_key,
            body.config,
        );
        if *appraised.claims() != expected {
            return Err(Fault::EvidenceBinding.into());
        }
        if !log.anchor.configs.contains(&body.config) {
            return Err(Reason::ConfigNotAnchored.into());
        }
        Ok((appraised.class(), body))
    }

    /// The boots of a tally's life up to the one that signed a leaf, as that leaf carries them.
    pub(crate) fn life(&self, signer: &BootId, root: &Root) -> Result<&'a [BootEntry], Stop> {
        let upto = |boots: &'_ Boots| {
            boots.entries.iter().position(|e| e.boot == *signer).and_then(|at| at.checked_add(1))
        };
        self.bundle
            .boots
            .iter()
            .filter_map(|boots| boots.entries.get(..upto(boots)?))
            .find(|life| Boots { entries: life.to_vec() }.root() == *root)
            .ok_or_else(|| Reason::BootsMissing.into())
    }

    /// Do the checkpoint's cosignatures and time stamps suffice?
    pub(crate) fn check_checkpoint(&self, log: &Leaves<'_>) -> Result<(), Reason> {
        if self.cosigned(log) < self.anchors.quorum {
            return Err(Reason::NotWitnessed);
        }
        if self.anchors.stamped && self.stamped(log).is_none() {
            return Err(Reason::NotStamped);
        }
        Ok(())
    }

    /// How many of the verifier's witnesses have cosigned the checkpoint of a log.
    pub(crate) fn cosigned(&self, log: &Leaves<'_>) -> usize {
        tlog::cosignatures(&log.view.checkpoint, &self.anchors.witnesses).len()
    }

    /// The earliest accepted time stamp of a log's checkpoint.
    pub(crate) fn stamped(&self, log: &Leaves<'_>) -> Option<messages::time::UnixMillis> {
        let text = tlog::checkpoint_text(&log.view.checkpoint)?;
        crate::stamps::earliest(self.findings, text.as_bytes())
    }
}

/// The identity of the evidence that a boot leaf carries.
pub(crate) fn evidence_id(body: &BootBody) -> Result<EvidenceId, Reason> {
    let evidence = Conceptual::from_cbor(&body.evidence).map_err(|_| Reason::Evidence)?;
    Ok(evidence.evidence_id())
}

/// How many of the boots, the last ones, had a part in the epochs after `before`: a boot works
/// until the next one closes its first epoch.
pub(crate) fn part(life: &[BootEntry], before: messages::time::Epoch) -> usize {
    let gone = life.iter().skip(1).take_while(|next| next.first <= before).count();
    life.len().saturating_sub(gone)
}

/// Distinct boots, in an order that their first epochs follow.
pub(crate) fn check_order(life: &[BootEntry]) -> Result<(), Fault> {
    let mut boots: Vec<BootId> = life.iter().map(|e| e.boot).collect();
    boots.sort_unstable();
    boots.dedup();
    if boots.len() == life.len() && life.is_sorted_by_key(|e| e.first) {
        Ok(())
    } else {
        Err(Fault::BootsOrder)
    }
}

#[cfg(test)]
mod tests {
    use messages::time::Epoch;

    use super::*;

    fn life(first: &[u64]) -> Vec<BootEntry> {
        let entry = |(boot, first): (u8, &u64)| BootEntry {
            boot: BootId([boot; 32]),
            first: Epoch(*first),
            ..BootEntry::default()
        };
        (0..).zip(first).map(entry).collect()
    }

    #[test]
    fn a_boot_has_a_part_until_the_next_one_has_closed_an_epoch() {
        let boots = life(&[0, 3, 3, 7]);
        let parts = [(0, 4), (2, 4), (3, 2), (6, 2), (7, 1), (99, 1)];
        for (before, count) in parts {
            assert_eq!(part(&boots, Epoch(before)), count, "after epoch {before}");
        }
        assert_eq!(part(&[], Epoch(0)), 0);
    }

    #[test]
    fn boots_are_distinct_and_in_the_order_of_their_epochs() {
        for (first, order) in
            [(&[][..], Ok(())), (&[0, 3, 3], Ok(())), (&[0, 3, 2], Err(Fault::BootsOrder))]
        {
            assert_eq!(check_order(&life(first)), order, "{first:?}");
        }
        let mut again = life(&[0, 1, 2]);
        if let Some(entry) = again.last_mut() {
            entry.boot = BootId([0; 32]);
        }
        assert_eq!(check_order(&again), Err(Fault::BootsOrder));
    }
}
