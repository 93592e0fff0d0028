//! Logging a party in: its DID key signs the session's exporter.
//!
//! The exporter is unique to the session and known only to its two ends, so it is its own nonce: a
//! signature that was heard elsewhere opens nothing. The client signs only after it has appraised
//! the monitor in the same session, so no other server ever gets such a signature to relay.
//!
//! `POST /v1/token` with JSON `{"did": "did:..", "signature": "<128 hexadecimal digits>"}` is
//! answered with `{"token": "<hexadecimal digits>", "expires_ms": n}`, its life. The token then goes as
//! `Authorization: Bearer` (RFC 6750), and the server accepts it in this session only.

use messages::did::Did;
use messages::domain;
use messages::signature::{BadSignature, PublicKey, Signature, SigningKey};

use crate::binding::Binding;

/// What a party signs under [`domain::CHANNEL_LOGIN`]: the exporter, 32 bytes, then its DID.
#[must_use]
pub fn login_statement(did: &Did, exporter: &[u8; 32]) -> Vec<u8> {
    [&exporter[..], did.as_str().as_bytes()].concat()
}

/// Signs `did` in to the session of `binding`.
#[must_use]
pub fn sign_login(did: &Did, binding: &Binding, key: &SigningKey) -> Signature {
    key.sign(domain::CHANNEL_LOGIN, &login_statement(did, binding.exporter()))
}

/// Verifies that the holder of `key` signed `did` in to the session of `binding`. Whether `key` is
/// the key of `did` is the caller's to know.
///
/// # Errors
/// [`BadSignature`], which never says why.
pub fn verify_login(
    did: &Did,
    binding: &Binding,
    key: &PublicKey,
    signature: &Signature,
) -> Result<(), BadSignature> {
    key.verify(domain::CHANNEL_LOGIN, &login_statement(did, binding.exporter()), signature)
}
