//! A revision takes the place of a pact: nothing that was counted, used, measured or held against
//! somebody begins anew (soundness rule 4), and what is narrower holds at once.

use cloister_monitor::{Effect, IngestError, OpenError, RegisterError};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Content, Party, Role, Status};
use messages::ids::{PactHash, SessionId};
use messages::receipt::{BootCertificate, Receipt, Resumption};
use messages::reply::{Action, Open, Reinstatement};
use messages::signature::SigningKey;
use messages::time::{Millis, UnixMillis};
use serde_json::{Value, json};

use crate::support::{ASK, SAY, START, Side, World, balance, call, take};

const ANSWER: (Role, Role) = (Role::Provider, Role::Initiator);
const IBAN: &str = "DE89370400440532013000";

fn pay(id: &str, amount: &str) -> Body {
    call(id, "send_money", json!({"recipient": IBAN, "amount": amount}))
}

fn said() -> Body {
    Body::Message { text: format!("Send 1500.00 to {IBAN}, twice, and 100.00.") }
}

fn without(pact: &mut Value, id: &str) {
    pact["interactions"].as_array_mut().unwrap().retain(|i| i["id"] != id);
}

/// What became of a call, and why.
fn feed(world: &mut World, side: &mut Side, session: SessionId, body: Body) -> (Action, String) {
    let signed = world.sign(side, session, ASK, body);
    let fed = world.feed(&signed).unwrap();
    (fed.action, fed.rule.unwrap_or_default())
}

fn allowed() -> (Action, String) {
    (Action::Allow, String::new())
}

fn value(close: &cloister_monitor::EpochClose, at: messages::counter::CounterIndex) -> Option<u64> {
    close.kept.totals.expose().get(usize::from(at.0)).copied()
}

#[test]
fn tallies_counters_and_limits_go_on_and_only_grow() {
    let mut world = World::new(11, |pact| {
        pact["limits"][1]["max"] = "3500.00".into();
        pact["limits"][1]["else"] = "deny".into();
    });
    let tallies = world.monitor.tallies(&world.root);
    let (session, mut side) = (world.open(1), Side::default());
    let signed = world.sign(&mut side, session, SAY, said());
    world.feed(&signed).unwrap();
    assert_eq!(feed(&mut world, &mut side, session, pay("c1", "1500.00")), allowed());
    let before = world.close_epoch(START.saturating_add(Millis(60_000)));

    world.revise(|pact| {
        let more = json!({"id": "list_cards", "direction": "initiator->provider", "kind": "call",
            "name": "list_cards", "effect": "read"});
        pact["interactions"].as_array_mut().unwrap().insert(0, more);
    });
    assert_eq!(world.monitor.tallies(&world.root), tallies);
    // The open session goes on, knows what its principal said, and may make the new call.
    assert_eq!(feed(&mut world, &mut side, session, pay("c2", "1500.00")), allowed());
    let cards = call("c3", "list_cards", json!({}));
    assert_eq!(feed(&mut world, &mut side, session, cards), allowed());
    // The day's sum is what both terms of the chain used of it together.
    let next = world.open(2);
    let mut other = Side::default();
    let signed = world.sign(&mut other, next, SAY, said());
    world.feed(&signed).unwrap();
    let denied = (Action::Deny, "day-sum".to_owned());
    assert_eq!(feed(&mut world, &mut other, next, pay("c1", "1500.00")), denied);
    assert_eq!(feed(&mut world, &mut other, next, pay("c2", "100.00")), allowed());

    let after = world.close_epoch(START.saturating_add(Millis(120_000)));
    for (old, new) in before.closes.iter().zip(&after.closes) {
        assert_eq!((old.body.tally, old.body.root_pact), (new.body.tally, world.root));
        assert_eq!((old.body.pact, new.body.pact), (world.root, world.in_force));
        assert_eq!(old.body.counters + 1, new.body.counters);
        assert_ne!(old.body.schema, new.body.schema);
        let counter = |name: &str| {
            let compiled = world.monitor.compiled(&world.root).unwrap();
            compiled.schema().find(name).unwrap().0
        };
        let grown = |name| {
            let at = counter(name);
            (value(old, at), value(new, at))
        };
        assert_eq!(grown("calls:send_money"), (Some(1), Some(3)));
        assert_eq!(grown("sum:send_money.amount"), (Some(150_000), Some(310_000)));
        assert_eq!(grown("calls:list_cards"), (None, Some(1)));
        assert_eq!(grown("sessions"), (Some(1), Some(2)));
    }
}

#[test]
fn a_narrower_revision_holds_at_once_and_what_ran_is_still_answered() {
    let mut world = World::new(12, |_| {});
    let (session, mut side, mut serves) = (world.open(1), Side::default(), Side::default());
    assert_eq!(feed(&mut world, &mut side, session, balance("c1")), allowed());
    world.revise(|pact| without(pact, "get_balance"));
    let denied = (Action::Deny, "default-deny".to_owned());
    assert_eq!(feed(&mut world, &mut side, session, balance("c2")), denied);
    let answer = |id: &str| Body::Result {
        call: id.into(),
        status: Status::Ok,
        content: Content::Text("12.00".into()),
        latency_us: Some(90_000),
    };
    for (id, action) in [("c1", Action::Allow), ("c2", Action::Deny)] {
        let signed = world.sign(&mut serves, session, ANSWER, answer(id));
        assert_eq!(world.feed(&signed).unwrap().action, action, "{id}");
    }
    // And when it comes back, it is the call that it was.
    world.revise(|pact| {
        let back = json!({"id": "get_balance", "direction": "initiator->provider", "kind": "call",
            "name": "get_balance", "effect": "read"});
        pact["interactions"].as_array_mut().unwrap().push(back);
    });
    assert_eq!(feed(&mut world, &mut side, session, balance("c3")), allowed());
    let last = world.close_epoch(START.saturating_add(Millis(60_000)));
    let compiled = world.monitor.compiled(&world.root).unwrap();
    let at = compiled.schema().find("calls:get_balance").unwrap().0;
    assert!(last.closes.iter().all(|close| value(close, at) == Some(2)));
}

#[test]
fn sessions_open_under_the_pact_in_force_and_keep_naming_it() {
    let mut world = World::new(13, |_| {});
    let (session, mut side) = (world.open(1), Side::default());
    world.revise(|pact| pact["term"]["max_sessions"] = 9.into());
    let principal = Did::parse("did:web:principal.example").unwrap();
    let of = |pact| {
        let boot = world.boot;
        Open { session: SessionId([2; 32]), pact, principal: principal.clone(), boot }
    };
    let (replaced, current) = (of(world.root), of(world.in_force));
    assert_eq!(world.try_open(&replaced), Err(OpenError::Replaced));
    assert_eq!(world.try_open(&current), Ok(()));
    // Whose answer was lost learns that it is open, also when it names the pact of then.
    let lost = Open { session, ..replaced };
    assert_eq!(world.try_open(&lost), Err(OpenError::Used));
    assert_eq!(feed(&mut world, &mut side, session, balance("c1")), allowed());
    // Events of the new session do not pass as the old one's, nor the other way round.
    let mut other = Side::default();
    let foreign = world.sign(&mut other, SessionId([2; 32]), ASK, balance("c1"));
    assert_eq!(world.feed(&foreign).unwrap_err(), IngestError::OtherPact);
}

#[test]
fn what_does_not_follow_is_refused_and_changes_nothing() {
    let mut world = World::new(14, |_| {});
    let (first, twin) =
        (world.revision(|_| {}), world.revision(|p| p["limits"][0]["max"] = "1.00".into()));
    let root = (world.pact.clone(), world.in_force);
    let ahead = world.revision(|p| p["term"]["not_before"] = "2026-12-02T00:00:00Z".into());
    assert_eq!(world.try_revise(&ahead, world.now).err(), Some(RegisterError::TermAhead));
    world.revise(|_| {});
    let registered = (world.pact.clone(), world.in_force);
    assert_eq!(registered.0, first);
    // The same again, and another revision of the pact that was replaced.
    (world.pact, world.in_force) = root;
    assert_eq!(world.try_revise(&first, world.now).err(), Some(RegisterError::Known));
    assert_eq!(world.try_revise(&twin, world.now).err(), Some(RegisterError::PriorNotInForce));
    (world.pact, world.in_force) = registered;
    // A chain has an end.
    for _ in 2..64 {
        let value = world.revision(|_| {});
        let effect = world.try_revise(&value, world.now).unwrap();
        world.take_over(value, &effect);
    }
    let last = world.revision(|_| {});
    assert_eq!(world.try_revise(&last, world.now).err(), Some(RegisterError::ChainFull));
    assert_eq!(world.monitor.chain(&world.root).count(), 64);
    assert_eq!(world.monitor.in_force(&world.root).unwrap().hash(), world.in_force);
}

/// What one party may do alone it may not do without end, and it never keeps the other in.
#[test]
fn one_party_alone_does_not_use_up_the_chain() {
    let mut world = World::new(18, |pact| {
        pact["term"]["renewal"] = json!({"mode": "automatic-unless-objected", "notice": "P3D"});
    });
    let narrower =
        |n: u64| move |p: &mut Value| p["interactions"][0]["max_bytes"] = (900 - n).into();
    for n in 0..16 {
        let value = world.revision(narrower(n));
        let effect = world.try_revise_by(&value, &[Party::Initiator], world.now).unwrap();
        world.take_over(value, &effect);
    }
    let more = world.revision(narrower(16));
    let full = Some(RegisterError::ChainFull);
    assert_eq!(world.try_revise_by(&more, &[Party::Initiator], world.now).err(), full);
    // Both together go on, and so does an objection, also once the chain has its end.
    for n in 16..63 {
        let value = world.revision(narrower(n));
        let effect = world.try_revise(&value, world.now).unwrap();
        world.take_over(value, &effect);
    }
    let last = world.revision(narrower(63));
    assert_eq!(world.try_revise(&last, world.now).err(), full);
    let object = world.revision(|p| p["term"]["renewal"] = json!({"mode": "none"}));
    let effect = world.try_revise_by(&object, &[Party::Provider], world.now).unwrap();
    world.take_over(object, &effect);
    assert_eq!(world.monitor.chain(&world.root).count(), 65);
}

#[test]
fn every_pact_of_the_chain_names_it() {
    let mut world = World::new(15, |_| {});
    let (session, mut side) = (world.open(1), Side::default());
    let signed = world.sign(&mut side, session, ASK, balance("c1"));
    let receipt = world.feed(&signed).unwrap().receipt;
    world.revise(|_| {});
    let log_key = SigningKey::from_seed(&[42; 32]);
    let (boot, boot_key) = (world.boot, world.boot_key.public());
    let certificate = || BootCertificate::issue(boot, boot_key, &log_key);
    let at = (&log_key.public(), world.place());
    let resume = |world: &World, receipt: &Receipt, pact| {
        let resumption = Resumption { receipt: receipt.clone(), certificate: certificate(), pact };
        let bytes = resumption.to_cbor();
        let signature = world.key(Party::Initiator).sign(domain::RESUMPTION, &bytes);
        world.monitor.resume(&resumption, &signature, at).unwrap()
    };
    for pact in [world.root, world.in_force] {
        let resumed = resume(&world, &receipt, pact);
        assert_eq!((resumed.count, resumed.rolled_back), (1, false));
    }
    // A rollback is put on record under the chain, whichever pact the party names.
    let more = Receipt { count: 9, ..receipt };
    let more = more.sign(&world.boot_key, domain::RECEIPT);
    let resumed = resume(&world, &more, world.in_force);
    assert!(resumed.rolled_back);
    drop(world.apply(&resumed.effect.unwrap()));
    let mut stopped = side.clone();
    let next = world.sign(&mut stopped, session, ASK, balance("c2"));
    let refused = take(&world.monitor, &next, world.now).map(|_| ());
    assert_eq!(refused.unwrap_err(), IngestError::RolledBack);
    let root = world.root;
    drop(world.apply(&Effect::Reinstated { root }));
    assert!(world.monitor.root_pact(&PactHash([1; 32])).is_none());
    // What suspended the pact holds under its revision, and an overseer may name either.
    for n in 0..3 {
        feed(&mut world, &mut side, session, call(&format!("d{n}"), "no_such", json!({})));
    }
    world.revise(|_| {});
    let (third, mut theirs) = (world.open(3), Side::default());
    let (_, rule) = feed(&mut world, &mut theirs, third, balance("c1"));
    assert_eq!(rule, "suspended");
    let overseer = Did::from_key(&world.overseer.public());
    let statement = Reinstatement { pact: world.in_force, boot: world.boot, overseer };
    let signature = world.overseer.sign(domain::REINSTATEMENT, &statement.to_cbor());
    let key = Some(world.overseer.public());
    let effect = world.monitor.reinstate(&statement, &signature, key).unwrap();
    drop(world.apply(&effect));
    let (fourth, mut mine) = (world.open(4), Side::default());
    assert_eq!(feed(&mut world, &mut mine, fourth, balance("c1")), allowed());
}

/// Consent to a wider scope is no consent to keep what was said before it.
#[test]
fn a_wider_scope_does_not_reach_back() {
    let mut world = World::new(16, |_| {});
    let (session, mut side) = (world.open(1), Side::default());
    let signed = world.sign(&mut side, session, SAY, said());
    world.feed(&signed).unwrap();
    let early = call("c1", "open_line", json!({}));
    assert_eq!(feed(&mut world, &mut side, session, early).0, Action::Deny);
    world.revise(|pact| pact["monitoring"]["log_scope"] = "full".into());
    // What was read is not known any more, so nothing leaves, as after a restart under hash-only.
    let (action, rule) = feed(&mut world, &mut side, session, pay("c2", "10.00"));
    assert_eq!((action, rule.as_str()), (Action::Deny, "no-secrets-out"));
    // A session that opens under the wider scope knows what it hears, also once it is narrowed.
    let (next, mut other) = (world.open(2), Side::default());
    let signed = world.sign(&mut other, next, SAY, said());
    world.feed(&signed).unwrap();
    assert_eq!(feed(&mut world, &mut other, next, pay("c1", "10.00")), allowed());
    world.revise(|pact| pact["monitoring"]["log_scope"] = "hash-only".into());
    assert_eq!(feed(&mut world, &mut other, next, pay("c2", "10.00")), allowed());
}

#[test]
fn a_term_that_ended_goes_on_by_a_revision() {
    let mut world = World::new(17, |_| {});
    let (_, until) = world.monitor.compiled(&world.root).unwrap().term();
    world.now = until;
    let session = SessionId([1; 32]);
    let principal = Did::parse("did:web:principal.example").unwrap();
    let open = |world: &World| Open {
        session,
        pact: world.in_force,
        principal: principal.clone(),
        boot: world.boot,
    };
    let late = open(&world);
    assert_eq!(world.try_open(&late), Err(OpenError::OutOfTerm));
    world.revise(|pact| {
        pact["term"]["not_after"] = "2028-03-01T00:00:00Z".into();
    });
    assert!(UnixMillis(until.0) < world.monitor.compiled(&world.root).unwrap().term().1);
    let renewed = open(&world);
    assert_eq!(world.try_open(&renewed), Ok(()));
}
