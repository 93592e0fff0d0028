//! A process that ends at each marked crash point, in the enclave and in the journal under it:
//! the next boot goes on with everything that was acknowledged, and with nothing twice.

use std::process::Command;
use std::time::Duration;

use channel::client::ChannelError;
use messages::codec::Wire;
use messages::coins::{self, Deal, Dealer};
use messages::did::Did;
use messages::domain;
use messages::event::Party;
use messages::ids::SessionId;
use messages::leaf::Gaps;
use messages::publication::Disclosed;
use messages::receipt::{BootCertificate, Receipt};
use messages::reply::{Action, Reply, Request};
use messages::signature::SigningKey;
use messages::time::DAY;

use crate::kill::Watcher;
use crate::parties::{ASK, Parties, Talk, call};
use crate::support::{Client, Daemon, Home, ORIGIN};

/// The points of the enclave, and how often each is passed before the process ends there.
const POINTS: &[(&str, &[u32])] = &[
    ("start-before-archive-sync", &[0]),
    ("start-before-segment", &[0]),
    ("start-before-commit", &[0]),
    ("leaf-before-record", &[0, 1, 3, 6]),
    ("commit-before-journal", &[0, 1, 2, 3, 5, 8, 13]),
    ("commit-before-archive", &[0, 1, 2, 3, 5, 8, 13]),
    ("commit-before-public-log", &[0, 1, 2, 3]),
    ("group-before-answers", &[0, 1, 2, 3, 5, 8, 13]),
    ("due-before-debit", &[0]),
    ("reserved-before-draw", &[0]),
    ("drawn-before-record", &[0]),
    ("read-before-record", &[0]),
    ("end-before-commit", &[0]),
    ("rotate-before-archive-sync", &[0]),
    ("rotate-before-segment", &[0]),
];

/// Those that a number with the noise of coins passes, and how often before.
const OF_COINS: &[(&str, &[u32])] = &[
    ("due-before-debit", &[0]),
    ("reserved-before-draw", &[0]),
    ("drawn-before-record", &[0]),
    ("answered-before-record", &[0]),
    ("leaf-before-record", &[6, 7, 8, 11]),
    ("commit-before-journal", &[13, 14, 15, 17]),
];

/// 2026-12-01 in days since 1970: where the configured clock starts.
const FIRST: u64 = 20_788;
const CALLS: u64 = 6;

/// What the parties have and want.
struct Script {
    parties: Parties,
    talk: Talk,
    /// The call that was not acknowledged.
    waiting: Option<Vec<u8>>,
    /// Calls acknowledged.
    calls: u64,
    last: Option<(Receipt, BootCertificate)>,
    watcher: Option<Watcher>,
    /// What was asked for and may have been taken.
    tried: Tried,
    released: Option<Vec<Disclosed>>,
    read: usize,
    closed: bool,
    /// Who deals coins, where counts are proven; what it told is told again.
    dealer: Option<(SigningKey, Option<Deal>)>,
}

/// What was asked for and may have been taken without an answer.
#[derive(Default)]
struct Tried {
    register: bool,
    open: bool,
    release: bool,
}

impl Script {
    fn new() -> Self {
        Self {
            parties: Parties::with(|pact| {
                let access = pact["monitoring"]["access"].as_array_mut().unwrap();
                access[0]["scope"] = "metadata".into();
            }),
            talk: Talk::new(SessionId([7; 32])),
            waiting: None,
            calls: 0,
            last: None,
            watcher: None,
            tried: Tried::default(),
            released: None,
            read: 0,
            closed: false,
            dealer: None,
        }
    }

    /// Goes on from where it is to the end, or until the monitor goes away.
    fn run(&mut self, daemon: &Daemon) -> Result<(), ChannelError> {
        let mut client = daemon.door().connect()?;
        let (certificate, _) = client.certificate()?;
        match &mut self.watcher {
            Some(watcher) => watcher.look(&client)?,
            none => *none = Some(Watcher::new(&client)?),
        }
        let tried = core::mem::replace(&mut self.tried.register, true);
        match ask(&client, &self.parties.register())? {
            Reply::Registered { .. } => {}
            Reply::Error { code } if tried && code == "pact-known" => {}
            other => panic!("{other:?}"),
        }
        if !self.closed {
            let tried = core::mem::replace(&mut self.tried.open, true);
            let open = self.parties.open(self.talk.session, client.boot());
            match ask(&client, &open)? {
                Reply::Opened => assert_eq!(self.calls, 0),
                Reply::Error { code } if tried && code == "session-used" => {}
                other => panic!("{other:?}"),
            }
            self.session(&client, certificate)?;
        }
        self.statistics(&mut client)?;
        self.watcher.as_mut().unwrap().look(&client)
    }

    fn session(
        &mut self,
        client: &Client,
        certificate: BootCertificate,
    ) -> Result<(), ChannelError> {
        if let Some((receipt, of)) = self.last.clone() {
            match ask(client, &self.parties.resume(receipt, of))? {
                Reply::Resumed { count, rolled_back, .. } => {
                    let waiting = u64::from(self.waiting.is_some());
                    assert!(!rolled_back && (self.calls..=self.calls + waiting).contains(&count));
                }
                Reply::Error { code } if code == "resume-session-closed" => {
                    assert_eq!(self.calls, CALLS);
                    self.closed = true;
                    return Ok(());
                }
                other => panic!("{other:?}"),
            }
        }
        while self.calls < CALLS {
            let event = self.waiting.take().unwrap_or_else(|| {
                let id = format!("c{}", self.calls);
                self.talk.say(&self.parties, ASK, call(&id, "get_balance"))
            });
            self.waiting = Some(event.clone());
            let reply = ask(client, &Request::Event { event })?;
            let Reply::Verdict { action: Action::Allow, receipt, .. } = reply else {
                panic!("{reply:?}")
            };
            self.waiting = None;
            self.calls += 1;
            assert_eq!(receipt.count, self.calls);
            self.last = Some((receipt.clone(), certificate));
            self.talk.side(Party::Initiator).receipt = Some(receipt);
        }
        for party in Party::BOTH {
            let counts = self.talk.counts(party, true);
            match ask(client, &self.parties.count(counts))? {
                Reply::Counted { gaps, .. } => assert_eq!(gaps, Gaps::default()),
                Reply::Error { code } if code == "counts-falling" => {}
                Reply::Error { code } if code == "counts-session-unknown" => {}
                other => panic!("{other:?}"),
            }
        }
        self.closed = true;
        Ok(())
    }

    fn statistics(&mut self, client: &mut Client) -> Result<(), ChannelError> {
        let wanted = self.parties.release("sessions.count", FIRST, &self.parties.auditor);
        let mut reply = ask(client, &wanted)?;
        if matches!(&reply, Reply::Error { code } if code == "release-day-still-open") {
            self.tried.release = true;
            ask(client, &Request::Advance { by: DAY })?;
            reply = ask(client, &wanted)?;
        }
        if self.dealer.is_some() {
            reply = self.deal(client, &wanted, reply)?;
        }
        match (reply, &self.released) {
            (Reply::Released { leaves }, Some(before)) => assert_eq!(leaves, *before),
            (Reply::Released { leaves }, None) => self.released = Some(leaves),
            // Debited and not drawn when the process ended: paid, and never drawn again.
            (Reply::Error { code }, None) if self.tried.release && code == "release-lost" => {}
            (other, _) => panic!("{other:?}"),
        }
        client.login(&self.parties.initiator)?;
        let read = Request::Read { session: self.talk.session, from: 0 };
        let reply = ask(client, &read)?;
        let Reply::Recorded { entries, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(u64::try_from(entries.len()).unwrap(), CALLS, "each call is on record, once");
        self.read += 1;
        Ok(())
    }
}

impl Script {
    /// Deals when that is due, until the number is told or lost. No day is told over two logs.
    fn deal(
        &mut self,
        client: &Client,
        wanted: &Request,
        mut reply: Reply,
    ) -> Result<Reply, ChannelError> {
        let Some((key, told)) = &mut self.dealer else { return Ok(reply) };
        while matches!(&reply, Reply::Error { code } if code == "release-not-yet") {
            let Reply::Undealt { days, checkpoint, .. } = ask(client, &Request::Undealt)? else {
                panic!()
            };
            if days.contains(&FIRST) {
                let head = tlog::open_checkpoint(&checkpoint, ORIGIN, &client.log_key()).unwrap();
                let value = coins::value(key, ORIGIN, FIRST, FIRST).unwrap();
                let (origin, size, root) = (ORIGIN.into(), head.size(), *head.root());
                let deal = Deal { origin, day: FIRST, value, size, root };
                let deal = told.get_or_insert(deal).clone();
                let signature = key.sign(domain::COIN_DEAL, &deal.to_cbor());
                let reply = ask(client, &Request::Deal { deal, signature })?;
                assert_eq!(reply, Reply::Dealt);
            }
            std::thread::sleep(Duration::from_millis(5));
            reply = ask(client, wanted)?;
        }
        Ok(reply)
    }
}

/// Asks; a monitor whose record failed says that it stops, and is as good as gone.
fn ask(client: &Client, request: &Request) -> Result<Reply, ChannelError> {
    match client.try_ask(request)? {
        Reply::Error { code } if code == "monitor-stopping" => Err(ChannelError::Ended),
        reply => Ok(reply),
    }
}

fn ending_at(point: &str, after: u32, how: &str) -> impl FnOnce(&mut Command) {
    let value = match after {
        0 => format!("{point}={how}"),
        _ => format!("{point}={after}*off->{how}"),
    };
    move |command| {
        command.env("FAILPOINTS", value);
    }
}

/// Runs into the point, and then from there to the end.
fn survive(point: &str, after: u32, how: &str) {
    survive_at(&Home::new(), Script::new(), (point, after, how));
}

fn survive_at(home: &Home, mut script: Script, (point, after, how): (&str, u32, &str)) {
    home.start().kill();
    match home.launch(ending_at(point, after, how)) {
        Err(ended) => assert!(!ended.status.success(), "{point}: {ended:?}"),
        Ok(daemon) => {
            let gone = script.run(&daemon).is_err();
            if !gone {
                daemon.terminate();
            }
            let ended = daemon.wait();
            assert!(!ended.status.success(), "{point} after {after} was never reached: {ended:?}");
        }
    }
    // The first start after it, which may have to mend; and the next, which finds all as it is.
    for _ in 0..2 {
        let daemon = home.start();
        script.run(&daemon).unwrap_or_else(|e| panic!("{point} after {after}: {e:?}"));
        daemon.terminate();
        let ended = daemon.wait();
        assert!(ended.status.success(), "{point} after {after}: {ended:?}");
        assert!(!ended.said.contains("\"broken\""), "{point} after {after}: {ended:?}");
    }
    assert!(script.read >= 2);
}

#[test]
fn the_process_may_end_at_each_point_of_the_enclave() {
    for (point, afters) in POINTS {
        for after in *afters {
            survive(point, *after, "return");
        }
    }
}

#[test]
fn the_process_may_end_at_each_point_of_a_proven_number() {
    for (point, afters) in OF_COINS {
        for after in *afters {
            let key = SigningKey::from_seed(&[81; 32]);
            let Dealer { key: public, link, since } = Dealer::new(&key, ORIGIN, FIRST).unwrap();
            let public = Did::from_key(&public);
            let lines =
                format!("\n[[dealers]]\nkey = \"{public}\"\nlink = \"{link}\"\nsince = {since}\n");
            let script = Script { dealer: Some((key, None)), ..Script::new() };
            survive_at(&Home::with(|config| config + &lines), script, (point, *after, "return"));
        }
    }
}

#[test]
fn the_process_may_end_at_each_point_of_the_journal_under_it() {
    // What is forgotten after months is crashed in the journal's own tests.
    for point in journal::CRASH_POINTS.iter().filter(|point| !point.starts_with("forget-")) {
        survive(point, 0, "panic");
        if point.starts_with("journal-") {
            (1..4).for_each(|after| survive(point, 3 * after, "panic"));
        }
    }
}

#[test]
fn the_process_may_end_before_its_log_key_has_a_name() {
    let home = Home::new();
    let ended = home.launch(ending_at("log-key-before-rename", 0, "return"));
    assert!(ended.is_err_and(|ended| !ended.status.success()));
    let mut script = Script::new();
    script.run(&home.start()).unwrap();
    script.run(&home.start()).unwrap();
}

#[test]
fn the_process_may_end_before_the_key_in_custody_has_a_name() {
    let home = crate::custody::home("insecure-file");
    let ended = home.launch(ending_at("custody-before-rename", 0, "return"));
    assert!(ended.is_err_and(|ended| !ended.status.success()));
    let mut script = Script::new();
    script.run(&home.start()).unwrap();
    script.run(&home.start()).unwrap();
}

/// Groups that take long to become durable: whoever is answered too early is found out.
#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    crate::kill::killed(15, "commit-before-journal=sleep(30)");
}
