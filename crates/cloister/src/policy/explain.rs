//! `cloister policy explain`: each check of evidence, what was found and what was wanted.

use std::path::PathBuf;
use std::process::ExitCode;

use attestations::{Expect, Row};
use clap::Args;
use messages::bundle::Bundle;
use messages::codec::Wire;
use messages::evidence::Conceptual;

use crate::anchors::{self, File};
use crate::fault::{Fault, read};
use crate::output;
use crate::verification::moment;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister policy explain bundle.cbor --anchors anchors.toml\n\nExit codes: 0 all evidence is accepted; 1 some is refused; 3 unusable input or a wrong command."
)]
pub(crate) struct Arguments {
    /// A bundle, or evidence alone as a monitor shows it.
    evidence: PathBuf,
    /// Your trust anchors, with an appraisal policy.
    #[arg(long)]
    anchors: PathBuf,
    /// Judge certificates as of this moment (RFC 3339); now by default.
    #[arg(long)]
    at: Option<jiff::Timestamp>,
    /// Accept development evidence: it comes from no TEE and proves no isolation.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let file = File::load(&arguments.anchors)?;
    let at = moment(arguments.at)?;
    let bytes = read(&arguments.evidence, u64::try_from(Bundle::MAX_BYTES).unwrap_or(u64::MAX))?;
    let mut refused = false;
    for (origin, evidence) in shown(&bytes, &file)? {
        let monitor = file.0.monitors.iter().find(|monitor| monitor.origin == origin);
        let monitor = monitor.ok_or_else(|| {
            Fault::new(
                "anchors-other-monitor",
                "the evidence is of a monitor that the anchors do not name",
                "pin anchors for this monitor, or join those that you have",
            )
        })?;
        let policy = anchors::policy(monitor, arguments.allow_insecure_software_evidence)?;
        output::line(format!("{origin}: {}", evidence.evidence_id()));
        for row in attestations::explain(&evidence, &policy, Expect::Checkpoint, at) {
            refused |= row.refused.is_some();
            tell(&row);
        }
    }
    Ok(ExitCode::from(u8::from(refused)))
}

/// The evidence in a file, with the origin that it has to be of.
fn shown(bytes: &[u8], file: &File) -> Result<Vec<(String, Conceptual)>, Fault> {
    if let Ok(evidence) = Conceptual::from_cbor(bytes) {
        return Ok(vec![(file.monitor()?.origin.clone(), evidence)]);
    }
    let bundle = Bundle::from_cbor(bytes).map_err(|_| {
        Fault::new(
            "evidence-unreadable",
            "the file is neither a bundle nor evidence",
            "name a bundle, or what a monitor answers to /v1/attestation as CBOR",
        )
    })?;
    let of_log = |view| verify::evidence_in(view).into_iter();
    let logs = bundle.logs.iter();
    Ok(logs.flat_map(|view| of_log(view).map(|e| (view.origin.clone(), e))).collect())
}

fn tell(row: &Row) {
    let Row { field, found, wanted, refused } = row;
    let mark = match refused {
        None => output::paint(output::GREEN, "ok"),
        Some(_) => output::paint(output::RED, "no"),
    };
    output::folded(&format!("  {mark}  {field}: {}; wanted {}", short(found), short(wanted)), 6);
    if let Some(refusal) = refused {
        output::folded(&format!("      {}: {refusal}; {}", refusal.code(), refusal.remedy()), 6);
    }
}

/// Measurements are long, and most are told apart by their first digits.
fn short(text: &str) -> String {
    let long = text.len() > 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.get(..24) {
        Some(first) if long => format!("{first}…"),
        _ => text.to_owned(),
    }
}
