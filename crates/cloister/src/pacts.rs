//! `cloister pact`: draft, lint, explain, diff, hash, sign, countersign.

mod counters;
mod diff;
mod draft;
mod explain;
mod templates;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use messages::did::Did;
use messages::ids::PactHash;
use pact::{KeyRing, Mode, Pact, PactError, Severity, SignedPact, lint};

use crate::fault::{Fault, read, write};
use crate::replay::MAX_PACT;
use crate::{ModeArgument, key, output};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print the digest of a value that must never travel, for `monitoring.canaries`.
    #[command(after_help = "Example:\n  cloister pact canary kingfisher-4711")]
    Canary {
        /// One word, with enough in it that nobody guesses it.
        value: String,
    },
    /// List the names that claims under a pact may use.
    #[command(after_help = "Example:\n  cloister pact counters bank.pact.json")]
    Counters {
        /// A pact, signed or not.
        pact: PathBuf,
    },
    /// Add the second party's signature; the pact then binds.
    #[command(
        after_help = "Example:\n  cloister pact countersign proposal.json --key provider.key --out signed.json"
    )]
    Countersign(SignArguments),
    /// Say what a revision changes, and whose signatures it needs.
    #[command(
        after_help = "Example:\n  cloister pact diff bank-1.pact.json bank-2.pact.json\n\nExit codes: 0 nothing differs or the new pact only grants less; 1 something is wider or needs both signatures; 3 one is no pact."
    )]
    Diff(diff::Arguments),
    /// Print a first pact for a list of tools, to be read and changed before it is signed.
    #[command(
        after_help = "Example:\n  cloister pact draft --tools tools.json --name helpdesk > draft.json\n\nThe parties are placeholders: put their DIDs in."
    )]
    Draft(draft::Arguments),
    /// Say in plain sentences what a pact permits, what is kept, and what leaves the monitor.
    #[command(after_help = "Example:\n  cloister pact explain bank.pact.json")]
    Explain {
        /// A pact, signed or not.
        pact: PathBuf,
    },
    /// Print the SHA-256 of the canonical bytes.
    #[command(after_help = "Example:\n  cloister pact hash bank.pact.json")]
    Hash {
        /// A pact, signed or not.
        pact: PathBuf,
    },
    /// Say what cannot be monitored, contradicts itself, or is only recorded.
    #[command(
        after_help = "Example:\n  cloister pact lint bank.pact.json\n\nExit codes: 0 it can be monitored; 1 it cannot; 3 it is no pact."
    )]
    Lint {
        /// A pact, signed or not.
        pact: PathBuf,
    },
    /// Sign as one party. One signature is a proposal and binds nothing.
    #[command(
        after_help = "Example:\n  cloister pact sign bank.pact.json --key initiator.key --out proposal.json"
    )]
    Sign(SignArguments),
    /// Print a template with its places filled in, for its own tools or for yours.
    #[command(
        after_help = "Example:\n  cloister pact template purchase --set INITIATOR=did:web:a.example \\\n    --set PROVIDER=did:web:b.example --set MONITOR=did:web:m.example \\\n    --set OVERSEER=did:web:a.example:owner --set AUDITOR=did:web:a.example:audit \\\n    --set CEILING_PER_PURCHASE=100.00 > purchase.json"
    )]
    Template(templates::Arguments),
    /// List the templates: pacts for common relations, and what each asks for.
    #[command(after_help = "Example:\n  cloister pact templates")]
    Templates,
}

#[derive(clap::Args)]
pub(crate) struct SignArguments {
    /// The pact.
    pact: PathBuf,
    /// The signer's key.
    #[arg(long)]
    key: PathBuf,
    /// The signer's DID, when it is not the key's own did:key.
    #[arg(long)]
    did: Option<String>,
    /// Where to write the signed pact.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Canary { value } => {
            output::line(format!("sha256:{}", hex::encode(pact::canary(value))));
            Ok(ExitCode::SUCCESS)
        }
        Command::Counters { pact } => counters::run(pact),
        Command::Diff(arguments) => diff::run(arguments),
        Command::Draft(arguments) => draft::run(arguments),
        Command::Explain { pact } => explain::run(pact),
        Command::Hash { pact } => {
            output::line(hash_of(pact)?.to_string());
            Ok(ExitCode::SUCCESS)
        }
        Command::Lint { pact } => lint_file(pact),
        Command::Sign(arguments) => sign(arguments, false),
        Command::Countersign(arguments) => sign(arguments, true),
        Command::Template(arguments) => templates::fill(arguments),
        Command::Templates => Ok(templates::list()),
    }
}

/// The hash of a pact, signed or not.
pub(crate) fn hash_of(path: &Path) -> Result<PactHash, Fault> {
    Ok(open(path)?.pact().hash())
}

fn lint_file(path: &Path) -> Result<ExitCode, Fault> {
    let signed = open(path)?;
    let findings = lint(signed.pact());
    for finding in &findings {
        let (colour, word) = match finding.severity {
            Severity::Error => (output::RED, "error"),
            Severity::Warning => (output::YELLOW, "warning"),
            Severity::RecordedOnly => (output::YELLOW, "recorded only"),
        };
        let head = output::paint(colour, &format!("{word}[{}]", finding.code));
        output::line(format!("{head} at {}: {}", finding.at, finding.text));
        output::line(format!("  try: {}", finding.remedy));
    }
    if findings.iter().any(|f| f.severity == Severity::Error) {
        return Ok(ExitCode::from(1));
    }
    if let Err(error) = pact::compile(signed.pact()) {
        return Err(Fault::new(error.code(), error.to_string(), error.remedy()));
    }
    output::line("the pact can be monitored");
    if signed.signers().next().is_some() {
        output::line(format!("signatures: {}", state(signed)));
    }
    Ok(ExitCode::SUCCESS)
}

fn sign(arguments: &SignArguments, counter: bool) -> Result<ExitCode, Fault> {
    let signed = open(&arguments.pact)?;
    if counter && signed.signers().next().is_none() {
        return Err(Fault::new(
            "pact-unsigned",
            "there is no first signature to add to",
            "use `cloister pact sign`",
        ));
    }
    let key = key::load(&arguments.key)?;
    let did = match &arguments.did {
        None => Did::from_key(&key.public()),
        Some(text) => Did::parse(text).ok_or_else(|| {
            Fault::new("did-malformed", "the --did is not a DID", "give did:method:identifier")
        })?,
    };
    let pact = signed.pact();
    if did != *pact.initiator() && did != *pact.provider() {
        return Err(Fault::new(
            "pact-not-a-party",
            format!("{did} is neither initiator nor provider of this pact"),
            "sign with a party's key, and name its DID with --did",
        ));
    }
    if did.key().is_some_and(|own| own != key.public()) {
        return Err(Fault::new(
            "key-not-of-did",
            format!("the key is not the one that {did} carries"),
            "sign with that key; `cloister key show` prints the DID of a key",
        ));
    }
    if counter && signed.signers().all(|signer| *signer == did) {
        return Err(Fault::new(
            "pact-other-party",
            format!("{did} has signed already: the other party countersigns"),
            "use the other party's key",
        ));
    }
    let signed = signed.sign(did, &key);
    write(&arguments.out, &signed.to_bytes())?;
    output::line(format!("{}: {}", arguments.out.display(), state(signed)));
    Ok(ExitCode::SUCCESS)
}

/// What the signatures of a pact amount to, without any pinned key.
fn state(signed: SignedPact) -> String {
    match signed.bind(&KeyRing::default()) {
        Ok(_) => "binding, both parties have signed".into(),
        Err(error) if error.code() == "one-signature" => {
            "a proposal, it binds nothing until both parties have signed".into()
        }
        Err(error) => format!("not binding ({}: {error})", error.code()),
    }
}

/// Does the file carry signatures beside the pact?
pub(crate) fn looks_signed(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Signed {
        #[serde(rename = "signatures")]
        _signatures: serde::de::IgnoredAny,
    }
    serde_json::from_slice::<Signed>(bytes).is_ok()
}

/// A pact file, signed or not.
pub(crate) fn open(path: &Path) -> Result<SignedPact, Fault> {
    parse(&read(path, MAX_PACT)?)
}

/// A pact, signed or not.
pub(crate) fn parse(bytes: &[u8]) -> Result<SignedPact, Fault> {
    let parsed = if looks_signed(bytes) {
        SignedPact::parse(bytes)
    } else {
        Pact::parse(bytes).map(SignedPact::draft)
    };
    parsed.map_err(|error| {
        if let Some(place) = open_place(bytes) {
            return Fault::new(
                "pact-places-open",
                format!("the draft has places to fill in, such as {{{{{place}}}}} ({error})"),
                "put a value there: DIDs for parties, monitor and people, a salt for the consent",
            );
        }
        refused(&error)
    })
}

/// The first `{{NAME}}` of a draft.
fn open_place(bytes: &[u8]) -> Option<&str> {
    let (_, rest) = core::str::from_utf8(bytes).ok()?.split_once("{{")?;
    let (place, _) = rest.split_once("}}")?;
    let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    place.chars().all(name).then_some(place)
}

/// A pact's error, for a person.
pub(crate) fn refused(error: &PactError) -> Fault {
    Fault::new(error.code(), error.to_string(), error.remedy())
}

/// A pact's mode, as the command names it.
pub(crate) const fn mode(mode: Mode) -> ModeArgument {
    match mode {
        Mode::Passive => ModeArgument::Passive,
        Mode::Active => ModeArgument::Active,
        Mode::Interventionist => ModeArgument::Interventionist,
    }
}
