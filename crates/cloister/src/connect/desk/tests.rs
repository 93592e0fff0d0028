//! The desk against a monitor in miniature that decides by the call's name.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gateway::Desk as _;
use messages::did::Did;
use messages::event::{Counts, SignedEvent};
use messages::ids::{BootId, PactHash};
use messages::receipt::{BootCertificate, JournalHead, Receipt, Ticket};
use messages::reply::{Reply, Request};
use messages::signature::{Signature, SigningKey};
use messages::time::UnixMillis;

use super::*;
use crate::connect::book::Book;
use crate::connect::courier::Peer;
use crate::connect::ledger::Ledger;
use crate::connect::link::{Asking, Carrier, Link, Links};
use crate::connect::outbox::Outbox;
use crate::connect::post::Terms;

/// Answers by the name of the call; everybody shares what it holds.
#[derive(Clone, Default)]
struct Monitor(Arc<Held>);

#[derive(Default)]
struct Held {
    events: Mutex<BTreeMap<(SessionId, Party), Vec<SignedEvent>>>,
    counts: Mutex<Vec<Counts>>,
    silent: AtomicBool,
    asked: AtomicU64,
}

fn boot_key() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

const BOOT: BootId = BootId([3; 32]);

impl Monitor {
    fn answer(&self, request: &Request, decision: bool) -> Option<Reply> {
        if self.0.silent.load(Ordering::Relaxed) {
            return None;
        }
        Some(match request {
            Request::Open { .. } => Reply::Opened,
            Request::Count { counts, .. } => {
                self.0.counts.lock().unwrap().push(counts.clone());
                Reply::Counted { closed: false, gaps: messages::leaf::Gaps::default() }
            }
            Request::Event { event } => {
                let event = SignedEvent::parse(event).unwrap();
                let (id, party) = (event.unverified().session, event.unverified().from.reporter());
                let mut events = self.0.events.lock().unwrap();
                let held = events.entry((id, party)).or_default();
                let again = held.iter().any(|h| h.hash() == event.hash());
                if !again {
                    assert_eq!(event.unverified().seq, held.len() as u64);
                    held.push(event.clone());
                }
                let receipt = Receipt {
                    session: id,
                    party,
                    count: held.len() as u64,
                    head: held.last().unwrap().hash(),
                    other: 0,
                    journal: JournalHead::default(),
                    boot: BOOT,
                    signature: Signature([0; 64]),
                }
                .sign(&boot_key(), messages::domain::RECEIPT);
                let Body::Call { name, .. } = &event.unverified().body else {
                    return Some(Reply::Receipt(receipt));
                };
                let action = match name.as_str() {
                    "deny" => Action::Deny,
                    "terminate" => Action::Terminate,
                    "pause" if !again => Action::Pause,
                    _ => Action::Allow,
                };
                let ticket = (action == Action::Allow && name != "ticketless").then(|| {
                    let (session, call) = (id, event.hash());
                    let (expires, signature) = (UnixMillis(u64::MAX), Signature([0; 64]));
                    Ticket { session, call, expires, boot: BOOT, signature }.sign(&boot_key())
                });
                let rule = (action != Action::Allow).then(|| "the-rule".to_owned());
                assert!(decision || again || name == "late");
                Reply::Verdict { action, rule, receipt, ticket }
            }
            _ => panic!("not asked here"),
        })
    }
}

impl Carrier for Monitor {
    fn ask<'a>(&'a self, request: &'a Request, wait: Option<Duration>) -> Asking<'a> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            match self.answer(request, wait.is_some()) {
                Some(reply) => Ok(reply),
                None => core::future::pending().await,
            }
        })
    }
}

struct Side {
    desk: Desk,
    post: Arc<Post>,
    _folder: tempfile::TempDir,
    _set: watch::Sender<Option<Arc<Link>>>,
}

fn side(party: Party, monitor: &Monitor, change: impl FnOnce(&mut Terms)) -> Side {
    let folder = tempfile::tempdir().unwrap();
    let (outbox, _) = Outbox::open(folder.path()).unwrap();
    let key = SigningKey::from_seed(&[1; 32]);
    let certificate =
        BootCertificate::issue(BOOT, boot_key().public(), &SigningKey::from_seed(&[4; 32]));
    let (set, links) = Links::cell();
    let peer = Peer { boot: BOOT, certificate };
    set.send_replace(Some(Arc::new(Link::new(1, peer, Box::new(monitor.clone())))));
    let mut terms = Terms {
        party,
        enforced: true,
        deadline: Duration::from_secs(5),
        on_deadline: OnDeadline::Closed,
        approval: Duration::from_secs(5),
        principal: Some(Did::from_key(&key.public())),
        capacity: 10_000,
        idle: Duration::from_secs(900),
        count_every: Duration::from_secs(60),
        grace: Duration::from_secs(6),
    };
    change(&mut terms);
    let book = Book::new(party, PactHash([5; 32]));
    let ledger = Ledger::start(book, outbox, CancellationToken::new());
    let post = Post::new(terms, ledger, links, key);
    let desk = Desk::new(Arc::clone(&post), CancellationToken::new());
    Side { desk, post, _folder: folder, _set: set }
}

fn call(name: &str, id: &str) -> Intended {
    let (conversation, call, name) = ("trace".into(), id.into(), name.into());
    Intended { conversation, call, name, args: BTreeMap::new(), ticket: None, via: None }
}

fn message(text: &str, source: u8) -> Observation {
    Observation {
        conversation: "trace".into(),
        source: Some(gateway::SourceId([source; 32])),
        from: Role::Principal,
        to: Role::Initiator,
        at_us: None,
        body: Seen::Message { text: Captured::Full(text.into()) },
    }
}

fn ticket(decision: Decision) -> String {
    match decision {
        Decision::Allow { ticket: Some(ticket) } => ticket,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_allowed_call_is_served_once_on_the_other_side() {
    let monitor = Monitor::default();
    let (asks, serves) =
        (side(Party::Initiator, &monitor, |_| {}), side(Party::Provider, &monitor, |_| {}));
    let ticket = ticket(asks.desk.decide(call("pay", "c1")).await.unwrap());
    let redeem =
        async |name: &str| serves.desk.redeem(ticket.clone(), call(name, "c1")).await.unwrap();
    assert_eq!(redeem("steal").await, Redemption::Refused);
    assert_eq!(redeem("pay").await, Redemption::Redeemed);
    assert_eq!(redeem("pay").await, Redemption::Refused);
    assert_eq!(
        serves.desk.redeem("nonsense".into(), call("pay", "c2")).await.unwrap(),
        Redemption::Refused
    );
    // The result joins the call under the name that the event gave it.
    let result = Observation {
        from: Role::Provider,
        to: Role::Initiator,
        body: Seen::Result {
            call: "c1".into(),
            status: messages::event::Status::Ok,
            content: None,
            latency_us: None,
        },
        ..message("", 9)
    };
    serves.desk.observe(result.clone()).await.unwrap();
    // The initiator's connector leaves it to the provider's.
    asks.desk.observe(result).await.unwrap();
    assert!(asks.post.drain(Duration::from_secs(5)).await);
    assert!(serves.post.drain(Duration::from_secs(5)).await);
    let events = monitor.0.events.lock().unwrap();
    let sessions: Vec<_> = events.keys().collect();
    assert_eq!(sessions.len(), 2, "both sides report in one session");
    assert_eq!(sessions[0].0, sessions[1].0);
    let result = events.values().last().unwrap()[0].unverified().body.clone();
    assert!(matches!(result, Body::Result { call, .. } if call == "c1~0"));
    let counts = monitor.0.counts.lock().unwrap();
    let of = |party| counts.iter().rfind(|c| c.party == party && c.closing).unwrap();
    let (initiator, provider) = (of(Party::Initiator), of(Party::Provider));
    assert_eq!((initiator.sent, initiator.delivered), (1, 1));
    assert_eq!((provider.sent, provider.received), (1, 1));
    assert_eq!(provider.received_head, initiator.sent_head);
}

#[tokio::test]
async fn a_verdict_stops_a_call_and_a_terminated_conversation_stays_over() {
    let monitor = Monitor::default();
    let side = side(Party::Initiator, &monitor, |_| {});
    let decide = async |name: &str| side.desk.decide(call(name, name)).await.unwrap();
    assert_eq!(decide("deny").await, Decision::Deny { rule: "the-rule".into() });
    assert_eq!(decide("ticketless").await, Decision::Deny { rule: "ticket-missing".into() });
    assert_eq!(decide("terminate").await, Decision::Terminate { rule: "the-rule".into() });
    assert_eq!(decide("pay").await, Decision::Terminate { rule: "session-terminated".into() });
    assert_eq!(side.desk.observe(message("hello", 1)).await, Err(DeskError::NoSession));
}

#[tokio::test]
async fn a_paused_call_waits_for_its_overseer() {
    let monitor = Monitor::default();
    let side = side(Party::Initiator, &monitor, |_| {});
    ticket(side.desk.decide(call("pause", "c1")).await.unwrap());
}

#[tokio::test]
async fn past_the_deadline_the_pact_decides() {
    let monitor = Monitor::default();
    monitor.0.silent.store(true, Ordering::Relaxed);
    let soon = Duration::from_millis(50);
    let closed = side(Party::Initiator, &monitor, |terms| terms.deadline = soon);
    let decision = closed.desk.decide(call("pay", "c1")).await.unwrap();
    assert_eq!(decision, Decision::Deny { rule: "deadline".into() });
    let open = side(Party::Initiator, &monitor, |terms| {
        (terms.deadline, terms.on_deadline) = (soon, OnDeadline::Open);
    });
    let passage = ticket(open.desk.decide(call("pay", "c1")).await.unwrap());
    // There is a monitor to ask on the provider's side, so no ticket is no leave.
    let other = Monitor::default();
    let serves = side(Party::Provider, &other, |terms| terms.on_deadline = OnDeadline::Open);
    let redeemed = serves.desk.redeem(passage.clone(), call("pay", "c1")).await.unwrap();
    assert_eq!(redeemed, Redemption::Refused);
    serves.post.links.last().unwrap().broken.cancel();
    let redeemed = serves.desk.redeem(passage, call("pay", "c1")).await.unwrap();
    assert_eq!(redeemed, Redemption::Redeemed);
}

#[tokio::test]
async fn a_passive_pact_waits_for_nobody() {
    let monitor = Monitor::default();
    monitor.0.silent.store(true, Ordering::Relaxed);
    let side = side(Party::Initiator, &monitor, |terms| terms.enforced = false);
    let text = ticket(side.desk.decide(call("late", "c1")).await.unwrap());
    assert_eq!(Passage::parse(&text).unwrap().ticket, None);
    // The same call in telemetry is the same call.
    let seen = Observation {
        from: Role::Initiator,
        to: Role::Provider,
        body: Seen::Call { call: "c1".into(), name: "late".into(), args: None, via: None },
        ..message("", 3)
    };
    side.desk.observe(seen).await.unwrap();
    let bytes = side.post.ledger.run(|pen| pen.book().unfinished().count()).await.unwrap();
    assert_eq!(bytes, 1);
    let next =
        side.post.ledger.run(|pen| pen.book().unfinished().map(|(_, s)| s.next()).sum::<u64>());
    assert_eq!(next.await.unwrap(), 1);
}

#[tokio::test]
async fn a_happening_told_twice_is_one_event_and_a_full_outbox_refuses() {
    let monitor = Monitor::default();
    monitor.0.silent.store(true, Ordering::Relaxed);
    let side = side(Party::Initiator, &monitor, |_| {});
    for _ in 0..3 {
        side.desk.observe(message("hello", 1)).await.unwrap();
    }
    let next =
        side.post.ledger.run(|pen| pen.book().unfinished().map(|(_, s)| s.next()).sum::<u64>());
    assert_eq!(next.await.unwrap(), 1);
    let long = "x".repeat(4_000);
    let mut taken = 0;
    let refused = loop {
        match side.desk.observe(message(&long, taken + 10)).await {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((taken, refused), (2, FULL));
    // Nothing that was taken is lost when the monitor answers again.
    monitor.0.silent.store(false, Ordering::Relaxed);
}

#[tokio::test]
async fn a_closing_desk_takes_nothing() {
    let monitor = Monitor::default();
    let side = side(Party::Initiator, &monitor, |_| {});
    side.desk.stop.cancel();
    assert_eq!(side.desk.observe(message("hello", 1)).await, Err(DeskError::Closed));
    assert_eq!(side.desk.decide(call("pay", "c")).await, Err(DeskError::Closed));
}

#[test]
fn content_that_is_kept_back_is_said_to_be() {
    let body = event_body(Seen::Call { call: "c".into(), name: "n".into(), args: None, via: None });
    assert!(matches!(body, Body::Call { args, .. } if args.contains_key(ABSENT)));
    let sized = event_body(Seen::Message { text: Captured::Sized { bytes: 7 } });
    assert_eq!(sized, Body::Message { text: r#"{"cloister:bytes":7}"#.into() });
}
