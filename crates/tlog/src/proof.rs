//! Checks of audit paths and consistency proofs against opened checkpoints.

use messages::ids::{LeafHash, Root};
use messages::leaf::Leaf;
use tlog_tiles::{EMPTY_HASH, Hash};

use crate::checkpoint::Checkpoint;
use crate::log::leaf_hash;

/// Verifies that `leaf` is the leaf number `index` of the checkpoint's tree
/// (RFC 6962, section 2.1.1).
///
/// # Errors
/// [`ProofError`], which says what is wrong with the shape or that the root differs.
pub fn verify_inclusion(
    checkpoint: &Checkpoint,
    index: u64,
    leaf: &Leaf,
    path: &[LeafHash],
) -> Result<(), ProofError> {
    verify_path((checkpoint.size(), checkpoint.root()), index, leaf, path)
}

/// The same for a tree head that somebody else vouches for.
///
/// # Errors
/// As [`verify_inclusion`].
pub fn verify_path(
    (size, root): (u64, &Root),
    index: u64,
    leaf: &Leaf,
    path: &[LeafHash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (path, leaf) = (hashes(path)?, Hash(leaf_hash(leaf).0));
    tlog_tiles::check_record(&path, size, hash(root), index, leaf)
        .map_err(|_| ProofError::RootMismatch)
}

/// Verifies that the tree of `old` is a prefix of the tree of `new` (section 2.1.2). The empty
/// tree is a prefix of every tree, with an empty path.
///
/// # Errors
/// [`ProofError`], which says what is wrong with the shape or that a root differs.
pub fn verify_consistency(
    old: &Checkpoint,
    new: &Checkpoint,
    path: &[LeafHash],
) -> Result<(), ProofError> {
    if old.size() > new.size() {
        return Err(ProofError::Shrunk);
    }
    let path = hashes(path)?;
    if old.size() == 0 {
        let holds = path.is_empty()
            && hash(old.root()) == EMPTY_HASH
            && (new.size() > 0 || old.root() == new.root());
        return if holds { Ok(()) } else { Err(ProofError::RootMismatch) };
    }
    tlog_tiles::check_tree(&path, new.size(), hash(new.root()), old.size(), hash(old.root()))
        .map_err(|_| ProofError::RootMismatch)
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index lies outside the tree.
    #[error("the leaf's index lies outside the tree")]
    OutOfRange,
    /// Longer than any tree's path.
    #[error("the path has more than {MAX_PATH} hashes")]
    PathTooLong,
    /// The path leads to another root, or has not the tree's shape.
    #[error("the path does not lead to the signed root")]
    RootMismatch,
    /// The later tree is smaller.
    #[error("the later tree is smaller than the earlier one")]
    Shrunk,
}

impl ProofError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OutOfRange => "index-out-of-range",
            Self::PathTooLong => "path-too-long",
            Self::RootMismatch => "root-mismatch",
            Self::Shrunk => "log-shrunk",
        }
    }
}

/// Most hashes in a path: a tree of 2^64 leaves needs no more, a consistency proof one more.
pub const MAX_PATH: usize = 65;

fn hashes(path: &[LeafHash]) -> Result<Vec<Hash>, ProofError> {
    if path.len() > MAX_PATH {
        return Err(ProofError::PathTooLong);
    }
    Ok(path.iter().map(|hash| Hash(hash.0)).collect())
}

const fn hash(root: &Root) -> Hash {
    Hash(root.0)
}
