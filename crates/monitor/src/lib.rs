//! Event in, verdict and action out: sessions, modes, counters, epochs, completeness.
//!
//! Sans-IO: no clock, no randomness of its own, no disk. Every operation has two halves: it is
//! decided ([`Monitor::take`] for an event), which yields an [`Effect`]; and once that is on
//! record it is applied ([`Monitor::apply`]). After a restart the same effects are applied again.
//! This crate is
//! *not* the policy (that is `pact`), not the commitment (`tally`) and not the door (`enclave`).
#![no_std]
extern crate alloc;

mod action;
mod again;
mod apply;
mod book;
mod completeness;
mod effect;
mod monitor;
mod receipt;
mod refusal;
mod rollback;
mod session;
mod snapshot;
mod terms;
mod trial;
mod view;

pub use action::Answer;
pub use again::Again;
pub use apply::{Applied, Misfit};
pub use book::{EpochClose, Finished, Kept, Outcome};
pub use effect::{Approved, Effect, Seed, Took};
pub use monitor::{Decision, Monitor, Settings, Taken};
pub use refusal::{CountError, IngestError, OpenError, RegisterError, ReinstateError, ResumeError};
pub use rollback::Resumed;
pub use terms::PactDisclosure;
pub use trial::Trial;
pub use view::Due;
