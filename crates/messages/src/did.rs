//! Decentralised identifiers (W3C DID 1.0) as far as a pact needs them, and `did:key`.

use alloc::string::{String, ToString};
use alloc::{format, vec::Vec};
use core::fmt;

use crate::signature::PublicKey;

/// A DID: `did:`, a method of lower-case letters and digits, `:`, an identifier of printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, minicbor::Encode)]
#[cbor(transparent)]
pub struct Did(#[n(0)] String);

impl Did {
    /// Longest accepted DID in bytes.
    pub const MAX_BYTES: usize = 256;

    /// Reads a DID; none when it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (method, id) = text.strip_prefix("did:")?.split_once(':')?;
        let method_ok = !method.is_empty()
            && method.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let id_ok = !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic());
        (text.len() <= Self::MAX_BYTES && method_ok && id_ok).then(|| Self(text.to_string()))
    }

    /// The `did:key` of an Ed25519 key (multicodec 0xed, base58btc).
    #[must_use]
    pub fn from_key(key: &PublicKey) -> Self {
        let bytes = [&MULTICODEC_ED25519[..], &key.0].concat();
        Self(format!("did:key:z{}", bs58::encode(bytes).into_string()))
    }

    /// The key that a `did:key` is; none for other methods.
    #[must_use]
    pub fn key(&self) -> Option<PublicKey> {
        let text = self.0.strip_prefix("did:key:z")?;
        let bytes: Vec<u8> = bs58::decode(text).into_vec().ok()?;
        let key: [u8; 32] = bytes.strip_prefix(&MULTICODEC_ED25519[..])?.try_into().ok()?;
        Some(PublicKey(key))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Did {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Did {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).ok_or_else(|| minicbor::decode::Error::message("not a DID"))
    }
}

#[cfg(feature = "json")]
impl<'de> serde::Deserialize<'de> for Did {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a DID"))
    }
}

#[cfg(feature = "json")]
impl serde::Serialize for Did {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

const MULTICODEC_ED25519: [u8; 2] = [0xed, 0x01];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn did_key_holds_its_key() {
        let key = PublicKey([7; 32]);
        let did = Did::from_key(&key);
        assert_eq!(did.key(), Some(key));
        assert!(did.as_str().starts_with("did:key:z6Mk"));
    }

    #[test]
    fn refuses_what_is_not_a_did() {
        for bad in ["", "did:", "did:key", "did:Key:x", "did:web:", "did:web:a b", "x:web:a"] {
            assert_eq!(Did::parse(bad), None, "{bad}");
        }
    }
}
