//! Keys and proofs, as others see them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_macros,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::redundant_clone,
    reason = "tests say what they expect by failing"
)]

mod fuzzed;
mod manifest;
mod preimage;
mod recorded;
mod segment;
mod snarkjs;
mod strict;
