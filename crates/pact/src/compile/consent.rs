//! Which claims may leave: consent entries and the predicates that they name.

use messages::claim::{ConsentEntry, Predicate, Relation, Sum};
use messages::codec::Wire;
use messages::counter::{CounterIndex, LATENCY, LATENCY_EDGES, Schema};
use messages::domain;
use messages::ids::{PactHash, Root};
use messages::merkle::CONSENT;
use rust_decimal::Decimal;

use super::CompileError;
use crate::claim::{ClaimError, Spoken, Vocabulary, breach};
use crate::document::Pact;
use crate::document::scalar::Exact;
use crate::document::terms::{ClaimOp, ClaimTerms};

/// A claim that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consented {
    /// The entry of the consent tree.
    pub entry: ConsentEntry,
    /// What it permits to state: one program, with each of the thresholds of the entry's grid.
    pub predicates: Vec<Predicate>,
}

pub(crate) fn consented(
    pact: &Pact,
    words: &Vocabulary<'_>,
    terms: &[String],
) -> Result<Vec<Consented>, CompileError> {
    let Some(disclosure) = &pact.terms().monitoring.disclosure else { return Ok(Vec::new()) };
    let secret = disclosure.consent_salt.map_or_else(|| pact.hash(), |s| PactHash(s.0));
    let mut listed = Vec::new();
    for (index, claim) in disclosure.claims.iter().enumerate() {
        if claim.terms == Some(true) {
            if claim.is_structured() || !claim.any_of.is_empty() {
                return Err(CompileError::UnsupportedClaim { index });
            }
            for term in terms {
                let id = format!("{}.{term}", claim.id.0);
                listed.push((claim, id, vec![Predicate::never(breach(term).as_str())]));
            }
        } else {
            listed.push((claim, claim.id.0.clone(), stated(claim, index, words)?));
        }
    }
    let entries = listed.into_iter().enumerate().map(|(place, (claim, id, predicates))| {
        let mut grid: Vec<Vec<u64>> = predicates.iter().map(Predicate::thresholds).collect();
        grid.sort_unstable();
        grid.dedup();
        let program = predicates.first().map(Predicate::program_id).unwrap_or_default();
        let entry = ConsentEntry {
            id,
            program,
            grid,
            audience: claim.to.iter().map(|p| p.0.clone()).collect(),
            per: claim.per.map(|period| period.0),
            salt: domain::CONSENT_SALT.hash(&[&secret.0, &(place as u64).to_be_bytes()]),
        };
        Consented { entry, predicates }
    });
    Ok(entries.collect())
}

/// What one claim of the pact permits to state.
fn stated(
    claim: &ClaimTerms,
    index: usize,
    words: &Vocabulary<'_>,
) -> Result<Vec<Predicate>, CompileError> {
    match (claim.is_structured(), claim.any_of.is_empty()) {
        (true, true) => Ok(vec![predicate(claim, index, words.schema)?]),
        (false, false) if claim.any_of.len() <= ConsentEntry::MAX_GRID => {
            let one = |text: &String| {
                let spoken = Spoken::parse(text).and_then(|spoken| match spoken.scope {
                    None => spoken.under(words),
                    Some(_) => Err(ClaimError::Range { range: "`over` in a pact".to_owned() }),
                });
                spoken.map_err(|error| CompileError::BadStatement { index, error })
            };
            let predicates = claim.any_of.iter().map(one).collect::<Result<Vec<_>, _>>()?;
            let mut programs = predicates.iter().map(Predicate::program_id);
            let first = programs.next();
            if programs.all(|program| Some(program) == first) {
                Ok(predicates)
            } else {
                Err(CompileError::ProgramsDiffer { index })
            }
        }
        _ => Err(CompileError::UnsupportedClaim { index }),
    }
}

/// The counters that each party gets openings of, initiator's first.
pub(crate) fn openings(
    pact: &Pact,
    schema: &Schema,
) -> Result<[Vec<CounterIndex>; 2], CompileError> {
    let terms = pact.terms().monitoring.disclosure.as_ref().and_then(|d| d.openings.as_ref());
    let shared = |names: &[String]| {
        if names.iter().any(|name| name == "*") {
            return Ok(schema.counters.iter().zip(0..).map(|(_, at)| CounterIndex(at)).collect());
        }
        let find = |(index, name): (usize, &String)| {
            let unknown = CompileError::UnknownCounter { kind: "opening", index };
            schema.find(name).map(|(at, _)| at).ok_or(unknown)
        };
        let mut found = names.iter().enumerate().map(find).collect::<Result<Vec<_>, _>>()?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    };
    let none = (Vec::new(), Vec::new());
    let (initiator, provider) =
        terms.map_or(none, |terms| (terms.initiator.clone(), terms.provider.clone()));
    Ok([shared(&initiator)?, shared(&provider)?])
}

pub(crate) fn root(consent: &[Consented]) -> Root {
    let entries: Vec<Vec<u8>> = consent.iter().map(|c| c.entry.to_cbor()).collect();
    CONSENT.root(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn predicate(terms: &ClaimTerms, index: usize, schema: &Schema) -> Result<Predicate, CompileError> {
    let unsupported = || CompileError::UnsupportedClaim { index };
    let (Some(counter), Some(op)) = (&terms.counter, terms.op) else { return Err(unsupported()) };
    let known = |name: &String| match schema.find(name) {
        Some((_, counter)) => Ok(counter),
        None => Err(CompileError::UnknownCounter { kind: "claim", index }),
    };
    let min_whole = terms.min_samples.unwrap_or(1).max(1);
    match (&terms.percentile, &terms.ratio_of, &terms.sum_of, terms.lower) {
        (Some(percent), None, None, None) => {
            if counter != LATENCY {
                return Err(CompileError::UnknownCounter { kind: "claim", index });
            }
            let percent = percent.minor(0).and_then(|p| u64::try_from(p).ok());
            let edge = terms.bound.and_then(|b| b.minor(0)).and_then(|b| u64::try_from(b).ok());
            let percent = percent.filter(|p| (1..=99).contains(p));
            let edge = edge.filter(|e| LATENCY_EDGES.contains(e));
            match (op, percent, edge) {
                (ClaimOp::AtMost, Some(percent), Some(edge)) => Ok(Predicate::Percentile {
                    histogram: LATENCY.to_owned(),
                    percent,
                    edge,
                    min_whole,
                }),
                (ClaimOp::AtMost, ..) => Err(CompileError::BadBound { index }),
                _ => Err(unsupported()),
            }
        }
        (None, Some(whole), None, None) => {
            known(counter)?;
            known(whole)?;
            let bound = terms.bound.ok_or(CompileError::BadBound { index })?;
            let (numerator, denominator) =
                fraction(bound).ok_or(CompileError::BadBound { index })?;
            match op {
                ClaimOp::AtLeast => Ok(Predicate::Ratio {
                    part: Sum::from(counter.as_str()),
                    whole: Sum::from(whole.as_str()),
                    relation: Relation::AtLeast,
                    numerator,
                    denominator,
                    min_whole,
                }),
                _ => Err(unsupported()),
            }
        }
        (None, None, Some(right), None) => {
            known(counter)?;
            right.iter().try_for_each(|name| known(name).map(drop))?;
            match (op, right.is_empty(), terms.bound) {
                (ClaimOp::Equal, false, None) => {
                    let (left, right) =
                        (Sum::from(counter.as_str()), Sum::of(right.iter().cloned()));
                    Ok(Predicate::Equal { left, right })
                }
                _ => Err(unsupported()),
            }
        }
        (None, None, None, lower) => {
            let scale = scale_of(&known(counter)?.unit);
            let bad = CompileError::BadBound { index };
            let bound = terms.bound.and_then(|b| b.minor(scale)).ok_or(bad)?;
            let lower = match lower {
                Some(l) => Some(l.minor(scale).ok_or(CompileError::BadBound { index })?),
                None => None,
            };
            simple((counter, op), bound, lower, index)
        }
        _ => Err(unsupported()),
    }
}

fn simple(
    (counter, op): (&str, ClaimOp),
    bound: i128,
    lower: Option<i128>,
    index: usize,
) -> Result<Predicate, CompileError> {
    let whole = |n: i128| u64::try_from(n).map_err(|_| CompileError::BadBound { index });
    match (op, lower) {
        (ClaimOp::AtMost, Some(lower)) if lower <= bound => {
            Ok(Predicate::between(counter, whole(lower)?, whole(bound)?))
        }
        (_, Some(_)) => Err(CompileError::UnsupportedClaim { index }),
        (ClaimOp::Below, None) => Ok(Predicate::at_most(counter, whole(bound.saturating_sub(1))?)),
        (ClaimOp::AtMost, None) => Ok(Predicate::at_most(counter, whole(bound)?)),
        (ClaimOp::AtLeast, None) => Ok(Predicate::at_least(counter, whole(bound)?)),
        (ClaimOp::Above, None) => Ok(Predicate::at_least(counter, whole(bound.saturating_add(1))?)),
        (ClaimOp::Equal, None) if bound == 0 => Ok(Predicate::never(counter)),
        (ClaimOp::Equal, None) => Ok(Predicate::between(counter, whole(bound)?, whole(bound)?)),
    }
}

/// `0.97` as 97/100, in lowest terms; shares between 0 and 1 only.
fn fraction(share: Exact) -> Option<(u64, u64)> {
    (share.0 <= Decimal::ONE).then(|| crate::claim::fraction(share.0))?
}

/// Decimals of a unit: `EUR/100` has two.
pub(crate) fn scale_of(unit: &str) -> u32 {
    if unit.ends_with("/100") { 2 } else { 0 }
}
