//! Private aggregates that no monitor would release.

use messages::leaf::Mechanism;

use super::{Findings, Severity};
use crate::compile::{Compiled, loss};
use crate::document::terms::Document;

/// Says of every aggregate that is never released why it is not.
pub(super) fn unreleased(findings: &mut Findings, terms: &Document, compiled: &Compiled) {
    let dp = terms.monitoring.disclosure.as_ref().map(|d| &d.dp[..]).unwrap_or_default();
    for (place, aggregate) in dp.iter().enumerate() {
        let mut wrong = |field: &str, text: &str, remedy: &str| {
            let at = format!("monitoring.disclosure.dp[{place}].{field}");
            findings.add("unmonitorable-term", Severity::Error, &at, text, remedy);
        };
        let name = aggregate.statistic.0.as_str();
        let noise = Mechanism::fixed(name);
        let counter = compiled.schema().find(name).is_some_and(|(_, c)| c.bucket.is_none());
        if noise.is_none() && !counter {
            wrong(
                "statistic",
                "no aggregate has this name, and no counter",
                "write `sessions.count`, `sessions.outcome`, `sessions.total`, `tools`, \
                 `violations.count`, `latency_ms` or `latency_ms.p95` (50, 99), or a counter that `cloister pact counters` \
                 lists",
            );
        }
        if noise.is_none() && counter && compiled.clamp(name).unwrap_or(0) == 0 {
            wrong(
                "bounds",
                "a session counts for at most the upper bound, and that is nothing whole",
                "write the most that one session should count for, in the counter's unit",
            );
        }
        let Some(loss) = loss(aggregate) else {
            wrong(
                "unit",
                "aggregates are of each day and each owner: over a longer time, or for an agent or \
                 an organisation, they would cost more than epsilon",
                "write a `per` of at most P1D, the unit `session` or `event` or none, and an \
                 epsilon of at most six decimals",
            );
            continue;
        };
        if loss.epsilon_millionths == 0 {
            wrong("epsilon", "no noise is enough for no loss", "write an epsilon above 0");
        }
        // Histograms have Laplace noise then.
        let gaussian = noise == Some(Mechanism::SqrtToeplitz);
        if gaussian && !(1..1_000_000_000).contains(&loss.delta_billionths) {
            wrong(
                "delta",
                "the noise of this aggregate is Gaussian, which keeps within epsilon but for a \
                 small delta",
                "write a delta below one over the number of owners, for example 0.0000001, and at \
                 least 0.000000001",
            );
        }
    }
}
