//! Many proofs in one multiscalar multiplication (Bünz et al. 2018, section 6.1), and blame when
//! it does not come out.
//!
//! Each equation is multiplied by a weight of its own. Weights come from a hash of all proofs and
//! of all that their transcripts hold, so that no proof can be made to cancel another, and no
//! generator of random numbers is needed. Generators are shared: their coefficients add up, also
//! over proofs of different widths and sizes.

use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
use curve25519_dalek::{RistrettoPoint, Scalar};
use merlin::Transcript;
use messages::domain;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::codes::Fault;
use crate::generators::{self, BITS, G};
use crate::range::{Parties, Weights};
use crate::{equality, range};

/// One proof that was read, of either kind.
pub(crate) enum Unverified {
    Equality(Box<equality::Unverified>),
    Range(Box<range::Unverified>),
}

impl Unverified {
    const fn held(&self) -> &[u8; 32] {
        match self {
            Self::Equality(proof) => &proof.held,
            Self::Range(proof) => &proof.held,
        }
    }

    /// The challenges whose inverses are needed.
    fn inverted(&self) -> impl Iterator<Item = Scalar> {
        let range = match self {
            Self::Equality(_) => None,
            Self::Range(proof) => Some(proof),
        };
        range.into_iter().flat_map(|proof| proof.u.iter().chain([&proof.y]).copied())
    }

    const fn fault(&self) -> Fault {
        match self {
            Self::Equality(_) => Fault::EqualityProof,
            Self::Range(_) => Fault::RangeProof,
        }
    }
}

/// Verifies groups of proofs; each group stands or falls as a whole. The result says, in order,
/// what is wrong with each.
///
/// All hold together or, by halves, those that do not are found: every proof takes part in at most
/// one sum for each halving, and one alone.
pub(crate) fn verify(groups: &[Vec<Unverified>]) -> Vec<Option<Fault>> {
    let mut faults = vec![None; groups.len()];
    blame(groups, &mut faults);
    faults
}

/// Verifies range proofs alone, apart from any claim: each of these commitments, on a transcript of
/// its own. For those who compare proof systems.
#[must_use]
pub fn verify_ranges(proofs: Vec<(Transcript, Parties, &[u8])>) -> Vec<Option<Fault>> {
    let (mut groups, mut refused) = (Vec::new(), Vec::new());
    for (mut transcript, parties, proof) in proofs {
        let read = range::read(&mut transcript, parties, proof);
        refused.push(read.as_ref().err().copied());
        groups.push(read.map(|proof| Unverified::Range(Box::new(proof))).into_iter().collect());
    }
    let faults = verify(&groups);
    refused.into_iter().zip(faults).map(|(refused, fault)| refused.or(fault)).collect()
}

fn blame(groups: &[Vec<Unverified>], faults: &mut [Option<Fault>]) {
    if holds(groups.iter().flatten()) {
        return;
    }
    if let ([group], [fault]) = (groups, &mut *faults) {
        // The first that fails by itself; all of them only fail together if one does.
        let first = group.iter().find(|proof| !holds([*proof]));
        *fault = first.or_else(|| group.first()).map(Unverified::fault);
        return;
    }
    let half = groups.len().div_euclid(2);
    let ((left, right), (first, second)) = (groups.split_at(half), faults.split_at_mut(half));
    blame(left, first);
    blame(right, second);
}

/// Does the weighted sum of all equations come out at the identity?
fn holds<'a>(proofs: impl IntoIterator<Item = &'a Unverified>) -> bool {
    let proofs: Vec<&Unverified> = proofs.into_iter().collect();
    let held: Vec<&[u8]> = proofs.iter().map(|proof| &proof.held()[..]).collect();
    let mut weights = ChaCha20Rng::from_seed(domain::VERIFIER_WEIGHTS.hash(&held));
    let mut inverses: Vec<Scalar> = proofs.iter().flat_map(|proof| proof.inverted()).collect();
    if inverses.contains(&Scalar::ZERO) {
        return false;
    }
    Scalar::batch_invert(&mut inverses);
    let mut inverses = inverses.into_iter();
    let mut sum = Sum::default();
    for proof in proofs {
        let weight = Scalar::random(&mut weights);
        match proof {
            Unverified::Equality(proof) => sum.equality(weight, proof),
            Unverified::Range(proof) => {
                let join = Scalar::random(&mut weights);
                if sum.range([weight, join], proof, &mut inverses).is_none() {
                    return false;
                }
            }
        }
    }
    sum.vanishes()
}

/// A sum of scalars times points, with one place for each shared generator.
#[derive(Default)]
struct Sum {
    /// Of G and H of commitments.
    shared: [Scalar; 2],
    /// Of the vectors' generators, party by party.
    g: Vec<Scalar>,
    h: Vec<Scalar>,
    scalars: Vec<Scalar>,
    points: Vec<RistrettoPoint>,
}

impl Sum {
    fn add(&mut self, scalar: Scalar, point: RistrettoPoint) {
        self.scalars.push(scalar);
        self.points.push(point);
    }

    /// s·H − K − c·V.
    fn equality(&mut self, weight: Scalar, proof: &equality::Unverified) {
        let [_, h] = &mut self.shared;
        *h += weight * proof.response;
        self.add(-weight, proof.nonce);
        self.add(-weight * proof.challenge, proof.v);
    }

    /// The two equations of a range proof, joined by `join`; takes the inverses of its challenges
    /// from `inverses`. None when those are not there.
    fn range(
        &mut self,
        [weight, join]: [Scalar; 2],
        proof: &range::Unverified,
        inverses: &mut impl Iterator<Item = Scalar>,
    ) -> Option<()> {
        let range::Unverified { parties, weights, x, y, z, w, a, b, t_x, .. } = proof;
        // Coins fill whole shares, whose parties they are one of.
        let (bits, count) = match weights {
            Weights::Powers => (parties.bits, parties.points.len()),
            Weights::Coins(coins) => (BITS, coins.len().div_euclid(BITS)),
        };
        let u_inverses: Vec<Scalar> = inverses.by_ref().take(proof.u.len()).collect();
        let y_inverse = inverses.next()?;
        let zz = z * z;

        let [first, second, third, fourth] = proof.first;
        self.add(weight, first);
        self.add(weight * x, second);
        self.add(weight * join * x, third);
        self.add(weight * join * x * x, fourth);
        for ((left, right), (u, inverse)) in
            proof.rounds.iter().zip(proof.u.iter().zip(&u_inverses))
        {
            self.add(weight * u * u, *left);
            self.add(weight * inverse * inverse, *right);
        }
        let mut z_power = zz;
        for v in &parties.points {
            // A pad is the identity and adds nothing.
            if !v.is_identity() {
                self.add(weight * join * z_power, *v);
            }
            z_power *= z;
        }
        let [of_g, of_h] = &mut self.shared;
        *of_g += weight * (w * (t_x - a * b) + join * (delta(weights, (bits, count), y, z) - t_x));
        *of_h -= weight * (proof.e_blinding + join * proof.t_x_blinding);

        // s of the inner-product argument (section 3.1): sᵢ = Π uⱼ^±1 by the bits of i, last round
        // lowest; and its mirror image, over the powers of y.
        let squares = |of: &[Scalar]| -> Vec<Scalar> { of.iter().rev().map(|u| u * u).collect() };
        let s = tensor(weight * a * u_inverses.iter().product::<Scalar>(), &squares(&proof.u));
        let mut y_power = y_inverse;
        let mut mirrored = squares(&u_inverses);
        for factor in &mut mirrored {
            *factor *= y_power;
            y_power *= y_power;
        }
        let mirrored = tensor(weight * b * proof.u.iter().product::<Scalar>(), &mirrored);
        let places = count.checked_mul(BITS)?;
        if self.g.len() < places {
            self.g.resize(places, Scalar::ZERO);
            self.h.resize(places, Scalar::ZERO);
        }
        let (of_z, step) = (weight * z, y_inverse + y_inverse);
        let mut of_s = s.iter().zip(&mirrored);
        let mut places = self.g.chunks_mut(BITS).zip(self.h.chunks_mut(BITS)).take(count);
        match weights {
            Weights::Powers => {
                // y⁻ⁿ: over the values of one party.
                let y_party = (0..bits.ilog2()).fold(y_inverse, |power, _| power * power);
                let mut party = weight * zz;
                for (g, h) in places {
                    let mut power = party;
                    for (g, h) in g.iter_mut().zip(h).take(bits) {
                        let (s, mirrored) = of_s.next()?;
                        *g -= of_z + s;
                        *h += of_z + power - mirrored;
                        power *= step;
                    }
                    party *= z * y_party;
                }
            }
            Weights::Coins(coins) => {
                let (mut power, mut coins) = (weight * zz, coins.iter());
                places.try_for_each(|(g, h)| {
                    for (g, h) in g.iter_mut().zip(h) {
                        let (s, mirrored) = of_s.next()?;
                        let signed = if *coins.next()? { -power } else { power };
                        *g -= of_z + s;
                        *h += of_z + signed - mirrored;
                        power *= y_inverse;
                    }
                    Some(())
                })?;
            }
        }
        Some(())
    }

    fn vanishes(self) -> bool {
        let Self { shared: [of_g, of_h], g, h, scalars, points } = self;
        let parties = g.len().div_euclid(BITS);
        let shares = (0..parties).map(generators::share).collect::<Option<Vec<_>>>();
        let Some(shares) = shares else { return false };
        let vectors = shares.iter().flat_map(|share| &share.g);
        let vectors = vectors.chain(shares.iter().flat_map(|share| &share.h));
        // Narrow proofs leave places empty.
        let used: (Vec<Scalar>, Vec<&RistrettoPoint>) = g
            .into_iter()
            .chain(h)
            .zip(vectors)
            .filter(|(scalar, _)| *scalar != Scalar::ZERO)
            .unzip();
        let sum = RistrettoPoint::vartime_multiscalar_mul(
            scalars.iter().chain(&used.0).chain([&of_g, &of_h]),
            points.iter().chain(used.1).chain([&G, generators::h()]),
        );
        sum == RistrettoPoint::identity()
    }
}

/// first·Π factorⱼ over the bits j of each number, lowest bit first.
fn tensor(first: Scalar, factors: &[Scalar]) -> Vec<Scalar> {
    let mut all = Vec::with_capacity(1 << factors.len());
    all.push(first);
    for factor in factors {
        let upper: Vec<Scalar> = all.iter().map(|one| one * factor).collect();
        all.extend(upper);
    }
    all
}

/// δ(y, z) = (z − z²)·⟨1, yⁿᵐ⟩ − Σⱼ z^{j+3}·⟨1, weights⟩, for j from 0 over the parties.
fn delta(weights: &Weights, (bits, count): (usize, usize), y: &Scalar, z: &Scalar) -> Scalar {
    let zz = z * z;
    let all = bits.saturating_mul(count);
    let of_weights = match weights {
        Weights::Powers => powers(&Scalar::from(2u8), bits) * powers(z, count),
        Weights::Coins(coins) => coins.iter().fold(Scalar::ZERO, |sum, coin| {
            if *coin { sum - Scalar::ONE } else { sum + Scalar::ONE }
        }),
    };
    (z - zz) * powers(y, all) - zz * z * of_weights
}

/// 1 + x + … + xⁿ⁻¹ = (1 + x)·(1 + x²)·(1 + x⁴)… for n a power of two.
fn powers(base: &Scalar, count: usize) -> Scalar {
    let (mut sum, mut power) = (Scalar::ONE, *base);
    for _ in 0..count.ilog2() {
        sum += sum * power;
        power *= power;
    }
    sum
}

#[cfg(test)]
mod tests;
