//! The document: bytes to typed terms, canonical bytes, hash.

use std::collections::BTreeSet;

use messages::did::Did;
use messages::domain;
use messages::ids::{ConfigDigest, PactHash, PolicyDigest};
use serde_json::Value;

use crate::error::{Fault, PactError, Step};

/// Types of the format: every field public, no field unknown.
macro_rules! terms {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident : $type:ty),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    )*};
}

pub mod json;
mod monitoring;
pub(crate) mod origin;
pub mod scalar;
pub mod terms;
mod words;

use terms::{Document, LogScope, Mode};

/// A pact, read and well-formed. Not yet signed: a draft or a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pact {
    document: Document,
    value: Value,
    canonical: Vec<u8>,
    hash: PactHash,
}

impl Pact {
    /// Reads a pact: at most 256 KiB of JSON without unknown fields, duplicate keys or floats.
    /// The file need not be canonical; [`Pact::canonical`] is.
    ///
    /// # Errors
    /// [`PactError`], which says what, where and what to do.
    pub fn parse(bytes: &[u8]) -> Result<Self, PactError> {
        Self::from_value(json::read(bytes)?)
    }

    pub(crate) fn from_value(value: Value) -> Result<Self, PactError> {
        let document: Document = json::typed(&value)?;
        well_formed(&document)?;
        let canonical =
            serde_json_canonicalizer::to_vec(&value).map_err(|_| PactError::new(Fault::NotJson))?;
        let hash = PactHash(domain::PACT.hash(&[&canonical]));
        Ok(Self { document, value, canonical, hash })
    }

    /// The RFC 8785 bytes.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// The same document for people to read and change: indented, and in no canonical form.
    #[must_use]
    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.value).unwrap_or_default()
    }

    /// Domain-separated SHA-256 of the canonical bytes: what the parties sign.
    #[must_use]
    pub const fn hash(&self) -> PactHash {
        self.hash
    }

    /// The typed terms.
    #[must_use]
    pub const fn terms(&self) -> &Document {
        &self.document
    }

    pub(crate) const fn value(&self) -> &Value {
        &self.value
    }

    /// The party that asks.
    #[must_use]
    pub const fn initiator(&self) -> &Did {
        &self.document.parties.initiator.did.0
    }

    /// The party that serves.
    #[must_use]
    pub const fn provider(&self) -> &Did {
        &self.document.parties.provider.did.0
    }

    /// Those who decide or audit.
    #[must_use]
    pub fn overseers(&self) -> Vec<Did> {
        self.document.parties.overseers.iter().map(|o| o.did.0.clone()).collect()
    }

    /// Configurations that a monitor of this pact may run; any if there are none.
    pub fn configs(&self) -> impl Iterator<Item = ConfigDigest> + '_ {
        let monitors = self.document.parties.monitors.iter();
        monitors.flat_map(|m| &m.attestation.configs).map(|digest| ConfigDigest(digest.0))
    }

    /// Appraisal policies under which a party accepts a monitor of this pact; any if there are none.
    pub fn policies(&self) -> impl Iterator<Item = PolicyDigest> + '_ {
        let monitors = self.document.parties.monitors.iter();
        monitors.flat_map(|m| &m.attestation.policies).map(|digest| PolicyDigest(digest.0))
    }

    /// How the monitor acts.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.document.monitoring.mode
    }

    /// What the monitor keeps.
    #[must_use]
    pub const fn log_scope(&self) -> LogScope {
        self.document.monitoring.log_scope
    }

    /// Hash of the pact that this one replaces.
    #[must_use]
    pub fn prior(&self) -> Option<PactHash> {
        self.document.prior.0.map(PactHash)
    }

    /// Counts revisions from 1.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.document.revision
    }
}

fn well_formed(document: &Document) -> Result<(), PactError> {
    let parties = &document.parties;
    if parties.initiator.did == parties.provider.did {
        return Err(PactError::from(Fault::SameParty).under(Step::Field("parties")));
    }
    if document.term.not_after <= document.term.not_before {
        return Err(PactError::from(Fault::EmptyTerm).under(Step::Field("term")));
    }
    if document.term.renegotiation.as_ref().is_some_and(|r| r.both_must_sign == Some(false)) {
        return Err(PactError::from(Fault::UnknownValue).under(Step::Field("term")));
    }
    let disclosure = document.monitoring.disclosure.as_ref();
    let claims = disclosure.map(|d| &d.claims[..]).unwrap_or_default();
    unique("interactions", document.interactions.iter().map(|i| i.id.0.as_str()))?;
    unique("limits", document.limits.iter().map(|l| l.id.0.as_str()))?;
    unique("flows", document.flows.iter().map(|f| f.id.0.as_str()))?;
    unique("performance", document.performance.iter().map(|o| o.id.0.as_str()))?;
    unique("anomalies", document.monitoring.anomalies.iter().map(|a| a.id.0.as_str()))?;
    unique("claims", claims.iter().map(|c| c.id.0.as_str()))?;
    let sources = document.labels.sources.iter().map(|s| s.tool.as_str());
    unique("sources", sources)
}

fn unique<'a>(field: &'static str, ids: impl Iterator<Item = &'a str>) -> Result<(), PactError> {
    let mut seen = BTreeSet::new();
    for (at, id) in ids.enumerate() {
        if !seen.insert(id) {
            let error = PactError::from(Fault::DuplicateId);
            return Err(error.under(Step::Place(at)).under(Step::Field(field)));
        }
    }
    Ok(())
}
