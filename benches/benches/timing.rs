//! Does the time of proving tell what is proven? Two claims alike in everything but the value, one
//! of them zero, are proven in random order; Welch's t compares their times, as dudect does
//! (Reparaz, Balasch, Verbauwhede 2017). Beyond 4.5 either way there is a difference.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a bench measures and prints"
)]

use std::hint::black_box;
use std::time::Instant;

use cloister_benches::{BOUND, Fixture};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

const PROOFS: usize = 3000;

/// Mean and variance of the times without the slowest tenth, which interrupts make.
fn moments(times: &mut [u128]) -> (f64, f64, f64) {
    times.sort_unstable();
    let kept = &times[..times.len() * 9 / 10];
    let n = kept.len() as f64;
    let mean = kept.iter().map(|t| *t as f64).sum::<f64>() / n;
    let variance = kept.iter().map(|t| (*t as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (n, mean, variance)
}

fn main() {
    // Under a bound of 2^40: the value that is proven to be at least zero is zero, or 2^40 − 1.
    let classes = [Fixture::counting(1, BOUND), Fixture::counting(1, 1)];
    let mut order = ChaCha20Rng::from_seed([1; 32]);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..PROOFS {
        let class = usize::from(order.next_u32() & 1 == 1);
        let start = Instant::now();
        black_box(classes[class].prove());
        times[class].push(start.elapsed().as_nanos());
    }
    let [(n, mean, variance), (m, other, spread)] = times.each_mut().map(|t| moments(t));
    let t = (mean - other) / (variance / n + spread / m).sqrt();
    println!("timing/prove: {mean:.0} ns of zero, {other:.0} ns of 2^40 - 1, {PROOFS} proofs");
    println!("timing/prove: Welch's t {t:.2}; a difference would be beyond 4.5");
}
