//! `cloister pact diff` and `cloister pact explain`: what is printed, and the exits.
#![expect(clippy::expect_used, reason = "a test that fails here says so")]

use std::path::Path;
use std::process::Command;

const BANKING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pacts/banking.pact.json");

/// Exit code and what was printed.
fn cloister(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    let output = command.args(arguments).env("NO_COLOR", "1").output().expect("cloister runs");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The banking pact with one text in place of another.
fn changed(folder: &Path, from: &str, to: &str) -> String {
    let text = std::fs::read_to_string(BANKING).expect("the pact is there");
    assert!(text.contains(from), "{from}");
    let path = folder.join("new.json");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("it can be written");
    path.to_string_lossy().into_owned()
}

#[test]
fn a_diff_says_what_differs_who_signs_and_whether_it_follows() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = cloister(&["pact", "diff", BANKING, BANKING]);
    assert_eq!(code, Some(0));
    assert!(text.contains("nothing differs") && text.contains("other-prior"), "{text}");

    let new = changed(folder.path(), "\"interventionist\"", "\"active\"");
    let (code, text) = cloister(&["pact", "diff", BANKING, &new]);
    assert_eq!(code, Some(1));
    assert!(text.contains("changed at monitoring.mode: "), "{text}");
    assert!(text.contains("both parties must sign"), "{text}");

    let new =
        changed(folder.path(), "\"effect\": \"read\"", "\"effect\": \"read\", \"max_bytes\": 99");
    let (code, text) = cloister(&["pact", "diff", BANKING, &new, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    let document: serde_json::Value = serde_json::from_str(&text).expect("one document");
    assert_eq!(document["signatures"], "initiator");
    assert_eq!(document["differences"][0]["kind"], "narrower");
    assert_eq!(document["succession"]["follows"], false);

    let new = changed(folder.path(), "\"revision\"", "\"version\"");
    assert_eq!(cloister(&["pact", "diff", BANKING, &new]).0, Some(3));
}

#[test]
fn the_names_that_claims_may_use_are_listed_with_their_units() {
    let (code, text) = cloister(&["pact", "counters", BANKING]);
    assert_eq!(code, Some(0));
    let units = |name: &str| {
        let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(units("calls.all").as_deref(), Some("calls"));
    assert_eq!(units("sum:send_money.amount").as_deref(), Some("EUR/100"));
    assert_eq!(units("pii_records").as_deref(), Some("pii:any"));
}

#[test]
fn an_explanation_fits_the_page() {
    let (code, text) = cloister(&["pact", "explain", BANKING]);
    assert_eq!(code, Some(0));
    for title in ["What the initiator may do", "What leaves the monitor", "What is only on record"]
    {
        assert!(text.contains(title), "{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}
