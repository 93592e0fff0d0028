//! The problem document of every refusal.

use channel::forms::Problem;
use channel::refusals;

/// The problem of a code.
pub(super) fn problem(code: &str) -> Problem {
    if let Some((status, reason, remedy)) = refusals::words(code) {
        return Problem::new(code, status, reason, remedy);
    }
    if let Some(fault) = pact::Fault::ALL.iter().find(|fault| fault.code() == code) {
        return Problem::new(code, 422, fault.text(), fault.remedy());
    }
    if let Some(meaning) = meaning(code) {
        return Problem::new(code, 422, meaning, "ask for a claim that can be proven");
    }
    // Nothing of a code that has no words here is passed on.
    Problem::new(INTERNAL_FAULT, 500, "the monitor failed", "ask again; tell its operator")
}

/// Statements that cannot be proven, and proofs that a verifier would refute.
fn meaning(code: &str) -> Option<&'static str> {
    let statements = verify::StatementError::ALL.iter().map(|e| (e.code(), e.meaning()));
    let faults = verify::Fault::ALL.iter().map(|e| (e.code(), e.meaning()));
    statements.chain(faults).find(|(known, _)| *known == code).map(|(_, meaning)| meaning)
}

/// A fault of the monitor itself.
pub(super) const INTERNAL_FAULT: &str = "internal-fault";
/// The desk's queue stayed full.
pub(super) const MONITOR_BUSY: &str = "monitor-busy";
/// The caller's share is used up.
pub(super) const SHARE_USED_UP: &str = "share-used-up";
/// The desk did not take the request in time.
pub(super) const DECISION_LATE: &str = "decision-late";
/// Only a party that has logged in is answered.
pub(super) const LOGIN_REQUIRED: &str = "login-required";
/// The request did not arrive over an attested channel.
pub(super) const CHANNEL_MISSING: &str = "channel-missing";
/// The body did not arrive in time.
pub(super) const REQUEST_TOO_SLOW: &str = "request-too-slow";
/// There is no such tile.
pub(super) const TILE_UNKNOWN: &str = "log-no-such-tile";
