//! A monitor whose time is a witness's, each a process of its own, and the courier between them.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const FLAG: &str = "--allow-insecure-software-evidence";
const MONITOR: &str = r#"
origin = "insecure-dev/renew.cloister.example"
tee = "insecure-software"
sealing = "insecure-file"
listen = "127.0.0.1:{port}"
epoch_ms = 86400000
max_pacts = 4
max_sessions = 100
idle_ms = 3600000
[clock]
kind = "witnessed"
quorum = 1
drift_ppm = 100
slack_ms = 2000
reach_ms = 3600000
lease_ms = 600000
[privacy]
cap_nano_rho = 400000000
price_nano_rho = 100000000
sessions = 1
cells = 4
horizon_days = 365
[[witnesses]]
name = "witness.example"
key = "{witness}"
"#;

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn cloister(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

fn cloisterd() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_cloister")).with_file_name("cloisterd")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Starts a monitor on the folder, and waits until it listens.
fn monitor(folder: &Path) -> Running {
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

#[test]
fn the_courier_brings_a_monitor_its_time_and_says_why_a_witness_gives_none() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let witness = done(&cloister(folder, &["key", "new", "--out", "witness.key"]));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = MONITOR.replace("{port}", &port.to_string()).replace("{witness}", &witness);
    std::fs::write(folder.join("monitor.toml"), config).unwrap();
    let first = monitor(folder);
    let (url, executable) = (format!("https://127.0.0.1:{port}"), cloisterd());
    let pin = ["anchors", "pin", "--monitor", &url, "--config", "monitor.toml"];
    let more = ["--executable", executable.to_str().unwrap(), "--out", "anchors.toml", FLAG];
    done(&cloister(folder, &[&pin[..], &more].concat()));

    let mut child = Command::new(env!("CARGO_BIN_EXE_cloister"))
        .args(["witness", "--name", "witness.example", "--key", "witness.key", "--logs"])
        .args(["anchors.toml", "--state", "seen", "--listen", "127.0.0.1:0"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let _witness = Running(child);
    let (_, at) = line.trim_end().rsplit_once("listens on ").unwrap();
    let renew = |witnesses: &[&str]| {
        let access = ["renew", "--monitor", &url, "--anchors", "anchors.toml", FLAG];
        let named: Vec<&str> = witnesses.iter().flat_map(|at| ["--witness", *at]).collect();
        cloister(folder, &[&access[..], &named].concat())
    };
    let elsewhere = renew(&["http://127.0.0.1:1"]);
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(text(&elsewhere).contains("error[witnesses-none]"), "{}", text(&elsewhere));
    // One that is away is said to be, and holds up nothing.
    let renewed = renew(&["http://127.0.0.1:1", at]);
    assert_eq!(done(&renewed), "renewed: 1 of the monitor's witnesses have cosigned");
    assert!(text(&renewed).contains("error[witness-refused]"), "{}", text(&renewed));
    done(&renew(&[at]));

    // Killed, it may live on somewhere: its next boot waits.
    drop(first);
    let _second = monitor(folder);
    let leased = renew(&[at]);
    assert_eq!(leased.status.code(), Some(3));
    assert!(text(&leased).contains("error[witness-leased]"), "{}", text(&leased));
}
