//! `cloister verify` and `cloister explain`: what a stranger runs.

mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attestations::Expect;
use clap::Args;
use messages::accusation::Accusation;
use messages::bundle::{Bundle, ProvenClaim};
use messages::codec::Wire;
use messages::evidence::Conceptual;
use messages::ledger::Ledger;
use messages::opening::Holdings;
use messages::time::UnixMillis;
use verify::documents::{self, Context};
use verify::{Appraised, Findings, Report, Unusable};

use crate::anchors::File;
use crate::fault::{Fault, read};
use crate::stamp::authority::Authorities;
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

/// Whatever keeps it from a report is a document too, where documents are read.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    verified(arguments).or_else(|fault| {
        if !arguments.json {
            return Err(fault);
        }
        let document = documents::failed(&fault.code, &fault.reason, &fault.remedy);
        output::line(document.to_string());
        Ok(ExitCode::from(3))
    })
}

fn verified(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let most = Bundle::MAX_BYTES.max(Ledger::MAX_BYTES);
    let bytes = read(&arguments.bundle, u64::try_from(most).unwrap_or(u64::MAX))?;
    let file = File::load(&arguments.anchors)?;
    let at = match arguments.at {
        None => anchors::now(),
        Some(at) => UnixMillis(u64::try_from(at.as_millisecond()).map_err(|_| before_1970())?),
    };
    let allowed = arguments.allow_insecure_software_evidence;
    if Ledger::is_one(&bytes) {
        let shown = Ledger::from_cbor(&bytes).ok();
        let shown = shown.iter().map(|l| (l.origin.as_str(), verify::evidence_of(&l.opened)));
        let (appraised, refusals) = appraise(shown, &file, allowed, at);
        let findings = Findings { appraised: &appraised, timestamped: &[] };
        let report = verify::audit(&bytes, &file.anchors()?, findings)
            .map_err(|unusable| self::unusable(unusable, &bytes))?;
        let refusals: Vec<&'static str> = refusals.into_iter().collect();
        let context = Context { at, refusals: &refusals, stamps_refused: false };
        return Ok(said(&report, context, &[], arguments.json));
    }
    let bundle = Bundle::from_cbor(&bytes).ok();
    let views = bundle.iter().flat_map(|bundle| &bundle.logs);
    let shown = views.map(|view| (view.origin.as_str(), verify::evidence_in(view)));
    let (appraised, refusals) = appraise(shown, &file, allowed, at);
    let authorities = Authorities::read(file.0.time_stamps.as_ref())?;
    let (timestamped, stamps_refused) =
        bundle.as_ref().map(|bundle| authorities.findings(bundle)).unwrap_or_default();
    let findings = Findings { appraised: &appraised, timestamped: &timestamped };
    let report = verify::verify(&bytes, &file.anchors()?, findings, at)
        .map_err(|unusable| self::unusable(unusable, &bytes))?;
    let refusals: Vec<&'static str> = refusals.into_iter().collect();
    let context = Context { at, refusals: &refusals, stamps_refused };
    let claims = bundle.map(|bundle| bundle.claims).unwrap_or_default();
    Ok(said(&report, context, &claims, arguments.json))
}

fn said(report: &Report, context: Context<'_>, claims: &[ProvenClaim], json: bool) -> ExitCode {
    if json {
        output::line(documents::verdict(report, context).to_string());
    } else {
        words::print(report, context, claims);
    }
    ExitCode::from(report.exit())
}

/// Says what a bundle contains. Checks nothing.
pub(crate) fn explain(path: &Path) -> Result<ExitCode, Fault> {
    let bytes = read(path, u64::try_from(Bundle::MAX_BYTES).unwrap_or(u64::MAX))?;
    let text = verify::explain(&bytes).map_err(|unusable| self::unusable(unusable, &bytes))?;
    for row in text.lines() {
        let indent = row.chars().take_while(|c| *c == ' ').count();
        output::folded(row, indent.saturating_add(DETAIL));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is no bundle may be another file of ours.
fn unusable(unusable: Unusable, bytes: &[u8]) -> Fault {
    let remedy = match unusable {
        Unusable::Malformed if Holdings::from_cbor(bytes).is_ok() => {
            "this is a file of openings; `cloister prove` makes a bundle from it"
        }
        Unusable::Malformed if Accusation::from_cbor(bytes).is_ok() => {
            "this is an accusation; `cloister judge` says whom it convicts"
        }
        Unusable::Malformed if core::str::from_utf8(bytes).is_ok() => {
            "this is a text; name what `cloister claim` or `cloister prove` wrote"
        }
        _ => unusable.remedy(),
    };
    Fault::new(unusable.code(), unusable.to_string(), remedy)
}

/// Appraises the evidence of each log's boots under the policy of its monitor; what is refused
/// stays unappraised, and says why.
fn appraise<'a>(
    shown: impl IntoIterator<Item = (&'a str, Vec<Conceptual>)>,
    file: &File,
    allow_software: bool,
    at: UnixMillis,
) -> (Vec<Appraised>, BTreeSet<&'static str>) {
    let (mut appraised, mut refusals) = (Vec::new(), BTreeSet::new());
    for (origin, boots) in shown {
        let monitor = file.0.monitors.iter().find(|monitor| monitor.origin == origin);
        let Some(Ok(policy)) = monitor.map(|monitor| anchors::policy(monitor, allow_software))
        else {
            continue;
        };
        for evidence in boots {
            match attestations::appraise(&evidence, &policy, Expect::Checkpoint, at) {
                Ok(appraisal) => appraised.push(appraisal.into_appraised()),
                Err(refusal) => drop(refusals.insert(refusal.code())),
            }
        }
    }
    (appraised, refusals)
}

fn before_1970() -> Fault {
    Fault::new("time-before-1970", "--at lies before 1970", "give a moment of the proof's life")
}

const DETAIL: usize = 4;
