#![doc = include_str!("../README.md")]

mod aggregate;
mod anchors;
mod appraisal;
mod bundle;
mod claim;
mod codes;
pub mod consent;
pub mod equality;
mod explain;
mod leaves;
mod proof;
pub mod range;
mod revisions;
pub mod statement;
pub mod transcript;

pub use anchors::{Anchors, Appraised, EvidenceClass};
pub use bundle::{Item, Report, Verdict, evidence_in, verify};
pub use claim::covers;
pub use codes::{Fault, Reason, Refutation, StatementError, Unusable, all_codes};
pub use explain::{explain, words};
pub use proof::verify_proof;
pub use statement::Statement;
pub use tlog::leaf_hash;
