//! From evidence to an appraised key (RFC 9334): policy, reference values, and the one place
//! that may assert an appraisal.
//!
//! Hardware evidence has a media type and, in this version, no appraiser: it is refused under a
//! code of its own. Development evidence is refused unless the policy asks for it by name; what
//! it yields is of another class, which every verdict repeats. This crate never obtains
//! evidence from a machine and never decides what a claim is worth.
//!
//! ```
//! # use cloister_attestations as attestations;
//! use attestations::{Expect, Policy, appraise};
//! use messages::evidence::{Conceptual, SOFTWARE_MEDIA_TYPE};
//! use messages::time::UnixMillis;
//!
//! let policy = Policy { origin: "insecure-dev/log".into(), configs: vec![], software: None };
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
mod policy;
pub mod software;

pub use appraise::{Expect, HARDWARE_MEDIA_TYPE, INDICATOR_EVIDENCE, Refusal, appraise};
pub use policy::{Policy, SoftwarePolicy};
pub use verify::{Appraised, EvidenceClass};
