//! Private aggregates. Each day that has ended is released once: its debits are published first,
//! then noise is drawn, then the answers are published. What is released and when is settled by the
//! pact, the configuration and the clock alone; whoever asks reads what is on record.
//!
//! ```text
//! a day ends ─► due ─► Reserved ─► reserve leaf ─► durable, and seen by the witnesses
//!                                                      │
//!              aggregate leaves ◄─ Drawn (recorded) ◄─ draw
//! ```
//!
//! Where the configuration names dealers, counts are committed to in a reserve leaf of their own, and
//! told once their coins are dealt: see [`coins`].

mod coins;

use std::collections::{BTreeMap, VecDeque};

use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::ids::{PactHash, Root};
use messages::leaf::{AggregateBody, ReserveBody, Unit};
use messages::publication::Publication;
use messages::reply::{Reply, Statistic};
use messages::signature::Signature;
use messages::time::UnixMillis;
use monitor::Seed;
use pact::Compiled;
use rand_core::{OsRng, RngCore as _};
use release::{Asked, Drawn, Reservation};

use self::coins::Coins;
use super::{Pipeline, Refused};
use crate::state::{Entry, Step};
use crate::store::crash_point;

/// What is paid for and not drawn yet. It lives in memory alone: whatever is in it when the
/// process ends is lost, since nobody knows what was drawn of it.
#[derive(Default)]
pub(crate) struct Releasing {
    paid: VecDeque<Paid>,
    coins: Coins,
    /// Nothing is due before.
    next: UnixMillis,
}

struct Paid {
    root: PactHash,
    /// The reserve leaf.
    leaf: u64,
    reservation: Reservation,
}

/// Where the leaves of the ledgers are.
#[derive(Default)]
pub(crate) struct Ledgers {
    /// By data set and sequence number.
    leaves: BTreeMap<(Root, u64), u64>,
    /// Sequence numbers of reservation and answer, by data set, statistic and day.
    answers: BTreeMap<(Root, String, u64), [u64; 2]>,
}

impl Ledgers {
    pub(super) fn reserved(&mut self, body: &ReserveBody, leaf: u64) {
        self.leaves.insert((body.dataset, body.sequence), leaf);
    }

    pub(super) fn drawn(&mut self, body: AggregateBody, leaf: u64) {
        let (sequence, reserved, query) = (body.sequence, body.reserved, body.query);
        self.leaves.insert((query.dataset, sequence), leaf);
        self.answers.insert((query.dataset, query.statistic, query.day), [reserved, sequence]);
    }
}

impl Pipeline {
    /// Releases what is due: days that have ended, in order, each of all pacts at once.
    pub(super) fn release_days(&mut self) -> Result<(), Refused> {
        self.list_again()?;
        loop {
            // First what is drawn: once a day's answers are on record, its data are forgotten.
            self.draw_paid()?;
            self.tell_answered()?;
            // So they are with the debit of the next one.
            let next = self.unreleased();
            let earlier = |paid: &Paid| next.is_some_and(|next| paid.reservation.body().day < next);
            let waits = self.releasing.paid.iter().any(earlier);
            if waits || self.clock.now() < self.releasing.next {
                return Ok(());
            }
            if !self.pay()? {
                return Ok(());
            }
        }
    }

    /// Pacts whose data ended, since the record of it may be an older one, get other data.
    fn list_again(&mut self) -> Result<(), Refused> {
        if self.state.pacts.len() == self.state.monitor.pacts() {
            return Ok(());
        }
        let roots = self.state.monitor.roots();
        let unlisted = roots.filter(|root| !self.state.pacts.contains_key(*root));
        let unlisted: Vec<PactHash> = unlisted.copied().collect();
        unlisted.into_iter().try_for_each(|root| self.list(root))
    }

    /// Gives the sessions of a pact that open from now on a name in statistics, and a ledger.
    pub(super) fn list(&mut self, root: PactHash) -> Result<(), Refused> {
        let mut salt = [0; 32];
        OsRng.fill_bytes(&mut salt);
        let dataset = Root(domain::PACT_SALTED.hash(&[&salt, &root.0]));
        // What was paid for under another name is not drawn any more.
        self.releasing.paid.retain(|paid| paid.root != root);
        self.releasing.coins.forget(&root);
        self.put(Step::Listed { root, dataset }).map(|_place| ())
    }

    /// The earliest day that is not paid for.
    fn unreleased(&self) -> Option<u64> {
        self.state.pacts.values().map(|listed| listed.unreleased).min()
    }

    /// Leaves that are beyond taking back: in the log that is shown, and where the clock is the
    /// witnesses', seen by a quorum of them.
    fn settled(&self) -> u64 {
        if self.clock.is_witnessed() { self.shown.min(self.witnessed) } else { self.shown }
    }

    /// Pays for the earliest day that is not released, for every pact of which it is one; false when
    /// some have to wait for bits that are not drawn yet.
    fn pay(&mut self) -> Result<bool, Refused> {
        let today = self.clock.now().day();
        let Some(ended) = self.unreleased().filter(|day| *day < today) else {
            self.releasing.next = UnixMillis::begin_of(today.saturating_add(1));
            return Ok(true);
        };
        if !self.may_pay(ended) {
            return Ok(false);
        }
        // By names that say nothing: the order in the log is none of the pacts'.
        let due = self.state.pacts.iter().filter(|(_, listed)| listed.unreleased == ended);
        let due: BTreeMap<Root, PactHash> =
            due.map(|(root, listed)| (*listed.data.id(), *root)).collect();
        crash_point!("due-before-debit");
        let dealers = self.values.dealers();
        let mut all = true;
        for root in due.into_values() {
            let compiled = self.state.monitor.compiled(&root).ok_or(Refused("pact-unknown"))?;
            let asked = self.board(compiled, ended);
            let listed = self.state.pacts.get(&root).ok_or(Refused("pact-unknown"))?;
            let queries = listed.data.due(ended, &asked);
            let sizes: Vec<u32> = queries.iter().filter_map(|query| query.coins).collect();
            // Drawn meanwhile, apart from this thread: what comes after it waits, too.
            let Some(bits) = self.releasing.coins.bits(&sizes) else {
                all = false;
                break;
            };
            let step = Step::Reserved { root, day: ended, queries };
            let entry = Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step };
            let following = self.apply(&entry)?;
            self.write(entry)?;
            // A day of which nothing can be released is over.
            if let Some(reservation) = following.reservation {
                let body = reservation.body().clone();
                let (leaf, _) = self.publish(&Publication::Reserve(body), None)?;
                self.releasing.paid.push_back(Paid { root, leaf, reservation });
            }
            if let Some(uncommitted) = following.uncommitted {
                self.commit_to(root, uncommitted, (bits, &dealers))?;
            }
        }
        // CRASH: from here on the debits are durable and nothing is drawn; after a restart the
        // day is lost, and stays paid.
        self.commit_now()?;
        crash_point!("reserved-before-draw");
        Ok(all)
    }

    /// Draws what is paid for beyond taking back.
    fn draw_paid(&mut self) -> Result<(), Refused> {
        let settled = self.settled();
        while self.releasing.paid.front().is_some_and(|paid| paid.leaf < settled) {
            let Some(Paid { root, reservation, .. }) = self.releasing.paid.pop_front() else {
                break;
            };
            let at = self.clock.bracket();
            // Interactions that a revision appended meanwhile are none that were paid for, and the
            // data may have ended: the day is lost then.
            let Some(listed) = self.state.pacts.get(&root) else { continue };
            let Ok(drawn) = listed.data.draw(reservation, at) else { continue };
            // CRASH: drawn and not on record: nobody has seen it, and it is never drawn again.
            crash_point!("drawn-before-record");
            self.tell_drawn(root, drawn)?;
        }
        Ok(())
    }

    /// Puts answers on record, and publishes them.
    fn tell_drawn(&mut self, root: PactHash, drawn: Drawn) -> Result<(), Refused> {
        let answers = drawn.answers().to_vec();
        self.put(Step::Drawn { root, drawn: Box::new(drawn) })?;
        for body in answers {
            self.publish(&Publication::Aggregate(body), None)?;
        }
        Ok(())
    }

    /// What a day of a pact is asked, with prices: what its consent lists, in its order.
    fn board(&self, compiled: &Compiled, day: u64) -> Vec<Asked> {
        let most = self.values.privacy.price_nano_rho;
        let (_, bounds) = self.values.ledger();
        // Before each of them begins to deal, nobody deals; and for a day that is told late, as after
        // a pause, nobody has to wait again.
        let dealers = self.values.dealers();
        let late = coins::is_late(day, self.clock.now().day());
        let dealt = !late && !dealers.is_empty() && dealers.iter().all(|of| of.since <= day);
        let asked = compiled.statistics().iter().filter_map(|name| {
            let (statistic, loss) = (statistic(compiled, name)?, compiled.loss(name)?);
            // Noise for a session does not keep what is agreed for its owner's day.
            if bounds.unit == Some(Unit::Session) && !loss.of_session {
                return None;
            }
            let loss = (loss.epsilon_millionths, loss.delta_billionths);
            Asked::of(statistic, loss, most, (bounds, dealt))
        });
        asked.collect()
    }

    /// Most leaves that a day of these pacts takes.
    pub(super) fn leaves_of_a_day(&self) -> u64 {
        let compiled = self.state.monitor.roots().filter_map(|r| self.state.monitor.compiled(r));
        let leaves = compiled.map(|compiled| compiled.statistics().len().saturating_add(2));
        leaves.fold(0, |sum, n| sum.saturating_add(u64::try_from(n).unwrap_or(u64::MAX)))
    }

    /// Answers from the record.
    pub(super) fn released(
        &self,
        asked: &Statistic,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Reply, Refused> {
        self.authenticate(domain::STATISTIC_REQUEST, requester, &asked.to_cbor(), signature)?;
        let monitor = &self.state.monitor;
        let root = monitor.root_pact(&asked.pact).ok_or(Refused("pact-unknown"))?;
        let compiled = monitor.compiled(&root).ok_or(Refused("pact-unknown"))?;
        if !monitor.concerns(&root, requester) {
            return Err(Refused("release-not-a-party"));
        }
        if !compiled.statistics().contains(&asked.statistic) {
            return Err(Refused("release-not-consented"));
        }
        let statistic = statistic(compiled, &asked.statistic);
        let statistic = statistic.ok_or(Refused("unknown-statistic"))?;
        let listed = self.state.pacts.get(&root);
        let Ledgers { leaves, answers } = &self.index.ledgers;
        let former = self.state.former.get(&root).into_iter().flatten();
        let found = listed.map(|listed| listed.data.id()).into_iter().chain(former);
        let found = found.copied().find_map(|dataset| {
            let query = (dataset, asked.statistic.clone(), asked.day);
            answers.get(&query).map(|places| (dataset, places))
        });
        if let Some((dataset, [reserved, drawn])) = found {
            let leaves = leaves.range((dataset, *reserved)..=(dataset, *drawn));
            let ledger = leaves.map(|(_, leaf)| self.leaf(*leaf)).collect::<Result<Vec<_>, _>>()?;
            // Between debit and draw there is no other boot: a day that waits for one is lost.
            let boot = ledger.first().map(|leaf| self.boot_leaf(&leaf.leaf.boot)).transpose()?;
            return Ok(Reply::Released { leaves: boot.into_iter().chain(ledger).collect() });
        }
        if asked.day >= self.clock.now().day() {
            return Err(Refused("release-day-still-open"));
        }
        let listed = listed.ok_or(Refused("release-lost"))?;
        let waits = |paid: &Paid| paid.root == root && paid.reservation.body().day == asked.day;
        let coming = self.releasing.coins.wait(&root, asked.day);
        if asked.day >= listed.unreleased || self.releasing.paid.iter().any(waits) || coming {
            return Err(Refused("release-not-yet"));
        }
        // What does not fit into a day to come did not fit into this one.
        let asked = self.board(compiled, listed.unreleased);
        if asked.iter().all(|of| of.statistic != statistic) {
            return Err(Refused("release-not-affordable"));
        }
        let mut quotes = asked.iter().zip(listed.data.quote(listed.unreleased, &asked));
        let quote = quotes.find(|(of, _)| of.statistic == statistic).map(|(_, quote)| quote);
        let refusal = quote.and_then(Result::err);
        Err(Refused(refusal.map_or("release-lost", |refusal| refusal.code())))
    }
}

/// What a name in a pact's consent stands for: a statistic that every pact has, or the sum of one
/// of its counters, as far as the pact bounds what a session counts for.
fn statistic(compiled: &Compiled, name: &str) -> Option<release::Statistic> {
    let sum = || {
        let (_, counter) = compiled.schema().find(name).filter(|(_, c)| c.bucket.is_none())?;
        let clamp = compiled.clamp(name).filter(|clamp| *clamp > 0)?;
        Some(release::Statistic::Sum { counter: counter.name.clone(), clamp })
    };
    release::Statistic::parse(name).or_else(sum)
}

#[cfg(all(test, feature = "insecure-software-attester"))]
mod tests;
