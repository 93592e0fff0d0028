//! What comes from outside the bundle: whom the verifier trusts, and what others found.

use messages::circuit::CircuitKey;
use messages::did::Did;
use messages::evidence::Claims;
use messages::ids::{ConfigDigest, EvidenceId, PactHash};
use messages::signature::PublicKey;
use messages::time::UnixMillis;

/// The verifier's anchors. A bundle never carries any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchors {
    /// The monitors that may be spoken of; no other verifies.
    pub logs: Vec<LogAnchor>,
    /// Roots of the pacts that the verifier speaks of; no other verifies.
    pub pacts: Vec<PactHash>,
    /// Who the verifier is; none accepts public proofs only.
    pub audience: Option<Did>,
    /// The nonce that the verifier chose; when given, every claim must answer it.
    pub nonce: Option<[u8; 32]>,
    /// Whose cosignatures the verifier counts.
    pub witnesses: Vec<(String, PublicKey)>,
    /// How many of them must have cosigned a checkpoint; with 0 nothing is said of other views of
    /// the log.
    pub quorum: usize,
    /// Whose coins the verifier counts: numbers with the noise of coins need one of them. With none
    /// nothing is said of who dealt.
    pub dealers: Vec<(String, PublicKey)>,
    /// Verifying keys of circuits, pinned; segments under another say nothing.
    pub circuits: Vec<CircuitKey>,
    /// Must a checkpoint be time-stamped by an authority that the verifier accepts?
    pub stamped: bool,
}

/// One monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAnchor {
    /// The log's origin name.
    pub origin: String,
    /// The key that signs its checkpoints.
    pub log_key: PublicKey,
    /// Measured configurations that the verifier accepts; no other verifies.
    pub configs: Vec<ConfigDigest>,
}

/// What others found about parts of the bundle, before it is verified.
#[derive(Clone, Copy, Debug, Default)]
pub struct Findings<'a> {
    /// By appraisers of evidence.
    pub appraised: &'a [Appraised],
    /// By those who check time stamps.
    pub timestamped: &'a [Timestamped],
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

/// A time stamp (RFC 3161) that was checked: these bytes existed at that time, says an authority
/// that the verifier accepts.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamped {
    digest: [u8; 32],
    at: UnixMillis,
}

impl Timestamped {
    /// Asserts that an accepted authority stamped what has this SHA-256 digest.
    ///
    /// A wrong assertion makes times wrong: only who checked the token may make one.
    pub fn assertion(digest: [u8; 32], at: UnixMillis) -> Self {
        Self { digest, at }
    }

    /// SHA-256 of what was stamped.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Not later than this it existed.
    #[must_use]
    pub const fn at(&self) -> UnixMillis {
        self.at
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
