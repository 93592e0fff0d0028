//! The privacy ledgers of a log: that all entries which are shown add up.

pub(crate) mod whole;

use std::collections::{BTreeMap, BTreeSet};

use messages::ids::{QueryId, Root};
use messages::leaf::{AggregateBody, Days, Noise, ReserveBody};
use messages::publication::Publication;

use crate::codes::Fault;
use crate::leaves::{Leaves, Opened};

/// Entries of one log that add up, as far as they are shown.
#[derive(Default)]
pub(crate) struct Ledger<'a> {
    /// Data sets and sequence numbers.
    entries: BTreeSet<(Root, u64)>,
    reservations: BTreeMap<(Root, u64), Paid<'a>>,
    /// The last reservation of a day of a data set.
    days: BTreeMap<(Root, u64), &'a ReserveBody>,
    /// Statistics of days of data sets that are told; those that are told without a proof.
    told: BTreeSet<(Root, u64, &'a str)>,
    unproven: BTreeSet<(Root, u64, &'a str)>,
    /// Statistics of days of data sets that are committed to.
    committed: BTreeSet<(Root, u64, &'a str)>,
    caps: BTreeMap<Root, u64>,
    /// The last total of a statistic of a data set.
    totals: BTreeMap<(Root, &'a str), Told>,
    /// Does a running total leave out a day?
    skips: bool,
}

/// A number of a running total.
struct Told {
    days: Days,
    day: u64,
    nano_rho: u64,
    /// All but the half width, which grows with the days.
    noise: Noise,
}

/// A reservation, and where it is.
#[derive(Clone, Copy)]
pub(crate) struct Paid<'a> {
    pub(crate) leaf: &'a Opened<'a>,
    pub(crate) body: &'a ReserveBody,
}

impl<'a> Ledger<'a> {
    /// Reads all entries shown, by data set: numbers rise with the log, the spending of a day adds
    /// up, and nothing is drawn twice.
    pub(crate) fn read(log: &'a Leaves<'a>) -> Result<Self, Fault> {
        let mut ledger = Self::default();
        for opened in log.iter() {
            match &opened.body {
                Publication::Reserve(body) => {
                    ledger.reserve(body)?;
                    ledger.enter((body.dataset, body.sequence))?;
                    let paid = Paid { leaf: opened, body };
                    ledger.reservations.insert((body.dataset, body.sequence), paid);
                }
                Publication::Aggregate(body) => {
                    ledger.draw(body)?;
                    ledger.enter((body.query.dataset, body.sequence))?;
                }
                _ => {}
            }
        }
        // Who is committed to a number and tells another one has looked at the coins first.
        if ledger.unproven.intersection(&ledger.committed).next().is_some() {
            return Err(Fault::CoinsCommitted);
        }
        Ok(ledger)
    }

    /// The reservation of this number.
    pub(crate) fn paid(&self, dataset: &Root, sequence: u64) -> Option<Paid<'a>> {
        self.reservations.get(&(*dataset, sequence)).copied()
    }

    /// Is every number of a data set from one to another shown?
    pub(crate) fn shows(&self, dataset: &Root, first: u64, last: u64) -> bool {
        let span = last.checked_sub(first).and_then(|span| span.checked_add(1));
        let shown = self.entries.range((*dataset, first)..=(*dataset, last.max(first))).count();
        u64::try_from(shown).ok() == span
    }

    /// Is on every day spent what its debits come to, and no more?
    fn is_exact(&self) -> bool {
        let mut due = BTreeMap::new();
        for paid in self.reservations.values() {
            let sum = due.entry((paid.body.dataset, paid.body.day)).or_insert(0_u64);
            let debits = paid.body.debits.iter().map(|debit| debit.nano_rho);
            *sum = debits.fold(*sum, u64::saturating_add);
        }
        self.days.iter().all(|(day, last)| due.get(day) == Some(&last.spent_nano_rho))
    }

    /// Does every data set begin with number 0, and leave none out?
    fn is_gapless(&self) -> bool {
        let mut next = BTreeMap::new();
        self.entries.iter().all(|(dataset, sequence)| {
            let due = next.entry(*dataset).or_insert(0_u64);
            let holds = due == sequence;
            *due = sequence.saturating_add(1);
            holds
        })
    }

    /// Does every running total tell of each of its days, from the first one on? Then no answer of
    /// it was drawn and held back.
    const fn is_unbroken(&self) -> bool {
        !self.skips
    }

    fn enter(&mut self, entry: (Root, u64)) -> Result<(), Fault> {
        let (dataset, sequence) = entry;
        let later = self.entries.range(entry..=(dataset, u64::MAX)).next();
        if later.is_some() {
            return Err(Fault::SequenceRepeated);
        }
        self.entries.insert((dataset, sequence));
        Ok(())
    }

    fn reserve(&mut self, body: &'a ReserveBody) -> Result<(), Fault> {
        let queries: BTreeSet<QueryId> = body.debits.iter().map(|debit| debit.query).collect();
        let debits = body.debits.iter().map(|debit| debit.nano_rho);
        let due = debits.fold(0_u64, u64::saturating_add);
        let whole = (1..=ReserveBody::MAX_DEBITS).contains(&queries.len());
        if !whole || queries.len() != body.debits.len() {
            return Err(Fault::BudgetInconsistent);
        }
        if body.spent_nano_rho > body.cap_nano_rho {
            return Err(Fault::BudgetExceeded);
        }
        let spent = self.days.insert((body.dataset, body.day), body);
        let least = spent.map_or(0, |earlier| earlier.spent_nano_rho).saturating_add(due);
        let cap = *self.caps.entry(body.dataset).or_insert(body.cap_nano_rho);
        if least > body.spent_nano_rho || cap != body.cap_nano_rho {
            return Err(Fault::BudgetInconsistent);
        }
        // Whoever is committed to one thing twice can choose when the coins are known.
        let numbers = body.committed.iter().flat_map(|committed| &committed.numbers);
        let mut names = numbers.map(|number| (body.dataset, body.day, number.statistic.as_str()));
        if names.all(|name| self.committed.insert(name)) {
            Ok(())
        } else {
            Err(Fault::SecondCommitment)
        }
    }

    fn draw(&mut self, body: &'a AggregateBody) -> Result<(), Fault> {
        let query = &body.query;
        // One draw of a statistic and day, whatever the query is.
        let statistic = (query.dataset, query.day, query.statistic.as_str());
        if !self.told.insert(statistic) {
            return Err(Fault::SecondDraw);
        }
        if body.proven.is_none() {
            self.unproven.insert(statistic);
        }
        // A day is in one total only, which tells of each day once and of later days later.
        let Some(days) = query.total else { return Ok(()) };
        let noise = Noise { half_width_95: 0, ..body.noise };
        let told = Told { days, day: query.day, nano_rho: query.nano_rho, noise };
        let before = self.totals.insert((query.dataset, query.statistic.as_str()), told);
        let same = before.as_ref().filter(|before| before.days == days);
        let due = same.map_or(days.first, |before| before.day.saturating_add(1));
        self.skips |= query.day != due;
        let first = if same.is_some() { query.day } else { days.first };
        if before.as_ref().is_some_and(|before| query.day.min(first) <= before.day) {
            return Err(Fault::TotalsOverlap);
        }
        // One price bought one stream of noise for all of its days.
        if same.is_some_and(|told| (told.nano_rho, told.noise) != (query.nano_rho, noise)) {
            return Err(Fault::TotalNoise);
        }
        Ok(())
    }
}
