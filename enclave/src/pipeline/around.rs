//! Around the way of an event: pacts, sessions, trials, counts, overseers, time, reading.

use messages::did::Did;
use messages::domain;
use messages::event::{Counts, Party, SignedEvent, VerifiedEvent};
use messages::ids::{EventHash, PactHash, Root, SessionId};
use messages::receipt::{JournalHead, Notice, NoticeKind, Resumption};
use messages::reply::{Action, Approval, ModeName, Open, RecordEntry, Reinstatement, Reply};
use messages::signature::Signature;
use messages::time::{DAY, Millis, UnixMillis};
use monitor::{Answer, CountError, Due, Effect, Resumed, Seed, Trial};
use pact::{Compiled, LogScope, Mode, Pact};
use rand_core::{OsRng, RngCore};

use super::{Decided, Pipeline, Refused};
use crate::desk::Caller;
use crate::state::{Entry, Following, Step};
use crate::store::crash_point;

impl Pipeline {
    pub(super) fn open(&mut self, open: &Open, signature: &Signature) -> Result<Reply, Refused> {
        if self.trials.contains_key(&open.session) {
            return Err(Refused("session-used"));
        }
        let (now, seed) = (self.clock.now(), Seed::draw(&mut OsRng));
        let effect =
            self.state.monitor.open(open, signature, now, seed).map_err(|e| Refused(e.code()))?;
        self.put(Step::of(effect))?;
        self.opened.push(open.session);
        Ok(Reply::Opened)
    }

    pub(super) fn open_trial(
        &mut self,
        draft: &[u8],
        open: &Open,
        parties: &[Did; 2],
        mode: Option<ModeName>,
    ) -> Result<Reply, Refused> {
        if cfg!(feature = "release-image") {
            return Err(Refused("trials-not-in-release-images"));
        }
        if self.trials.len() >= self.values.max_sessions {
            // A trial has no end of its own; one that idles makes room.
            let (now, idle) = (self.clock.now(), Millis(self.values.idle_ms));
            self.trials.retain(|_, trial| trial.touched().saturating_add(idle) > now);
        }
        if self.trials.len() >= self.values.max_sessions {
            return Err(Refused("sessions-full"));
        }
        let pact = Pact::parse(draft).map_err(|e| Refused(e.code()))?;
        if pact.hash() != open.pact {
            return Err(Refused("pact-unknown"));
        }
        // A trial never stands in for a session that counts.
        if self.trials.contains_key(&open.session) || self.state.monitor.knows(&open.session) {
            return Err(Refused("session-used"));
        }
        let compiled = pact::compile(&pact).map_err(|_| Refused("pact-not-compilable"))?;
        let [initiator, provider] = parties;
        let key = |did: &Did| did.key().ok_or(Refused("pact-key-unknown"));
        let keys = [key(initiator)?, key(provider)?];
        let mode = mode.map(|name| match name {
            ModeName::Active => Mode::Active,
            ModeName::Interventionist => Mode::Interventionist,
            ModeName::Passive => Mode::Passive,
        });
        let mut token_key = [0; 16];
        OsRng.fill_bytes(&mut token_key);
        let named = (open.session, open.pact, compiled);
        let now = self.clock.now();
        let trial = Trial::new(named, mode, open.principal.clone(), keys, token_key, now);
        self.trials.insert(open.session, trial);
        Ok(Reply::Opened)
    }

    pub(super) fn try_event(&mut self, signed: SignedEvent) -> Result<Reply, Refused> {
        let session = signed.unverified().session;
        let trial = self.trials.get_mut(&session).ok_or(Refused("session-unknown"))?;
        let answer = trial.ingest(signed, self.identity.boot, self.clock.now());
        let (answer, receipt) = answer.map_err(|refusal| Refused(refusal.code()))?;
        let receipt = receipt.sign(&*self.identity.boot_key, domain::TRIAL_RECEIPT);
        Ok(answer.into_reply(receipt, None))
    }

    pub(super) fn count(
        &mut self,
        counts: &Counts,
        signature: &Signature,
    ) -> Result<Reply, Refused> {
        let effect = self
            .state
            .monitor
            .counts(counts, signature, self.clock.now())
            .map_err(|refusal| Refused(refusal.code()))?;
        let entry =
            Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step: Step::of(effect) };
        let Following { applied, .. } = self.apply(&entry)?;
        self.write(entry)?;
        let gaps = applied.gaps;
        self.publish_all(applied)?;
        Ok(Reply::Counted { closed: gaps.is_some(), gaps: gaps.unwrap_or_default() })
    }

    pub(super) fn approve(
        &mut self,
        approval: &Approval,
        signature: &Signature,
    ) -> Result<Decided, Refused> {
        let key = self.ring.resolve(&approval.overseer);
        let now = self.clock.now();
        let mut decided = self.state.monitor.approve(approval, signature, key, now);
        if matches!(decided, Err(CountError::CounterFull)) {
            let root = self.state.monitor.pact_of(&approval.session);
            self.put_full(root.ok_or(Refused("session-unknown"))?)?;
            decided = self.state.monitor.approve(approval, signature, key, now);
        }
        let (answer, effect) = decided.map_err(|e| Refused(e.code()))?;
        let place = self.put(Step::of(effect))?;
        let (session, call) = (approval.session, approval.call);
        let root = self.state.monitor.pact_of(&session).ok_or(Refused("session-unknown"))?;
        let what = (NoticeKind::Decided, Some(session), Some(call));
        self.notify(root, what, (answer.action, answer.rule.clone()), place);
        self.receipted((session, Party::Initiator), answer, Some(call), place)
    }

    pub(super) fn resume(
        &mut self,
        resumption: &Resumption,
        signature: &Signature,
    ) -> Result<Reply, Refused> {
        let log_key = self.identity.log_key.public();
        let resumed = self.state.monitor.resume(resumption, signature, (&log_key, self.place()));
        let Resumed { count, head, rolled_back, effect } =
            resumed.map_err(|refusal| Refused(refusal.code()))?;
        if let Some(effect) = effect {
            let place = self.put(Step::of(effect))?;
            let what = (NoticeKind::Rollback, Some(resumption.receipt.session), None);
            let why = (Action::Deny, Some("monitor-rollback".to_owned()));
            let root = self.state.monitor.root_pact(&resumption.pact);
            self.notify(root.unwrap_or(resumption.pact), what, why, place);
            crate::audit::line(crate::audit::Line::RolledBack);
        }
        Ok(Reply::Resumed { count, head, rolled_back })
    }

    pub(super) fn reinstate(
        &mut self,
        reinstatement: &Reinstatement,
        signature: &Signature,
    ) -> Result<Reply, Refused> {
        let key = self.ring.resolve(&reinstatement.overseer);
        let effect = self.state.monitor.reinstate(reinstatement, signature, key);
        self.put(Step::of(effect.map_err(|refusal| Refused(refusal.code()))?))?;
        Ok(Reply::Reinstated)
    }

    pub(super) fn advance(&mut self, by: Millis) -> Result<Reply, Refused> {
        if !self.clock.is_generated() {
            return Err(Refused("clock-not-generated"));
        }
        let tallies = self.state.monitor.pacts().saturating_mul(2);
        let tallies = u64::try_from(tallies).unwrap_or(u64::MAX).max(1);
        let leaves = by.0.checked_div(self.values.epoch_ms).map(|e| e.saturating_mul(tallies));
        let days = by.0.div_ceil(DAY.0);
        let told = days.saturating_mul(self.leaves_of_a_day());
        let leaves = leaves.map(|leaves| leaves.saturating_add(told));
        if leaves.is_none_or(|leaves| leaves > MAX_LEAVES) {
            return Err(Refused("advance-too-far"));
        }
        let target = self.clock.now().saturating_add(by);
        self.close_epochs(target)?;
        self.clock.reach(target);
        Ok(Reply::Advanced { now: target, epoch: self.state.epoch })
    }

    /// Reads what is on record of a session, for whom the pact's consent names, and puts on record
    /// that it was read, before anything of it leaves.
    pub(super) fn read(
        &mut self,
        session: &SessionId,
        from: u64,
        caller: &Caller,
    ) -> Result<Reply, Refused> {
        let reader = caller.did.clone().ok_or(Refused("caller-not-authenticated"))?;
        self.commit_now()?;
        crash_point!("read-before-record");
        // Whether the session exists is not told to whom it does not concern.
        let refused = Refused("read-not-consented");
        let root = self.state.monitor.root_of(session).ok_or(refused)?;
        let compiled = self.state.monitor.compiled(&root).ok_or(refused)?;
        let scope = compiled.may_read(&reader).ok_or(refused)?;
        let segments = self.journal.segments();
        let oldest = segments.first().map_or(1, |segment| segment.first_seq);
        let last = self.journal.position().seq;
        let from = from.max(oldest);
        // A stretch at a time: nobody holds up the others' verdicts by reading.
        let until = last.min(from.saturating_add(STRETCH));
        let mut found: Vec<RecordEntry> = Vec::new();
        let mut next = (until < last).then(|| until.saturating_add(1));
        let mut full = None;
        let mut collect = |position: journal::Position, bytes: &[u8]| {
            let Ok(entry) = minicbor::decode::<Entry>(bytes) else { return };
            let Step::Effect(effect) = entry.step else { return };
            let Effect::Took(took) = *effect else { return };
            if took.session != *session {
                return;
            }
            if found.len() >= MAX_ENTRIES {
                full.get_or_insert(position.seq);
                return;
            }
            let place = JournalHead { seq: position.seq, head: Root(position.head) };
            let entry = RecordEntry {
                place,
                at: took.at,
                party: took.party,
                event: took.event,
                action: took.action,
                rule: took.rule,
                metadata: took.metadata,
                content: took.content,
            };
            found.push(entry);
        };
        self.journal.read(from..=until, &mut collect).map_err(|e| Refused(e.code()))?;
        next = full.or(next);
        // CRASH: a reading that is on record and never arrived: nobody got it, and it says so no
        // less.
        self.put(Step::Read { session: *session, reader })?;
        let entries = found.into_iter().map(|entry| match scope {
            LogScope::Full => entry,
            LogScope::Metadata | LogScope::HashOnly => RecordEntry { content: None, ..entry },
        });
        Ok(Reply::Recorded { entries: entries.collect(), next })
    }

    /// Tells whom the pact names what became of an event.
    pub(super) fn tell(&mut self, verified: &VerifiedEvent, answer: &Answer, place: JournalHead) {
        let kind = match (answer.mode, answer.action) {
            (Mode::Passive, _) | (_, Action::Allow) => return,
            (Mode::Active, _) | (_, Action::Alert | Action::Deny) => NoticeKind::Alert,
            (Mode::Interventionist, Action::Pause) => NoticeKind::Paused,
            (Mode::Interventionist, Action::Terminate) => NoticeKind::Terminated,
        };
        let session = verified.event().session;
        if let Some(root) = self.state.monitor.pact_of(&session) {
            let what = (kind, Some(session), Some(verified.hash()));
            self.notify(root, what, (answer.action, answer.rule.clone()), place);
        }
    }

    /// Tells what consequences make due, to whom the pact says and to both parties.
    pub(super) fn tell_due(
        &mut self,
        verified: &VerifiedEvent,
        duties: Vec<Due>,
        place: JournalHead,
    ) {
        let (session, event) = (verified.event().session, verified.hash());
        let Some(pact) = self.state.monitor.pact_of(&session) else { return };
        let what = (NoticeKind::Duty, Some(session), Some(event));
        for Due { rule, to, by } in duties {
            self.send((pact, to), what, ((Action::Alert, Some(rule)), by), place);
        }
    }

    pub(super) fn notify(
        &mut self,
        pact: PactHash,
        (kind, session, event): (NoticeKind, Option<SessionId>, Option<EventHash>),
        (action, rule): (Action, Option<String>),
        journal: JournalHead,
    ) {
        let overseers = self.state.monitor.compiled(&pact).map(Compiled::overseers);
        let readers = overseers.map(<[Did]>::to_vec).unwrap_or_default();
        self.send((pact, readers), (kind, session, event), ((action, rule), None), journal);
    }

    /// To both parties and to these.
    fn send(
        &mut self,
        (pact, also): (PactHash, Vec<Did>),
        (kind, session, event): (NoticeKind, Option<SessionId>, Option<EventHash>),
        ((action, rule), due): ((Action, Option<String>), Option<UnixMillis>),
        journal: JournalHead,
    ) {
        let Some(compiled) = self.state.monitor.compiled(&pact) else { return };
        let parties = [compiled.initiator().clone(), compiled.provider().clone()];
        let readers = parties.into_iter().chain(also).collect();
        let notice = Notice {
            kind,
            pact,
            session,
            event,
            action,
            rule: rule.unwrap_or_default(),
            at: self.clock.now(),
            due,
            journal,
            boot: self.identity.boot,
            signature: Signature([0; 64]),
        };
        self.outbox.push((readers, notice.sign(&*self.identity.boot_key)));
    }
}

const MAX_LEAVES: u64 = 20_000;
const MAX_ENTRIES: usize = 1_000;
const STRETCH: u64 = 50_000;

impl Pipeline {
    /// Makes the open group durable in the middle of a request.
    pub(super) fn commit_now(&mut self) -> Result<(), Refused> {
        self.commit().map_err(|error| {
            let full = error.is_full();
            if !full {
                self.failed.get_or_insert(error);
            }
            Refused(if full { "journal-disk-full" } else { "monitor-stopping" })
        })
    }

    /// Time has passed: epochs that ended are closed.
    pub(crate) fn tick(&mut self) -> Result<(), Refused> {
        let found = self.clock.sense();
        if found.lapsed {
            crate::audit::line(crate::audit::Line::LeaseEnded);
        }
        if found.jumped {
            crate::audit::line(crate::audit::Line::ClockJumped);
            let roots: Vec<PactHash> = self.state.monitor.roots().copied().collect();
            for root in roots {
                let why = (Action::Pause, Some(crate::clock::JUMPED.to_owned()));
                self.notify(root, (NoticeKind::Clock, None, None), why, self.place());
            }
        }
        // What it had to wait for has come, perhaps.
        self.introduce()?;
        if self.stands_still().is_some() {
            return Ok(());
        }
        if !self.clock.is_generated() {
            self.close_epochs(self.clock.now())?;
        }
        self.release_days()
    }

    /// Begins a new segment once a day, or when the newest has grown long; what is past every
    /// pact's retention is then forgotten, with its key.
    pub(crate) fn rotate_if_due(&mut self) -> Result<(), crate::store::StoreError> {
        let segments = self.journal.segments();
        let Some(newest) = segments.last() else { return Ok(()) };
        let grown = self.journal.position().seq.saturating_sub(newest.first_seq);
        let now = self.clock.now().0;
        let old = now.saturating_sub(newest.opened.0) >= DAY.0;
        if grown == 0 || !(old || grown >= SEGMENT_RECORDS) {
            return Ok(());
        }
        self.rotate()?;
        let monitor = &self.state.monitor;
        let longest: u64 = monitor
            .roots()
            .filter_map(|root| monitor.compiled(root))
            .map(|compiled| compiled.retention().0)
            .max()
            .unwrap_or(0);
        // A segment ends where the next one begins.
        let past = segments.windows(2).filter_map(|pair| match pair {
            [first, next] if next.opened.0.saturating_add(longest) < now => {
                Some(first.number.saturating_add(1))
            }
            _ => None,
        });
        let Some(keep) = past.max() else { return Ok(()) };
        // CRASH: forgotten by the state and not yet by the disk: the next rotation destroys it.
        if let Some(oldest) = segments.iter().find(|segment| segment.number == keep) {
            let (before, oldest) = (oldest.opened, oldest.first_seq);
            if self.put(Step::of(Effect::Forgot { before, oldest })).is_err() {
                return self.commit();
            }
        }
        Ok(self.journal.forget_before(keep).map(|_gone| ())?)
    }
}

const SEGMENT_RECORDS: u64 = 1_000_000;
