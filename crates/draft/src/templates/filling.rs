//! Values into places, on parsed JSON: a value stays inside the text that it is put into.

use std::collections::BTreeMap;

use messages::did::Did;
use pact::document::scalar::{Exact, Moment, Uuid};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use serde_json::Value;

use super::{ParameterKind, TemplateError, TemplateParameter};

/// Values by the names of their places.
pub(super) type Chosen<'a> = BTreeMap<&'static str, &'a str>;

/// What stands in each place: the value that is given, or the default.
pub(super) fn chosen<'a>(
    parameters: &[TemplateParameter],
    values: &'a BTreeMap<String, String>,
) -> Result<Chosen<'a>, TemplateError> {
    let known = |name: &String| parameters.iter().any(|p| p.name == name);
    if let Some(at) = values.keys().position(|name| !known(name)) {
        return Err(TemplateError::Unknown { at });
    }
    let chosen = parameters.iter().map(|parameter| {
        let (name, kind) = (parameter.name, parameter.kind);
        let given = values.get(name).map(String::as_str).or(parameter.default);
        let text = given.ok_or(TemplateError::Missing { parameter: name })?;
        if kind.fits(text) {
            Ok((name, text))
        } else {
            Err(TemplateError::BadValue { parameter: name, kind })
        }
    });
    chosen.collect()
}

/// The document with every place filled.
pub(super) fn filled(value: &Value, chosen: &Chosen<'_>) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::Array(list) => {
            Value::Array(list.iter().map(|v| filled(v, chosen)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let entries = map.iter().map(|(key, v)| Ok((key.clone(), filled(v, chosen)?)));
            Value::Object(entries.collect::<Result<_, TemplateError>>()?)
        }
        Value::String(text) => Value::String(filled_text(text, chosen)?),
        Value::Bool(_) | Value::Null | Value::Number(_) => value.clone(),
    })
}

/// One pass: what a value holds is never looked at again.
fn filled_text(text: &str, chosen: &Chosen<'_>) -> Result<String, TemplateError> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (name, after) = after.split_once(CLOSE).ok_or(TemplateError::Undeclared)?;
        whole.push_str(before);
        whole.push_str(chosen.get(name).ok_or(TemplateError::Undeclared)?);
        rest = after;
    }
    whole.push_str(rest);
    Ok(whole)
}

impl ParameterKind {
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::Decimal => Exact::parse(text).and_then(|e| e.minor(2)).is_some_and(|m| m >= 0),
            Self::Did => Did::parse(text).is_some(),
            Self::Digest => {
                text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            }
            Self::Domain => is_domain(text),
            Self::Moment => Moment::parse(text).is_some(),
            Self::Text => text.chars().count() <= MAX_TEXT && !text.trim().is_empty(),
            Self::Uuid => {
                let reader: serde::de::value::StrDeserializer<'_, Error> = text.into_deserializer();
                Uuid::deserialize(reader).is_ok()
            }
        }
    }
}

/// Two labels or more, of letters, digits and inner hyphens (RFC 1123, section 2.1).
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_DOMAIN && text.contains('.') && text.split('.').all(label)
}

pub(super) const OPEN: &str = "{{";
pub(super) const CLOSE: &str = "}}";
const MAX_TEXT: usize = 256;
const MAX_DOMAIN: usize = 253;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_stays_in_its_place() {
        for value in
            ["\"}],\"x\":[{\"", "{{B}}", "}}", "{{", "\u{0}\u{1b}[2J\n\t", "\\\"", "\u{202e}"]
        {
            let chosen = Chosen::from([("A", value), ("B", "b")]);
            let document = json!({"x": ["{{A}}", "1{{A}}2{{B}}3"], "{{A}}": 1});
            let filled = filled(&document, &chosen).unwrap();
            let want = json!({"x": [value, format!("1{value}2b3")], "{{A}}": 1});
            assert_eq!(filled, want);
            assert_eq!(serde_json::from_str::<Value>(&filled.to_string()).unwrap(), want);
        }
    }

    #[test]
    fn a_place_that_nobody_declared_is_never_left() {
        for text in ["{{B}}", "{{A", "x{{}}", "{{A}}{{ A }}"] {
            let filled = filled(&json!([text]), &Chosen::from([("A", "a")]));
            assert_eq!(filled, Err(TemplateError::Undeclared), "{text}");
        }
    }

    #[test]
    fn each_kind_refuses_what_is_of_another() {
        use ParameterKind::{Decimal, Did, Digest, Domain, Moment, Text, Uuid};
        let zeros = "0".repeat(64);
        let long = "x".repeat(257);
        for (kind, good, bad) in [
            (Decimal, &["0", "12", "250.00"][..], &["", "-1", "1.005", "1e3", "x", "1,0"][..]),
            (Did, &["did:web:a.example"], &["", "did:web", "did:web:a b", "web:a"]),
            (Digest, &[zeros.as_str()], &["", "00", "G"]),
            (Domain, &["a.example"], &["", "example", ".a", "a..b", "-a.b", "a.b/c", "a.b,c"]),
            (Moment, &["2026-12-01T00:00:00Z"], &["", "2026-12-01", "2026-13-01T00:00:00Z"]),
            (Text, &["EUR", "\"", "{{A}}", "\u{1}"], &["", " \n", long.as_str()]),
            (Uuid, &["6c1f2d0a-7a51-4c0b-9a35-2f1d7be40c11"], &["", "6c1f2d0a"]),
        ] {
            assert!(good.iter().all(|text| kind.fits(text)), "{kind:?}");
            assert!(bad.iter().all(|text| !kind.fits(text)), "{kind:?}");
        }
    }
}
