//! A policy is read only from whom it is stood for, and has one digest however it is written.
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use cloister_attestations::{HardwarePolicy, PolicyDocument, PolicyError, PolicySigner};
use messages::ids::PolicyDigest;
use messages::signature::SigningKey;
use proptest::prelude::*;

const TEXT: &str = r#"{
    "policy": {
        "format": "cloister-appraisal-policy/1",
        "version": 7,
        "verdict_s": 86400,
        "snp": {
            "families": {
                "genoa": { "floor": { "bootloader": 10, "tee": 0, "snp": 23, "microcode": 84 } },
                "turin": {
                    "floor": { "fmc": 1, "bootloader": 1, "tee": 0, "snp": 2, "microcode": 71 }
                }
            },
            "measurements": ["MEASURED"],
            "smt": false
        }
    }
}"#;

fn text() -> String {
    TEXT.replace("MEASURED", &"3e".repeat(48))
}

fn document() -> PolicyDocument {
    let file: serde_json::Value = serde_json::from_str(&text()).unwrap();
    serde_json::from_value(file.get("policy").unwrap().clone()).unwrap()
}

#[test]
fn a_policy_is_the_one_whose_digest_is_pinned() {
    let digest = HardwarePolicy::digest_of(text().as_bytes()).unwrap();
    let policy = HardwarePolicy::pinned(text().as_bytes(), digest).unwrap();
    assert_eq!((policy.digest(), policy.document()), (digest, &document()));
    let other = HardwarePolicy::pinned(text().as_bytes(), PolicyDigest([0; 32]));
    assert_eq!(other, Err(PolicyError::NotPinned));
    // Order, white space, and what leaving out says make no other policy; a number does.
    let defaults = text().replace("\"smt\": false", "\"vmpl\": 0, \"clouds\": [], \"smt\": false");
    let short: String = defaults.split_whitespace().collect();
    assert_eq!(HardwarePolicy::digest_of(short.as_bytes()), Ok(digest));
    for (old, new) in [("84", "85"), ("\"smt\": false", "\"smt\": true"), ("86400", "86401")] {
        let other = HardwarePolicy::digest_of(text().replace(old, new).as_bytes()).unwrap();
        assert_ne!(other, digest, "{new}");
    }
}

#[test]
fn a_policy_is_one_that_its_author_signed_and_no_older_than_accepted() {
    let (author, stranger) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let by = |key: &SigningKey, version| PolicySigner { key: key.public(), version };
    let written = HardwarePolicy::write(&document(), &[&stranger, &author]).unwrap();
    let signed = |text: &str, signer| HardwarePolicy::signed(text.as_bytes(), &signer);
    assert_eq!(signed(&written, by(&author, 7)).unwrap().document(), &document());
    assert_eq!(signed(&written, by(&author, 8)), Err(PolicyError::Older));
    let other = SigningKey::from_seed(&[3; 32]);
    assert_eq!(signed(&written, by(&other, 0)), Err(PolicyError::NotSigned));
    assert_eq!(signed(&text(), by(&author, 0)), Err(PolicyError::NotSigned));
    // Signatures are of what is said, not of the file.
    let changed = written.replace("84", "83");
    assert_eq!(signed(&changed, by(&author, 0)), Err(PolicyError::NotSigned));
    let spaced = written.replace('\n', "\n  ");
    assert!(signed(&spaced, by(&author, 7)).is_ok());
}

#[test]
fn what_is_no_policy_is_refused_with_its_place() {
    let refused = |old: &str, new: &str| {
        HardwarePolicy::digest_of(text().replace(old, new).as_bytes()).unwrap_err()
    };
    assert_eq!(refused("policy/1", "policy/2"), PolicyError::Format);
    assert_eq!(refused("\"version\": 7", "\"version\": 9007199254740992"), PolicyError::Number);
    let mitigations = "\"mitigations\": 9007199254740992, \"smt\": false";
    assert_eq!(refused("\"smt\": false", mitigations), PolicyError::Number);
    assert_eq!(refused("\"smt\"", "\"guest_svn\": 1, \"smt\""), PolicyError::GuestSvn);
    for (old, new) in [
        ("\"smt\": false", "\"debug\": true, \"smt\": false"),
        ("genoa", "Genoa"),
        ("3e3e", "3E3E"),
        ("3e3e", "3e"),
        ("\"version\": 7", "\"version\": -7"),
        (",\n        \"verdict_s\": 86400", ""),
        ("\"smt\": false", "\"smt\": false, \"smt\": true"),
        ("\"turin\": {", "\"genoa\": {"),
    ] {
        let error = refused(old, new);
        assert!(matches!(error, PolicyError::Malformed { line: 1.., .. }), "{new}: {error}");
        assert_eq!((error.code(), error.remedy().is_empty()), ("policy-malformed", false));
    }
    let long = " ".repeat(1024 * 1024 + 1);
    assert_eq!(HardwarePolicy::digest_of(long.as_bytes()), Err(PolicyError::TooLarge));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
        prop_assert!(HardwarePolicy::digest_of(&bytes).is_err());
        let mut text = text().into_bytes();
        let digest = HardwarePolicy::digest_of(&text);
        let at = at.index(text.len());
        let same = text[at] == byte;
        text[at] = byte;
        let other = HardwarePolicy::digest_of(&text);
        prop_assert!(same <= (other == digest));
    }
}
