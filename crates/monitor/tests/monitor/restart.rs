//! What a restart keeps, what a log scope keeps, and what a rollback cannot hide.

use cloister_monitor::{
    Effect, IngestError, Monitor, OpenError, ReinstateError, ResumeError, Seed, Settings, Taken,
};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Party};
use messages::ids::{BootId, SessionId};
use messages::leaf::Gaps;
use messages::receipt::{BootCertificate, Receipt, Resumption};
use messages::reply::{Action, Open, Reinstatement};
use messages::signature::SigningKey;
use messages::time::UnixMillis;
use pact::LogScope;
use serde_json::json;

use crate::support::{ASK, SAY, SETTINGS, START, Side, World, at, balance, call, take};

const IBAN: &str = "DE89370400440532013000";

fn log_key() -> SigningKey {
    SigningKey::from_seed(&[42; 32])
}

fn resume(world: &World, party: Party, receipt: &Receipt) -> Result<(u64, bool), ResumeError> {
    let key = world.boot_key.public();
    let certificate = BootCertificate::issue(world.boot, key, &log_key());
    resume_with(world, party, receipt, certificate).map(|(count, back, _)| (count, back))
}

fn resume_with(
    world: &World,
    party: Party,
    receipt: &Receipt,
    certificate: BootCertificate,
) -> Result<(u64, bool, Option<Effect>), ResumeError> {
    let resumption = Resumption { receipt: receipt.clone(), certificate, pact: world.root };
    let signature = world.key(party).sign(domain::RESUMPTION, &resumption.to_cbor());
    let at = (&log_key().public(), world.place());
    let resumed = world.monitor.resume(&resumption, &signature, at)?;
    Ok((resumed.count, resumed.rolled_back, resumed.effect))
}

#[test]
fn a_session_goes_on_over_a_restart_under_a_new_boot() {
    let mut world = World::new(1, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let first = world.sign(&mut side, session, ASK, balance("c0"));
    let receipt = world.feed(&first).unwrap().receipt;
    let before = world.close_epoch(UnixMillis(START.0 + 60_000)).closes;

    world.restart(BootId([9; 32]), SigningKey::from_seed(&[9; 32]));
    let second = world.sign(&mut side, session, ASK, balance("c1"));
    side.receipt = Some(world.feed(&second).unwrap().receipt);
    let after = world.close_epoch(UnixMillis(START.0 + 120_000)).closes;
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before.body.boots, after.body.boots, "the new boot is in the tally's life");
        let (boots, _) = world.monitor.tally(&after.body.tally).unwrap();
        assert_eq!(boots.entries.len(), 2);
        assert_eq!(boots.entries[1].first, after.body.epoch);
    }
    // A receipt of the earlier boot still counts; an opening for it does not.
    side.receipt = Some(receipt);
    world.count(&side, session, Party::Initiator).unwrap();
    let principal = Did::parse("did:web:principal.example").unwrap();
    let old =
        Open { session: SessionId([5; 32]), pact: world.root, principal, boot: BootId([1; 32]) };
    assert!(world.try_open(&old).is_err());
}

#[test]
fn a_receipt_for_more_than_is_on_record_stops_the_pact_until_an_overseer_lets_it_go_on() {
    // A twin of the monitor, same keys, that took one event more: what this one was before it was
    // rolled back.
    let (mut world, mut twin) = (World::new(1, |_| {}), World::new(1, |_| {}));
    let session = world.open(1);
    assert_eq!(twin.open(1), session);
    let (mut side, mut theirs) = (Side::default(), Side::default());
    let first = world.sign(&mut side, session, ASK, balance("c0"));
    let held = world.feed(&first).unwrap().receipt;
    let same = twin.sign(&mut theirs, session, ASK, balance("c0"));
    assert!(twin.feed(&same).is_ok());
    let lost = twin.sign(&mut theirs, session, ASK, balance("c1"));
    let receipt = twin.feed(&lost).unwrap().receipt;

    assert_eq!(resume(&world, Party::Initiator, &held), Ok((1, false)));
    assert_eq!(resume(&world, Party::Initiator, &receipt), Ok((1, true)));
    let foreign = resume(&world, Party::Provider, &receipt);
    assert_eq!(foreign, Err(ResumeError::BadSignature));
    let mut forged = receipt.clone();
    forged.count = 9;
    assert_eq!(resume(&world, Party::Initiator, &forged), Err(ResumeError::ForeignReceipt));
    let other = SigningKey::from_seed(&[3; 32]);
    let uncertified = BootCertificate::issue(world.boot, other.public(), &other);
    let refused = resume_with(&world, Party::Initiator, &receipt, uncertified).map(|_| ());
    assert_eq!(refused, Err(ResumeError::ForeignReceipt));

    let certificate = BootCertificate::issue(world.boot, world.boot_key.public(), &log_key());
    let (_, _, effect) = resume_with(&world, Party::Initiator, &receipt, certificate).unwrap();
    drop(world.apply(&effect.unwrap()));
    let (_, back, again) = resume_with(&world, Party::Initiator, &receipt, certificate).unwrap();
    assert!(back && again.is_none(), "one loss is one gap");

    let next = world.sign(&mut side, session, ASK, balance("c1"));
    assert_eq!(world.feed(&next), Err(IngestError::RolledBack));
    let gaps = world.close_epoch(UnixMillis(START.0 + 60_000)).closes[0].body.gaps;
    assert_eq!(gaps, Gaps { monitor: 1, ..Gaps::default() });

    let overseer = Did::from_key(&world.overseer.public());
    let reinstate = |world: &World, boot, key: &SigningKey| {
        let overseer = overseer.clone();
        let statement = Reinstatement { pact: world.root, boot, overseer };
        let signature = key.sign(domain::REINSTATEMENT, &statement.to_cbor());
        world.monitor.reinstate(&statement, &signature, Some(world.overseer.public()))
    };
    let stranger = reinstate(&world, world.boot, &other).map(|_| ());
    assert_eq!(stranger, Err(ReinstateError::BadSignature));
    let key = SigningKey::from_seed(&world.overseer.expose_seed());
    let stale = reinstate(&world, BootId([8; 32]), &key).map(|_| ());
    assert_eq!(stale, Err(ReinstateError::OtherBoot));
    let effect = reinstate(&world, world.boot, &key).unwrap();
    drop(world.apply(&effect));
    // The same loss stops nothing twice ...
    let (_, _, again) = resume_with(&world, Party::Initiator, &receipt, certificate).unwrap();
    assert!(again.is_none());
    // ... but what was sent again and is lost again is another one.
    assert_eq!(world.feed(&next).unwrap().action, Action::Allow);
    let beyond = Receipt { count: 3, head: receipt.head, ..receipt };
    let beyond = beyond.sign(&twin.boot_key, domain::RECEIPT);
    let (_, back, anew) = resume_with(&world, Party::Initiator, &beyond, certificate).unwrap();
    assert!(back && anew.is_some());
}

#[test]
fn a_monitor_that_lost_a_whole_session_is_found_out_too() {
    let (world, mut twin) = (World::new(1, |_| {}), World::new(1, |_| {}));
    let session = twin.open(7);
    let event = twin.sign(&mut Side::default(), session, ASK, balance("c0"));
    let receipt = twin.feed(&event).unwrap().receipt;
    assert_eq!(resume(&world, Party::Initiator, &receipt), Ok((0, true)));
}

#[test]
fn what_the_scope_does_not_allow_is_not_written_and_counts_as_unseen_afterwards() {
    for (scope, name) in [
        (LogScope::Full, "full"),
        (LogScope::Metadata, "metadata"),
        (LogScope::HashOnly, "hash-only"),
    ] {
        let mut world = World::new(3, |pact| pact["monitoring"]["log_scope"] = name.into());
        let session = world.open(1);
        let mut side = Side::default();
        let mut recovered = Monitor::restore(SETTINGS, &world.monitor.snapshot()).unwrap();
        let text = format!("Please pay 5 to {IBAN} zanzibar");
        let hello = world.sign(&mut side, session, SAY, Body::Message { text });
        let args = json!({"recipient": IBAN, "amount": 5, "subject": "bill", "date": "2026-12-02"});
        let pay = world.sign(&mut side, session, ASK, call("c1", "send_money", args));
        let taken = take(&world.monitor, &hello, world.now);
        let Ok(Taken::Judged(_, effect)) = taken else { panic!("taken") };
        drop(world.monitor.apply(&effect));
        let written = minicbor::to_vec(effect.scoped(scope)).unwrap();
        drop(recovered.apply(&minicbor::decode(&written).unwrap()));
        let seen = |needle: &str| written.windows(needle.len()).any(|w| w == needle.as_bytes());
        assert_eq!(seen("zanzibar"), scope == LogScope::Full, "{name}");
        let snapshot = world.monitor.snapshot();
        assert!(!snapshot.windows(8).any(|w| w == b"zanzibar"), "{name}: tokens only");

        let verdict = |monitor: &Monitor| {
            let taken = take(monitor, &pay, world.now);
            let Ok(Taken::Judged(answer, _)) = taken else { panic!("judged") };
            answer.action
        };
        let (before, after) = (verdict(&world.monitor), verdict(&recovered));
        assert_eq!(before, Action::Allow, "{name}");
        let snapshotted = verdict(&Monitor::restore(SETTINGS, &snapshot).unwrap());
        assert_eq!(after, snapshotted, "{name}");
        assert_eq!(after == before, scope == LogScope::Full, "{name}: {after:?}");
        assert!(after >= before);
    }
}

#[test]
fn a_broken_tally_is_followed_by_another_that_starts_from_nothing() {
    let mut world = World::new(1, |_| {});
    let before = world.monitor.tallies(&world.root).unwrap();
    let seed = Seed::draw(&mut world.rng);
    let applied = world.apply(&Effect::Broken { at: at(START), seed });
    let after = world.monitor.tallies(&world.root).unwrap();
    assert_eq!(applied.breaks.iter().map(|b| b.tally).collect::<Vec<_>>(), before);
    assert_eq!(applied.closes.iter().map(|c| c.body.tally).collect::<Vec<_>>(), after);
    assert!(applied.closes.iter().all(|c| c.body.epoch.0 == 0 && c.body.previous.is_none()));
    assert!(before.iter().all(|id| !after.contains(id)));
}

#[test]
fn what_is_past_its_retention_is_forgotten_and_is_no_rollback() {
    let mut world = World::new(1, |_| {});
    let session = world.open(1);
    let mut side = Side::default();
    let event = world.sign(&mut side, session, ASK, balance("c0"));
    side.receipt = Some(world.feed(&event).unwrap().receipt);
    let receipt = side.receipt.clone().unwrap();
    world.count(&side, session, Party::Initiator).unwrap();
    world.count(&Side { received: 1, ..Side::default() }, session, Party::Provider).unwrap();
    let ended = world.now;
    let closed = Err(ResumeError::Closed);
    assert_eq!(resume(&world, Party::Initiator, &receipt), closed);

    // A segment that begins at the very moment may hold its end.
    let oldest = receipt.journal.seq + 1;
    drop(world.apply(&Effect::Forgot { before: ended, oldest }));
    assert_eq!(resume(&world, Party::Initiator, &receipt), closed);
    // While the term lasts the session is known: nobody opens it again, and shows its old receipt.
    let before = UnixMillis(ended.0 + 1);
    drop(world.apply(&Effect::Forgot { before, oldest }));
    assert_eq!(resume(&world, Party::Initiator, &receipt), closed);
    let (_, before) = world.monitor.compiled(&world.root).unwrap().term();
    drop(world.apply(&Effect::Forgot { before, oldest }));
    assert!(!world.monitor.knows(&session));
    world.now = before;
    let principal = Did::parse("did:web:principal.example").unwrap();
    let again = Open { session, pact: world.root, principal, boot: world.boot };
    assert_eq!(world.try_open(&again), Err(OpenError::OutOfTerm));
    let forgotten = Err(ResumeError::Forgotten);
    assert_eq!(resume(&world, Party::Initiator, &receipt), forgotten);
    let mut retained = receipt.clone();
    retained.journal.seq = oldest;
    let retained = retained.sign(&world.boot_key, domain::RECEIPT);
    let lost = resume(&world, Party::Initiator, &retained);
    assert_eq!(lost, Ok((0, true)), "what should be on record and is not was lost");
    // A boot that is not on record was lost, and is not forgotten.
    let (lost_boot, lost_key) = (BootId([8; 32]), SigningKey::from_seed(&[8; 32]));
    let lost = Receipt { boot: lost_boot, ..receipt }.sign(&lost_key, domain::RECEIPT);
    let certificate = BootCertificate::issue(lost_boot, lost_key.public(), &log_key());
    let (_, back, _) = resume_with(&world, Party::Initiator, &lost, certificate).unwrap();
    assert!(back);
}

#[test]
fn one_pact_does_not_take_the_sessions_of_others() {
    let mut world = World::new(1, |_| {});
    world.open(1);
    world.open(2);
    let settings = Settings { sessions_of_pact: 2, ..SETTINGS };
    world.monitor = Monitor::restore(settings, &world.monitor.snapshot()).unwrap();
    let principal = Did::parse("did:web:principal.example").unwrap();
    let next = |n| Open {
        session: SessionId([n; 32]),
        pact: world.root,
        principal: principal.clone(),
        boot: world.boot,
    };
    let (third, fourth) = (next(3), next(4));
    assert_eq!(world.try_open(&third), Err(OpenError::PactFull));
    for party in Party::BOTH {
        world.count(&Side::default(), SessionId([1; 32]), party).unwrap();
    }
    assert_eq!(world.try_open(&third), Ok(()));
    assert_eq!(world.try_open(&fourth), Err(OpenError::PactFull));
}
