//! The monitor: where an event becomes a verdict, and a verdict becomes a count.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::domain::RECEIPT;
use messages::event::{Counts, Party, SignedEvent};
use messages::ids::{LeafHash, PactHash, SessionId, TallyId};
use messages::leaf::{BootEntry, Boots, BreakBody, Gaps};
use messages::reply::{Action, Approval as OverseerApproval, Open};
use messages::signature::{PublicKey, Signature, SigningKey};
use messages::time::{Bracket, Millis, UnixMillis};
use pact::{Approval, BindingPact, Compiled, Decision, Verdict, check, compile};
use rand_core::CryptoRngCore;

use crate::action::{Answer, action, runs};
use crate::book::{Book, EpochClose, Finished, Outcome};
use crate::completeness::{of, of_mut};
use crate::receipt::{receipt_bytes, sign_receipt};
use crate::refusal::{CountError, IngestError, OpenError, RegisterError};
use crate::session::{MAX_PAUSED, Paused, Session};

/// Bounds of a monitor, from its measured configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most pacts.
    pub pacts: usize,
    /// Most open sessions.
    pub sessions: usize,
    /// A session without events for this long is closed with an open tail.
    pub idle: Millis,
}

/// All pacts, sessions and tallies of one boot.
pub struct Monitor {
    settings: Settings,
    boot: BootEntry,
    key: SigningKey,
    books: BTreeMap<PactHash, Book>,
    sessions: BTreeMap<SessionId, (PactHash, Session)>,
    ended: BTreeSet<SessionId>,
    finished: Vec<Finished>,
}

impl Monitor {
    /// A monitor without pacts. `key` is the boot key; it signs receipts.
    #[must_use]
    pub const fn new(settings: Settings, boot: BootEntry, key: SigningKey) -> Self {
        Self {
            settings,
            boot,
            key,
            books: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: BTreeSet::new(),
            finished: Vec::new(),
        }
    }

    /// Puts a pact under monitoring; `keys` are the parties', as they signed it.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn register(
        &mut self,
        pact: &BindingPact,
        keys: [PublicKey; 2],
        rng: &mut impl CryptoRngCore,
    ) -> Result<PactHash, RegisterError> {
        let root = pact.pact().hash();
        if self.books.contains_key(&root) {
            return Err(RegisterError::Known);
        }
        if pact.pact().prior().is_some() {
            return Err(RegisterError::Revision);
        }
        if self.books.len() >= self.settings.pacts {
            return Err(RegisterError::Full);
        }
        let compiled = compile(pact.pact()).map_err(|_| RegisterError::NotCompilable)?;
        self.books.insert(root, Book::new(root, compiled, keys, self.boot, rng));
        Ok(root)
    }

    /// Opens a session, signed by the pact's initiator.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        &mut self,
        open: &Open,
        signature: &Signature,
        now: UnixMillis,
        rng: &mut impl CryptoRngCore,
    ) -> Result<(), OpenError> {
        let book = self.books.get_mut(&open.pact).ok_or(OpenError::UnknownPact)?;
        let [initiator, _] = &book.keys;
        initiator
            .verify(domain::OPEN, &open.to_cbor(), signature)
            .map_err(|_| OpenError::BadSignature)?;
        if open.boot != self.boot.boot {
            return Err(OpenError::OtherBoot);
        }
        if book.stopped {
            return Err(OpenError::Stopped);
        }
        let (from, until) = book.compiled.term();
        if now < from || now >= until {
            return Err(OpenError::OutOfTerm);
        }
        if self.ended.contains(&open.session) || self.sessions.contains_key(&open.session) {
            return Err(OpenError::Used);
        }
        if self.sessions.len() >= self.settings.sessions {
            return Err(OpenError::Full);
        }
        let mut token_key = [0; 16];
        rng.fill_bytes(&mut token_key);
        let named = (token_key, book.compiled.tools());
        let session = Session::new(open.pact, open.principal.clone(), book.keys, named, now);
        self.sessions.insert(open.session, (open.pact, session));
        Ok(())
    }

    /// Takes one event: admit, judge, count, remember, answer. Refused events leave no trace.
    ///
    /// # Errors
    /// [`IngestError`].
    pub fn ingest(&mut self, signed: &SignedEvent, now: UnixMillis) -> Result<Answer, IngestError> {
        let id = signed.unverified().session;
        let Some((root, session)) = self.sessions.get_mut(&id) else {
            let ended = self.ended.contains(&id);
            return Err(if ended { IngestError::Closed } else { IngestError::UnknownSession });
        };
        let book = self.books.get_mut(root).ok_or(IngestError::UnknownSession)?;
        if book.stopped {
            return Err(IngestError::CounterFull);
        }
        session.expire(book.compiled.approval_on_timeout(), now);
        let (event, hash, party) = session.admit(signed)?;

        // An event becomes a verdict ...
        let judged =
            check(&book.compiled, &session.state, &book.standing, event, Approval::Absent, now);
        let mut verdict = judged.verdict;
        if verdict.decision == Decision::Escalate && session.paused.len() >= MAX_PAUSED {
            verdict.decision = Decision::Deny;
        }
        let action = action(verdict.decision);
        let mode = book.compiled.mode();
        let runs = runs(mode, action);

        // ... and the verdict becomes a count, or nothing does.
        if book.count(judged.change.counters()).is_err() {
            book.stopped = true;
            return Err(IngestError::CounterFull);
        }
        session.remember(&judged.change, runs);
        book.standing.apply(&judged.change);
        session.record(event, hash, action, runs, now);
        if action == Action::Pause && !runs {
            let until = now.saturating_add(book.compiled.approval_timeout());
            session.paused.insert(hash, Paused { event: signed.clone(), until });
        }
        session.terminated |= action == Action::Terminate && !runs;

        let track = of(&session.tracks, party);
        let receipt =
            sign_receipt(&self.key, self.boot.boot, id, party, (track.count, track.head), RECEIPT);
        Ok(Answer::new(mode, verdict, receipt))
    }

    /// Takes an overseer's decision on a paused call and judges the call again.
    ///
    /// # Errors
    /// [`CountError`].
    pub fn approve(
        &mut self,
        approval: &OverseerApproval,
        signature: &Signature,
        overseer: Option<PublicKey>,
        now: UnixMillis,
    ) -> Result<Answer, CountError> {
        let (root, session) =
            self.sessions.get_mut(&approval.session).ok_or(CountError::UnknownSession)?;
        let book = self.books.get_mut(root).ok_or(CountError::UnknownSession)?;
        if !book.compiled.overseers().contains(&approval.overseer) {
            return Err(CountError::NotOverseer);
        }
        overseer
            .and_then(|key| key.verify(domain::APPROVAL, &approval.to_cbor(), signature).ok())
            .ok_or(CountError::BadSignature)?;
        if book.stopped {
            return Err(CountError::CounterFull);
        }
        let late = session.paused.get(&approval.call).is_some_and(|p| now > p.until);
        session.expire(book.compiled.approval_on_timeout(), now);
        if late {
            return Err(CountError::Late);
        }
        if session.terminated || of(&session.tracks, Party::Initiator).closed() {
            return Err(CountError::Over);
        }
        let paused = session.paused.get(&approval.call).ok_or(CountError::NothingPaused)?;
        let event = paused.event.unverified().clone();
        let mode = book.compiled.mode();
        let verdict = if approval.granted {
            let (state, granted) = (&session.state, Approval::Granted);
            let judged = check(&book.compiled, state, &book.standing, &event, granted, now);
            if book.count(judged.change.counters()).is_err() {
                book.stopped = true;
                return Err(CountError::CounterFull);
            }
            let action = action(judged.verdict.decision);
            let runs = runs(mode, action);
            session.remember(&judged.change, runs);
            book.standing.apply(&judged.change);
            session.worst = session.worst.max(action);
            session.terminated |= action == Action::Terminate;
            if runs {
                session.let_out(&event, approval.call);
            }
            judged.verdict
        } else {
            Verdict { decision: Decision::Deny, rule: "overseer-refused".into(), at: None }
        };
        session.paused.remove(&approval.call);
        let party = event.from.reporter();
        let track = of(&session.tracks, party);
        let receipt = sign_receipt(
            &self.key,
            self.boot.boot,
            approval.session,
            party,
            (track.count, track.head),
            RECEIPT,
        );
        Ok(Answer::new(mode, verdict, receipt))
    }

    /// Takes a party's signed counts. When both sides have closed, the session ends and its gaps
    /// are counted, each with its owner. Returns whether it ended, and its gaps.
    ///
    /// # Errors
    /// [`CountError`].
    pub fn counts(
        &mut self,
        counts: &Counts,
        signature: &Signature,
        now: UnixMillis,
    ) -> Result<(bool, Gaps), CountError> {
        let (_, session) =
            self.sessions.get_mut(&counts.session).ok_or(CountError::UnknownSession)?;
        of(&session.keys, counts.party)
            .verify(domain::COUNTS, &counts.to_cbor(), signature)
            .map_err(|_| CountError::BadSignature)?;
        if let Some(receipt) = &counts.receipt {
            let own = receipt.boot == self.boot.boot
                && receipt.session == counts.session
                && receipt.party == counts.party;
            self.key
                .public()
                .verify(RECEIPT, &receipt_bytes(receipt), &receipt.signature)
                .ok()
                .filter(|()| own)
                .ok_or(CountError::ForeignReceipt)?;
        }
        if !of(&session.tracks, counts.party)
            .plausible(of(&session.tracks, counts.party.other()), counts)
        {
            return Err(CountError::Implausible);
        }
        let track = of_mut(&mut session.tracks, counts.party);
        if track.falls(counts) {
            return Err(CountError::Falling);
        }
        track.counts = Some(counts.clone());
        session.touched = now;
        if session.both_closed() {
            return Ok((true, self.end(&counts.session)));
        }
        Ok((false, Gaps::default()))
    }

    /// Ends the epoch: sessions that idle too long end with an open tail, then every open tally
    /// commits to its totals, idle or not, in an order that says nothing.
    pub fn close_epoch(&mut self, at: Bracket, rng: &mut impl CryptoRngCore) -> Vec<EpochClose> {
        let idle: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, (_, s))| {
                s.touched.saturating_add(self.settings.idle) <= at.earliest
                    || s.opened.saturating_add(LONGEST_SESSION) <= at.earliest
            })
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            self.end(&id);
        }
        // What is already certain of open sessions does not wait for their end.
        for (root, session) in self.sessions.values_mut() {
            let fresh = session.fresh_gaps(false);
            if let Some(book) = self.books.get_mut(root) {
                book.note(fresh);
            }
        }
        let key = self.key.public();
        let mut closes: BTreeMap<TallyId, EpochClose> = BTreeMap::new();
        for book in self.books.values_mut().filter(|b| !b.stopped) {
            let (root, compiled, tallies) = (book.root, &book.compiled, &mut book.tallies);
            for tally in tallies {
                if let Some(close) = tally.close((root, compiled), at, key, rng) {
                    closes.insert(tally.id, close);
                }
            }
        }
        closes.into_values().collect()
    }

    /// Opens the two tallies of a pact just registered: epoch 0, all counters zero.
    pub fn open_tallies(
        &mut self,
        root: &PactHash,
        at: Bracket,
        rng: &mut impl CryptoRngCore,
    ) -> Vec<EpochClose> {
        let key = self.key.public();
        let Some(book) = self.books.get_mut(root) else { return Vec::new() };
        let (root, compiled, tallies) = (book.root, &book.compiled, &mut book.tallies);
        tallies.iter_mut().filter_map(|tally| tally.close((root, compiled), at, key, rng)).collect()
    }

    /// Chains the next leaf of a tally to the one just published.
    pub fn published(&mut self, tally: &TallyId, leaf: LeafHash) {
        let mut all = self.books.values_mut().flat_map(|b| b.tallies.iter_mut());
        if let Some(found) = all.find(|t| t.id == *tally) {
            found.published(leaf);
        }
    }

    /// Sessions that ended since the last call.
    pub fn take_finished(&mut self) -> Vec<Finished> {
        core::mem::take(&mut self.finished)
    }

    /// Closes what stopped since the last call: its sessions end, its totals are committed a last
    /// time, and a break follows, so that nothing of the open epoch is lost.
    pub fn take_stopped(
        &mut self,
        at: Bracket,
        rng: &mut impl CryptoRngCore,
    ) -> Vec<(EpochClose, BreakBody)> {
        let stopped = |b: &Book| b.stopped && !b.sealed;
        let roots: Vec<PactHash> =
            self.books.values().filter(|b| stopped(b)).map(|b| b.root).collect();
        let mut last = Vec::new();
        for root in roots {
            let of_root =
                |(id, (r, _)): (&SessionId, &(PactHash, Session))| (*r == root).then_some(*id);
            let ids: Vec<SessionId> = self.sessions.iter().filter_map(of_root).collect();
            for id in ids {
                self.end(&id);
            }
            let key = self.key.public();
            let Some(book) = self.books.get_mut(&root) else { continue };
            book.sealed = true;
            let (compiled, tallies) = (&book.compiled, &mut book.tallies);
            for tally in tallies {
                let close = tally.close((root, compiled), at, key, rng);
                last.extend(close.map(|close| (close, tally.end(at))));
            }
        }
        last
    }

    /// Was the session opened here, whether or not it ended?
    #[must_use]
    pub fn knows(&self, session: &SessionId) -> bool {
        self.sessions.contains_key(session) || self.ended.contains(session)
    }

    /// The compiled pact of a chain.
    #[must_use]
    pub fn compiled(&self, root: &PactHash) -> Option<&Compiled> {
        self.books.get(root).map(|b| &b.compiled)
    }

    /// The two tallies of a pact, initiator's first.
    #[must_use]
    pub fn tallies(&self, root: &PactHash) -> Option<[TallyId; 2]> {
        let [initiator, provider] = &self.books.get(root)?.tallies;
        Some([initiator.id, provider.id])
    }

    /// The boots of a tally's life.
    #[must_use]
    pub fn boots(&self, tally: &TallyId) -> Option<&Boots> {
        let mut all = self.books.values().flat_map(|b| b.tallies.iter());
        all.find(|t| t.id == *tally).map(crate::book::Tally::boots)
    }

    /// Is this DID a party or an overseer of the pact?
    #[must_use]
    pub fn concerns(&self, root: &PactHash, did: &Did) -> bool {
        self.books.get(root).is_some_and(|b| {
            let pact = &b.compiled;
            did == pact.initiator() || did == pact.provider() || pact.overseers().contains(did)
        })
    }

    fn end(&mut self, id: &SessionId) -> Gaps {
        let Some((root, mut session)) = self.sessions.remove(id) else { return Gaps::default() };
        self.ended.insert(*id);
        let fresh = session.fresh_gaps(true);
        if let Some(book) = self.books.get_mut(&root) {
            book.note(fresh);
        }
        let gaps = session.noted;
        let outcome = match session.worst {
            Action::Allow | Action::Alert => Outcome::Clean,
            Action::Pause => Outcome::Escalated,
            Action::Deny => Outcome::Denied,
            Action::Terminate => Outcome::Terminated,
        };
        let Session { principal, used, touched, .. } = session;
        self.finished.push(Finished { root, principal, outcome, tools: used, last: touched });
        gaps
    }
}

/// A session that is open for longer ends with an open tail, however busy it looks.
const LONGEST_SESSION: Millis = Millis(7 * 86_400_000);
