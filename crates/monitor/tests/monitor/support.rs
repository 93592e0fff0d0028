//! A monitor with one pact and two agents, for tests.

use std::collections::BTreeMap;

use cloister_monitor::{
    Answer, Applied, CountError, Effect, IngestError, Monitor, OpenError, RegisterError, Seed,
    Settings, Taken,
};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Counts, Event, Party, Role, SignedEvent};
use messages::ids::{BootId, EventHash, PactHash, Root, SessionId};
use messages::leaf::{BootEntry, Gaps};
use messages::receipt::{JournalHead, Receipt};
use messages::reply::{Action, Approval, Open};
use messages::signature::{Signature, SigningKey};
use messages::time::{Bracket, ClockKind, Millis, UnixMillis};
use pact::{KeyRing, Pact, SignedPact};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

/// 2026-12-01T00:00:00Z, the start of the fixture's term.
pub(crate) const START: UnixMillis = UnixMillis(1_796_083_200_000);

/// A monitor and its shadow, which only gets what was recorded: after every step both hold the
/// same state, and so does a third that is made of the snapshot.
pub(crate) struct World {
    pub(crate) monitor: Monitor,
    pub(crate) shadow: Monitor,
    pub(crate) boot_key: SigningKey,
    pub(crate) seq: u64,
    pub(crate) root: PactHash,
    /// The pact in force, as JSON.
    pub(crate) pact: Value,
    pub(crate) in_force: PactHash,
    /// The pact that each session opened under.
    pub(crate) opened: BTreeMap<SessionId, PactHash>,
    pub(crate) initiator: SigningKey,
    pub(crate) provider: SigningKey,
    pub(crate) overseer: SigningKey,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) now: UnixMillis,
    pub(crate) boot: BootId,
    /// Every effect as it goes to the journal.
    pub(crate) recorded: Vec<Vec<u8>>,
}

/// What the reporter of an event gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    pub(crate) action: Action,
    pub(crate) rule: Option<String>,
    pub(crate) receipt: Receipt,
}

/// One side of a session, honest unless told otherwise.
#[derive(Clone, Default)]
pub(crate) struct Side {
    pub(crate) sent: u64,
    pub(crate) head: EventHash,
    pub(crate) delivered: u64,
    pub(crate) received: u64,
    pub(crate) received_head: EventHash,
    pub(crate) receipt: Option<Receipt>,
}

pub(crate) fn at(now: UnixMillis) -> Bracket {
    Bracket { earliest: now, latest: now, clock: ClockKind::Generated }
}

impl World {
    /// The same seed gives the same keys and the same monitor: a twin.
    pub(crate) fn new(seed: u8, edit: impl FnOnce(&mut Value)) -> Self {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let initiator = SigningKey::generate(&mut rng);
        let provider = SigningKey::generate(&mut rng);
        let overseer = SigningKey::generate(&mut rng);
        let did = |key: &SigningKey| Did::from_key(&key.public());
        let mut text = include_str!("../../../cloister/demo/bank.pact.json").to_owned();
        for (token, key) in [
            ("{{INITIATOR}}", &initiator),
            ("{{PROVIDER}}", &provider),
            ("{{OVERSEER}}", &overseer),
            ("{{AUDITOR}}", &overseer),
            ("{{MONITOR}}", &overseer),
        ] {
            text = text.replace(token, did(key).as_str());
        }
        let mut value: Value = serde_json::from_str(&text).unwrap();
        edit(&mut value);
        let pact = Pact::parse(value.to_string().as_bytes()).unwrap();
        let binding = SignedPact::draft(pact)
            .sign(did(&initiator), &initiator)
            .sign(did(&provider), &provider)
            .bind(&KeyRing::default())
            .unwrap();
        let boot_key = SigningKey::generate(&mut rng);
        let signed = binding_bytes(&value, [&initiator, &provider]);
        let root = binding.pact().hash();
        let mut world = Self {
            monitor: Monitor::new(SETTINGS),
            shadow: Monitor::new(SETTINGS),
            boot_key,
            seq: 0,
            root,
            pact: value,
            in_force: root,
            opened: BTreeMap::new(),
            initiator,
            provider,
            overseer,
            rng,
            now: START,
            boot: BootId([seed; 32]),
            recorded: Vec::new(),
        };
        world.restart(world.boot, SigningKey::from_seed(&world.boot_key.expose_seed()));
        let keys = [world.initiator.public(), world.provider.public()];
        let seed = Seed::draw(&mut world.rng);
        let effect = world.monitor.register(&binding, (signed, keys), at(START), seed).unwrap();
        assert_eq!(world.apply(&effect).closes.len(), 2);
        world
    }

    /// A boot begins.
    pub(crate) fn restart(&mut self, boot: BootId, key: SigningKey) {
        let entry = BootEntry { boot, ..BootEntry::default() };
        drop(self.apply(&Effect::Booted { entry, key: key.public() }));
        (self.boot, self.boot_key) = (boot, key);
    }

    /// Records an effect and applies it, here and in the shadow.
    pub(crate) fn apply(&mut self, effect: &Effect) -> Applied {
        let bytes = minicbor::to_vec(effect).unwrap();
        let recorded: Effect = minicbor::decode(&bytes).unwrap();
        self.recorded.push(bytes);
        let applied = self.monitor.apply(effect).unwrap();
        let shadowed = self.shadow.apply(&recorded).unwrap();
        let leaves = |applied: &Applied| -> Vec<_> {
            applied.closes.iter().map(|c| c.body.clone()).collect()
        };
        assert_eq!(leaves(&applied), leaves(&shadowed), "recovery commits to the same");
        self.seq += 1;
        let snapshot = self.monitor.snapshot();
        assert!(snapshot == self.shadow.snapshot(), "recovery gives the same state");
        let again = Monitor::restore(SETTINGS, &snapshot).unwrap();
        assert!(again.snapshot() == snapshot, "so does the snapshot");
        applied
    }

    pub(crate) fn place(&self) -> JournalHead {
        JournalHead { seq: self.seq, head: Root([7; 32]) }
    }

    pub(crate) fn close_epoch(&mut self, now: UnixMillis) -> Applied {
        let seed = Seed::draw(&mut self.rng);
        self.apply(&Effect::Closed { at: at(now), seed, idle: Millis(3_600_000) })
    }

    pub(crate) fn key(&self, party: Party) -> &SigningKey {
        match party {
            Party::Initiator => &self.initiator,
            Party::Provider => &self.provider,
        }
    }

    pub(crate) fn open(&mut self, number: u8) -> SessionId {
        let session = SessionId([number; 32]);
        let principal = Did::parse("did:web:principal.example").unwrap();
        let open = Open { session, pact: self.in_force, principal, boot: self.boot };
        self.try_open(&open).unwrap();
        self.opened.insert(session, self.in_force);
        session
    }

    /// The next revision after a change, as the parties sign it.
    pub(crate) fn revision(&self, edit: impl FnOnce(&mut Value)) -> Value {
        let mut value = self.pact.clone();
        value["revision"] = (value["revision"].as_u64().unwrap() + 1).into();
        value["prior"] = self.in_force.to_string().into();
        edit(&mut value);
        value
    }

    /// Registers a revision, signed by both, at `at`.
    pub(crate) fn try_revise(
        &mut self,
        value: &Value,
        at: UnixMillis,
    ) -> Result<Effect, RegisterError> {
        self.try_revise_by(value, &Party::BOTH, at)
    }

    /// The same, signed by these of them.
    pub(crate) fn try_revise_by(
        &mut self,
        value: &Value,
        by: &[Party],
        at: UnixMillis,
    ) -> Result<Effect, RegisterError> {
        let old = Pact::parse(self.pact.to_string().as_bytes()).unwrap();
        let new = Pact::parse(value.to_string().as_bytes()).unwrap();
        let succession = pact::succeeds(&old, &new).unwrap();
        let sign = |signed: SignedPact, party: &Party| {
            let key = self.key(*party);
            signed.sign(Did::from_key(&key.public()), key)
        };
        let signed = by.iter().fold(SignedPact::draft(new), sign);
        let bytes = signed.to_bytes();
        let revision = signed.bind_after(succession, &KeyRing::default()).unwrap();
        let keys = [self.initiator.public(), self.provider.public()];
        self.monitor.revise(&revision, (bytes, keys), at)
    }

    /// Puts a revision in force without the shadow: for long chains.
    pub(crate) fn take_over(&mut self, value: Value, effect: &Effect) {
        drop(self.monitor.apply(effect).unwrap());
        self.in_force = Pact::parse(value.to_string().as_bytes()).unwrap().hash();
        self.pact = value;
    }

    /// Puts the next revision in force.
    pub(crate) fn revise(&mut self, edit: impl FnOnce(&mut Value)) {
        let value = self.revision(edit);
        let effect = self.try_revise(&value, self.now).unwrap();
        drop(self.apply(&effect));
        self.in_force = Pact::parse(value.to_string().as_bytes()).unwrap().hash();
        self.pact = value;
    }

    pub(crate) fn try_open(&mut self, open: &Open) -> Result<(), OpenError> {
        let signature = self.initiator.sign(domain::OPEN, &open.to_cbor());
        let seed = Seed::draw(&mut self.rng);
        let effect = self.monitor.open(open, &signature, self.now, seed)?;
        drop(self.apply(&effect));
        Ok(())
    }

    pub(crate) fn sign(
        &self,
        side: &mut Side,
        session: SessionId,
        way: (Role, Role),
        body: Body,
    ) -> SignedEvent {
        let (from, to) = way;
        let pact = self.opened.get(&session).copied().unwrap_or(self.root);
        let (seq, prev) = (side.sent, side.head);
        let event = Event { pact, session, seq, prev, from, to, body };
        let signed = event.sign(self.key(from.reporter())).unwrap();
        side.sent += 1;
        side.head = signed.hash();
        signed
    }

    pub(crate) fn feed(&mut self, signed: &SignedEvent) -> Result<Fed, IngestError> {
        self.now = self.now.saturating_add(Millis(250));
        let mut taken = take(&self.monitor, signed, self.now);
        if matches!(taken, Err(IngestError::CounterFull)) {
            let seed = Seed::draw(&mut self.rng);
            let full = Effect::Full { root: self.root, at: at(self.now), seed };
            let Applied { closes, breaks, .. } = self.apply(&full);
            assert_eq!(
                (closes.len(), breaks.len()),
                (4, 2),
                "the last epoch, and the next tallies"
            );
            taken = take(&self.monitor, signed, self.now);
        }
        let answer = match taken? {
            Taken::Judged(answer, effect) => {
                drop(self.apply(&effect));
                answer
            }
            Taken::Again(answer) => answer,
        };
        let event = signed.unverified();
        let place = self.place();
        let receipt = self.monitor.receipt(&event.session, event.from.reporter(), place).unwrap();
        let receipt = receipt.sign(&self.boot_key, domain::RECEIPT);
        let Answer { action, rule, .. } = answer;
        Ok(Fed { action, rule, receipt })
    }

    /// The overseer lets a paused call run.
    pub(crate) fn approve(
        &mut self,
        session: SessionId,
        call: EventHash,
    ) -> Result<Answer, CountError> {
        let overseer = Did::from_key(&self.overseer.public());
        let approval = Approval { session, call, overseer, granted: true };
        let signature = self.overseer.sign(domain::APPROVAL, &approval.to_cbor());
        let key = Some(self.overseer.public());
        let (answer, effect) = self.monitor.approve(&approval, &signature, key, self.now)?;
        drop(self.apply(&effect));
        Ok(answer)
    }

    pub(crate) fn count(
        &mut self,
        side: &Side,
        session: SessionId,
        party: Party,
    ) -> Result<(bool, Gaps), CountError> {
        let statement = self.statement(side, session, party, true);
        self.submit(&statement)
    }

    pub(crate) fn statement(
        &self,
        side: &Side,
        session: SessionId,
        party: Party,
        closing: bool,
    ) -> (Counts, Signature) {
        let counts = Counts {
            session,
            party,
            sent: side.sent,
            sent_head: side.head,
            received: side.received,
            delivered: side.delivered,
            receipt: side.receipt.clone(),
            closing,
            received_head: side.received_head,
        };
        let signature = self.key(party).sign(domain::COUNTS, &counts.to_cbor());
        (counts, signature)
    }

    pub(crate) fn submit(
        &mut self,
        (counts, signature): &(Counts, Signature),
    ) -> Result<(bool, Gaps), CountError> {
        let effect = self.monitor.counts(counts, signature, self.now)?;
        let gaps = self.apply(&effect).gaps;
        Ok((gaps.is_some(), gaps.unwrap_or_default()))
    }
}

fn binding_bytes(value: &Value, keys: [&SigningKey; 2]) -> Vec<u8> {
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap();
    let [a, b] = keys;
    let did = |key: &SigningKey| Did::from_key(&key.public());
    SignedPact::draft(pact).sign(did(a), a).sign(did(b), b).to_bytes()
}

pub(crate) const SETTINGS: Settings = Settings { pacts: 4, sessions: 8, sessions_of_pact: 8 };

/// Checks the event with its reporter's key, as the desk does, and judges it.
pub(crate) fn take(
    monitor: &Monitor,
    signed: &SignedEvent,
    now: UnixMillis,
) -> Result<Taken, IngestError> {
    let event = signed.unverified();
    let (session, party) = (event.session, event.from.reporter());
    // A session that is not open has no keys; whichever key holds is refused for that.
    let any = || monitor.open_sessions().next().and_then(|id| monitor.reporter(id, party));
    let key = monitor.reporter(&session, party).or_else(any);
    let key = key.unwrap_or_else(|| SigningKey::from_seed(&[0; 32]).public());
    match signed.clone().check(&key) {
        Ok(verified) => monitor.take(&verified, &signed.to_bytes().unwrap(), now),
        Err(_) if !monitor.knows(&session) => Err(IngestError::UnknownSession),
        Err(_) if monitor.reporter(&session, party).is_none() => Err(IngestError::Closed),
        Err(_) => Err(IngestError::BadSignature),
    }
}

pub(crate) fn call(id: &str, name: &str, args: Value) -> Body {
    let Value::Object(map) = args else { panic!("arguments are an object") };
    Body::Call { call: id.into(), name: name.into(), args: map.into_iter().collect(), via: None }
}

pub(crate) fn balance(id: &str) -> Body {
    call(id, "get_balance", json!({}))
}

pub(crate) const ASK: (Role, Role) = (Role::Initiator, Role::Provider);
pub(crate) const SAY: (Role, Role) = (Role::Principal, Role::Initiator);
