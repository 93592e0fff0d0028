//! Criterion benches and their peers
