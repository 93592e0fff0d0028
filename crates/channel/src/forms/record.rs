//! What the record tells a party or an overseer, as JSON.

use messages::event::Party;
use messages::ids::{EventHash, PactHash, SessionId};
use messages::reply::{Metadata, RecordEntry, WaitingCall};
use messages::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::encoding::{Base64, Hex};
use super::statement::{ActionForm, JournalHeadForm, PartyForm};

/// A call that waits for an overseer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WaitingForm {
    /// Under which pact.
    pub pact: Hex<32>,
    /// In which session.
    pub session: Hex<32>,
    /// The call's event.
    pub call: Hex<32>,
    /// The rule that asks for a decision.
    pub rule: String,
    /// Nobody can decide after this.
    pub until_ms: u64,
    /// The event, canonical JSON.
    pub event: Base64,
}

/// One event on record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EntryForm {
    /// Place in the journal.
    pub place: JournalHeadForm,
    /// When it was taken.
    pub at_ms: u64,
    /// Who reported it.
    pub party: PartyForm,
    /// Its hash.
    pub event: Hex<32>,
    /// What was done.
    pub action: ActionForm,
    /// The rule; empty when none was broken.
    pub rule: String,
    /// In the scopes `metadata` and `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<MetadataForm>,
    /// The signed event, canonical JSON, in the scope `full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Base64>,
}

/// What the scope `metadata` keeps of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MetadataForm {
    /// The interaction of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Size of the signed event in bytes.
    pub bytes: u64,
}

impl From<&WaitingCall> for WaitingForm {
    fn from(call: &WaitingCall) -> Self {
        Self {
            pact: Hex(call.pact.0),
            session: Hex(call.session.0),
            call: Hex(call.call.0),
            rule: call.rule.clone(),
            until_ms: call.until.0,
            event: Base64(call.event.clone()),
        }
    }
}

impl From<WaitingForm> for WaitingCall {
    fn from(form: WaitingForm) -> Self {
        Self {
            pact: PactHash(form.pact.0),
            session: SessionId(form.session.0),
            call: EventHash(form.call.0),
            rule: form.rule,
            until: UnixMillis(form.until_ms),
            event: form.event.0,
        }
    }
}

impl From<&RecordEntry> for EntryForm {
    fn from(entry: &RecordEntry) -> Self {
        let metadata = entry.metadata.as_ref();
        Self {
            place: (&entry.place).into(),
            at_ms: entry.at.0,
            party: entry.party.into(),
            event: Hex(entry.event.0),
            action: entry.action.into(),
            rule: entry.rule.clone(),
            metadata: metadata.map(|m| MetadataForm { name: m.name.clone(), bytes: m.bytes }),
            content: entry.content.clone().map(Base64),
        }
    }
}

impl From<EntryForm> for RecordEntry {
    fn from(form: EntryForm) -> Self {
        Self {
            place: form.place.into(),
            at: UnixMillis(form.at_ms),
            party: Party::from(form.party),
            event: EventHash(form.event.0),
            action: form.action.into(),
            rule: form.rule,
            metadata: form.metadata.map(|m| Metadata { name: m.name, bytes: m.bytes }),
            content: form.content.map(|content| content.0),
        }
    }
}
