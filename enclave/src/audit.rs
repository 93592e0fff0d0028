//! The only place of the enclave that prints. A line is an enumeration without party, pact,
//! counter, key or payload; there is no variant that could hold one.

use messages::leaf::Kind;
use tracing::{Level, event};

/// Everything that the host may read on the monitor's output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// The process appraised its own TEE and has keys.
    Booted,
    /// The socket accepts connections.
    Listening,
    /// One leaf was appended.
    Published(Kind),
    /// A request was refused.
    Refused,
    /// The process ends in good order.
    Stopped,
}

/// Sends audit lines to standard error as JSON; replaces the panic message by its place.
pub(crate) fn install() {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).with_target(false).init();
    std::panic::set_hook(Box::new(|panic| {
        // The message may hold data: the place is enough to find the fault.
        let (file, line) = panic.location().map_or(("?", 0), |at| (at.file(), at.line()));
        fault(file, line);
    }));
}

/// Writes one line.
pub(crate) fn line(line: Line) {
    match line {
        Line::Booted => event!(Level::INFO, event = "booted"),
        Line::Listening => event!(Level::INFO, event = "listening"),
        Line::Published(kind) => event!(Level::INFO, event = "published", kind = name(kind)),
        Line::Refused => event!(Level::INFO, event = "refused"),
        Line::Stopped => event!(Level::INFO, event = "stopped"),
    }
}

fn fault(file: &str, line: u32) {
    event!(Level::ERROR, event = "fault", file, line);
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Aggregate => "aggregate",
        Kind::Boot => "boot",
        Kind::Break => "break",
        Kind::Pact => "pact",
        Kind::Reserve => "reserve",
        Kind::Tally => "tally",
    }
}
