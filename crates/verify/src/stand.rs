//! What a claim stands on over one of its ranges: two tally leaves, the pact in force at the end,
//! and every boot in between.

use messages::bundle::{self, OpenedCommitments, ProvenClaim};
use messages::claim::Range;
use messages::counter::CounterIndex;
use messages::ids::LeafHash;
use messages::leaf::{BootEntry, Gaps, PactBody, TallyBody};
use messages::merkle::COMMITMENTS;
use messages::publication::Publication;
use messages::time::{Bracket, Epoch, Millis};

use crate::anchors::EvidenceClass;
use crate::appraisal::{Grounds, check_order, evidence_id, part};
use crate::codes::{Fault, Reason};
use crate::consent;
use crate::leaves::{Leaves, Opened};
use crate::report::Stop;
use crate::revisions::Revisions;
use crate::statement::{Place, Stretch};
use crate::transcript::StandBinding;

/// The leaves of one range; they are of this tally, these epochs and one chain of pacts.
pub(crate) struct Stand<'a> {
    pub(crate) log: &'a Leaves<'a>,
    pub(crate) before_body: &'a TallyBody,
    pub(crate) after_body: &'a TallyBody,
    pub(crate) pact_body: &'a PactBody,
    pub(crate) gaps: Gaps,
    before: &'a Opened<'a>,
    after: &'a Opened<'a>,
    revisions: Revisions<'a>,
    shown: &'a bundle::Stand,
}

impl<'a> Stand<'a> {
    /// Finds the leaves of the range number `at` of a claim, and checks what they say of it.
    pub(crate) fn find(
        grounds: &'a Grounds<'_>,
        proven: &'a ProvenClaim,
        at: usize,
    ) -> Result<Self, Stop> {
        let range = proven.claim.ranges.get(at).ok_or(Fault::StandCount)?;
        let shown = proven.stands.get(at).ok_or(Fault::StandCount)?;
        let log = grounds.log(&range.origin).ok_or(Reason::LogMissing)?;
        let leaf = |index| log.at(index).ok_or(Reason::LeafMissing);
        let (before, after, pact) = (leaf(shown.before)?, leaf(shown.after)?, leaf(shown.pact)?);
        let Publication::Tally(before_body) = &before.body else {
            return Err(Fault::BeforeNotTally.into());
        };
        let Publication::Tally(after_body) = &after.body else {
            return Err(Fault::AfterNotTally.into());
        };
        let Publication::Pact(pact_body) = &pact.body else {
            return Err(Fault::PactNotPact.into());
        };
        covers(range, before_body, after_body, pact_body)?;
        check_order_of(before, after, before_body, after_body)?;
        if pact.index > after.index {
            return Err(Fault::PactOrder.into());
        }
        check_breaks(log, range)?;
        let gaps = after_body.gaps.since(&before_body.gaps).ok_or(Fault::GapsFell)?;
        consent::check(proven, shown, pact_body, before_body, after_body)?;
        let revisions = Revisions::over(grounds, log, pact, (before.index, before_body))?;
        let found =
            Self { log, before_body, after_body, pact_body, gaps, before, after, revisions, shown };
        Ok(found)
    }

    /// The place of the newest leaf that it stands on.
    pub(crate) fn newest(&self) -> u64 {
        self.after.index
    }

    /// As a statement sees it.
    pub(crate) fn stretch(&self) -> Stretch<'a> {
        stretch(self.revisions.schema(), self.before_body, self.after_body)
    }

    /// The opened commitments are those of `used`, and lie under the two leaves' roots.
    pub(crate) fn check_commitments(&self, used: &[CounterIndex]) -> Result<(), Fault> {
        let before = self.revisions.before().counters.len();
        let after = self.revisions.schema().counters.len();
        let counted = |body: &TallyBody, count| usize::try_from(body.counters) == Ok(count);
        if !counted(self.before_body, before) || !counted(self.after_body, after) {
            return Err(Fault::CounterCount);
        }
        let opened = self.shown.commitments.iter().map(|o| CounterIndex(o.counter));
        if !opened.eq(used.iter().copied()) {
            return Err(Fault::CommitmentSet);
        }
        self.shown.commitments.iter().try_for_each(|o| self.check_opened(o, before, after))
    }

    fn check_opened(
        &self,
        opened: &OpenedCommitments,
        before: usize,
        after: usize,
    ) -> Result<(), Fault> {
        let at = usize::from(opened.counter);
        let path = |path: &[LeafHash]| path.iter().map(|h| h.0).collect::<Vec<_>>();
        let begins = match &opened.before {
            Some(commitment) => {
                let path = path(&opened.before_path);
                let root = COMMITMENTS.root_from(&commitment.0, at, before, &path);
                root == Some(self.before_body.commitments)
            }
            // Only what a revision appended later has no commitment, and begins at zero.
            None => at >= before && opened.before_path.is_empty(),
        };
        if !begins {
            return Err(Fault::CommitmentPathBefore);
        }
        let root = COMMITMENTS.root_from(&opened.after.0, at, after, &path(&opened.after_path));
        if root == Some(self.after_body.commitments) {
            Ok(())
        } else {
            Err(Fault::CommitmentPathAfter)
        }
    }

    /// The weakest evidence among all boots that had a part in the range.
    pub(crate) fn class(&self, grounds: &'a Grounds<'_>) -> Result<EvidenceClass, Stop> {
        let boots = self.boots(grounds)?;
        let mut class = EvidenceClass::Hardware;
        for leaf in self.revisions.leaves() {
            class = class.max(grounds.boot(self.log, &leaf.leaf.boot)?.0);
        }
        for entry in boots {
            let (of_boot, body) = grounds.boot(self.log, &entry.boot)?;
            if entry.config != body.config || entry.evidence != evidence_id(body)? {
                return Err(Fault::BootEvidence.into());
            }
            class = class.max(of_boot);
        }
        Ok(class)
    }

    /// What a proof over this range is bound to.
    pub(crate) fn binding(&self) -> Result<StandBinding<'a>, Stop> {
        let signer = self.log.boot(&self.after.leaf.boot).ok_or(Reason::BootMissing)?;
        Ok(StandBinding {
            log_key: self.log.anchor.log_key,
            pact: self.pact_body.pact,
            schema: self.pact_body.schema,
            before: self.before.hash,
            after: self.after.hash,
            boot: self.after.leaf.boot,
            boot_key: signer.boot_key,
            evidence: evidence_id(signer)?,
            commitments: &self.shown.commitments,
        })
    }

    /// Opened commitments by the place that statements give them.
    pub(crate) fn opened(
        &self,
        range: usize,
    ) -> impl Iterator<Item = (Place, &'a OpenedCommitments)> {
        let shown = self.shown;
        shown
            .commitments
            .iter()
            .map(move |o| (Place { range, counter: CounterIndex(o.counter) }, o))
    }

    /// Every boot that had a part in the range, those that signed its two leaves included.
    fn boots(&self, grounds: &'a Grounds<'_>) -> Result<&'a [BootEntry], Stop> {
        let until = grounds.life(&self.before.leaf.boot, &self.before_body.boots)?;
        let life = grounds.life(&self.after.leaf.boot, &self.after_body.boots)?;
        check_order(life)?;
        if !life.starts_with(until) {
            return Err(Fault::BootsDiverge.into());
        }
        let part = part(life, self.before_body.epoch);
        let signed = life.len().saturating_sub(until.len()).saturating_add(1);
        let begins = life.len().saturating_sub(part.max(signed));
        Ok(life.get(begins..).unwrap_or_default())
    }
}

/// One range as a statement sees it, by the brackets of its two leaves.
#[must_use]
pub fn stretch<'a>(
    schema: &'a messages::counter::Schema,
    before: &TallyBody,
    after: &TallyBody,
) -> Stretch<'a> {
    let span = |from: messages::time::UnixMillis, to: messages::time::UnixMillis| {
        Millis(to.0.saturating_sub(from.0))
    };
    Stretch {
        schema,
        shortest: span(before.at.latest, after.at.earliest),
        longest: span(before.at.earliest, after.at.latest),
    }
}

/// The leaves are in order, in the log and in time.
fn check_order_of(
    before: &Opened<'_>,
    after: &Opened<'_>,
    from: &TallyBody,
    to: &TallyBody,
) -> Result<(), Fault> {
    if before.index >= after.index {
        Err(Fault::LeafOrderReversed)
    } else if follows(&from.at, &to.at) {
        Ok(())
    } else {
        Err(Fault::TimeReversed)
    }
}

/// Is each a bracket, and neither bound of the second before that of the first?
fn follows(from: &Bracket, to: &Bracket) -> bool {
    let whole = |bracket: &Bracket| bracket.earliest <= bracket.latest;
    whole(from) && whole(to) && from.earliest <= to.earliest && from.latest <= to.latest
}

/// Are these the bodies of this tally, these epochs and one chain of pacts, and is `pact` the one
/// in force at the end? Prover and verifier ask alike. That the pacts of both ends belong together
/// is checked apart, where the leaves in between are.
///
/// # Errors
/// [`Fault`] for the first that is not.
pub fn covers(
    range: &Range,
    before: &TallyBody,
    after: &TallyBody,
    pact: &PactBody,
) -> Result<(), Fault> {
    let fault = if range.first < Epoch(1) || range.first > range.last {
        Fault::RangeEmpty
    } else if before.tally != range.tally() {
        Fault::TallyBefore
    } else if after.tally != range.tally() {
        Fault::TallyAfter
    } else if Some(before.epoch) != range.first.previous() {
        Fault::EpochBefore
    } else if after.epoch != range.last {
        Fault::EpochAfter
    } else if before.root_pact != after.root_pact || after.root_pact != pact.root {
        Fault::PactRoot
    } else if pact.root != range.root {
        Fault::RangePactRoot
    } else if after.pact != pact.pact {
        Fault::PactNotInForce
    } else if after.schema != pact.schema {
        Fault::PactSchema
    } else {
        return Ok(());
    };
    Err(fault)
}

fn check_breaks(log: &Leaves<'_>, range: &Range) -> Result<(), Fault> {
    let crossed = log.iter().any(|opened| match &opened.body {
        Publication::Break(body) => body.tally == range.tally() && body.last < range.last,
        _ => false,
    });
    if crossed { Err(Fault::CrossesBreak) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use messages::time::{ClockKind, UnixMillis};

    use super::*;

    fn bracket((earliest, latest): (u64, u64)) -> Bracket {
        let (earliest, latest) = (UnixMillis(earliest), UnixMillis(latest));
        Bracket { earliest, latest, clock: ClockKind::Host }
    }

    #[test]
    fn neither_bound_of_time_goes_back() {
        for (from, to, follows) in [
            ((3, 5), (3, 5), true),
            ((3, 3), (3, 3), true),
            ((3, 5), (4, 6), true),
            ((3, 5), (3, 6), true),
            ((3, 5), (4, 5), true),
            ((3, 5), (2, 6), false),
            ((3, 5), (4, 4), false),
            ((5, 3), (6, 7), false),
            ((3, 5), (7, 6), false),
        ] {
            assert_eq!(super::follows(&bracket(from), &bracket(to)), follows, "{from:?} {to:?}");
        }
    }
}
