//! `cargo xtask eval-traces`: recorded sessions under drafted pacts.

use anyhow::{Result, ensure};

/// Builds the evaluation optimised and runs it on the recorded sessions beside the repository; the
/// numbers go to `benches/eval-traces.json` as well.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let traces = crate::root().join("../shared/traces");
    if args.is_empty() && !traces.is_dir() {
        println!("no recorded sessions: {} is absent; nothing was measured", traces.display());
        return Ok(());
    }
    let mut command =
        crate::cargo(&["run", "--release", "--locked", "-q", "-p", "cloister-evaluation", "--"]);
    if args.iter().all(|a| a != "--traces") {
        command.arg("--traces").arg(&traces);
    }
    if args.iter().all(|a| a != "--json") {
        command.arg("--json").arg(crate::root().join("benches/eval-traces.json"));
    }
    ensure!(command.args(args).status()?.success(), "the evaluation failed");
    Ok(())
}
