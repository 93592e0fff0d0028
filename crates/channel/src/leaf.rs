//! The leaf certificate: a short-lived, self-signed X.509 certificate (RFC 5280) whose extension
//! `id-pe-cmw` (RFC 9999) carries evidence for its key.
//!
//! Names in it mean nothing, and neither does its own signature: whoever completes the handshake
//! has shown the key, and the evidence says where that key lives.

use messages::codec::Wire;
use messages::evidence::Conceptual;
use messages::time::{Millis, UnixMillis};
use x509_cert::Certificate;
use x509_cert::der::Decode;
#[cfg(any(feature = "server", test))]
use x509_cert::der::Encode;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::time::Time;

/// `id-pe-cmw` (RFC 9999).
pub const CMW_OID: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 35];
/// Longest life of a certificate.
pub const MAX_LIFE: Millis = Millis(24 * 60 * 60 * 1000);
/// Largest certificate that is read, bytes.
pub const MAX_BYTES: usize = 60 * 1024;

const CMW: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.35");

/// What a leaf certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Leaf {
    /// First moment of validity.
    pub not_before: UnixMillis,
    /// Last moment of validity.
    pub not_after: UnixMillis,
    /// Evidence, unappraised.
    pub evidence: Conceptual,
}

impl Leaf {
    /// Reads a DER certificate of at most [`MAX_BYTES`].
    ///
    /// # Errors
    /// [`CertificateFault`] unless it is a certificate that lives at most [`MAX_LIFE`] and carries
    /// the extension exactly once, in CBOR.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        if der.len() > MAX_BYTES {
            return Err(CertificateFault::TooLarge);
        }
        let certificate =
            Certificate::from_der(der).map_err(|_| CertificateFault::Malformed)?.tbs_certificate;
        let not_before = millis(&certificate.validity.not_before);
        let not_after = millis(&certificate.validity.not_after);
        match not_after.0.checked_sub(not_before.0) {
            Some(life) if life <= MAX_LIFE.0 => {}
            _ => return Err(CertificateFault::LongLived),
        }
        let mut carried = certificate
            .extensions
            .iter()
            .flatten()
            .filter(|extension| extension.extn_id == CMW)
            .map(|extension| extension.extn_value.as_bytes());
        let value = carried.next().ok_or(CertificateFault::EvidenceMissing)?;
        if carried.next().is_some() {
            return Err(CertificateFault::EvidenceRepeated);
        }
        let evidence = decode_cmw(value).ok_or(CertificateFault::EvidenceMalformed)?;
        Ok(Self { not_before, not_after, evidence })
    }

    /// Refuses the certificate outside its validity.
    ///
    /// # Errors
    /// [`CertificateFault::NotYetValid`] or [`CertificateFault::Expired`].
    pub fn check_validity(&self, now: UnixMillis) -> Result<(), CertificateFault> {
        if now < self.not_before {
            Err(CertificateFault::NotYetValid)
        } else if now > self.not_after {
            Err(CertificateFault::Expired)
        } else {
            Ok(())
        }
    }
}

/// Why a server's certificate is refused before anything in it is appraised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// More than one certificate: the chain would mean nothing here.
    #[error("the server shows a chain, not one self-signed certificate")]
    Chain,
    /// Over [`MAX_BYTES`].
    #[error("the server's certificate is too large")]
    TooLarge,
    /// Not DER of a certificate.
    #[error("the server's certificate is malformed")]
    Malformed,
    /// Lives longer than [`MAX_LIFE`], or ends before it begins.
    #[error("the server's certificate lives longer than a day")]
    LongLived,
    /// No `id-pe-cmw` extension: not a monitor, or something between terminates TLS.
    #[error("the server's certificate carries no evidence")]
    EvidenceMissing,
    /// The extension occurs twice.
    #[error("the server's certificate carries evidence twice")]
    EvidenceRepeated,
    /// The extension holds no conceptual message in canonical CBOR.
    #[error("the evidence in the server's certificate is malformed")]
    EvidenceMalformed,
    /// Begins later.
    #[error("the server's certificate is not yet valid")]
    NotYetValid,
    /// Ended earlier.
    #[error("the server's certificate has expired")]
    Expired,
}

impl CertificateFault {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Chain => "certificate-chain",
            Self::TooLarge => "certificate-too-large",
            Self::Malformed => "certificate-malformed",
            Self::LongLived => "certificate-long-lived",
            Self::EvidenceMissing => "certificate-evidence-missing",
            Self::EvidenceRepeated => "certificate-evidence-repeated",
            Self::EvidenceMalformed => "certificate-evidence-malformed",
            Self::NotYetValid => "certificate-not-yet-valid",
            Self::Expired => "certificate-expired",
        }
    }
}

/// The extension's value: `CMW ::= CHOICE { json UTF8String, cbor OCTET STRING }`, the latter.
#[cfg(any(feature = "server", test))]
pub(crate) fn encode_cmw(evidence: &Conceptual) -> Option<Vec<u8>> {
    let record = evidence.to_cbor();
    // What our own reader would refuse is not shown.
    Conceptual::from_cbor(&record).ok()?;
    OctetStringRef::new(&record).and_then(|octets| octets.to_der()).ok()
}

fn decode_cmw(value: &[u8]) -> Option<Conceptual> {
    let octets = OctetStringRef::from_der(value).ok()?;
    Conceptual::from_cbor(octets.as_bytes()).ok()
}

fn millis(time: &Time) -> UnixMillis {
    let millis = time.to_unix_duration().as_millis();
    UnixMillis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_extensions_never_panic_and_decode_to_their_only_encoding(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            if let Some(evidence) = decode_cmw(&bytes) {
                prop_assert_eq!(encode_cmw(&evidence), Some(bytes));
            }
        }

        #[test]
        fn extensions_round_trip(
            media_type in "[a-z/+.]{0,40}",
            value in proptest::collection::vec(any::<u8>(), 0..20_000),
            indicator in any::<u8>(),
        ) {
            let evidence = Conceptual { media_type, value, indicator };
            let encoded = encode_cmw(&evidence).unwrap();
            prop_assert_eq!(decode_cmw(&encoded), Some(evidence));
        }
    }

    #[test]
    fn refuses_json_evidence_and_evidence_over_the_bound() {
        assert_eq!(decode_cmw(&[0x0c, 2, b'[', b']']), None);
        let evidence = Conceptual {
            media_type: String::new(),
            value: vec![0; Conceptual::MAX_BYTES],
            indicator: 4,
        };
        assert_eq!(encode_cmw(&evidence), None);
    }
}
