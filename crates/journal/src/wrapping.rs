//! A key of 32 bytes that wraps others.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use messages::domain::Domain;
use zeroize::Zeroizing;

use crate::sealing::{SealError, SealingKey};

/// Wraps keys with AES-256-GCM under a key that its owner derived or drew. No `Debug`, no `Clone`.
///
/// A wrapped key is: identity of the wrapping key, nonce, ciphertext and tag. Nonces are drawn, so
/// that one key may wrap some 2³² others (NIST SP 800-38D, section 8.3).
pub struct WrappingKey {
    key: LessSafeKey,
    id: [u8; ID],
}

impl WrappingKey {
    /// The key of 32 bytes; its identity is their digest under `domain`.
    ///
    /// # Errors
    /// [`SealError::Unavailable`] where the provider has no AES-256-GCM.
    pub fn new(bytes: &[u8; 32], domain: Domain) -> Result<Self, SealError> {
        let digest = domain.hash(&[bytes.as_slice()]);
        let id = digest.first_chunk().copied().unwrap_or_default();
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| SealError::Unavailable)?;
        Ok(Self { key: LessSafeKey::new(key), id })
    }
}

impl SealingKey for WrappingKey {
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| SealError::Unavailable)?;
        let mut secret = Zeroizing::new(*key);
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                secret.as_mut_slice(),
            )
            .map_err(|_| SealError::Unavailable)?;
        Ok([&self.id[..], &nonce, secret.as_slice(), tag.as_ref()].concat())
    }

    fn unwrap(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let (id, rest) = sealed.split_first_chunk::<ID>().ok_or(SealError::Damaged)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Damaged)?;
        let (ciphertext, tag) = rest.split_first_chunk::<32>().ok_or(SealError::Damaged)?;
        if *id != self.id {
            return Err(SealError::AnotherKey);
        }
        let mut key = Zeroizing::new([0; 32]);
        self.key
            .open_separate_gather(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(context),
                ciphertext,
                tag,
                key.as_mut_slice(),
            )
            .map_err(|_| SealError::Damaged)?;
        Ok(key)
    }
}

const ID: usize = 16;
const NONCE: usize = 12;

#[cfg(test)]
mod tests {
    use messages::domain::INSECURE_SEALING;

    use super::*;

    assert_secret!(WrappingKey);

    fn key(byte: u8) -> WrappingKey {
        WrappingKey::new(&[byte; 32], INSECURE_SEALING).unwrap()
    }

    #[test]
    fn unwraps_what_the_same_key_wrapped() {
        let wrapped = key(1).wrap(b"here", &[7; 32]).unwrap();
        assert_eq!(*key(1).unwrap(b"here", &wrapped).unwrap(), [7; 32]);
        assert_ne!(key(1).wrap(b"here", &[7; 32]).unwrap(), wrapped, "a nonce is drawn");
    }

    #[test]
    fn refuses_another_key_another_context_and_every_flipped_bit() {
        let key_1 = key(1);
        let wrapped = key_1.wrap(b"here", &[7; 32]).unwrap();
        assert_eq!(key(2).unwrap(b"here", &wrapped).unwrap_err(), SealError::AnotherKey);
        assert_eq!(key_1.unwrap(b"there", &wrapped).unwrap_err(), SealError::Damaged);
        for bit in 0..wrapped.len() * 8 {
            let mut flipped = wrapped.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(key_1.unwrap(b"here", &flipped).is_err());
            assert!(key_1.unwrap(b"here", &wrapped[..bit / 8]).is_err());
        }
    }
}
