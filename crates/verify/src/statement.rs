//! What a predicate says, as linear forms over the growth of counters.
//!
//! A form is L = b + Σ aᵢ·dᵢ, with dᵢ the growth of counter i over the range. The bounds of L
//! and the width of its range proof come from the schema's declared maxima alone: a width chosen
//! from the value would tell something of the value, and one chosen by the prover would let L
//! wrap around the group order.

use std::collections::BTreeMap;

use curve25519_dalek::{RistrettoPoint, Scalar, traits::VartimeMultiscalarMul};
use messages::claim::Predicate;
use messages::counter::{CounterIndex, MAX_COUNTERS, Schema};

use crate::codes::StatementError;

/// The linear forms of one predicate under one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    forms: Vec<Form>,
    counters: Vec<CounterIndex>,
    width: Option<Width>,
}

/// One linear form and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// What is said.
    pub relation: Relation,
    /// Coefficients, by increasing counter; none is zero.
    pub coefficients: BTreeMap<CounterIndex, i64>,
    /// The constant b.
    pub constant: i128,
}

/// What is said of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// L ≥ 0.
    NonNegative,
    /// L = 0.
    Zero,
}

/// Bit width of a range proof.
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
}

impl Statement {
    /// Reads `predicate` under `schema`.
    ///
    /// # Errors
    /// [`StatementError`] for whatever is not a meaningful linear statement: unknown counters,
    /// terms that cancel, a ratio of nothing, an edge that is no bucket's, bounds that can never
    /// hold or do not fit.
    pub fn new(predicate: &Predicate, schema: &Schema) -> Result<Self, StatementError> {
        check_schema(schema)?;
        let forms = forms(predicate, schema)?;
        let mut width = None;
        for form in &forms {
            let (lowest, highest) = form.bounds(schema)?;
            match form.relation {
                Relation::NonNegative if highest < 0 => return Err(StatementError::NeverTrue),
                Relation::Zero if lowest > 0 || highest < 0 => {
                    return Err(StatementError::NeverTrue);
                }
                Relation::NonNegative => width = width.max(Some(Width::holding(highest))),
                Relation::Zero => {}
            }
        }
        let mut counters: Vec<_> =
            forms.iter().flat_map(|f| f.coefficients.keys().copied()).collect();
        counters.sort_unstable();
        counters.dedup();
        Ok(Self { forms, counters, width })
    }

    /// The counters that the statement uses, increasing.
    #[must_use]
    pub fn counters(&self) -> &[CounterIndex] {
        &self.counters
    }

    /// The forms that are zero, in order.
    pub fn equalities(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter().filter(|f| f.relation == Relation::Zero)
    }

    /// The forms that are not negative, in order.
    pub fn inequalities(&self) -> impl Iterator<Item = &Form> {
        self.forms.iter().filter(|f| f.relation == Relation::NonNegative)
    }

    /// The width of the range proof; none when there is no inequality.
    #[must_use]
    pub fn width(&self) -> Option<Width> {
        self.width
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
    pub fn bounds(&self, schema: &Schema) -> Result<(i128, i128), StatementError> {
        if self.coefficients.is_empty() {
            return Err(StatementError::NoCounters);
        }
        let (mut lowest, mut highest) = (self.constant, self.constant);
        for (counter, coefficient) in &self.coefficients {
            let counter = schema
                .counters
                .get(usize::from(counter.0))
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
    pub fn evaluate(&self, growth: impl Fn(CounterIndex) -> Option<u64>) -> Option<i128> {
        self.coefficients.iter().try_fold(self.constant, |sum, (counter, coefficient)| {
            let term = i128::from(*coefficient).checked_mul(i128::from(growth(*counter)?))?;
            sum.checked_add(term)
        })
    }

    /// V = b·G + Σ aᵢ·(S′ᵢ − Sᵢ); none when a commitment is missing.
    #[must_use]
    pub fn point(&self, growth: &BTreeMap<CounterIndex, RistrettoPoint>) -> Option<RistrettoPoint> {
        let generator = curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
        let scalars = self.coefficients.values().map(|a| scalar(i128::from(*a)));
        let points = self.coefficients.keys().map(|counter| growth.get(counter).copied());
        RistrettoPoint::optional_multiscalar_mul(
            scalars.chain([scalar(self.constant)]),
            points.chain([Some(generator)]),
        )
    }
}

/// The scalar of a signed number.
#[must_use]
pub fn scalar(value: i128) -> Scalar {
    let magnitude = Scalar::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

fn check_schema(schema: &Schema) -> Result<(), StatementError> {
    if schema.counters.len() > MAX_COUNTERS {
        return Err(StatementError::SchemaTooLong);
    }
    let mut names: Vec<&str> = schema.counters.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    if names.len() == count { Ok(()) } else { Err(StatementError::CounterNameRepeated) }
}

fn forms(predicate: &Predicate, schema: &Schema) -> Result<Vec<Form>, StatementError> {
    use Relation::{NonNegative, Zero};
    Ok(match predicate {
        Predicate::AtMost { counter, bound } => {
            let counter = find(schema, counter)?;
            vec![form(NonNegative, [(counter, -1)], i128::from(*bound))?]
        }
        Predicate::AtLeast { counter, bound } => vec![at_least(find(schema, counter)?, *bound)?],
        Predicate::Between { counter, lower, upper } => {
            if lower > upper {
                return Err(StatementError::EmptyInterval);
            }
            let counter = find(schema, counter)?;
            vec![
                at_least(counter, *lower)?,
                form(NonNegative, [(counter, -1)], i128::from(*upper))?,
            ]
        }
        Predicate::RatioAtLeast { part, whole, numerator, denominator, min_whole } => {
            if *denominator == 0 || *numerator == 0 || numerator > denominator {
                return Err(StatementError::RatioNotAFraction);
            }
            if *min_whole == 0 {
                return Err(StatementError::RatioWithoutMinimum);
            }
            let (part, whole) = (find(schema, part)?, find(schema, whole)?);
            let terms =
                [(part, i64::from(*denominator)), (whole, i64::from(*numerator).saturating_neg())];
            vec![form(NonNegative, terms, 0)?, at_least(whole, *min_whole)?]
        }
        Predicate::PercentileAtMost { histogram, percent, edge, min_whole } => {
            percentile(schema, histogram, (*percent, *edge), *min_whole)?
        }
        Predicate::None { counter } => vec![form(Zero, [(find(schema, counter)?, 1)], 0)?],
        Predicate::Equal { left, right } => {
            if left.is_empty() || right.is_empty() {
                return Err(StatementError::NoCounters);
            }
            let side = |names: &[String], sign| -> Result<Vec<_>, StatementError> {
                names.iter().map(|name| Ok((find(schema, name)?, sign))).collect()
            };
            let terms = [side(left, 1)?, side(right, -1)?].concat();
            vec![form(Zero, terms, 0)?]
        }
    })
}

/// p % of all values lie in buckets up to the edge: 100·Σ(buckets ≤ edge) − p·Σ(all) ≥ 0.
fn percentile(
    schema: &Schema,
    histogram: &str,
    (percent, edge): (u32, u64),
    min_whole: u64,
) -> Result<Vec<Form>, StatementError> {
    if !(1..=99).contains(&percent) {
        return Err(StatementError::PercentOutOfRange);
    }
    if min_whole == 0 {
        return Err(StatementError::RatioWithoutMinimum);
    }
    let mut edges = Vec::new();
    let (mut share, mut whole) = (Vec::new(), Vec::new());
    for (index, counter) in (0u16..).zip(&schema.counters) {
        let Some(bucket) = counter.bucket.as_ref().filter(|b| b.histogram == histogram) else {
            continue;
        };
        if edges.contains(&bucket.edge) {
            return Err(StatementError::BucketRepeated);
        }
        edges.push(bucket.edge);
        let below = bucket.edge.is_some_and(|upper| upper <= edge);
        let counted = if below { 100 } else { 0 };
        share.push((CounterIndex(index), i64::from(counted).saturating_sub(i64::from(percent))));
        whole.push((CounterIndex(index), 1));
    }
    if edges.is_empty() {
        return Err(StatementError::UnknownHistogram);
    }
    if !edges.contains(&None) {
        return Err(StatementError::NoOverflowBucket);
    }
    if !edges.contains(&Some(edge)) {
        return Err(StatementError::NotABucketEdge);
    }
    let minimum = i128::from(min_whole).saturating_neg();
    Ok(vec![form(Relation::NonNegative, share, 0)?, form(Relation::NonNegative, whole, minimum)?])
}

fn at_least(counter: CounterIndex, bound: u64) -> Result<Form, StatementError> {
    form(Relation::NonNegative, [(counter, 1)], i128::from(bound).saturating_neg())
}

fn form(
    relation: Relation,
    terms: impl IntoIterator<Item = (CounterIndex, i64)>,
    constant: i128,
) -> Result<Form, StatementError> {
    let mut coefficients = BTreeMap::new();
    for (counter, coefficient) in terms {
        // A counter named twice could cancel to nothing: every counter has one place.
        if coefficients.insert(counter, coefficient).is_some() {
            return Err(StatementError::CounterTwice);
        }
    }
    Ok(Form { relation, coefficients, constant })
}

fn find(schema: &Schema, name: &str) -> Result<CounterIndex, StatementError> {
    schema.find(name).map(|(index, _)| index).ok_or(StatementError::UnknownCounter)
}

#[cfg(test)]
mod tests;
