//! Tokens in a row: eight bytes each, big-endian, in one byte string.
//!
//! A list keeps its order; a set has one order, so an encoding that is not ascending is no
//! encoding of it. Nothing is set aside on the word of a length: memory follows the bytes that
//! are there.

use std::collections::BTreeSet;

use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decoder, Encoder};

/// What holds tokens.
pub(crate) trait Row: Sized {
    /// How many.
    fn count(&self) -> usize;
    /// The tokens in their order.
    fn tokens(&self) -> impl Iterator<Item = u64>;
    /// The same again; none when the order is another.
    fn collect(tokens: impl Iterator<Item = u64>) -> Option<Self>;
}

impl Row for Vec<u64> {
    fn count(&self) -> usize {
        self.len()
    }

    fn tokens(&self) -> impl Iterator<Item = u64> {
        self.iter().copied()
    }

    fn collect(tokens: impl Iterator<Item = u64>) -> Option<Self> {
        Some(tokens.collect())
    }
}

impl Row for BTreeSet<u64> {
    fn count(&self) -> usize {
        self.len()
    }

    fn tokens(&self) -> impl Iterator<Item = u64> {
        self.iter().copied()
    }

    fn collect(tokens: impl Iterator<Item = u64>) -> Option<Self> {
        let mut set = Self::new();
        for token in tokens {
            if set.last().is_some_and(|last| *last >= token) {
                return None;
            }
            set.insert(token);
        }
        Some(set)
    }
}

pub(crate) fn encode<C, R: Row, W: Write>(
    row: &R,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    let mut bytes = Vec::with_capacity(row.count().saturating_mul(TOKEN_BYTES));
    row.tokens().for_each(|token| bytes.extend_from_slice(&token.to_be_bytes()));
    e.bytes(&bytes)?.ok()
}

pub(crate) fn decode<C, R: Row>(d: &mut Decoder<'_>, _: &mut C) -> Result<R, DecodeError> {
    let (tokens, rest) = d.bytes()?.as_chunks::<TOKEN_BYTES>();
    if !rest.is_empty() {
        return Err(DecodeError::message("a token is cut short"));
    }
    R::collect(tokens.iter().map(|bytes| u64::from_be_bytes(*bytes)))
        .ok_or_else(|| DecodeError::message("a set of tokens is not in order"))
}

const TOKEN_BYTES: usize = 8;
