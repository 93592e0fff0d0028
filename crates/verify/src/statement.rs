//! What a predicate says, as linear forms over the growth of counters.
//!
//! A form is L = b + Σ aᵢ·dᵢ, with dᵢ the growth of one counter over one range. The bounds of L
//! and the width of its range proof come from the schemas' declared maxima alone: a width chosen
//! from the value would tell something of the value, and one chosen by the prover would let L
//! wrap around the group order.

mod forms;

use std::collections::BTreeMap;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::{RistrettoPoint, Scalar, traits::Identity};
use messages::claim::Predicate;
use messages::counter::{CounterIndex, Schema};
use messages::time::Millis;

use crate::codes::StatementError;

/// One range as a statement sees it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The ordered counters at its end.
    pub schema: &'a Schema,
    /// How long it lasts at least, by the brackets of its two leaves.
    pub shortest: Millis,
    /// And at most.
    pub longest: Millis,
}

/// The linear forms of one predicate over the ranges of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    forms: Vec<Form>,
    /// One for each inequality.
    widths: Vec<Width>,
    cuts: bool,
    obeyed: bool,
}

/// One linear form and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What is said.
    pub sign: Sign,
    /// Coefficients, by increasing place; none is zero.
    pub coefficients: BTreeMap<Place, i64>,
    /// The constant b.
    pub constant: i128,
}

/// A counter of one of the ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which range, in the claim's order.
    pub range: usize,
    /// Which counter of its schema.
    pub counter: CounterIndex,
}

/// What is said of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// L ≥ 0.
    NonNegative,
    /// L = 0.
    Zero,
}

/// Bit width of the value of one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// 8 bits.
    W8,
    /// 16 bits.
    W16,
    /// 32 bits.
    W32,
    /// 64 bits.
    W64,
    /// 128 bits, as two halves of 64.
    W128,
}

impl Width {
    /// The smallest width that holds `value`; every non-negative `i128` fits the largest.
    #[must_use]
    pub fn holding(value: i128) -> Self {
        [Self::W8, Self::W16, Self::W32, Self::W64]
            .into_iter()
            .find(|w| value.checked_shr(w.bits()).is_some_and(|rest| rest == 0))
            .unwrap_or(Self::W128)
    }

    /// Bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::W8 => 8,
            Self::W16 => 16,
            Self::W32 => 32,
            Self::W64 => 64,
            Self::W128 => 128,
        }
    }

    /// Bits of each commitment that is proven: of the whole, or of a half.
    #[must_use]
    pub const fn half_bits(self) -> usize {
        match self {
            Self::W8 => 8,
            Self::W16 => 16,
            Self::W32 => 32,
            Self::W64 | Self::W128 => 64,
        }
    }
}

impl Statement {
    /// Reads `predicate` over these ranges.
    ///
    /// # Errors
    /// [`StatementError`] for whatever is not a meaningful linear statement: unknown counters,
    /// terms that cancel, a ratio of nothing, an edge that is no bucket's, bounds that can never
    /// hold or do not fit.
    pub fn new(predicate: &Predicate, ranges: &[Stretch<'_>]) -> Result<Self, StatementError> {
        let forms = forms::of(predicate, ranges)?;
        let mut widths = Vec::new();
        for form in &forms {
            let (lowest, highest) = form.bounds(ranges)?;
            match form.sign {
                Sign::NonNegative if highest < 0 => return Err(StatementError::NeverTrue),
                Sign::Zero if lowest > 0 || highest < 0 => return Err(StatementError::NeverTrue),
                Sign::NonNegative => widths.push(Width::holding(highest)),
                Sign::Zero => {}
            }
        }
        let cuts = matches!(predicate, Predicate::Agree { .. });
        Ok(Self { forms, widths, cuts, obeyed: matches!(predicate, Predicate::Obeyed) })
    }

    /// The counters that the statement uses.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.forms.iter().flat_map(|form| form.coefficients.keys().copied())
    }

    /// How many coefficients its forms have.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.forms.iter().map(|form| form.coefficients.len()).sum()
    }

    /// The forms that are zero, in order.
    pub fn equalities(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter().filter(|f| f.sign == Sign::Zero)
    }

    /// The forms that are not negative, in order, and their widths.
    pub fn inequalities(&self) -> impl Iterator<Item = (&Form, Width)> {
        let forms = self.forms.iter().filter(|f| f.sign == Sign::NonNegative);
        forms.zip(self.widths.iter().copied())
    }

    /// Is it about each event, so that segments show it and no form does?
    #[must_use]
    pub const fn is_of_each_event(&self) -> bool {
        self.obeyed
    }

    /// Does the statement also say that the first two ranges count the same sessions? Then there
    /// are two equalities more: of the sets at the beginning, and of those at the end.
    #[must_use]
    pub const fn compares_cuts(&self) -> bool {
        self.cuts
    }
}

impl Form {
    /// Smallest and largest value, given that 0 ≤ dᵢ ≤ maxᵢ.
    ///
    /// Soundness: a range proof of n bits gives L + qℓ in [0, 2ⁿ) for the group order ℓ > 2²⁵²;
    /// bounds that fit an `i128` and n ≤ 128 leave only q = 0.
    ///
    /// # Errors
    /// [`StatementError::TooWide`] when a bound does not fit, [`StatementError::UnknownCounter`]
    /// or [`StatementError::ZeroCoefficient`] for an ill-formed form.
    pub fn bounds(&self, ranges: &[Stretch<'_>]) -> Result<(i128, i128), StatementError> {
        if self.coefficients.is_empty() {
            return Err(StatementError::NoCounters);
        }
        let (mut lowest, mut highest) = (self.constant, self.constant);
        for (place, coefficient) in &self.coefficients {
            let counter = ranges
                .get(place.range)
                .and_then(|range| range.schema.counters.get(usize::from(place.counter.0)))
                .ok_or(StatementError::UnknownCounter)?;
            let reach = i128::from(*coefficient)
                .checked_mul(i128::from(counter.max))
                .ok_or(StatementError::TooWide)?;
            let side = match coefficient.signum() {
                1 => &mut highest,
                -1 => &mut lowest,
                _ => return Err(StatementError::ZeroCoefficient),
            };
            *side = side.checked_add(reach).ok_or(StatementError::TooWide)?;
        }
        Ok((lowest, highest))
    }

    /// L for the growths that `growth` gives; none when one is missing or the sum does not fit.
    pub fn evaluate(&self, growth: impl Fn(Place) -> Option<u64>) -> Option<i128> {
        self.coefficients.iter().try_fold(self.constant, |sum, (place, coefficient)| {
            let term = i128::from(*coefficient).checked_mul(i128::from(growth(*place)?))?;
            sum.checked_add(term)
        })
    }

    /// V = b·G + Σ aᵢ·(S′ᵢ − Sᵢ); none when a commitment is missing.
    #[must_use]
    pub fn point(&self, growth: &BTreeMap<Place, RistrettoPoint>) -> Option<RistrettoPoint> {
        let constant = RISTRETTO_BASEPOINT_TABLE * &scalar(self.constant);
        self.coefficients.iter().try_fold(constant, |sum, (place, coefficient)| {
            Some(sum + multiple(*coefficient, growth.get(place)?))
        })
    }
}

/// a·P by doubling and adding: coefficients have few bits. Everything here is public.
fn multiple(coefficient: i64, point: &RistrettoPoint) -> RistrettoPoint {
    let magnitude = coefficient.unsigned_abs();
    let bits = u64::BITS.saturating_sub(magnitude.leading_zeros());
    let sum = (0..bits).rev().fold(RistrettoPoint::identity(), |sum, bit| {
        let doubled = sum + sum;
        if (magnitude >> bit) & 1 == 1 { doubled + point } else { doubled }
    });
    if coefficient < 0 { -sum } else { sum }
}

/// The scalar of a signed number.
#[must_use]
pub fn scalar(value: i128) -> Scalar {
    let magnitude = Scalar::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests;
