//! Interactions as rules, found by name.

use std::collections::{BTreeMap, BTreeSet};

use messages::counter::CounterIndex;
use regex_lite::{Regex, RegexBuilder};
use rust_decimal::Decimal;
use serde_json::Value;

use super::schema::Builder;
use super::{CompileError, MarkSet, Marks, Places, SumRule};
use crate::document::terms::{
    Alike, ApprovalTerm, ArgType, Confirmer, Constraint, Direction, Document, Effect, Extract,
    Interaction, InteractionKind, Origin, Otherwise, RequestedWhen, Unlisted,
};

/// One permitted call.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    /// Its place among all calls that this pact and those before it permitted.
    pub(crate) number: u16,
    pub(crate) direction: Direction,
    pub(crate) effect: Effect,
    pub(crate) counter: CounterIndex,
    pub(crate) args: BTreeMap<String, ArgRule>,
    pub(crate) others: Option<ArgRule>,
    pub(crate) unlisted: Unlisted,
    pub(crate) requested: Option<RequestedRule>,
    pub(crate) confirmed_by: Option<Confirmer>,
    pub(crate) after: Vec<u16>,
    pub(crate) approval: ApprovalTerm,
    pub(crate) max_bytes: Option<u64>,
    /// Marks of data that is too sensitive for it.
    pub(crate) above: MarkSet,
    pub(crate) sums: Vec<SumRule>,
    /// Limits that a call of this interaction is under, by place.
    pub(crate) limits: Vec<u16>,
}

/// How a pact and its provider name one call. An identifier means one call for ever: its counter
/// and its limits never go on with another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallName {
    pub(crate) id: String,
    pub(crate) name: String,
    direction: Direction,
}

/// What one argument must satisfy.
#[derive(Clone, Debug)]
pub(crate) struct ArgRule {
    pub(crate) kind: Option<ArgType>,
    pub(crate) required: bool,
    pub(crate) constant: Option<Value>,
    pub(crate) one_of: Option<Vec<Value>>,
    pub(crate) not_in: Vec<Value>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) min: Option<Decimal>,
    pub(crate) max: Option<Decimal>,
    pub(crate) max_len: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) each: Option<Box<Self>>,
    pub(crate) provenance: Option<ProvenanceRule>,
    pub(crate) extract: Option<Extract>,
    pub(crate) pii_max: Option<u64>,
    /// Marks of data that is too sensitive for it.
    pub(crate) above: MarkSet,
    pub(crate) unless_approved: bool,
    pub(crate) otherwise: Otherwise,
}

/// Words of which the principal must have used one.
#[derive(Clone, Debug)]
pub(crate) struct RequestedRule {
    pub(crate) terms: Vec<String>,
    pub(crate) when: RequestedWhen,
    pub(crate) otherwise: Otherwise,
}

/// Where a value must have come from.
#[derive(Clone, Debug)]
pub(crate) struct ProvenanceRule {
    pub(crate) any_of: Vec<PlacedOrigin>,
    pub(crate) under_scrutiny: Option<Vec<PlacedOrigin>>,
    pub(crate) alike: Alike,
    pub(crate) otherwise: Otherwise,
}

/// An origin, with places in results numbered.
#[derive(Clone, Debug)]
pub(crate) enum PlacedOrigin {
    Content,
    Delegated,
    List(Vec<String>),
    Org(String),
    Principal,
    Record,
    Result(u64),
    Unseen,
}

/// A path into a document: `*` is one step, `**` any number, `*_id` one whose name ends so,
/// `[]` an element of a list; it covers all under its end, but for `[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(Vec<PathStep>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum PathStep {
    Any,
    AnyNumber,
    /// A place of a list and nothing under it.
    Element,
    /// A name that ends so.
    Ending(String),
    Named(String),
}

impl Path {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let steps: Option<Vec<PathStep>> = text
            .split('.')
            .map(|step| match step {
                "" => None,
                "*" => Some(PathStep::Any),
                "**" => Some(PathStep::AnyNumber),
                "[]" => Some(PathStep::Element),
                step => Some(match step.strip_prefix('*') {
                    Some(ending) => PathStep::Ending(ending.to_owned()),
                    None => PathStep::Named(step.to_owned()),
                }),
            })
            .collect();
        let steps = steps?;
        let wild = steps.iter().filter(|s| **s == PathStep::AnyNumber).count();
        (steps.len() <= MAX_STEPS && wild <= MAX_WILD).then_some(Self(steps))
    }

    pub(crate) fn all() -> Self {
        Self(vec![PathStep::AnyNumber])
    }

    /// Whether `at` is under this path. List places are steps without a name.
    pub(crate) fn covers(&self, at: &[Option<&str>]) -> bool {
        covers(&self.0, at)
    }
}

fn covers(steps: &[PathStep], at: &[Option<&str>]) -> bool {
    match steps {
        [] => true,
        [PathStep::AnyNumber, rest @ ..] => {
            let mut tail = at;
            loop {
                if covers(rest, tail) {
                    return true;
                }
                match tail {
                    [_, next @ ..] => tail = next,
                    [] => return false,
                }
            }
        }
        [PathStep::Any, rest @ ..] => match at {
            [_, next @ ..] => covers(rest, next),
            [] => false,
        },
        [PathStep::Element, ..] => matches!(at, [None]),
        [PathStep::Ending(ending), rest @ ..] => match at {
            [Some(step), next @ ..] if step.ends_with(ending.as_str()) => covers(rest, next),
            [None, next @ ..] => covers(steps, next),
            _ => false,
        },
        [PathStep::Named(name), rest @ ..] => match at {
            [Some(step), next @ ..] if step == name => covers(rest, next),
            // A name also reaches through the places of a list.
            [None, next @ ..] => covers(steps, next),
            _ => false,
        },
    }
}

/// The interactions of `terms`, and the numbers of their calls: those of `calls` stay.
pub(crate) fn compile(
    terms: &Document,
    calls: &mut Vec<CallName>,
    counters: &mut Builder,
    (places, marks): (&mut Places, &Marks),
) -> Result<BTreeMap<String, Rule>, CompileError> {
    for (index, interaction) in terms.interactions.iter().enumerate() {
        let (id, name) = (interaction.id.0.clone(), interaction.name.0.clone());
        let call = CallName { id, name, direction: interaction.direction };
        match calls.iter().find(|known| known.id == call.id) {
            Some(known) if *known != call || interaction.kind != InteractionKind::Call => {
                return Err(CompileError::CallChanged { index });
            }
            None if interaction.kind == InteractionKind::Call => calls.push(call),
            Some(_) | None => {}
        }
    }
    let number = |id: &str| {
        let place = calls.iter().position(|c| c.id == id)?;
        u16::try_from(place).ok()
    };
    if patterns(terms) > MAX_PATTERNS {
        return Err(CompileError::TooManyPatterns);
    }
    let limited: BTreeSet<&str> = terms.limits.iter().map(|l| l.id.0.as_str()).collect();
    let mut rules = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (index, terms_of) in terms.interactions.iter().enumerate() {
        let callback = (terms_of.kind != InteractionKind::Call).then_some(terms_of.direction);
        if !seen.insert((terms_of.kind as u8, callback, &terms_of.name)) {
            return Err(CompileError::AmbiguousName { index });
        }
        if terms_of.limits.iter().any(|l| !limited.contains(l.0.as_str())) {
            return Err(CompileError::UnknownLimit { index });
        }
        if terms_of.kind == InteractionKind::Call {
            let after = terms_of.after.iter().map(|id| {
                let before = terms.interactions.iter().find(|i| i.id == *id);
                let before = before.ok_or(CompileError::UnknownInteraction { index })?;
                // What is no call never succeeds.
                Ok(number(&before.id.0).unwrap_or(u16::MAX))
            });
            let after = after.collect::<Result<_, _>>()?;
            let number = number(&terms_of.id.0).unwrap_or(u16::MAX);
            let which = (index, number, after);
            let rule = rule(terms_of, which, counters, (&mut *places, marks))?;
            rules.insert(terms_of.name.0.clone(), rule);
        }
    }
    // Sums come after all calls: one counter for each summed argument of any limit.
    for limit in &terms.limits {
        if let Some((id, arg)) = limit.counter.strip_prefix("sum:").and_then(|s| s.split_once('.'))
        {
            let rule = rules.values_mut().find(|r| r.id == id);
            let unit = unit_of(terms, id, arg);
            if let (Some(rule), Some(unit)) = (rule, unit)
                && rule.sums.iter().all(|s| s.arg != arg)
            {
                let name = format!("sum:{id}.{arg}");
                let counter = counters.push(name, format!("{unit}/100"), None);
                rule.sums.push(SumRule { arg: arg.to_owned(), counter });
            }
        }
    }
    Ok(rules)
}

pub(crate) fn unit_of<'a>(terms: &'a Document, id: &str, arg: &str) -> Option<&'a str> {
    let interaction = terms.interactions.iter().find(|i| i.id.0 == id)?;
    interaction.args.get(arg)?.unit.as_deref()
}

fn rule(
    terms: &Interaction,
    (index, number, after): (usize, u16, Vec<u16>),
    counters: &mut Builder,
    (places, marks): (&mut Places, &Marks),
) -> Result<Rule, CompileError> {
    let id = terms.id.0.clone();
    let mut args = BTreeMap::new();
    for (name, constraint) in &terms.args {
        args.insert(name.clone(), arg_rule(constraint, index, (&mut *places, marks))?);
    }
    let others = args.remove("*");
    // A read may be asked in any way unless its arguments are listed; all else is closed.
    let open = terms.effect == Effect::Read && terms.args.is_empty() || others.is_some();
    let unlisted = if open { Unlisted::Allow } else { Unlisted::Deny };
    Ok(Rule {
        counter: counters.push(format!("calls:{id}"), "calls".to_owned(), None),
        id,
        number,
        direction: terms.direction,
        effect: terms.effect,
        args,
        others,
        unlisted: terms.unlisted_args.unwrap_or(unlisted),
        requested: terms.requested.as_ref().map(|r| RequestedRule {
            terms: r.terms.clone(),
            when: r.when.unwrap_or(RequestedWhen::Always),
            otherwise: r.otherwise,
        }),
        confirmed_by: terms.confirmed_by,
        after,
        approval: terms.approval.unwrap_or(ApprovalTerm::OnElse),
        max_bytes: terms.max_bytes,
        above: marks.above(terms.max_tier),
        sums: Vec::new(),
        limits: Vec::new(),
    })
}

fn arg_rule(
    terms: &Constraint,
    index: usize,
    (places, marks): (&mut Places, &Marks),
) -> Result<ArgRule, CompileError> {
    let bad_pattern = CompileError::BadPattern { index };
    let pattern = match &terms.pattern {
        None => None,
        Some(text) if text.len() > MAX_PATTERN => return Err(bad_pattern),
        Some(text) => {
            let whole = format!("^(?:{text})$");
            let mut builder = RegexBuilder::new(&whole);
            Some(builder.size_limit(MAX_PROGRAM).build().map_err(|_| bad_pattern)?)
        }
    };
    let each = match &terms.each {
        Some(inner) => Some(Box::new(arg_rule(inner, index, (&mut *places, marks))?)),
        None => None,
    };
    let provenance = match &terms.provenance {
        Some(p) => Some(ProvenanceRule {
            any_of: all_placed(&p.any_of, index, places)?,
            under_scrutiny: match &p.under_scrutiny {
                Some(origins) => Some(all_placed(origins, index, places)?),
                None => None,
            },
            alike: p.alike.unwrap_or(Alike::Exact),
            otherwise: p.otherwise,
        }),
        None => None,
    };
    let unless_approved = terms.unless.is_some();
    let otherwise = if unless_approved { Otherwise::Escalate } else { Otherwise::Deny };
    Ok(ArgRule {
        kind: terms.kind,
        required: terms.required == Some(true),
        constant: terms.constant.clone(),
        one_of: terms.one_of.clone(),
        not_in: terms.not_in.clone().unwrap_or_default(),
        pattern,
        min: terms.min.map(|e| e.0),
        max: terms.max.map(|e| e.0),
        max_len: terms.max_len,
        max_items: terms.max_items,
        each,
        provenance,
        extract: terms.extract,
        pii_max: terms.pii_max,
        above: marks.above(terms.max_tier),
        unless_approved,
        otherwise: terms.otherwise.unwrap_or(otherwise),
    })
}

fn all_placed(
    origins: &[Origin],
    index: usize,
    places: &mut Places,
) -> Result<Vec<PlacedOrigin>, CompileError> {
    origins.iter().map(|origin| placed(origin, index, places)).collect()
}

pub(super) fn placed(
    origin: &Origin,
    index: usize,
    places: &mut Places,
) -> Result<PlacedOrigin, CompileError> {
    Ok(match origin {
        Origin::Content => PlacedOrigin::Content,
        Origin::Delegated => PlacedOrigin::Delegated,
        Origin::List(values) => PlacedOrigin::List(values.clone()),
        Origin::Org(domain) => PlacedOrigin::Org(domain.clone()),
        Origin::Principal => PlacedOrigin::Principal,
        Origin::Record => PlacedOrigin::Record,
        Origin::Unseen => PlacedOrigin::Unseen,
        Origin::Result { tool, path } => {
            let path = match path {
                Some(text) => Path::parse(text).ok_or(CompileError::BadPath { index })?,
                None => Path::all(),
            };
            PlacedOrigin::Result(places.number(tool, path))
        }
    })
}

fn patterns(terms: &Document) -> usize {
    fn of(constraint: &Constraint) -> usize {
        let inner = constraint.each.as_deref().map_or(0, of);
        inner.saturating_add(usize::from(constraint.pattern.is_some()))
    }
    terms.interactions.iter().flat_map(|i| i.args.values()).map(of).sum()
}

/// Most patterns of a pact.
pub(super) const MAX_PATTERNS: usize = 256;
/// Largest compiled pattern in bytes: all of a pact's together stay under 16 MiB.
const MAX_PROGRAM: usize = 1 << 16;
const MAX_PATTERN: usize = 512;
const MAX_STEPS: usize = 16;
const MAX_WILD: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cover_what_is_under_their_end() {
        let covers = |path: &str, at: &[Option<&str>]| Path::parse(path).unwrap().covers(at);
        assert!(covers("**.sender", &[None, Some("sender")]));
        assert!(covers("**.recipients", &[None, Some("recipients"), None]));
        assert!(covers("a.*.b", &[Some("a"), Some("x"), Some("b"), Some("c")]));
        assert!(covers("a.b", &[Some("a"), None, Some("b")]));
        assert!(!covers("**.sender", &[Some("sender_name")]));
        assert!(covers("**.*_id", &[Some("a"), Some("order_id")]));
        assert!(!covers("**.*_id", &[Some("a"), Some("order_idea")]));
        assert!(!covers("a.b", &[Some("b")]));
        assert!(Path::parse("a..b").is_none());
    }
}
