//! Two honest parties of one session after the other, whose monitor may go away at any moment:
//! they keep what was not acknowledged, and resume with their last receipt.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use channel::client::ChannelError;
use messages::event::{Body, Content, Party, Status};
use messages::ids::{EventHash, SessionId};
use messages::leaf::Gaps;
use messages::receipt::{BootCertificate, Receipt};
use messages::reply::{Action, Reply, Request};

use crate::dice::Dice;
use crate::parties::{ANSWER, ASK, Parties, SAY, Talk, call};
use crate::support::{Client, Door};

/// One actor.
pub(crate) struct Actor {
    parties: Arc<Parties>,
    dice: Dice,
    /// Calls that may still be made, of all actors.
    budget: Arc<AtomicU64>,
    session: Session,
    /// Sessions that were closed in good order.
    pub(crate) closed: u64,
}

/// What the parties know of a session.
struct Session {
    talk: Talk,
    stage: Stage,
    sides: [Sent; 2],
    /// Calls that ran and have no result.
    calls: VecDeque<String>,
    made: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Opening was not acknowledged.
    New,
    Open,
    /// At least one side has sent its closing counts.
    Closing,
}

/// What one party has sent.
#[derive(Default)]
struct Sent {
    /// Signed and not acknowledged, with the action that is expected.
    waiting: VecDeque<(Vec<u8>, Action)>,
    /// Hash of every event of the chain.
    chain: Vec<EventHash>,
    /// Events that the monitor is known to hold.
    held: u64,
    /// The last event that it is known to hold.
    tail: Option<(Vec<u8>, Action)>,
    last: Option<(Receipt, BootCertificate)>,
}

impl Session {
    fn new(dice: &mut Dice) -> Self {
        let mut id = [0; 32];
        id.fill_with(|| u8::try_from(dice.below(256)).unwrap());
        let (talk, sides) = (Talk::new(SessionId(id)), [Sent::default(), Sent::default()]);
        Self { talk, stage: Stage::New, sides, calls: VecDeque::new(), made: 0 }
    }

    fn sent(&mut self, party: Party) -> &mut Sent {
        &mut self.sides[usize::from(party == Party::Provider)]
    }
}

impl Actor {
    pub(crate) fn new(parties: Arc<Parties>, seed: u64, budget: Arc<AtomicU64>) -> Self {
        let mut dice = Dice(seed);
        let session = Session::new(&mut dice);
        Self { parties, dice, budget, session, closed: 0 }
    }

    /// Works until the monitor goes away.
    pub(crate) fn work(&mut self, door: &Door) -> Result<(), ChannelError> {
        let client = door.connect()?;
        let (certificate, _) = client.certificate()?;
        self.resume(&client, certificate)?;
        loop {
            self.flush(&client, certificate)?;
            match self.dice.below(24) {
                0 => self.close(&client)?,
                1..=2 => self.count(&client, false)?,
                3..=5 => self.results(),
                6..=14 => self.initiate(),
                _ => (0..=self.dice.below(12)).for_each(|_| self.initiate()),
            }
        }
    }

    /// Finishes: everything acknowledged, the session closed.
    pub(crate) fn finish(&mut self, door: &Door) {
        let client = door.connect().unwrap();
        let (certificate, _) = client.certificate().unwrap();
        self.resume(&client, certificate).unwrap();
        self.flush(&client, certificate).unwrap();
        // What is left of the budget, to the last call.
        while self.budget.load(Ordering::Relaxed) > 0 {
            (0..100).for_each(|_| self.ask(Action::Allow));
            self.flush(&client, certificate).unwrap();
        }
        self.close(&client).unwrap();
    }

    /// Opens the session, or finds out what the monitor holds of it.
    fn resume(
        &mut self,
        client: &Client,
        certificate: BootCertificate,
    ) -> Result<(), ChannelError> {
        for party in Party::BOTH {
            let session = &mut self.session;
            let stage = session.stage;
            let sent = session.sent(party);
            let Some((receipt, of)) = sent.last.clone() else { continue };
            let (count, head) = match client.try_ask(&self.parties.resume(receipt.clone(), of))? {
                Reply::Resumed { count, head, rolled_back } => {
                    assert!(!rolled_back, "a crash is no rollback");
                    (count, head)
                }
                Reply::Error { code } if code == "resume-session-closed" => {
                    assert_eq!(stage, Stage::Closing);
                    self.renew();
                    break;
                }
                other => panic!("{other:?}"),
            };
            assert!(count >= receipt.count, "acknowledged and lost: {count} of {}", receipt.count);
            let at = usize::try_from(count).unwrap();
            assert_eq!(sent.chain[at - 1], head, "the same events");
            while sent.held < count {
                sent.tail = Some(sent.waiting.pop_front().unwrap());
                sent.held += 1;
            }
            // The last one again, byte for byte: the same verdict, and nothing counted twice.
            let (event, expected) = sent.tail.clone().unwrap();
            match client.try_ask(&Request::Event { event })? {
                Reply::Verdict { action, receipt, .. } => {
                    assert_eq!((action, receipt.count, receipt.head), (expected, count, head));
                    receipt.verify(&certificate.key).unwrap();
                    self.session.talk.side(party).receipt = Some(receipt.clone());
                    self.session.sent(party).last = Some((receipt, certificate));
                }
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    /// Everything that waits is sent and acknowledged.
    fn flush(&mut self, client: &Client, certificate: BootCertificate) -> Result<(), ChannelError> {
        if self.session.stage == Stage::Closing {
            self.close(client)?;
        }
        if self.session.stage == Stage::New {
            let id = self.session.talk.session;
            match client.try_ask(&self.parties.open(id, client.boot()))? {
                Reply::Opened => {}
                // The answer was lost with the last boot.
                Reply::Error { code } if code == "session-used" => {}
                other => panic!("{other:?}"),
            }
            self.session.stage = Stage::Open;
        }
        for party in Party::BOTH {
            let id = self.session.talk.session;
            // Before the first receipt there is nothing to resume with: one event at a time.
            while !self.session.sent(party).waiting.is_empty() {
                let single = self.session.sent(party).held == 0 || self.dice.below(3) == 0;
                let sent = self.session.sent(party);
                if single {
                    let event = sent.waiting[0].0.clone();
                    let reply = client.try_ask(&Request::Event { event })?;
                    self.acknowledged(party, reply, certificate);
                } else {
                    let all: Vec<Vec<u8>> = sent.waiting.iter().map(|w| w.0.clone()).collect();
                    client.batch(&id, &all, |reply| {
                        self.acknowledged(party, reply, certificate);
                    })?;
                }
            }
        }
        Ok(())
    }

    fn acknowledged(&mut self, party: Party, reply: Reply, certificate: BootCertificate) {
        let sent = self.session.sent(party);
        let expected = sent.waiting.pop_front().unwrap();
        let Reply::Verdict { action, receipt, ticket, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(action, expected.1);
        assert!(ticket.is_none() || action == Action::Allow);
        assert_eq!(receipt.count, sent.held + 1);
        assert_eq!(receipt.head, sent.chain[usize::try_from(sent.held).unwrap()]);
        receipt.verify(&certificate.key).unwrap();
        sent.held += 1;
        sent.tail = Some(expected);
        sent.last = Some((receipt.clone(), certificate));
        self.session.talk.side(party).receipt = Some(receipt);
    }

    /// The initiator's side says something, or calls.
    fn initiate(&mut self) {
        match self.dice.below(8) {
            0 => {
                let text = format!("what about {}?", self.dice.below(1000));
                self.say(Party::Initiator, Action::Allow, SAY, Body::Message { text });
            }
            1 => self.ask(Action::Deny),
            _ => self.ask(Action::Allow),
        }
    }

    fn ask(&mut self, expected: Action) {
        let left = |n: u64| n.checked_sub(1);
        if self.budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_err() {
            return;
        }
        let id = format!("c{}", self.session.made);
        self.session.made += 1;
        let name = if expected == Action::Allow { "get_balance" } else { "rob_the_bank" };
        self.say(Party::Initiator, expected, ASK, call(&id, name));
        if expected == Action::Allow {
            self.session.calls.push_back(id);
        }
    }

    /// The provider answers some calls.
    fn results(&mut self) {
        for _ in 0..=self.dice.below(4) {
            let Some(call) = self.session.calls.pop_front() else { return };
            let content = Content::Document(serde_json::json!({ "balance": "12.00" }));
            let body = Body::Result { call, status: Status::Ok, content, latency_us: Some(900) };
            self.say(Party::Provider, Action::Allow, ANSWER, body);
        }
    }

    fn say(&mut self, party: Party, expected: Action, way: crate::parties::Way, body: Body) {
        let before = self.session.talk.clone();
        let event = self.session.talk.say(&self.parties, way, body);
        if expected == Action::Deny {
            // What is denied is not delivered.
            let talk = &mut self.session.talk;
            talk.side(party).delivered =
                before.sides[usize::from(party == Party::Provider)].delivered;
            let other = &before.sides[usize::from(party != Party::Provider)];
            let side = talk.side(party.other());
            (side.received, side.received_head) = (other.received, other.received_head);
        }
        let head = self.session.talk.side(party).head;
        let sent = self.session.sent(party);
        sent.chain.push(head);
        sent.waiting.push_back((event, expected));
    }

    /// Both parties' counts. Nothing waits, so there are no gaps.
    fn count(&mut self, client: &Client, closing: bool) -> Result<(), ChannelError> {
        for party in Party::BOTH {
            let counts = self.session.talk.counts(party, closing);
            match client.try_ask(&self.parties.count(counts))? {
                Reply::Counted { closed, gaps } => {
                    assert_eq!(gaps, Gaps::default());
                    assert_eq!(closed, closing && party == Party::Provider);
                }
                // The same again, or the answer was lost with the last boot.
                Reply::Error { code } if code == "counts-falling" => {}
                Reply::Error { code } if closing && code == "counts-session-unknown" => {}
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    fn close(&mut self, client: &Client) -> Result<(), ChannelError> {
        self.session.stage = Stage::Closing;
        self.count(client, true)?;
        self.renew();
        Ok(())
    }

    fn renew(&mut self) {
        self.session = Session::new(&mut self.dice);
        self.closed += 1;
    }
}
