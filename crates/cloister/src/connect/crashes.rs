//! Crashes at every point, against a monitor in miniature: a number is never given twice to
//! different events, and what was acknowledged arrives.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unreachable,
    reason = "a test that fails here says so"
)]

use std::collections::BTreeMap;

use messages::did::Did;
use messages::event::{Body, Party, Role, SignedEvent};
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::receipt::{BootCertificate, JournalHead, Receipt};
use messages::reply::Reply;
use messages::signature::{Signature, SigningKey};
use messages::time::UnixMillis;
use proptest::prelude::*;

use crate::connect::book::Book;
use crate::connect::courier::{Peer, Progress, Step, meaning, step};
use crate::connect::outbox;
use crate::connect::record::Record;
use crate::connect::session::SessionError;

#[derive(Clone, Debug)]
enum Act {
    /// The local client says something in one of three conversations.
    Say(u8, u8),
    /// The courier takes one step for every session; the answer arrives or is lost.
    Step { answered: bool, arrives: bool },
    /// The process dies. An honest disk keeps what was synced, a lying one any prefix.
    Crash { cut: prop::sample::Index, honest: bool },
    /// The outbox starts afresh.
    Compact,
    /// The connection breaks.
    Disconnect,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..3u8, any::<u8>()).prop_map(|(c, t)| Act::Say(c, t)),
        4 => (any::<bool>(), any::<bool>())
            .prop_map(|(answered, arrives)| Act::Step { answered, arrives }),
        2 => (any::<prop::sample::Index>(), any::<bool>())
            .prop_map(|(cut, honest)| Act::Crash { cut, honest }),
        1 => Just(Act::Compact),
        1 => Just(Act::Disconnect),
    ];
    prop::collection::vec(act, 0..60)
}

/// Takes events as a monitor does: in order, chained, once.
#[derive(Default)]
struct Monitor {
    held: BTreeMap<SessionId, Vec<(EventHash, String)>>,
}

struct World {
    key: SigningKey,
    boot_key: SigningKey,
    peer: Peer,
    monitor: Monitor,
    book: Book,
    disk: Vec<u8>,
    synced: usize,
    progress: BTreeMap<SessionId, Progress>,
    /// Everything that ever went on the wire.
    sent: BTreeMap<(SessionId, u64), Vec<u8>>,
    /// Texts whose sender was told that they are kept.
    acknowledged: Vec<String>,
    lied: bool,
    troubles: usize,
}

impl World {
    fn new() -> Self {
        let (key, boot_key) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let boot = BootId([3; 32]);
        let certificate =
            BootCertificate::issue(boot, boot_key.public(), &SigningKey::from_seed(&[4; 32]));
        Self {
            key,
            boot_key,
            peer: Peer { boot, certificate },
            monitor: Monitor::default(),
            book: Book::new(Party::Initiator, PactHash([5; 32])),
            disk: Vec::new(),
            synced: 0,
            progress: BTreeMap::new(),
            sent: BTreeMap::new(),
            acknowledged: Vec::new(),
            lied: false,
            troubles: 0,
        }
    }

    fn write(&mut self, records: &[Record], sync: bool) {
        for record in records {
            outbox::frame(record, &mut self.disk);
            self.book.apply(record);
        }
        if sync {
            self.synced = self.disk.len();
        }
    }

    fn say(&mut self, conversation: u8, text: &str) {
        let principal = Did::from_key(&self.key.public());
        let name = format!("c{conversation}");
        let session = match self.book.place(&name, Some(&principal)) {
            Ok(Ok(session)) => session,
            Ok(Err(begun)) => {
                self.write(std::slice::from_ref(&begun), false);
                *begun.session()
            }
            Err(SessionError::Unsettled) => return,
            Err(error) => panic!("{error}"),
        };
        let body = Body::Message { text: text.into() };
        let way = (Role::Initiator, Role::Provider);
        let (_, event) = self.book.say(session, way, body, &self.key).unwrap();
        self.write(&[Record::Said { session, event, source: None, alias: None }], true);
        self.acknowledged.push(text.into());
    }

    fn answer(&mut self, id: &SessionId, step: &Step) -> Reply {
        let refused = |code: &str| Reply::Error { code: code.into() };
        match step {
            Step::Open(open) => {
                if self.monitor.held.contains_key(&open.session) {
                    return refused("session-used");
                }
                self.monitor.held.insert(open.session, Vec::new());
                Reply::Opened
            }
            Step::Resume(_) => match self.monitor.held.get(id) {
                None => refused("session-unknown"),
                Some(held) => Reply::Resumed {
                    count: held.len() as u64,
                    head: held.last().map_or_else(EventHash::default, |(hash, _)| *hash),
                    rolled_back: false,
                },
            },
            Step::Send { bytes, .. } => {
                let Some(held) = self.monitor.held.get_mut(id) else {
                    return refused("session-unknown");
                };
                let event = SignedEvent::parse(bytes).unwrap();
                let head = held.last().map_or_else(EventHash::default, |(hash, _)| *hash);
                let known = held.iter().any(|(hash, _)| *hash == event.hash());
                match event.unverified().seq.cmp(&(held.len() as u64)) {
                    std::cmp::Ordering::Less if !known => return refused("event-duplicate"),
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Greater => return refused("event-out-of-order"),
                    std::cmp::Ordering::Equal if event.unverified().prev != head => {
                        return refused("event-broken-chain");
                    }
                    std::cmp::Ordering::Equal => {}
                }
                let Body::Message { text } = &event.unverified().body else { unreachable!() };
                // The same event again is receipted again.
                if !known {
                    held.push((event.hash(), text.clone()));
                }
                let head = held.last().map_or_else(EventHash::default, |(hash, _)| *hash);
                Reply::Receipt(
                    Receipt {
                        session: *id,
                        party: Party::Initiator,
                        count: held.len() as u64,
                        head,
                        other: 0,
                        journal: JournalHead::default(),
                        boot: self.peer.boot,
                        signature: Signature([0; 64]),
                    }
                    .sign(&self.boot_key, messages::domain::RECEIPT),
                )
            }
            Step::Count(_) => {
                Reply::Counted { closed: false, gaps: messages::leaf::Gaps::default() }
            }
            Step::Wait | Step::Done => unreachable!(),
        }
    }

    /// One step for every session.
    fn courier(&mut self, arrives: bool, answered: bool) -> bool {
        let ids: Vec<SessionId> = self.book.unfinished().map(|(id, _)| *id).collect();
        let mut moved = false;
        for id in ids {
            let progress = self.progress.get(&id).copied().unwrap_or_default();
            let step = step(&self.book, &id, &self.peer, progress);
            if matches!(step, Step::Wait | Step::Done) {
                continue;
            }
            moved = true;
            if let Step::Send { seq, bytes, .. } = &step {
                // CRASH: nothing goes on the wire that is not durable.
                assert!(self.lied || self.synced > 0);
                let before = self.sent.insert((id, *seq), bytes.clone());
                assert!(before.is_none_or(|b| b == *bytes), "number {seq} sent with two contents");
            }
            let entry = self.progress.entry(id).or_default();
            entry.tried |= matches!(step, Step::Open(_));
            if !arrives {
                continue;
            }
            let reply = self.answer(&id, &step);
            if !answered {
                continue;
            }
            let meaning = meaning(&self.book, &id, (&step, progress), &reply, &self.peer);
            assert!(self.lied || meaning.trouble.is_none(), "{:?}", meaning.trouble);
            self.troubles += usize::from(meaning.trouble.is_some());
            self.write(&meaning.records, false);
            if meaning.settled {
                self.book.settle(&id);
            }
            let entry = self.progress.entry(id).or_default();
            *entry = entry.after(&step, &meaning);
        }
        moved
    }

    fn crash(&mut self, cut: &prop::sample::Index, honest: bool) {
        let from = if honest { self.synced } else { 0 };
        let kept = from + cut.index(self.disk.len() - from + 1);
        self.lied |= kept < self.synced;
        self.disk.truncate(kept);
        let (records, length) = outbox::parse(&self.disk).unwrap();
        self.disk.truncate(usize::try_from(length).unwrap());
        self.synced = self.disk.len();
        self.book = Book::recover(Party::Initiator, PactHash([5; 32]), &records);
        self.progress.clear();
        if self.lied {
            // What was sent, never arrived and is forgotten binds nobody; nor is there anything to
            // hold on to of a session that is lost whole.
            let Self { sent, book, monitor, .. } = self;
            sent.retain(|(id, seq), _| {
                let held = monitor.held.get(id).map_or(0, |held| held.len() as u64);
                book.session(id).is_ok() && *seq < held
            });
        }
        for (id, _) in self.book.unfinished() {
            self.progress.insert(*id, Progress { tried: true, ..Progress::default() });
        }
    }

    fn compact(&mut self) {
        let snapshot = self.book.snapshot(UnixMillis(0));
        self.disk.clear();
        snapshot.iter().for_each(|record| outbox::frame(record, &mut self.disk));
        self.synced = self.disk.len();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_crash_skips_or_repeats_a_number(acts in acts()) {
        let mut world = World::new();
        for (at, act) in acts.iter().enumerate() {
            match act {
                Act::Say(conversation, text) => world.say(*conversation, &format!("{at} {text}")),
                Act::Step { answered, arrives } => {
                    world.courier(*arrives, *answered);
                }
                Act::Crash { cut, honest } => world.crash(cut, *honest),
                Act::Compact => world.compact(),
                Act::Disconnect => {
                    world.progress.values_mut().for_each(|p| p.resumed = false);
                }
            }
        }
        // In the end the connection holds, and everything is delivered.
        for _ in 0..400 {
            if !world.courier(true, true) {
                break;
            }
        }
        let held: Vec<&String> =
            world.monitor.held.values().flatten().map(|(_, text)| text).collect();
        for text in &world.acknowledged {
            let times = held.iter().filter(|h| **h == text).count();
            prop_assert!(times == 1 || (times == 0 && world.lied), "{}: {} times", text, times);
        }
        prop_assert!(world.book.pending_bytes() == 0 || world.troubles > 0, "something is stuck");
    }

    #[test]
    fn a_fresh_outbox_says_the_same(acts in acts()) {
        let mut world = World::new();
        for (at, act) in acts.iter().enumerate() {
            match act {
                Act::Say(conversation, text) => world.say(*conversation, &format!("{at} {text}")),
                Act::Step { answered, arrives } => drop(world.courier(*arrives, *answered)),
                Act::Crash { cut, .. } => world.crash(cut, true),
                Act::Compact | Act::Disconnect => {}
            }
        }
        let recover = |records: &[Record]| {
            Book::recover(Party::Initiator, PactHash([5; 32]), records).snapshot(UnixMillis(0))
        };
        let snapshot = world.book.snapshot(UnixMillis(0));
        prop_assert_eq!(recover(&snapshot), snapshot);
    }
}
