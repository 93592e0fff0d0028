//! Parsers of files and keys of others: nothing panics, and nothing altered is taken for another.

use std::sync::OnceLock;

use cloister_circuits::keys::Prover;
use cloister_circuits::snarkjs::{self, KeyError};
use messages::circuit::{CircuitKey, Setup};
use messages::ids::{FieldElement, Root};
use proptest::collection::vec;
use proptest::prelude::*;
use verify::groth16::{PinnedKey, Unverified};

use crate::preimage::{assignment, circuit, rng, shape};

/// A key as a file, and as verifiers have it with a proof.
struct Made {
    zkey: Vec<u8>,
    key: CircuitKey,
    proof: Vec<u8>,
    inputs: Vec<FieldElement>,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let shape = shape();
        let prover = Prover::insecure_test(&shape).unwrap();
        let proven = prover.prove(&assignment(5, 6), &mut rng(2)).unwrap();
        // As if somebody had contributed: a key of a published seed is not opened at all.
        let transcript = Root([1; 32]);
        let ceremony = Setup::Ceremony { transcript, contributions: 1, beacon: false };
        Made {
            zkey: snarkjs::write_zkey(&shape, prover.key()),
            key: prover.circuit_key("preimage", &shape, ceremony),
            proof: proven.proof,
            inputs: proven.inputs,
        }
    })
}

/// The bytes with some of them changed, and cut.
fn altered(bytes: &[u8], edits: &[(prop::sample::Index, u8)], cut: prop::sample::Index) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    edits.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
    let kept = if cut.index(4) == 0 { cut.index(bytes.len()) } else { bytes.len() };
    bytes.truncate(kept);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Without contributions no file is a key, whatever else is changed in it.
    #[test]
    fn no_file_without_contributions_is_a_key(
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(), tables in vec(any::<u8>(), 0..200),
    ) {
        let shape = shape();
        prop_assert_eq!(snarkjs::read_zkey(&made().zkey, &shape), Err(KeyError::NoContribution));
        let edited = altered(&made().zkey, &edits, cut);
        prop_assert!(snarkjs::read_zkey(&edited, &shape).is_err());
        let begun = [&made().zkey[..12], &tables].concat();
        prop_assert!(snarkjs::read_zkey(&begun, &shape).is_err());
    }

    /// A key of other bytes has another digest, and is not opened under the pinned one.
    #[test]
    fn no_other_bytes_are_the_pinned_key_or_a_proof(
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(), other in vec(any::<u8>(), 0..200),
    ) {
        let Made { key, proof, inputs, .. } = made();
        let pinned = PinnedKey::open(key, &circuit(), &key.digest());
        let pinned = pinned.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
        for points in [altered(&key.points, &edits, cut), other.clone()] {
            let changed = CircuitKey { points, ..key.clone() };
            let opened = PinnedKey::open(&changed, &circuit(), &key.digest());
            prop_assert_eq!(opened.is_ok(), changed == *key);
            // Under its own digest it opens only when all its points are points.
            drop(PinnedKey::open(&changed, &circuit(), &changed.digest()));
        }
        for bytes in [altered(proof, &edits, cut), other] {
            if let Ok(read) = Unverified::read(&pinned, &bytes, inputs) {
                prop_assert_eq!(verify::groth16::verify(&[read]), [bytes == *proof]);
            }
        }
    }
}
