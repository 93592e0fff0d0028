//! `cloister pact explain`: a pact in plain sentences.

use std::path::Path;
use std::process::ExitCode;

use crate::fault::Fault;
use crate::output;

pub(crate) fn run(path: &Path) -> Result<ExitCode, Fault> {
    let signed = super::open(path)?;
    for section in pact::explain(signed.pact()) {
        output::heading(section.title);
        for line in &section.lines {
            output::folded(&format!("  {line}"), 4);
        }
    }
    Ok(ExitCode::SUCCESS)
}
