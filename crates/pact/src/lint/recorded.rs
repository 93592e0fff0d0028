//! Terms that are on record for people and that this version of the monitor does not execute.

use super::{Findings, Severity};
use crate::compile::RECOGNISED;
use crate::document::terms::{Document, InteractionKind};

/// Says of every such term that it is one.
pub(super) fn only(findings: &mut Findings, terms: &Document) {
    let mut recorded = |present: bool, at: &str, text: &str| {
        if present {
            let remedy = "keep it for people and courts; enforce it by an argument, provenance, \
                          flow or limit term where one fits";
            findings.add("recorded-only", Severity::RecordedOnly, at, text, remedy);
        }
    };
    let monitoring = &terms.monitoring;
    let carried = terms.delegation.as_ref().is_some_and(|d| !d.carry.is_empty());
    recorded(carried, "delegation.carry", "what goes along with a delegation is not seen");
    let reported = "incidents are not delivered; a consequence with `report` is";
    recorded(!monitoring.incidents.is_empty(), "monitoring.incidents", reported);
    recorded(monitoring.evidence.is_some(), "monitoring.evidence", "evidence is not held");
    recorded(
        monitoring.sampling.is_some(),
        "monitoring.sampling",
        "every event is inspected; nothing is planted",
    );
    recorded(
        monitoring.content_key_holder.is_some(),
        "monitoring.content_key_holder",
        "payloads are sealed for the monitor alone",
    );
    let data = &terms.data;
    let kept = "what the parties keep themselves is not seen; what the monitor keeps is \
                monitoring.retention";
    recorded(data.retention.is_some(), "data.retention", kept);
    let purposes = data.sharing.as_ref().is_some_and(|s| !s.purpose.is_empty());
    recorded(purposes, "data.sharing.purpose", "a purpose is not seen in events");
    recorded(
        data.encryption.is_some(),
        "data.encryption",
        "only the way to the monitor is seen: TLS 1.3 with evidence",
    );
    recorded(data.pseudonymise.is_some(), "data.pseudonymise", "names are not replaced");
    recorded(true, "dispute", "disputes are settled by people");
    recorded(terms.anchor.is_some(), "anchor", "the pact is anchored in the monitor's log only");
    let renegotiation = terms.term.renegotiation.as_ref();
    recorded(
        renegotiation.is_some_and(|r| r.during.is_some() || r.timeout.is_some()),
        "term.renegotiation",
        "a pact is in force until a revision takes its place, however long that is negotiated",
    );
    let unnamed = |m: &crate::document::terms::MonitorTerms| {
        m.attestation.configs.is_empty() || m.attestation.policies.is_empty()
    };
    recorded(
        terms.parties.monitors.iter().any(unnamed),
        "parties.monitors",
        "of a monitor's platform the parties check what `configs` and `policies` name; the rest \
         verifiers check, against their own anchors",
    );
    let labelled = |kind: &str| crate::compile::labelled(terms).any(|k| k == kind);
    let sourced = |kind: &str| {
        let sources = terms.labels.sources.iter();
        sources
            .flat_map(|s| s.pii.iter().chain(s.fields.iter().flat_map(|f| &f.pii)))
            .any(|k| k.0 == kind)
    };
    let nowhere = terms.labels.pii_classes.iter().any(|class| {
        let kind = class.0.as_str();
        labelled(kind) && !sourced(kind) && !RECOGNISED.contains(&kind)
    });
    recorded(nowhere, "labels.pii_classes", "a kind that no source is labelled with is not seen");
    for (place, interaction) in terms.interactions.iter().enumerate() {
        let at = format!("interactions[{place}]");
        let answer = matches!(interaction.kind, InteractionKind::Result | InteractionKind::Stream);
        recorded(answer, &at, "results belong to their calls; streams are not read");
        recorded(interaction.idempotency.is_some(), &at, "repetition is counted like any call");
    }
    for (place, consequence) in terms.consequences.iter().enumerate() {
        let outside =
            consequence.on.iter().any(|name| super::names::OUTSIDE.contains(&name.0.as_str()));
        let at = format!("consequences[{place}].on");
        recorded(
            outside,
            &at,
            "what happens to the monitor itself is published, and stops nothing here",
        );
    }
}
