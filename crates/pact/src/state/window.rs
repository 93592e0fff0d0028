//! A sliding window in whole slots.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode, decode};

use crate::compile::SLOTS;

/// What was used in each slot of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Window {
    #[n(0)]
    #[cbor(decode_with = "decode_slots")]
    slots: BTreeMap<u64, u64>,
}

impl Window {
    /// Used in the window that ends in slot `now`, the oldest slot counted in full.
    pub(crate) fn used(&self, now: u64) -> u64 {
        let from = now.saturating_sub(SLOTS);
        self.slots.range(from..).fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// Used in one slot.
    pub(crate) fn at(&self, slot: u64) -> u64 {
        self.slots.get(&slot).copied().unwrap_or_default()
    }

    pub(super) fn add(&mut self, now: u64, n: u64) {
        // A clock that goes back counts in the newest slot: no budget is minted twice.
        let newest = self.slots.last_key_value().map_or(now, |(at, _)| now.max(*at));
        self.slots = self.slots.split_off(&newest.saturating_sub(SLOTS));
        let slot = self.slots.entry(newest).or_default();
        *slot = slot.saturating_add(n);
    }
}

fn decode_slots<C>(
    d: &mut minicbor::Decoder<'_>,
    ctx: &mut C,
) -> Result<BTreeMap<u64, u64>, decode::Error> {
    let slots = BTreeMap::<u64, u64>::decode(d, ctx)?;
    let ends = slots.first_key_value().zip(slots.last_key_value());
    let wide = ends.is_some_and(|((from, _), (to, _))| to.saturating_sub(*from) > SLOTS);
    if wide { Err(decode::Error::message("more slots than a window has")) } else { Ok(slots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_its_oldest_slot_in_full() {
        let mut window = Window::default();
        window.add(100, 5);
        window.add(100 + SLOTS, 1);
        assert_eq!(window.used(100 + SLOTS), 6);
        assert_eq!(window.used(101 + SLOTS), 1);
    }

    #[test]
    fn a_clock_that_goes_back_frees_nothing() {
        let mut window = Window::default();
        window.add(100, 5);
        window.add(3, 2);
        assert_eq!(window.used(100), 7);
        assert_eq!(window.used(3), 7);
    }

    #[test]
    fn a_window_is_read_back_and_no_wider_one_is() {
        let mut window = Window::default();
        window.add(100, 5);
        window.add(100 + SLOTS, 1);
        let bytes = minicbor::to_vec(&window).unwrap();
        assert_eq!(decode::<Window>(&bytes).unwrap(), window);
        window.slots.insert(99, 1);
        assert!(decode::<Window>(&minicbor::to_vec(&window).unwrap()).is_err());
    }
}
