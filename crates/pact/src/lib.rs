//! A pact: its document, signatures, lint, compiled form and the pure check.
//!
//! Not here: no I/O, no clock, no cryptography beyond hash and signature, and no mode: whether a
//! verdict is enforced, shown or only counted is the monitor's business. The format is in
//! `pact.schema.json`; terms that this version only keeps on record are named by [`lint()`].
//!
//! ```
//! use cloister_pact::{Pact, compile, lint};
//! let pact = Pact::parse(include_bytes!("../tests/small.pact.json"))?;
//! assert!(lint(&pact).iter().all(|f| f.severity != cloister_pact::Severity::Error));
//! let compiled = compile(&pact)?;
//! assert_eq!(compiled.tools(), ["read_note", "send_money"]);
//! assert!(compiled.schema().find("sum:send_money.amount").is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod check;
pub mod claim;
pub mod compile;
pub mod diff;
pub mod digest;
pub mod document;
pub mod error;
pub mod explain;
pub mod lint;
mod signals;
pub mod signature;
mod state;
mod tokens;

pub use check::{Approval, Decision, Judgement, Verdict, canary, check, check_digest};
pub use claim::{ClaimError, Scope, Spoken};
pub use compile::{
    CompileError, Compiled, Consented, Duty, DutyKind, Loss, OnDeadline, compile, compile_after,
};
pub use diff::{Diff, Difference, Kind, Needed, Succession, SuccessionError, diff, succeeds};
pub use digest::Digest;
pub use document::Pact;
pub use document::terms::{LogScope, Mode, OnTimeout};
pub use error::{Fault, PactError};
pub use explain::{Section, explain};
pub use lint::{Finding, Severity, lint};
pub use signature::{BindingPact, BindingRevision, KeyRing, SignedPact};
pub use state::{Change, Scoped, SessionState, StandingState};
