//! What a day is asked: a statistic, its price, and what makes its noise.

use messages::coins::{MAX_COINS, MIN_COINS, price};
use messages::leaf::Mechanism;

use crate::statistic::{Bounds, Statistic};

/// A statistic at a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The statistic.
    pub statistic: Statistic,
    /// Its price in nano-ρ; where coins make the noise, what they cost.
    pub nano_rho: u64,
    /// How many coins make its noise, where coins do.
    pub coins: Option<u32>,
}

impl From<(Statistic, u64)> for Asked {
    fn from((statistic, nano_rho): (Statistic, u64)) -> Self {
        Self { statistic, nano_rho, coins: None }
    }
}

impl Asked {
    /// What a pact's ε and δ allow of a statistic at a price of at most `most`, nano-ρ; none where
    /// they allow nothing. With `proven` the noise is that of coins, where coins can make it.
    #[must_use]
    pub fn of(
        statistic: Statistic,
        (epsilon_millionths, delta_billionths): (u32, u32),
        most: u64,
        proven: Option<Bounds>,
    ) -> Option<Self> {
        let coins = proven.and_then(|bounds| {
            let allowed = statistic.price_of_coins(epsilon_millionths, delta_billionths);
            Self::proven(&statistic, bounds, allowed.min(most))
        });
        coins.or_else(|| {
            let nano_rho = statistic.price(epsilon_millionths, delta_billionths).min(most);
            (nano_rho > 0).then_some(Self { statistic, nano_rho, coins: None })
        })
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
        let mut priced = sizes.filter_map(|coins| Some((coins, price(coins, sensitivity)?)));
        let (coins, nano_rho) = priced.find(|(_, nano_rho)| *nano_rho <= most)?;
        Some(Self { statistic: statistic.clone(), nano_rho, coins: Some(coins) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { sessions: 8, cells: 4, horizon: 365, unit: None };

    #[test]
    fn coins_make_the_noise_of_single_counts_that_they_can_cover() {
        let asked = |statistic, loss, most| Asked::of(statistic, loss, most, Some(BOUNDS));
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
        let unproven = Asked::of(Statistic::SessionsCount, loss, 6_000_000, None);
        assert_eq!(unproven.map(|a| a.coins), Some(None));
    }
}
