//! Claims from openings: range, equality and linear proofs
