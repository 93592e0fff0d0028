//! The one Fiat-Shamir transcript of a claim: everything that the proof must not survive a
//! change of, in a fixed order. Both sides build it from their own copies.

use merlin::Transcript;
use messages::bundle::OpenedCommitments;
use messages::claim::{Audience, Claim};
use messages::codec::Wire;
use messages::domain;
use messages::ids::{
    BootId, CircuitKeyDigest, Commitment, EvidenceId, FieldElement, LeafHash, PactHash, SchemaHash,
};
use messages::signature::PublicKey;

use crate::generators::{G, h};
use crate::range::Parties;

/// What a proof is bound to.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// What it stands on, one for each range.
    pub stands: &'a [StandBinding<'a>],
}

/// What a proof is bound to over one range.
#[derive(Clone, Copy, Debug)]
pub struct StandBinding<'a> {
    /// The key of the log.
    pub log_key: PublicKey,
    /// The pact whose consent permits the claim.
    pub pact: PactHash,
    /// The ordered counters.
    pub schema: SchemaHash,
    /// The leaf before the range.
    pub before: LeafHash,
    /// The leaf of its last epoch.
    pub after: LeafHash,
    /// The boot that signed that leaf.
    pub boot: BootId,
    /// That boot's key.
    pub boot_key: PublicKey,
    /// That boot's evidence.
    pub evidence: EvidenceId,
    /// The commitments that the statements use.
    pub commitments: &'a [OpenedCommitments],
}

/// The points that are proven about.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    /// What the range proof is about; none when there is no inequality.
    pub parties: Option<&'a Parties>,
    /// One commitment a form, equalities of all statements first.
    pub forms: &'a [Commitment],
    /// High halves of 128-bit forms.
    pub high: &'a [Commitment],
}

/// Proof system, group and hash, by name.
pub const SUITE: &str = "bp-ristretto255-merlin3";

/// Begins the transcript of a zero-knowledge proof: what comes after are the equality proofs, then
/// the range proof.
#[must_use]
pub fn linear(binding: &Binding<'_>, points: &Points<'_>) -> Transcript {
    let Points { parties, forms, high } = points;
    let mut t = begin(binding, b"zero-knowledge");
    let (bits, count, pads) =
        parties.map_or((0, 0, 0), |parties| (parties.bits, parties.points.len(), parties.pads));
    t.append_u64(b"n", length(bits));
    t.append_u64(b"m", length(count));
    t.append_u64(b"pads", length(pads));
    t.append_u64(b"forms", length(forms.len()));
    forms.iter().for_each(|v| t.append_message(b"V", &v.0));
    high.iter().for_each(|v| t.append_message(b"V-high", &v.0));
    t
}

/// What a boot signs that evaluated the claim when its log had `size` leaves.
#[must_use]
pub fn signed_message(binding: &Binding<'_>, boot: &BootId, size: u64) -> [u8; 64] {
    let mut t = begin(binding, b"signed");
    t.append_message(b"signer", &boot.0);
    t.append_u64(b"size", size);
    let mut message = [0; 64];
    t.challenge_bytes(b"message", &mut message);
    message
}

/// The last public input of every segment of a claim: 31 bytes drawn at the end, big-endian.
#[must_use]
pub fn segment_context(binding: &Binding<'_>, key: &CircuitKeyDigest) -> FieldElement {
    let mut t = begin(binding, b"segments");
    t.append_message(b"key", &key.0);
    let mut element = FieldElement::default();
    let [_, rest @ ..] = &mut element.0;
    t.challenge_bytes(b"context", rest);
    element
}

fn begin(binding: &Binding<'_>, kind: &[u8]) -> Transcript {
    let Binding { claim, stands } = binding;
    let mut t = Transcript::new(domain::CLAIM.as_bytes());
    t.append_message(b"suite", SUITE.as_bytes());
    t.append_message(b"kind", kind);
    // The range proof does not bind its generators by itself.
    t.append_message(b"G", G.compress().as_bytes());
    t.append_message(b"H", h().compress().as_bytes());
    t.append_u64(b"ranges", length(stands.len()));
    for (range, stand) in claim.ranges.iter().zip(*stands) {
        t.append_message(b"origin", range.origin.as_bytes());
        t.append_message(b"root-pact", &range.root.0);
        t.append_message(b"party", range.party.as_str().as_bytes());
        t.append_message(b"tally", &range.tally().0);
        t.append_u64(b"first", range.first.0);
        t.append_u64(b"last", range.last.0);
        append(&mut t, stand);
    }
    t.append_message(b"claim", &claim.to_cbor());
    match &claim.audience {
        Audience::Public => {
            t.append_message(b"audience", b"");
            t.append_message(b"nonce", &[0; 32]);
        }
        Audience::Verifier { did, nonce } => {
            t.append_message(b"audience", did.as_str().as_bytes());
            t.append_message(b"nonce", nonce);
        }
    }
    t.append_u64(b"expiry", claim.expiry.0);
    t
}

fn append(t: &mut Transcript, stand: &StandBinding<'_>) {
    let StandBinding {
        log_key,
        pact,
        schema,
        before,
        after,
        boot,
        boot_key,
        evidence,
        commitments,
    } = stand;
    t.append_message(b"log-key", &log_key.0);
    t.append_message(b"pact", &pact.0);
    t.append_message(b"schema", &schema.0);
    t.append_message(b"before", &before.0);
    t.append_message(b"after", &after.0);
    t.append_message(b"boot", &boot.0);
    t.append_message(b"boot-key", &boot_key.0);
    t.append_message(b"evidence", &evidence.0);
    t.append_u64(b"commitments", length(commitments.len()));
    for opened in *commitments {
        t.append_u64(b"counter", u64::from(opened.counter));
        // Nothing at all where a revision added the counter: lengths are framed.
        t.append_message(b"S-before", opened.before.as_ref().map_or(&[], |s| &s.0[..]));
        t.append_message(b"S-after", &opened.after.0);
    }
}

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
