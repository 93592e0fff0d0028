//! Constraint systems: one program, written once, read in three ways.
//!
//! A statement is a function over a [`System`]. Over [`Plain`] it computes, over [`Assignment`] it
//! computes and keeps every wire, and over [`Shape`] it knows no value at all and writes down the
//! constraints a·b = c. So constraints cannot depend on a witness, and a prover never builds a
//! linear combination.

use std::collections::BTreeMap;

use ark_bn254::Fr;
use ark_ff::{AdditiveGroup, Field};
use zeroize::Zeroize;

/// What a statement is written over.
pub trait System {
    /// A number: a linear combination of wires.
    type Num: Clone;

    /// A constant.
    fn constant(&self, value: Fr) -> Self::Num;

    /// A public input; all of them come before the first wire. `value` is its value where there are
    /// values.
    fn input(&mut self, value: Fr) -> Self::Num;

    /// A fresh wire whose value the prover chooses: computed from `of` where there are values.
    fn wire(&mut self, of: &[&Self::Num], value: impl FnOnce(&[Fr]) -> Fr) -> Self::Num;

    /// Σ cᵢ·xᵢ + `constant`. Costs nothing.
    fn linear(&self, terms: &[(Fr, &Self::Num)], constant: Fr) -> Self::Num;

    /// Demands a·b = c.
    fn demand(&mut self, a: &Self::Num, b: &Self::Num, c: &Self::Num);

    /// a·b on a wire of its own.
    fn product(&mut self, a: &Self::Num, b: &Self::Num) -> Self::Num {
        let product = self.wire(&[a, b], |values| values.iter().product());
        self.demand(a, b, &product);
        product
    }

    /// a − b.
    fn less(&self, a: &Self::Num, b: &Self::Num) -> Self::Num {
        self.linear(&[(Fr::ONE, a), (-Fr::ONE, b)], Fr::ZERO)
    }

    /// Σ xᵢ.
    fn sum<'a>(&self, of: impl IntoIterator<Item = &'a Self::Num>) -> Self::Num
    where
        Self::Num: 'a,
    {
        let terms: Vec<(Fr, &Self::Num)> = of.into_iter().map(|x| (Fr::ONE, x)).collect();
        self.linear(&terms, Fr::ZERO)
    }

    /// Demands a = b.
    fn same(&mut self, a: &Self::Num, b: &Self::Num) {
        let (difference, one) = (self.less(a, b), self.constant(Fr::ONE));
        let zero = self.constant(Fr::ZERO);
        self.demand(&difference, &one, &zero);
    }

    /// `matrix`·`of`.
    fn times(&self, matrix: &[Vec<Fr>], of: &[Self::Num]) -> Vec<Self::Num> {
        let row = |row: &Vec<Fr>| {
            let terms: Vec<(Fr, &Self::Num)> = row.iter().copied().zip(of).collect();
            self.linear(&terms, Fr::ZERO)
        };
        matrix.iter().map(row).collect()
    }

    /// The first becomes Σ `row`·`of`; to each other its part of `column` is added, times the first
    /// as it was.
    fn mix(&self, row: &[Fr], column: &[Fr], of: &mut [Self::Num]) {
        let terms: Vec<(Fr, &Self::Num)> = row.iter().copied().zip(&*of).collect();
        let sum = self.linear(&terms, Fr::ZERO);
        let Some((first, others)) = of.split_first_mut() else { return };
        for (other, factor) in others.iter_mut().zip(column) {
            *other = self.linear(&[(Fr::ONE, &*other), (*factor, &*first)], Fr::ZERO);
        }
        *first = sum;
    }
}

/// Computes, and keeps nothing.
pub struct Plain;

impl System for Plain {
    type Num = Fr;

    fn constant(&self, value: Fr) -> Fr {
        value
    }

    fn input(&mut self, value: Fr) -> Fr {
        value
    }

    fn wire(&mut self, of: &[&Fr], value: impl FnOnce(&[Fr]) -> Fr) -> Fr {
        let of: Vec<Fr> = of.iter().map(|x| **x).collect();
        value(&of)
    }

    fn linear(&self, terms: &[(Fr, &Fr)], constant: Fr) -> Fr {
        terms.iter().fold(constant, |sum, (c, x)| sum + *c * **x)
    }

    fn demand(&mut self, _: &Fr, _: &Fr, _: &Fr) {}

    fn product(&mut self, a: &Fr, b: &Fr) -> Fr {
        *a * b
    }

    fn times(&self, matrix: &[Vec<Fr>], of: &[Fr]) -> Vec<Fr> {
        times(matrix, of)
    }

    fn mix(&self, row: &[Fr], column: &[Fr], of: &mut [Fr]) {
        mix(row, column, of);
    }
}

fn times(matrix: &[Vec<Fr>], of: &[Fr]) -> Vec<Fr> {
    matrix.iter().map(|row| products(row, of)).collect()
}

fn mix(row: &[Fr], column: &[Fr], of: &mut [Fr]) {
    let sum = products(row, of);
    let Some((first, others)) = of.split_first_mut() else { return };
    others.iter_mut().zip(column).for_each(|(other, factor)| *other += *factor * *first);
    *first = sum;
}

/// Σ aᵢ·bᵢ; sums of the usual width are reduced once.
fn products(a: &[Fr], b: &[Fr]) -> Fr {
    match (a.as_array::<LANES>(), b.as_array::<LANES>()) {
        (Some(a), Some(b)) => Fr::sum_of_products(a, b),
        _ => a.iter().zip(b).map(|(a, b)| *a * b).sum(),
    }
}

/// Lanes of the hash of logs and counters.
const LANES: usize = crate::digest::RATE + 2;

/// Computes every wire, and says whether all constraints hold. Erased on drop.
pub struct Assignment {
    values: Vec<Fr>,
    demands: usize,
    broken: Option<usize>,
}

impl Assignment {
    /// No wire but the constant one.
    #[must_use]
    pub fn new() -> Self {
        Self { values: vec![Fr::ONE], demands: 0, broken: None }
    }

    /// The wires, the constant one first, if all constraints hold.
    ///
    /// # Errors
    /// The number of the first constraint that does not hold.
    pub fn satisfied(&self) -> Result<&[Fr], usize> {
        self.broken.map_or(Ok(&self.values), Err)
    }

    /// The wires, whether or not the constraints hold.
    #[must_use]
    pub fn wires(&self) -> &[Fr] {
        &self.values
    }
}

impl Drop for Assignment {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl System for Assignment {
    type Num = Fr;

    fn constant(&self, value: Fr) -> Fr {
        value
    }

    fn input(&mut self, value: Fr) -> Fr {
        self.values.push(value);
        value
    }

    fn wire(&mut self, of: &[&Fr], value: impl FnOnce(&[Fr]) -> Fr) -> Fr {
        let of: Vec<Fr> = of.iter().map(|x| **x).collect();
        self.input(value(&of))
    }

    fn linear(&self, terms: &[(Fr, &Fr)], constant: Fr) -> Fr {
        Plain.linear(terms, constant)
    }

    fn demand(&mut self, a: &Fr, b: &Fr, c: &Fr) {
        if *a * b != *c {
            self.broken.get_or_insert(self.demands);
        }
        self.demands = self.demands.saturating_add(1);
    }

    fn times(&self, matrix: &[Vec<Fr>], of: &[Fr]) -> Vec<Fr> {
        times(matrix, of)
    }

    fn mix(&self, row: &[Fr], column: &[Fr], of: &mut [Fr]) {
        mix(row, column, of);
    }
}

/// A linear combination: coefficients by wire, none of them zero. Wire 0 is the constant one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linear(pub Vec<(usize, Fr)>);

/// The constraints of a statement, without any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    inputs: usize,
    wires: usize,
    rows: Vec<[Linear; 3]>,
}

impl Shape {
    /// No constraint, and no wire but the constant one.
    #[must_use]
    pub const fn new() -> Self {
        Self { inputs: 0, wires: 1, rows: Vec::new() }
    }

    /// How many public inputs, the constant one not counted.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// How many wires: the constant one, then the inputs, then all others.
    #[must_use]
    pub const fn wires(&self) -> usize {
        self.wires
    }

    /// The constraints a·b = c, in order.
    #[must_use]
    pub fn rows(&self) -> &[[Linear; 3]] {
        &self.rows
    }

    /// Numbers of the constraints that `wires` break.
    pub fn broken<'a>(&'a self, wires: &'a [Fr]) -> impl Iterator<Item = usize> + 'a {
        let holds = |row: &[Linear; 3]| {
            let [a, b, c] = row.each_ref().map(|side| side.value(wires));
            a * b == c
        };
        self.rows.iter().enumerate().filter(move |(_, row)| !holds(row)).map(|(at, _)| at)
    }

    fn fresh(&mut self) -> Linear {
        let wire = self.wires;
        self.wires = self.wires.saturating_add(1);
        Linear(vec![(wire, Fr::ONE)])
    }
}

impl Linear {
    /// Its value; a wire that does not exist is zero.
    #[must_use]
    pub fn value(&self, wires: &[Fr]) -> Fr {
        let of = |at: &usize| wires.get(*at).copied().unwrap_or_default();
        self.0.iter().map(|(at, coefficient)| *coefficient * of(at)).sum()
    }
}

impl System for Shape {
    type Num = Linear;

    fn constant(&self, value: Fr) -> Linear {
        self.linear(&[], value)
    }

    fn input(&mut self, _: Fr) -> Linear {
        // INVARIANT: inputs are the first wires, as every Groth16 implementation numbers them.
        debug_assert_eq!(self.wires, self.inputs.saturating_add(1));
        self.inputs = self.inputs.saturating_add(1);
        self.fresh()
    }

    fn wire(&mut self, _: &[&Linear], _: impl FnOnce(&[Fr]) -> Fr) -> Linear {
        self.fresh()
    }

    fn linear(&self, terms: &[(Fr, &Linear)], constant: Fr) -> Linear {
        let mut sum = BTreeMap::from([(0, constant)]);
        for (factor, of) in terms {
            for (wire, coefficient) in &of.0 {
                *sum.entry(*wire).or_insert(Fr::ZERO) += *factor * coefficient;
            }
        }
        sum.retain(|_, coefficient| *coefficient != Fr::ZERO);
        Linear(sum.into_iter().collect())
    }

    fn demand(&mut self, a: &Linear, b: &Linear, c: &Linear) {
        self.rows.push([a.clone(), b.clone(), c.clone()]);
    }
}
