//! Verifiable noise, from the side of who draws it: see `verify::binomial` for what is proven.
//!
//! Nothing here branches on a bit or looks anything up by it, and blindings are multiplied in
//! constant time; what the argument folds are vectors that these blindings hide.

use curve25519_dalek::traits::{Identity, MultiscalarMul, VartimeMultiscalarMul};
use curve25519_dalek::{RistrettoPoint, Scalar};
use merlin::Transcript;
use messages::ids::Commitment;
use rand_core::CryptoRngCore;
use subtle::{Choice, ConditionallySelectable};
use verify::binomial::{Coins, Committed, MAX_COINS, Statement};
use verify::generators::{self, BITS, G};
use verify::range::challenge;
use zeroize::Zeroizing;

use crate::error::ProveError;

/// Bits that somebody is committed to, before the coins are drawn. They answer once: two answers
/// under two coin strings give the bits away. No `Debug`, no `Clone`, no encoding.
pub struct Bits {
    bits: Zeroizing<Vec<u8>>,
    alpha: Zeroizing<Scalar>,
    commitment: Commitment,
}

/// A count as it is committed to: x and r of x·G + r·H.
pub struct Count<'a> {
    /// C.
    pub commitment: &'a Commitment,
    /// x.
    pub value: u64,
    /// r.
    pub blinding: &'a Scalar,
}

/// A number with noise, and what shows that it is the count with the noise of the coins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// y.
    pub value: i64,
    /// s.
    pub blinding: Scalar,
    /// 32 bytes for each of 8 + 2·log₂ n words.
    pub proof: Vec<u8>,
}

impl Bits {
    /// Draws `count` fair bits. None unless that is a power of two from 64 to [`MAX_COINS`].
    #[must_use]
    pub fn draw(count: usize, rng: &mut impl CryptoRngCore) -> Option<Self> {
        let fits = count.is_power_of_two() && (BITS..=MAX_COINS).contains(&count);
        let mut drawn = Zeroizing::new(vec![0; count.checked_div(8).filter(|_| fits)?]);
        rng.fill_bytes(&mut drawn);
        // All room at once: what grows leaves copies behind.
        let mut bits = Zeroizing::new(Vec::with_capacity(count));
        bits.extend(drawn.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1)));
        let alpha = Zeroizing::new(Scalar::random(rng));
        let commitment = commit(&bits, &alpha)?;
        Some(Self { bits, alpha, commitment })
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.len()
    }

    /// A, which is published before the coins are drawn.
    #[must_use]
    pub const fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// Answers, once, with the noise of the coins that come out of `seed` for this very number.
    ///
    /// # Errors
    /// [`ProveError::OpeningsMismatch`] when the count is not what it is committed to;
    /// [`ProveError::Internal`] when it is past 62 bits. The bits are gone then, too.
    pub fn answer(
        self,
        context: &[u8; 32],
        count: &Count<'_>,
        seed: &[u8; 32],
        rng: &mut impl CryptoRngCore,
    ) -> Result<Answer, ProveError> {
        let point = RistrettoPoint::mul_base(&Scalar::from(count.value));
        let point = point + count.blinding * generators::h_table();
        if point.compress().to_bytes() != count.commitment.0 {
            return Err(ProveError::OpeningsMismatch);
        }
        let committed = Committed {
            context,
            count: self.bits.len(),
            counter: count.commitment,
            bits: &self.commitment,
        };
        let coins = committed.coins(seed).ok_or(ProveError::Internal)?;
        let flipped = self.bits.iter().zip(coins.as_slice());
        let heads = flipped.map(|(bit, coin)| i64::from(bit ^ u8::from(*coin))).sum::<i64>();
        let half =
            i64::try_from(self.bits.len().div_euclid(2)).map_err(|_| ProveError::Internal)?;
        let exact = i64::try_from(count.value).ok().filter(|exact| *exact < 1 << 62);
        let noisy = exact.and_then(|exact| exact.checked_add(heads)?.checked_sub(half));
        let value = noisy.ok_or(ProveError::Internal)?;
        // A generator that repeats itself gives no two numbers one γ: their difference would be r's.
        let mut t = Transcript::new(b"noise-blinding");
        t.append_message(b"context", context);
        t.append_message(b"seed", seed);
        t.append_message(b"A", &self.commitment.0);
        let secrets = [&*self.alpha, count.blinding].map(|s| Zeroizing::new(s.to_bytes()));
        let hedged = |t: &Transcript| {
            let bits = t.build_rng().rekey_with_witness_bytes(b"bits", &self.bits);
            secrets.iter().fold(bits, |builder, secret| {
                builder.rekey_with_witness_bytes(b"blinding", &**secret)
            })
        };
        let gamma = Zeroizing::new(Scalar::random(&mut hedged(&t).finalize(rng)));
        let blinding = count.blinding + *gamma;
        let statement = Statement { committed, seed, value, blinding: &blinding };
        let (mut t, coins, _) = statement.begin()?;
        let mut hedged = hedged(&t).finalize(rng);
        let proof = self.prove(&mut t, &coins, &gamma, &mut hedged).ok_or(ProveError::Internal)?;
        Ok(Answer { value, blinding, proof })
    }

    fn prove(
        &self,
        t: &mut Transcript,
        coins: &Coins,
        gamma: &Scalar,
        rng: &mut impl CryptoRngCore,
    ) -> Option<Vec<u8>> {
        let n = self.bits.len();
        let mut words: Vec<[u8; 32]> = Vec::new();
        let (g, h) = vectors(n)?;
        let mut random = |count: usize| -> Zeroizing<Vec<Scalar>> {
            Zeroizing::new((0..count).map(|_| Scalar::random(rng)).collect())
        };
        // S hides the vectors as they are folded.
        let (left, right, single) = (random(n), random(n), random(3));
        let [rho, tau_1, tau_2] = single.as_slice() else { return None };
        let mut s = rho * generators::h_table();
        for (scalars, points) in [(&left, &g), (&right, &h)] {
            for (scalars, points) in scalars.chunks(CHUNK).zip(points.chunks(CHUNK)) {
                s += RistrettoPoint::multiscalar_mul(scalars, points.iter().copied());
            }
        }
        point(t, b"S", &s, &mut words);
        let (y, z) = (challenge(t, b"y"), challenge(t, b"z"));

        // l(X) = b − z + left·X, r(X) = yⁿ∘(b − 1 + z + right·X) + z²·(1 − 2c).
        let zz = z * z;
        let powers = core::iter::successors(Some(Scalar::ONE), |power| Some(power * y));
        let powers: Vec<Scalar> = powers.take(n).collect();
        let bit = |at: &u8| Scalar::from(*at);
        let l_0 = Zeroizing::new(self.bits.iter().map(|b| bit(b) - z).collect::<Vec<_>>());
        let signed = coins.as_slice().iter().map(|coin| if *coin { -zz } else { zz });
        let r_0 = self.bits.iter().zip(&powers).zip(signed);
        let r_0 = r_0.map(|((b, power), signed)| power * (bit(b) - Scalar::ONE + z) + signed);
        let r_0 = Zeroizing::new(r_0.collect::<Vec<_>>());
        let r_1 = right.iter().zip(&powers).map(|(right, power)| right * power);
        let r_1 = Zeroizing::new(r_1.collect::<Vec<_>>());
        let t_0 = Zeroizing::new(inner(&l_0, &r_0));
        let t_2 = Zeroizing::new(inner(&left, &r_1));
        let t_1 = Zeroizing::new(inner(&l_0, &r_1) + inner(&left, &r_0));
        for (label, value, tau) in [(b"T_1", &t_1, tau_1), (b"T_2", &t_2, tau_2)] {
            let committed = RistrettoPoint::mul_base(value) + tau * generators::h_table();
            point(t, label, &committed, &mut words);
        }
        let x = challenge(t, b"x");
        let t_x = *t_0 + *t_1 * x + *t_2 * x * x;
        scalar(t, b"t_x", t_x, &mut words);
        scalar(t, b"t_x_blinding", tau_2 * x * x + tau_1 * x + zz * gamma, &mut words);
        scalar(t, b"e_blinding", *self.alpha + rho * x, &mut words);
        let q = challenge(t, b"w") * G;

        // From here on everything is public but for what S hides.
        let l: Vec<Scalar> = l_0.iter().zip(&*left).map(|(a, b)| a + b * x).collect();
        let r: Vec<Scalar> = r_0.iter().zip(&*r_1).map(|(a, b)| a + b * x).collect();
        let inverse = y.invert();
        let shrunk = core::iter::successors(Some(Scalar::ONE), |power| Some(power * inverse));
        fold(t, (g, h, shrunk.take(n).collect()), (l, r), &q, &mut words)?;
        Some(words.concat())
    }
}

/// α·H + ⟨b, **G**⟩ + ⟨b − 1, **H**⟩, in constant time: for each bit the same is added, or nothing.
fn commit(bits: &[u8], alpha: &Scalar) -> Option<Commitment> {
    let (g, h) = vectors(bits.len())?;
    let mut sum = alpha * generators::h_table();
    for ((bit, g), h) in bits.iter().zip(g).zip(h) {
        let (none, one) = (RistrettoPoint::identity(), g + h);
        sum += RistrettoPoint::conditional_select(&none, &one, Choice::from(*bit)) - h;
    }
    Some(Commitment(sum.compress().to_bytes()))
}

type Vectors = (Vec<&'static RistrettoPoint>, Vec<&'static RistrettoPoint>);

/// The generators of so many bits.
fn vectors(count: usize) -> Option<Vectors> {
    let shares = (0..count.div_euclid(BITS)).map(generators::share).collect::<Option<Vec<_>>>()?;
    let g = shares.iter().flat_map(|share| &share.g).collect();
    Some((g, shares.iter().flat_map(|share| &share.h).collect()))
}

/// The inner-product argument (Bünz et al. 2018, section 3) over **G** and shrunk∘**H**.
///
/// Generators are folded three rounds at a time: the rounds in between multiply the vectors by what
/// the generators would have been, which costs less than a multiplication of each generator in
/// each round.
fn fold(
    t: &mut Transcript,
    (g, h, mut shrunk): (Vec<&RistrettoPoint>, Vec<&RistrettoPoint>, Vec<Scalar>),
    (mut a, mut b): (Vec<Scalar>, Vec<Scalar>),
    q: &RistrettoPoint,
    words: &mut Vec<[u8; 32]>,
) -> Option<()> {
    t.append_message(b"dom-sep", b"ipp v1");
    t.append_u64(b"n", u64::try_from(a.len()).ok()?);
    let (mut g, mut h): (Vec<RistrettoPoint>, Vec<RistrettoPoint>) =
        (g.into_iter().copied().collect(), h.into_iter().copied().collect());
    // What each stretch of the generators counts for.
    let (mut of_g, mut of_h) = (vec![Scalar::ONE], vec![Scalar::ONE]);
    while a.len() > 1 {
        let half = a.len().div_euclid(2);
        let (a_low, a_high) = a.split_at(half);
        let (b_low, b_high) = b.split_at(half);
        // Stretches of the generators begin at each multiple of what is left of the vectors.
        let side = |a: &[Scalar], b: &[Scalar], upper: bool| {
            let (skip_g, skip_h) = if upper { (half, 0) } else { (0, half) };
            let mut scalars = vec![inner(a, b)];
            let mut points = vec![q];
            for (stretch, (of_g, of_h)) in of_g.iter().zip(&of_h).enumerate() {
                let start = stretch.checked_mul(half)?.checked_mul(2)?;
                let g = g.get(start.checked_add(skip_g)?..)?;
                let from_h = start.checked_add(skip_h)?;
                let (h, shrunk) = (h.get(from_h..)?, shrunk.get(from_h..)?);
                scalars.extend(a.iter().map(|a| a * of_g));
                points.extend(g.iter().take(half));
                scalars.extend(b.iter().zip(shrunk).map(|(b, shrunk)| b * of_h * shrunk));
                points.extend(h.iter().take(half));
            }
            Some(RistrettoPoint::vartime_multiscalar_mul(scalars, points))
        };
        let (left, right) = (side(a_low, b_high, true)?, side(a_high, b_low, false)?);
        point(t, b"L", &left, words);
        point(t, b"R", &right, words);
        let u = challenge(t, b"u");
        let inverse = u.invert();
        let pairs = |low: &[Scalar], high: &[Scalar], by: &Scalar, other: &Scalar| {
            low.iter().zip(high).map(|(low, high)| low * by + high * other).collect::<Vec<_>>()
        };
        (a, b) = (pairs(a_low, a_high, &u, &inverse), pairs(b_low, b_high, &inverse, &u));
        let split = |of: &[Scalar], low: &Scalar, high: &Scalar| -> Vec<Scalar> {
            of.iter().flat_map(|of| [of * low, of * high]).collect()
        };
        (of_g, of_h) = (split(&of_g, &inverse, &u), split(&of_h, &u, &inverse));
        if of_g.len() == FOLD {
            let left = a.len();
            let folded = |points: &[RistrettoPoint], of: &[Scalar], shrunk: Option<&[Scalar]>| {
                let one = |at: usize| {
                    let points = points.iter().skip(at).step_by(left);
                    let scalars = of.iter().enumerate().map(|(stretch, of)| {
                        let place = stretch.saturating_mul(left).saturating_add(at);
                        shrunk.map_or(*of, |shrunk| shrunk.get(place).map_or(*of, |s| of * s))
                    });
                    RistrettoPoint::vartime_multiscalar_mul(scalars.collect::<Vec<_>>(), points)
                };
                (0..left).map(one).collect::<Vec<_>>()
            };
            (g, h) = (folded(&g, &of_g, None), folded(&h, &of_h, Some(&shrunk)));
            shrunk = vec![Scalar::ONE; left];
            (of_g, of_h) = (vec![Scalar::ONE], vec![Scalar::ONE]);
        }
    }
    let (a, b) = (a.first()?, b.first()?);
    words.extend([a.to_bytes(), b.to_bytes()]);
    Some(())
}

fn inner(a: &[Scalar], b: &[Scalar]) -> Scalar {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn point(
    t: &mut Transcript,
    label: &'static [u8],
    point: &RistrettoPoint,
    words: &mut Vec<[u8; 32]>,
) {
    let word = point.compress().to_bytes();
    t.append_message(label, &word);
    words.push(word);
}

fn scalar(t: &mut Transcript, label: &'static [u8], scalar: Scalar, words: &mut Vec<[u8; 32]>) {
    let word = scalar.to_bytes();
    t.append_message(label, &word);
    words.push(word);
}

/// Stretches after which generators are folded: three rounds.
const FOLD: usize = 8;
/// Points that are multiplied at a time, for the memory that their tables take.
const CHUNK: usize = 4096;
