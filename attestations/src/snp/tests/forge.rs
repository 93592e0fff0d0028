//! Machines that nobody has: a root, an authority and a chip of the tests' own, which make what
//! no recording shows. Production has no way to name their root.

#![expect(clippy::arithmetic_side_effects, reason = "places in a report of fixed length")]

use core::time::Duration;
use std::sync::LazyLock;

use p384::ecdsa::signature::Signer;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use rsa::pkcs8::EncodePublicKey as _;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::crl::{CertificateList, RevokedCert, TbsCertList};
use x509_cert::der::asn1::{Any, BitString, Ia5String, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::*;

/// Seconds of 2026-09-01.
pub(crate) const NOW_S: u64 = 1_788_220_800;
const YEAR_S: u64 = 365 * 86_400;

/// A report and its certificates before anything is signed: tests change what they are about.
#[derive(Clone)]
pub(crate) struct Forge {
    pub(crate) report: Vec<u8>,
    pub(crate) root: Plan,
    pub(crate) authority: Plan,
    pub(crate) vek: Plan,
    /// Serial numbers, this update and next update of a revocation list.
    pub(crate) revoked: Option<(Vec<u8>, u64, Option<u64>)>,
}

/// A certificate before it is signed.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) serial: u8,
    pub(crate) begin_s: u64,
    pub(crate) end_s: u64,
    /// Identifier, critical, value.
    pub(crate) extensions: Vec<(&'static str, bool, Vec<u8>)>,
}

impl Forge {
    /// A sound Turin machine with a report of version 5.
    pub(crate) fn turin() -> Self {
        let mut report = vec![0; 0x4a0];
        let chip = [1, 2, 3, 4, 5, 6, 7, 8];
        let tcb = [1, 2, 3, 4, 0, 0, 0, 5];
        for (at, bytes) in [
            (0x00, &5_u32.to_le_bytes()[..]),
            (0x08, &0x3_0000_u64.to_le_bytes()),
            (0x34, &1_u32.to_le_bytes()),
            (0x38, &tcb),
            (0x40, &0x25_u64.to_le_bytes()),
            (0x50, &[0xda; 64]),
            (0x90, &[0x3e; 48]),
            (0xc0, &[0xc0; 32]),
            (0x160, &[0xff; 32]),
            (0x180, &tcb),
            (0x188, &[0x1a, 0x02, 0x01]),
            (0x1a0, &chip),
            (0x1e0, &tcb),
            (0x1f0, &tcb),
            (0x1f8, &1_u64.to_le_bytes()),
            (0x200, &1_u64.to_le_bytes()),
        ] {
            report[at..at + bytes.len()].copy_from_slice(bytes);
        }
        let product = Ia5String::new("Turin").unwrap().to_der().unwrap();
        let vek = vec![
            (PRODUCT, false, product),
            (FMC, false, vec![2, 1, 1]),
            (BOOTLOADER, false, vec![2, 1, 2]),
            (TEE, false, vec![2, 1, 3]),
            (SNP, false, vec![2, 1, 4]),
            (MICROCODE, false, vec![2, 1, 5]),
            (CHIP, false, chip.to_vec()),
        ];
        Self {
            report,
            root: plan("ARK-Turin", "ARK-Turin", authority()),
            authority: plan("ARK-Turin", "SEV-Turin", authority()),
            vek: plan("SEV-Turin", "SEV-VCEK", vek),
            revoked: None,
        }
    }

    /// Writes into the report.
    pub(crate) fn set(&mut self, at: usize, bytes: &[u8]) {
        self.report[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Changes an extension of the key's certificate; an empty value takes it out.
    pub(crate) fn endorse(&mut self, oid: &'static str, value: &[u8]) {
        self.vek.extensions.retain(|(named, ..)| *named != oid);
        if !value.is_empty() {
            self.vek.extensions.push((oid, false, value.to_vec()));
        }
    }

    /// The same machine with a cloud's key.
    pub(crate) fn vlek(mut self) -> Self {
        self.set(0x48, &4_u32.to_le_bytes());
        self.set(0x1a0, &[0; 8]);
        self.authority.subject = "SEV-VLEK-Turin".into();
        self.vek.issuer = "SEV-VLEK-Turin".into();
        self.vek.subject = "SEV-VLEK".into();
        self.endorse(CHIP, &[]);
        self.endorse(CSP, &Ia5String::new("a cloud").unwrap().to_der().unwrap());
        self
    }

    /// Signs everything, and examines it under this root.
    pub(crate) fn examined(&self, change: impl FnOnce(&mut SnpPolicy)) -> Vec<Refusal> {
        let (report, endorsements, roots) = self.signed();
        let mut policy = policy();
        change(&mut policy);
        let bound = Bound { report_data: [0xda; 64], config: [0xc0; 32] };
        let asked = (&bound, &policy);
        refused(examine(&roots, &report, &endorsements, asked, UnixMillis(NOW_S * 1_000)))
    }

    /// A report, its certificates and its root.
    pub(crate) fn signed(&self) -> (Vec<u8>, Endorsements, Roots) {
        let Keys { root, authority, chip } = &*KEYS;
        let spki = |der: Vec<u8>| SubjectPublicKeyInfoOwned::from_der(&der).unwrap();
        let rsa_spki = |key: &rsa::RsaPrivateKey| {
            spki(key.to_public_key().to_public_key_der().unwrap().into_vec())
        };
        let public = chip.verifying_key().to_encoded_point(false);
        let vek_spki = SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned {
                oid: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
                parameters: Some(Any::from(ObjectIdentifier::new_unwrap("1.3.132.0.34"))),
            },
            subject_public_key: BitString::from_bytes(public.as_bytes()).unwrap(),
        };
        let certify = |plan: &Plan, spki, key| {
            let tbs = plan.tbs(spki);
            let signature = BitString::from_bytes(&rsa_sign(key, &tbs.to_der().unwrap())).unwrap();
            Certificate { tbs_certificate: tbs, signature_algorithm: pss(), signature }
        };
        let ark = certify(&self.root, rsa_spki(root), root);
        let intermediate = certify(&self.authority, rsa_spki(authority), root).to_der().unwrap();
        let vek = certify(&self.vek, vek_spki, authority).to_der().unwrap();
        let revoked = self.revoked.as_ref().map(|(serials, this, next)| {
            let entry = |serial: &u8| RevokedCert {
                serial_number: SerialNumber::new(&[*serial]).unwrap(),
                revocation_date: time(*this),
                crl_entry_extensions: None,
            };
            let list = TbsCertList {
                version: Version::V2,
                signature: pss(),
                issuer: name(&self.root.subject),
                this_update: time(*this),
                next_update: next.map(time),
                revoked_certificates: Some(serials.iter().map(entry).collect()),
                crl_extensions: None,
            };
            let signature = rsa_sign(root, &list.to_der().unwrap());
            let signature = BitString::from_bytes(&signature).unwrap();
            let list =
                CertificateList { tbs_cert_list: list, signature_algorithm: pss(), signature };
            list.to_der().unwrap()
        });
        let mut report = self.report.clone();
        let signature: p384::ecdsa::Signature = chip.sign(&report[..0x2a0]);
        for (at, scalar) in [(0x2a0, signature.r().to_bytes()), (0x2e8, signature.s().to_bytes())] {
            let little: Vec<u8> = scalar.iter().rev().copied().collect();
            report[at..at + 48].copy_from_slice(&little);
        }
        let roots = Roots { genoa: None, milan: None, turin: Some(ark) };
        let endorsements = Endorsements {
            vek: Some(vek),
            intermediate: Some(intermediate),
            revoked,
            ..Endorsements::default()
        };
        (report, endorsements, roots)
    }
}

impl Plan {
    fn tbs(&self, spki: SubjectPublicKeyInfoOwned) -> TbsCertificate {
        let extension = |(oid, critical, value): &(&str, bool, Vec<u8>)| Extension {
            extn_id: ObjectIdentifier::new(oid).unwrap(),
            critical: *critical,
            extn_value: OctetString::new(value.clone()).unwrap(),
        };
        TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[self.serial]).unwrap(),
            signature: pss(),
            issuer: name(&self.issuer),
            validity: Validity { not_before: time(self.begin_s), not_after: time(self.end_s) },
            subject: name(&self.subject),
            subject_public_key_info: spki,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions.iter().map(extension).collect()),
        }
    }
}

/// A policy that the sound machine meets.
pub(crate) fn policy() -> SnpPolicy {
    let floor = Tcb { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 5 };
    let family = crate::policy::FamilyPolicy { floor, chips: None };
    SnpPolicy {
        families: [(Family::Turin, family)].into(),
        measurements: vec![Hex([0x3e; 48])],
        report_versions: vec![3, 5],
        clouds: vec![],
        vmpl: 0,
        guest_svn: 0,
        id_keys: None,
        author_keys: None,
        smt: true,
        single_socket: false,
        rapl_off: false,
        ciphertext_hiding: false,
        page_swap_off: false,
        mitigations: 0,
        revocation: crate::policy::Revocation::default(),
    }
}

fn plan(issuer: &str, subject: &str, extensions: Vec<(&'static str, bool, Vec<u8>)>) -> Plan {
    let (begin_s, end_s) = (NOW_S - YEAR_S, NOW_S + YEAR_S);
    Plan { issuer: issuer.into(), subject: subject.into(), serial: 7, begin_s, end_s, extensions }
}

/// CA: TRUE, and keyCertSign.
fn authority() -> Vec<(&'static str, bool, Vec<u8>)> {
    vec![(CONSTRAINTS, true, vec![0x30, 3, 1, 1, 0xff]), (USAGE, true, vec![3, 2, 2, 4])]
}

fn name(common: &str) -> Name {
    format!("CN={common},O=Advanced Micro Devices").parse().unwrap()
}

fn time(seconds: u64) -> Time {
    Time::try_from(std::time::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap()
}

fn pss() -> AlgorithmIdentifierOwned {
    let oid = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
    AlgorithmIdentifierOwned { oid, parameters: None }
}

fn rsa_sign(key: &rsa::RsaPrivateKey, message: &[u8]) -> Vec<u8> {
    let key = rsa::pss::SigningKey::<sha2::Sha384>::new(key.clone());
    key.sign_with_rng(&mut ChaCha20Rng::from_seed([9; 32]), message).to_vec()
}

struct Keys {
    root: rsa::RsaPrivateKey,
    authority: rsa::RsaPrivateKey,
    chip: p384::ecdsa::SigningKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    Keys {
        root: rsa::RsaPrivateKey::new(&mut rng, 2048).unwrap(),
        authority: rsa::RsaPrivateKey::new(&mut rng, 2048).unwrap(),
        chip: p384::ecdsa::SigningKey::random(&mut rng),
    }
});

pub(crate) const CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const USAGE: &str = "2.5.29.15";
pub(crate) const PRODUCT: &str = "1.3.6.1.4.1.3704.1.2";
pub(crate) const BOOTLOADER: &str = "1.3.6.1.4.1.3704.1.3.1";
pub(crate) const TEE: &str = "1.3.6.1.4.1.3704.1.3.2";
pub(crate) const SNP: &str = "1.3.6.1.4.1.3704.1.3.3";
pub(crate) const MICROCODE: &str = "1.3.6.1.4.1.3704.1.3.8";
pub(crate) const FMC: &str = "1.3.6.1.4.1.3704.1.3.9";
pub(crate) const CHIP: &str = "1.3.6.1.4.1.3704.1.4";
pub(crate) const CSP: &str = "1.3.6.1.4.1.3704.1.5";
