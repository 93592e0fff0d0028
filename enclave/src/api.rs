//! The HTTP interface of `cloisterd`: a translation between [`channel::forms`] and the desk, and no
//! more. It holds no pact, no session and no event; what it holds is one key, under which it signs
//! the logins of connections, and how much each caller has asked of late.
//!
//! What it guards: bodies and waiting times are bounded, a caller is who its connection proved, no
//! caller takes more than its share, and every refusal is a problem (RFC 9457) from one table. It
//! refuses loudly and drops nothing. It is not the accept loop: TLS, the number of connections and
//! of streams on each are bounded there, and the TLS session arrives as an extension.

mod alerts;
mod desk;
mod events;
mod exports;
mod intake;
mod login;
mod problems;
mod routes;
mod shares;
#[cfg(test)]
mod tests;

pub(crate) use desk::{Desk, Following};
pub(crate) use login::millis;
pub(crate) use routes::{Api, readiness, router};
pub(crate) use shares::Limits;
