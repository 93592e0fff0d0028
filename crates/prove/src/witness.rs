//! The secret side of a statement: each form's value and blinding, erased on drop.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::{RistrettoPoint, Scalar};
use tally::Openings;
use verify::generators;
use verify::statement::{Form, Place, Sign, scalar};
use zeroize::Zeroizing;

use crate::error::ProveError;

/// What opens the commitment V = L·G + ρ·H of one form.
pub(crate) struct Witness {
    value: Zeroizing<u128>,
    blinding: Zeroizing<Scalar>,
}

impl Witness {
    /// Evaluates `form` over the growth in each range, from the first to the second of its
    /// openings.
    pub(crate) fn new(form: &Form, ranges: &[[&Openings; 2]]) -> Result<Self, ProveError> {
        let growth = |place: Place| {
            let [before, after] = ranges.get(place.range)?;
            // A counter that a revision added later was zero, under no blinding.
            let old =
                if appended(place, before) { 0 } else { before.expose_value(place.counter)? };
            after.expose_value(place.counter)?.checked_sub(old)
        };
        let held = form.coefficients.keys().all(|place| held(*place, ranges));
        if !held {
            return Err(ProveError::NotHeld);
        }
        let value = Zeroizing::new(form.evaluate(growth).ok_or(ProveError::CounterFell)?);
        let holds = match form.sign {
            Sign::NonNegative => *value >= 0,
            Sign::Zero => *value == 0,
        };
        if !holds {
            return Err(ProveError::StatementFalse);
        }
        let mut blinding = Zeroizing::new(Scalar::ZERO);
        for (place, coefficient) in &form.coefficients {
            let [before, after] = ranges.get(place.range).ok_or(ProveError::NotHeld)?;
            let new = after.expose_blinding(place.counter).ok_or(ProveError::NotHeld)?;
            let difference = Zeroizing::new(match before.expose_blinding(place.counter) {
                Some(old) => new.expose() - old.expose(),
                None => *new.expose(),
            });
            *blinding += scalar(i128::from(*coefficient)) * *difference;
        }
        Ok(Self { value: Zeroizing::new(value.unsigned_abs()), blinding })
    }

    /// That two ranges count the same sessions, at their beginnings and at their ends.
    pub(crate) fn cuts(ranges: &[[&Openings; 2]]) -> Result<[Self; 2], ProveError> {
        let [[first, first_end], [second, second_end]] = ranges else {
            return Err(ProveError::NotHeld);
        };
        let same = |a: &Openings, b: &Openings| {
            let blinding = |o: &'_ Openings| o.expose_cut_blinding().map(|b| *b.expose());
            let blindings = Zeroizing::new([blinding(a), blinding(b)]);
            let [Some(of_a), Some(of_b)] = *blindings else { return Err(ProveError::NotHeld) };
            let blinding = Zeroizing::new(of_a - of_b);
            let witness = Self { value: Zeroizing::new(0), blinding };
            // Only equal sets leave a multiple of H.
            let cut = |o: &Openings| o.cut_point().ok_or(ProveError::OpeningsMismatch);
            let difference = cut(a)? - cut(b)?;
            if witness.point() == difference {
                Ok(witness)
            } else {
                Err(ProveError::StatementFalse)
            }
        };
        Ok([same(first, second)?, same(first_end, second_end)?])
    }

    /// A witness for a value of 64 bits.
    pub(crate) fn half(value: u64, blinding: Scalar) -> Self {
        Self { value: Zeroizing::new(u128::from(value)), blinding: Zeroizing::new(blinding) }
    }

    pub(crate) fn expose_value(&self) -> u128 {
        *self.value
    }

    pub(crate) fn expose_blinding(&self) -> &Scalar {
        &self.blinding
    }

    /// The commitment, in constant time.
    pub(crate) fn point(&self) -> RistrettoPoint {
        &Scalar::from(*self.value) * RISTRETTO_BASEPOINT_TABLE
            + &*self.blinding * generators::h_table()
    }
}

/// Was the counter added after this leaf?
fn appended(place: Place, before: &Openings) -> bool {
    usize::from(place.counter.0) >= before.commitments().len()
}

fn held(place: Place, ranges: &[[&Openings; 2]]) -> bool {
    ranges.get(place.range).is_some_and(|[before, after]| {
        let old = appended(place, before) || before.expose_value(place.counter).is_some();
        old && after.expose_value(place.counter).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(
        Witness: Clone, Copy, core::fmt::Debug, core::fmt::Display, PartialEq
    );
}
