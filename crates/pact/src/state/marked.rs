//! Pieces of results that a pact follows: keyed tokens with their marks, bounded.

use std::collections::BTreeMap;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::MAX_WORDS;

/// Marks by token.
#[derive(Default)]
pub(crate) struct Marked {
    tokens: BTreeMap<u64, u64>,
    /// Marks of what did not fit: everything may carry them.
    spilled: u64,
}

impl Marked {
    /// The marks of a piece.
    pub(crate) fn of(&self, token: u64) -> u64 {
        self.tokens.get(&token).copied().unwrap_or_default()
    }

    /// Marks that anything may carry.
    pub(crate) const fn spilled(&self) -> u64 {
        self.spilled
    }

    pub(super) fn learn(&mut self, marks: u64, tokens: &[u64]) {
        if self.tokens.len().saturating_add(tokens.len()) > MAX_WORDS {
            self.spilled |= marks;
            return;
        }
        for token in tokens {
            *self.tokens.entry(*token).or_default() |= marks;
        }
    }
}

impl<C> Encode<C> for Marked {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?;
        self.tokens.encode(e, ctx)?;
        self.spilled.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Marked {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("expected marked pieces"));
        }
        let tokens = BTreeMap::<u64, u64>::decode(d, ctx)?;
        if tokens.len() > MAX_WORDS {
            return Err(decode::Error::message("more pieces than a session remembers"));
        }
        Ok(Self { tokens, spilled: u64::decode(d, ctx)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_may_be_anywhere() {
        let mut marked = Marked::default();
        marked.learn(1, &[7]);
        marked.learn(2, &(0..=MAX_WORDS as u64).collect::<Vec<_>>());
        assert_eq!((marked.of(7), marked.of(8), marked.spilled()), (1, 0, 2));
    }
}
