//! How far results are believed, in sentences.

use super::words::{either, safe};
use crate::document::terms::{FieldTerms, Labels, Source, Trust};

pub(super) fn labels(labels: &Labels) -> Vec<String> {
    let mut lines: Vec<String> = labels.sources.iter().map(source).collect();
    if labels.sources.iter().all(|s| s.tool != "*") {
        lines.push("All other results are text that anybody may have written.".to_owned());
    }
    lines
}

fn source(source: &Source) -> String {
    let Source { tool, trust, tier: _, pii: _, fields } = source;
    let tool = if tool == "*" { "all other tools".to_owned() } else { safe(tool) };
    let mut line = format!("Results of {tool} are {}", believed(*trust));
    for level in [Trust::Principal, Trust::Record, Trust::Content, Trust::Agent] {
        let at = fields.iter().filter(|f| f.trust.unwrap_or(*trust) == level && level != *trust);
        let names: Vec<String> = at.map(|f| safe(&f.path)).collect();
        if !names.is_empty() {
            let count = if names.len() == 1 { "counts" } else { "count" };
            let names = either(&names, "and");
            line.push_str(&format!("; in them {names} {count} as {}", believed(level)));
        }
    }
    let sender = |field: &&FieldTerms| field.sender == Some(true);
    let senders: Vec<String> = fields.iter().filter(sender).map(|f| safe(&f.path)).collect();
    if !senders.is_empty() {
        line.push_str(&format!("; {} says who wrote", either(&senders, "or")));
    }
    line.push('.');
    line
}

const fn believed(trust: Trust) -> &'static str {
    match trust {
        Trust::Agent => "the agent's own words, which are not learned",
        Trust::Content => "text that anybody may have written",
        Trust::Principal => "the principal's own words",
        Trust::Record => "vouched for by the provider",
    }
}
