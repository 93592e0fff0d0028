//! `cargo xtask nightly`: the checks that take hours. What cannot run here is named.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::stage::{self, Outcome, Stages};
use crate::test::{build_binaries, daemon};
use crate::{DEV_FEATURES, cargo, root};

/// Runs all long checks, or the named ones; stops at the first that fails.
pub(crate) fn run(only: &[String]) -> Result<()> {
    stage::known(only, STAGES.iter().map(|(name, _)| *name))?;
    let mut stages = Stages::default();
    for (name, stage) in STAGES.iter().filter(|(name, _)| stage::wanted(only, name)) {
        stages.run(name, stage)?;
    }
    stages.print_table();
    Ok(())
}

type Stage = fn() -> Result<Outcome>;

const STAGES: &[(&str, Stage)] = &[
    ("proptest", many_cases),
    ("end-to-end", end_to_end_again_and_again),
    ("kill", killed_again_and_again),
    ("accountants", accountants),
    ("mutants", mutants),
];

/// The property tests, with many more cases than on every change.
fn many_cases() -> Result<Outcome> {
    let mut command = cargo(&["test", "--locked", "--workspace", "--lib", "--features"]);
    stage::run(command.arg(DEV_FEATURES).env("PROPTEST_CASES", PROPTEST_CASES))?;
    // The laws of the pact language stand beside its library: an hour by themselves.
    let mut command = cargo(&["test", "--locked", "--package", "cloister-pact", "--tests"]);
    stage::run(command.env("PROPTEST_CASES", PROPTEST_CASES))
}

/// A race shows in one run of many.
fn end_to_end_again_and_again() -> Result<Outcome> {
    stage::run(&mut build_binaries())?;
    for round in 1..=END_TO_END_ROUNDS {
        println!("   round {round} of {END_TO_END_ROUNDS}");
        // The journal's crash points are another stage's, with a feature of their own.
        let mut command = cargo(&["test", "--locked", "--workspace", "--test", "*"]);
        command
            .args(["--exclude", "cloister-journal", "--features", DEV_FEATURES])
            .env("CLOISTERD_BIN", daemon());
        stage::run(&mut command)?;
    }
    Ok(Outcome::Passed)
}

/// `kill -9` under load on one state folder, with many more rounds than on every change. The seed
/// and how far it is are printed.
fn killed_again_and_again() -> Result<Outcome> {
    let mut command = cargo(&["test", "--locked", "--package", "cloister-enclave", "--features"]);
    command.args(["insecure-software-attester", "--test", "daemon"]);
    command.args(["--", "--nocapture", "kill::"]).env("CLOISTER_KILL_ROUNDS", KILL_ROUNDS);
    stage::watch(&mut command, |line| {
        if ["CLOISTER_KILL_SEED", "round "].iter().any(|begin| line.starts_with(begin)) {
            println!("   {line}");
        }
    })?;
    Ok(Outcome::Passed)
}

/// What other accountants of privacy say today of the losses that our cards are tested against.
fn accountants() -> Result<Outcome> {
    let (home, venv) =
        (root().join("crates/release/tests/accountants"), root().join("target/accountants"));
    let python = venv.join("bin/python");
    if stage::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv)).is_err() {
        return Ok(Outcome::Skipped("python3 has no venv"));
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "-r"]).arg(home.join("requirements.txt"));
    if stage::run(&mut install).is_err() {
        return Ok(Outcome::Skipped("the accountants cannot be installed from a package index"));
    }
    stage::run(Command::new(&python).arg(home.join("compute.py")).arg(home.join("golden.json")))
}

/// Changes the code in small ways: a change that no test notices is a missing test.
fn mutants() -> Result<Outcome> {
    let mut version = Command::new("cargo");
    version.args(["mutants", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !version.status()?.success() {
        println!("   cargo-mutants is missing: installing it by name");
        if stage::run(&mut cargo(&["install", "--locked", "cargo-mutants"])).is_err() {
            return Ok(Outcome::Skipped("cargo-mutants is not installed, and cannot be"));
        }
    }
    let packages = ["--package", "cloister-pact", "--package", "cloister-release"];
    stage::run(cargo(&["mutants"]).args(packages).args(["--output", "target/mutants"]))?;
    // What holds the verifier to its codes is the prover's corpus. The whole tree has passed
    // before; a mutant is tested with fewer batches against the proof system's own verifier.
    let verifier = ["--package", "cloister-verify", "--baseline", "skip", "--timeout", "180"];
    let tests = ["--test-package", "cloister-verify,cloister-prove", "--output", "target/verifier"];
    let circuits = ["--features", "cloister-verify/groth16,cloister-prove/groth16"];
    let mut command = cargo(&["mutants"]);
    command.args(verifier).args(tests).args(circuits).args(["--", "--lib"]);
    command.args(CORPUS.iter().flat_map(|test| ["--test", test]));
    stage::run(command.env("CLOISTER_DIFFERENTIAL", "10").env("PROPTEST_CASES", "16"))?;
    // A statement that demands less than its page says.
    let statements = ["--package", "cloister-circuits", "--output", "target/circuits"];
    let tests = ["--features", "insecure-test-keys", "--", "--lib", "--test", "groth16"];
    stage::run(cargo(&["mutants"]).args(statements).args(tests).env("PROPTEST_CASES", "16"))
}

/// The prover's tests that hold the verifier to what it says.
const CORPUS: [&str; 10] = [
    "accusations",
    "binomial",
    "bounds",
    "documents",
    "forged",
    "obeyed",
    "round_trip",
    "several",
    "transcript",
    "vectors",
];
const PROPTEST_CASES: &str = "20000";
const KILL_ROUNDS: &str = "1000";
const END_TO_END_ROUNDS: u32 = 20;
