//! One pact under monitoring: its compiled form, its standing limits and its two tallies.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use crate::terms::Terms;
use messages::codec::Wire;
use messages::counter::{CounterIndex, Schema};
use messages::did::Did;
use messages::event::Party;
use messages::hidden::{Asked, Hidden, Ruled};
use messages::ids::{EventHash, LeafHash, PactHash, Salt, SessionId, TallyId};
use messages::leaf::{BootEntry, Boots, BreakBody, BreakCause, Gaps, Suite, TallyBody};
use messages::reply::Action;
use messages::segment::moved;
use messages::signature::PublicKey;
use messages::time::{Bracket, Epoch, UnixMillis};
use minicbor::{Decode, Encode};
use pact::{Change, OnTimeout, StandingState};
use rand_core::CryptoRngCore;
use tally::{
    BlindingContext, Cut, Entries, HolderSecret, Openings, Place, Totals, commit, tally_id,
};

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
    /// Which.
    pub session: SessionId,
    /// Root pact.
    pub root: PactHash,
    /// Owner.
    pub principal: Did,
    /// How it ended.
    pub outcome: Outcome,
    /// Interactions that ran, by name.
    pub tools: BTreeSet<String>,
    /// What it added to the counters of its pact, by place.
    pub growth: BTreeMap<u16, u64>,
}

/// A closed epoch of one tally: the body to publish, and what stays.
#[must_use = "an epoch that is closed is published"]
pub struct EpochClose {
    /// To publish.
    pub body: TallyBody,
    /// Secret: to the sealed archive.
    pub kept: Kept,
}

/// What the archive keeps of a closed epoch: its leaf can be opened from it again.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Kept {
    /// Secret: what the leaf commits to.
    #[n(1)]
    #[cbor(with = "tally::exposed")]
    pub totals: Totals,
    #[n(2)]
    #[cbor(with = "tally::exposed")]
    cut: Option<Cut>,
    /// The hidden body, for whom the pact names.
    #[n(3)]
    pub hidden: Hidden,
    /// Where the log of entries was then.
    #[n(4)]
    #[cbor(with = "tally::exposed")]
    pub entries: Place,
}

impl Kept {
    /// The openings of the leaf that was committed to in `context`, under `schema`.
    pub fn open(
        &self,
        schema: &Schema,
        secret: &HolderSecret,
        context: &BlindingContext,
    ) -> Openings {
        commit(&self.totals, (&moved(schema), self.entries), self.cut.as_ref(), secret, context)
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Book {
    #[n(1)]
    pub(crate) terms: Terms,
    #[n(2)]
    pub(crate) keys: [PublicKey; 2],
    #[n(3)]
    pub(crate) standing: StandingState,
    #[n(4)]
    pub(crate) tallies: [Tally; 2],
    /// Tallies that ended: claims about them can still be proven.
    #[n(5)]
    pub(crate) retired: Vec<Tally>,
    /// A receipt says more than is on record: nothing more is allowed until an overseer says so.
    #[n(6)]
    pub(crate) rolled_back: bool,
    /// Events that receipts speak of and the record lacks, by session and party (1, 2).
    #[n(7)]
    pub(crate) lost: BTreeMap<(SessionId, u8), u64>,
    /// Verdicts of this epoch that were no leave, by rule and action.
    #[n(8)]
    pub(crate) ruled: Tallied,
    /// The sessions that ended, as both parties closed them.
    #[n(9)]
    #[cbor(with = "tally::exposed")]
    pub(crate) cut: Cut,
    /// What moved the totals, entry by entry: of both tallies, which count the same.
    #[n(10)]
    #[cbor(with = "tally::exposed")]
    pub(crate) entries: Entries,
    /// How many of its sessions are open; counted again at a restart.
    #[cbor(skip)]
    pub(crate) open: usize,
}

/// The running totals about one party.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Tally {
    #[n(1)]
    pub(crate) id: TallyId,
    #[n(2)]
    #[cbor(with = "tally::exposed")]
    totals: Totals,
    #[n(3)]
    #[cbor(with = "tally::exposed")]
    secret: HolderSecret,
    #[n(4)]
    gaps: Gaps,
    #[n(5)]
    epoch: Epoch,
    #[n(6)]
    opened: bool,
    #[n(7)]
    boots: Boots,
    #[n(8)]
    previous: Option<LeafHash>,
    /// How many tallies of this party ended before this one.
    #[n(9)]
    generation: u32,
    /// Claims that were asked for in this epoch.
    #[n(10)]
    asked: Vec<Asked>,
    /// How many more.
    #[n(11)]
    asked_more: u64,
}

/// How often each rule led to which action, of the first rules that did.
#[derive(Default, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Tallied {
    #[n(1)]
    rules: Vec<Ruled>,
    #[n(2)]
    more: u64,
}

impl Tallied {
    /// Notes a verdict.
    pub(crate) fn note(&mut self, rule: &str, action: Action) {
        if action == Action::Allow {
            return;
        }
        let room = self.rules.len() < Hidden::MAX_ENTRIES;
        match self.rules.iter_mut().find(|r| r.rule == rule && r.action == action) {
            Some(ruled) => ruled.count = ruled.count.saturating_add(1),
            None if room => {
                self.rules.push(Ruled { rule: rule.into(), action, count: 1 });
            }
            None => self.more = self.more.saturating_add(1),
        }
    }
}

impl Book {
    pub(crate) fn new(
        terms: Terms,
        keys: [PublicKey; 2],
        boot: BootEntry,
        rng: &mut impl CryptoRngCore,
    ) -> Self {
        let tallies = opened(&terms, 0, boot, rng);
        let entries = Entries::new(rng);
        Self {
            terms,
            keys,
            standing: StandingState::default(),
            tallies,
            retired: Vec::new(),
            rolled_back: false,
            lost: BTreeMap::new(),
            ruled: Tallied::default(),
            cut: Cut::default(),
            entries,
            open: 0,
        }
    }

    pub(crate) fn on_timeout(&self) -> OnTimeout {
        self.terms.compiled.approval_on_timeout()
    }

    /// From here on no session opens.
    pub(crate) fn ends(&self) -> UnixMillis {
        self.standing.until(&self.terms.compiled)
    }

    /// Puts a revision in force: what was counted and used stays, new counters begin at zero. A
    /// party's key is the one that it signed with last.
    pub(crate) fn revise(&mut self, terms: Terms, keys: [PublicKey; 2]) -> Option<()> {
        for tally in &mut self.tallies {
            tally.totals.extend(terms.compiled.schema()).then_some(())?;
        }
        self.standing.revise(&self.terms.compiled, &terms.compiled);
        // No block is under two tables.
        let _block = self.entries.close();
        (self.terms, self.keys) = (terms, keys);
        Some(())
    }

    /// Commits to both tallies.
    pub(crate) fn close(
        &mut self,
        at: Bracket,
        key: PublicKey,
        rng: &mut impl CryptoRngCore,
    ) -> Vec<EpochClose> {
        // Its entries are in the log already.
        let _block = self.entries.close();
        let entries = self.entries.place();
        let (terms, tallies) = (&self.terms, &mut self.tallies);
        let ruled = core::mem::take(&mut self.ruled);
        // While a session is open there is no set that both parties closed.
        let cut = (self.open == 0).then_some(&self.cut);
        let end = EpochEnd { terms, ruled: &ruled, cut, entries, at, key };
        tallies.iter_mut().filter_map(|tally| tally.close(&end, rng)).collect()
    }

    /// Ends both tallies as they were last published, and begins the next ones.
    pub(crate) fn succeed(
        &mut self,
        cause: BreakCause,
        at: Bracket,
        boot: BootEntry,
        rng: &mut impl CryptoRngCore,
    ) -> Vec<BreakBody> {
        let ends = self.tallies.iter().map(|t| t.end(cause, at)).collect();
        let [first, _] = &self.tallies;
        let generation = first.generation.saturating_add(1);
        let next = opened(&self.terms, generation, boot, rng);
        self.retired.extend(core::mem::replace(&mut self.tallies, next));
        self.cut = Cut::default();
        self.entries = Entries::new(rng);
        ends
    }

    /// All tallies of the pact's life.
    pub(crate) fn all_tallies(&self) -> impl Iterator<Item = &Tally> {
        self.retired.iter().chain(&self.tallies)
    }

    /// Whom a tally is about: tallies end and begin in pairs, the initiator's first.
    pub(crate) fn party_of(&self, tally: &TallyId) -> Option<Party> {
        let at = self.all_tallies().position(|t| t.id == *tally)?;
        Some(if at.is_multiple_of(2) { Party::Initiator } else { Party::Provider })
    }

    /// Would this addition fit?
    pub(crate) fn fits(&self, by: &[(CounterIndex, u64)]) -> bool {
        self.tallies.iter().all(|tally| tally.totals.fits(by))
    }

    /// Adds to both tallies and to their log, or to nothing.
    pub(crate) fn count(
        &mut self,
        event: EventHash,
        change: &Change,
    ) -> Result<(), tally::TallyFull> {
        // Both hold the same totals, so the second addition fails exactly when the first does.
        for tally in &mut self.tallies {
            tally.totals.add(change.counters())?;
        }
        let entry = self.terms.compiled.entry(event, change);
        let _block = self.entries.add(&entry, &self.terms.rules);
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

/// What both tallies of a pact close with.
#[derive(Clone, Copy)]
struct EpochEnd<'a> {
    terms: &'a Terms,
    ruled: &'a Tallied,
    cut: Option<&'a Cut>,
    entries: Place,
    at: Bracket,
    key: PublicKey,
}

/// The tallies of both parties, with all counters zero.
fn opened(
    terms: &Terms,
    generation: u32,
    boot: BootEntry,
    rng: &mut impl CryptoRngCore,
) -> [Tally; 2] {
    let compiled = &terms.compiled;
    [compiled.initiator(), compiled.provider()].map(|party| Tally {
        id: tally_id(&terms.root, party, generation),
        totals: Totals::new(compiled.schema()),
        secret: HolderSecret::generate(rng),
        gaps: Gaps::default(),
        epoch: Epoch(0),
        opened: false,
        boots: Boots { entries: alloc::vec![boot] },
        previous: None,
        generation,
        asked: Vec::new(),
        asked_more: 0,
    })
}

impl Tally {
    /// Commits to the totals at the end of the next epoch (or at opening).
    fn close(&mut self, end: &EpochEnd<'_>, rng: &mut impl CryptoRngCore) -> Option<EpochClose> {
        let EpochEnd { terms, ruled, cut, entries, at, key: boot_key } = *end;
        if self.opened {
            self.epoch = self.epoch.next()?;
        }
        self.opened = true;
        // Fresh at every attempt: two values under one blinding would reveal their difference.
        let mut salt = Salt::default();
        rng.fill_bytes(&mut salt.0);
        let (root_pact, tally, epoch) = (terms.root, self.id, self.epoch);
        let context = BlindingContext { root_pact, tally, epoch, salt, boot_key };
        let moved = moved(terms.compiled.schema());
        let openings = commit(&self.totals, (&moved, entries), cut, &self.secret, &context);
        let hidden = self.hidden(ruled, rng);
        let kept =
            Kept { totals: self.totals.copied(), cut: cut.map(Cut::copied), hidden, entries };
        let body = TallyBody {
            suite: Suite::PedersenRistretto255,
            tally,
            root_pact,
            pact: terms.compiled.hash(),
            schema: terms.compiled.schema().hash(),
            counters: u32::try_from(openings.commitments().len()).ok()?,
            epoch,
            at,
            salt,
            commitments: openings.root(),
            gaps: self.gaps,
            boots: self.boots.root(),
            previous: self.previous,
            hidden: kept.hidden.digest(),
            cut: openings.cut(),
            kappa: openings.kappa(),
            padding: Vec::new(),
        };
        let body = body.padded();
        debug_assert_eq!(body.to_cbor().len(), TallyBody::BYTES, "leaf bodies have one size");
        Some(EpochClose { body, kept })
    }

    /// What happened in the epoch beside its totals; the next one begins without.
    fn hidden(&mut self, ruled: &Tallied, rng: &mut impl CryptoRngCore) -> Hidden {
        let mut salt = Salt::default();
        rng.fill_bytes(&mut salt.0);
        let asked = core::mem::take(&mut self.asked);
        let more = ruled.more.saturating_add(core::mem::take(&mut self.asked_more));
        let ruled = ruled.rules.clone();
        Hidden { salt, ruled, asked, more, padding: Vec::new() }.padded()
    }

    /// Notes a claim that was asked for.
    pub(crate) fn ask(&mut self, asked: &Asked) {
        if self.asked.len() < Hidden::MAX_ENTRIES {
            self.asked.push(asked.clone());
        } else {
            self.asked_more = self.asked_more.saturating_add(1);
        }
    }

    /// The end of this tally; no range crosses it.
    pub(crate) const fn end(&self, cause: BreakCause, at: Bracket) -> BreakBody {
        BreakBody { tally: self.id, last: self.epoch, cause, at }
    }

    pub(crate) fn published(&mut self, leaf: LeafHash) {
        self.previous = Some(leaf);
    }

    pub(crate) fn boots(&self) -> &Boots {
        &self.boots
    }

    /// A boot begins within this tally's life.
    pub(crate) fn booted(&mut self, entry: BootEntry) {
        let first = if self.opened { self.epoch.next().unwrap_or(self.epoch) } else { self.epoch };
        self.boots.entries.push(BootEntry { first, ..entry });
    }

    /// The secret that all blindings of this tally derive from.
    pub(crate) const fn secret(&self) -> &HolderSecret {
        &self.secret
    }
}
