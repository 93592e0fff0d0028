//! The rule table of a pact as a circuit looks it up, and its hash.

use ark_bn254::Fr;
use messages::counter::DEFAULT_MAX;
use messages::domain;
use messages::segment::{CALLS, CallRule, RuleTable, SUMS};

use crate::digest::chain;
use crate::entry::{CALL, SUM};
use crate::r1cs::Plain;

/// Two rows for each call, permitted and approved, and the limit of every call and sum.
#[derive(Clone)]
pub struct Rules {
    rows: Vec<u128>,
    limits: Vec<u64>,
    /// By call: its sum from 1, or 0, and its two ceilings.
    calls: Vec<(u64, [u64; 2])>,
}

/// Width of the two places of a row's kind: 1 permitted, 2 approved.
const KIND_BITS: usize = 2;
/// Where the ceiling lies in a row.
pub(crate) const CEILING_AT: usize = CALL.1 + KIND_BITS + SUM.1;
/// Where the kind lies in a row.
pub(crate) const KIND_AT: usize = CALL.1;
/// Where the sum lies in a row.
pub(crate) const SUM_AT: usize = CALL.1 + KIND_BITS;
/// A row of this size or more is like no entry. Those that are missing differ from each other, so
/// that what is counted under one cannot be taken from another.
const MISSING: u128 = 1 << 64;

impl Rules {
    /// The rows of a table. What is beyond its bounds is left out and may not run.
    #[must_use]
    pub fn new(table: &RuleTable) -> Self {
        let mut rows = Vec::new();
        let mut calls = Vec::new();
        for at in 0..CALLS {
            let fits = |rule: &&CallRule| rule.sum.is_none_or(|sum| usize::from(sum) < SUMS);
            let rule = table.calls.get(at).filter(fits);
            let sum = rule.and_then(|rule| rule.sum);
            let sum = sum.map_or(0, |sum| u64::from(sum).saturating_add(1));
            let ceilings = rule.map_or([None, None], |rule| [rule.permitted, rule.approved]);
            let ceilings = ceilings.map(|ceiling| ceiling.map(|most| most.min(DEFAULT_MAX)));
            for (kind, ceiling) in (1u128..).zip(ceilings) {
                let number = (at as u128).saturating_add(1);
                let row = number | kind << KIND_AT | u128::from(sum) << SUM_AT;
                let missing = MISSING.saturating_add(rows.len() as u128);
                rows.push(ceiling.map_or(missing, |c| row | u128::from(c) << CEILING_AT));
            }
            calls.push((sum, ceilings.map(Option::unwrap_or_default)));
        }
        let most = |at: usize| table.calls.get(at).map_or(DEFAULT_MAX, |call| call.most);
        let sums = (0..SUMS).map(|at| table.sums.get(at).map_or(DEFAULT_MAX, |sum| sum.most));
        let limits = (0..CALLS).map(most).chain(sums).map(|most| most.min(DEFAULT_MAX)).collect();
        Self { rows, limits, calls }
    }

    /// Its sum and its ceiling.
    pub(crate) fn of(&self, number: u16, approved: bool) -> (u64, u64) {
        let (sum, [permitted, by_approval]) =
            self.calls.get(usize::from(number)).copied().unwrap_or_default();
        (sum, if approved { by_approval } else { permitted })
    }

    /// All rows, then all limits.
    pub(crate) fn elements(&self) -> Vec<Fr> {
        let rows = self.rows.iter().map(|row| Fr::from(*row));
        rows.chain(self.limits.iter().map(|limit| Fr::from(*limit))).collect()
    }

    /// The hash that a pact's leaf carries and a proof speaks of.
    #[must_use]
    pub fn digest(&self) -> Fr {
        chain(&mut Plain, domain::SEGMENT_RULES, &self.elements())
    }
}

/// How many rows.
pub(crate) const ROWS: usize = 2 * CALLS;
/// How many limits.
pub(crate) const LIMITS: usize = CALLS + SUMS;
