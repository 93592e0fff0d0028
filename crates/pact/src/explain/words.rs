//! Words for spans, moments, counters, values and what follows.

use serde_json::Value;

use crate::document::scalar::{Moment, Span};
use crate::document::terms::{Document, Otherwise, Tier};

/// Text of a pact without what a terminal would obey, and without what looks like code.
pub(super) fn safe(text: &str) -> String {
    let shown = |c: char| match c {
        '{' => '(',
        '}' => ')',
        '"' | '\'' | '\\' => c,
        c if c.escape_debug().count() > 1 => '?',
        c => c,
    };
    text.chars().map(shown).collect()
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either(items: &[String], word: &str) -> String {
    match items {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} {word} {last}", all.join(", ")),
    }
}

/// A value that a constraint names.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(text) => format!("\"{}\"", safe(text)),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Null | Value::Object(_) => "a value given in the pact".to_owned(),
    }
}

/// `1 day 12 hours`.
pub(super) fn span(span: Span) -> String {
    let mut rest = span.0.0;
    let mut parts = Vec::new();
    for (name, ms) in UNITS {
        let n = rest.checked_div(ms).unwrap_or_default();
        rest = rest.checked_rem(ms).unwrap_or_default();
        if n > 0 {
            parts.push(count(n, name));
        }
    }
    if parts.is_empty() { "no time".to_owned() } else { parts.join(" ") }
}

/// `1 day`, `2 days`.
pub(super) fn count(n: u64, name: &str) -> String {
    if n == 1 { format!("1 {name}") } else { format!("{n} {name}s") }
}

pub(super) fn moment(moment: Moment) -> String {
    let ms = i64::try_from(moment.0.0).ok();
    let stamp = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    stamp.map_or_else(|| "a moment beyond the calendar".to_owned(), |stamp| stamp.to_string())
}

/// What is counted, as the start of "... at most 5".
pub(super) fn counter(counter: &str) -> String {
    let of = |rest: &str| match rest.split_once('.') {
        Some((id, arg)) => format!("{} of {}", safe(arg), safe(id)),
        None => safe(rest),
    };
    match counter.split_once(':').unwrap_or((counter, "")) {
        ("alerts", "") => "alerts".to_owned(),
        ("bytes", "") => "bytes".to_owned(),
        ("calls" | "calls.all", "") => "calls".to_owned(),
        ("calls.approved", "") => "calls that an overseer approved".to_owned(),
        ("calls.denied", "") => "calls that were refused".to_owned(),
        ("calls.error", "") => "calls that failed".to_owned(),
        ("calls.escalated", "") => "calls that an overseer was asked about".to_owned(),
        ("calls.ok", "") => "calls that succeeded".to_owned(),
        ("calls.permitted", "") => "calls that were permitted".to_owned(),
        ("calls.terminated", "") => "calls that ended their session".to_owned(),
        ("calls", id) => format!("calls of {}", safe(id)),
        ("distinct", rest) => format!("different values of {}", of(rest)),
        ("errors", "") => "failed calls".to_owned(),
        ("latency_ms", "") => "milliseconds until an answer".to_owned(),
        ("pii", "any") => "pieces of personal data".to_owned(),
        ("pii", kind) => format!("pieces of personal data of the kind {}", safe(kind)),
        ("sum", rest) => format!("the sum of {}", of(rest)),
        _ => safe(counter),
    }
}

/// The unit of a summed argument.
pub(super) fn unit<'a>(terms: &'a Document, counter: &str) -> Option<&'a str> {
    let (id, arg) = counter.strip_prefix("sum:")?.split_once('.')?;
    let interaction = terms.interactions.iter().find(|i| i.id.0 == id)?;
    interaction.args.get(arg)?.unit.as_deref()
}

/// What happens then.
pub(super) const fn follows(otherwise: Otherwise) -> &'static str {
    match otherwise {
        Otherwise::Alert => "it goes on and somebody is told",
        Otherwise::Deny => "it is refused",
        Otherwise::Escalate | Otherwise::Pause => "an overseer decides",
        Otherwise::Suspend | Otherwise::Terminate => "the session ends",
    }
}

pub(super) const fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Public => "public",
        Tier::Internal => "internal",
        Tier::Confidential => "confidential",
        Tier::Restricted => "restricted",
        Tier::TopSecret => "top secret",
    }
}

const UNITS: [(&str, u64); 5] = [
    ("day", 86_400_000),
    ("hour", 3_600_000),
    ("minute", 60_000),
    ("second", 1_000),
    ("millisecond", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_texts_are_for_people() {
        assert_eq!(span(Span::parse("P1DT12H").unwrap()), "1 day 12 hours");
        assert_eq!(span(Span::parse("PT0S").unwrap()), "no time");
        assert_eq!(safe("a{b}\u{1b}[2J\u{202e}é's"), "a(b)?[2J?é's");
        let list = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(either(&list, "or"), "a, b or c");
    }
}
