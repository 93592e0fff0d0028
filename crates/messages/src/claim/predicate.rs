//! Statements. Every one is linear in the counters, but for one about each event.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::domain;
use crate::ids::ProgramId;
use crate::time::Millis;

/// A sum of counters, by name; names strictly increase.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Sum(#[n(0)] pub Vec<String>);

impl Sum {
    /// The sum of these counters, in the one order.
    pub fn of<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut names: Vec<String> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        Self(names)
    }
}

impl From<&str> for Sum {
    fn from(name: &str) -> Self {
        Self::of([name])
    }
}

/// On which side of its threshold a quantity lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Relation {
    /// Not below.
    #[n(1)]
    AtLeast,
    /// Not above.
    #[n(2)]
    AtMost,
}

/// A behavioural statement over the growth of counters.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Predicate {
    /// `lower <= sum <= upper`, with at least one of the two.
    #[n(1)]
    Bounded {
        /// What is counted.
        #[n(0)]
        sum: Sum,
        /// Inclusive.
        #[n(1)]
        lower: Option<u64>,
        /// Inclusive.
        #[n(2)]
        upper: Option<u64>,
    },
    /// `part / whole` is at least or at most `numerator / denominator`, and `whole >= min_whole`:
    /// without the minimum, nothing out of nothing would satisfy every ratio. A mean is the ratio
    /// of a sum to a count.
    #[n(2)]
    Ratio {
        /// Above the line.
        #[n(0)]
        part: Sum,
        /// Below the line.
        #[n(1)]
        whole: Sum,
        /// Which side of the threshold.
        #[n(2)]
        relation: Relation,
        /// Threshold, above the line.
        #[n(3)]
        numerator: u64,
        /// Threshold, below the line; the fraction is in lowest terms.
        #[n(4)]
        denominator: u64,
        /// Smallest whole that makes the ratio worth stating; positive.
        #[n(5)]
        min_whole: u64,
    },
    /// At least `percent` of the histogram's values are `<= edge`, out of at least `min_whole`.
    #[n(3)]
    Percentile {
        /// Histogram name.
        #[n(0)]
        histogram: String,
        /// 1..=99.
        #[n(1)]
        percent: u64,
        /// An edge of the histogram.
        #[n(2)]
        edge: u64,
        /// Smallest number of values; positive.
        #[n(3)]
        min_whole: u64,
    },
    /// `sum = 0`.
    #[n(4)]
    Never {
        /// What is counted.
        #[n(0)]
        sum: Sum,
    },
    /// The two sums are equal.
    #[n(5)]
    Equal {
        /// Left side.
        #[n(0)]
        left: Sum,
        /// Right side.
        #[n(1)]
        right: Sum,
    },
    /// The sum grows by at least or at most `count` in every `per` of the ranges' public length,
    /// on average.
    #[n(6)]
    Rate {
        /// What is counted.
        #[n(0)]
        sum: Sum,
        /// Which side of the threshold.
        #[n(1)]
        relation: Relation,
        /// Threshold.
        #[n(2)]
        count: u64,
        /// In this time; positive.
        #[n(3)]
        per: Millis,
    },
    /// Two monitors that watched the same sessions counted the same: the sum over the first of two
    /// ranges equals that over the second.
    #[n(7)]
    Agree {
        /// What is counted.
        #[n(0)]
        sum: Sum,
    },
    /// Every event obeyed the pact's rule table: what ran was listed, within its ceilings and
    /// limits, and counted. A statement of its own, shown by segments.
    #[n(8)]
    Obeyed,
}

impl Predicate {
    /// `sum <= bound`.
    pub fn at_most(sum: impl Into<Sum>, bound: u64) -> Self {
        Self::Bounded { sum: sum.into(), lower: None, upper: Some(bound) }
    }

    /// `sum >= bound`.
    pub fn at_least(sum: impl Into<Sum>, bound: u64) -> Self {
        Self::Bounded { sum: sum.into(), lower: Some(bound), upper: None }
    }

    /// `lower <= sum <= upper`.
    pub fn between(sum: impl Into<Sum>, lower: u64, upper: u64) -> Self {
        Self::Bounded { sum: sum.into(), lower: Some(lower), upper: Some(upper) }
    }

    /// `sum = 0`.
    pub fn never(sum: impl Into<Sum>) -> Self {
        Self::Never { sum: sum.into() }
    }

    /// The thresholds, in order: what a consent entry's grid lists.
    #[must_use]
    pub fn thresholds(&self) -> Vec<u64> {
        let mut numbers = Vec::new();
        // The copy that is zeroed is thrown away.
        self.clone().each_threshold(|number| numbers.push(core::mem::take(number)));
        numbers
    }

    /// Identity of the statement without its thresholds: what a consent entry names.
    #[must_use]
    pub fn program_id(&self) -> ProgramId {
        let mut program = self.clone();
        program.each_threshold(|number| *number = 0);
        ProgramId(domain::CLAIM_PROGRAM.hash(&[&program.to_cbor()]))
    }

    fn each_threshold(&mut self, mut visit: impl FnMut(&mut u64)) {
        match self {
            Self::Bounded { sum: _, lower, upper } => {
                lower.iter_mut().chain(upper).for_each(visit);
            }
            Self::Ratio { part: _, whole: _, relation: _, numerator, denominator, min_whole } => {
                [numerator, denominator, min_whole].into_iter().for_each(visit);
            }
            Self::Percentile { histogram: _, percent, edge, min_whole } => {
                [percent, edge, min_whole].into_iter().for_each(visit);
            }
            Self::Rate { sum: _, relation: _, count, per } => {
                visit(count);
                visit(&mut per.0);
            }
            Self::Never { sum: _ }
            | Self::Equal { left: _, right: _ }
            | Self::Agree { sum: _ }
            | Self::Obeyed => {}
        }
    }
}

impl Wire for Predicate {
    const MAX_BYTES: usize = 8 * 1024;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(thresholds: [u64; 3]) -> Predicate {
        let [numerator, denominator, min_whole] = thresholds;
        let (part, whole) = ("ok".into(), Sum::of(["ok", "error"]));
        Predicate::Ratio {
            part,
            whole,
            relation: Relation::AtLeast,
            numerator,
            denominator,
            min_whole,
        }
    }

    #[test]
    fn thresholds_are_no_part_of_the_program() {
        assert_eq!(ratio([1, 2, 3]).program_id(), ratio([4, 5, 6]).program_id());
        assert_eq!(ratio([1, 2, 3]).thresholds(), [1, 2, 3]);
        let between = Predicate::between("a", 1, 2);
        assert_eq!(between.program_id(), Predicate::between("a", 7, 9).program_id());
        assert_eq!(between.thresholds(), [1, 2]);
    }

    #[test]
    fn what_is_stated_is() {
        let rate =
            |relation| Predicate::Rate { sum: "a".into(), relation, count: 1, per: Millis(2) };
        let percentile = |histogram: &str| Predicate::Percentile {
            histogram: histogram.into(),
            percent: 95,
            edge: 200,
            min_whole: 1,
        };
        let all = [
            Predicate::at_most("a", 1),
            Predicate::at_least("a", 1),
            Predicate::between("a", 1, 1),
            Predicate::at_most("b", 1),
            Predicate::at_most(Sum::of(["a", "b"]), 1),
            ratio([1, 1, 1]),
            rate(Relation::AtLeast),
            rate(Relation::AtMost),
            percentile("a"),
            percentile("b"),
            Predicate::never("a"),
            Predicate::Agree { sum: "a".into() },
            Predicate::Obeyed,
            Predicate::Equal { left: "a".into(), right: "b".into() },
            Predicate::Equal { left: "b".into(), right: "a".into() },
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(i == j, a.program_id() == b.program_id(), "{a:?} {b:?}");
            }
        }
    }
}
