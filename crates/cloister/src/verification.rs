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
use verify::{Anchors, Appraised, Findings, Report, Unusable};

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
    let trusted = file.anchors()?;
    let at = moment(arguments.at)?;
    let allowed = arguments.allow_insecure_software_evidence;
    if Ledger::is_one(&bytes) {
        let shown = Ledger::from_cbor(&bytes).ok();
        let shown = shown.iter().map(|ledger| Shown {
            origin: &ledger.origin,
            evidence: verify::evidence_of(&ledger.opened),
            seen: seen(&ledger.checkpoint, &trusted, at),
        });
        let (appraised, refusals) = appraise(shown, &file, allowed);
        let findings = Findings { appraised: &appraised, timestamped: &[] };
        let report = verify::audit(&bytes, &trusted, findings)
            .map_err(|unusable| self::unusable(unusable, &bytes))?;
        let refusals: Vec<&'static str> = refusals.into_iter().collect();
        let context = Context { at, refusals: &refusals, stamps_refused: false };
        return Ok(said(&report, context, &[], arguments.json));
    }
    let bundle = Bundle::from_cbor(&bytes).ok();
    let views = bundle.iter().flat_map(|bundle| &bundle.logs);
    let shown = views.map(|view| Shown {
        origin: &view.origin,
        evidence: verify::evidence_in(view),
        seen: seen(&view.checkpoint, &trusted, at),
    });
    let (appraised, refusals) = appraise(shown, &file, allowed);
    let authorities = Authorities::read(file.0.time_stamps.as_ref())?;
    let (timestamped, stamps_refused) =
        bundle.as_ref().map(|bundle| authorities.findings(bundle)).unwrap_or_default();
    let findings = Findings { appraised: &appraised, timestamped: &timestamped };
    let report = verify::verify(&bytes, &trusted, findings, at)
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

/// The evidence of one log.
struct Shown<'a> {
    origin: &'a str,
    evidence: Vec<Conceptual>,
    /// At this moment it was there already.
    seen: UnixMillis,
}

/// When the evidence of a log was there at the latest: by then a quorum of the verifier's witnesses
/// had cosigned a checkpoint with it. Its certificates are judged by that moment, since no monitor
/// renews what stands in a log; where nobody is counted on, by the moment of verification.
fn seen(checkpoint: &str, anchors: &Anchors, at: UnixMillis) -> UnixMillis {
    let cosigned = tlog::cosignatures(checkpoint, &anchors.witnesses);
    let mut times: Vec<u64> = cosigned.iter().map(|signed| signed.unix_seconds).collect();
    times.sort_unstable();
    let quorum = anchors.quorum.checked_sub(1).and_then(|place| times.get(place));
    quorum.map_or(at, |seconds| UnixMillis(seconds.saturating_mul(1_000)).min(at))
}

/// Appraises the evidence of each log's boots under the policy of its monitor; what is refused
/// stays unappraised, and says why.
fn appraise<'a>(
    shown: impl IntoIterator<Item = Shown<'a>>,
    file: &File,
    allow_software: bool,
) -> (Vec<Appraised>, BTreeSet<&'static str>) {
    let (mut appraised, mut refusals) = (Vec::new(), BTreeSet::new());
    for Shown { origin, evidence: boots, seen } in shown {
        let monitor = file.0.monitors.iter().find(|monitor| monitor.origin == origin);
        let Some(Ok(policy)) = monitor.map(|monitor| anchors::policy(monitor, allow_software))
        else {
            continue;
        };
        for evidence in boots {
            match attestations::appraise(&evidence, &policy, Expect::Checkpoint, seen) {
                Ok(appraisal) => appraised.push(appraisal.into_appraised()),
                Err(refusal) => drop(refusals.insert(refusal.code())),
            }
        }
    }
    (appraised, refusals)
}

/// As of when something is judged: now, unless a moment is named.
pub(crate) fn moment(at: Option<jiff::Timestamp>) -> Result<UnixMillis, Fault> {
    let Some(at) = at else { return Ok(anchors::now()) };
    u64::try_from(at.as_millisecond()).map(UnixMillis).map_err(|_| {
        Fault::new("time-before-1970", "--at lies before 1970", "give a moment of the proof's life")
    })
}

const DETAIL: usize = 4;

#[cfg(test)]
mod tests {
    use messages::ids::Root;
    use messages::signature::SigningKey;

    use super::*;

    #[test]
    fn evidence_is_judged_by_when_a_quorum_had_seen_it() {
        let log = SigningKey::from_seed(&[1; 32]);
        let mut note = tlog::sign_checkpoint("log.example", 7, &Root([2; 32]), &log);
        let mut witnesses = Vec::new();
        for (seed, seconds) in [(3, 1_300), (4, 1_100), (5, 1_200)] {
            let (name, key) = (format!("w{seed}.example"), SigningKey::from_seed(&[seed; 32]));
            let line = tlog::cosign(&note, &name, &key, seconds).unwrap();
            note = tlog::with_cosignature(&note, &line).unwrap();
            witnesses.push((name, key.public()));
        }
        let seen_by = |quorum, witnesses: &[_], at| {
            let anchors = Anchors {
                logs: vec![],
                pacts: vec![],
                audience: None,
                nonce: None,
                witnesses: witnesses.to_vec(),
                quorum,
                dealers: vec![],
                circuits: vec![],
                stamped: false,
            };
            seen(&note, &anchors, UnixMillis(at)).0
        };
        assert_eq!(seen_by(1, &witnesses, 9_000_000), 1_100_000);
        assert_eq!(seen_by(2, &witnesses, 9_000_000), 1_200_000);
        assert_eq!(seen_by(3, &witnesses, 9_000_000), 1_300_000);
        // Nobody is counted on, too few are there, and nothing was seen after it was looked at.
        assert_eq!(seen_by(0, &witnesses, 9_000_000), 9_000_000);
        assert_eq!(seen_by(2, &witnesses[..1], 9_000_000), 9_000_000);
        assert_eq!(seen_by(2, &witnesses, 1_150_000), 1_150_000);
    }
}
