//! Evidence: what a monitor shows about where it runs (RFC 9334 terms).
//!
//! Hardware evidence has its own media type; development evidence has another, another type and
//! another verdict, and never imitates a hardware format.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};
use sha2::{Digest, Sha512};

use crate::codec::Wire;
use crate::domain;
use crate::ids::{BootId, ConfigDigest, EvidenceId};
use crate::signature::{PublicKey, Signature};

mod hardware;

pub use hardware::{
    Endorsements, Evidence, HARDWARE_MEDIA_TYPE, PROFILE, SNP_REPORT_BYTES, SNP_SIGNED_BYTES, Tee,
};

/// Media type of development evidence.
pub const SOFTWARE_MEDIA_TYPE: &str = "application/vnd.cloister.insecure-software-evidence+cbor";
/// First field of every development evidence.
pub const SOFTWARE_BANNER: &str = "INSECURE SOFTWARE EVIDENCE";
/// Origins of monitors with development evidence start with this.
pub const INSECURE_ORIGIN_PREFIX: &str = "insecure-dev/";
/// The TEE code of development evidence; no hardware profile accepts it.
pub const SOFTWARE_TEE: u8 = 0x7f;

/// What the evidence binds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Claims {
    /// Why the evidence was made.
    #[n(1)]
    pub purpose: Purpose,
    /// The log's origin name.
    #[n(2)]
    pub origin: String,
    /// Signs leaves during this boot.
    #[n(3)]
    pub boot_key: PublicKey,
    /// Signs checkpoints.
    #[n(4)]
    pub log_key: PublicKey,
    /// The verifier's nonce; required for a challenge, forbidden elsewhere.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: Option<[u8; 32]>,
    /// SHA-256 of the DER SubjectPublicKeyInfo of the monitor's TLS key; required for a challenge
    /// and a certificate, forbidden for a checkpoint.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub tls_spki: Option<[u8; 32]>,
    /// The TLS session's exporter (RFC 9266, `tls-exporter`); required for a challenge, forbidden
    /// elsewhere.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub exporter: Option<[u8; 32]>,
    /// Which end of the TLS session the monitor is. The exporter is the same at both ends, so
    /// without it evidence of one end could be reflected as the other's.
    #[n(8)]
    pub role: Option<Role>,
    /// The measured configuration.
    #[n(10)]
    pub config: ConfigDigest,
    /// Fresh per boot.
    #[n(11)]
    pub boot: BootId,
}

impl Claims {
    /// The log key of a monitor that has none: no signature holds under it.
    pub const NO_LOG: PublicKey = PublicKey([0; 32]);

    /// What evidence in a log says of a boot: of no session and of no TLS key.
    #[must_use]
    pub const fn for_checkpoint(
        origin: String,
        (boot, boot_key): (BootId, PublicKey),
        log_key: PublicKey,
        config: ConfigDigest,
    ) -> Self {
        Self {
            purpose: Purpose::Checkpoint,
            origin,
            boot_key,
            log_key,
            nonce: None,
            tls_spki: None,
            exporter: None,
            role: None,
            config,
            boot,
        }
    }

    /// The same monitor's claims, made for the certificate of the TLS key whose
    /// SubjectPublicKeyInfo hashes to `tls_spki`.
    #[must_use]
    pub fn for_certificate(self, tls_spki: [u8; 32]) -> Self {
        Self {
            purpose: Purpose::Certificate,
            nonce: None,
            tls_spki: Some(tls_spki),
            exporter: None,
            role: Some(Role::Server),
            ..self
        }
    }

    /// The same monitor's claims, made as the answer to `nonce` in the one TLS session that has
    /// this `exporter` and this server key.
    #[must_use]
    pub fn for_challenge(self, nonce: [u8; 32], exporter: [u8; 32], tls_spki: [u8; 32]) -> Self {
        Self {
            purpose: Purpose::Challenge,
            nonce: Some(nonce),
            tls_spki: Some(tls_spki),
            exporter: Some(exporter),
            role: Some(Role::Server),
            ..self
        }
    }

    /// REPORT_DATA: SHA-512(label, 0, tee, purpose, length, claims); 64 bytes, never truncated.
    #[must_use]
    pub fn report_data(&self, tee: u8) -> [u8; 64] {
        let claims = self.to_cbor();
        let mut hash = Sha512::new();
        hash.update(domain::REPORT_DATA.as_bytes());
        hash.update([0, tee, self.purpose.code()]);
        hash.update(u32::try_from(claims.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(&claims);
        hash.finalize().into()
    }
}

impl Wire for Claims {
    const MAX_BYTES: usize = 4 * 1024;
}

/// Why evidence was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Purpose {
    /// An answer to a verifier's nonce in a TLS session.
    #[n(1)]
    Challenge,
    /// Part of a TLS certificate: says where its key lives, and nothing about a session.
    #[n(2)]
    Certificate,
    /// Part of the log: introduces a boot.
    #[n(3)]
    Checkpoint,
}

impl Purpose {
    const fn code(self) -> u8 {
        match self {
            Self::Challenge => 1,
            Self::Certificate => 2,
            Self::Checkpoint => 3,
        }
    }
}

/// An end of a TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Accepted the connection.
    #[n(1)]
    Server,
    /// Opened it.
    #[n(2)]
    Client,
}

/// Evidence of a development machine: a signature under a published key. Proves nothing about
/// any hardware, and says so in its first field.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SoftwareEvidence {
    /// Always [`SOFTWARE_BANNER`].
    #[n(0)]
    pub banner: String,
    /// `sw:` and the hexadecimal SHA-256 of the executable.
    #[n(1)]
    pub measurement: String,
    /// The claims, encoded.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub claims: Vec<u8>,
    /// By the published test root, over measurement and report data.
    #[n(3)]
    pub signature: Signature,
}

impl SoftwareEvidence {
    /// What the test root signs.
    #[must_use]
    pub fn signed_bytes(measurement: &str, report_data: &[u8; 64]) -> Vec<u8> {
        [measurement.as_bytes(), &[0], report_data].concat()
    }
}

impl Wire for SoftwareEvidence {
    const MAX_BYTES: usize = 8 * 1024;
}

/// A conceptual message (RFC 9999): media type, value.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Conceptual {
    /// Media type of the value.
    #[n(0)]
    pub media_type: String,
    /// The value.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub value: Vec<u8>,
    /// 4: evidence; 6: evidence with endorsements.
    #[n(2)]
    pub indicator: u8,
}

impl Conceptual {
    /// Identity of the evidence in this message: of a confidential VM's, what its hardware signed,
    /// since signatures can be written in several ways and endorsements are others' words; of all
    /// else, the whole.
    #[must_use]
    pub fn evidence_id(&self) -> EvidenceId {
        let media_type = self.media_type.as_bytes();
        let hardware = (self.media_type == HARDWARE_MEDIA_TYPE)
            .then(|| Evidence::from_cbor(&self.value).ok())
            .flatten();
        let signed = hardware.as_ref().and_then(|evidence| {
            let signed = evidence.signed_part()?;
            Some(domain::EVIDENCE.hash(&[media_type, &[evidence.tee.code()], signed]))
        });
        EvidenceId(signed.unwrap_or_else(|| domain::EVIDENCE.hash(&[media_type, &self.value])))
    }
}

impl Wire for Conceptual {
    const MAX_BYTES: usize = 56 * 1024;
}
