//! What a day is asked: a statistic, its price, and what makes its noise.

use messages::coins::{self, MAX_COINS, MIN_COINS};
use messages::leaf::Mechanism;

use crate::float::float;
use crate::price::price;
use crate::statistic::{Bounds, Statistic};

/// A statistic at a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The statistic.
    pub statistic: Statistic,
    /// Its price in nano-ρ; where coins make the noise, what they cost.
    pub nano_rho: u64,
    /// How its noise is drawn.
    pub mechanism: Mechanism,
    /// How many coins make its noise, where coins do.
    pub coins: Option<u32>,
}

impl From<(Statistic, u64)> for Asked {
    fn from((statistic, nano_rho): (Statistic, u64)) -> Self {
        let mechanism = statistic.mechanism();
        Self { statistic, nano_rho, mechanism, coins: None }
    }
}

impl Asked {
    /// What a pact's ε (millionths) and δ (billionths) allow of a statistic at a price of at most `most`, nano-ρ; none where
    /// they allow nothing. With `proven` the noise is that of coins, where coins can make it. Of a
    /// histogram it is the one that there is less of: ε and δ allow a higher price of Laplace noise,
    /// and at one price there is less Gaussian noise.
    #[must_use]
    pub fn of(
        statistic: Statistic,
        loss: (u32, u32),
        most: u64,
        (bounds, proven): (Bounds, bool),
    ) -> Option<Self> {
        let allowed = |mechanism| price(mechanism, loss).min(most);
        let coins = proven.then(|| Self::proven(&statistic, bounds, allowed(Mechanism::Binomial)));
        if let Some(coins) = coins.flatten() {
            return Some(coins);
        }
        let usual = statistic.mechanism();
        let other = (usual == Mechanism::DiscreteGaussian).then_some(Mechanism::DiscreteLaplace);
        let drawn = [Some(usual), other].into_iter().flatten().filter_map(|mechanism| {
            let nano_rho = allowed(mechanism);
            let variance = statistic.variance(mechanism, bounds, nano_rho)?;
            Some((variance, mechanism, nano_rho))
        });
        let (_, mechanism, nano_rho) = drawn.min_by(|(a, ..), (b, ..)| a.total_cmp(b))?;
        Some(Self { statistic, nano_rho, mechanism, coins: None })
    }

    /// The fewest coins that cost at most `most`, nano-ρ; none where the statistic is no single
    /// count, or where no number of coins does.
    #[must_use]
    pub fn proven(statistic: &Statistic, bounds: Bounds, most: u64) -> Option<Self> {
        if statistic.mechanism() != Mechanism::DiscreteLaplace {
            return None;
        }
        let sensitivity = statistic.sensitivity(bounds)?;
        let sizes = (MIN_COINS.ilog2()..=MAX_COINS.ilog2()).map(|log| 1_u32 << log);
        let mut priced = sizes.filter_map(|coins| Some((coins, coins::price(coins, sensitivity)?)));
        let (coins, nano_rho) = priced.find(|(_, nano_rho)| *nano_rho <= most)?;
        let mechanism = Mechanism::Binomial;
        Some(Self { statistic: statistic.clone(), nano_rho, mechanism, coins: Some(coins) })
    }
}

impl Statistic {
    /// Of the noise in a cell, for comparison alone: Δ₂²/2ρ of Gaussian noise, Δ₁²/ρ of Laplace
    /// noise. Of statistics that have one kind of noise 0. None where nothing is paid.
    fn variance(&self, mechanism: Mechanism, bounds: Bounds, nano_rho: u64) -> Option<f64> {
        let squared = match mechanism {
            _ if nano_rho == 0 => return None,
            _ if self.mechanism() != Mechanism::DiscreteGaussian => 0.0,
            Mechanism::DiscreteGaussian => float(self.sensitivity(bounds)?) / 2.0,
            _ => float(self.sensitivity_l1(bounds)?).powi(2),
        };
        Some(squared / float(nano_rho))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4, horizon: 365, unit: None };

    #[test]
    fn coins_make_the_noise_of_single_counts_that_they_can_cover() {
        let asked = |statistic, loss, most| Asked::of(statistic, loss, most, (BOUNDS, true));
        let loss = (1_000_000, 100);
        let count = asked(Statistic::SessionsCount, loss, 6_000_000);
        assert_eq!(count.map(|a| (a.coins, a.nano_rho)), Some((Some(32_768), 3_944_397)));
        let count = asked(Statistic::ViolationsCount, loss, 8_000_000);
        assert_eq!(count.map(|a| (a.coins, a.nano_rho)), Some((Some(16_384), 7_904_053)));
        // No coins are enough for less: the noise is Laplace noise then.
        let less = asked(Statistic::SessionsCount, loss, 3_944_396);
        assert_eq!(less.map(|a| (a.coins, a.nano_rho)), Some((None, 3_944_396)));
        // Coins do not keep a δ of nothing.
        let pure = asked(Statistic::SessionsCount, (1_000_000, 0), 6_000_000);
        assert_eq!(pure.map(|a| a.coins), Some(None));
        let cells = asked(Statistic::Tools, loss, 6_000_000);
        assert_eq!(cells.map(|a| (a.coins, a.nano_rho)), Some((None, 6_000_000)));
        let sum = |clamp| Statistic::Sum { counter: "pay.amount".into(), clamp };
        assert_eq!(asked(sum(2), (2_000_000, 100), 17_000_000).and_then(|a| a.coins), Some(32_768));
        assert_eq!(asked(sum(50_000), loss, 17_000_000).map(|a| a.coins), Some(None));
        assert_eq!(asked(Statistic::SessionsCount, (0, 0), 1), None);
        let unproven = Asked::of(Statistic::SessionsCount, loss, 6_000_000, (BOUNDS, false));
        assert_eq!(unproven.map(|a| a.coins), Some(None));
    }

    #[test]
    fn a_histogram_has_the_noise_that_there_is_less_of() {
        let asked = |statistic, loss, most| {
            let asked = Asked::of(statistic, loss, most, (BOUNDS, false))?;
            Some((asked.mechanism, asked.nano_rho))
        };
        let (gaussian, laplace) = (Mechanism::DiscreteGaussian, Mechanism::DiscreteLaplace);
        // At one price there is less Gaussian noise.
        let loss = (1_000_000, 100);
        for statistic in [Statistic::SessionsOutcome, Statistic::Tools, Statistic::Latency] {
            assert_eq!(asked(statistic, loss, 6_000_000), Some((gaussian, 6_000_000)));
        }
        // ε = 1 allows Laplace noise ρ = 0.5, Gaussian noise 0.015: 8²/0.5 is less than 8²/0.03.
        let dear = 1_000_000_000;
        assert_eq!(asked(Statistic::SessionsOutcome, loss, dear), Some((laplace, 500_000_000)));
        // In four cells each: 32²/0.5 is less than 256/0.03, and 16 · 16 cells are not.
        assert_eq!(asked(Statistic::Tools, loss, dear), Some((laplace, 500_000_000)));
        let wide = Bounds { cells: 20, ..BOUNDS };
        let wide = Asked::of(Statistic::Tools, loss, dear, (wide, false)).map(|a| a.mechanism);
        assert_eq!(wide, Some(gaussian));
        // Without a δ there is Laplace noise alone; of a total there is none.
        let pure = (1_000_000, 0);
        assert_eq!(asked(Statistic::Tools, pure, 6_000_000), Some((laplace, 6_000_000)));
        assert_eq!(asked(Statistic::SessionsTotal, pure, 6_000_000), None);
        assert_eq!(asked(Statistic::Tools, (0, 100), 6_000_000), None);
    }
}
