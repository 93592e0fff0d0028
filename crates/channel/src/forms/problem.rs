//! Refusals over HTTP: problem details (RFC 9457). A code, a reason and a remedy; nothing of the
//! request is ever quoted.

use serde::{Deserialize, Serialize};

/// Media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// `type` of every problem: this, then its code.
pub const PROBLEM_TYPE: &str = "urn:cloister:problem:";

/// One refusal. Readers ignore members that they do not know, as RFC 9457 asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// [`PROBLEM_TYPE`] and the code.
    #[serde(rename = "type")]
    pub r#type: String,
    /// The reason, short; the same for every occurrence.
    pub title: String,
    /// HTTP status. Inside a batch, the status that the event would have had alone.
    pub status: u16,
    /// Stable code, kebab-case.
    pub code: String,
    /// The reason.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

impl Problem {
    /// The problem of a code.
    #[must_use]
    pub fn new(code: &str, status: u16, reason: &str, remedy: &str) -> Self {
        Self {
            r#type: [PROBLEM_TYPE, code].concat(),
            title: code.replace('-', " "),
            status,
            code: code.to_owned(),
            detail: reason.to_owned(),
            remedy: remedy.to_owned(),
        }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}
