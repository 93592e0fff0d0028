//! The verdicts for people.

use std::collections::BTreeMap;

use messages::bundle::ProvenClaim;
use messages::claim::{Audience, Claim, Range};
use messages::time::ClockKind;
use verify::documents::Context;
use verify::{Reason, Report, Subject, Verdict};

use super::DETAIL;
use crate::{anchors, output};

/// Prints one verdict a statement, then what each code means and what to do.
pub(super) fn print(report: &Report, context: Context<'_>, claims: &[ProvenClaim]) {
    let Context { at: _, refusals, stamps_refused } = context;
    if report.insecure() {
        output::line(output::paint(output::RED, BANNER));
    }
    let mut reasons: BTreeMap<&str, (String, &str)> = BTreeMap::new();
    let mut place = None;
    for item in &report.items {
        // What it says comes first, then where it holds: a claim's place, an aggregate's values.
        let (text, detail) = match item.subject {
            Subject::Statement { claim, statement } => {
                let claim = claims.get(claim).map(|proven| &proven.claim);
                if let Some(claim) = claim
                    && place != Some(where_of(claim))
                {
                    place = Some(where_of(claim));
                    print_place(claim);
                }
                let predicate = claim.and_then(|claim| claim.statements.get(statement));
                (predicate.map_or_else(|| item.words.clone(), verify::words), None)
            }
            Subject::Aggregate(_) | Subject::Missing(_) => match item.words.split_once(": ") {
                Some((text, values)) => (text.to_owned(), Some(values)),
                None => (item.words.clone(), None),
            },
        };
        let (colour, word) = match &item.verdict {
            Verdict::Verified { .. } => (output::GREEN, "verified".into()),
            Verdict::Refuted(r) => {
                reasons.insert(r.code(), (r.to_string(), r.remedy()));
                (output::RED, format!("REFUTED [{}]", r.code()))
            }
            Verdict::NotChecked(r) => {
                reasons.insert(r.code(), (r.to_string(), r.remedy()));
                (output::YELLOW, format!("not checked [{}]", r.code()))
            }
        };
        output::folded(&format!("{}: {text}", output::paint(colour, &word)), DETAIL);
        if let Some(values) = detail {
            output::folded(&format!("{}{values}", " ".repeat(DETAIL)), DETAIL);
        }
    }
    if !reasons.is_empty() {
        output::line("");
    }
    for (code, (reason, remedy)) in reasons {
        output::line(format!("[{code}] {reason}"));
        if code == Reason::Evidence.code() && !refusals.is_empty() {
            for refusal in refusals.iter().copied() {
                output::line(format!("  evidence refused: {refusal}"));
                output::line(format!("  try: {}", anchors::evidence_remedy(refusal)));
            }
        } else {
            output::line(format!("  try: {remedy}"));
        }
    }
    let count = |wanted: fn(&Verdict) -> bool| {
        report.items.iter().filter(|item| wanted(&item.verdict)).count()
    };
    let verified = count(|v| matches!(v, Verdict::Verified { .. }));
    let refuted = count(|v| matches!(v, Verdict::Refuted(_)));
    let unchecked = count(|v| matches!(v, Verdict::NotChecked(_)));
    print_logs(report);
    print_pacts(report);
    if stamps_refused {
        output::line("a time stamp in the bundle is of no authority of yours, and does not count");
    }
    let (colour, sum) = match report.exit() {
        0 => (output::GREEN, "everything verified"),
        1 => (output::RED, "something is refuted: do not rely on this bundle"),
        _ => (output::YELLOW, "nothing is refuted, but something could not be checked"),
    };
    output::line(format!("\n{verified} verified, {refuted} refuted, {unchecked} not checked"));
    output::line(output::paint(colour, sum));
}

/// Two claims with the same are printed under one heading.
fn where_of(claim: &Claim) -> (&[Range], &Audience, u64) {
    (&claim.ranges, &claim.audience, claim.admitted_gaps)
}

/// The ranges and the audience that the claims below share.
fn print_place(claim: &Claim) {
    for range in &claim.ranges {
        output::line(format!("over epochs {} to {}:", range.first.0, range.last.0));
        output::line(format!("    of what {} did", range.party));
        output::line(format!("    in the log {}", range.origin));
    }
    match &claim.audience {
        Audience::Public => output::line("    to anyone"),
        Audience::Verifier { did, .. } => output::line(format!("    to {did}")),
    }
    if claim.admitted_gaps > 0 {
        output::line(format!("    with up to {} missing events", claim.admitted_gaps));
    }
}

/// How far each log is known to others: without, another view of it could exist.
fn print_logs(report: &Report) {
    for log in &report.logs {
        let seen = match log.cosigned {
            0 => "no witness of yours has cosigned it".to_owned(),
            1 => "one witness of yours has cosigned it".to_owned(),
            n => format!("{n} witnesses of yours have cosigned it"),
        };
        let stamped =
            log.stamped.map(|at| format!(", stamped {}", output::moment(at))).unwrap_or_default();
        output::line(format!("the log {} with {} leaves: {seen}{stamped}", log.origin, log.size));
        match log.clock {
            Some(ClockKind::Generated) => {
                output::line("    its times are of a generated clock and say nothing of real time");
            }
            Some(ClockKind::Host) => {
                output::line("    its times are its host's, who could have set them");
            }
            Some(ClockKind::Witnessed) | None => {}
        }
    }
}

/// Since when the pacts are known to exist, where somebody else says so.
fn print_pacts(report: &Report) {
    for found in &report.pacts {
        if let Some(at) = found.stamped {
            output::line(format!(
                "the pact {}: its terms stamped {}",
                found.pact,
                output::moment(at)
            ));
        }
    }
}

const BANNER: &str = "\
*** INSECURE SOFTWARE EVIDENCE ***************************************************
*** This monitor ran in no TEE. Whoever ran it could have seen and changed it. ***
*** Good for development; worth nothing as assurance.                          ***
**********************************************************************************";
