//! Broken pacts, one file each: the file name says what is wrong, the header which code refuses it.
#![allow(
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
use cloister_pact::{Pact, Severity, compile, lint};

/// The code with which a pact is refused, from reading to lint.
fn refusal(bytes: &[u8]) -> Option<&'static str> {
    let pact = match Pact::parse(bytes) {
        Ok(pact) => pact,
        Err(error) => {
            assert!(!error.remedy().is_empty());
            return Some(error.code());
        }
    };
    if let Err(error) = compile(&pact) {
        assert!(!error.remedy().is_empty());
        return Some(error.code());
    }
    lint(&pact).into_iter().find(|f| f.severity == Severity::Error).map(|f| f.code)
}

#[test]
fn every_broken_pact_is_refused_with_its_own_code() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken");
    let mut wrong = Vec::new();
    let mut codes = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let (header, body) = text.split_once("\n\n").unwrap();
        let expected = header.strip_prefix("expect: ").unwrap().to_owned();
        let found = refusal(body.as_bytes());
        if found != Some(expected.as_str()) {
            wrong.push(format!("{name}: expected {expected}, found {found:?}"));
        }
        codes.insert(expected);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(codes.len() >= 35, "{}", codes.len());
}

#[test]
fn the_unbroken_pact_is_not_refused() {
    assert_eq!(refusal(include_bytes!("small.pact.json")), None);
}

#[test]
fn more_than_256_kib_is_refused_unread() {
    assert_eq!(refusal(&vec![b' '; 256 * 1024 + 1]), Some("too-large"));
}
