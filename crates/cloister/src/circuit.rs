//! `cloister circuit`: what a ceremony begins with, the key that it ended with, and what a key is.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use circuits::snarkjs::{KeyError, r1cs, read_zkey};
use circuits::{keys::Prover, segment};
use clap::Subcommand;
use messages::circuit::{CircuitKey, Setup};
use messages::codec::Wire;
use messages::ids::Root;
use sha2::{Digest, Sha256};
use verify::groth16::SEGMENT;

use crate::fault::{Fault, read, write};
use crate::output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write the constraints of the segment circuit as a file that snarkjs begins a ceremony with.
    #[command(
        after_help = "Example:\n  cloister circuit constraints --out segment.r1cs\n  snarkjs groth16 setup segment.r1cs powers_17.ptau segment_0.zkey\n  snarkjs zkey contribute segment_0.zkey segment_1.zkey   # several people, one after the other"
    )]
    Constraints {
        /// Where to write them.
        #[arg(long)]
        out: PathBuf,
    },
    /// Read the last key of a ceremony and write its verifying key, for anchors. `snarkjs zkey
    /// verify` checks the transcript; this command does not.
    #[command(
        after_help = "Example:\n  snarkjs zkey verify segment.r1cs powers_17.ptau segment_final.zkey\n  cloister circuit import segment_final.zkey --out segment.key"
    )]
    Import {
        /// The key as snarkjs made it.
        zkey: PathBuf,
        /// Where to write the verifying key.
        #[arg(long)]
        out: PathBuf,
    },
    /// Say of which circuit a verifying key is, and how it was made.
    #[command(after_help = "Example:\n  cloister circuit show bundle.segment.key")]
    Show {
        /// The verifying key.
        key: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Constraints { out } => {
            write(out, &r1cs(&segment::shape()))?;
            let (inputs, sum) = (SEGMENT.inputs, hex::encode(SEGMENT.constraints.0));
            output::line(format!("wrote {}: circuit segment, {inputs} inputs", out.display()));
            output::line(format!("  SHA-256 {sum}"));
        }
        Command::Import { zkey, out } => {
            let key = import(zkey)?;
            write(out, &key.to_cbor())?;
            output::line(format!("wrote {}", out.display()));
            tell(&key);
        }
        Command::Show { key } => tell(&load(key)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a verifying key.
pub(crate) fn load(path: &Path) -> Result<CircuitKey, Fault> {
    let bytes = read(path, u64::try_from(CircuitKey::MAX_BYTES).unwrap_or(u64::MAX))?;
    CircuitKey::from_cbor(&bytes).map_err(|_| {
        Fault::new(
            "circuit-key-malformed",
            format!("{} is no verifying key of a circuit", path.display()),
            "name the .key file that was written beside the bundle",
        )
    })
}

/// Says what a key is, and how it was made.
pub(crate) fn tell(key: &CircuitKey) {
    let CircuitKey { circuit, constraints, setup, points: _ } = key;
    let known = *circuit == SEGMENT.name && *constraints == SEGMENT.constraints;
    let known = if known { "" } else { " (this program knows no such circuit: it is refused)" };
    output::line(format!("circuit    {circuit}{known}"));
    output::line(format!("  key {}", key.digest()));
    match setup {
        Setup::Ceremony { transcript, contributions, beacon } => {
            let beacon = if *beacon { ", and a public beacon closed it" } else { "" };
            output::line(format!("  {contributions} contributed to it{beacon}"));
            output::line(format!("  file of the last key: SHA-256 {}", hex::encode(transcript.0)));
        }
        Setup::Enclave { evidence, signature: _ } => {
            output::line(format!("  made by the boot that evidence {evidence} introduces"));
        }
        Setup::InsecureTest => output::line("  from a published seed: it is refused"),
    }
}

fn import(path: &Path) -> Result<CircuitKey, Fault> {
    let bytes = read(path, MAX_ZKEY)?;
    let waiting = output::spinner("checking every point of the key");
    let shape = segment::shape();
    let key = read_zkey(&bytes, &shape).map_err(|e| refused(path, e));
    waiting.finish_and_clear();
    let (key, ceremony) = key?;
    let (people, beacons): (Vec<_>, Vec<_>) =
        ceremony.contributions.iter().partition(|contribution| !contribution.beacon);
    let setup = Setup::Ceremony {
        transcript: Root(Sha256::digest(&bytes).into()),
        contributions: u32::try_from(people.len()).unwrap_or(u32::MAX),
        beacon: !beacons.is_empty(),
    };
    Ok(Prover::new(&shape, key).circuit_key(SEGMENT.name, &shape, setup))
}

fn refused(path: &Path, error: KeyError) -> Fault {
    let (code, remedy) = match error {
        KeyError::Malformed => ("zkey-malformed", "name the last .zkey of the ceremony, whole"),
        KeyError::OtherCurve => ("zkey-other-curve", "hold the ceremony over bn128 (BN254)"),
        KeyError::OtherCircuit => {
            ("zkey-other-circuit", "begin the ceremony with `cloister circuit constraints`")
        }
        KeyError::BadPoint => {
            ("zkey-bad-point", "fetch the file again; if it stays, do not use it")
        }
        KeyError::NoContribution => {
            ("zkey-no-contribution", "let several people contribute: snarkjs zkey contribute")
        }
    };
    Fault::new(code, format!("{}: {error}", path.display()), remedy)
}

/// The segment circuit's keys are some 100 MB.
const MAX_ZKEY: u64 = 1 << 28;
