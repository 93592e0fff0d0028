//! The appraisal: one order of checks, one refusal for each.

use messages::codec::{CodecError, Wire};
use messages::domain;
use messages::evidence::{
    Claims, Conceptual, INSECURE_ORIGIN_PREFIX, Purpose, Role, SOFTWARE_BANNER,
    SOFTWARE_MEDIA_TYPE, SOFTWARE_TEE, SoftwareEvidence,
};
use messages::time::UnixMillis;
use verify::{Appraised, EvidenceClass};

use crate::policy::{Policy, SoftwarePolicy};
use crate::software::TEST_ROOT;

/// Media type of evidence of a confidential VM.
pub const HARDWARE_MEDIA_TYPE: &str = "application/vnd.cloister.evidence+cbor";
/// The indicator of a conceptual message that is evidence (RFC 9999).
pub const INDICATOR_EVIDENCE: u8 = 4;

/// Where evidence was found, and what it must therefore be bound to. Evidence made for one place
/// is refused in every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// In a TLS certificate: bound to its key, and to no session.
    Certificate {
        /// SHA-256 of the certificate's SubjectPublicKeyInfo, DER, as the verifier computed it.
        spki: [u8; 32],
    },
    /// In answer to the verifier's nonce: bound to the TLS session in which it was asked.
    Challenge {
        /// Drawn by the verifier for this session.
        nonce: [u8; 32],
        /// The session's exporter (RFC 9266), as the verifier computed it.
        exporter: [u8; 32],
        /// SHA-256 of the SubjectPublicKeyInfo of the session's server key, likewise.
        spki: [u8; 32],
    },
    /// In a log: bound to no session and to no TLS key.
    Checkpoint,
}

/// Appraises `evidence`, found where `expect` says, under `policy`. `_now` is the verifier's
/// time, which endorsements are judged by; development evidence has none.
///
/// # Errors
/// [`Refusal`], the first check that failed, in the order of its variants.
#[expect(clippy::disallowed_methods, reason = "this is the appraiser")]
pub fn appraise(
    evidence: &Conceptual,
    policy: &Policy,
    expect: Expect,
    _now: UnixMillis,
) -> Result<Appraised, Refusal> {
    match evidence.media_type.as_str() {
        SOFTWARE_MEDIA_TYPE => {}
        HARDWARE_MEDIA_TYPE => return Err(Refusal::HardwareUnavailable),
        _ => return Err(Refusal::UnknownMediaType),
    }
    if evidence.indicator != INDICATOR_EVIDENCE {
        return Err(Refusal::NotEvidence);
    }
    let software = policy.software.as_ref().ok_or(Refusal::Software)?;
    let claims = authentic(&evidence.value, software)?;
    accept(&claims, policy, &expect)?;
    Ok(Appraised::assertion(evidence.evidence_id(), EvidenceClass::InsecureSoftware, claims))
}

/// Why evidence is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A media type that no version writes.
    #[error("the evidence has an unknown media type")]
    UnknownMediaType,
    /// This version appraises no hardware.
    #[error("this version cannot appraise hardware evidence")]
    HardwareUnavailable,
    /// Another conceptual message: an endorsement, reference values, a result.
    #[error("the message is not evidence")]
    NotEvidence,
    /// Development evidence, and the policy does not ask for it.
    #[error("development evidence is refused by this policy")]
    Software,
    /// Not an encoded evidence.
    #[error("the evidence is malformed")]
    Malformed,
    /// Development evidence that does not say what it is.
    #[error("the evidence lacks its banner")]
    Banner,
    /// Not encoded claims.
    #[error("the evidence's claims are malformed")]
    ClaimsMalformed,
    /// A second encoding of some claims.
    #[error("the evidence's claims are not in canonical form")]
    ClaimsNonCanonical,
    /// Not signed by the root over these claims and this measurement.
    #[error("the evidence's signature does not hold")]
    BadSignature,
    /// The policy lists other measurements, or none.
    #[error("the policy does not list the measured executable")]
    MeasurementUnlisted,
    /// Development evidence under a production name.
    #[error("development evidence must have an origin that starts with insecure-dev/")]
    OriginNotInsecure,
    /// Of another log.
    #[error("the evidence is of another origin")]
    WrongOrigin,
    /// The policy lists other configurations, or none.
    #[error("the policy does not list the measured configuration")]
    ConfigUnlisted,
    /// Made for another place: a log's, a certificate's, or an answer to a challenge.
    #[error("the evidence was made for another purpose")]
    WrongPurpose,
    /// Evidence that answers no challenge carries a nonce.
    #[error("evidence that answers no challenge must not carry a nonce")]
    UnexpectedNonce,
    /// The log's evidence names a TLS key or session, or a certificate's names a session.
    #[error("the evidence names a channel, which evidence for this purpose must not")]
    UnexpectedChannel,
    /// An answer to another challenge, or to none.
    #[error("the evidence does not answer the nonce")]
    WrongNonce,
    /// An answer that is bound to no TLS session: whoever has it can show it anywhere.
    #[error("the evidence is not bound to a tls session")]
    ChannelMissing,
    /// Bound to another TLS session: something between terminates TLS, or the answer is a copy.
    #[error("the evidence is bound to another tls session: something between terminates tls")]
    WrongChannel,
    /// Names no TLS key.
    #[error("the evidence is not bound to a tls key")]
    SpkiMissing,
    /// Names another TLS key.
    #[error("the evidence is bound to another tls key")]
    WrongSpki,
    /// Not made by the server's end of the session: a reflection, or not said.
    #[error("the evidence was not made by the server of the session")]
    WrongRole,
}

impl Refusal {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::UnknownMediaType => "unknown-media-type",
            Self::HardwareUnavailable => "hardware-appraisal-unavailable",
            Self::NotEvidence => "not-evidence",
            Self::Software => "software-evidence-refused",
            Self::Malformed => "evidence-malformed",
            Self::Banner => "evidence-banner-missing",
            Self::ClaimsMalformed => "evidence-claims-malformed",
            Self::ClaimsNonCanonical => "evidence-claims-non-canonical",
            Self::BadSignature => "evidence-bad-signature",
            Self::MeasurementUnlisted => "evidence-measurement-unlisted",
            Self::OriginNotInsecure => "evidence-origin-not-insecure",
            Self::WrongOrigin => "evidence-wrong-origin",
            Self::ConfigUnlisted => "evidence-config-unlisted",
            Self::WrongPurpose => "evidence-wrong-purpose",
            Self::UnexpectedNonce => "evidence-unexpected-nonce",
            Self::UnexpectedChannel => "evidence-unexpected-channel",
            Self::WrongNonce => "evidence-wrong-nonce",
            Self::ChannelMissing => "evidence-channel-missing",
            Self::WrongChannel => "evidence-wrong-channel",
            Self::SpkiMissing => "evidence-spki-missing",
            Self::WrongSpki => "evidence-wrong-spki",
            Self::WrongRole => "evidence-wrong-role",
        }
    }
}

/// The claims that the test root signed together with a listed measurement.
fn authentic(value: &[u8], policy: &SoftwarePolicy) -> Result<Claims, Refusal> {
    let evidence = SoftwareEvidence::from_cbor(value).map_err(|_| Refusal::Malformed)?;
    if evidence.banner != SOFTWARE_BANNER {
        return Err(Refusal::Banner);
    }
    let claims = Claims::from_cbor(&evidence.claims).map_err(|error| match error {
        CodecError::NonCanonical => Refusal::ClaimsNonCanonical,
        CodecError::Malformed | CodecError::TooLarge { .. } => Refusal::ClaimsMalformed,
    })?;
    let report_data = claims.report_data(SOFTWARE_TEE);
    let signed = SoftwareEvidence::signed_bytes(&evidence.measurement, &report_data);
    TEST_ROOT
        .verify(domain::SOFTWARE_EVIDENCE, &signed, &evidence.signature)
        .map_err(|_| Refusal::BadSignature)?;
    if policy.measurements.contains(&evidence.measurement) {
        Ok(claims)
    } else {
        Err(Refusal::MeasurementUnlisted)
    }
}

fn accept(claims: &Claims, policy: &Policy, expect: &Expect) -> Result<(), Refusal> {
    if !claims.origin.starts_with(INSECURE_ORIGIN_PREFIX) {
        return Err(Refusal::OriginNotInsecure);
    }
    if claims.origin != policy.origin {
        return Err(Refusal::WrongOrigin);
    }
    if !policy.configs.contains(&claims.config) {
        return Err(Refusal::ConfigUnlisted);
    }
    bound(claims, expect)
}

/// Refuses claims that are not bound to exactly what `expect` says.
fn bound(claims: &Claims, expect: &Expect) -> Result<(), Refusal> {
    let purpose = match expect {
        Expect::Certificate { .. } => Purpose::Certificate,
        Expect::Challenge { .. } => Purpose::Challenge,
        Expect::Checkpoint => Purpose::Checkpoint,
    };
    if claims.purpose != purpose {
        return Err(Refusal::WrongPurpose);
    }
    match expect {
        Expect::Certificate { spki } => {
            no_nonce(claims)?;
            if claims.exporter.is_some() {
                return Err(Refusal::UnexpectedChannel);
            }
            server_key(claims, spki)
        }
        Expect::Challenge { nonce, exporter, spki } => {
            if claims.nonce.as_ref() != Some(nonce) {
                return Err(Refusal::WrongNonce);
            }
            let session = claims.exporter.as_ref().ok_or(Refusal::ChannelMissing)?;
            if session != exporter {
                return Err(Refusal::WrongChannel);
            }
            server_key(claims, spki)
        }
        Expect::Checkpoint => {
            no_nonce(claims)?;
            match (claims.tls_spki, claims.exporter, claims.role) {
                (None, None, None) => Ok(()),
                _ => Err(Refusal::UnexpectedChannel),
            }
        }
    }
}

fn no_nonce(claims: &Claims) -> Result<(), Refusal> {
    if claims.nonce.is_some() { Err(Refusal::UnexpectedNonce) } else { Ok(()) }
}

fn server_key(claims: &Claims, spki: &[u8; 32]) -> Result<(), Refusal> {
    let key = claims.tls_spki.as_ref().ok_or(Refusal::SpkiMissing)?;
    if key != spki {
        return Err(Refusal::WrongSpki);
    }
    if claims.role == Some(Role::Server) { Ok(()) } else { Err(Refusal::WrongRole) }
}
