//! `cloister accuse` and `cloister judge`: a monitor that shows different things to different
//! people, convicted by what it signed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use messages::accusation::{Accusation, Charge};
use messages::bundle::{Bundle, IncludedLeaf, LogView};
use messages::codec::Wire;
use messages::leaf::{Kind, TallyBody};
use messages::opening::Holdings;
use verify::accusation::{Offence, judge};

use crate::anchors::File;
use crate::fault::{Fault, read, write};
use crate::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister accuse mine.cbor theirs.cbor --anchors anchors.toml --out accusation.cbor\n\nFiles are bundles, files of openings, or checkpoints. They are compared pairwise: two checkpoints of\none size with different roots, two leaves at one place, two totals of one epoch.\n\nExit codes: 0 something convicts, and is written; 2 nothing contradicts the rest; 3 unusable input."
)]
pub(crate) struct Arguments {
    /// What different people were shown.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Your trust anchors.
    #[arg(long)]
    anchors: PathBuf,
    /// Where to write the accusation.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister judge accusation.cbor --anchors anchors.toml\n\nExit codes: 0 the monitor is convicted by its own signatures; 2 the file convicts nobody; 3 it cannot be read."
)]
pub(crate) struct JudgeArguments {
    /// The accusation.
    accusation: PathBuf,
    /// Your trust anchors.
    #[arg(long)]
    anchors: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let anchors = File::load(&arguments.anchors)?.anchors()?;
    let views = arguments.files.iter().map(|path| views(path));
    let views: Vec<LogView> = views.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let charges = views.iter().enumerate().flat_map(|(at, one)| {
        let later = views.iter().skip(at.saturating_add(1));
        let pairs = later.filter(|other| other.origin == one.origin);
        let pairs = pairs.flat_map(|other| between(one, other));
        pairs.chain(twice(one)).map(|charge| (one.origin.clone(), charge))
    });
    for (origin, charge) in charges {
        let accusation = Accusation { format: Accusation::FORMAT.into(), origin, charge };
        let bytes = accusation.to_cbor();
        if let Ok(offence) = judge(&bytes, &anchors) {
            write(&arguments.out, &bytes)?;
            said(&accusation.origin, offence);
            output::line(format!("wrote {}", arguments.out.display()));
            return Ok(ExitCode::SUCCESS);
        }
    }
    output::line("nothing in these files contradicts the rest");
    output::line("  try: compare files that different people were given, of one log");
    Ok(ExitCode::from(2))
}

pub(crate) fn judged(arguments: &JudgeArguments) -> Result<ExitCode, Fault> {
    let anchors = File::load(&arguments.anchors)?.anchors()?;
    let limit = u64::try_from(Accusation::MAX_BYTES).unwrap_or(u64::MAX);
    let bytes = read(&arguments.accusation, limit)?;
    let accusation = Accusation::from_cbor(&bytes).map_err(|_| {
        Fault::new(
            "accusation-unreadable",
            format!("{} is no accusation", arguments.accusation.display()),
            "name what `cloister accuse`, `log check`, `witness` or `openings` wrote",
        )
    })?;
    match judge(&bytes, &anchors) {
        Ok(offence) => {
            said(&accusation.origin, offence);
            Ok(ExitCode::SUCCESS)
        }
        Err(unfounded) => {
            output::line(format!("nobody is convicted [{}]: {unfounded}", unfounded.code()));
            output::line("  try: compare the anchors with what the monitor publishes");
            Ok(ExitCode::from(2))
        }
    }
}

fn said(origin: &str, offence: Offence) {
    let word = output::paint(output::RED, "CONVICTED");
    output::folded(&format!("{word} [{}] {origin}: {}", offence.code(), offence.meaning()), 4);
}

/// What a file shows of logs.
fn views(path: &Path) -> Result<Vec<LogView>, Fault> {
    let limit = u64::try_from(Holdings::MAX_BYTES).unwrap_or(u64::MAX);
    let bytes = read(path, limit)?;
    if let Ok(bundle) = Bundle::from_cbor(&bytes) {
        return Ok(bundle.logs);
    }
    if let Ok(Holdings { origin, checkpoint, leaves, .. }) = Holdings::from_cbor(&bytes) {
        return Ok(vec![LogView { origin, checkpoint, leaves }]);
    }
    let note = String::from_utf8(bytes).ok();
    let note = note.filter(|note| tlog::checkpoint_text(note).is_some()).ok_or_else(|| {
        Fault::new(
            "accuse-unreadable",
            format!("{} is no bundle, no file of openings and no checkpoint", path.display()),
            "name files that a monitor's answers were written to",
        )
    })?;
    let origin = note.lines().next().unwrap_or_default().to_owned();
    Ok(vec![LogView { origin, checkpoint: note, leaves: Vec::new() }])
}

/// What cannot both be true in two views of one log. Whether it convicts is judged after.
fn between(one: &LogView, other: &LogView) -> Vec<Charge> {
    let heads =
        Charge::ForkedHead { first: one.checkpoint.clone(), second: other.checkpoint.clone() };
    let leaves = one.leaves.iter().filter_map(|first| {
        let same = |leaf: &&IncludedLeaf| leaf.disclosed.index == first.disclosed.index;
        let second = other.leaves.iter().find(same)?;
        let differ = second.disclosed.leaf != first.disclosed.leaf;
        differ.then(|| Charge::ForkedLeaf {
            first: one.checkpoint.clone(),
            first_leaf: first.clone(),
            second: other.checkpoint.clone(),
            second_leaf: second.clone(),
        })
    });
    std::iter::once(heads).chain(leaves).collect()
}

/// Two leaves of one epoch in one view, with the leaves of all boots.
fn twice(view: &LogView) -> Option<Charge> {
    let tally = |leaf: &IncludedLeaf| TallyBody::from_cbor(&leaf.disclosed.body).ok();
    let epochs: Vec<_> =
        view.leaves.iter().filter_map(|leaf| tally(leaf).map(|b| (b.tally, b.epoch))).collect();
    let double = epochs.iter().find(|at| epochs.iter().filter(|other| other == at).count() > 1)?;
    let leaves = view.leaves.iter().filter(|leaf| {
        leaf.disclosed.leaf.kind == Kind::Boot
            || tally(leaf).is_some_and(|body| (body.tally, body.epoch) == *double)
    });
    let (origin, checkpoint) = (view.origin.clone(), view.checkpoint.clone());
    Some(Charge::TwoTotals {
        view: LogView { origin, checkpoint, leaves: leaves.cloned().collect() },
    })
}
