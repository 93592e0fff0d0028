//! `cloister log`: whether it only grows; what a monitor keeps of a session, for whom the pact's
//! consent names; and the pacts that it goes by, for whom they concern.

mod check;
mod ledger;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use messages::event::Party;
use messages::ids::{PactHash, SessionId};
use messages::reply::{Action, RecordEntry, Reply, Request};
use serde_json::{Value, json};

use crate::client::strange;
use crate::fault::{Fault, write};
use crate::output;
use crate::overseer::Access;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Hold a log to the newest checkpoint that it has shown here: 0 it only grew, 1 it did not.
    Check(check::Arguments),
    /// Fetch the whole log with everything of its privacy ledgers opened, for `cloister verify`.
    Ledger(ledger::Arguments),
    /// Read a session's record. The reading itself goes on record.
    Read(ReadArguments),
    /// Read the signed pacts of a chain, the first one first and the one in force last.
    Pacts(PactsArguments),
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister log pacts --pact sha256:... --monitor https://127.0.0.1:8443 \\\n    --anchors anchors.toml --key initiator.key\n\nOne signed pact a line. A party may have signed a revision alone that only gives up its own permits."
)]
pub(crate) struct PactsArguments {
    /// Any pact of the chain: sha256: and 64 hexadecimal digits.
    #[arg(long)]
    pact: String,
    #[command(flatten)]
    access: Access,
    /// Where to write them; the output by default.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister log read --session sha256:... --monitor https://127.0.0.1:8443 \\\n    --anchors anchors.toml --key auditor.key\n\nOne JSON document an event. What a pact's log scope does not keep is absent."
)]
pub(crate) struct ReadArguments {
    /// The session: sha256: and 64 hexadecimal digits.
    #[arg(long)]
    session: String,
    /// First place in the journal.
    #[arg(long, default_value_t = 0)]
    from: u64,
    #[command(flatten)]
    access: Access,
    /// Where to write the record; the output by default.
    #[arg(long)]
    out: Option<PathBuf>,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Check(arguments) => check::run(arguments),
        Command::Ledger(arguments) => ledger::run(arguments),
        Command::Read(arguments) => read(arguments),
        Command::Pacts(arguments) => pacts(arguments),
    }
}

fn pacts(arguments: &PactsArguments) -> Result<ExitCode, Fault> {
    let pact = PactHash::parse(&arguments.pact).ok_or_else(|| {
        Fault::new(
            "pact-hash-malformed",
            "the pact is not sha256: and 64 hexadecimal digits",
            "give what `cloister pact hash` or a notice prints",
        )
    })?;
    let (mut client, _) = arguments.access.open()?;
    let Reply::Chain { documents } = client.ask(&Request::Chain { pact })? else {
        return Err(strange());
    };
    let lines: Vec<u8> = documents.into_iter().flat_map(|d| d.into_iter().chain(*b"\n")).collect();
    match &arguments.out {
        Some(path) => write(path, &lines)?,
        None => output::raw(&lines),
    }
    Ok(ExitCode::SUCCESS)
}

fn read(arguments: &ReadArguments) -> Result<ExitCode, Fault> {
    let session = SessionId::parse(&arguments.session).ok_or_else(|| {
        Fault::new(
            "session-malformed",
            "the session is not sha256: and 64 hexadecimal digits",
            "give what the connector, an alert or a receipt names",
        )
    })?;
    let (mut client, _) = arguments.access.open()?;
    let (mut lines, mut from) = (String::new(), arguments.from);
    loop {
        let Reply::Recorded { entries, next } = client.ask(&Request::Read { session, from })?
        else {
            return Err(strange());
        };
        for entry in &entries {
            lines.push_str(&document(entry).to_string());
            lines.push('\n');
        }
        match next {
            // Forward only: an answer that points back would never end.
            Some(next) if next > from => from = next,
            Some(_) => return Err(strange()),
            None => break,
        }
    }
    match &arguments.out {
        Some(path) => write(path, lines.as_bytes())?,
        None => output::raw(lines.as_bytes()),
    }
    output::event("read", &[("note", "this reading is itself on record at the monitor")]);
    Ok(ExitCode::SUCCESS)
}

fn document(entry: &RecordEntry) -> Value {
    let content = entry.content.as_ref();
    json!({
        "seq": entry.place.seq,
        "at_ms": entry.at.0,
        "party": match entry.party {
            Party::Initiator => "initiator",
            Party::Provider => "provider",
        },
        "event": entry.event.to_string(),
        "action": action(entry.action),
        "rule": entry.rule,
        "name": entry.metadata.as_ref().and_then(|m| m.name.clone()),
        "bytes": entry.metadata.as_ref().map(|m| m.bytes),
        "content": content.and_then(|c| serde_json::from_slice::<Value>(c).ok()),
    })
}

/// An action's word.
pub(crate) const fn action(action: Action) -> &'static str {
    match action {
        Action::Allow => "allow",
        Action::Alert => "alert",
        Action::Pause => "pause",
        Action::Deny => "deny",
        Action::Terminate => "terminate",
    }
}
