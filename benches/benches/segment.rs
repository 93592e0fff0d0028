//! Segments: proving beside snarkjs on the same constraints, witness and key, in one run, and
//! verifying one by one and together. Processor time, for both may use several threads.
//!
//! `cargo bench -p cloister-benches --bench segment`; needs node and npm, and a registry of packages.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that fails says so, reads a clock and prints"
)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ark_bn254::{Bn254, Fr};
use ark_ff::PrimeField;
use ark_groth16::{Groth16, Proof, prepare_verifying_key};
use ark_serialize::CanonicalDeserialize;
use circuits::entry::Packed;
use circuits::keys::{Proven, Prover};
use circuits::log::{self, BLOCK, COUNTERS};
use circuits::rules::Rules;
use circuits::segment::{self, Witness};
use circuits::snarkjs;
use messages::circuit::Setup;
use messages::counter::CounterIndex;
use messages::ids::EventHash;
use messages::segment::{Answered, CallRule, Entry, Outcome, RuleTable, SEGMENT_ENTRIES, SumRule};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use verify::groth16::{PinnedKey, SEGMENT, Unverified, verify};

const PROOFS: usize = 5;
const BATCH: usize = 256;

fn main() {
    // `cargo test --benches` only wants to see that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let shape = segment::shape();
    let (setup, prover) = timed(|| Prover::insecure_test(&shape).unwrap());
    println!("constraints {}, wires {}", shape.rows().len(), shape.wires());
    println!("setup                              {setup:8.2} s of processor");

    let witness = full();
    let statement = witness.statement(Fr::from(3u64));
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let mut ours = Vec::new();
    let mut proven = None;
    for _ in 0..PROOFS {
        let (seconds, made) =
            timed(|| prover.prove(&segment::assign(&statement, &witness), &mut rng).unwrap());
        ours.push(seconds);
        proven = Some(made);
    }
    let (ours, proven) = (median(&mut ours), proven.unwrap());
    let per_event = |seconds: f64| 1000.0 * seconds / SEGMENT_ENTRIES as f64;
    println!(
        "prove, ours, from entries          {ours:8.2} s, {:.1} ms an event, peak {} MB",
        per_event(ours),
        peak_mb()
    );
    let theirs = snarkjs_seconds(&prover, &shape, &statement, &witness);
    println!(
        "prove, snarkjs, from the witness   {:8.2} s, {:.1} ms an event, peak {} MB",
        theirs.0,
        per_event(theirs.0),
        theirs.1
    );
    println!("snarkjs / ours                     {:8.2}", theirs.0 / ours);
    verifying(&prover, &shape, &proven);
}

/// 256 entries: payments and their answers.
fn full() -> Witness {
    let call = |at: u16| CallRule {
        counter: CounterIndex(22 + at),
        permitted: Some(200_000),
        approved: Some(1 << 40),
        sum: Some(0),
        most: 1 << 40,
    };
    let sums = vec![SumRule { counter: CounterIndex(60), most: 1 << 40 }];
    let rules = Rules::new(&RuleTable { calls: (0..20).map(call).collect(), sums });
    let entry = |n: u16| {
        let pays = n.is_multiple_of(2);
        Entry {
            event: EventHash([7; 32]),
            taken: true,
            opens: n == 0,
            outcome: pays.then_some(Outcome::Permitted),
            ran: pays.then_some(n % 20),
            amount: if pays { u64::from(n) * 777 } else { 0 },
            alert: false,
            answer: (!pays).then_some(Answered::Ok),
            latency: (!pays).then_some(u8::try_from(n % 8).unwrap()),
            breach: false,
            bytes: 4321,
            pii: 3,
        }
    };
    let packed: Vec<Packed> =
        (0u16..).take(SEGMENT_ENTRIES).map(|n| Packed::new(&entry(n), &rules, &[9; 32])).collect();
    let blocks = packed.chunks(BLOCK).map(<[Packed]>::to_vec).collect();
    let (root, blindings) = (log::start(), [Fr::from(8u64), Fr::from(9u64)]);
    Witness { rules, root, counters: [5; COUNTERS], blindings, blocks }
}

/// Processor seconds of a proof by snarkjs, median, and its peak memory in MB.
fn snarkjs_seconds(
    prover: &Prover,
    shape: &circuits::r1cs::Shape,
    statement: &segment::Statement,
    witness: &Witness,
) -> (f64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("circuit.zkey"), snarkjs::write_zkey(shape, prover.key())).unwrap();
    let wires = segment::assign(statement, witness);
    fs::write(folder.join("witness.wtns"), snarkjs::wtns(wires.satisfied().unwrap())).unwrap();
    let script = "
        import * as snarkjs from 'snarkjs';
        import process from 'node:process';
        const times = [];
        for (let n = 0; n < 4; n++) {
            const before = process.cpuUsage();
            await snarkjs.groth16.prove(process.argv[2], process.argv[3]);
            const used = process.cpuUsage(before);
            times.push((used.user + used.system) / 1e6);
        }
        times.shift();
        times.sort((a, b) => a - b);
        console.log(times[1], Math.round(process.resourceUsage().maxRSS / 1024));
        process.exit(0);";
    let home = installed();
    fs::write(home.join("prove.mjs"), script).unwrap();
    let mut node = Command::new("node");
    node.arg(home.join("prove.mjs")).arg(folder.join("circuit.zkey"));
    let told = node.arg(folder.join("witness.wtns")).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let (seconds, megabytes) = told.trim().split_once(' ').unwrap();
    (seconds.parse().unwrap(), megabytes.parse().unwrap())
}

fn installed() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snarkjs-0.7.6");
    if !home.join("node_modules/snarkjs").exists() {
        fs::create_dir_all(&home).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--prefix", "."]);
        assert!(npm.arg("snarkjs@0.7.6").current_dir(&home).status().unwrap().success());
    }
    home
}

fn verifying(prover: &Prover, shape: &circuits::r1cs::Shape, proven: &Proven) {
    let key = prover.circuit_key("segment", shape, Setup::InsecureTest);
    let pinned = PinnedKey::dangerous_open_test_key(&key, &SEGMENT, &key.digest()).unwrap();
    let Proven { inputs, proof } = proven;
    let read = || Unverified::read(&pinned, proof, inputs).unwrap();
    let each = |count: usize, mut of: Box<dyn FnMut() + '_>| {
        let start = Instant::now();
        (0..count).for_each(|_| of());
        1e6 * start.elapsed().as_secs_f64() / count as f64
    };
    let single = each(300, Box::new(|| assert_eq!(black_box(verify(&[read()])), [true])));
    let prepared = prepare_verifying_key(&prover.key().vk);
    let elements: Vec<Fr> = inputs.iter().map(|i| Fr::from_be_bytes_mod_order(&i.0)).collect();
    let bare = each(
        300,
        Box::new(|| {
            let proof = Proof::<Bn254>::deserialize_compressed(&proof[..]).unwrap();
            assert!(Groth16::<Bn254>::verify_proof(&prepared, &proof, &elements).unwrap());
        }),
    );
    let together = |count: usize| {
        let rounds = (600 / count).max(2);
        let micros = each(
            rounds,
            Box::new(|| {
                let batch: Vec<Unverified<'_>> = (0..count).map(|_| read()).collect();
                assert!(black_box(verify(&batch)).iter().all(|held| *held));
            }),
        );
        micros / count as f64
    };
    println!("verify, one                        {single:8.0} us, read and checked");
    println!("verify, one, by ark-groth16        {bare:8.0} us, read and checked");
    for count in [4, 16, 64, BATCH] {
        let micros = together(count);
        println!(
            "verify, {count:3} together, each         {micros:8.0} us, {:.2}",
            micros / single
        );
    }
}

/// Processor seconds of this process that `of` took.
fn timed<T>(of: impl FnOnce() -> T) -> (f64, T) {
    let before = processor();
    let made = of();
    (processor() - before, made)
}

/// User and system time so far, in hundredths of a second, as Linux keeps it.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn median(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap()
}
