//! The pipeline: where an event becomes a verdict, a verdict becomes a count, a count becomes a
//! commitment, and a commitment becomes a public leaf. Read it top to bottom.
//!
//! ```text
//! request ─► take ─► event ─► Monitor::ingest ─► verdict ─► Reply
//!                                   │ counts
//!                                   ▼
//!                     advance ─► Monitor::close_epoch ─► commitments ─┐
//!                     release ─► Ledger::reserve ─► draw ─────────────┤
//!                                                                     ▼
//!                                      publish ─► leaf ─► log ─► checkpoint
//! ```
//!
//! Nothing flows back. This version keeps its state in memory only: a restart is a new boot key, a
//! new log key and so a new origin for every verifier; what was published before stays verifiable.

use std::collections::BTreeMap;

use messages::claim::Claim;
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::SignedEvent;
use messages::evidence::{Claims, Purpose};
use messages::ids::{BootId, ConfigDigest, LeafHash, PactHash, Root, Salt, SessionId, TallyId};
use messages::leaf::{AggregateBody, BootBody, BootEntry, Leaf, PactBody, TallyBody, body_digest};
use messages::merkle::CONSENT;
use messages::publication::{Disclosed, Publication};
use messages::reply::{Approval, ModeName, Open, Reply, Request, Statistic};
use messages::signature::{PublicKey, Signature, SigningKey};
use messages::time::{Epoch, Millis, UnixMillis};
use monitor::{EpochClose, Monitor, Settings, Trial};
use pact::{Compiled, KeyRing, Mode, Pact, SignedPact};
use rand_core::{OsRng, RngCore};
use release::{Bounds, Contributions, Ledger};
use tally::Openings;
use tlog::Log;

use crate::audit;
use crate::clock::Generated;
use crate::config::{Config, DAY_MS, Values};
use crate::tee::Tee;

/// Everything of one boot, in one thread.
pub(crate) struct Pipeline {
    identity: Identity,
    values: Values,
    ring: KeyRing,
    clock: Generated,
    epoch_end: UnixMillis,
    epoch: Epoch,
    monitor: Monitor,
    trials: BTreeMap<SessionId, Trial>,
    /// Secret: openings of every published tally leaf, with the leaf's index.
    openings: BTreeMap<(TallyId, Epoch), (u64, Openings)>,
    pacts: BTreeMap<PactHash, Registered>,
    contributions: BTreeMap<PactHash, Contributions>,
    /// One for all pacts: a principal's day is protected by one cap, however many pacts it has.
    ledger: Ledger,
    log: Log,
    disclosed: Vec<Disclosed>,
}

struct Identity {
    boot: BootId,
    boot_key: SigningKey,
    log_key: SigningKey,
    config: ConfigDigest,
    tee: Tee,
}

/// What the log knows of a pact.
struct Registered {
    leaf: u64,
    /// The name of its sessions in private statistics: salted, so that it names nobody.
    dataset: Root,
    /// Aggregates by the query that they answer.
    released: BTreeMap<(String, u64), [u64; 2]>,
}

/// A refusal that reaches the caller: a code, and nothing of the request.
struct Refused(&'static str);

impl Pipeline {
    /// Boots: draws the boot key, shows evidence in the first leaf.
    pub(crate) fn boot(config: Config, tee: Tee, log_key: SigningKey) -> anyhow::Result<Self> {
        let Config { digest, values } = config;
        let mut boot = BootId::default();
        OsRng.fill_bytes(&mut boot.0);
        let boot_key = SigningKey::generate(&mut OsRng);
        let receipts = SigningKey::from_seed(&boot_key.expose_seed());
        let identity = Identity { boot, boot_key, log_key, config: digest, tee };
        let evidence = identity.tee.attest(&identity.claims(&values, Purpose::Checkpoint, None));
        let entry =
            BootEntry { boot, evidence: evidence.evidence_id(), config: digest, first: Epoch(0) };
        let settings = Settings {
            pacts: values.max_pacts,
            sessions: values.max_sessions,
            idle: Millis(values.idle_ms),
        };
        let start = UnixMillis(values.clock.start_ms);
        let clock = Generated::new(start, Millis(values.clock.step_ms));
        let mut ring = KeyRing::default();
        for (did, key) in &values.keys {
            let key = key.key().ok_or_else(|| anyhow::anyhow!("a pinned key is not a did:key"))?;
            ring.pin(did.clone(), key);
        }
        let mut pipeline = Self {
            monitor: Monitor::new(settings, entry, receipts),
            epoch_end: end_of_epoch(start, values.epoch_ms),
            epoch: Epoch(0),
            trials: BTreeMap::new(),
            openings: BTreeMap::new(),
            pacts: BTreeMap::new(),
            contributions: BTreeMap::new(),
            ledger: Ledger::new(values.privacy.cap_nano_rho, bounds(&values)),
            log: Log::new(),
            disclosed: Vec::new(),
            identity,
            values,
            ring,
            clock,
        };
        let body = BootBody {
            boot,
            boot_key: pipeline.identity.boot_key.public(),
            log_key: pipeline.identity.log_key.public(),
            config: digest,
            evidence: evidence.to_cbor(),
            at: pipeline.clock.bracket(),
        };
        pipeline.publish(&Publication::Boot(body));
        audit::line(audit::Line::Booted);
        Ok(pipeline)
    }

    /// Takes one request, and answers it.
    pub(crate) fn take(&mut self, request: Request) -> Reply {
        let answer = match request {
            Request::Attest { nonce } => Ok(self.attest(nonce)),
            Request::Register { pact } => self.register(&pact),
            Request::Open { open, signature } => self.open(&open, &signature),
            Request::Try { draft, open, parties, mode } => {
                self.open_trial(&draft, &open, &parties, mode)
            }
            Request::Event { event } => self.event(&event),
            Request::Count { counts, signature } => self
                .monitor
                .counts(&counts, &signature, self.clock.now())
                .map(|(closed, gaps)| Reply::Counted { closed, gaps })
                .map_err(|refusal| Refused(refusal.code())),
            Request::Approve { approval, signature } => self.approve(&approval, &signature),
            Request::Advance { by } => self.advance(by),
            Request::Prove { pact, consent, claim, requester, signature } => {
                self.prove(&pact, &consent, &claim, (&requester, &signature))
            }
            Request::Release { query, requester, signature } => {
                self.release(&query, (&requester, &signature))
            }
            Request::Include { leaves } => self.include(&leaves),
            Request::Consistency { old } => self.consistency(old),
        };
        self.settle();
        answer.unwrap_or_else(|Refused(code)| {
            audit::line(audit::Line::Refused);
            refusal(code)
        })
    }

    // 1. An event becomes a verdict and a count: `Monitor::ingest` does both or neither.
    fn event(&mut self, bytes: &[u8]) -> Result<Reply, Refused> {
        let signed = SignedEvent::parse(bytes).map_err(|e| Refused(event_code(e)))?;
        let now = self.clock.tick();
        let session = signed.unverified().session;
        let answer = match self.trials.get_mut(&session) {
            Some(trial) => {
                trial.ingest(&signed, (self.identity.boot, &self.identity.boot_key), now)
            }
            None => self.monitor.ingest(&signed, now),
        };
        answer.map(monitor::Answer::into_reply).map_err(|refusal| Refused(refusal.code()))
    }

    // 2. Counts become commitments when an epoch ends: one leaf a tally, also when idle.
    fn advance(&mut self, by: Millis) -> Result<Reply, Refused> {
        if by.0.checked_div(self.values.epoch_ms).is_none_or(|epochs| epochs > MAX_EPOCHS) {
            return Err(Refused("advance-too-far"));
        }
        let target = self.clock.now().saturating_add(by);
        while self.epoch_end <= target {
            self.clock.reach(self.epoch_end);
            self.close_epoch();
        }
        self.clock.reach(target);
        Ok(Reply::Advanced { now: target, epoch: self.epoch })
    }

    fn close_epoch(&mut self) {
        self.epoch = self.epoch.next().unwrap_or(self.epoch);
        self.epoch_end = self.epoch_end.saturating_add(Millis(self.values.epoch_ms));
        let closes = self.monitor.close_epoch(self.clock.bracket(), &mut OsRng);
        self.publish_tallies(closes);
    }

    fn publish_tallies(&mut self, closes: Vec<EpochClose>) {
        for EpochClose { body, openings } in closes {
            let TallyBody { tally, epoch, .. } = body;
            let (index, leaf) = self.publish(&Publication::Tally(body));
            self.monitor.published(&tally, leaf);
            self.openings.insert((tally, epoch), (index, openings));
        }
    }

    // 3. Whatever is published is a leaf first: salted, signed by the boot key, appended.
    fn publish(&mut self, publication: &Publication) -> (u64, LeafHash) {
        let kind = publication.kind();
        let body = publication.body();
        let mut salt = Salt::default();
        OsRng.fill_bytes(&mut salt.0);
        let digest = body_digest(kind, &salt, &body);
        let Identity { boot, boot_key, .. } = &self.identity;
        let signed = Leaf::signed_bytes(kind, &digest, boot);
        let signature = boot_key.sign(domain::LEAF_SIGNATURE, &signed);
        let leaf = Leaf { kind, body: digest, boot: *boot, signature };
        let index = self.log.append(&leaf);
        let hash = tlog::leaf_hash(&leaf);
        self.disclosed.push(Disclosed { index, leaf, salt, body });
        audit::line(audit::Line::Published(kind));
        (index, hash)
    }

    // 4. What sessions left behind: bounded contributions to statistics, and stopped tallies.
    fn settle(&mut self) {
        let day = day(self.clock.now());
        for ended in self.monitor.take_finished() {
            if let Some(contributions) = self.contributions.get_mut(&ended.root) {
                let session = release::Contribution::new(outcome(ended.outcome), ended.tools);
                contributions.add(&ended.principal, day, session, &mut OsRng);
            }
        }
        for broken in self.monitor.take_breaks() {
            self.publish(&Publication::Break(broken));
        }
    }

    // 5. A private aggregate: debited and published before any noise exists; drawn once, ever.
    fn release(
        &mut self,
        asked: &Statistic,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Reply, Refused> {
        self.authenticate(requester, &asked.to_cbor(), signature)?;
        let compiled = self.monitor.compiled(&asked.pact).ok_or(Refused("pact-unknown"))?;
        if !self.monitor.concerns(&asked.pact, requester) {
            return Err(Refused("release-not-a-party"));
        }
        if !compiled.statistics().contains(&asked.statistic) {
            return Err(Refused("release-not-consented"));
        }
        if asked.day >= day(self.clock.now()) {
            return Err(Refused("release-day-still-open"));
        }
        let tools = compiled.tools();
        let registered = self.pacts.get(&asked.pact).ok_or(Refused("pact-unknown"))?;
        let key = (asked.statistic.clone(), asked.day);
        if let Some(indices) = registered.released.get(&key) {
            return self.released(*indices);
        }
        let query = release::query(
            &asked.statistic,
            (registered.dataset, asked.day),
            &tools,
            self.values.privacy.price_nano_rho,
        )
        .map_err(|refusal| Refused(refusal.code()))?;
        let reservation =
            match self.ledger.reserve(query).map_err(|refusal| Refused(refusal.code()))? {
                release::Outcome::Reserved(reservation) => reservation,
                release::Outcome::Cached(_) => return Err(Refused("release-lost")),
            };
        let reserve = reservation.body().clone();
        let (reserved, _) = self.publish(&Publication::Reserve(reserve));
        let at = self.clock.bracket();
        let contributions = self.contributions.get(&asked.pact).ok_or(Refused("pact-unknown"))?;
        let body: AggregateBody = reservation
            .draw(&mut self.ledger, contributions, at)
            .map_err(|refusal| Refused(refusal.code()))?;
        let (drawn, _) = self.publish(&Publication::Aggregate(body));
        if let Some(registered) = self.pacts.get_mut(&asked.pact) {
            registered.released.insert(key, [reserved, drawn]);
        }
        self.released([reserved, drawn])
    }

    fn released(&self, indices: [u64; 2]) -> Result<Reply, Refused> {
        let leaves = indices.iter().map(|i| self.leaf(*i)).collect::<Result<_, _>>()?;
        Ok(Reply::Released { leaves })
    }

    // 6. A claim: only what the pact's consent lists, to whom it lists, from openings alone.
    fn prove(
        &mut self,
        root: &PactHash,
        consent: &str,
        claim: &Claim,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Reply, Refused> {
        self.authenticate(requester, &claim.to_cbor(), signature)?;
        let compiled = self.monitor.compiled(root).ok_or(Refused("pact-unknown"))?;
        let (at, consented) = compiled
            .consent()
            .iter()
            .enumerate()
            .find(|(_, c)| c.entry.id == consent)
            .ok_or(Refused("claim-not-consented"))?;
        let entry = &consented.entry;
        if claim.predicate.program_id() != entry.program {
            return Err(Refused("claim-not-consented"));
        }
        if !entry.audience.is_empty() && !entry.audience.contains(requester) {
            return Err(Refused("claim-audience-not-consented"));
        }
        let tallies = self.monitor.tallies(root).ok_or(Refused("pact-unknown"))?;
        let range = claim.range;
        if !tallies.contains(&range.tally) {
            return Err(Refused("claim-other-tally"));
        }
        let before = range.first.previous().ok_or(Refused("claim-epoch-zero"))?;
        let (before_index, before_openings) =
            self.openings.get(&(range.tally, before)).ok_or(Refused("claim-epoch-unknown"))?;
        let (after_index, after_openings) =
            self.openings.get(&(range.tally, range.last)).ok_or(Refused("claim-epoch-unknown"))?;
        let pact_index = self.pacts.get(root).ok_or(Refused("pact-unknown"))?.leaf;
        let (before, after) = (self.leaf(*before_index)?, self.leaf(*after_index)?);
        let (boot, pact) = (self.leaf(0)?, self.leaf(pact_index)?);
        let request = prove::Request {
            claim,
            schema: compiled.schema(),
            before: &before,
            after: &after,
            pact: &pact,
            boot: &boot,
            consent: (entry.clone(), at, consent_path(compiled, at)),
            before_openings,
            after_openings,
        };
        let proven = prove::prove(&request, &mut OsRng).map_err(|e| Refused(e.code()))?;
        let boots = self.monitor.boots(&range.tally).ok_or(Refused("claim-other-tally"))?.clone();
        let schema = compiled.schema().clone();
        let leaves = vec![boot, pact, before, after];
        Ok(Reply::Proof { claim: Box::new(proven), leaves, schema, boots })
    }

    // Around the way of an event: who we are, pacts, sessions, approvals, the log.

    fn attest(&self, nonce: [u8; 32]) -> Reply {
        let claims = self.identity.claims(&self.values, Purpose::Challenge, Some(nonce));
        let evidence = self.identity.tee.attest(&claims).to_cbor();
        Reply::Attestation { evidence, checkpoint: self.checkpoint() }
    }

    fn register(&mut self, bytes: &[u8]) -> Result<Reply, Refused> {
        let signed = SignedPact::parse(bytes).map_err(|e| Refused(e.code()))?;
        let binding = signed.bind(&self.ring).map_err(|e| Refused(e.code()))?;
        let key = |did: &Did| self.ring.resolve(did).ok_or(Refused("pact-key-unknown"));
        let keys = [key(binding.pact().initiator())?, key(binding.pact().provider())?];
        let root =
            self.monitor.register(&binding, keys, &mut OsRng).map_err(|e| Refused(e.code()))?;
        let compiled = self.monitor.compiled(&root).ok_or(Refused("pact-unknown"))?;
        let body = PactBody {
            pact: root,
            root,
            prior: None,
            schema: compiled.schema().hash(),
            consent: compiled.consent_root(),
            consent_count: u32::try_from(compiled.consent().len()).unwrap_or(u32::MAX),
            at: self.clock.bracket(),
        };
        let contributions = Contributions::new(bounds(&self.values), compiled.tools());
        self.contributions.insert(root, contributions);
        let mut salt = [0; 32];
        OsRng.fill_bytes(&mut salt);
        let dataset = Root(domain::PACT_SALTED.hash(&[&salt, &root.0]));
        let (leaf, _) = self.publish(&Publication::Pact(body));
        self.pacts.insert(root, Registered { leaf, dataset, released: BTreeMap::new() });
        let opened = self.monitor.open_tallies(&root, self.clock.bracket(), &mut OsRng);
        self.publish_tallies(opened);
        let tallies = self.monitor.tallies(&root).ok_or(Refused("pact-unknown"))?;
        Ok(Reply::Registered { root, tallies, leaf })
    }

    fn open(&mut self, open: &Open, signature: &Signature) -> Result<Reply, Refused> {
        if self.trials.contains_key(&open.session) {
            return Err(Refused("session-used"));
        }
        self.monitor
            .open(open, signature, self.clock.now(), &mut OsRng)
            .map(|()| Reply::Opened)
            .map_err(|e| Refused(e.code()))
    }

    fn open_trial(
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
            return Err(Refused("sessions-full"));
        }
        let pact = Pact::parse(draft).map_err(|e| Refused(e.code()))?;
        if pact.hash() != open.pact {
            return Err(Refused("pact-unknown"));
        }
        if self.trials.contains_key(&open.session) {
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

    fn approve(&mut self, approval: &Approval, signature: &Signature) -> Result<Reply, Refused> {
        let key = self.ring.resolve(&approval.overseer);
        let now = self.clock.now();
        let answer = self.monitor.approve(approval, signature, key, now);
        answer.map(monitor::Answer::into_reply).map_err(|e| Refused(e.code()))
    }

    fn include(&self, leaves: &[u64]) -> Result<Reply, Refused> {
        let size = self.log.size();
        if leaves.len() > MAX_PATHS || leaves.iter().any(|i| *i >= size) {
            return Err(Refused("log-no-such-leaf"));
        }
        let paths = leaves.iter().map(|i| self.log.inclusion(*i, size)).collect();
        Ok(Reply::Included { checkpoint: self.checkpoint(), paths })
    }

    fn consistency(&self, old: u64) -> Result<Reply, Refused> {
        let size = self.log.size();
        if old == 0 || old > size {
            return Err(Refused("log-no-such-size"));
        }
        let path = self.log.consistency(old, size);
        Ok(Reply::Consistent { checkpoint: self.checkpoint(), path })
    }

    fn checkpoint(&self) -> String {
        let Identity { log_key, .. } = &self.identity;
        tlog::sign_checkpoint(&self.values.origin, self.log.size(), &self.log.root(), log_key)
    }

    fn leaf(&self, index: u64) -> Result<Disclosed, Refused> {
        usize::try_from(index)
            .ok()
            .and_then(|at| self.disclosed.get(at))
            .cloned()
            .ok_or(Refused("log-no-such-leaf"))
    }

    fn authenticate(&self, did: &Did, message: &[u8], sig: &Signature) -> Result<(), Refused> {
        let key: PublicKey = self.ring.resolve(did).ok_or(Refused("requester-key-unknown"))?;
        key.verify(domain::REQUEST, message, sig).map_err(|_| Refused("requester-bad-signature"))
    }
}

impl Identity {
    fn claims(&self, values: &Values, purpose: Purpose, nonce: Option<[u8; 32]>) -> Claims {
        Claims {
            purpose,
            origin: values.origin.clone(),
            boot_key: self.boot_key.public(),
            log_key: self.log_key.public(),
            nonce,
            config: self.config,
            boot: self.boot,
        }
    }
}

/// The only refusal that callers see.
pub(crate) fn refusal(code: &'static str) -> Reply {
    Reply::Error { code: code.into() }
}

const fn event_code(error: messages::event::EventError) -> &'static str {
    use messages::event::EventError;
    match error {
        EventError::Malformed => "event-malformed",
        EventError::NonCanonical => "event-non-canonical",
        EventError::TooLarge => "event-too-large",
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

/// Way of one consent entry to the root that the pact leaf carries.
fn consent_path(compiled: &Compiled, at: usize) -> Vec<LeafHash> {
    let entries: Vec<Vec<u8>> = compiled.consent().iter().map(|c| c.entry.to_cbor()).collect();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    CONSENT.path(&entries, at).into_iter().map(LeafHash).collect()
}

/// Most that one principal's day adds to private statistics.
const fn bounds(values: &Values) -> Bounds {
    Bounds { sessions: values.privacy.sessions, cells: values.privacy.cells }
}

/// Day of a moment, counted from 1970-01-01.
fn day(now: UnixMillis) -> u64 {
    now.0.checked_div(DAY_MS).unwrap_or(0)
}

fn end_of_epoch(start: UnixMillis, epoch_ms: u64) -> UnixMillis {
    let into = start.0.checked_rem(epoch_ms).unwrap_or(0);
    UnixMillis(start.0.saturating_sub(into).saturating_add(epoch_ms))
}

const MAX_EPOCHS: u64 = 10_000;
const MAX_PATHS: usize = 4096;
