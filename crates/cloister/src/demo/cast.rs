//! The demo's people: fresh keys put into a draft's places, and both parties' signatures.

use std::collections::BTreeMap;

use messages::did::Did;
use messages::signature::SigningKey;
use messages::time::UnixMillis;
use pact::{Pact, SignedPact};
use rand_core::{OsRng, RngCore};
use serde_json::Value;

use crate::ModeArgument;
use crate::fault::Fault;
use crate::pacts::refused;
use crate::parties::Agents;

/// Everybody with a key.
pub(crate) struct Cast {
    pub(crate) agents: Agents,
    pub(crate) overseer: SigningKey,
    pub(crate) auditor: SigningKey,
    pub(crate) signed: SignedPact,
    /// Start of the pact's term: where the generated clock starts.
    pub(crate) start: UnixMillis,
}

impl Cast {
    /// Puts keys into the draft, sets the mode, signs as both parties.
    pub(crate) fn sign(draft: &[u8], mode: Option<ModeArgument>) -> Result<Self, Fault> {
        let mut value: Value = serde_json::from_slice(draft).map_err(|_| malformed())?;
        let agents = Agents::generate();
        let overseer = SigningKey::generate(&mut OsRng);
        let auditor = SigningKey::generate(&mut OsRng);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        let mut name = |place: Option<&Value>, key: &SigningKey| {
            if let Some(did) = place.and_then(Value::as_str) {
                names.insert(did.into(), Did::from_key(&key.public()).to_string());
            }
        };
        name(value.pointer("/parties/initiator/did"), &agents.initiator);
        name(value.pointer("/parties/provider/did"), &agents.provider);
        let overseers = value.pointer("/parties/overseers").and_then(Value::as_array);
        for person in overseers.into_iter().flatten() {
            let auditing = person.get("role").and_then(Value::as_str) == Some("auditor");
            name(person.get("did"), if auditing { &auditor } else { &overseer });
        }
        name(value.pointer("/parties/monitors/0/did"), &SigningKey::generate(&mut OsRng));
        rename(&mut value, &names);
        if let Some(mode) = mode
            && let Some(place) = value.pointer_mut("/monitoring/mode")
        {
            *place = Value::String(mode.name().into());
        }
        if let Some(Value::Object(disclosure)) = value.pointer_mut("/monitoring/disclosure") {
            let mut salt = [0; 32];
            OsRng.fill_bytes(&mut salt);
            disclosure.insert("consent_salt".into(), Value::String(hex::encode(salt)));
        }
        let start = value
            .pointer("/term/not_before")
            .and_then(Value::as_str)
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .and_then(|t| u64::try_from(t.as_millisecond()).ok())
            .map(UnixMillis)
            .ok_or_else(malformed)?;
        let pact = Pact::parse(value.to_string().as_bytes()).map_err(|e| refused(&e))?;
        let [initiator, provider] = agents.dids();
        let signed = SignedPact::draft(pact)
            .sign(initiator, &agents.initiator)
            .sign(provider, &agents.provider);
        Ok(Self { agents, overseer, auditor, signed, start })
    }
}

fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(name) = names.get(text) {
                text.clone_from(name);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|v| rename(v, names)),
        Value::Object(fields) => fields.values_mut().for_each(|v| rename(v, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn malformed() -> Fault {
    Fault::new("pact-malformed", "the draft is not a pact in JSON", "run `cloister pact lint`")
}
