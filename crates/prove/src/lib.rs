#![doc = include_str!("../README.md")]

pub mod binomial;
mod error;
mod linear;
mod request;
#[cfg(feature = "groth16")]
mod segments;
mod witness;

pub use error::ProveError;
pub use request::{Ground, Request, check, prove, sign};
#[cfg(feature = "groth16")]
pub use segments::{Entries, SegmentKey, prove_segments};
