//! The `cloister` command: everything that runs outside the enclave, and nothing that needs trust.

mod accuse;
mod anchors;
mod attest;
mod bundle;
mod circuit;
mod claim;
mod client;
mod connect;
mod cosign;
mod counts;
mod custody;
mod daemon;
mod deal;
mod demo;
mod fault;
mod follow;
mod holdings;
mod key;
mod line;
mod log;
mod memory;
mod outbound;
mod output;
mod overseer;
mod pacts;
mod parties;
mod policy;
mod renew;
mod replay;
mod stamp;
mod verification;
mod witness;
mod witnesses;

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
    /// Find in what different people were shown what convicts a monitor.
    Accuse(accuse::Arguments),
    /// Pin trust anchors for a monitor, after appraising its evidence.
    #[command(
        subcommand,
        after_help = "Example:\n  cloister anchors pin --monitor https://127.0.0.1:8443 --config monitor.toml \\\n    --executable ./cloisterd --pact sha256:... --out anchors.toml"
    )]
    Anchors(anchors::Command),
    /// Let a call run that waits for you, as an overseer.
    Approve(overseer::DecisionArguments),
    /// Challenge a monitor and appraise its evidence, bound to this very connection.
    Attest(attest::Arguments),
    /// Circuits: what a ceremony begins with, the key it ended with, and what a key is.
    #[command(subcommand)]
    Circuit(circuit::Command),
    /// Ask a monitor for a proof of a claim that the pact's consent lists.
    Claim(claim::Arguments),
    /// Print a completion script for a shell.
    #[command(
        after_help = "Example:\n  cloister completions bash > ~/.local/share/bash-completion/completions/cloister"
    )]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Run the connector of one agent: serve its clients, report to the monitor, enforce tickets.
    Connect(connect::Arguments),
    /// Have witnesses cosign the checkpoint of a bundle, or of a file of openings.
    Cosign(cosign::Arguments),
    /// Read the private counts of a day, as far as the pact's consent lists them.
    Counts(counts::Arguments),
    /// Hold a share of the key under which a monitor's state is sealed, and bring it where needed.
    #[command(subcommand)]
    Custody(custody::Command),
    /// Deal coins for numbers whose noise anybody can check.
    #[command(subcommand)]
    Deal(deal::Command),
    /// The main job end to end: monitor, sessions, claims, a private aggregate, verification.
    Demo(demo::Arguments),
    /// Do not let a call run that waits for you, as an overseer.
    Deny(overseer::DecisionArguments),
    /// Say in words what a bundle contains. Checks nothing.
    #[command(after_help = "Example:\n  cloister explain bundle.cbor")]
    Explain {
        /// The bundle.
        bundle: PathBuf,
    },
    /// Follow a monitor's signed notices as they happen.
    Follow(follow::Arguments),
    /// List the calls that wait for you, as an overseer.
    Inbox(overseer::InboxArguments),
    /// Judge an accusation under your anchors.
    Judge(accuse::JudgeArguments),
    /// Make and show signing keys.
    #[command(subcommand, after_help = "Example:\n  cloister key new --out agent.key")]
    Key(key::Command),
    /// Read what is on record of a session, as one whom the pact's consent names.
    #[command(
        subcommand,
        after_help = "Example:\n  cloister log read --session sha256:... --monitor https://127.0.0.1:8443 \\\n    --anchors anchors.toml --key auditor.key"
    )]
    Log(log::Command),
    /// Fetch what opens the commitments about you, checked and sealed to your key.
    Openings(holdings::Arguments),
    /// Work on pacts: lint, hash, sign, countersign.
    #[command(
        subcommand,
        after_help = "Examples:\n  cloister pact lint bank.pact.json\n  cloister pact sign bank.pact.json --key initiator.key --out proposal.json\n  cloister pact countersign proposal.json --key provider.key --out signed.json"
    )]
    Pact(pacts::Command),
    /// What is accepted of confidential VMs, and how a monitor's evidence stands against it.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Prove claims from your openings, offline, without any monitor.
    Prove(holdings::ProveArguments),
    /// Let a pact go on that a rolled back monitor stopped, as an overseer.
    Reinstate(overseer::ReinstateArguments),
    /// Have witnesses cosign a monitor's newest checkpoint, for its time and its lease.
    Renew(renew::Arguments),
    /// Drive a local monitor with recorded sessions and write one line a session.
    Replay(replay::Arguments),
    /// Have a time-stamping authority say since when a log or a pact exists (RFC 3161).
    #[command(subcommand)]
    Stamp(stamp::Command),
    /// Check a bundle offline: 0 verified, 1 refuted, 2 not checked, 3 unusable.
    Verify(verification::Arguments),
    /// Run a witness of logs (C2SP tlog-witness).
    Witness(witness::Arguments),
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

impl ModeArgument {
    /// As pacts and the command line spell it.
    const fn name(self) -> &'static str {
        match self {
            Self::Passive => "passive",
            Self::Active => "active",
            Self::Interventionist => "interventionist",
        }
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(shown) => return output::usage(&shown),
    };
    let result = match cli.command {
        Command::Accuse(arguments) => accuse::run(&arguments),
        Command::Anchors(command) => anchors::run(&command),
        Command::Approve(arguments) => overseer::decide(&arguments, true),
        Command::Attest(arguments) => attest::run(&arguments),
        Command::Circuit(command) => circuit::run(&command),
        Command::Claim(arguments) => claim::run(&arguments),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "cloister", &mut script);
            output::raw(&script);
            Ok(ExitCode::SUCCESS)
        }
        Command::Connect(arguments) => connect::run(&arguments),
        Command::Cosign(arguments) => cosign::run(&arguments),
        Command::Counts(arguments) => counts::run(&arguments),
        Command::Custody(command) => custody::run(&command),
        Command::Deal(command) => deal::run(&command),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Deny(arguments) => overseer::decide(&arguments, false),
        Command::Explain { bundle } => verification::explain(&bundle),
        Command::Follow(arguments) => follow::run(&arguments),
        Command::Inbox(arguments) => overseer::inbox(&arguments),
        Command::Judge(arguments) => accuse::judged(&arguments),
        Command::Key(command) => key::run(&command),
        Command::Log(command) => log::run(&command),
        Command::Openings(arguments) => holdings::run(&arguments),
        Command::Pact(command) => pacts::run(&command),
        Command::Policy(command) => policy::run(&command),
        Command::Prove(arguments) => holdings::prove(&arguments),
        Command::Reinstate(arguments) => overseer::reinstate(&arguments),
        Command::Renew(arguments) => renew::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Stamp(command) => stamp::run(&command),
        Command::Verify(arguments) => verification::run(&arguments),
        Command::Witness(arguments) => witness::run(&arguments),
    };
    result.and_then(output::finish).unwrap_or_else(|fault: Fault| {
        output::fault(&fault);
        ExitCode::from(3)
    })
}

const EXAMPLES: &str = "Examples:
  cloister demo
  cloister replay --pact p.json --sessions s.ndjson.gz --mode active --report r.ndjson
  cloister verify bundle.cbor --anchors anchors.toml
  cloister pact lint p.json

Exit codes: 0 done; 3 unusable input or a wrong command. 1 and 2 are findings: `verify` 1 refuted,
2 not checked; `attest` 1 refused, 2 development evidence; `log check` 1 another history; `judge` and
`accuse` 2 nobody convicted; `pact lint` 1 cannot be monitored; `pact diff` 1 wider or both must sign.";
