//! Claims about witness cosignatures.
#![expect(
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

use cloister_tlog::{
    CheckpointError, CosignError, MAX_SIGNATURES, cosign, cosignatures, open_checkpoint,
    sign_checkpoint, with_cosignature,
};
use messages::ids::Root;
use messages::signature::{PublicKey, SigningKey};
use proptest::prelude::*;

const ORIGIN: &str = "insecure-dev/log.example";

fn log_key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn witness_key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn witness(n: u8) -> (String, PublicKey) {
    (format!("witness.example/{n}"), witness_key(n).public())
}

fn checkpoint(size: u64) -> String {
    sign_checkpoint(ORIGIN, size, &Root([3; 32]), &log_key())
}

fn cosigned(note: &str, n: u8, at: u64) -> String {
    let line = cosign(note, &witness(n).0, &witness_key(n), at).unwrap();
    with_cosignature(note, &line).unwrap()
}

fn times(note: &str, witnesses: &[(String, PublicKey)]) -> Vec<(String, u64)> {
    let found = cosignatures(note, witnesses).into_iter();
    found.map(|c| (c.witness.to_owned(), c.unix_seconds)).collect()
}

#[test]
fn a_cosignature_is_the_one_that_the_specification_asks_for() {
    // The specification's checkpoint and time; the line was made apart, by OpenSSL and SHA-256.
    let note = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let line = "— witness.example.com/w1 lYIDPAAAAABkGFDL3zfNz0s4H1tr7Roq5F6IqfkQ0k3PY4CJLE5G4rmDqn7FHt52UoeOd5YRq5ihPFwQPId93UDmDJlfrte+Eg4yCw==\n";
    let key = SigningKey::from_seed(&[8; 32]);
    assert_eq!(cosign(note, "witness.example.com/w1", &key, 1_679_315_147).unwrap(), line);
    let known = [("witness.example.com/w1", key.public())];
    let both = with_cosignature(note, line).unwrap();
    assert_eq!(both, format!("{note}{line}"));
    assert_eq!(cosignatures(&both, &known)[0].unix_seconds, 1_679_315_147);
}

#[test]
fn a_cosigned_checkpoint_still_opens_and_names_its_witnesses() {
    let note = cosigned(&cosigned(&checkpoint(9), 1, 100), 2, 200);
    let head = open_checkpoint(&note, ORIGIN, &log_key().public()).unwrap();
    assert_eq!(head.size(), 9);
    let all = [witness(2), witness(1), witness(3)];
    assert_eq!(times(&note, &all), [(witness(2).0, 200), (witness(1).0, 100)]);
    assert!(times(&checkpoint(9), &all).is_empty());
}

#[test]
fn a_later_cosignature_of_a_witness_replaces_the_earlier() {
    let mut note = checkpoint(9);
    for at in 1..100 {
        note = cosigned(&note, 1, at);
    }
    assert_eq!(times(&note, &[witness(1)]), [(witness(1).0, 99)]);
    assert_eq!(note.lines().count(), 3 + 1 + 2);
}

#[test]
fn of_two_lines_of_one_witness_the_latest_counts_once() {
    let note = checkpoint(9);
    let line = |at| cosign(&note, &witness(1).0, &witness_key(1), at).unwrap();
    let both = format!("{note}{}{}", line(500), line(400));
    assert_eq!(times(&both, &[witness(1)]), [(witness(1).0, 500)]);
}

#[test]
fn one_key_under_two_names_is_one_witness() {
    let note = checkpoint(9);
    let names = ["a.example", "b.example"];
    let lines: String =
        names.iter().map(|name| cosign(&note, name, &witness_key(1), 5).unwrap()).collect();
    let twice = names.map(|name| (name.to_owned(), witness_key(1).public()));
    assert_eq!(times(&format!("{note}{lines}"), &twice), [("a.example".to_owned(), 5)]);
}

#[test]
fn what_does_not_hold_is_passed_over() {
    let (one, two) = (checkpoint(9), checkpoint(10));
    let line = cosign(&one, &witness(1).0, &witness_key(1), 5).unwrap();
    assert!(times(&format!("{two}{line}"), &[witness(1)]).is_empty(), "of another checkpoint");
    let note = format!("{one}{line}");
    assert!(times(&note, &[(witness(1).0, witness_key(2).public())]).is_empty(), "another key");
    assert!(times(&note, &[(witness(2).0, witness_key(1).public())]).is_empty(), "another name");
    assert!(times(&note.replace("log.example", "log.exemple"), &[witness(1)]).is_empty());
    assert!(times(&one[..one.len() - 1], &[witness(1)]).is_empty(), "cut short");
    assert!(times("", &[witness(1)]).is_empty());
    // The log's own signature is of another key type, also when a witness has its key.
    let log = [(ORIGIN.to_owned(), log_key().public())];
    assert!(times(&one, &log).is_empty());
}

#[test]
fn a_witness_signs_checkpoints_under_its_name_and_in_time() {
    let (note, key) = (checkpoint(9), witness_key(1));
    for bad in ["", "two words", "a+b", "zwölf"] {
        assert_eq!(cosign(&note, bad, &key, 5), Err(CosignError::BadName), "{bad}");
    }
    assert_eq!(cosign(&note, "w.example", &key, 1 << 63), Err(CosignError::BadTime));
    assert!(cosign(&note, "w.example", &key, (1 << 63) - 1).is_ok());
    let cut = &note[..note.len() - 1];
    let truncated = CosignError::Checkpoint(CheckpointError::Truncated);
    assert_eq!(cosign(cut, "w.example", &key, 5), Err(truncated));
}

#[test]
fn a_note_takes_as_many_lines_as_it_is_read_with() {
    let mut note = checkpoint(9);
    for n in 1..MAX_SIGNATURES {
        note = cosigned(&note, u8::try_from(n).unwrap(), 5);
    }
    assert_eq!(cosignatures(&note, &[witness(1), witness(31)]).len(), 2);
    let line = cosign(&note, &witness(99).0, &witness_key(99), 5).unwrap();
    assert_eq!(with_cosignature(&note, &line), Err(CheckpointError::TooLarge));
    for bad in ["", "\n", "— a\n", "a\n", "— a b\n", "— a AAAA\n\n"] {
        assert!(with_cosignature(&checkpoint(9), bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_changed_byte_is_believed(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let note = cosigned(&checkpoint(9), 1, 100);
        let mut bytes = note.clone().into_bytes();
        *at.get_mut(&mut bytes) = to;
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        let log_line = note.find('—').unwrap()..note.rfind('—').unwrap();
        let found = times(&changed, &[witness(1)]);
        // A witness does not vouch for the log's own line.
        let vouched = changed != note && !log_line.contains(&at.index(note.len()));
        prop_assert!(!vouched || found.is_empty(), "{changed}");
    }

    #[test]
    fn any_text_is_answered(note in "\\PC{0,200}", line in "(— )?\\PC{0,80}\n?", text in ".{0,64}") {
        drop(cosignatures(&note, &[witness(1)]));
        drop(with_cosignature(&note, &line));
        let good = checkpoint(9);
        drop(with_cosignature(&good, &line));
        drop(times(&format!("{good}{text}\n"), &[witness(1)]));
        if let Ok(note) = with_cosignature(&good, &line) {
            prop_assert!(open_checkpoint(&note, ORIGIN, &log_key().public()).is_ok());
        }
    }
}
