//! Attributes of OpenTelemetry as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::{Map, Number, Value};

use super::MAX_EXPORT_BYTES;
use crate::json;

/// Attributes of a span or a log record; of equal keys the first counts.
#[derive(Clone, Copy)]
pub(super) struct Attributes<'a>(pub(super) &'a [KeyValue]);

impl<'a> Attributes<'a> {
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        match self.any(key)? {
            Any::StringValue(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A value of any kind. What the conventions call structured may come as a JSON string
    /// instead, and is read as what it says when it is an object or a list.
    pub(super) fn structured(self, key: &str) -> Option<Value> {
        Some(match to_json(self.any(key)?) {
            Value::String(text) => match json::read(text.as_bytes(), MAX_EXPORT_BYTES) {
                Ok(value @ (Value::Array(_) | Value::Object(_))) => value,
                _ => Value::String(text),
            },
            value => value,
        })
    }

    fn any(self, key: &str) -> Option<&'a Any> {
        self.0.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
    }
}

/// Depth is bounded by the decoders: 100 for protobuf, 128 for JSON.
fn to_json(any: &Any) -> Value {
    match any {
        Any::ArrayValue(list) => list.values.iter().map(or_null).collect(),
        Any::BoolValue(value) => (*value).into(),
        Any::BytesValue(bytes) => STANDARD.encode(bytes).into(),
        Any::DoubleValue(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        // As OTLP/JSON writes integers, when a JSON number would round them.
        Any::IntValue(value) if !json::is_exact(*value) => value.to_string().into(),
        Any::IntValue(value) => (*value).into(),
        Any::KvlistValue(list) => {
            let mut object = Map::new();
            for entry in &list.values {
                let value = entry.value.as_ref().map_or(Value::Null, or_null);
                object.entry(entry.key.as_str()).or_insert(value);
            }
            Value::Object(object)
        }
        Any::StringValue(text) => text.as_str().into(),
        // Of profiles only: as if absent.
        Any::StringValueStrindex(_) => Value::Null,
    }
}

fn or_null(value: &AnyValue) -> Value {
    value.value.as_ref().map_or(Value::Null, to_json)
}
