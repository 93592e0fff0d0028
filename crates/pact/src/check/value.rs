//! One argument against its constraint.

use rust_decimal::Decimal;
use serde_json::Value;

use super::{Approval, Decision, Look};
use crate::compile::{ArgRule, ProvenanceRule, Rule};
use crate::document::terms::{ArgType, Extract};
use crate::tokens::{Url, chunks, email, exact, iban, pii, text_of};

impl Look<'_> {
    /// What a broken constraint leads to; an approval covers one that says `unless approved`.
    pub(super) fn decision(&self, constraint: &ArgRule) -> Decision {
        if constraint.unless_approved && self.approval == Approval::Granted {
            Decision::Allow
        } else {
            constraint.otherwise.decision()
        }
    }

    pub(super) fn argument(&mut self, rule: &Rule, name: &str, arg: &ArgRule, value: &Value) {
        if value.is_null() {
            return;
        }
        if let Some(what) = broken(arg, value) {
            let decision = self.decision(arg);
            self.find(decision, &[&rule.id, what], Some(name));
        }
        if let (Some(each), Value::Array(list)) = (&arg.each, value) {
            for element in list {
                self.argument(rule, name, each, element);
            }
        }
        if let Some(provenance) = &arg.provenance
            && !self.comes_from((rule, provenance), arg.extract, value, 0)
        {
            self.find(provenance.otherwise.decision(), &[&rule.id, ".provenance"], Some(name));
        }
    }

    /// Whether every text and number in `value` has one of the rule's origins.
    fn comes_from(
        &self,
        rule: (&Rule, &ProvenanceRule),
        extract: Option<Extract>,
        value: &Value,
        depth: usize,
    ) -> bool {
        let inner = depth.saturating_add(1);
        match value {
            _ if depth > MAX_DEPTH => false,
            Value::Null | Value::Bool(_) => true,
            Value::Array(list) => list.iter().all(|v| self.comes_from(rule, extract, v, inner)),
            Value::Object(map) => map.iter().all(|(key, v)| {
                // A key may carry a value as well as a name does.
                let named = match extract {
                    None => is_plain(key) || self.has_origin(rule.0, rule.1, key),
                    Some(_) => self.extracted(rule, extract, key),
                };
                named && self.comes_from(rule, extract, v, inner)
            }),
            Value::Number(_) | Value::String(_) => match (extract, text_of(value)) {
                (_, None) => false,
                (None, Some(text)) => {
                    text.trim().is_empty() || self.has_origin(rule.0, rule.1, &text)
                }
                (Some(_), Some(text)) => self.extracted(rule, extract, &text),
            },
        }
    }

    fn extracted(
        &self,
        (rule, provenance): (&Rule, &ProvenanceRule),
        extract: Option<Extract>,
        text: &str,
    ) -> bool {
        chunks(text).all(|chunk| {
            let lower = chunk.to_lowercase();
            let wanted = match extract {
                None => false,
                Some(Extract::Address) => email(&lower).is_some() || Url::parse(&lower).is_some(),
                Some(Extract::Email) => email(&lower).is_some(),
                Some(Extract::Iban) => iban(chunk).is_some(),
                Some(Extract::Path) => chunk.contains('/') || chunk.contains('\\'),
                Some(Extract::Url) => Url::parse(&lower).is_some(),
            };
            !wanted || self.has_origin(rule, provenance, chunk)
        })
    }
}

/// Whether a field is named by words: what says whom, where or which has other signs in it.
fn is_plain(key: &str) -> bool {
    key.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
}

/// The first part of the constraint that `value` breaks.
fn broken(arg: &ArgRule, value: &Value) -> Option<&'static str> {
    let number = || exact(value);
    let text = || value.as_str();
    let checks: [(bool, &'static str); 10] = [
        (arg.kind.is_some_and(|kind| !has_type(kind, value)), ".type"),
        (arg.constant.as_ref().is_some_and(|c| !same(c, value)), ".const"),
        (arg.one_of.as_ref().is_some_and(|list| !among(list, value)), ".in"),
        (!arg.not_in.is_empty() && touches(&arg.not_in, value), ".not-in"),
        (
            arg.pattern
                .as_ref()
                .is_some_and(|p| text().is_none_or(|t| t.len() > MAX_MATCHED || !p.is_match(t))),
            ".pattern",
        ),
        (arg.min.is_some_and(|min| number().is_none_or(|n| n < min)), ".min"),
        (arg.max.is_some_and(|max| number().is_none_or(|n| n > max)), ".max"),
        (
            arg.max_len.is_some_and(|max| text().is_none_or(|t| t.chars().count() as u64 > max)),
            ".max-len",
        ),
        (
            arg.max_items
                .is_some_and(|max| value.as_array().is_none_or(|list| list.len() as u64 > max)),
            ".max-items",
        ),
        (arg.pii_max.is_some_and(|max| personal(value) > max), ".pii-max"),
    ];
    if arg.each.is_some() && !value.is_array() {
        return Some(".each");
    }
    checks.into_iter().find(|(broken, _)| *broken).map(|(_, what)| what)
}

fn has_type(kind: ArgType, value: &Value) -> bool {
    match kind {
        ArgType::Array => value.is_array(),
        ArgType::Boolean => value.is_boolean(),
        ArgType::Decimal => exact(value).is_some(),
        ArgType::Integer => value.is_number() && exact(value).is_some_and(|n| n.is_integer()),
        ArgType::Object => value.is_object(),
        ArgType::String => value.is_string(),
        ArgType::Timestamp => value.as_str().is_some_and(is_time),
    }
}

fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
        || text.parse::<jiff::civil::DateTime>().is_ok()
        || text.parse::<jiff::civil::Date>().is_ok()
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => {
            exact(a).map(|d: Decimal| d.normalize()) == exact(b).map(|d| d.normalize())
        }
        _ => a == b,
    }
}

/// A value is among others when it is, or when it is a list of which every element is.
fn among(list: &[Value], value: &Value) -> bool {
    let is = |v: &Value| list.iter().any(|l| same(l, v));
    is(value) || value.as_array().is_some_and(|elements| elements.iter().all(is))
}

/// A forbidden value is met when it is there, or in a list.
fn touches(list: &[Value], value: &Value) -> bool {
    let is = |v: &Value| list.iter().any(|l| same(l, v));
    is(value) || value.as_array().is_some_and(|elements| elements.iter().any(is))
}

fn personal(value: &Value) -> u64 {
    match value {
        Value::Array(list) => list.iter().fold(0, |sum, v| sum.saturating_add(personal(v))),
        Value::Object(map) => map.values().fold(0, |sum, v| sum.saturating_add(personal(v))),
        Value::String(text) => pii(text).any(),
        Value::Bool(_) | Value::Null | Value::Number(_) => 0,
    }
}

const MAX_DEPTH: usize = 64;
const MAX_MATCHED: usize = 4096;
