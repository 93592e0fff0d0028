//! Anomalies: what is unusual for this pact, beside what it forbids.

use messages::time::Millis;
use rust_decimal::Decimal;

use super::{CompileError, Counted};
use crate::check::Decision;
use crate::document::terms::Document;

/// One thing that is compared with what is usual.
#[derive(Clone, Debug)]
pub(crate) struct AnomalyRule {
    pub(crate) id: String,
    pub(crate) counted: Counted,
    pub(crate) window: Millis,
    /// Unusual from so many times the mean of the windows before.
    pub(crate) factor: Decimal,
    /// And from so many on.
    pub(crate) least: u64,
    pub(crate) decision: Decision,
}

/// Values that must never travel: digests of them in lower case, under a domain of their own.
#[derive(Clone, Debug)]
pub(crate) struct CanaryRule {
    pub(crate) digests: Vec<[u8; 32]>,
    pub(crate) decision: Decision,
}

pub(crate) fn compile(
    terms: &Document,
    counted: impl Fn(&str) -> Option<Counted>,
) -> Result<Vec<AnomalyRule>, CompileError> {
    let anomalies = terms.monitoring.anomalies.iter().enumerate();
    anomalies
        .map(|(index, anomaly)| {
            let counted = counted(&anomaly.counter);
            let counted = counted.filter(|c| matches!(c, Counted::Calls(_) | Counted::Sum(..)));
            let unknown = CompileError::UnknownCounter { kind: "anomaly", index };
            let counted = counted.ok_or(unknown)?;
            let scale = if matches!(counted, Counted::Sum(..)) { 2 } else { 0 };
            let least = anomaly.least.minor(scale).and_then(|n| u64::try_from(n).ok());
            let window = anomaly.window.0;
            let usable = window.0 > 0 && anomaly.factor.0 > Decimal::ONE;
            let least = least.filter(|_| usable).ok_or(CompileError::BadAnomaly { index })?;
            Ok(AnomalyRule {
                id: anomaly.id.0.clone(),
                counted,
                window,
                factor: anomaly.factor.0,
                least,
                decision: anomaly.otherwise.decision(),
            })
        })
        .collect()
}

pub(crate) fn canaries(terms: &Document) -> Option<CanaryRule> {
    let canaries = terms.monitoring.canaries.as_ref()?;
    Some(CanaryRule {
        digests: canaries.digests.iter().map(|digest| digest.0).collect(),
        decision: canaries.otherwise.decision(),
    })
}
