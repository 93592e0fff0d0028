//! Development evidence: a signature under a published key. It proves nothing about any machine,
//! says so in its first field, and imitates no hardware format.

use messages::signature::PublicKey;

/// Name of the test root.
pub const TEST_ROOT_NAME: &str = "INSECURE - NOT A TEE";

/// Public half of the test root. Its seed is published below, so everybody holds the key.
pub const TEST_ROOT: PublicKey = PublicKey([
    0x30, 0x6b, 0x59, 0x12, 0xfb, 0x74, 0x34, 0xe6, 0x0f, 0x51, 0xde, 0x69, 0xc1, 0xab, 0xec, 0x67,
    0x4f, 0x28, 0x7b, 0x4e, 0xb3, 0xff, 0x81, 0x68, 0x44, 0xe9, 0x10, 0x4a, 0x18, 0x23, 0xb2, 0x47,
]);

#[cfg(feature = "insecure-software-attester")]
pub use attester::attest;

#[cfg(feature = "insecure-software-attester")]
mod attester {
    use messages::codec::Wire;
    use messages::domain;
    use messages::evidence::{
        Claims, Conceptual, SOFTWARE_BANNER, SOFTWARE_MEDIA_TYPE, SOFTWARE_TEE, SoftwareEvidence,
    };
    use messages::signature::SigningKey;

    use crate::appraise::INDICATOR_EVIDENCE;

    /// Returns development evidence that binds `claims`. `executable_measurement` is `sw:` and
    /// the hexadecimal SHA-256 of the running executable, by its own word.
    #[must_use]
    pub fn attest(claims: &Claims, executable_measurement: &str) -> Conceptual {
        let report_data = claims.report_data(SOFTWARE_TEE);
        let signed = SoftwareEvidence::signed_bytes(executable_measurement, &report_data);
        let root = SigningKey::from_seed(TEST_ROOT_SEED);
        let evidence = SoftwareEvidence {
            banner: SOFTWARE_BANNER.into(),
            measurement: executable_measurement.into(),
            claims: claims.to_cbor(),
            signature: root.sign(domain::SOFTWARE_EVIDENCE, &signed),
        };
        Conceptual {
            media_type: SOFTWARE_MEDIA_TYPE.into(),
            value: evidence.to_cbor(),
            indicator: INDICATOR_EVIDENCE,
        }
    }

    /// Published on purpose: whoever reads this can sign as the test root.
    const TEST_ROOT_SEED: &[u8; 32] = b"INSECURE - NOT A TEE - PUBLISHED";

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_published_seed_is_the_test_roots() {
            assert_eq!(SigningKey::from_seed(TEST_ROOT_SEED).public(), crate::software::TEST_ROOT);
        }
    }
}
