//! Constraints and witnesses as files.

use ark_bn254::Fr;

use super::binary::Writer;
use crate::r1cs::{Linear, Shape};

/// `circuit.r1cs`, version 1. Its SHA-256 is the identity of a circuit's constraints.
#[must_use]
pub fn r1cs(shape: &Shape) -> Vec<u8> {
    let mut file = Writer::new(*b"r1cs", 1, 3);
    file.section(1, |header| {
        header.u32(32);
        header.modulus::<Fr>();
        header.count(shape.wires());
        header.u32(0); // public outputs: all of ours are inputs
        header.count(shape.inputs());
        header.u32(0); // private inputs are wires like all others
        header.u64(shape.wires() as u64);
        header.count(shape.rows().len());
    });
    file.section(2, |constraints| {
        for Linear(terms) in shape.rows().iter().flatten() {
            constraints.count(terms.len());
            for (wire, coefficient) in terms {
                constraints.count(*wire);
                constraints.element(coefficient);
            }
        }
    });
    file.section(3, |labels| (0..shape.wires() as u64).for_each(|wire| labels.u64(wire)));
    file.finish()
}

/// `witness.wtns`, version 2: every wire, in order. Secret.
#[must_use]
pub fn wtns(wires: &[Fr]) -> Vec<u8> {
    let mut file = Writer::new(*b"wtns", 2, 2);
    file.section(1, |header| {
        header.u32(32);
        header.modulus::<Fr>();
        header.count(wires.len());
    });
    file.section(2, |values| wires.iter().for_each(|wire| values.element(wire)));
    file.finish()
}
