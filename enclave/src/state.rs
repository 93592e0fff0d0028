//! What the monitor knows, and the record that it is rebuilt from. Live and after a restart the
//! state changes in one way only: an [`Entry`] is applied to it, in the order of the journal.

use std::collections::{BTreeMap, BTreeSet};

use messages::counter::LATENCY;
use messages::did::Did;
use messages::ids::{BootId, PactHash, Root, SessionId};
use messages::leaf::Query;
use messages::publication::Disclosed;
use messages::time::{Epoch, Millis, UnixMillis};
use minicbor::{Decode, Encode};
use monitor::{Applied, Effect, Finished, Misfit, Monitor, Seed, Settings};
use pact::{Compiled, LogScope};
use release::{Bounds, Dataset, Drawn, Reservation, Uncommitted};

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
    /// A day of a pact has ended, and the privacy budget was debited for what it can be asked.
    #[n(3)]
    Reserved {
        /// Whose sessions.
        #[n(0)]
        root: PactHash,
        /// The day.
        #[n(1)]
        day: u64,
        /// The queries; without any the day is over.
        #[n(2)]
        queries: Vec<Query>,
    },
    /// The noise was drawn, once.
    #[n(4)]
    Drawn {
        /// Whose sessions.
        #[n(0)]
        root: PactHash,
        /// The answers.
        #[n(1)]
        drawn: Box<Drawn>,
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
    /// A boot has ended: nothing of it follows.
    #[n(9)]
    Ended(#[n(0)] BootId),
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
    privacy: (u64, Bounds),
    #[n(6)]
    leaves: u64,
    #[n(7)]
    broken: bool,
    #[n(8)]
    former: BTreeMap<PactHash, Vec<Root>>,
    #[n(9)]
    ended: Option<BootId>,
}

/// What statistics know of a pact.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct Listed {
    #[n(1)]
    pub(crate) data: Dataset,
    /// The first day that is neither paid for nor over.
    #[n(2)]
    pub(crate) unreleased: u64,
    /// Sessions that were open when the pact was listed again: what they did may be told already.
    #[n(3)]
    told: BTreeSet<SessionId>,
}

/// The state.
pub(crate) struct State {
    /// The newest moment on record.
    pub(crate) at: UnixMillis,
    pub(crate) epoch: Epoch,
    pub(crate) monitor: Monitor,
    /// Each with data of its own: what others have spent neither helps nor shows.
    pub(crate) pacts: BTreeMap<PactHash, Listed>,
    /// Names of data that ended, since the record of what was spent on it may be an older one.
    pub(crate) former: BTreeMap<PactHash, Vec<Root>>,
    /// The cap and the bounds of all of them.
    pub(crate) privacy: (u64, Bounds),
    /// Leaves on record.
    pub(crate) leaves: u64,
    /// Record and log disagree, and the break is not on record yet.
    pub(crate) broken: bool,
    /// The last boot that put its own end on record.
    pub(crate) ended: Option<BootId>,
}

/// What follows from an entry.
#[must_use = "what follows from an entry is published"]
pub(crate) struct Following {
    pub(crate) applied: Applied,
    /// Of numbers whose noise is drawn.
    pub(crate) reservation: Option<Reservation>,
    /// Of numbers whose noise coins make.
    pub(crate) uncommitted: Option<Uncommitted>,
}

impl State {
    pub(crate) fn new(settings: Settings, privacy: (u64, Bounds)) -> Self {
        Self {
            at: UnixMillis(0),
            epoch: Epoch(0),
            monitor: Monitor::new(settings),
            pacts: BTreeMap::new(),
            former: BTreeMap::new(),
            privacy,
            leaves: 0,
            broken: false,
            ended: None,
        }
    }

    pub(crate) fn restore(settings: Settings, snapshot: &[u8]) -> Result<Self, Misfit> {
        let kept: Kept = minicbor::decode(snapshot).map_err(|_| Misfit)?;
        let monitor = Monitor::restore(settings, &kept.monitor)?;
        let Kept { at, epoch, pacts, former, privacy, leaves, broken, ended, .. } = kept;
        if pacts.values().any(|listed| listed.data.terms() != privacy) {
            return Err(Misfit);
        }
        Ok(Self { at, epoch, monitor, pacts, former, privacy, leaves, broken, ended })
    }

    /// The whole state as bytes, for the sealed journal. Takes the state apart and together
    /// again, because nothing in it can be copied.
    pub(crate) fn snapshot(&mut self) -> Vec<u8> {
        let kept = Kept {
            at: self.at,
            epoch: self.epoch,
            monitor: self.monitor.snapshot(),
            pacts: core::mem::take(&mut self.pacts),
            privacy: self.privacy,
            leaves: self.leaves,
            broken: self.broken,
            former: core::mem::take(&mut self.former),
            ended: self.ended,
        };
        let bytes = minicbor::to_vec(&kept).unwrap_or_default();
        (self.pacts, self.former) = (kept.pacts, kept.former);
        bytes
    }

    /// Applies one entry, live or from the journal.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<Following, Misfit> {
        if entry.at < self.at {
            return Err(Misfit);
        }
        self.at = entry.at;
        let applied = Applied::default();
        let mut following = Following { applied, reservation: None, uncommitted: None };
        match &entry.step {
            Step::Effect(effect) => {
                following.applied = self.monitor.apply(effect)?;
                self.concern(effect)?;
                self.broken &= !matches!(&**effect, Effect::Broken { .. });
            }
            Step::Published(leaf) => self.leaves = leaf.index.saturating_add(1),
            Step::Read { .. } => {}
            Step::Epoch(epoch) => self.epoch = *epoch,
            Step::Ended(boot) => self.ended = Some(*boot),
            Step::Listed { root, dataset } => {
                let compiled = self.monitor.compiled(root).ok_or(Misfit)?;
                let (cap, bounds) = self.privacy;
                let data = Dataset::new(*dataset, cap, bounds, cells(compiled));
                // No day is in two data sets, nor a session.
                let again = u64::from(self.former.contains_key(root));
                let unreleased = entry.at.day().saturating_add(again);
                let told = self.monitor.sessions_of(root).collect();
                self.pacts.insert(*root, Listed { data, unreleased, told });
            }
            Step::Reserved { root, day, queries } => {
                let listed = self.pacts.get_mut(root).ok_or(Misfit)?;
                if *day < listed.unreleased {
                    return Err(Misfit);
                }
                listed.unreleased = day.saturating_add(1);
                // Whatever was to be drawn of the days before is drawn, or lost.
                listed.data.skip(day.saturating_sub(1));
                if queries.is_empty() {
                    listed.data.skip(*day);
                } else {
                    // Dropped without a draw, as after a restart, they are lost for ever.
                    let of_coins = |query: &Query| query.coins.is_some();
                    let (proven, drawn) = queries.iter().cloned().partition::<Vec<_>, _>(of_coins);
                    if !drawn.is_empty() {
                        let paid = listed.data.reserve(drawn).map_err(|_| Misfit)?;
                        following.reservation = Some(paid);
                    }
                    if !proven.is_empty() {
                        let paid = listed.data.reserve_proven(proven).map_err(|_| Misfit)?;
                        following.uncommitted = Some(paid);
                    }
                }
            }
            Step::Drawn { root, drawn } => {
                let listed = self.pacts.get_mut(root).ok_or(Misfit)?;
                listed.data.record(drawn).map_err(|_| Misfit)?;
            }
        }
        self.contribute(&following.applied.finished, &entry.seed);
        Ok(following)
    }

    /// What an effect means to statistics, beside the sessions that it ends.
    fn concern(&mut self, effect: &Effect) -> Result<(), Misfit> {
        match effect {
            Effect::Revised { root, .. } => {
                let tools = cells(self.monitor.compiled(root).ok_or(Misfit)?);
                if let Some(listed) = self.pacts.get_mut(root) {
                    listed.data.append(tools);
                }
            }
            // What is on record may have been told, and be told otherwise a second time.
            Effect::Broken { .. } | Effect::RolledBack { .. } => {
                for (root, listed) in core::mem::take(&mut self.pacts) {
                    self.former.entry(root).or_default().push(*listed.data.id());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Sessions that ended become bounded contributions to statistics, of the day on which they
    /// ended: one that is released is never released again.
    fn contribute(&mut self, finished: &[Finished], seed: &Seed) {
        let mut rng = seed.rng();
        for ended in finished {
            let Some(compiled) = self.monitor.compiled(&ended.root) else { continue };
            if let Some(listed) = self.pacts.get_mut(&ended.root) {
                if listed.told.remove(&ended.session) || self.at.day() < listed.unreleased {
                    continue;
                }
                let session = contribution(ended, compiled);
                listed.data.add(&ended.principal, self.at.day(), session, &mut rng);
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

/// What a session contributes to what its pact's consent lists.
fn contribution(ended: &Finished, compiled: &Compiled) -> release::Contribution {
    let grown = |at: usize| {
        let at = u16::try_from(at).ok();
        at.and_then(|at| ended.growth.get(&at)).copied().unwrap_or(0)
    };
    let schema = compiled.schema();
    let counters = schema.counters.iter().enumerate();
    let listed = compiled.statistics();
    let sums = counters.clone().filter(|(_, c)| c.bucket.is_none() && listed.contains(&c.name));
    let latencies = counters.filter(|(_, counter)| {
        counter.bucket.as_ref().is_some_and(|bucket| bucket.histogram == LATENCY)
    });
    release::Contribution::new(outcome(ended.outcome), ended.tools.iter().cloned())
        .with_sums(sums.map(|(at, counter)| (counter.name.clone(), grown(at))))
        .with_latencies(latencies.map(|(at, _)| grown(at)).collect())
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

/// The end of the epoch that `moment` lies in.
pub(crate) fn end_of_epoch(moment: UnixMillis, epoch: Millis) -> UnixMillis {
    let into = moment.0.checked_rem(epoch.0).unwrap_or(0);
    UnixMillis(moment.0.saturating_sub(into).saturating_add(epoch.0))
}
