//! The budget: integer nano-ρ for each day of data, debited before any noise exists.

use std::collections::{BTreeMap, BTreeSet};

use messages::ids::{QueryId, Root};
use messages::leaf::{AggregateBody, Debit, ReserveBody};
use minicbor::{Decode, Encode};

/// The ledger of one data set. A day's debits never exceed the cap and are never taken back;
/// zCDP composes by addition (Bun and Steinke 2016, lemma 1.7).
///
/// It outlives its process in a sealed journal. A reservation whose answer was not recorded is
/// lost for ever, because the right to draw has no encoding.
#[derive(Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Ledger {
    #[n(0)]
    cap_nano_rho: u64,
    #[n(1)]
    next_sequence: u64,
    /// Days before this one are forgotten and sell nothing.
    #[n(2)]
    from: u64,
    #[n(3)]
    spent: BTreeMap<u64, u64>,
    #[n(4)]
    paid: BTreeMap<QueryId, Paid>,
}

/// A query that was paid for.
#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(array)]
struct Paid {
    /// The day that paid.
    #[n(0)]
    day: u64,
    /// Sequence number of the reservation that has no answer on record.
    #[n(1)]
    open: Option<u64>,
}

impl Ledger {
    /// A ledger that spends at most `cap_nano_rho` on each day of data.
    pub(crate) const fn new(cap_nano_rho: u64) -> Self {
        Self {
            cap_nano_rho,
            next_sequence: 0,
            from: 0,
            spent: BTreeMap::new(),
            paid: BTreeMap::new(),
        }
    }

    /// Pays for all of a block or for nothing of it. The debits are final.
    ///
    /// # Errors
    /// [`Refusal`]; a refusal spends nothing.
    pub(crate) fn reserve(
        &mut self,
        (dataset, day): (Root, u64),
        debits: Vec<Debit>,
    ) -> Result<ReserveBody, Refusal> {
        let spent_nano_rho = self.affords(day, &debits)?;
        let sequence = self.next_sequence;
        self.next_sequence = sequence.checked_add(1).ok_or(Refusal::SequenceFull)?;
        self.spent.insert(day, spent_nano_rho);
        let paid = Paid { day, open: Some(sequence) };
        self.paid.extend(debits.iter().map(|debit| (debit.query, paid)));
        let cap_nano_rho = self.cap_nano_rho;
        let committed = None;
        Ok(ReserveBody { sequence, dataset, day, debits, spent_nano_rho, cap_nano_rho, committed })
    }

    /// What is spent on `day` once these debits are, or why they are not taken.
    pub(crate) fn affords(&self, day: u64, debits: &[Debit]) -> Result<u64, Refusal> {
        if day < self.from {
            return Err(Refusal::Forgotten);
        }
        if !(1..=ReserveBody::MAX_DEBITS).contains(&debits.len()) {
            return Err(Refusal::Block);
        }
        let distinct: BTreeSet<_> = debits.iter().map(|debit| debit.query).collect();
        if distinct.len() != debits.len() || distinct.iter().any(|id| self.paid.contains_key(id)) {
            return Err(Refusal::Repeated);
        }
        let before = self.spent_on(day);
        let left_nano_rho = self.cap_nano_rho.saturating_sub(before);
        let due = debits.iter().try_fold(0_u64, |sum, debit| sum.checked_add(debit.nano_rho));
        let due = due.filter(|due| *due <= left_nano_rho);
        let spent = due.and_then(|due| before.checked_add(due));
        spent.ok_or(Refusal::BudgetExhausted { left_nano_rho })
    }

    /// Takes the answers of one reservation, all of them, in sequence.
    ///
    /// # Errors
    /// [`DrawError::OtherLedger`] when they are not those of one open reservation of this ledger
    /// or out of sequence, [`DrawError::SequenceFull`]. Nothing is taken then.
    pub(crate) fn answer(&mut self, answers: &[AggregateBody]) -> Result<(), DrawError> {
        let first = answers.first().ok_or(DrawError::OtherLedger)?;
        let mut next = self.next_sequence;
        let mut ids = BTreeSet::new();
        for body in answers {
            let id = body.query.id();
            let open = self.paid.get(&id).is_some_and(|paid| paid.open == Some(first.reserved));
            if !open || !ids.insert(id) || body.reserved != first.reserved || body.sequence != next
            {
                return Err(DrawError::OtherLedger);
            }
            next = next.checked_add(1).ok_or(DrawError::SequenceFull)?;
        }
        let of_it = |paid: &&mut Paid| paid.open == Some(first.reserved);
        if self.paid.values_mut().filter(of_it).count() != ids.len() {
            return Err(DrawError::OtherLedger);
        }
        self.paid.values_mut().filter(of_it).for_each(|paid| paid.open = None);
        self.next_sequence = next;
        Ok(())
    }

    /// Forgets the days before `day`, for ever: none is sold again. What was asked of them is
    /// forgotten a little later, for coins that are still to come.
    pub(crate) fn forget_before(&mut self, day: u64) {
        self.from = self.from.max(day);
        self.spent = self.spent.split_off(&self.from);
        let from = self.from;
        self.paid.retain(|_, paid| paid.day.saturating_add(PATIENCE) >= from);
    }

    /// Spent so far on a day of data, nano-ρ.
    pub(crate) fn spent_on(&self, day: u64) -> u64 {
        self.spent.get(&day).copied().unwrap_or(0)
    }

    /// The most that is spent on a day of data, nano-ρ.
    pub(crate) const fn cap_nano_rho(&self) -> u64 {
        self.cap_nano_rho
    }

    /// Sequence number of the next reservation or aggregate.
    pub(crate) const fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    pub(crate) const fn keeps(&self, day: u64) -> bool {
        self.from <= day
    }
}

/// Days for which an answer may come after its day is forgotten.
const PATIENCE: u64 = 2;

/// Why a query is not paid for. Nothing here depends on data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The debits of a block are of several days or data sets, or of none, or too many.
    #[error("a block is of one day of one data set, and has 1 to 64 debits")]
    Block,
    /// The configured bounds are not usable.
    #[error("the contribution bounds are out of range")]
    Bounds,
    /// The day cannot pay.
    #[error("the day's budget is exhausted; {left_nano_rho} nano-rho would still fit")]
    BudgetExhausted {
        /// The largest price that would still fit, nano-ρ.
        left_nano_rho: u64,
    },
    /// The query is not of the days that a running total is at.
    #[error("the query is of other days than the running total is at")]
    Days,
    /// The day's data are no longer kept.
    #[error("the day is no longer kept")]
    Forgotten,
    /// The query names another mechanism than the statistic's.
    #[error("the query names another mechanism than its statistic has")]
    Mechanism,
    /// No scale fits the price.
    #[error("the price is nothing, or too low for any answer")]
    Price,
    /// Paid for before: it has its answer or has lost it, and is never drawn again.
    #[error("the query was paid for before; it is never drawn again")]
    Repeated,
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
            Self::Block => "release-block",
            Self::Bounds => "release-bounds",
            Self::BudgetExhausted { .. } => "budget-exhausted",
            Self::Days => "release-days",
            Self::Forgotten => "release-day-forgotten",
            Self::Mechanism => "release-mechanism",
            Self::Price => "release-price",
            Self::Repeated => "release-repeated",
            Self::SequenceFull => "ledger-full",
            Self::TooManyCells => "release-too-many-cells",
            Self::UnknownStatistic => "unknown-statistic",
        }
    }
}

/// Why a reservation yields no answer. The debit stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// No coins, or other ones than the numbers were committed under.
    #[error("there are no coins for what was committed to")]
    Coins,
    /// The running total has had all its days, or its noise is no longer the reservation's.
    #[error("the running total has ended")]
    Ended,
    /// The day's data are no longer kept.
    #[error("the day is no longer kept")]
    Forgotten,
    /// The sessions were counted under other bounds or for other cells.
    #[error("the sessions were counted under other bounds or cells")]
    OtherData,
    /// Another ledger made the reservation.
    #[error("the reservation is of another ledger")]
    OtherLedger,
    /// The sampler failed.
    #[error("no noise could be drawn")]
    Sampler,
    /// Sequence numbers are used up.
    #[error("the ledger is full")]
    SequenceFull,
}
