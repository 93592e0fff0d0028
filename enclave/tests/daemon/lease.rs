//! Several boots of one monitor, as a host can have them: which of them witnesses let be live.

use messages::did::Did;
use messages::ids::LeafHash;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use tlog::witness::{AddCheckpoint, Granted, Last, Refusal};

use crate::parties::Parties;
use crate::scene::{files, put_back};
use crate::support::{Client, Home, ORIGIN, code};

/// A witness, and what it signed last; its clock is the test's.
struct Witness {
    name: String,
    key: SigningKey,
    last: Option<String>,
    seconds_ago: u64,
}

impl Witness {
    fn new(number: u8) -> Self {
        let (name, key) = (format!("w{number}.example"), SigningKey::from_seed(&[90 + number; 32]));
        Self { name, key, last: None, seconds_ago: 0 }
    }

    /// Adds its line to a checkpoint, with what proof the monitor has that its log only grew.
    fn cosign(&mut self, note: &str, client: &Client) -> Result<String, Refusal> {
        let open = |note: &str| tlog::open_checkpoint(note, ORIGIN, &client.log_key()).unwrap();
        let (old, size) =
            (self.last.as_deref().map_or(0, |last| open(last).size()), open(note).size());
        let proof =
            if old == 0 || old >= size { Vec::new() } else { consistency(client, old, size) };
        let request = AddCheckpoint { old, proof, note: note.to_owned() };
        let last = self.last.as_deref();
        let last = last.map(|note| Last { note, seconds_ago: self.seconds_ago });
        let granted = request.grant(last, ORIGIN, &client.log_key())?;
        if let Granted::Newer { seconds_ago } = granted {
            (self.last, self.seconds_ago) = (Some(note.to_owned()), seconds_ago);
        }
        let line = tlog::cosign(note, &self.name, &self.key, now()).unwrap();
        Ok(tlog::with_cosignature(note, &line).unwrap())
    }
}

fn consistency(client: &Client, old: u64, new: u64) -> Vec<LeafHash> {
    match client.ask(&Request::Consistency { old, new: Some(new) }) {
        Reply::Consistent { path, .. } => path,
        other => panic!("{other:?}"),
    }
}

fn checkpoint(client: &Client) -> String {
    match client.ask(&Request::Include { leaves: Vec::new() }) {
        Reply::Included { checkpoint, .. } => checkpoint,
        other => panic!("{other:?}"),
    }
}

fn size(note: &str, client: &Client) -> u64 {
    tlog::open_checkpoint(note, ORIGIN, &client.log_key()).unwrap().size()
}

/// A courier's round: the newest checkpoint, cosigned by all of these.
fn cosigned(client: &Client, witnesses: &mut [Witness]) -> Result<String, Refusal> {
    let note = checkpoint(client);
    witnesses.iter_mut().try_fold(note, |note, witness| witness.cosign(&note, client))
}

fn deliver(client: &Client, note: String) -> Reply {
    client.ask(&Request::Cosign { note })
}

/// Two rounds: the lease, and what the boot then says of itself.
fn renew(client: &Client, witnesses: &mut [Witness]) -> Result<(), Refusal> {
    for _ in 0..2 {
        let note = cosigned(client, witnesses)?;
        assert!(matches!(deliver(client, note), Reply::Cosigned { .. }));
    }
    Ok(())
}

fn witnesses() -> [Witness; 3] {
    [1, 2, 3].map(Witness::new)
}

/// A monitor whose time is that of two of three witnesses, and whose leases last ten seconds.
fn configured() -> Home {
    Home::with(|config| {
        let (head, tail) = config.split_once("[clock]").unwrap();
        let (_, tail) = tail.split_once("step_ms = 250\n").unwrap();
        let clock = "[clock]\nkind = \"witnessed\"\nquorum = 2\ndrift_ppm = 100\nslack_ms = 2000\n\
                     reach_ms = 3600000\nlease_ms = 10000\n";
        let named = witnesses().map(|witness| {
            let key = Did::from_key(&witness.key.public());
            format!("[[witnesses]]\nname = \"{}\"\nkey = \"{key}\"\n", witness.name)
        });
        format!("{head}{clock}{tail}{}", named.concat())
    })
}

/// Asks for something that changes the log: a pact of its own for each number.
fn registers(client: &Client, number: u8) -> Result<(), String> {
    let id = format!("6c1f2d0a-7a51-4c0b-9a35-2f1d7be40c{number:02}");
    let parties = Parties::with(|pact| pact["id"] = id.into());
    match client.ask(&parties.register()) {
        Reply::Registered { .. } => Ok(()),
        other => Err(code(other)),
    }
}

fn unwitnessed() -> Result<(), String> {
    Err("clock-unwitnessed".into())
}

#[test]
fn a_boot_takes_nothing_before_a_quorum_has_seen_that_it_is_there() {
    let (home, mut all) = (configured(), witnesses());
    let daemon = home.start();
    let client = daemon.connect();
    assert_eq!(registers(&client, 1), unwitnessed());
    let note = checkpoint(&client);
    assert_eq!(size(&note, &client), 0, "a boot that may be one of two adds nothing");

    let [one, two, _] = &mut all;
    let by_one = one.cosign(&note, &client).unwrap();
    let too_few = deliver(&client, by_one.clone());
    assert_eq!(too_few, Reply::Error { code: "witnesses-too-few".into() });
    let by_two = two.cosign(&by_one, &client).unwrap();
    assert_eq!(deliver(&client, by_two), Reply::Cosigned { witnesses: 2 });
    // The lease is there; what the log now says of this boot nobody has seen.
    assert_eq!(registers(&client, 1), unwitnessed());
    let note = cosigned(&client, &mut all).unwrap();
    assert_eq!(size(&note, &client), 1);
    assert_eq!(deliver(&client, note), Reply::Cosigned { witnesses: 3 });
    assert_eq!(registers(&client, 1), Ok(()));
}

#[test]
fn of_two_copies_one_is_live_and_the_other_learns_that_it_is_not() {
    let (home, mut all) = (configured(), witnesses());
    let first = home.start();
    let client = first.connect();
    renew(&client, &mut all).unwrap();
    registers(&client, 1).unwrap();

    let copy = configured();
    std::fs::create_dir(copy.state()).unwrap();
    put_back(&copy.state(), "", &files(&home.state()));
    let second = copy.start();
    let other = second.connect();
    assert_eq!(cosigned(&other, &mut all), Err(Refusal::Leased(11)));
    assert_eq!(registers(&other, 2), unwitnessed());
    // The first one's cosigned checkpoints are none of the second's.
    let older = cosigned(&client, &mut all).unwrap();
    assert_eq!(code(deliver(&other, older)), "note-of-another-boot");

    // The first lives on. However late, the second's log is not an extension of what was seen.
    registers(&client, 2).unwrap();
    let newer = cosigned(&client, &mut all).unwrap();
    for witness in &mut all {
        witness.seconds_ago = 1_000_000;
    }
    assert_eq!(cosigned(&other, &mut all), Err(Refusal::Malformed), "it is behind");
    // One witness's word could be of a boot that was never live; a quorum's is of one that was.
    let [one, ..] = &mut all;
    let by_one = one.cosign(&checkpoint(&client), &client).unwrap();
    assert_eq!(code(deliver(&other, by_one)), "note-of-another-boot");
    assert_eq!(code(deliver(&other, newer)), "log-superseded");
    assert_eq!(registers(&other, 2), Err("log-superseded".into()));
    assert!(second.audit().contains("superseded"));
    renew(&client, &mut all).unwrap();
}

#[test]
fn after_a_good_end_the_next_boot_is_live_at_once_and_after_a_bad_one_when_the_lease_is_over() {
    let (home, mut all) = (configured(), witnesses());
    let first = home.start();
    renew(&first.connect(), &mut all).unwrap();
    registers(&first.connect(), 1).unwrap();
    renew(&first.connect(), &mut all).unwrap();
    first.terminate();
    assert!(first.wait().status.success());
    let ended = files(&home.state());

    let second = home.start();
    renew(&second.connect(), &mut all).unwrap();
    second.kill();
    let third = home.start();
    let client = third.connect();
    assert_eq!(cosigned(&client, &mut all), Err(Refusal::Leased(11)));
    // Whoever shows the second's last checkpoint again prolongs nothing.
    for witness in &mut all {
        witness.seconds_ago = 11;
        let last = witness.last.clone().unwrap();
        assert!(witness.cosign(&last, &client).is_ok());
    }
    renew(&client, &mut all).unwrap();
    registers(&client, 2).unwrap();
    drop(client);
    third.kill();

    // Its folder as it was when the first had ended well: the second is in the log since.
    put_back(&home.state(), "", &ended);
    let old = home.start();
    let client = old.connect();
    for witness in &mut all {
        witness.seconds_ago = 1_000_000;
    }
    assert!(cosigned(&client, &mut all).is_err());
    assert_eq!(registers(&client, 1), unwitnessed());
}

#[test]
fn a_lease_that_ends_stops_an_idle_monitor_and_a_new_one_lets_it_go_on() {
    let (home, mut all) = (configured(), witnesses());
    let daemon = home.start();
    let client = daemon.connect();
    renew(&client, &mut all).unwrap();
    let before = size(&checkpoint(&client), &client);
    let ended = || daemon.audit().contains("lease-ended");
    for _ in 0..600 {
        if ended() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(ended());
    assert_eq!(registers(&client, 1), Err("lease-ended".into()));
    let note = cosigned(&client, &mut all).unwrap();
    assert_eq!(size(&note, &client), before, "nothing of the log has changed");
    assert!(matches!(deliver(&client, note), Reply::Cosigned { .. }));
    assert_eq!(registers(&client, 1), Ok(()));
}

/// The witnesses' clock.
#[expect(clippy::disallowed_methods, reason = "a witness's own clock")]
fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}
