//! `kill -9` at random moments under load, again and again, on one state folder. Nothing
//! acknowledged is lost, nothing is counted twice, and the log only extends.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use channel::client::ChannelError;
use messages::claim::Claim;
use messages::codec::Wire;
use messages::event::Party;
use messages::leaf::{Gaps, Kind, TallyBody};
use messages::publication::Disclosed;
use messages::reply::{Reply, Request};
use messages::signature::PublicKey;
use messages::time::Millis;
use tlog::Checkpoint;

use crate::actor::Actor;
use crate::dice::{Dice, say};
use crate::parties::{Parties, did};
use crate::support::{Client, Door, Home, ORIGIN};

/// Rounds on every change; `CLOISTER_KILL_ROUNDS` asks for more.
const ROUNDS: u64 = 50;
const ACTORS: u64 = 3;
const HOUR: u64 = 3_600_000;

/// The pact of the demonstration without the limits that a load would hit, and with one claim:
/// that there were exactly `calls` calls.
pub(crate) fn parties(calls: u64, id: u64) -> Parties {
    Parties::with(|pact| {
        for limit in pact["limits"].as_array_mut().unwrap() {
            limit["max"] = "1000000000".into();
        }
        pact["id"] = format!("6c1f2d0a-7a51-4c0b-9a35-{id:012x}").into();
        let claims = pact["monitoring"]["disclosure"]["claims"].as_array_mut().unwrap();
        let mut exact = claims.iter().find(|c| c["id"] == "none-terminated").unwrap().clone();
        exact["id"] = "exactly".into();
        exact["counter"] = "calls.all".into();
        exact["per"] = "PT1H".into();
        exact["bound"] = calls.to_string().into();
        claims.push(exact);
    })
}

/// Epochs of an hour, and sessions that do not end by idling.
pub(crate) fn hourly() -> Home {
    Home::with(|config| {
        config
            .replace("epoch_ms = 86400000", "epoch_ms = 3600000")
            .replace("idle_ms = 3600000", "idle_ms = 31536000000")
    })
}

/// What somebody who watches the log remembers of it, boot after boot.
#[derive(Clone)]
pub(crate) struct Watcher {
    key: PublicKey,
    newest: Checkpoint,
}

impl Watcher {
    pub(crate) fn new(client: &Client) -> Result<Self, ChannelError> {
        let (_, note) = client.certificate()?;
        let newest = tlog::open_checkpoint(&note, ORIGIN, &client.log_key()).unwrap();
        Ok(Self { key: client.log_key(), newest })
    }

    /// The log still has the same key, and what was seen of it is a prefix of it.
    pub(crate) fn look(&mut self, client: &Client) -> Result<(), ChannelError> {
        assert_eq!(client.log_key(), self.key);
        let old = self.newest.size();
        let reply = client.try_ask(&Request::Consistency { old, new: None })?;
        let Reply::Consistent { checkpoint, path } = reply else { panic!("{reply:?}") };
        let new = tlog::open_checkpoint(&checkpoint, ORIGIN, &self.key).unwrap();
        tlog::verify_consistency(&self.newest, &new, &path).unwrap();
        self.newest = new;
        Ok(())
    }
}

/// Looks at the log, registers pacts, and moves the clock, until the monitor goes away.
struct Operator {
    watcher: Watcher,
    dice: Dice,
    /// Pacts that are tried to be registered, and whether that was acknowledged.
    pacts: Vec<(Parties, bool)>,
    epoch: u64,
}

impl Operator {
    fn work(&mut self, door: &Door) -> Result<(), ChannelError> {
        let client = door.connect()?;
        self.watcher.look(&client)?;
        for (parties, known) in &mut self.pacts {
            match client.try_ask(&parties.register())? {
                Reply::Registered { .. } => assert!(!*known, "a registered pact was lost"),
                Reply::Error { code } if code == "pact-known" => {}
                other => panic!("{other:?}"),
            }
            *known = true;
        }
        if self.pacts.len() < 8 && self.dice.below(4) == 0 {
            let number = u64::try_from(self.pacts.len()).unwrap();
            self.pacts.push((parties(1, number + 2), false));
        }
        if self.dice.below(2) == 0 {
            let reply = client.try_ask(&Request::Advance { by: Millis(HOUR) })?;
            let Reply::Advanced { epoch, .. } = reply else { panic!("{reply:?}") };
            assert!(epoch.0 > self.epoch, "an epoch ends once");
            self.epoch = epoch.0;
        }
        loop {
            self.watcher.look(&client)?;
            std::thread::sleep(Duration::from_millis(self.dice.below(4)));
        }
    }
}

#[test]
fn killed_at_any_moment_it_comes_back_with_all_that_it_acknowledged() {
    let rounds = std::env::var("CLOISTER_KILL_ROUNDS").ok().and_then(|n| n.parse().ok());
    killed(rounds.unwrap_or(ROUNDS), "");
}

/// So many rounds, with these crash points where they are built in.
pub(crate) fn killed(rounds: u64, points: &str) {
    let calls = rounds * 30;
    let mut dice = Dice::rolled("CLOISTER_KILL_SEED");
    let home = hourly();
    let main = Arc::new(parties(calls, 1));
    let budget = Arc::new(AtomicU64::new(calls));
    let mut actors: Vec<Actor> = (0..ACTORS)
        .map(|_| Actor::new(Arc::clone(&main), dice.next(), Arc::clone(&budget)))
        .collect();
    let first = home.start();
    let client = first.connect();
    let Reply::Registered { .. } = client.ask(&main.register()) else { panic!() };
    let watcher = Watcher::new(&client).unwrap();
    let mut operator = Operator { watcher, dice: Dice(dice.next()), pacts: Vec::new(), epoch: 0 };
    drop((client, first));

    for round in 0..rounds {
        if round % 100 == 99 {
            say(&format!("round {} of {rounds}", round + 1));
        }
        if dice.below(6) == 0 {
            home.killed_while_starting(Duration::from_millis(dice.below(150)));
        }
        let crashing = |command: &mut Command| {
            command.env("FAILPOINTS", points);
        };
        let daemon = home.launch(crashing).unwrap();
        let door = daemon.door();
        std::thread::scope(|scope| {
            for actor in &mut actors {
                let door = door.clone();
                scope.spawn(move || assert_gone(&actor.work(&door)));
            }
            let operator = &mut operator;
            scope.spawn(move || assert_gone(&operator.work(&door)));
            std::thread::sleep(Duration::from_millis(30 + dice.below(190)));
            daemon.kill();
        });
    }

    let daemon = home.start();
    for actor in &mut actors {
        actor.finish(&daemon.door());
        assert!(actor.closed > 0);
    }
    let client = daemon.connect();
    operator.watcher.look(&client).unwrap();
    let advance = Request::Advance { by: Millis(HOUR) };
    let Reply::Advanced { epoch, .. } = client.ask(&advance) else { panic!() };
    for party in Party::BOTH {
        let after = exactly(&client, &main, party, epoch.0);
        assert_eq!(after.gaps, Gaps::default(), "nothing that was sent is missing");
    }
    let audit = home.audit();
    for bad in ["\"broken\"", "\"rolled-back\"", "\"fault\"", "\"store-failed\""] {
        assert!(!audit.contains(bad), "{bad} in {audit}");
    }
}

/// Every call of the parties was counted, and counted once: the claim is proven, or refused.
fn exactly(client: &Client, parties: &Parties, party: Party, last: u64) -> TallyBody {
    let about = |claim: &mut Claim| claim.ranges[0].party = did(parties.key(party));
    let claim = parties.prove("exactly", (1, last), about, &parties.auditor);
    let reply = client.ask(&claim);
    let Reply::Proof { leaves, .. } = reply else { panic!("{reply:?}") };
    let newest = |leaf: &Disclosed| {
        let body = (leaf.leaf.kind == Kind::Tally).then(|| TallyBody::from_cbor(&leaf.body));
        body?.ok().filter(|body| body.epoch.0 == last)
    };
    leaves.iter().find_map(newest).unwrap()
}

fn assert_gone(worked: &Result<(), ChannelError>) {
    let gone = [ChannelError::Ended, ChannelError::Tls];
    let gone = |e: &ChannelError| gone.contains(e) || matches!(e, ChannelError::Unreachable(_));
    assert!(worked.as_ref().is_err_and(gone), "{worked:?}");
}
