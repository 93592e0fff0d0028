//! `.zkey`: a proving key as snarkjs makes it in the second phase of a ceremony.

use ark_bn254::{Bn254, Fq, Fq2, Fr};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, BigInteger, Field, PrimeField, Zero};
use ark_groth16::{ProvingKey, VerifyingKey};

use super::binary::{Reader, Writer, sections};
use crate::r1cs::{Linear, Shape};

/// What a key's file says of the ceremony that made it. snarkjs checks it (`zkey verify`); here it
/// is only read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceremony {
    /// Digest of the key that the ceremony began with, BLAKE2b-512.
    pub circuit: [u8; 64],
    /// Who contributed, in order.
    pub contributions: Vec<Contribution>,
}

/// One contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// A random beacon instead of somebody's secret.
    pub beacon: bool,
    /// Digest of the transcript up to it, BLAKE2b-512.
    pub transcript: [u8; 64],
}

/// Why a file is no key of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No `.zkey` of Groth16, or cut short.
    #[error("not a Groth16 zkey, version 1")]
    Malformed,
    /// Of another field or curve.
    #[error("the key is not over BN254")]
    OtherCurve,
    /// Of other constraints.
    #[error("the key is of another circuit")]
    OtherCircuit,
    /// A point is not in its group, or one that must not be is the identity.
    #[error("a point of the key is not in its group")]
    BadPoint,
    /// Whoever made it can prove anything, and so can everybody: γ = δ before a contribution.
    #[error("nobody has contributed a secret to the key")]
    NoContribution,
}

/// A key as a file that `snarkjs groth16 prove` takes.
#[must_use]
pub fn write_zkey(shape: &Shape, key: &ProvingKey<Bn254>) -> Vec<u8> {
    let inputs = shape.inputs();
    let ProvingKey { vk, beta_g1, delta_g1, .. } = key;
    let ProvingKey { a_query, b_g1_query, b_g2_query, h_query, l_query, .. } = key;
    let VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, gamma_abc_g1 } = vk;
    let mut file = Writer::new(*b"zkey", 1, 10);
    file.section(1, |protocol| protocol.u32(GROTH16));
    file.section(2, |header| {
        header.u32(32);
        header.modulus::<Fq>();
        header.u32(32);
        header.modulus::<Fr>();
        header.count(shape.wires());
        header.count(inputs);
        header.count(h_query.len());
        point(header, alpha_g1);
        point(header, beta_g1);
        point(header, beta_g2);
        point(header, gamma_g2);
        point(header, delta_g1);
        point(header, delta_g2);
    });
    file.section(3, |ic| gamma_abc_g1.iter().for_each(|p| point(ic, p)));
    file.section(4, |coefficients| {
        let all: Vec<[u8; 44]> = coefficients_of(shape).collect();
        coefficients.count(all.len());
        all.iter().for_each(|coefficient| coefficients.raw(coefficient));
    });
    file.section(5, |a| a_query.iter().for_each(|p| point(a, p)));
    file.section(6, |b| b_g1_query.iter().for_each(|p| point(b, p)));
    file.section(7, |b| b_g2_query.iter().for_each(|p| point(b, p)));
    file.section(8, |l| l_query.iter().for_each(|p| point(l, p)));
    file.section(9, |h| h_query.iter().for_each(|p| point(h, p)));
    // No ceremony made it: it is for provers, and read_zkey does not take it.
    file.section(10, |ceremony| {
        ceremony.raw(&[0; 64]);
        ceremony.u32(0);
    });
    file.finish()
}

/// Reads a key of these constraints, as far as a key says of which it is: A and B are in it as
/// coefficients, C only in its points. Every point is checked to be in its group. Whether the points
/// are those of these constraints and of a ceremony is for `snarkjs zkey verify` to say.
///
/// # Errors
/// [`KeyError`].
pub fn read_zkey(bytes: &[u8], shape: &Shape) -> Result<(ProvingKey<Bn254>, Ceremony), KeyError> {
    let mut sections = sections(bytes, *b"zkey", 1).ok_or(KeyError::Malformed)?;
    let mut section = |id: u32| sections.remove(&id).ok_or(KeyError::Malformed);
    if section(1)?.u32() != Some(GROTH16) {
        return Err(KeyError::Malformed);
    }
    let mut header = section(2)?;
    let field = |reader: &mut Reader<'_>, modulus: Vec<u8>| {
        let same = reader.u32() == Some(32) && reader.take(32) == Some(&modulus[..]);
        if same { Ok(()) } else { Err(KeyError::OtherCurve) }
    };
    field(&mut header, Fq::MODULUS.to_bytes_le())?;
    field(&mut header, Fr::MODULUS.to_bytes_le())?;
    let counts = [(); 3].map(|()| header.count());
    let inputs = shape.inputs();
    let rows = shape.rows().len().saturating_add(inputs).saturating_add(1);
    let domain = rows.next_power_of_two();
    if counts != [Some(shape.wires()), Some(inputs), Some(domain)] {
        return Err(KeyError::OtherCircuit);
    }
    let alpha_g1 = one(&mut header)?;
    let beta_g1 = one(&mut header)?;
    let beta_g2 = one(&mut header)?;
    let gamma_g2 = one(&mut header)?;
    let delta_g1 = one(&mut header)?;
    let delta_g2 = one(&mut header)?;
    if gamma_g2 == delta_g2 {
        return Err(KeyError::NoContribution);
    }
    if section(4)?.take_all() != coefficient_bytes(shape) {
        return Err(KeyError::OtherCircuit);
    }
    let wires = shape.wires();
    let others = wires.saturating_sub(inputs).saturating_sub(1);
    let key = ProvingKey {
        vk: VerifyingKey {
            alpha_g1,
            beta_g2,
            gamma_g2,
            delta_g2,
            gamma_abc_g1: many(section(3)?, inputs.saturating_add(1))?,
        },
        beta_g1,
        delta_g1,
        a_query: many(section(5)?, wires)?,
        b_g1_query: many(section(6)?, wires)?,
        b_g2_query: many(section(7)?, wires)?,
        l_query: many(section(8)?, others)?,
        h_query: many(section(9)?, domain)?,
    };
    let ceremony = ceremony(section(10)?).ok_or(KeyError::Malformed)?;
    // A beacon is public: it alone leaves nobody who erased a secret.
    if ceremony.contributions.iter().all(|contribution| contribution.beacon) {
        return Err(KeyError::NoContribution);
    }
    Ok((key, ceremony))
}

/// The coefficients of A and B, and one row for each input: matrix, row, wire, and the value times
/// R², as snarkjs keeps it.
fn coefficients_of(shape: &Shape) -> impl Iterator<Item = [u8; 44]> + '_ {
    let entry = |matrix: u32, row: usize, wire: usize, value: &Fr| {
        let mut bytes = [0; 44];
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        // The inner integer of a field element is its value times R.
        let twice = Fr::from_bigint(value.0).unwrap_or_default().0;
        let parts = [&matrix.to_le_bytes()[..], &number(row), &number(wire)].concat();
        let whole = [parts, twice.to_bytes_le()].concat();
        bytes.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        bytes
    };
    let rows = shape.rows().iter().enumerate().flat_map(move |(at, [a, b, _])| {
        let side = move |matrix: u32, Linear(terms): &Linear| -> Vec<[u8; 44]> {
            terms.iter().map(|(wire, value)| entry(matrix, at, *wire, value)).collect()
        };
        [side(0, a), side(1, b)].concat()
    });
    let first = shape.rows().len();
    let inputs = (0..=shape.inputs())
        .map(move |input| entry(0, first.saturating_add(input), input, &Fr::ONE));
    rows.chain(inputs)
}

fn coefficient_bytes(shape: &Shape) -> Vec<[u8; 44]> {
    let mut all: Vec<[u8; 44]> = coefficients_of(shape).collect();
    all.sort_unstable();
    all
}

impl Reader<'_> {
    /// The coefficients of a key's fourth section, in an order of their own.
    fn take_all(mut self) -> Vec<[u8; 44]> {
        let count = self.count().unwrap_or_default();
        if self.len() != count.saturating_mul(44) {
            return Vec::new();
        }
        let mut all: Vec<[u8; 44]> = (0..count).filter_map(|_| self.array()).collect();
        all.sort_unstable();
        all
    }
}

/// A coordinate in Montgomery form.
trait Coordinate: Field {
    fn write(&self, file: &mut Writer);
    fn read(file: &mut Reader<'_>) -> Option<Self>;
}

impl Coordinate for Fq {
    fn write(&self, file: &mut Writer) {
        file.raw(&self.0.to_bytes_le());
    }

    fn read(file: &mut Reader<'_>) -> Option<Self> {
        let limbs = [(); 4].map(|()| file.array().map(u64::from_le_bytes));
        let [Some(a), Some(b), Some(c), Some(d)] = limbs else { return None };
        let inner = BigInt::new([a, b, c, d]);
        (inner < Self::MODULUS).then(|| Self::new_unchecked(inner))
    }
}

impl Coordinate for Fq2 {
    fn write(&self, file: &mut Writer) {
        self.c0.write(file);
        self.c1.write(file);
    }

    fn read(file: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new(Fq::read(file)?, Fq::read(file)?))
    }
}

fn point<C: SWCurveConfig>(file: &mut Writer, point: &Affine<C>)
where
    C::BaseField: Coordinate,
{
    // The identity is two zeros.
    let (x, y) = point.xy().unwrap_or_else(|| (C::BaseField::zero(), C::BaseField::zero()));
    x.write(file);
    y.write(file);
}

/// A point that is in the group; the identity is too.
fn any<C: SWCurveConfig>(file: &mut Reader<'_>) -> Result<Affine<C>, KeyError>
where
    C::BaseField: Coordinate,
{
    let x = C::BaseField::read(file).ok_or(KeyError::BadPoint)?;
    let y = C::BaseField::read(file).ok_or(KeyError::BadPoint)?;
    if x.is_zero() && y.is_zero() {
        return Ok(Affine::identity());
    }
    let point = Affine::new_unchecked(x, y);
    let good = point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve();
    if good { Ok(point) } else { Err(KeyError::BadPoint) }
}

/// A point that is in the group and not the identity.
fn one<C: SWCurveConfig>(file: &mut Reader<'_>) -> Result<Affine<C>, KeyError>
where
    C::BaseField: Coordinate,
{
    any(file).and_then(
        |point: Affine<C>| {
            if point.is_zero() { Err(KeyError::BadPoint) } else { Ok(point) }
        },
    )
}

fn many<C: SWCurveConfig>(mut file: Reader<'_>, count: usize) -> Result<Vec<Affine<C>>, KeyError>
where
    C::BaseField: Coordinate,
{
    let points = (0..count).map(|_| any(&mut file)).collect::<Result<Vec<_>, _>>()?;
    if file.is_empty() { Ok(points) } else { Err(KeyError::Malformed) }
}

fn ceremony(mut file: Reader<'_>) -> Option<Ceremony> {
    let circuit = file.array()?;
    let count = file.u32().filter(|count| *count <= MAX_CONTRIBUTIONS)?;
    let contributions = (0..count).map(|_| contribution(&mut file)).collect::<Option<_>>()?;
    file.is_empty().then_some(Ceremony { circuit, contributions })
}

fn contribution(file: &mut Reader<'_>) -> Option<Contribution> {
    // δ after it, and the proof that its maker knew the factor: G1, G1, G1, G2.
    file.take(3 * 64 + 128)?;
    let transcript = file.array()?;
    let kind = file.u32()?;
    let parameters = file.count()?;
    file.take(parameters)?;
    Some(Contribution { beacon: kind == BEACON, transcript })
}

const GROTH16: u32 = 1;
const BEACON: u32 = 1;
const MAX_CONTRIBUTIONS: u32 = 1024;
