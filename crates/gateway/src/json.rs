//! JSON read strictly: a name that stands twice in one object is an error.
//!
//! Readers differ on which of two equal names counts, and some ignore case. A message that a
//! gateway and the server behind it read differently is a way around the gateway, so it is refused
//! and never repaired.

use core::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON value of at most `max` bytes, 128 levels deep.
pub(crate) fn parse(bytes: &[u8], max: usize) -> Option<Value> {
    if bytes.len() > max {
        return None;
    }
    serde_json::from_slice::<Strict>(bytes).ok().map(|strict| strict.0)
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

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_twice_is_refused_at_any_depth() {
        assert!(parse(br#"{"a":[{"b":1,"b":1}]}"#, 100).is_none());
        assert!(parse(br#"{"a":[{"b":1},{"b":1}]}"#, 100).is_some());
    }

    #[test]
    fn name_that_differs_in_case_is_mistakable() {
        let object = |text: &str| match parse(text.as_bytes(), 100) {
            Some(Value::Object(object)) => object,
            other => panic!("{other:?}"),
        };
        assert!(is_unmistakable(&object(r#"{"params":1,"id":2}"#), &["params"]));
        assert!(!is_unmistakable(&object(r#"{"params":1,"Params":2}"#), &["params"]));
        assert!(!is_unmistakable(&object("{\"param\u{17f}\":2}"), &["params"]));
    }

    #[test]
    fn more_bytes_than_allowed_are_refused() {
        assert!(parse(b"[1]", 3).is_some());
        assert!(parse(b"[1] ", 3).is_none());
    }

    proptest! {
        #[test]
        fn reads_what_any_reader_reads(bytes: Vec<u8>) {
            if let Some(value) = parse(&bytes, 4096) {
                prop_assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap(), value);
            }
        }
    }
}
