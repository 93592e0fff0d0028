//! `cloister pact templates` and `cloister pact template`: pacts for common relations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use draft::{Template, TemplateError, templates};
use jiff::{Timestamp, ToSpan};
use rand_core::{OsRng, RngCore};

use crate::fault::Fault;
use crate::output;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which template; `cloister pact templates` lists them.
    name: String,
    /// A value of a parameter. Identity, consent salt and a term of a year from now are drawn when
    /// they are not set.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A tool list, as for `pact draft`: its interactions take the place of the template's.
    #[arg(long)]
    tools: Option<PathBuf>,
}

/// Lists the library.
pub(crate) fn list() -> ExitCode {
    for template in templates() {
        output::heading(template.name());
        output::folded(&format!("  {}", template.about()), 2);
        for parameter in template.parameters() {
            let default = match parameter.default {
                Some(text) => format!(", {text} when not set"),
                None if DRAWN.contains(&parameter.name) => ", drawn when not set".into(),
                None => String::new(),
            };
            let (name, kind) = (parameter.name, parameter.kind.name());
            output::folded(&format!("  {name} ({kind}{default}): {}", parameter.about), 4);
        }
    }
    ExitCode::SUCCESS
}

/// Prints one template with its places filled in.
pub(crate) fn fill(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let mut template =
        templates().find(|template| template.name() == arguments.name).ok_or_else(|| {
            let names: Vec<&str> = templates().map(|template| template.name()).collect();
            let reason = format!("there is no template {:?}", arguments.name);
            Fault::new("template-unknown", reason, format!("use one of {}", names.join(", ")))
        })?;
    let mut values = given(&arguments.set)?;
    draw(&template, &mut values, Timestamp::now())?;
    if let Some(path) = &arguments.tools {
        template = template.with_tools(&super::draft::tools(path)?);
    }
    let pact = template.fill(&values).map_err(|error| refused(&error, &values))?;
    output::line(pact.pretty());
    Ok(ExitCode::SUCCESS)
}

fn given(set: &[String]) -> Result<BTreeMap<String, String>, Fault> {
    let mut values = BTreeMap::new();
    for (name, value) in set.iter().map(|text| text.split_once('=').unwrap_or((text, ""))) {
        if values.insert(name.to_owned(), value.to_owned()).is_some() {
            let reason = format!("{name:?} is set twice");
            return Err(Fault::new("template-value-twice", reason, "set it once"));
        }
    }
    Ok(values)
}

/// What nobody wants to write by hand.
fn draw(
    template: &Template,
    values: &mut BTreeMap<String, String>,
    now: Timestamp,
) -> Result<(), Fault> {
    let range = || Fault::new("template-moment", "the clock is out of range", "set the clock");
    let start = match values.get("NOT_BEFORE").and_then(|text| text.parse().ok()) {
        Some(start) => start,
        None => Timestamp::from_second(now.as_second()).map_err(|_| range())?,
    };
    let end = start.checked_add((365 * 24).hours()).map_err(|_| range())?;
    for parameter in template.parameters() {
        let drawn = match parameter.name {
            "CONSENT_SALT" => hex::encode(random::<32>()),
            "ID" => uuid(random()),
            "NOT_AFTER" => end.to_string(),
            "NOT_BEFORE" => start.to_string(),
            _ => continue,
        };
        values.entry(parameter.name.to_owned()).or_insert(drawn);
    }
    Ok(())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A random UUID (RFC 9562, section 5.4).
fn uuid(mut bytes: [u8; 16]) -> String {
    for (place, keep, set) in [(6, 0x0f, 0x40), (8, 0x3f, 0x80)] {
        if let Some(byte) = bytes.get_mut(place) {
            *byte = *byte & keep | set;
        }
    }
    let text = hex::encode(bytes);
    let parts =
        [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| text.get(part).unwrap_or_default());
    parts.join("-")
}

fn refused(error: &TemplateError, values: &BTreeMap<String, String>) -> Fault {
    let reason = match error {
        TemplateError::Unknown { at } => {
            let name = values.keys().nth(*at).map(String::as_str).unwrap_or_default();
            format!("the template has no parameter {name:?}")
        }
        TemplateError::BadValue { .. }
        | TemplateError::Missing { .. }
        | TemplateError::Pact(_)
        | TemplateError::Undeclared
        | TemplateError::Unsound(_) => error.to_string(),
    };
    Fault::new(error.code(), reason, error.remedy())
}

const DRAWN: &[&str] = &["CONSENT_SALT", "ID", "NOT_AFTER", "NOT_BEFORE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_identity_is_a_random_uuid() {
        assert_eq!(uuid([0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_ne!(uuid(random()), uuid(random()));
    }

    #[test]
    fn a_term_is_a_year_from_its_start() {
        let template = templates().next().unwrap();
        let mut values = BTreeMap::from([("NOT_BEFORE".into(), "2026-03-01T00:00:00Z".into())]);
        draw(&template, &mut values, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(values["NOT_AFTER"], "2027-03-01T00:00:00Z");
        assert_eq!(values["CONSENT_SALT"].len(), 64);
        let mut values = BTreeMap::new();
        draw(&template, &mut values, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(values["NOT_BEFORE"], "1970-01-01T00:00:00Z");
    }

    #[test]
    fn a_value_may_have_an_equals_sign_and_a_name_stands_once() {
        let set = |all: &[&str]| given(&all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
        assert_eq!(set(&["A=b=c", "B"]).unwrap()["A"], "b=c");
        assert_eq!(set(&["A=b", "A=c"]).unwrap_err().code, "template-value-twice");
    }
}
