//! The lattice that the noise of running totals is drawn on: whole numbers that a monitor and its
//! verifiers compute alike.
//!
//! The matrix of prefix sums A is C·C, where C is lower triangular and Toeplitz with the
//! coefficients of (1 − q)^(−1/2) (Fichtenberger, Henzinger and Upadhyay 2023; Henzinger, Upadhyay
//! and Upadhyay 2023). C̃ has round(2²⁰·cₖ) in place of cₖ. Noise z of scale σ, one draw a day,
//! enters the totals as A·C̃⁻¹z.

use alloc::vec::Vec;

/// Binary digits of the lattice's step.
pub const LATTICE: usize = 20;
/// Most days of a running total.
pub const MAX_HORIZON: u32 = 1024;

/// The first column of C̃: c₀ = 1, cₖ = cₖ₋₁·(2k − 1)/2k, each times 2²⁰ and rounded; `horizon`
/// whole numbers, at most [`MAX_HORIZON`]. Sensitivities are those of these numbers, however they
/// were rounded.
#[must_use]
pub fn coefficients(horizon: u32) -> Vec<u64> {
    let following = |exact: u128, k: u128| {
        let twice = k.saturating_mul(2);
        exact.saturating_mul(twice.saturating_sub(1)).div_euclid(twice.max(1))
    };
    let exact = core::iter::successors(Some((1_u128 << 80, 1_u128)), |(exact, k)| {
        Some((following(*exact, *k), k.saturating_add(1)))
    });
    let rounded = exact.map(|(exact, _)| {
        let rounded = exact.saturating_add(1 << (79 - LATTICE)) >> (80 - LATTICE);
        u64::try_from(rounded).unwrap_or(u64::MAX)
    });
    rounded.take(usize::try_from(horizon.min(MAX_HORIZON)).unwrap_or(0)).collect()
}

/// What an owner's day changes, squared: Δ²·‖C̃e₁‖², in squared steps of the lattice. None past
/// 64 bits, which bounds of at most 1,024 sessions do not reach.
#[must_use]
pub fn sensitivity_squared(delta: u32, coefficients: &[u64]) -> Option<u64> {
    let mut column = coefficients.iter().map(|c| c.checked_mul(*c));
    let column = column.try_fold(0_u64, |sum, square| sum.checked_add(square?))?;
    column.checked_mul(u64::from(delta))?.checked_mul(u64::from(delta))
}

/// Half the width of the interval that holds the noise of the total after `days` days with 95 %:
/// 1.96 deviations of A·C̃⁻¹z, and one for rounding. σ is in thousandths of a step.
#[must_use]
pub fn half_width_95(scale_milli: u64, coefficients: &[u64], days: usize) -> u64 {
    let squares = response(coefficients).take(days).map(|g| g.saturating_mul(g));
    let deviation = squares.fold(0_u128, u128::saturating_add).isqrt().saturating_add(1);
    let width = deviation.saturating_mul(u128::from(scale_milli)).saturating_mul(1960);
    let width = width.div_ceil(1_000_000 << (RESPONSE + LATTICE));
    u64::try_from(width).unwrap_or(u64::MAX).saturating_add(1)
}

/// The column of A·C̃⁻¹ in 2⁻⁴⁰ of its unit: how the noise of one day enters the totals after it.
/// For the width of an interval alone, always rounded up.
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

/// Binary digits of a response, beside those of the lattice.
const RESPONSE: usize = 40;
/// Digits that take up the rounding of a response.
const GUARD: usize = 20;
