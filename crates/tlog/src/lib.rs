//! The transparency log: Merkle tree, proofs and signed checkpoints
