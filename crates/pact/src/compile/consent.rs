//! Which claims may leave: consent entries and the predicates that they name.

use messages::claim::{ConsentEntry, Predicate};
use messages::codec::Wire;
use messages::counter::Schema;
use messages::domain;
use messages::ids::{PactHash, Root};
use messages::merkle::CONSENT;

use super::CompileError;
use super::schema::{LATENCY, LATENCY_EDGES};
use crate::document::Pact;
use crate::document::scalar::Exact;
use crate::document::terms::{ClaimOp, ClaimTerms};

/// A claim that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consented {
    /// The entry of the consent tree.
    pub entry: ConsentEntry,
    /// What it permits to state.
    pub predicate: Predicate,
}

pub(crate) fn consented(pact: &Pact, schema: &Schema) -> Result<Vec<Consented>, CompileError> {
    let Some(disclosure) = &pact.terms().monitoring.disclosure else { return Ok(Vec::new()) };
    let secret = disclosure.consent_salt.map_or_else(|| pact.hash(), |s| PactHash(s.0));
    let claims = disclosure.claims.iter().enumerate();
    claims
        .map(|(index, terms)| {
            let predicate = predicate(terms, index, schema)?;
            let place = (index as u64).to_be_bytes();
            let entry = ConsentEntry {
                id: terms.id.0.clone(),
                program: predicate.program_id(),
                audience: terms.to.iter().map(|p| p.0.clone()).collect(),
                per: terms.per.map(|s| s.0),
                salt: domain::CONSENT_SALT.hash(&[&secret.0, &place]),
            };
            Ok(Consented { entry, predicate })
        })
        .collect()
}

pub(crate) fn root(consent: &[Consented]) -> Root {
    let entries: Vec<Vec<u8>> = consent.iter().map(|c| c.entry.to_cbor()).collect();
    CONSENT.root(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn predicate(terms: &ClaimTerms, index: usize, schema: &Schema) -> Result<Predicate, CompileError> {
    let unsupported = || CompileError::UnsupportedClaim { index };
    let known = |name: &String| match schema.find(name) {
        Some((_, counter)) => Ok(counter),
        None => Err(CompileError::UnknownCounter { kind: "claim", index }),
    };
    let min_whole = terms.min_samples.unwrap_or(1).max(1);
    match (&terms.percentile, &terms.ratio_of, &terms.sum_of, terms.lower) {
        (Some(percent), None, None, None) => {
            if terms.counter != LATENCY {
                return Err(CompileError::UnknownCounter { kind: "claim", index });
            }
            let percent = percent.minor(0).and_then(|p| u32::try_from(p).ok());
            let edge = terms.bound.and_then(|b| b.minor(0)).and_then(|b| u64::try_from(b).ok());
            let percent = percent.filter(|p| (1..=99).contains(p));
            let edge = edge.filter(|e| LATENCY_EDGES.contains(e));
            match (terms.op, percent, edge) {
                (ClaimOp::AtMost, Some(percent), Some(edge)) => Ok(Predicate::PercentileAtMost {
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
            known(&terms.counter)?;
            known(whole)?;
            let bound = terms.bound.ok_or(CompileError::BadBound { index })?;
            let (numerator, denominator) =
                fraction(bound).ok_or(CompileError::BadBound { index })?;
            match terms.op {
                ClaimOp::AtLeast => Ok(Predicate::RatioAtLeast {
                    part: terms.counter.clone(),
                    whole: whole.clone(),
                    numerator,
                    denominator,
                    min_whole,
                }),
                _ => Err(unsupported()),
            }
        }
        (None, None, Some(right), None) => {
            known(&terms.counter)?;
            right.iter().try_for_each(|name| known(name).map(drop))?;
            match (terms.op, right.is_empty(), terms.bound) {
                (ClaimOp::Equal, false, None) => {
                    Ok(Predicate::Equal { left: vec![terms.counter.clone()], right: right.clone() })
                }
                _ => Err(unsupported()),
            }
        }
        (None, None, None, lower) => {
            let scale = scale_of(&known(&terms.counter)?.unit);
            let bad = CompileError::BadBound { index };
            let bound = terms.bound.and_then(|b| b.minor(scale)).ok_or(bad)?;
            let lower = match lower {
                Some(l) => Some(l.minor(scale).ok_or(CompileError::BadBound { index })?),
                None => None,
            };
            simple(terms, bound, lower, index)
        }
        _ => Err(unsupported()),
    }
}

fn simple(
    terms: &ClaimTerms,
    bound: i128,
    lower: Option<i128>,
    index: usize,
) -> Result<Predicate, CompileError> {
    let counter = terms.counter.clone();
    let whole = |n: i128| u64::try_from(n).map_err(|_| CompileError::BadBound { index });
    match (terms.op, lower) {
        (ClaimOp::AtMost, Some(lower)) if lower <= bound => {
            Ok(Predicate::Between { counter, lower: whole(lower)?, upper: whole(bound)? })
        }
        (_, Some(_)) => Err(CompileError::UnsupportedClaim { index }),
        (ClaimOp::Below, None) => {
            Ok(Predicate::AtMost { counter, bound: whole(bound.saturating_sub(1))? })
        }
        (ClaimOp::AtMost, None) => Ok(Predicate::AtMost { counter, bound: whole(bound)? }),
        (ClaimOp::AtLeast, None) => Ok(Predicate::AtLeast { counter, bound: whole(bound)? }),
        (ClaimOp::Above, None) => {
            Ok(Predicate::AtLeast { counter, bound: whole(bound.saturating_add(1))? })
        }
        (ClaimOp::Equal, None) if bound == 0 => Ok(Predicate::None { counter }),
        (ClaimOp::Equal, None) => {
            Ok(Predicate::Between { counter, lower: whole(bound)?, upper: whole(bound)? })
        }
    }
}

/// `0.97` as 97/100; shares between 0 and 1 only.
fn fraction(share: Exact) -> Option<(u32, u32)> {
    let share = share.0.normalize();
    let denominator = 10u32.checked_pow(share.scale())?;
    let numerator = u32::try_from(share.mantissa()).ok()?;
    (numerator <= denominator).then_some((numerator, denominator))
}

/// Decimals of a unit: `EUR/100` has two.
pub(crate) fn scale_of(unit: &str) -> u32 {
    if unit.ends_with("/100") { 2 } else { 0 }
}
