//! Evidence of a confidential VM: what its hardware signed, and what must be known to check it.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use super::Conceptual;
use crate::codec::Wire;

/// Media type of evidence of a confidential VM.
pub const HARDWARE_MEDIA_TYPE: &str = "application/vnd.cloister.evidence+cbor";
/// The profile that [`Evidence`] has.
pub const PROFILE: &str = "cloister-evidence/1";
/// Bytes of an SEV-SNP attestation report (AMD publication 56860, table 23).
pub const SNP_REPORT_BYTES: usize = 0x4a0;
/// Bytes of the part of it that is signed.
pub const SNP_SIGNED_BYTES: usize = 0x2a0;

/// What a confidential VM shows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Evidence {
    /// Always [`PROFILE`].
    #[n(1)]
    pub profile: String,
    /// Which hardware.
    #[n(2)]
    pub tee: Tee,
    /// The attestation report or the quote, byte for byte as the hardware gave it.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub report: Vec<u8>,
    /// What REPORT_DATA is the hash of: encoded [`Claims`](super::Claims).
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub claims: Vec<u8>,
    /// What the hardware's maker says of the machine. Not part of the evidence's identity: others
    /// may bring newer ones.
    #[n(5)]
    pub endorsements: Option<Endorsements>,
    /// TDX: the firmware's event log (the ACPI CCEL area), whose replay is RTMR 0 to 3.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub event_log: Option<Vec<u8>>,
}

/// A confidential VM's hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Tee {
    /// AMD SEV-SNP.
    #[n(1)]
    Snp,
    /// Intel TDX.
    #[n(2)]
    Tdx,
}

impl Tee {
    /// Its code in REPORT_DATA.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Snp => 1,
            Self::Tdx => 2,
        }
    }
}

/// Certificates and lists of the hardware's maker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Endorsements {
    /// SNP: the certificate of the key that signed the report, VCEK or VLEK, DER.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub vek: Option<Vec<u8>>,
    /// SNP: the certificate of the key that signed that one, ASK or ASVK, DER. The root is the
    /// verifier's own.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub intermediate: Option<Vec<u8>>,
    /// SNP: the root's revocation list, DER.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub revoked: Option<Vec<u8>>,
    /// TDX: Intel's collateral, as the JSON object of `dcap-qvl`.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub collateral: Option<Vec<u8>>,
}

impl Evidence {
    /// The part of report or quote that the hardware signed; none of another shape.
    ///
    /// SNP: 0x000..0x2A0. TDX: header and TD report, by the version and the size in the quote.
    #[must_use]
    pub fn signed_part(&self) -> Option<&[u8]> {
        match self.tee {
            Tee::Snp if self.report.len() == SNP_REPORT_BYTES => {
                self.report.get(..SNP_SIGNED_BYTES)
            }
            Tee::Snp => None,
            Tee::Tdx => signed_quote(&self.report),
        }
    }

    /// In a message: indicator 4, evidence, or 6 with endorsements (RFC 9999).
    #[must_use]
    pub fn conceptual(&self) -> Conceptual {
        Conceptual {
            media_type: HARDWARE_MEDIA_TYPE.into(),
            value: self.to_cbor(),
            indicator: self.indicator(),
        }
    }

    /// The indicator of its message.
    #[must_use]
    pub const fn indicator(&self) -> u8 {
        if self.endorsements.is_some() { 6 } else { 4 }
    }
}

impl Wire for Evidence {
    const MAX_BYTES: usize = 52 * 1024;
}

/// Header and body of a TDX quote (Intel, TDX DCAP quoting library, appendix A.3): of version 4
/// with 584 bytes of TD report, of version 5 with as many as it says.
fn signed_quote(quote: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 48;
    const REPORT: usize = 584;
    let (version, _) = quote.split_first_chunk()?;
    let length = match u16::from_le_bytes(*version) {
        4 => HEADER.checked_add(REPORT)?,
        5 => {
            // The type of the body, 2 bytes, and its size.
            let (size, _) = quote.get(HEADER.checked_add(2)?..)?.split_first_chunk()?;
            let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
            HEADER.checked_add(6)?.checked_add(size)?
        }
        _ => return None,
    };
    quote.get(..length)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn evidence(tee: Tee, report: Vec<u8>) -> Evidence {
        let (endorsements, event_log) = (None, None);
        Evidence { profile: PROFILE.into(), tee, report, claims: vec![], endorsements, event_log }
    }

    #[test]
    fn evidence_is_what_the_hardware_signed() {
        let report: Vec<u8> = (0..SNP_REPORT_BYTES).map(|at| at.to_le_bytes()[0]).collect();
        let shown = evidence(Tee::Snp, report.clone());
        let id = shown.conceptual().evidence_id();
        assert_eq!(shown.signed_part().map(<[u8]>::len), Some(SNP_SIGNED_BYTES));

        let again = |change: &dyn Fn(&mut Evidence)| {
            let mut other = shown.clone();
            change(&mut other);
            other.conceptual().evidence_id()
        };
        // Who re-encodes the signature or brings other endorsements has the same evidence.
        assert_eq!(again(&|e| e.report[SNP_SIGNED_BYTES] ^= 1), id);
        assert_eq!(again(&|e| e.endorsements = Some(Endorsements::default())), id);
        assert_ne!(again(&|e| e.report[SNP_SIGNED_BYTES - 1] ^= 1), id);
        assert_ne!(again(&|e| e.tee = Tee::Tdx), id);
        let mut long = report;
        long.push(0);
        assert_eq!(evidence(Tee::Snp, long).signed_part(), None);
        // Of another type the whole value counts.
        let software = Conceptual { media_type: "other".into(), ..shown.conceptual() };
        assert_ne!(software.evidence_id(), id);
    }

    #[test]
    fn a_quotes_signed_part_ends_where_its_version_says() {
        let quote = |version: u16, size: u32, length: usize| {
            let mut quote = vec![0; length];
            quote[..2].copy_from_slice(&version.to_le_bytes());
            quote[50..54].copy_from_slice(&size.to_le_bytes());
            evidence(Tee::Tdx, quote).signed_part().map(<[u8]>::len)
        };
        assert_eq!(quote(4, 0, 5000), Some(632));
        assert_eq!(quote(4, 0, 631), None);
        assert_eq!(quote(5, 648, 5000), Some(702));
        assert_eq!(quote(5, 648, 701), None);
        assert_eq!(quote(5, u32::MAX, 5000), None);
        assert_eq!(quote(3, 648, 5000), None);
        assert_eq!(evidence(Tee::Tdx, vec![4]).signed_part(), None);
    }

    #[test]
    fn evidence_has_one_encoding() {
        let mut shown = evidence(Tee::Tdx, vec![1, 2]);
        shown.endorsements = Some(Endorsements { vek: Some(vec![3]), ..Endorsements::default() });
        shown.event_log = Some(vec![4]);
        assert_eq!(Evidence::from_cbor(&shown.to_cbor()), Ok(shown.clone()));
        assert_eq!((shown.indicator(), evidence(Tee::Snp, vec![]).indicator()), (6, 4));
    }
}
