//! The command line itself: exits, refusals with their codes, and the way from keys to a replay.
#![expect(clippy::expect_used, reason = "a test that fails here says so")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use sha2::{Digest, Sha256};

fn cloister(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("cloister runs")
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = cloister(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn refused(folder: &Path, arguments: &[&str], code: &str) {
    let output = cloister(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains(&format!("error[{code}]")) && errors.contains("try: "), "{errors}");
}

const DRAFT: &str = include_str!("../demo/bank.pact.json");
const SESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/bank.sessions.ndjson");

#[test]
fn a_wrong_command_is_never_taken_for_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [&["verify"][..], &["verify", "b", "--anchors", "a", "--at", "soon"], &["x"], &[]]
    {
        assert_eq!(cloister(folder.path(), wrong).status.code(), Some(3), "{wrong:?}");
    }
    for asked in ["--help", "--version"] {
        assert_eq!(cloister(folder.path(), &[asked]).status.code(), Some(0), "{asked}");
    }
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn two_keys_make_a_draft_binding_and_a_replay_counts_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let mut draft = DRAFT.to_owned();
    std::fs::write(at.join("draft.json"), &draft).unwrap();
    refused(at, &["pact", "lint", "draft.json"], "pact-places-open");
    for (place, key) in [
        ("INITIATOR", "a.key"),
        ("PROVIDER", "b.key"),
        ("OVERSEER", "c.key"),
        ("AUDITOR", "d.key"),
        ("MONITOR", "e.key"),
    ] {
        let did = done(at, &["key", "new", "--out", key]);
        assert_eq!(did, done(at, &["key", "show", key]));
        draft = draft.replace(&format!("{{{{{place}}}}}"), &did);
    }
    refused(at, &["key", "new", "--out", "a.key"], "key-exists");
    std::fs::write(at.join("draft.json"), &draft).unwrap();

    let initiator = done(at, &["key", "show", "a.key"]);
    let sign = ["pact", "sign", "draft.json", "--out", "one.json", "--key"];
    refused(at, &[&sign[..], &["b.key", "--did", &initiator]].concat(), "key-not-of-did");
    refused(at, &[&sign[..], &["d.key"]].concat(), "pact-not-a-party");
    done(at, &[&sign[..], &["a.key"]].concat());
    let counter = ["pact", "countersign", "one.json", "--out", "two.json", "--key"];
    refused(at, &[&counter[..], &["a.key"]].concat(), "pact-other-party");
    assert!(done(at, &[&counter[..], &["b.key"]].concat()).contains("binding"));
    assert_eq!(done(at, &["pact", "hash", "draft.json"]), done(at, &["pact", "hash", "two.json"]));

    let replay = |pact, mode| {
        let mut all = vec!["replay", "--pact", pact, "--sessions", SESSIONS, "--mode", mode];
        all.extend(["--report", "r", "--initiator-key", "a.key", "--provider-key", "b.key"]);
        all
    };
    refused(at, &replay("one.json", "interventionist"), "one-signature");
    refused(at, &replay("two.json", "active"), "mode-not-agreed");
    assert!(done(at, &replay("two.json", "interventionist")).contains("epochs 1 to 1"));
}

#[test]
fn a_demo_whose_claims_are_for_anyone_answers_the_nonce_too() {
    let folder = tempfile::tempdir().unwrap();
    let pact = concat!(env!("CARGO_MANIFEST_DIR"), "/pacts/banking.pact.json");
    done(folder.path(), &["demo", "--out", "out", "--sessions", SESSIONS, "--pact", pact]);
    let verify = ["verify", "out/bundle.cbor", "--anchors", "out/anchors.toml", "--at"];
    refused(folder.path(), &[&verify[..], &["1960-01-01T00:00:00Z"]].concat(), "time-before-1970");
    let strict = cloister(folder.path(), &verify[..4]);
    let text = String::from_utf8(strict.stdout).unwrap();
    assert!(text.contains("[evidence]") && text.contains("0 refuted"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn a_template_is_filled_in_and_can_be_monitored() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let listed = done(at, &["pact", "templates"]);
    assert!(listed.contains("purchase") && listed.contains("CEILING_PER_PURCHASE"), "{listed}");
    let mut fill = vec!["pact", "template", "purchase"];
    for value in [
        "INITIATOR=did:web:a.example",
        "PROVIDER=did:web:b.example",
        "MONITOR=did:web:m.example",
        "OVERSEER=did:web:a.example:owner",
        "AUDITOR=did:web:a.example:audit",
    ] {
        fill.extend(["--set", value]);
    }
    let tools = r#"{"buy": {"parameters": {"properties": {"item_id": {"type": "string"}}}}}"#;
    std::fs::write(at.join("tools.json"), tools).unwrap();
    for (more, tool) in [(&[][..], "place_order"), (&["--tools", "tools.json"], "buy")] {
        let pact = done(at, &[&fill[..], more].concat());
        assert!(pact.contains(&format!("\"name\": \"{tool}\"")), "{pact}");
        assert_ne!(pact, done(at, &[&fill[..], more].concat()), "its salt is drawn each time");
        std::fs::write(at.join("pact.json"), &pact).unwrap();
        assert!(done(at, &["pact", "lint", "pact.json"]).contains("can be monitored"));
    }
    refused(at, &["pact", "template", "nothing"], "template-unknown");
    refused(at, &fill[..5], "template-missing-value");
    refused(at, &[&fill[..], &["--set", "X=1"]].concat(), "template-unknown-parameter");
    refused(at, &[&fill[..], &["--set", "PENALTY=much"]].concat(), "template-bad-value");
    refused(at, &[&fill[..], &["--set", "X=1", "--set", "X=1"]].concat(), "template-value-twice");
}

#[test]
fn a_ceremony_begins_with_the_constraints_that_verifiers_know() {
    let home = tempfile::tempdir().expect("a folder");
    let said = done(home.path(), &["circuit", "constraints", "--out", "segment.r1cs"]);
    let file = std::fs::read(home.path().join("segment.r1cs")).expect("it was written");
    let sum = hex::encode(Sha256::digest(&file));
    assert!(said.contains(&sum), "{said}");
    assert_eq!(sum, hex::encode(verify::groth16::SEGMENT.constraints.0));
    // What is no key is not imported, and nothing is written.
    let import = ["circuit", "import", "segment.r1cs", "--out", "segment.key"];
    refused(home.path(), &import, "zkey-malformed");
    assert!(!home.path().join("segment.key").exists());
}
