//! Inequalities: one aggregated Bulletproofs range proof (Bünz et al. 2018, sections 4.2 and 4.3)
//! over all of a claim's forms, padded to a power of two with the identity (value 0, blinding 0).
//!
//! Here a proof is read and its challenges are drawn, in the transcript order of the
//! `bulletproofs` crate; whether the equation holds, the module `batch` says of many at once.

use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::{Identity, IsIdentity};
use merlin::Transcript;

use crate::codes::Fault;
use crate::statement::Width;

/// The commitments that are proven, and the bits of each: every V of up to 64 bits, and of wider
/// ones the low half V − 2⁶⁴·V_high and the high half. Pads of the identity fill a power of two.
#[derive(Clone, Debug)]
pub struct Parties {
    /// Bits of each.
    pub bits: usize,
    /// The points, pads included.
    pub points: Vec<RistrettoPoint>,
    /// How many of them are pads.
    pub pads: usize,
}

impl Parties {
    /// Puts the forms of a claim in their order; `high` are the high halves of its wide ones.
    /// None when there is no form, or not one high half for each wide form.
    #[must_use]
    pub fn of(forms: &[(Width, RistrettoPoint)], high: &[RistrettoPoint]) -> Option<Self> {
        let widest = forms.iter().map(|(width, _)| width.half_bits()).max()?;
        let mut points = Vec::with_capacity(forms.len().saturating_add(high.len()));
        let mut halves = high.iter();
        for (width, v) in forms {
            if *width == Width::W128 {
                let high = halves.next()?;
                points.extend([v - shift() * high, *high]);
            } else {
                points.push(*v);
            }
        }
        if halves.next().is_some() {
            return None;
        }
        let pads = points.len().next_power_of_two().saturating_sub(points.len());
        points.extend(core::iter::repeat_n(RistrettoPoint::identity(), pads));
        Some(Self { bits: widest, points, pads })
    }
}

/// 2⁶⁴.
#[must_use]
pub fn shift() -> Scalar {
    Scalar::from(1u128 << 64)
}

/// What the bits of a value are multiplied by.
pub(crate) enum Weights {
    /// 1, 2, 4 … for each party.
    Powers,
    /// 1 − 2c for each coin c, of one party that has all bits.
    Coins(Vec<bool>),
}

/// A range proof of the right shape with its challenges. Not yet verified.
#[must_use = "a proof that is only read is not verified"]
pub(crate) struct Unverified {
    pub(crate) parties: Parties,
    pub(crate) weights: Weights,
    /// A, S, T₁, T₂.
    pub(crate) first: [RistrettoPoint; 4],
    pub(crate) t_x: Scalar,
    pub(crate) t_x_blinding: Scalar,
    pub(crate) e_blinding: Scalar,
    /// L and R of each round.
    pub(crate) rounds: Vec<(RistrettoPoint, RistrettoPoint)>,
    pub(crate) a: Scalar,
    pub(crate) b: Scalar,
    pub(crate) y: Scalar,
    pub(crate) z: Scalar,
    pub(crate) x: Scalar,
    pub(crate) w: Scalar,
    /// One challenge a round.
    pub(crate) u: Vec<Scalar>,
    /// Of everything above: what weights are drawn from.
    pub(crate) held: [u8; 32],
}

/// Reads `proof` of `parties` on the running transcript.
///
/// # Errors
/// [`Fault::RangeEncoding`] when the bytes are not exactly a proof of that many commitments:
/// another length, a point that is none or the identity, a scalar that is not reduced.
pub(crate) fn read(
    t: &mut Transcript,
    parties: Parties,
    proof: &[u8],
) -> Result<Unverified, Fault> {
    let wrong = Fault::RangeEncoding;
    let (count, bits) = (parties.points.len(), parties.bits);
    let length = count.checked_mul(bits).filter(|n| n.is_power_of_two()).ok_or(wrong)?;
    let rounds = usize::try_from(length.ilog2()).map_err(|_| wrong)?;
    let mut words = words(proof, rounds.checked_mul(2).and_then(|n| n.checked_add(9)))?;

    t.append_message(b"dom-sep", b"rangeproof v1");
    t.append_u64(b"n", u64::try_from(bits).map_err(|_| wrong)?);
    t.append_u64(b"m", u64::try_from(count).map_err(|_| wrong)?);
    for v in &parties.points {
        t.append_message(b"V", v.compress().as_bytes());
    }
    let a_point = point(t, b"A", next(&mut words)?)?;
    finish(t, (parties, Weights::Powers), a_point, length, &mut words)
}

/// The words of a proof, which has exactly so many.
pub(crate) fn words(
    proof: &[u8],
    count: Option<usize>,
) -> Result<core::slice::Iter<'_, [u8; 32]>, Fault> {
    let (words, rest) = proof.as_chunks::<32>();
    let whole = rest.is_empty() && Some(words.len()) == count;
    whole.then(|| words.iter()).ok_or(Fault::RangeEncoding)
}

fn next(words: &mut core::slice::Iter<'_, [u8; 32]>) -> Result<[u8; 32], Fault> {
    words.next().copied().ok_or(Fault::RangeEncoding)
}

/// Reads what comes after A, which is on the transcript: vectors of `length` bits in all.
pub(crate) fn finish(
    t: &mut Transcript,
    (parties, weights): (Parties, Weights),
    a_point: RistrettoPoint,
    length: usize,
    words: &mut core::slice::Iter<'_, [u8; 32]>,
) -> Result<Unverified, Fault> {
    let wrong = Fault::RangeEncoding;
    let rounds = usize::try_from(length.ilog2()).map_err(|_| wrong)?;
    let mut next = || next(words);
    let s_point = point(t, b"S", next()?)?;
    let (y, z) = (challenge(t, b"y"), challenge(t, b"z"));
    let first = point(t, b"T_1", next()?)?;
    let second = point(t, b"T_2", next()?)?;
    let x = challenge(t, b"x");
    let t_x = scalar(t, b"t_x", next()?)?;
    let t_x_blinding = scalar(t, b"t_x_blinding", next()?)?;
    let e_blinding = scalar(t, b"e_blinding", next()?)?;
    let w = challenge(t, b"w");

    t.append_message(b"dom-sep", b"ipp v1");
    t.append_u64(b"n", u64::try_from(length).map_err(|_| wrong)?);
    let (mut folds, mut u) = (Vec::with_capacity(rounds), Vec::with_capacity(rounds));
    for _ in 0..rounds {
        folds.push((point(t, b"L", next()?)?, point(t, b"R", next()?)?));
        u.push(challenge(t, b"u"));
    }
    // The proof system never absorbs its last two scalars, and weights must depend on them.
    let a = scalar(t, b"a", next()?)?;
    let b = scalar(t, b"b", next()?)?;
    let mut held = [0; 32];
    t.challenge_bytes(b"weights", &mut held);
    Ok(Unverified {
        parties,
        weights,
        first: [a_point, s_point, first, second],
        t_x,
        t_x_blinding,
        e_blinding,
        rounds: folds,
        a,
        b,
        y,
        z,
        x,
        w,
        u,
        held,
    })
}

pub(crate) fn point(
    t: &mut Transcript,
    label: &'static [u8],
    word: [u8; 32],
) -> Result<RistrettoPoint, Fault> {
    let point = CompressedRistretto(word).decompress().filter(|p| !p.is_identity());
    t.append_message(label, &word);
    point.ok_or(Fault::RangeEncoding)
}

fn scalar(t: &mut Transcript, label: &'static [u8], word: [u8; 32]) -> Result<Scalar, Fault> {
    t.append_message(label, &word);
    Option::from(Scalar::from_canonical_bytes(word)).ok_or(Fault::RangeEncoding)
}

/// The next challenge of a transcript.
pub fn challenge(t: &mut Transcript, label: &'static [u8]) -> Scalar {
    let mut wide = [0; 64];
    t.challenge_bytes(label, &mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}
