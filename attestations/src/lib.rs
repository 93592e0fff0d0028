//! From evidence to an appraised key (RFC 9334): policy, reference values, and the one place
//! that may assert an appraisal.
//!
//! Evidence of a confidential VM is looked at under a [policy](HardwarePolicy) that somebody
//! stands for, check by check, each with a refusal of its own. Development evidence is refused
//! unless the policy asks for it by name; what it yields is of another class, which every verdict
//! repeats. This crate never obtains evidence from a machine, never asks the time, and never
//! decides what a claim is worth.
//!
//! ```
//! # use cloister_attestations as attestations;
//! use attestations::{Expect, Log, Policy, appraise};
//! use messages::evidence::{Conceptual, SOFTWARE_MEDIA_TYPE};
//! use messages::time::UnixMillis;
//!
//! let policy = Policy {
//!     origin: "insecure-dev/log".into(),
//!     configs: vec![],
//!     log: Log::Any,
//!     hardware: None,
//!     software: None,
//! };
//! let evidence =
//!     Conceptual { media_type: SOFTWARE_MEDIA_TYPE.into(), value: vec![], indicator: 4 };
//! let refusal = appraise(&evidence, &policy, Expect::Checkpoint, UnixMillis(0)).unwrap_err();
//! assert_eq!(refusal.code(), "software-evidence-refused");
//! ```

#[cfg(all(feature = "insecure-software-attester", feature = "release-image"))]
compile_error!(
    "feature `insecure-software-attester` signs with a published key and must never be part of a \
     build with feature `release-image`"
);

mod appraise;
mod bound;
pub mod launch;
mod policy;
mod refusal;
mod refusals;
mod rows;
mod snp;
pub mod software;
mod tdx;

pub use appraise::{Appraisal, Expect, INDICATOR_EVIDENCE, appraise, explain};
pub use policy::{
    FamilyPolicy, HardwarePolicy, Hex, Log, Policy, PolicyDocument, PolicyError, PolicySigner,
    Revocation, SnpPolicy, SoftwarePolicy, TdxMeasurement, TdxPolicy, TdxStatus,
};
pub use refusal::Refusal;
pub use rows::Row;
pub use snp::{Family, SnpRefusal, Tcb};
pub use tdx::TdxRefusal;
pub use verify::{Appraised, EvidenceClass};
