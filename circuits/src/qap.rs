//! From constraints to polynomials, as snarkjs does it, so that a key made in its ceremony and a key
//! made here are of one kind, and either prover takes both.
//!
//! With H·Z = A·B − C over a domain of n points, H·Z vanishes on the domain itself. Its values at
//! the other n points of the domain of 2n determine it, so the key holds the Lagrange polynomials of
//! those, and the prover needs neither a division by Z nor the last transform.

#![expect(clippy::arithmetic_side_effects, reason = "elements of a field do not overflow")]

use ark_ff::{FftField, PrimeField};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, SynthesisError};

/// The reduction of snarkjs.
pub struct Odd;

type Evaluated<F> = (Vec<F>, Vec<F>, Vec<F>, F, usize, usize);

impl R1CSToQAP for Odd {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Result<Evaluated<F>, SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        full_assignment: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let [left, right, ..] = matrices else { return Err(SynthesisError::MissingCS) };
        let domain = D::new(num_constraints.saturating_add(num_inputs))
            .ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let n = domain.size();
        let evaluated = |matrix: &Matrix<F>| -> Vec<F> {
            matrix.iter().map(|row| evaluate_constraint(row, full_assignment)).collect()
        };
        let (mut a, mut b) = (evaluated(left), evaluated(right));
        // One row for each input, so that no input is free.
        a.extend(full_assignment.iter().take(num_inputs));
        a.resize(n, F::ZERO);
        b.resize(n, F::ZERO);
        let c: Vec<F> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
        let shift = root_of_double::<F, D>(n)?;
        let coset = domain.get_coset(shift).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let [a, b, c] = [a, b, c].map(|mut values| {
            domain.ifft_in_place(&mut values);
            coset.fft_in_place(&mut values);
            values
        });
        Ok(a.into_iter().zip(b).zip(c).map(|((a, b), c)| a * b - c).collect())
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let n = max_power.saturating_add(1);
        let double = D::new(n.saturating_mul(2)).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let lagrange = double.evaluate_all_lagrange_coefficients(t);
        Ok(lagrange.into_iter().skip(1).step_by(2).map(|at| at * delta_inverse).collect())
    }
}

/// A primitive root of unity of twice the domain: its odd powers are the other half.
fn root_of_double<F: FftField, D: EvaluationDomain<F>>(n: usize) -> Result<F, SynthesisError> {
    let double = D::new(n.saturating_mul(2)).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
    Ok(double.group_gen())
}
