//! `cloister policy`: what is accepted of confidential VMs, and how evidence stands against it.

mod explain;
mod measure;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attestations::{
    FamilyPolicy, HardwarePolicy, PolicyDocument, PolicyError, PolicySigner, TdxPolicy,
};
use clap::Subcommand;
use messages::did::Did;

use crate::fault::{Fault, read, write};
use crate::{key, output};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say row by row how the evidence of a monitor stands against the anchors' policy.
    Explain(explain::Arguments),
    /// Compute the launch measurements of an SEV-SNP image: reference values for a policy.
    Measure(measure::MeasureArguments),
    /// Find which part of which release moved, where a measurement is not the expected one.
    Moved(measure::MovedArguments),
    /// Say in words what a policy accepts, who signed it, and its digest.
    Show {
        /// The policy.
        policy: PathBuf,
    },
    /// Sign a policy, for those who name your key.
    Sign(SignArguments),
}

#[derive(clap::Args)]
pub(crate) struct SignArguments {
    /// The policy.
    policy: PathBuf,
    /// Your key.
    #[arg(long)]
    key: PathBuf,
    /// Where to write the signed policy.
    #[arg(long)]
    out: PathBuf,
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Explain(arguments) => explain::run(arguments),
        Command::Measure(arguments) => measure::measure(arguments),
        Command::Moved(arguments) => measure::moved(arguments),
        Command::Show { policy } => show(policy),
        Command::Sign(arguments) => sign(arguments),
    }
}

/// Reads a policy that the caller stands for, or that `signer` signed in a version of at least
/// `version`.
pub(crate) fn load(
    path: &Path,
    signer: Option<&str>,
    version: u64,
) -> Result<HardwarePolicy, Fault> {
    let bytes = read(path, MOST_BYTES)?;
    let Some(signer) = signer else { return own(&bytes).map_err(unusable) };
    let key = Did::parse(signer).and_then(|did| did.key()).ok_or_else(|| {
        Fault::new(
            "policy-signer-malformed",
            "the signer is not an Ed25519 did:key",
            "give what `cloister key show` prints of the signer's key",
        )
    })?;
    HardwarePolicy::signed(&bytes, &PolicySigner { key, version }).map_err(unusable)
}

/// A policy that whoever names the file stands for.
fn own(bytes: &[u8]) -> Result<HardwarePolicy, PolicyError> {
    HardwarePolicy::pinned(bytes, HardwarePolicy::digest_of(bytes)?)
}

pub(crate) fn unusable(error: PolicyError) -> Fault {
    Fault::new(error.code(), error.to_string(), error.remedy())
}

fn sign(arguments: &SignArguments) -> Result<ExitCode, Fault> {
    let policy = own(&read(&arguments.policy, MOST_BYTES)?).map_err(unusable)?;
    let key = key::load(&arguments.key)?;
    let text = HardwarePolicy::write(policy.document(), &[&key]).map_err(unusable)?;
    write(&arguments.out, text.as_bytes())?;
    let signer = Did::from_key(&key.public());
    let version = policy.document().version;
    output::line(format!("{} version {version}, signed by {signer}", policy.digest()));
    Ok(ExitCode::SUCCESS)
}

fn show(path: &Path) -> Result<ExitCode, Fault> {
    let bytes = read(path, MOST_BYTES)?;
    let policy = own(&bytes).map_err(unusable)?;
    let document = policy.document();
    output::line(format!("policy {}", policy.digest()));
    let say = |what: &str, value: String| output::line(format!("  {what:<20}{value}"));
    say("version", document.version.to_string());
    say("a verdict lasts", format!("{} s", document.verdict_s));
    for signer in HardwarePolicy::signers(&bytes).map_err(unusable)? {
        say("signed by", signer.to_string());
    }
    snp(document, &say);
    tdx(document.tdx.as_ref(), &say);
    Ok(ExitCode::SUCCESS)
}

fn snp(document: &PolicyDocument, say: &impl Fn(&str, String)) {
    let Some(snp) = &document.snp else { return say("sev-snp", "refused".into()) };
    let images = format!("{} launch measurements", snp.measurements.len());
    say("sev-snp", images);
    for (family, FamilyPolicy { floor, chips }) in &snp.families {
        let chips = chips.as_ref().map(|chips| format!("{} chips", chips.len()));
        let chips = chips.unwrap_or_else(|| "any chip".into());
        say(&format!("  {}", family.name()), format!("{chips}, at least {floor}"));
    }
    if snp.families.is_empty() {
        say("  families", "none, so all are refused".into());
    }
    let clouds = if snp.clouds.is_empty() { "refused".to_owned() } else { snp.clouds.join(", ") };
    say("  keys of clouds", clouds);
    let demands = [
        (!snp.smt, "no shared cores"),
        (snp.single_socket, "one socket"),
        (snp.rapl_off, "no power readings"),
        (snp.ciphertext_hiding, "hidden ciphertexts"),
        (snp.page_swap_off, "no page swap"),
        (snp.mitigations != 0, "mitigations"),
        (snp.revocation.required, "a revocation list"),
        (snp.id_keys.is_some(), "a signed identity block"),
    ];
    say("  demands", named(&demands));
}

fn tdx(tdx: Option<&TdxPolicy>, say: &impl Fn(&str, String)) {
    let Some(tdx) = tdx else { return say("tdx", "refused".into()) };
    say(
        "tdx",
        format!("{} images, evaluation at least {}", tdx.measurements.len(), tdx.evaluation),
    );
    let states = match tdx.statuses.len() {
        0 => "up to date".to_owned(),
        more => format!("up to date, or one of {more} more, {} s of grace", tdx.grace_s),
    };
    say("  platforms", states);
    let demands = [
        (!tdx.smt, "no shared cores"),
        (!tdx.dynamic_platform, "no added processors"),
        (!tdx.cached_keys, "no cached keys"),
        (tdx.platforms.is_some(), "a listed platform"),
    ];
    say("  demands", named(&demands));
}

fn named(demands: &[(bool, &str)]) -> String {
    let made: Vec<&str> = demands.iter().filter(|(made, _)| *made).map(|(_, name)| *name).collect();
    if made.is_empty() { "none".into() } else { made.join(", ") }
}

const MOST_BYTES: u64 = 1 << 20;
