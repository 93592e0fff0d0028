//! Load on a real `cloisterd`, over its attested channel: inline decisions beside a server that
//! decides nothing, memory of open sessions, time of recovery.
//!
//! ```sh
//! cargo build --release --locked -p cloister-enclave -p cloister-benches --bins \
//!   --features cloister-enclave/insecure-software-attester,cloister-benches/load
//! target/release/load decide
//! target/release/load sessions
//! target/release/load recovery
//! ```
//!
//! It starts the `cloisterd` that lies beside it, in a folder of its own, and ends it again.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a load generator measures time, prints it, and stops when something is wrong"
)]

mod daemon;
mod decide;
mod line;
mod noop;
mod recovery;
mod scene;
mod sessions;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Load on a real cloisterd.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
    /// Where the state folders go: the disk that is measured.
    #[arg(long, global = true, default_value = ".")]
    disk: PathBuf,
}

/// What is measured.
#[derive(Subcommand)]
enum Task {
    /// Inline decisions at a constant rate, in turns with a server that decides nothing.
    Decide(decide::Arguments),
    /// Resident memory of open sessions.
    Sessions(sessions::Arguments),
    /// Time to recover after the process was killed.
    Recovery(recovery::Arguments),
    /// The server that decides nothing; `decide` starts it.
    Noop(noop::Arguments),
}

fn main() {
    let Arguments { task, disk } = Arguments::parse();
    if let Task::Noop(arguments) = task {
        return noop::serve(&arguments);
    }
    let folder = tempfile::tempdir_in(disk).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match task {
        Task::Decide(arguments) => decide::run(&runtime, folder.path(), &arguments),
        Task::Sessions(arguments) => sessions::run(&runtime, folder.path(), &arguments),
        Task::Recovery(arguments) => recovery::run(&runtime, folder.path(), &arguments),
        Task::Noop(_) => {}
    }
}
