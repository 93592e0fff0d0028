//! `cargo xtask`: the commands that build, check and show the workspace.
//!
//! Nothing here is part of the product, and nothing reaches the network but cargo itself.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "this is the output of a command that people and CI read"
)]

mod demo;
mod eval_traces;
mod image;
mod layers;
mod nightly;
mod sources;
mod stage;
mod test;
mod tools;
mod totals;
mod wasm;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let verb = args.next();
    let rest: Vec<String> = args.collect();
    let done = match verb.as_deref() {
        Some("test") => test::run(&rest),
        Some("demo") => demo::run(&rest),
        Some("image") => image::run(&rest),
        Some("eval-traces") => eval_traces::run(&rest),
        Some("nightly") => nightly::run(&rest),
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        _ => {
            println!("{HELP}");
            return ExitCode::from(3);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Returns a cargo command that runs in the workspace's root.
fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Returns the workspace's root: two folders above this package.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Runs a command and returns its standard output.
fn output(command: &mut Command) -> Result<String> {
    let out = command.output().with_context(|| format!("cannot start {command:?}"))?;
    anyhow::ensure!(
        out.status.success(),
        "{command:?} failed\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).context("output is not UTF-8")
}

/// The feature that gives the daemon its development evidence, off by default and impossible in a
/// release image; and the load generator, so that it is linted and built with everything else.
const DEV_FEATURES: &str = "cloister-enclave/insecure-software-attester,cloister-benches/load,cloister-circuits/insecure-test-keys,cloister-prove/groth16";

const HELP: &str = "\
cargo xtask COMMAND

  test [STAGE...]  every check of the workspace, or only the named stages
  eval-traces [ARG...]
                   recorded attacks stopped and honest work touched by drafted pacts
  demo [ARG...]    build both binaries and run `cloister demo ARG...`
  image [--development]
                   build the measured image and print its launch measurements
  nightly [STAGE...]
                   the long checks, or only the named ones: proptest, end-to-end, kill, mutants";
