//! Peers have benches only.
