//! OpenTelemetry protocol (OTLP 1.10), over gRPC and over HTTP: telemetry of agents to observations.
//!
//! A receiver, not a collector: nothing is stored, forwarded or sampled. Spans and log events of
//! the GenAI conventions become [`Observation`](crate::Observation)s (see [`genai`]); other telemetry
//! is acknowledged and forgotten; metrics are acknowledged as not used.
//!
//! An acknowledgement means that the [`Desk`](crate::Desk) took everything. When it has no room,
//! the sender is told to come again (`UNAVAILABLE` with `RetryInfo`, or 503 with `Retry-After`), and what was taken
//! already is not taken twice: retries carry the same trace and span identifiers.

mod attributes;
mod chat;
pub mod genai;
mod grpc;
mod intake;
mod web;

pub use grpc::serve as serve_grpc;
pub use intake::Intake;
pub use web::serve as serve_http;

/// Largest export in bytes, as sent and once more after inflation.
pub const MAX_EXPORT_BYTES: usize = 16 * 1024 * 1024;
