//! The key of the segment circuit: made in this boot when it is first needed, and forgotten with it.
//!
//! Its secrets exist while it is made, in this memory, and the boot's key signs for the points. A
//! key that came from the disk could be one that leaks what is proven with it.

use std::sync::OnceLock;

use circuits::keys::Prover;
use circuits::segment;
use messages::circuit::{CircuitKey, Setup};
use messages::domain;
use messages::ids::EvidenceId;
use messages::signature::{Sign, Signature};
use rand_core::OsRng;

use crate::boot_key::BootKey;

/// The key, once it is made.
#[derive(Default)]
pub(crate) struct SegmentKey(OnceLock<Option<Made>>);

/// A key with what verifiers pin.
pub(crate) struct Made {
    pub(crate) prover: Prover,
    pub(crate) key: CircuitKey,
}

impl SegmentKey {
    /// The key, made now if it was not before: some ten seconds, while others wait for it.
    pub(crate) fn made(&self, boot: &BootKey, evidence: EvidenceId) -> Option<&Made> {
        self.0.get_or_init(|| make(boot, evidence)).as_ref()
    }
}

fn make(boot: &BootKey, evidence: EvidenceId) -> Option<Made> {
    let shape = segment::shape();
    let prover = Prover::generate(&shape, &mut OsRng).ok()?;
    let setup = Setup::Enclave { evidence, signature: Signature([0; 64]) };
    let mut key = prover.circuit_key("segment", &shape, setup);
    let message = CircuitKey::signed_bytes(&key.circuit, &key.constraints, &key.points);
    let signature = boot.sign(domain::CIRCUIT_SETUP, &message);
    key.setup = Setup::Enclave { evidence, signature };
    Some(Made { prover, key })
}
