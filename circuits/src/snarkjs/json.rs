//! The JSON of snarkjs: decimal coordinates, projective with a last coordinate of one.

use ark_bn254::{Bn254, Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_groth16::{Proof, VerifyingKey};
use serde_json::{Value, json};

/// `proof.json`.
#[must_use]
pub fn proof(proof: &Proof<Bn254>) -> Value {
    let Proof { a, b, c } = proof;
    json!({"pi_a": g1(a), "pi_b": g2(b), "pi_c": g1(c), "protocol": "groth16", "curve": "bn128"})
}

/// `public.json`.
#[must_use]
pub fn public(inputs: &[Fr]) -> Value {
    inputs.iter().map(|input| Value::from(input.to_string())).collect()
}

/// `verification_key.json`.
#[must_use]
pub fn verification_key(key: &VerifyingKey<Bn254>) -> Value {
    let VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1 } = key;
    json!({
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": gamma_abc_g1.len().saturating_sub(1),
        "vk_alpha_1": g1(alpha_g1),
        "vk_beta_2": g2(beta_g2),
        "vk_gamma_2": g2(gamma_g2),
        "vk_delta_2": g2(delta_g2),
        "IC": gamma_abc_g1.iter().map(g1).collect::<Vec<_>>(),
    })
}

fn text(coordinate: &Fq) -> String {
    coordinate.to_string()
}

fn g1(point: &G1Affine) -> Value {
    match point.xy() {
        Some((x, y)) => json!([text(&x), text(&y), "1"]),
        None => json!(["0", "1", "0"]),
    }
}

fn g2(point: &G2Affine) -> Value {
    match point.xy() {
        Some((x, y)) => {
            json!([[text(&x.c0), text(&x.c1)], [text(&y.c0), text(&y.c1)], ["1", "0"]])
        }
        None => json!([["0", "0"], ["1", "0"], ["0", "0"]]),
    }
}
