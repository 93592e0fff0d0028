#![doc = include_str!("../README.md")]

pub mod digest;
pub mod entry;
#[cfg(feature = "groth16")]
pub mod keys;
pub mod log;
pub mod poseidon;
#[cfg(feature = "groth16")]
pub mod qap;
pub mod r1cs;
pub mod rules;
pub mod segment;
#[cfg(feature = "groth16")]
pub mod snarkjs;
