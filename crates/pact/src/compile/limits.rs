//! Limits: what is counted, over what, and what follows.

use std::collections::BTreeMap;

use messages::time::Millis;

use super::rules::unit_of;
use super::{CompileError, Rule};
use crate::document::terms::{Document, Limit, Otherwise, Per};

/// One limit.
#[derive(Clone, Debug)]
pub(crate) struct LimitRule {
    pub(crate) id: String,
    pub(crate) counted: Counted,
    pub(crate) per: Per,
    pub(crate) max: u64,
    pub(crate) otherwise: Otherwise,
    /// Width of a window's slot: the window is counted in whole slots, the oldest one in full.
    pub(crate) slot: Millis,
}

/// What a limit counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Bytes,
    /// All calls, or those of one interaction.
    Calls(Option<String>),
    Distinct(String, String),
    Errors,
    Events,
    /// Personal data of a kind: `any`, one that is recognised by its form, or one that the pact
    /// labels.
    Pii(String),
    Sum(String, String),
}

/// Slots of a sliding window.
pub(crate) const SLOTS: u64 = 64;

pub(crate) fn compile(
    terms: &Document,
    rules: &BTreeMap<String, Rule>,
) -> Result<Vec<LimitRule>, CompileError> {
    let limits = terms.limits.iter().enumerate();
    limits.map(|(index, limit)| rule(terms, rules, index, limit)).collect()
}

/// Tells each rule which limits its calls are under.
pub(crate) fn attach(
    mut rules: BTreeMap<String, Rule>,
    limits: &[LimitRule],
) -> BTreeMap<String, Rule> {
    for rule in rules.values_mut() {
        let under = limits.iter().enumerate().filter(|(_, l)| match &l.counted {
            Counted::Calls(Some(id)) | Counted::Distinct(id, _) | Counted::Sum(id, _) => {
                *id == rule.id
            }
            Counted::Calls(None) | Counted::Errors => true,
            Counted::Bytes | Counted::Events | Counted::Pii(_) => false,
        });
        rule.limits = under.filter_map(|(at, _)| u16::try_from(at).ok()).collect();
    }
    rules
}

fn rule(
    terms: &Document,
    rules: &BTreeMap<String, Rule>,
    index: usize,
    limit: &Limit,
) -> Result<LimitRule, CompileError> {
    let counted = counted(terms, rules, &limit.counter)
        .ok_or(CompileError::UnknownCounter { kind: "limit", index })?;
    let scale = match &counted {
        Counted::Sum(id, arg) => match unit_of(terms, id, arg) {
            Some(_) => 2,
            None => return Err(CompileError::LimitWithoutUnit { index }),
        },
        Counted::Distinct(..) if limit.per != Per::Session => {
            return Err(CompileError::DistinctNeedsSession { index });
        }
        _ => 0,
    };
    let max = limit.max.minor(scale).and_then(|m| u64::try_from(m).ok());
    let window = super::is_window(limit.per).unwrap_or_default();
    Ok(LimitRule {
        id: limit.id.0.clone(),
        counted,
        per: limit.per,
        max: max.ok_or(CompileError::BadMaximum { index })?,
        otherwise: limit.otherwise,
        slot: Millis(window.0.div_ceil(SLOTS).max(1)),
    })
}

/// Kinds of personal data that the pact labels.
pub(crate) fn labelled(terms: &Document) -> impl Iterator<Item = &str> {
    let sources = terms.labels.sources.iter();
    let of = sources.flat_map(|s| s.pii.iter().chain(s.fields.iter().flat_map(|f| &f.pii)));
    of.chain(&terms.labels.pii_classes).map(|kind| kind.0.as_str())
}

/// All kinds together.
pub(crate) const ANY_PII: &str = "any";
/// Kinds that are recognised by their form.
pub(crate) const RECOGNISED: [&str; 4] = ["email", "iban", "payment", "phone"];

pub(super) fn counted(
    terms: &Document,
    rules: &BTreeMap<String, Rule>,
    counter: &str,
) -> Option<Counted> {
    let labels = |kind: &str| labelled(terms).any(|k| k == kind);
    let known = |id: &str| rules.values().any(|r| r.id == id);
    let argument = |rest: &str| {
        let (id, arg) = rest.split_once('.')?;
        (known(id) && !arg.is_empty()).then(|| (id.to_owned(), arg.to_owned()))
    };
    match counter.split_once(':').unwrap_or((counter, "")) {
        ("bytes", "") => Some(Counted::Bytes),
        ("calls" | "calls.all", "") => Some(Counted::Calls(None)),
        ("calls", id) if known(id) => Some(Counted::Calls(Some(id.to_owned()))),
        ("distinct", rest) => argument(rest).map(|(id, arg)| Counted::Distinct(id, arg)),
        ("errors", "") => Some(Counted::Errors),
        ("events", "") => Some(Counted::Events),
        ("pii", kind) if kind == ANY_PII || RECOGNISED.contains(&kind) || labels(kind) => {
            Some(Counted::Pii(kind.to_owned()))
        }
        ("sum", rest) => argument(rest).map(|(id, arg)| Counted::Sum(id, arg)),
        _ => None,
    }
}

impl Otherwise {
    /// Words for a verdict's severity.
    pub(crate) const fn decision(self) -> crate::check::Decision {
        match self {
            Self::Alert => crate::check::Decision::Alert,
            Self::Deny => crate::check::Decision::Deny,
            Self::Escalate | Self::Pause => crate::check::Decision::Escalate,
            Self::Suspend | Self::Terminate => crate::check::Decision::Terminate,
        }
    }
}
