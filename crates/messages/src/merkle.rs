//! A small binary Merkle tree over a fixed list, for commitments and consent entries.
//! (The log has its own, RFC 6962, in `tlog`.) Leaves and nodes are domain-separated; the
//! list is padded to a power of two with a padding leaf that no value hashes to.

use alloc::vec::Vec;

use crate::domain::Domain;
use crate::ids::Root;

/// The two separators of one kind of tree.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    /// For leaves.
    pub leaf: Domain,
    /// For inner nodes.
    pub node: Domain,
}

/// Tree over the commitments of one tally.
pub const COMMITMENTS: Tree =
    Tree { leaf: crate::domain::COMMITMENT_LEAF, node: crate::domain::COMMITMENT_NODE };
/// Tree over the consent entries of one pact.
pub const CONSENT: Tree =
    Tree { leaf: crate::domain::CONSENT_LEAF, node: crate::domain::CONSENT_NODE };

/// Tree over the openings of one tally leaf.
pub const OPENINGS: Tree =
    Tree { leaf: crate::domain::OPENING_LEAF, node: crate::domain::OPENING_NODE };

impl Tree {
    /// Root over `leaves`; the count is bound into it.
    #[must_use]
    pub fn root(self, leaves: &[&[u8]]) -> Root {
        let top = self.levels(leaves).pop().and_then(|l| l.first().copied()).unwrap_or_default();
        self.seal(leaves.len(), top)
    }

    /// The siblings from leaf `index` up to the root; empty when there is no such leaf.
    #[must_use]
    pub fn path(self, leaves: &[&[u8]], index: usize) -> Vec<[u8; 32]> {
        let mut at = index;
        let mut path = Vec::new();
        for level in self.levels(leaves) {
            if let Some(sibling) = level.get(at ^ 1).filter(|_| level.len() > 1) {
                path.push(*sibling);
            }
            at >>= 1;
        }
        path
    }

    /// Root that `leaf` at `index` of `count` has with `path`; none when the shape is impossible.
    #[must_use]
    pub fn root_from(
        self,
        leaf: &[u8],
        index: usize,
        count: usize,
        path: &[[u8; 32]],
    ) -> Option<Root> {
        let width = count.checked_next_power_of_two()?;
        if index >= count || path.len() != width.trailing_zeros() as usize {
            return None;
        }
        let mut at = index;
        let mut hash = self.leaf.hash(&[leaf]);
        for sibling in path {
            hash = if at & 1 == 0 {
                self.node.hash(&[&hash, sibling])
            } else {
                self.node.hash(&[sibling, &hash])
            };
            at >>= 1;
        }
        Some(self.seal(count, hash))
    }

    fn seal(self, count: usize, top: [u8; 32]) -> Root {
        Root(self.node.hash(&[b"count", &(count as u64).to_be_bytes(), &top]))
    }

    fn levels(self, leaves: &[&[u8]]) -> Vec<Vec<[u8; 32]>> {
        let mut level: Vec<[u8; 32]> = leaves.iter().map(|l| self.leaf.hash(&[l])).collect();
        level.resize(leaves.len().next_power_of_two(), self.leaf.hash(&[]));
        let mut levels = Vec::new();
        while level.len() > 1 {
            let next = level
                .chunks(2)
                .map(|pair| match pair {
                    [a, b] => self.node.hash(&[a, b]),
                    _ => [0; 32],
                })
                .collect();
            levels.push(core::mem::replace(&mut level, next));
        }
        levels.push(level);
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_leads_to_the_root_and_no_other_place_does() {
        for n in 1..20usize {
            let values: Vec<[u8; 4]> = (0u32..).take(n).map(u32::to_be_bytes).collect();
            let leaves: Vec<&[u8]> = values.iter().map(|v| &v[..]).collect();
            let root = COMMITMENTS.root(&leaves);
            for i in 0..n {
                let path = COMMITMENTS.path(&leaves, i);
                assert_eq!(COMMITMENTS.root_from(leaves[i], i, n, &path), Some(root), "{i}/{n}");
                assert_ne!(
                    COMMITMENTS.root_from(leaves[i], (i + 1) % n, n, &path),
                    Some(root).filter(|_| n > 1)
                );
                assert_ne!(COMMITMENTS.root_from(leaves[i], i, n + 1, &path), Some(root));
                assert_ne!(CONSENT.root_from(leaves[i], i, n, &path), Some(root));
            }
        }
    }
}
