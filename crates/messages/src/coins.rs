//! Public coins for noise that anybody can check: who deals them, what noise they make, and what it
//! costs, in whole numbers that a monitor and its verifiers compute alike.
//!
//! A dealer promises the values of all its days at once: it draws one for a day far away, and the
//! value of each day before is the hash of the next one's. Whoever knows one link can check every
//! later value, and nobody but the dealer knows one before it is dealt.

use alloc::string::String;
use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::codec::Wire;
use crate::domain;
use crate::ids::{Commitment, LeafHash, Root};
use crate::signature::{PublicKey, Signature, SigningKey};

/// Fewest coins of one number: with fewer the price would be far from that of a Gaussian.
pub const MIN_COINS: u32 = 1 << 10;
/// Most coins of one number.
pub const MAX_COINS: u32 = 1 << 15;
/// The last day of every dealer, counted from 1970-01-01: in 2149.
pub const LAST_DAY: u64 = u16::MAX as u64;
/// Most dealers of one monitor.
pub const MAX_DEALERS: usize = 8;

/// The price of Binomial(n, 1/2) − n/2 on a count that one owner's day moves by at most
/// `sensitivity`, Δ: ρ = 2Δ²/n · (1 + 1/128 + 64/n), in nano-ρ, rounded up; with it the noise is
/// (ρ, 2⁻⁷⁰)-approximately zCDP. None unless n is a power of two from [`MIN_COINS`] to
/// [`MAX_COINS`] and 1 ≤ Δ² ≤ n.
///
/// A Gaussian of that variance costs 2Δ²/n. That the rest is enough for the exact probabilities is
/// computed, not estimated, by a test of the crate `release`.
#[must_use]
pub fn price(coins: u32, sensitivity: u64) -> Option<u64> {
    let (n, squared) = (u128::from(coins), u128::from(sensitivity).checked_pow(2)?);
    let fits = coins.is_power_of_two() && (MIN_COINS..=MAX_COINS).contains(&coins);
    if !fits || !(1..=n).contains(&squared) {
        return None;
    }
    // 2Δ²/n · (129n + 8192)/128n, times 10⁹.
    let rest = n.checked_mul(129)?.checked_add(8192)?;
    let nano_rho = squared.checked_mul(2_000_000_000)?.checked_mul(rest)?;
    u64::try_from(nano_rho.div_ceil(n.checked_mul(n)?.checked_mul(128)?)).ok()
}

/// σ = √n/2 in thousandths, rounded up.
#[must_use]
pub fn scale_milli(coins: u32) -> u64 {
    let square = u64::from(coins).saturating_mul(250_000);
    let floor = square.isqrt();
    floor.saturating_add(u64::from(floor.saturating_mul(floor) != square))
}

/// Half the width of the interval that holds the noise with 95 %: 1.96 deviations, and one.
#[must_use]
pub fn half_width_95(coins: u32) -> u64 {
    scale_milli(coins).saturating_mul(1960).div_ceil(1_000_000).saturating_add(1)
}

/// Who deals, and what it promised before it knew anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Dealer {
    /// The key that signs its deals.
    #[n(1)]
    pub key: PublicKey,
    /// What the value of the day before `since` is.
    #[n(2)]
    pub link: Root,
    /// The first day that it deals for, counted from 1970-01-01.
    #[n(3)]
    pub since: u64,
}

impl Dealer {
    /// A dealer with this key for one log: its values follow from both.
    #[must_use]
    pub fn new(key: &SigningKey, origin: &str, since: u64) -> Option<Self> {
        let link = chained(key, origin, since, since.checked_sub(1)?)?;
        Some(Self { key: key.public(), link: Root(link), since })
    }

    /// Did the dealer promise this value for this day?
    #[must_use]
    pub fn promised(&self, day: u64, value: &[u8; 32]) -> bool {
        let steps = day.checked_sub(self.since).and_then(|n| n.checked_add(1));
        steps.filter(|_| day <= LAST_DAY).is_some_and(|n| hashed(*value, n) == self.link.0)
    }
}

/// The value of a day of a log, of a dealer that promised from `since` on; none before that and after
/// [`LAST_DAY`]. Each promise has values of its own, so that a later one gives none of an earlier
/// one away.
#[must_use]
pub fn value(key: &SigningKey, origin: &str, since: u64, day: u64) -> Option<[u8; 32]> {
    if day < since { None } else { chained(key, origin, since, day) }
}

fn chained(key: &SigningKey, origin: &str, since: u64, day: u64) -> Option<[u8; 32]> {
    let parts = [&key.expose_seed()[..], origin.as_bytes(), &since.to_be_bytes()];
    let last = domain::COIN_SECRET.hash(&parts);
    LAST_DAY.checked_sub(day).map(|steps| hashed(last, steps))
}

fn hashed(value: [u8; 32], steps: u64) -> [u8; 32] {
    (0..steps).fold(value, |value, _| domain::COIN_LINK.hash(&[&value]))
}

/// The seed of all coins of a day of a log: of the dealers' values, in their order.
#[must_use]
pub fn seed(values: &[[u8; 32]]) -> [u8; 32] {
    let values: Vec<&[u8]> = values.iter().map(<[u8; 32]>::as_slice).collect();
    domain::COIN_SEED.hash(&values)
}

/// What a dealer signs, once a day: its value of the day, and which log it was shown when it told it.
/// Whatever that log had was settled before the value was known; nothing else was. That it is a part
/// of the log that everybody sees, a whole ledger shows.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Deal {
    /// The log.
    #[n(1)]
    pub origin: String,
    /// The day of the data.
    #[n(2)]
    pub day: u64,
    /// The value.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub value: [u8; 32],
    /// Leaves in the log.
    #[n(4)]
    pub size: u64,
    /// Their root.
    #[n(5)]
    pub root: Root,
}

impl Wire for Deal {
    const MAX_BYTES: usize = 1024;
}

/// A deal as a release shows it: the rest of it is the release's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Dealt {
    /// The value.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub value: [u8; 32],
    /// Leaves in the log that the dealer saw.
    #[n(2)]
    pub size: u64,
    /// Their root.
    #[n(3)]
    pub root: Root,
    /// By the dealer, over the [`Deal`].
    #[n(4)]
    pub signature: Signature,
    /// Path of the reservation's leaf to that root.
    #[n(5)]
    pub path: Vec<LeafHash>,
}

/// What numbers are committed to before their coins exist.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Commitments {
    /// Who will deal, at least one and at most [`MAX_DEALERS`]: without the value of each of them
    /// there are no coins.
    #[n(1)]
    pub dealers: Vec<Dealer>,
    /// One a debit, in the debits' order.
    #[n(2)]
    pub numbers: Vec<NumberCommitments>,
}

/// What one number is committed to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NumberCommitments {
    /// The statistic. Each is committed to once a day of a data set, or there would be a choice.
    #[n(1)]
    pub statistic: String,
    /// C: the bounded count.
    #[n(2)]
    pub counter: Commitment,
    /// A: the bits.
    #[n(3)]
    pub bits: Commitment,
}

/// What shows that a number is the count that it was committed to, with the noise of the coins.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Proven {
    /// s, a canonical scalar.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub blinding: [u8; 32],
    /// The proof: 8 + 2·log₂ n words of 32 bytes.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub proof: Vec<u8>,
    /// One a dealer, in their order.
    #[n(3)]
    pub dealt: Vec<Dealt>,
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_default_share_buys_the_coins_that_cover_it() {
        // 2·64/32768 = 0.00390625, times 1 + 1/128 + 1/512.
        assert_eq!(price(32_768, 8), Some(3_944_397));
        assert_eq!(price(16_384, 8), Some(7_904_053));
        assert_eq!(price(1024, 1), Some(2_090_455));
        assert_eq!(price(1024, 32), Some(2_140_625_000));
        for (coins, sensitivity) in
            [(512, 1), (65_536, 1), (1025, 1), (1024, 0), (1024, 33), (1024, u64::MAX)]
        {
            assert_eq!(price(coins, sensitivity), None, "{coins} {sensitivity}");
        }
        assert_eq!((scale_milli(1024), half_width_95(1024)), (16_000, 33));
        assert_eq!((scale_milli(2048), half_width_95(2048)), (22_628, 46));
    }

    #[test]
    fn a_dealer_is_held_to_what_it_promised() {
        let key = SigningKey::from_seed(&[7; 32]);
        let since = LAST_DAY - 9;
        let dealer = Dealer::new(&key, "a.example", since).unwrap();
        for day in since..=LAST_DAY {
            let told = value(&key, "a.example", since, day).unwrap();
            assert!(dealer.promised(day, &told));
            assert!(!dealer.promised(day - 1, &told));
            assert!(!dealer.promised(day + 1, &told));
            assert!(!dealer.promised(day, &value(&key, "b.example", since, day).unwrap()));
            assert!(!dealer.promised(day, &value(&key, "a.example", since - 1, day).unwrap()));
        }
        assert!(!dealer.promised(LAST_DAY - 10, &dealer.link.0), "that is known already");
        assert_eq!(value(&key, "a.example", since, LAST_DAY + 1), None);
        assert_eq!(value(&key, "a.example", since, since - 1), None);
        assert_eq!(Dealer::new(&key, "a.example", 0), None);
        assert_eq!(Dealer::new(&key, "a.example", LAST_DAY + 2), None);
    }

    #[test]
    fn every_value_and_its_place_is_in_the_seed() {
        let seeds =
            [seed(&[[1; 32], [2; 32]]), seed(&[[2; 32], [1; 32]]), seed(&[[1; 32]]), seed(&[])];
        for (at, one) in seeds.iter().enumerate() {
            assert!(seeds.iter().skip(at + 1).all(|other| other != one));
        }
    }
}
