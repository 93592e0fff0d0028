//! Every file of `forged/` is one broken or forged bundle and the code that refuses it.
//!
//! A file says `expect:` a code, `why:` in words, and `forge:` the step that makes it out of a
//! good bundle. Its name is the test's name.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails here says so")]

use std::collections::BTreeSet;
use std::path::Path;

#[macro_use]
#[path = "support/change.rs"]
mod change;
#[path = "support/accused.rs"]
mod accused;
#[path = "support/aggregates.rs"]
mod aggregates;
#[path = "support/charges.rs"]
mod charges;
#[path = "support/coins.rs"]
mod coins;
#[path = "support/fields.rs"]
mod fields;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/forge.rs"]
mod forge;
#[path = "support/ledgers.rs"]
mod ledgers;
#[path = "support/monitor.rs"]
mod monitor;
#[path = "support/proven.rs"]
mod proven;
#[path = "support/revisions.rs"]
mod revisions;
#[path = "support/shapes.rs"]
mod shapes;
#[path = "support/steps.rs"]
mod steps;

use aggregates::AGGREGATES;
use charges::CHARGES;
use fields::FIELDS;
use forge::{Case, Step};
use ledgers::LEDGERS;
use messages::ids::Root;
use messages::leaf::{BreakBody, BreakCause, Days};
use messages::publication::Publication;
use messages::time::Epoch;
use monitor::Monitor;
use proven::PROVEN;
use revisions::REVISIONS;
use shapes::SHAPES;
use steps::STEPS;

struct File {
    name: String,
    expect: String,
    forge: String,
}

#[test]
fn every_forged_bundle_is_refused_with_its_own_code() {
    let monitor = Monitor::start();
    let good = monitor.good_bundle();
    assert_eq!(Case::new(&monitor, &good).outcome(), "verified", "the bundle that is forged");
    let mut failures = Vec::new();
    for file in files() {
        let Some((_, step)) = steps().find(|(name, _)| *name == file.forge) else {
            failures.push(format!("{}: no step called {}", file.name, file.forge));
            continue;
        };
        let mut case = Case::new(&monitor, &good);
        step(&mut case);
        let outcome = case.outcome();
        if outcome != file.expect {
            failures.push(format!("{}: expected {}, got {outcome}", file.name, file.expect));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What stands exactly at a bound is no forgery.
#[test]
fn what_just_holds_is_verified() {
    let monitor = Monitor::start();
    let good = monitor.good_bundle();
    let holding: [(&str, Step); 14] = [
        ("the tally broke off after the range", |c| {
            let tally = c.bundle.claims[0].claim.ranges[0].tally();
            let (last, cause) = (Epoch(2), BreakCause::Mismatch);
            c.push(Publication::Break(BreakBody {
                tally,
                last,
                cause,
                at: fixture::exactly(2600),
            }));
        }),
        ("the day pays again", |c| c.reserve_again(|_| ())),
        ("another day has a budget of its own", |c| {
            c.reserve_again(|b| {
                b.day += 1;
                b.spent_nano_rho = b.cap_nano_rho;
            });
        }),
        ("a total goes on", |c| {
            aggregates::told(c, |_| ());
        }),
        ("a whole ledger shows each day of a total", ledgers::next_day),
        ("a number is proven", |c| proven::told(c, |_| ())),
        ("a dealer of a proven number is known", |c| {
            c.anchors.dealers = vec![("dealer".into(), coins::dealers()[1].public())];
            proven::told(c, |_| ());
        }),
        ("a whole ledger shows a proven number", |c| {
            proven::told(c, |_| ());
            ledgers::whole(c, |_| ());
        }),
        ("another total begins after it", |c| {
            aggregates::told(c, |q| q.total = Some(Days { first: 20_001, horizon: 30 }));
        }),
        ("another data set has totals of its own", |c| {
            aggregates::told(c, |q| (q.dataset, q.day) = (Root([34; 32]), 3));
        }),
        ("all that is spent is spent on one", |c| {
            c.reserve(|b| b.spent_nano_rho = 11_000_000);
        }),
        ("the whole cap is spent", |c| c.reserve(|b| b.cap_nano_rho = b.spent_nano_rho)),
        ("the last moment before it is stale", |c| c.now.0 = fixture::EXPIRY.0 - 1),
        ("a missing event is admitted that is none", |c| {
            c.signed();
            c.bundle.claims[0].claim.admitted_gaps = 9;
            c.sign_again();
        }),
    ];
    for (what, step) in holding {
        let mut case = Case::new(&monitor, &good);
        step(&mut case);
        assert_eq!(case.outcome(), "verified", "{what}");
    }
}

#[test]
fn every_step_has_its_file_and_every_code_is_one_of_ours() {
    let files = files();
    let named: BTreeSet<&str> = files.iter().map(|f| f.forge.as_str()).collect();
    let steps: BTreeSet<&str> = steps().map(|(name, _)| *name).collect();
    assert_eq!(named, steps);
    assert_eq!(files.len(), steps.len(), "a step is used once");
    let codes = verify::all_codes();
    for file in &files {
        assert!(codes.contains(&file.expect.as_str()), "{}: {}", file.name, file.expect);
        assert_eq!(file.name, file.forge, "the file is called after its step");
    }
    let provoked: BTreeSet<&str> = files.iter().map(|f| f.expect.as_str()).collect();
    // Proofs about each event take a proving key: their codes are provoked in `obeyed.rs`, but for
    // what a verifier says that knows no circuits.
    let obeyed = include_str!("obeyed.rs");
    let elsewhere =
        |code: &str| obeyed.contains(&format!("\"{code}\"")) || code == "circuit-unknown";
    let missing = codes.into_iter().filter(|code| !provoked.contains(code) && !elsewhere(code));
    let missing: Vec<&str> = missing.collect();
    // No statement compiles to a form with a zero: only a form that is made by hand has one.
    assert_eq!(missing, ["zero-coefficient"], "every code has an artefact");
}

fn steps() -> impl Iterator<Item = &'static (&'static str, Step)> {
    STEPS
        .iter()
        .chain(REVISIONS)
        .chain(SHAPES)
        .chain(FIELDS.iter().copied().flatten())
        .chain(AGGREGATES.iter().copied().flatten())
        .chain(PROVEN.iter().copied().flatten())
        .chain(LEDGERS.iter().copied().flatten())
        .chain(CHARGES.iter().copied().flatten())
}

fn files() -> Vec<File> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forged");
    let mut files: Vec<File> =
        std::fs::read_dir(folder).unwrap().map(|entry| read(&entry.unwrap().path())).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(files.len() >= 250, "{} files", files.len());
    files
}

fn read(path: &Path) -> File {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(path.extension().unwrap(), "txt", "{name}");
    let text = std::fs::read_to_string(path).unwrap();
    let field = |key: &str| {
        let lines: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix(key)).collect();
        match lines.as_slice() {
            [one] if !one.trim().is_empty() => one.trim().to_owned(),
            _ => panic!("{name}: {key} once"),
        }
    };
    assert!(field("why:").len() > 10, "{name}");
    assert_eq!(text.lines().count(), 3, "{name}: nothing else");
    File { expect: field("expect:"), forge: field("forge:"), name }
}
