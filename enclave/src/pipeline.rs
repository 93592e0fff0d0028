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

mod around;

use std::collections::BTreeMap;

use messages::claim::Claim;
use messages::codec::Wire;
use messages::did::Did;
use messages::domain::{self, Domain};
use messages::event::SignedEvent;
use messages::evidence::{Claims, Purpose};
use messages::ids::{BootId, ConfigDigest, LeafHash, PactHash, Root, Salt, SessionId, TallyId};
use messages::leaf::{AggregateBody, BootBody, BootEntry, Leaf, TallyBody, body_digest};
use messages::merkle::CONSENT;
use messages::publication::{Disclosed, Publication};
use messages::reply::{Reply, Request, Statistic};
use messages::signature::{PublicKey, Signature, SigningKey};
use messages::time::{Epoch, Millis, UnixMillis};
use monitor::{Answer, EpochClose, Monitor, Settings, Trial};
use pact::{Compiled, KeyRing};
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
    /// One for all pacts, so that its public sequence is one; each pact has a static share of it.
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
    /// Debits of its share, nano-ρ, by day of data.
    spent: BTreeMap<u64, u64>,
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
            ledger: Ledger::new(total_cap(&values), bounds(&values)),
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
        let session = signed.unverified().session;
        if let Some(trial) = self.trials.get_mut(&session) {
            let (now, key) = (self.clock.now(), (self.identity.boot, &self.identity.boot_key));
            let answer = trial.ingest(&signed, key, now);
            return answer.map(Answer::into_reply).map_err(|refusal| Refused(refusal.code()));
        }
        // The moment of the event, if it is admitted; an epoch that ends before it closes first.
        let now = self.clock.next();
        while self.epoch_end <= now {
            self.clock.reach(self.epoch_end);
            self.close_epoch();
        }
        let answer = self.monitor.ingest(&signed, now);
        if answer.is_ok() {
            self.clock.reach(now);
        }
        answer.map(Answer::into_reply).map_err(|refusal| Refused(refusal.code()))
    }

    // 2. Counts become commitments when an epoch ends: one leaf a tally, also when idle.
    fn advance(&mut self, by: Millis) -> Result<Reply, Refused> {
        let tallies = u64::try_from(self.pacts.len().saturating_mul(2)).unwrap_or(u64::MAX).max(1);
        let leaves = by.0.checked_div(self.values.epoch_ms).map(|e| e.saturating_mul(tallies));
        if leaves.is_none_or(|leaves| leaves > MAX_LEAVES) {
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
        self.settle();
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
        for ended in self.monitor.take_finished() {
            let day = day(ended.last);
            if let Some(contributions) = self.contributions.get_mut(&ended.root) {
                let session = release::Contribution::new(outcome(ended.outcome), ended.tools);
                contributions.add(&ended.principal, day, session, &mut OsRng);
            }
        }
        for (close, end) in self.monitor.take_stopped(self.clock.bracket(), &mut OsRng) {
            self.publish_tallies(vec![close]);
            self.publish(&Publication::Break(end));
        }
    }

    // 5. A private aggregate: debited and published before any noise exists; drawn once, ever.
    fn release(
        &mut self,
        asked: &Statistic,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Reply, Refused> {
        self.authenticate(domain::STATISTIC_REQUEST, requester, &asked.to_cbor(), signature)?;
        let compiled = self.monitor.compiled(&asked.pact).ok_or(Refused("pact-unknown"))?;
        if !self.monitor.concerns(&asked.pact, requester) {
            return Err(Refused("release-not-a-party"));
        }
        let consented = compiled.price(&asked.statistic).ok_or(Refused("release-not-consented"))?;
        if asked.day >= day(self.clock.now()) {
            return Err(Refused("release-day-still-open"));
        }
        let tools = compiled.tools();
        let registered = self.pacts.get(&asked.pact).ok_or(Refused("pact-unknown"))?;
        let key = (asked.statistic.clone(), asked.day);
        if let Some(indices) = registered.released.get(&key) {
            return self.released(*indices);
        }
        // A static share: what other pacts have spent neither helps nor shows.
        let price = self.values.privacy.price_nano_rho.min(consented);
        let spent = registered.spent.get(&asked.day).copied().unwrap_or(0).saturating_add(price);
        if spent > self.values.privacy.cap_nano_rho {
            return Err(Refused("budget-exhausted"));
        }
        let query =
            release::query(&asked.statistic, (registered.dataset, asked.day), &tools, price)
                .map_err(|refusal| Refused(refusal.code()))?;
        let reservation =
            match self.ledger.reserve(query).map_err(|refusal| Refused(refusal.code()))? {
                release::Outcome::Reserved(reservation) => reservation,
                release::Outcome::Cached(_) => return Err(Refused("release-lost")),
            };
        // Spent before anything is drawn; a reservation that comes to nothing stays spent.
        if let Some(registered) = self.pacts.get_mut(&asked.pact) {
            registered.spent.insert(asked.day, spent);
        }
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
        self.authenticate(domain::PROOF_REQUEST, requester, &claim.to_cbor(), signature)?;
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

    fn authenticate(
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

impl Identity {
    fn claims(&self, values: &Values, purpose: Purpose, nonce: Option<[u8; 32]>) -> Claims {
        Claims {
            purpose,
            origin: values.origin.clone(),
            boot_key: self.boot_key.public(),
            log_key: self.log_key.public(),
            nonce,
            tls_spki: None,
            exporter: None,
            role: None,
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

/// The shares of all pacts that there can be.
fn total_cap(values: &Values) -> u64 {
    let pacts = u64::try_from(values.max_pacts).unwrap_or(u64::MAX);
    values.privacy.cap_nano_rho.saturating_mul(pacts)
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

const MAX_LEAVES: u64 = 20_000;
const MAX_PATHS: usize = 4096;
