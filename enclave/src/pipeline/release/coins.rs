//! Counts whose noise anybody can check (`BINOMIAL.md` of the crate `release`).
//!
//! ```text
//! bits are drawn ─► a day ends ─► Reserved ─► reserve leaf with commitments ─► undealt
//!                                                                                │ dealers
//!            aggregate leaves ◄─ Drawn (recorded) ◄─ answer ◄─ every one of them deals
//! ```
//!
//! Bits and what is committed to with them live in memory alone: whatever is in it when the process
//! ends is lost, as is what no coins come for. Bits are drawn and numbers answered on threads of
//! their own, since both take long; what it does and when follows from consent, configuration, clock
//! and dealers, and from no session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use messages::codec::Wire;
use messages::coins::{Deal, Dealer, Dealt};
use messages::domain;
use messages::ids::{PactHash, Root};
use messages::publication::Publication;
use messages::reply::Reply;
use messages::signature::Signature;
use prove::binomial::Bits;
use rand_core::OsRng;
use release::{Answered, Committed, DrawError, Uncommitted};

use super::super::{Pipeline, Refused};
use crate::store::crash_point;

/// What has to do with coins, of one boot.
#[derive(Default)]
pub(super) struct Coins {
    /// One draws bits, one answers: neither waits for the other.
    drawer: Option<Mint>,
    answerer: Option<Mint>,
    /// Bits that are drawn, by their number.
    bits: BTreeMap<u32, Vec<Bits>>,
    /// Bits that are being drawn.
    drawing: BTreeMap<u32, usize>,
    /// What is committed to and waits for coins.
    waiting: Vec<Waiting>,
    /// What has its coins and is being answered.
    answering: Vec<Of>,
    /// What is answered and not told yet.
    answered: Vec<(Of, Answered)>,
    /// Deals by day, one a dealer, in the configuration's order.
    dealt: BTreeMap<u64, BTreeMap<usize, (Deal, Signature)>>,
}

/// Whose numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Of {
    root: PactHash,
    dataset: Root,
    day: u64,
}

struct Waiting {
    of: Of,
    /// The reserve leaf.
    leaf: u64,
    /// The day on which it was committed to.
    since: u64,
    committed: Committed,
}

/// A thread that draws bits, or answers with them.
struct Mint {
    jobs: Sender<Job>,
    done: Receiver<Done>,
}

enum Job {
    Draw(u32),
    Answer(Of, Box<Committed>, Vec<Dealt>),
}

enum Done {
    Drawn(u32, Option<Bits>),
    Answered(Of, Result<Answered, DrawError>),
}

impl Mint {
    fn start() -> Self {
        let (jobs, asked) = channel();
        let (tell, done) = channel();
        // It ends when nobody asks or hears any more.
        let work = move || {
            for job in asked {
                let done = match job {
                    Job::Draw(count) => {
                        let bits = usize::try_from(count).ok();
                        Done::Drawn(count, bits.and_then(|n| Bits::draw(n, &mut OsRng)))
                    }
                    Job::Answer(of, committed, dealt) => {
                        Done::Answered(of, committed.answer(dealt, &mut OsRng))
                    }
                };
                if tell.send(done).is_err() {
                    break;
                }
            }
        };
        // Without a thread nobody hears a job, and what would have been done is lost.
        drop(std::thread::Builder::new().spawn(work));
        Self { jobs, done }
    }
}

impl Coins {
    /// Bits of these sizes; none while some are being drawn.
    pub(super) fn bits(&mut self, sizes: &[u32]) -> Option<Vec<Bits>> {
        self.hear();
        let mut due: BTreeMap<u32, usize> = BTreeMap::new();
        for size in sizes {
            let count = due.entry(*size).or_default();
            *count = count.saturating_add(1);
        }
        let held = |of: &BTreeMap<u32, Vec<Bits>>, size: u32| of.get(&size).map_or(0, Vec::len);
        if due.iter().all(|(size, count)| held(&self.bits, *size) >= *count) {
            let take = |size: &u32| self.bits.get_mut(size).and_then(Vec::pop);
            return sizes.iter().map(take).collect();
        }
        for (size, count) in due {
            let coming = self.drawing.entry(size).or_default();
            let missing = count.saturating_add(AHEAD).saturating_sub(held(&self.bits, size));
            while *coming < missing {
                let mint = self.drawer.get_or_insert_with(Mint::start);
                if mint.jobs.send(Job::Draw(size)).is_err() {
                    break;
                }
                *coming = coming.saturating_add(1);
            }
        }
        None
    }

    /// Takes what the threads have done.
    fn hear(&mut self) {
        for done in heard(&mut self.drawer, || self.drawing.clear()) {
            if let Done::Drawn(size, bits) = done {
                self.bits.entry(size).or_default().extend(bits);
                let coming = self.drawing.entry(size).or_default();
                *coming = coming.saturating_sub(1);
            }
        }
        for done in heard(&mut self.answerer, || self.answering.clear()) {
            if let Done::Answered(of, answer) = done {
                self.answering.retain(|other| *other != of);
                // What went wrong in an answer is lost.
                self.answered.extend(answer.ok().map(|answered| (of, answered)));
            }
        }
    }

    /// What of a pact was committed to is lost.
    pub(super) fn forget(&mut self, root: &PactHash) {
        self.waiting.retain(|waiting| waiting.of.root != *root);
        self.answering.retain(|of| of.root != *root);
        self.answered.retain(|(of, _)| of.root != *root);
    }

    /// Do numbers of this day wait for coins, or are they being answered?
    pub(super) fn wait(&self, root: &PactHash, day: u64) -> bool {
        let waiting = self.waiting.iter().map(|waiting| &waiting.of);
        let told = self.answered.iter().map(|(of, _)| of);
        waiting.chain(&self.answering).chain(told).any(|of| (of.root, of.day) == (*root, day))
    }
}

/// What a thread has done; where it ended, what it held is `lost`, and another one comes.
fn heard(mint: &mut Option<Mint>, lost: impl FnOnce()) -> Vec<Done> {
    let mut heard = Vec::new();
    let ended = loop {
        match mint.as_ref().map(|mint| mint.done.try_recv()) {
            Some(Ok(done)) => heard.push(done),
            Some(Err(TryRecvError::Disconnected)) => break true,
            Some(Err(TryRecvError::Empty)) | None => break false,
        }
    };
    if ended {
        *mint = None;
        lost();
    }
    heard
}

impl Pipeline {
    /// Publishes what the numbers of a reservation are committed to; from then on they wait for
    /// their coins.
    pub(super) fn commit_to(
        &mut self,
        root: PactHash,
        uncommitted: Uncommitted,
        (bits, dealers): (Vec<Bits>, &[Dealer]),
    ) -> Result<(), Refused> {
        let listed = self.state.pacts.get(&root).ok_or(Refused("pact-unknown"))?;
        let committed = uncommitted.commit(&listed.data, bits, dealers.to_vec(), &mut OsRng);
        // It was paid for a moment ago: what does not fit it is our own fault.
        let committed = committed.map_err(|_| self.fail(monitor::Misfit.into()))?;
        let body = committed.body().clone();
        let of = Of { root, dataset: body.dataset, day: body.day };
        let (leaf, _) = self.publish(&Publication::Reserve(body), None)?;
        let since = self.clock.now().day();
        self.releasing.coins.waiting.push(Waiting { of, leaf, since, committed });
        Ok(())
    }

    /// The days of which numbers wait for coins.
    pub(crate) fn undealt(&self) -> Reply {
        let waiting = self.releasing.coins.waiting.iter().map(|waiting| waiting.of.day);
        let days: BTreeSet<u64> = waiting.collect();
        let days = days.into_iter().filter(|day| self.is_due(*day)).collect();
        Reply::Undealt { days, checkpoint: self.checkpoint(), now: self.clock.now() }
    }

    /// Are coins of this day due? Something waits for them, no pact can come to wait for the same
    /// ones, and what it is committed to is beyond taking back.
    // PRIVACY: what is dealt for is told; an older copy of the disk must not get that far.
    fn is_due(&self, day: u64) -> bool {
        let settled = self.settled();
        let waiting = self.releasing.coins.waiting.iter();
        let mut leaves = waiting.filter(|w| w.of.day == day).map(|waiting| waiting.leaf).peekable();
        leaves.peek().is_some()
            && leaves.all(|leaf| leaf < settled)
            && self.state.pacts.values().all(|listed| day < listed.unreleased)
    }

    /// May a day be paid for, or would that give up numbers whose dealers had no time yet, or that
    /// are being answered?
    pub(super) fn may_pay(&self, day: u64) -> bool {
        let today = self.clock.now().day();
        let Coins { waiting, answering, answered, .. } = &self.releasing.coins;
        let keeps = |of: &Of| !is_past(of.day, day.saturating_add(1));
        let had_time = |waiting: &Waiting| waiting.since.saturating_add(PATIENCE) <= today;
        waiting.iter().all(|waiting| keeps(&waiting.of) || had_time(waiting))
            && answering.iter().chain(answered.iter().map(|(of, _)| of)).all(keeps)
    }

    /// Takes a dealer's coins; with the last of a day's dealers its numbers are answered.
    pub(crate) fn deal(&mut self, deal: Deal, signature: Signature) -> Result<Reply, Refused> {
        if !self.is_due(deal.day) {
            return Err(Refused("deal-late"));
        }
        let dealers = self.values.dealers();
        let bytes = deal.to_cbor();
        let signed = |dealer: &Dealer| dealer.key.verify(domain::COIN_DEAL, &bytes, &signature);
        let by = dealers.iter().position(|dealer| signed(dealer).is_ok());
        let by = by.ok_or(Refused("deal-not-by-a-dealer"))?;
        if dealers.get(by).is_none_or(|dealer| !dealer.promised(deal.day, &deal.value)) {
            return Err(Refused("deal-not-promised"));
        }
        let known = deal.origin == self.values.origin;
        if !known || self.log.root_at(deal.size) != Some(deal.root) {
            return Err(Refused("deal-of-another-log"));
        }
        let day = deal.day;
        let Coins { waiting, dealt, .. } = &mut self.releasing.coins;
        let mut due = waiting.iter().filter(|waiting| waiting.of.day == day);
        if due.any(|waiting| waiting.leaf >= deal.size) {
            return Err(Refused("deal-too-early"));
        }
        let deals = dealt.entry(day).or_default();
        // A dealer tells a day once; the same again is no other.
        deals.entry(by).or_insert((deal, signature));
        if deals.len() == dealers.len() {
            self.answer_day(day);
        }
        Ok(Reply::Dealt)
    }

    fn answer_day(&mut self, day: u64) {
        let coins = &mut self.releasing.coins;
        let deals = coins.dealt.remove(&day).unwrap_or_default();
        let (due, waiting) = core::mem::take(&mut coins.waiting)
            .into_iter()
            .partition::<Vec<_>, _>(|waiting| waiting.of.day == day);
        coins.waiting = waiting;
        let mint = coins.answerer.get_or_insert_with(Mint::start);
        for Waiting { of, leaf, committed, .. } in due {
            let dealt = deals.values().map(|(deal, signature)| Dealt {
                value: deal.value,
                size: deal.size,
                root: deal.root,
                signature: *signature,
                path: self.log.inclusion(leaf, deal.size),
            });
            let job = Job::Answer(of, Box::new(committed), dealt.collect());
            // Where nobody answers any more it is lost.
            if mint.jobs.send(job).is_ok() {
                coins.answering.push(of);
            }
        }
    }

    /// Puts on record and publishes what is answered, and gives up what waited too long.
    pub(super) fn tell_answered(&mut self) -> Result<(), Refused> {
        self.releasing.coins.hear();
        for (of, answered) in core::mem::take(&mut self.releasing.coins.answered) {
            let at = self.clock.bracket();
            // The data may have ended, or be past the day: the numbers are lost then.
            let Some(listed) = self.state.pacts.get(&of.root) else { continue };
            if *listed.data.id() != of.dataset || is_past(of.day, listed.unreleased) {
                continue;
            }
            let drawn = listed.data.tell(answered, at);
            // CRASH: answered and not on record: nobody has seen it, and its bits are gone.
            crash_point!("answered-before-record");
            self.tell_drawn(of.root, drawn)?;
        }
        let pacts = &self.state.pacts;
        let lost =
            |of: &Of| pacts.get(&of.root).is_none_or(|listed| is_past(of.day, listed.unreleased));
        let Coins { waiting, dealt, .. } = &mut self.releasing.coins;
        waiting.retain(|waiting| !lost(&waiting.of));
        dealt.retain(|day, _| waiting.iter().any(|waiting| waiting.of.day == *day));
        Ok(())
    }
}

/// Is the first day that is not paid for so much later that the ledger takes no answer any more?
const fn is_past(day: u64, unreleased: u64) -> bool {
    day.saturating_add(PATIENCE) < unreleased
}

/// Is a day told so late that its coins would hold up the days after it?
pub(super) const fn is_late(day: u64, today: u64) -> bool {
    day.saturating_add(1).saturating_add(PATIENCE) < today
}

/// Days that may be paid for while the coins of one are still to come.
const PATIENCE: u64 = 2;
/// Bits that are drawn ahead.
const AHEAD: usize = 16;
