//! One pact under monitoring: its compiled form, its standing limits and its two tallies.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::did::Did;
use messages::ids::{LeafHash, PactHash, Salt, TallyId};
use messages::leaf::{BootEntry, Boots, BreakBody, BreakCause, Gaps, TallyBody};
use messages::signature::PublicKey;
use messages::time::{Bracket, Epoch, UnixMillis};
use pact::{Compiled, StandingState};
use rand_core::CryptoRngCore;
use tally::{BlindingContext, HolderSecret, Openings, Totals, commit, tally_id};

/// How a session ended, for private statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// No rule was broken.
    Clean,
    /// At least one call was denied.
    Denied,
    /// At least one call waited for an overseer.
    Escalated,
    /// It was terminated.
    Terminated,
}

/// A session that ended: all that private statistics may take from it.
pub struct Finished {
    /// Root pact.
    pub root: PactHash,
    /// Owner.
    pub principal: Did,
    /// How it ended.
    pub outcome: Outcome,
    /// Interactions that ran, by name.
    pub tools: BTreeSet<String>,
    /// When it was last heard of.
    pub last: UnixMillis,
}

/// A closed epoch of one tally: the body to publish, and the openings that stay.
#[must_use = "an epoch that is closed is published"]
pub struct EpochClose {
    /// To publish.
    pub body: TallyBody,
    /// Secret.
    pub openings: Openings,
}

pub(crate) struct Book {
    pub(crate) root: PactHash,
    pub(crate) compiled: Compiled,
    pub(crate) keys: [PublicKey; 2],
    pub(crate) standing: StandingState,
    pub(crate) tallies: [Tally; 2],
    /// A counter is full: nothing is counted any more.
    pub(crate) stopped: bool,
    /// The last epoch of a stopped book was closed.
    pub(crate) sealed: bool,
}

/// The running totals about one party.
pub(crate) struct Tally {
    pub(crate) id: TallyId,
    totals: Totals,
    secret: HolderSecret,
    gaps: Gaps,
    epoch: Epoch,
    opened: bool,
    boots: Boots,
    previous: Option<LeafHash>,
}

impl Book {
    pub(crate) fn new(
        root: PactHash,
        compiled: Compiled,
        keys: [PublicKey; 2],
        boot: BootEntry,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let mut tally = |party: &Did| Tally {
            id: tally_id(&root, party, 0),
            totals: Totals::new(compiled.schema()),
            secret: HolderSecret::generate(rng),
            gaps: Gaps::default(),
            epoch: Epoch(0),
            opened: false,
            boots: Boots { entries: alloc::vec![boot] },
            previous: None,
        };
        let tallies = [tally(compiled.initiator()), tally(compiled.provider())];
        let standing = StandingState::default();
        Self { root, compiled, keys, standing, tallies, stopped: false, sealed: false }
    }

    /// Adds to both tallies or to none.
    pub(crate) fn count(&mut self, by: &[(CounterIndex, u64)]) -> Result<(), tally::TallyFull> {
        // Both hold the same totals, so the second addition fails exactly when the first does.
        for tally in &mut self.tallies {
            tally.totals.add(by)?;
        }
        Ok(())
    }

    pub(crate) fn note(&mut self, gaps: Gaps) {
        for tally in &mut self.tallies {
            let sum = &mut tally.gaps;
            sum.agent = sum.agent.saturating_add(gaps.agent);
            sum.network = sum.network.saturating_add(gaps.network);
            sum.monitor = sum.monitor.saturating_add(gaps.monitor);
            sum.tail_open = sum.tail_open.saturating_add(gaps.tail_open);
        }
    }
}

impl Tally {
    /// Commits to the totals at the end of the next epoch (or at opening).
    pub(crate) fn close(
        &mut self,
        book: (PactHash, &Compiled),
        at: Bracket,
        boot_key: PublicKey,
        rng: &mut impl CryptoRngCore,
    ) -> Option<EpochClose> {
        if self.opened {
            self.epoch = self.epoch.next()?;
        }
        self.opened = true;
        let (root_pact, compiled) = book;
        // Fresh at every attempt: two values under one blinding would reveal their difference.
        let mut salt = Salt::default();
        rng.fill_bytes(&mut salt.0);
        let context =
            BlindingContext { root_pact, tally: self.id, epoch: self.epoch, salt, boot_key };
        let openings = commit(&self.totals, &self.secret, &context);
        let body = TallyBody {
            tally: self.id,
            root_pact,
            pact: root_pact,
            schema: compiled.schema().hash(),
            counters: u32::try_from(openings.commitments().len()).ok()?,
            epoch: self.epoch,
            at,
            salt,
            commitments: openings.root(),
            gaps: self.gaps,
            boots: self.boots.root(),
            previous: self.previous,
            padding: Vec::new(),
        };
        let body = body.padded();
        debug_assert_eq!(body.to_cbor().len(), TallyBody::BYTES, "leaf bodies have one size");
        Some(EpochClose { body, openings })
    }

    /// The end of this tally; no range crosses it.
    pub(crate) const fn end(&self, at: Bracket) -> BreakBody {
        BreakBody { tally: self.id, last: self.epoch, cause: BreakCause::CounterFull, at }
    }

    pub(crate) fn published(&mut self, leaf: LeafHash) {
        self.previous = Some(leaf);
    }

    pub(crate) fn boots(&self) -> &Boots {
        &self.boots
    }
}
