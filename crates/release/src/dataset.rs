//! One data set: what sessions contributed, what is paid for it, and what is released of it.

use messages::codec::Wire;
use messages::did::Did;
use messages::ids::Root;
use messages::leaf::{AggregateBody, Days, Debit, Mechanism, Noise, Query, ReserveBody};
use messages::time::Bracket;
use minicbor::{Decode, Encode};
use rand_core::CryptoRngCore;

use crate::asked::Asked;
use crate::continual::Stream;
use crate::contributions::{Contribution, Contributions};
use crate::ledger::{DrawError, Ledger, Refusal};
use crate::mechanism::{Scale, noise, sample};
use crate::proven::Uncommitted;
use crate::statistic::{Bounds, Statistic};

/// The sessions of one pact, bounded; the ledger that pays for what is released of them; the noise
/// of their running totals. Secret: no `Debug`, no `Clone`, and nothing exact leaves it but in its
/// encoding, which is for a sealed journal.
///
/// A day is released once, after it has ended: [`Dataset::due`] is what there is to release,
/// [`Dataset::reserve`] pays for it, [`Dataset::draw`] draws it, [`Dataset::record`] puts it on
/// record and forgets the day. A record replayed in this order makes the same data set.
#[derive(Encode, Decode)]
#[cbor(array)]
pub struct Dataset {
    #[n(0)]
    id: Root,
    #[n(1)]
    contributions: Contributions,
    #[n(2)]
    ledger: Ledger,
    /// The running total of sessions.
    #[n(3)]
    total: Option<Stream>,
}

impl Dataset {
    /// Without sessions: `id` names it in public, `cap_nano_rho` is the most that is spent on one
    /// of its days, `tools` are the interactions of the pact, in its order.
    #[must_use]
    pub const fn new(id: Root, cap_nano_rho: u64, bounds: Bounds, tools: Vec<String>) -> Self {
        let contributions = Contributions::new(bounds, tools);
        Self { id, contributions, ledger: Ledger::new(cap_nano_rho), total: None }
    }

    /// Its public name.
    #[must_use]
    pub const fn id(&self) -> &Root {
        &self.id
    }

    /// The cap and the bounds that it was made under.
    #[must_use]
    pub const fn terms(&self) -> (u64, Bounds) {
        (self.ledger.cap_nano_rho(), self.contributions.bounds())
    }

    /// Spent so far on a day, nano-ρ.
    #[must_use]
    pub fn spent_on(&self, day: u64) -> u64 {
        self.ledger.spent_on(day)
    }

    /// The interactions of a revision of the pact: `tools` begins with those of now. What was
    /// counted as another one stays so.
    pub fn append(&mut self, tools: Vec<String>) {
        self.contributions.append(tools);
    }

    /// Counts a session of `owner`, its initiating principal, on `day`.
    ///
    /// Which sessions of a full day stay is a matter of chance, not of order: nobody can choose
    /// which ones are seen. To continue exactly after a recovery, the journal holds the seed of
    /// `rng`. A session of a forgotten day is not counted.
    pub fn add(
        &mut self,
        owner: &Did,
        day: u64,
        session: Contribution,
        rng: &mut impl CryptoRngCore,
    ) {
        self.contributions.add(owner, day, session, rng);
    }

    /// What a day can be asked: each statistic at its price, in this order, with its noise; or why
    /// not. Costs nothing, and depends on no session.
    ///
    /// What does not fit is left out, and what comes after it may fit.
    #[must_use]
    pub fn quote<A>(&self, day: u64, asked: &[A]) -> Vec<Result<Quote, Refusal>>
    where
        A: Clone + Into<Asked>,
    {
        let mut debits: Vec<Debit> = Vec::new();
        let quote = |asked: &A| {
            let asked: Asked = asked.clone().into();
            let query = self.query(&asked, day)?;
            let (noise, _) = noise(&asked.statistic, self.contributions.bounds(), &query)?;
            debits.push(Debit { query: query.id(), nano_rho: asked.nano_rho });
            let spent = self.ledger.affords(day, &debits).inspect_err(|_| {
                debits.pop();
            });
            let refusal = |refusal| match refusal {
                // Of what is left, these have taken their part.
                Refusal::BudgetExhausted { left_nano_rho } => {
                    let taken = debits.iter().map(|debit| debit.nano_rho);
                    let taken = taken.fold(0_u64, u64::saturating_add);
                    let left_nano_rho = left_nano_rho.saturating_sub(taken);
                    Refusal::BudgetExhausted { left_nano_rho }
                }
                other => other,
            };
            let left = self.ledger.cap_nano_rho().saturating_sub(spent.map_err(refusal)?);
            Ok(Quote { query, left_nano_rho: left, noise })
        };
        asked.iter().map(quote).collect()
    }

    /// The queries of a day that is to be released: of what is asked, what fits.
    #[must_use]
    pub fn due<A: Clone + Into<Asked>>(&self, day: u64, asked: &[A]) -> Vec<Query> {
        self.quote(day, asked).into_iter().flatten().map(|quote| quote.query).collect()
    }

    fn query(&self, asked: &Asked, day: u64) -> Result<Query, Refusal> {
        let Asked { statistic, nano_rho, mechanism, coins } = asked;
        let (nano_rho, mechanism, coins) = (*nano_rho, *mechanism, *coins);
        if nano_rho == 0 {
            return Err(Refusal::Price);
        }
        let total = (*statistic == Statistic::SessionsTotal).then(|| {
            let going_on = self.total.as_ref().and_then(|total| total.next(day, nano_rho));
            let horizon = self.contributions.bounds().horizon;
            going_on.unwrap_or(Days { first: day, horizon })
        });
        let query = Query {
            dataset: self.id,
            day,
            statistic: statistic.name().into(),
            cells: self.contributions.cells(statistic),
            nano_rho,
            mechanism,
            total,
            clamp: statistic.clamp(),
            coins,
        };
        let fits = query.to_cbor().len() <= Query::MAX_BYTES;
        if fits { Ok(query) } else { Err(Refusal::TooManyCells) }
    }

    /// Pays for all of a day's queries or for none of them. The debits are final.
    ///
    /// In a recovery the reservation is dropped, and its queries are lost unless
    /// [`Dataset::record`] follows.
    ///
    /// # Errors
    /// [`Refusal`]; a refusal spends nothing. [`Refusal::Mechanism`] for what is to be proven.
    pub fn reserve(&mut self, queries: Vec<Query>) -> Result<Reservation, Refusal> {
        self.pay(queries, false)
    }

    /// As [`Dataset::reserve`], for queries that are all to be proven.
    ///
    /// # Errors
    /// [`Refusal`]; a refusal spends nothing. [`Refusal::Mechanism`] for what is not to be proven.
    pub fn reserve_proven(&mut self, queries: Vec<Query>) -> Result<Uncommitted, Refusal> {
        self.pay(queries, true).map(Uncommitted)
    }

    fn pay(&mut self, queries: Vec<Query>, proven: bool) -> Result<Reservation, Refusal> {
        let bounds = self.contributions.bounds();
        if !bounds.are_sound() {
            return Err(Refusal::Bounds);
        }
        let day = queries.first().ok_or(Refusal::Block)?.day;
        let mut priced = Vec::new();
        for query in queries {
            if query.day != day || query.dataset != self.id {
                return Err(Refusal::Block);
            }
            let statistic = Statistic::of(&query).ok_or(Refusal::UnknownStatistic)?;
            let Query { nano_rho, mechanism, coins, .. } = query;
            let drawn = match coins {
                Some(_) => mechanism == Mechanism::Binomial,
                None => statistic.is_drawn(mechanism),
            };
            if !drawn || coins.is_some() != proven {
                return Err(Refusal::Mechanism);
            }
            let asked = Asked { statistic, nano_rho, mechanism, coins };
            let due = self.query(&asked, day)?;
            if query != due {
                return Err(Refusal::Days);
            }
            let statistic = asked.statistic;
            let (noise, scale) = noise(&statistic, bounds, &query)?;
            priced.push(Priced { query, statistic, noise, scale });
        }
        let debit = |p: &Priced| Debit { query: p.query.id(), nano_rho: p.query.nano_rho };
        let total = priced.iter().find_map(|p| Some((p.query.total?, p.query.nano_rho)));
        let opened = match total {
            Some((days, nano_rho)) if days.first == day => {
                Some(Stream::open(days, bounds.sessions, nano_rho)?)
            }
            Some(_) | None => None,
        };
        let debits = priced.iter().map(debit).collect();
        let body = self.ledger.reserve((self.id, day), debits)?;
        if opened.is_some() {
            self.total = opened;
        }
        Ok(Reservation { body, priced })
    }

    /// Draws the answers to a reservation, once. Nothing changes until they are
    /// [put on record](Dataset::record).
    ///
    /// # Errors
    /// [`DrawError`]; the queries are lost then.
    // CRASH: from here until the answers are on record they are paid and unanswered, hence lost.
    pub fn draw(&self, reservation: Reservation, at: Bracket) -> Result<Drawn, DrawError> {
        let Reservation { body: reserved, priced } = reservation;
        let mut drawn = Drawn { answers: Vec::new(), total: None };
        for (priced, sequence) in priced.into_iter().zip(self.ledger.next_sequence()..) {
            let counts = self.counted(&reserved, &priced)?;
            let Priced { query, statistic, noise, scale } = priced;
            let values = match (&statistic, counts.as_slice()) {
                (Statistic::SessionsTotal, [count]) => {
                    let going_on =
                        |total: &&Stream| total.next(query.day, query.nano_rho) == query.total;
                    let total = self.total.as_ref().filter(going_on).ok_or(DrawError::Ended)?;
                    let (value, z) = total.draw(*count)?;
                    drawn.total = Some(z);
                    vec![value]
                }
                _ => sample(noise.mechanism, scale.ok_or(DrawError::Sampler)?, &counts)?,
            };
            let reserved = reserved.sequence;
            let proven = None;
            drawn.answers.push(AggregateBody {
                sequence,
                reserved,
                query,
                noise,
                values,
                at,
                proven,
            });
        }
        Ok(drawn)
    }

    /// The exact counts of what was paid for, one a cell.
    // PRIVACY: for noise and for commitments that hide them.
    pub(crate) fn counted(
        &self,
        reserved: &ReserveBody,
        priced: &Priced,
    ) -> Result<Vec<i64>, DrawError> {
        if reserved.dataset != self.id {
            return Err(DrawError::OtherLedger);
        }
        if !self.ledger.keeps(reserved.day) {
            return Err(DrawError::Forgotten);
        }
        if priced.query.cells != self.contributions.cells(&priced.statistic) {
            return Err(DrawError::OtherData);
        }
        Ok(self.contributions.count(&priced.statistic, reserved.day))
    }

    pub(crate) const fn next_sequence(&self) -> u64 {
        self.ledger.next_sequence()
    }

    /// Puts answers on record, the only ones that there will ever be, and forgets the day and all
    /// before it.
    ///
    /// # Errors
    /// [`DrawError::OtherLedger`] when they answer no open reservation of this data set or are out
    /// of sequence, [`DrawError::Ended`], [`DrawError::SequenceFull`].
    pub fn record(&mut self, drawn: &Drawn) -> Result<(), DrawError> {
        let first = drawn.answers.first().ok_or(DrawError::OtherLedger)?;
        let day = first.query.day;
        let total = drawn.answers.iter().find(|body| body.query.total.is_some());
        if let Some(body) = total {
            let z = drawn.total.ok_or(DrawError::Ended)?;
            let next =
                |total: &&mut Stream| total.next(day, body.query.nano_rho) == body.query.total;
            let stream = self.total.as_mut().filter(next).ok_or(DrawError::Ended)?;
            let counts = self.contributions.count(&Statistic::SessionsTotal, day);
            let [count] = counts.as_slice() else { return Err(DrawError::OtherData) };
            self.ledger.answer(&drawn.answers)?;
            stream.take(*count, z);
        } else {
            self.ledger.answer(&drawn.answers)?;
        }
        self.skip(day);
        Ok(())
    }

    /// Forgets a day of which nothing is released, and all before it.
    pub fn skip(&mut self, day: u64) {
        let next = day.saturating_add(1);
        self.ledger.forget_before(next);
        self.contributions.forget_before(next);
    }
}

/// What a query would cost and yield.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// What would be asked.
    pub query: Query,
    /// What would be left of the day, nano-ρ.
    pub left_nano_rho: u64,
    /// The noise of the answer.
    pub noise: Noise,
}

/// The right to one draw of each query. Dropped without it, the debits stay and the queries are
/// lost: a draw that may or may not have been seen must never be repeated.
#[must_use = "a reservation that is dropped is spent and lost"]
#[derive(Debug)]
pub struct Reservation {
    pub(crate) body: ReserveBody,
    pub(crate) priced: Vec<Priced>,
}

impl Reservation {
    /// What is published before the draw.
    #[must_use]
    pub const fn body(&self) -> &ReserveBody {
        &self.body
    }
}

#[derive(Debug)]
pub(crate) struct Priced {
    pub(crate) query: Query,
    statistic: Statistic,
    pub(crate) noise: Noise,
    scale: Option<Scale>,
}

/// The answers of one draw, for a sealed journal: with the noise of a running total, from which and
/// from the answer anyone has the count. No `Debug`, no `Clone`.
#[derive(Encode, Decode)]
#[cbor(map)]
pub struct Drawn {
    #[n(1)]
    pub(crate) answers: Vec<AggregateBody>,
    #[n(2)]
    pub(crate) total: Option<i64>,
}

impl Drawn {
    /// What is published.
    #[must_use]
    pub fn answers(&self) -> &[AggregateBody] {
        &self.answers
    }
}
