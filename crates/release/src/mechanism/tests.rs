//! The samplers against the exact distributions, and an auditor that must flag broken ones.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    reason = "statistics over small numbers"
)]

use messages::leaf::Days;
use proptest::prelude::*;

use super::*;
use crate::statistic::Percent;

const DRAWS: usize = 40_000;

fn draws(mechanism: Mechanism, eighths: u32) -> Vec<i64> {
    sample(mechanism, Scale(eighths.into()), &vec![0; DRAWS]).unwrap()
}

/// Unnormalised probability of a noise value.
fn weight(mechanism: Mechanism, scale: f64, x: i64) -> f64 {
    let x = f64::from(i32::try_from(x).unwrap());
    match mechanism {
        // Coins make it, and nothing samples it.
        Mechanism::Binomial | Mechanism::Exponential => f64::NAN,
        Mechanism::DiscreteLaplace => (-x.abs() / scale).exp(),
        Mechanism::DiscreteGaussian | Mechanism::SqrtToeplitz => {
            (-x * x / (2.0 * scale * scale)).exp()
        }
    }
}

/// Pearson's test against the exact distribution. Cells are the integers around zero and two
/// tails. Flags when the statistic exceeds its quantile at z = 7 (Wilson and Hilferty 1931):
/// a false alarm in about 10^12 runs.
fn flagged(mechanism: Mechanism, scale: f64, samples: &[i64]) -> bool {
    let reach = 400;
    let total: f64 = (-reach..=reach).map(|x| weight(mechanism, scale, x)).sum();
    let p = |x| weight(mechanism, scale, x) / total;
    let n = samples.len() as f64;
    // The widest span whose outermost cells still expect 20 draws.
    let span = (0..reach).take_while(|x| n * p(*x) >= 20.0).last().unwrap();
    let cell = |observed: usize, expected: f64| (observed as f64 - expected).powi(2) / expected;
    let mut statistic = 0.0;
    let mut inside = 0.0;
    for x in -span..=span {
        inside += p(x);
        statistic += cell(samples.iter().filter(|s| **s == x).count(), n * p(x));
    }
    let tail = n * (1.0 - inside) / 2.0;
    statistic += cell(samples.iter().filter(|s| **s > span).count(), tail);
    statistic += cell(samples.iter().filter(|s| **s < -span).count(), tail);
    let freedom = f64::from(2 * i32::try_from(span).unwrap() + 2);
    let nine = 2.0 / (9.0 * freedom);
    statistic > freedom * (1.0 - nine + 7.0 * nine.sqrt()).powi(3)
}

const BOTH: [Mechanism; 2] = [Mechanism::DiscreteLaplace, Mechanism::DiscreteGaussian];

#[test]
fn noise_has_the_exact_distribution() {
    for mechanism in BOTH {
        for eighths in [8, 20, 80] {
            let samples = draws(mechanism, eighths);
            let scale = f64::from(eighths) / 8.0;
            assert!(!flagged(mechanism, scale, &samples), "{mechanism:?} {scale}");
        }
    }
}

#[test]
fn auditor_flags_noise_that_is_an_eighth_too_small() {
    for mechanism in BOTH {
        assert!(flagged(mechanism, 4.0, &draws(mechanism, 28)), "{mechanism:?}");
    }
}

#[test]
fn auditor_flags_the_other_distribution_of_the_same_variance() {
    // Var of Laplace with scale b is near 2b²: b = 2.828 against σ = 4.
    let laplace = draws(Mechanism::DiscreteLaplace, 23);
    assert!(flagged(Mechanism::DiscreteGaussian, 4.0, &laplace));
}

#[test]
fn auditor_flags_a_mechanism_that_leaves_some_zeros_alone() {
    for mechanism in BOTH {
        let mut samples = draws(mechanism, 32);
        for sample in samples.iter_mut().step_by(20) {
            *sample = 0;
        }
        assert!(flagged(mechanism, 4.0, &samples), "{mechanism:?}");
    }
}

#[test]
fn auditor_flags_noise_of_which_half_is_off_by_one() {
    for mechanism in BOTH {
        let mut samples = draws(mechanism, 32);
        for sample in samples.iter_mut().step_by(2) {
            *sample += 1;
        }
        assert!(flagged(mechanism, 4.0, &samples), "{mechanism:?}");
    }
}

fn asked(statistic: &Statistic) -> Query {
    Query {
        dataset: messages::ids::Root([1; 32]),
        day: 3,
        statistic: statistic.name().into(),
        cells: statistic.cells(&[]),
        nano_rho: 6_000_000,
        mechanism: statistic.mechanism(),
        total: None,
        clamp: None,
        coins: None,
    }
}

#[test]
fn only_a_running_total_is_of_several_days() {
    let bounds = Bounds { sessions: 2, cells: 3, horizon: 30, unit: None };
    for statistic in Statistic::FIXED {
        let total =
            (statistic != Statistic::SessionsTotal).then_some(Days { first: 3, horizon: 30 });
        let query = Query { total, ..asked(&statistic) };
        assert_eq!(noise(&statistic, bounds, &query), Err(Refusal::Days), "{statistic:?}");
    }
    for (first, horizon, due) in [
        (3, 1, Ok(())),
        (2, 1, Err(Refusal::Days)),
        (4, 30, Err(Refusal::Days)),
        (3, 0, Err(Refusal::Bounds)),
        (3, 1025, Err(Refusal::Bounds)),
    ] {
        let total = Some(Days { first, horizon });
        let query = Query { total, ..asked(&Statistic::SessionsTotal) };
        let noise = noise(&Statistic::SessionsTotal, bounds, &query);
        assert_eq!(noise.map(drop), due, "{first} {horizon}");
    }
}

#[test]
fn half_width_holds_the_noise_with_95_percent() {
    let bounds = Bounds { sessions: 2, cells: 3, horizon: 30, unit: None };
    // Running totals: `continual`; quantiles: below.
    let sampled =
        |s: &Statistic| !matches!(s.mechanism(), Mechanism::Exponential | Mechanism::SqrtToeplitz);
    for statistic in Statistic::FIXED.into_iter().filter(sampled) {
        let (noise, scale) = noise(&statistic, bounds, &asked(&statistic)).unwrap();
        let samples = sample(noise.mechanism, scale.unwrap(), &vec![0; DRAWS]).unwrap();
        let inside = samples.iter().filter(|x| x.unsigned_abs() <= noise.half_width_95).count();
        assert!(inside * 100 >= DRAWS * 94, "{statistic:?} {inside}");
        assert!(inside * 100 <= DRAWS * 97, "{statistic:?} {inside} is too wide");
    }
}

#[test]
fn scales_of_the_default_configuration() {
    let bounds = Bounds { sessions: 8, cells: 4, horizon: 30, unit: None };
    let milli = |statistic| noise(&statistic, bounds, &asked(&statistic)).unwrap().0.scale_milli;
    // 8/√0.012 = 73.03, doubled by √4.
    assert_eq!(milli(Statistic::SessionsCount), 73_125);
    assert_eq!(milli(Statistic::SessionsOutcome), 73_125);
    assert_eq!(milli(Statistic::Tools), 146_125);
}

#[test]
fn refuses_prices_without_a_scale() {
    for (squared, nano_rho) in [(1, 0), (0, 1), (u128::MAX, 1)] {
        assert_eq!(Scale::new(squared, nano_rho), Err(Refusal::Price), "{squared} {nano_rho}");
    }
    assert!(Scale::new(1, u64::MAX).unwrap().0 > 0);
}

/// What the sampler's own privacy map says of a scale, ρ.
fn claimed_rho(mechanism: Mechanism, scale: Scale, sensitivity: u32) -> f64 {
    let domain = VectorDomain::new(AtomDomain::<i64>::default());
    match mechanism {
        Mechanism::Binomial => Ok(f64::NAN),
        Mechanism::Exponential => {
            let metric = LInfDistance::<i64>::default();
            make_noisy_max::<MaxDivergence, _>(domain, metric, MaxDivergence, scale.exact(), true)
                .unwrap()
                .map(&i64::from(sensitivity))
                .map(|epsilon| epsilon * epsilon / 2.0)
        }
        Mechanism::DiscreteLaplace => {
            let metric = L1Distance::<i64>::default();
            make_laplace::<_, _, MaxDivergence>(domain, metric, scale.exact(), None)
                .unwrap()
                .map(&i64::from(sensitivity))
                .map(|epsilon| epsilon * epsilon / 2.0)
        }
        Mechanism::DiscreteGaussian | Mechanism::SqrtToeplitz => {
            let metric = L2Distance::<f64>::default();
            make_gaussian::<_, _, ZeroConcentratedDivergence>(domain, metric, scale.exact(), None)
                .unwrap()
                .map(&f64::from(sensitivity))
        }
    }
    .unwrap()
}

proptest! {
    #[test]
    fn a_scale_never_costs_more_than_its_price_and_no_smaller_one_fits(
        sensitivity in 1..2000_u32, nano_rho in 1_000..10_000_000_000_u64,
    ) {
        let scale = Scale::new(u128::from(sensitivity).pow(2), nano_rho).unwrap();
        // Integer restatement: (8·scale)² · nano_rho ≥ 32·Δ²·10⁹.
        let need = 32_000_000_000 * u128::from(sensitivity).pow(2);
        let pays = |eighths: u64| u128::from(eighths).pow(2) * u128::from(nano_rho) >= need;
        prop_assert!(pays(scale.0) && !pays(scale.0 - 1));
        let price = nano_rho as f64 * 1e-9;
        for mechanism in BOTH {
            let rho = claimed_rho(mechanism, scale, sensitivity);
            prop_assert!(rho <= price * (1.0 + 1e-12), "{mechanism:?}: {rho} > {price}");
        }
    }
}

/// How likely each candidate is, exactly: they are looked at in a random order, and each is taken
/// with a chance that falls with its score.
fn flips(scores: &[i64], scale: f64) -> Vec<f64> {
    let least = *scores.iter().min().unwrap();
    let taken: Vec<f64> =
        scores.iter().map(|score| (-((score - least) as f64) / scale).exp()).collect();
    // Over all sets of those that were looked at before and not taken.
    let n = scores.len();
    let mut reached = vec![0.0; 1 << n];
    reached[0] = 1.0;
    let mut chosen = vec![0.0; n];
    for set in 0..1_usize << n {
        let left: Vec<usize> = (0..n).filter(|at| set & (1 << at) == 0).collect();
        for at in &left {
            let looked = reached[set] / left.len() as f64;
            chosen[*at] += looked * taken[*at];
            reached[set | 1 << at] += looked * (1.0 - taken[*at]);
        }
    }
    chosen
}

#[test]
fn a_quantile_is_picked_with_the_exact_probabilities() {
    for scores in [[0, 1, 2, 3, 4, 5, 6], [40, 8, 0, 0, 12, 30, 90], [3; 7]] {
        let scale = Scale(64);
        let exact = flips(&scores, scale.exact());
        assert!((exact.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let mut seen = [0_usize; 7];
        for _ in 0..DRAWS {
            let edge = sample(Mechanism::Exponential, scale, &scores.to_vec()).unwrap();
            let at = LATENCY_EDGES.iter().position(|of| edge == [i64::try_from(*of).unwrap()]);
            seen[at.unwrap()] += 1;
        }
        let cell = |(observed, p): (&usize, &f64)| {
            let expected = DRAWS as f64 * p;
            if expected < 20.0 { 0.0 } else { (*observed as f64 - expected).powi(2) / expected }
        };
        let statistic: f64 = seen.iter().zip(&exact).map(cell).sum();
        // Six degrees of freedom: more than 80 in one of 10¹⁴ runs.
        assert!(statistic < 80.0, "{scores:?}: {statistic} {seen:?} {exact:?}");
    }
}

#[test]
fn a_quantile_costs_no_more_than_its_price_and_its_rank_is_within_the_interval() {
    for (percent, sessions) in [(Percent::P50, 2), (Percent::P95, 1), (Percent::P99, 3)] {
        let statistic = Statistic::LatencyQuantile(percent);
        let bounds = Bounds { sessions, cells: 1, horizon: 30, unit: None };
        let (noise, scale) = noise(&statistic, bounds, &asked(&statistic)).unwrap();
        let scale = scale.unwrap().exact();
        let delta = i64::try_from(noise.sensitivity).unwrap();
        // One owner's day moves the scores against each other, and neither order costs more.
        let epsilon = (2.0_f64 * 0.006).sqrt();
        for scores in [[0, 1, 2, 3, 4, 5, 6], [4000, 900, 0, 0, 1200, 3000, 9000], [7; 7]] {
            let mut moved = scores;
            for (at, score) in moved.iter_mut().enumerate() {
                *score += if at % 2 == 0 { delta } else { -delta };
            }
            let (one, other) = (flips(&scores, scale), flips(&moved, scale));
            for (p, q) in one.iter().zip(&other) {
                assert!((p / q).ln().abs() <= epsilon + 1e-9, "{percent:?} {scores:?}");
            }
            // 95 % within the interval, which is in sessions.
            let least = *scores.iter().min().unwrap();
            let most = 100 * i64::try_from(noise.half_width_95).unwrap();
            let far: f64 = one
                .iter()
                .zip(&scores)
                .filter(|(_, score)| **score - least > most)
                .map(|(p, _)| p)
                .sum();
            assert!(far <= 0.05, "{percent:?} {scores:?}: {far}");
        }
        // The sampler's own map agrees.
        let claimed = claimed_rho(
            Mechanism::Exponential,
            noise_scale(&statistic, bounds),
            u32::try_from(noise.sensitivity).unwrap(),
        );
        assert!(claimed <= 0.006 * (1.0 + 1e-9), "{claimed}");
    }
}

fn noise_scale(statistic: &Statistic, bounds: Bounds) -> Scale {
    noise(statistic, bounds, &asked(statistic)).unwrap().1.unwrap()
}
