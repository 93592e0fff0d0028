//! The secret side of a statement: each form's value and blinding, erased on drop.

use curve25519_dalek::{RistrettoPoint, Scalar};
use messages::counter::CounterIndex;
use tally::Openings;
use verify::range;
use verify::statement::{Form, Relation, scalar};
use zeroize::Zeroizing;

use crate::error::ProveError;

/// What opens the commitment V = L·G + ρ·H of one form.
pub(crate) struct Witness {
    value: Zeroizing<u128>,
    blinding: Zeroizing<Scalar>,
}

impl Witness {
    /// Evaluates `form` over the growth from `before` to `after`.
    pub(crate) fn new(
        form: &Form,
        before: &Openings,
        after: &Openings,
    ) -> Result<Self, ProveError> {
        let growth = |counter: CounterIndex| {
            // A counter that a revision added later was zero, under no blinding.
            let old = before.expose_value(counter).unwrap_or(0);
            after.expose_value(counter)?.checked_sub(old)
        };
        let value = Zeroizing::new(form.evaluate(growth).ok_or(ProveError::CounterFell)?);
        let holds = match form.relation {
            Relation::NonNegative => *value >= 0,
            Relation::Zero => *value == 0,
        };
        if !holds {
            return Err(ProveError::StatementFalse);
        }
        let mut blinding = Zeroizing::new(Scalar::ZERO);
        for (counter, coefficient) in &form.coefficients {
            let new = after.expose_blinding(*counter).ok_or(ProveError::OpeningsMismatch)?;
            let difference = Zeroizing::new(match before.expose_blinding(*counter) {
                Some(old) => new.expose() - old.expose(),
                None => *new.expose(),
            });
            *blinding += scalar(i128::from(*coefficient)) * *difference;
        }
        Ok(Self { value: Zeroizing::new(value.unsigned_abs()), blinding })
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
        range::PEDERSEN.commit(Scalar::from(*self.value), *self.blinding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static_assertions::assert_not_impl_any!(
        Witness: Clone, Copy, core::fmt::Debug, core::fmt::Display, PartialEq
    );
}
