//! `cloister stamp`: a time-stamping authority (RFC 3161) says since when a checkpoint or a pact
//! exists. It sees a digest and nothing else.

pub(crate) mod authority;

use std::path::PathBuf;
use std::process::ExitCode;

use bytes::Bytes;
use clap::{Args, Subcommand};
use messages::bundle::{Bundle, Stamp};
use messages::codec::Wire;
use messages::time::UnixMillis;
use sha2::{Digest, Sha256};

use self::authority::Authorities;
use crate::anchors::File;
use crate::fault::{Fault, read, write};
use crate::outbound::Target;
use crate::{output, pacts};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Have the checkpoints and the pacts of a bundle stamped.
    Add(AddArguments),
    /// Have a pact stamped, when it is signed.
    Pact(PactArguments),
    /// Write what the time stamps of a bundle are of, and the tokens, for `openssl ts -verify`.
    Export(ExportArguments),
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  cloister stamp add bundle.cbor --anchors anchors.toml \\\n    --authority https://tsa.example/ --out bundle.cbor\n  cloister stamp add bundle.cbor --anchors anchors.toml --token pact.tst --out bundle.cbor\n\nOnly tokens of authorities that the anchors name are taken."
)]
pub(crate) struct AddArguments {
    /// The bundle.
    bundle: PathBuf,
    /// Anchors with [time_stamps.authorities].
    #[arg(long)]
    anchors: PathBuf,
    /// Address of an authority; `http` will do, since its tokens are signed.
    #[arg(long, required_unless_present = "token")]
    authority: Option<String>,
    /// A token that there is already.
    #[arg(long)]
    token: Vec<PathBuf>,
    /// Where to write the stamped bundle.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister stamp pact pact.json --anchors anchors.toml \\\n    --authority https://tsa.example/ --out pact.tst\n\nIt says that the terms existed, not that they were signed: for that, have the checkpoint of the log\nstamped that the pact is registered in."
)]
pub(crate) struct PactArguments {
    /// The pact, draft or signed.
    pact: PathBuf,
    /// Anchors with [time_stamps.authorities].
    #[arg(long)]
    anchors: PathBuf,
    /// Address of an authority.
    #[arg(long)]
    authority: String,
    /// Where to write the token, DER.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister stamp export bundle.cbor --out stamps\n  openssl ts -verify -data stamps/1.data -in stamps/1.tst -token_in -CAfile authority.pem"
)]
pub(crate) struct ExportArguments {
    /// The bundle.
    bundle: PathBuf,
    /// A folder.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Add(arguments) => add(arguments),
        Command::Pact(arguments) => pact(arguments),
        Command::Export(arguments) => export(arguments),
    }
}

fn add(arguments: &AddArguments) -> Result<ExitCode, Fault> {
    let mut bundle = bundle(&arguments.bundle)?;
    let file = File::load(&arguments.anchors)?;
    let authorities = Authorities::read(file.0.time_stamps.as_ref())?;
    let stampable = verify::stampable(&bundle);
    for path in &arguments.token {
        let token = read(path, MAX_TOKEN)?;
        let checked = stampable.iter().map(|data| authorities.check(&token, data));
        let at = first(checked)?;
        keep(&mut bundle, Stamp { digest: *at.digest(), token });
        say(at.at(), "added");
    }
    if let Some(url) = &arguments.authority {
        for data in &stampable {
            let (token, at) = asked(url, data, &authorities)?;
            keep(&mut bundle, Stamp { digest: Sha256::digest(data).into(), token });
            say(at, "stamped");
        }
    }
    if bundle.stamps.len() > Bundle::MAX_NOTES {
        return Err(Fault::new(
            "stamps-too-many",
            "the bundle would carry more time stamps than a verifier reads",
            "start from the bundle as the monitor gave it",
        ));
    }
    write(&arguments.out, &bundle.to_cbor())?;
    output::line(format!("wrote {}", arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}

fn pact(arguments: &PactArguments) -> Result<ExitCode, Fault> {
    let hash = pacts::hash_of(&arguments.pact)?;
    let file = File::load(&arguments.anchors)?;
    let authorities = Authorities::read(file.0.time_stamps.as_ref())?;
    let (token, at) = asked(&arguments.authority, &verify::pact_name(&hash), &authorities)?;
    write(&arguments.out, &token)?;
    say(at, &format!("{hash} stamped"));
    Ok(ExitCode::SUCCESS)
}

fn export(arguments: &ExportArguments) -> Result<ExitCode, Fault> {
    let bundle = bundle(&arguments.bundle)?;
    if bundle.stamps.is_empty() {
        return Err(Fault::new(
            "stamps-none",
            "the bundle carries no time stamp",
            "add one with `cloister stamp add`",
        ));
    }
    let out = &arguments.out;
    std::fs::create_dir_all(out).map_err(|e| Fault::unwritable(out, &e))?;
    let stampable = verify::stampable(&bundle);
    for (number, stamp) in (1_usize..).zip(&bundle.stamps) {
        let data = stampable.iter().find(|data| Sha256::digest(data)[..] == stamp.digest);
        let Some(data) = data else {
            output::line(format!("{number}: a token of something else"));
            continue;
        };
        let (of, token) = (format!("{number}.data"), format!("{number}.tst"));
        write(&out.join(&of), data)?;
        write(&out.join(&token), &stamp.token)?;
        let what = if data.starts_with(b"sha256:") { "a pact" } else { "a checkpoint" };
        output::line(format!("{number}: {what} in {of}, its token in {token}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks an authority, and takes no token that a verifier would not.
fn asked(
    url: &str,
    data: &[u8],
    authorities: &Authorities,
) -> Result<(Vec<u8>, UnixMillis), Fault> {
    let target = Target::signed(url).ok_or_else(|| {
        Fault::new(
            "authority-address",
            "the authority is at neither an https:// nor an http:// address",
            "give the address that its operator publishes",
        )
    })?;
    let query = Bytes::from(authority::request(data));
    let unanswered = |said: String| {
        Fault::new(
            "authority-unanswered",
            format!("the time-stamping authority did not answer: {said}"),
            "check the address, and that it takes requests over HTTP (RFC 3161, 3.4)",
        )
    };
    let answer = target.post_and_wait("application/timestamp-query", query);
    let answer = answer.map_err(|error| unanswered(error.to_string()))?;
    if answer.status != 200 {
        return Err(unanswered(format!("status {}", answer.status)));
    }
    let token = authority::token(&answer.body)?;
    let at = authorities.check(&token, data)?.at();
    Ok((token, at))
}

/// The first that is accepted, or why the last was not.
fn first<T>(mut outcomes: impl Iterator<Item = Result<T, Fault>>) -> Result<T, Fault> {
    let mut last = Err(Fault::new(
        "stamp-of-nothing",
        "the bundle has neither a checkpoint nor a claim",
        "name what `cloister claim` or `cloister prove` wrote",
    ));
    while let (Err(_), Some(next)) = (&last, outcomes.next()) {
        last = next;
    }
    last
}

/// Without a second copy of the same token.
fn keep(bundle: &mut Bundle, stamp: Stamp) {
    if !bundle.stamps.contains(&stamp) {
        bundle.stamps.push(stamp);
    }
}

fn bundle(path: &std::path::Path) -> Result<Bundle, Fault> {
    let bytes = read(path, u64::try_from(Bundle::MAX_BYTES).unwrap_or(u64::MAX))?;
    Bundle::from_cbor(&bytes).map_err(|_| {
        Fault::new(
            "bundle-unreadable",
            format!("{} is no bundle", path.display()),
            "name what `cloister claim` or `cloister prove` wrote",
        )
    })
}

fn say(at: UnixMillis, what: &str) {
    output::line(format!("{what} {}", output::moment(at)));
}

const MAX_TOKEN: u64 = 64 * 1024;
