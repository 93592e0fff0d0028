//! Foreign protocols to events, verdicts to answers.

#[cfg(feature = "ext-authz")]
pub mod ext_authz;
