//! Running totals under continual release: one stream of noise for all of its days.
//!
//! The factorisation A = C·C of the prefix sums, C the lower triangular Toeplitz matrix of the
//! series (1 − q)^(−1/2) (Fichtenberger, Henzinger and Upadhyay 2023), with C on a lattice: C̃ holds
//! round(2²⁰·cₖ), whole numbers, and every number that is published is a function of the whole
//! vector C̃x + z, where z is discrete Gaussian: its totals are A·C̃⁻¹(C̃x + z), rounded.
//! `CONTINUAL.md` proves it.

use dashu_int::IBig;
use messages::leaf::{Days, Mechanism};
use messages::toeplitz::{LATTICE, MAX_HORIZON, coefficients, sensitivity_squared};
use minicbor::{Decode, Encode};

use crate::ledger::{DrawError, Refusal};
use crate::mechanism::{Scale, sample};

/// One running total and its noise. Secret, since whoever knows the noise knows the total: no
/// `Debug`, no `Clone`; its encoding is for a sealed journal. Where the state may be an older
/// one the whole data set ends with it: a second noise for one day would be a second answer.
pub(crate) struct Stream {
    days: Days,
    sensitivity: u32,
    nano_rho: u64,
    coefficients: Vec<u64>,
    scale: Scale,
    /// The counts of all days so far.
    total: i64,
    /// z: what is kept of the past, one number a day.
    drawn: Vec<i64>,
    /// C̃⁻¹z: day t in units of 2^(−20(t+1)).
    daily: Vec<IBig>,
    /// A·C̃⁻¹z at the last day, in that day's units.
    sum: IBig,
}

impl Stream {
    /// A stream over these days, of a count that one owner's day changes by at most
    /// `sensitivity`, which costs each day of data `nano_rho`.
    ///
    /// An owner's day lies in one day of the stream, so what it changes in C̃x is one column of C̃:
    /// ρ = Δ²·‖C̃e₁‖²/(2σ²), the first column being the longest.
    ///
    /// # Errors
    /// [`Refusal::Bounds`] when the horizon is not in 1..=1024 or the sensitivity not in 1..=1024;
    /// [`Refusal::Price`].
    pub(crate) fn open(days: Days, sensitivity: u32, nano_rho: u64) -> Result<Self, Refusal> {
        let (scale, coefficients) = lattice(days.horizon, sensitivity, nano_rho)?;
        let (drawn, daily, sum) = (Vec::new(), Vec::new(), IBig::ZERO);
        let total = 0;
        Ok(Self { days, sensitivity, nano_rho, coefficients, scale, total, drawn, daily, sum })
    }

    /// The days that it is of, if `day` is the next of them and costs this.
    pub(crate) fn next(&self, day: u64, nano_rho: u64) -> Option<Days> {
        let Days { first, horizon } = self.days;
        let next = first.checked_add(u64::try_from(self.drawn.len()).ok()?)?;
        let past = first.checked_add(horizon.into())?;
        (next == day && day < past && nano_rho == self.nano_rho).then_some(self.days)
    }

    /// Draws the next day's noise: the total of all days up to it, `count` included, with noise,
    /// and the draw. The stream moves when that is [taken](Self::take).
    ///
    /// # Errors
    /// [`DrawError::Ended`] past the horizon; [`DrawError::Sampler`].
    // PRIVACY: nothing depends on the total but the sum that is returned.
    pub(crate) fn draw(&self, count: i64) -> Result<(i64, i64), DrawError> {
        if self.drawn.len() >= self.coefficients.len() {
            return Err(DrawError::Ended);
        }
        let drawn = sample(Mechanism::DiscreteGaussian, self.scale, &vec![0])?;
        let [z] = drawn.as_slice() else { return Err(DrawError::Sampler) };
        let (_, sum) = self.row(*z);
        let days = self.drawn.len().saturating_add(1);
        // Saturated as the sampler itself is: the bounds of a total lie far within.
        let total = self.total.saturating_add(count);
        Ok((total.saturating_add(rounded(&sum, days)), *z))
    }

    /// The next day's count and draw.
    pub(crate) fn take(&mut self, count: i64, z: i64) {
        let (daily, sum) = self.row(z);
        self.total = self.total.saturating_add(count);
        self.sum = sum;
        self.daily.push(daily);
        self.drawn.push(z);
    }

    /// Solves one more row of C̃d = z, and sums d. In units of 2^(−20(t+1)) nothing is rounded:
    /// Dₜ = 2^(20t)·zₜ − Σₖ c̃ₖ·2^(20(k−1))·Dₜ₋ₖ.
    fn row(&self, z: i64) -> (IBig, IBig) {
        let day = self.daily.len();
        let shift = |days: usize| days.saturating_mul(LATTICE);
        let mut daily = IBig::from(z) << shift(day);
        let past = self.daily.iter().rev().zip(self.coefficients.iter().skip(1));
        for (back, (earlier, coefficient)) in past.enumerate() {
            daily -= (earlier << shift(back)) * IBig::from(*coefficient);
        }
        let sum = (&self.sum << LATTICE) + &daily;
        (daily, sum)
    }
}

/// A·C̃⁻¹z after so many days, rounded to the nearest whole number, halves up.
fn rounded(sum: &IBig, days: usize) -> i64 {
    let units = days.saturating_mul(LATTICE);
    let half = IBig::ONE << units.saturating_sub(1);
    // A shift rounds towards negative infinity, whatever the sign.
    let whole = (sum + half) >> units;
    let far = if whole < IBig::ZERO { i64::MIN } else { i64::MAX };
    i64::try_from(whole).unwrap_or(far)
}

/// The noise of a running total, on its lattice, and the lattice.
pub(crate) fn lattice(
    horizon: u32,
    sensitivity: u32,
    nano_rho: u64,
) -> Result<(Scale, Vec<u64>), Refusal> {
    if !(1..=MAX_HORIZON).contains(&horizon) || !(1..=1024).contains(&sensitivity) {
        return Err(Refusal::Bounds);
    }
    let coefficients = coefficients(horizon);
    let squared = sensitivity_squared(sensitivity, &coefficients).ok_or(Refusal::Price)?;
    Ok((Scale::whole(squared.into(), nano_rho)?, coefficients))
}

impl<C> Encode<C> for Stream {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.days.encode(e.array(5)?, ctx)?;
        e.u32(self.sensitivity)?.u64(self.nano_rho)?.i64(self.total)?;
        self.drawn.encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Stream {
    fn decode(d: &mut minicbor::Decoder<'b>, ctx: &mut C) -> Result<Self, minicbor::decode::Error> {
        let error = minicbor::decode::Error::message;
        if d.array()? != Some(5) {
            return Err(error("expected five fields"));
        }
        let (days, sensitivity, nano_rho) = (Decode::decode(d, ctx)?, d.u32()?, d.u64()?);
        let mut stream = Self::open(days, sensitivity, nano_rho)
            .map_err(|_| error("a stream past its bounds"))?;
        let total = d.i64()?;
        let drawn: Vec<i64> = Decode::decode(d, ctx)?;
        if drawn.len() > stream.coefficients.len() {
            return Err(error("a stream past its horizon"));
        }
        drawn.into_iter().for_each(|z| stream.take(0, z));
        stream.total = total;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests;
