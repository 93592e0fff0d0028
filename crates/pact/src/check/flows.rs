//! What was read from where may go where: pieces of results in the arguments of calls.
//!
//! A piece is a canonical form, a short field as a whole, or four neighbouring words. Whoever
//! paraphrases carries none; that is for the rules of who may be written to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Decision, Look};
use crate::compile::{ArgRule, FlowRule, Rule};
use crate::document::terms::{Alike, Effect, FlowEffect};
use crate::tokens::{chunks, host, iban, is_under, phone, text_of};

/// Pieces with a mark, by argument.
type Carried<'a> = Vec<(&'a str, BTreeMap<u64, u64>)>;

impl Look<'_> {
    /// Flows and bounds on sensitivity.
    pub(super) fn flows(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        let pact = self.pact;
        if pact.marks.is_empty() {
            return;
        }
        let carried = self.carried(args);
        let mut lifted = 0;
        for flow in &pact.marks.flows {
            if !flow.interactions.contains(&rule.id) || !self.meets(flow, &carried) {
                continue;
            }
            if !self.goes_to(flow, rule, args) {
                continue;
            }
            match flow.effect {
                FlowEffect::Allow => lifted |= flow.mark,
                FlowEffect::Deny => self.find(Decision::Deny, &[&flow.id], None),
                FlowEffect::Escalate => self.find(Decision::Escalate, &[&flow.id], None),
            }
        }
        let everywhere = self.everywhere() & !lifted;
        for (name, pieces) in &carried {
            // A flow lifts the bounds for its own pieces and for no others.
            let held = pieces.values().filter(|marks| **marks & lifted == 0);
            let marks = held.fold(everywhere, |all, marks| all | marks);
            if marks & rule.above != 0 {
                self.find(Decision::Deny, &[&rule.id, ".max-tier"], Some(listed(rule, name)));
            }
            if let Some(arg) = rule.args.get(*name).or(rule.others.as_ref())
                && marks & bounds(arg) != 0
            {
                let decision = self.decision(arg);
                self.find(decision, &[&rule.id, ".max-tier"], Some(listed(rule, name)));
            }
        }
    }

    /// Data goes to nobody but those with whom the pact shares it, unless the principal said so.
    pub(super) fn sharing(&mut self, rule: &Rule, args: &BTreeMap<String, Value>) {
        let Some(domains) = &self.pact.sharing else { return };
        if rule.effect != Effect::ExternalSend {
            return;
        }
        for (name, value) in args {
            let strange = |chunk: &str| {
                let lower = chunk.to_lowercase();
                let named = host(&lower).or_else(|| host(lower.split_once(':')?.1));
                // What is written like an address and names no host is nobody's whom we know.
                let odd = ["@", "://", "//"].iter().any(|sign| lower.contains(sign));
                let outside = named.map_or(odd, |h| !domains.iter().any(|d| is_under(h, d)));
                outside && !self.sought(chunk, Alike::Exact).read_in(&self.session.principal)
            };
            let strange = leaves(value).iter().any(|text| chunks(text).any(strange));
            if strange {
                self.find(Decision::Escalate, &["data.sharing"], Some(listed(rule, name)));
            }
        }
    }

    /// Marks that anything may carry: some did not fit, or some were forgotten.
    const fn everywhere(&self) -> u64 {
        if self.session.forgot { u64::MAX } else { self.session.marked.spilled() }
    }

    fn carried<'a>(&self, args: &'a BTreeMap<String, Value>) -> Carried<'a> {
        let of = |value: &Value| {
            let mut pieces = BTreeMap::new();
            self.pieces(value, &mut pieces, 0);
            pieces
        };
        args.iter().map(|(name, value)| (name.as_str(), of(value))).collect()
    }

    fn pieces(&self, value: &Value, into: &mut BTreeMap<u64, u64>, depth: usize) {
        let inner = depth.saturating_add(1);
        match value {
            _ if depth > MAX_DEPTH => {}
            Value::Array(list) => list.iter().for_each(|v| self.pieces(v, into, inner)),
            Value::Object(map) => map.iter().for_each(|(key, v)| {
                self.text_pieces(key, into);
                self.pieces(v, into, inner);
            }),
            Value::Number(_) | Value::String(_) => {
                if let Some(text) = text_of(value) {
                    self.text_pieces(&text, into);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    /// What the principal said itself is not carried from anywhere.
    fn text_pieces(&self, text: &str, into: &mut BTreeMap<u64, u64>) {
        let session = self.session;
        for piece in session.key.pieces_within(text) {
            let marks = session.marked.of(piece.token);
            if marks != 0 && !piece.words.iter().all(|w| session.principal.holds_word(*w)) {
                into.insert(piece.token, marks);
            }
        }
    }

    fn meets(&self, flow: &FlowRule, carried: &Carried<'_>) -> bool {
        let pieces: BTreeSet<u64> = carried
            .iter()
            .flat_map(|(_, pieces)| pieces.iter())
            .filter(|(_, marks)| **marks & flow.mark != 0)
            .map(|(token, _)| *token)
            .collect();
        pieces.len() >= flow.min_match || self.everywhere() & flow.mark != 0
    }

    /// Whether some recipient of the call is one that the flow speaks of. Recipients are the
    /// arguments whose provenance the pact asks for, and every address, wherever it stands.
    fn goes_to(&self, flow: &FlowRule, rule: &Rule, args: &BTreeMap<String, Value>) -> bool {
        if flow.recipients.is_empty() {
            return true;
        }
        let allows = flow.effect == FlowEffect::Allow;
        if self.session.forgot {
            return !allows;
        }
        let addressed = args.iter().flat_map(|(name, value)| {
            let terms = rule.args.get(name).or(rule.others.as_ref());
            let asked = terms.is_some_and(|t| t.extract.is_none() && asks_origin(t));
            leaves(value).into_iter().filter(move |text| asked || is_address(text))
        });
        let met = |text: String| {
            let sought = self.sought(&text, Alike::Exact);
            flow.recipients
                .iter()
                .all(|(negated, origin)| self.is_from(rule, origin, &sought, &text) != *negated)
        };
        // What is allowed must be so for everybody; what is held is held for anybody.
        let mut recipients = addressed.peekable();
        if allows {
            recipients.peek().is_some() && recipients.all(met)
        } else {
            recipients.any(met)
        }
    }
}

/// The argument's name where the pact has it; another name is text of the event.
fn listed<'a>(rule: &Rule, name: &'a str) -> &'a str {
    if rule.args.contains_key(name) { name } else { "*" }
}

fn is_address(text: &str) -> bool {
    host(&text.trim().to_lowercase()).is_some() || iban(text).is_some() || phone(text).is_some()
}

fn asks_origin(arg: &ArgRule) -> bool {
    arg.provenance.is_some() || arg.each.as_deref().is_some_and(asks_origin)
}

fn bounds(arg: &ArgRule) -> u64 {
    arg.above | arg.each.as_deref().map_or(0, bounds)
}

fn leaves(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(leaves).collect(),
        Value::Object(map) => {
            map.iter().flat_map(|(k, v)| [k.clone()].into_iter().chain(leaves(v))).collect()
        }
        Value::Bool(_) | Value::Null => Vec::new(),
        Value::Number(_) | Value::String(_) => text_of(value).into_iter().collect(),
    }
}

const MAX_DEPTH: usize = 64;
