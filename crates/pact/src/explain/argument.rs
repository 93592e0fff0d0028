//! One argument's constraint as a clause.

use super::words::{count, either, follows, safe, tier, value};
use crate::document::terms::{
    Alike, ArgType, Constraint, Extract, Origin, Otherwise, Provenance, Unless,
};

/// What `name` must satisfy: clauses without a full stop, none when it may be anything.
pub(super) fn clauses(name: &str, constraint: &Constraint) -> Vec<String> {
    let subject = if name == "*" { "any other argument".to_owned() } else { safe(name) };
    of(&subject, constraint)
}

fn of(subject: &str, constraint: &Constraint) -> Vec<String> {
    let mut clauses = Vec::new();
    let all = parts(constraint);
    if !all.is_empty() {
        let tail = otherwise(constraint);
        clauses.push(format!("{subject} {}{tail}", either(&all, "and")));
    }
    if let Some(provenance) = &constraint.provenance {
        clauses.push(from(subject, provenance, constraint.extract));
    }
    if let Some(each) = &constraint.each {
        clauses.extend(of(&format!("each element of {subject}"), each));
    }
    clauses
}

/// All but the provenance, as predicates.
fn parts(constraint: &Constraint) -> Vec<String> {
    let Constraint {
        kind,
        required,
        constant,
        one_of,
        not_in,
        pattern,
        min,
        max,
        unit,
        max_len,
        max_items,
        each,
        provenance: _,
        extract: _,
        max_tier,
        pii_max,
        unless: _,
        otherwise: _,
    } = constraint;
    let unit = unit.as_deref().map(|u| format!(" {}", safe(u))).unwrap_or_default();
    let listed = |list: &Vec<_>| either(&list.iter().map(value).collect::<Vec<_>>(), "or");
    let parts = [
        (*required == Some(true)).then(|| "must be there".to_owned()),
        kind.map(|kind| format!("is {}", typed(kind))),
        constant.as_ref().map(|only| format!("is exactly {}", value(only))),
        one_of.as_ref().map(|list| format!("is {}", listed(list))),
        not_in.as_ref().filter(|l| !l.is_empty()).map(|list| format!("is never {}", listed(list))),
        pattern.as_ref().map(|_| "has the form that a pattern in the pact gives".to_owned()),
        min.map(|min| format!("is at least {}{unit}", min.0)),
        max.map(|max| format!("is at most {}{unit}", max.0)),
        max_len.map(|most| format!("has at most {}", count(most, "character"))),
        max_items.map(|most| format!("has at most {}", count(most, "element"))),
        each.as_ref().map(|_| "is a list".to_owned()),
        max_tier.map(|most| format!("carries at most {} data", tier(most))),
        pii_max.map(|most| format!("has at most {} of personal data", count(most, "piece"))),
    ];
    parts.into_iter().flatten().collect()
}

/// Refusal is the rule, so it is not said.
fn otherwise(constraint: &Constraint) -> String {
    match (constraint.unless, constraint.otherwise) {
        (Some(Unless::Approved), None | Some(Otherwise::Escalate | Otherwise::Pause)) => {
            ", unless an overseer approves".to_owned()
        }
        (Some(Unless::Approved), Some(other)) => {
            format!(", otherwise {}, unless an overseer has approved", follows(other))
        }
        (None, None | Some(Otherwise::Deny)) => String::new(),
        (None, Some(other)) => format!(", otherwise {}", follows(other)),
    }
}

const fn typed(kind: ArgType) -> &'static str {
    match kind {
        ArgType::Array => "a list",
        ArgType::Boolean => "true or false",
        ArgType::Decimal => "an exact number",
        ArgType::Integer => "a whole number",
        ArgType::Object => "an object",
        ArgType::String => "a text",
        ArgType::Timestamp => "a date or a moment",
    }
}

fn from(subject: &str, provenance: &Provenance, extract: Option<Extract>) -> String {
    let Provenance { any_of, under_scrutiny, alike, otherwise } = provenance;
    let what = match extract {
        None => subject.to_owned(),
        Some(Extract::Address) => format!("each email and web address in {subject}"),
        Some(Extract::Email) => format!("each email address in {subject}"),
        Some(Extract::Iban) => format!("each account number in {subject}"),
        Some(Extract::Path) => format!("each file path in {subject}"),
        Some(Extract::Url) => format!("each web address in {subject}"),
    };
    let compared = match alike {
        None | Some(Alike::Exact) => "",
        Some(Alike::Host) => " (compared by host)",
        Some(Alike::Substring) => " (also as a part of it)",
    };
    let origins = |list: &[Origin]| either(&list.iter().map(origin).collect::<Vec<_>>(), "or");
    let scrutiny = under_scrutiny.as_ref().map_or_else(String::new, |list| {
        format!(", and under scrutiny only from {}", origins(list))
    });
    let tail = match otherwise {
        Otherwise::Deny => String::new(),
        other => format!(", otherwise {}", follows(*other)),
    };
    format!("{what} must come from {}{compared}{scrutiny}{tail}", origins(any_of))
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Content => "any text that was read".to_owned(),
        Origin::Delegated => "a source that the principal pointed to".to_owned(),
        Origin::List(values) => {
            let values: Vec<String> = values.iter().map(|v| safe(v)).collect();
            format!("the list {}", either(&values, "and"))
        }
        Origin::Org(domain) => format!("the domain {domain}"),
        Origin::Principal => "the principal's words".to_owned(),
        Origin::Record => "a field that the provider vouches for".to_owned(),
        Origin::Result { tool, path } => match path {
            Some(path) => format!("{} in a result of {}", safe(path), safe(tool)),
            None => format!("a result of {}", safe(tool)),
        },
        Origin::Unseen => "the agent itself, if it was read nowhere".to_owned(),
    }
}
