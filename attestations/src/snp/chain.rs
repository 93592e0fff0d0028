//! From a pinned root to the key that signed a report: RFC 5280, section 6.1, for the one shape
//! of chain that AMD makes (publication 57230).

use messages::evidence::Endorsements;
use messages::time::UnixMillis;
use p384::ecdsa::signature::Verifier;
use p384::ecdsa::{Signature, VerifyingKey};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::name::Name;

use super::endorsed::Endorsed;
use super::refusal::SnpRefusal;
use super::report::Report;
use super::revoked;
use super::roots::Roots;
use super::tcb::Family;
use crate::policy::Revocation;

/// A key that a family's root vouches for.
#[must_use]
pub(super) struct Vek {
    pub(super) family: Family,
    pub(super) kind: KeyKind,
    pub(super) endorsed: Endorsed,
    key: VerifyingKey,
}

/// What kind of key signs reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// The chip's own.
    Vcek,
    /// A cloud's, loaded by its host.
    Vlek,
}

impl KeyKind {
    /// Of bits 2 to 4 of KEY_INFO.
    pub(super) const fn of(key_info: u32) -> Option<Self> {
        match (key_info >> 2) & 0b111 {
            0 => Some(Self::Vcek),
            1 => Some(Self::Vlek),
            _ => None,
        }
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::Vcek => "SEV-VCEK",
            Self::Vlek => "SEV-VLEK",
        }
    }

    fn authority(self, family: Family) -> String {
        match self {
            Self::Vcek => format!("SEV-{}", family.name()),
            Self::Vlek => format!("SEV-VLEK-{}", family.name()),
        }
    }
}

impl Vek {
    /// Follows the chain of a report's key from the root of its family, at `now`. A report of
    /// version 2 does not say its family: there the certificate does, and the family's root has
    /// to vouch for it.
    pub(super) fn vouched(
        report: &Report<'_>,
        endorsements: &Endorsements,
        (roots, revocation): (&Roots, &Revocation),
        now: UnixMillis,
    ) -> Result<Self, SnpRefusal> {
        let kind = KeyKind::of(report.key).ok_or(SnpRefusal::KeyKind)?;
        let vek = endorsements.vek.as_deref().ok_or(SnpRefusal::VekMissing)?;
        let vek = Certificate::parse(vek)?;
        let intermediate = endorsements.intermediate.as_deref();
        let intermediate = intermediate.ok_or(SnpRefusal::IntermediateMissing)?;
        let intermediate = Certificate::parse(intermediate)?;
        let endorsed = Endorsed::read(&vek.x509.tbs_certificate)?;
        let family = report.family.unwrap_or(endorsed.family);

        let root = roots.of(family).ok_or(SnpRefusal::FamilyUnknown)?;
        intermediate.is_authority(root, &kind.authority(family))?;
        intermediate.signed_by(root).map_err(|()| SnpRefusal::IntermediateSignature)?;
        let issued = vek.x509.tbs_certificate.issuer == intermediate.x509.tbs_certificate.subject;
        if !issued || !is_named(&vek.x509.tbs_certificate.subject, kind.subject()) {
            return Err(SnpRefusal::VekName);
        }
        vek.signed_by(&intermediate.x509).map_err(|()| SnpRefusal::VekSignature)?;
        for certificate in [root, &intermediate.x509, &vek.x509] {
            valid_at(certificate, now)?;
        }
        let list = endorsements.revoked.as_deref();
        revoked::check(&intermediate.x509, list, (root, revocation), now)?;
        Ok(Self { family, kind, endorsed, key: vek.p384()? })
    }

    /// Did this key sign the report? Over the bytes as they were shown.
    pub(super) fn signed(&self, report: &Report<'_>) -> Result<(), SnpRefusal> {
        let (r, s) = report.signature;
        let scalars = big_endian(r).zip(big_endian(s)).ok_or(SnpRefusal::Signature)?;
        let signature = Signature::from_scalars(scalars.0, scalars.1);
        let signature = signature.map_err(|_| SnpRefusal::Signature)?;
        self.key.verify(report.signed, &signature).map_err(|_| SnpRefusal::Signature)
    }
}

/// 48 bytes of a little-endian number of 72 bytes; none above.
fn big_endian(number: &[u8; 72]) -> Option<[u8; 48]> {
    let (low, high) = number.split_first_chunk::<48>()?;
    let mut number = *low;
    number.reverse();
    high.iter().all(|byte| *byte == 0).then_some(number)
}

/// A certificate with the bytes that its signature is over.
struct Certificate<'a> {
    x509: x509_cert::Certificate,
    tbs: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads DER, which no byte may follow.
    fn parse(der: &'a [u8]) -> Result<Self, SnpRefusal> {
        const MOST: usize = 16 * 1024;
        let malformed = |_| SnpRefusal::CertificateMalformed;
        if der.len() > MOST {
            return Err(SnpRefusal::CertificateMalformed);
        }
        let x509 = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let tbs = signed_bytes(der).map_err(malformed)?;
        let mut seen = Vec::new();
        for extension in x509.tbs_certificate.extensions.iter().flatten() {
            let known = [BASIC_CONSTRAINTS, KEY_USAGE].contains(&extension.extn_id);
            if (extension.critical && !known) || seen.contains(&extension.extn_id) {
                return Err(SnpRefusal::CertificateExtension);
            }
            seen.push(extension.extn_id);
        }
        Ok(Self { x509, tbs })
    }

    /// Is it what the root issued for the authority of this name?
    fn is_authority(&self, root: &x509_cert::Certificate, name: &str) -> Result<(), SnpRefusal> {
        let tbs = &self.x509.tbs_certificate;
        if tbs.issuer != root.tbs_certificate.subject || !is_named(&tbs.subject, name) {
            return Err(SnpRefusal::IntermediateName);
        }
        let malformed = |_| SnpRefusal::CertificateMalformed;
        let constraints = tbs.get::<BasicConstraints>().map_err(malformed)?;
        let usage = tbs.get::<KeyUsage>().map_err(malformed)?;
        let authority = constraints.is_some_and(|(_, constraints)| constraints.ca)
            && usage.is_some_and(|(_, usage)| usage.0.contains(KeyUsages::KeyCertSign));
        if authority { Ok(()) } else { Err(SnpRefusal::IntermediateNoAuthority) }
    }

    fn signed_by(&self, issuer: &x509_cert::Certificate) -> Result<(), ()> {
        let algorithm = &self.x509.signature_algorithm;
        // Both places name one algorithm (RFC 5280, section 4.1.1.2).
        if *algorithm != self.x509.tbs_certificate.signature {
            return Err(());
        }
        rsa_pss(issuer, self.tbs, self.x509.signature.raw_bytes())
    }

    fn p384(&self) -> Result<VerifyingKey, SnpRefusal> {
        let spki = &self.x509.tbs_certificate.subject_public_key_info;
        let curve = spki.algorithm.parameters.as_ref();
        let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
        if spki.algorithm.oid != EC_PUBLIC_KEY || curve != Some(SECP384R1) {
            return Err(SnpRefusal::CertificateMalformed);
        }
        VerifyingKey::from_sec1_bytes(spki.subject_public_key.raw_bytes())
            .map_err(|_| SnpRefusal::CertificateMalformed)
    }
}

fn valid_at(certificate: &x509_cert::Certificate, now: UnixMillis) -> Result<(), SnpRefusal> {
    let validity = &certificate.tbs_certificate.validity;
    let seconds = now.0 / 1_000;
    if seconds < validity.not_before.to_unix_duration().as_secs() {
        return Err(SnpRefusal::NotYetValid);
    }
    if seconds > validity.not_after.to_unix_duration().as_secs() {
        return Err(SnpRefusal::Expired);
    }
    Ok(())
}

/// The first element of a signed structure, header and all: what its signature is over.
pub(super) fn signed_bytes(der: &[u8]) -> x509_cert::der::Result<&[u8]> {
    let mut outer = SliceReader::new(der)?;
    let inner = outer.sequence(|reader| {
        let bytes = reader.tlv_bytes()?;
        reader.read_slice(reader.remaining_len())?;
        Ok(bytes)
    })?;
    outer.finish(inner)
}

/// RSASSA-PSS with SHA-384, MGF1 of the same and 48 bytes of salt (RFC 8017, section 8.1), which
/// is all that AMD's authorities use, whatever else a certificate names.
pub(super) fn rsa_pss(
    issuer: &x509_cert::Certificate,
    message: &[u8],
    signature: &[u8],
) -> Result<(), ()> {
    use x509_cert::der::referenced::OwnedToRef;

    let spki = issuer.tbs_certificate.subject_public_key_info.owned_to_ref();
    let key = rsa::RsaPublicKey::try_from(spki).map_err(|_| ())?;
    let signature = rsa::pss::Signature::try_from(signature).map_err(|_| ())?;
    let key = rsa::pss::VerifyingKey::<sha2::Sha384>::new(key);
    key.verify(message, &signature).map_err(|_| ())
}

/// Is this its one common name?
fn is_named(name: &Name, common: &str) -> bool {
    let attributes = name.0.iter().flat_map(|relative| relative.0.iter());
    let mut names = attributes.filter(|attribute| attribute.oid == COMMON_NAME);
    let first = names.next().map(|attribute| attribute.value.value());
    first == Some(common.as_bytes()) && names.next().is_none()
}

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
