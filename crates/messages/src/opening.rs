//! Openings on their way to their holder, and one that is shown to everybody.
//!
//! The secret types live in `tally`; here are the sealed form, and the opening that stops being a
//! secret because its monitor signed a wrong one.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::bundle::IncludedLeaf;
use crate::codec::Wire;
use crate::counter::Schema;
use crate::did::Did;
use crate::ids::{BootId, LeafHash, Root};
use crate::leaf::Boots;
use crate::signature::Signature;

/// What opens one tally leaf, sealed to its holder (RFC 9180, base mode, DHKEM(X25519,
/// HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305). The holder's X25519 key is that of its Ed25519
/// key; the leaf's hash is associated data.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SealedOpenings {
    /// The leaf.
    #[n(1)]
    pub leaf: LeafHash,
    /// Encapsulated key.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub encapsulated: [u8; 32],
    /// Ciphertext and tag.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub ciphertext: Vec<u8>,
}

impl Wire for SealedOpenings {
    const MAX_BYTES: usize = 256 * 1024;
}

/// What the boot key signs: this leaf, and the root over everything that opens it.
#[must_use]
pub fn signed_bytes(leaf: &LeafHash, root: &Root) -> Vec<u8> {
    [leaf.0, root.0].concat()
}

/// The opening of one commitment, once it is no secret any more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ShownOpening {
    /// The counter.
    #[n(1)]
    pub counter: u16,
    /// The total.
    #[n(2)]
    pub value: u64,
    /// The blinding, a canonical scalar.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub blinding: [u8; 32],
}

impl ShownOpening {
    /// The place of the set of counted sessions: no counter has it.
    pub const CUT: u16 = u16::MAX;
    /// The place of what hides the counters that segments move: no counter has it. Its value is 0,
    /// and its blinding an element of the scalar field of BN254, big-endian.
    pub const KAPPA: u16 = u16::MAX - 2;
    /// The place of the root of the log of entries, which is hidden with them: in its blinding.
    pub const ENTRIES: u16 = u16::MAX - 3;
}

impl Wire for ShownOpening {
    const MAX_BYTES: usize = 64;
}

/// An opening with its way to the root that a boot signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignedOpening {
    /// The opening.
    #[n(1)]
    pub opening: ShownOpening,
    /// Its place among the openings of the leaf.
    #[n(2)]
    pub index: u32,
    /// How many openings there are.
    #[n(3)]
    pub count: u32,
    /// Siblings, bottom up.
    #[n(4)]
    pub path: Vec<LeafHash>,
    /// The boot whose key signs.
    #[n(5)]
    pub boot: BootId,
    /// Of the boot key over [`signed_bytes`].
    #[n(6)]
    pub signature: Signature,
}

/// All openings of one leaf, as a boot signed them together.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SignedOpenings {
    /// In the order that was signed.
    #[n(1)]
    pub openings: Vec<ShownOpening>,
    /// The boot whose key signs.
    #[n(2)]
    pub boot: BootId,
    /// Of the boot key over [`signed_bytes`].
    #[n(3)]
    pub signature: Signature,
}

/// A file of one holder: what proves claims about its tally, later, without the monitor.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Holdings {
    /// [`Holdings::FORMAT`].
    #[n(1)]
    pub format: String,
    /// Origin of the log.
    #[n(2)]
    pub origin: String,
    /// Whose tally it is, and who can unseal.
    #[n(3)]
    pub holder: Did,
    /// The newest checkpoint that the leaves lead to.
    #[n(4)]
    pub checkpoint: String,
    /// Tally, pact and boot leaves, by strictly increasing index.
    #[n(5)]
    pub leaves: Vec<IncludedLeaf>,
    /// Schemas of the pacts.
    #[n(6)]
    pub schemas: Vec<Schema>,
    /// Boots of the tally's life.
    #[n(7)]
    pub boots: Vec<Boots>,
    /// What opens tally leaves, sealed.
    #[n(8)]
    pub sealed: Vec<SealedOpenings>,
}

impl Holdings {
    /// Format and version.
    pub const FORMAT: &'static str = "cloister-holdings/1";
}

impl Wire for Holdings {
    const MAX_BYTES: usize = 64 * 1024 * 1024;
}
