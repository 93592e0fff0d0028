//! The monitor from outside: completeness and refusals.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

#[path = "monitor/completeness.rs"]
mod completeness;
#[path = "monitor/refusals.rs"]
mod refusals;
#[path = "monitor/replay.rs"]
mod replay;
#[path = "monitor/restart.rs"]
mod restart;
#[path = "monitor/support.rs"]
mod support;
