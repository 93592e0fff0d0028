//! Answers to a call that asks before it runs. Usually the monitor's reply; past the pact's
//! deadline what its `fail` clause says, without a receipt and without a ticket, because nothing is
//! known to be on record.

use std::time::Duration;

use messages::reply::{Action, Reply};
use serde::{Deserialize, Serialize};

use super::operation::Operation;
use super::problem::Problem;
use super::reply::{MAX_ANSWER_BYTES, from_json, to_json};
use super::request::{FormError, HttpRequest, json, to_event};
use super::statement::ActionForm;

/// Longest that a paused call's answer may wait for its overseer.
pub const MAX_WAIT: Duration = Duration::from_secs(300);
/// Rule of an answer at the deadline, when the pact fails closed.
pub const DEADLINE: &str = "deadline";
/// Rule of an answer at the deadline, when the pact fails open.
pub const DEADLINE_OPEN: &str = "deadline-open";

/// What a call may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// What the monitor decided.
    Answered(Box<Reply>),
    /// The monitor did not decide in time, and the pact fails closed. Whether the event is on
    /// record is not known: it is sent again, as an event.
    DeadlineClosed,
    /// The monitor did not decide in time, and the pact fails open: the call may run, and there is
    /// no ticket for it. Whether the event is on record is not known.
    DeadlineOpen,
}

impl Decision {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self, worded: &dyn Fn(&str) -> Problem) -> Vec<u8> {
        let (action, rule) = match self {
            Self::Answered(reply) => return to_json(reply, worded),
            Self::DeadlineClosed => (Action::Deny, DEADLINE),
            Self::DeadlineOpen => (Action::Allow, DEADLINE_OPEN),
        };
        let form = DeadlineForm { kind: Kind::Deadline, action: action.into(), rule: rule.into() };
        serde_json::to_vec(&form).unwrap_or_default()
    }
}

/// The answer at a pact's deadline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeadlineForm {
    /// Always `deadline`.
    pub kind: Kind,
    /// `deny` or `allow`.
    pub action: ActionForm,
    /// `deadline` or `deadline-open`.
    pub rule: String,
}

/// The word that tells this answer from a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = DeadlineKind))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The only one.
    Deadline,
}

/// One signed call, to be decided on.
///
/// # Errors
/// [`FormError::Malformed`] for bytes that name no session.
pub fn to_decision(event: &[u8]) -> Result<HttpRequest, FormError> {
    to_event(Operation::Decide, event)
}

/// Value of the header `Prefer` (RFC 7240) that lets a paused call wait for its overseer.
#[must_use]
pub fn prefer_wait(wait: Duration) -> String {
    format!("wait={}", wait.min(MAX_WAIT).as_secs())
}

/// How long a `Prefer` header (RFC 7240) asks to wait, at most [`MAX_WAIT`]; none when it does not.
#[must_use]
pub fn wait_of(prefer: &str) -> Option<Duration> {
    prefer.split(',').find_map(|preference| {
        let named = preference.split(';').next().unwrap_or("");
        let (name, seconds) = named.split_once('=')?;
        let seconds = seconds.trim().trim_matches('"').parse().ok()?;
        let wait = name.trim().eq_ignore_ascii_case("wait");
        wait.then(|| Duration::from_secs(seconds).min(MAX_WAIT))
    })
}

/// Reads the answer to a call.
///
/// # Errors
/// [`FormError`], which quotes nothing of the bytes.
pub fn decision_from_json(bytes: &[u8]) -> Result<Decision, FormError> {
    if bytes.len() > MAX_ANSWER_BYTES {
        return Err(FormError::TooLarge);
    }
    match json::<DeadlineForm>(bytes) {
        Ok(DeadlineForm { action: ActionForm::Deny, rule, .. }) if rule == DEADLINE => {
            Ok(Decision::DeadlineClosed)
        }
        Ok(DeadlineForm { action: ActionForm::Allow, rule, .. }) if rule == DEADLINE_OPEN => {
            Ok(Decision::DeadlineOpen)
        }
        Ok(_) => Err(FormError::Malformed),
        Err(_) => from_json(bytes).map(|reply| Decision::Answered(Box::new(reply))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_preferences_as_rfc_7240_writes_them() {
        let seconds = |text: &str| wait_of(text).map(|wait| wait.as_secs());
        assert_eq!(seconds(&prefer_wait(Duration::from_secs(7))), Some(7));
        assert_eq!(seconds("respond-async, wait=10"), Some(10));
        assert_eq!(seconds("Wait=\"3\"; foo"), Some(3));
        assert_eq!(seconds("wait=9999999"), Some(300));
        for none in ["", "wait", "wait=-1", "wait=x", "await=3"] {
            assert_eq!(seconds(none), None, "{none}");
        }
    }

    #[test]
    fn answers_at_the_deadline_are_read_back_and_no_third_is() {
        let worded = |code: &str| Problem::new(code, 500, "", "");
        for decision in [Decision::DeadlineClosed, Decision::DeadlineOpen] {
            assert_eq!(decision_from_json(&decision.to_json(&worded)).unwrap(), decision);
        }
        let mixed = br#"{"kind":"deadline","action":"allow","rule":"deadline"}"#;
        assert_eq!(decision_from_json(mixed), Err(FormError::Malformed));
    }
}
