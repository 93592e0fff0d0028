//! The compiled form: what is enforced, counted, proven and shown.

use std::collections::{BTreeMap, BTreeSet};

use messages::claim::Predicate;
use messages::counter::{CounterIndex, Schema};
use messages::did::Did;
use messages::event::Party;
use messages::ids::{PactHash, Root};
use messages::time::{DAY, Millis, UnixMillis};

use crate::claim::Vocabulary;
use crate::document::Pact;
use crate::document::scalar::Exact;
use crate::document::terms::{
    Direction, Document, DpTerms, DpUnit, Fail, InteractionKind, LogScope, Mode, OnTimeout, Per,
    Signal, TermKind,
};
use crate::state::Change;

mod anomalies;
mod consent;
mod consequences;
mod delegation;
mod fault;
mod limits;
mod marks;
mod monitoring;
mod performance;
mod renewal;
mod rules;
pub(crate) mod schema;
mod segment;
mod sources;

pub(crate) use anomalies::{AnomalyRule, CanaryRule};
pub use consent::Consented;
pub(crate) use consent::scale_of;
pub(crate) use consequences::ConsequenceRule;
pub use consequences::{Duty, DutyKind};
pub(crate) use delegation::DelegationRule;
pub use fault::CompileError;
pub(crate) use limits::{ANY_PII, Counted, LimitRule, RECOGNISED, SLOTS, labelled};
pub(crate) use marks::{FlowRule, MarkSet, Marks};
pub use monitoring::OnDeadline;
pub(crate) use performance::{Good, ObjectiveRule};
pub(crate) use renewal::RenewalRule;
pub(crate) use rules::{
    ArgRule, CallName, Path, PlacedOrigin, ProvenanceRule, RequestedRule, Rule,
};
pub(crate) use sources::{Label, Places, SourceRule};

/// A pact as the monitor applies it.
#[derive(Clone, Debug)]
pub struct Compiled {
    hash: PactHash,
    initiator: Did,
    provider: Did,
    overseers: Vec<Did>,
    mode: Mode,
    log_scope: LogScope,
    approval: (Millis, OnTimeout),
    deadline: Millis,
    fail: Option<Fail>,
    retention: Millis,
    readers: Vec<(Did, LogScope)>,
    term: (UnixMillis, UnixMillis),
    schema: Schema,
    consent: Vec<Consented>,
    consent_root: Root,
    openings: [Vec<CounterIndex>; 2],
    statistics: Vec<String>,
    /// Of each, the most that one session counts for in it.
    clamps: Vec<u64>,
    losses: Vec<Option<Loss>>,
    /// All calls of the chain, by number.
    calls: Vec<CallName>,
    /// Where their counters are.
    moved: segment::Moved,
    places: Places,
    /// Rules of calls that a revision took away: what ran under them may still be answered.
    retired: Vec<(String, Rule)>,
    pub(crate) max_sessions: Option<u64>,
    /// The pact is for one interaction: one call that runs.
    pub(crate) single: bool,
    pub(crate) rules: BTreeMap<String, Rule>,
    pub(crate) messages: BTreeSet<Direction>,
    pub(crate) scrutiny: BTreeSet<Signal>,
    pub(crate) sources: BTreeMap<String, SourceRule>,
    pub(crate) limits: Vec<LimitRule>,
    /// Counters of the breaches of each term.
    pub(crate) breaches: BTreeMap<String, CounterIndex>,
    pub(crate) marks: Marks,
    /// Domains that data may be sent to, when the pact says with whom it is shared.
    pub(crate) sharing: Option<Vec<String>>,
    pub(crate) renewal: Option<RenewalRule>,
    /// None where nobody may act for a party.
    pub(crate) delegation: Option<DelegationRule>,
    pub(crate) objectives: Vec<ObjectiveRule>,
    pub(crate) consequences: Vec<ConsequenceRule>,
    pub(crate) anomalies: Vec<AnomalyRule>,
    pub(crate) canaries: Option<CanaryRule>,
}

/// Compiles a pact that replaces none.
///
/// # Errors
/// [`CompileError`] when a term contradicts another or cannot be counted.
pub fn compile(pact: &Pact) -> Result<Compiled, CompileError> {
    compile_on(None, pact)
}

/// Compiles a pact that replaces `prior`: every counter, call, place and mark of the chain keeps
/// its number, so that sessions and counts go on under the new terms (soundness rule 4). Whether
/// the pact may replace `prior` is for [`succeeds`](crate::succeeds) to say.
///
/// # Errors
/// [`CompileError`] as with [`compile`], and when a counter would change its unit.
pub fn compile_after(prior: &Compiled, pact: &Pact) -> Result<Compiled, CompileError> {
    compile_on(Some(prior), pact)
}

fn compile_on(prior: Option<&Compiled>, pact: &Pact) -> Result<Compiled, CompileError> {
    let terms = pact.terms();
    let schema = prior.map(|p| schema::Builder::after(&p.schema));
    let mut counters = schema.unwrap_or_else(schema::Builder::new);
    let mut places = prior.map(|p| p.places.clone()).unwrap_or_default();
    let mut calls = prior.map(|p| p.calls.clone()).unwrap_or_default();
    let marks = marks::compile(terms, prior.map(|p| &p.marks), &mut places)?;
    let rules = rules::compile(terms, &mut calls, &mut counters, (&mut places, &marks))?;
    let limits = limits::compile(terms, &rules)?;
    let rules = limits::attach(rules, &limits);
    let retired = prior.map(|p| p.retired(&rules)).unwrap_or_default();
    let terms_of_pact = breachable(terms);
    let breaches = terms_of_pact.iter().map(|term| {
        (term.clone(), counters.push(crate::claim::breach(term), "events".to_owned(), None))
    });
    let breaches: BTreeMap<String, CounterIndex> = breaches.collect();
    let schema = counters.finish()?;
    let words = Vocabulary { schema: &schema, limits: &limits };
    let consent = consent::consented(pact, &words, &terms_of_pact)?;
    let openings = consent::openings(pact, &schema)?;
    let watch = &terms.monitoring;
    let dp = watch.disclosure.as_ref().map(|d| &d.dp[..]).unwrap_or_default();
    let approval = watch.approval.as_ref();
    let message = terms.interactions.iter().filter(|i| i.kind == InteractionKind::Message);
    Ok(Compiled {
        hash: pact.hash(),
        initiator: pact.initiator().clone(),
        provider: pact.provider().clone(),
        overseers: pact.overseers(),
        mode: pact.mode(),
        log_scope: pact.log_scope(),
        approval: approval
            .map_or((DEFAULT_APPROVAL, OnTimeout::Deny), |a| (a.timeout.0, a.on_timeout)),
        deadline: monitoring::deadline(watch)?,
        fail: watch.fail,
        retention: monitoring::retention(&watch.retention),
        readers: monitoring::readers(watch),
        term: (terms.term.not_before.0, terms.term.not_after.0),
        consent_root: consent::root(&consent),
        openings,
        statistics: dp.iter().map(|s| s.statistic.0.clone()).collect(),
        clamps: dp.iter().map(clamp).collect(),
        losses: dp.iter().map(loss).collect(),
        max_sessions: sessions(terms),
        single: terms.term.kind == TermKind::Interaction,
        messages: message.map(|i| i.direction).collect(),
        scrutiny: watch.scrutiny.iter().flat_map(|s| s.on.iter().copied()).collect(),
        sources: sources::sources(pact, &places)?,
        marks,
        sharing: sharing(terms),
        renewal: renewal::compile(terms)?,
        delegation: delegation::compile(terms),
        objectives: performance::compile(terms, &rules)?,
        consequences: consequences::compile(terms),
        anomalies: anomalies::compile(terms, |name| limits::counted(terms, &rules, name))?,
        canaries: anomalies::canaries(terms),
        limits,
        breaches,
        rules,
        moved: segment::Moved::of(&schema),
        schema,
        consent,
        calls,
        places,
        retired,
    })
}

/// The terms whose breaches are counted each for itself: limits, flows and objectives, in order.
fn breachable(terms: &Document) -> Vec<String> {
    let limits = terms.limits.iter().map(|limit| &limit.id);
    let flows = terms.flows.iter().map(|flow| &flow.id);
    let objectives = terms.performance.iter().map(|objective| &objective.id);
    let mut ids = Vec::new();
    for id in limits.chain(flows).chain(objectives) {
        if !ids.contains(&id.0) {
            ids.push(id.0.clone());
        }
    }
    ids
}

/// The domains of both organisations and of the third parties, by their `did:web`.
fn sharing(terms: &Document) -> Option<Vec<String>> {
    let others = &terms.data.sharing.as_ref()?.third_parties;
    let own = [&terms.parties.initiator.organisation, &terms.parties.provider.organisation];
    let domain = |did: &str| {
        let rest = did.strip_prefix("did:web:")?;
        Some(rest.split(':').next().unwrap_or(rest).to_ascii_lowercase())
    };
    Some(own.into_iter().chain(others).filter_map(|party| domain(party.0.as_str())).collect())
}

/// A pact for one session or one interaction has one session.
fn sessions(terms: &Document) -> Option<u64> {
    let stated = terms.term.max_sessions;
    match terms.term.kind {
        TermKind::Standing => stated,
        TermKind::Interaction | TermKind::Session => Some(stated.unwrap_or(1).min(1)),
    }
}

impl Compiled {
    /// The pact's hash.
    #[must_use]
    pub const fn hash(&self) -> PactHash {
        self.hash
    }

    /// The counters, in order.
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The terms whose breaches are counted, each with the statement that it was never broken.
    pub fn terms(&self) -> impl Iterator<Item = (&str, Predicate)> {
        let never = |term: &str| Predicate::never(crate::claim::breach(term).as_str());
        self.breaches.keys().map(move |term| (term.as_str(), never(term)))
    }

    /// The claims that may leave.
    #[must_use]
    pub fn consent(&self) -> &[Consented] {
        &self.consent
    }

    /// The counters that a party gets openings of, about itself, increasing.
    #[must_use]
    pub fn openings(&self, party: Party) -> &[CounterIndex] {
        let [initiator, provider] = &self.openings;
        match party {
            Party::Initiator => initiator,
            Party::Provider => provider,
        }
    }

    /// Root over the consent entries.
    #[must_use]
    pub const fn consent_root(&self) -> Root {
        self.consent_root
    }

    /// The aggregates that may leave.
    #[must_use]
    pub fn statistics(&self) -> &[String] {
        &self.statistics
    }

    /// The most that the parties let one day of this aggregate cost one owner; none when it may not
    /// leave: not listed, or for a longer time or a larger unit than an owner's day.
    #[must_use]
    pub fn loss(&self, statistic: &str) -> Option<Loss> {
        let at = self.statistics.iter().position(|s| s == statistic)?;
        self.losses.get(at).copied().flatten()
    }

    /// The upper bound that the pact publishes for one session's part in this aggregate, in the
    /// counter's unit; none when it may not leave.
    #[must_use]
    pub fn clamp(&self, statistic: &str) -> Option<u64> {
        let at = self.statistics.iter().position(|s| s == statistic)?;
        self.clamps.get(at).copied()
    }

    /// How the monitor acts.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The same pact in another mode: for trials of a draft, never for a pact that binds.
    #[must_use]
    pub const fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// What the monitor keeps.
    #[must_use]
    pub const fn log_scope(&self) -> LogScope {
        self.log_scope
    }

    /// How long the monitor keeps what it writes: 90 days, or as near to them as the pact permits.
    #[must_use]
    pub const fn retention(&self) -> Millis {
        self.retention
    }

    /// Longest wait for a verdict, 1 to 60,000 milliseconds.
    #[must_use]
    pub const fn deadline(&self) -> Millis {
        self.deadline
    }

    /// What follows when no verdict was ready by [`deadline`](Self::deadline).
    #[must_use]
    pub const fn fail(&self) -> OnDeadline {
        monitoring::on_deadline(self.mode, self.fail)
    }

    /// How much of the record `did` may read at any time; none when consent does not name it.
    #[must_use]
    pub fn may_read(&self, did: &Did) -> Option<LogScope> {
        let granted = self.readers.iter().filter(|(reader, _)| reader == did);
        let full = |scope: &LogScope| *scope == LogScope::Full;
        granted.map(|(_, scope)| *scope).max_by_key(full)
    }

    /// Names of all permitted calls, in order.
    #[must_use]
    pub fn tools(&self) -> Vec<String> {
        self.rules.keys().cloned().collect()
    }

    /// Names of the calls that this pact or one before it permitted, by number: a revision appends
    /// to them. A name stands twice when a revision gave it to another interaction.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().map(|call| call.name.as_str())
    }

    /// The number of a call that is permitted now.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u16> {
        self.rules.get(name).map(|rule| rule.number)
    }

    /// The rule of a number, with its name: of this pact, or of one before that permitted it.
    pub(crate) fn numbered(&self, number: u16) -> Option<(&str, &Rule)> {
        let name = &self.calls.get(usize::from(number))?.name;
        let now = self.rules.get(name).filter(|rule| rule.number == number);
        let before = || self.retired.iter().find(|(_, rule)| rule.number == number);
        now.map(|rule| (name.as_str(), rule)).or_else(|| before().map(|(n, r)| (n.as_str(), r)))
    }

    /// What stays of this pact's rules when `rules` replace them.
    fn retired(&self, rules: &BTreeMap<String, Rule>) -> Vec<(String, Rule)> {
        let stays = |name: &String, rule: &Rule| {
            rules.get(name).is_some_and(|now| now.number == rule.number)
        };
        let all = self.rules.iter().map(|(name, rule)| (name.clone(), rule.clone()));
        let all = all.chain(self.retired.iter().cloned());
        all.filter(|(name, rule)| !stays(name, rule)).collect()
    }

    /// The party that asks.
    #[must_use]
    pub const fn initiator(&self) -> &Did {
        &self.initiator
    }

    /// The party that serves.
    #[must_use]
    pub const fn provider(&self) -> &Did {
        &self.provider
    }

    /// Those who decide or audit.
    #[must_use]
    pub fn overseers(&self) -> &[Did] {
        &self.overseers
    }

    /// What is due once a change is on record, with the place of its consequence.
    pub fn duties(&self, change: &Change) -> impl Iterator<Item = (usize, &Duty)> {
        let follows = change.followed();
        follows.flat_map(|at| {
            let rule = self.consequences.get(at);
            rule.into_iter().flat_map(move |r| r.duties.iter().map(move |duty| (at, duty)))
        })
    }

    /// Longest wait for an overseer.
    #[must_use]
    pub const fn approval_timeout(&self) -> Millis {
        self.approval.0
    }

    /// What follows when nobody decided in time.
    #[must_use]
    pub const fn approval_on_timeout(&self) -> OnTimeout {
        self.approval.1
    }

    /// How many of the 64 marks of flows and bounds this pact and those before it have used.
    #[must_use]
    pub const fn marks(&self) -> usize {
        self.marks.len()
    }

    /// How early a party objects to renewal; none when the pact is not renewed by itself.
    #[must_use]
    pub fn renewal_notice(&self) -> Option<Millis> {
        self.renewal.as_ref().map(|rule| rule.notice)
    }

    /// The pact holds from the first moment until before the second, as it is written; a renewal
    /// carries it on ([`StandingState::until`](crate::StandingState::until)).
    #[must_use]
    pub const fn term(&self) -> (UnixMillis, UnixMillis) {
        self.term
    }
}

/// Of limits that count no particular call.
pub(crate) fn is_window(per: Per) -> Option<Millis> {
    match per {
        Per::Window(span) => Some(span.0),
        Per::Pact | Per::Session => None,
    }
}

/// A counter of one interaction's summed argument.
#[derive(Clone, Debug)]
pub(crate) struct SumRule {
    pub(crate) arg: String,
    pub(crate) counter: CounterIndex,
}

const DEFAULT_APPROVAL: Millis = Millis(300_000);

/// A loss of privacy, (ε, δ).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// ε, in millionths.
    pub epsilon_millionths: u32,
    /// δ, in billionths; 0 is pure differential privacy.
    pub delta_billionths: u32,
    /// Is it agreed for a single session or event, and not for its owner's day?
    pub of_session: bool,
}

/// What one day may cost one owner: what is agreed for sessions and events is at most that of
/// their owner's day, and what is agreed for longer or for more people is nothing of a day's.
pub(crate) fn loss(terms: &DpTerms) -> Option<Loss> {
    let DpTerms { epsilon, delta, per, unit, .. } = terms;
    let owner = !matches!(unit, Some(DpUnit::Agent | DpUnit::Organisation));
    let whole = |of: Exact, scale| of.minor(scale).and_then(|n| u32::try_from(n).ok());
    let loss = Loss {
        epsilon_millionths: whole(*epsilon, 6)?,
        delta_billionths: whole(*delta, 9).unwrap_or(0),
        of_session: matches!(unit, Some(DpUnit::Session | DpUnit::Event)),
    };
    (owner && per.0 <= DAY).then_some(loss)
}

/// The upper bound in the counter's unit: hundredths for sums of amounts, as limits have them.
fn clamp(terms: &DpTerms) -> u64 {
    let scale = if terms.statistic.0.starts_with("sum:") { 2 } else { 0 };
    let [_, most] = &terms.bounds;
    most.minor(scale).and_then(|most| u64::try_from(most).ok()).unwrap_or(0)
}
