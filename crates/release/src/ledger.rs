//! The budget: integer nano-ρ for each day of data, debited before any noise exists.

use std::collections::BTreeMap;

use messages::ids::QueryId;
use messages::leaf::{AggregateBody, Noise, Query, ReserveBody};
use messages::time::Bracket;
use minicbor::{Decode, Encode};

use crate::contributions::Contributions;
use crate::mechanism::{Scale, noise, sample};
use crate::statistic::{Bounds, Statistic};

/// The ledger of one data set. A day's debits never exceed the cap and are never taken back;
/// zCDP composes by addition (Bun and Steinke 2016, lemma 1.7).
///
/// It outlives its process in a sealed journal: as a whole by its encoding, and step by step by
/// [`Ledger::recover_reservation`] and [`Ledger::recover_answer`]. A reservation whose answer was
/// not recorded is lost for ever, because the right to draw has no encoding.
#[derive(Debug, Encode, Decode)]
#[cbor(array)]
pub struct Ledger {
    #[n(0)]
    cap_nano_rho: u64,
    #[n(1)]
    bounds: Bounds,
    #[n(2)]
    next_sequence: u64,
    /// Days before this one are forgotten and sell nothing.
    #[n(3)]
    from: u64,
    #[n(4)]
    spent: BTreeMap<u64, u64>,
    #[n(5)]
    queries: BTreeMap<QueryId, State>,
}

/// What became of a query that was paid for.
#[derive(Debug, Encode, Decode)]
enum State {
    /// Answered; the answer is the only one there will ever be.
    #[n(0)]
    Drawn(#[n(0)] AggregateBody),
    /// Paid for this day under this sequence number and not answered, or never to be.
    #[n(1)]
    Reserved(#[n(0)] u64, #[n(1)] u64),
}

impl State {
    const fn day(&self) -> u64 {
        match self {
            Self::Drawn(body) => body.query.day,
            Self::Reserved(day, _) => *day,
        }
    }
}

impl Ledger {
    /// A ledger that spends at most `cap_nano_rho` on each day of data.
    #[must_use]
    pub const fn new(cap_nano_rho: u64, bounds: Bounds) -> Self {
        Self {
            cap_nano_rho,
            bounds,
            next_sequence: 0,
            from: 0,
            spent: BTreeMap::new(),
            queries: BTreeMap::new(),
        }
    }

    /// Pays for `query`, or returns its answer when it was answered before. The debit is final.
    ///
    /// # Errors
    /// [`Refusal`]; a refusal spends nothing.
    pub fn reserve(&mut self, query: Query) -> Result<Outcome, Refusal> {
        let id = query.id();
        if let Some(State::Drawn(body)) = self.queries.get(&id) {
            return Ok(Outcome::Cached(body.clone()));
        }
        let priced = self.price(&query)?;
        let sequence = self.next_sequence;
        self.next_sequence = sequence.checked_add(1).ok_or(Refusal::SequenceFull)?;
        self.spent.insert(query.day, priced.spent);
        self.queries.insert(id, State::Reserved(query.day, sequence));
        let body = ReserveBody {
            sequence,
            day: query.day,
            query: id,
            debit_nano_rho: query.nano_rho,
            spent_nano_rho: priced.spent,
            cap_nano_rho: self.cap_nano_rho,
        };
        Ok(Outcome::Reserved(Reservation { body, query, priced }))
    }

    /// Pays again, in a recovery, what [`Ledger::reserve`] paid and a journal recorded. The query
    /// is lost unless [`Ledger::recover_answer`] follows.
    ///
    /// # Errors
    /// [`Refusal`], which an unaltered journal never meets.
    pub fn recover_reservation(&mut self, query: Query) -> Result<(), Refusal> {
        match self.reserve(query)? {
            // The right to draw ends here: nobody knows who saw what came of it.
            Outcome::Reserved(_) => Ok(()),
            Outcome::Cached(_) => Err(Refusal::Lost),
        }
    }

    /// Takes the one answer to a reservation: from a draw, or in a recovery from a journal.
    ///
    /// # Errors
    /// [`DrawError::OtherLedger`] when it answers no open reservation of this ledger or is out of
    /// sequence, [`DrawError::SequenceFull`].
    pub fn recover_answer(&mut self, body: &AggregateBody) -> Result<(), DrawError> {
        let state = self.queries.get_mut(&body.query.id()).ok_or(DrawError::OtherLedger)?;
        let open = matches!(state, State::Reserved(_, sequence) if *sequence == body.reserved);
        if !open || body.sequence != self.next_sequence {
            return Err(DrawError::OtherLedger);
        }
        self.next_sequence = self.next_sequence.checked_add(1).ok_or(DrawError::SequenceFull)?;
        *state = State::Drawn(body.clone());
        Ok(())
    }

    /// Forgets the days before `day` and what was asked of them, for ever: none is sold again.
    pub fn forget_before(&mut self, day: u64) {
        self.from = self.from.max(day);
        self.spent = self.spent.split_off(&self.from);
        let from = self.from;
        self.queries.retain(|_, state| state.day() >= from);
    }

    /// What [`Ledger::reserve`] would do, for free.
    ///
    /// # Errors
    /// The refusal that `query` would meet.
    pub fn dry_run(&self, query: &Query) -> Result<Quote, Refusal> {
        if let Some(State::Drawn(body)) = self.queries.get(&query.id()) {
            let left_nano_rho = self.cap_nano_rho.saturating_sub(self.spent_on(query.day));
            return Ok(Quote { debit_nano_rho: 0, left_nano_rho, noise: body.noise });
        }
        let priced = self.price(query)?;
        Ok(Quote {
            debit_nano_rho: query.nano_rho,
            left_nano_rho: self.cap_nano_rho.saturating_sub(priced.spent),
            noise: priced.noise,
        })
    }

    /// Spent so far on a day of data, nano-ρ.
    #[must_use]
    pub fn spent_on(&self, day: u64) -> u64 {
        self.spent.get(&day).copied().unwrap_or(0)
    }

    /// The most that is spent on a day of data, nano-ρ.
    #[must_use]
    pub const fn cap_nano_rho(&self) -> u64 {
        self.cap_nano_rho
    }

    /// The bounds that its prices are for.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Sequence number of the next reservation or aggregate.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn price(&self, query: &Query) -> Result<Priced, Refusal> {
        if query.day < self.from {
            return Err(Refusal::Forgotten);
        }
        if self.queries.contains_key(&query.id()) {
            return Err(Refusal::Lost);
        }
        if !self.bounds.are_sound() {
            return Err(Refusal::Bounds);
        }
        let statistic = Statistic::parse(&query.statistic).ok_or(Refusal::UnknownStatistic)?;
        if query.mechanism != statistic.mechanism() {
            return Err(Refusal::Mechanism);
        }
        let (noise, scale) = noise(statistic, self.bounds, query.nano_rho)?;
        let before = self.spent_on(query.day);
        let left_nano_rho = self.cap_nano_rho.saturating_sub(before);
        let exhausted = Refusal::BudgetExhausted { left_nano_rho };
        if query.nano_rho > left_nano_rho {
            return Err(exhausted);
        }
        let spent = before.checked_add(query.nano_rho).ok_or(exhausted)?;
        Ok(Priced { statistic, noise, scale, spent })
    }
}

#[derive(Clone, Copy, Debug)]
struct Priced {
    statistic: Statistic,
    noise: Noise,
    scale: Scale,
    spent: u64,
}

/// What a reservation came to.
#[must_use = "a reservation that is dropped is spent and lost"]
#[derive(Debug)]
pub enum Outcome {
    /// Answered before; nothing is spent, nothing is drawn.
    Cached(AggregateBody),
    /// Paid for now.
    Reserved(Reservation),
}

/// What a query would cost and yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The debit, nano-ρ; nothing for a query that was answered before.
    pub debit_nano_rho: u64,
    /// What would be left of the day, nano-ρ.
    pub left_nano_rho: u64,
    /// The noise of the answer.
    pub noise: Noise,
}

/// The right to one draw. Dropped without it, the debit stays and the query is lost: a draw that
/// may or may not have been seen must never be repeated.
#[must_use = "a reservation that is dropped is spent and lost"]
#[derive(Debug)]
pub struct Reservation {
    body: ReserveBody,
    query: Query,
    priced: Priced,
}

impl Reservation {
    /// What is published before the draw.
    #[must_use]
    pub const fn body(&self) -> &ReserveBody {
        &self.body
    }

    /// Draws the answer, once.
    ///
    /// Everything that can fail for a reason of ours is checked before the noise; a failure
    /// leaves the query lost.
    ///
    /// # Errors
    /// [`DrawError`].
    pub fn draw(
        self,
        ledger: &mut Ledger,
        contributions: &Contributions,
        at: Bracket,
    ) -> Result<AggregateBody, DrawError> {
        let Priced { statistic, noise, scale, .. } = self.priced;
        let ours = ledger.bounds == contributions.bounds()
            && self.query.cells == contributions.cells(statistic);
        if !ours {
            return Err(DrawError::OtherData);
        }
        if !contributions.keeps(self.query.day) {
            return Err(DrawError::Forgotten);
        }
        let (day, reserved) = (self.query.day, self.body.sequence);
        match ledger.queries.get(&self.body.query) {
            Some(State::Reserved(at, sequence)) if (*at, *sequence) == (day, reserved) => {}
            Some(State::Drawn(_) | State::Reserved(..)) | None => {
                return Err(DrawError::OtherLedger);
            }
        }
        let sequence = ledger.next_sequence;
        if sequence == u64::MAX {
            return Err(DrawError::SequenceFull);
        }
        // CRASH: from here until the answer is on record the query is paid and unanswered, hence
        // lost.
        let counts = contributions.count(statistic, day);
        let values = sample(noise.mechanism, scale, &counts)?;
        let body = AggregateBody { sequence, reserved, query: self.query, noise, values, at };
        ledger.recover_answer(&body)?;
        Ok(body)
    }
}

/// Why a query is not paid for. Nothing here depends on data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The configured bounds are not usable.
    #[error("the contribution bounds are out of range")]
    Bounds,
    /// The day cannot pay.
    #[error("the day's budget is exhausted; {left_nano_rho} nano-rho would still fit")]
    BudgetExhausted {
        /// The largest price that would still fit, nano-ρ.
        left_nano_rho: u64,
    },
    /// The day's data are no longer kept.
    #[error("the day is no longer kept")]
    Forgotten,
    /// Paid for before and never answered.
    #[error("the query was paid for and its answer is lost; it is never drawn again")]
    Lost,
    /// The query names another mechanism than the statistic's.
    #[error("the query names another mechanism than its statistic has")]
    Mechanism,
    /// No scale fits the price.
    #[error("the price is nothing, or too low for any answer")]
    Price,
    /// Sequence numbers are used up.
    #[error("the ledger is full")]
    SequenceFull,
    /// The query does not fit its bound.
    #[error("the query has too many cells")]
    TooManyCells,
    /// No such statistic.
    #[error("no statistic has this name")]
    UnknownStatistic,
}

impl Refusal {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bounds => "release-bounds",
            Self::BudgetExhausted { .. } => "budget-exhausted",
            Self::Forgotten => "release-day-forgotten",
            Self::Lost => "release-lost",
            Self::Mechanism => "release-mechanism",
            Self::Price => "release-price",
            Self::SequenceFull => "ledger-full",
            Self::TooManyCells => "release-too-many-cells",
            Self::UnknownStatistic => "unknown-statistic",
        }
    }
}

/// Why a reservation yields no answer. The debit stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The day's data are no longer kept.
    #[error("the day is no longer kept")]
    Forgotten,
    /// The sessions were counted under other bounds or for other cells.
    #[error("the sessions were counted under other bounds or cells")]
    OtherData,
    /// Another ledger made the reservation.
    #[error("the reservation is of another ledger")]
    OtherLedger,
    /// The running total has had all its days.
    #[error("the running total has reached its horizon")]
    Ended,
    /// The sampler failed.
    #[error("no noise could be drawn")]
    Sampler,
    /// Sequence numbers are used up.
    #[error("the ledger is full")]
    SequenceFull,
}

impl DrawError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ended => "release-stream-ended",
            Self::Forgotten => "release-day-forgotten",
            Self::OtherData => "release-other-data",
            Self::OtherLedger => "release-other-ledger",
            Self::Sampler => "release-sampler",
            Self::SequenceFull => "ledger-full",
        }
    }
}
