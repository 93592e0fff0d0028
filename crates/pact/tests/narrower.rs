//! What a narrower pact permits, the old one permits: over random pacts and sessions.
#![allow(
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod common;

use cloister_pact::{Approval, Decision, Diff, Needed, Pact, compile, compile_after, diff};
use common::arbitrary::{Step, drawn, draws, likely};
use common::{Play, base};
use proptest::prelude::*;
use serde_json::Value;

fn parse(value: &Value) -> Pact {
    Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}: {value}"))
}

/// What a decision lets happen.
fn class(decision: Decision) -> u8 {
    match decision {
        Decision::Allow | Decision::Alert => 0,
        Decision::Escalate => 1,
        Decision::Deny => 2,
        Decision::Terminate => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_pact_does_not_differ_from_itself(draws in draws(0)) {
        let pact = parse(&drawn(base(), &draws[0]));
        let found = diff(&pact, &pact);
        prop_assert!(found.differences().is_empty(), "{:?}", found);
        prop_assert_eq!(found.signatures(), Needed::None);
    }

    #[test]
    fn narrower_than_narrower_is_narrower(draws in draws(2)) {
        let pacts: Vec<Pact> = draws.iter().map(|d| parse(&drawn(base(), d))).collect();
        let steps = [diff(&pacts[0], &pacts[1]), diff(&pacts[1], &pacts[2])];
        if steps.iter().all(Diff::is_narrower) {
            let whole = diff(&pacts[0], &pacts[2]);
            prop_assert!(whole.is_narrower(), "{:?}", whole);
        }
    }

    #[test]
    fn what_a_narrower_pact_permits_the_old_one_permits(
        draws in draws(1),
        sessions in prop::collection::vec(prop::collection::vec(likely(), 1..16), 4)
    ) {
        let [old, new] = [0, 1].map(|at| parse(&drawn(base(), &draws[at])));
        let (Ok(before), Ok(now)) = (compile(&old), compile(&new)) else { return Ok(()) };
        let found = diff(&old, &new);
        if found.is_narrower() && !found.differences().is_empty() {
            for session in sessions {
                let plays = [before.clone(), now.clone()].map(Play::new);
                plays_no_wider(plays, session.iter().flatten().cloned(), &found)?;
                // And from one history: the new pact takes the old one's place half way.
                let Ok(revised) = compile_after(&before, &new) else { continue };
                let mut plays = [before.clone(), before.clone()].map(Play::new);
                let mut steps = session.iter().flatten().cloned();
                for (from, to, body, granted) in steps.by_ref().take(session.len() / 2) {
                    let approval = if granted { Approval::Granted } else { Approval::Absent };
                    for play in &mut plays {
                        drop(play.event(from, to, body.clone(), approval));
                    }
                }
                plays[1].pact = revised;
                plays_no_wider(plays, steps, &found)?;
            }
        }
    }
}

/// Plays a session under both pacts for as long as they judge it alike.
fn plays_no_wider(
    [mut before, mut now]: [Play; 2],
    steps: impl Iterator<Item = Step>,
    found: &Diff,
) -> Result<(), TestCaseError> {
    for (from, to, body, granted) in steps {
        let approval = if granted { Approval::Granted } else { Approval::Absent };
        let was = before.event(from, to, body.clone(), approval).verdict;
        let is = now.event(from, to, body, approval).verdict;
        let [was_class, is_class] = [&was, &is].map(|v| class(v.decision));
        prop_assert!(is_class > 1 || was_class <= is_class, "{:?} {:?} {:?}", found, was, is);
        if was_class != is_class {
            break;
        }
    }
    Ok(())
}
