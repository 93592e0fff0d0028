//! Verifiable noise: a number that is a committed count plus as many committed bits as came out one,
//! after public coins have flipped them (Biswas and Cormode 2022), less half their number.
//!
//! In this order: the monitor publishes C = x·G + r·H, and A = α·H + ⟨b, **G**⟩ + ⟨b − 1, **H**⟩ of
//! bits b that it drew; then coins c are drawn that nobody knew before; then it publishes
//! y = x + Σ (bᵢ ⊕ cᵢ) − n/2 and a blinding s. Since bᵢ ⊕ cᵢ = cᵢ + (1 − 2cᵢ)·bᵢ,
//! V = (y + n/2 − Σ cᵢ)·G + s·H − C commits to ⟨b, 1 − 2c⟩. One argument shows that b is of bits and
//! that this is what is in V: that of a range proof (Bünz et al. 2018, section 4.2) with the
//! weights 1 − 2c in the place of powers of two, on whose transcript A was before the coins were.
//!
//! If the bits *or* the coins are fair, the noise is Binomial(n, 1/2) − n/2, also of several numbers
//! together, whose coins differ though they share a seed; and who knows not the bits does not know
//! it. What is *not* bound: that the bits are fair and secret, on which the
//! privacy rests; that x was counted rightly; that there was one A only, one coin string and one
//! answer, for which a log is; and that nobody knew the coins before A was published.

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{RistrettoPoint, Scalar};
use merlin::Transcript;
use messages::domain;
use messages::ids::Commitment;
use sha3::Shake256;
use sha3::digest::{ExtendableOutput, Update, XofReader};

use crate::batch;
use crate::codes::Fault;
use crate::generators::{BITS, G, MAX_SHARES, h};
use crate::range::{self, Parties, Weights};
use crate::transcript::SUITE;

/// Most coins of one number.
pub const MAX_COINS: usize = MAX_SHARES * BITS;

/// Public coins of one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coins(Vec<bool>);

impl Coins {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Each of them.
    #[must_use]
    pub fn as_slice(&self) -> &[bool] {
        &self.0
    }

    /// Σ cᵢ − n/2.
    #[must_use]
    pub fn excess(&self) -> i64 {
        let signed = |sum: i64, coin: &bool| sum.saturating_add(if *coin { 1 } else { -1 });
        self.0.iter().fold(0, signed).div_euclid(2)
    }
}

/// What a number was committed to before its coins were drawn.
#[derive(Clone, Copy, Debug)]
pub struct Committed<'a> {
    /// Which number it is: a digest that no other number shares, or its coins would be alike, and
    /// of what else the proof must not survive a change of.
    pub context: &'a [u8; 32],
    /// n: a power of two from 64 to [`MAX_COINS`].
    pub count: usize,
    /// C: the count.
    pub counter: &'a Commitment,
    /// A: the bits.
    pub bits: &'a Commitment,
}

impl Committed<'_> {
    /// Its coins out of a seed that nobody knew when this was published, and that several numbers
    /// may share: the bits of SHAKE256 over the domain, a zero byte, seed, context, n in 64 bits
    /// little-endian, C and A, lowest first. None for another n.
    #[must_use]
    pub fn coins(&self, seed: &[u8; 32]) -> Option<Coins> {
        let count = self.count;
        let fits = count.is_power_of_two() && (BITS..=MAX_COINS).contains(&count);
        let mut shake = Shake256::default();
        Update::update(&mut shake, domain::NOISE_COINS.as_bytes());
        let length = u64::try_from(count).ok()?.to_le_bytes();
        for part in [&[0][..], seed, self.context, &length, &self.counter.0, &self.bits.0] {
            Update::update(&mut shake, part);
        }
        let mut bytes = vec![0; count.checked_div(8).filter(|_| fits)?];
        shake.finalize_xof().read(&mut bytes);
        let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| (byte >> bit) & 1 == 1));
        Some(Coins(bits.collect()))
    }
}

/// What is proven.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// What was committed to.
    pub committed: Committed<'a>,
    /// What its coins are drawn from.
    pub seed: &'a [u8; 32],
    /// y.
    pub value: i64,
    /// s.
    pub blinding: &'a Scalar,
}

impl Statement<'_> {
    /// The transcript up to A and with the coins, the coins, and V.
    ///
    /// # Errors
    /// [`Fault::CommitmentEncoding`] when C is no point, [`Fault::RangeEncoding`] when there is no
    /// such number of coins.
    pub fn begin(&self) -> Result<(Transcript, Coins, RistrettoPoint), Fault> {
        let Committed { context, counter, bits, .. } = self.committed;
        let coins = self.committed.coins(self.seed).ok_or(Fault::RangeEncoding)?;
        // y + n/2 − Σ c, without overflow.
        let noise = i128::from(self.value).saturating_sub(coins.excess().into());
        let v = crate::statement::scalar(noise) * G + self.blinding * h() - point(counter)?;
        let mut t = Transcript::new(domain::NOISE_PROOF.as_bytes());
        t.append_message(b"suite", SUITE.as_bytes());
        t.append_message(b"G", G.compress().as_bytes());
        t.append_message(b"H", h().compress().as_bytes());
        t.append_message(b"context", context);
        t.append_message(b"counter", &counter.0);
        t.append_message(b"A", &bits.0);
        t.append_message(b"seed", self.seed);
        let flips: Vec<u8> = coins.0.iter().map(|coin| u8::from(*coin)).collect();
        t.append_message(b"coins", &flips);
        t.append_message(b"y", &self.value.to_le_bytes());
        t.append_message(b"s", &self.blinding.to_bytes());
        t.append_message(b"V", v.compress().as_bytes());
        Ok((t, coins, v))
    }
}

/// Verifies the proof of a number.
///
/// # Errors
/// [`Fault::CommitmentEncoding`] when C or A is no point, [`Fault::RangeEncoding`] when the bytes
/// are no proof of that many coins, [`Fault::RangeProof`] when it does not hold.
pub fn verify(statement: &Statement<'_>, proof: &[u8]) -> Result<(), Fault> {
    match batch::verify(&[vec![read(statement, proof)?]]).into_iter().flatten().next() {
        None => Ok(()),
        Some(fault) => Err(fault),
    }
}

/// Reads the proof of a number, for a batch.
pub(crate) fn read(statement: &Statement<'_>, proof: &[u8]) -> Result<batch::Unverified, Fault> {
    let (mut t, coins, v) = statement.begin()?;
    let length = coins.count();
    let rounds = usize::try_from(length.ilog2()).ok();
    let mut words = range::words(proof, rounds.and_then(|n| n.checked_mul(2)?.checked_add(8)))?;
    let a = point(statement.committed.bits)?;
    let parties = Parties { bits: BITS, points: vec![v], pads: 0 };
    let read = range::finish(&mut t, (parties, Weights::Coins(coins.0)), a, length, &mut words)?;
    Ok(batch::Unverified::Range(Box::new(read)))
}

/// A commitment as a point that is not the identity.
pub(crate) fn point(commitment: &Commitment) -> Result<RistrettoPoint, Fault> {
    let point = CompressedRistretto(commitment.0).decompress();
    point.filter(|point| !point.is_identity()).ok_or(Fault::CommitmentEncoding)
}
