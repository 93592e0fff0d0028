//! Terms that are on record for people and that this version of the monitor does not execute.

use super::{Findings, Severity};
use crate::document::terms::{Constraint, Document, InteractionKind};

/// Says of every such term that it is one.
pub(super) fn only(findings: &mut Findings, terms: &Document) {
    let mut recorded = |present: bool, at: &str, text: &str| {
        if present {
            let remedy = "keep it for people and courts; enforce it by an argument, provenance or \
                          limit term where one fits";
            findings.add("recorded-only", Severity::RecordedOnly, at, text, remedy);
        }
    };
    let monitoring = &terms.monitoring;
    recorded(!terms.flows.is_empty(), "flows", "flows are not traced");
    recorded(
        !terms.performance.is_empty(),
        "performance",
        "objectives are not evaluated; claim \
        their counters instead",
    );
    recorded(terms.delegation.is_some(), "delegation", "delegation is not followed");
    recorded(
        !terms.consequences.is_empty(),
        "consequences",
        "verdicts follow each term's own \
        `else`; consequences of breaches, repetition, cure and penalties are not executed",
    );
    recorded(
        !monitoring.incidents.is_empty(),
        "monitoring.incidents",
        "incidents are not reported",
    );
    recorded(
        !monitoring.access.is_empty(),
        "monitoring.access",
        "nothing is handed out but what \
        disclosure lists",
    );
    recorded(monitoring.evidence.is_some(), "monitoring.evidence", "preservation is not executed");
    recorded(
        monitoring.sampling.is_some(),
        "monitoring.sampling",
        "every event is inspected; \
        nothing is planted",
    );
    recorded(
        monitoring.content_key_holder.is_some(),
        "monitoring.content_key_holder",
        "payloads are not kept, so there is no key",
    );
    recorded(
        true,
        "data",
        "data terms (tiers, retention, sharing, jurisdictions, encryption) are \
        not executed",
    );
    recorded(true, "dispute", "disputes are settled by people");
    recorded(terms.anchor.is_some(), "anchor", "the pact is anchored in the monitor's log only");
    recorded(terms.term.renewal.is_some(), "term.renewal", "renewal needs a new revision");
    recorded(
        terms.term.renegotiation.is_some(),
        "term.renegotiation",
        "renegotiation needs a new \
        revision",
    );
    recorded(
        true,
        "parties.monitors",
        "attestation terms are checked by verifiers, against their \
        own anchors",
    );
    let detectable = ["any", "email", "iban", "payment"];
    let undetected = terms.labels.pii_classes.iter().any(|c| !detectable.contains(&c.0.as_str()));
    recorded(undetected, "labels.pii_classes", "only email, iban and payment are detected");
    recorded(
        !terms.labels.sources.is_empty(),
        "labels.sources",
        "tiers and kinds of personal data \
        of sources are not traced; their trust is",
    );
    for (place, interaction) in terms.interactions.iter().enumerate() {
        let at = format!("interactions[{place}]");
        let answer = matches!(interaction.kind, InteractionKind::Result | InteractionKind::Stream);
        recorded(answer, &at, "results belong to their calls; streams are not read");
        recorded(interaction.max_tier.is_some(), &at, "tiers are not traced");
        recorded(interaction.idempotency.is_some(), &at, "repetition is counted like any call");
        let tiers = interaction.args.values().any(tiered);
        recorded(tiers, &at, "tiers of arguments are not traced");
    }
}

fn tiered(constraint: &Constraint) -> bool {
    constraint.max_tier.is_some() || constraint.each.as_deref().is_some_and(tiered)
}
