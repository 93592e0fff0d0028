//! The appraisal: one order of checks, one refusal for each.

use messages::codec::{CodecError, Wire};
use messages::domain;
use messages::evidence::{
    Claims, Conceptual, INSECURE_ORIGIN_PREFIX, Purpose, SOFTWARE_BANNER, SOFTWARE_MEDIA_TYPE,
    SOFTWARE_TEE, SoftwareEvidence,
};
use messages::time::UnixMillis;
use verify::{Appraised, EvidenceClass};

use crate::policy::{Policy, SoftwarePolicy};
use crate::software::TEST_ROOT;

/// Media type of evidence of a confidential VM.
pub const HARDWARE_MEDIA_TYPE: &str = "application/vnd.cloister.evidence+cbor";
/// The indicator of a conceptual message that is evidence (RFC 9999).
pub const INDICATOR_EVIDENCE: u8 = 4;

/// Appraises `evidence` under `policy`. A verifier who chose a `nonce` gets answers to it and
/// nothing else; without one, only the evidence that a log carries is accepted. `_now` is the
/// verifier's time, which certificates are judged by; development evidence has none.
///
/// # Errors
/// [`Refusal`], the first check that failed, in the order of its variants.
#[expect(clippy::disallowed_methods, reason = "this is the appraiser")]
pub fn appraise(
    evidence: &Conceptual,
    policy: &Policy,
    nonce: Option<&[u8; 32]>,
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
    accept(&claims, policy, nonce)?;
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
    /// An answer to a challenge where the log's own evidence belongs, or the reverse.
    #[error("the evidence was made for another purpose")]
    WrongPurpose,
    /// An answer to another challenge.
    #[error("the evidence does not answer the nonce")]
    WrongNonce,
    /// The log's evidence answers a nonce, which it never does.
    #[error("the log's own evidence must not carry a nonce")]
    UnexpectedNonce,
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
            Self::WrongNonce => "evidence-wrong-nonce",
            Self::UnexpectedNonce => "evidence-unexpected-nonce",
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

fn accept(claims: &Claims, policy: &Policy, nonce: Option<&[u8; 32]>) -> Result<(), Refusal> {
    if !claims.origin.starts_with(INSECURE_ORIGIN_PREFIX) {
        return Err(Refusal::OriginNotInsecure);
    }
    if claims.origin != policy.origin {
        return Err(Refusal::WrongOrigin);
    }
    if !policy.configs.contains(&claims.config) {
        return Err(Refusal::ConfigUnlisted);
    }
    match (claims.purpose, nonce) {
        (Purpose::Challenge, Some(nonce)) if claims.nonce.as_ref() == Some(nonce) => Ok(()),
        (Purpose::Challenge, Some(_)) => Err(Refusal::WrongNonce),
        (Purpose::Checkpoint, None) if claims.nonce.is_none() => Ok(()),
        (Purpose::Checkpoint, None) => Err(Refusal::UnexpectedNonce),
        (Purpose::Challenge, None) | (Purpose::Checkpoint, Some(_)) => Err(Refusal::WrongPurpose),
    }
}
