//! Claims about the tree, its proofs and its checkpoints.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

use cloister_tlog::{
    Checkpoint, CheckpointError, Log, MAX_CHECKPOINT_BYTES, MAX_PATH, ProofError, is_origin,
    leaf_hash, open_checkpoint, sign_checkpoint, sign_leased_checkpoint, verify_consistency,
    verify_inclusion,
};
use messages::ids::{BodyDigest, BootId, LeafHash, Root};
use messages::leaf::{Kind, Leaf};
use messages::signature::{Signature, SigningKey};
use proptest::prelude::*;

const ORIGIN: &str = "insecure-dev/log.example";
const SIZES: u64 = 70;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn leaf(n: u64) -> Leaf {
    let mut body = [0; 32];
    body[..8].copy_from_slice(&n.to_be_bytes());
    Leaf {
        kind: Kind::Tally,
        body: BodyDigest(body),
        boot: BootId([1; 32]),
        signature: Signature([2; 64]),
    }
}

fn log(size: u64) -> Log {
    let mut log = Log::new();
    for n in 0..size {
        assert_eq!(log.append(&leaf(n)), n);
    }
    log
}

fn head(size: u64, root: Root) -> Checkpoint {
    open_checkpoint(&sign_checkpoint(ORIGIN, size, &root, &key()), ORIGIN, &key().public()).unwrap()
}

fn flip(hash: &mut [u8; 32], bit: usize) {
    hash[bit / 8 % 32] ^= 1 << (bit % 8);
}

#[test]
fn roots_are_those_of_rfc_6962() {
    // Recursion straight from section 2.1, over the hash function alone.
    fn mth(leaves: &[LeafHash]) -> [u8; 32] {
        match leaves {
            [] => tlog_tiles::EMPTY_HASH.0,
            [leaf] => leaf.0,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                let (left, right) = leaves.split_at(k);
                let (left, right) = (tlog_tiles::Hash(mth(left)), tlog_tiles::Hash(mth(right)));
                tlog_tiles::node_hash(left, right).0
            }
        }
    }
    let full = log(SIZES);
    let hashes: Vec<LeafHash> = (0..SIZES).map(|n| leaf_hash(&leaf(n))).collect();
    for size in 0..=SIZES {
        let expected = Root(mth(&hashes[..usize::try_from(size).unwrap()]));
        assert_eq!(log(size).root(), expected, "{size}");
        assert_eq!(full.root_at(size), Some(expected), "{size}");
    }
    assert_eq!(full.root_at(SIZES + 1), None);
}

#[test]
fn every_leaf_of_every_size_is_included_at_its_place_only() {
    let log = log(SIZES);
    for size in 1..=SIZES {
        let head = head(size, log.root_at(size).unwrap());
        for index in 0..size {
            let path = log.inclusion(index, size);
            assert_eq!(verify_inclusion(&head, index, &leaf(index), &path), Ok(()));
            for (place, content) in [((index + 1) % size, index), (index, index + 1)] {
                let accepted = verify_inclusion(&head, place, &leaf(content), &path).is_ok();
                assert!(!accepted || place == content, "{place} {content} of {size}");
            }
        }
        assert_eq!(verify_inclusion(&head, size, &leaf(0), &[]), Err(ProofError::OutOfRange));
    }
}

#[test]
fn every_size_is_a_prefix_of_every_later_one() {
    let log = log(SIZES);
    for new in 0..=SIZES {
        let later = head(new, log.root_at(new).unwrap());
        for old in 0..=new {
            let earlier = head(old, log.root_at(old).unwrap());
            let path = log.consistency(old, new);
            assert_eq!(verify_consistency(&earlier, &later, &path), Ok(()), "{old} {new}");
            if old < new {
                let shrunk = verify_consistency(&later, &earlier, &path);
                assert_eq!(shrunk, Err(ProofError::Shrunk));
            }
        }
    }
}

#[test]
fn refuses_a_rewritten_past() {
    let (honest, mut forked) = (log(20), Log::new());
    for n in 0..20 {
        forked.append(&leaf(if n == 3 { 99 } else { n }));
    }
    for old in 4..=20 {
        let (before, after) = (head(old, honest.root_at(old).unwrap()), head(20, forked.root()));
        for path in [forked.consistency(old, 20), honest.consistency(old, 20)] {
            let verdict = verify_consistency(&before, &after, &path);
            assert_eq!(verdict, Err(ProofError::RootMismatch), "{old}");
        }
    }
}

#[test]
fn refuses_an_empty_tree_that_is_not_empty() {
    let (empty, wrong) = (head(0, Log::new().root()), head(0, Root([1; 32])));
    assert_eq!(verify_consistency(&empty, &empty, &[]), Ok(()));
    for (old, new, path) in [
        (&wrong, &empty, vec![]),
        (&empty, &wrong, vec![]),
        (&empty, &head(1, log(1).root()), vec![LeafHash::default()]),
    ] {
        assert_eq!(verify_consistency(old, new, &path), Err(ProofError::RootMismatch));
    }
}

#[test]
fn refuses_paths_longer_than_any_tree() {
    let (head, path) = (head(u64::MAX, Root([1; 32])), vec![LeafHash::default(); MAX_PATH + 1]);
    assert_eq!(verify_inclusion(&head, 0, &leaf(0), &path), Err(ProofError::PathTooLong));
    assert_eq!(verify_consistency(&head, &head, &path), Err(ProofError::PathTooLong));
}

#[test]
fn a_missing_leaf_has_no_path() {
    let log = log(5);
    assert!(log.inclusion(5, 5).is_empty() && log.inclusion(0, 6).is_empty());
    assert!(log.consistency(0, 5).is_empty() && log.consistency(2, 6).is_empty());
}

#[test]
fn fixed_vector() {
    let log = log(3);
    let text = sign_checkpoint(ORIGIN, log.size(), &log.root(), &key());
    assert_eq!(text, VECTOR);
    let head = open_checkpoint(VECTOR, ORIGIN, &key().public()).unwrap();
    assert_eq!((head.size(), *head.root()), (3, log.root()));
}

/// Checked once with the note format's own verifier, below.
const VECTOR: &str = "insecure-dev/log.example\n3\no+7nPEeOLWI8CVvz/RxWqiKrV4OBbKQz+Rg4ws3W4Ig=\n\n— insecure-dev/log.example dW+Ta9fMk9sdwfT+OAp6J8AUKAq6uK5zX1+tPJSSmLujYJAMRjUXxMuJZ6IrcdQ/oV2mdR9MB9qE6SI6/HcXtJGE8wM=\n";

#[test]
fn the_note_formats_own_verifier_agrees() {
    let key = ed25519_dalek::VerifyingKey::from_bytes(&key().public().0).unwrap();
    let vkey = signed_note::new_ed25519_verifier_key(ORIGIN, &key);
    let verifier = signed_note::StandardVerifier::new(&vkey).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let note = signed_note::Note::from_bytes(VECTOR.as_bytes()).unwrap();
    assert_eq!(note.verify(&known).unwrap().0.len(), 1);
}

mod checkpoint_is_refused {
    use super::*;

    fn opened(text: &str) -> Result<Checkpoint, CheckpointError> {
        open_checkpoint(text, ORIGIN, &key().public())
    }

    fn signed(text: &str) -> String {
        struct Raw;
        impl signed_note::Signer for Raw {
            fn name(&self) -> &str {
                ORIGIN
            }
            fn key_id(&self) -> u32 {
                signed_note::key_id(ORIGIN, &[&[1][..], &key().public().0].concat())
            }
            fn sign(&self, text: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
                use ed25519_dalek::Signer as _;
                let key = ed25519_dalek::SigningKey::from_bytes(&key().expose_seed());
                Ok(key.sign(text).to_vec())
            }
        }
        let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&Raw]).unwrap();
        String::from_utf8(note.to_bytes()).unwrap()
    }

    const ROOT: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    #[test]
    fn never_when_the_text_is_right() {
        assert!(opened(&signed(&format!("{ORIGIN}\n5\n{ROOT}\n"))).is_ok());
    }

    #[test]
    fn cut_short() {
        // A cut inside the signature line is either incomplete or no longer a signature.
        for end in 0..VECTOR.len() {
            let Some(cut) = VECTOR.get(..end) else { continue };
            assert_eq!(opened(cut), Err(CheckpointError::Truncated), "{end}");
        }
    }

    #[test]
    fn over_the_bounds() {
        let long = format!("{}{VECTOR}", "x".repeat(MAX_CHECKPOINT_BYTES));
        assert_eq!(opened(&long), Err(CheckpointError::TooLarge));
        let other = "\u{2014} witness AAAAAAA=\n";
        assert!(opened(&format!("{VECTOR}{}", other.repeat(31))).is_ok());
        let crowded = format!("{VECTOR}{}", other.repeat(32));
        assert_eq!(opened(&crowded), Err(CheckpointError::TooLarge));
    }

    #[test]
    fn of_another_origin() {
        let text = sign_checkpoint("other.example", 3, &log(3).root(), &key());
        assert_eq!(opened(&text), Err(CheckpointError::WrongOrigin));
        let renamed = VECTOR.replacen(ORIGIN, "other.example", 1);
        assert_eq!(opened(&renamed), Err(CheckpointError::WrongOrigin));
    }

    #[test]
    fn of_another_key() {
        let text = sign_checkpoint(ORIGIN, 3, &log(3).root(), &SigningKey::from_seed(&[8; 32]));
        assert_eq!(opened(&text), Err(CheckpointError::WrongKey));
    }

    #[test]
    fn without_the_logs_signature() {
        let (text, _) = VECTOR.rsplit_once("\n\n").unwrap();
        let text = format!("{text}\n\n\u{2014} witness AAAAAAA=\n");
        assert_eq!(opened(&text), Err(CheckpointError::Unsigned));
    }

    #[test]
    fn with_a_bad_signature() {
        let other = VECTOR.replacen("\n3\n", "\n4\n", 1);
        assert_eq!(opened(&other), Err(CheckpointError::BadSignature));
    }

    #[test]
    fn with_two_signatures_of_the_log() {
        let (_, line) = VECTOR.rsplit_once("\n\n").unwrap();
        assert_eq!(opened(&format!("{VECTOR}{line}")), Err(CheckpointError::NonCanonical));
    }

    #[test]
    fn with_extension_lines() {
        let lease = format!("cloister-lease {ROOT} {ROOT} 7 60");
        let named = format!("{lease} {ROOT}");
        for good in [&lease, &named] {
            let head = opened(&signed(&format!("{ORIGIN}\n5\n{ROOT}\n{good}\n"))).unwrap();
            assert_eq!(&head.lease().unwrap().to_string(), good);
            let again =
                sign_leased_checkpoint(ORIGIN, (5, head.root()), *head.lease().unwrap(), &key());
            assert_eq!(again, signed(&format!("{ORIGIN}\n5\n{ROOT}\n{good}\n")));
        }
        for bad in [
            "extension".to_owned(),
            format!("{lease}\n{lease}"),
            format!("{named} {ROOT}"),
            format!("{lease} "),
            lease.replace(" 7 ", " 07 "),
            lease.replace(" 60", " 4294967296"),
            lease.replace("cloister-lease", "Cloister-lease"),
        ] {
            let text = signed(&format!("{ORIGIN}\n5\n{ROOT}\n{bad}\n"));
            assert_eq!(opened(&text), Err(CheckpointError::Extension), "{bad}");
        }
    }

    #[test]
    fn in_a_second_spelling() {
        for size in ["05", "+5"] {
            let text = signed(&format!("{ORIGIN}\n{size}\n{ROOT}\n"));
            assert_eq!(opened(&text), Err(CheckpointError::NonCanonical), "{size}");
        }
    }

    #[test]
    fn malformed() {
        for body in ["5\n", "5\nAQ==\n", "-5\nAQ==\n", "18446744073709551616\nAQ==\n"] {
            let text = signed(&format!("{ORIGIN}\n{body}"));
            assert_eq!(opened(&text), Err(CheckpointError::Malformed), "{body}");
        }
        assert_eq!(opened("a\n\nb\n"), Err(CheckpointError::Malformed));
        assert_eq!(opened(&VECTOR.replace('\n', "\r\n")), Err(CheckpointError::Truncated));
    }

    #[test]
    fn or_never_written_for_what_is_no_origin() {
        for origin in ["", "a b", "a+b", "a\nb", "\u{e9}", "a\n5\nb"] {
            assert!(!is_origin(origin), "{origin}");
            assert!(sign_checkpoint(origin, 0, &Log::new().root(), &key()).is_empty());
        }
    }
}

proptest! {
    #[test]
    fn no_flipped_bit_of_an_inclusion_proof_verifies(
        size in 2..SIZES, pick in any::<u64>(), bit in 0..256usize, at in any::<usize>(),
    ) {
        let (log, index) = (log(size), pick % size);
        let head = head(size, log.root());
        let mut path = log.inclusion(index, size);
        let at = at % path.len();
        flip(&mut path[at].0, bit);
        prop_assert_eq!(
            verify_inclusion(&head, index, &leaf(index), &path), Err(ProofError::RootMismatch)
        );
    }

    #[test]
    fn no_other_length_of_an_inclusion_proof_verifies(size in 2..SIZES, pick in any::<u64>()) {
        let (log, index) = (log(size), pick % size);
        let head = head(size, log.root());
        let path = log.inclusion(index, size);
        let shorter = &path[1..];
        prop_assert!(verify_inclusion(&head, index, &leaf(index), shorter).is_err());
        let longer = [&path[..], &[LeafHash::default()]].concat();
        prop_assert!(verify_inclusion(&head, index, &leaf(index), &longer).is_err());
    }

    #[test]
    fn no_flipped_bit_of_a_consistency_proof_verifies(
        new in 2..SIZES, pick in any::<u64>(), bit in 0..256usize, at in any::<usize>(),
    ) {
        let (log, old) = (log(new), 1 + pick % (new - 1));
        let mut path = log.consistency(old, new);
        prop_assert!(!path.is_empty());
        let at = at % path.len();
        flip(&mut path[at].0, bit);
        let (before, after) = (head(old, log.root_at(old).unwrap()), head(new, log.root()));
        prop_assert_eq!(
            verify_consistency(&before, &after, &path), Err(ProofError::RootMismatch)
        );
    }

    #[test]
    fn no_changed_byte_of_a_checkpoint_opens(at in 0..VECTOR.len(), byte in 0u8..128) {
        let mut bytes = VECTOR.as_bytes().to_vec();
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(open_checkpoint(&text, ORIGIN, &key().public()).is_err());
        }
    }

    #[test]
    fn arbitrary_text_is_refused_without_panic(text in "\\PC*\n\n\u{2014} [a-z]+ [A-Za-z0-9+/=]*\n") {
        prop_assert!(open_checkpoint(&text, ORIGIN, &key().public()).is_err());
    }
}
