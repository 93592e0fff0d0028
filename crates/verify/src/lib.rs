#![doc = include_str!("../README.md")]

pub mod accusation;
mod aggregate;
mod anchors;
mod appraisal;
mod batch;
pub mod binomial;
mod bundle;
mod claim;
mod codes;
pub mod consent;
#[cfg(feature = "documents")]
pub mod documents;
pub mod equality;
mod explain;
pub mod generators;
#[cfg(feature = "groth16")]
pub mod groth16;
mod leaves;
mod ledger;
mod proof;
pub mod range;
mod report;
mod revisions;
#[cfg(feature = "groth16")]
mod segments;
mod stamps;
mod stand;
pub mod statement;
pub mod transcript;

pub use anchors::{Anchors, Appraised, EvidenceClass, Findings, LogAnchor, Timestamped};
pub use batch::verify_ranges;
pub use bundle::{evidence_in, evidence_of, verify};
pub use claim::{check_agreement, check_of_each_event, check_shape, check_terms, used};
pub use codes::{Fault, Reason, Refutation, StatementError, Unfounded, Unusable, all_codes};
pub use explain::{explain, means, words};
pub use ledger::whole::audit;
pub use proof::verify_proof;
pub use report::{
    ClaimFinding, DayFinding, Item, LogFinding, Means, PactFinding, RangeFinding, Report, Subject,
    Verdict,
};
pub use stamps::{name as pact_name, stampable};
pub use stand::{covers, stretch};
pub use statement::Statement;
pub use tlog::leaf_hash;
