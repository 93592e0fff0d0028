//! Poseidon over the scalar field of BN254 (Grassi, Khovratovich, Rechberger, Roy, Schofnegger:
//! eprint 2019/458), with x⁵, 8 full rounds, and the constants of its Grain LFSR: the instances
//! that circomlib and its JavaScript twin compute.

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{AdditiveGroup, PrimeField};

use crate::r1cs::{Plain, System};

/// One instance: a width with its rounds, constants and matrix.
pub struct Poseidon {
    partial: usize,
    constants: Vec<Vec<Fr>>,
    matrix: Vec<Vec<Fr>>,
}

impl Poseidon {
    /// The instance of `width` lanes, 2 to 17; none of another width.
    #[must_use]
    pub fn new(width: usize) -> Option<Self> {
        let partial = *PARTIAL.get(width.checked_sub(2)?)?;
        let rounds = u64::try_from(partial).ok()?;
        let (bits, rate) = (u64::from(Fr::MODULUS_BIT_SIZE), width.saturating_sub(1));
        let (constants, matrix) = find_poseidon_ark_and_mds(bits, rate, FULL, rounds, 0);
        Some(Self { partial, constants, matrix })
    }

    /// Lanes of its state.
    #[must_use]
    pub fn width(&self) -> usize {
        self.matrix.len()
    }

    /// The first lane of the permutation of (0, `inputs`): circomlib's `poseidon(inputs)`. Missing
    /// inputs are zero, and more than the width holds are left out.
    pub fn hash(&self, inputs: &[Fr]) -> Fr {
        self.hash_in(&mut Plain, inputs)
    }

    /// The same, over any system: 3 constraints an S-box.
    pub fn hash_in<S: System>(&self, system: &mut S, inputs: &[S::Num]) -> S::Num {
        let zero = system.constant(Fr::ZERO);
        let mut state = vec![zero.clone()];
        state.extend(inputs.iter().cloned());
        state.resize(self.width(), zero.clone());
        self.permute(system, state).into_iter().next().unwrap_or(zero)
    }

    fn permute<S: System>(&self, system: &mut S, mut state: Vec<S::Num>) -> Vec<S::Num> {
        let half = self.constants.len().saturating_sub(self.partial) / 2;
        let full = |round: usize| round < half || round >= half.saturating_add(self.partial);
        let none = vec![Fr::ZERO; self.width()];
        for (round, constants) in self.constants.iter().enumerate() {
            state = state
                .iter()
                .zip(constants)
                .map(|(lane, constant)| system.linear(&[(Fr::from(1u64), lane)], *constant))
                .collect();
            let boxes = if full(round) { state.len() } else { 1 };
            for lane in state.iter_mut().take(boxes) {
                *lane = fifth_power(system, lane);
            }
            state = system.affine(&self.matrix, &state, &none);
        }
        state
    }
}

fn fifth_power<S: System>(system: &mut S, x: &S::Num) -> S::Num {
    let square = system.product(x, x);
    let fourth = system.product(&square, &square);
    system.product(&fourth, x)
}

const FULL: u64 = 8;
/// Partial rounds by width, from 2: the published numbers for 128 bits of security.
const PARTIAL: [usize; 16] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(inputs: &[u64]) -> String {
        let inputs: Vec<Fr> = inputs.iter().map(|n| Fr::from(*n)).collect();
        Poseidon::new(inputs.len().saturating_add(1)).unwrap().hash(&inputs).to_string()
    }

    /// Number 10 of the list: computed with circomlibjs, for widths 3, 10 and 17.
    #[test]
    fn hashes_what_circomlib_hashes() {
        let up_to = |n: u64| hash(&(1..=n).collect::<Vec<_>>());
        assert_eq!(
            up_to(2),
            "7853200120776062878684798364095072458815029376092732009249414926327459813530"
        );
        assert_eq!(
            up_to(9),
            "13589767895268936107593642967621470491511464502761040466226072462545218539640"
        );
        assert_eq!(
            up_to(16),
            "9989051620750914585850546081941653841776809718687451684622678807385399211877"
        );
        assert!(Poseidon::new(1).is_none() && Poseidon::new(18).is_none());
    }
}
