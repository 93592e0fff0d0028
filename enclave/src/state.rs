//! What the monitor knows, and the record that it is rebuilt from. Live and after a restart the
//! state changes in one way only: an [`Entry`] is applied to it, in the order of the journal.

use std::collections::BTreeMap;

use messages::did::Did;
use messages::ids::{PactHash, Root, SessionId};
use messages::leaf::{AggregateBody, Query};
use messages::publication::Disclosed;
use messages::time::{Epoch, Millis, UnixMillis};
use minicbor::{Decode, Encode};
use monitor::{Applied, Effect, Finished, Misfit, Monitor, Seed, Settings};
use pact::{Compiled, LogScope};
use release::{Bounds, Contributions, Ledger, Outcome, Reservation};

use crate::config::DAY_MS;

/// One record of the journal.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Entry {
    /// The clock's lower bound when it was made; never falls.
    #[n(1)]
    pub(crate) at: UnixMillis,
    /// Randomness of what follows from it.
    #[n(2)]
    pub(crate) seed: Seed,
    /// What happened.
    #[n(3)]
    pub(crate) step: Step,
}

/// What happened.
#[derive(Encode, Decode)]
pub(crate) enum Step {
    /// Something that the monitor decided.
    #[n(1)]
    Effect(#[n(0)] Box<Effect>),
    /// A signed leaf, as it is sent and sent again, byte for byte.
    #[n(2)]
    Published(#[n(0)] Box<Disclosed>),
    /// The privacy budget was debited for a query of one pact.
    #[n(3)]
    Reserved {
        /// Whose sessions.
        #[n(0)]
        root: PactHash,
        /// The query.
        #[n(1)]
        query: Box<Query>,
    },
    /// The noise was drawn, once.
    #[n(4)]
    Drawn(#[n(0)] Box<AggregateBody>),
    /// A query was answered: its two leaves.
    #[n(5)]
    Answered {
        /// Whose sessions.
        #[n(0)]
        root: PactHash,
        /// The statistic and the day.
        #[n(1)]
        asked: (String, u64),
        /// Reserve leaf and aggregate leaf.
        #[n(2)]
        leaves: [u64; 2],
    },
    /// A pact's name in statistics.
    #[n(6)]
    Listed {
        /// The pact.
        #[n(0)]
        root: PactHash,
        /// Salted, so that it names nobody.
        #[n(1)]
        dataset: Root,
    },
    /// Somebody read the record of a session.
    #[n(7)]
    Read {
        /// The session.
        #[n(0)]
        session: SessionId,
        /// Who.
        #[n(1)]
        reader: Did,
    },
    /// The epoch counter moved; its leaves follow.
    #[n(8)]
    Epoch(#[n(0)] Epoch),
}

impl Step {
    /// Something that the monitor decided.
    pub(crate) fn of(effect: Effect) -> Self {
        Self::Effect(Box::new(effect))
    }
}

/// Everything that survives a restart, apart from keys and published leaves.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Kept {
    #[n(1)]
    at: UnixMillis,
    #[n(2)]
    epoch: Epoch,
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    monitor: Vec<u8>,
    #[n(4)]
    pacts: BTreeMap<PactHash, Listed>,
    #[n(5)]
    contributions: BTreeMap<PactHash, Contributions>,
    #[n(6)]
    ledger: Ledger,
    #[n(7)]
    leaves: u64,
    #[n(8)]
    broken: bool,
}

/// What the ledger knows of a pact.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Listed {
    /// The name of its sessions in private statistics: salted, so that it names nobody.
    #[n(1)]
    pub(crate) dataset: Root,
    /// Aggregates by the query that they answer.
    #[n(2)]
    pub(crate) released: BTreeMap<(String, u64), [u64; 2]>,
    /// Debits of its share, nano-ρ, by day of data.
    #[n(3)]
    pub(crate) spent: BTreeMap<u64, u64>,
}

/// The state.
pub(crate) struct State {
    /// The newest moment on record.
    pub(crate) at: UnixMillis,
    pub(crate) epoch: Epoch,
    pub(crate) monitor: Monitor,
    pub(crate) pacts: BTreeMap<PactHash, Listed>,
    pub(crate) contributions: BTreeMap<PactHash, Contributions>,
    /// One for all pacts, so that its public sequence is one; each pact has a static share of it.
    pub(crate) ledger: Ledger,
    /// Leaves on record.
    pub(crate) leaves: u64,
    /// Record and log disagree, and the break is not on record yet.
    pub(crate) broken: bool,
}

/// What follows from an entry.
#[must_use = "what follows from an entry is published"]
pub(crate) struct Following {
    pub(crate) applied: Applied,
    pub(crate) reservation: Option<Reservation>,
}

impl State {
    pub(crate) fn new(settings: Settings, (cap, bounds): (u64, Bounds)) -> Self {
        Self {
            at: UnixMillis(0),
            epoch: Epoch(0),
            monitor: Monitor::new(settings),
            pacts: BTreeMap::new(),
            contributions: BTreeMap::new(),
            ledger: Ledger::new(cap, bounds),
            leaves: 0,
            broken: false,
        }
    }

    pub(crate) fn restore(settings: Settings, snapshot: &[u8]) -> Result<Self, Misfit> {
        let kept: Kept = minicbor::decode(snapshot).map_err(|_| Misfit)?;
        let monitor = Monitor::restore(settings, &kept.monitor)?;
        let Kept { at, epoch, pacts, contributions, ledger, leaves, broken, .. } = kept;
        Ok(Self { at, epoch, monitor, pacts, contributions, ledger, leaves, broken })
    }

    /// The whole state as bytes, for the sealed journal. Takes the state apart and together
    /// again, because nothing in it can be copied.
    pub(crate) fn snapshot(&mut self, (cap, bounds): (u64, Bounds)) -> Vec<u8> {
        let kept = Kept {
            at: self.at,
            epoch: self.epoch,
            monitor: self.monitor.snapshot(),
            pacts: core::mem::take(&mut self.pacts),
            contributions: core::mem::take(&mut self.contributions),
            ledger: core::mem::replace(&mut self.ledger, Ledger::new(cap, bounds)),
            leaves: self.leaves,
            broken: self.broken,
        };
        let bytes = minicbor::to_vec(&kept).unwrap_or_default();
        let Kept { pacts, contributions, ledger, .. } = kept;
        (self.pacts, self.contributions, self.ledger) = (pacts, contributions, ledger);
        bytes
    }

    /// Applies one entry, live or from the journal.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<Following, Misfit> {
        if entry.at < self.at {
            return Err(Misfit);
        }
        self.at = entry.at;
        let mut following = Following { applied: Applied::default(), reservation: None };
        match &entry.step {
            Step::Effect(effect) => {
                following.applied = self.monitor.apply(effect)?;
                if let Effect::Revised { root, .. } = &**effect {
                    let tools = cells(self.monitor.compiled(root).ok_or(Misfit)?);
                    self.contributions.get_mut(root).ok_or(Misfit)?.append(tools);
                }
                self.broken &= !matches!(&**effect, Effect::Broken { .. });
            }
            Step::Published(leaf) => self.leaves = leaf.index.saturating_add(1),
            Step::Read { .. } => {}
            Step::Epoch(epoch) => {
                self.epoch = *epoch;
                // Days that can no longer be asked about: the ledger first, so that none is sold
                // of which nothing is left.
                let from = day(entry.at).saturating_sub(ASKABLE_DAYS);
                self.ledger.forget_before(from);
                self.contributions.values_mut().for_each(|c| c.forget_before(from));
                for listed in self.pacts.values_mut() {
                    listed.released.retain(|(_, day), _| *day >= from);
                    listed.spent.retain(|day, _| *day >= from);
                }
            }
            Step::Listed { root, dataset } => {
                let compiled = self.monitor.compiled(root).ok_or(Misfit)?;
                let contributions = Contributions::new(self.ledger.bounds(), cells(compiled));
                self.contributions.insert(*root, contributions);
                let (released, spent) = (BTreeMap::new(), BTreeMap::new());
                let listed = Listed { dataset: *dataset, released, spent };
                self.pacts.insert(*root, listed);
            }
            Step::Reserved { root, query } => {
                let listed = self.pacts.get_mut(root).ok_or(Misfit)?;
                let spent = listed.spent.entry(query.day).or_default();
                *spent = spent.saturating_add(query.nano_rho);
                let query = Query::clone(query);
                match self.ledger.reserve(query).map_err(|_| Misfit)? {
                    // Dropped without a draw, as after a restart, it is lost for ever.
                    Outcome::Reserved(reservation) => following.reservation = Some(reservation),
                    Outcome::Cached(_) => return Err(Misfit),
                }
            }
            Step::Drawn(body) => self.ledger.recover_answer(body).map_err(|_| Misfit)?,
            Step::Answered { root, asked, leaves } => {
                let listed = self.pacts.get_mut(root).ok_or(Misfit)?;
                listed.released.insert(asked.clone(), *leaves);
            }
        }
        self.contribute(&following.applied.finished, &entry.seed);
        Ok(following)
    }

    /// Sessions that ended become bounded contributions to statistics.
    fn contribute(&mut self, finished: &[Finished], seed: &Seed) {
        let mut rng = seed.rng();
        for ended in finished {
            if let Some(contributions) = self.contributions.get_mut(&ended.root) {
                let tools = ended.tools.iter().cloned();
                let session = release::Contribution::new(outcome(ended.outcome), tools);
                contributions.add(&ended.principal, day(ended.last), session, &mut rng);
            }
        }
    }

    /// What of `entry` may be written: what the pact's log scope does not allow is left out.
    pub(crate) fn written(&self, entry: Entry) -> Entry {
        let Entry { at, seed, step } = entry;
        let Step::Effect(effect) = step else { return Entry { at, seed, step } };
        let scope = match &*effect {
            Effect::Took(took) => self.scope(&took.root),
            Effect::Approved(approved) => {
                let root = self.monitor.pact_of(&approved.session);
                root.map_or(LogScope::HashOnly, |root| self.scope(&root))
            }
            _ => LogScope::Full,
        };
        Entry { at, seed, step: Step::of(effect.scoped(scope)) }
    }

    fn scope(&self, root: &PactHash) -> LogScope {
        self.monitor.compiled(root).map_or(LogScope::HashOnly, Compiled::log_scope)
    }
}

const fn outcome(outcome: monitor::Outcome) -> release::OutcomeCell {
    match outcome {
        monitor::Outcome::Clean => release::OutcomeCell::Clean,
        monitor::Outcome::Denied => release::OutcomeCell::Denied,
        monitor::Outcome::Escalated => release::OutcomeCell::Escalated,
        monitor::Outcome::Terminated => release::OutcomeCell::Terminated,
    }
}

/// The cells of a pact's interactions: those of all pacts of its chain, each name once.
pub(crate) fn cells(pact: &Compiled) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    for name in pact.calls() {
        if !cells.iter().any(|cell| cell == name) {
            cells.push(name.to_owned());
        }
    }
    cells
}

/// How long the statistics of a day can be asked for.
const ASKABLE_DAYS: u64 = 90;

/// Day of a moment, counted from 1970-01-01.
pub(crate) fn day(now: UnixMillis) -> u64 {
    now.0.checked_div(DAY_MS).unwrap_or(0)
}

/// The end of the epoch that `moment` lies in.
pub(crate) fn end_of_epoch(moment: UnixMillis, epoch: Millis) -> UnixMillis {
    let into = moment.0.checked_rem(epoch.0).unwrap_or(0);
    UnixMillis(moment.0.saturating_sub(into).saturating_add(epoch.0))
}
