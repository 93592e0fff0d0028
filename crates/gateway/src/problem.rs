//! Refusals as problem details (RFC 9457).

use std::time::Duration;

use crate::desk::{Decision, DeskError, Redemption, whole_seconds};
use crate::jsonrpc::ReadError;

/// One refusal.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: String,
    pub(crate) remedy: &'static str,
    /// The pact's rule.
    pub(crate) rule: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Problem {
    pub(crate) fn new(
        status: u16,
        code: &'static str,
        title: &(impl ToString + ?Sized),
        remedy: &'static str,
    ) -> Self {
        Self { status, code, title: title.to_string(), remedy, rule: None, retry_after: None }
    }

    /// What a decision refuses; none when it refuses nothing.
    pub(crate) fn of_decision(decision: Decision) -> Result<Option<String>, Self> {
        let (problem, rule, retry_after) = match decision {
            Decision::Allow { ticket } => return Ok(ticket),
            Decision::Deny { rule } => (
                Self::new(403, "denied", "the pact denies this call", "see the rule in the pact"),
                rule,
                None,
            ),
            Decision::Pause { rule, retry_after } => (
                Self::new(
                    429,
                    "paused",
                    "an overseer has to decide on this call",
                    "make the same call again after the stated time",
                ),
                rule,
                Some(retry_after),
            ),
            Decision::Terminate { rule } => (
                Self::new(
                    403,
                    "terminated",
                    "the pact ends this session",
                    "make no further call in this session",
                ),
                rule,
                None,
            ),
        };
        Err(Self { rule: Some(rule), retry_after, ..problem })
    }

    /// What a ticket's answer refuses.
    pub(crate) fn of_redemption(redemption: Redemption) -> Result<(), Self> {
        match redemption {
            Redemption::Redeemed => Ok(()),
            Redemption::Refused => Err(Self::new(
                403,
                "ticket-refused",
                "the ticket is not good for this call",
                "ask for a verdict, and send its ticket once",
            )),
        }
    }

    pub(crate) fn ticket_missing() -> Self {
        Self::new(
            403,
            "ticket-missing",
            "this call needs a ticket",
            "ask the monitor for a verdict first, and send its ticket",
        )
    }

    /// Media type of [`Problem::to_json`].
    pub(crate) const MEDIA_TYPE: &'static str = "application/problem+json";

    pub(crate) fn to_json(&self) -> String {
        let mut body = serde_json::json!({
            "type": format!("urn:cloister:problem:{}", self.code),
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "remedy": self.remedy,
        });
        if let Some(object) = body.as_object_mut() {
            if let Some(rule) = &self.rule {
                object.insert("rule".into(), rule.clone().into());
            }
            if let Some(seconds) = self.retry_after_seconds() {
                object.insert("retry_after".into(), seconds.into());
            }
        }
        body.to_string()
    }

    /// Whole seconds, rounded up, at least one (RFC 9110, section 10.2.3).
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(whole_seconds)
    }
}

impl From<DeskError> for Problem {
    fn from(error: DeskError) -> Self {
        let status = match error {
            DeskError::Closed | DeskError::Full { .. } | DeskError::Unreachable { .. } => 503,
            DeskError::NoSession | DeskError::Unfit => 403,
        };
        let problem = Self::new(status, error.code(), &error, error.remedy());
        Self { retry_after: error.retry_after(), ..problem }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let status = match error {
            ReadError::TooLarge => 413,
            ReadError::Ambiguous
            | ReadError::Batch
            | ReadError::Malformed
            | ReadError::NameTooLong
            | ReadError::Unanswerable => 400,
        };
        Self::new(status, error.code(), &error, error.remedy())
    }
}
