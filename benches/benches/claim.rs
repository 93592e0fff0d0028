//! Proving and verifying one 64-bit claim, against the bare range proof; and a claim over one
//! hour against one over a year of hours.

use std::hint::black_box;

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use cloister_benches::{Fixture, verify};
use criterion::{Criterion, criterion_group, criterion_main};
use curve25519_dalek::Scalar;
use merlin::Transcript;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn claim(criterion: &mut Criterion) {
    let (hour, year) = (Fixture::new(1), Fixture::new(HOURS));
    criterion.bench_function("claim/prove", |b| b.iter(|| black_box(&hour).prove()));
    let (short, long) = (hour.bundle(), year.bundle());
    criterion.bench_function("claim/verify, 1 epoch", |b| b.iter(|| verify(black_box(&short))));
    criterion.bench_function("claim/verify, 8760 epochs", |b| b.iter(|| verify(black_box(&long))));
    bare(criterion);
    alternate(&hour);
    sizes(&[("1 epoch", &short), ("8760 epochs", &long)]);
}

fn bare(criterion: &mut Criterion) {
    let (pedersen, generators) = (PedersenGens::default(), BulletproofGens::new(64, 1));
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let blinding = Scalar::random(&mut rng);
    let prove = |rng: &mut ChaCha20Rng| {
        let mut transcript = Transcript::new(b"bench");
        let value = black_box((1 << 40) - 2000);
        RangeProof::prove_single_with_rng(
            &generators,
            &pedersen,
            &mut transcript,
            value,
            &blinding,
            64,
            rng,
        )
    };
    criterion.bench_function("claim/bare bulletproofs, prove", |b| b.iter(|| prove(&mut rng)));
    let mut verifier = ChaCha20Rng::from_seed([2; 32]);
    if let Ok((proof, commitment)) = prove(&mut rng) {
        criterion.bench_function("claim/bare bulletproofs, verify", |b| {
            b.iter(|| {
                let mut transcript = Transcript::new(b"bench");
                proof.verify_single_with_rng(
                    &generators,
                    &pedersen,
                    &mut transcript,
                    &commitment,
                    64,
                    &mut verifier,
                )
            });
        });
    }
}

/// Both provers in turn, so that a machine that speeds up or slows down does it to both.
#[expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a bench measures and prints"
)]
fn alternate(hour: &Fixture) {
    let (pedersen, generators) = (PedersenGens::default(), BulletproofGens::new(64, 1));
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let blinding = Scalar::random(&mut rng);
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        let start = std::time::Instant::now();
        black_box(hour.prove());
        ours.push(start.elapsed().as_nanos());
        let mut t = Transcript::new(b"bench");
        let value = black_box((1 << 40) - 2000);
        let start = std::time::Instant::now();
        let proof = RangeProof::prove_single_with_rng(
            &generators,
            &pedersen,
            &mut t,
            value,
            &blinding,
            64,
            &mut rng,
        );
        bare.push(start.elapsed().as_nanos());
        drop(black_box(proof));
    }
    ours.sort_unstable();
    bare.sort_unstable();
    for at in [ours.len() / 10, ours.len() / 2] {
        if let Some((ours, bare)) = ours.get(at).zip(bare.get(at)) {
            let ratio = *ours as f64 / *bare as f64;
            println!(
                "claim/prove in turn, rank {at} of 400: {ours} ns, bare {bare} ns, ratio {ratio:.3}"
            );
        }
    }
}

#[expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    reason = "sizes are results of this bench"
)]
fn sizes(bundles: &[(&str, &[u8])]) {
    for (name, bundle) in bundles {
        println!("claim/bundle, {name}: {} bytes", bundle.len());
    }
}

/// A year of hours.
const HOURS: u64 = 8760;

criterion_group!(benches, claim);
criterion_main!(benches);
