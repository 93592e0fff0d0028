//! Verifying keys of circuits as they are handed out and pinned. A key never comes with a proof.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::domain;
use crate::ids::{CircuitKeyDigest, EvidenceId, Root};
use crate::signature::Signature;

/// Who knows that nobody can forge proofs, and why. All of it is under the key's digest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Setup {
    /// Several people contributed secrets, and one that was erased is enough.
    #[n(1)]
    Ceremony {
        /// SHA-256 of the last key's file, which carries the transcript.
        #[n(0)]
        transcript: Root,
        /// How many contributed, a beacon not counted.
        #[n(1)]
        contributions: u32,
        /// A public beacon closed it.
        #[n(2)]
        beacon: bool,
    },
    /// An attested boot drew the secrets and forgot them.
    #[n(2)]
    Enclave {
        /// What introduced that boot.
        #[n(0)]
        evidence: EvidenceId,
        /// Of the key that the evidence binds, over [`CircuitKey::signed_bytes`].
        #[n(1)]
        signature: Signature,
    },
    /// From a published seed: whoever reads this can forge proofs.
    #[n(3)]
    InsecureTest,
}

/// The verifying key of one circuit.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CircuitKey {
    /// Which circuit: `segment`.
    #[n(1)]
    pub circuit: String,
    /// SHA-256 of its constraints as a snarkjs `.r1cs` file.
    #[n(2)]
    pub constraints: Root,
    /// How the key was made.
    #[n(3)]
    pub setup: Setup,
    /// α, β, γ, δ and one point for the constant and each public input, compressed, 32 bytes in G1
    /// and 64 in G2.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub points: Vec<u8>,
}

impl CircuitKey {
    /// What the boot signs that made a key: the circuit, its constraints and the points.
    #[must_use]
    pub fn signed_bytes(circuit: &str, constraints: &Root, points: &[u8]) -> [u8; 32] {
        domain::CIRCUIT_KEY.hash(&[circuit.as_bytes(), &constraints.0, points])
    }

    /// What anchors pin.
    #[must_use]
    pub fn digest(&self) -> CircuitKeyDigest {
        CircuitKeyDigest(domain::CIRCUIT_KEY.hash(&[&self.to_cbor()]))
    }
}

impl Wire for CircuitKey {
    const MAX_BYTES: usize = 8 * 1024;
}
