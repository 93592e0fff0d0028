//! What one TLS session is, so that evidence and logins can be bound to it and to no other.

use messages::evidence::Claims;
use rustls::{ConnectionCommon, SideData};
use sha2::{Digest, Sha256};

/// Label of the exporter (RFC 9266, section 2).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";

/// A TLS session by its exporter and its server key. Only an established session yields one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    exporter: [u8; 32],
    spki: [u8; 32],
}

impl Binding {
    /// Reads the exporter of `connection`, whose server key hashes to `spki`.
    ///
    /// RFC 9266, section 2: the label `EXPORTER-Channel-Binding`, an empty context, 32 bytes.
    /// None before the handshake is complete.
    pub(crate) fn of<Side: SideData>(
        connection: &ConnectionCommon<Side>,
        spki: [u8; 32],
    ) -> Option<Self> {
        let exporter =
            connection.export_keying_material([0; 32], EXPORTER_LABEL, Some(&[])).ok()?;
        Some(Self { exporter, spki })
    }

    /// The exporter, 32 bytes: the same at both ends, and at no other session's ends.
    #[must_use]
    pub const fn exporter(&self) -> &[u8; 32] {
        &self.exporter
    }

    /// SHA-256 of the DER SubjectPublicKeyInfo of the server's key.
    #[must_use]
    pub const fn spki(&self) -> &[u8; 32] {
        &self.spki
    }

    /// What evidence must claim to answer `nonce` in this session; `monitor` says who answers.
    #[must_use]
    pub fn answer(&self, monitor: Claims, nonce: [u8; 32]) -> Claims {
        monitor.for_challenge(nonce, self.exporter, self.spki)
    }
}

/// SHA-256 of a SubjectPublicKeyInfo, DER.
pub(crate) fn spki_hash(spki: &[u8]) -> [u8; 32] {
    Sha256::digest(spki).into()
}
