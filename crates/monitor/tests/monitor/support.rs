//! A monitor with one pact and two agents, for tests.

use cloister_monitor::{Answer, CountError, IngestError, Monitor, Settings};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Counts, Event, Party, Receipt, Role, SignedEvent};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::leaf::{BootEntry, Gaps};
use messages::reply::Open;
use messages::signature::{Signature, SigningKey};
use messages::time::{Bracket, ClockKind, Millis, UnixMillis};
use pact::{KeyRing, Pact, SignedPact};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

/// 2026-12-01T00:00:00Z, the start of the fixture's term.
pub(crate) const START: UnixMillis = UnixMillis(1_796_083_200_000);

pub(crate) struct World {
    pub(crate) monitor: Monitor,
    pub(crate) root: PactHash,
    pub(crate) initiator: SigningKey,
    pub(crate) provider: SigningKey,
    pub(crate) overseer: SigningKey,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) now: UnixMillis,
    pub(crate) boot: BootId,
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
        let boot = BootEntry { boot: BootId([seed; 32]), ..BootEntry::default() };
        let settings = Settings { pacts: 4, sessions: 8, idle: Millis(3_600_000) };
        let mut monitor = Monitor::new(settings, boot, SigningKey::generate(&mut rng));
        let keys = [initiator.public(), provider.public()];
        let root = monitor.register(&binding, keys, &mut rng).unwrap();
        let opened = monitor.open_tallies(&root, at(START), &mut rng);
        assert_eq!(opened.len(), 2);
        Self {
            monitor,
            root,
            initiator,
            provider,
            overseer,
            rng,
            now: START,
            boot: BootId([seed; 32]),
        }
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
        let open = Open { session, pact: self.root, principal, boot: self.boot };
        let signature = self.initiator.sign(domain::OPEN, &open.to_cbor());
        self.monitor.open(&open, &signature, self.now, &mut self.rng).unwrap();
        session
    }

    pub(crate) fn sign(
        &self,
        side: &mut Side,
        session: SessionId,
        way: (Role, Role),
        body: Body,
    ) -> SignedEvent {
        let (from, to) = way;
        let event =
            Event { pact: self.root, session, seq: side.sent, prev: side.head, from, to, body };
        let signed = event.sign(self.key(from.reporter())).unwrap();
        side.sent += 1;
        side.head = signed.hash();
        signed
    }

    pub(crate) fn feed(&mut self, signed: &SignedEvent) -> Result<Answer, IngestError> {
        self.now = self.now.saturating_add(Millis(250));
        self.monitor.ingest(signed, self.now)
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
        self.monitor.counts(counts, signature, self.now)
    }
}

pub(crate) fn call(id: &str, name: &str, args: Value) -> Body {
    let Value::Object(map) = args else { panic!("arguments are an object") };
    Body::Call { call: id.into(), name: name.into(), args: map.into_iter().collect() }
}

pub(crate) fn balance(id: &str) -> Body {
    call(id, "get_balance", json!({}))
}

pub(crate) const ASK: (Role, Role) = (Role::Initiator, Role::Provider);
pub(crate) const SAY: (Role, Role) = (Role::Principal, Role::Initiator);
