//! The only place of the enclave that prints. A line is an enumeration without party, pact,
//! counter, key or payload; there is no variant that could hold one.

use std::net::SocketAddr;

use messages::leaf::Kind;
use tracing::{Level, event};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Everything that the host may read on the monitor's output.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// The process appraised its own TEE and has keys.
    Booted,
    /// The record was read, and the state is what it was.
    Recovered,
    /// Journal and log disagree: every tally ended and a next one began.
    Broken,
    /// A party showed a receipt for more than is on record.
    RolledBack,
    /// The clock jumped: nothing that depends on time goes on.
    ClockJumped,
    /// The state cannot be read before custodians bring their shares.
    Locked,
    /// They have.
    Unlocked,
    /// Another boot may be live by now: nothing is taken until the witnesses say that it is not.
    LeaseEnded,
    /// The log key has signed what this record does not hold: it is not the newest.
    Superseded,
    /// The process was asked to end, and finishes what it began.
    Draining,
    /// The operator's door accepts connections.
    OperatorListening(SocketAddr),
    /// The disk is full: nothing is taken until there is space.
    DiskFull,
    /// The record cannot be written any more: the process ends.
    StoreFailed,
    /// The door accepts connections.
    Listening(SocketAddr),
    /// One leaf was appended.
    Published(Kind),
    /// A request was refused.
    Refused,
    /// The process ends in good order.
    Stopped,
}

/// Why an image does not serve: what the types of this program say, a code, a reason and a remedy,
/// none of which quotes what was read. There is nobody whom an exit status could tell.
#[cfg(feature = "guest-image")]
pub(crate) fn not_served(error: &anyhow::Error) {
    event!(Level::ERROR, event = "not-served", reason = %error);
}

/// Sends audit lines to standard error as JSON; replaces the panic message by its place.
pub(crate) fn install() {
    // Libraries may have lines of their own, about what they carry: only this module's are written.
    let ours = Targets::new().with_target(module_path!(), Level::INFO);
    let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_target(false).with_filter(ours)).init();
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
        Line::Recovered => event!(Level::INFO, event = "recovered"),
        Line::Broken => event!(Level::ERROR, event = "broken"),
        Line::RolledBack => event!(Level::ERROR, event = "rolled-back"),
        Line::DiskFull => event!(Level::ERROR, event = "disk-full"),
        Line::StoreFailed => event!(Level::ERROR, event = "store-failed"),
        Line::ClockJumped => event!(Level::ERROR, event = "clock-jumped"),
        Line::Locked => event!(Level::INFO, event = "locked"),
        Line::Unlocked => event!(Level::INFO, event = "unlocked"),
        Line::LeaseEnded => event!(Level::ERROR, event = "lease-ended"),
        Line::Superseded => event!(Level::ERROR, event = "superseded"),
        Line::Draining => event!(Level::INFO, event = "draining"),
        Line::OperatorListening(address) => {
            event!(Level::INFO, event = "operator-listening", %address);
        }
        Line::Listening(address) => event!(Level::INFO, event = "listening", %address),
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
