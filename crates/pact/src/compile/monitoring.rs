//! What the parties bind the monitor itself to: how fast it decides, what follows when it does
//! not, and how long it keeps what it writes.

use messages::did::Did;
use messages::time::Millis;

use super::CompileError;
use crate::document::terms::{
    Access, AccessScope, AccessWhen, Fail, LogScope, Mode, Monitoring, Retention,
};

/// What follows when no verdict was ready in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDeadline {
    /// The call does not run.
    Closed,
    /// The call runs, and somebody is told.
    Open,
}

/// Longest wait for a verdict: `monitoring.deadline_ms`, or two seconds.
pub(super) fn deadline(terms: &Monitoring) -> Result<Millis, CompileError> {
    let ms = terms.deadline_ms.unwrap_or(DEFAULT_DEADLINE_MS);
    if (1..=LONGEST_DEADLINE_MS).contains(&ms) {
        Ok(Millis(ms))
    } else {
        Err(CompileError::BadDeadline)
    }
}

/// Modes that stop nothing go on without a verdict too. Where something can be stopped, silence
/// of the pact is `closed`.
pub(super) const fn on_deadline(mode: Mode, fail: Option<Fail>) -> OnDeadline {
    match (mode, fail) {
        (Mode::Active | Mode::Passive, _) | (Mode::Interventionist, Some(Fail::OpenWithAlert)) => {
            OnDeadline::Open
        }
        (Mode::Interventionist, Some(Fail::Closed) | None) => OnDeadline::Closed,
    }
}

/// 90 days, or as near to them as the pact permits. The maximum wins: nothing is kept longer than
/// the parties agreed.
pub(super) fn retention(terms: &Retention) -> Millis {
    USUAL_RETENTION.max(terms.min.0).min(terms.max.0)
}

/// Who may read the record at any time, and how much of it. What may be read only in a dispute,
/// after an incident or on a court's order is nobody's to decide for the monitor: it waits for
/// the machinery of disputes.
pub(super) fn readers(terms: &Monitoring) -> Vec<(Did, LogScope)> {
    let always = |access: &&Access| matches!(access.when, None | Some(AccessWhen::Always));
    let scope = |access: &Access| match access.scope {
        AccessScope::Full => Some((access.did.0.clone(), LogScope::Full)),
        AccessScope::Metadata => Some((access.did.0.clone(), LogScope::Metadata)),
        AccessScope::Aggregates | AccessScope::Proofs => None,
    };
    terms.access.iter().filter(always).filter_map(scope).collect()
}

const DEFAULT_DEADLINE_MS: u64 = 2_000;
const LONGEST_DEADLINE_MS: u64 = 60_000;
const USUAL_RETENTION: Millis = Millis(90 * 86_400_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::scalar::Span;

    #[test]
    fn silence_is_closed_where_something_can_be_stopped() {
        let stops = Mode::Interventionist;
        assert_eq!(on_deadline(stops, None), OnDeadline::Closed);
        assert_eq!(on_deadline(stops, Some(Fail::Closed)), OnDeadline::Closed);
        assert_eq!(on_deadline(stops, Some(Fail::OpenWithAlert)), OnDeadline::Open);
        for mode in [Mode::Active, Mode::Passive] {
            assert_eq!(on_deadline(mode, Some(Fail::Closed)), OnDeadline::Open);
        }
    }

    #[test]
    fn ninety_days_are_kept_where_the_pact_permits() {
        let kept = |min, max| {
            let days = |n: u64| Span(Millis(n * 86_400_000));
            retention(&Retention { min: days(min), max: days(max) }).0 / 86_400_000
        };
        assert_eq!([kept(30, 365), kept(180, 365), kept(7, 30)], [90, 180, 30]);
    }
}
