//! `cloister pact draft`: a first pact from a tool list.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use draft::{DraftError, Tools};

use crate::fault::{Fault, read};
use crate::output;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A tool list: an object of names with description and parameters, or what an MCP server
    /// answers to `tools/list`.
    #[arg(long)]
    tools: PathBuf,
    /// What to call the draft.
    #[arg(long)]
    name: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let tools = tools(&arguments.tools)?;
    let pact = draft::draft(&tools, &arguments.name, jiff::Timestamp::now()).map_err(refused)?;
    output::line(pact.pretty());
    Ok(ExitCode::SUCCESS)
}

/// Reads a tool list.
pub(super) fn tools(path: &Path) -> Result<Tools, Fault> {
    let bytes = read(path, draft::MAX_TOOLS_BYTES as u64)?;
    Tools::parse(&bytes).map_err(|error| {
        let reason = format!("{}: {error}", path.display());
        Fault::new(error.code(), reason, error.remedy())
    })
}

fn refused(error: DraftError) -> Fault {
    match error {
        DraftError::Pact(error) => super::refused(&error),
        DraftError::Name | DraftError::Moment => {
            Fault::new("draft-refused", error.to_string(), "call it by one short word")
        }
    }
}
