//! The monitor: where an event becomes a verdict, and a verdict becomes an effect. Nothing here
//! changes anything: effects are put on record first, and then applied (see `apply`).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use messages::codec::Wire;
use messages::domain;
use messages::event::{Body, Counts, Party, SignedEvent, VerifiedEvent};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::leaf::BootEntry;
use messages::reply::{Action, Approval as OverseerApproval, Metadata, Open};
use messages::signature::{PublicKey, Signature};
use messages::time::{Bracket, UnixMillis};
use minicbor::{Decode, Encode};
use pact::{Approval, BindingPact, BindingRevision, Needed, check, compile};

use crate::action::{Answer, action, runs};
use crate::book::Book;
use crate::completeness::of;
use crate::effect::{Approved, Effect, Seed, Took};
use crate::refusal::{CountError, IngestError, OpenError, RegisterError};
use crate::session::{MAX_PAUSED, Session, Told, outward, tool};

/// Bounds of a monitor, from its measured configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most pacts.
    pub pacts: usize,
    /// Most open sessions.
    pub sessions: usize,
    /// Most open sessions of one pact: a share that is the same whatever others do.
    pub sessions_of_pact: usize,
}

/// All pacts, sessions and tallies.
pub struct Monitor {
    pub(crate) settings: Settings,
    pub(crate) state: State,
}

/// What survives a restart; written by the snapshot.
#[derive(Default, Decode)]
#[cbor(map)]
pub(crate) struct State {
    /// The boot in charge.
    #[n(1)]
    pub(crate) boot: BootEntry,
    /// Keys of all boots so far.
    #[n(2)]
    pub(crate) boots: BTreeMap<BootId, PublicKey>,
    #[n(3)]
    pub(crate) books: BTreeMap<PactHash, Book>,
    #[n(4)]
    pub(crate) sessions: BTreeMap<SessionId, (PactHash, Session)>,
    #[n(5)]
    pub(crate) ended: BTreeMap<SessionId, Ended>,
    /// Number of the oldest record that is retained.
    #[n(6)]
    #[cbor(default)]
    pub(crate) oldest: u64,
    /// Roots of all revisions, those in force and those replaced.
    #[n(7)]
    #[cbor(default)]
    pub(crate) revisions: BTreeMap<PactHash, PactHash>,
}

/// What is kept of a session that ended: whose it was, and how far its record went.
#[derive(Clone, Copy, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Ended {
    #[n(0)]
    pub(crate) root: PactHash,
    /// Initiator's and provider's.
    #[n(1)]
    pub(crate) counts: [u64; 2],
    #[n(2)]
    pub(crate) heads: [EventHash; 2],
    /// When it ended.
    #[n(3)]
    #[cbor(default)]
    pub(crate) at: UnixMillis,
}

/// What became of an event.
#[must_use = "an event that was judged is put on record"]
pub enum Taken {
    /// Judged: record the effect, apply it, then answer.
    Judged(Answer, Box<Effect>),
    /// The reporter asks again about its last event: nothing new happens.
    Again(Answer),
}

/// What became of a paused call.
pub enum Decision {
    /// No such call was paused, or its time has long run out.
    Unknown,
    /// An overseer has not decided yet.
    Waits,
    /// Decided, by an overseer or by the time-out.
    Made(Answer),
}

impl Monitor {
    /// A monitor without pacts and without a boot: the first effect to apply is
    /// [`Effect::Booted`].
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, state: State::default() }
    }

    /// Puts a pact under monitoring; `keys` are the parties', as they signed it, `signed` the
    /// document that `pact` was read from.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn register(
        &self,
        pact: &BindingPact,
        (signed, keys): (Vec<u8>, [PublicKey; 2]),
        at: Bracket,
        seed: Seed,
    ) -> Result<Effect, RegisterError> {
        if self.root_pact(&pact.pact().hash()).is_some() {
            return Err(RegisterError::Known);
        }
        if pact.pact().prior().is_some() {
            return Err(RegisterError::PriorNotInForce);
        }
        if self.state.books.len() >= self.settings.pacts {
            return Err(RegisterError::Full);
        }
        compile(pact.pact()).map_err(|_| RegisterError::NotCompilable)?;
        Ok(Effect::Registered { pact: signed, keys, at, seed })
    }

    /// Puts a revision in the place of the pact that it follows. `keys` are the parties' of now: one
    /// that did not sign the revision keeps the one that it signed with before.
    ///
    /// From here on open sessions are judged by the new terms, also where these are narrower. What
    /// they read stays labelled as it was, and their events name the pact that they opened under.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn revise(
        &self,
        revision: &BindingRevision,
        (signed, keys): (Vec<u8>, [PublicKey; 2]),
        at: UnixMillis,
    ) -> Result<Effect, RegisterError> {
        let pact = revision.pact();
        if self.root_pact(&pact.hash()).is_some() {
            return Err(RegisterError::Known);
        }
        let root = self.root_pact(&revision.succession().replaced());
        let book = root.as_ref().and_then(|root| self.state.books.get(root));
        let (root, book) = root.zip(book).ok_or(RegisterError::PriorNotInForce)?;
        if book.terms.compiled.hash() != revision.succession().replaced() {
            return Err(RegisterError::PriorNotInForce);
        }
        // INVARIANT: an objection to renewal is always taken: nobody keeps the other in a pact by
        // filling its chain.
        let needed = revision.succession().diff().signatures();
        if needed != Needed::Any && !book.terms.has_room(&signed) {
            return Err(RegisterError::ChainFull);
        }
        let terms = book.terms.revised(signed.clone()).ok_or(RegisterError::NotCompilable)?;
        // Nor does one party alone use up the marks that both need for flows.
        let alone = Party::BOTH.iter().any(|party| !revision.signed_by(*party));
        if alone && terms.compiled.marks() > book.terms.compiled.marks().max(MARKS_ALONE) {
            return Err(RegisterError::ChainFull);
        }
        let (from, _) = terms.compiled.term();
        if at < from {
            return Err(RegisterError::TermAhead);
        }
        let [initiator, provider] = keys;
        let [before, other] = book.keys;
        let keys = [
            if revision.signed_by(Party::Initiator) { initiator } else { before },
            if revision.signed_by(Party::Provider) { provider } else { other },
        ];
        Ok(Effect::Revised { root, pact: signed, keys })
    }

    /// Opens a session, signed by the pact's initiator.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        &self,
        open: &Open,
        signature: &Signature,
        at: UnixMillis,
        seed: Seed,
    ) -> Result<Effect, OpenError> {
        let root = self.root_pact(&open.pact).ok_or(OpenError::UnknownPact)?;
        let book = self.state.books.get(&root).ok_or(OpenError::UnknownPact)?;
        let [initiator, _] = &book.keys;
        initiator
            .verify(domain::OPEN, &open.to_cbor(), signature)
            .map_err(|_| OpenError::BadSignature)?;
        if open.boot != self.state.boot.boot {
            return Err(OpenError::OtherBoot);
        }
        // Before all that may have changed since: who lost the answer learns that it is open.
        if self.knows(&open.session) {
            return Err(OpenError::Used);
        }
        if book.terms.compiled.hash() != open.pact {
            return Err(OpenError::Replaced);
        }
        let (from, _) = book.terms.compiled.term();
        if at < from || at >= book.ends() {
            return Err(OpenError::OutOfTerm);
        }
        if self.state.sessions.len() >= self.settings.sessions {
            return Err(OpenError::Full);
        }
        if book.open >= self.settings.sessions_of_pact {
            return Err(OpenError::PactFull);
        }
        Ok(Effect::Opened { open: open.clone(), at, seed })
    }

    /// Judges one event: `bytes` are what it was read from. Refused events leave no trace.
    ///
    /// # Errors
    /// [`IngestError`].
    pub fn take(
        &self,
        verified: &VerifiedEvent,
        bytes: &[u8],
        now: UnixMillis,
    ) -> Result<Taken, IngestError> {
        let id = verified.event().session;
        let Some((root, session)) = self.state.sessions.get(&id) else {
            let ended = self.state.ended.contains_key(&id);
            return Err(if ended { IngestError::Closed } else { IngestError::UnknownSession });
        };
        let book = self.state.books.get(root).ok_or(IngestError::UnknownSession)?;
        let compiled = &book.terms.compiled;
        let mode = compiled.mode();
        if let Some(told) = session.answered(verified) {
            let over = book.rolled_back || session.over(book.on_timeout(), now);
            return Ok(Taken::Again(Answer { over, ..Answer::new(mode, told) }));
        }
        let (event, hash, party) = session.admit(verified)?;
        if session.overdue(book.on_timeout(), now) {
            return Err(IngestError::Terminated);
        }
        if book.rolled_back && matches!(event.body, Body::Call { .. }) {
            return Err(IngestError::RolledBack);
        }

        let judged = check(compiled, &session.state, &book.standing, event, Approval::Absent, now);
        let mut verdict = judged.verdict;
        let waiting = session.paused.values().filter(|p| now <= p.until).count();
        if verdict.decision == pact::Decision::Escalate && waiting >= MAX_PAUSED {
            verdict.decision = pact::Decision::Deny;
        }
        if !book.fits(judged.change.counters()) {
            return Err(IngestError::CounterFull);
        }
        let action = action(verdict.decision);
        let runs = runs(mode, action);
        let pauses = action == Action::Pause && !runs;
        let name = match &event.body {
            Body::Call { name, .. } => Some(name.clone()),
            Body::Delegation { .. } | Body::Message { .. } | Body::Result { .. } => None,
        };
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let took = Took {
            root: *root,
            session: id,
            party,
            event: hash,
            at: now,
            action,
            rule: if action == Action::Allow { String::new() } else { verdict.rule },
            runs,
            outward: outward(event),
            tool: tool(event, compiled),
            until: pauses.then(|| now.saturating_add(compiled.approval_timeout())),
            change: judged.change,
            metadata: Some(Metadata { name, bytes: size }),
            content: Some(bytes.to_vec()),
        };
        let told = Told { action, rule: took.rule.clone(), at: now };
        let answer = Answer::new(mode, told);
        Ok(Taken::Judged(answer, Box::new(Effect::Took(Box::new(took)))))
    }

    /// Takes an overseer's decision on a paused call and judges the call again.
    ///
    /// # Errors
    /// [`CountError`].
    pub fn approve(
        &self,
        approval: &OverseerApproval,
        signature: &Signature,
        overseer: Option<PublicKey>,
        now: UnixMillis,
    ) -> Result<(Answer, Effect), CountError> {
        let (root, session) =
            self.state.sessions.get(&approval.session).ok_or(CountError::UnknownSession)?;
        let book = self.state.books.get(root).ok_or(CountError::UnknownSession)?;
        let compiled = &book.terms.compiled;
        if !compiled.overseers().contains(&approval.overseer) {
            return Err(CountError::NotOverseer);
        }
        overseer
            .and_then(|key| key.verify(domain::APPROVAL, &approval.to_cbor(), signature).ok())
            .ok_or(CountError::BadSignature)?;
        if book.rolled_back {
            return Err(CountError::RolledBack);
        }
        let paused = session.paused.get(&approval.call);
        if paused.is_some_and(|p| now > p.until) {
            return Err(CountError::Late);
        }
        let over = session.terminated || session.overdue(book.on_timeout(), now);
        if over || of(&session.tracks, Party::Initiator).closed() {
            return Err(CountError::Over);
        }
        let paused = paused.ok_or(CountError::NothingPaused)?;
        let bytes = paused.event.as_ref().ok_or(CountError::NothingPaused)?;
        let signed = SignedEvent::parse(bytes).map_err(|_| CountError::NothingPaused)?;
        let mode = compiled.mode();
        let mut approved = Approved {
            session: approval.session,
            call: approval.call,
            at: now,
            action: Action::Deny,
            runs: false,
            change: None,
            rule: "overseer-refused".into(),
        };
        if approval.granted {
            let (state, granted) = (&session.state, Approval::Granted);
            let event = signed.unverified();
            let judged = check(compiled, state, &book.standing, event, granted, now);
            if !book.fits(judged.change.counters()) {
                return Err(CountError::CounterFull);
            }
            approved.action = action(judged.verdict.decision);
            approved.runs = runs(mode, approved.action);
            approved.change = Some(judged.change);
            approved.rule = judged.verdict.rule;
        }
        let told = Told { action: approved.action, rule: approved.rule.clone(), at: now };
        let answer = Answer::new(mode, told);
        Ok((answer, Effect::Approved(Box::new(approved))))
    }

    /// Takes a party's signed counts. When both sides have closed, applying the effect ends the
    /// session and counts its gaps, each with its owner.
    ///
    /// # Errors
    /// [`CountError`].
    pub fn counts(
        &self,
        counts: &Counts,
        signature: &Signature,
        at: UnixMillis,
    ) -> Result<Effect, CountError> {
        let (_, session) =
            self.state.sessions.get(&counts.session).ok_or(CountError::UnknownSession)?;
        of(&session.keys, counts.party)
            .verify(domain::COUNTS, &counts.to_cbor(), signature)
            .map_err(|_| CountError::BadSignature)?;
        if let Some(receipt) = &counts.receipt {
            let own = receipt.session == counts.session && receipt.party == counts.party;
            self.state
                .boots
                .get(&receipt.boot)
                .and_then(|key| receipt.verify(key).ok())
                .filter(|()| own)
                .ok_or(CountError::ForeignReceipt)?;
        }
        let track = of(&session.tracks, counts.party);
        if !track.plausible(of(&session.tracks, counts.party.other()), counts) {
            return Err(CountError::Implausible);
        }
        if track.falls(counts) {
            return Err(CountError::Falling);
        }
        Ok(Effect::Counted { counts: counts.clone(), at })
    }
}

/// Marks of flows and bounds up to which one party adds to them alone.
const MARKS_ALONE: usize = 48;

/// The party in keys of maps.
pub(crate) const fn tag(party: Party) -> u8 {
    match party {
        Party::Initiator => 1,
        Party::Provider => 2,
    }
}
