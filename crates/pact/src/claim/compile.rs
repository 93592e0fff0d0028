//! From a statement to a predicate under a pact's counters.

use messages::claim::{Predicate, Relation, Sum};
use messages::counter::{Counter, Schema};
use rust_decimal::Decimal;

use super::syntax::{Comparison, Names, Number, Quantity, Statement, millis, whole};
use super::{ClaimError, Vocabulary};
use crate::compile::{Counted, LimitRule, scale_of};
use crate::document::scalar::Exact;
use crate::document::terms::Per;

/// Counters that are added, and the unit that they share.
struct Added {
    sum: Sum,
    unit: String,
}

/// A number of a unit in which counters count.
struct Scaled(u64);

pub(super) fn predicate(
    statement: &Statement,
    words: &Vocabulary<'_>,
) -> Result<Predicate, ClaimError> {
    match statement {
        Statement::Compared { of, by, with, least } => {
            compared(of, *by, with, least.as_ref(), words)
        }
        Statement::Between { lower, of, upper } => {
            let added = sum(of, Some(upper), words)?;
            let (lower, upper) = (added.scaled(lower)?.0, added.scaled(upper)?.0);
            Ok(Predicate::between(added.sum, lower, upper))
        }
        Statement::Rate { of, by, with, per } => {
            let added = sum(of, Some(with), words)?;
            let count = added.scaled(with)?.0;
            let relation = side(*by, "a rate")?;
            Ok(Predicate::Rate { sum: added.sum, relation, count, per: *per })
        }
        Statement::Never(of) => Ok(Predicate::never(sum(of, None, words)?.sum)),
        Statement::NeverAbove { histogram, edge } => above(histogram, edge, words),
        Statement::Equal(left, right) => {
            let (left, right) = (sum(left, None, words)?, sum(right, None, words)?);
            Ok(Predicate::Equal { left: left.sum, right: right.sum })
        }
        Statement::Agree(of) => Ok(Predicate::Agree { sum: sum(of, None, words)?.sum }),
        Statement::Obeyed => Ok(Predicate::Obeyed),
        Statement::PerSession { of, by, with } => per_session(of, *by, with, words),
    }
}

fn compared(
    of: &Quantity,
    by: Comparison,
    with: &Number,
    least: Option<&Number>,
    words: &Vocabulary<'_>,
) -> Result<Predicate, ClaimError> {
    match of {
        Quantity::Sum(names) => {
            if let Some((part, whole)) = quotient_word(names) {
                let (part, whole) = (sum(&part, None, words)?, sum(&whole, None, words)?);
                return ratio(part, whole, by, with, least);
            }
            if least.is_some() {
                return Err(ClaimError::Comparison {
                    what: "a smallest whole",
                    allowed: "a share, a mean or a percentile",
                });
            }
            let added = sum(names, Some(with), words)?;
            let bound = added.scaled(with)?.0;
            bounded(added, by, bound, with)
        }
        Quantity::Quotient(part, whole) => {
            let (part, whole) = (sum(part, None, words)?, sum(whole, None, words)?);
            ratio(part, whole, by, with, least)
        }
        Quantity::Mean(names) => {
            let part = sum(names, Some(with), words)?;
            let whole = counted_by(&part.sum.0, words.schema)?;
            ratio(part, whole, by, with, least)
        }
        Quantity::Percentile(percent, name) => {
            if !matches!(by, Comparison::AtMost) {
                return Err(ClaimError::Comparison {
                    what: "a percentile",
                    allowed: "`<=` and an edge of its histogram",
                });
            }
            let histogram = histogram(name, words.schema)?;
            let (edge, _) = edge(&histogram, with, words.schema)?;
            let min_whole = smallest(least)?;
            Ok(Predicate::Percentile { histogram, percent: *percent, edge, min_whole })
        }
        Quantity::Other(function, of) => Err(ClaimError::NotLinear {
            what: format!("`{function}({of})`"),
            counter: match function.as_str() {
                "max" | "min" => format!(
                    "a histogram of it would be: then `none({of} > EDGE)` bounds every single one"
                ),
                "distinct" | "unique" => {
                    "a limit of the pact on `distinct` per session would be: then `none(breach(LIMIT))` says that it held".to_owned()
                }
                "breach" => "write `breach:LIMIT` for the breaches of one term".to_owned(),
                _ => "a counter of what you mean would be, as a limit of the pact".to_owned(),
            },
        }),
    }
}

fn bounded(
    added: Added,
    by: Comparison,
    bound: u64,
    with: &Number,
) -> Result<Predicate, ClaimError> {
    let unit = added.unit.clone();
    let beside = |bound: Option<u64>| {
        bound.ok_or_else(|| ClaimError::Unit { number: with.to_string(), unit: unit.clone() })
    };
    Ok(match by {
        Comparison::AtMost => Predicate::at_most(added.sum, bound),
        Comparison::AtLeast => Predicate::at_least(added.sum, bound),
        Comparison::Below => Predicate::at_most(added.sum, beside(bound.checked_sub(1))?),
        Comparison::Above => Predicate::at_least(added.sum, beside(bound.checked_add(1))?),
        Comparison::Equal if bound == 0 => Predicate::never(added.sum),
        Comparison::Equal => Predicate::between(added.sum, bound, bound),
    })
}

fn ratio(
    part: Added,
    whole: Added,
    by: Comparison,
    with: &Number,
    least: Option<&Number>,
) -> Result<Predicate, ClaimError> {
    let relation = side(by, "a share or a mean")?;
    let wrong = || ClaimError::Unit { number: with.to_string(), unit: part.unit.clone() };
    let value = match with.unit.as_deref() {
        Some("%") => with.value.0.checked_div(Decimal::ONE_HUNDRED).ok_or_else(wrong)?,
        None => with.value.0,
        Some(unit) => {
            // A mean of money is in its major unit; of anything else, in the counter's own.
            let money = part.unit == format!("{unit}/100");
            let factor = Decimal::from(if money { 100 } else { 1 });
            if !money && part.unit != unit {
                return Err(wrong());
            }
            with.value.0.checked_mul(factor).ok_or_else(wrong)?
        }
    };
    let (numerator, denominator) = fraction(value).ok_or_else(wrong)?;
    let min_whole = match least {
        None => 1,
        Some(least) => whole.scaled(least)?.0.max(1),
    };
    let (part, whole) = (part.sum, whole.sum);
    Ok(Predicate::Ratio { part, whole, relation, numerator, denominator, min_whole })
}

/// A bound on every session is a statement about single sessions: what is counted of them is
/// whether a limit of the pact was ever broken.
fn per_session(
    of: &Names,
    by: Comparison,
    with: &Number,
    words: &Vocabulary<'_>,
) -> Result<Predicate, ClaimError> {
    let added = sum(of, Some(with), words)?;
    let bound = added.scaled(with)?.0;
    let most = match by {
        Comparison::AtMost => Some(bound),
        Comparison::Below => bound.checked_sub(1),
        Comparison::Equal | Comparison::AtLeast | Comparison::Above => None,
    };
    let most = most.ok_or(ClaimError::Comparison {
        what: "a bound on every session",
        allowed: "`<=` or `<`",
    })?;
    let names = &added.sum.0;
    let limits = words.limits.iter().filter(|limit| {
        limit.per == Per::Session && limit.max <= most && names.len() == 1 && counts(limit, names)
    });
    // The loosest limit that suffices is met most often.
    match limits.max_by_key(|limit| limit.max) {
        Some(limit) => Ok(Predicate::never(breach(&limit.id).as_str())),
        None => Err(ClaimError::NotLinear {
            what: format!("a bound on `{}` in every session", names.join(" + ")),
            counter: format!(
                "a limit of the pact on it, per session, of at most {most} would be: its breaches are counted"
            ),
        }),
    }
}

fn counts(limit: &LimitRule, names: &[String]) -> bool {
    let counter = match &limit.counted {
        Counted::Bytes => "bytes".to_owned(),
        Counted::Calls(None) => "calls.all".to_owned(),
        Counted::Calls(Some(id)) => format!("calls:{id}"),
        Counted::Errors => "calls.error".to_owned(),
        Counted::Events => "events".to_owned(),
        Counted::Pii(kind) => format!("pii:{kind}"),
        Counted::Sum(id, arg) => format!("sum:{id}.{arg}"),
        Counted::Distinct(..) => return false,
    };
    names.contains(&counter)
}

/// The counter of the breaches of one term.
pub(crate) fn breach(term: &str) -> String {
    format!("breach:{term}")
}

/// Every word and counter of a sum. Money in `hint` says which sums `spend` means.
fn sum(names: &Names, hint: Option<&Number>, words: &Vocabulary<'_>) -> Result<Added, ClaimError> {
    let mut found: Vec<&Counter> = Vec::new();
    for name in names {
        let counters = counters(name, hint, words.schema);
        if counters.is_empty() {
            return Err(ClaimError::UnknownName { name: name.clone() });
        }
        found.extend(counters);
    }
    let unit = found.first().map(|counter| counter.unit.clone()).unwrap_or_default();
    if let Some(other) = found.iter().find(|counter| counter.unit != unit) {
        return Err(ClaimError::Unit { number: other.name.clone(), unit });
    }
    let sum = Sum::of(found.iter().map(|counter| counter.name.as_str()));
    // A counter that is added twice would stand in two places.
    match sum.0.iter().zip(sum.0.iter().skip(1)).find(|(a, b)| a == b) {
        Some((name, _)) => Err(ClaimError::NotLinear {
            what: format!("`{name}` added to itself"),
            counter: "name it once".to_owned(),
        }),
        None => Ok(Added { sum, unit }),
    }
}

fn counters<'a>(name: &str, hint: Option<&Number>, schema: &'a Schema) -> Vec<&'a Counter> {
    let named = |name: &str| schema.find(name).map(|(_, counter)| counter).into_iter().collect();
    match name {
        "breach" => named("breaches"),
        "calls" => named("calls.all"),
        "pii_records" => named("pii:any"),
        "spend" => {
            let currency = hint.and_then(|number| number.unit.as_deref());
            let money = |counter: &&Counter| {
                let unit = counter.unit.strip_suffix("/100");
                let counted = counter.name.starts_with("sum:");
                counted && unit.is_some() && (currency.is_none() || unit == currency)
            };
            schema.counters.iter().filter(money).collect()
        }
        name => named(name),
    }
}

/// Part and whole of the words that stand for a share.
fn quotient_word(names: &Names) -> Option<(Names, Names)> {
    let part = match names.as_slice() {
        [one] if one == "success_rate" => "calls.ok",
        [one] if one == "failure_rate" => "calls.error",
        _ => return None,
    };
    Some((vec![part.to_owned()], vec!["calls.ok".to_owned(), "calls.error".to_owned()]))
}

/// What a mean is divided by: the calls whose arguments were added.
fn counted_by(names: &Names, schema: &Schema) -> Result<Added, ClaimError> {
    let calls = names.iter().map(|name| {
        let call = name.strip_prefix("sum:").and_then(|rest| rest.rsplit_once('.'));
        let counter = call.and_then(|(id, _)| schema.find(&format!("calls:{id}")));
        counter.map(|(_, counter)| counter.name.clone())
    });
    match calls.collect::<Option<Vec<_>>>() {
        Some(calls) => Ok(Added { sum: Sum::of(calls), unit: "calls".to_owned() }),
        None => Err(ClaimError::NotLinear {
            what: format!("`mean({})`", names.join(" + ")),
            counter: "say per what: `COUNTER / calls.all <= NUMBER` is".to_owned(),
        }),
    }
}

fn histogram(name: &str, schema: &Schema) -> Result<String, ClaimError> {
    let name = if name == "latency" { "latency_ms" } else { name };
    let mut buckets = schema.counters.iter().filter_map(|counter| counter.bucket.as_ref());
    match buckets.find(|bucket| bucket.histogram == name) {
        Some(bucket) => Ok(bucket.histogram.clone()),
        None => Err(ClaimError::UnknownName { name: name.to_owned() }),
    }
}

/// An edge of a histogram, with the counters above it.
fn edge(histogram: &str, at: &Number, schema: &Schema) -> Result<(u64, Vec<String>), ClaimError> {
    let buckets = schema.counters.iter().filter_map(|counter| {
        let bucket = counter.bucket.as_ref().filter(|bucket| bucket.histogram == histogram)?;
        Some((bucket.edge, counter.name.clone()))
    });
    let buckets: Vec<(Option<u64>, String)> = buckets.collect();
    let value = match at.unit {
        None => whole(at.value),
        Some(_) => millis(at).map(|span| span.0),
    };
    let known = value.filter(|value| buckets.iter().any(|(edge, _)| *edge == Some(*value)));
    let Some(value) = known else {
        let edges = buckets.iter().filter_map(|(edge, _)| edge.map(|edge| edge.to_string()));
        return Err(ClaimError::Edge {
            histogram: histogram.to_owned(),
            number: at.to_string(),
            edges: edges.collect::<Vec<_>>().join(", "),
        });
    };
    let above = buckets.into_iter().filter(|(edge, _)| edge.is_none_or(|edge| edge > value));
    Ok((value, above.map(|(_, name)| name).collect()))
}

fn above(name: &str, at: &Number, words: &Vocabulary<'_>) -> Result<Predicate, ClaimError> {
    let histogram = histogram(name, words.schema)?;
    let (_, above) = edge(&histogram, at, words.schema)?;
    Ok(Predicate::never(Sum::of(above)))
}

fn smallest(least: Option<&Number>) -> Result<u64, ClaimError> {
    let Some(least) = least else { return Ok(1) };
    let number = whole(least.value).filter(|n| *n > 0 && least.unit.is_none());
    number.ok_or_else(|| ClaimError::Unit { number: least.to_string(), unit: "values".to_owned() })
}

fn side(by: Comparison, what: &'static str) -> Result<Relation, ClaimError> {
    match by {
        Comparison::AtLeast => Ok(Relation::AtLeast),
        Comparison::AtMost => Ok(Relation::AtMost),
        Comparison::Below | Comparison::Equal | Comparison::Above => {
            Err(ClaimError::Comparison { what, allowed: "`<=` or `>=`" })
        }
    }
}

/// A positive decimal in lowest terms.
pub(crate) fn fraction(value: Decimal) -> Option<(u64, u64)> {
    let value = value.normalize();
    let (numerator, denominator) =
        (u64::try_from(value.mantissa()).ok()?, 10u64.checked_pow(value.scale())?);
    let common = gcd(numerator, denominator);
    let lowest = (numerator.checked_div(common)?, denominator.checked_div(common)?);
    (numerator > 0).then_some(lowest)
}

fn gcd(a: u64, b: u64) -> u64 {
    match a.checked_rem(b) {
        Some(rest) => gcd(b, rest),
        None => a,
    }
}

impl Added {
    /// A number in the counters' unit; money is written in its major unit.
    fn scaled(&self, number: &Number) -> Result<Scaled, ClaimError> {
        let scale = scale_of(&self.unit);
        let fits = match number.unit.as_deref() {
            None => true,
            Some(unit) if scale > 0 => self.unit.strip_suffix("/100") == Some(unit),
            Some(unit) => self.unit == unit,
        };
        let value = Exact(number.value.0).minor(scale).and_then(|n| u64::try_from(n).ok());
        value
            .filter(|_| fits)
            .map(Scaled)
            .ok_or_else(|| ClaimError::Unit { number: number.to_string(), unit: self.unit.clone() })
    }
}
