//! The `cloister` command: everything that runs outside the enclave, and nothing that needs trust.

mod anchors;
mod bundle;
mod claim;
mod client;
mod daemon;
mod demo;
mod fault;
mod key;
mod output;
mod pacts;
mod parties;
mod replay;
mod verification;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::fault::Fault;

/// Cloister: the monitor that nobody has to trust with the data.
#[derive(Parser)]
#[command(name = "cloister", version, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Pin trust anchors for a monitor, after appraising its evidence.
    #[command(subcommand)]
    Anchors(anchors::Command),
    /// Ask a monitor for a proof of a claim that the pact's consent lists.
    Claim(claim::Arguments),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// The main job end to end: monitor, sessions, claims, a private aggregate, verification.
    Demo(demo::Arguments),
    /// Say in words what a bundle contains. Checks nothing.
    Explain {
        /// The bundle.
        bundle: PathBuf,
    },
    /// Make and show signing keys.
    #[command(subcommand)]
    Key(key::Command),
    /// Work on pacts: lint, hash, sign, countersign.
    #[command(subcommand)]
    Pact(pacts::Command),
    /// Drive a local monitor with recorded sessions and write one line a session.
    Replay(replay::Arguments),
    /// Check a bundle offline: 0 verified, 1 refuted, 2 not checked, 3 unusable.
    Verify(verification::Arguments),
}

/// Enforcement mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeArgument {
    /// Record and count.
    Passive,
    /// Record, count, alert.
    Active,
    /// Decide before each call runs.
    Interventionist,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Anchors(command) => anchors::run(&command),
        Command::Claim(arguments) => claim::run(&arguments),
        Command::Completions { shell } => {
            let mut command = Cli::command();
            clap_complete::generate(shell, &mut command, "cloister", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Explain { bundle } => verification::explain(&bundle),
        Command::Key(command) => key::run(&command),
        Command::Pact(command) => pacts::run(&command),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Verify(arguments) => verification::run(&arguments),
    };
    result.unwrap_or_else(|fault: Fault| {
        output::fault(&fault);
        ExitCode::from(3)
    })
}

const EXAMPLES: &str = "Examples:
  cloister demo
  cloister replay --pact bank.pact.json --sessions s.ndjson.gz --mode interventionist --report r.ndjson
  cloister verify bundle.cbor --anchors anchors.toml
  cloister pact lint bank.pact.json";
