//! That a released total is a function of C̃x + z, what a day of data moves in C̃x, and how close
//! the totals come to the best there can be.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    reason = "statistics over small numbers"
)]

use messages::toeplitz::half_width_95;
use minicbor::{decode, to_vec};
use proptest::prelude::*;

use super::*;

const RHO: u64 = 20_000_000;

fn open(horizon: u32, sensitivity: u32) -> Stream {
    Stream::open(Days { first: 7, horizon }, sensitivity, RHO).unwrap()
}

/// C̃x.
fn spread(coefficients: &[u64], counts: &[i64]) -> Vec<i64> {
    let row = |day: usize| {
        let terms = counts[..=day].iter().rev().zip(coefficients);
        terms.map(|(x, c)| x * i64::try_from(*c).unwrap()).sum()
    };
    (0..counts.len()).map(row).collect()
}

/// What a stream adds to its totals when these are its draws.
fn noises(horizon: u32, drawn: &[i64]) -> Vec<i64> {
    let mut stream = open(horizon, 1);
    let one = |z: &i64| {
        stream.take(0, *z);
        rounded(&stream.sum, stream.drawn.len())
    };
    drawn.iter().map(one).collect()
}

proptest! {
    /// Privacy by post-processing: with v = C̃x + z for draws, the same rows give the totals of x
    /// and the noise of z, rounded together, whatever x and z are.
    #[test]
    fn a_total_with_its_noise_is_a_function_of_what_is_private(
        days in proptest::collection::vec((0_i64..5000, -(1_i64 << 40)..1 << 40), 1..40)
    ) {
        let (counts, drawn): (Vec<i64>, Vec<i64>) = days.into_iter().unzip();
        let horizon = u32::try_from(counts.len()).unwrap();
        let spread = spread(&coefficients(horizon), &counts);
        let private: Vec<i64> = spread.iter().zip(&drawn).map(|(c, z)| c + z).collect();
        let totals = counts.iter().scan(0, |sum, x| { *sum += x; Some(*sum) });
        let released: Vec<i64> =
            totals.zip(noises(horizon, &drawn)).map(|(total, noise)| total + noise).collect();
        prop_assert_eq!(noises(horizon, &private), released);
    }

    /// Stability: the data of one day, any count of it up to its bound, moves C̃x by no more than
    /// the scale is made for.
    #[test]
    fn no_day_moves_more_than_the_scale_is_made_for(
        horizon in 1_u32..200, day in 0_usize..200, less in 0_i64..8, sensitivity in 1_u32..8
    ) {
        let coefficients = coefficients(horizon);
        let days = coefficients.len();
        let mut moved = vec![0; days];
        moved[day % days] = i64::from(sensitivity) - less.min(i64::from(sensitivity));
        let norm = |moved: &[i64]| -> u128 {
            let squares = spread(&coefficients, moved);
            squares.iter().map(|c| u128::from(c.unsigned_abs()).pow(2)).sum()
        };
        let claimed = u128::from(sensitivity_squared(sensitivity, &coefficients).unwrap());
        prop_assert!(norm(&moved) <= claimed);
        // Who forgets that noise of a day is shared with the days after it claims less than that.
        let forgetful = u128::from(sensitivity).pow(2) << (2 * LATTICE);
        let mut first = vec![0; days];
        first[0] = i64::from(sensitivity);
        prop_assert_eq!(norm(&first), claimed);
        prop_assert!(days == 1 || norm(&first) > forgetful, "the auditor has power");
    }

    #[test]
    fn a_stream_goes_on_where_it_was(
        before in proptest::collection::vec(-1_000_000_i64..1_000_000, 0..12), next: i32
    ) {
        let mut stream = open(12, 8);
        before.iter().for_each(|z| stream.take(3, *z));
        let bytes = to_vec(&stream).unwrap();
        let mut read: Stream = decode(&bytes).unwrap();
        prop_assert_eq!(to_vec(&read).unwrap(), bytes);
        let days = 7..7 + u64::try_from(before.len()).unwrap();
        prop_assert!(days.clone().all(|day| read.next(day, RHO).is_none()), "never a day again");
        prop_assert_eq!(read.next(days.end, RHO).is_some(), before.len() < 12);
        prop_assert!(read.next(days.end, RHO + 1).is_none() && read.next(days.end + 1, RHO).is_none());
        if before.len() < 12 {
            stream.take(5, next.into());
            read.take(5, next.into());
            prop_assert_eq!(&stream.sum, &read.sum);
            prop_assert_eq!(read.total, 3 * i64::try_from(before.len()).unwrap() + 5);
        }
    }

    #[test]
    fn no_bytes_make_a_stream_past_its_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(stream) = decode::<Stream>(&bytes) {
            prop_assert!(stream.drawn.len() <= 1024);
        }
    }
}

#[test]
fn coefficients_are_those_of_the_inverse_square_root() {
    let coefficients = coefficients(1024);
    // 1, 1/2, 3/8, 5/16, 35/128 …
    assert_eq!(coefficients[..5], [1 << 20, 1 << 19, 3 << 17, 5 << 16, 35 << 13]);
    assert!(coefficients.is_sorted_by(|a, b| a > b));
    // The square of the series is that of the prefix sums: Σ cₖcₜ₋ₖ = 1, up to the rounding.
    for day in [1, 7, 100, 1023] {
        let terms = (0..=day).map(|k| coefficients[k] as f64 * coefficients[day - k] as f64);
        let product = terms.sum::<f64>() / (1_u64 << 40) as f64;
        assert!((product - 1.0).abs() < 1e-3, "{day}: {product}");
    }
}

/// The standard deviation of the noise of each day, computed apart from what is published.
fn deviations(horizon: u32) -> Vec<f64> {
    let stream = open(horizon, 1);
    let scale = stream.scale.milli() as f64 / 1000.0;
    let column: Vec<f64> = stream.coefficients.iter().map(|c| *c as f64).collect();
    let mut steps: Vec<f64> = Vec::new();
    for _ in 0..column.len() {
        let known: f64 = steps.iter().rev().zip(&column[1..]).map(|(g, c)| g * c).sum();
        steps.push((1.0 - known) / column[0]);
    }
    let squares = steps.into_iter().scan(0.0, |sum, g| {
        *sum += g * g;
        Some(*sum)
    });
    squares.map(|square: f64| square.sqrt() * scale).collect()
}

#[test]
fn the_published_width_is_that_of_the_noise() {
    let stream = open(365, 1);
    for (days, deviation) in (1..).zip(deviations(365)) {
        let width = half_width_95(stream.scale.milli(), &stream.coefficients, days) as f64;
        assert!((width - 1.0 - 1.96 * deviation).abs() < 1.1, "{days}: {width} {deviation}");
    }
}

#[test]
fn totals_of_a_year_are_within_a_tenth_of_the_best_there_can_be() {
    let days = 365;
    let deviations = deviations(days);
    let n = f64::from(days);
    let rms = (deviations.iter().map(|d| d * d).sum::<f64>() / n).sqrt();
    // No factorisation has less than ‖A‖*/n deviations of one day (Henzinger, Upadhyay and
    // Upadhyay 2023); the singular values of prefix sums are 1/(2 sin((2j − 1)π/(4n + 2))).
    let value =
        |j: u32| 0.5 / ((f64::from(2 * j - 1) * core::f64::consts::PI) / (4.0 * n + 2.0)).sin();
    let nuclear: f64 = (1..=days).map(value).sum();
    let best = nuclear / n / (2.0 * RHO as f64 / 1e9).sqrt();
    assert!(rms < 1.10 * best, "{rms} against {best}");
    assert!(rms > best, "nothing is better than the best: {rms} against {best}");
    // A draw of each day for itself, summed: at the end √365 of them.
    let fresh = n.sqrt() / (2.0 * RHO as f64 / 1e9).sqrt();
    assert!(deviations.last().is_some_and(|last| *last < fresh / 5.0));
}

#[test]
fn the_interval_holds_what_is_drawn_as_often_as_it_says() {
    let (days, rounds) = (6, 4000);
    let mut inside = 0_u32;
    for _ in 0..rounds {
        let mut stream = open(days, 8);
        for day in 0..usize::try_from(days).unwrap() {
            let (value, z) = stream.draw(1000).unwrap();
            stream.take(1000, z);
            let noise = value - stream.total;
            let width = half_width_95(stream.scale.milli(), &stream.coefficients, day + 1);
            inside += u32::from(noise.unsigned_abs() <= width);
        }
    }
    // Draws of one stream hang together: counted as if only one of the six were free, seven
    // deviations of a share of 95 % are 2.4 %.
    let share = f64::from(inside) / f64::from(days * rounds);
    assert!((0.926..0.978).contains(&share), "{share}");
}

#[test]
fn a_stream_ends_at_its_horizon_and_opens_within_bounds() {
    let mut stream = open(2, 1);
    for day in [7, 8] {
        assert_eq!(stream.next(day, RHO), Some(Days { first: 7, horizon: 2 }));
        let (_, z) = stream.draw(5).unwrap();
        stream.take(5, z);
    }
    assert_eq!(stream.draw(5), Err(DrawError::Ended));
    assert_eq!(stream.next(9, RHO), None);
    for (horizon, sensitivity, price, refusal) in [
        (0, 1, RHO, Refusal::Bounds),
        (1025, 1, RHO, Refusal::Bounds),
        (1, 0, RHO, Refusal::Bounds),
        (1, 1025, RHO, Refusal::Bounds),
        (1, 1, 0, Refusal::Price),
        (1024, 1024, 1, Refusal::Price),
    ] {
        let days = Days { first: 7, horizon };
        assert_eq!(Stream::open(days, sensitivity, price).map(drop), Err(refusal));
    }
    assert!(Stream::open(Days { first: 7, horizon: 1024 }, 1024, 1_000_000).is_ok());
}

#[test]
fn noise_is_rounded_to_the_nearest_and_held_within_64_bits() {
    let unit = IBig::ONE << LATTICE;
    let half = IBig::ONE << (LATTICE - 1);
    for (sum, whole) in [
        (IBig::ZERO, 0),
        (&unit * IBig::from(7) + &half - IBig::ONE, 7),
        (&unit * IBig::from(7) + &half, 8),
        (-(&unit * IBig::from(7)) - &half, -7),
        (-(&unit * IBig::from(7)) - &half - IBig::ONE, -8),
        (&unit << 63, i64::MAX),
        (-(&unit << 63), i64::MIN),
        (-(&unit << 64), i64::MIN),
    ] {
        assert_eq!(rounded(&sum, 1), whole, "{sum}");
    }
}
