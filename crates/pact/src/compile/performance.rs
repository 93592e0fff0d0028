//! Objectives: how well the provider serves, over sliding windows.

use std::collections::BTreeMap;

use messages::time::Millis;
use rust_decimal::Decimal;

use super::{CompileError, Rule, SLOTS};
use crate::document::terms::{ClaimOp, Document, Indicator, Objective};

/// One objective: at least a share of the calls of a window are good, or at least so many are
/// answered.
#[derive(Clone, Debug)]
pub(crate) struct ObjectiveRule {
    pub(crate) id: String,
    pub(crate) good: Good,
    pub(crate) least: Decimal,
    pub(crate) window: Millis,
    /// Width of a window's slot, as with limits.
    pub(crate) slot: Millis,
    pub(crate) min_samples: u64,
    /// Numbers of the interactions that it is about; all when empty.
    pub(crate) rules: Vec<u16>,
}

/// Which answers are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Good {
    /// Those that came at all.
    Answered,
    /// Those that came within so many milliseconds.
    Within(u64),
    /// Those without a failure.
    Ok,
    /// All: what counts is how many there are.
    Any,
}

/// Compiles objectives.
pub(crate) fn compile(
    terms: &Document,
    rules: &BTreeMap<String, Rule>,
) -> Result<Vec<ObjectiveRule>, CompileError> {
    let objectives = terms.performance.iter().enumerate();
    objectives.map(|(index, objective)| rule(objective, index, rules)).collect()
}

fn rule(
    terms: &Objective,
    index: usize,
    rules: &BTreeMap<String, Rule>,
) -> Result<ObjectiveRule, CompileError> {
    let bad = CompileError::BadObjective { index };
    let target = terms.target.0;
    let share = |share: Decimal| (Decimal::ZERO..=Decimal::ONE).contains(&share).then_some(share);
    let (good, least) = match (terms.indicator, terms.op, terms.percentile) {
        (Indicator::LatencyMs, ClaimOp::AtMost, Some(percent)) => {
            let hundredths = percent.0.checked_div(Decimal::ONE_HUNDRED).and_then(share);
            let ms = terms.target.minor(0).and_then(|ms| u64::try_from(ms).ok());
            (ms.map(Good::Within), hundredths)
        }
        (Indicator::SuccessRatio, ClaimOp::AtLeast, None) => (Some(Good::Ok), share(target)),
        (Indicator::FailureRatio, ClaimOp::AtMost, None) => {
            (Some(Good::Ok), Decimal::ONE.checked_sub(target).and_then(share))
        }
        (Indicator::Availability, ClaimOp::AtLeast, None) => (Some(Good::Answered), share(target)),
        (Indicator::Throughput, ClaimOp::AtLeast, None) => (Some(Good::Any), Some(target)),
        _ => (None, None),
    };
    let (Some(good), Some(least)) = (good, least) else { return Err(bad) };
    let applies = terms.applies_to.iter().map(|id| {
        let found = rules.values().find(|r| r.id == id.0);
        found.map(|r| r.number).ok_or(CompileError::BadObjective { index })
    });
    Ok(ObjectiveRule {
        id: terms.id.0.clone(),
        good,
        least,
        window: terms.window.0,
        slot: Millis(terms.window.0.0.div_ceil(SLOTS).max(1)),
        min_samples: terms.min_samples.unwrap_or(1).max(1),
        rules: applies.collect::<Result<_, _>>()?,
    })
}
