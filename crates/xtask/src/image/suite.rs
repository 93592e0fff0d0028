//! The end-to-end tests of the service, each with monitors of its own in emulated machines that boot
//! the image: what holds for a process holds for the first process of a machine, on a disk that
//! loses its power where a process is killed.

use std::fs;

use anyhow::{Result, ensure};

use super::{Image, folder, machine};
use crate::totals::Totals;
use crate::{DEV_FEATURES, cargo, stage};

/// Runs them. Built as for the stage `test`, so that nothing is compiled anew.
pub(super) fn check(image: &Image, totals: &mut Totals) -> Result<()> {
    let words = folder().join("machine");
    fs::write(&words, machine::words(image).join("\n"))?;
    let mut command = cargo(&["test", "--locked", "--workspace", "--features", DEV_FEATURES]);
    command.args(["--test", "daemon", "--", "--test-threads", THREADS]).args(SUITES);
    for (test, why) in LEFT_OUT {
        println!("   not in a machine: {test}: {why}");
        command.args(["--skip", test]);
    }
    command.env("CLOISTER_MACHINE", &words).env("CLOISTER_MACHINE_MONITOR", &image.monitor);
    let mut ran = String::new();
    stage::watch(&mut command, |line| {
        totals.see(line);
        if line.starts_with("test ") || line.starts_with("a machine ended") {
            println!("   {line}");
            ran.push_str(line);
        }
    })?;
    for suite in SUITES {
        ensure!(ran.contains(suite), "no test of {suite} ran in a machine");
    }
    Ok(())
}

/// Whose tests run.
const SUITES: [&str; 5] = ["alerts::", "door::", "handing::", "release::", "service::"];

/// Which of them do not, and why.
const LEFT_OUT: [(&str, &str); 1] = [(
    "service::past_its_retention_a_session_is_forgotten_whole_and_its_receipt_is_no_rollback",
    "it counts files in the state folder",
)];

/// Each machine keeps one core busy, and takes long enough to boot.
const THREADS: &str = "2";
