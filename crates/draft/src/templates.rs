//! Templates: whole pacts for common relations, with places that are filled in.

use std::collections::BTreeMap;

use pact::{Finding, Pact, PactError, Severity, lint};
use serde::Deserialize;
use serde_json::Value;

use crate::Tools;

mod filling;
mod refit;

/// The library, in alphabetical order.
pub fn templates() -> impl Iterator<Item = Template> {
    SOURCES.iter().filter_map(|text| serde_json::from_str::<Written>(text).ok()).map(|written| {
        let parameters = written.parameters.into_iter();
        Template {
            name: written.template,
            about: written.about,
            parameters: parameters
                .map(|(name, terms)| TemplateParameter {
                    name,
                    about: terms.about,
                    kind: terms.kind,
                    default: terms.default,
                })
                .collect(),
            pact: written.pact,
            drafted: None,
        }
    })
}

/// A pact with places that are filled in.
#[derive(Clone, Debug)]
pub struct Template {
    name: &'static str,
    about: &'static str,
    parameters: Vec<TemplateParameter>,
    pact: Value,
    /// Interactions for a tool list. Nothing is filled into them: whoever wrote the list may have
    /// written places into it.
    drafted: Option<Vec<Value>>,
}

/// A place that is filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateParameter {
    /// What the place is called.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// What fits.
    pub kind: ParameterKind,
    /// What stands there when nothing is given.
    pub default: Option<&'static str>,
}

/// What fits into a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// A number of at most two decimals, not negative.
    Decimal,
    /// A DID.
    Did,
    /// 64 hexadecimal digits.
    Digest,
    /// A domain name.
    Domain,
    /// A moment in UTC.
    Moment,
    /// Any text of 1 to 256 characters.
    Text,
    /// A UUID.
    Uuid,
}

impl ParameterKind {
    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Decimal => ("decimal", "write a number of at most two decimals, like 250.00"),
            Self::Did => ("did", "write did:METHOD:IDENTIFIER"),
            Self::Digest => ("digest", "write 64 lower-case hexadecimal digits"),
            Self::Domain => ("domain", "write a domain name, like example.com"),
            Self::Moment => ("moment", "write 2026-12-01T00:00:00Z"),
            Self::Text => ("text", "write 1 to 256 characters that are not all blank"),
            Self::Uuid => ("uuid", "write 8-4-4-4-12 lower-case hexadecimal digits"),
        }
    }
}

/// Why a template was not filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A value of another kind.
    #[error("the value of {parameter} is no {}", kind.name())]
    BadValue {
        /// The parameter.
        parameter: &'static str,
        /// What fits.
        kind: ParameterKind,
    },
    /// A parameter without a value or default.
    #[error("{parameter} has no value")]
    Missing {
        /// The parameter.
        parameter: &'static str,
    },
    /// The values do not make a pact together.
    #[error("the values make no pact: {0}")]
    Pact(#[from] PactError),
    /// The template has a place that it does not declare.
    #[error("the template has a place that it does not declare")]
    Undeclared,
    /// No such parameter.
    #[error("value {at} is of no parameter of this template")]
    Unknown {
        /// Place among the values, from 0.
        at: usize,
    },
    /// The values make a pact that should not be signed.
    #[error("the values make a pact that should not be signed: at {}, {}", .0.at, .0.text)]
    Unsound(Box<Finding>),
}

impl TemplateError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadValue { .. } => "template-bad-value",
            Self::Missing { .. } => "template-missing-value",
            Self::Pact(error) => error.code(),
            Self::Undeclared => "template-undeclared-place",
            Self::Unknown { .. } => "template-unknown-parameter",
            Self::Unsound(finding) => finding.code,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &str {
        match self {
            Self::BadValue { kind, .. } => kind.words().1,
            Self::Missing { .. } => "give each parameter without a default a value",
            Self::Pact(error) => error.remedy(),
            Self::Undeclared => "use another template, and report this one",
            Self::Unknown { .. } => "use the names that the template lists",
            Self::Unsound(finding) => &finding.remedy,
        }
    }
}

impl Template {
    /// This template for a tool list: its interactions are those that are drafted for the tools,
    /// and of its other terms those stay that fit them. Limits, flows and claims on an
    /// interaction that is gone are dropped; an objective on none that is left is on all calls.
    #[must_use]
    pub fn with_tools(&self, tools: &Tools) -> Self {
        let mut template = self.clone();
        template.drafted = Some(refit::refit(&mut template.pact, tools));
        template
    }

    /// The pact with these values in its places. It has no error of lint, and compiles.
    ///
    /// # Errors
    /// [`TemplateError`]: a value that is missing, of another kind or of no parameter, or values
    /// that do not go together.
    pub fn fill(&self, values: &BTreeMap<String, String>) -> Result<Pact, TemplateError> {
        let chosen = filling::chosen(&self.parameters, values)?;
        let mut document = filling::filled(&self.pact, &chosen)?;
        if let (Some(drafted), Some(fields)) = (&self.drafted, document.as_object_mut()) {
            fields.insert("interactions".into(), Value::Array(drafted.clone()));
        }
        let pact = Pact::parse(document.to_string().as_bytes())?;
        match lint(&pact).into_iter().find(|finding| finding.severity == Severity::Error) {
            Some(finding) => Err(TemplateError::Unsound(Box::new(finding))),
            None => Ok(pact),
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is for, in one sentence.
    #[must_use]
    pub const fn about(&self) -> &'static str {
        self.about
    }

    /// Its places, by name.
    #[must_use]
    pub fn parameters(&self) -> &[TemplateParameter] {
        &self.parameters
    }
}

/// A template's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    template: &'static str,
    #[serde(rename = "version")]
    _version: u64,
    about: &'static str,
    parameters: BTreeMap<&'static str, WrittenParameter>,
    pact: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenParameter {
    about: &'static str,
    kind: ParameterKind,
    default: Option<&'static str>,
}

const SOURCES: [&str; 6] = [
    include_str!("../templates/code-hosting.json"),
    include_str!("../templates/data-lookup.json"),
    include_str!("../templates/execution-delegation.json"),
    include_str!("../templates/mail-and-calendar.json"),
    include_str!("../templates/orchestration.json"),
    include_str!("../templates/purchase.json"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::templates::filling::{CLOSE, OPEN};

    /// Every text of a document.
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(list) => list.iter().flat_map(texts).collect(),
            Value::Object(map) => map.values().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }

    fn places(text: &str) -> BTreeSet<&str> {
        text.split(OPEN).skip(1).map(|rest| rest.split_once(CLOSE).unwrap().0).collect()
    }

    #[test]
    fn every_file_of_the_library_is_read() {
        let names: Vec<&str> = templates().map(|t| t.name()).collect();
        assert_eq!(names.len(), SOURCES.len());
        assert!(names.windows(2).all(|w| w[0] < w[1]), "{names:?}");
    }

    #[test]
    fn what_is_declared_is_used_and_what_is_used_is_declared() {
        for template in templates() {
            let used: BTreeSet<&str> = texts(&template.pact).into_iter().flat_map(places).collect();
            let declared: BTreeSet<&str> = template.parameters().iter().map(|p| p.name).collect();
            assert_eq!(used, declared, "{}", template.name());
        }
    }

    #[test]
    fn only_domains_stand_inside_a_longer_text() {
        for template in templates() {
            for text in texts(&template.pact) {
                for place in places(text) {
                    let alone = text == format!("{OPEN}{place}{CLOSE}");
                    let kind = template.parameters().iter().find(|p| p.name == place).unwrap().kind;
                    assert!(alone || kind == ParameterKind::Domain, "{} {text}", template.name());
                }
            }
        }
    }

    #[test]
    fn defaults_are_of_their_kind() {
        for template in templates() {
            for parameter in template.parameters() {
                let fits = parameter.default.is_none_or(|text| parameter.kind.fits(text));
                assert!(fits, "{} {}", template.name(), parameter.name);
            }
        }
    }
}
