//! `cloister pact counters`: what claims may speak of.

use std::path::Path;
use std::process::ExitCode;

use crate::claim::compiled;
use crate::fault::Fault;
use crate::output;

/// Every counter of a pact with its unit, then the words that stand for some of them.
pub(super) fn run(path: &Path) -> Result<ExitCode, Fault> {
    let signed = super::open(path)?;
    let compiled = compiled(signed.pact())?;
    let counters = &compiled.schema().counters;
    let width = counters.iter().map(|counter| counter.name.chars().count()).max().unwrap_or(0);
    for counter in counters {
        output::line(format!("{:width$}  {}", counter.name, counter.unit));
    }
    output::line("");
    for (word, meaning) in WORDS {
        output::line(format!("{word:width$}  {meaning}"));
    }
    Ok(ExitCode::SUCCESS)
}

const WORDS: [(&str, &str); 7] = [
    ("breach", "breaches"),
    ("calls", "calls.all"),
    ("failure_rate", "calls.error / (calls.ok + calls.error)"),
    ("p95(latency)", "a percentile of the answer times, latency_ms"),
    ("pii_records", "pii:any"),
    ("spend", "all sums of money in the currency that is named"),
    ("success_rate", "calls.ok / (calls.ok + calls.error)"),
];
