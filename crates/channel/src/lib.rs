//! The attested channel, both ends: TLS 1.3 whose server proves, inside the very session, which
//! measured code holds the other end.
//!
//! The certificate carries evidence for its key (RFC 9999, extension `id-pe-cmw`). That is only a
//! pre-filter: it says where a key lives, not who holds this session. So the client then draws a
//! nonce, and the server answers with evidence over the nonce, the server key and the session's
//! exporter (RFC 9266, `tls-exporter`). Something between that terminates TLS has two sessions
//! with two exporters, and the answer of one is refused in the other. Only an
//! [`Channel<Attested>`](client::Channel) can send anything.
//!
//! Every doubt is a refusal: there is no switch that turns a check off, no fallback to an older
//! protocol, and no reconnection behind the caller's back. This crate never obtains evidence from
//! a machine, never reads a clock, and never logs.
//!
//! The server's half:
//!
//! ```
//! # use cloister_channel as channel;
//! use channel::server::ServerIdentity;
//! use messages::evidence::{Conceptual, SOFTWARE_MEDIA_TYPE};
//! use messages::time::UnixMillis;
//!
//! let make = |_spki: [u8; 32]| {
//!     let (media_type, value) = (SOFTWARE_MEDIA_TYPE.into(), vec![]);
//!     Some(Conceptual { media_type, value, indicator: 4 })
//! };
//! let identity = ServerIdentity::generate("insecure-dev/log", UnixMillis(0), make).unwrap();
//! assert!(!identity.is_due(UnixMillis(0)));
//! assert!(identity.is_due(identity.not_after()));
//! ```

#[cfg(not(any(feature = "client", feature = "server")))]
compile_error!("the channel needs an end: choose feature `client`, `server` or both");

pub mod binding;
#[cfg(feature = "client")]
pub mod client;
pub mod forms;
pub mod leaf;
pub mod login;
pub mod refusals;
#[cfg(feature = "server")]
pub mod server;
mod tls;

/// Media type of a conceptual message in CBOR (RFC 9999).
pub const CMW_MEDIA_TYPE: &str = "application/cmw+cbor";
/// Where a client sends its nonce: JSON `{"nonce": "<64 hexadecimal digits>"}`; the answer is a
/// conceptual message of type [`CMW_MEDIA_TYPE`].
pub const ATTESTATION_PATH: &str = "/v1/attestation";
/// Where a party logs in: see [`login`].
pub const TOKEN_PATH: &str = "/v1/token";
