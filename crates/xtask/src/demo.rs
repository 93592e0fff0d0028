//! `cargo xtask demo`: both binaries, then `cloister demo`.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::test::{build_binaries, daemon};

/// Builds, then hands over to `cloister demo` with `args`; a leading `--` is dropped.
pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(build_binaries().status()?.success(), "the binaries do not build");
    let args = args.strip_prefix(&["--".to_owned()]).unwrap_or(args);
    let daemon = daemon();
    let command = daemon.with_file_name(format!("cloister{}", std::env::consts::EXE_SUFFIX));
    let status =
        Command::new(command).arg("demo").args(args).env("CLOISTERD_BIN", daemon).status()?;
    ensure!(status.success(), "cloister demo ended with {status}");
    Ok(())
}
