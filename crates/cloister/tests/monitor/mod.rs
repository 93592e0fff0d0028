//! A monitor, and commands, as processes of their own.

mod config;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

pub(crate) use self::config::{FLAG, cloisterd, config};

/// A process that ends with this value.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

pub(crate) fn cloister(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

pub(crate) fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Starts a monitor on the folder, and waits until it listens.
pub(crate) fn monitor(folder: &Path) -> Running {
    let mut child = Command::new(cloisterd())
        .args(["--config", "monitor.toml", "--state", "monitor"])
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"listening\"")));
    // What it says after that is read, so that it can say it.
    std::thread::spawn(move || lines.for_each(drop));
    Running(child)
}

/// A free port, as far as one can know.
pub(crate) fn port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Pins the monitor at `url` that runs `monitor.toml`.
pub(crate) fn pin(folder: &Path, url: &str, out: &str) -> Output {
    let executable = cloisterd();
    let pin = ["anchors", "pin", "--monitor", url, "--config", "monitor.toml"];
    let more = ["--executable", executable.to_str().unwrap(), "--out", out, FLAG];
    cloister(folder, &[&pin[..], &more].concat())
}
