//! `cloister verify` and `cloister explain`: what a stranger runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attestations::Expect;
use clap::Args;
use messages::bundle::{Bundle, ProvenClaim};
use messages::claim::{Audience, Claim};
use messages::codec::Wire;
use messages::evidence::SOFTWARE_MEDIA_TYPE;
use messages::time::UnixMillis;
use serde_json::json;
use verify::{Appraised, EvidenceClass, Reason, Report, Verdict};

use crate::anchors::File;
use crate::fault::{Fault, read};
use crate::{anchors, output};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister verify bundle.cbor --anchors anchors.toml\n  cloister verify bundle.cbor --anchors anchors.toml --at 2026-12-24T00:00:00Z --json\n\nExit codes: 0 everything verified; 1 something refuted; 2 nothing refuted but something not checked; 3 unusable input or a wrong command."
)]
pub(crate) struct Arguments {
    /// The bundle.
    bundle: PathBuf,
    /// Your trust anchors.
    #[arg(long)]
    anchors: PathBuf,
    /// Check as of this moment (RFC 3339); now by default.
    #[arg(long)]
    at: Option<jiff::Timestamp>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Accept evidence of a development monitor: it comes from no TEE and proves no isolation.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let bytes = read(&arguments.bundle, u64::try_from(Bundle::MAX_BYTES).unwrap_or(u64::MAX))?;
    let file = File::load(&arguments.anchors)?;
    let at = match arguments.at {
        None => anchors::now(),
        Some(at) => UnixMillis(u64::try_from(at.as_millisecond()).map_err(|_| before_1970())?),
    };
    let (appraised, refusals) =
        appraise(&bytes, &file, arguments.allow_insecure_software_evidence, at);
    let report = verify::verify(&bytes, &file.anchors()?, &appraised, at)
        .map_err(|unusable| Fault::new(unusable.code(), unusable.to_string(), unusable.remedy()))?;
    let code = exit_code(&report);
    if arguments.json {
        print_json(&report, &refusals, code);
    } else {
        let claims = Bundle::from_cbor(&bytes).map(|bundle| bundle.claims).unwrap_or_default();
        print_words(&report, &claims, &refusals, code);
    }
    Ok(ExitCode::from(code))
}

/// Says what a bundle contains. Checks nothing.
pub(crate) fn explain(path: &Path) -> Result<ExitCode, Fault> {
    let bytes = read(path, u64::try_from(Bundle::MAX_BYTES).unwrap_or(u64::MAX))?;
    let text = verify::explain(&bytes)
        .map_err(|unusable| Fault::new(unusable.code(), unusable.to_string(), unusable.remedy()))?;
    for row in text.lines() {
        let indent = row.chars().take_while(|c| *c == ' ').count();
        output::folded(row, indent.saturating_add(DETAIL));
    }
    Ok(ExitCode::SUCCESS)
}

/// Appraises the evidence in a bundle; what is refused stays unappraised, and says why.
fn appraise(
    bytes: &[u8],
    file: &File,
    allow_software: bool,
    at: UnixMillis,
) -> (Vec<Appraised>, BTreeSet<&'static str>) {
    let (mut appraised, mut refusals) = (Vec::new(), BTreeSet::new());
    let (Ok(bundle), Ok(policy)) = (Bundle::from_cbor(bytes), file.policy(allow_software)) else {
        return (appraised, refusals);
    };
    for evidence in verify::evidence_in(&bundle) {
        match attestations::appraise(&evidence, &policy, Expect::Checkpoint, at) {
            Ok(value) => appraised.push(value),
            Err(refusal) => drop(refusals.insert(refusal.code())),
        }
    }
    (appraised, refusals)
}

fn before_1970() -> Fault {
    Fault::new("time-before-1970", "--at lies before 1970", "give a moment of the proof's life")
}

fn exit_code(report: &Report) -> u8 {
    let refuted = report.items.iter().any(|i| matches!(i.verdict, Verdict::Refuted(_)));
    let unchecked = report.items.iter().any(|i| matches!(i.verdict, Verdict::NotChecked(_)));
    match (refuted, unchecked || report.items.is_empty()) {
        (true, _) => 1,
        (false, true) => 2,
        (false, false) => 0,
    }
}

fn insecure(report: &Report) -> bool {
    report
        .items
        .iter()
        .any(|i| matches!(i.verdict, Verdict::Verified { class: EvidenceClass::InsecureSoftware }))
}

fn print_words(report: &Report, claims: &[ProvenClaim], refusals: &BTreeSet<&str>, code: u8) {
    if insecure(report) {
        output::line(output::paint(output::RED, BANNER));
    }
    let mut reasons: BTreeMap<&str, (String, &str)> = BTreeMap::new();
    let mut place = None;
    for (at, item) in report.items.iter().enumerate() {
        // What it says comes first, then where it holds: a claim's place, an aggregate's values.
        let (text, detail) = match claims.get(at).map(|proven| &proven.claim) {
            Some(claim) => (verify::words(&claim.predicate), None),
            None => match item.words.split_once(": ") {
                Some((text, values)) => (text.to_owned(), Some(values)),
                None => (item.words.clone(), None),
            },
        };
        if let Some(here) = claims.get(at).map(|proven| &proven.claim)
            && place != Some((&here.range, &here.audience, here.admitted_gaps))
        {
            place = Some((&here.range, &here.audience, here.admitted_gaps));
            print_place(here);
        }
        let (colour, word) = match &item.verdict {
            Verdict::Verified { .. } => (output::GREEN, "verified".into()),
            Verdict::Refuted(r) => {
                reasons.insert(r.code(), (r.to_string(), "do not rely on it; keep the bundle"));
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
            for refusal in refusals {
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
    let (colour, sum) = match code {
        0 => (output::GREEN, "everything verified"),
        1 => (output::RED, "something is refuted: do not rely on this bundle"),
        _ => (output::YELLOW, "nothing is refuted, but something could not be checked"),
    };
    output::line(format!("\n{verified} verified, {refuted} refuted, {unchecked} not checked"));
    output::line(output::paint(colour, sum));
}

/// The range and audience that the claims below share.
fn print_place(claim: &Claim) {
    let Claim { range, audience, admitted_gaps, .. } = claim;
    output::line(format!("over epochs {} to {}:", range.first.0, range.last.0));
    output::line(format!("    of tally {}", range.tally));
    match audience {
        Audience::Public => output::line("    to anyone"),
        Audience::Verifier { did, .. } => output::line(format!("    to {did}")),
    }
    if *admitted_gaps > 0 {
        output::line(format!("    with up to {admitted_gaps} missing events"));
    }
}

fn print_json(report: &Report, refusals: &BTreeSet<&str>, code: u8) {
    let items: Vec<_> = report
        .items
        .iter()
        .map(|item| {
            let (verdict, detail) = match &item.verdict {
                Verdict::Verified { .. } => ("verified", None),
                Verdict::Refuted(r) => ("refuted", Some(r.code())),
                Verdict::NotChecked(r) => ("not-checked", Some(r.code())),
            };
            json!({"statement": item.words, "verdict": verdict, "code": detail})
        })
        .collect();
    let document = json!({
        "exit": code,
        "insecure_software_evidence": insecure(report),
        "media_type_of_development_evidence": SOFTWARE_MEDIA_TYPE,
        "evidence_refusals": refusals,
        "items": items,
    });
    output::line(document.to_string());
}

const BANNER: &str = "\
*** INSECURE SOFTWARE EVIDENCE ***************************************************
*** This monitor ran in no TEE. Whoever ran it could have seen and changed it. ***
*** Good for development; worth nothing as assurance.                          ***
**********************************************************************************";
const DETAIL: usize = 4;
