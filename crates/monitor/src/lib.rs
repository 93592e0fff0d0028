//! Event in, verdict and action out: sessions, modes, counters, epochs, completeness.
//!
//! Sans-IO: no clock, no randomness of its own, no disk. What happens to an event, top to bottom,
//! is [`Monitor::ingest`]; what becomes of an epoch is [`Monitor::close_epoch`]. This crate is
//! *not* the policy (that is `pact`), not the commitment (`tally`) and not the door (`enclave`).
#![no_std]
extern crate alloc;

mod action;
mod book;
mod completeness;
mod monitor;
mod receipt;
mod refusal;
mod session;
mod trial;

pub use action::Answer;
pub use book::{EpochClose, Finished, Outcome};
pub use monitor::{Monitor, Settings};
pub use refusal::{CountError, IngestError, OpenError, RegisterError};
pub use trial::Trial;
