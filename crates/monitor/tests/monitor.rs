//! The monitor from outside: completeness and refusals.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

#[path = "monitor/completeness.rs"]
mod completeness;
#[path = "monitor/refusals.rs"]
mod refusals;
#[path = "monitor/renewal.rs"]
mod renewal;
#[path = "monitor/replay.rs"]
mod replay;
#[path = "monitor/restart.rs"]
mod restart;
#[path = "monitor/revision.rs"]
mod revision;
#[path = "monitor/support.rs"]
mod support;
