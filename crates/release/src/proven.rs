//! Numbers whose noise anybody can check: committed to with the debit, answered once, when the coins
//! are dealt. `BINOMIAL.md` has the protocol.
//!
//! ```text
//! Uncommitted ─ commit ─► Committed ─► body, published ─► coins are dealt
//!                              └──────── answer ◄──────────┘ ─► Answered ─► Dataset::tell ─► Drawn
//! ```

use curve25519_dalek::{RistrettoPoint, Scalar};
use messages::coins::{Commitments, Dealer, Dealt, NumberCommitments, Proven, seed};
use messages::ids::Commitment;
use messages::leaf::{AggregateBody, Noise, Query, ReserveBody};
use messages::time::Bracket;
use prove::binomial::{Answer, Bits, Count};
use rand_core::CryptoRngCore;
use verify::generators::h_table;
use zeroize::Zeroizing;

use crate::dataset::{Dataset, Drawn, Reservation};
use crate::ledger::DrawError;

/// A reservation of numbers that are to be proven, before they are committed to. Dropped, they are
/// lost.
#[must_use = "a reservation that is dropped is spent and lost"]
#[derive(Debug)]
pub struct Uncommitted(pub(crate) Reservation);

impl Uncommitted {
    /// How many coins each number takes, in order.
    #[must_use]
    pub fn coins(&self) -> Vec<u32> {
        self.0.priced.iter().filter_map(|priced| priced.query.coins).collect()
    }

    /// Commits to the day's counts and to bits, as many for each number as it takes coins, under the
    /// dealers that will make the coins.
    ///
    /// # Errors
    /// [`DrawError::OtherLedger`], [`DrawError::Forgotten`], [`DrawError::OtherData`], or
    /// [`DrawError::Coins`] when there are other bits than are due, or no dealers. The queries are
    /// lost then.
    pub fn commit(
        self,
        data: &Dataset,
        bits: Vec<Bits>,
        dealers: Vec<Dealer>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Committed, DrawError> {
        let due: Vec<usize> =
            self.coins().into_iter().filter_map(|coins| usize::try_from(coins).ok()).collect();
        let Reservation { mut body, priced } = self.0;
        if dealers.is_empty() || !bits.iter().map(Bits::count).eq(due) {
            return Err(DrawError::Coins);
        }
        let mut numbers = Vec::new();
        for (priced, bits) in priced.into_iter().zip(bits) {
            let counts = data.counted(&body, &priced)?;
            let [count] = counts.as_slice() else { return Err(DrawError::OtherData) };
            let value = u64::try_from(*count).map_err(|_| DrawError::OtherData)?;
            let value = Zeroizing::new(value);
            let blinding = Zeroizing::new(Scalar::random(rng));
            let point = RistrettoPoint::mul_base(&Scalar::from(*value)) + &*blinding * h_table();
            let counter = Commitment(point.compress().to_bytes());
            let (query, noise) = (priced.query, priced.noise);
            numbers.push(Number { query, noise, counter, value, blinding, bits });
        }
        let committed = |number: &Number| NumberCommitments {
            statistic: number.query.statistic.clone(),
            counter: number.counter,
            bits: *number.bits.commitment(),
        };
        let committed = numbers.iter().map(committed).collect();
        body.committed = Some(Commitments { dealers, numbers: committed });
        Ok(Committed { body, numbers })
    }
}

/// Numbers that are committed to, and wait for their coins. They live in memory alone: whatever is
/// in it when the process ends is lost, since nobody may answer twice. No `Debug`, no `Clone`, no
/// encoding.
#[must_use = "what is dropped is spent and lost"]
pub struct Committed {
    body: ReserveBody,
    numbers: Vec<Number>,
}

struct Number {
    query: Query,
    noise: Noise,
    counter: Commitment,
    value: Zeroizing<u64>,
    blinding: Zeroizing<Scalar>,
    bits: Bits,
}

impl Committed {
    /// What is published before the coins are dealt.
    #[must_use]
    pub const fn body(&self) -> &ReserveBody {
        &self.body
    }

    /// Answers with the noise of the coins that these values make, once. Takes long for many coins,
    /// and nothing but what it holds.
    ///
    /// # Errors
    /// [`DrawError::Coins`]; the queries are lost then.
    pub fn answer(
        self,
        dealt: Vec<Dealt>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Answered, DrawError> {
        let dealers = self.body.committed.as_ref().map_or(0, |committed| committed.dealers.len());
        if dealt.len() != dealers {
            return Err(DrawError::Coins);
        }
        let values: Vec<[u8; 32]> = dealt.iter().map(|dealt| dealt.value).collect();
        let seed = seed(&values);
        let answered = self.numbers.into_iter().map(|number| {
            let Number { query, noise, counter, value, blinding, bits } = number;
            let count = Count { commitment: &counter, value: *value, blinding: &blinding };
            let answer = bits.answer(&query.id().0, &count, &seed, rng);
            answer.map(|answer| (query, noise, answer)).map_err(|_| DrawError::Coins)
        });
        let numbers = answered.collect::<Result<_, _>>()?;
        Ok(Answered { reserved: self.body.sequence, numbers, dealt })
    }
}

/// Numbers with their noise and proofs, not yet on record.
#[must_use = "what is dropped is spent and lost"]
pub struct Answered {
    reserved: u64,
    numbers: Vec<(Query, Noise, Answer)>,
    dealt: Vec<Dealt>,
}

impl Dataset {
    /// Proven answers as they go [on record](Dataset::record) next, and are then published.
    #[must_use]
    pub fn tell(&self, answered: Answered, at: Bracket) -> Drawn {
        let Answered { reserved, numbers, dealt } = answered;
        let told = numbers.into_iter().zip(self.next_sequence()..);
        let told = told.map(|((query, noise, answer), sequence)| {
            let Answer { value, blinding, proof } = answer;
            let (blinding, dealt) = (blinding.to_bytes(), dealt.clone());
            let proven = Some(Proven { blinding, proof, dealt });
            AggregateBody { sequence, reserved, query, noise, values: vec![value], at, proven }
        });
        Drawn { answers: told.collect(), total: None }
    }
}
