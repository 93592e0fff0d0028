//! Agents of the demo and of replays: keys, signed and chained events, honest counts.

use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Counts, Event, Party, Role};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::receipt::Receipt;
use messages::reply::{Open, Reply, Request};
use messages::signature::SigningKey;
use rand_core::{OsRng, RngCore};

use crate::client::{Client, strange};
use crate::fault::Fault;

/// The two agents of a pact.
pub(crate) struct Agents {
    pub(crate) initiator: SigningKey,
    pub(crate) provider: SigningKey,
    /// The monitor's boot that sessions are opened with.
    pub(crate) boot: BootId,
}

impl Agents {
    pub(crate) fn generate() -> Self {
        Self {
            initiator: SigningKey::generate(&mut OsRng),
            provider: SigningKey::generate(&mut OsRng),
            boot: BootId::default(),
        }
    }

    pub(crate) const fn key(&self, party: Party) -> &SigningKey {
        match party {
            Party::Initiator => &self.initiator,
            Party::Provider => &self.provider,
        }
    }

    pub(crate) fn dids(&self) -> [Did; 2] {
        [Did::from_key(&self.initiator.public()), Did::from_key(&self.provider.public())]
    }
}

/// One side's connector in one session.
#[derive(Default)]
struct Side {
    sent: u64,
    head: EventHash,
    delivered: u64,
    received: u64,
    received_head: EventHash,
    receipt: Option<Receipt>,
}

/// A session as both connectors see it.
pub(crate) struct Conversation<'a> {
    agents: &'a Agents,
    pub(crate) session: SessionId,
    pact: PactHash,
    sides: [Side; 2],
}

impl<'a> Conversation<'a> {
    /// A fresh session; `open` must reach the monitor before the first event.
    pub(crate) fn new(agents: &'a Agents, pact: PactHash, principal: Did) -> (Self, Open) {
        let mut session = SessionId::default();
        OsRng.fill_bytes(&mut session.0);
        let sides = [Side::default(), Side::default()];
        (
            Self { agents, session, pact, sides },
            Open { session, pact, principal, boot: agents.boot },
        )
    }

    /// The request that opens the session under a binding pact.
    pub(crate) fn opening(&self, open: Open) -> Request {
        let signature = self.agents.initiator.sign(domain::OPEN, &open.to_cbor());
        Request::Open { open, signature }
    }

    /// Reports what a role says and returns the monitor's answer and the event's hash.
    pub(crate) fn say(
        &mut self,
        client: &mut Client,
        (from, to): (Role, Role),
        body: Body,
    ) -> Result<(Reply, EventHash), Fault> {
        let party = from.reporter();
        let side = self.side(party);
        let (seq, prev) = (side.sent, side.head);
        let event = Event { pact: self.pact, session: self.session, seq, prev, from, to, body };
        let signed = event.sign(self.agents.key(party)).map_err(|_| unsayable())?;
        let hash = signed.hash();
        let event = signed.to_bytes().map_err(|_| unsayable())?;
        let reply = client.ask(&Request::Event { event })?;
        let receipt = match &reply {
            Reply::Verdict { receipt, .. }
            | Reply::Alert { receipt, .. }
            | Reply::Receipt(receipt) => receipt.clone(),
            _ => return Err(strange()),
        };
        let side = self.side(party);
        side.sent = side.sent.saturating_add(1);
        side.head = hash;
        side.receipt = Some(receipt);
        Ok((reply, hash))
    }

    /// The counterparty got what was said.
    pub(crate) fn deliver(&mut self, from: Role, to: Role, event: EventHash) {
        if from.reporter() != to.reporter() {
            let sender = self.side(from.reporter());
            sender.delivered = sender.delivered.saturating_add(1);
            let receiver = self.side(to.reporter());
            receiver.received = receiver.received.saturating_add(1);
            receiver.received_head = event;
        }
    }

    /// Both sides sign their closing counts.
    pub(crate) fn close(mut self, client: &mut Client) -> Result<Reply, Fault> {
        let mut last = Err(strange());
        for party in Party::BOTH {
            let session = self.session;
            let side = self.side(party);
            let counts = Counts {
                session,
                party,
                sent: side.sent,
                sent_head: side.head,
                received: side.received,
                delivered: side.delivered,
                receipt: side.receipt.take(),
                closing: true,
                received_head: side.received_head,
            };
            let signature = self.agents.key(party).sign(domain::COUNTS, &counts.to_cbor());
            last = client.ask(&Request::Count { counts, signature });
        }
        last
    }

    const fn side(&mut self, party: Party) -> &mut Side {
        let [initiator, provider] = &mut self.sides;
        match party {
            Party::Initiator => initiator,
            Party::Provider => provider,
        }
    }
}

fn unsayable() -> Fault {
    Fault::new(
        "event-not-canonical",
        "an event cannot be written as canonical JSON",
        "check the recorded arguments for numbers beyond IEEE 754",
    )
}
