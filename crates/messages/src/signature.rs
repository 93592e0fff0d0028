//! Ed25519 (RFC 8032) over domain-separated messages; verification is always strict.

use alloc::vec::Vec;
use core::fmt;

use ed25519_dalek::Signer;
use rand_core::CryptoRngCore;

use crate::domain::Domain;

/// Something that holds a key and signs with it, as RFC 8032 says: the same bytes for the same
/// message, whoever computes them.
pub trait Sign {
    /// Signs `message` under `domain`.
    fn sign(&self, domain: Domain, message: &[u8]) -> Signature;
}

/// A secret signing key. No `Debug`, no `Clone`; erased on drop.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Draws a key.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self::from_seed(&seed)
    }

    /// The key of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads the seed out, to store it; every read can be found by this name.
    #[must_use]
    pub fn expose_seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` under `domain`.
    #[must_use]
    pub fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        Signature(self.0.sign(&framed(domain, message)).to_bytes())
    }
}

impl Sign for SigningKey {
    fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        self.sign(domain, message)
    }
}

/// A public key: 32 bytes, checked when used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Verifies strictly: canonical encodings, no small-order keys.
    ///
    /// # Errors
    /// [`BadSignature`], which never says why.
    pub fn verify(
        &self,
        domain: Domain,
        message: &[u8],
        sig: &Signature,
    ) -> Result<(), BadSignature> {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0)
            .and_then(|key| {
                let sig = ed25519_dalek::Signature::from_bytes(&sig.0);
                key.verify_strict(&framed(domain, message), &sig)
            })
            .map_err(|_| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0))
    }
}

/// A signature: 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// The signature does not hold for this key and message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct BadSignature;

/// What is signed: the domain's name, a zero byte, the message.
#[must_use]
pub fn framed(domain: Domain, message: &[u8]) -> Vec<u8> {
    [domain.as_bytes(), &[0], message].concat()
}

macro_rules! cbor_bytes {
    ($name:ident, $len:literal) => {
        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> Result<(), minicbor::encode::Error<W::Error>> {
                e.bytes(&self.0)?.ok()
            }
        }
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                _: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                let bytes: [u8; $len] = d
                    .bytes()?
                    .try_into()
                    .map_err(|_| minicbor::decode::Error::message("wrong length"))?;
                Ok(Self(bytes))
            }
        }
    };
}
cbor_bytes!(PublicKey, 32);
cbor_bytes!(Signature, 64);
