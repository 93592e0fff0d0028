//! Proving keys, and proofs with them.
//!
//! A proof is 128 bytes: A, B, C compressed, as `cloister-verify` reads them.

use ark_bn254::{Bn254, Fr, G1Projective as Projective1, G2Projective as Projective2};
use ark_ff::{UniformRand, Zero};
use ark_groth16::{Groth16, Proof, ProvingKey, VerifyingKey, prepare_verifying_key};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Matrix, SynthesisError, Variable,
};
use ark_serialize::CanonicalSerialize;
use messages::circuit::{CircuitKey, Setup};
use messages::ids::{FieldElement, Root};
use rand_core::CryptoRngCore;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::digest::bytes_of;
use crate::qap::Odd;
use crate::r1cs::{Assignment, Linear, Shape};

/// A proving key with the constraints that it is of.
pub struct Prover {
    key: ProvingKey<Bn254>,
    inputs: usize,
    matrices: [Matrix<Fr>; 3],
}

/// A proof and what it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The public inputs, in order.
    pub inputs: Vec<FieldElement>,
    /// 128 bytes.
    pub proof: Vec<u8>,
}

/// Why there is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError {
    /// The witness breaks a constraint: what it would show is not so.
    #[error("constraint {constraint} does not hold for this witness")]
    Unsatisfied {
        /// The first that does not hold.
        constraint: usize,
    },
    /// The proof does not verify: the key's points do not belong together.
    #[error("the proving key is no key: a proof of what is so does not verify with it")]
    BadKey,
    /// The key is not of the circuit that the witness is for.
    #[error("the proving key is of another circuit")]
    OtherCircuit,
}

type Snark = Groth16<Bn254, Odd>;

impl Prover {
    /// A key whose secrets are drawn here and forgotten here: whoever reads this memory meanwhile
    /// can forge proofs for ever.
    ///
    /// # Errors
    /// [`ProveError::OtherCircuit`] when there are more constraints than the field has roots for.
    pub fn generate(shape: &Shape, rng: &mut impl CryptoRngCore) -> Result<Self, ProveError> {
        // Compiled here, whoever calls: a build for development optimises this package alone.
        Self::drawn(shape, rng)
    }

    fn drawn(shape: &Shape, rng: &mut dyn CryptoRngCore) -> Result<Self, ProveError> {
        let mut rng = Adapter(rng);
        let mut secrets = [(); 4].map(|()| {
            let mut secret = Fr::rand(&mut rng);
            while secret.is_zero() {
                secret = Fr::rand(&mut rng);
            }
            secret
        });
        let [alpha, beta, gamma, delta] = secrets;
        let generators = (Projective1::rand(&mut rng), Projective2::rand(&mut rng));
        let key = Snark::generate_parameters_with_qap(
            Synthesis(shape),
            alpha,
            beta,
            gamma,
            delta,
            generators.0,
            generators.1,
            &mut rng,
        );
        secrets.zeroize();
        Ok(Self::new(shape, key.map_err(|_| ProveError::OtherCircuit)?))
    }

    /// A key from a published seed, with which everybody can forge proofs: for tests and benches.
    ///
    /// # Errors
    /// As [`Prover::generate`].
    #[cfg(feature = "insecure-test-keys")]
    pub fn insecure_test(shape: &Shape) -> Result<Self, ProveError> {
        Self::generate(
            shape,
            &mut <rand_chacha::ChaCha20Rng as rand_core::SeedableRng>::seed_from_u64(0),
        )
    }

    /// A key of these constraints, from elsewhere.
    #[must_use]
    pub fn new(shape: &Shape, key: ProvingKey<Bn254>) -> Self {
        let mut matrices: [Matrix<Fr>; 3] = Default::default();
        for row in shape.rows() {
            for (matrix, Linear(terms)) in matrices.iter_mut().zip(row) {
                matrix.push(terms.iter().map(|(wire, c)| (*c, *wire)).collect());
            }
        }
        Self { key, inputs: shape.inputs(), matrices }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &ProvingKey<Bn254> {
        &self.key
    }

    /// The verifying key as it is handed out and pinned.
    #[must_use]
    pub fn circuit_key(&self, circuit: &str, shape: &Shape, setup: Setup) -> CircuitKey {
        let VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1 } = &self.key.vk;
        let mut points = Vec::new();
        write(&mut points, alpha_g1);
        [beta_g2, gamma_g2, delta_g2].iter().for_each(|point| write(&mut points, *point));
        gamma_abc_g1.iter().for_each(|point| write(&mut points, point));
        CircuitKey { circuit: circuit.to_owned(), constraints: digest(shape), setup, points }
    }

    /// Proves what an assignment shows, in zero knowledge.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove(
        &self,
        assignment: &Assignment,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Proven, ProveError> {
        self.blinded(assignment, rng)
    }

    fn blinded(
        &self,
        assignment: &Assignment,
        rng: &mut dyn CryptoRngCore,
    ) -> Result<Proven, ProveError> {
        let wires =
            assignment.satisfied().map_err(|constraint| ProveError::Unsatisfied { constraint })?;
        if wires.len() != self.key.a_query.len() {
            return Err(ProveError::OtherCircuit);
        }
        let mut rng = Adapter(rng);
        let [r, s] = [(); 2].map(|()| Fr::rand(&mut rng));
        let [rows, ..] = &self.matrices;
        let (ones, constraints) = (self.inputs.saturating_add(1), rows.len());
        let made = Snark::create_proof_with_reduction_and_matrices(
            &self.key,
            r,
            s,
            &self.matrices,
            ones,
            constraints,
            wires,
        )
        .map_err(|_| ProveError::OtherCircuit)?;
        // PRIVACY: whoever made a key whose points do not belong together could read wires off
        // proofs that do not verify. Of those that do, A and B are uniform and C follows.
        let inputs = wires.get(1..ones).ok_or(ProveError::OtherCircuit)?;
        let verified = Snark::verify_proof(&prepare_verifying_key(&self.key.vk), &made, inputs);
        if verified != Ok(true) {
            return Err(ProveError::BadKey);
        }
        let Proof { a, b, c } = made;
        let mut proof = Vec::new();
        write(&mut proof, &a);
        write(&mut proof, &b);
        write(&mut proof, &c);
        Ok(Proven { inputs: inputs.iter().map(bytes_of).collect(), proof })
    }
}

/// SHA-256 of the constraints as a snarkjs `.r1cs` file.
#[must_use]
pub fn digest(shape: &Shape) -> Root {
    Root(Sha256::digest(crate::snarkjs::r1cs(shape)).into())
}

fn write(to: &mut Vec<u8>, point: &impl CanonicalSerialize) {
    // A vector takes whatever is written to it.
    let written = point.serialize_compressed(to);
    debug_assert!(written.is_ok());
}

struct Synthesis<'a>(&'a Shape);

impl ConstraintSynthesizer<Fr> for Synthesis<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let shape = self.0;
        let missing = || Err(SynthesisError::AssignmentMissing);
        let mut wires = vec![Variable::One];
        for at in 1..shape.wires() {
            wires.push(if at <= shape.inputs() {
                cs.new_input_variable(missing)?
            } else {
                cs.new_witness_variable(missing)?
            });
        }
        let side = |Linear(terms): &Linear| {
            let terms = terms.iter().filter_map(|(wire, c)| Some((*c, *wires.get(*wire)?)));
            LinearCombination(terms.collect())
        };
        for [a, b, c] in shape.rows() {
            cs.enforce_r1cs_constraint(|| side(a), || side(b), || side(c))?;
        }
        Ok(())
    }
}

/// As arkworks takes randomness.
struct Adapter<'a>(&'a mut dyn CryptoRngCore);

impl rand_core::RngCore for Adapter<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.try_fill_bytes(bytes)
    }
}
