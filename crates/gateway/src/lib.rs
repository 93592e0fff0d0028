//! Foreign protocols to events, verdicts to answers.
//!
//! Agents speak OpenTelemetry, MCP, A2A, plain HTTP, and sit behind Envoy. This crate serves those
//! protocols on loopback, reads out of them what a pact speaks of, and hands it to a [`Desk`]. It
//! is *not* a proxy: nothing is forwarded. It is *not* the connector: it signs nothing, numbers
//! nothing, and knows neither pacts nor monitors.
//!
//! | protocol | direction | where |
//! | --- | --- | --- |
//! | OTLP over gRPC and HTTP | after the fact | [`otlp`] |
//! | Envoy ext_authz over gRPC | before the call | [`ext_authz`] |
//! | plain HTTP | both | [`http`] |
//! | MCP, A2A bodies | read only | [`mcp`], [`a2a`] |
//!
//! Everything fails closed: what cannot be read, decided or taken is refused under a stable code,
//! never let through and never dropped.

pub mod a2a;
pub mod desk;
#[cfg(feature = "ext-authz")]
pub mod ext_authz;
#[cfg(feature = "http")]
pub mod http;
mod json;
mod jsonrpc;
pub mod loopback;
pub mod mcp;
pub mod observation;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(any(feature = "ext-authz", feature = "http"))]
mod problem;
pub mod scope;
#[cfg(any(feature = "http", feature = "otlp"))]
mod web;

pub use desk::{Decision, Desk, DeskError, Intended, Redemption};
pub use jsonrpc::{MAX_BODY_BYTES, ReadError};
pub use loopback::{ListenError, Loopback};
pub use observation::{Body, Captured, Observation, SourceId};
pub use scope::{KeyedHash, Scope};
