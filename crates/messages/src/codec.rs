//! Deterministic CBOR (RFC 8949, section 4.2.1) with bounds.

use alloc::vec::Vec;

/// A type with exactly one byte string per value.
pub trait Wire: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Sized {
    /// Largest accepted encoding in bytes; checked before decoding.
    const MAX_BYTES: usize;

    /// Returns the only encoding of `self`.
    #[must_use]
    fn to_cbor(&self) -> Vec<u8> {
        // Writing to a Vec cannot fail and our encoders raise no error of their own; were one to,
        // the empty string is the encoding of nothing and every decoder refuses it.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// Decodes `bytes`, which must be the only encoding of the value.
    ///
    /// # Errors
    /// [`CodecError`] when too large, malformed, or any other encoding than the canonical one
    /// (unknown keys, trailing bytes, longer integers, other key order).
    fn from_cbor(bytes: &[u8]) -> Result<Self, CodecError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(CodecError::TooLarge { limit: Self::MAX_BYTES });
        }
        let value: Self = minicbor::decode(bytes).map_err(|_| CodecError::Malformed)?;
        if value.to_cbor() == bytes { Ok(value) } else { Err(CodecError::NonCanonical) }
    }
}

/// Why bytes are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not CBOR of this shape.
    #[error("the bytes are not of the expected shape")]
    Malformed,
    /// A second encoding of some value.
    #[error("the bytes are not in canonical form")]
    NonCanonical,
    /// Over the bound.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The bound, bytes.
        limit: usize,
    },
}
