//! `cloisterd`: the monitor process. It listens, and everything else happens in [`pipeline`].

mod api;
mod audit;
mod boot_key;
mod check;
mod clock;
mod config;
mod custody;
mod desk;
mod door;
#[cfg(feature = "guest-image")]
mod guest;
mod metrics;
mod pipeline;
mod public;
mod segment_key;
mod state;
mod store;
mod tee;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

/// The Cloister monitor. Takes its measured configuration from one file and serves one socket.
#[derive(Parser)]
#[command(name = "cloisterd", version, after_help = EXAMPLE)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(flatten)]
    serve: Option<Serve>,
    #[command(subcommand)]
    task: Option<Task>,
}

/// What serving needs.
#[derive(Args)]
struct Serve {
    /// The measured configuration (TOML). Its digest is part of the monitor's identity.
    #[arg(long)]
    config: PathBuf,
    /// The folder of journal, archive and public log. One monitor, one folder.
    #[arg(long)]
    state: PathBuf,
}

/// What else there is to do.
#[derive(Subcommand)]
enum Task {
    /// Read a configuration as the monitor would; print its digest and what it says. Opens
    /// nothing else. Exit status 1 when the monitor would refuse it.
    CheckConfig {
        /// The configuration (TOML).
        file: PathBuf,
    },
    /// Print what private statistics protect under a configuration, and the noise to expect, before
    /// anything is released. Opens nothing else.
    Privacy {
        /// The configuration (TOML).
        file: PathBuf,
        /// Sessions a day that you expect; may be repeated.
        #[arg(long, default_values_t = [1_000, 10_000, 100_000])]
        sessions: Vec<u64>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    #[cfg(feature = "guest-image")]
    if guest::is_first() {
        audit::install();
        return Ok(guest::run(serve));
    }
    let Arguments { serve: arguments, task } = Arguments::parse();
    match task {
        Some(Task::CheckConfig { file }) => return print(check::check(&file)),
        Some(Task::Privacy { file, sessions }) => return print(check::privacy(&file, &sessions)),
        None => {}
    }
    let Serve { config, state } = arguments.context("--config and --state are required")?;
    audit::install();
    serve(&config, &state)?;
    Ok(ExitCode::SUCCESS)
}

fn serve(config: &Path, state: &Path) -> anyhow::Result<()> {
    // The points of `FAILPOINTS` hold for the whole life of the process.
    #[cfg(feature = "failpoints")]
    core::mem::forget(fail::FailScenario::setup());
    let text = std::fs::read(config).context("the configuration cannot be read")?;
    let config = config::Config::parse(&text)?;
    // Fails closed: without the configured TEE there is no monitor.
    let tee = Arc::new(tee::Tee::open(&config, state)?);
    // None where the process was asked to end while it waited for custodians.
    let Some(sealing) = store::Sealing::open(&config, &tee, state)? else { return Ok(()) };
    let pipeline = store::open(config, (tee, sealing), state)?;
    let values = &pipeline.values;
    let addresses = door::Addresses { parties: values.listen, operator: values.operator };
    door::serve(addresses, pipeline)
}

/// Prints what a person reads; no monitor runs in this process.
fn print(said: Result<String, check::CheckError>) -> anyhow::Result<ExitCode> {
    match said {
        Ok(text) => {
            std::io::stdout().write_all(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            std::io::stderr().write_all(format!("{error}\n").as_bytes())?;
            Ok(ExitCode::FAILURE)
        }
    }
}

const EXAMPLE: &str = "Examples:\n  \
    cloisterd --config monitor.toml --state /var/lib/cloister\n  \
    cloisterd check-config monitor.toml\n  \
    cloisterd privacy monitor.toml --sessions 5000";
