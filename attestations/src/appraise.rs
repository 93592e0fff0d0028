//! The appraisal: one order of checks, one refusal for each.

use messages::codec::{CodecError, Wire};
use messages::domain;
use messages::evidence::{
    Claims, Conceptual, Evidence, HARDWARE_MEDIA_TYPE, INSECURE_ORIGIN_PREFIX, PROFILE, Purpose,
    Role, SOFTWARE_BANNER, SOFTWARE_MEDIA_TYPE, SOFTWARE_TEE, SoftwareEvidence, Tee,
};
use messages::ids::PolicyDigest;
use messages::time::UnixMillis;
use verify::{Appraised, EvidenceClass};

use crate::bound::Bound;
use crate::policy::{HardwarePolicy, Log, Policy, SoftwarePolicy};
use crate::refusal::Refusal;
use crate::rows::{Row, Rows};
use crate::snp::{self, Roots};
use crate::software::TEST_ROOT;
use crate::tdx;

/// The indicator of a conceptual message that is evidence (RFC 9999).
pub const INDICATOR_EVIDENCE: u8 = 4;

/// What an appraisal came to: evidence, its class, and under which policy and when that was said.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appraisal {
    appraised: Appraised,
    policy: Option<PolicyDigest>,
    at: UnixMillis,
    until: UnixMillis,
}

impl Appraisal {
    /// The evidence, as a verifier takes it.
    pub fn into_appraised(self) -> Appraised {
        self.appraised
    }

    /// Under which policy; of development evidence none.
    #[must_use]
    pub const fn policy(&self) -> Option<PolicyDigest> {
        self.policy
    }

    /// At which time, by whoever asked.
    #[must_use]
    pub const fn at(&self) -> UnixMillis {
        self.at
    }

    /// When it ends: an appraisal of before is none.
    #[must_use]
    pub const fn until(&self) -> UnixMillis {
        self.until
    }
}

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

/// Appraises `evidence`, found where `expect` says, under `policy`. `now` is the time that
/// certificates are judged by: the verifier's, or of a log's evidence that of its witnesses.
///
/// # Errors
/// [`Refusal`]: the first row of [`explain`] that does not hold.
pub fn appraise(
    evidence: &Conceptual,
    policy: &Policy,
    expect: Expect,
    now: UnixMillis,
) -> Result<Appraisal, Refusal> {
    appraise_under(Roots::amd(), evidence, policy, (expect, now))
}

#[expect(clippy::disallowed_methods, reason = "this is the appraiser")]
fn appraise_under(
    roots: &Roots,
    evidence: &Conceptual,
    policy: &Policy,
    (expect, now): (Expect, UnixMillis),
) -> Result<Appraisal, Refusal> {
    let (rows, found) = examine(roots, evidence, policy, (expect, now));
    rows.verdict()?;
    let Found { class, claims } = found.ok_or(Refusal::Malformed)?;
    let hardware = policy.hardware.as_ref().filter(|_| class == EvidenceClass::Hardware);
    let lasts = hardware.map_or(u64::MAX, |policy| policy.document().verdict_s);
    Ok(Appraisal {
        appraised: Appraised::assertion(evidence.evidence_id(), class, claims),
        policy: hardware.map(HardwarePolicy::digest),
        at: now,
        until: UnixMillis(now.0.saturating_add(lasts.saturating_mul(1_000))),
    })
}

/// The same, check by check, past the first one that fails as far as one can look.
#[must_use]
pub fn explain(
    evidence: &Conceptual,
    policy: &Policy,
    expect: Expect,
    now: UnixMillis,
) -> Vec<Row> {
    examine(Roots::amd(), evidence, policy, (expect, now)).0.into_rows()
}

/// Claims that evidence binds.
struct Found {
    class: EvidenceClass,
    claims: Claims,
}

fn examine(
    roots: &Roots,
    evidence: &Conceptual,
    policy: &Policy,
    (expect, now): (Expect, UnixMillis),
) -> (Rows, Option<Found>) {
    let mut rows = Rows::default();
    let found = match evidence.media_type.as_str() {
        SOFTWARE_MEDIA_TYPE => {
            rows.step("development evidence", "accepted by name", software(evidence, policy))
        }
        HARDWARE_MEDIA_TYPE => hardware(&mut rows, (roots, evidence), policy, now),
        _ => rows.step("media type", "one that is known", Err(Refusal::UnknownMediaType)),
    };
    if let Some(found) = &found {
        rows.step("origin, configuration and log", "listed", accept(found, policy));
        rows.step("channel", "the one in which it was found", bound(&found.claims, &expect));
    }
    (rows, found)
}

fn software(evidence: &Conceptual, policy: &Policy) -> Result<Found, Refusal> {
    if evidence.indicator != INDICATOR_EVIDENCE {
        return Err(Refusal::NotEvidence);
    }
    let software = policy.software.as_ref().ok_or(Refusal::Software)?;
    let claims = authentic(&evidence.value, software)?;
    Ok(Found { class: EvidenceClass::InsecureSoftware, claims })
}

fn hardware(
    rows: &mut Rows,
    (roots, evidence): (&Roots, &Conceptual),
    policy: &Policy,
    now: UnixMillis,
) -> Option<Found> {
    let document = policy.hardware.as_ref().map(HardwarePolicy::document);
    let document = document.ok_or(Refusal::Hardware);
    let document = rows.step("evidence of a confidential VM", "accepted", document)?;
    let shown = readable(evidence);
    let (evidence, claims) = rows.step("evidence", "well-formed", shown)?;
    let report_data = claims.report_data(evidence.tee.code());
    let bound = Bound { report_data, config: claims.config.0 };
    let endorsements = evidence.endorsements.clone().unwrap_or_default();
    match evidence.tee {
        Tee::Snp => {
            let accepted = document.snp.as_ref().ok_or(Refusal::TeeUnlisted);
            let accepted = rows.step("sev-snp", "listed", accepted)?;
            let asked = (&bound, accepted);
            rows.append(snp::examine(roots, &evidence.report, &endorsements, asked, now));
        }
        Tee::Tdx => {
            let accepted = document.tdx.as_ref().ok_or(Refusal::TeeUnlisted);
            let accepted = rows.step("tdx", "listed", accepted)?;
            let shown = (evidence.report.as_slice(), evidence.event_log.as_deref());
            let collateral = endorsements.collateral.as_deref();
            rows.append(tdx::examine(shown, collateral, (&bound, accepted), now));
        }
    }
    Some(Found { class: EvidenceClass::Hardware, claims })
}

fn readable(evidence: &Conceptual) -> Result<(Evidence, Claims), Refusal> {
    let shown = Evidence::from_cbor(&evidence.value).map_err(|_| Refusal::Malformed)?;
    if evidence.indicator != shown.indicator() {
        return Err(Refusal::NotEvidence);
    }
    if shown.profile != PROFILE {
        return Err(Refusal::Profile);
    }
    let claims = claims(&shown.claims)?;
    Ok((shown, claims))
}

fn claims(bytes: &[u8]) -> Result<Claims, Refusal> {
    Claims::from_cbor(bytes).map_err(|error| match error {
        CodecError::NonCanonical => Refusal::ClaimsNonCanonical,
        CodecError::Malformed | CodecError::TooLarge { .. } => Refusal::ClaimsMalformed,
    })
}

/// The claims that the test root signed together with a listed measurement.
fn authentic(value: &[u8], policy: &SoftwarePolicy) -> Result<Claims, Refusal> {
    let evidence = SoftwareEvidence::from_cbor(value).map_err(|_| Refusal::Malformed)?;
    if evidence.banner != SOFTWARE_BANNER {
        return Err(Refusal::Banner);
    }
    let claims = claims(&evidence.claims)?;
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

fn accept(found: &Found, policy: &Policy) -> Result<(), Refusal> {
    let claims = &found.claims;
    match (found.class, claims.origin.starts_with(INSECURE_ORIGIN_PREFIX)) {
        (EvidenceClass::Hardware, true) => return Err(Refusal::OriginInsecure),
        (EvidenceClass::InsecureSoftware, false) => return Err(Refusal::OriginNotInsecure),
        (EvidenceClass::Hardware, false) | (EvidenceClass::InsecureSoftware, true) => {}
    }
    if claims.origin != policy.origin {
        return Err(Refusal::WrongOrigin);
    }
    if !policy.configs.contains(&claims.config) {
        return Err(Refusal::ConfigUnlisted);
    }
    match policy.log {
        Log::Any | Log::Only(_) if claims.log_key == Claims::NO_LOG => Err(Refusal::NoLog),
        Log::Only(key) if claims.log_key != key => Err(Refusal::OtherLog),
        Log::Any | Log::Only(_) | Log::AnyOrNone => Ok(()),
    }
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

#[cfg(test)]
mod tests;
