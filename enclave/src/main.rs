//! `cloisterd`: the monitor process. It listens, and everything else happens in [`pipeline`].

mod api;
mod audit;
mod clock;
mod config;
mod desk;
mod door;
mod metrics;
mod pipeline;
mod public;
mod state;
mod store;
mod tee;

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;

/// The Cloister monitor. Takes its measured configuration from one file and serves one socket.
#[derive(Parser)]
#[command(name = "cloisterd", version, after_help = EXAMPLE)]
struct Arguments {
    /// The measured configuration (TOML). Its digest is part of the monitor's identity.
    #[arg(long)]
    config: PathBuf,
    /// The folder of journal, archive and public log. One monitor, one folder.
    #[arg(long)]
    state: PathBuf,
}

fn main() -> anyhow::Result<()> {
    audit::install();
    let arguments = Arguments::parse();
    let text = std::fs::read(&arguments.config).context("the configuration cannot be read")?;
    let config = config::Config::parse(&text)?;
    // Fails closed: without the configured TEE there is no monitor.
    let tee = tee::Tee::open(&config)?;
    let pipeline = store::open(config, tee, &arguments.state)?;
    let values = &pipeline.values;
    let addresses = door::Addresses { parties: values.listen, operator: values.operator };
    door::serve(addresses, pipeline)
}

const EXAMPLE: &str = "Example:\n  cloisterd --config monitor.toml --state /var/lib/cloister";
