//! What the noise of fair coins costs, for tests of its price: Binomial(n, 1/2) − n/2 as approximate zero-concentrated
//! differential privacy, from its exact probabilities. `BINOMIAL.md` has the mechanism.

use crate::float::whole;

/// A loss that holds but with a small probability: (ρ, δ)-approximate zCDP (Bun and Steinke 2016,
/// definition 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    /// ρ in nano-ρ, rounded up.
    pub(crate) nano_rho: u64,
    /// δ is at most 2 to the minus this.
    pub(crate) delta_bits: u32,
}

/// The cost of the noise of `coins` coins, an even number up to 2²⁰, for a count that one owner's
/// day changes by at most `sensitivity`, 1 to 1,024; none past these bounds, or when the noise is so
/// small that no useful statement holds.
///
/// For neighbours x and x + Δ let E be the answers y with |y − x| ≤ T and |y − x − Δ| ≤ T. Where T
/// is ten deviations and Δ, each of the two distributions reaches ten deviations to either side
/// within E, so less than 2⁻⁷⁰ of it lies outside (Hoeffding: 2·exp(−2T²/n)). Given E, D_α is
/// computed from the probabilities for orders α that grow by half a per cent. It rises with α, so
/// between two orders it is at most that of the upper one; beyond the last order it is at most the
/// largest log-ratio. ρ is the largest D_α over the order below α. A smaller change than Δ moves
/// less, and the other way round the distribution is its mirror image.
pub(crate) fn cost(coins: u32, sensitivity: u32) -> Option<Cost> {
    let fits = coins.is_multiple_of(2) && coins <= 1 << 20 && (1..=1024).contains(&sensitivity);
    let half = coins.checked_div(2).filter(|_| fits)?;
    // Ten deviations of √n/2, rounded up, and what the other distribution is moved by.
    let reach = coins.isqrt().checked_add(1)?.checked_mul(5)?.checked_add(sensitivity)?;
    if reach >= half {
        return None;
    }
    let log_ratios = log_ratios(half, reach, sensitivity);
    let most = log_ratios.iter().map(|(_, ratio)| *ratio).fold(0.0, f64::max);
    let (mut rho, mut order) = (0.0_f64, 1.0_f64);
    while order < most / rho.max(most * 1e-9) && order < LAST_ORDER {
        let next = order * STEP;
        rho = rho.max(renyi(&log_ratios, next) / order);
        order = next;
    }
    // Beyond the last order D_α ≤ D_∞.
    let rho = rho.max(most / order) * ROUNDING;
    let nano_rho = (rho * 1e9).ceil();
    // A price of a billion ρ is no price.
    (nano_rho < 1e18).then(|| Cost { nano_rho: whole(nano_rho), delta_bits: DELTA_BITS })
}

/// Of each answer in the event: ln Q of it, and ln P/Q, where P is Q moved by Δ.
fn log_ratios(half: u32, reach: u32, sensitivity: u32) -> Vec<(f64, f64)> {
    // ln C(n, n/2 + t) − ln C(n, n/2), by t.
    let steps = (0..reach).scan(0.0_f64, |sum, t| {
        let odds = [half.saturating_sub(t), half.saturating_add(t).saturating_add(1)];
        let [more, less] = odds.map(f64::from);
        *sum += (more / less).ln();
        Some(*sum)
    });
    let log_weights: Vec<f64> = core::iter::once(0.0).chain(steps).collect();
    let weight = |t: i64| {
        let at = usize::try_from(t.unsigned_abs()).unwrap_or(usize::MAX);
        log_weights.get(at).copied().unwrap_or(f64::NEG_INFINITY)
    };
    let (reach, delta) = (i64::from(reach), i64::from(sensitivity));
    // Given the event: by symmetry it weighs alike for both.
    let event = delta.saturating_sub(reach)..=reach;
    let all: f64 = event.clone().map(|t| weight(t).exp()).sum();
    let log_all = all.ln();
    let moved = |t: i64| weight(t.saturating_sub(delta));
    event.map(|t| (weight(t) - log_all, moved(t) - weight(t))).collect()
}

/// D_α of the distributions given the event.
fn renyi(log_ratios: &[(f64, f64)], order: f64) -> f64 {
    let terms = || log_ratios.iter().map(|(q, ratio)| q + order * ratio);
    let largest = terms().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms().map(|term| (term - largest).exp()).sum();
    (largest + sum.ln()) / (order - 1.0)
}

/// Less than two to the minus this lies outside of the event.
const DELTA_BITS: u32 = 70;
/// Between two orders.
const STEP: f64 = 1.005;
/// Orders are not looked at beyond this.
const LAST_ORDER: f64 = 1e6;
/// What floating point may have lost, many times over.
const ROUNDING: f64 = 1.0 + 1e-6;

#[cfg(test)]
mod tests;
