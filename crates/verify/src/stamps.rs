//! What a time stamp (RFC 3161) of a bundle may be of. Whoever stamped it saw nothing but a digest;
//! that a pact's name is stamped says that its terms existed, not that they were signed.

use messages::bundle::Bundle;
use messages::ids::PactHash;
use messages::time::UnixMillis;
use sha2::{Digest, Sha256};

use crate::anchors::Findings;

/// Everything whose time stamp counts: the text of each checkpoint, which all its signatures are
/// about, then the name of each pact that a claim speaks of.
#[must_use]
pub fn stampable(bundle: &Bundle) -> Vec<Vec<u8>> {
    let checkpoints = bundle.logs.iter().filter_map(|view| tlog::checkpoint_text(&view.checkpoint));
    let checkpoints = checkpoints.map(String::into_bytes);
    checkpoints.chain(pacts(bundle).iter().map(name)).collect()
}

/// What a time stamp of a pact is of: `sha256:` and 64 hexadecimal digits.
#[must_use]
pub fn name(pact: &PactHash) -> Vec<u8> {
    pact.to_string().into_bytes()
}

/// Roots of the pacts that claims speak of, each once.
pub(crate) fn pacts(bundle: &Bundle) -> Vec<PactHash> {
    let ranges = bundle.claims.iter().flat_map(|proven| &proven.claim.ranges);
    let mut pacts: Vec<PactHash> = ranges.map(|range| range.root).collect();
    pacts.sort_unstable();
    pacts.dedup();
    pacts
}

/// The earliest accepted time stamp of this.
pub(crate) fn earliest(findings: Findings<'_>, data: &[u8]) -> Option<UnixMillis> {
    let digest: [u8; 32] = Sha256::digest(data).into();
    let stamps = findings.timestamped.iter().filter(|stamp| *stamp.digest() == digest);
    stamps.map(crate::anchors::Timestamped::at).min()
}
