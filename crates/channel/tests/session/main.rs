//! The channel between real ends over loopback: what passes, and each way in which it must not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]

mod attested;
mod between;
mod certificates;
mod challenged;
mod monitor;
mod versions;
