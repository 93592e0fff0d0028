//! The root's revocation list (RFC 5280, section 5), which names intermediate authorities: the
//! certificates of chips have no serial numbers.

use messages::time::UnixMillis;
use x509_cert::Certificate;
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;

use super::chain::{rsa_pss, signed_bytes};
use super::refusal::SnpRefusal;
use crate::policy::Revocation;

/// Is the certificate not on the root's list? Without a list nothing is known, which a policy may
/// accept.
pub(super) fn check(
    certificate: &Certificate,
    list: Option<&[u8]>,
    (root, policy): (&Certificate, &Revocation),
    now: UnixMillis,
) -> Result<(), SnpRefusal> {
    const MOST: usize = 64 * 1024;
    let Some(bytes) = list else {
        return if policy.required { Err(SnpRefusal::RevocationMissing) } else { Ok(()) };
    };
    if bytes.len() > MOST {
        return Err(SnpRefusal::RevocationMalformed);
    }
    let malformed = |_| SnpRefusal::RevocationMalformed;
    let list = CertificateList::from_der(bytes).map_err(malformed)?;
    let signed = signed_bytes(bytes).map_err(malformed)?;
    let said = &list.tbs_cert_list;
    if said.signature != list.signature_algorithm || said.issuer != root.tbs_certificate.subject {
        return Err(SnpRefusal::RevocationSignature);
    }
    rsa_pss(root, signed, list.signature.raw_bytes())
        .map_err(|()| SnpRefusal::RevocationSignature)?;
    // A list of part of what is revoked says nothing of the rest.
    if said.crl_extensions.iter().flatten().any(|extension| extension.critical) {
        return Err(SnpRefusal::RevocationMalformed);
    }
    let seconds = now.0 / 1_000;
    let made = said.this_update.to_unix_duration().as_secs();
    let until = said.next_update.as_ref().map_or(u64::MAX, |at| at.to_unix_duration().as_secs());
    let oldest = seconds.saturating_sub(policy.max_age_s);
    if made > seconds || made < oldest || until < seconds {
        return Err(SnpRefusal::RevocationStale);
    }
    let serial = &certificate.tbs_certificate.serial_number;
    let mut revoked = said.revoked_certificates.iter().flatten();
    if revoked.any(|entry| entry.serial_number == *serial) {
        return Err(SnpRefusal::Revoked);
    }
    Ok(())
}
