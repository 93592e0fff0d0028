//! `cloister deal`: coins for numbers whose noise anybody can check, for anybody to deal who does not
//! work with the monitor.
//!
//! A dealer promises all its values before it knows anything, tells the value of a day once the log
//! is committed to that day's numbers, and only once: what it told is durable before it leaves.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use messages::codec::Wire;
use messages::coins::{Deal, Dealer, LAST_DAY, value};
use messages::did::Did;
use messages::domain;
use messages::evidence::INSECURE_ORIGIN_PREFIX;
use messages::ids::Root;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use tlog::Checkpoint;

use crate::client::{Client, Reach, strange};
use crate::fault::{Fault, durable, read};
use crate::memory::Memory;
use crate::{anchors, counts, key, output};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print what a monitor's configuration and a verifier's anchors say of this dealer.
    #[command(
        after_help = "Example:\n  cloister key new --out dealer.key\n  cloister deal promise --key dealer.key --origin monitor.example --since 2026-12-01"
    )]
    Promise(PromiseArguments),
    /// Deal for the days that are due, now or again and again.
    #[command(
        after_help = "Example:\n  cloister deal now --monitor https://127.0.0.1:8443 --anchors anchors.toml --key dealer.key \\\n    --since 2026-12-01 --state dealt --every 60\n\nThe state folder must never be lost or copied: a dealer that tells a day twice lets the monitor choose."
    )]
    Now(NowArguments),
}

#[derive(Args)]
pub(crate) struct PromiseArguments {
    /// The dealer's key.
    #[arg(long)]
    key: PathBuf,
    /// The log that it deals for.
    #[arg(long)]
    origin: String,
    /// The first day that it deals for, in UTC.
    #[arg(long)]
    since: jiff::civil::Date,
}

#[derive(Args)]
pub(crate) struct NowArguments {
    #[command(flatten)]
    reach: Reach,
    /// The dealer's key.
    #[arg(long)]
    key: PathBuf,
    /// A folder for what was dealt last.
    #[arg(long)]
    state: PathBuf,
    /// The first day of the promise, as `promise` was told.
    #[arg(long)]
    since: jiff::civil::Date,
    /// Go on, and ask again after so many seconds.
    #[arg(long)]
    every: Option<u64>,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Promise(arguments) => promise(arguments),
        Command::Now(arguments) => now(arguments),
    }
}

fn promise(arguments: &PromiseArguments) -> Result<ExitCode, Fault> {
    let key = key::load(&arguments.key)?;
    let since = first(arguments.since)?;
    let dealer = Dealer::new(&key, &arguments.origin, since).ok_or_else(undated)?;
    let did = Did::from_key(&dealer.key);
    output::line("# In the monitor's configuration:");
    output::line(configured(&dealer));
    output::line("# With a verifier's anchors:");
    output::line(format!(
        "# cloister anchors join anchors.toml --dealer NAME={did} --out joined.toml"
    ));
    Ok(ExitCode::SUCCESS)
}

fn first(since: jiff::civil::Date) -> Result<u64, Fault> {
    let since = counts::since_1970(since).filter(|since| (1..=LAST_DAY).contains(since));
    since.ok_or_else(undated)
}

fn undated() -> Fault {
    Fault::new(
        "deal-since",
        "--since is not a day from 1970-01-02 to 2149-06-06",
        "give the day on which the monitor begins to use the dealer",
    )
}

/// A dealer as a monitor's configuration names it.
pub(crate) fn configured(dealer: &Dealer) -> String {
    let Dealer { key, link, since } = dealer;
    format!(
        "[[dealers]]\nkey = \"{}\"\nlink = \"{link}\"\n# Days since 1970-01-01.\nsince = {since}\n",
        Did::from_key(key)
    )
}

fn now(arguments: &NowArguments) -> Result<ExitCode, Fault> {
    let key = key::load(&arguments.key)?;
    let memory = Memory::open(&arguments.state)?;
    let file = arguments.reach.file()?;
    let log_key = file.monitor()?.log_key.key();
    let dealer = (&key, first(arguments.since)?);
    loop {
        let dealt = arguments.reach.connect(&file).and_then(|mut client| {
            // Who deals over a log that nobody else knows deals for nobody.
            if log_key != Some(client.appraised().claims().log_key) {
                return Err(Fault::new(
                    "deal-other-log",
                    "the monitor signs its log with another key than the anchors name",
                    "pin it again, if that is right; else accuse it",
                ));
            }
            let (days, refused) = deal(&mut client, dealer, &memory)?;
            for day in days {
                output::line(format!("dealt for day {day}"));
            }
            refused.map_or(Ok(()), Err)
        });
        let Some(seconds) = arguments.every else { return dealt.map(|()| ExitCode::SUCCESS) };
        // Who goes on outlives a monitor that does not answer; what is due then is due later.
        if let Err(fault) = dealt {
            output::fault(&fault);
        }
        std::thread::sleep(Duration::from_secs(seconds.max(1)));
    }
}

/// Deals for every day that is due, and returns those that were taken, and why the last one was not
/// that was not.
pub(crate) fn deal(
    client: &mut Client,
    dealer: (&SigningKey, u64),
    memory: &Memory,
) -> Result<(Vec<u64>, Option<Fault>), Fault> {
    let claims = client.appraised().claims();
    let (origin, log_key) = (claims.origin.clone(), claims.log_key);
    let Reply::Undealt { days, checkpoint, now } = client.ask(&Request::Undealt)? else {
        return Err(strange());
    };
    let head = tlog::open_checkpoint(&checkpoint, &origin, &log_key)
        .map_err(|error| Fault::new(error.code(), error.to_string(), "compare the anchors"))?;
    // A development monitor has a time of its own; no other one says which days are over.
    let development = origin.starts_with(INSECURE_ORIGIN_PREFIX);
    let today = if development { now } else { anchors::now() }.day();
    let (mut dealt, mut refused) = (Vec::new(), None);
    for day in days {
        if day >= today {
            return Err(Fault::new(
                "deal-day-not-over",
                "the monitor asks for coins of a day that is not over",
                "set this machine's clock, if it is wrong; else accuse the monitor's operator",
            ));
        }
        let Some(request) = told((day, &origin), (&head, &checkpoint), dealer, memory)? else {
            continue;
        };
        match client.ask(&request) {
            Ok(Reply::Dealt) => dealt.push(day),
            Ok(_) => return Err(strange()),
            // It is taken for good, or never: later days do not wait for it.
            Err(fault) if fault.code.starts_with("deal-") => refused = Some(fault),
            // It may be taken yet, if no later one is told before.
            Err(fault) => return Ok((dealt, Some(fault))),
        }
    }
    Ok((dealt, refused))
}

/// What is told of a day: what was told of it before, byte for byte. None of a day before the last
/// one that was told, since its value follows from that one's.
fn told(
    (day, origin): (u64, &str),
    (head, note): (&Checkpoint, &str),
    (key, since): (&SigningKey, u64),
    memory: &Memory,
) -> Result<Option<Request>, Fault> {
    let path = memory.of(origin, "deal");
    let forgotten = || {
        Fault::new(
            "deal-forgotten",
            format!("{} does not say what was dealt last", path.display()),
            "never deal for this log with this key again: promise with another one",
        )
    };
    let last = match path.try_exists() {
        Ok(false) => None,
        Ok(true) => Some(Request::from_cbor(&read(&path, MAX_DEAL)?).map_err(|_| forgotten())?),
        Err(error) => return Err(Fault::unreadable(&path, &error)),
    };
    match last {
        None => {}
        Some(Request::Deal { deal, .. }) if deal.day < day => {}
        Some(Request::Deal { deal, signature }) if deal.day == day => {
            return Ok(Some(Request::Deal { deal, signature }));
        }
        Some(Request::Deal { .. }) => return Ok(None),
        Some(_) => return Err(forgotten()),
    }
    let value = value(key, origin, since, day).ok_or_else(|| {
        Fault::new(
            "deal-not-promised",
            "the dealer has promised no value of the day",
            "give the --since of the promise, or promise anew",
        )
    })?;
    let (size, root) = (head.size(), Root(head.root().0));
    let deal = Deal { origin: origin.to_owned(), day, value, size, root };
    let signature = key.sign(domain::COIN_DEAL, &deal.to_cbor());
    let request = Request::Deal { deal, signature };
    // What the log showed convicts it, should it show others something else.
    let shown = memory.of(origin, "note");
    durable(&shown, note.as_bytes()).map_err(|e| Fault::unwritable(&shown, &e))?;
    // CRASH: what is told is remembered first: told again over a longer log, the value would be
    // known to whoever committed to what came between.
    durable(&path, &request.to_cbor()).map_err(|e| Fault::unwritable(&path, &e))?;
    Ok(Some(request))
}

const MAX_DEAL: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64) -> Checkpoint {
        let key = SigningKey::from_seed(&[1; 32]);
        let root = Root([u8::try_from(size).unwrap(); 32]);
        let note = tlog::sign_checkpoint("a.example", size, &root, &key);
        tlog::open_checkpoint(&note, "a.example", &key.public()).unwrap()
    }

    /// Over which log, and for which day, what is told is signed.
    fn over(request: Option<Request>) -> Option<(u64, u64)> {
        request.map(|request| match request {
            Request::Deal { deal, .. } => (deal.day, deal.size),
            _ => (0, 0),
        })
    }

    #[test]
    fn a_day_is_told_once_and_none_after_a_later_one() {
        let folder = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed(&[2; 32]);
        let memory = Memory::open(folder.path()).unwrap();
        assert!(Memory::open(folder.path()).is_err(), "two remember in one folder");
        let dealer = (&key, 20_788);
        let tell = |day, size| told((day, "a.example"), (&head(size), "note"), dealer, &memory);
        let first = tell(20_788, 5).unwrap();
        assert_eq!(over(first.clone()), Some((20_788, 5)));
        assert_eq!(tell(20_788, 9).unwrap(), first, "over the log of the first time");
        assert_eq!(over(tell(20_790, 9).unwrap()), Some((20_790, 9)));
        assert_eq!(tell(20_789, 9).unwrap(), None, "everybody knows its value");
        assert_eq!(tell(20_788, 9).unwrap(), None);
        let other = told((20_789, "b.example"), (&head(9), ""), dealer, &memory).unwrap();
        assert_eq!(over(other), Some((20_789, 9)), "another log is none of it");
        for day in [20_787, 65_536] {
            let none = told((day, "c.example"), (&head(9), ""), dealer, &memory).unwrap_err();
            assert_eq!(none.code, "deal-not-promised");
        }
        let kept = std::fs::read_to_string(memory.of("a.example", "note")).unwrap();
        assert_eq!(kept, "note", "what the log showed");
        for garbage in [&b"x"[..], &Request::Undealt.to_cbor()] {
            std::fs::write(memory.of("a.example", "deal"), garbage).unwrap();
            assert_eq!(tell(20_791, 9).unwrap_err().code, "deal-forgotten");
        }
    }
}
