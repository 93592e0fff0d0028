//! What a key's certificate says of the machine (AMD publication 57230, table 8): extensions
//! below 1.3.6.1.4.1.3704.1.

use x509_cert::certificate::TbsCertificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::{Ia5StringRef, ObjectIdentifier};

use super::refusal::SnpRefusal;
use super::tcb::{Family, Tcb};

/// What AMD says of the machine that holds a key.
pub(super) struct Endorsed {
    pub(super) family: Family,
    pub(super) tcb: Tcb,
    /// The chip, of a VCEK: 64 bytes, of Turin 8.
    pub(super) chip: Option<Vec<u8>>,
    /// The cloud, of a VLEK.
    pub(super) csp: Option<String>,
}

impl Endorsed {
    pub(super) fn read(certificate: &TbsCertificate) -> Result<Self, SnpRefusal> {
        let product = text(certificate, PRODUCT)?.ok_or(SnpRefusal::CertificateMalformed)?;
        // A VCEK names a stepping too, as in Milan-B0.
        let name = product.split('-').next().unwrap_or_default();
        let family = Family::ALL.into_iter().find(|family| family.name() == name);
        let part = |oid| number(certificate, oid)?.ok_or(SnpRefusal::CertificateMalformed);
        Ok(Self {
            family: family.ok_or(SnpRefusal::Product)?,
            tcb: Tcb {
                fmc: number(certificate, FMC)?.unwrap_or_default(),
                bootloader: part(BOOTLOADER)?,
                tee: part(TEE)?,
                snp: part(SNP)?,
                microcode: part(MICROCODE)?,
            },
            chip: raw(certificate, HARDWARE_ID).map(<[u8]>::to_vec),
            csp: text(certificate, CSP_ID)?,
        })
    }

    /// Is it the chip of this name in a report of this family?
    pub(super) fn is_chip(&self, family: Family, name: &[u8; 64]) -> bool {
        let length = if family == Family::Turin { 8 } else { 64 };
        let Some((named, rest)) = name.split_at_checked(length) else { return false };
        self.chip.as_deref() == Some(named) && rest.iter().all(|byte| *byte == 0)
    }
}

fn raw(certificate: &TbsCertificate, oid: ObjectIdentifier) -> Option<&[u8]> {
    let mut extensions = certificate.extensions.iter().flatten();
    let extension = extensions.find(|extension| extension.extn_id == oid)?;
    Some(extension.extn_value.as_bytes())
}

fn number(certificate: &TbsCertificate, oid: ObjectIdentifier) -> Result<Option<u8>, SnpRefusal> {
    let value = raw(certificate, oid).map(u8::from_der).transpose();
    value.map_err(|_| SnpRefusal::CertificateMalformed)
}

fn text(certificate: &TbsCertificate, oid: ObjectIdentifier) -> Result<Option<String>, SnpRefusal> {
    let value = raw(certificate, oid).map(Ia5StringRef::from_der).transpose();
    let value = value.map_err(|_| SnpRefusal::CertificateMalformed)?;
    Ok(value.map(|text| text.as_str().to_owned()))
}

const PRODUCT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.2");
const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
const HARDWARE_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");
const CSP_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.5");
