//! The cost against the exact distribution, and against what is known of it.
#![expect(clippy::arithmetic_side_effects, clippy::cast_precision_loss, reason = "small numbers")]

use messages::coins::{half_width_95, price};

use super::*;
use crate::card::epsilon;

/// All probabilities of Binomial(n, 1/2), by their logarithms.
fn log_pmf(coins: u32) -> Vec<f64> {
    let mut log = -f64::from(coins) * core::f64::consts::LN_2;
    let mut all = vec![log];
    for k in 0..coins {
        log += (f64::from(coins - k) / f64::from(k + 1)).ln();
        all.push(log);
    }
    all
}

/// The δ that exactly belongs to ε, of neighbours that differ by `sensitivity`.
fn delta(coins: u32, sensitivity: usize, epsilon: f64) -> f64 {
    let log_pmf = log_pmf(coins);
    let beyond = (0..=coins as usize + sensitivity).map(|y| {
        let p = y.checked_sub(sensitivity).and_then(|k| log_pmf.get(k)).map_or(0.0, |p| p.exp());
        let q = log_pmf.get(y).map_or(0.0, |q| q.exp());
        (p - epsilon.exp() * q).max(0.0)
    });
    beyond.sum()
}

#[test]
fn the_price_covers_the_exact_loss_and_little_more() {
    // Exact ε at δ = 10⁻⁶, from the literature's table of this mechanism.
    for (coins, sensitivity, exact) in
        [(1024, 1, 0.241), (1024, 4, 1.07), (4096, 1, 0.115), (4096, 4, 0.504), (8192, 10, 0.929)]
    {
        assert!((delta(coins, sensitivity as usize, exact) / 1e-6 - 1.0).abs() < 0.15, "{coins}");
        let cost = cost(coins, sensitivity).unwrap();
        // At the δ that cards show, the conversion of ρ promises less than is true.
        let shown = epsilon(cost.nano_rho);
        assert!(delta(coins, sensitivity as usize, shown) < 1e-7, "{coins} {sensitivity}");
        // The Gaussian of the same variance, n/4, costs Δ²/(2σ²).
        let gaussian = 2.0 * f64::from(sensitivity).powi(2) / f64::from(coins);
        let rho = cost.nano_rho as f64 * 1e-9;
        assert!(rho > gaussian && rho < 1.06 * gaussian, "{coins} {sensitivity}: {rho} {gaussian}");
    }
}

/// The price that verifiers know covers the loss that the exact probabilities have.
#[test]
fn the_price_in_whole_numbers_covers_the_cost() {
    for log in 10..=15 {
        let coins = 1_u32 << log;
        let most = coins.isqrt();
        let known = [1, 2, 3, 5, 8, 13, 21, 32, 45, 64, 90, 128, 181];
        for sensitivity in known.into_iter().filter(|s| *s < most).chain([most]) {
            let price = price(coins, sensitivity.into()).unwrap();
            let cost = cost(coins, sensitivity).unwrap();
            assert!(cost.nano_rho <= price, "{coins} {sensitivity}: {cost:?} {price}");
            let wasted = price as f64 / cost.nano_rho as f64;
            assert!(wasted < 1.03, "{coins} {sensitivity}: {wasted}");
        }
    }
}

#[test]
fn the_interval_holds_the_noise_with_its_probability() {
    for log in 10..=15 {
        let coins = 1_u32 << log;
        let width = usize::try_from(half_width_95(coins)).unwrap();
        let half = coins as usize / 2;
        let within = |width: usize| -> f64 {
            log_pmf(coins)[half - width..=half + width].iter().map(|p| p.exp()).sum()
        };
        assert!(within(width) >= 0.95, "{coins}");
        assert!(within(width * 9 / 10) < 0.95, "{coins}");
    }
}

#[test]
fn the_default_configuration_costs_what_its_price_is() {
    // Eight sessions at ρ = 0.006: 21,334 coins would be a Gaussian's; the next power of two.
    let cost = cost(32_768, 8).unwrap();
    assert!(cost.nano_rho < 4_000_000 && cost.nano_rho > 3_906_250, "{cost:?}");
    assert_eq!(cost.delta_bits, 70);
}

#[test]
fn every_order_is_covered_between_those_that_are_computed_too() {
    for (coins, sensitivity) in [(1024, 1), (1024, 8), (4096, 8)] {
        let cost = cost(coins, sensitivity).unwrap();
        let rho = cost.nano_rho as f64 * 1e-9;
        let reach = 5 * (coins.isqrt() + 1) + sensitivity;
        let log_ratios = log_ratios(coins / 2, reach, sensitivity);
        for order in [1.0007, 1.3, 1.777, 3.1, 17.3, 120.7, 999.9] {
            let renyi = renyi(&log_ratios, order);
            assert!(renyi <= order * rho, "{coins} {sensitivity} {order}: {renyi}");
        }
    }
}

/// As much as is said of either distribution lies in the event, at every corner.
#[test]
fn what_is_left_out_is_as_little_as_is_said() {
    for (coins, sensitivity) in [(1024, 1), (1024, 16), (1024, 346), (4096, 64), (32_768, 8)] {
        let cost = cost(coins, sensitivity).unwrap();
        let reach = 5 * (coins.isqrt() + 1) + sensitivity;
        let log_pmf = log_pmf(coins);
        // Below the event of x + Δ, and above that of x: the larger of the two tails on each side.
        let below = (coins / 2 + sensitivity).saturating_sub(reach);
        let tail: f64 = log_pmf.iter().take(below as usize).map(|log| log.exp()).sum();
        let above: f64 =
            log_pmf.iter().skip((coins / 2 + reach + 1) as usize).map(|l| l.exp()).sum();
        let most = 0.5_f64.powi(i32::try_from(cost.delta_bits).unwrap());
        assert!(tail + above < most, "{coins} {sensitivity}: {tail} {above}");
    }
}

#[test]
fn noise_that_hides_nothing_has_no_cost() {
    for (coins, sensitivity) in
        [(64, 64), (100, 1), (0, 1), (1023, 1), (1024, 0), (1024, 1025), (2 << 20, 1), (1024, 347)]
    {
        assert_eq!(cost(coins, sensitivity), None, "{coins} {sensitivity}");
    }
    assert!(cost(1024, 346).is_some());
    assert_eq!((whole(0.0), whole(1.0), whole(1e15)), (0, 1, 1_000_000_000_000_000));
}
