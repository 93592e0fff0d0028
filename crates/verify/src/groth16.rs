//! Groth16 over BN254 (eprint 2016/260), strictly: e(A, B) = e(α, β)·e(Σ xᵢ·ICᵢ, γ)·e(C, δ).
//!
//! A key is read only if anchors pin its circuit and its digest; a proof is read only if it is 128
//! bytes of the one encoding, with points of their groups; inputs are as many as the key has, each
//! below the modulus. Proofs are malleable: whoever sees one can make others of the same statement,
//! so a proof's bytes are no identity of anything.
//!
//! The equation is written out here, on pairings alone: the tests hold it against `ark-groth16`,
//! which would bring a logger and four hash functions into what a sceptic has to read.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, PrimeField, Zero};
use ark_serialize::CanonicalDeserialize;
use messages::circuit::{CircuitKey, Setup};
use messages::domain;
use messages::ids::{CircuitKeyDigest, FieldElement, Root};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 128;

/// A circuit that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// Its name in keys.
    pub name: &'static str,
    /// SHA-256 of its constraints as a snarkjs `.r1cs` file.
    pub constraints: Root,
    /// Its public inputs.
    pub inputs: usize,
}

/// Every entry of a segment obeyed the rules: `circuits/segment/README.md`.
pub const SEGMENT: Circuit =
    Circuit { name: "segment", constraints: Root(SEGMENT_CONSTRAINTS), inputs: 4 };

/// A verifying key that was pinned, read, and found sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKey {
    key: CircuitKey,
    digest: CircuitKeyDigest,
    points: Points,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Points {
    alpha: G1Affine,
    beta: G2Affine,
    gamma: G2Affine,
    delta: G2Affine,
    inputs: Vec<G1Affine>,
}

impl PinnedKey {
    /// Reads the key of `circuit` that anchors pin by `digest`. What attested an enclave's key is for
    /// others to appraise.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    pub fn open(
        key: &CircuitKey,
        circuit: &Circuit,
        digest: &CircuitKeyDigest,
    ) -> Result<Self, KeyRefusal> {
        match key.setup {
            Setup::InsecureTest => Err(KeyRefusal::InsecureTest),
            Setup::Ceremony { contributions: 0, .. } => Err(KeyRefusal::NoContribution),
            Setup::Ceremony { .. } | Setup::Enclave { .. } => Self::checked(key, circuit, digest),
        }
    }

    /// The same for keys of a published seed, with which anybody can forge proofs: for tests of
    /// what uses proofs, and for nothing else.
    ///
    /// # Errors
    /// [`KeyRefusal`].
    #[cfg(any(test, feature = "insecure-test-keys"))]
    pub fn dangerous_open_test_key(
        key: &CircuitKey,
        circuit: &Circuit,
        digest: &CircuitKeyDigest,
    ) -> Result<Self, KeyRefusal> {
        Self::checked(key, circuit, digest)
    }

    fn checked(
        key: &CircuitKey,
        circuit: &Circuit,
        digest: &CircuitKeyDigest,
    ) -> Result<Self, KeyRefusal> {
        if key.circuit != circuit.name || key.constraints != circuit.constraints {
            return Err(KeyRefusal::OtherCircuit);
        }
        if key.digest() != *digest {
            return Err(KeyRefusal::OtherKey);
        }
        let points = Points::read(&key.points).ok_or(KeyRefusal::BadPoint)?;
        if points.inputs.len() != circuit.inputs.saturating_add(1) {
            return Err(KeyRefusal::OtherCircuit);
        }
        // Before anybody contributed γ = δ, and then A = α, B = β, C = −Σ xᵢ·ICᵢ proves anything.
        if points.gamma == points.delta {
            return Err(KeyRefusal::NoContribution);
        }
        Ok(Self { key: key.clone(), digest: *digest, points })
    }

    /// The key as it was handed out.
    #[must_use]
    pub const fn key(&self) -> &CircuitKey {
        &self.key
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> CircuitKeyDigest {
        self.digest
    }
}

impl Points {
    fn read(mut bytes: &[u8]) -> Option<Self> {
        let count = bytes.len().checked_sub(FIXED_POINTS)?.checked_div(G1_BYTES)?;
        if bytes.len() != count.checked_mul(G1_BYTES)?.checked_add(FIXED_POINTS)? || count == 0 {
            return None;
        }
        Some(Self {
            alpha: point(&mut bytes)?,
            beta: point(&mut bytes)?,
            gamma: point(&mut bytes)?,
            delta: point(&mut bytes)?,
            inputs: (0..count).map(|_| point(&mut bytes)).collect::<Option<_>>()?,
        })
    }
}

/// A point of its group, not the identity, in the one compressed encoding.
fn point<P: AffineRepr>(bytes: &mut &[u8]) -> Option<P> {
    let length = P::default().compressed_size();
    let (one, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    // Checks the curve and the subgroup; what it is lenient about is found by writing it again.
    let point = P::deserialize_compressed(one).ok().filter(|point| !point.is_zero())?;
    let mut again = Vec::new();
    point.serialize_compressed(&mut again).ok()?;
    (again == one).then_some(point)
}

/// Why a key is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// A point is not in its group, is the identity, or is a second encoding.
    #[error("a point of the verifying key is not in its group")]
    BadPoint,
    /// Anybody can forge proofs: the seed is published.
    #[error("the verifying key is for tests: anybody can forge proofs with it")]
    InsecureTest,
    /// Anybody can forge proofs: nobody contributed to the key.
    #[error("nobody has contributed to the verifying key")]
    NoContribution,
    /// It is the key of another circuit.
    #[error("the verifying key is of another circuit")]
    OtherCircuit,
    /// It is not the one that is pinned.
    #[error("the verifying key is not the one that is pinned")]
    OtherKey,
}

/// Why a proof is not even tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not as many inputs as the key has, or one at or over the modulus.
    #[error("the public inputs are not those of the circuit")]
    Inputs,
    /// Not 128 bytes of the one encoding, or a point is not in its group.
    #[error("the proof is not 128 bytes of three points")]
    Proof,
}

/// A proof that was read, with its inputs, and not yet verified.
pub struct Unverified<'a> {
    key: &'a PinnedKey,
    a: G1Affine,
    b: G2Affine,
    c: G1Affine,
    inputs: Vec<Fr>,
    /// All of it, hashed: what weights come from.
    held: [u8; 32],
}

impl<'a> Unverified<'a> {
    /// Reads a proof of the statement that has these public inputs, in order.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(
        key: &'a PinnedKey,
        proof: &[u8],
        inputs: &[FieldElement],
    ) -> Result<Self, Unreadable> {
        // One point is the constant's. ark-groth16 does not count: a short list verifies there.
        if inputs.len().saturating_add(1) != key.points.inputs.len() {
            return Err(Unreadable::Inputs);
        }
        let elements: Option<Vec<Fr>> = inputs.iter().map(element).collect();
        let elements = elements.ok_or(Unreadable::Inputs)?;
        if proof.len() != PROOF_BYTES {
            return Err(Unreadable::Proof);
        }
        let mut rest = proof;
        let a = point(&mut rest).ok_or(Unreadable::Proof)?;
        let b = point(&mut rest).ok_or(Unreadable::Proof)?;
        let c = point(&mut rest).ok_or(Unreadable::Proof)?;
        let mut parts: Vec<&[u8]> = Vec::from([&key.digest.0[..], proof]);
        parts.extend(inputs.iter().map(|input| &input.0[..]));
        let held = domain::SEGMENT_WEIGHTS.hash(&parts);
        Ok(Self { key, a, b, c, inputs: elements, held })
    }
}

/// The element of 32 bytes, below the modulus.
fn element(bytes: &FieldElement) -> Option<Fr> {
    let mut little = bytes.0;
    little.reverse();
    Fr::deserialize_compressed(&little[..]).ok()
}

/// Verifies proofs together; the result says, in order, which of them fail.
///
/// Each equation is raised to a weight of 128 bits from a hash of all proofs, inputs and keys, so
/// that none can be made to cancel another. When they fail together, halves are tried.
#[must_use]
pub fn verify(proofs: &[Unverified<'_>]) -> Vec<bool> {
    if holds(proofs) {
        return proofs.iter().map(|_| true).collect();
    }
    if proofs.len() <= 1 {
        return proofs.iter().map(|_| false).collect();
    }
    let (left, right) = proofs.split_at(proofs.len().div_euclid(2));
    [verify(left), verify(right)].concat()
}

/// Π e(wⱼ·Aⱼ, Bⱼ) · e(−Σ wⱼ·α, β) · e(−Σ wⱼ·xⱼᵢ·ICᵢ, γ) · e(−Σ wⱼ·Cⱼ, δ) = 1, with one set of
/// the last three for each key.
fn holds(proofs: &[Unverified<'_>]) -> bool {
    let held: Vec<&[u8]> = proofs.iter().map(|proof| &proof.held[..]).collect();
    let mut weights = ChaCha20Rng::from_seed(domain::SEGMENT_WEIGHTS.hash(&held));
    let weighted: Vec<(Fr, &Unverified<'_>)> =
        proofs.iter().map(|proof| (weight(&mut weights), proof)).collect();
    let mut left: Vec<G1Projective> =
        weighted.iter().map(|(weight, proof)| scaled(&proof.a, weight)).collect();
    let mut right: Vec<G2Affine> = proofs.iter().map(|proof| proof.b).collect();
    let mut keys: Vec<&PinnedKey> = proofs.iter().map(|proof| proof.key).collect();
    keys.sort_by_key(|key| key.digest);
    keys.dedup_by_key(|key| key.digest);
    for key in keys {
        let of: Vec<&(Fr, &Unverified<'_>)> =
            weighted.iter().filter(|(_, proof)| proof.key.digest == key.digest).collect();
        let total: Fr = of.iter().map(|(weight, _)| *weight).sum();
        let inputs = (0..key.points.inputs.len()).map(|at| match at.checked_sub(1) {
            None => total,
            Some(at) => of
                .iter()
                .map(|(weight, proof)| *weight * proof.inputs.get(at).unwrap_or(&Fr::ZERO))
                .sum(),
        });
        let inputs: Vec<Fr> = inputs.collect();
        let (c, weights): (Vec<G1Affine>, Vec<Fr>) =
            of.iter().map(|(weight, proof)| (proof.c, *weight)).unzip();
        let Points { alpha, beta, gamma, delta, inputs: bases } = &key.points;
        left.push(-scaled(alpha, &total));
        left.push(-G1Projective::msm_unchecked(bases, &inputs));
        left.push(-G1Projective::msm_unchecked(&c, &weights));
        right.extend([beta, gamma, delta]);
    }
    let left = G1Projective::normalize_batch(&left);
    Bn254::multi_pairing(left, right).is_zero()
}

/// Never zero.
fn weight(rng: &mut ChaCha20Rng) -> Fr {
    let half = u128::from(rng.next_u64());
    Fr::from((half << 64) | u128::from(rng.next_u64()).max(1))
}

fn scaled(point: &G1Affine, by: &Fr) -> G1Projective {
    point.into_group().mul_bigint(by.into_bigint())
}

const G1_BYTES: usize = 32;
const FIXED_POINTS: usize = G1_BYTES + 3 * 64;
/// As the circuit's manifest has it.
const SEGMENT_CONSTRAINTS: [u8; 32] = [
    0xf6, 0x58, 0xe7, 0xb2, 0x10, 0x13, 0x96, 0xf2, 0x3d, 0xaa, 0xdd, 0xd7, 0xd7, 0xa0, 0x74, 0x37,
    0xcf, 0x9f, 0xbc, 0x57, 0x1b, 0x90, 0xe3, 0x97, 0x63, 0xfa, 0x64, 0x4e, 0xd1, 0xbe, 0x8b, 0x80,
];
