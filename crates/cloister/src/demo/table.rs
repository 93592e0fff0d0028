//! The demo's tables.

use comfy_table::{Table, presets};
use messages::event::Body;

use crate::output;
use crate::replay::report::{Line, Outcome};
use traces::Session;

/// One claim.
pub(crate) struct ClaimRow {
    pub(crate) id: String,
    pub(crate) words: String,
    /// The code, when there is no proof.
    pub(crate) refused: Option<String>,
}

/// What was stopped, and why.
pub(crate) fn sessions(lines: &[Line], sessions: &[Session]) {
    let mut table = table(&["session", "outcome", "first intervention", "rule"]);
    let touched = || lines.iter().zip(sessions).filter(|(l, _)| l.outcome != Outcome::Clean);
    for (line, session) in touched().take(MOST_ROWS) {
        let Some(first) = &line.first else { continue };
        let call = session.events.iter().find(|e| e.seq == first.seq).map(|e| match &e.body {
            Body::Call { name, .. } => name.as_str(),
            Body::Delegation { .. } => "delegation",
            Body::Message { .. } => "message",
            Body::Result { .. } => "result",
        });
        let word = match line.outcome {
            Outcome::Clean => "clean",
            Outcome::Escalated => "escalated",
            Outcome::Denied => "denied",
            Outcome::Terminated => "terminated",
        };
        let what = format!("{} {}", first.action, call.unwrap_or("?"));
        table.add_row([line.sid.clone(), word.into(), what, first.rule.clone()]);
    }
    if table.is_empty() {
        output::line("   no session was touched");
    } else {
        print(&table);
    }
    let more = touched().count().saturating_sub(MOST_ROWS);
    if more > 0 {
        output::line(format!("   and {more} more in report.ndjson"));
    }
}

/// What could be proven.
pub(crate) fn claims(rows: &[ClaimRow]) {
    let mut table = table(&["claim", "statement", "proof"]);
    for row in rows {
        let proof =
            row.refused.clone().map_or_else(|| "zero-knowledge".into(), |c| format!("none: {c}"));
        table.add_row([row.id.clone(), row.words.clone(), proof]);
    }
    print(&table);
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY).set_header(header);
    table
}

fn print(table: &Table) {
    for line in table.to_string().lines() {
        output::line(format!("   {line}"));
    }
}

const MOST_ROWS: usize = 20;
