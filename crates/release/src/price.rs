//! What a pact's ε and δ buy: the largest ρ that keeps within them.

use messages::leaf::Mechanism;

use crate::float::whole;

/// The most that an answer may cost, nano-ρ, with noise of this kind, so that it is
/// (ε, δ)-differentially private for an owner's day; nothing where no such noise is. ε is in
/// millionths, δ in billionths.
///
/// Laplace noise, and that of a quantile, is purely ε-private, and accounted as ρ = ε²/2 (Bun and
/// Steinke 2016, proposition 1.4). Gaussian noise of ρ is (ρ + 2·√(ρ·ln(1/δ)), δ)-private for every
/// δ above 0 (the same, proposition 1.3), and for none that is 0. Noise of coins is as Gaussian
/// noise but with a chance of 2⁻⁷⁰: (ρ, δ₀)-approximate zCDP is (ε, δ₀ + δ)-private where ρ is
/// (ε, δ)-private. A billionth of δ is more than 2⁻⁷⁰ by far, and rounding takes it up. Rounded down.
pub(crate) fn price(
    mechanism: Mechanism,
    (epsilon_millionths, delta_billionths): (u32, u32),
) -> u64 {
    let epsilon = u64::from(epsilon_millionths);
    if matches!(mechanism, Mechanism::DiscreteLaplace | Mechanism::Exponential) {
        return epsilon.saturating_mul(epsilon).checked_div(2_000).unwrap_or(0);
    }
    if !(1..1_000_000_000).contains(&delta_billionths) {
        return 0;
    }
    let epsilon = f64::from(epsilon_millionths) / 1e6;
    let log = (1e9 / f64::from(delta_billionths)).ln();
    // √ρ = √(L + ε) − √L, without cancellation.
    let root = epsilon / ((log + epsilon).sqrt() + log.sqrt());
    whole((root * root * 1e9 * ROUNDING).floor())
}

/// What floating point may have gained, many times over.
const ROUNDING: f64 = 1.0 - 1e-9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::float;
    use crate::statistic::Statistic;

    fn usual(statistic: &Statistic, epsilon_millionths: u32, delta_billionths: u32) -> u64 {
        price(statistic.mechanism(), (epsilon_millionths, delta_billionths))
    }

    #[test]
    fn pure_loss_buys_laplace_noise_alone() {
        for statistic in Statistic::FIXED {
            let pure = matches!(
                statistic.mechanism(),
                Mechanism::DiscreteLaplace | Mechanism::Exponential
            );
            // ε = 1/10: ρ = 1/200.
            assert_eq!(usual(&statistic, 100_000, 0), if pure { 5_000_000 } else { 0 });
            assert_eq!(usual(&statistic, 0, 100), 0);
            let all = usual(&statistic, 100_000, 1_000_000_000);
            assert_eq!(all, if pure { 5_000_000 } else { 0 }, "δ = 1 is no promise");
        }
        assert_eq!(
            usual(&Statistic::SessionsCount, u32::MAX, 0),
            u64::from(u32::MAX).pow(2) / 2_000
        );
    }

    #[test]
    fn what_is_bought_keeps_within_epsilon_and_delta_and_little_more_would_not() {
        // ε = 1 and δ = 10⁻⁷: √ρ = √17.118 − √16.118, ρ = 0.01504.
        let known = usual(&Statistic::Tools, 1_000_000, 100);
        assert!((15_030_000..15_060_000).contains(&known), "{known}");
        for epsilon in [1, 1_000, 100_000, 700_000, 1_000_000, 10_000_000, 2_000_000_000] {
            for delta in [1, 100, 1_000_000, 999_999_999] {
                let price = usual(&Statistic::SessionsTotal, epsilon, delta);
                let loss = |nano: f64| {
                    let rho = nano / 1e9;
                    rho + 2.0 * (rho * (1e9 / f64::from(delta)).ln()).sqrt()
                };
                let nano = float(price);
                let due = f64::from(epsilon) / 1e6;
                assert!(loss(nano) <= due, "{epsilon} {delta}: {price}");
                assert!(loss(nano.mul_add(1.0 + 1e-8, 1.0)) > due, "{epsilon} {delta}: {price}");
            }
        }
    }

    #[test]
    fn names_have_the_noise_that_verifiers_expect() {
        for statistic in Statistic::FIXED {
            assert_eq!(Mechanism::fixed(statistic.name()), Some(statistic.mechanism()));
            let percent = match statistic {
                Statistic::LatencyQuantile(percent) => Some(percent.whole()),
                _ => None,
            };
            assert_eq!(messages::leaf::quantile(statistic.name()), percent);
        }
        assert_eq!(Mechanism::fixed("sum:pay.amount"), None);
    }
}
