//! Explain: a pact in plain sentences, for the people who sign it.
//!
//! The sentences say what the monitor does with each term, not what the term is called. What the
//! monitor does not execute is named as such.

use messages::did::Did;
use messages::ids::ConfigDigest;

use crate::compile::{Compiled, compile};
use crate::document::Pact;
use crate::document::scalar::Digest;
use crate::document::terms::{
    Delegation, Direction, Document, Limit, Narrowing, OverseerRole, Per, Renewal, RenewalMode,
    TermKind,
};
use crate::lint::{Severity, lint};

mod argument;
mod call;
mod duties;
mod leaving;
mod trust;
mod watching;
mod words;

use words::{counter, follows, moment, safe, span, unit};

/// Sentences about one subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The subject.
    pub title: &'static str,
    /// Whole sentences.
    pub lines: Vec<String>,
}

/// Says in plain sentences what a pact permits, what its monitor keeps, and what leaves it.
#[must_use]
pub fn explain(pact: &Pact) -> Vec<Section> {
    let terms = pact.terms();
    let compiled = compile(pact);
    let section = |title, lines| Section { title, lines };
    let mut sections = vec![
        section("Who, and how long", between(pact)),
        section("What the initiator may do", side(terms, Direction::ToProvider)),
        section("What the provider may do", side(terms, Direction::ToInitiator)),
        section("Who may act for them", delegates(terms)),
        section("Limits", terms.limits.iter().map(|l| limit(terms, l)).collect()),
        section("Where data may go", duties::flows(terms)),
        section("How far results are believed", trust::labels(&terms.labels)),
    ];
    sections.push(section("What is promised", duties::promises(terms)));
    sections.push(section("What follows a breach", duties::consequences(terms)));
    match &compiled {
        Ok(compiled) => sections.extend(monitored(pact, compiled)),
        Err(error) => {
            let line = format!("No monitor can watch this pact: {error}.");
            sections.push(section("What the monitor does", vec![line]));
        }
    }
    sections.push(section("What is only on record", recorded(pact)));
    for section in &mut sections {
        if section.lines.is_empty() {
            section.lines.push("Nothing.".to_owned());
        }
    }
    sections
}

fn monitored(pact: &Pact, compiled: &Compiled) -> [Section; 4] {
    let terms = &pact.terms().monitoring;
    [
        Section { title: "What the monitor does", lines: watching::acts(terms, compiled) },
        Section { title: "Who decides", lines: watching::decides(pact, compiled) },
        Section { title: "What the monitor keeps", lines: watching::keeps(terms, compiled) },
        Section { title: "What leaves the monitor", lines: leaving::leaves(pact, compiled) },
    ]
}

fn between(pact: &Pact) -> Vec<String> {
    let (parties, term) = (&pact.terms().parties, &pact.terms().term);
    let party = |did: &Did, organisation: &Did| format!("{did}, of {organisation}");
    let kind = match term.kind {
        TermKind::Interaction => "one interaction",
        TermKind::Session => "one session",
        TermKind::Standing => "many sessions",
    };
    let mut lines = vec![
        format!(
            "The initiator, which asks, is {}.",
            party(pact.initiator(), &parties.initiator.organisation.0)
        ),
        format!(
            "The provider, which serves, is {}.",
            party(pact.provider(), &parties.provider.organisation.0)
        ),
        format!(
            "It is meant for {kind}, from {} until {}.",
            moment(term.not_before),
            moment(term.not_after)
        ),
    ];
    let renewal = term.renewal.as_ref();
    if let Some(Renewal { mode: RenewalMode::AutomaticUnlessObjected, notice, conditions }) =
        renewal
    {
        let notice = notice.map_or_else(|| "one day".to_owned(), span);
        let kept = match &conditions[..] {
            [] => String::new(),
            ids => {
                let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
                format!(" while {} is kept", ids.join(" and "))
            }
        };
        lines.push(format!(
            "It goes on for as long again, each time{kept}, unless a party objects at least \
             {notice} before its end: by signing, alone, a revision that renews no more."
        ));
    }
    if let Some(most) = term.max_sessions {
        lines.push(format!("At most {most} sessions take place under it."));
    }
    for monitor in &parties.monitors {
        lines.push(format!("{} may monitor it.", monitor.did.0));
        let named = |digests: &[Digest]| {
            let named = digests.iter().map(|digest| ConfigDigest(digest.0).to_string());
            named.collect::<Vec<_>>().join(" or ")
        };
        if !monitor.attestation.configs.is_empty() {
            let configs = named(&monitor.attestation.configs);
            lines.push(format!("It has to run the configuration {configs}."));
        }
        if !monitor.attestation.policies.is_empty() {
            let policies = named(&monitor.attestation.policies);
            lines.push(format!(
                "Each party has to have accepted its platform under the appraisal policy {policies}."
            ));
        }
    }
    for overseer in &parties.overseers {
        let role = match overseer.role {
            OverseerRole::Auditor => "audits",
            OverseerRole::HumanApprover => "approves",
            OverseerRole::OversightBody => "oversees",
            OverseerRole::Regulator => "regulates",
        };
        lines.push(format!("{} {role}.", overseer.did.0));
    }
    lines
}

fn delegates(terms: &Document) -> Vec<String> {
    let Some(Delegation { max_depth, narrowing, to, carry: _ }) = &terms.delegation else {
        return vec!["Nobody: each party's own agent makes its calls.".to_owned()];
    };
    if *max_depth == 0 {
        return vec!["Nobody: a delegation is refused.".to_owned()];
    }
    let whom = if to.is_empty() {
        "anybody".to_owned()
    } else {
        to.iter().map(|did| did.0.as_str()).collect::<Vec<_>>().join(", ")
    };
    let how = match narrowing {
        None | Some(Narrowing::MustNarrow) => "each may do less than whoever it acts for",
        Some(Narrowing::SameOrNarrower) => "none may do more than whoever it acts for",
        Some(Narrowing::None) => "each may do what the party may",
    };
    vec![
        format!("Each party's agent may hand calls to {whom}; at most {max_depth} in a chain."),
        format!("It says so in the session first, call by call, and {how}."),
    ]
}

/// One side's permits. What is not listed is refused, which is worth saying even of nothing.
fn side(terms: &Document, direction: Direction) -> Vec<String> {
    let permits = terms.interactions.iter().filter(|i| i.direction == direction);
    let mut lines: Vec<String> = permits.map(|i| call::permit(terms, i)).collect();
    lines.push(if lines.is_empty() {
        "It may start nothing.".to_owned()
    } else {
        "All else is refused, and so is what breaks one of these terms unless the term says \
         otherwise."
            .to_owned()
    });
    lines
}

fn limit(terms: &Document, limit: &Limit) -> String {
    let Limit { id, counter: counted, per, max, otherwise } = limit;
    let over = match per {
        Per::Pact => "in all sessions together".to_owned(),
        Per::Session => "in one session".to_owned(),
        Per::Window(width) => format!("within {}", span(*width)),
    };
    let verb = if counted.starts_with("sum:") { "is" } else { "are" };
    let unit = unit(terms, counted).map(|u| format!(" {}", safe(u))).unwrap_or_default();
    format!(
        "{}: {} {verb} at most {}{unit} {over}; beyond that {}.",
        id.0,
        counter(counted),
        max.0,
        follows(*otherwise)
    )
}

fn recorded(pact: &Pact) -> Vec<String> {
    let findings = lint(pact).into_iter().filter(|f| f.severity == Severity::RecordedOnly);
    findings.map(|f| format!("{}: {}.", f.at, f.text)).collect()
}
