//! Exactly what leaves the monitor.

use messages::claim::Calendar;

use super::words::{counter, either, safe, span};
use crate::compile::Compiled;
use crate::document::Pact;
use crate::document::scalar::{PartyId, Period, Span};
use crate::document::terms::{ClaimOp, ClaimTerms, DpTerms, DpUnit, LogScope, Mode};

pub(super) fn leaves(pact: &Pact, compiled: &Compiled) -> Vec<String> {
    let terms = &pact.terms().monitoring;
    let told = match terms.mode {
        Mode::Active => "a receipt, or an alert that names the broken term",
        Mode::Interventionist => "a receipt and a verdict that names the broken term",
        Mode::Passive => "a receipt",
    };
    let mut lines = vec![
        format!("To the party that reports an event: {told}."),
        "To everybody: signed leaves of constant size on the public log, whose counts are hidden."
            .to_owned(),
    ];
    if terms.mode == Mode::Interventionist {
        lines.push(
            "To an overseer: each call that waits for a decision, as it was sent.".to_owned(),
        );
    }
    lines.push(
        "To both parties and the overseers, when they follow the monitor: notices of broken terms, \
         waiting calls, decisions and ended sessions."
            .to_owned(),
    );
    if pact.terms().consequences.iter().any(|c| c.actions.iter().any(|a| !a.to.is_empty())) {
        lines.push("To whom a consequence names: that it is due, and why.".to_owned());
    }
    for access in &terms.access {
        // Only what may be read at any time is handed out.
        match compiled.may_read(&access.did.0) {
            Some(LogScope::Full) => {
                lines.push(format!("To {}: all of the record, on request.", access.did.0));
            }
            Some(LogScope::HashOnly | LogScope::Metadata) => {
                let did = &access.did.0;
                lines.push(format!("To {did}: the record without what was said, on request."));
            }
            None => {}
        }
    }
    let disclosure = terms.disclosure.as_ref();
    let claims = disclosure.map(|d| &d.claims[..]).unwrap_or_default();
    let dp = disclosure.map(|d| &d.dp[..]).unwrap_or_default();
    lines.extend(claims.iter().map(claim));
    if claims.is_empty() {
        lines.push("No claim may leave.".to_owned());
    }
    if let Some(openings) = disclosure.and_then(|d| d.openings.as_ref()) {
        lines.extend(handed("initiator", &openings.initiator));
        lines.extend(handed("provider", &openings.provider));
    }
    lines.extend(dp.iter().map(aggregate));
    if dp.is_empty() {
        lines.push("No aggregate may leave.".to_owned());
    }
    lines.push("Nothing else of what was said, called or counted leaves.".to_owned());
    lines.dedup();
    lines
}

fn claim(claim: &ClaimTerms) -> String {
    let ClaimTerms {
        id,
        any_of,
        terms,
        counter: counted,
        op,
        bound,
        lower,
        ratio_of,
        sum_of,
        percentile,
        min_samples,
        to,
        per,
    } = claim;
    let per = per.map(|p| format!(", over {}", period(p))).unwrap_or_default();
    if *terms == Some(true) {
        let each = "for each limit, flow and objective, that it was never broken";
        return format!("The claims {}, to {}: {each}{per}.", id.0, audience(to));
    }
    let (Some(counted), Some(op)) = (counted, op) else {
        let any: Vec<String> = any_of.iter().map(|text| safe(text)).collect();
        return format!(
            "The claim {}, to {}: that {}{per}.",
            id.0,
            audience(to),
            either(&any, "or")
        );
    };
    let what = counter(counted);
    let bound = bound.map(|b| b.0.to_string()).unwrap_or_default();
    let compared = format!("{} {bound}", compared(*op));
    let lower = lower.map(|l| format!(" and at least {}", l.0)).unwrap_or_default();
    let samples =
        min_samples.map(|n| format!(", once there are at least {n},")).unwrap_or_default();
    let says = match (ratio_of, sum_of, percentile) {
        (Some(whole), _, _) => {
            format!("the share of {what} among {}{samples} is {compared}", counter(whole))
        }
        (_, Some(parts), _) => {
            let parts: Vec<String> = parts.iter().map(|part| counter(part)).collect();
            format!("{what} are as many as {} together", either(&parts, "and"))
        }
        (_, _, Some(percent)) => {
            let comma = if samples.is_empty() { "," } else { "" };
            format!("for {} percent of answers{samples}{comma} {what} are {compared}", percent.0)
        }
        (None, None, None) => format!("{what} are {compared}{lower}"),
    };
    format!("The claim {}, to {}: that {says}{per}.", id.0, audience(to))
}

fn period(period: Period) -> String {
    match period.0 {
        Calendar::Every(length) => format!("whole multiples of {}", span(Span(length))),
        Calendar::Months => "whole months".to_owned(),
    }
}

fn handed(party: &str, counters: &[String]) -> Option<String> {
    let what = match counters {
        [] => return None,
        [all] if all == "*" => "all counts".to_owned(),
        some => {
            let named: Vec<String> = some.iter().map(|name| counter(name)).collect();
            either(&named, "and")
        }
    };
    Some(format!(
        "To the {party}, sealed: what opens the commitments to {what} about itself, so that it can \
         prove the claims above without the monitor."
    ))
}

fn audience(to: &[PartyId]) -> String {
    let dids: Vec<String> = to.iter().map(|p| p.0.to_string()).collect();
    if dids.is_empty() { "anyone".to_owned() } else { either(&dids, "and") }
}

const fn compared(op: ClaimOp) -> &'static str {
    match op {
        ClaimOp::Below => "below",
        ClaimOp::AtMost => "at most",
        ClaimOp::Equal => "exactly",
        ClaimOp::AtLeast => "at least",
        ClaimOp::Above => "above",
    }
}

fn aggregate(terms: &DpTerms) -> String {
    let DpTerms { statistic, epsilon, delta, per, bounds: [least, most], unit } = terms;
    let whose = match unit {
        None => "one contribution",
        Some(DpUnit::Agent) => "one agent",
        Some(DpUnit::Event) => "one event",
        Some(DpUnit::Organisation) => "one organisation",
        Some(DpUnit::Session) => "one session",
    };
    let slack = if delta.0.is_zero() { String::new() } else { format!(" and delta {}", delta.0) };
    format!(
        "The aggregate {}, with noise: at a loss of at most epsilon {}{slack} for each {}, where \
         {whose} counts for {} to {}.",
        safe(&statistic.0),
        epsilon.0,
        span(*per),
        least.0,
        most.0
    )
}
