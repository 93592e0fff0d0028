//! Names that must be somebody's: what consequences follow, what data goes to whom.

use super::{Findings, Severity};
use crate::document::terms::{Document, Tier};

/// Every consequence names a kind of verdict or a term of the pact.
pub(super) fn consequences(findings: &mut Findings, terms: &Document) {
    let known = |name: &str| {
        VERDICTS.contains(&name)
            || OUTSIDE.contains(&name)
            || terms.interactions.iter().any(|i| i.id.0 == name)
            || terms.limits.iter().any(|l| l.id.0 == name)
            || terms.flows.iter().any(|f| f.id.0 == name)
            || terms.performance.iter().any(|o| o.id.0 == name)
            || terms.monitoring.anomalies.iter().any(|a| a.id.0 == name)
            || BUILT_IN.contains(&name)
    };
    for (place, consequence) in terms.consequences.iter().enumerate() {
        if consequence.on.iter().any(|name| !known(&name.0)) {
            findings.add(
                "unmonitorable-term",
                Severity::Error,
                &format!("consequences[{place}].on"),
                "it follows something that the monitor never sees",
                "name a kind of verdict (alert, escalate, deny, terminate), or the identifier of an \
                 interaction, limit, flow or objective",
            );
        }
    }
}

/// What the data terms promise and other terms break.
pub(super) fn data(findings: &mut Findings, terms: &Document) {
    let data = &terms.data;
    let mut contradicts = |at: &str, text: &str, remedy: &str| {
        findings.add("contradiction", Severity::Error, at, text, remedy);
    };
    for (place, source) in terms.labels.sources.iter().enumerate() {
        let at = format!("labels.sources[{place}]");
        let fields =
            source.fields.iter().map(|f| (f.tier.unwrap_or(source.tier), !f.pii.is_empty()));
        let parts: Vec<(Tier, bool)> =
            fields.chain([(source.tier, !source.pii.is_empty())]).collect();
        if parts.iter().any(|(tier, _)| *tier > data.max_tier) {
            let remedy = "raise data.max_tier, or keep the source out of the pact";
            contradicts(&at, "it holds more sensitive data than the pact is for", remedy);
        }
        let personal = |max: &Tier| parts.iter().any(|(tier, pii)| *pii && tier > max);
        if data.pii_max_tier.as_ref().is_some_and(personal) {
            let remedy = "raise data.pii_max_tier, or keep the source out of the pact";
            contradicts(&at, "it holds more sensitive personal data than the pact is for", remedy);
        }
    }
    if !data.jurisdictions.is_empty() {
        let within = |place: &Option<String>| {
            place.as_ref().is_none_or(|p| data.jurisdictions.iter().any(|j| covers(j, p)))
        };
        for (party, at) in [
            (&terms.parties.initiator, "parties.initiator"),
            (&terms.parties.provider, "parties.provider"),
        ] {
            if !within(&party.jurisdiction) {
                findings.add(
                    "outside-jurisdiction",
                    Severity::Warning,
                    at,
                    "it answers to a jurisdiction that data.jurisdictions does not list",
                    "add its jurisdiction, or correct it",
                );
            }
        }
    }
}

/// A country, or the European Economic Area with its members.
fn covers(jurisdiction: &str, place: &str) -> bool {
    jurisdiction == place || jurisdiction == "EEA" && EEA.contains(&place)
}

/// What happens to the monitor or its platform, outside every verdict.
pub(crate) const OUTSIDE: &[&str] =
    &["attestation-invalid", "clock-skew", "evidence-gap", "monitor-rollback"];
const VERDICTS: &[&str] = &["alert", "deny", "escalate", "terminate"];
/// Rules that every pact has.
const BUILT_IN: &[&str] = &[
    "canary",
    "data.sharing",
    "default-deny",
    "suspended",
    "term",
    "wrong-direction",
    "wrong-role",
];
const EEA: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];
