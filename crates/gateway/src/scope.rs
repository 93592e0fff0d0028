//! The pact's log scope, applied before anything becomes an observation.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::observation::{Captured, MAX_CONTENT_BYTES};

/// A hash under a key that the gateway never sees.
pub type KeyedHash = Arc<dyn Fn(&[u8]) -> [u8; 32] + Send + Sync>;

/// How much of what foreign protocols bring may be kept.
#[derive(Clone)]
pub enum Scope {
    /// Content.
    Full,
    /// Names, sizes and keyed hashes.
    HashOnly(KeyedHash),
    /// Names and sizes.
    Metadata,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "Full",
            Self::HashOnly(_) => "HashOnly",
            Self::Metadata => "Metadata",
        })
    }
}

impl Scope {
    /// Keeps what is allowed of `value`. Content over [`MAX_CONTENT_BYTES`] becomes a size.
    #[must_use]
    pub fn capture(&self, value: Value) -> Captured {
        let (captured, json) = self.capture_sized(value);
        shrink(captured, json)
    }

    /// The same for each argument; all become sizes when they are too much together.
    #[must_use]
    pub fn capture_args(&self, args: BTreeMap<String, Value>) -> BTreeMap<String, Captured> {
        let mut total = 0_u64;
        let captured: BTreeMap<String, Captured> = args
            .into_iter()
            .map(|(name, value)| {
                let (captured, json) = self.capture_sized(value);
                let name_bytes = u64::try_from(name.len()).unwrap_or(u64::MAX);
                total = total.saturating_add(json).saturating_add(name_bytes);
                (name, captured)
            })
            .collect();
        captured.into_iter().map(|(name, value)| (name, shrink(value, total))).collect()
    }

    /// Also tells how many bytes of JSON it takes.
    fn capture_sized(&self, value: Value) -> (Captured, u64) {
        let json = serde_json_canonicalizer::to_vec(&value).unwrap_or_default();
        let plain = value.as_str().map_or(json.as_slice(), str::as_bytes);
        let bytes = u64::try_from(plain.len()).unwrap_or(u64::MAX);
        let captured = match self {
            Self::Full => Captured::Full(value),
            Self::HashOnly(hash) => Captured::Hashed { hash: hash(plain), bytes },
            Self::Metadata => Captured::Sized { bytes },
        };
        (captured, u64::try_from(json.len()).unwrap_or(u64::MAX))
    }
}

fn shrink(captured: Captured, json: u64) -> Captured {
    match captured {
        Captured::Full(value) if json > MAX_CONTENT_BYTES => {
            Captured::Sized { bytes: value.as_str().map_or(json, byte_length) }
        }
        other => other,
    }
}

fn byte_length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
