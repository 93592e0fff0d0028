//! The verdicts for people.

use std::collections::BTreeMap;

use messages::bundle::ProvenClaim;
use messages::time::ClockKind;
use verify::documents::Context;
use verify::{ClaimFinding, DayFinding, RangeFinding, Reason, Report, Subject, Verdict};

use super::DETAIL;
use crate::{anchors, output};

/// Prints one verdict a statement, then what each code means and what to do.
pub(super) fn print(report: &Report, context: Context<'_>, claims: &[ProvenClaim]) {
    let Context { at, refusals, stamps_refused } = context;
    if report.insecure() {
        output::line(output::paint(output::RED, BANNER));
    }
    let mut reasons: BTreeMap<&str, (String, &str)> = BTreeMap::new();
    let mut place = None;
    for item in &report.items {
        // What it says comes first, then where it holds: a claim's place, an aggregate's values.
        let (text, detail) = match item.subject {
            Subject::Statement { claim, statement } => {
                // Claims of one place are printed under one heading.
                let found = report.claims.get(claim);
                if let Some(found) = found
                    && place != Some(found)
                {
                    place = Some(found);
                    print_place(found);
                }
                let proven = claims.get(claim);
                let predicate = proven.and_then(|proven| proven.claim.statements.get(statement));
                (predicate.map_or_else(|| item.words.clone(), verify::words), None)
            }
            Subject::Aggregate(_) | Subject::Ledger | Subject::Missing(_) => {
                match item.words.split_once(": ") {
                    Some((text, values)) => (text.to_owned(), Some(values)),
                    None => (item.words.clone(), None),
                }
            }
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
    print_days(report);
    print_logs(report);
    print_pacts(report);
    if stamps_refused {
        output::line("a time stamp in the bundle is of no authority of yours, and does not count");
    }
    let (colour, sum) = match report.exit() {
        0 => (output::GREEN, "everything verified"),
        1 => (output::RED, "something is refuted: do not rely on this"),
        _ => (output::YELLOW, "nothing is refuted, but something could not be checked"),
    };
    output::line(format!(
        "\n{verified} verified, {refuted} refuted, {unchecked} not checked, as of {}",
        output::moment(at)
    ));
    output::line(output::paint(colour, sum));
}

/// What the claims below share: ranges, audience, expiry, and what stands behind them.
fn print_place(found: &ClaimFinding) {
    for range in &found.ranges {
        let RangeFinding { origin, pact, party, first, last, began, ended } = range;
        output::line(format!("over epochs {} to {}:", first.0, last.0));
        if let Some((began, ended)) = began.zip(*ended) {
            let (began, ended) = (output::moment(began), output::moment(ended));
            output::line(format!("    from {began} to {ended}"));
        }
        output::line(format!("    of what {party} did"));
        output::line(format!("    under the pact {pact}"));
        output::line(format!("    in the log {origin}"));
    }
    match &found.audience {
        None => output::line("    to anyone"),
        Some(did) => output::line(format!("    to {did}")),
    }
    let (means, expiry) = (verify::means(found.means), output::moment(found.expiry));
    output::line(format!("    {means}, good until {expiry}"));
    if found.admitted_gaps > 0 {
        output::line(format!("    with up to {} missing events", found.admitted_gaps));
    }
}

/// What was paid from each data set of a whole ledger; `--json` has the days one by one.
fn print_days(report: &Report) {
    let mut data: BTreeMap<_, Vec<&DayFinding>> = BTreeMap::new();
    for day in &report.days {
        data.entry(day.dataset).or_default().push(day);
    }
    for (dataset, days) in data {
        let of = |of: fn(&DayFinding) -> u64| days.iter().map(move |day| of(day));
        let sum = |of: fn(&DayFinding) -> usize| days.iter().map(|day| of(day)).sum::<usize>();
        let (first, last) = (of(|d| d.day).min(), of(|d| d.day).max());
        let (most, cap) = (of(|d| d.spent_nano_rho).max(), of(|d| d.cap_nano_rho).min());
        let (paid, answered) = (sum(|day| day.paid), sum(|day| day.answered));
        output::line(format!("the data set {dataset}"));
        output::line(format!(
            "    days {} to {}: on none more than {} of {} nano-ρ",
            first.unwrap_or(0),
            last.unwrap_or(0),
            most.unwrap_or(0),
            cap.unwrap_or(0),
        ));
        let lost = match paid.saturating_sub(answered) {
            0 => "none lost".to_owned(),
            lost => format!("{lost} lost: paid for and never drawn"),
        };
        output::line(format!("    {paid} queries paid for, {answered} answered, {lost}"));
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
