//! What is read becomes known: free text as content, fields by their label.

use std::collections::BTreeMap;

use messages::event::Content;
use serde_json::Value;

use super::Look;
use crate::compile::{Rule, SourceRule};
use crate::document::terms::Trust;
use crate::state::{Class, TurnChange};
use crate::tokens::{Pii, Tokens, chunks, text_of};

/// Whether the principal's words are a yes: the first word of either kind decides.
pub(super) fn answer(text: &str) -> TurnChange {
    for chunk in chunks(text) {
        let word = chunk.to_lowercase();
        if NO.contains(&word.as_str()) {
            return TurnChange::PrincipalSaidNo;
        }
        if YES.contains(&word.as_str()) {
            return TurnChange::PrincipalSaidYes;
        }
    }
    TurnChange::PrincipalSaidNo
}

impl Look<'_> {
    /// Bytes and personal data of a call's arguments.
    pub(super) fn measure(&self, args: &BTreeMap<String, Value>) -> (u64, Pii) {
        let mut total = Measure::default();
        for (name, value) in args {
            total.bytes = total.bytes.saturating_add(name.len() as u64);
            self.measure_value(value, &mut total, 0);
        }
        (total.bytes, total.pii)
    }

    fn measure_value(&self, value: &Value, total: &mut Measure, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let inner = depth.saturating_add(1);
        match value {
            Value::Array(list) => list.iter().for_each(|v| self.measure_value(v, total, inner)),
            Value::Object(map) => map.iter().for_each(|(k, v)| {
                total.bytes = total.bytes.saturating_add(k.len() as u64);
                self.measure_value(v, total, inner);
            }),
            Value::String(text) => {
                total.bytes = total.bytes.saturating_add(text.len() as u64);
                total.pii.add(crate::tokens::pii(text));
            }
            Value::Bool(_) | Value::Null | Value::Number(_) => {
                total.bytes = total.bytes.saturating_add(8);
            }
        }
    }

    /// Learns a result; its bytes and personal data.
    pub(super) fn read_content(&mut self, rule: &Rule, content: &Content) -> (u64, Pii) {
        let pact = self.pact;
        let name = pact.rules.iter().find(|(_, r)| r.number == rule.number).map(|(name, _)| name);
        let source = name.and_then(|n| pact.sources.get(n)).or_else(|| pact.sources.get("*"));
        match content {
            Content::Text(text) => {
                let tokens = self.session.key.read(text);
                let pii = tokens.pii;
                if source.is_none_or(|s| s.trust != Trust::Agent) {
                    self.change.learn(Class::Content, tokens);
                }
                (text.len() as u64, pii)
            }
            Content::Document(value) => {
                let mut total = Measure::default();
                let mut at = Vec::new();
                self.read_value(source, value, &mut at, &mut total);
                (total.bytes, total.pii)
            }
        }
    }

    fn read_value<'v>(
        &mut self,
        source: Option<&SourceRule>,
        value: &'v Value,
        at: &mut Vec<Option<&'v str>>,
        total: &mut Measure,
    ) {
        if at.len() > MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(list) => {
                at.push(None);
                for inner in list {
                    self.read_value(source, inner, at, total);
                }
                at.pop();
            }
            Value::Object(map) => {
                for (key, inner) in map {
                    self.read_leaf(source, key, at, total);
                    at.push(Some(key));
                    self.read_value(source, inner, at, total);
                    at.pop();
                }
            }
            Value::Number(_) | Value::String(_) => {
                if let Some(text) = text_of(value) {
                    self.read_leaf(source, &text, at, total);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn read_leaf(
        &mut self,
        source: Option<&SourceRule>,
        text: &str,
        at: &[Option<&str>],
        total: &mut Measure,
    ) {
        let key = &self.session.key;
        let mut tokens = key.read(text);
        total.bytes = total.bytes.saturating_add(text.len() as u64);
        total.pii.add(tokens.pii);
        let whole = key.canonical(text).unwrap_or_else(|| key.whole(&tokens.words));
        let field = source.and_then(|s| s.fields.iter().find(|(path, _)| path.covers(at)));
        let trust = field.map(|(_, trust)| *trust).or_else(|| source.map(|s| s.trust));
        let places = source.map(|s| &s.places[..]).unwrap_or_default();
        let under = places.iter().filter(|(path, _)| path.covers(at));
        self.change.place(under.map(|(_, place)| key.under(*place, whole)));
        match trust {
            None | Some(Trust::Content) => self.change.learn(Class::Content, tokens),
            Some(Trust::Principal) => self.change.learn(Class::Principal, tokens),
            Some(Trust::Record) => {
                // Only the whole field is vouched for, not what may be written inside it.
                tokens.typed = vec![whole];
                self.change.learn(Class::Record, Tokens { pii: Pii::default(), ..tokens });
            }
            Some(Trust::Agent) => {}
        }
    }
}

#[derive(Default)]
struct Measure {
    bytes: u64,
    pii: Pii,
}

const MAX_DEPTH: usize = 64;
const NO: &[&str] = &["no", "not", "don't", "dont", "stop", "wait", "never", "nope", "hold"];
const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "ok",
    "okay",
    "sure",
    "confirm",
    "confirmed",
    "proceed",
    "agree",
    "agreed",
    "approve",
    "approved",
    "correct",
    "absolutely",
    "definitely",
    "go",
];
