//! The pact of a suite, drafted from its tool list, and the controls.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use draft::Tools;
use pact::{Compiled, Pact, compile};
use serde_json::{Value, json};

/// A suite and its tools.
pub(crate) struct Suite {
    pub(crate) name: String,
    tools: Tools,
}

/// What a suite's sessions are judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rules {
    /// The draft's list of tools and nothing else of it.
    AllowList,
    /// The list, and everything that changes something waits for a person.
    EveryWrite,
    /// The draft without signals in what is read.
    NoSignals,
    /// The draft as it is.
    Draft,
}

impl Rules {
    pub(crate) const ALL: [Self; 4] =
        [Self::AllowList, Self::EveryWrite, Self::NoSignals, Self::Draft];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AllowList => "control: allow-list only",
            Self::EveryWrite => "control: every write escalates",
            Self::NoSignals => "draft without signals",
            Self::Draft => "draft",
        }
    }
}

impl Suite {
    pub(crate) fn all(traces: &Path) -> Result<Vec<Self>> {
        let path = traces.join("suites.json");
        let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let suites: BTreeMap<String, Value> = serde_json::from_slice(&text)?;
        let read = suites.into_iter().map(|(name, suite)| {
            let tools = suite.get("tools").context("a suite without tools")?;
            Ok(Self { name, tools: Tools::parse(tools.to_string().as_bytes())? })
        });
        read.collect()
    }

    pub(crate) fn drafted(&self) -> Result<Pact> {
        Ok(draft::draft(&self.tools, &self.name, jiff::Timestamp::from_second(START)?)?)
    }

    pub(crate) fn compiled(&self, rules: Rules) -> Result<Compiled> {
        let drafted = self.drafted()?;
        let mut document: Value = serde_json::from_slice(drafted.canonical())?;
        match rules {
            Rules::Draft => {}
            Rules::NoSignals => {
                if let Some(watch) = document.get_mut("monitoring").and_then(Value::as_object_mut) {
                    watch.remove("scrutiny");
                }
            }
            Rules::AllowList | Rules::EveryWrite => bare(&mut document, rules),
        }
        let pact = Pact::parse(document.to_string().as_bytes())?;
        Ok(compile(&pact)?)
    }
}

fn bare(document: &mut Value, rules: Rules) {
    let listed = document.get_mut("interactions").and_then(Value::as_array_mut);
    for interaction in listed.into_iter().flatten().filter_map(Value::as_object_mut) {
        // A read that reaches out, as by a web address, asks for an origin in the draft.
        let args = interaction.remove("args");
        let asks = |terms: &Value| terms.get("provenance").is_some();
        let listed = args.as_ref().and_then(Value::as_object);
        let constrained = listed.is_some_and(|args| args.values().any(asks));
        interaction.insert("unlisted_args".into(), "allow".into());
        interaction.remove("requested");
        let read = interaction.get("effect") == Some(&json!("read")) && !constrained;
        if rules == Rules::EveryWrite && !read {
            interaction.insert("approval".into(), "always".into());
        }
    }
}

/// 2026-01-01T00:00:00Z.
pub(crate) const START: i64 = 1_767_225_600;
