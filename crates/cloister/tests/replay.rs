//! Replay: recorded sessions in, one report line a session out.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_macros,
    reason = "a test that fails here says so"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn replay(pact: &Path, sessions: &Path, mode: &str) -> Vec<serde_json::Value> {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.ndjson");
    let output = Command::new(env!("CARGO_BIN_EXE_cloister"))
        .args(["replay", "--mode", mode, "--pact"])
        .arg(pact)
        .arg("--sessions")
        .arg(sessions)
        .arg("--report")
        .arg(&report)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(report).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_draft_is_tried_in_every_mode_and_passive_says_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let sessions = folder.path().join("s.ndjson");
    let line = r#"{"sid":"a","seq":0,"from":"agent","to":"provider","kind":"call","call":"c","tool":"not_in_the_pact","args":{}}"#;
    std::fs::write(&sessions, line).unwrap();
    let pact = root().join("pacts/banking.pact.json");
    for (mode, outcome) in
        [("passive", "clean"), ("active", "denied"), ("interventionist", "denied")]
    {
        let lines = replay(&pact, &sessions, mode);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["sid"], "a");
        assert_eq!(lines[0]["outcome"], outcome, "{mode}");
        assert_eq!(lines[0]["first"].is_null(), outcome == "clean");
    }
}

#[test]
fn recorded_suites_are_replayed_whole() {
    let traces = root().join("../../../shared/traces/sessions");
    if !traces.is_dir() {
        eprintln!("skipped: the recorded sessions (../shared/traces) are absent");
        return;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(traces).unwrap() {
        let file = entry.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let suite = name.split('.').next().unwrap();
        let pact = root().join(format!("pacts/{suite}.pact.json"));
        let lines = replay(&pact, &file, "interventionist");
        counts.insert(name, lines.len());
    }
    let sessions: usize = counts.values().sum();
    assert_eq!((counts.len(), sessions), (5, 914), "{counts:?}");
}
