//! The noise of an aggregate against its price and bounds: what it costs, and how wide it is.

use messages::counter::LATENCY_EDGES;
use messages::leaf::{AggregateBody, Days, Mechanism, Noise, Query, Unit, quantile};
use messages::{coins, toeplitz};

use crate::codes::Fault;

/// The noise against the query's price and the bounds.
///
/// Discrete Laplace of scale b at L1 sensitivity Δ costs ε = Δ/b, so ρ = Δ²/2b²; discrete
/// Gaussian of σ at squared L2 sensitivity Δ² costs ρ = Δ²/2σ² (Canonne, Kamath, Steinke 2020);
/// coins cost what `coins::price` says; one of several candidates, by scores that move by Δ, costs
/// ε = 2Δ/b (McKenna and Sheldon 2020).
pub(super) fn check(body: &AggregateBody) -> Result<(), Fault> {
    let (query, noise) = (&body.query, &body.noise);
    let mut cells: Vec<&str> = query.cells.iter().map(String::as_str).collect();
    cells.sort_unstable();
    cells.dedup();
    if cells.is_empty() || cells.len() != query.cells.len() || body.values.len() != cells.len() {
        return Err(Fault::CellsMismatch);
    }
    let of_coins = query.mechanism == Mechanism::Binomial;
    if noise.mechanism != query.mechanism || of_coins != query.coins.is_some() {
        return Err(Fault::NoiseMechanism);
    }
    if of_coins && body.values.len() != 1 {
        return Err(Fault::CellsMismatch);
    }
    let (sensitivity, sessions) = (u128::from(noise.sensitivity), u128::from(noise.session_bound));
    let squared = match noise.mechanism {
        Mechanism::Binomial | Mechanism::DiscreteLaplace => sensitivity.checked_mul(sensitivity),
        // Two scores may move against each other.
        Mechanism::Exponential => {
            sensitivity.checked_mul(2).and_then(|twice| twice.checked_mul(twice))
        }
        Mechanism::DiscreteGaussian | Mechanism::SqrtToeplitz => Some(sensitivity),
    };
    let total = total(query)?;
    // What one principal's bounded day can move, by statistic: all its sessions may fall into one
    // cell, and where a session touches several cells each of them moves.
    let cells = u128::from(noise.cell_bound);
    let squares = sessions.checked_mul(sessions);
    let moved = match (query.statistic.as_str(), noise.mechanism) {
        (name, Mechanism::Binomial | Mechanism::DiscreteLaplace)
            if Mechanism::fixed(name).is_none() =>
        {
            // The sum of a counter of the pact, of which no session counts for more than this.
            query.clamp.and_then(|clamp| sessions.checked_mul(clamp.into()))
        }
        _ if query.clamp.is_some() => return Err(Fault::StatisticUnknown),
        (
            "sessions.count" | "violations.count",
            Mechanism::Binomial | Mechanism::DiscreteLaplace,
        ) => Some(sessions),
        (name, Mechanism::Exponential) => {
            let Some(percent) = quantile(name) else { return Err(Fault::StatisticUnknown) };
            let [value] = body.values.as_slice() else { return Err(Fault::CellsMismatch) };
            if !LATENCY_EDGES.iter().any(|edge| i64::try_from(*edge) == Ok(*value)) {
                return Err(Fault::CellsMismatch);
            }
            sessions.checked_mul(u128::from(percent.max(100_u8.saturating_sub(percent))))
        }
        ("sessions.outcome" | "latency_ms", Mechanism::DiscreteLaplace) => Some(sessions),
        ("tools", Mechanism::DiscreteLaplace) => sessions.checked_mul(cells),
        ("sessions.outcome" | "latency_ms", Mechanism::DiscreteGaussian) => squares,
        ("tools", Mechanism::DiscreteGaussian) => squares.and_then(|s| s.checked_mul(cells)),
        ("sessions.total", Mechanism::SqrtToeplitz) => total.as_ref().and_then(|(lattice, _)| {
            // More sessions than there can be move more than there can be.
            let bounded = noise.session_bound.min(u32::from(u16::MAX));
            toeplitz::sensitivity_squared(bounded, lattice).map(u128::from)
        }),
        _ => return Err(Fault::StatisticUnknown),
    };
    // A session that is a unit of its own moves things once.
    let alone = noise.unit != Some(Unit::Session) || noise.session_bound == 1;
    if !alone || sensitivity == 0 || cells == 0 || moved != Some(sensitivity) {
        return Err(Fault::NoiseSensitivity);
    }
    let bought = query.coins.map_or_else(
        || buys(squared, noise, query.nano_rho),
        |coins| {
            let price = coins::price(coins, noise.sensitivity);
            let told = coins::scale_milli(coins) == noise.scale_milli;
            told && price.is_some_and(|price| price <= query.nano_rho)
        },
    );
    if !bought {
        return Err(Fault::NoiseScale);
    }
    // 95 % of a Laplace distribution lie within ln 20 = 2.99 of its scale, of a Gaussian one within
    // 1.96; one is for rounding.
    let half = u128::from(noise.half_width_95).saturating_add(1).saturating_mul(10_000);
    let scale = u128::from(noise.scale_milli);
    let wide = match (noise.mechanism, total) {
        (Mechanism::Binomial, _) => {
            query.coins.is_some_and(|coins| noise.half_width_95 >= coins::half_width_95(coins))
        }
        // Ranks: ln 140 is 4.94, and a score is of hundredths of a session.
        (Mechanism::Exponential, _) => half.saturating_mul(100) >= scale.saturating_mul(49),
        (Mechanism::DiscreteLaplace, _) => half >= scale.saturating_mul(29),
        (Mechanism::DiscreteGaussian, _) | (Mechanism::SqrtToeplitz, None) => {
            half >= scale.saturating_mul(19)
        }
        (Mechanism::SqrtToeplitz, Some((lattice, days))) => {
            noise.half_width_95 >= toeplitz::half_width_95(noise.scale_milli, &lattice, days)
        }
    };
    if wide { Ok(()) } else { Err(Fault::NoiseWidth) }
}

/// Of a running total, its lattice and how many days it is of by now; of another query none.
fn total(query: &Query) -> Result<Option<(Vec<u64>, usize)>, Fault> {
    let Some(Days { first, horizon }) = query.total else {
        let lacks = query.mechanism == Mechanism::SqrtToeplitz;
        return if lacks { Err(Fault::TotalDays) } else { Ok(None) };
    };
    let sound = query.mechanism == Mechanism::SqrtToeplitz && horizon <= toeplitz::MAX_HORIZON;
    let day = query.day.checked_sub(first).filter(|day| sound && *day < horizon.into());
    let days = day.and_then(|day| usize::try_from(day).ok()).and_then(|day| day.checked_add(1));
    days.map(|days| Some((toeplitz::coefficients(horizon), days))).ok_or(Fault::TotalDays)
}

/// Δ²/2s² ≤ ρ, with s in thousandths and ρ in billionths: Δ²·10⁶·10⁹ ≤ 2·s²·ρ.
fn buys(squared: Option<u128>, noise: &Noise, nano_rho: u64) -> bool {
    let cost = squared.and_then(|s| s.checked_mul(1_000_000_000_000_000));
    let scale = u128::from(noise.scale_milli);
    let paid = scale
        .checked_mul(scale)
        .and_then(|s| s.checked_mul(2))
        .map(|s| s.saturating_mul(u128::from(nano_rho)));
    cost.zip(paid).is_some_and(|(cost, paid)| cost <= paid)
}

#[cfg(test)]
mod tests {
    use messages::ids::Root;
    use messages::time::{Bracket, ClockKind, UnixMillis};

    use super::*;

    fn drawn(statistic: &str, mechanism: Mechanism, noise: Noise) -> AggregateBody {
        let query = Query {
            dataset: Root([1; 32]),
            day: 1,
            statistic: statistic.into(),
            cells: vec!["a".into(), "b".into()],
            nano_rho: 6_000_000,
            mechanism,
            total: None,
            clamp: None,
            coins: None,
        };
        let (earliest, latest) = (UnixMillis(0), UnixMillis(0));
        let at = Bracket { earliest, latest, clock: ClockKind::Host };
        AggregateBody {
            sequence: 2,
            reserved: 1,
            query,
            values: vec![1, 2],
            noise,
            at,
            proven: None,
        }
    }

    /// Noise for eight sessions at ρ = 0.006 that is just enough: 8 / √(2 · 0.006) is 73.0297.
    fn noise(mechanism: Mechanism) -> Noise {
        let laplace = mechanism == Mechanism::DiscreteLaplace;
        Noise {
            mechanism,
            scale_milli: 73_030,
            sensitivity: if laplace { 8 } else { 64 },
            half_width_95: if laplace { 211 } else { 138 },
            session_bound: 8,
            cell_bound: 1,
            unit: None,
        }
    }

    #[test]
    fn noise_that_is_just_enough_is_enough_and_less_is_not() {
        use Mechanism::{DiscreteGaussian, DiscreteLaplace};
        for (statistic, mechanism) in [
            ("sessions.count", DiscreteLaplace),
            ("violations.count", DiscreteLaplace),
            ("sessions.outcome", DiscreteGaussian),
            ("latency_ms", DiscreteGaussian),
            ("tools", DiscreteGaussian),
        ] {
            let checked = |change: fn(&mut AggregateBody)| {
                let mut body = drawn(statistic, mechanism, noise(mechanism));
                change(&mut body);
                check(&body)
            };
            assert_eq!(checked(|_| {}), Ok(()), "{statistic}");
            let scale = checked(|b| b.noise.scale_milli -= 1);
            assert_eq!(scale, Err(Fault::NoiseScale), "{statistic}");
            // 64·10¹⁵ / (2 · 73,030²) is 5,999,946.5.
            assert_eq!(checked(|b| b.query.nano_rho = 5_999_947), Ok(()), "{statistic}");
            let price = checked(|b| b.query.nano_rho = 5_999_946);
            assert_eq!(price, Err(Fault::NoiseScale), "{statistic}");
            let width = checked(|b| b.noise.half_width_95 -= 1);
            assert_eq!(width, Err(Fault::NoiseWidth), "{statistic}");
            for sensitivity in
                [checked(|b| b.noise.sensitivity -= 1), checked(|b| b.noise.sensitivity += 1)]
            {
                assert_eq!(sensitivity, Err(Fault::NoiseSensitivity), "{statistic}");
            }
            let none = checked(|b| (b.noise.session_bound, b.noise.sensitivity) = (0, 0));
            assert_eq!(none, Err(Fault::NoiseSensitivity), "{statistic}");
            let none = checked(|b| b.noise.cell_bound = 0);
            assert_eq!(none, Err(Fault::NoiseSensitivity), "{statistic}");
            let cells = checked(|b| b.noise.cell_bound = 2);
            let due = if statistic == "tools" { Err(Fault::NoiseSensitivity) } else { Ok(()) };
            assert_eq!(cells, due, "{statistic}");
            let other = match mechanism {
                DiscreteLaplace => DiscreteGaussian,
                _ => DiscreteLaplace,
            };
            let unlike = check(&drawn(statistic, mechanism, noise(other)));
            assert_eq!(unlike, Err(Fault::NoiseMechanism), "{statistic}");
            // Histograms may have Laplace noise too, counts have no Gaussian noise.
            let foreign = check(&drawn(statistic, other, noise(other)));
            let due = match other {
                DiscreteLaplace => Ok(()),
                _ => Err(Fault::StatisticUnknown),
            };
            assert_eq!(foreign, due, "{statistic}");
            for cells in [
                checked(|b| b.query.cells.clear()),
                checked(|b| b.query.cells[1] = "a".into()),
                checked(|b| b.values.push(3)),
                checked(|b| (b.query.cells, b.values) = (Vec::new(), Vec::new())),
            ] {
                assert_eq!(cells, Err(Fault::CellsMismatch), "{statistic}");
            }
        }
        // 290 · 10,000 is exactly 29 · 100,000.
        for (mechanism, statistic, width) in
            [(DiscreteLaplace, "sessions.count", 289), (DiscreteGaussian, "sessions.outcome", 189)]
        {
            let exact = Noise { scale_milli: 100_000, half_width_95: width, ..noise(mechanism) };
            assert_eq!(check(&drawn(statistic, mechanism, exact)), Ok(()), "{statistic}");
        }
        // In two cells a session moves twice as much, in sum.
        let mut two = drawn("tools", DiscreteLaplace, noise(DiscreteLaplace));
        two.noise.cell_bound = 2;
        assert_eq!(check(&two), Err(Fault::NoiseSensitivity));
        two.noise.sensitivity = 16;
        assert_eq!(check(&two), Err(Fault::NoiseScale));
        (two.noise.scale_milli, two.noise.half_width_95) = (146_060, 423);
        assert_eq!(check(&two), Ok(()));
        let two = Noise {
            cell_bound: 2,
            sensitivity: 128,
            scale_milli: 103_280,
            half_width_95: 196,
            ..noise(DiscreteGaussian)
        };
        assert_eq!(check(&drawn("tools", DiscreteGaussian, two)), Ok(()));
    }

    /// Sums of what sessions added to a counter, of each at most fifty.
    #[test]
    fn the_noise_of_a_sum_is_for_its_clamp() {
        let checked = |change: fn(&mut AggregateBody)| {
            let noise = Noise {
                scale_milli: 3_651_484,
                sensitivity: 400,
                half_width_95: 10_590,
                ..noise(Mechanism::DiscreteLaplace)
            };
            let mut body = drawn("sum:pay.amount", Mechanism::DiscreteLaplace, noise);
            body.query.clamp = Some(50);
            change(&mut body);
            check(&body)
        };
        assert_eq!(checked(|_| {}), Ok(()));
        assert_eq!(checked(|b| b.noise.scale_milli -= 1), Err(Fault::NoiseScale));
        assert_eq!(checked(|b| b.query.clamp = Some(51)), Err(Fault::NoiseSensitivity));
        assert_eq!(checked(|b| b.query.clamp = Some(u64::MAX)), Err(Fault::NoiseSensitivity));
        assert_eq!(checked(|b| b.query.clamp = None), Err(Fault::NoiseSensitivity));
        let nothing = checked(|b| (b.query.clamp, b.noise.sensitivity) = (Some(0), 0));
        assert_eq!(nothing, Err(Fault::NoiseSensitivity));
        for fixed in ["latency_ms", "sessions.count", "sessions.outcome", "sessions.total", "tools"]
        {
            let mut body =
                drawn(fixed, Mechanism::DiscreteLaplace, noise(Mechanism::DiscreteLaplace));
            body.query.clamp = Some(1);
            assert_eq!(check(&body), Err(Fault::StatisticUnknown), "{fixed}");
        }
        let mut gaussian =
            drawn("calls.all", Mechanism::DiscreteGaussian, noise(Mechanism::DiscreteGaussian));
        assert_eq!(check(&gaussian), Err(Fault::StatisticUnknown));
        gaussian.query.clamp = Some(1);
        assert_eq!(check(&gaussian), Err(Fault::StatisticUnknown));
    }

    /// The 95th percentile for eight sessions: 2·8·95/√(2·0.006) is 13,875.638…
    #[test]
    fn a_quantile_is_an_edge_that_its_price_allows() {
        let checked = |change: fn(&mut AggregateBody)| {
            let noise = Noise {
                scale_milli: 13_875_639,
                sensitivity: 760,
                half_width_95: 679,
                ..noise(Mechanism::Exponential)
            };
            let mut body = drawn("latency_ms.p95", Mechanism::Exponential, noise);
            (body.query.cells, body.values) = (vec!["milliseconds".into()], vec![500]);
            change(&mut body);
            check(&body)
        };
        assert_eq!(checked(|_| {}), Ok(()));
        assert_eq!(checked(|b| b.noise.scale_milli -= 1), Err(Fault::NoiseScale));
        assert_eq!(checked(|b| b.noise.half_width_95 -= 1), Err(Fault::NoiseWidth));
        for sensitivity in [
            checked(|b| b.noise.sensitivity -= 1),
            checked(|b| b.noise.sensitivity += 1),
            checked(|b| b.query.statistic = "latency_ms.p99".into()),
            checked(|b| b.query.statistic = "latency_ms.p50".into()),
        ] {
            assert_eq!(sensitivity, Err(Fault::NoiseSensitivity));
        }
        for value in [
            checked(|b| b.values[0] = 501),
            checked(|b| b.values[0] = -500),
            checked(|b| (b.query.cells, b.values) = (vec!["a".into(), "b".into()], vec![50, 50])),
        ] {
            assert_eq!(value, Err(Fault::CellsMismatch));
        }
        for other in [
            checked(|b| b.query.statistic = "latency_ms.p90".into()),
            checked(|b| b.query.statistic = "tools".into()),
            checked(|b| b.query.clamp = Some(1)),
        ] {
            assert_eq!(other, Err(Fault::StatisticUnknown));
        }
    }

    /// 32,768 coins for eight sessions, at just their price.
    #[test]
    fn coins_are_as_many_as_the_price_allows() {
        let checked = |change: fn(&mut AggregateBody)| {
            let noise = Noise {
                scale_milli: 90_510,
                sensitivity: 8,
                half_width_95: 179,
                ..noise(Mechanism::Binomial)
            };
            let mut body = drawn("sessions.count", Mechanism::Binomial, noise);
            (body.query.cells, body.values) = (vec!["a".into()], vec![1]);
            body.query.nano_rho = 3_944_397;
            body.query.coins = Some(32_768);
            change(&mut body);
            check(&body)
        };
        assert_eq!(checked(|_| {}), Ok(()));
        assert_eq!(checked(|b| b.query.statistic = "violations.count".into()), Ok(()));
        assert_eq!(checked(|b| b.query.nano_rho -= 1), Err(Fault::NoiseScale));
        assert_eq!(checked(|b| b.query.nano_rho += 1), Ok(()));
        assert_eq!(checked(|b| b.query.coins = Some(16_384)), Err(Fault::NoiseScale));
        assert_eq!(checked(|b| b.query.coins = Some(65_536)), Err(Fault::NoiseScale));
        for scale in [checked(|b| b.noise.scale_milli += 1), checked(|b| b.noise.scale_milli -= 1)]
        {
            assert_eq!(scale, Err(Fault::NoiseScale));
        }
        assert_eq!(checked(|b| b.noise.half_width_95 -= 1), Err(Fault::NoiseWidth));
        assert_eq!(checked(|b| b.noise.half_width_95 += 1), Ok(()));
        assert_eq!(checked(|b| b.noise.sensitivity += 1), Err(Fault::NoiseSensitivity));
        assert_eq!(checked(|b| b.query.coins = None), Err(Fault::NoiseMechanism));
        let two =
            checked(|b| (b.query.cells, b.values) = (vec!["a".into(), "b".into()], vec![1, 2]));
        assert_eq!(two, Err(Fault::CellsMismatch), "coins are of one number");
        let other = checked(|b| {
            (b.query.mechanism, b.noise.mechanism) =
                (Mechanism::DiscreteLaplace, Mechanism::DiscreteLaplace);
        });
        assert_eq!(other, Err(Fault::NoiseMechanism), "coins, and noise that they do not make");
        for (statistic, clamp, due) in [
            ("tools", None, Fault::StatisticUnknown),
            ("sessions.total", None, Fault::StatisticUnknown),
            ("sessions.count", Some(1), Fault::StatisticUnknown),
            ("pay.amount", None, Fault::NoiseSensitivity),
            ("pay.amount", Some(2), Fault::NoiseSensitivity),
        ] {
            let mut body = drawn(statistic, Mechanism::Binomial, noise(Mechanism::Binomial));
            (body.query.clamp, body.query.coins) = (clamp, Some(32_768));
            (body.query.cells, body.values) = (vec!["a".into()], vec![1]);
            body.noise.sensitivity = 8;
            assert_eq!(check(&body), Err(due), "{statistic}");
        }
        let sum = checked(|b| {
            (b.query.statistic, b.query.clamp) = ("pay.amount".into(), Some(1));
        });
        assert_eq!(sum, Ok(()));
    }

    /// A total of eight sessions a day at ρ = 0.006 over three days, on the second of them.
    fn running(change: impl FnOnce(&mut AggregateBody)) -> Result<(), Fault> {
        let lattice = toeplitz::coefficients(3);
        let sensitivity = toeplitz::sensitivity_squared(8, &lattice).unwrap();
        // √(Δ²/(2 · 0.006)), in thousandths and rounded up.
        let square = u128::from(sensitivity) * 1_000_000_000_000_000 / 12_000_000;
        let scale_milli = u64::try_from(square.isqrt()).unwrap().saturating_add(1);
        let noise = Noise {
            mechanism: Mechanism::SqrtToeplitz,
            scale_milli,
            sensitivity,
            half_width_95: toeplitz::half_width_95(scale_milli, &lattice, 2),
            session_bound: 8,
            cell_bound: 1,
            unit: None,
        };
        let mut body = drawn("sessions.total", Mechanism::SqrtToeplitz, noise);
        body.query.day = 11;
        body.query.total = Some(Days { first: 10, horizon: 3 });
        change(&mut body);
        check(&body)
    }

    #[test]
    fn the_noise_of_a_running_total_is_that_of_its_lattice_and_day() {
        // 1, 1/2, 3/8: ‖C̃e₁‖² is 89/64 of 2⁴⁰.
        let lattice = toeplitz::coefficients(3);
        assert_eq!(toeplitz::sensitivity_squared(1, &lattice), Some((89 << 40) / 64));
        assert_eq!(running(|_| {}), Ok(()));
        assert_eq!(running(|b| b.noise.scale_milli -= 2), Err(Fault::NoiseScale));
        assert_eq!(running(|b| b.noise.half_width_95 -= 1), Err(Fault::NoiseWidth));
        assert_eq!(running(|b| b.noise.half_width_95 += 1), Ok(()));
        // The width of the first day is none of the third.
        assert_eq!(running(|b| b.query.day = 10), Ok(()));
        assert_eq!(running(|b| b.query.day = 12), Err(Fault::NoiseWidth));
        for sensitivity in
            [running(|b| b.noise.sensitivity -= 1), running(|b| b.noise.sensitivity += 1)]
        {
            assert_eq!(sensitivity, Err(Fault::NoiseSensitivity));
        }
        let none = running(|b| (b.noise.session_bound, b.noise.sensitivity) = (0, 0));
        assert_eq!(none, Err(Fault::NoiseSensitivity));
        let crowd = running(|b| b.noise.session_bound = u32::MAX);
        assert_eq!(crowd, Err(Fault::NoiseSensitivity));
        for days in [
            running(|b| b.query.day = 9),
            running(|b| b.query.day = 13),
            running(|b| b.query.total = None),
            running(|b| b.query.total = Some(Days { first: 10, horizon: 0 })),
            running(|b| b.query.total = Some(Days { first: 10, horizon: 1025 })),
        ] {
            assert_eq!(days, Err(Fault::TotalDays));
        }
        let longer = running(|b| b.query.total = Some(Days { first: 10, horizon: 1024 }));
        assert_eq!(longer, Err(Fault::NoiseSensitivity), "a longer column");
        let mechanism = Mechanism::DiscreteGaussian;
        let mut bars = drawn("sessions.outcome", mechanism, noise(mechanism));
        bars.query.total = Some(Days { first: 1, horizon: 3 });
        assert_eq!(check(&bars), Err(Fault::TotalDays), "bars are of one day");
        let other = running(|b| b.query.statistic = "sessions.count".into());
        assert_eq!(other, Err(Fault::StatisticUnknown));
        let other = running(|b| (b.query.mechanism, b.noise.mechanism) = (mechanism, mechanism));
        assert_eq!(other, Err(Fault::TotalDays));
    }
}
