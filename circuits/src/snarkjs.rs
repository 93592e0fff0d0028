//! The files of snarkjs: what its ceremony begins with and ends with, and what its verifier reads.
//!
//! Every binary file is a magic word, a version, and numbered sections (iden3's `binfileutils`);
//! numbers are little-endian. `circuit.r1cs` and `witness.wtns` hold plain integers, a `.zkey` holds
//! its coordinates in Montgomery form. The JSON is decimal.

mod binary;
mod json;
mod r1cs;
mod zkey;

pub use json::{proof, public, verification_key};
pub use r1cs::{r1cs, wtns};
pub use zkey::{Ceremony, Contribution, KeyError, read_zkey, write_zkey};
