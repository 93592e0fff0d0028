//! The same statements, keys and proofs through snarkjs: number 11 of the list, and a ceremony.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ff::{BigInt, BigInteger, PrimeField};
use ark_groth16::Proof;
use ark_serialize::CanonicalSerialize;
use cloister_circuits::keys::{Proven, Prover};
use cloister_circuits::snarkjs::{self, KeyError};
use messages::circuit::Setup;
use messages::ids::{FieldElement, Root};
use messages::signature::Signature;
use serde_json::Value;
use sha2::{Digest, Sha256};
use verify::groth16::{PinnedKey, Unverified, verify};

use crate::preimage::{assignment, circuit, rng, shape};

/// snarkjs of a fixed version, in a folder of the build; fetched when it is not there.
fn snarkjs() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snarkjs-0.7.6");
        let program = root.join("node_modules/snarkjs/build/cli.cjs");
        if !program.exists() {
            fs::create_dir_all(&root).unwrap();
            let mut install = Command::new("npm");
            let quiet = ["install", "--no-audit", "--no-fund", "--no-save", "--silent"];
            install.args(quiet).args(["--prefix", "."]).arg("snarkjs@0.7.6").current_dir(&root);
            let installed = install.status().is_ok_and(|status| status.success());
            assert!(installed, "this test needs node and npm, and npm a registry of packages");
        }
        program
    })
}

/// One run in a folder: did it succeed?
fn run(folder: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new("node");
    command.arg(snarkjs()).args(arguments).current_dir(folder);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    fs::write(folder.join(name), content).unwrap();
}

fn read(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

/// A proof of ours as snarkjs has it.
fn as_json(proven: &Proven) -> (Value, Value) {
    use ark_serialize::CanonicalDeserialize;
    let proof = Proof::<Bn254>::deserialize_compressed(&proven.proof[..]).unwrap();
    let inputs: Vec<Fr> =
        proven.inputs.iter().map(|input| Fr::from_be_bytes_mod_order(&input.0)).collect();
    (snarkjs::proof(&proof), snarkjs::public(&inputs))
}

/// A proof of snarkjs' as we have it.
fn from_json(proof: &Value) -> Vec<u8> {
    let number = |value: &Value| value.as_str().unwrap().parse::<Fq>().unwrap();
    let pair = |value: &Value| Fq2::new(number(&value[0]), number(&value[1]));
    let g1 = |value: &Value| G1Affine::new(number(&value[0]), number(&value[1]));
    let b = &proof["pi_b"];
    let proof = Proof::<Bn254> {
        a: g1(&proof["pi_a"]),
        b: G2Affine::new(pair(&b[0]), pair(&b[1])),
        c: g1(&proof["pi_c"]),
    };
    let mut bytes = Vec::new();
    proof.serialize_compressed(&mut bytes).unwrap();
    bytes
}

fn accepts(folder: &Path, key: &Value, public: &Value, proof: &Value) -> bool {
    write(folder, "key.json", key.to_string());
    write(folder, "public.json", public.to_string());
    write(folder, "proof.json", proof.to_string());
    run(folder, &["groth16", "verify", "key.json", "public.json", "proof.json"])
}

#[test]
fn n11_snarkjs_takes_our_proofs_and_we_take_its() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shape = shape();
    let prover = Prover::generate(&shape, &mut rng(1)).unwrap();
    let key = snarkjs::verification_key(&prover.key().vk);
    let wires = assignment(5, 6);
    let proven = prover.prove(&wires, &mut rng(2)).unwrap();
    let (proof, public) = as_json(&proven);
    assert!(accepts(folder, &key, &public, &proof));

    let mut other = public.clone();
    other[1] = "7".into();
    assert!(!accepts(folder, &key, &other, &proof), "another input");
    other[1] = "6".into();
    other.as_array_mut().unwrap().push("1".into());
    assert!(!accepts(folder, &key, &other, &proof), "an input too many");
    let mut alias: BigInt<4> = BigInt::from(6u64);
    alias.add_with_carry(&Fr::MODULUS);
    let mut other = public.clone();
    other[1] = alias.to_string().into();
    assert!(!accepts(folder, &key, &other, &proof), "x + r");
    let mut bent = proof.clone();
    bent["pi_c"] = bent["pi_a"].clone();
    assert!(!accepts(folder, &key, &public, &bent), "another point");

    // Its prover, on our constraints, our witness and our key.
    write(folder, "circuit.zkey", snarkjs::write_zkey(&shape, prover.key()));
    write(folder, "witness.wtns", snarkjs::wtns(wires.satisfied().unwrap()));
    let prove = ["groth16", "prove", "circuit.zkey", "witness.wtns", "proof.json", "public.json"];
    assert!(run(folder, &prove));
    assert_eq!(read(folder, "public.json"), public);
    let setup = Setup::Enclave { evidence: Default::default(), signature: Signature([0; 64]) };
    let key = prover.circuit_key("preimage", &shape, setup);
    let pinned = PinnedKey::open(&key, &circuit(), &key.digest()).unwrap();
    let theirs = from_json(&read(folder, "proof.json"));
    let read =
        |inputs: &[FieldElement]| verify(&[Unverified::read(&pinned, &theirs, inputs).unwrap()]);
    assert_eq!(read(&proven.inputs), [true]);
    let [hash, _] = proven.inputs[..] else { panic!() };
    assert_eq!(read(&[hash, hash]), [false]);
    // Both write the constraints alike: its reader finds as many as there are.
    write(folder, "circuit.r1cs", snarkjs::r1cs(&shape));
    assert!(run(folder, &["wtns", "check", "circuit.r1cs", "witness.wtns"]));
}

#[test]
fn a_ceremony_of_several_people_makes_a_key_that_is_read_here() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shape = shape();
    write(folder, "circuit.r1cs", snarkjs::r1cs(&shape));
    let steps: [&[&str]; 8] = [
        &["powersoftau", "new", "bn128", "9", "0.ptau"],
        &["powersoftau", "contribute", "0.ptau", "1.ptau", "--name=one", "-e=first"],
        &["powersoftau", "prepare", "phase2", "1.ptau", "final.ptau"],
        &["groth16", "setup", "circuit.r1cs", "final.ptau", "0.zkey"],
        &["zkey", "contribute", "0.zkey", "1.zkey", "--name=a", "-e=one"],
        &["zkey", "contribute", "1.zkey", "2.zkey", "--name=b", "-e=two"],
        &["zkey", "contribute", "2.zkey", "3.zkey", "--name=c", "-e=three"],
        &["zkey", "beacon", "3.zkey", "4.zkey", "0102030405060708090a0b0c0d0e0f10", "10"],
    ];
    for step in steps {
        assert!(run(folder, step), "{step:?}");
    }
    assert!(run(folder, &["zkey", "verify", "circuit.r1cs", "final.ptau", "4.zkey"]));

    let zkey = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(snarkjs::read_zkey(&zkey("0.zkey"), &shape), Err(KeyError::NoContribution));
    let last = zkey("4.zkey");
    let (key, ceremony) = snarkjs::read_zkey(&last, &shape).unwrap();
    let beacons: Vec<bool> = ceremony.contributions.iter().map(|c| c.beacon).collect();
    assert_eq!(beacons, [false, false, false, true]);

    // A key of the ceremony proves here, and verifies here and there.
    let prover = Prover::new(&shape, key);
    let proven = prover.prove(&assignment(5, 6), &mut rng(2)).unwrap();
    assert!(run(folder, &["zkey", "export", "verificationkey", "4.zkey", "exported.json"]));
    let mut exported = read(folder, "exported.json");
    exported.as_object_mut().unwrap().remove("vk_alphabeta_12");
    assert_eq!(exported, snarkjs::verification_key(&prover.key().vk));
    let (proof, public) = as_json(&proven);
    assert!(accepts(folder, &exported, &public, &proof));
    let setup = Setup::Ceremony {
        transcript: Root(Sha256::digest(&last).into()),
        contributions: 3,
        beacon: true,
    };
    let circuit_key = prover.circuit_key("preimage", &shape, setup);
    let pinned = PinnedKey::open(&circuit_key, &circuit(), &circuit_key.digest()).unwrap();
    let read = Unverified::read(&pinned, &proven.proof, &proven.inputs).unwrap();
    assert_eq!(verify(&[read]), [true]);

    // Of other constraints it is no key, and altered it is none at all.
    let segment = cloister_circuits::segment::shape();
    assert_eq!(snarkjs::read_zkey(&last, &segment), Err(KeyError::OtherCircuit));
    assert_eq!(snarkjs::read_zkey(&last[..last.len() - 1], &shape), Err(KeyError::Malformed));
    assert_eq!(snarkjs::read_zkey(&[&last[..], &[0]].concat(), &shape), Err(KeyError::Malformed));
    let mut refused = 0;
    for at in (0..last.len()).step_by(1499) {
        let mut altered = last.clone();
        altered[at] ^= 4;
        match snarkjs::read_zkey(&altered, &shape) {
            Err(_) => refused += 1,
            // What names the contributors is for snarkjs to check.
            Ok((same, _)) => assert!(same == *prover.key(), "byte {at}"),
        }
    }
    assert!(refused > 90, "{refused}");
}
