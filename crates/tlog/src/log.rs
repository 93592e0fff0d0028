//! The tree itself, in memory: every complete subtree's hash, nothing else.

use messages::codec::Wire;
use messages::ids::{LeafHash, Root};
use messages::leaf::Leaf;
use tlog_tiles::{EMPTY_HASH, Hash, HashReader, node_hash, record_hash, split_stored_hash_index};

/// An append-only log of leaf hashes.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Row `l` holds the roots of the complete subtrees of `2^l` leaves, left to right.
    // INVARIANT: row l + 1 is half as long as row l, rounded down.
    rows: Vec<Vec<Hash>>,
}

impl Log {
    /// The empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf and returns its index.
    pub fn append(&mut self, leaf: &Leaf) -> u64 {
        let index = self.size();
        let mut hash = Hash(leaf_hash(leaf).0);
        for row in &mut self.rows {
            row.push(hash);
            // The leaf completes a subtree one row up only as the right one of a pair.
            match row.as_slice() {
                [.., left, right] if row.len() % 2 == 0 => hash = node_hash(*left, *right),
                _ => return index,
            }
        }
        self.rows.push(vec![hash]);
        index
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.rows.first().map_or(0, |row| row.len() as u64)
    }

    /// Root over all leaves (RFC 6962, section 2.1).
    #[must_use]
    pub fn root(&self) -> Root {
        // The complete subtrees without a right neighbour, smallest first, are the tree's peaks.
        let peaks = self.rows.iter().filter(|row| row.len() % 2 == 1).filter_map(|row| row.last());
        let root = peaks.copied().reduce(|right, left| node_hash(left, right));
        Root(root.unwrap_or(EMPTY_HASH).0)
    }

    /// Root over the first `size` leaves; none when there are fewer.
    #[must_use]
    pub fn root_at(&self, size: u64) -> Option<Root> {
        let root = (size <= self.size()).then(|| tlog_tiles::tree_hash(size, self))?;
        root.ok().map(|hash| Root(hash.0))
    }

    /// Roots of the complete subtrees of `2^level` leaves, left to right.
    pub(crate) fn row(&self, level: u8) -> Option<&[Hash]> {
        self.rows.get(usize::from(level)).map(Vec::as_slice)
    }

    /// Audit path of leaf `index` in the tree of the first `size` leaves (section 2.1.1),
    /// bottom up. Without such a leaf the path is empty and verifies nothing.
    #[must_use]
    pub fn inclusion(&self, index: u64, size: u64) -> Vec<LeafHash> {
        let exists = index < size && size <= self.size();
        path(exists.then(|| tlog_tiles::prove_record(size, index, self)))
    }

    /// Proof that the first `old` leaves are a prefix of the first `new` ones (section 2.1.2).
    /// Without such trees the path is empty and verifies nothing.
    #[must_use]
    pub fn consistency(&self, old: u64, new: u64) -> Vec<LeafHash> {
        let exists = 1 <= old && old <= new && new <= self.size();
        path(exists.then(|| tlog_tiles::prove_tree(new, old, self)))
    }
}

impl HashReader for Log {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let read = |&index: &u64| {
            let (row, at) = split_stored_hash_index(index);
            self.rows.get(usize::from(row))?.get(usize::try_from(at).ok()?).copied()
        };
        indexes.iter().map(read).collect::<Option<_>>().ok_or(tlog_tiles::Error::IndexesNotInTree)
    }
}

/// RFC 6962 hash of a leaf's only encoding: SHA-256(0x00, bytes).
#[must_use]
pub fn leaf_hash(leaf: &Leaf) -> LeafHash {
    LeafHash(record_hash(&leaf.to_cbor()).0)
}

fn path(proof: Option<Result<Vec<Hash>, tlog_tiles::Error>>) -> Vec<LeafHash> {
    let hashes = proof.and_then(Result::ok).unwrap_or_default();
    hashes.into_iter().map(|hash| LeafHash(hash.0)).collect()
}
