//! The bundle: one self-contained file that a stranger checks offline. It carries no trust
//! anchor; those come from outside.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::claim::{Claim, ConsentEntry};
use crate::codec::Wire;
use crate::counter::Schema;
use crate::ids::{BootId, CircuitKeyDigest, Commitment, FieldElement, LeafHash};
use crate::leaf::Boots;
use crate::publication::Disclosed;
use crate::signature::Signature;

/// A bundle of claims and aggregates with everything that connects them to signed checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bundle {
    /// [`Bundle::FORMAT`].
    #[n(1)]
    pub format: String,
    /// What is shown of each log, by strictly increasing origin.
    #[n(2)]
    pub logs: Vec<LogView>,
    /// Schemas that the claims speak of.
    #[n(3)]
    pub schemas: Vec<Schema>,
    /// Lives of the tallies that the claims speak of.
    #[n(4)]
    pub boots: Vec<Boots>,
    /// Proven claims.
    #[n(5)]
    pub claims: Vec<ProvenClaim>,
    /// Places of the private aggregates that are shown.
    #[n(6)]
    pub aggregates: Vec<Place>,
    /// Time stamps of checkpoints and pacts.
    #[n(7)]
    pub stamps: Vec<Stamp>,
    /// What was asked for and is not in here, as far as its maker says so.
    #[n(8)]
    pub missing: Vec<Missing>,
}

impl Bundle {
    /// Format and version.
    pub const FORMAT: &'static str = "cloister-bundle/1";
    /// Most logs.
    pub const MAX_LOGS: usize = 16;
    /// Most opened leaves of all logs together.
    pub const MAX_LEAVES: usize = 4096;
    /// Most claims.
    pub const MAX_CLAIMS: usize = 1024;
    /// Most time stamps, and most of what is missing.
    pub const MAX_NOTES: usize = 256;
}

impl Wire for Bundle {
    const MAX_BYTES: usize = 8 * 1024 * 1024;
}

/// What is shown of one log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LogView {
    /// Origin of the log, as its checkpoint says.
    #[n(1)]
    pub origin: String,
    /// A C2SP signed-note checkpoint, text, with the cosignatures that there are.
    #[n(2)]
    pub checkpoint: String,
    /// Opened leaves, by strictly increasing index.
    #[n(3)]
    pub leaves: Vec<IncludedLeaf>,
}

/// Where a leaf lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Place {
    /// Origin of the log.
    #[n(1)]
    pub origin: String,
    /// Log index.
    #[n(2)]
    pub index: u64,
}

/// A time stamp (RFC 3161) of a checkpoint or a pact.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stamp {
    /// SHA-256 of what is stamped.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// The time-stamp token, DER.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub token: Vec<u8>,
}

/// Something that was asked for and is not in the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Missing {
    /// Name of the consent entry or term.
    #[n(1)]
    pub what: String,
    /// Code of the reason.
    #[n(2)]
    pub why: String,
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
    /// What it stands on, one for each of its ranges, in their order.
    #[n(2)]
    pub stands: Vec<Stand>,
    /// The proof of all its statements.
    #[n(3)]
    pub proof: Proof,
}

/// What a claim stands on over one of its ranges. Indices are those of the log of that range.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stand {
    /// Index of the leaf of the epoch before the range.
    #[n(1)]
    pub before: u64,
    /// Index of the leaf of the last epoch.
    #[n(2)]
    pub after: u64,
    /// Index of the pact leaf whose consent is opened.
    #[n(3)]
    pub pact: u64,
    /// The consent entries that permit the claim, one for each of its statements.
    #[n(4)]
    pub consent: Vec<OpenedConsent>,
    /// The commitments that the claim uses, by increasing counter index; none when it is signed.
    #[n(5)]
    pub commitments: Vec<OpenedCommitments>,
}

/// A consent entry with its way to the consent root.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenedConsent {
    /// The entry.
    #[n(1)]
    pub entry: ConsentEntry,
    /// Its place.
    #[n(2)]
    pub index: u32,
    /// Siblings, bottom up.
    #[n(3)]
    pub path: Vec<LeafHash>,
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

/// Why a claim is to be believed: two kinds, of one and the same claim.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Proof {
    /// Anybody who holds the openings can make it, and nobody without them.
    #[n(1)]
    ZeroKnowledge(#[n(0)] LinearProof),
    /// The monitor evaluated the statements and says that they hold.
    #[n(2)]
    Signed(#[n(0)] SignedProof),
    /// Every event of the range, segment by segment.
    #[n(3)]
    Segments(#[n(0)] SegmentsProof),
}

/// Segments that lead from one tally leaf to another, each with its own 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SegmentsProof {
    /// The verifying key, by its digest; it comes with the verifier's anchors.
    #[n(1)]
    pub key: CircuitKeyDigest,
    /// The hidden counters between two segments, in order.
    #[n(2)]
    pub between: Vec<FieldElement>,
    /// One Groth16 proof for each segment, in order: A, B, C compressed. A power of two of them, so
    /// that their number says little of how many events there were.
    #[n(3)]
    #[cbor(with = "proofs")]
    pub proofs: Vec<[u8; 128]>,
}

impl SegmentsProof {
    /// Most segments of one claim.
    pub const MAX_SEGMENTS: usize = 4096;
}

/// A list of byte strings of one length.
mod proofs {
    use alloc::vec::Vec;

    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    pub(super) fn encode<C, W: Write>(
        proofs: &[[u8; 128]],
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.array(proofs.len() as u64)?;
        proofs.iter().try_for_each(|proof| e.bytes(proof)?.ok())
    }

    pub(super) fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<[u8; 128]>, DecodeError> {
        let wrong = || DecodeError::message("expected proofs of 128 bytes");
        let count = d.array()?.ok_or_else(wrong)?;
        (0..count).map(|_| d.bytes()?.try_into().map_err(|_| wrong())).collect()
    }
}

/// Schnorr proofs for the equalities of all statements, then one aggregated range proof for all
/// their inequalities.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LinearProof {
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

/// A boot's signature of everything that a claim is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignedProof {
    /// The boot that evaluated the claim.
    #[n(1)]
    pub boot: BootId,
    /// Leaves that the log had then.
    #[n(2)]
    pub size: u64,
    /// Of its boot key.
    #[n(3)]
    pub signature: Signature,
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
