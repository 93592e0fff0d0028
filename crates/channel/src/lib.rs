//! The attested channel, both ends.

pub mod forms;
