//! `cloister verify` and `cloister explain`: what a stranger runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use messages::bundle::Bundle;
use messages::codec::Wire;
use messages::evidence::SOFTWARE_MEDIA_TYPE;
use messages::time::UnixMillis;
use serde_json::json;
use verify::{Appraised, EvidenceClass, Report, Verdict};

use crate::anchors::File;
use crate::fault::{Fault, read};
use crate::{anchors, output};

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister verify bundle.cbor --anchors anchors.toml\n  cloister verify bundle.cbor --anchors anchors.toml --at 2026-12-24T00:00:00Z --json\n\nExit codes: 0 everything verified; 1 something refuted; 2 nothing refuted but something not checked; 3 unusable input."
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
    let at = arguments
        .at
        .map_or_else(anchors::now, |t| UnixMillis(u64::try_from(t.as_millisecond()).unwrap_or(0)));
    let (appraised, refusals) =
        appraise(&bytes, &file, arguments.allow_insecure_software_evidence, at);
    let report = verify::verify(&bytes, &file.anchors()?, &appraised, at)
        .map_err(|unusable| Fault::new(unusable.code(), unusable.to_string(), unusable.remedy()))?;
    let code = exit_code(&report);
    if arguments.json {
        print_json(&report, &refusals, code);
    } else {
        print_words(&report, &refusals, code);
    }
    Ok(ExitCode::from(code))
}

/// Says what a bundle contains. Checks nothing.
pub(crate) fn explain(path: &Path) -> Result<ExitCode, Fault> {
    let bytes = read(path, u64::try_from(Bundle::MAX_BYTES).unwrap_or(u64::MAX))?;
    let text = verify::explain(&bytes)
        .map_err(|unusable| Fault::new(unusable.code(), unusable.to_string(), unusable.remedy()))?;
    output::line(text);
    Ok(ExitCode::SUCCESS)
}

/// Appraises the evidence in a bundle; what is refused stays unappraised, and says why.
fn appraise(
    bytes: &[u8],
    file: &File,
    allow_software: bool,
    at: UnixMillis,
) -> (Vec<Appraised>, Vec<&'static str>) {
    let (mut appraised, mut refusals) = (Vec::new(), Vec::new());
    let (Ok(bundle), Ok(policy)) = (Bundle::from_cbor(bytes), file.policy(allow_software)) else {
        return (appraised, refusals);
    };
    for evidence in verify::evidence_in(&bundle) {
        match attestations::appraise(&evidence, &policy, None, at) {
            Ok(value) => appraised.push(value),
            Err(refusal) => refusals.push(refusal.code()),
        }
    }
    (appraised, refusals)
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

fn print_words(report: &Report, refusals: &[&str], code: u8) {
    if insecure(report) {
        output::line(output::paint(output::RED, BANNER));
    }
    for item in &report.items {
        let (colour, word, detail) = match &item.verdict {
            Verdict::Verified { .. } => (output::GREEN, "verified", String::new()),
            Verdict::Refuted(r) => (output::RED, "REFUTED", format!(" ({}: {r})", r.code())),
            Verdict::NotChecked(r) => {
                (output::YELLOW, "not checked", format!(" ({}: {r})", r.code()))
            }
        };
        output::line(format!("{}: {}{detail}", output::paint(colour, word), item.words));
    }
    for refusal in refusals {
        output::line(format!("evidence: {refusal}"));
    }
    output::line(match code {
        0 => "everything verified",
        1 => "something is refuted: do not rely on this bundle",
        _ => "nothing is refuted, but something could not be checked",
    });
}

fn print_json(report: &Report, refusals: &[&str], code: u8) {
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
*** INSECURE SOFTWARE EVIDENCE *************************************************
*** This monitor ran in no TEE. Whoever ran it could have seen and changed it. ***
*** Good for development; worth nothing as assurance.                          ***
********************************************************************************";
