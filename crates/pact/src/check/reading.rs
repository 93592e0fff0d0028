//! What is read becomes known: free text as content, fields by their label.

use std::collections::BTreeMap;

use messages::event::Content;
use serde_json::{Map, Value};

use super::Look;
use super::limits::Volume;
use crate::compile::{Label, Rule, SourceRule};
use crate::document::terms::{Signal, Trust};
use crate::signals::{Signals, signals};
use crate::state::{Class, Known, Lineage, TurnChange};
use crate::tokens::{Form, Pii, Tokens, chunks, text_of};

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
    pub(super) fn measure(&self, args: &BTreeMap<String, Value>) -> Volume {
        let mut total = Volume::default();
        for (name, value) in args {
            total.bytes = total.bytes.saturating_add(name.len() as u64);
            self.measure_value(value, &mut total, 0);
        }
        total
    }

    fn measure_value(&self, value: &Value, total: &mut Volume, depth: usize) {
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
    pub(super) fn read_content(
        &mut self,
        rule: &Rule,
        lineage: Lineage,
        content: &Content,
    ) -> Volume {
        let pact = self.pact;
        let name = pact.rules.iter().find(|(_, r)| r.number == rule.number).map(|(name, _)| name);
        let tool = name.map(String::as_str).unwrap_or_default();
        let source = pact.sources.get(tool).or_else(|| pact.sources.get("*"));
        let mut item = Item { pointed: Pointed::by(lineage), suspect: false };
        match content {
            Content::Text(text) => {
                let found = signals(text);
                item.suspect = self.notice(found);
                let tokens = self.session.key.read(text);
                let pii = tokens.pii;
                self.mark(tool, source.map(|s| &s.label), text, pii);
                if source.is_none_or(|s| s.label.trust != Trust::Agent) {
                    self.learn_text(item.class(found, self.grants()), text, tokens);
                }
                let mut volume = Volume { pii, ..Volume::bytes(text.len() as u64) };
                source.iter().for_each(|s| volume.label(&s.label.pii));
                volume
            }
            Content::Document(value) => {
                let mut reading = Reading { tool, source, lineage, total: Volume::default() };
                self.read_value(&mut reading, item, value, &mut Vec::new());
                reading.total
            }
        }
    }

    /// Remembers what the pact follows.
    fn mark(&mut self, tool: &str, label: Option<&Label>, text: &str, pii: Pii) {
        let marks = &self.pact.marks;
        if marks.is_empty() {
            return;
        }
        let labelled = label.iter().flat_map(|l| &l.pii);
        let mut kinds: Vec<&str> = labelled.map(String::as_str).collect();
        pii.kinds().for_each(|kind| kinds.push(kind));
        let set = marks.of(tool, label.and_then(|l| l.tier), &kinds);
        if set != 0 {
            let pieces = self.session.key.pieces(text);
            self.change.mark(set, pieces);
        }
    }

    /// Free text; whom it speaks of matters where it may lead on.
    fn learn_text(&mut self, class: Class, text: &str, mut tokens: Tokens) {
        if matches!(class, Class::Asked | Class::Delegated) {
            tokens.typed.extend(self.session.key.names(text));
        }
        self.change.learn(class, tokens);
    }

    /// Whether a text is not to be followed, whoever pointed to it; scrutiny is raised when the
    /// pact says so.
    fn notice(&mut self, found: Signals) -> bool {
        let heard = [
            (found.encoded, Signal::Encoded),
            (found.hidden, Signal::Hidden),
            (found.instructions, Signal::Instructions),
        ];
        let raises = heard.iter().any(|(found, s)| *found && self.pact.scrutiny.contains(s));
        self.change.scrutiny |= raises;
        raises && (found.hidden || found.instructions)
    }

    fn read_value<'v>(
        &mut self,
        reading: &mut Reading<'_>,
        item: Item,
        value: &'v Value,
        at: &mut Vec<Option<&'v str>>,
    ) {
        if at.len() > MAX_DEPTH {
            return;
        }
        match value {
            Value::Array(list) => {
                at.push(None);
                for inner in list {
                    self.read_value(reading, item, inner, at);
                }
                at.pop();
            }
            Value::Object(map) => {
                let item = self.item(reading, item, map, at);
                for (key, inner) in map {
                    self.read_leaf(reading, item, key, at);
                    at.push(Some(key));
                    self.read_value(reading, item, inner, at);
                    at.pop();
                }
            }
            Value::Number(_) | Value::String(_) => {
                if let Some(text) = text_of(value) {
                    let label = reading.label(at);
                    label.iter().for_each(|l| reading.total.label(&l.pii));
                    self.read_leaf(reading, item, &text, at);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// What an object's own fields say of all of it: who wrote it, and whether it speaks to the
    /// agent.
    fn item<'v>(
        &mut self,
        reading: &Reading<'_>,
        mut item: Item,
        map: &'v Map<String, Value>,
        at: &mut Vec<Option<&'v str>>,
    ) -> Item {
        let senders = reading.source.map(|s| &s.senders[..]).unwrap_or_default();
        for (key, inner) in map {
            at.push(Some(key));
            let sender = senders.iter().any(|path| path.covers(at));
            at.pop();
            let list = inner.as_array().map(Vec::as_slice).unwrap_or_default();
            let texts = inner.as_str().into_iter().chain(list.iter().filter_map(Value::as_str));
            for text in texts.chain([key.as_str()]) {
                item.suspect |= self.notice(signals(text));
            }
            if let Some(text) = inner.as_str().filter(|_| sender) {
                let named = self.is_named_in(&self.session.principal, text);
                item.pointed = item.pointed.of_sender(named);
            }
        }
        item
    }

    /// Whether a person or account is spoken of: by address, or by a part of the name.
    pub(super) fn is_named_in(&self, said: &Known, sender: &str) -> bool {
        let key = &self.session.key;
        if key.canonical(sender).is_some_and(|token| said.holds(token)) {
            return true;
        }
        let local = sender.split_once('@').map_or(sender, |(local, _)| local);
        let parts = local.split(|c: char| !c.is_alphanumeric());
        parts.filter(|part| part.chars().count() >= 3).any(|part| {
            let lower = part.to_lowercase();
            !NOBODY.contains(&lower.as_str()) && said.holds(key.token(Form::Name, &lower))
        })
    }

    fn read_leaf(
        &mut self,
        reading: &mut Reading<'_>,
        item: Item,
        text: &str,
        at: &[Option<&str>],
    ) {
        let key = &self.session.key;
        let mut tokens = key.read(text);
        let total = &mut reading.total;
        total.bytes = total.bytes.saturating_add(text.len() as u64);
        total.pii.add(tokens.pii);
        let whole = key.canonical(text).unwrap_or_else(|| key.whole(&tokens.words));
        let source = reading.source;
        let label = reading.label(at);
        let trust = label.map(|l| l.trust);
        self.mark(reading.tool, label, text, tokens.pii);
        let key = &self.session.key;
        let places = source.map(|s| &s.places[..]).unwrap_or_default();
        let under = places.iter().filter(|(path, _)| path.covers(at));
        self.change.place(under.map(|(_, place)| key.under(*place, whole)));
        // Nobody vouches for prose, nor for what content had the provider look up.
        let vouched =
            tokens.words.len() <= MAX_VOUCHED_WORDS && reading.lineage != Lineage::Steered;
        match trust {
            Some(Trust::Agent) => {}
            Some(Trust::Principal) => self.change.learn(Class::Principal, tokens),
            Some(Trust::Record) if vouched => {
                // Only the whole field is vouched for, not what may be written inside it.
                tokens.typed = vec![whole];
                if let Some(name) = key.file_name(text) {
                    tokens.typed.push(name);
                }
                if item.pointed != Pointed::Away && !item.suspect {
                    let (words, typed) = (tokens.words.clone(), tokens.typed.clone());
                    let pointed = Tokens { words, typed, pii: Pii::default() };
                    self.change.learn(Class::Delegated, pointed);
                }
                self.change.learn(Class::Record, Tokens { pii: Pii::default(), ..tokens });
            }
            None | Some(Trust::Content | Trust::Record) => {
                self.learn_text(item.class(signals(text), self.grants()), text, tokens);
            }
        }
    }
}

/// What is known of all fields of one object, or of a whole text.
#[derive(Clone, Copy)]
struct Item {
    pointed: Pointed,
    /// It speaks to the agent as its master: what it says is not believed, whoever pointed to it.
    suspect: bool,
}

impl Item {
    /// `granted`: the principal said to go by what is written there.
    const fn class(self, found: Signals, granted: bool) -> Class {
        match (self.pointed, self.suspect, found.asks) {
            (Pointed::Named | Pointed::Queried | Pointed::Sender, false, false) => Class::Delegated,
            (Pointed::Named, false, true) if granted => Class::Asked,
            (Pointed::Named, false, true) => Class::Urged,
            (Pointed::Sender, false, true) => Class::Asked,
            (Pointed::Away, _, false) | (_, true, false) => Class::Content,
            (Pointed::Away | Pointed::Queried, _, true) | (_, true, true) => Class::Urged,
        }
    }
}

/// How the principal pointed to something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pointed {
    /// Not at all.
    Away,
    /// To it: a page, a file, a thing.
    Named,
    /// To whatever is found under some words.
    Queried,
    /// To who wrote it.
    Sender,
}

impl Pointed {
    const fn by(lineage: Lineage) -> Self {
        match lineage {
            Lineage::Named => Self::Named,
            Lineage::Queried => Self::Queried,
            Lineage::Open | Lineage::Steered => Self::Away,
        }
    }

    /// Who wrote it counts more than under which words it was found.
    const fn of_sender(self, named: bool) -> Self {
        match (self, named) {
            (_, true) => Self::Sender,
            (Self::Named, false) => Self::Named,
            (Self::Away | Self::Queried | Self::Sender, false) => Self::Away,
        }
    }
}

/// One result being read.
struct Reading<'a> {
    tool: &'a str,
    source: Option<&'a SourceRule>,
    lineage: Lineage,
    total: Volume,
}

impl<'a> Reading<'a> {
    /// What the pact says of a part of it.
    fn label(&self, at: &[Option<&str>]) -> Option<&'a Label> {
        let source = self.source?;
        let field = source.fields.iter().find(|(path, _)| path.covers(at));
        Some(field.map_or(&source.label, |(_, label)| label))
    }
}

const MAX_DEPTH: usize = 64;
/// Longest text, in words, that a provider can vouch for.
const MAX_VOUCHED_WORDS: usize = 12;
/// Parts of addresses that name nobody.
const NOBODY: &[&str] = &[
    "account",
    "admin",
    "alert",
    "alerts",
    "bot",
    "contact",
    "donotreply",
    "email",
    "hello",
    "help",
    "info",
    "mail",
    "mailer",
    "news",
    "newsletter",
    "noreply",
    "notification",
    "notifications",
    "notify",
    "office",
    "reply",
    "security",
    "service",
    "services",
    "support",
    "system",
    "team",
    "the",
    "update",
    "updates",
    "user",
];
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
