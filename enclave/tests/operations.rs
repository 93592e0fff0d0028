//! What an operator has in hand: `check-config`, the sample configuration and the systemd unit.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails here says so")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SAMPLE: &str = include_str!("../ops/monitor.toml");
const UNIT: &str = include_str!("../ops/cloisterd.service");

fn check(file: &Path) -> (Option<i32>, String, String) {
    let checked = Command::new(env!("CARGO_BIN_EXE_cloisterd"))
        .arg("check-config")
        .arg(file)
        .output()
        .unwrap();
    let Output { status, stdout, stderr } = checked;
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Checks `text` from a file.
fn check_text(text: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("monitor.toml");
    std::fs::write(&file, text).unwrap();
    check(&file)
}

/// The line of a summary that begins with `name`.
fn line<'a>(summary: &'a str, name: &str) -> &'a str {
    let found = summary.lines().find_map(|line| line.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in {summary}")).trim()
}

#[test]
fn the_sample_passes_and_its_digest_is_over_its_bytes() {
    let (code, summary, errors) = check_text(SAMPLE);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(line(&summary, "origin"), "insecure-dev/monitor.example");
    assert_eq!(line(&summary, "bounds"), "256 pacts, 100000 sessions");
    assert!(line(&summary, "warning").starts_with("for development"));
    let digest = messages::domain::CONFIG.hash(&[SAMPLE.as_bytes()]);
    let digest = messages::ids::ConfigDigest(digest).to_string();
    assert_eq!(line(&summary, "digest"), digest);
    let (_, other, _) = check_text(&format!("{SAMPLE}\n"));
    assert_ne!(line(&other, "digest"), digest);
}

#[test]
fn every_key_of_the_sample_is_read() {
    for line in SAMPLE.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")) {
        let misnamed = SAMPLE.replace(&format!("\n{line}"), &format!("\nmis{line}"));
        assert_ne!(misnamed, SAMPLE);
        let (code, _, errors) = check_text(&misnamed);
        assert_eq!(code, Some(1), "{line}");
        assert!(errors.starts_with("config-malformed: "), "{line}: {errors}");
    }
}

#[test]
fn each_refusal_has_its_code_and_ends_with_1() {
    let with = |old: &str, new: &str| {
        let text = SAMPLE.replace(old, new);
        assert_ne!(text, SAMPLE, "{old}");
        text
    };
    let web = "did:web:agent.example";
    let cases = [
        (String::new(), "config-malformed: "),
        ("#".repeat(64 * 1024 + 1), "config-too-large: "),
        (with("insecure-dev/", "production/"), "config-origin: "),
        (with("epoch_ms = 3600000", "epoch_ms = 3600001"), "config-epoch: "),
        (with("127.0.0.1:9464", "0.0.0.0:9464"), "config-range: operator "),
        (with("max_pacts = 256", "max_pacts = 0"), "config-range: max_pacts "),
        (with("of_pact = 390", "of_pact = 391"), "config-range: max_sessions_of_pact "),
        (with("of_pact = 390", "of_pact = 0"), "config-range: max_sessions_of_pact "),
        (with("# \"did:web", &format!("\"{web}\" = \"{web}\" # ")), "config-range: keys "),
    ];
    for (text, begin) in cases {
        let (code, summary, errors) = check_text(&text);
        assert_eq!((code, summary.as_str()), (Some(1), ""), "{begin}");
        assert!(errors.starts_with(begin), "{begin} {errors}");
        assert!(errors.contains("; ") || errors.contains("see the comments"), "{errors}");
    }
    let (code, _, errors) = check(Path::new("/nonexistent/monitor.toml"));
    assert_eq!(code, Some(1));
    assert!(errors.starts_with("config-unreadable: "), "{errors}");
}

#[test]
fn serving_still_needs_both_of_its_arguments() {
    for arguments in [&[][..], &["--config", "x"], &["--state", "x"], &["check-config"]] {
        let cloisterd = env!("CARGO_BIN_EXE_cloisterd");
        let status = Command::new(cloisterd).args(arguments).output().unwrap().status;
        assert_eq!(status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_unit_is_hardened_and_leaves_time_to_drain() {
    let settings: Vec<&str> = UNIT.lines().filter(|line| !line.starts_with('#')).collect();
    for setting in [
        "CapabilityBoundingSet=",
        "LimitCORE=0",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "Restart=on-failure",
        "StateDirectory=cloister",
        "StateDirectoryMode=0700",
    ] {
        assert!(settings.contains(&setting), "{setting}");
    }
    let stop = settings.iter().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap();
    assert!(stop.parse::<u32>().unwrap() >= 15);
}

/// Where systemd is, it reads the unit without a complaint.
#[test]
fn systemd_reads_the_unit() {
    let folder = tempfile::tempdir().unwrap();
    let unit: PathBuf = folder.path().join("cloisterd.service");
    // It also looks for the program.
    let text = UNIT.replace("/usr/local/bin/cloisterd", env!("CARGO_BIN_EXE_cloisterd"));
    std::fs::write(&unit, text).unwrap();
    let mut analyze = Command::new("systemd-analyze");
    let Ok(verified) = analyze.args(["verify", "--man=no"]).arg(&unit).output() else { return };
    let complaints = String::from_utf8_lossy(&verified.stderr);
    let ours = complaints.lines().filter(|line| line.contains("cloisterd.service"));
    assert_eq!(ours.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(verified.status.success(), "{complaints}");
}
