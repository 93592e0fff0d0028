//! JSON read strictly: what two readers could understand differently is an error.
//!
//! Readers differ on which of two equal names counts, some ignore case, and many round integers
//! from 2^53 on, as canonical JSON (RFC 8785) does. A message that a gateway and the server behind
//! it read differently is a way around the gateway, so it is refused and never repaired.

use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::jsonrpc::ReadError;

/// Reads one JSON value of at most `max` bytes, 128 levels deep.
///
/// # Errors
/// [`ReadError::TooLarge`], [`ReadError::Ambiguous`], [`ReadError::Malformed`].
pub(crate) fn read(bytes: &[u8], max: usize) -> Result<Value, ReadError> {
    if bytes.len() > max {
        return Err(ReadError::TooLarge);
    }
    serde_json::from_slice::<Strict>(bytes).map(|strict| strict.0).map_err(|_| {
        // Only the strict reader objects.
        match serde_json::from_slice::<IgnoredAny>(bytes) {
            Ok(_) => ReadError::Ambiguous,
            Err(_) => ReadError::Malformed,
        }
    })
}

/// True for integers that every reader reads exactly.
pub(crate) const fn is_exact(integer: i64) -> bool {
    integer.unsigned_abs() <= MAX_EXACT
}

/// False when `object` has a name that another reader could take for one of `known`: the same but
/// for case (Unicode simple folding).
pub(crate) fn is_unmistakable(object: &Map<String, Value>, known: &[&str]) -> bool {
    object.keys().all(|key| {
        known.contains(&key.as_str()) || {
            let folded: String =
                key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
            !known.iter().any(|name| name.to_lowercase() == folded)
        }
    })
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if is_exact(value) { Ok(value.into()) } else { Err(E::custom("not exact")) }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value <= MAX_EXACT { Ok(value.into()) } else { Err(E::custom("not exact")) }
    }

    /// Longer integers come here too.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).filter(|_| value.abs() < FIRST_INEXACT);
        number.map(Value::Number).ok_or_else(|| E::custom("not exact"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = map.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a name twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// 2^53 - 1 (RFC 7493, section 2.2).
const MAX_EXACT: u64 = (1 << 53) - 1;

/// 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_twice_is_refused_at_any_depth() {
        assert_eq!(read(br#"{"a":[{"b":1,"b":1}]}"#, 100), Err(ReadError::Ambiguous));
        assert!(read(br#"{"a":[{"b":1},{"b":1}]}"#, 100).is_ok());
    }

    #[test]
    fn integer_that_readers_round_is_refused() {
        assert!(read(b"[9007199254740991,-9007199254740991]", 100).is_ok());
        for number in ["9007199254740993", "-9007199254740993", "90071992547409930000000", "1e300"]
        {
            assert_eq!(read(number.as_bytes(), 100), Err(ReadError::Ambiguous), "{number}");
        }
    }

    #[test]
    fn name_that_differs_in_case_is_mistakable() {
        let object = |text: &str| match read(text.as_bytes(), 100) {
            Ok(Value::Object(object)) => object,
            other => panic!("{other:?}"),
        };
        assert!(is_unmistakable(&object(r#"{"params":1,"id":2}"#), &["params"]));
        assert!(!is_unmistakable(&object(r#"{"params":1,"Params":2}"#), &["params"]));
        assert!(!is_unmistakable(&object("{\"param\u{17f}\":2}"), &["params"]));
    }

    #[test]
    fn more_bytes_than_allowed_are_refused() {
        assert!(read(b"[1]", 3).is_ok());
        assert_eq!(read(b"[1] ", 3), Err(ReadError::TooLarge));
    }

    proptest! {
        #[test]
        fn reads_what_any_reader_reads(text in r#"(\PC|[\[\]{}":,0-9]){0,60}"#) {
            if let Ok(value) = read(text.as_bytes(), 4096) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            }
        }

        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _value = read(&bytes, 4096);
        }
    }
}
