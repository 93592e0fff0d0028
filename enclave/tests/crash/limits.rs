//! An end in good order, a full disk, and senders who repeat, mix up or forge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use messages::event::{Body, Party};
use messages::ids::SessionId;
use messages::reply::{Action, Reply, Request};

use crate::parties::{ASK, SAY, Talk, call};
use crate::scene::Scene;
use crate::support::code;

#[test]
fn asked_to_end_it_answers_what_it_has_begun_and_loses_nothing() {
    let (mut scene, daemon) = Scene::new();
    let client = daemon.connect();
    let events: Vec<Vec<u8>> = (0..400).map(|_| scene.next()).collect();
    let session = scene.talk.session;
    let mut replies = Vec::new();
    let mut asked = false;
    let answered = client.batch(&session, &events, |reply| {
        replies.push(reply);
        if !core::mem::replace(&mut asked, true) {
            daemon.terminate();
        }
    });
    answered.unwrap();
    assert_eq!(replies.len(), events.len(), "what was begun is finished");
    drop(client);
    let ended = daemon.wait();
    assert!(ended.status.success(), "{ended:?}");
    for event in ["\"draining\"", "\"stopped\""] {
        assert!(ended.said.contains(event), "{event} in {}", ended.said);
    }
    let daemon = scene.home.start();
    let client = daemon.connect();
    let (count, head, rolled_back) = scene.resume(&client);
    let held = scene.talk.side(Party::Initiator);
    assert_eq!((count, head, rolled_back), (held.sent, held.head, false));
    scene.watcher.look(&client).unwrap();
}

#[test]
fn one_by_one_in_one_batch_or_in_several_the_verdicts_are_the_same() {
    let (scene, daemon) = Scene::new();
    let client = daemon.connect();
    let pay = |id: &str, to: &str| {
        let args = [("recipient", to), ("amount", "10.00"), ("subject", "rent")];
        let args = args.map(|(name, value)| (name.to_owned(), value.into())).into();
        Body::Call { call: id.into(), name: "send_money".into(), args, via: None }
    };
    let said = "Send 10.00 to DE89370400440532013000 for the rent.".to_owned();
    let bodies = [
        (SAY, Body::Message { text: said }),
        (ASK, call("c0", "get_balance")),
        (ASK, pay("c1", "DE89370400440532013000")),
        (ASK, pay("c2", "CH9300762011623852957")),
        (ASK, call("c3", "open_credit_line")),
        (ASK, call("c0", "get_balance")),
    ];
    let judged = |number: u8, size: usize| {
        let session = SessionId([number; 32]);
        assert_eq!(client.ask(&scene.parties.open(session, client.boot())), Reply::Opened);
        let mut talk = Talk::new(session);
        let say = |(way, body): &(_, Body)| talk.say(&scene.parties, *way, body.clone());
        let events: Vec<Vec<u8>> = bodies.iter().map(say).collect();
        let mut heard = Vec::new();
        for events in events.chunks(size) {
            let mut keep = |reply| match reply {
                Reply::Verdict { action, rule, .. } => heard.push((action, rule)),
                other => panic!("{other:?}"),
            };
            match events {
                [event] => keep(client.ask(&Request::Event { event: event.clone() })),
                _ => client.batch(&session, events, keep).unwrap(),
            }
        }
        heard
    };
    let single = judged(8, 1);
    let actions: Vec<Action> = single.iter().map(|(action, _)| *action).collect();
    let [allow, pause, deny] = [Action::Allow, Action::Pause, Action::Deny];
    assert_eq!(actions, [allow, allow, allow, pause, deny, deny]);
    assert_eq!(single, judged(9, bodies.len()));
    assert_eq!(single, judged(10, 2));
}

#[test]
fn a_batch_that_comes_again_or_out_of_order_counts_once() {
    let (mut scene, daemon) = Scene::new();
    let client = daemon.connect();
    let session = scene.talk.session;
    let send = |events: &[Vec<u8>]| {
        let mut replies = Vec::new();
        client.batch(&session, events, |reply| replies.push(reply)).unwrap();
        replies
    };
    let allowed = |reply: &Reply, count: u64| match reply {
        Reply::Verdict { action: Action::Allow, receipt, .. } => assert_eq!(receipt.count, count),
        other => panic!("{other:?}"),
    };
    let batch: Vec<Vec<u8>> = (0..3).map(|_| scene.next()).collect();
    send(&batch).iter().zip(4..).for_each(|(reply, count)| allowed(reply, count));
    // Again: the last is answered as before, for the answer may have been lost; the others are
    // known. Nothing is counted.
    let mut again = send(&batch);
    allowed(&again.pop().unwrap(), 6);
    assert!(again.into_iter().all(|reply| code(reply) == "event-duplicate"));

    // In reverse: only the one whose turn it is.
    let batch: Vec<Vec<u8>> = (0..3).map(|_| scene.next()).collect();
    let reversed: Vec<Vec<u8>> = batch.iter().rev().cloned().collect();
    let mut replies = send(&reversed);
    allowed(&replies.pop().unwrap(), 7);
    assert!(replies.into_iter().all(|reply| code(reply) == "event-out-of-order"));
    send(&batch[1..]).iter().zip(8..).for_each(|(reply, count)| allowed(reply, count));

    // Another history of the same place, another's signature, and another session's line.
    let mut fork = scene.talk.clone();
    fork.side(Party::Initiator).head = messages::ids::EventHash([9; 32]);
    let forged = fork.say(&scene.parties, ASK, call("f", "get_balance"));
    assert_eq!(code(send(&[forged]).remove(0)), "event-broken-chain");
    let mut foreign = scene.talk.clone();
    foreign.session = SessionId([8; 32]);
    let foreign = foreign.say(&scene.parties, ASK, call("f", "get_balance"));
    assert_eq!(code(send(&[foreign]).remove(0)), "request-other-session");
    let good = String::from_utf8(scene.talk.clone().say(&scene.parties, ASK, call("f", "x")));
    let (body, signature) = good.as_ref().unwrap().split_once("\"sig\":\"").unwrap();
    let turned = if signature.starts_with('A') { "B" } else { "A" };
    let rest = signature.get(1..).unwrap();
    let bad = format!("{body}\"sig\":\"{turned}{rest}");
    assert_eq!(code(send(&[bad.into_bytes()]).remove(0)), "event-bad-signature");
    scene.calls(&client, 1);
    assert_eq!(scene.receipts.last().unwrap().0.count, 10);
}

/// A small disk of its own, as long as this value lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where mounting is not permitted.
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[test]
fn a_full_disk_refuses_newcomers_and_keeps_what_was_acknowledged() {
    let (mut scene, daemon) = Scene::under(crate::kill::parties(1, 1));
    daemon.kill();
    let state = scene.home.state();
    let saved = scene.save();
    std::fs::remove_dir_all(&state).unwrap();
    let Some(_disk) = SmallDisk::mount(&state) else {
        use std::io::Write;
        std::io::stderr().write_all(b"not run: mounting a tmpfs is not permitted\n").unwrap();
        return;
    };
    scene.restore(&saved);
    let daemon = scene.home.start();
    let (client, other) = (daemon.connect(), daemon.connect());
    scene.calls(&client, 2);
    let fill = state.join("fill");
    let filled = std::fs::write(&fill, vec![0; 4 << 20]);
    assert_eq!(filled.unwrap_err().kind(), std::io::ErrorKind::StorageFull);

    // What comes now waits or is refused; nothing is said to be taken. More than the journal has
    // written zeros for: that much has room even on a full disk.
    let (mut late, session) = (scene.talk.clone(), scene.talk.session);
    let late = late.say(&scene.parties, ASK, call("late", "get_balance"));
    let events: Vec<Vec<u8>> = (0..1500).map(|_| scene.next()).collect();
    let mut replies = Vec::new();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| client.batch(&session, &events, |reply| replies.push(reply)));
        let noticed = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            daemon.audit().contains("\"disk-full\"")
        });
        let health = other.get("/healthz").status.as_u16();
        let ready = other.get("/readyz").status.as_u16();
        let path = format!("/v1/sessions/{}/events", hex::encode(session.0));
        let answer = other.post(&path, channel::forms::JSON, late);
        let waits = !waiting.is_finished();
        // Space first: whoever waits for it would wait for ever if something is amiss.
        std::fs::remove_file(&fill).unwrap();
        waiting.join().unwrap().unwrap();
        assert!(noticed && waits, "noticed {noticed}, waits {waits}");
        assert_eq!((health, ready), (204, 503));
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status.as_u16(), 503);
        assert_eq!(problem["code"], "journal-disk-full");
    });
    // Those of the group that waited are on record; those that came behind it were refused.
    let taken = replies.iter().take_while(|r| matches!(r, Reply::Verdict { .. })).count();
    assert!(taken > 0);
    for reply in replies.split_off(taken) {
        let code = code(reply);
        assert!(["journal-disk-full", "event-out-of-order"].contains(&code.as_str()), "{code}");
    }
    replies.into_iter().for_each(|reply| scene.keep(&other, reply));
    for event in events.into_iter().skip(taken) {
        let reply = client.ask(&Request::Event { event });
        scene.keep(&client, reply);
    }
    assert_eq!(other.get("/readyz").status.as_u16(), 204);
    scene.calls(&client, 1);
    scene.epoch(&client);
    drop((client, other));
    daemon.kill();
    let daemon = scene.home.start();
    scene.whole(&daemon.connect());
}
