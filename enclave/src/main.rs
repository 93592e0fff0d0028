//! `cloisterd`: the monitor process. It listens, and everything else happens in [`pipeline`].

mod audit;
mod clock;
mod config;
mod door;
mod pipeline;
mod tee;

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use messages::signature::SigningKey;
use rand_core::OsRng;

/// The Cloister monitor. Takes its measured configuration from one file and serves one socket.
#[derive(Parser)]
#[command(name = "cloisterd", version, after_help = EXAMPLE)]
struct Arguments {
    /// The measured configuration (TOML). Its digest is part of the monitor's identity.
    #[arg(long)]
    config: PathBuf,
    /// Where to listen: a path for a local socket, created with mode 0600.
    #[arg(long)]
    socket: PathBuf,
}

fn main() -> anyhow::Result<()> {
    audit::install();
    let arguments = Arguments::parse();
    let text = std::fs::read(&arguments.config).context("the configuration cannot be read")?;
    let config = config::Config::parse(&text)?;
    // Fails closed: without the configured TEE there is no monitor.
    let tee = tee::Tee::open(&config)?;
    let log_key = SigningKey::generate(&mut OsRng);
    let pipeline = pipeline::Pipeline::boot(config, tee, log_key)?;
    door::serve(&arguments.socket, pipeline)
}

const EXAMPLE: &str = "Example:\n  cloisterd --config monitor.toml --socket /run/cloister.sock";
