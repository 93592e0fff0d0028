//! Small mechanisms, whole: every outcome and its probability, and the loss computed from them.

use cloister_release::{Bounds, Dataset, Statistic};
use messages::ids::Root;
use messages::leaf::{Mechanism, Noise};

/// The noise of a statistic at a price, as it is published.
fn noise(statistic: Statistic, sessions: u32, nano_rho: u64) -> Noise {
    let bounds = Bounds { sessions, cells: 2, horizon: 4, unit: None };
    let data = Dataset::new(Root([1; 32]), u64::MAX, bounds, Vec::new());
    let quote = data.quote(3, &[(statistic, nano_rho)]).pop().unwrap();
    quote.unwrap().noise
}

/// Logarithms of the probabilities from −reach to reach.
fn log_pmf(mechanism: Mechanism, scale: f64, reach: i32) -> Vec<f64> {
    let log_weight = |x: i32| {
        let x = f64::from(x);
        match mechanism {
            // What coins cost has its own test.
            Mechanism::Binomial | Mechanism::Exponential => f64::NAN,
            Mechanism::DiscreteLaplace => -x.abs() / scale,
            Mechanism::DiscreteGaussian | Mechanism::SqrtToeplitz => -x * x / (2.0 * scale * scale),
        }
    };
    let weights: Vec<f64> = (-reach..=reach).map(log_weight).collect();
    let sum: f64 = weights.iter().map(|weight| weight.exp()).sum();
    weights.into_iter().map(|weight| weight - sum.ln()).collect()
}

/// D_α of a mechanism and the same one shifted by `shift`.
fn renyi(log_pmf: &[f64], shift: usize, order: f64) -> f64 {
    let pairs = log_pmf.iter().skip(shift).zip(log_pmf);
    let terms: Vec<f64> = pairs.map(|(p, q)| order * p + (1.0 - order) * q).collect();
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.iter().map(|term| (term - largest).exp()).sum();
    (largest + sum.ln()) / (order - 1.0)
}

const ORDERS: [f64; 6] = [1.1, 1.5, 2.0, 4.0, 16.0, 64.0];

#[test]
fn no_order_of_the_loss_is_more_than_was_paid() {
    for nano_rho in [2_000_000, 50_000_000, 2_000_000_000] {
        let rho = nano_rho as f64 * 1e-9;
        for (statistic, sessions) in [
            (Statistic::SessionsCount, 1),
            (Statistic::SessionsCount, 8),
            (Statistic::SessionsOutcome, 1),
            (Statistic::SessionsOutcome, 8),
        ] {
            let noise = noise(statistic.clone(), sessions, nano_rho);
            let scale = noise.scale_milli as f64 / 1000.0;
            let reach = 40 * i32::try_from(noise.scale_milli.div_ceil(1000)).unwrap() + 1100;
            let pmf = log_pmf(noise.mechanism, scale, reach);
            let shift = usize::try_from(sessions).unwrap();
            for order in ORDERS {
                let loss = renyi(&pmf, shift, order);
                assert!(
                    loss <= order * rho * (1.0 + 1e-9),
                    "{statistic:?} {nano_rho} {order}: {loss}"
                );
                // Twice the shift is past the price, so the check has power.
                let twice = renyi(&pmf, 2 * shift, order);
                let gaussian = noise.mechanism == Mechanism::DiscreteGaussian;
                assert!(
                    twice > order * rho || !gaussian,
                    "{statistic:?} {nano_rho} {order}: {twice}"
                );
            }
        }
    }
}
