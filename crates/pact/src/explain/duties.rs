//! What data may not go where, what is promised, and what follows a breach.

use super::words::{count, either, safe, span, tier};
use crate::document::scalar::Name;
use crate::document::terms::{
    ClaimOp, Consequence, ConsequenceAction, ConsequenceKind, Document, Flow, FlowEffect,
    Indicator, Objective, PenaltyPer,
};

pub(super) fn flows(terms: &Document) -> Vec<String> {
    let mut lines: Vec<String> = terms.flows.iter().map(flow).collect();
    if let Some(sharing) = &terms.data.sharing {
        let others: Vec<String> = sharing.third_parties.iter().map(|p| p.0.to_string()).collect();
        let others =
            if others.is_empty() { "nobody else".to_owned() } else { either(&others, "and") };
        lines.push(format!(
            "What is sent to others goes to the domains of both organisations and of {others}, or \
             to whom the principal named, otherwise an overseer decides."
        ));
    }
    lines
}

fn flow(flow: &Flow) -> String {
    let Flow { id, from, to, effect, min_match } = flow;
    let names = |list: &[Name]| list.iter().map(|name| name.0.clone()).collect::<Vec<_>>();
    let mut of = Vec::new();
    if !from.tiers.is_empty() {
        let tiers: Vec<String> = from.tiers.iter().map(|t| tier(*t).to_owned()).collect();
        of.push(format!("that is {}", either(&tiers, "or")));
    }
    if !from.pii.is_empty() {
        of.push(format!("with personal data of the kind {}", either(&names(&from.pii), "or")));
    }
    if !from.sources.is_empty() {
        of.push(format!("from {}", either(&names(&from.sources), "or")));
    }
    let of = if of.is_empty() { String::new() } else { format!(" {}", of.join(" ")) };
    let to_whom = if to.recipients.is_empty() {
        String::new()
    } else {
        let all: Vec<String> = to.recipients.iter().map(|r| recipient(r)).collect();
        format!(" with a recipient that is {}", either(&all, "and"))
    };
    let may = match effect {
        FlowEffect::Allow => "may go, whatever its tier,",
        FlowEffect::Deny => "may not go",
        FlowEffect::Escalate => "goes only with an overseer's approval",
    };
    let pieces = match min_match.unwrap_or(1).max(1) {
        1 => String::new(),
        least => format!(", from {} on", count(least, "matching piece")),
    };
    let into = either(&names(&to.interactions), "or");
    format!("{}: what was read{of} {may} into {into}{to_whom}{pieces}.", id.0)
}

/// An origin, or what has it not.
fn recipient(text: &str) -> String {
    match text.strip_prefix('!') {
        Some(origin) => format!("not {}", safe(origin)),
        None => safe(text),
    }
}

pub(super) fn promises(terms: &Document) -> Vec<String> {
    terms.performance.iter().map(promise).collect()
}

fn promise(objective: &Objective) -> String {
    let Objective { id, indicator, percentile, op, target, window, min_samples, applies_to } =
        objective;
    let what = match indicator {
        Indicator::Availability => "the share of calls that are answered",
        Indicator::FailureRatio => "the share of calls that fail",
        Indicator::LatencyMs => "milliseconds until an answer",
        Indicator::SuccessRatio => "the share of calls that succeed",
        Indicator::Throughput => "the number of answers",
    };
    let share = percentile.map(|p| format!(", for {} percent,", p.0)).unwrap_or_default();
    let compared = match op {
        ClaimOp::Below => "below",
        ClaimOp::AtMost => "at most",
        ClaimOp::Equal => "exactly",
        ClaimOp::AtLeast => "at least",
        ClaimOp::Above => "above",
    };
    let ids: Vec<String> = applies_to.iter().map(|n| n.0.clone()).collect();
    let of = if ids.is_empty() { String::new() } else { format!(" of {}", either(&ids, "and")) };
    let samples = min_samples.map(|n| format!(", once there are at least {n}")).unwrap_or_default();
    let window = span(*window);
    format!("{}: {what}{of}{share} must be {compared} {} within {window}{samples}.", id.0, target.0)
}

pub(super) fn consequences(terms: &Document) -> Vec<String> {
    terms.consequences.iter().map(consequence).collect()
}

fn consequence(consequence: &Consequence) -> String {
    let Consequence { on, actions, after, cure } = consequence;
    let on: Vec<String> = on.iter().map(|name| named(&name.0)).collect();
    let from = match after.unwrap_or(1).max(1) {
        1 => String::new(),
        n => format!(", once there were {n}"),
    };
    let cure =
        cure.map(|c| format!(", unless it is repaired within {}", span(c))).unwrap_or_default();
    let actions: Vec<String> = actions.iter().map(action).collect();
    format!("After {}{from}{cure}: {}.", either(&on, "or"), actions.join("; "))
}

/// A kind of verdict, or a term.
fn named(on: &str) -> String {
    match on {
        "alert" => "an alert".to_owned(),
        "deny" => "a refusal".to_owned(),
        "escalate" => "a question to an overseer".to_owned(),
        "terminate" => "the end of a session".to_owned(),
        term => format!("a breach of {}", safe(term)),
    }
}

fn action(action: &ConsequenceAction) -> String {
    let ConsequenceAction { action, to, within, amount, unit, from_escrow, per } = action;
    let what = match action {
        ConsequenceKind::Alert => "somebody is told",
        ConsequenceKind::Deny => "it is refused",
        ConsequenceKind::Escalate => "an overseer decides",
        ConsequenceKind::Pause => "the call waits",
        ConsequenceKind::Penalty => "a penalty is due",
        ConsequenceKind::Report => "a report is due",
        ConsequenceKind::Suspend => "the pact stops until an overseer reinstates it",
        ConsequenceKind::Terminate => "the session ends",
    };
    let unit = unit.as_deref().map(|u| format!(" {}", safe(u))).unwrap_or_default();
    let amount = amount.map(|a| format!(" of {}{unit}", a.0)).unwrap_or_default();
    let per = per.map_or("", |per| match per {
        PenaltyPer::Breach => " for each breach",
        PenaltyPer::Hour => " for each hour",
        PenaltyPer::Session => " for each session",
    });
    let escrow = from_escrow.as_deref().map(|e| format!(" from {}", safe(e))).unwrap_or_default();
    let dids: Vec<String> = to.iter().map(|p| p.0.to_string()).collect();
    let to = if dids.is_empty() { String::new() } else { format!(" to {}", either(&dids, "and")) };
    let within = within.map(|w| format!(" within {}", span(w))).unwrap_or_default();
    format!("{what}{amount}{per}{escrow}{to}{within}")
}
