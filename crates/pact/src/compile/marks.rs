//! Marks: what a pact follows from results into calls. Each flow and each bound on sensitivity
//! has one.

use super::{CompileError, PlacedOrigin, Places};
use crate::document::origin::Origin;
use crate::document::terms::{Document, Flow, FlowEffect, Tier};

/// A set of marks, one bit each.
pub(crate) type MarkSet = u64;

/// Which results carry which mark.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// All of the chain: a revision appends to them.
    rules: Vec<MarkRule>,
    /// Those that this pact uses; the others are of pacts before.
    taken: MarkSet,
    pub(crate) flows: Vec<FlowRule>,
}

/// A part of results; an empty list means any.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MarkRule {
    /// Whose mark it is. Two parts that look alike keep two marks, so that lifting one does not
    /// lift the other and a new flow does not take the mark of one that is kept.
    owner: Owner,
    tiers: Vec<Tier>,
    sources: Vec<String>,
    pii: Vec<String>,
}

/// What a mark is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    /// A bound on sensitivity.
    Above(Tier),
    /// A flow, by its identifier.
    Flow(String),
}

/// What may not go, or may, from a part of results into calls.
#[derive(Clone, Debug)]
pub(crate) struct FlowRule {
    pub(crate) id: String,
    pub(crate) mark: MarkSet,
    /// Identifiers of interactions.
    pub(crate) interactions: Vec<String>,
    /// All must hold of a recipient; a negated one must not.
    pub(crate) recipients: Vec<(bool, PlacedOrigin)>,
    pub(crate) effect: FlowEffect,
    /// Least pieces that must match.
    pub(crate) min_match: usize,
}

/// Compiles flows and bounds. Marks of the pact before keep their bits: what was read stays marked.
pub(crate) fn compile(
    terms: &Document,
    prior: Option<&Marks>,
    places: &mut Places,
) -> Result<Marks, CompileError> {
    let rules = prior.map(|marks| marks.rules.clone()).unwrap_or_default();
    let mut marks = Marks { rules, ..Marks::default() };
    for (index, flow) in terms.flows.iter().enumerate() {
        let mark = marks.add(MarkRule {
            owner: Owner::Flow(flow.id.0.clone()),
            tiers: flow.from.tiers.clone(),
            sources: flow.from.sources.iter().map(|s| s.0.clone()).collect(),
            pii: flow.from.pii.iter().map(|p| p.0.clone()).collect(),
        })?;
        let rule = flow_rule(terms, flow, (index, mark), places)?;
        marks.flows.push(rule);
    }
    for tier in bounds(terms) {
        let tiers: Vec<Tier> = Tier::ALL.into_iter().filter(|t| *t > tier).collect();
        if !tiers.is_empty() {
            let (sources, pii) = (Vec::new(), Vec::new());
            marks.add(MarkRule { owner: Owner::Above(tier), tiers, sources, pii })?;
        }
    }
    Ok(marks)
}

/// Every bound on sensitivity that some call is under.
fn bounds(terms: &Document) -> impl Iterator<Item = Tier> {
    fn of(constraint: &crate::document::terms::Constraint) -> Vec<Tier> {
        let inner = constraint.each.as_deref().map(of).unwrap_or_default();
        constraint.max_tier.into_iter().chain(inner).collect()
    }
    terms.interactions.iter().flat_map(|interaction| {
        interaction.max_tier.into_iter().chain(interaction.args.values().flat_map(of))
    })
}

fn flow_rule(
    terms: &Document,
    flow: &Flow,
    (index, mark): (usize, MarkSet),
    places: &mut Places,
) -> Result<FlowRule, CompileError> {
    let known = |id: &str| terms.interactions.iter().any(|i| i.id.0 == id);
    let interactions: Vec<String> = flow.to.interactions.iter().map(|i| i.0.clone()).collect();
    if interactions.iter().any(|id| !known(id)) {
        return Err(CompileError::UnknownFlowTarget { index });
    }
    let recipients = flow.to.recipients.iter().map(|text| {
        let (negated, text) = text.strip_prefix('!').map_or((false, text.as_str()), |t| (true, t));
        let origin = Origin::parse(text).ok_or(CompileError::BadRecipient { index })?;
        let bad = CompileError::BadRecipient { index };
        Ok((negated, super::rules::placed(&origin, index, places).map_err(|_| bad)?))
    });
    Ok(FlowRule {
        id: flow.id.0.clone(),
        mark,
        interactions,
        recipients: recipients.collect::<Result<_, _>>()?,
        effect: flow.effect,
        min_match: usize::try_from(flow.min_match.unwrap_or(1).max(1)).unwrap_or(usize::MAX),
    })
}

impl Marks {
    fn add(&mut self, rule: MarkRule) -> Result<MarkSet, CompileError> {
        let known = self.rules.iter().position(|r| *r == rule);
        let place = u32::try_from(known.unwrap_or(self.rules.len())).unwrap_or(u32::MAX);
        let mark = 1_u64.checked_shl(place).ok_or(CompileError::TooManyMarks)?;
        if known.is_none() {
            self.rules.push(rule);
        }
        self.taken |= mark;
        Ok(mark)
    }

    /// How many marks the chain of pacts has used.
    pub(crate) const fn len(&self) -> usize {
        self.rules.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// The marks of data above `tier`. What was read under a pact before that bounded it less
    /// tightly has that pact's mark, and is above this tier all the more.
    pub(crate) fn above(&self, tier: Option<Tier>) -> MarkSet {
        let beyond = |rule: &MarkRule| match rule.owner {
            Owner::Above(bound) => tier.is_some_and(|tier| bound >= tier),
            Owner::Flow(_) => false,
        };
        let places = self.rules.iter().enumerate().filter(|(_, rule)| beyond(rule));
        places.fold(0, |set, (place, _)| set | bit(place))
    }

    /// Marks of a field of `tool` with this tier and these kinds of personal data.
    pub(crate) fn of(&self, tool: &str, tier: Option<Tier>, pii: &[&str]) -> MarkSet {
        let mut set = 0;
        for (place, rule) in self.rules.iter().enumerate() {
            let tiers = rule.tiers.is_empty() || tier.is_none_or(|t| rule.tiers.contains(&t));
            let sources = rule.sources.is_empty() || rule.sources.iter().any(|s| s == tool);
            let kinds = rule.pii.is_empty() || pii.iter().any(|k| rule.pii.iter().any(|p| p == k));
            if tiers && sources && kinds {
                set |= bit(place);
            }
        }
        set
    }
}

fn bit(place: usize) -> MarkSet {
    u32::try_from(place).ok().and_then(|place| 1_u64.checked_shl(place)).unwrap_or_default()
}
