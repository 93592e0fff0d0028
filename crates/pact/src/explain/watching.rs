//! What the monitor does, who decides, and what is kept.

use super::words::{counter, either, follows, span};
use crate::compile::{Compiled, OnDeadline};
use crate::document::Pact;
use crate::document::scalar::Span;
use crate::document::terms::{Anomaly, Document, LogScope, Mode, Monitoring, OnTimeout, Signal};

pub(super) fn acts(terms: &Monitoring, compiled: &Compiled) -> Vec<String> {
    let wait = span(Span(compiled.deadline()));
    let mut lines = match terms.mode {
        Mode::Active => vec![
            "It sees every event, counts it, and stops nothing.".to_owned(),
            "What breaks a term is told at once to the party that reported it.".to_owned(),
        ],
        Mode::Interventionist => vec![
            "It sees every event, counts it, and each call waits for its verdict.".to_owned(),
            format!("A verdict takes at most {wait}."),
            match compiled.fail() {
                OnDeadline::Closed => "A call whose verdict is late does not run.".to_owned(),
                OnDeadline::Open => {
                    "A call whose verdict is late runs unjudged, and somebody is told.".to_owned()
                }
            },
        ],
        Mode::Passive => {
            vec!["It sees every event, counts it, stops nothing and warns nobody.".to_owned()]
        }
    };
    let signals = terms.scrutiny.iter().flat_map(|s| &s.on).map(|signal| match signal {
        Signal::Encoded => "text in an encoding".to_owned(),
        Signal::Hidden => "characters that people do not see".to_owned(),
        Signal::Instructions => "words that speak to an agent about its task".to_owned(),
    });
    let signals: Vec<String> = signals.collect();
    if !signals.is_empty() {
        let read = either(&signals, "or");
        lines.push(format!("Once {read} were read, the session is under scrutiny."));
    }
    for anomaly in &terms.anomalies {
        let Anomaly { id, counter: of, window, factor, least, otherwise } = anomaly;
        let (of, each, follows) = (counter(of), span(*window), follows(*otherwise));
        let (factor, least, id) = (factor.0, least.0, &id.0);
        lines.push(format!(
            "{of} of more than {factor} times the usual in {each}, and at least {least}, are \
             unusual: {follows} ({id})."
        ));
    }
    if let Some(canaries) = &terms.canaries {
        let follows = follows(canaries.otherwise);
        lines.push(format!("If one of the values that must never travel is in a call, {follows}."));
    }
    lines
}

pub(super) fn decides(pact: &Pact, compiled: &Compiled) -> Vec<String> {
    let Document { parties, dispute, .. } = pact.terms();
    let dids = |list: Vec<String>| either(&list, "or");
    let overseers = parties.overseers.iter().map(|o| o.did.0.to_string()).collect::<Vec<_>>();
    let mut lines = Vec::new();
    if pact.mode() != Mode::Interventionist {
        lines.push("Nothing waits for a decision in this mode.".to_owned());
    } else if overseers.is_empty() {
        lines.push("Nobody can decide: what would be escalated is refused.".to_owned());
    } else {
        let wait = span(Span(compiled.approval_timeout()));
        let after = match compiled.approval_on_timeout() {
            OnTimeout::Deny => "the call is refused",
            OnTimeout::Terminate => "the session ends",
        };
        lines.push(format!("What an overseer decides waits for {}.", dids(overseers)));
        lines.push(format!("After {wait} of silence {after}."));
    }
    let to = dispute.escalate_to.iter().map(|p| p.0.to_string()).collect();
    lines.push(format!("A dispute pauses what it is about and goes to {}.", dids(to)));
    lines
}

pub(super) fn keeps(terms: &Monitoring, compiled: &Compiled) -> Vec<String> {
    let scope = match terms.log_scope {
        LogScope::Full => "what was said, called and answered",
        LogScope::HashOnly => "digests of events, and no text of them",
        LogScope::Metadata => "names, sizes and times of events, and no text of them",
    };
    vec![
        format!("It keeps {scope}, and counts."),
        format!("It keeps them for {}.", span(Span(compiled.retention()))),
        format!(
            "The parties agreed on at least {} and at most {}.",
            span(terms.retention.min),
            span(terms.retention.max)
        ),
    ]
}
