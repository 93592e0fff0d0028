//! Terms that permit nothing and need both signatures whatever their change: who the parties are,
//! when the pact holds, and all that the parties consented to of the monitor.

use super::Taken;
use super::found::{Found, Place};
use crate::document::terms::{
    ConsequenceAction, ConsequenceKind, Disclosure, Document, Monitoring, Parties, RenewalMode,
    Term,
};
use crate::lint::OUTSIDE;

pub(super) fn parties(found: &mut Found, old: &Parties, new: &Parties) {
    let Parties { initiator, provider, monitors, overseers } = old;
    found.agreed("parties.initiator", initiator == &new.initiator, "the initiator's terms differ");
    found.agreed("parties.provider", provider == &new.provider, "the provider's terms differ");
    found.agreed("parties.monitors", monitors == &new.monitors, "other monitors may watch");
    found.agreed("parties.overseers", overseers == &new.overseers, "others decide or audit");
}

pub(super) fn term(found: &mut Found, old: &Term, new: &Term) {
    let Term { kind, not_before, not_after, max_sessions, renewal, renegotiation } = old;
    found.agreed("term.kind", kind == &new.kind, "it holds for something else");
    found.agreed("term.not_before", not_before == &new.not_before, "it starts at another moment");
    found.agreed("term.not_after", not_after == &new.not_after, "it ends at another moment");
    let sessions = max_sessions == &new.max_sessions;
    found.agreed("term.max_sessions", sessions, "another number of sessions is permitted");
    if renews(old) && !renews(new) {
        let place = Place::new("term.renewal".to_owned(), Taken::Either);
        found.narrower(&place, "it is not renewed any more");
    } else {
        found.agreed("term.renewal", renewal == &new.renewal, "it is renewed in another way");
    }
    let same = renegotiation == &new.renegotiation;
    found.agreed("term.renegotiation", same, "it is renegotiated in another way");
}

fn renews(term: &Term) -> bool {
    term.renewal.as_ref().is_some_and(|r| r.mode == RenewalMode::AutomaticUnlessObjected)
}

pub(super) fn monitoring(found: &mut Found, old: &Monitoring, new: &Monitoring) {
    let Monitoring {
        mode,
        log_scope,
        content_key_holder,
        retention,
        access,
        fail,
        deadline_ms,
        approval,
        sampling,
        scrutiny,
        anomalies,
        canaries,
        incidents,
        evidence,
        disclosure,
    } = old;
    let mut agreed = |field: &str, same: bool, text: &str| {
        found.agreed(&format!("monitoring.{field}"), same, text);
    };
    agreed("mode", mode == &new.mode, "the monitor acts in another way");
    agreed("log_scope", log_scope == &new.log_scope, "the monitor keeps something else");
    let holder = content_key_holder == &new.content_key_holder;
    agreed("content_key_holder", holder, "others can read what the monitor keeps");
    agreed("retention", retention == &new.retention, "the monitor keeps it for another time");
    agreed("access", access == &new.access, "others may read the record");
    agreed("fail", fail == &new.fail, "something else follows a late verdict");
    agreed("deadline_ms", deadline_ms == &new.deadline_ms, "a verdict may take another time");
    agreed("approval", approval == &new.approval, "approvals work in another way");
    agreed("sampling", sampling == &new.sampling, "inspection differs");
    agreed("scrutiny", scrutiny == &new.scrutiny, "something else raises scrutiny");
    agreed("anomalies", anomalies == &new.anomalies, "something else is unusual");
    agreed("canaries", canaries == &new.canaries, "other values must never travel");
    agreed("incidents", incidents == &new.incidents, "others are told of incidents");
    agreed("evidence", evidence == &new.evidence, "other evidence is preserved");
    disclosed(found, disclosure.as_ref(), new.disclosure.as_ref());
}

fn disclosed(found: &mut Found, old: Option<&Disclosure>, new: Option<&Disclosure>) {
    let (Some(old), Some(new)) = (old, new) else {
        let text = "whether anything may leave the monitor differs";
        return found.agreed("monitoring.disclosure", old == new, text);
    };
    let Disclosure { dp, claims, openings, consent_salt } = old;
    let mut agreed = |field: &str, same: bool, text: &str| {
        found.agreed(&format!("monitoring.disclosure.{field}"), same, text);
    };
    agreed("dp", dp == &new.dp, "other aggregates may leave the monitor");
    agreed("claims", claims == &new.claims, "other claims may leave the monitor");
    let same = openings == &new.openings;
    agreed("openings", same, "the parties get openings of other counters");
    agreed(
        "consent_salt",
        consent_salt == &new.consent_salt,
        "the consent entries are salted anew",
    );
}

/// Whether a consequence makes a call that would run, or wait, more severe because of the one
/// finding that the verdict names. A verdict names only its most severe finding and the first of
/// equals, so a term that finds more can hide another that a consequence waits for.
pub(super) fn names_one_finding(terms: &Document) -> bool {
    let objective = |on: &str| terms.performance.iter().any(|o| o.id.0 == on);
    let stops = |action: &ConsequenceAction| match action.action {
        ConsequenceKind::Alert
        | ConsequenceKind::Escalate
        | ConsequenceKind::Pause
        | ConsequenceKind::Penalty
        | ConsequenceKind::Report => false,
        ConsequenceKind::Deny | ConsequenceKind::Suspend | ConsequenceKind::Terminate => true,
    };
    let holds = |action: &ConsequenceAction| {
        matches!(action.action, ConsequenceKind::Escalate | ConsequenceKind::Pause)
    };
    // Nobody makes something due to the other alone.
    let owes = |action: &ConsequenceAction| {
        matches!(action.action, ConsequenceKind::Penalty | ConsequenceKind::Report)
    };
    terms.consequences.iter().any(|consequence| {
        consequence.on.iter().any(|on| match on.0.as_str() {
            // What only alerts can be hidden by what escalates.
            "alert" => consequence.actions.iter().any(|a| stops(a) || owes(a)),
            // Nothing that waits is hidden by what is narrower, but more may wait.
            "escalate" | "terminate" => consequence.actions.iter().any(owes),
            // What the pact does not permit is denied under any: no term adds to that.
            "deny" => false,
            // What happens to the monitor itself is no verdict.
            on if OUTSIDE.contains(&on) => false,
            on if objective(on) => false,
            _ => consequence.actions.iter().any(|a| stops(a) || holds(a) || owes(a)),
        })
    })
}
