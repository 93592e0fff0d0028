//! The pipeline: where an event becomes a verdict, a verdict becomes a record, a record becomes a
//! count, a count becomes a commitment, and a commitment becomes a public leaf. Read it top to
//! bottom.
//!
//! ```text
//! request ─► take ─► Monitor::take ─► effect ─► put ─► journal (sealed)
//!                                                │ apply
//!                                                ▼
//!                 epoch ends ─► effect ─► put ─► commitments ─┐
//!                 day ends ─► debits ─► put ─► draw ─► put ───┤
//!                                                             ▼
//!                                        publish ─► leaf ─► put ─► log
//!                    commit ─► everything above is durable ─► replies, notices, checkpoints
//! ```
//!
//! Nothing flows back. Nothing leaves before [`Pipeline::commit`]: replies wait in the desk,
//! notices in the outbox, and a checkpoint is only ever signed between two groups.

mod answers;
mod around;
mod decided;
mod handing;
mod live;
mod proving;
mod registering;
mod release;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use journal::{Archive, Journal};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain::{self, Domain};
use messages::event::{Body, EventError, Party, SignedEvent, VerifiedEvent};
use messages::ids::{
    BootId, ConfigDigest, EventHash, EvidenceId, LeafHash, PactHash, Salt, SessionId, TallyId,
};
use messages::leaf::{Leaf, body_digest};
use messages::publication::{Disclosed, Publication};
use messages::receipt::{BootCertificate, JournalHead, Notice, Ticket};
use messages::reply::{Reply, Request};
use messages::signature::{PublicKey, Sign, Signature, SigningKey};
use messages::time::{Epoch, Millis, UnixMillis};
use monitor::{Answer, Applied, Effect, EpochClose, IngestError, Kept, Seed, Taken, Trial};
use pact::{KeyRing, Mode};
use rand_core::{OsRng, RngCore};
use tlog::{Lease, Log};
use zeroize::Zeroizing;

pub(crate) use self::decided::Decided;
pub(crate) use self::handing::Handing;
pub(crate) use self::live::Introduction;
pub(crate) use self::proving::Proving;
pub(crate) use self::release::{Ledgers, Releasing};
use crate::audit;
use crate::boot_key::BootKey;
use crate::clock::{self, Clock};
use crate::config::Values;
use crate::custody;
use crate::desk::Caller;
use crate::public::PublicLog;
use crate::segment_key::SegmentKey;
use crate::state::{Entry, Following, State, Step, end_of_epoch};
use crate::store::{StoreError, crash_point};
use crate::tee::Tee;

/// Everything of one boot, in one thread.
pub(crate) struct Pipeline {
    pub(crate) identity: Identity,
    pub(crate) values: Values,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) clock: Clock,
    pub(crate) epoch_end: UnixMillis,
    pub(crate) state: State,
    pub(crate) trials: BTreeMap<SessionId, Trial>,
    pub(crate) log: Log,
    pub(crate) index: Index,
    pub(crate) journal: Journal,
    pub(crate) archive: Archive,
    pub(crate) public: PublicLog,
    /// Leaves of the open group, encoded; they reach the public log once the group is durable.
    pub(crate) fresh: Vec<u8>,
    /// The same leaves as the archive keeps them; they reach it at the same time, so that it never
    /// holds a leaf that the journal does not.
    pub(crate) unfiled: VecDeque<Zeroizing<Vec<u8>>>,
    /// Sessions that opened in the open group.
    pub(crate) opened: Vec<SessionId>,
    /// Pacts that came under monitoring in the open group.
    pub(crate) registered: Vec<PactHash>,
    /// Notices of the open group, with their readers.
    pub(crate) outbox: Vec<(Vec<Did>, Notice)>,
    /// Private aggregates on their way.
    pub(crate) releasing: Releasing,
    /// Leaves that are durable and in the public log.
    pub(crate) shown: u64,
    /// Leaves that a quorum of the witnesses has seen in this boot.
    pub(crate) witnessed: u64,
    /// The key of which custodians hold shares, where there is one.
    pub(crate) custody: Option<custody::Open>,
    /// Whether this boot has its leaf.
    pub(crate) introduction: Introduction,
    /// The log key has signed what this record does not hold: there is a newer one, or there was.
    pub(crate) superseded: bool,
    /// What went wrong between state and record: the process ends before anything of it leaves,
    /// and the next start goes by the record.
    pub(crate) failed: Option<StoreError>,
}

/// Who this monitor is.
pub(crate) struct Identity {
    pub(crate) boot: BootId,
    /// Shared with those who sign what was decided.
    pub(crate) boot_key: Arc<BootKey>,
    pub(crate) log_key: SigningKey,
    pub(crate) config: ConfigDigest,
    pub(crate) certificate: BootCertificate,
    /// What introduced this boot.
    pub(crate) evidence: EvidenceId,
    /// Shared with those who prove.
    pub(crate) segment_key: Arc<SegmentKey>,
    pub(crate) tee: Arc<Tee>,
}

/// Where leaves are.
#[derive(Default)]
pub(crate) struct Index {
    /// Leaves that end a tally's epochs.
    pub(crate) tallies: BTreeMap<(TallyId, Epoch), u64>,
    /// Leaves that introduce boots.
    pub(crate) boots: BTreeMap<BootId, u64>,
    /// Leaves that put pacts in force.
    pub(crate) pacts: BTreeMap<PactHash, u64>,
    /// Leaves of the privacy ledgers.
    pub(crate) ledgers: Ledgers,
}

/// A leaf as the archive keeps it: with what opens it, and for a tally with its totals.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
pub(crate) struct Filed {
    #[n(1)]
    pub(crate) disclosed: Disclosed,
    /// Secret: what a tally leaf commits to.
    #[n(2)]
    pub(crate) kept: Option<Kept>,
    /// Number of the record that holds the leaf; 0 when none does.
    #[n(3)]
    pub(crate) record: u64,
}

/// An event as it comes from the desk, which reads and checks on other threads what it can.
pub(crate) enum Arrived {
    /// Its session was open.
    Verified(VerifiedEvent),
    /// Its session opened a moment ago, is a trial, or does not exist.
    Read(SignedEvent),
}

/// A refusal that reaches the caller: a code, and nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// The hardware does not answer.
pub(crate) const NO_EVIDENCE: &str = "evidence-unavailable";

impl Pipeline {
    /// Takes one request that may change something. Its answer leaves once the group is durable.
    pub(crate) fn take(&mut self, request: Request, caller: &Caller) -> Decided {
        // A jump holds up what depends on time. A boot that may not be the only one, or whose record
        // may not be the newest, takes nothing but the word of witnesses and custodians.
        let timed = matches!(request, Request::Open { .. } | Request::Approve { .. });
        let word = matches!(request, Request::Cosign { .. } | Request::Unlock { .. });
        let held_up = |code: &&str| if *code == clock::JUMPED { timed } else { !word };
        if let Some(code) = self.stands_still().filter(held_up) {
            return Decided::Reply(refused(Refused(code)));
        }
        let answer = match request {
            Request::Register { pact } => self.register(&pact),
            Request::Open { open, signature } => self.open(&open, &signature),
            Request::Try { draft, open, parties, mode } => {
                self.open_trial(&draft, &open, &parties, mode)
            }
            Request::Count { counts, signature } => self.count(&counts, &signature),
            Request::Approve { approval, signature } => {
                let decided = self.approve(&approval, &signature);
                return decided.unwrap_or_else(|refusal| Decided::Reply(refused(refusal)));
            }
            Request::Resume { resumption, signature } => self.resume(&resumption, &signature),
            Request::Reinstate { reinstatement, signature } => {
                self.reinstate(&reinstatement, &signature)
            }
            Request::Advance { by } => self.advance(by),
            Request::Prove { wanted, requester, signature } => {
                match self.prove(wanted, (&requester, &signature)) {
                    Ok(proving) => return Decided::Proving(Box::new(proving)),
                    Err(refusal) => Err(refusal),
                }
            }
            Request::Read { session, from } => self.read(&session, from, caller),
            Request::Cosign { note } => self.cosign(&note),
            Request::Deal { deal, signature } => self.deal(deal, signature),
            Request::Unlock { unlock, signature } => self.held(&unlock, &signature),
            // What only reads is answered between two groups, by `Pipeline::answer`.
            Request::Attest { .. }
            | Request::Include { .. }
            | Request::Consistency { .. }
            | Request::Inbox
            | Request::Chain { .. }
            | Request::Disclose { .. }
            | Request::Openings { .. }
            | Request::Release { .. }
            | Request::Undealt
            | Request::Hold { .. }
            // Events arrive read: see `Pipeline::take_event`.
            | Request::Event { .. } => Err(Refused("request-out-of-turn")),
        };
        Decided::Reply(answer.unwrap_or_else(refused))
    }

    /// Takes one event; `bytes` are what it was read from.
    pub(crate) fn take_event(&mut self, arrived: Arrived, bytes: &[u8]) -> Decided {
        let verified = match arrived {
            Arrived::Verified(verified) => Ok(verified),
            Arrived::Read(signed) if self.trials.contains_key(&signed.unverified().session) => {
                return Decided::Reply(self.try_event(signed).unwrap_or_else(refused));
            }
            Arrived::Read(signed) => self.verified(signed),
        };
        let decided = verified.and_then(|verified| self.event(&verified, bytes));
        decided.unwrap_or_else(|refusal| Decided::Reply(refused(refusal)))
    }

    fn verified(&self, signed: SignedEvent) -> Result<VerifiedEvent, Refused> {
        let event = signed.unverified();
        let (monitor, session) = (&self.state.monitor, &event.session);
        let ended = if monitor.knows(session) { "session-closed" } else { "session-unknown" };
        let key = monitor.reporter(session, event.from.reporter()).ok_or(Refused(ended))?;
        signed.check(&key).map_err(|_| Refused("event-bad-signature"))
    }

    // 1. An event becomes a verdict, and the verdict a record: both or neither.
    fn event(&mut self, verified: &VerifiedEvent, bytes: &[u8]) -> Result<Decided, Refused> {
        if let Some(code) = self.stands_still() {
            return Err(Refused(code));
        }
        // The moment of the event, if it is admitted; an epoch that ends before it closes first.
        let now = self.clock.next();
        self.close_epochs(now)?;
        let mut taken = self.state.monitor.take(verified, bytes, now);
        if matches!(taken, Err(IngestError::CounterFull)) {
            // The tally ends and the next one begins, which has room for any one event.
            self.clock.reach(now);
            let root = self.state.monitor.pact_of(&verified.event().session);
            self.put_full(root.ok_or(Refused("session-unknown"))?)?;
            taken = self.state.monitor.take(verified, bytes, now);
        }
        let (answer, place) = match taken.map_err(|refusal| Refused(refusal.code()))? {
            Taken::Judged(answer, effect) => {
                self.clock.reach(now);
                let due = self.state.monitor.due(&effect);
                let place = self.put(Step::of(*effect))?;
                self.tell(verified, &answer, place);
                self.tell_due(verified, due, place);
                (answer, place)
            }
            Taken::Again(answer) => (answer, self.place()),
        };
        self.verdict(verified, answer, place)
    }

    /// Ends the tallies of a pact that are full, and begins the next ones.
    pub(crate) fn put_full(&mut self, root: PactHash) -> Result<(), Refused> {
        let (at, seed) = (self.clock.bracket(), Seed::draw(&mut OsRng));
        self.put(Step::of(Effect::Full { root, at, seed })).map(|_place| ())
    }

    /// What an admitted event's reporter gets: a receipt, and leave for an allowed call.
    fn verdict(
        &self,
        verified: &VerifiedEvent,
        answer: Answer,
        place: JournalHead,
    ) -> Result<Decided, Refused> {
        let event = verified.event();
        let call = matches!(event.body, Body::Call { .. });
        let asks = answer.mode == Mode::Interventionist && call;
        let call = asks.then(|| verified.hash());
        self.receipted((event.session, event.from.reporter()), answer, call, place)
    }

    /// An answer with a receipt for its party, and leave for `call` if it runs.
    pub(crate) fn receipted(
        &self,
        (session, party): (SessionId, Party),
        answer: Answer,
        call: Option<EventHash>,
        place: JournalHead,
    ) -> Result<Decided, Refused> {
        let receipt = self.state.monitor.receipt(&session, party, place);
        let receipt = receipt.ok_or(Refused("session-unknown"))?;
        let (boot, signature) = (self.identity.boot, Signature([0; 64]));
        // However often it is asked for, leave ends when it would have ended at first.
        let expires = answer.at.saturating_add(TICKET_LIFE);
        let ticket = call.filter(|_| answer.runs()).map(|call| Ticket {
            session,
            call,
            expires,
            boot,
            signature,
        });
        Ok(Decided::Receipted { answer, receipt, ticket })
    }

    // 2. Every record changes the state in one way, and is journalled in the same breath.
    pub(crate) fn put(&mut self, step: Step) -> Result<JournalHead, Refused> {
        let entry = Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step };
        let Following { applied, .. } = self.apply(&entry)?;
        let place = self.write(entry)?;
        self.publish_all(applied)?;
        Ok(place)
    }

    /// Journals an entry that was applied, as far as the pact's log scope allows.
    pub(crate) fn write(&mut self, entry: Entry) -> Result<JournalHead, Refused> {
        let written = self.state.written(entry);
        let bytes = Zeroizing::new(minicbor::to_vec(&written).unwrap_or_default());
        let place = match self.journal.append(&bytes) {
            Ok(place) => place,
            Err(error) => return Err(self.fail(error.into())),
        };
        Ok(JournalHead { seq: place.seq, head: messages::ids::Root(place.head) })
    }

    // 3. Counts become commitments when an epoch ends: one leaf a tally, also when idle.
    pub(crate) fn close_epochs(&mut self, now: UnixMillis) -> Result<(), Refused> {
        while self.epoch_end <= now {
            self.clock.reach(self.epoch_end);
            let epoch = self.state.epoch.next().unwrap_or(self.state.epoch);
            self.put(Step::Epoch(epoch))?;
            let (at, seed) = (self.clock.bracket(), Seed::draw(&mut OsRng));
            self.put(Step::of(Effect::Closed { at, seed, idle: Millis(self.values.idle_ms) }))?;
            self.epoch_end = end_of_epoch(self.epoch_end, Millis(self.values.epoch_ms));
            self.release_days()?;
            // An epoch's effect and its leaves are one group; many epochs may be too many for one.
            if self.journal.pending() >= GROUP_BYTES {
                self.commit_now()?;
            }
        }
        Ok(())
    }

    // 4. Whatever is published is a leaf first: salted, signed by the boot key, journalled.
    fn publish_all(&mut self, applied: Applied) -> Result<(), Refused> {
        for EpochClose { body, kept } in applied.closes {
            let (root, tally) = (body.root_pact, body.tally);
            let (_, leaf) = self.publish(&Publication::Tally(Box::new(body)), Some(kept))?;
            self.state.monitor.published(&root, &tally, leaf);
        }
        for end in applied.breaks {
            self.publish(&Publication::Break(end), None)?;
        }
        Ok(())
    }

    pub(crate) fn publish(
        &mut self,
        publication: &Publication,
        kept: Option<Kept>,
    ) -> Result<(u64, LeafHash), Refused> {
        let kind = publication.kind();
        let body = publication.body();
        let mut salt = Salt::default();
        OsRng.fill_bytes(&mut salt.0);
        let digest = body_digest(kind, &salt, &body);
        let Identity { boot, boot_key, .. } = &self.identity;
        let signed = Leaf::signed_bytes(kind, &digest, boot);
        let signature = boot_key.sign(domain::LEAF_SIGNATURE, &signed);
        let leaf = Leaf { kind, body: digest, boot: *boot, signature };
        let disclosed = Disclosed { index: self.log.size(), leaf, salt, body };
        // CRASH: before the group is durable nobody has seen this leaf, and it was never signed
        // over; after it the leaf is sent again byte for byte, with this signature.
        crash_point!("leaf-before-record");
        let step = Step::Published(Box::new(disclosed.clone()));
        let entry = Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step };
        // Nothing follows from a leaf.
        let _leaf: Following = self.apply(&entry)?;
        let record = self.write(entry)?.seq;
        let (index, hash) = (disclosed.index, tlog::leaf_hash(&disclosed.leaf));
        self.index.note(&disclosed);
        self.log.append(&disclosed.leaf);
        self.fresh.extend(disclosed.leaf.to_cbor());
        audit::line(audit::Line::Published(disclosed.leaf.kind));
        let filed = Filed { disclosed, kept, record };
        let bytes = Zeroizing::new(minicbor::to_vec(&filed).unwrap_or_default());
        self.unfiled.push_back(bytes);
        Ok((index, hash))
    }

    /// Applies an entry. One that does not fit the state that it was made for is our own fault: the
    /// process ends, and the next start goes by the record.
    pub(crate) fn apply(&mut self, entry: &Entry) -> Result<Following, Refused> {
        let applied = self.state.apply(entry);
        applied.map_err(|misfit| self.fail(misfit.into()))
    }

    fn fail(&mut self, error: StoreError) -> Refused {
        self.failed.get_or_insert(error);
        Refused("monitor-stopping")
    }

    // 5. The group becomes durable; only then is anything of it visible.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        // CRASH: whatever is not durable here was neither answered nor published.
        crash_point!("commit-before-journal");
        self.journal.commit()?;
        // CRASH: what is durable and not yet in archive or public log is appended at the next start.
        crash_point!("commit-before-archive");
        while let Some(filed) = self.unfiled.front() {
            self.archive.append(filed)?;
            self.unfiled.pop_front();
        }
        if !self.fresh.is_empty() {
            crash_point!("commit-before-public-log");
            self.public.append(&self.fresh, &self.checkpoint())?;
            self.fresh.clear();
        }
        self.shown = self.log.size();
        Ok(())
    }

    /// A new segment of the journal, beginning with the whole state: what came before can then be
    /// forgotten without forgetting where things stand.
    pub(crate) fn rotate(&mut self) -> Result<(), StoreError> {
        self.commit()?;
        // CRASH: the archive is durable before the segment that could rebuild it is left behind.
        crash_point!("rotate-before-archive-sync");
        self.archive.sync()?;
        crash_point!("rotate-before-segment");
        let snapshot = Zeroizing::new(self.state.snapshot());
        Ok(self.journal.rotate(&snapshot, self.clock.now())?)
    }

    /// Where the record ends now.
    pub(crate) fn place(&self) -> JournalHead {
        let place = self.journal.position();
        JournalHead { seq: place.seq, head: messages::ids::Root(place.head) }
    }

    /// Signed over the leaves of durable groups: callers stand between two groups.
    pub(crate) fn checkpoint(&self) -> String {
        let Identity { log_key, boot, evidence, .. } = &self.identity;
        let (origin, size, root) = (&self.values.origin, self.log.size(), self.log.root());
        let Some((asked, seconds)) = self.clock.asks() else {
            return tlog::sign_checkpoint(origin, size, &root, log_key);
        };
        let (boot, evidence, after) = (*boot, *evidence, self.state.ended);
        let lease = Lease { boot, evidence, asked, seconds, after };
        tlog::sign_leased_checkpoint(origin, (size, &root), lease, log_key)
    }

    pub(crate) fn authenticate(
        &self,
        domain: Domain,
        did: &Did,
        message: &[u8],
        sig: &Signature,
    ) -> Result<(), Refused> {
        let key: PublicKey = self.ring.resolve(did).ok_or(Refused("requester-key-unknown"))?;
        key.verify(domain, message, sig).map_err(|_| Refused("requester-bad-signature"))
    }
}

/// The only refusal that callers see.
pub(crate) fn refused(Refused(code): Refused) -> Reply {
    audit::line(audit::Line::Refused);
    Reply::Error { code: code.into() }
}

/// The code of bytes that are no event.
pub(crate) const fn event_code(error: EventError) -> &'static str {
    match error {
        EventError::Malformed => "event-malformed",
        EventError::NonCanonical => "event-non-canonical",
        EventError::TooLarge => "event-too-large",
    }
}

/// A group that is larger is made durable before more is added to it.
pub(crate) const GROUP_BYTES: usize = 16 << 20;
/// How long a ticket may be shown.
const TICKET_LIFE: Millis = Millis(60_000);
