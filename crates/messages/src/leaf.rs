//! Log leaves. Every publication appears as one constant-size, salted, silent leaf; its body is
//! handed to whom it concerns.

mod release;

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

pub use release::{
    AggregateBody, Days, Debit, Mechanism, Noise, Query, ReserveBody, Unit, quantile,
};

use crate::codec::Wire;
use crate::did::Did;
use crate::domain;
use crate::ids::{
    BodyDigest, BootId, Commitment, ConfigDigest, EvidenceId, FieldElement, LeafHash, PactHash,
    Root, Salt, SchemaHash, TallyId,
};
use crate::signature::{PublicKey, Signature};
use crate::time::{Bracket, Epoch};

/// The public part of a publication: fixed size, says only its kind.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Leaf {
    /// What kind of body.
    #[n(0)]
    pub kind: Kind,
    /// SHA-256(domain, salt, body).
    #[n(1)]
    pub body: BodyDigest,
    /// The boot whose key signs.
    #[n(2)]
    pub boot: BootId,
    /// Signature of the boot key over [`Leaf::signed_bytes`].
    #[n(3)]
    pub signature: Signature,
}

impl Leaf {
    /// Encoded size of every leaf in bytes.
    pub const BYTES: usize = 1 + 1 + 34 + 34 + 66;

    /// What the boot key signs.
    #[must_use]
    pub fn signed_bytes(kind: Kind, body: &BodyDigest, boot: &BootId) -> Vec<u8> {
        [&[kind.tag()][..], &body.0, &boot.0].concat()
    }
}

impl Wire for Leaf {
    const MAX_BYTES: usize = Self::BYTES;
}

/// Kinds of publication; the numbers are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// A boot: evidence, keys, config.
    #[n(1)]
    Boot,
    /// A pact came under monitoring or was revised.
    #[n(2)]
    Pact,
    /// Running totals of one tally at the end of one epoch.
    #[n(3)]
    Tally,
    /// A tally ended without continuity.
    #[n(4)]
    Break,
    /// The privacy budget was debited.
    #[n(5)]
    Reserve,
    /// A private aggregate.
    #[n(7)]
    Aggregate,
}

impl Kind {
    const fn tag(self) -> u8 {
        match self {
            Self::Boot => 1,
            Self::Pact => 2,
            Self::Tally => 3,
            Self::Break => 4,
            Self::Reserve => 5,
            Self::Aggregate => 7,
        }
    }
}

/// Digest of a body under its salt.
#[must_use]
pub fn body_digest(kind: Kind, salt: &Salt, body: &[u8]) -> BodyDigest {
    BodyDigest(domain::LEAF_BODY.hash(&[&[kind.tag()], &salt.0, body]))
}

/// Body of a `boot` leaf.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BootBody {
    /// Fresh per boot.
    #[n(1)]
    pub boot: BootId,
    /// Signs leaves from here to the next boot.
    #[n(2)]
    pub boot_key: PublicKey,
    /// Stable per origin, signs checkpoints.
    #[n(3)]
    pub log_key: PublicKey,
    /// The measured configuration.
    #[n(4)]
    pub config: ConfigDigest,
    /// Evidence: an encoded conceptual message (see `evidence`).
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub evidence: Vec<u8>,
    /// When.
    #[n(6)]
    pub at: Bracket,
}

impl Wire for BootBody {
    const MAX_BYTES: usize = 64 * 1024;
}

/// Body of a `pact` leaf.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PactBody {
    /// The pact now in force.
    #[n(1)]
    pub pact: PactHash,
    /// First pact of the revision chain.
    #[n(2)]
    pub root: PactHash,
    /// The pact that this one replaces.
    #[n(3)]
    pub prior: Option<PactHash>,
    /// The ordered counters.
    #[n(4)]
    pub schema: SchemaHash,
    /// Root over the consent entries.
    #[n(5)]
    pub consent: Root,
    /// How many consent entries.
    #[n(6)]
    pub consent_count: u32,
    /// When.
    #[n(7)]
    pub at: Bracket,
    /// Hash of the rules that segments are proven under.
    #[n(8)]
    pub rules: FieldElement,
}

impl Wire for PactBody {
    const MAX_BYTES: usize = 1024;
}

/// Group, hash and shape of the commitments of a tally leaf: another suite may come without a
/// break, and no proof of one is a proof of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Suite {
    /// One Pedersen commitment a counter over Ristretto255, under a SHA-256 Merkle root.
    #[n(1)]
    PedersenRistretto255,
}

/// Body of a `tally` leaf: running totals since the tally was opened, committed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TallyBody {
    /// How the totals are committed.
    #[n(1)]
    pub suite: Suite,
    /// The tally.
    #[n(2)]
    pub tally: TallyId,
    /// Root of the pact's revision chain.
    #[n(3)]
    pub root_pact: PactHash,
    /// The pact in force at the end of the epoch.
    #[n(4)]
    pub pact: PactHash,
    /// The ordered counters.
    #[n(5)]
    pub schema: SchemaHash,
    /// How many counters are committed.
    #[n(6)]
    pub counters: u32,
    /// The epoch that ends here; 0 at opening.
    #[n(7)]
    pub epoch: Epoch,
    /// End of the epoch.
    #[n(8)]
    pub at: Bracket,
    /// Fresh per commitment attempt; enters every blinding.
    #[n(9)]
    pub salt: Salt,
    /// Root over the commitments, in schema order.
    #[n(10)]
    pub commitments: Root,
    /// Missing events since the tally was opened, by owner.
    #[n(11)]
    pub gaps: Gaps,
    /// Root over the boots of the tally's life (see [`Boots`]).
    #[n(12)]
    pub boots: Root,
    /// The tally's leaf of the epoch before; none at opening.
    #[n(13)]
    pub previous: Option<LeafHash>,
    /// Digest of what happened in the epoch and is told only to whom the pact names.
    #[n(14)]
    pub hidden: Root,
    /// Commitment to the set of sessions that are counted, which two monitors can be shown to have
    /// in common; to nothing while a session is open.
    #[n(15)]
    pub cut: Commitment,
    /// The counters that segments move, hidden together with the log of entries that moved them: of
    /// the same totals as [`TallyBody::commitments`], for circuits.
    #[n(16)]
    pub kappa: FieldElement,
    /// Fills the body to one size, so that its transport says nothing either.
    #[n(17)]
    #[cbor(with = "minicbor::bytes")]
    pub padding: Vec<u8>,
}

impl TallyBody {
    /// Encoded size of every tally body in bytes.
    pub const BYTES: usize = 616;

    /// Fills `padding` so that the encoding has [`Self::BYTES`] bytes.
    #[must_use]
    pub fn padded(mut self) -> Self {
        self.padding = Vec::new();
        // The length prefix of a byte string of 24..=255 bytes is one byte longer than the empty
        // one's; the unpadded body is far below the target, so the padding lies in that span.
        let missing = Self::BYTES.saturating_sub(self.to_cbor().len());
        self.padding.resize(missing.saturating_sub(1), 0);
        self
    }
}

impl Wire for TallyBody {
    const MAX_BYTES: usize = Self::BYTES;
}

/// Identity of the tally of `party` under the revision chain that begins with `root_pact`: a
/// revision does not reset history. A tally that broke is followed by one of the next
/// `generation`; the first is 0.
#[must_use]
pub fn tally_id(root_pact: &PactHash, party: &Did, generation: u32) -> TallyId {
    let (party, number) = (party.as_str().as_bytes(), generation.to_be_bytes());
    let first: [&[u8]; 2] = [&root_pact.0, party];
    let later: [&[u8]; 3] = [&root_pact.0, party, &number];
    TallyId(domain::TALLY.hash(if generation == 0 { &first } else { &later }))
}

/// Missing events by owner, cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Gaps {
    /// A party's connector did not report what its counterparty received.
    #[n(1)]
    pub agent: u64,
    /// Signed by a party, never receipted by the monitor.
    #[n(2)]
    pub network: u64,
    /// Receipted by the monitor and missing from its record.
    #[n(3)]
    pub monitor: u64,
    /// Sessions that a party left without its closing counts.
    #[n(4)]
    pub tail_open: u64,
}

impl Gaps {
    /// All gaps of all owners.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.agent
            .saturating_add(self.network)
            .saturating_add(self.monitor)
            .saturating_add(self.tail_open)
    }

    /// `self - earlier`; none when a count fell.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        Some(Self {
            agent: self.agent.checked_sub(earlier.agent)?,
            network: self.network.checked_sub(earlier.network)?,
            monitor: self.monitor.checked_sub(earlier.monitor)?,
            tail_open: self.tail_open.checked_sub(earlier.tail_open)?,
        })
    }
}

/// The boots of a tally's life, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Boots {
    /// One entry a boot.
    #[n(0)]
    pub entries: Vec<BootEntry>,
}

impl Boots {
    /// What tally bodies carry.
    #[must_use]
    pub fn root(&self) -> Root {
        Root(domain::BOOTS.hash(&[&self.to_cbor()]))
    }
}

impl Wire for Boots {
    const MAX_BYTES: usize = 256 * 1024;
}

/// One boot in a tally's life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BootEntry {
    /// Which boot.
    #[n(1)]
    pub boot: BootId,
    /// Its evidence.
    #[n(2)]
    pub evidence: EvidenceId,
    /// Its configuration.
    #[n(3)]
    pub config: ConfigDigest,
    /// First epoch of the tally that this boot closed or will close.
    #[n(4)]
    pub first: Epoch,
}

/// Body of a `break` leaf: this tally ends; no range crosses it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct BreakBody {
    /// The tally that ends.
    #[n(1)]
    pub tally: TallyId,
    /// Its last published epoch.
    #[n(2)]
    pub last: Epoch,
    /// Why.
    #[n(3)]
    pub cause: BreakCause,
    /// When.
    #[n(4)]
    pub at: Bracket,
}

impl Wire for BreakBody {
    const MAX_BYTES: usize = 512;
}

/// Why a tally ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum BreakCause {
    /// A counter reached its maximum; it never wraps.
    #[n(1)]
    CounterFull,
    /// The record and the last leaf disagree.
    #[n(2)]
    Mismatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_has_a_name_of_its_own() {
        let (root, party) = (PactHash([1; 32]), Did::parse("did:web:a.example").unwrap());
        let names: alloc::collections::BTreeSet<_> =
            [0, 1, 2, u32::MAX].map(|n| tally_id(&root, &party, n)).into();
        assert_eq!(names.len(), 4);
        let first = domain::TALLY.hash(&[&root.0, party.as_str().as_bytes()]);
        assert_eq!(tally_id(&root, &party, 0), TallyId(first));
    }
}
