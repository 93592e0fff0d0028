//! Noise: its scale from price and sensitivity in integers, rounded up, and exact sampling.

use messages::counter::LATENCY_EDGES;
use messages::leaf::{Mechanism, Noise, Query};
use messages::{coins, toeplitz};
use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::{make_gaussian, make_laplace, make_noisy_max};
use opendp::measures::{MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{L1Distance, L2Distance, LInfDistance};

use crate::continual::lattice;
use crate::float::float;
use crate::ledger::{DrawError, Refusal};
use crate::statistic::{Bounds, Statistic};

/// A noise scale in eighths: exact in binary and in thousandths, so that what is published is
/// what is drawn. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scale(u64);

impl Scale {
    /// The smallest scale that costs at most `nano_rho` at this sensitivity, squared.
    ///
    /// Gaussian with σ: ρ = Δ₂²/(2σ²) (Bun and Steinke 2016, proposition 1.6; for the discrete
    /// one Canonne, Kamath and Steinke 2020, theorem 4). Laplace with scale b: ε = Δ₁/b and
    /// ρ = ε²/2 (Bun and Steinke 2016, proposition 1.4). Both: scale² ≥ Δ²·10⁹/(2·`nano_rho`).
    ///
    /// # Errors
    /// [`Refusal::Price`] when the price is nothing, the sensitivity is nothing, or the scale
    /// is 2²⁹ or more.
    pub(crate) fn new(sensitivity_squared: u128, nano_rho: u64) -> Result<Self, Refusal> {
        // (8·scale)² ≥ 32·Δ²·10⁹/nano_rho
        let eighths = root(sensitivity_squared, 32, nano_rho)?;
        u32::try_from(eighths).map(|eighths| Self(eighths.into())).map_err(|_| Refusal::Price)
    }

    /// As [`Scale::new`], in whole numbers up to 2⁴⁰: for noise on a lattice that is finer than
    /// what is counted.
    pub(crate) fn whole(sensitivity_squared: u128, nano_rho: u64) -> Result<Self, Refusal> {
        // (2·scale)² ≥ 2·Δ²·10⁹/nano_rho
        let halves = root(sensitivity_squared, 2, nano_rho)?;
        let whole = u64::try_from(halves.div_ceil(2)).ok().filter(|whole| *whole <= 1 << 40);
        whole.and_then(|whole| whole.checked_mul(8)).map(Self).ok_or(Refusal::Price)
    }

    /// Thousandths, exactly.
    pub(crate) fn milli(self) -> u64 {
        self.0.saturating_mul(125)
    }

    /// Exactly: at most 43 binary digits are in use.
    fn exact(self) -> f64 {
        float(self.0) / 8.0
    }
}

/// The smallest r with r² ≥ factor·Δ²·10⁹/`nano_rho`.
fn root(sensitivity_squared: u128, factor: u128, nano_rho: u64) -> Result<u128, Refusal> {
    let square = sensitivity_squared
        .checked_mul(factor)
        .and_then(|n| n.checked_mul(1_000_000_000))
        .map(|n| n.div_ceil(u128::from(nano_rho.max(1))))
        .filter(|n| *n > 0 && nano_rho > 0)
        .ok_or(Refusal::Price)?;
    let floor = square.isqrt();
    let rounded_up = u128::from(floor.checked_mul(floor) != Some(square));
    floor.checked_add(rounded_up).ok_or(Refusal::Price)
}

/// The noise of `query`, as it is published, and its scale where it is sampled.
pub(crate) fn noise(
    statistic: &Statistic,
    bounds: Bounds,
    query: &Query,
) -> Result<(Noise, Option<Scale>), Refusal> {
    let mechanism = query.mechanism;
    let milli = |scale: Scale, tail: u64| scale.milli().saturating_mul(tail).div_ceil(1_000_000);
    let Bounds { sessions: session_bound, cells: cell_bound, unit, .. } = bounds;
    if let Some(coins) = query.coins {
        let sensitivity = statistic.sensitivity(bounds).ok_or(Refusal::Price)?;
        if coins::price(coins, sensitivity) != Some(query.nano_rho) {
            return Err(Refusal::Price);
        }
        let (scale_milli, half_width_95) = (coins::scale_milli(coins), coins::half_width_95(coins));
        let noise = Noise {
            mechanism,
            scale_milli,
            sensitivity,
            half_width_95,
            session_bound,
            cell_bound,
            unit,
        };
        return Ok((noise, None));
    }
    let sensitivity = match mechanism {
        Mechanism::DiscreteLaplace => statistic.sensitivity_l1(bounds),
        _ => statistic.sensitivity(bounds),
    };
    let (scale, sensitivity, half_width_95) = match (sensitivity, query.total) {
        (Some(sensitivity), None) => {
            let delta = u128::from(sensitivity);
            let (squared, tail) = match mechanism {
                // P(|X| > t) ≤ exp(-t/b): t = b·ln 20. A square of 64 bits has 128.
                Mechanism::DiscreteLaplace => (delta.saturating_mul(delta), 2996),
                // P(X ≥ t + 1) ≤ P(N(0, σ²) ≥ t) (Canonne, Kamath and Steinke 2020, proposition
                // 25).
                Mechanism::DiscreteGaussian => (delta, 1960),
                // ε = 2Δ/s (McKenna and Sheldon 2020). What is s·(ln k + t) off is taken with a chance of
                // at most exp(-t)/k: t = ln 20, k = 7, and a score is of hundredths of a session.
                Mechanism::Exponential => (delta.saturating_mul(delta).saturating_mul(4), 4942),
                Mechanism::Binomial | Mechanism::SqrtToeplitz => return Err(Refusal::Mechanism),
            };
            let scale = Scale::new(squared, query.nano_rho)?;
            let width = milli(scale, tail);
            let ranks = mechanism == Mechanism::Exponential;
            (scale, sensitivity, if ranks { width.div_ceil(100) } else { width })
        }
        (None, Some(days)) => {
            let (scale, lattice) = lattice(days.horizon, bounds.sessions, query.nano_rho)?;
            let squared = toeplitz::sensitivity_squared(bounds.sessions, &lattice);
            let so_far = query.day.checked_sub(days.first).and_then(|n| n.checked_add(1));
            let so_far = so_far.and_then(|n| usize::try_from(n).ok()).ok_or(Refusal::Days)?;
            if so_far > lattice.len() {
                return Err(Refusal::Days);
            }
            let width = toeplitz::half_width_95(scale.milli(), &lattice, so_far);
            (scale, squared.ok_or(Refusal::Price)?, width)
        }
        // A sum whose clamp no noise in range covers.
        (None, None) if statistic.clamp().is_some() => return Err(Refusal::Price),
        (Some(_), Some(_)) | (None, None) => return Err(Refusal::Days),
    };
    let noise = Noise {
        mechanism,
        scale_milli: scale.milli(),
        sensitivity,
        half_width_95,
        session_bound,
        cell_bound,
        unit,
    };
    Ok((noise, Some(scale)))
}

/// Adds exactly sampled noise to every value, zeros included; or picks an edge of the latencies by
/// its score, the least being the best.
///
/// The sampler is OpenDP's (Canonne, Kamath and Steinke 2020, algorithms 1 to 3, over rationals)
/// and draws from the thread's ChaCha20 generator, which the kernel seeds; it takes no other.
// A measurement cannot change threads: it is made, used and dropped here.
pub(crate) fn sample(
    mechanism: Mechanism,
    scale: Scale,
    values: &Vec<i64>,
) -> Result<Vec<i64>, DrawError> {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    let noisy = match mechanism {
        // Coins make it: see `proven`.
        Mechanism::Binomial => return Err(DrawError::Coins),
        Mechanism::Exponential => {
            let metric = LInfDistance::<i64>::default();
            make_noisy_max::<MaxDivergence, _>(domain, metric, MaxDivergence, scale.exact(), true)
                .and_then(|least| least.invoke(values))
                .map(|at| {
                    let edge = LATENCY_EDGES.get(at).and_then(|edge| i64::try_from(*edge).ok());
                    edge.into_iter().collect()
                })
        }
        Mechanism::DiscreteLaplace => {
            let metric = L1Distance::<i64>::default();
            make_laplace::<_, _, MaxDivergence>(domain, metric, scale.exact(), None)
                .and_then(|laplace| laplace.invoke(values))
        }
        // On the lattice of a running total the noise is discrete Gaussian too.
        Mechanism::DiscreteGaussian | Mechanism::SqrtToeplitz => {
            let metric = L2Distance::<f64>::default();
            make_gaussian::<_, _, ZeroConcentratedDivergence>(domain, metric, scale.exact(), None)
                .and_then(|gaussian| gaussian.invoke(values))
        }
    };
    noisy.map_err(|_| DrawError::Sampler)
}

#[cfg(test)]
mod tests;
