//! What comes from outside the bundle: whom the verifier trusts, and what an appraiser found.

use messages::did::Did;
use messages::evidence::Claims;
use messages::ids::{ConfigDigest, EvidenceId, PactHash};
use messages::signature::PublicKey;

/// The verifier's anchors. A bundle never carries any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchors {
    /// The log's origin name.
    pub origin: String,
    /// The key that signs its checkpoints.
    pub log_key: PublicKey,
    /// Measured configurations that the verifier accepts; no other verifies.
    pub configs: Vec<ConfigDigest>,
    /// Roots of the pacts that the verifier speaks of; no other verifies.
    pub pacts: Vec<PactHash>,
    /// Who the verifier is; none accepts public proofs only.
    pub audience: Option<Did>,
    /// The nonce that the verifier chose; when given, every claim must answer it.
    pub nonce: Option<[u8; 32]>,
}

/// Evidence that an appraiser accepted, with the claims that it binds.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraised {
    evidence: EvidenceId,
    class: EvidenceClass,
    claims: Claims,
}

impl Appraised {
    /// Asserts that the evidence `evidence` was appraised, is of `class` and binds `claims`.
    ///
    /// A wrong assertion makes every verdict wrong: only an appraiser may make one.
    pub fn assertion(evidence: EvidenceId, class: EvidenceClass, claims: Claims) -> Self {
        Self { evidence, class, claims }
    }

    /// Which evidence.
    #[must_use]
    pub fn evidence(&self) -> EvidenceId {
        self.evidence
    }

    /// What kind of machine stands behind it.
    #[must_use]
    pub fn class(&self) -> EvidenceClass {
        self.class
    }

    /// What it binds.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// What kind of machine stands behind evidence, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceClass {
    /// A confidential VM's hardware.
    Hardware,
    /// A development machine: proves nothing about any hardware.
    InsecureSoftware,
}
