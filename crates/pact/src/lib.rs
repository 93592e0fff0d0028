//! A pact: its document, signatures, lint, compiled form and the pure check.
//!
//! Not here: no I/O, no clock, no cryptography beyond hash and signature, and no mode: whether a
//! verdict is enforced, shown or only counted is the monitor's business.
pub mod check;
pub mod compile;
pub mod document;
pub mod error;
pub mod lint;
pub mod signature;
mod state;
mod tokens;

pub use check::{Approval, Decision, Judgement, Verdict, check};
pub use compile::{CompileError, Compiled, Consented, compile};
pub use document::Pact;
pub use document::terms::{LogScope, Mode, OnTimeout};
pub use error::{Fault, PactError};
pub use lint::{Finding, Severity, lint};
pub use signature::{BindingPact, KeyRing, SignedPact};
pub use state::{Change, SessionState, StandingState};
