//! Identifiers: 32-byte digests and keys, each its own type.

use core::fmt;

macro_rules! digest {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Reads `sha256:` and 64 lower-case hexadecimal digits.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let digits = text.strip_prefix("sha256:")?;
                if digits.bytes().any(|b| b.is_ascii_uppercase()) {
                    return None;
                }
                let mut bytes = [0; 32];
                hex::decode_to_slice(digits, &mut bytes).ok()?;
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("sha256:")?;
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                self.0.iter().take(4).try_for_each(|b| write!(f, "{b:02x}"))?;
                f.write_str(")")
            }
        }

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
                let bytes = d.bytes()?.try_into().map_err(|_| {
                    minicbor::decode::Error::message("expected 32 bytes")
                })?;
                Ok(Self(bytes))
            }
        }
    )*};
}

digest! {
    /// Salted digest of a leaf's body: all that a stranger sees of it.
    BodyDigest
    /// Identity of one boot of a monitor, fresh random bytes.
    BootId
    /// Digest of a circuit's verifying key and of how it was made.
    CircuitKeyDigest
    /// Compressed Ristretto255 point.
    Commitment
    /// Digest of the measured configuration.
    ConfigDigest
    /// Hash of one event, which the next one of the same reporter names.
    EventHash
    /// Identity of evidence: a digest of its signed part.
    EvidenceId
    /// Element of the scalar field of BN254: below its modulus, big-endian.
    FieldElement
    /// RFC 6962 hash of a log leaf.
    LeafHash
    /// Tagged SHA-256 of a pact's canonical bytes.
    PactHash
    /// Digest of what a verifier accepts of confidential VMs.
    PolicyDigest
    /// Identity of a canonical claim.
    ProgramId
    /// Identity of a canonical private query.
    QueryId
    /// Root of a Merkle tree.
    Root
    /// Random bytes that keep a digest from being guessed.
    Salt
    /// Hash of an ordered list of counters.
    SchemaHash
    /// Identity of one session.
    SessionId
    /// Identity of one tally: (root pact, party).
    TallyId
}
