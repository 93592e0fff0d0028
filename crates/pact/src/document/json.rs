//! JSON without the parts that readers disagree on: no duplicate keys, no floats, no integers of
//! 2^53 or more, bounded depth and lengths; and its way into typed terms, with faults that say where.

use core::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde_json::{Map, Value};

use crate::error::{Fault, PactError, Step};

/// Largest pact or signed pact in bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// Reads one value.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, PactError> {
    if bytes.len() > MAX_BYTES {
        return Err(Fault::TooLarge.into());
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|e| sort(&e))?;
    reader.end().map_err(|e| sort(&e))?;
    Ok(value)
}

/// Reads typed terms out of a value.
pub(crate) fn typed<'de, T: de::Deserialize<'de>>(value: &'de Value) -> Result<T, PactError> {
    T::deserialize(Node(value))
}

fn sort(error: &serde_json::Error) -> PactError {
    let message = error.to_string();
    let mine = [Fault::DuplicateKey, Fault::Float, Fault::IntegerRange, Fault::TooDeep];
    let fault = mine.into_iter().chain([Fault::TextTooLong, Fault::TooMany]);
    // serde_json appends the position to the message.
    let found = fault.into_iter().find(|f| message.starts_with(f.code()));
    found.unwrap_or(Fault::NotJson).into()
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH { Err(de_fault(Fault::TooDeep)) } else { d.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Value, E> {
        if v > MAX_INTEGER { Err(de_fault(Fault::IntegerRange)) } else { Ok(v.into()) }
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<Value, E> {
        let in_range = v.unsigned_abs() <= MAX_INTEGER;
        if in_range { Ok(v.into()) } else { Err(de_fault(Fault::IntegerRange)) }
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Value, E> {
        // serde_json reads integers beyond 64 bits as floats.
        let integer = v.abs() >= 9.0e15;
        Err(de_fault(if integer { Fault::IntegerRange } else { Fault::Float }))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Value, E> {
        if v.len() > MAX_TEXT { Err(de_fault(Fault::TextTooLong)) } else { Ok(v.into()) }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = Self { depth: self.depth.saturating_add(1) };
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            if list.len() >= MAX_ELEMENTS {
                return Err(de_fault(Fault::TooMany));
            }
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = Self { depth: self.depth.saturating_add(1) };
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.len() >= MAX_ELEMENTS {
                return Err(de_fault(Fault::TooMany));
            }
            if key.len() > MAX_TEXT {
                return Err(de_fault(Fault::TextTooLong));
            }
            if map.contains_key(&key) {
                return Err(de_fault(Fault::DuplicateKey));
            }
            map.insert(key, entries.next_value_seed(inner)?);
        }
        Ok(Value::Object(map))
    }
}

/// A fault through serde, which carries only text.
pub(crate) fn de_fault<E: de::Error>(fault: Fault) -> E {
    E::custom(fault.code())
}

/// A value as serde reads it, with [`PactError`] for its errors.
#[derive(Clone, Copy)]
struct Node<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, PactError> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = PactError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PactError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(v) => visitor.visit_bool(*v),
            Value::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(v), _) => visitor.visit_u64(v),
                (None, Some(v)) => visitor.visit_i64(v),
                (None, None) => Err(Fault::Float.into()),
            },
            Value::String(v) => visitor.visit_borrowed_str(v),
            Value::Array(list) => visitor.visit_seq(Elements { list: list.iter(), at: 0 }),
            Value::Object(map) => visitor.visit_map(Entries::new(map, &[])),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, PactError> {
        // An optional field is absent or has its type; null is for `prior` alone.
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, PactError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PactError> {
        match self.0 {
            Value::Object(map) => visitor.visit_map(Entries::new(map, fields)),
            _ => Err(Fault::WrongType.into()),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, PactError> {
        match self.0 {
            Value::String(word) => {
                let word: StrDeserializer<'_, PactError> = word.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            _ => Err(Fault::WrongType.into()),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'de> {
    list: core::slice::Iter<'de, Value>,
    at: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = PactError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, PactError> {
        let Some(value) = self.list.next() else { return Ok(None) };
        let at = self.at;
        self.at = at.saturating_add(1);
        seed.deserialize(Node(value)).map(Some).map_err(|e| e.under(Step::Place(at)))
    }
}

struct Entries<'de> {
    entries: serde_json::map::Iter<'de>,
    fields: &'static [&'static str],
    step: Step,
    at: usize,
    value: Option<&'de Value>,
}

impl<'de> Entries<'de> {
    fn new(map: &'de Map<String, Value>, fields: &'static [&'static str]) -> Self {
        Self { entries: map.iter(), fields, step: Step::Place(0), at: 0, value: None }
    }
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = PactError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, PactError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let field = self.fields.iter().find(|f| *f == key);
        self.step = field.map_or(Step::Place(self.at), |f| Step::Field(f));
        self.at = self.at.saturating_add(1);
        self.value = Some(value);
        let key: StrDeserializer<'_, PactError> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, PactError> {
        let value = self.value.take().ok_or(PactError::new(Fault::NotJson))?;
        seed.deserialize(Node(value)).map_err(|e| e.under(self.step))
    }
}

const MAX_DEPTH: usize = 32;
const MAX_ELEMENTS: usize = 1024;
const MAX_INTEGER: u64 = (1 << 53) - 1;
const MAX_TEXT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_readers_disagree_on() {
        for (text, code) in [
            ("{\"a\":1,\"a\":2}", "duplicate-key"),
            ("[1.0]", "float"),
            ("[1e3]", "float"),
            ("[9007199254740992]", "integer-range"),
            ("[99999999999999999999999]", "integer-range"),
            ("{} {}", "not-json"),
            ("{", "not-json"),
            ("\"\u{0}\"", "not-json"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err().code(), code, "{text}");
        }
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert_eq!(read(deep.as_bytes()).unwrap_err().code(), "too-deep");
    }
}
