//! The parties of one pact, their keys, and what they sign.

use std::collections::BTreeMap;

use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Counts, Event, Party, Role};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::receipt::{BootCertificate, Receipt, Resumption};
use messages::reply::{Open, ProofKind, Reinstatement, Request, Statistic, Wanted};
use messages::signature::SigningKey;
use messages::time::{Epoch, UnixMillis};
use pact::{Compiled, Pact, SignedPact, compile, compile_after};
use serde_json::Value;

use crate::support::ORIGIN;

pub(crate) struct Parties {
    pub(crate) initiator: SigningKey,
    pub(crate) provider: SigningKey,
    pub(crate) auditor: SigningKey,
    pub(crate) overseer: SigningKey,
    pub(crate) compiled: Compiled,
    pub(crate) signed: Vec<u8>,
    /// The first pact of the chain.
    pub(crate) root: PactHash,
    /// The pact in force, as JSON.
    value: Value,
}

pub(crate) fn did(key: &SigningKey) -> Did {
    Did::from_key(&key.public())
}

impl Parties {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// Under an edited pact.
    pub(crate) fn with(edit: impl FnOnce(&mut Value)) -> Self {
        let [initiator, provider, auditor, overseer] =
            [1, 2, 3, 4].map(|n| SigningKey::from_seed(&[n; 32]));
        let mut text = include_str!("../../../crates/cloister/demo/bank.pact.json").to_owned();
        for (token, key) in [
            ("{{INITIATOR}}", &initiator),
            ("{{PROVIDER}}", &provider),
            ("{{AUDITOR}}", &auditor),
            ("{{OVERSEER}}", &overseer),
            ("{{MONITOR}}", &overseer),
        ] {
            text = text.replace(token, did(key).as_str());
        }
        let mut value: Value = serde_json::from_str(&text).unwrap();
        // These tests have more denied than the pact has patience for.
        let follow = value["consequences"].as_array_mut().unwrap();
        follow.retain(|consequence| consequence["after"].is_null());
        edit(&mut value);
        let pact = Pact::parse(value.to_string().as_bytes()).unwrap();
        let compiled = compile(&pact).unwrap();
        let signed = SignedPact::draft(pact)
            .sign(did(&initiator), &initiator)
            .sign(did(&provider), &provider)
            .to_bytes();
        let root = compiled.hash();
        Self { initiator, provider, auditor, overseer, compiled, signed, root, value }
    }

    /// The same parties under the next revision after a change, signed by these of them.
    pub(crate) fn revised(&self, edit: impl FnOnce(&mut Value), by: &[Party]) -> Self {
        let mut next = Self::new();
        next.value = self.value.clone();
        next.value["revision"] = (self.value["revision"].as_u64().unwrap() + 1).into();
        next.value["prior"] = self.pact().to_string().into();
        next.root = self.root;
        edit(&mut next.value);
        let pact = Pact::parse(next.value.to_string().as_bytes()).unwrap();
        next.compiled = compile_after(&self.compiled, &pact).unwrap();
        let sign = |signed: SignedPact, party: &Party| {
            let key = self.key(*party);
            signed.sign(did(key), key)
        };
        next.signed = by.iter().fold(SignedPact::draft(pact), sign).to_bytes();
        next
    }

    pub(crate) fn pact(&self) -> PactHash {
        self.compiled.hash()
    }

    pub(crate) fn key(&self, party: Party) -> &SigningKey {
        match party {
            Party::Initiator => &self.initiator,
            Party::Provider => &self.provider,
        }
    }

    pub(crate) fn register(&self) -> Request {
        Request::Register { pact: self.signed.clone() }
    }

    pub(crate) fn open(&self, session: SessionId, boot: BootId) -> Request {
        let principal = Did::parse("did:web:principal.example").unwrap();
        let open = Open { session, pact: self.pact(), principal, boot };
        let signature = self.initiator.sign(domain::OPEN, &open.to_cbor());
        Request::Open { open, signature }
    }

    pub(crate) fn count(&self, counts: Counts) -> Request {
        let signature = self.key(counts.party).sign(domain::COUNTS, &counts.to_cbor());
        Request::Count { counts, signature }
    }

    pub(crate) fn resume(&self, receipt: Receipt, certificate: BootCertificate) -> Request {
        let key = self.key(receipt.party);
        let resumption = Resumption { receipt, certificate, pact: self.pact() };
        let signature = key.sign(domain::RESUMPTION, &resumption.to_cbor());
        Request::Resume { resumption, signature }
    }

    pub(crate) fn reinstate(&self, boot: BootId) -> Request {
        let overseer = did(&self.overseer);
        let reinstatement = Reinstatement { pact: self.pact(), boot, overseer };
        let signature = self.overseer.sign(domain::REINSTATEMENT, &reinstatement.to_cbor());
        Request::Reinstate { reinstatement, signature }
    }

    /// A claim that the pact's consent `name` permits, over these epochs of the initiator's tally.
    pub(crate) fn prove(
        &self,
        consent: &str,
        (first, last): (u64, u64),
        edit: impl FnOnce(&mut Claim),
        key: &SigningKey,
    ) -> Request {
        let entry = self.compiled.consent().iter().find(|c| c.entry.id == consent);
        let predicate =
            entry.map_or_else(|| Predicate::never("calls.all"), |c| c.predicates[0].clone());
        let mut claim = Claim {
            statements: vec![predicate],
            ranges: vec![Range {
                origin: ORIGIN.into(),
                root: self.root,
                party: did(&self.initiator),
                generation: 0,
                first: Epoch(first),
                last: Epoch(last),
            }],
            audience: Audience::Verifier { did: did(&self.auditor), nonce: [7; 32] },
            expiry: UnixMillis(u64::MAX),
            admitted_gaps: 0,
        };
        edit(&mut claim);
        Self::want(Wanted { claim, kind: ProofKind::ZeroKnowledge, over: None }, key)
    }

    /// A request for a proof, signed.
    pub(crate) fn want(wanted: Wanted, key: &SigningKey) -> Request {
        let signature = key.sign(domain::PROOF_REQUEST, &wanted.to_cbor());
        Request::Prove { wanted, requester: did(key), signature }
    }

    pub(crate) fn release(&self, statistic: &str, day: u64, key: &SigningKey) -> Request {
        let query = Statistic { pact: self.pact(), statistic: statistic.into(), day };
        let signature = key.sign(domain::STATISTIC_REQUEST, &query.to_cbor());
        Request::Release { query, requester: did(key), signature }
    }
}

/// One side of a session: its chain, and what it knows of the other side.
#[derive(Clone, Default)]
pub(crate) struct Side {
    pub(crate) sent: u64,
    pub(crate) head: EventHash,
    pub(crate) delivered: u64,
    pub(crate) received: u64,
    pub(crate) received_head: EventHash,
    pub(crate) receipt: Option<Receipt>,
}

/// A session as its two parties see it, both honest.
#[derive(Clone)]
pub(crate) struct Talk {
    pub(crate) session: SessionId,
    pub(crate) sides: [Side; 2],
}

impl Talk {
    pub(crate) fn new(session: SessionId) -> Self {
        Self { session, sides: [Side::default(), Side::default()] }
    }

    pub(crate) fn side(&mut self, party: Party) -> &mut Side {
        let [initiator, provider] = &mut self.sides;
        match party {
            Party::Initiator => initiator,
            Party::Provider => provider,
        }
    }

    /// The next event of `from`'s reporter, signed; returns its canonical bytes.
    pub(crate) fn say(&mut self, parties: &Parties, (from, to): Way, body: Body) -> Vec<u8> {
        let (session, pact, party) = (self.session, parties.pact(), from.reporter());
        let side = self.side(party);
        let event = Event { pact, session, seq: side.sent, prev: side.head, from, to, body };
        let signed = event.sign(parties.key(party)).unwrap();
        side.sent += 1;
        side.head = signed.hash();
        if to.reporter() != party {
            side.delivered += 1;
            let other = self.side(party.other());
            other.received += 1;
            other.received_head = signed.hash();
        }
        signed.to_bytes().unwrap()
    }

    pub(crate) fn counts(&mut self, party: Party, closing: bool) -> Counts {
        let session = self.session;
        let side = self.side(party).clone();
        Counts {
            session,
            party,
            sent: side.sent,
            sent_head: side.head,
            received: side.received,
            delivered: side.delivered,
            receipt: side.receipt,
            closing,
            received_head: side.received_head,
        }
    }
}

pub(crate) type Way = (Role, Role);
pub(crate) const ASK: Way = (Role::Initiator, Role::Provider);
pub(crate) const ANSWER: Way = (Role::Provider, Role::Initiator);
pub(crate) const SAY: Way = (Role::Principal, Role::Initiator);

pub(crate) fn call(id: &str, name: &str) -> Body {
    Body::Call { call: id.into(), name: name.into(), args: BTreeMap::new(), via: None }
}
