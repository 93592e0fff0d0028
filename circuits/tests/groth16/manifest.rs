//! A circuit is what its manifest says: constraints are made anew and compared. Number 8 of the
//! list.
//!
//! After a change that is meant: `cargo test -p cloister-circuits --features groth16 --test groth16
//! -- --ignored rewrites`. Every key of the old constraints is void then.

use std::path::Path;

use cloister_circuits::keys;
use cloister_circuits::segment;
use sha2::{Digest, Sha256};
use verify::groth16::SEGMENT;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");
/// What the constraints are made of.
const SOURCES: [&str; 7] = [
    "src/digest.rs",
    "src/entry.rs",
    "src/log.rs",
    "src/poseidon.rs",
    "src/r1cs.rs",
    "src/rules.rs",
    "src/segment.rs",
];

fn generated() -> String {
    let shape = segment::shape();
    let mut sources = Sha256::new();
    for name in SOURCES {
        sources.update(std::fs::read(Path::new(FOLDER).join(name)).unwrap());
    }
    let (rows, inputs, wires) = (shape.rows().len(), shape.inputs(), shape.wires());
    let terms: usize = shape.rows().iter().flatten().map(|side| side.0.len()).sum();
    let domain = (rows + inputs + 1).next_power_of_two();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let (sources, digest) = (hex(&sources.finalize()), hex(&keys::digest(&shape).0));
    let files = SOURCES.map(|name| format!("    \"{name}\",\n")).concat();
    format!(
        "# Made and compared by tests/groth16/manifest.rs.\n\
         circuit = \"segment\"\n\
         statement = \"segment/README.md\"\n\
         curve = \"bn254\"\n\
         # SHA-256 of segment.r1cs: the matrices, as snarkjs reads them.\n\
         constraints-sha256 = \"{digest}\"\n\
         constraints = {rows}\n\
         wires = {wires}\n\
         inputs = {inputs}\n\
         terms = {terms}\n\
         domain = {domain}\n\
         # SHA-256 of these files, one after the other.\n\
         sources-sha256 = \"{sources}\"\n\
         sources = [\n{files}]\n\n\
         # No ceremony was held: a powers-of-tau file for this domain was not at hand. Monitors make\n\
         # keys of their own, each attested (setup \"enclave\"); a verifier pins each by its digest.\n\
         [setup]\n\
         kind = \"none\"\n"
    )
}

#[test]
fn n08_the_segment_circuit_is_the_one_of_its_manifest() {
    let written = std::fs::read_to_string(Path::new(FOLDER).join("segment/manifest.toml"));
    assert_eq!(written.unwrap(), generated());
    let shape = segment::shape();
    let known = (SEGMENT.constraints, SEGMENT.inputs);
    assert_eq!(known, (keys::digest(&shape), shape.inputs()), "what verifiers know of it");
}

#[test]
#[ignore = "rewrites the manifest"]
fn rewrites_the_manifest() {
    std::fs::write(Path::new(FOLDER).join("segment/manifest.toml"), generated()).unwrap();
}
