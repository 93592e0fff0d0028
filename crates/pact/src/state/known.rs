//! What was read of one class of sources: keyed tokens, bounded.

use std::collections::BTreeSet;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::{MAX_WORDS, packed};

/// What was read of one class.
#[derive(Default)]
pub(crate) struct Known {
    /// Words in order; a zero ends each stretch.
    sequence: Vec<u64>,
    words: BTreeSet<u64>,
    /// Canonical forms, and whole fields.
    exact: BTreeSet<u64>,
}

impl Known {
    pub(crate) fn holds(&self, token: u64) -> bool {
        self.exact.contains(&token)
    }

    pub(crate) fn holds_word(&self, word: u64) -> bool {
        self.words.contains(&word)
    }

    /// Takes in all of another, as if it had been read here.
    pub(super) fn merge(&mut self, other: Self) -> bool {
        let exact: Vec<u64> = other.exact.into_iter().collect();
        let mut exact = &exact[..];
        for stretch in other.sequence.split(|word| *word == 0).filter(|s| !s.is_empty()) {
            if !self.learn(stretch, core::mem::take(&mut exact)) {
                return false;
            }
        }
        true
    }

    /// Whether `run` was read as a run of words of one stretch.
    pub(crate) fn holds_run(&self, run: &[u64]) -> bool {
        // Longer ones are sought for nothing but time.
        (1..=LONGEST_RUN).contains(&run.len())
            && run.iter().all(|w| self.words.contains(w))
            && self.sequence.windows(run.len()).any(|w| w == run)
    }

    /// Beyond the cap nothing more becomes known, so it stays unseen: this fails closed.
    /// Whether all of it became known.
    pub(super) fn learn(&mut self, words: &[u64], exact: &[u64]) -> bool {
        let size = self.sequence.len().saturating_add(words.len());
        if size > MAX_WORDS || self.exact.len().saturating_add(exact.len()) > MAX_WORDS {
            return false;
        }
        self.sequence.extend_from_slice(words);
        self.sequence.push(0);
        self.words.extend(words);
        self.exact.extend(exact);
        true
    }
}

/// Most words of a run.
const LONGEST_RUN: usize = 64;

/// The words are those of the sequence, so they are not written.
impl<C> Encode<C> for Known {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let Self { sequence, words: _, exact } = self;
        e.array(2)?;
        packed::encode(sequence, e, ctx)?;
        packed::encode(exact, e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Known {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(2) {
            return Err(decode::Error::message("expected two rows of tokens"));
        }
        let sequence: Vec<u64> = packed::decode(d, ctx)?;
        let exact: BTreeSet<u64> = packed::decode(d, ctx)?;
        // The last stretch may end one past the cap.
        if sequence.len() > MAX_WORDS.saturating_add(1) || exact.len() > MAX_WORDS {
            return Err(decode::Error::message("more tokens than a session remembers"));
        }
        let words = sequence.iter().copied().filter(|word| *word != 0).collect();
        Ok(Self { sequence, words, exact })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_cap_nothing_becomes_known() {
        let mut known = Known::default();
        assert!(known.learn(&vec![7; MAX_WORDS], &[]));
        assert!(!known.learn(&[8], &[9]));
        assert!(known.holds_run(&[7, 7]) && !known.holds_run(&[8]) && !known.holds(9));
    }

    #[test]
    fn a_run_does_not_cross_two_stretches() {
        let mut known = Known::default();
        assert!(known.learn(&[1, 2], &[]) && known.learn(&[3], &[]));
        assert!(known.holds_run(&[1, 2]) && !known.holds_run(&[2, 3]));
    }

    #[test]
    fn at_the_cap_it_is_still_written_and_read() {
        let mut known = Known::default();
        assert!(known.learn(&vec![7; MAX_WORDS], &[9]) && !known.learn(&[], &[]));
        let bytes = minicbor::to_vec(&known).unwrap();
        let again: Known = decode(&bytes).unwrap();
        assert!(again.holds_run(&[7, 7]) && again.holds(9) && !again.holds_run(&[0]));
        assert_eq!(minicbor::to_vec(&again).unwrap(), bytes);
        let more = Known { sequence: vec![7; MAX_WORDS + 2], ..Known::default() };
        let bytes = minicbor::to_vec(&more).unwrap();
        assert!(decode::<Known>(&bytes).is_err());
    }
}
