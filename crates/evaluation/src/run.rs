//! One recorded session, judged open loop.

use std::collections::BTreeSet;

use messages::event::Body;
use messages::time::UnixMillis;
use pact::{Approval, Compiled, Decision, SessionState, StandingState, check};
use traces::Session;

use crate::pacts::START;

/// Something that was held.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) seq: u64,
    pub(crate) decision: Decision,
    pub(crate) rule: String,
    pub(crate) at: Option<String>,
}

/// Judges every event; nobody approves anything.
pub(crate) fn session(pact: &Compiled, session: &Session) -> Vec<Held> {
    let mut state = SessionState::new([7; 16]);
    let mut standing = StandingState::default();
    let mut stopped: BTreeSet<&str> = BTreeSet::new();
    let mut held = Vec::new();
    let start = UnixMillis(u64::try_from(START).unwrap_or_default().saturating_mul(1000));
    for recorded in &session.events {
        if let Body::Result { call, .. } = &recorded.body
            && stopped.contains(call.as_str())
        {
            continue;
        }
        let event = recorded.event();
        let judged = check(pact, &state, &standing, &event, Approval::Absent, start);
        state.apply(&judged.change);
        standing.apply(&judged.change);
        let verdict = judged.verdict;
        if verdict.decision <= Decision::Alert {
            continue;
        }
        if let Body::Call { call, .. } = &recorded.body {
            stopped.insert(call);
        }
        let over = verdict.decision == Decision::Terminate;
        let (decision, rule, at) = (verdict.decision, verdict.rule, verdict.at);
        held.push(Held { seq: recorded.seq, decision, rule, at });
        if over {
            break;
        }
    }
    held
}
