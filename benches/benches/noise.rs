//! Verifiable noise against the group operations that nothing of its kind can do without, in turn
//! and in one run: the multiplications of its commitments and of the rounds of its argument for the
//! prover, one multiplication of all points for the verifier.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench measures and prints"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use curve25519_dalek::traits::{MultiscalarMul, VartimeMultiscalarMul};
use curve25519_dalek::{RistrettoPoint, Scalar};
use messages::ids::Commitment;
use prove::binomial::{Bits, Count};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use verify::binomial::{Committed, Statement, verify};
use verify::generators::{BITS, G, h, share};

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

fn main() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for (n, rounds) in [(1024, 20), (4096, 9), (32_768, 3)] {
        let points: Vec<RistrettoPoint> = (0..n / BITS)
            .flat_map(|party| {
                let share = share(party).unwrap();
                share.g.iter().chain(&share.h).copied().collect::<Vec<_>>()
            })
            .collect();
        let scalars: Vec<Scalar> = points.iter().map(|_| Scalar::random(&mut rng)).collect();
        let blinding = Scalar::random(&mut rng);
        let counter = Scalar::from(1_000_u64) * G + blinding * h();
        let counter = Commitment(counter.compress().to_bytes());
        let (seed, context) = ([2; 32], [3; 32]);
        let [mut draw, mut prove, mut bare_prove, mut check, mut bare_check] =
            [(); 5].map(|()| Vec::new());
        let mut bytes = 0;
        for _ in 0..rounds {
            let mut drawn = None;
            draw.push(timed(|| drawn = Bits::draw(n, &mut rng)));
            let drawn = drawn.unwrap();
            let bits = *drawn.commitment();
            let count = Count { commitment: &counter, value: 1_000, blinding: &blinding };
            let mut answer = None;
            prove.push(timed(|| answer = drawn.answer(&context, &count, &seed, &mut rng).ok()));
            let answer = answer.unwrap();
            bare_prove.push(timed(|| group_operations(&scalars, &points)));
            let committed =
                Committed { context: &context, count: n, counter: &counter, bits: &bits };
            let statement = Statement {
                committed,
                seed: &seed,
                value: answer.value,
                blinding: &answer.blinding,
            };
            check.push(timed(|| verify(&statement, &answer.proof).unwrap()));
            bare_check.push(timed(|| RistrettoPoint::vartime_multiscalar_mul(&scalars, &points)));
            bytes = answer.proof.len();
        }
        let [draw, prove, bare_prove, check, bare_check] =
            [draw, prove, bare_prove, check, bare_check].map(median);
        println!(
            "noise/{n} coins: commit {draw:.1} ms; prove {prove:.1} ms, its group operations \
             {bare_prove:.1} ms, ratio {:.2}; verify {check:.1} ms, one multiplication \
             {bare_check:.1} ms, ratio {:.2}; {bytes} bytes",
            prove / bare_prove,
            check / bare_check,
        );
    }
}

/// What hides the vectors, in constant time; then two multiplications a round over all generators,
/// half of them each, for three rounds, the generators folded by eight, and so on.
fn group_operations(scalars: &[Scalar], points: &[RistrettoPoint]) {
    for (scalars, points) in scalars.chunks(4096).zip(points.chunks(4096)) {
        black_box(RistrettoPoint::multiscalar_mul(scalars, points));
    }
    let mut points = points.to_vec();
    while points.len() > 2 {
        let rounds = 3.min((points.len() / 2).ilog2());
        for _ in 0..2 * rounds {
            let half = points.len() / 2;
            black_box(RistrettoPoint::vartime_multiscalar_mul(&scalars[..half], &points[..half]));
        }
        let fold = 1 << rounds;
        points = points
            .chunks(fold)
            .map(|points| RistrettoPoint::vartime_multiscalar_mul(&scalars[..points.len()], points))
            .collect();
    }
}
