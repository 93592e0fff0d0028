//! A pact: its document, signatures, lint, compiled form and the pure check
#![allow(clippy::allow_attributes)]
pub mod document;
pub mod error;
pub mod signature;
pub use document::Pact;
pub use document::terms::{LogScope, Mode};
pub use error::{Fault, PactError};
pub use signature::{BindingPact, KeyRing, SignedPact};
