//! What a pact says of results: how their fields are believed, and which places some provenance
//! rule names.

use std::collections::BTreeMap;

use super::{CompileError, Path};
use crate::document::Pact;
use crate::document::scalar::Name;
use crate::document::terms::{Tier, Trust};

/// What a pact says of a part of results.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) trust: Trust,
    /// None where the pact says nothing: then every tier is meant.
    pub(crate) tier: Option<Tier>,
    /// Kinds of personal data.
    pub(crate) pii: Vec<String>,
}

/// How results of one tool are believed.
#[derive(Clone, Debug)]
pub(crate) struct SourceRule {
    pub(crate) label: Label,
    pub(crate) fields: Vec<(Path, Label)>,
    /// Fields that name who wrote the object that they stand in.
    pub(crate) senders: Vec<Path>,
    /// Places in this tool's results that some provenance rule names, with their numbers.
    pub(crate) places: Vec<(Path, u64)>,
}

/// Places in results that provenance rules name, numbered; a revision keeps the numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Vec<(String, Path)>);

impl Places {
    pub(crate) fn number(&mut self, tool: &str, path: Path) -> u64 {
        let known = self.0.iter().position(|(t, p)| t == tool && *p == path);
        let at = known.unwrap_or_else(|| {
            self.0.push((tool.to_owned(), path));
            self.0.len().saturating_sub(1)
        });
        at as u64
    }
}

pub(super) fn sources(
    pact: &Pact,
    places: &Places,
) -> Result<BTreeMap<String, SourceRule>, CompileError> {
    let mut sources = BTreeMap::new();
    for (index, source) in pact.terms().labels.sources.iter().enumerate() {
        let fields = source.fields.iter().map(|field| {
            let path = Path::parse(&field.path).ok_or(CompileError::BadPath { index })?;
            let label = Label {
                trust: field.trust.unwrap_or(source.trust),
                tier: Some(field.tier.unwrap_or(source.tier)),
                pii: kinds(if field.pii.is_empty() { &source.pii } else { &field.pii }),
            };
            Ok((path, label))
        });
        let fields = fields.collect::<Result<_, _>>()?;
        let senders = source.fields.iter().filter(|f| f.sender == Some(true));
        let senders = senders.filter_map(|f| Path::parse(&f.path)).collect();
        let label = Label { trust: source.trust, tier: Some(source.tier), pii: kinds(&source.pii) };
        let rule = SourceRule { label, fields, senders, places: Vec::new() };
        sources.insert(source.tool.clone(), rule);
    }
    for (number, (tool, path)) in places.0.iter().enumerate() {
        let others = sources.get("*").cloned();
        let rule =
            sources.entry(tool.clone()).or_insert_with(|| others.unwrap_or(SourceRule::UNKNOWN));
        rule.places.push((path.clone(), number as u64));
    }
    Ok(sources)
}

fn kinds(names: &[Name]) -> Vec<String> {
    names.iter().map(|kind| kind.0.clone()).collect()
}

impl SourceRule {
    /// What nobody vouches for is content.
    const UNKNOWN: Self = Self {
        label: Label { trust: Trust::Content, tier: None, pii: Vec::new() },
        fields: Vec::new(),
        senders: Vec::new(),
        places: Vec::new(),
    };
}
