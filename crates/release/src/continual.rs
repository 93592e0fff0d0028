//! Running totals under continual release: one stream of noise for all of its days.
//!
//! The factorisation A = C·C of the prefix sums, C the lower triangular Toeplitz matrix of the
//! series (1 − q)^(−1/2) (Fichtenberger, Henzinger and Upadhyay 2023), with C on a lattice: C̃ holds round(2²⁰·cₖ), whole numbers, and
//! every number that is published is a function of the whole vector C̃x + z, where z is discrete
//! Gaussian: its totals are A·C̃⁻¹(C̃x + z), rounded. `CONTINUAL.md` proves it.

use dashu_int::IBig;
use messages::leaf::Mechanism;
use minicbor::{Decode, Encode};

use crate::ledger::{DrawError, Refusal};
use crate::mechanism::{Scale, sample};

/// The noise of one running total. Secret, since whoever knows it knows the totals: no `Debug`, no
/// `Clone`; its encoding is for a sealed journal. A stream whose state may have been seen twice,
/// as after a rollback, ends: a second noise for one day would be a second answer.
pub struct Stream {
    sensitivity: u32,
    horizon: u32,
    nano_rho: u64,
    coefficients: Vec<u64>,
    scale: Scale,
    /// z: what is kept of the past, one number a day.
    drawn: Vec<i64>,
    /// C̃⁻¹z: day t in units of 2^(−20(t+1)).
    daily: Vec<IBig>,
    /// A·C̃⁻¹z at the last day, in that day's units.
    sum: IBig,
}

impl Stream {
    /// A stream over at most `horizon` days, of a count that one owner's day changes by at most
    /// `sensitivity`, which costs each day of data `nano_rho`.
    ///
    /// An owner's day lies in one day of the stream, so what it changes in C̃x is one column of C̃:
    /// ρ = Δ²·‖C̃e₁‖²/(2σ²), the first column being the longest.
    ///
    /// # Errors
    /// [`Refusal::Bounds`] when the horizon is not in 1..=1024 or the sensitivity not in 1..=1024;
    /// [`Refusal::Price`].
    pub fn open(horizon: u32, sensitivity: u32, nano_rho: u64) -> Result<Self, Refusal> {
        if !(1..=MAX_HORIZON).contains(&horizon) || !(1..=1024).contains(&sensitivity) {
            return Err(Refusal::Bounds);
        }
        let coefficients = coefficients(horizon);
        let scale = Scale::whole(squared(sensitivity, &coefficients)?, nano_rho)?;
        let (drawn, daily, sum) = (Vec::new(), Vec::new(), IBig::ZERO);
        Ok(Self { sensitivity, horizon, nano_rho, coefficients, scale, drawn, daily, sum })
    }

    /// Days that are released.
    #[must_use]
    pub fn days(&self) -> usize {
        self.drawn.len()
    }

    /// What each of its days costs, nano-ρ.
    #[must_use]
    pub const fn nano_rho(&self) -> u64 {
        self.nano_rho
    }

    /// Draws the next day's noise, once, and adds it to the total of all days up to it.
    ///
    /// # Errors
    /// [`DrawError::Ended`] past the horizon; [`DrawError::Sampler`].
    // PRIVACY: nothing depends on `total` but the sum that is returned.
    pub fn release(&mut self, total: i64) -> Result<i64, DrawError> {
        if self.drawn.len() >= self.coefficients.len() {
            return Err(DrawError::Ended);
        }
        let drawn = sample(Mechanism::DiscreteGaussian, self.scale, &vec![0])?;
        let [z] = drawn.as_slice() else { return Err(DrawError::Sampler) };
        self.take(*z);
        // Saturated as the sampler itself is: the bounds of a total lie far within.
        Ok(total.saturating_add(self.noise()))
    }

    /// Half the width of the interval that holds the noise of day `day`, from 0, with 95 %: 1.96
    /// deviations, and one for rounding.
    #[must_use]
    pub fn half_width_95(&self, day: usize) -> u64 {
        let days = day.saturating_add(1);
        let squares = response(&self.coefficients).take(days).map(|g| g.saturating_mul(g));
        let deviation = squares.fold(0_u128, u128::saturating_add).isqrt().saturating_add(1);
        let width = deviation.saturating_mul(u128::from(self.scale.milli()));
        let width = width.saturating_mul(1960).div_ceil(1_000_000 << (RESPONSE + LATTICE));
        u64::try_from(width).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Solves one more row of C̃d = z, and sums d. In units of 2^(−20(t+1)) nothing is rounded:
    /// Dₜ = 2^(20t)·zₜ − Σₖ c̃ₖ·2^(20(k−1))·Dₜ₋ₖ.
    fn take(&mut self, z: i64) {
        let day = self.daily.len();
        let shift = |days: usize| days.saturating_mul(LATTICE);
        let mut daily = IBig::from(z) << shift(day);
        let past = self.daily.iter().rev().zip(self.coefficients.iter().skip(1));
        for (back, (earlier, coefficient)) in past.enumerate() {
            daily -= (earlier << shift(back)) * IBig::from(*coefficient);
        }
        self.sum = (core::mem::take(&mut self.sum) << LATTICE) + &daily;
        self.daily.push(daily);
        self.drawn.push(z);
    }

    /// A·C̃⁻¹z at the last day, rounded to the nearest whole number, halves up.
    fn noise(&self) -> i64 {
        let units = self.daily.len().saturating_mul(LATTICE);
        let half = IBig::ONE << units.saturating_sub(1);
        // A shift rounds towards negative infinity, whatever the sign.
        let whole = (&self.sum + half) >> units;
        let far = if whole < IBig::ZERO { i64::MIN } else { i64::MAX };
        i64::try_from(whole).unwrap_or(far)
    }
}

/// cₖ·2²⁰, rounded: c₀ = 1, cₖ = cₖ₋₁·(2k − 1)/2k. Whatever these numbers are, the sensitivity is
/// that of these numbers.
fn coefficients(horizon: u32) -> Vec<u64> {
    let following = |exact: &u128, k: u128| {
        let twice = k.saturating_mul(2);
        exact.saturating_mul(twice.saturating_sub(1)).div_euclid(twice.max(1))
    };
    let exact = core::iter::successors(Some((1_u128 << 80, 1_u128)), |(exact, k)| {
        Some((following(exact, *k), k.saturating_add(1)))
    });
    let rounded = exact.map(|(exact, _)| {
        let rounded = exact.saturating_add(1 << (79 - LATTICE)) >> (80 - LATTICE);
        u64::try_from(rounded).unwrap_or(u64::MAX)
    });
    rounded.take(usize::try_from(horizon).unwrap_or(usize::MAX)).collect()
}

/// Δ²·‖C̃e₁‖².
fn squared(sensitivity: u32, coefficients: &[u64]) -> Result<u128, Refusal> {
    let mut column = coefficients.iter().map(|c| u128::from(*c).checked_mul(u128::from(*c)));
    let column = column.try_fold(0_u128, |sum, square| sum.checked_add(square?));
    let delta = u128::from(sensitivity);
    column.and_then(|c| c.checked_mul(delta)?.checked_mul(delta)).ok_or(Refusal::Price)
}

/// The column of A·C̃⁻¹, in 2⁻⁶⁰: how the noise of one day enters the totals after it. For the
/// width of an interval alone.
fn response(coefficients: &[u64]) -> impl Iterator<Item = u128> {
    let mut past: Vec<i128> = Vec::new();
    (0..coefficients.len()).map(move |_| {
        // Σₖ c̃ₖ·gₜ₋ₖ = 1, with twenty more digits than are given out.
        let earlier = past.iter().rev().zip(coefficients.iter().skip(1));
        let known = earlier
            .fold(0_i128, |sum, (g, c)| sum.saturating_add(g.saturating_mul(i128::from(*c))));
        let one = 1_i128 << (RESPONSE.saturating_add(LATTICE).saturating_add(GUARD));
        let g = one.saturating_sub(known).div_euclid(1 << LATTICE).saturating_add(1);
        past.push(g);
        u128::try_from(g >> GUARD).unwrap_or(0).saturating_add(1)
    })
}

impl<C> Encode<C> for Stream {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.array(4)?.u32(self.horizon)?.u32(self.sensitivity)?.u64(self.nano_rho)?;
        self.drawn.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Stream {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let error = minicbor::decode::Error::message;
        if d.array()? != Some(4) {
            return Err(error("expected four fields"));
        }
        let (horizon, sensitivity, nano_rho) = (d.u32()?, d.u32()?, d.u64()?);
        let mut stream = Self::open(horizon, sensitivity, nano_rho)
            .map_err(|_| error("a stream past its bounds"))?;
        let drawn: Vec<i64> = Decode::decode(d, ctx)?;
        if drawn.len() > stream.coefficients.len() {
            return Err(error("a stream past its horizon"));
        }
        drawn.into_iter().for_each(|z| stream.take(z));
        Ok(stream)
    }
}

/// Binary digits of the lattice's step.
const LATTICE: usize = 20;
/// Binary digits of a response, beside those of the lattice.
const RESPONSE: usize = 40;
/// Digits that take up the rounding of a response.
const GUARD: usize = 20;
/// Most days of a stream.
const MAX_HORIZON: u32 = 1024;

#[cfg(test)]
mod tests;
