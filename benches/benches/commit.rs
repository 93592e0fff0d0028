//! Committing to a tally, against the group operations that it cannot do without.

use std::hint::black_box;

use bulletproofs::PedersenGens;
use cloister_benches::{COUNTERS, context, schema, secret, totals};
use criterion::{Criterion, criterion_group, criterion_main};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_TABLE;
use curve25519_dalek::ristretto::{RistrettoBasepointTable, RistrettoPoint};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tally::Place;

fn committing(criterion: &mut Criterion) {
    let (totals, secret, context) = (totals(), secret(), context(1));
    let (moved, start) = (messages::segment::moved(&schema()), Place::start());
    criterion.bench_function("commit/tally of 32 counters", |b| {
        b.iter(|| {
            tally::commit(black_box(&totals), (&moved, start), None, &secret, &context).root()
        });
    });

    let table = RistrettoBasepointTable::create(&PedersenGens::default().B_blinding);
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let scalars: Vec<[Scalar; 2]> =
        (0..COUNTERS).map(|_| [Scalar::random(&mut rng), Scalar::random(&mut rng)]).collect();
    let points = |scalars: &[[Scalar; 2]]| -> Vec<RistrettoPoint> {
        scalars.iter().map(|[v, r]| v * RISTRETTO_BASEPOINT_TABLE + r * &table).collect()
    };
    criterion.bench_function("commit/bare: 64 multiplications, 32 encodings in one batch", |b| {
        b.iter(|| RistrettoPoint::double_and_compress_batch(&points(black_box(&scalars))));
    });
    criterion.bench_function("commit/bare: 64 multiplications, 32 single encodings", |b| {
        b.iter(|| -> Vec<_> {
            points(black_box(&scalars)).iter().map(RistrettoPoint::compress).collect()
        });
    });
}

criterion_group!(benches, committing);
criterion_main!(benches);
