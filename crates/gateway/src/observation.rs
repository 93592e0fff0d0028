//! What a foreign protocol saw, in the words of the event format but neither numbered nor signed.

use std::collections::BTreeMap;

use messages::did::Did;
use messages::event::{self, Content, Role, Status};
use serde_json::Value;
#[cfg(any(feature = "http", feature = "otlp"))]
use sha2::{Digest, Sha256};

/// Longest conversation, call or interaction name in bytes.
pub const MAX_NAME_BYTES: usize = 256;

/// Most content of one observation in bytes of JSON; more is kept as a size. An event with names,
/// chain and signature around it stays under [`event::MAX_EVENT_BYTES`].
pub const MAX_CONTENT_BYTES: u64 = 224 * 1024;

/// Something that already happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Joins it to a session: the sender's conversation identifier, or its trace identifier.
    pub conversation: String,
    /// Equal for the same happening told twice; none when the sender does not name it.
    pub source: Option<SourceId>,
    /// Who spoke. [`Role::reporter`] says which side's connector reports it.
    pub from: Role,
    /// To whom.
    pub to: Role,
    /// When, by the sender's clock, in microseconds since 1970.
    pub at_us: Option<u64>,
    /// What.
    pub body: Body,
}

/// What happened; a thing that the sender did not tell is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// The initiator asked the provider to do something.
    Call {
        /// Joins the result to the call.
        call: String,
        /// Which interaction.
        name: String,
        /// Arguments by name.
        args: Option<BTreeMap<String, Captured>>,
        /// The delegate that asks; none for the party's own agent.
        via: Option<Did>,
    },
    /// A party's agent, or a delegate of it, handed a part of what it may do to another.
    Delegation {
        /// To whom.
        to: Did,
        /// The delegate that handed it over.
        via: Option<Did>,
        /// Identifiers of the interactions in the pact.
        interactions: Vec<String>,
    },
    /// Text.
    Message {
        /// The text, a JSON string.
        text: Captured,
    },
    /// The provider answered a call.
    Result {
        /// The call.
        call: String,
        /// How it ended.
        status: Status,
        /// What came back; a string is text, all else a document.
        content: Option<Captured>,
        /// Time to answer.
        latency_us: Option<u64>,
    },
}

/// Content, as far as the log scope lets it through.
#[derive(Clone, Debug, PartialEq)]
pub enum Captured {
    /// All of it.
    Full(Value),
    /// A keyed hash of it.
    Hashed {
        /// Over the text of a string, or over canonical JSON (RFC 8785).
        hash: [u8; 32],
        /// Size of what was hashed.
        bytes: u64,
    },
    /// Its size.
    Sized {
        /// Size of the text of a string, or of canonical JSON.
        bytes: u64,
    },
}

impl Body {
    /// The body of an event, when all content is there. None when the scope or the sender kept
    /// some back: an event that calls missing arguments empty would be untrue.
    #[must_use]
    pub fn to_event_body(&self) -> Option<event::Body> {
        Some(match self {
            Self::Delegation { to, via, interactions } => event::Body::Delegation {
                to: to.clone(),
                via: via.clone(),
                interactions: interactions.clone(),
            },
            Self::Call { call, name, args, via } => {
                let full = |(key, value): (&String, &Captured)| match value {
                    Captured::Full(value) => Some((key.clone(), value.clone())),
                    Captured::Hashed { .. } | Captured::Sized { .. } => None,
                };
                let args = args.as_ref()?.iter().map(full).collect::<Option<_>>()?;
                let (call, name, via) = (call.clone(), name.clone(), via.clone());
                event::Body::Call { call, name, args, via }
            }
            Self::Message { text: Captured::Full(Value::String(text)) } => {
                event::Body::Message { text: text.clone() }
            }
            Self::Message { .. } => return None,
            Self::Result { call, status, content, latency_us } => {
                let content = match content {
                    Some(Captured::Full(Value::String(text))) => Content::Text(text.clone()),
                    Some(Captured::Full(value)) => Content::Document(value.clone()),
                    Some(Captured::Hashed { .. } | Captured::Sized { .. }) | None => return None,
                };
                event::Body::Result {
                    call: call.clone(),
                    status: *status,
                    content,
                    latency_us: *latency_us,
                }
            }
        })
    }
}

/// Names one happening: SHA-256 over what identifies it in its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub [u8; 32]);

impl SourceId {
    /// Over a kind and parts, each with its length.
    #[cfg(any(feature = "http", feature = "otlp"))]
    pub(crate) fn of(kind: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in core::iter::once(kind.as_bytes()).chain(parts.iter().copied()) {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}
