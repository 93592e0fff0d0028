//! Effects at work: the only place where the monitor's state changes. It decides nothing, so
//! applying the recorded effects again, in order, gives the same state again.

use alloc::vec::Vec;

use messages::event::Party;
use messages::ids::{LeafHash, PactHash, SessionId, TallyId};
use messages::leaf::{BootEntry, BreakBody, BreakCause, Gaps};
use messages::receipt::Receipt;
use messages::reply::{Action, Open};
use messages::signature::PublicKey;
use messages::time::{Bracket, Millis, UnixMillis};
use pact::LogScope;
use rand_core::{CryptoRngCore, RngCore};
use tally::SessionRecord;

use crate::book::{Book, EpochClose, Finished, Outcome};
use crate::completeness::{of, of_mut};
use crate::effect::{Approved, Effect, Seed, Took};
use crate::monitor::{Ended, Monitor, tag};
use crate::session::{OTHER, Paused, Said, Session, Told, outward, tool};
use crate::terms::Terms;

/// What follows from an effect outside the monitor's own state.
#[derive(Default)]
#[must_use = "what follows from an effect is published"]
pub struct Applied {
    /// Commitments to publish, in order.
    pub closes: Vec<EpochClose>,
    /// Tallies that ended; each is published after its last commitment.
    pub breaks: Vec<BreakBody>,
    /// Sessions that ended.
    pub finished: Vec<Finished>,
    /// Gaps of the session that ended by counts.
    pub gaps: Option<Gaps>,
}

/// The effect does not fit the state: the record is not one of this monitor, or was mixed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an effect on record does not fit the state before it")]
pub struct Misfit;

impl Monitor {
    /// Applies an effect that this monitor decided, or that it reads off its record.
    ///
    /// # Errors
    /// [`Misfit`].
    pub fn apply(&mut self, effect: &Effect) -> Result<Applied, Misfit> {
        match effect {
            Effect::Booted { entry, key } => self.booted(*entry, *key),
            Effect::Registered { pact, keys, at, seed } => {
                return self.registered(pact.clone(), *keys, *at, seed);
            }
            Effect::Revised { root, pact, keys } => self.revised(root, pact.clone(), *keys)?,
            Effect::Opened { open, at, seed } => self.opened(open, *at, seed)?,
            Effect::Took(took) => self.took(took)?,
            Effect::Counted { counts, at } => {
                let (_, session) = self.state.sessions.get_mut(&counts.session).ok_or(Misfit)?;
                of_mut(&mut session.tracks, counts.party).counts = Some(counts.clone());
                session.touched = *at;
                if session.both_closed() {
                    let (gaps, finished) = self.end(&counts.session, *at).ok_or(Misfit)?;
                    let finished = Vec::from([finished]);
                    return Ok(Applied { finished, gaps: Some(gaps), ..Applied::default() });
                }
            }
            Effect::Approved(approved) => self.approved(approved)?,
            Effect::Closed { at, seed, idle } => return Ok(self.closed(*at, seed, *idle)),
            Effect::Full { root, at, seed } => return self.full(root, *at, seed),
            Effect::RolledBack { root, receipt } => self.rolled_back(root, receipt)?,
            Effect::Reinstated { root } => {
                let book = self.state.books.get_mut(root).ok_or(Misfit)?;
                book.rolled_back = false;
                book.standing.reinstate();
            }
            Effect::Asked { root, tally, asked } => {
                let book = self.state.books.get_mut(root).ok_or(Misfit)?;
                // Of a tally that ended nothing more is published.
                let tallies = book.tallies.iter_mut();
                tallies.filter(|t| t.id == *tally).for_each(|t| t.ask(asked));
            }
            Effect::Broken { at, seed } => return Ok(self.broken(*at, seed)),
            Effect::Forgot { before, oldest } => {
                // INVARIANT: while a pact's term lasts its sessions are known, so that none is
                // opened twice and no event is counted twice.
                let books = &self.state.books;
                let over =
                    |root: &PactHash| books.get(root).is_none_or(|book| book.ends() <= *before);
                self.state.ended.retain(|_, e| e.at >= *before || !over(&e.root));
                self.state.oldest = self.state.oldest.max(*oldest);
            }
        }
        Ok(Applied::default())
    }

    /// Chains the next leaf of a tally, of the pact `root`, to the one just published.
    pub fn published(&mut self, root: &PactHash, tally: &TallyId, leaf: LeafHash) {
        let tallies = self.state.books.get_mut(root).map(|book| &mut book.tallies);
        let mut tallies = tallies.into_iter().flatten();
        if let Some(found) = tallies.find(|t| t.id == *tally) {
            found.published(leaf);
        }
    }

    fn booted(&mut self, entry: BootEntry, key: PublicKey) {
        self.state.boot = entry;
        self.state.boots.insert(entry.boot, key);
        for tally in self.state.books.values_mut().flat_map(|b| b.tallies.iter_mut()) {
            tally.booted(entry);
        }
    }

    fn key(&self) -> Result<PublicKey, Misfit> {
        self.boot_key(&self.boot()).ok_or(Misfit)
    }

    fn registered(
        &mut self,
        pact: Vec<u8>,
        keys: [PublicKey; 2],
        at: Bracket,
        seed: &Seed,
    ) -> Result<Applied, Misfit> {
        let (mut rng, key) = (seed.rng(), self.key()?);
        let terms = Terms::of(pact).ok_or(Misfit)?;
        let root = terms.root;
        let mut book = Book::new(terms, keys, self.state.boot, &mut rng);
        let closes = book.close(at, key, &mut rng);
        self.state.books.insert(root, book);
        Ok(Applied { closes, ..Applied::default() })
    }

    fn revised(
        &mut self,
        root: &PactHash,
        pact: Vec<u8>,
        keys: [PublicKey; 2],
    ) -> Result<(), Misfit> {
        let book = self.state.books.get_mut(root).ok_or(Misfit)?;
        let terms = book.terms.revised(pact).ok_or(Misfit)?;
        let (old, new) = (book.terms.compiled.log_scope(), terms.compiled.log_scope());
        self.state.revisions.insert(terms.compiled.hash(), *root);
        book.revise(terms, keys).ok_or(Misfit)?;
        if new == LogScope::Full && old != LogScope::Full {
            let open = self.state.sessions.values_mut().filter(|(of, _)| of == root);
            open.for_each(|(_, session)| session.withhold());
        }
        Ok(())
    }

    fn opened(&mut self, open: &Open, at: UnixMillis, seed: &Seed) -> Result<(), Misfit> {
        let root = self.root_pact(&open.pact).ok_or(Misfit)?;
        let book = self.state.books.get_mut(&root).ok_or(Misfit)?;
        book.open = book.open.saturating_add(1);
        let mut token_key = [0; 16];
        seed.rng().fill_bytes(&mut token_key);
        let session = Session::new(open.pact, open.principal.clone(), book.keys, token_key, at);
        self.state.sessions.insert(open.session, (root, session));
        Ok(())
    }

    fn took(&mut self, took: &Took) -> Result<(), Misfit> {
        let (root, session) = self.state.sessions.get_mut(&took.session).ok_or(Misfit)?;
        let book = self.state.books.get_mut(root).ok_or(Misfit)?;
        book.count(took.event, &took.change).map_err(|_| Misfit)?;
        session.grow(took.change.counters());
        // What was lost and is there again can be lost again.
        if let Some(lost) = book.lost.get_mut(&(took.session, tag(took.party)))
            && *lost > 0
        {
            *lost = lost.saturating_sub(1);
            session.noted.monitor = session.noted.monitor.saturating_sub(1);
        }
        session.expire(book.on_timeout(), took.at);
        session.remember(&took.change, took.runs);
        book.standing.apply(&took.change);
        book.ruled.note(&took.rule, took.action);
        let said = Said {
            party: took.party,
            event: took.event,
            action: took.action,
            rule: took.rule.clone(),
            runs: took.runs,
            outward: took.outward,
            tool: took.tool,
        };
        session.record(&said, took.at);
        if let Some(until) = took.until {
            let (event, rule) = (took.content.clone(), took.rule.clone());
            let paused = Paused { event, until, rule };
            session.paused.insert(took.event, paused);
        }
        session.terminated |= took.action == Action::Terminate && !took.runs;
        Ok(())
    }

    fn approved(&mut self, approved: &Approved) -> Result<(), Misfit> {
        let (root, session) = self.state.sessions.get_mut(&approved.session).ok_or(Misfit)?;
        let book = self.state.books.get_mut(root).ok_or(Misfit)?;
        session.expire(book.on_timeout(), approved.at);
        let paused = session.paused.remove(&approved.call);
        let (action, rule, at) = (approved.action, approved.rule.clone(), approved.at);
        book.ruled.note(&rule, action);
        session.decided.insert(approved.call, Told { action, rule, at });
        let Some(change) = &approved.change else { return Ok(()) };
        book.count(approved.call, change).map_err(|_| Misfit)?;
        session.grow(change.counters());
        session.remember(change, approved.runs);
        book.standing.apply(change);
        session.worst = session.worst.max(approved.action);
        session.terminated |= approved.action == Action::Terminate;
        if approved.runs {
            // Without its content only that it ran is known, not under which name.
            let event = paused
                .and_then(|p| messages::event::SignedEvent::parse(&p.event?).ok())
                .map(|signed| signed.unverified().clone());
            let tool = match &event {
                Some(event) => tool(event, &book.terms.compiled),
                None => Some(OTHER),
            };
            let said = Said {
                party: event.as_ref().map_or(Party::Initiator, |e| e.from.reporter()),
                event: approved.call,
                action: approved.action,
                rule: approved.rule.clone(),
                runs: true,
                outward: event.as_ref().is_none_or(outward),
                tool,
            };
            session.let_out(&said, event.map(|event| event.seq));
        }
        Ok(())
    }

    /// Ends the epoch: sessions that idle too long end with an open tail, then every open tally
    /// commits to its totals, idle or not, in an order that says nothing.
    fn closed(&mut self, at: Bracket, seed: &Seed, idle: Millis) -> Applied {
        let now = at.earliest;
        let over = |s: &Session| {
            s.touched.saturating_add(idle) <= now || s.opened.saturating_add(LONGEST_SESSION) <= now
        };
        let ids: Vec<SessionId> = self
            .state
            .sessions
            .iter()
            .filter_map(|(id, (_, session))| over(session).then_some(*id))
            .collect();
        let ended = ids.iter().filter_map(|id| self.end(id, now));
        let finished = ended.map(|(_, finished)| finished).collect();
        // What is already certain of open sessions does not wait for their end.
        for (root, session) in self.state.sessions.values_mut() {
            let fresh = session.fresh_gaps(false);
            if let Some(book) = self.state.books.get_mut(root) {
                book.note(fresh);
            }
        }
        for book in self.state.books.values_mut() {
            book.standing.renew(&book.terms.compiled, now);
        }
        let mut rng = seed.rng();
        let mut closes = self.commit_all(at, &mut rng);
        closes.sort_by_key(|close| close.body.tally);
        Applied { closes, finished, ..Applied::default() }
    }

    fn commit_all(&mut self, at: Bracket, rng: &mut impl CryptoRngCore) -> Vec<EpochClose> {
        let Ok(key) = self.key() else { return Vec::new() };
        self.state.books.values_mut().flat_map(|book| book.close(at, key, rng)).collect()
    }

    /// Closes what is full: its totals are committed a last time, a break follows, and the next
    /// tally begins, so that nothing is lost and monitoring goes on.
    fn full(&mut self, root: &PactHash, at: Bracket, seed: &Seed) -> Result<Applied, Misfit> {
        let (mut rng, key, boot) = (seed.rng(), self.key()?, self.state.boot);
        let book = self.state.books.get_mut(root).ok_or(Misfit)?;
        let mut closes = book.close(at, key, &mut rng);
        let breaks = book.succeed(BreakCause::CounterFull, at, boot, &mut rng);
        closes.extend(book.close(at, key, &mut rng));
        Ok(Applied { closes, breaks, ..Applied::default() })
    }

    /// Ends every tally where it was last published, and begins the next.
    fn broken(&mut self, at: Bracket, seed: &Seed) -> Applied {
        let mut rng = seed.rng();
        let boot = self.state.boot;
        let books = self.state.books.values_mut();
        let breaks =
            books.flat_map(|book| book.succeed(BreakCause::Mismatch, at, boot, &mut rng)).collect();
        let closes = self.commit_all(at, &mut rng);
        Applied { closes, breaks, ..Applied::default() }
    }

    fn rolled_back(&mut self, root: &PactHash, receipt: &Receipt) -> Result<(), Misfit> {
        let book = self.state.books.get_mut(root).ok_or(Misfit)?;
        book.rolled_back = true;
        let open = self.state.sessions.get_mut(&receipt.session);
        let held = open.as_ref().map_or(0, |(_, s)| of(&s.tracks, receipt.party).count);
        let missing = receipt.count.saturating_sub(held).max(1);
        let lost = book.lost.entry((receipt.session, tag(receipt.party))).or_default();
        let mut fresh = missing.saturating_sub(*lost);
        *lost = missing.max(*lost);
        if let Some((_, session)) = open {
            // Counts that speak of the same receipts later find it noted.
            fresh = missing.saturating_sub(session.noted.monitor);
            session.noted.monitor = session.noted.monitor.max(missing);
        }
        book.note(Gaps { monitor: fresh, ..Gaps::default() });
        Ok(())
    }

    fn end(&mut self, id: &SessionId, now: UnixMillis) -> Option<(Gaps, Finished)> {
        let (root, mut session) = self.state.sessions.remove(id)?;
        let [initiator, provider] = &session.tracks;
        let counts = [initiator.count, provider.count];
        let heads = [initiator.head, provider.head];
        self.state.ended.insert(*id, Ended { root, counts, heads, at: now });
        let book = self.state.books.get_mut(&root)?;
        book.cut.add(&SessionRecord { session: *id, counts, heads });
        book.open = book.open.saturating_sub(1);
        session.expire(book.on_timeout(), now);
        let fresh = session.fresh_gaps(true);
        book.note(fresh);
        let gaps = session.noted;
        let outcome = match session.worst {
            Action::Allow | Action::Alert => Outcome::Clean,
            Action::Pause => Outcome::Escalated,
            Action::Deny => Outcome::Denied,
            Action::Terminate => Outcome::Terminated,
        };
        let calls: Vec<&str> = book.terms.compiled.calls().collect();
        let name = |at: &u16| calls.get(usize::from(*at)).copied().unwrap_or("other");
        let tools = session.used.iter().map(|at| name(at).into()).collect();
        let Session { principal, growth, .. } = session;
        let session = *id;
        Some((gaps, Finished { session, root, principal, outcome, tools, growth }))
    }
}

/// A session that is open for longer ends with an open tail, however busy it looks.
const LONGEST_SESSION: Millis = Millis(7 * 86_400_000);
