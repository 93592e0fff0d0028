//! `cloister log check`: remembers the newest checkpoint of a log and holds the log to it. Whoever
//! has looked once is never shown another history without noticing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use messages::accusation::{Accusation, Charge};
use messages::codec::Wire;
use messages::reply::{Reply, Request};
use tlog::witness::{AddCheckpoint, Refusal};

use crate::client::{Reach, strange};
use crate::fault::{Fault, durable, read, write};
use crate::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister log check --monitor https://127.0.0.1:8443 --anchors anchors.toml --seen seen.checkpoint --first\n\nWithout --first, run it whenever you like, for example from cron. Exit codes: 0 the log only grew since the last time;\n1 it did not, and what it signed is kept beside --seen; 3 nothing could be checked."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    reach: Reach,
    /// Where the newest checkpoint is remembered.
    #[arg(long)]
    seen: PathBuf,
    /// You look for the first time: there is nothing to compare with yet.
    #[arg(long)]
    first: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let file = arguments.reach.file()?;
    let anchor = file.monitor()?.anchor();
    let anchor = anchor
        .map_err(|error| Fault::new("anchors-malformed", error.to_string(), "pin them again"))?;
    let seen = remembered(&arguments.seen, arguments.first)?;
    let open = |note: &str| tlog::open_checkpoint(note, &anchor.origin, &anchor.log_key);
    let last = seen.as_deref().map(open).transpose().map_err(|error| {
        Fault::new(
            error.code(),
            format!("{} is no checkpoint of this log: {error}", arguments.seen.display()),
            "name the file that an earlier check wrote for this monitor",
        )
    })?;
    let old = last.map_or(0, |last| last.size());
    let mut client = arguments.reach.connect(&file)?;
    // Every log has a leaf: its first boot's.
    let (checkpoint, path) = match client.ask(&Request::Consistency { old: old.max(1), new: None })
    {
        Ok(Reply::Consistent { checkpoint, path }) => (checkpoint, path),
        Ok(_) => return Err(strange()),
        Err(fault) if fault.code == "log-no-such-size" => return Ok(shrank(old)),
        Err(fault) => return Err(fault),
    };
    let proof = if old == 0 { Vec::new() } else { path };
    let shown = AddCheckpoint { old, proof, note: checkpoint };
    match shown.check(seen.as_deref(), &anchor.origin, &anchor.log_key) {
        Ok(new) => {
            durable(&arguments.seen, shown.note.as_bytes())
                .map_err(|error| Fault::unwritable(&arguments.seen, &error))?;
            let (size, grown) = (new.size(), new.size().saturating_sub(old));
            output::line(match old {
                0 => format!(
                    "{size} leaves: the first look, remembered in {}",
                    arguments.seen.display()
                ),
                _ => format!("{size} leaves, {grown} of them new: it only grew"),
            });
            Ok(ExitCode::SUCCESS)
        }
        Err(Refusal::Forked) => {
            let first = seen.unwrap_or_default();
            let charge = Charge::ForkedHead { first, second: shown.note };
            let format = Accusation::FORMAT.into();
            let accusation = Accusation { format, origin: anchor.origin, charge };
            let kept = arguments.seen.with_extension("accusation.cbor");
            write(&kept, &accusation.to_cbor())?;
            output::line(output::paint(output::RED, "the log shows another history"));
            output::line(format!("  convict it with: cloister judge {}", kept.display()));
            Ok(ExitCode::from(1))
        }
        Err(Refusal::Proof) => {
            let kept = arguments.seen.with_extension("other");
            write(&kept, shown.note.as_bytes())?;
            output::line(output::paint(output::RED, "the log does not extend what it showed"));
            output::line(format!("  its new checkpoint is kept in {}", kept.display()));
            Ok(ExitCode::from(1))
        }
        Err(error) => {
            let remedy = "see that the anchors are of this monitor";
            Err(Fault::new("checkpoint-refused", error.to_string(), remedy))
        }
    }
}

/// The monitor has fewer leaves than it has shown: it lost them, or hides them.
fn shrank(old: u64) -> ExitCode {
    let said = format!("the log has fewer than the {old} leaves that it showed");
    output::line(output::paint(output::RED, &said));
    output::line("  what you remember is kept; ask the operator, and compare with others");
    ExitCode::from(1)
}

/// What an earlier look has left. That there was none is said by whom it is true of: a file that
/// is lost must not pass for one.
fn remembered(path: &Path, first: bool) -> Result<Option<String>, Fault> {
    let shown = path.display();
    match (path.exists(), first) {
        (false, true) => return Ok(None),
        (true, false) => {}
        (false, false) => {
            return Err(Fault::new(
                "checkpoint-forgotten",
                format!("{shown} is not there, so there is nothing to compare the log with"),
                "name the file that an earlier check wrote; look with --first if there was none",
            ));
        }
        (true, true) => {
            return Err(Fault::new(
                "checkpoint-remembered",
                format!("{shown} remembers an earlier look"),
                "compare with it: leave --first away",
            ));
        }
    }
    let bytes = read(path, 64 * 1024)?;
    String::from_utf8(bytes).map(Some).map_err(|_| {
        Fault::new(
            "checkpoint-unreadable",
            format!("{} is not text", path.display()),
            "name the file that an earlier check wrote",
        )
    })
}
