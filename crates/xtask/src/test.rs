//! `cargo xtask test`: everything that a change must pass.

use std::process::Command;

use anyhow::{Result, bail};

use crate::stage::{self, Outcome, Stages};
use crate::totals::Totals;
use crate::{DEV_FEATURES, cargo, image, layers, root, sources, tools, wasm};

/// Runs all stages, or the named ones, in order; stops at the first that fails.
pub(crate) fn run(only: &[String]) -> Result<()> {
    stage::known(only, STAGES.iter().map(|(name, _)| *name))?;
    let mut stages = Stages::default();
    let mut totals = Totals::default();
    for (name, stage) in STAGES {
        if stage::wanted(only, name) {
            stages.run(name, || stage(&mut totals))?;
        }
    }
    stages.print_table();
    if !totals.is_empty() {
        println!("{}", totals.line());
    }
    Ok(())
}

type Stage = fn(&mut Totals) -> Result<Outcome>;

const STAGES: &[(&str, Stage)] = &[
    ("tools", |_| tools::ensure()),
    ("fmt", |_| stage::run(&mut cargo(&["fmt", "--all", "--check"]))),
    ("layers", |_| holds(&layers::violations()?)),
    ("sources", |_| holds(&sources::violations(&root())?)),
    ("clippy", |_| clippy()),
    ("build", |_| stage::run(&mut build_binaries())),
    ("test", test),
    ("crash-points", crash_points),
    ("doc", |_| doc()),
    ("verify-alone", |_| verify_alone()),
    ("verify-wasm", |_| wasm::run(&target())),
    ("release-image", |_| release_image()),
    ("image", image::check),
];

/// Returns the command that builds `cloister` and `cloisterd` for development.
pub(crate) fn build_binaries() -> Command {
    cargo(&["build", "--locked", "--workspace", "--bins", "--features", DEV_FEATURES])
}

fn holds(violations: &[String]) -> Result<Outcome> {
    for violation in violations {
        println!("   {violation}");
    }
    match violations.len() {
        0 => Ok(Outcome::Passed),
        n => bail!("{n} broken rules"),
    }
}

/// Crash points, their tests and the image's first process are compiled here too: the stages that
/// run them come late.
fn clippy() -> Result<Outcome> {
    let late = "cloister-enclave/failpoints,cloister-enclave/guest-image";
    let features = format!("{DEV_FEATURES},{late}");
    let mut command = cargo(&["clippy", "--locked", "--workspace", "--all-targets"]);
    stage::run(command.args(["--features", &features, "--", "-D", "warnings"]))
}

/// Unit, integration, end-to-end and documentation tests. The end-to-end tests start the daemon
/// that the stage before has built.
fn test(totals: &mut Totals) -> Result<Outcome> {
    let mut command = cargo(&["test", "--locked", "--workspace", "--no-fail-fast"]);
    command.args(["--features", DEV_FEATURES]).env("CLOISTERD_BIN", daemon());
    stage::watch(&mut command, |line| {
        totals.see(line);
        let shown = line.trim_start();
        if ["Running ", "Doc-tests ", "test result: "].iter().any(|p| shown.starts_with(p)) {
            println!("   {shown}");
        }
    })?;
    Ok(Outcome::Passed)
}

/// Processes that end at each marked line: what comes back is what was durable. Apart from the
/// other tests, because nothing else is built with crash points.
fn crash_points(totals: &mut Totals) -> Result<Outcome> {
    for arguments in CRASH_POINTS {
        let mut command = cargo(&["test", "--locked", "--package"]);
        stage::watch(command.args(*arguments), |line| {
            totals.see(line);
            if line.trim_start().starts_with("test result: ") {
                println!("   {}", line.trim_start());
            }
        })?;
    }
    Ok(Outcome::Passed)
}

/// Returns the path of the daemon that [`build_binaries`] makes.
pub(crate) fn daemon() -> std::path::PathBuf {
    target().join("debug").join(format!("cloisterd{}", std::env::consts::EXE_SUFFIX))
}

/// Returns the path of the command that [`build_binaries`] makes.
pub(crate) fn cloister() -> std::path::PathBuf {
    target().join("debug").join(format!("cloister{}", std::env::consts::EXE_SUFFIX))
}

fn target() -> std::path::PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into)
}

fn doc() -> Result<Outcome> {
    let mut command = cargo(&["doc", "--locked", "--workspace", "--no-deps"]);
    stage::run(command.args(["--features", DEV_FEATURES]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The verifier builds by itself and without a C compiler. A target folder of its own: what
/// other stages have compiled must not stand in.
fn verify_alone() -> Result<Outcome> {
    let mut command = cargo(&["check", "--locked", "--package", "cloister-verify"]);
    command.args(["--no-default-features", "--target-dir"]).arg(target().join("verify-alone"));
    stage::run(command.env("CC", "/bin/false"))
}

/// A daemon for release builds, but not with the attester for development, and the compiler's
/// own message says so: another error does not count.
fn release_image() -> Result<Outcome> {
    let check = ["check", "--locked", "--package", "cloister-enclave", "--features"];
    stage::run(cargo(&check).arg("release-image"))?;
    let both = cargo(&check).arg("release-image,insecure-software-attester").output()?;
    let said = String::from_utf8_lossy(&both.stderr);
    if both.status.success() {
        bail!("a release image with the software attester compiles");
    }
    if !said.contains("insecure-software-attester") || !said.contains("release-image") {
        println!("{said}");
        bail!("the build failed, but not for the reason that it must");
    }
    Ok(Outcome::Passed)
}

/// Package, features and test target of each.
const CRASH_POINTS: &[&[&str]] = &[
    &["cloister-journal", "--features", "failpoints", "--test", "crash_points"],
    &[
        "cloister-enclave",
        "--features",
        "insecure-software-attester,failpoints",
        "--test",
        "daemon",
        "--",
        "points::",
    ],
];
