//! Running totals: they only grow, and never past what the schema declares.

use messages::counter::{CounterIndex, Schema};
use zeroize::Zeroizing;

/// The cumulative counters of one tally. Erased on drop.
pub struct Totals {
    values: Zeroizing<Vec<u64>>,
    maxima: Vec<u64>,
}

impl Totals {
    /// All zero: the opening of a tally.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let maxima: Vec<u64> = schema.counters.iter().map(|c| c.max).collect();
        Self { values: Zeroizing::new(vec![0; maxima.len()]), maxima }
    }

    /// Adds every amount, or none of them.
    ///
    /// # Errors
    /// [`TallyFull`] when a counter is unknown or would exceed its declared maximum; nothing has
    /// changed then, and the tally must stop: a counter that wrapped would be a false proof.
    pub fn add(&mut self, amounts: &[(CounterIndex, u64)]) -> Result<(), TallyFull> {
        self.values = self.sums(amounts)?;
        Ok(())
    }

    /// Would [`Totals::add`] take these amounts?
    #[must_use]
    pub fn fits(&self, amounts: &[(CounterIndex, u64)]) -> bool {
        self.sums(amounts).is_ok()
    }

    fn sums(&self, amounts: &[(CounterIndex, u64)]) -> Result<Zeroizing<Vec<u64>>, TallyFull> {
        let mut next = Zeroizing::new(self.values.to_vec());
        for &(counter, amount) in amounts {
            let full = TallyFull { counter };
            let place = usize::from(counter.0);
            let (value, max) = next.get_mut(place).zip(self.maxima.get(place)).ok_or(full)?;
            *value = value.checked_add(amount).filter(|sum| sum <= max).ok_or(full)?;
        }
        Ok(next)
    }

    /// Appends the counters that `schema` has and these totals have not, at zero: revisions of a
    /// pact only append. Returns whether `schema` continues the present counters.
    #[must_use]
    pub fn extend(&mut self, schema: &Schema) -> bool {
        let maxima: Vec<u64> = schema.counters.iter().map(|c| c.max).collect();
        if !maxima.starts_with(&self.maxima) {
            return false;
        }
        let mut values = Zeroizing::new(Vec::with_capacity(maxima.len()));
        values.extend_from_slice(&self.values);
        values.resize(maxima.len(), 0);
        self.values = values;
        self.maxima = maxima;
        true
    }

    /// A second copy of the secret, for the sealed archive.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self { values: Zeroizing::new(self.values.to_vec()), maxima: self.maxima.clone() }
    }

    /// Totals as they were stored; none when they do not fit their maxima.
    pub(crate) fn restored(values: Zeroizing<Vec<u64>>, maxima: Vec<u64>) -> Option<Self> {
        let fit = values.len() == maxima.len() && values.iter().zip(&maxima).all(|(v, m)| v <= m);
        fit.then_some(Self { values, maxima })
    }

    pub(crate) fn maxima(&self) -> &[u64] {
        &self.maxima
    }

    /// How many counters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Are there no counters at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Reads the totals out, in schema order.
    #[must_use]
    pub fn expose(&self) -> &[u64] {
        &self.values
    }
}

/// An addition does not fit: the tally stops and says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("counter {} is full or not in the schema", counter.0)]
pub struct TallyFull {
    /// The first counter that does not fit.
    pub counter: CounterIndex,
}

#[cfg(test)]
mod tests {
    use messages::counter::Counter;
    use proptest::prelude::*;

    use super::*;

    static_assertions::assert_not_impl_any!(Totals: Clone, Copy, core::fmt::Debug, PartialEq);

    fn schema(maxima: &[u64]) -> Schema {
        let counter = |(i, &max): (usize, &u64)| Counter {
            name: format!("c{i}"),
            unit: "calls".into(),
            max,
            bucket: None,
        };
        Schema { counters: maxima.iter().enumerate().map(counter).collect() }
    }

    #[test]
    fn reaches_the_maximum_and_not_beyond() {
        let mut totals = Totals::new(&schema(&[10, u64::MAX]));
        totals.add(&[(CounterIndex(0), 10), (CounterIndex(1), u64::MAX)]).unwrap();
        let full = |i| Err(TallyFull { counter: CounterIndex(i) });
        assert_eq!(totals.add(&[(CounterIndex(0), 1)]), full(0));
        assert_eq!(totals.add(&[(CounterIndex(1), 1)]), full(1), "u64 would overflow");
        assert_eq!(totals.add(&[(CounterIndex(2), 0)]), full(2), "unknown counter");
        assert_eq!(totals.expose(), [10, u64::MAX]);
    }

    #[test]
    fn adds_all_amounts_or_none() {
        let mut totals = Totals::new(&schema(&[10, 10]));
        let twice = [(CounterIndex(0), 6), (CounterIndex(1), 1), (CounterIndex(0), 6)];
        assert!(totals.add(&twice).is_err());
        assert_eq!(totals.expose(), [0, 0]);
    }

    #[test]
    fn a_revision_appends_and_never_replaces() {
        let mut totals = Totals::new(&schema(&[5]));
        totals.add(&[(CounterIndex(0), 3)]).unwrap();
        assert!(!totals.extend(&schema(&[6, 7])));
        assert!(!totals.extend(&schema(&[])));
        assert!(totals.extend(&schema(&[5, 7])));
        assert_eq!(totals.expose(), [3, 0]);
    }

    proptest! {
        #[test]
        fn totals_never_fall_and_never_pass_their_maximum(
            adds in prop::collection::vec((0u16..3, any::<u64>()), 0..40)
        ) {
            let mut totals = Totals::new(&schema(&[100, 1 << 48, u64::MAX]));
            for (counter, amount) in adds {
                let before = totals.expose().to_vec();
                let added = totals.add(&[(CounterIndex(counter), amount)]);
                let at = usize::from(counter);
                let expected = before[at].checked_add(amount);
                let fits = expected.is_some_and(|sum| sum <= [100, 1 << 48, u64::MAX][at]);
                prop_assert_eq!(added.is_ok(), fits);
                prop_assert_eq!(totals.expose()[at], if fits { expected.unwrap() } else { before[at] });
            }
        }
    }
}
