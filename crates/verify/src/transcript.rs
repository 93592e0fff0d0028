//! The one Fiat-Shamir transcript of a claim: everything that the proof must not survive a
//! change of, in a fixed order. Both sides build it from their own copies.

use merlin::Transcript;
use messages::bundle::OpenedCommitments;
use messages::claim::{Audience, Claim};
use messages::codec::Wire;
use messages::domain;
use messages::ids::{BootId, Commitment, EvidenceId, LeafHash, PactHash, SchemaHash};
use messages::signature::PublicKey;

use crate::range::PEDERSEN;
use crate::statement::Width;

/// What a proof is bound to.
#[derive(Clone, Debug)]
pub struct Binding<'a> {
    /// First pact of the revision chain.
    pub root_pact: PactHash,
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
    /// The commitments that the statement uses.
    pub commitments: &'a [OpenedCommitments],
    /// The claim.
    pub claim: &'a Claim,
}

/// The points that are proven about.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    /// Width of the range proof.
    pub width: Option<Width>,
    /// How many identity pads fill the aggregation to a power of two.
    pub pads: usize,
    /// One commitment a form, equalities first.
    pub forms: &'a [Commitment],
    /// High halves of 128-bit statements.
    pub high: &'a [Commitment],
}

/// Proof system, group and hash, by name.
pub const SUITE: &str = "bp-ristretto255-merlin3";

/// Begins the transcript: what comes after are the equality proofs, then the range proof.
#[must_use]
pub fn begin(binding: &Binding<'_>, points: &Points<'_>) -> Transcript {
    let Binding {
        root_pact,
        pact,
        schema,
        before,
        after,
        boot,
        boot_key,
        evidence,
        commitments,
        claim,
    } = binding;
    let mut t = Transcript::new(domain::CLAIM.as_bytes());
    let gens = &*PEDERSEN;
    t.append_message(b"suite", SUITE.as_bytes());
    // The range proof does not bind its generators by itself.
    t.append_message(b"G", gens.B.compress().as_bytes());
    t.append_message(b"H", gens.B_blinding.compress().as_bytes());
    t.append_message(b"root-pact", &root_pact.0);
    t.append_message(b"pact", &pact.0);
    t.append_message(b"schema", &schema.0);
    t.append_message(b"tally", &claim.range.tally.0);
    t.append_u64(b"first", claim.range.first.0);
    t.append_u64(b"last", claim.range.last.0);
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
    t.append_message(b"claim", &claim.to_cbor());
    match &claim.audience {
        Audience::Public => {
            t.append_message(b"kind", b"public");
            t.append_message(b"nonce", &[0; 32]);
        }
        Audience::Verifier { did, nonce } => {
            t.append_message(b"kind", b"verifier");
            t.append_message(b"audience", did.as_str().as_bytes());
            t.append_message(b"nonce", nonce);
        }
    }
    t.append_u64(b"expiry", claim.expiry.0);
    t.append_u64(b"n", points.width.map_or(0, |w| u64::from(w.bits())));
    t.append_u64(b"m", length(points.forms.len()));
    t.append_u64(b"pads", length(points.pads));
    points.forms.iter().for_each(|v| t.append_message(b"V", &v.0));
    points.high.iter().for_each(|v| t.append_message(b"V-high", &v.0));
    t
}

fn length(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
