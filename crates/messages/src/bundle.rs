//! The bundle: one self-contained file that a stranger checks offline. It carries no trust
//! anchor; those come from outside.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::claim::{Claim, ConsentEntry};
use crate::codec::Wire;
use crate::counter::Schema;
use crate::ids::{Commitment, LeafHash};
use crate::leaf::Boots;
use crate::publication::Disclosed;

/// A bundle of claims and aggregates with everything that connects them to a signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bundle {
    /// [`Bundle::FORMAT`].
    #[n(1)]
    pub format: String,
    /// A C2SP signed-note checkpoint, text.
    #[n(2)]
    pub checkpoint: String,
    /// Opened leaves, by strictly increasing index.
    #[n(3)]
    pub leaves: Vec<IncludedLeaf>,
    /// Schemas that the claims speak of.
    #[n(4)]
    pub schemas: Vec<Schema>,
    /// Lives of the tallies that the claims speak of.
    #[n(5)]
    pub boots: Vec<Boots>,
    /// Proven claims.
    #[n(6)]
    pub claims: Vec<ProvenClaim>,
    /// Log indices of the private aggregates that are shown.
    #[n(7)]
    pub aggregates: Vec<u64>,
}

impl Bundle {
    /// Format and version.
    pub const FORMAT: &'static str = "cloister-bundle/1";
    /// Most opened leaves.
    pub const MAX_LEAVES: usize = 4096;
    /// Most claims.
    pub const MAX_CLAIMS: usize = 1024;
}

impl Wire for Bundle {
    const MAX_BYTES: usize = 8 * 1024 * 1024;
}

/// An opened leaf with its way to the checkpoint's root (RFC 6962 audit path).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IncludedLeaf {
    /// The leaf and its body.
    #[n(1)]
    pub disclosed: Disclosed,
    /// Siblings, bottom up.
    #[n(2)]
    pub path: Vec<LeafHash>,
}

/// A claim and its proof.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProvenClaim {
    /// What is claimed.
    #[n(1)]
    pub claim: Claim,
    /// Index of the leaf of the epoch before the range.
    #[n(2)]
    pub before: u64,
    /// Index of the leaf of the last epoch.
    #[n(3)]
    pub after: u64,
    /// Index of the pact leaf whose consent is opened.
    #[n(4)]
    pub pact: u64,
    /// The consent entry that permits the claim.
    #[n(5)]
    pub consent: ConsentEntry,
    /// Place of that entry.
    #[n(6)]
    pub consent_index: u32,
    /// Way of that entry to the consent root.
    #[n(7)]
    pub consent_path: Vec<LeafHash>,
    /// The commitments that the claim uses, by increasing counter index.
    #[n(8)]
    pub commitments: Vec<OpenedCommitments>,
    /// The proof.
    #[n(9)]
    pub proof: Proof,
}

/// The two commitments to one counter, with their ways to the two roots.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenedCommitments {
    /// The counter's index.
    #[n(1)]
    pub counter: u16,
    /// In the leaf before the range; none when a revision added the counter later, so that it
    /// began at zero.
    #[n(2)]
    pub before: Option<Commitment>,
    /// Way to that leaf's root; empty when there is no commitment.
    #[n(3)]
    pub before_path: Vec<LeafHash>,
    /// In the leaf of the last epoch.
    #[n(4)]
    pub after: Commitment,
    /// Way to that leaf's root.
    #[n(5)]
    pub after_path: Vec<LeafHash>,
}

/// The proof of one claim: Schnorr proofs for its equalities, then one aggregated range proof
/// for its inequalities.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Proof {
    /// One 64-byte Schnorr proof an equality, in statement order.
    #[n(1)]
    pub equalities: Vec<SchnorrProof>,
    /// High halves of 128-bit statements, in statement order.
    #[n(2)]
    pub high: Vec<Commitment>,
    /// Bulletproofs range proof; empty when the claim has no inequality.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub range: Vec<u8>,
}

/// Proof of knowledge of ρ with V = ρH (Schnorr 1991): nonce commitment and response.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SchnorrProof {
    /// Commitment to the nonce.
    #[n(0)]
    pub nonce: Commitment,
    /// Canonical scalar.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub response: [u8; 32],
}
