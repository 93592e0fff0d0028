//! What is read becomes known: free text as content, fields by their label.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Look;
use super::limits::Volume;
use crate::compile::{Label, Rule, SourceRule};
use crate::digest::{Gist, Leaf, Read};
use crate::document::terms::{Signal, Trust};
use crate::signals::Signals;
use crate::state::{Class, Known, Lineage};
use crate::tokens::{Pii, Tokens};

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

    /// Learns a result; how much it carries.
    pub(super) fn read_content(
        &mut self,
        rule: &Rule,
        (lineage, echo): (Lineage, &[u64]),
        read: &Read,
    ) -> Volume {
        let pact = self.pact;
        let tool = pact.numbered(rule.number).map_or("", |(name, _)| name);
        let source = pact.sources.get(tool).or_else(|| pact.sources.get("*"));
        let root = Item { pointed: Pointed::by(lineage), suspect: false };
        let mut total = Volume::default();
        match read {
            Read::Text(gist) => {
                let item = Item { suspect: self.notice(gist.signals), ..root };
                total = Volume { pii: gist.pii, ..Volume::bytes(gist.bytes) };
                source.iter().for_each(|s| total.label(&s.label.pii));
                self.mark(tool, source.map(|s| &s.label), gist);
                if source.is_none_or(|s| s.label.trust != Trust::Agent) {
                    self.learn_text(item.class(gist.signals, self.grants()), gist);
                }
            }
            Read::Document(items) => {
                // What an object's own fields say of all of it: who wrote it, and whether it
                // speaks to the agent.
                let mut known: Vec<Item> = Vec::with_capacity(items.len());
                for item in items {
                    let within = usize::try_from(item.within).ok().and_then(|at| known.get(at));
                    let mut own = within.copied().unwrap_or(root);
                    for leaf in &item.leaves {
                        own.suspect |= self.notice(leaf.gist.signals);
                        if leaf.sender {
                            let named = names(&leaf.gist, &self.session.principal);
                            own.pointed = own.pointed.of_sender(named);
                        }
                    }
                    known.push(own);
                }
                for (item, own) in items.iter().zip(known) {
                    for leaf in &item.leaves {
                        let steered = lineage == Lineage::Steered;
                        let vouched = !steered && !echo.contains(&leaf.gist.whole);
                        self.read_leaf((tool, source), (own, vouched), leaf, &mut total);
                    }
                }
            }
        }
        total
    }

    /// Remembers what the pact follows.
    fn mark(&mut self, tool: &str, label: Option<&Label>, gist: &Gist) {
        if gist.pieces.is_empty() {
            return;
        }
        let labelled = label.iter().flat_map(|l| &l.pii);
        let mut kinds: Vec<&str> = labelled.map(String::as_str).collect();
        gist.pii.kinds().for_each(|kind| kinds.push(kind));
        let set = self.pact.marks.of(tool, label.and_then(|l| l.tier), &kinds);
        if set != 0 {
            self.change.mark(set, gist.pieces.clone());
        }
    }

    /// Free text; whom it speaks of matters where it may lead on.
    fn learn_text(&mut self, class: Class, gist: &Gist) {
        let mut tokens = gist.tokens();
        if matches!(class, Class::Asked | Class::Delegated) {
            tokens.typed.extend(&gist.names);
        }
        self.change.learn(class, tokens);
    }

    /// Whether a text is not to be followed, whoever pointed to it; scrutiny is raised when the
    /// pact says so.
    pub(super) fn notice(&mut self, found: Signals) -> bool {
        let heard = [
            (found.encoded, Signal::Encoded),
            (found.hidden, Signal::Hidden),
            (found.instructions, Signal::Instructions),
        ];
        let raises = heard.iter().any(|(found, s)| *found && self.pact.scrutiny.contains(s));
        self.change.scrutiny |= raises;
        raises && (found.hidden || found.instructions)
    }

    /// Whether a person or account is spoken of: by address, or by a part of the name.
    pub(super) fn is_named_in(&self, said: &Known, text: &str) -> bool {
        let key = &self.session.key;
        key.canonical(text).is_some_and(|token| said.holds(token))
            || key.who(text).into_iter().any(|part| said.holds(part))
    }

    fn read_leaf(
        &mut self,
        (tool, source): (&str, Option<&SourceRule>),
        (item, vouched): (Item, bool),
        leaf: &Leaf,
        total: &mut Volume,
    ) {
        let gist = &leaf.gist;
        let field = leaf.field.and_then(|f| source?.fields.get(usize::from(f)));
        let label = field.map(|(_, label)| label).or_else(|| source.map(|s| &s.label));
        total.bytes = total.bytes.saturating_add(gist.bytes);
        total.pii.add(gist.pii);
        if !leaf.name {
            label.iter().for_each(|l| total.label(&l.pii));
        }
        self.mark(tool, label, gist);
        self.change.place(leaf.places.iter().copied());
        // Nobody vouches for prose, nor for what content had the provider look up or repeat.
        let vouched = vouched && gist.words.len() <= MAX_VOUCHED_WORDS;
        match label.map(|l| l.trust) {
            Some(Trust::Agent) => {}
            Some(Trust::Principal) => self.change.learn(Class::Principal, gist.tokens()),
            Some(Trust::Record) if vouched => {
                // Only the whole field is vouched for, not what may be written inside it.
                let typed: Vec<u64> = [gist.whole].into_iter().chain(gist.file_name).collect();
                let words = gist.words.clone();
                let field = Tokens { words, typed, pii: Pii::default() };
                if item.pointed != Pointed::Away && !item.suspect {
                    let mut pointed = field.clone();
                    pointed.typed.push(self.session.key.field(gist.whole));
                    self.change.learn(Class::Delegated, pointed);
                }
                self.change.learn(Class::Record, field);
            }
            None | Some(Trust::Content | Trust::Record) => {
                self.learn_text(item.class(gist.signals, self.grants()), gist);
            }
        }
    }
}

/// Whether the principal spoke of this sender.
fn names(sender: &Gist, said: &Known) -> bool {
    said.holds(sender.whole) || sender.who.iter().any(|part| said.holds(*part))
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
            Lineage::Elsewhere | Lineage::Open | Lineage::Steered => Self::Away,
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

const MAX_DEPTH: usize = 64;
/// Longest text, in words, that a provider can vouch for.
const MAX_VOUCHED_WORDS: usize = 12;
