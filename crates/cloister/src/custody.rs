//! `cloister custody`: a custodian holds a share of the key under which a monitor's state is sealed,
//! and brings it to the boots that it accepts: on another machine, of another build, with another
//! configuration. What it accepts is what its anchors say.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use messages::codec::Wire;
use messages::custody::{Held, Hold, Unlock};
use messages::did::Did;
use messages::domain;
use messages::evidence::Claims;
use messages::reply::{Reply, Request};
use messages::signature::SigningKey;
use zeroize::Zeroizing;

use crate::anchors::File;
use crate::client::{Client, Reach, strange};
use crate::fault::{Fault, read};
use crate::{key, output};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Be handed your share, while the monitor runs.
    #[command(
        after_help = "Example:\n  cloister custody hold --monitor https://127.0.0.1:8443 --anchors anchors.toml \\\n    --key custodian.key --share monitor.share\n\nThe monitor's configuration has to name the DID of the key as a custodian. Keep the file as you keep the\nkey; without a quorum of such files the state ends with its machine."
    )]
    Hold(Arguments),
    /// Bring your share to a monitor that cannot read its state, if your anchors accept it.
    #[command(
        after_help = "Example:\n  cloister custody unlock --monitor https://127.0.0.1:8443 --anchors anchors.toml \\\n    --key custodian.key --share monitor.share\n\nYour anchors decide: pin the digest of a new configuration, or the appraisal policy that lists a new\nbuild, before you bring your share to it."
    )]
    Unlock(UnlockArguments),
}

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// The custodian's key.
    #[arg(long)]
    key: PathBuf,
    /// The file of the share.
    #[arg(long)]
    share: PathBuf,
}

#[derive(Args)]
pub(crate) struct UnlockArguments {
    #[command(flatten)]
    at: Arguments,
    /// Go on, and look again after so many seconds.
    #[arg(long)]
    every: Option<u64>,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Hold(arguments) => hold(arguments),
        Command::Unlock(arguments) => unlock(arguments),
    }
}

fn hold(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let custodian = key::load(&arguments.key)?;
    let mut client = arguments.reach.connect(&arguments.reach.file()?)?;
    let (boot, origin) = (client.boot(), client.appraised().claims().origin.clone());
    let hold = Hold { boot, custodian: Did::from_key(&custodian.public()) };
    let signature = custodian.sign(domain::CUSTODY_HOLD, &hold.to_cbor());
    let Reply::Share { key, share } = client.ask(&Request::Hold { hold, signature })? else {
        return Err(strange());
    };
    let held = Held { format: Held::FORMAT.into(), origin, key, share };
    match load(&arguments.share) {
        Ok(before) if before == held => output::line("you hold this share already"),
        // A monitor that began anew: what the file opens is somewhere, perhaps.
        Ok(_) => {
            return Err(Fault::new(
                "custody-other-share",
                format!("{} is a share of another key", arguments.share.display()),
                "name another file; ask the operator why the monitor has a new key",
            ));
        }
        Err(_) if arguments.share.exists() => {
            return Err(Fault::new(
                "custody-file-exists",
                format!("{} exists and is no share", arguments.share.display()),
                "name another file",
            ));
        }
        Err(_) => {
            key::store_secret(&arguments.share, &Zeroizing::new(held.to_cbor()))?;
            output::line(format!("wrote {}", arguments.share.display()));
        }
    }
    // Only now: what is sealed from now on may be for custodians alone to open.
    show(&mut client, &custodian, &held)?;
    Ok(ExitCode::SUCCESS)
}

fn unlock(arguments: &UnlockArguments) -> Result<ExitCode, Fault> {
    let held = load(&arguments.at.share)?;
    loop {
        // Read each time: whoever takes a build out of its anchors does so at once.
        let brought = arguments.at.reach.file().and_then(|file| bring(&arguments.at, &file, &held));
        let Some(seconds) = arguments.every else { return brought.map(|()| ExitCode::SUCCESS) };
        match brought {
            // Nothing to do is what one hopes for.
            Err(fault) if fault.code != "monitor-not-locked" => output::fault(&fault),
            _ => {}
        }
        std::thread::sleep(Duration::from_secs(seconds.max(1)));
    }
}

fn bring(arguments: &Arguments, file: &File, held: &Held) -> Result<(), Fault> {
    let custodian = key::load(&arguments.key)?;
    let mut client = arguments.reach.connect_locked(file)?;
    if client.appraised().claims().origin != held.origin {
        return Err(Fault::new(
            "custody-other-origin",
            "the share is of another monitor",
            "name the file of this monitor's share",
        ));
    }
    // What a monitor does not need it does not get.
    if client.appraised().claims().log_key != Claims::NO_LOG {
        return Err(Fault::new(
            "monitor-not-locked",
            "the monitor reads its state by itself",
            "keep the share",
        ));
    }
    let missing = show(&mut client, &custodian, held)?;
    output::line(match missing {
        0 => "the monitor has its key".to_owned(),
        1 => "taken; the share of one more custodian is needed".to_owned(),
        more => format!("taken; the shares of {more} more custodians are needed"),
    });
    Ok(())
}

/// Shows the share; returns how many custodians are still needed.
fn show(client: &mut Client, custodian: &SigningKey, held: &Held) -> Result<u64, Fault> {
    let (boot, did) = (client.boot(), Did::from_key(&custodian.public()));
    let unlock = Unlock { boot, custodian: did, share: held.share.clone() };
    let signed = Zeroizing::new(unlock.to_cbor());
    let signature = custodian.sign(domain::CUSTODY_UNLOCK, &signed);
    match client.ask(&Request::Unlock { unlock, signature })? {
        Reply::Unlocking { missing } => Ok(missing),
        _ => Err(strange()),
    }
}

fn load(path: &Path) -> Result<Held, Fault> {
    let bytes = Zeroizing::new(read(path, u64::try_from(Held::MAX_BYTES).unwrap_or(u64::MAX))?);
    let held = Held::from_cbor(&bytes).ok().filter(|held| held.format == Held::FORMAT);
    held.ok_or_else(|| {
        Fault::new(
            "custody-no-share",
            format!("{} is no share", path.display()),
            "name the file that `cloister custody hold` wrote",
        )
    })
}
