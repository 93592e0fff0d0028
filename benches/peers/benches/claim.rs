//! Claims of 64 bits beside bare range proofs of the same number and width: `bulletproofs`, which
//! they are made with, and `tari_bulletproofs_plus`. Ours are whole: from openings to a proof with
//! its paths, and a bundle with leaves, signatures, consent and transcript.

use std::hint::black_box;
use std::time::Duration;

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use cloister_benches::{Fixture, verify};
use cloister_verify::{range::Parties, verify_ranges};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, criterion_group, criterion_main};
use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::CompressedRistretto;
use ed25519_dalek::{Signer, SigningKey};
use merlin::Transcript;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tari_bulletproofs_plus as tari;
use tari_rand_chacha::ChaCha12Rng as TariRng;

const BITS: usize = 64;
const VALUE: u64 = (1 << 40) - 2000;
const LABEL: &str = "bench";

/// `bulletproofs`: one proof of some number of values.
struct Bare {
    generators: BulletproofGens,
    pedersen: PedersenGens,
    values: Vec<u64>,
    blindings: Vec<Scalar>,
}

impl Bare {
    fn new(count: usize) -> Self {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        Self {
            generators: BulletproofGens::new(BITS, count),
            pedersen: PedersenGens::default(),
            values: vec![VALUE; count],
            blindings: (0..count).map(|_| Scalar::random(&mut rng)).collect(),
        }
    }

    fn prove(&self) -> (RangeProof, Vec<CompressedRistretto>) {
        let (mut t, mut rng) = (Transcript::new(LABEL.as_bytes()), ChaCha20Rng::from_seed([2; 32]));
        let Self { generators, pedersen, values, blindings } = self;
        RangeProof::prove_multiple_with_rng(
            generators, pedersen, &mut t, values, blindings, BITS, &mut rng,
        )
        .unwrap()
    }

    fn verify(&self, (proof, points): &(RangeProof, Vec<CompressedRistretto>)) {
        let (mut t, mut rng) = (Transcript::new(LABEL.as_bytes()), ChaCha20Rng::from_seed([3; 32]));
        let Self { generators, pedersen, .. } = self;
        proof
            .verify_multiple_with_rng(generators, pedersen, &mut t, points, BITS, &mut rng)
            .unwrap();
    }
}

/// `tari_bulletproofs_plus`: the same.
struct Tari {
    statement: tari::range_statement::RangeStatement<tari_curve25519::RistrettoPoint>,
    witness: tari::range_witness::RangeWitness,
}

type TariProof = tari::ristretto::RistrettoRangeProof;

impl Tari {
    fn new(count: usize) -> Self {
        use tari::generators::pedersen_gens::ExtensionDegree::DefaultPedersen;
        let pedersen = tari::ristretto::create_pedersen_gens_with_extension_degree(DefaultPedersen);
        let generators =
            tari::range_parameters::RangeParameters::init(BITS, count, pedersen).unwrap();
        let blindings: Vec<_> =
            (1..=count).map(|n| tari_curve25519::Scalar::from(n as u64 * 7_919)).collect();
        let value = tari_curve25519::Scalar::from(VALUE);
        let commit = |blinding: &_| generators.pc_gens().commit(&value, &[*blinding]).unwrap();
        let commitments = blindings.iter().map(commit).collect();
        let openings = blindings
            .iter()
            .map(|b| tari::commitment_opening::CommitmentOpening::new(VALUE, vec![*b]))
            .collect();
        let promises = vec![None; count];
        Self {
            statement: tari::range_statement::RangeStatement::init(
                generators,
                commitments,
                promises,
                None,
            )
            .unwrap(),
            witness: tari::range_witness::RangeWitness::init(openings).unwrap(),
        }
    }

    fn prove(&self) -> TariProof {
        let mut t = tari_merlin::Transcript::new(LABEL.as_bytes());
        let mut rng = TariRng::from_seed_u64();
        TariProof::prove_with_rng(&mut t, &self.statement, &self.witness, &mut rng).unwrap()
    }
}

trait Seeded {
    fn from_seed_u64() -> Self;
}

impl Seeded for TariRng {
    fn from_seed_u64() -> Self {
        tari_rand_chacha::rand_core::SeedableRng::seed_from_u64(4)
    }
}

fn tari_verify(of: &[&Tari], proofs: &[TariProof]) {
    let mut transcripts = vec![tari_merlin::Transcript::new(LABEL.as_bytes()); of.len()];
    let statements: Vec<_> = of.iter().map(|tari| tari.statement.clone()).collect();
    let only = tari::range_proof::VerifyAction::VerifyOnly;
    TariProof::verify_batch(&mut transcripts, &statements, proofs, only).unwrap();
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(30);
    group.measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_millis(500));
    group
}

/// One proof of some number of statements.
fn aggregated(criterion: &mut Criterion) {
    let fixture = Fixture::new(1);
    for count in [1, 2, 4, 8, 16] {
        let statements: Vec<u64> = (0..count as u64).collect();
        let (bare, tari) = (Bare::new(count), Tari::new(count));
        let mut group = group(criterion, &format!("claim/{count} statements, prove"));
        group.bench_function("cloister", |b| b.iter(|| fixture.prove_all(black_box(&statements))));
        group.bench_function("bulletproofs", |b| b.iter(|| black_box(&bare).prove()));
        group.bench_function("tari", |b| b.iter(|| black_box(&tari).prove()));
        group.finish();
        let bundle = fixture.bundle_of(vec![fixture.prove_all(&statements)]);
        let (bare_proof, tari_proof) = (bare.prove(), tari.prove());
        let mut group = self::group(criterion, &format!("claim/{count} statements, verify"));
        group.bench_function("cloister", |b| b.iter(|| verify(black_box(&bundle))));
        group.bench_function("bulletproofs", |b| b.iter(|| bare.verify(black_box(&bare_proof))));
        let proofs = std::slice::from_ref(&tari_proof);
        group.bench_function("tari", |b| b.iter(|| tari_verify(&[&tari], black_box(proofs))));
        group.finish();
    }
}

/// Some number of claims of one statement each, in one bundle. `bulletproofs` verifies no batch.
fn batched(criterion: &mut Criterion) {
    let fixture = Fixture::new(1);
    let (bare, tari) = (Bare::new(1), Tari::new(1));
    let (bare_proof, tari_proof) = (bare.prove(), tari.prove());
    for count in [8, 16, 64, 256] {
        let bundle = fixture.bundle_of_many(count);
        let count = count as usize;
        let (of, proofs) = (vec![&tari; count], vec![tari_proof.clone(); count]);
        let mut group = group(criterion, &format!("claim/batch of {count}, verify"));
        group.bench_function("cloister", |b| b.iter(|| verify(black_box(&bundle))));
        group.bench_function("bulletproofs, one by one", |b| {
            b.iter(|| (0..count).for_each(|_| bare.verify(black_box(&bare_proof))));
        });
        group.bench_function("tari", |b| b.iter(|| tari_verify(&of, black_box(&proofs))));
        group.finish();
    }
    alone(criterion, &bare_proof);
    // What a bundle of the fixture holds beside its range proofs: four leaves and a checkpoint.
    let key = SigningKey::from_bytes(&[7; 32]);
    let signature = key.sign(LABEL.as_bytes());
    group(criterion, "claim/primitives").bench_function("five Ed25519 signatures, strict", |b| {
        let check = || key.verifying_key().verify_strict(black_box(LABEL.as_bytes()), &signature);
        b.iter(|| (0..5).for_each(|_| check().unwrap()));
    });
}

/// The range proofs of a batch without claims, leaves and consent: what the others verify.
fn alone(criterion: &mut Criterion, (proof, points): &(RangeProof, Vec<CompressedRistretto>)) {
    let bytes = proof.to_bytes();
    let points: Vec<_> = points.iter().map(|point| point.decompress().unwrap()).collect();
    let mut group = group(criterion, "claim/range proofs alone, verify");
    for count in [1, 8, 16, 256] {
        let all = || {
            let parties = Parties { bits: BITS, points: points.clone(), pads: 0 };
            (Transcript::new(LABEL.as_bytes()), parties, &bytes[..])
        };
        group.bench_function(format!("{count}"), |b| {
            b.iter(|| {
                let faults = verify_ranges((0..count).map(|_| all()).collect());
                assert!(faults.iter().all(Option::is_none));
            });
        });
    }
}

/// Over one hour, and over a year of hours.
fn epochs(criterion: &mut Criterion) {
    let mut group = group(criterion, "claim/epochs, verify");
    for epochs in [1, 8760] {
        let bundle = Fixture::new(epochs).bundle();
        group.bench_function(format!("{epochs}"), |b| b.iter(|| verify(black_box(&bundle))));
    }
}

criterion_group!(benches, aggregated, batched, epochs);
criterion_main!(benches);
