//! Entries as the circuit sees them: 175 bits in one element, and a second that stands for the
//! event and hides both.

use ark_bn254::Fr;
use ark_ff::{BigInt, PrimeField};
use messages::domain;
use messages::ids::FieldElement;
use messages::segment::{Answered, CALLS, Entry, LATENCIES, Outcome};

use crate::digest::{bytes_of, element, truncated};
use crate::rules::Rules;

/// Bits of an entry, by what they say; the least significant first.
///
/// INVARIANT: the circuit demands that each is a bit, so that no two entries share an element.
pub const BITS: usize = 175;

/// Single bits, in order.
pub(crate) const PRESENT: usize = 0;
pub(crate) const TAKEN: usize = 1;
pub(crate) const OPENS: usize = 2;
pub(crate) const PERMITTED: usize = 3;
pub(crate) const DENIED: usize = 4;
pub(crate) const ESCALATED: usize = 5;
pub(crate) const TERMINATED: usize = 6;
pub(crate) const APPROVED: usize = 7;
pub(crate) const ALERT: usize = 8;
pub(crate) const OK: usize = 9;
pub(crate) const ERROR: usize = 10;
pub(crate) const BREACH: usize = 11;
/// Fields of several bits, in order.
pub(crate) const LATENCY: (usize, usize) = (12, LATENCIES);
pub(crate) const CALL: (usize, usize) = (20, 7);
pub(crate) const SUM: (usize, usize) = (27, 4);
pub(crate) const AMOUNT: (usize, usize) = (31, AMOUNT_BITS);
pub(crate) const ROOM: (usize, usize) = (79, AMOUNT_BITS);
pub(crate) const BYTES: (usize, usize) = (127, 24);
pub(crate) const PII: (usize, usize) = (151, 24);

/// The number of no call of any table, all bits of its field.
const NO_CALL: u64 = 127;
const _: () = assert!((CALLS as u64) < NO_CALL && NO_CALL == (1 << CALL.1) - 1);
/// Bits of an amount.
pub(crate) const AMOUNT_BITS: usize = 48;

/// One entry, packed; all zero where there is none.
#[derive(Clone, Copy, Default)]
pub struct Packed {
    bits: [u64; 3],
    event: Fr,
}

impl Packed {
    /// Packs an entry under the rules in force; `nonce` is secret and of this entry alone.
    ///
    /// One that has no place in its bits is in the log like every other, as a call that no table
    /// has: no segment that has it can be proven.
    #[must_use]
    pub fn new(entry: &Entry, rules: &Rules, nonce: &[u8; 32]) -> Self {
        let Entry { event, taken, opens, outcome, ran, amount, .. } = entry;
        let Entry { alert, answer, latency, breach, bytes, pii, .. } = entry;
        let mut packed =
            Self { bits: [0; 3], event: truncated(domain::SEGMENT_EVENT.hash(&[nonce, &event.0])) };
        packed.set((PRESENT, 1), 1);
        packed.set((TAKEN, 1), u64::from(*taken));
        packed.set((OPENS, 1), u64::from(*opens));
        let outcome_bit = outcome.map(|outcome| match outcome {
            Outcome::Permitted => PERMITTED,
            Outcome::Denied => DENIED,
            Outcome::Escalated => ESCALATED,
            Outcome::Terminated => TERMINATED,
            Outcome::Approved => APPROVED,
        });
        let answer_bit = answer.map(|answer| match answer {
            Answered::Ok => OK,
            Answered::Error => ERROR,
        });
        let latency_bit = latency
            .map(usize::from)
            .filter(|bucket| *bucket < LATENCIES)
            .map(|bucket| LATENCY.0.saturating_add(bucket));
        for bit in [outcome_bit, answer_bit, latency_bit].into_iter().flatten() {
            packed.set((bit, 1), 1);
        }
        packed.set((ALERT, 1), u64::from(*alert));
        packed.set((BREACH, 1), u64::from(*breach));
        let approved = *outcome == Some(Outcome::Approved);
        let (sum, ceiling) = ran.map_or((0, 0), |number| rules.of(number, approved));
        let (number, amount) = match ran {
            Some(number) => (u64::from(*number).saturating_add(1), *amount),
            None => (0, 0),
        };
        packed.set(CALL, number);
        packed.set(SUM, sum);
        packed.set(AMOUNT, amount);
        packed.set(ROOM, ceiling.saturating_sub(amount));
        packed.set(BYTES, *bytes);
        packed.set(PII, *pii);
        let fits = number <= CALLS as u64
            && [(AMOUNT, amount), (BYTES, *bytes), (PII, *pii)]
                .iter()
                .all(|((_, bits), value)| value >> bits == 0)
            && latency.is_none_or(|bucket| usize::from(bucket) < LATENCIES);
        if !fits {
            packed.set(CALL, NO_CALL);
        }
        packed
    }

    /// Is there an entry at all?
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.bit(PRESENT)
    }

    /// As it is kept in a sealed record.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 56] {
        let mut bytes = [0; 56];
        let limbs = self.bits.iter().flat_map(|limb| limb.to_be_bytes());
        let all = limbs.chain(bytes_of(&self.event).0);
        bytes.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads what [`Packed::to_bytes`] wrote; none of other bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 56]) -> Option<Self> {
        let (limbs, event) = bytes.split_first_chunk::<24>()?;
        let mut bits = [0; 3];
        for (limb, bytes) in bits.iter_mut().zip(limbs.chunks_exact(8)) {
            *limb = u64::from_be_bytes(bytes.try_into().ok()?);
        }
        let event = element(&FieldElement(event.try_into().ok()?))?;
        Some(Self { bits, event })
    }

    fn set(&mut self, (from, bits): (usize, usize), value: u64) {
        for bit in 0..bits {
            let at = from.saturating_add(bit);
            let limb = self.bits.get_mut(at.wrapping_shr(6));
            if let Some(limb) = limb
                && (value >> bit) & 1 == 1
            {
                *limb |= 1 << (at & 63);
            }
        }
    }

    /// One bit.
    #[must_use]
    pub fn bit(&self, at: usize) -> bool {
        self.bits.get(at.wrapping_shr(6)).is_some_and(|limb| (limb >> (at & 63)) & 1 == 1)
    }

    /// The two elements that are hashed.
    #[must_use]
    pub fn elements(&self) -> [Fr; 2] {
        let [low, middle, high] = self.bits;
        // 175 bits are below the modulus.
        let packed = Fr::from_bigint(BigInt::new([low, middle, high, 0])).unwrap_or_default();
        [packed, self.event]
    }

    #[cfg(test)]
    pub(crate) fn without_presence(mut self) -> Self {
        let [low, ..] = &mut self.bits;
        *low &= !1;
        self
    }

    pub(crate) fn event(&self) -> Fr {
        self.event
    }

    pub(crate) fn field(&self, (from, bits): (usize, usize)) -> u64 {
        let places = from..from.saturating_add(bits);
        places.rev().fold(0, |value, at| (value << 1) | u64::from(self.bit(at)))
    }
}
