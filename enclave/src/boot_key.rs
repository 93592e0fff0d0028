//! The key of one boot. It signs every receipt and every ticket, so the arithmetic is that of the
//! provider that TLS and the journal use already: half the time of the portable one, and the same
//! bytes.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use messages::domain::Domain;
use messages::signature::{PublicKey, Sign, Signature, framed};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

/// Drawn at the start, never written anywhere; erased with the process. No `Debug`.
pub(crate) struct BootKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl BootKey {
    /// Draws a key; none if the provider has no Ed25519.
    pub(crate) fn generate(rng: &mut impl CryptoRngCore) -> Option<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The key of a 32-byte seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let public = PublicKey(pair.public_key().as_ref().try_into().ok()?);
        Some(Self { pair, public })
    }

    /// The public half.
    pub(crate) const fn public(&self) -> PublicKey {
        self.public
    }
}

impl Sign for BootKey {
    fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        let signed = self.pair.sign(&framed(domain, message));
        // RFC 8032: 64 bytes. Others would hold for nobody.
        Signature(signed.as_ref().try_into().unwrap_or([0; 64]))
    }
}

#[cfg(test)]
mod tests {
    use messages::domain;
    use messages::signature::SigningKey;
    use proptest::prelude::*;

    use super::*;

    static_assertions::assert_not_impl_any!(BootKey: Clone, core::fmt::Debug);

    proptest! {
        #[test]
        fn signs_as_the_portable_key_does(seed: [u8; 32], message: Vec<u8>) {
            let (ours, portable) = (BootKey::from_seed(&seed).unwrap(), SigningKey::from_seed(&seed));
            prop_assert_eq!(ours.public(), portable.public());
            for domain in [domain::RECEIPT, domain::TICKET, domain::LEAF_SIGNATURE] {
                let signature = ours.sign(domain, &message);
                prop_assert_eq!(signature, portable.sign(domain, &message));
                prop_assert!(portable.public().verify(domain, &message, &signature).is_ok());
            }
        }
    }
}
