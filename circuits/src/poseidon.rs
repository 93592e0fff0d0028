//! Poseidon over the scalar field of BN254 (Grassi, Khovratovich, Rechberger, Roy, Schofnegger:
//! eprint 2019/458), with x⁵, 8 full rounds, and the constants of its Grain LFSR: the instances
//! that circomlib and its JavaScript twin compute.

use ark_bn254::Fr;
use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{AdditiveGroup, Field, PrimeField, Zero};

use crate::r1cs::{Plain, System};

/// One instance: a width with its rounds, constants and matrix, the partial rounds in the form in
/// which each is two vectors instead of a matrix (appendix B of the paper).
pub struct Poseidon {
    /// Constants of full rounds, and the matrix after each: 4 before the partial rounds and 4 after.
    before: Vec<Full>,
    partial: Vec<Partial>,
    after: Vec<Full>,
}

struct Full {
    constants: Vec<Fr>,
    matrix: Vec<Vec<Fr>>,
}

/// A round with one S-box: x₀ ← (x₀ + constant)⁵, then the sparse matrix.
struct Partial {
    constant: Fr,
    row: Vec<Fr>,
    column: Vec<Fr>,
}

impl Poseidon {
    /// The instance of `width` lanes, 2 to 17; none of another width.
    #[must_use]
    pub fn new(width: usize) -> Option<Self> {
        let partial = *PARTIAL.get(width.checked_sub(2)?)?;
        let rounds = u64::try_from(partial).ok()?;
        let (bits, rate) = (u64::from(Fr::MODULUS_BIT_SIZE), width.saturating_sub(1));
        let (mut constants, matrix) = find_poseidon_ark_and_mds(bits, rate, FULL, rounds, 0);
        let half = constants.len().saturating_sub(partial) / 2;

        // What a partial round adds to lanes without an S-box goes past it, through the matrix,
        // into the next round's constants.
        let mut carried = vec![Fr::ZERO; width];
        let end = half.saturating_add(partial);
        for of in constants.get_mut(half..=end)? {
            of.iter_mut().zip(&carried).for_each(|(constant, more)| *constant += more);
            let (_, others) = of.split_first()?;
            carried = times(&matrix, &[&[Fr::ZERO], others].concat());
        }
        // From the last partial round to the first: its matrix is a sparse one times one that leaves
        // the first lane alone, which goes past the S-box to the round before.
        let mut dense = matrix.clone();
        let mut sparse = Vec::with_capacity(partial);
        for constants in constants.get(half..end)?.iter().rev() {
            let (row, column, inner) = factored(&dense)?;
            sparse.push(Partial { constant: *constants.first()?, row, column });
            dense = product(&inner, &matrix);
        }
        sparse.reverse();
        let full = |range: &[Vec<Fr>]| -> Vec<Full> {
            let one = |of: &Vec<Fr>| Full { constants: of.clone(), matrix: matrix.clone() };
            range.iter().map(one).collect()
        };
        let mut before = full(constants.get(..half)?);
        before.last_mut()?.matrix = dense;
        Some(Self { before, partial: sparse, after: full(constants.get(end..)?) })
    }

    /// Lanes of its state.
    #[must_use]
    pub fn width(&self) -> usize {
        self.before.first().map_or(0, |round| round.constants.len())
    }

    /// The first lane of the permutation of (0, `inputs`): circomlib's `poseidon(inputs)`. Missing
    /// inputs are zero, and more than the width holds are left out.
    #[must_use]
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

    fn permute<S: System>(&self, system: &mut S, state: Vec<S::Num>) -> Vec<S::Num> {
        let full = |system: &mut S, state: Vec<S::Num>, round: &Full| {
            let boxes = state.iter().zip(&round.constants);
            let powers: Vec<S::Num> =
                boxes.map(|(lane, constant)| fifth_power(system, lane, *constant)).collect();
            system.times(&round.matrix, &powers)
        };
        let mut state = self.before.iter().fold(state, |state, round| full(system, state, round));
        for Partial { constant, row, column } in &self.partial {
            if let Some(first) = state.first_mut() {
                *first = fifth_power(system, first, *constant);
            }
            system.mix(row, column, &mut state);
        }
        self.after.iter().fold(state, |state, round| full(system, state, round))
    }
}

/// (x + `constant`)⁵.
fn fifth_power<S: System>(system: &mut S, x: &S::Num, constant: Fr) -> S::Num {
    let x = &system.linear(&[(Fr::ONE, x)], constant);
    let square = system.product(x, x);
    let fourth = system.product(&square, &square);
    system.product(&fourth, x)
}

fn times(matrix: &[Vec<Fr>], of: &[Fr]) -> Vec<Fr> {
    matrix.iter().map(|row| row.iter().zip(of).map(|(a, b)| *a * b).sum()).collect()
}

fn product(left: &[Vec<Fr>], right: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    let columns = transposed(right);
    left.iter().map(|row| times(&columns, row)).collect()
}

fn transposed(matrix: &[Vec<Fr>]) -> Vec<Vec<Fr>> {
    let column = |at: usize| matrix.iter().filter_map(|row| row.get(at).copied()).collect();
    (0..matrix.len()).map(column).collect()
}

/// N = S·D with D = diag(1, N̂) and S of one full row, one full column and the diagonal: the row,
/// the column below it, and D.
fn factored(matrix: &[Vec<Fr>]) -> Option<(Vec<Fr>, Vec<Fr>, Matrix)> {
    let (first, others) = matrix.split_first()?;
    let (corner, row) = first.split_first()?;
    let column = others.iter().map(|row| row.first().copied()).collect::<Option<Vec<Fr>>>()?;
    let inner: Vec<Vec<Fr>> =
        others.iter().map(|row| row.iter().skip(1).copied().collect()).collect();
    // u·N̂ = row.
    let solved = solved(transposed(&inner), row.to_vec())?;
    let alone = |n: usize| [vec![Fr::ONE], vec![Fr::ZERO; n]].concat();
    let diagonal = core::iter::once(alone(inner.len()))
        .chain(inner.into_iter().map(|row| [vec![Fr::ZERO], row].concat()));
    Some(([vec![*corner], solved].concat(), column, diagonal.collect()))
}

/// The x with `matrix`·x = `of`, by elimination; none when there is not one alone.
fn solved(mut matrix: Vec<Vec<Fr>>, mut of: Vec<Fr>) -> Option<Vec<Fr>> {
    for at in 0..of.len() {
        let pivot = (at..of.len()).find(|row| {
            matrix.get(*row).and_then(|row| row.get(at)).is_some_and(|n| !n.is_zero())
        })?;
        matrix.swap(at, pivot);
        of.swap(at, pivot);
        let scale = matrix.get(at)?.get(at)?.inverse()?;
        matrix.get_mut(at)?.iter_mut().for_each(|n| *n *= scale);
        *of.get_mut(at)? *= scale;
        let (row, value) = (matrix.get(at)?.clone(), *of.get(at)?);
        for other in (0..of.len()).filter(|other| *other != at) {
            let factor = *matrix.get(other)?.get(at)?;
            let target = matrix.get_mut(other)?;
            target.iter_mut().zip(&row).for_each(|(n, m)| *n -= factor * m);
            *of.get_mut(other)? -= factor * value;
        }
    }
    Some(of)
}

type Matrix = Vec<Vec<Fr>>;

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
