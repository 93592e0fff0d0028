#![doc = include_str!("../README.md")]

pub mod binomial;
mod error;
mod linear;
mod request;
mod witness;

pub use error::ProveError;
pub use request::{Ground, Request, check, prove, sign};
