//! From a predicate to its linear forms.

use std::collections::{BTreeMap, BTreeSet};

use messages::claim::{Predicate, Relation, Sum};
use messages::counter::{CounterIndex, MAX_COUNTERS, Schema};
use messages::time::Millis;

use super::{Form, Place, Sign, Stretch};
use crate::codes::StatementError;

/// Coefficients on their way to a form.
type Terms = BTreeMap<Place, i64>;

pub(super) fn of(
    predicate: &Predicate,
    ranges: &[Stretch<'_>],
) -> Result<Vec<Form>, StatementError> {
    use Sign::{NonNegative, Zero};
    check_schemas(ranges)?;
    let places = |sum: &Sum| places(sum, ranges);
    Ok(match predicate {
        Predicate::Bounded { sum, lower, upper } => {
            if lower.zip(*upper).is_some_and(|(lower, upper)| lower > upper) {
                return Err(StatementError::EmptyInterval);
            }
            let places = places(sum)?;
            let lower = lower.map(|bound| at_least(&places, i128::from(bound)));
            let upper = upper.map(|bound| at_most(&places, i128::from(bound)));
            let forms: Vec<Form> = lower.into_iter().chain(upper).collect::<Result<_, _>>()?;
            if forms.is_empty() {
                return Err(StatementError::StatesNothing);
            }
            forms
        }
        Predicate::Ratio { part, whole, relation, numerator, denominator, min_whole } => {
            if *numerator == 0 || *denominator == 0 || gcd(*numerator, *denominator) != 1 {
                return Err(StatementError::RatioNotAFraction);
            }
            if *min_whole == 0 {
                return Err(StatementError::RatioWithoutMinimum);
            }
            let (part, whole) = (places(part)?, places(whole)?);
            let signed = |n: u64| i64::try_from(n).map_err(|_| StatementError::TooWide);
            let (p, q) = (signed(*numerator)?, signed(*denominator)?);
            let (of_part, of_whole) = match relation {
                Relation::AtLeast => (q, p.saturating_neg()),
                Relation::AtMost => (q.saturating_neg(), p),
            };
            let mut terms = Terms::new();
            add(&mut terms, &part, of_part)?;
            add(&mut terms, &whole, of_whole)?;
            vec![form(NonNegative, terms, 0), at_least(&whole, i128::from(*min_whole))?]
        }
        Predicate::Percentile { histogram, percent, edge, min_whole } => {
            percentile(ranges, histogram, (*percent, *edge), *min_whole)?
        }
        Predicate::Never { sum } => vec![form(Zero, terms(&places(sum)?, 1)?, 0)],
        Predicate::Equal { left, right } => {
            let (left, right) = (places(left)?, places(right)?);
            // A counter on both sides would cancel: every counter has one place.
            if left.iter().any(|place| right.contains(place)) {
                return Err(StatementError::CounterTwice);
            }
            let mut terms = terms(&left, 1)?;
            add(&mut terms, &right, -1)?;
            vec![form(Zero, terms, 0)]
        }
        Predicate::Rate { sum, relation, count, per } => {
            let places = places(sum)?;
            let bound = |length: fn(&Stretch<'_>) -> Millis, up: bool| {
                allowed(ranges.iter().map(length), *count, *per, up)
            };
            vec![match relation {
                Relation::AtMost => at_most(&places, bound(|r| r.shortest, false)?)?,
                Relation::AtLeast => at_least(&places, bound(|r| r.longest, true)?)?,
            }]
        }
        // No linear form: segments show it, and nothing else does.
        Predicate::Obeyed => Vec::new(),
        Predicate::Agree { sum } => {
            if ranges.len() != 2 {
                return Err(StatementError::AgreeOfTwo);
            }
            let mut terms = Terms::new();
            for place in places(sum)? {
                add(&mut terms, &[place], if place.range == 0 { 1 } else { -1 })?;
            }
            vec![form(Zero, terms, 0)]
        }
    })
}

fn check_schemas(ranges: &[Stretch<'_>]) -> Result<(), StatementError> {
    for Stretch { schema, .. } in ranges {
        if schema.counters.len() > MAX_COUNTERS {
            return Err(StatementError::SchemaTooLong);
        }
        let names: BTreeSet<&str> = schema.counters.iter().map(|c| c.name.as_str()).collect();
        if names.len() != schema.counters.len() {
            return Err(StatementError::CounterNameRepeated);
        }
    }
    if ranges.is_empty() { Err(StatementError::NoCounters) } else { Ok(()) }
}

/// Every counter of a sum in every range: the same names, of the same units.
fn places(sum: &Sum, ranges: &[Stretch<'_>]) -> Result<Vec<Place>, StatementError> {
    if sum.0.is_empty() {
        return Err(StatementError::NoCounters);
    }
    if !sum.0.is_sorted_by(|a, b| a < b) {
        return Err(StatementError::SumOrder);
    }
    let mut places = Vec::new();
    let mut unit = None;
    for (range, Stretch { schema, .. }) in ranges.iter().enumerate() {
        for name in &sum.0 {
            let (counter, found) = schema.find(name).ok_or(StatementError::UnknownCounter)?;
            if *unit.get_or_insert(&found.unit) != &found.unit {
                return Err(StatementError::UnitsDiffer);
            }
            places.push(Place { range, counter });
        }
    }
    Ok(places)
}

/// p % of all values lie in buckets up to the edge: 100·Σ(buckets ≤ edge) − p·Σ(all) ≥ 0.
fn percentile(
    ranges: &[Stretch<'_>],
    histogram: &str,
    (percent, edge): (u64, u64),
    min_whole: u64,
) -> Result<Vec<Form>, StatementError> {
    let percent = i64::try_from(percent).ok().filter(|p| (1..=99).contains(p));
    let percent = percent.ok_or(StatementError::PercentOutOfRange)?;
    if min_whole == 0 {
        return Err(StatementError::RatioWithoutMinimum);
    }
    let (mut share, mut whole, mut unit) = (Terms::new(), Vec::new(), None);
    for (range, Stretch { schema, .. }) in ranges.iter().enumerate() {
        let buckets = buckets(schema, histogram)?;
        if !buckets.iter().any(|(_, upper)| *upper == Some(edge)) {
            return Err(StatementError::NotABucketEdge);
        }
        let units = buckets.iter().filter_map(|(at, _)| schema.counters.get(usize::from(at.0)));
        for counter in units {
            if *unit.get_or_insert(&counter.unit) != &counter.unit {
                return Err(StatementError::UnitsDiffer);
            }
        }
        for (counter, upper) in buckets {
            let place = Place { range, counter };
            let counted = if upper.is_some_and(|upper| upper <= edge) { 100 } else { 0 };
            share.insert(place, i64::saturating_sub(counted, percent));
            whole.push(place);
        }
    }
    Ok(vec![form(Sign::NonNegative, share, 0), at_least(&whole, i128::from(min_whole))?])
}

type Edge = Option<u64>;

fn buckets(schema: &Schema, name: &str) -> Result<Vec<(CounterIndex, Edge)>, StatementError> {
    let mut buckets: Vec<(CounterIndex, Edge)> = Vec::new();
    for (index, counter) in (0u16..).zip(&schema.counters) {
        let Some(bucket) = counter.bucket.as_ref().filter(|b| b.histogram == name) else {
            continue;
        };
        if buckets.iter().any(|(_, edge)| *edge == bucket.edge) {
            return Err(StatementError::BucketRepeated);
        }
        buckets.push((CounterIndex(index), bucket.edge));
    }
    if buckets.is_empty() {
        return Err(StatementError::UnknownHistogram);
    }
    if buckets.iter().all(|(_, edge)| edge.is_some()) {
        return Err(StatementError::NoOverflowBucket);
    }
    Ok(buckets)
}

/// `count` for every `per` of all lengths together, rounded so that the statement is no weaker.
fn allowed(
    lengths: impl Iterator<Item = Millis>,
    count: u64,
    per: Millis,
    up: bool,
) -> Result<i128, StatementError> {
    if per.0 == 0 {
        return Err(StatementError::RateOfNoTime);
    }
    let length = lengths.map(|length| u128::from(length.0)).sum::<u128>();
    let all = length.checked_mul(u128::from(count)).ok_or(StatementError::TooWide)?;
    let per = u128::from(per.0);
    let bound = if up { Some(all.div_ceil(per)) } else { all.checked_div(per) };
    bound.and_then(|bound| i128::try_from(bound).ok()).ok_or(StatementError::TooWide)
}

fn at_least(places: &[Place], bound: i128) -> Result<Form, StatementError> {
    Ok(form(Sign::NonNegative, terms(places, 1)?, bound.saturating_neg()))
}

fn at_most(places: &[Place], bound: i128) -> Result<Form, StatementError> {
    Ok(form(Sign::NonNegative, terms(places, -1)?, bound))
}

fn terms(places: &[Place], coefficient: i64) -> Result<Terms, StatementError> {
    let mut terms = Terms::new();
    add(&mut terms, places, coefficient)?;
    Ok(terms)
}

fn add(terms: &mut Terms, places: &[Place], coefficient: i64) -> Result<(), StatementError> {
    for place in places {
        let sum = terms.entry(*place).or_default();
        *sum = sum.checked_add(coefficient).ok_or(StatementError::TooWide)?;
    }
    Ok(())
}

/// What cancels is no part of a form; a form of nothing is refused with its bounds.
fn form(sign: Sign, mut coefficients: Terms, constant: i128) -> Form {
    coefficients.retain(|_, coefficient| *coefficient != 0);
    Form { sign, coefficients, constant }
}

fn gcd(a: u64, b: u64) -> u64 {
    match a.checked_rem(b) {
        Some(rest) => gcd(b, rest),
        None => a,
    }
}
