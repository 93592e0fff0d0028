//! Bad input: each its own code, and nothing is recorded or counted.

use std::collections::BTreeSet;

use crate::support::{ASK, SAY, START, Side, World, balance, call};
use cloister_monitor::{
    CountError, IngestError, OpenError, RegisterError, ReinstateError, ResumeError,
};
use messages::codec::Wire;
use messages::event::{Body, Party, Role};
use messages::reply::Action;
use messages::signature::SigningKey;
use messages::time::UnixMillis;
use serde_json::json;

#[test]
fn every_code_is_its_own() {
    let codes: Vec<&str> = IngestError::ALL
        .iter()
        .map(|e| e.code())
        .chain(CountError::ALL.iter().map(|e| e.code()))
        .chain(OpenError::ALL.iter().map(|e| e.code()))
        .chain(RegisterError::ALL.iter().map(|e| e.code()))
        .chain(ResumeError::ALL.iter().map(|e| e.code()))
        .chain(ReinstateError::ALL.iter().map(|e| e.code()))
        .collect();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
}

#[test]
fn events_are_refused_for_what_is_wrong_with_them_and_leave_no_trace() {
    let mut world = World::new(2, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let first = world.sign(&mut side, session, ASK, balance("c0"));
    let second = world.sign(&mut side, session, ASK, balance("c1"));

    assert_eq!(world.feed(&second), Err(IngestError::OutOfOrder));
    let told = world.feed(&first).unwrap();
    // A reporter that lost the answer asks again: the same answer, and nothing is counted twice.
    let place = world.place();
    assert_eq!(world.feed(&first).unwrap(), told);
    assert_eq!(world.place(), place, "nothing new is on record");

    let mut fork = Side { sent: 1, ..Side::default() };
    let forked = world.sign(&mut fork, session, ASK, balance("c9"));
    assert_eq!(world.feed(&forked), Err(IngestError::BrokenChain));

    let mut stranger = World::new(3, |_| {});
    stranger.root = world.root;
    let mut theirs = Side { sent: 1, head: first.hash(), ..Side::default() };
    let foreign = stranger.sign(&mut theirs, session, ASK, balance("c1"));
    assert_eq!(world.feed(&foreign), Err(IngestError::BadSignature));

    let mut sideways = Side { sent: 1, head: first.hash(), ..Side::default() };
    let upside =
        world.sign(&mut sideways, session, (Role::Initiator, Role::Principal), balance("c1"));
    assert_eq!(world.feed(&upside), Err(IngestError::Direction));

    let unknown = messages::ids::SessionId([9; 32]);
    let lost = world.sign(&mut Side::default(), unknown, ASK, balance("c0"));
    assert_eq!(world.feed(&lost), Err(IngestError::UnknownSession));

    let answer = world.feed(&second).unwrap();
    assert_eq!(answer.receipt.count, 2, "what was refused was not recorded");
    assert_eq!(world.feed(&first), Err(IngestError::Duplicate));

    side.delivered = 2;
    let provider = Side { received: 2, ..Side::default() };
    world.count(&side, session, Party::Initiator).unwrap();
    let after = world.sign(&mut side, session, SAY, Body::Message { text: "x".into() });
    assert_eq!(world.feed(&after), Err(IngestError::Closed));
    assert!(world.count(&provider, session, Party::Provider).unwrap().0);
    assert_eq!(world.feed(&after), Err(IngestError::Closed));
}

#[test]
fn a_full_counter_ends_the_tally_and_never_wraps() {
    // Passive, so that absurd payments go through and are counted.
    let mut world = World::new(4, |pact| pact["monitoring"]["mode"] = "passive".into());
    let session = world.open(1);
    let mut side = Side::default();
    let pay = |id| {
        let amount = "2814749767106.55"; // 2^48 - 1 in cents: exactly the maximum
        call(
            id,
            "send_money",
            json!({"recipient": "x", "amount": amount, "subject": "", "date": ""}),
        )
    };
    let fits = world.sign(&mut side, session, ASK, pay("c0"));
    assert!(world.feed(&fits).is_ok());
    let before = world.monitor.tallies(&world.root).unwrap();
    let event = world.sign(&mut side, session, ASK, pay("c1"));
    // The epoch that was open is committed a last time, the tallies break, and the event counts in
    // the next ones: nobody buys silence with an absurd number.
    assert_eq!(world.feed(&event).unwrap().receipt.count, 2);
    let after = world.monitor.tallies(&world.root).unwrap();
    assert!(before.iter().all(|tally| !after.contains(tally)));
    assert!(before.iter().all(|tally| world.monitor.tally(tally).is_some()), "still provable");
    let closes = world.close_epoch(UnixMillis(START.0 + 86_400_000)).closes;
    assert_eq!(closes.iter().map(|c| c.body.tally).collect::<Vec<_>>().len(), 2);
}

#[test]
fn counts_are_refused_from_others_backwards_or_with_a_foreign_receipt() {
    let mut world = World::new(5, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let event = world.sign(&mut side, session, ASK, balance("c0"));
    side.receipt = Some(world.feed(&event).unwrap().receipt);
    assert_eq!(world.count(&side, session, Party::Provider), Err(CountError::ForeignReceipt));
    let unknown = messages::ids::SessionId([9; 32]);
    assert_eq!(world.count(&side, unknown, Party::Initiator), Err(CountError::UnknownSession));
    let mut forged = side.clone();
    if let Some(receipt) = &mut forged.receipt {
        receipt.count = 7;
    }
    assert_eq!(world.count(&forged, session, Party::Initiator), Err(CountError::ForeignReceipt));
    world.count(&side, session, Party::Initiator).unwrap();
    assert_eq!(world.count(&side, session, Party::Initiator), Err(CountError::Falling));
}

#[test]
fn an_unlisted_call_is_denied_by_default_and_a_paused_one_waits_for_its_overseer() {
    let mut world = World::new(6, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let odd = world.sign(&mut side, session, ASK, call("c0", "open_vault", json!({})));
    assert_eq!(world.feed(&odd).unwrap().action, Action::Deny);
    let iban = "DE89370400440532013000";
    let hello = Body::Message { text: format!("Please pay 5000 to {iban}") };
    let hello = world.sign(&mut side, session, SAY, hello);
    assert!(world.feed(&hello).is_ok());
    let args = json!({"recipient": iban, "amount": 2500, "subject": "bill", "date": "2026-12-02"});
    let pay = world.sign(&mut side, session, ASK, call("c1", "send_money", args));
    assert_eq!(world.feed(&pay).unwrap().action, Action::Pause);

    let approve = |world: &mut World, key: &SigningKey, call| {
        let overseer = messages::did::Did::from_key(&world.overseer.public());
        let approval = messages::reply::Approval { session, call, overseer, granted: true };
        let signature = key.sign(messages::domain::APPROVAL, &approval.to_cbor());
        let (public, now) = (world.overseer.public(), world.now);
        let (answer, effect) = world.monitor.approve(&approval, &signature, Some(public), now)?;
        drop(world.apply(&effect));
        Ok(answer)
    };
    let stranger = SigningKey::from_seed(&[1; 32]);
    assert_eq!(approve(&mut world, &stranger, pay.hash()), Err(CountError::BadSignature));
    let overseer = SigningKey::from_seed(&world.overseer.expose_seed());
    assert_eq!(approve(&mut world, &overseer, odd.hash()), Err(CountError::NothingPaused));
    assert_eq!(approve(&mut world, &overseer, pay.hash()).unwrap().action, Action::Allow);
    assert_eq!(approve(&mut world, &overseer, pay.hash()), Err(CountError::NothingPaused));
}

#[test]
fn nobody_approves_a_call_of_a_session_that_is_over() {
    let mut world = World::new(7, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let args = json!({"recipient": "unheard of", "amount": 5, "subject": "", "date": ""});
    let pay = world.sign(&mut side, session, ASK, call("c0", "send_money", args));
    assert_eq!(world.feed(&pay).unwrap().action, Action::Pause);
    world.count(&side, session, Party::Initiator).unwrap();
    let overseer = messages::did::Did::from_key(&world.overseer.public());
    let call = pay.hash();
    let approval = messages::reply::Approval { session, call, overseer, granted: true };
    let signature = world.overseer.sign(messages::domain::APPROVAL, &approval.to_cbor());
    let key = Some(world.overseer.public());
    let answer = world.monitor.approve(&approval, &signature, key, world.now);
    assert_eq!(answer.map(|_| ()), Err(CountError::Over));
}

#[test]
fn leave_that_was_given_is_told_again_but_not_given_again_for_what_is_over() {
    let mut world = World::new(8, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let event = world.sign(&mut side, session, ASK, balance("c0"));
    world.feed(&event).unwrap();
    let first = world.now;
    let again = |world: &World, later: u64| {
        let now = UnixMillis(world.now.0 + later);
        let taken = crate::support::take(&world.monitor, &event, now);
        let Ok(cloister_monitor::Taken::Again(answer)) = taken else { panic!("told again") };
        answer
    };
    let told = again(&world, 36_000_000);
    assert_eq!((told.runs(), told.at), (true, first), "leave runs from when it was given");
    side.delivered = 1;
    world.count(&side, session, Party::Initiator).unwrap();
    let told = again(&world, 0);
    assert_eq!((told.action, told.runs()), (Action::Allow, false));
}
