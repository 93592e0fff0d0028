//! What the command prints. The command is the person's; nothing of an enclave prints here.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_macros,
    reason = "this is the command's output"
)]

use std::io::IsTerminal;

use crate::fault::Fault;

/// A line of result.
pub(crate) fn line(text: impl AsRef<str>) {
    println!("{}", text.as_ref());
}

/// An error: code, reason, remedy.
pub(crate) fn fault(fault: &Fault) {
    eprintln!("{}: {}", paint(RED, &format!("error[{}]", fault.code)), fault.reason);
    eprintln!("  {} {}", paint(BOLD, "try:"), fault.remedy);
}

/// A heading.
pub(crate) fn heading(text: &str) {
    println!("\n{}", paint(BOLD, text));
}

/// Paints for a terminal, unless NO_COLOR is set.
pub(crate) fn paint(colour: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    if plain || !std::io::stdout().is_terminal() {
        text.into()
    } else {
        format!("\x1b[{colour}m{text}\x1b[0m")
    }
}

pub(crate) const BOLD: &str = "1";
pub(crate) const RED: &str = "31";
pub(crate) const GREEN: &str = "32";
pub(crate) const YELLOW: &str = "33";
