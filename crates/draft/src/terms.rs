//! The terms of one tool: what its arguments must satisfy and where they must have come from.

use serde_json::{Map, Value, json};

use crate::effect::{Guess, guess};
use crate::parameter::{Purpose, purpose};
use crate::tools::{Parameter, Tool};
use crate::vocabulary::{Act, called, singular, verb, words};

/// The interaction of a tool, in the pact's JSON.
pub(crate) fn interaction(name: &str, tool: &Tool) -> Value {
    let guess = guess(name, tool);
    let mut args = Map::new();
    for (argument, parameter) in &tool.parameters {
        let terms = constraint(guess, argument, parameter).unwrap_or_else(|| json!({}));
        args.insert(argument.clone(), terms);
    }
    let mut interaction = json!({
        "id": name,
        "direction": "initiator->provider",
        "kind": "call",
        "name": name,
        "effect": guess.effect,
        "unlisted_args": if tool.parameters.is_empty() { "allow" } else { "deny" },
    });
    if let Some(fields) = interaction.as_object_mut() {
        if !args.is_empty() {
            fields.insert("args".into(), Value::Object(args));
        }
        let terms = asked_with(name, guess.act);
        if !terms.is_empty() && guess.effect != "read" {
            let requested = json!({"terms": terms, "when": "scrutiny", "else": "escalate"});
            fields.insert("requested".into(), requested);
        }
    }
    interaction
}

/// How people ask for a tool: a verb, and for verbs that say little also a thing.
fn asked_with(name: &str, act: Act) -> Vec<String> {
    let named = words(name);
    let own = verb(&named).map(|v| v.word);
    let verbs: Vec<&str> = act.asked_with().iter().copied().chain(own).collect();
    let things: Vec<String> = named
        .iter()
        .map(|word| singular(word))
        .filter(|word| verb(core::slice::from_ref(word)).is_none() && word.len() > 2)
        .flat_map(|word| called(&word))
        .collect();
    let vague = matches!(act, Act::Create | Act::Delete | Act::Move | Act::Update);
    if !vague || things.is_empty() {
        return if act.asked_with().is_empty() {
            Vec::new()
        } else {
            verbs.iter().map(|v| (*v).to_owned()).collect()
        };
    }
    let mut terms: Vec<String> =
        things.iter().flat_map(|thing| verbs.iter().map(move |v| format!("{v} {thing}"))).collect();
    terms.sort();
    terms.dedup();
    terms.truncate(MAX_TERMS);
    terms
}

const MAX_TERMS: usize = 256;

fn constraint(guess: Guess, name: &str, parameter: &Parameter) -> Option<Value> {
    let purpose = purpose(name, parameter);
    if !parameter.one_of.is_empty() && !parameter.nested {
        return Some(json!({"in": parameter.one_of, "else": "escalate"}));
    }
    if guess.effect == "read" {
        return (purpose == Purpose::Web).then(|| web(&["principal", "record", "delegated"]));
    }
    match purpose {
        Purpose::Amount => Some(json!({"type": "decimal", "min": "0", "else": "escalate"})),
        Purpose::Code => Some(from(&["principal", "record", "delegated", "content"])),
        Purpose::Plain => None,
        Purpose::Place if guess.effect == "destructive" => Some(from(KNOWN)),
        Purpose::Place => None,
        Purpose::Prose if guess.effect == "external-send" => {
            let mut terms = web(&["principal", "record", "delegated"]);
            if let Some(fields) = terms.as_object_mut() {
                // Addresses of others in what is sent are as telling as links.
                fields.insert("extract".into(), "address".into());
            }
            Some(terms)
        }
        Purpose::Prose => None,
        Purpose::Secret if guess.act == Act::Login => Some(from(KNOWN)),
        Purpose::Secret => Some(from(&["principal"])),
        Purpose::Web => Some(web(KNOWN)),
        // The fields of a form are the page's, and the page is named by its address.
        Purpose::Which if guess.act == Act::Submit => None,
        Purpose::Which => Some(from(KNOWN)),
        // That somebody stands in a record makes nobody an addressee.
        Purpose::Who => Some(from(&["principal", "delegated"])),
    }
}

fn from(origins: &[&str]) -> Value {
    json!({"provenance": {"any_of": origins, "else": "escalate"}})
}

/// Web addresses are compared by their host: the principal names a site, not each page.
fn web(origins: &[&str]) -> Value {
    json!({"provenance": {"any_of": origins, "under_scrutiny": KNOWN, "match": "host", "else": "escalate"}})
}

/// What identifies must be the principal's, the provider's, or of a source that the principal
/// pointed to.
const KNOWN: &[&str] = &["principal", "record", "delegated"];
