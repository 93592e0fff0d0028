//! `eval-traces`: recorded sessions under drafted pacts, open loop.
//!
//! For each suite a pact is drafted from its tool list and nothing else. A session is judged event
//! by event by the same check that the monitor runs; what is stopped is not delivered and its
//! result does not come back, all else goes on as recorded. An attack is *stopped* when something
//! was held at or before its first harmful call; a benign run is *touched* when anything was held.
//! Labels are read after the verdicts and never before.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "this is the output of a command that people read"
)]

mod labels;
mod pacts;
mod planted;
mod run;
mod score;
mod table;
mod variants;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use crate::labels::Labels;
use crate::pacts::{Rules, Suite};
use crate::score::{Adapted, Score};

/// Recorded sessions under drafted pacts: attacks stopped, benign runs touched, with controls.
#[derive(Parser)]
#[command(name = "eval-traces")]
struct Arguments {
    /// Folder with `suites.json`, `sessions/` and `labels/`.
    #[arg(long)]
    traces: PathBuf,
    /// Where to write the same as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also list the attacks that went through and the benign runs that were touched.
    #[arg(long)]
    why: bool,
    /// Only this suite.
    #[arg(long)]
    suite: Option<String>,
}

fn main() -> ExitCode {
    match evaluate(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn evaluate(arguments: &Arguments) -> Result<()> {
    let suites = Suite::all(&arguments.traces)?;
    let mut scores: Vec<Score> = Vec::new();
    let mut adapted: Vec<Adapted> = Vec::new();
    for file in session_files(&arguments.traces)? {
        let name = file.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let stem = name.trim_end_matches(".gz").trim_end_matches(".ndjson");
        let (suite, source) = stem.split_once('.').context("file names are SUITE.SOURCE.ndjson")?;
        if arguments.suite.as_ref().is_some_and(|only| only != suite) {
            continue;
        }
        let suite = suites.iter().find(|s| s.name == suite).context("a suite without tools")?;
        let sessions = traces::read(&file).with_context(|| name.to_owned())?;
        let labels = Labels::read(&arguments.traces.join(format!("labels/{stem}.ndjson")))?;
        let bar = ProgressBar::new(sessions.len().saturating_mul(Rules::ALL.len()) as u64);
        bar.set_style(ProgressStyle::with_template("  {bar:40} {pos}/{len} {msg} {elapsed}")?);
        bar.set_message(stem.to_owned());
        adapted.extend(score::adapted(suite, source, &sessions, &labels)?);
        for rules in Rules::ALL {
            let compiled = suite.compiled(rules)?;
            let mut score = Score::new(suite.name.clone(), source.to_owned(), rules);
            for session in &sessions {
                let held = run::session(&compiled, session);
                let label = labels.of(&session.sid)?;
                if arguments.why && rules == Rules::Draft {
                    score::why(session, label, &held);
                }
                score.add(label, &held);
                bar.inc(1);
            }
            scores.push(score);
        }
        bar.finish_and_clear();
    }
    let planted = match suites.first() {
        Some(suite) => planted::measure(&suite.drafted()?)?,
        None => Vec::new(),
    };
    println!("{}\n\n{}", table::text(&scores), table::adapted(&adapted));
    println!("\n{}", table::planted(&planted));
    if let Some(path) = &arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&score::json(&scores, &adapted, &planted))?)
            .with_context(|| path.display().to_string())?;
        println!("the same as JSON: {}", path.display());
    }
    Ok(())
}

fn session_files(traces: &Path) -> Result<Vec<PathBuf>> {
    let folder = traces.join("sessions");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}
