//! Values of the format with a syntax of their own.

use serde::Deserialize;
use serde_json::Value;

use super::json::de_fault;
use super::scalar::Span;
use crate::error::Fault;

/// Hash of the pact that is replaced; null or absent for the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prior(pub Option<[u8; 32]>);

impl<'de> Deserialize<'de> for Prior {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::Null => Ok(Self(None)),
            Value::String(text) => messages::ids::PactHash::parse(&text)
                .map(|hash| Self(Some(hash.0)))
                .ok_or_else(|| de_fault(Fault::BadDigest)),
            _ => Err(de_fault(Fault::WrongType)),
        }
    }
}

/// 32 random bytes as hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentSalt(pub [u8; 32]);

impl<'de> Deserialize<'de> for ConsentSalt {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = format!("sha256:{}", String::deserialize(d)?);
        let salt = messages::ids::Salt::parse(&text);
        salt.map(|s| Self(s.0)).ok_or_else(|| de_fault(Fault::BadDigest))
    }
}

/// Where a value may have come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Free text that anybody may have written.
    Content,
    /// Free text of a source that the principal pointed to: a sender, a page, a file. What it asks
    /// for counts only as far as the principal asked for it.
    Delegated,
    /// One of these values.
    List(Vec<String>),
    /// An address or host under this domain.
    Org(String),
    /// The principal's words.
    Principal,
    /// A field that the provider vouches for.
    Record,
    /// A result of this tool, under this path.
    Result {
        /// The tool.
        tool: String,
        /// Steps with dots; all of it when absent.
        path: Option<String>,
    },
    /// Read nowhere in the session: the agent's own.
    Unseen,
}

impl Origin {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) if !rest.is_empty() => (kind, rest),
            Some(_) => return None,
            None => (text, ""),
        };
        match (kind, rest) {
            ("content", "") => Some(Self::Content),
            ("delegated", "") => Some(Self::Delegated),
            ("principal", "") => Some(Self::Principal),
            ("unseen", "") => Some(Self::Unseen),
            ("record", "") => Some(Self::Record),
            ("list", values) if !values.is_empty() => {
                Some(Self::List(values.split(',').map(|v| v.trim().to_owned()).collect()))
            }
            ("org", domain) => {
                let ok = domain.contains('.')
                    && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
                ok.then(|| Self::Org(domain.to_ascii_lowercase()))
            }
            ("result", rest) if !rest.is_empty() => {
                let (tool, path) = match rest.split_once('.') {
                    Some((tool, path)) => (tool, Some(path.to_owned())),
                    None => (rest, None),
                };
                let ok = !tool.is_empty() && path.as_deref() != Some("");
                ok.then(|| Self::Result { tool: tool.to_owned(), path })
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(d)?).ok_or_else(|| de_fault(Fault::BadProvenance))
    }
}

/// Over what a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// All sessions under the pact.
    Pact,
    /// One session.
    Session,
    /// A sliding window over all sessions.
    Window(Span),
}

impl<'de> Deserialize<'de> for Per {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match String::deserialize(d)?.as_str() {
            "pact" => Ok(Self::Pact),
            "session" => Ok(Self::Session),
            text => match Span::parse(text).filter(|s| s.0.0 > 0) {
                Some(span) => Ok(Self::Window(span)),
                None => Err(de_fault(Fault::BadDuration)),
            },
        }
    }
}
