//! A monitor whose time is a witness's, each a process of its own, and the courier between them.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

mod monitor;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use monitor::{FLAG, Running, cloister, config, done, monitor, pin, port, text};

const CLOCK: &str = r#"kind = "witnessed"
quorum = 1
drift_ppm = 100
slack_ms = 2000
reach_ms = 3600000
lease_ms = 600000
"#;

#[test]
fn the_courier_brings_a_monitor_its_time_and_says_why_a_witness_gives_none() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let witness = done(&cloister(folder, &["key", "new", "--out", "witness.key"]));
    let port = port();
    let named = format!("[[witnesses]]\nname = \"witness.example\"\nkey = \"{witness}\"\n");
    std::fs::write(folder.join("monitor.toml"), config("renew", port, CLOCK, &named)).unwrap();
    let first = monitor(folder);
    let url = format!("https://127.0.0.1:{port}");
    done(&pin(folder, &url, "anchors.toml"));

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
