//! `cloister pact diff`: what a revision changes, and who must sign it.

use std::path::PathBuf;
use std::process::ExitCode;

use messages::event::Party;
use pact::{Diff, Kind, Needed, Pact, diff, succeeds};
use serde_json::json;

use crate::fault::Fault;
use crate::output;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The pact that holds, signed or not.
    old: PathBuf,
    /// The pact that is to replace it, signed or not.
    new: PathBuf,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let [old, new] = [super::open(&arguments.old)?, super::open(&arguments.new)?];
    let (old, new) = (old.pact(), new.pact());
    let found = diff(old, new);
    if arguments.json {
        print_json(&found, old, new);
    } else {
        print_words(&found, old, new);
    }
    Ok(if found.is_narrower() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_words(found: &Diff, old: &Pact, new: &Pact) {
    for difference in found.differences() {
        let colour = match difference.kind {
            Kind::Narrower => output::GREEN,
            Kind::Wider => output::RED,
            Kind::Changed => output::YELLOW,
        };
        let word = output::paint(colour, difference.kind.word());
        output::line(format!("{word} at {}: {}", difference.at, difference.text));
    }
    output::line(match found.signatures() {
        Needed::None => "nothing differs; both parties sign a revision that says so".to_owned(),
        Needed::Any => "either party's signature is enough: it objects to renewal".to_owned(),
        Needed::One(party) => {
            format!("the {}'s signature is enough: only its own permits shrink", name(party))
        }
        Needed::Both => "both parties must sign".to_owned(),
    });
    match succeeds(old, new) {
        Ok(_) => output::line("the new pact can follow the old one"),
        Err(error) => {
            output::line(format!("the new pact cannot follow yet: {error} ({})", error.code()));
            output::folded(&format!("  try: {}", error.remedy()), 2);
        }
    }
}

fn print_json(found: &Diff, old: &Pact, new: &Pact) {
    let differences: Vec<_> = found
        .differences()
        .iter()
        .map(|d| json!({"kind": d.kind.word(), "at": d.at, "text": d.text}))
        .collect();
    let signatures = match found.signatures() {
        Needed::Any => "any",
        Needed::None => "none",
        Needed::One(party) => name(party),
        Needed::Both => "both",
    };
    let succession = match succeeds(old, new) {
        Ok(_) => json!({"follows": true}),
        Err(error) => json!({
            "follows": false,
            "code": error.code(),
            "reason": error.to_string(),
            "remedy": error.remedy(),
        }),
    };
    let document = json!({
        "old": old.hash().to_string(),
        "new": new.hash().to_string(),
        "differences": differences,
        "signatures": signatures,
        "succession": succession,
    });
    output::line(document.to_string());
}

const fn name(party: Party) -> &'static str {
    match party {
        Party::Initiator => "initiator",
        Party::Provider => "provider",
    }
}
