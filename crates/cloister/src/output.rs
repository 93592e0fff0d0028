//! What the command prints. The command is the person's; nothing of an enclave prints here.
#![expect(clippy::print_stderr, clippy::disallowed_macros, reason = "this is the command's output")]

use core::sync::atomic::{AtomicBool, Ordering};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::ProgressBar;
use messages::time::UnixMillis;

use crate::fault::Fault;

/// A line of result.
pub(crate) fn line(text: impl AsRef<str>) {
    raw(format!("{}\n", text.as_ref()).as_bytes());
}

/// A long line, folded at spaces; what follows the first line is indented by `indent` columns.
pub(crate) fn folded(text: &str, indent: usize) {
    let mut row = String::new();
    let mut width = 0usize;
    for word in text.split(' ') {
        let length = word.chars().count();
        let wider = width.saturating_add(length).saturating_add(1);
        if wider > WIDTH && !row.trim().is_empty() {
            line(&row);
            row = " ".repeat(indent);
            width = indent.saturating_add(length);
        } else {
            if width > 0 || !row.is_empty() {
                row.push(' ');
            }
            width = wider;
        }
        row.push_str(word);
    }
    line(&row);
}

/// Shown on a terminal while something takes long of which nobody knows how much is done.
pub(crate) fn spinner(words: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(words);
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

/// Bytes of result, as they are.
pub(crate) fn raw(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
        // A reader who has seen enough is no error; anything else is told at the end.
        if error.kind() != ErrorKind::BrokenPipe {
            LOST.store(true, Ordering::Relaxed);
        }
    }
}

/// A moment in RFC 3339, or words.
pub(crate) fn moment(at: UnixMillis) -> String {
    let at = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(|| "at an unreadable time".to_owned(), |at| at.to_string())
}

/// The exit code, unless output was lost on the way.
pub(crate) fn finish(code: ExitCode) -> Result<ExitCode, Fault> {
    if LOST.load(Ordering::Relaxed) {
        return Err(Fault::new(
            "output-unwritable",
            "the output could not be written whole",
            "check the free space of where it goes",
        ));
    }
    Ok(code)
}

/// Help and version on request; a wrong command otherwise, which is no verdict: exit 3.
pub(crate) fn usage(shown: &clap::Error) -> ExitCode {
    let printed = shown.print();
    if shown.use_stderr() || printed.is_err_and(|e| e.kind() != ErrorKind::BrokenPipe) {
        return ExitCode::from(3);
    }
    ExitCode::SUCCESS
}

/// An error: code, reason, remedy.
pub(crate) fn fault(fault: &Fault) {
    let terminal = io::stderr().is_terminal();
    let head = paint_for(terminal, RED, &format!("error[{}]", fault.code));
    eprintln!("{head}: {}", fault.reason);
    eprintln!("  {} {}", paint_for(terminal, BOLD, "try:"), fault.remedy);
}

/// Something that the operator of a connector should know: a code and a session, never content.
pub(crate) fn trouble(code: &str, session: &messages::ids::SessionId) {
    let id = hex::encode(session.0.get(..8).unwrap_or_default());
    event("trouble", &[("code", code), ("session", &id)]);
}

/// A step in the life of a long-running command: one JSON line on the error stream.
pub(crate) fn event(name: &str, fields: &[(&str, &str)]) {
    let mut object = serde_json::Map::new();
    object.insert("event".into(), name.into());
    object.extend(fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
    eprintln!("{}", serde_json::Value::Object(object));
}

/// A heading.
pub(crate) fn heading(text: &str) {
    line(format!("\n{}", paint(BOLD, text)));
}

/// Paints for a terminal, unless NO_COLOR is set.
pub(crate) fn paint(colour: &str, text: &str) -> String {
    paint_for(io::stdout().is_terminal(), colour, text)
}

fn paint_for(terminal: bool, colour: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    if plain || !terminal { text.into() } else { format!("\x1b[{colour}m{text}\x1b[0m") }
}

pub(crate) const BOLD: &str = "1";
pub(crate) const RED: &str = "31";
pub(crate) const GREEN: &str = "32";
pub(crate) const YELLOW: &str = "33";
const WIDTH: usize = 100;
static LOST: AtomicBool = AtomicBool::new(false);
