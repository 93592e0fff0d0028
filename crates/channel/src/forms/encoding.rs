//! Bytes inside JSON: identifiers, keys and signatures as lower-case hexadecimal digits of a fixed
//! number, machine artefacts as base64 of their only encoding. One value, one text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::custody::Share;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// `N` bytes as `2 N` lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Hex<N> {
    /// Reads exactly `2 N` lower-case digits; none for anything else.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; N];
        let lower = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (lower && hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// The digits.
    #[must_use]
    pub fn digits(&self) -> String {
        hex::encode(self.0)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.digits())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let digits = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&digits).ok_or_else(|| serde::de::Error::custom("not hexadecimal digits"))
    }
}

/// A custodian's share in 64 such digits: secret, so that it is shown nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretHex(pub Share);

impl Serialize for SecretHex {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Zeroizing::new(hex::encode(self.0.expose())))
    }
}

impl<'de> Deserialize<'de> for SecretHex {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Hex::<32>::deserialize(d).map(|digits| Self(Share::from_bytes(digits.0)))
    }
}

/// Any bytes as base64 (RFC 4648, section 4), with padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Base64 {
    /// Reads canonical base64; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok().map(Self)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not base64"))
    }
}

#[cfg(feature = "openapi")]
mod schema {
    use std::borrow::Cow;

    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
    use utoipa::{PartialSchema, ToSchema};

    use super::{Base64, Hex};

    fn text(pattern: &str, description: &str) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern))
            .description(Some(description))
            .into()
    }

    impl PartialSchema for Hex<32> {
        fn schema() -> RefOr<Schema> {
            text("^[0-9a-f]{64}$", "32 bytes in hexadecimal digits")
        }
    }

    impl ToSchema for Hex<32> {
        fn name() -> Cow<'static, str> {
            "Hex32".into()
        }
    }

    impl PartialSchema for Hex<64> {
        fn schema() -> RefOr<Schema> {
            text("^[0-9a-f]{128}$", "An Ed25519 signature in hexadecimal digits")
        }
    }

    impl ToSchema for Hex<64> {
        fn name() -> Cow<'static, str> {
            "Hex64".into()
        }
    }

    impl PartialSchema for Base64 {
        fn schema() -> RefOr<Schema> {
            text(
                "^([0-9A-Za-z+/]{4})*([0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$",
                "Bytes in base64 (RFC 4648, section 4)",
            )
        }
    }

    impl ToSchema for Base64 {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_has_one_text() {
        let digits = "00ff".repeat(16);
        assert_eq!(Hex::<32>::parse(&digits).unwrap().digits(), digits);
        assert_eq!(Hex::<32>::parse(&digits.to_uppercase()), None);
        assert_eq!(Hex::<32>::parse(&digits.repeat(2)), None);
        assert_eq!(Base64::parse("AA==").unwrap().text(), "AA==");
        for other in ["AA", "AB==", "AA==\n", "A-=="] {
            assert_eq!(Base64::parse(other), None, "{other}");
        }
    }
}
