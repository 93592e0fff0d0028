//! The whole document around the tools.

use jiff::{Timestamp, ToSpan};
use messages::domain;
use pact::{Pact, PactError};
use serde_json::{Value, json};

use crate::terms;
use crate::tools::Tools;

/// Why no draft was made.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The name is no identifier.
    #[error("a draft's name is 1 to 64 letters, digits and any of . _ -")]
    Name,
    /// The draft would break the format's bounds.
    #[error("the tools do not fit into one pact: {0}")]
    Pact(#[from] PactError),
    /// A clock beyond the format.
    #[error("the moment is out of range")]
    Moment,
}

/// Drafts a pact for these tools: a standing one of a year from `now`, between two parties that
/// are yet to be named, under interventionist monitoring.
///
/// # Errors
/// [`DraftError`]: a bad name, or more than a pact can hold.
pub fn draft(tools: &Tools, name: &str, now: Timestamp) -> Result<Pact, DraftError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        return Err(DraftError::Name);
    }
    let start = Timestamp::from_second(now.as_second()).map_err(|_| DraftError::Moment)?;
    let end = start.checked_add((365 * 24).hours()).map_err(|_| DraftError::Moment)?;
    let interactions: Vec<Value> =
        tools.0.iter().map(|(name, tool)| terms::interaction(name, tool)).collect();
    let document = json!({
        "pact": "1",
        "id": identity(tools, name),
        "revision": 1,
        "template": format!("draft/{name}"),
        "parties": {
            "initiator": {"did": "did:web:initiator.example", "organisation": "did:web:initiator.example"},
            "provider": {"did": "did:web:provider.example", "organisation": "did:web:provider.example"},
            "monitors": [{"did": "did:web:monitor.example", "attestation": {"tee": "sev-snp", "measurements": []}}],
            "overseers": [{"did": "did:web:overseer.example", "role": "human-approver"}],
        },
        "term": {"kind": "standing", "not_before": start.to_string(), "not_after": end.to_string()},
        "labels": {"sources": [{"tool": "*", "trust": "content", "tier": "confidential", "fields": fields()}]},
        "interactions": interactions,
        "data": {"max_tier": "confidential"},
        "consequences": [
            {"on": ["deny"], "do": [{"action": "deny"}]},
            {"on": ["escalate"], "do": [{"action": "pause"}, {"action": "escalate", "to": ["did:web:overseer.example"]}]},
        ],
        "monitoring": {
            "mode": "interventionist",
            "log_scope": "hash-only",
            "retention": {"min": "P90D", "max": "P365D"},
            "access": [],
            "fail": "closed",
            "approval": {"timeout": "PT5M", "on_timeout": "deny", "quorum": 1},
            "scrutiny": {"on": ["instructions", "hidden"]},
        },
        "dispute": {"procedure": "pause-and-escalate", "escalate_to": ["did:web:overseer.example"]},
    });
    Ok(Pact::parse(document.to_string().as_bytes())?)
}

/// Fields of any result that the provider vouches for.
pub(crate) fn fields() -> Vec<Value> {
    let named = RECORDS.iter().map(|field| {
        let mut terms = json!({"path": format!("**.{field}"), "trust": "record"});
        if SENDERS.contains(field)
            && let Some(terms) = terms.as_object_mut()
        {
            terms.insert("sender".into(), true.into());
        }
        terms
    });
    // A list of bare values is the provider's.
    named.chain([json!({"path": "[]", "trust": "record"})]).collect()
}

/// The same tools under the same name have the same identity.
fn identity(tools: &Tools, name: &str) -> String {
    let names: Vec<&str> = tools.names().collect();
    let hash = domain::PACT.hash(&[name.as_bytes(), names.join("\n").as_bytes()]);
    let hex: String = hash.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// Fields that providers fill in themselves, by the names that they commonly have.
const RECORDS: &[&str] = &[
    "id",
    "id_",
    "ids",
    "sender",
    "from",
    "author",
    "user",
    "username",
    "owner",
    "created_by",
    "recipient",
    "recipients",
    "to",
    "cc",
    "bcc",
    "participants",
    "attendees",
    "members",
    "email",
    "emails",
    "attachments",
    "timestamp",
    "date",
    "status",
    "iban",
    "account",
    "account_number",
    "balance",
    "amount",
    "currency",
    "phone",
    "channel",
    "channels",
    "path",
    "filename",
    "file",
    "*_id",
    "*_ids",
    "*Id",
    "*_number",
    "*_date",
    "*_time",
    "*_at",
    "*_email",
    "*_code",
    "reservations",
    "orders",
    "payment_methods",
];
/// Of these, who wrote the object that they stand in.
const SENDERS: &[&str] = &["sender", "from", "author", "user", "username", "owner", "created_by"];
