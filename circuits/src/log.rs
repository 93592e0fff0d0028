//! The log of a tally's entries, and the hidden counters beside it.

use ark_bn254::Fr;
use messages::domain;
use messages::segment::MOVED;

use crate::digest::{RATE, chain, next, tagged};
use crate::entry::Packed;
use crate::r1cs::Plain;

/// Entries that are hashed together.
pub const BLOCK: usize = RATE / 2;
/// Counters that segments move.
pub const COUNTERS: usize = MOVED;

/// Up to [`BLOCK`] entries, hashed together.
pub type Block = Vec<Packed>;

/// Root of a log without entries.
#[must_use]
pub fn start() -> Fr {
    tagged(domain::SEGMENT_LOG)
}

/// Root of a log that goes on with `block`: the same when the block has no first entry. Entries
/// beyond [`BLOCK`] are in no block: no proof of such a log holds.
#[must_use]
pub fn append(root: &Fr, block: &[Packed]) -> Fr {
    if !block.first().is_some_and(Packed::is_present) {
        return *root;
    }
    let elements: Vec<Fr> = block.iter().flat_map(Packed::elements).collect();
    next(&mut Plain, root, &elements)
}

/// A commitment to a log and its counters, hiding with a random `blinding`.
#[must_use]
pub fn commit(blinding: &Fr, root: &Fr, counters: &[u64; COUNTERS]) -> Fr {
    let counters = counters.iter().map(|n| Fr::from(*n));
    let list: Vec<Fr> = [*blinding, *root].into_iter().chain(counters).collect();
    chain(&mut Plain, domain::SEGMENT_COUNTERS, &list)
}
