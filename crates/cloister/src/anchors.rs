//! `cloister anchors`: trust from outside. Anchors are pinned by the one who will verify, from an
//! executable and a configuration that this one chose; a monitor never writes them.

mod outsiders;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attestations::{HardwarePolicy, Log, Policy, SoftwarePolicy};
use clap::Subcommand;
use messages::circuit::CircuitKey;
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::ids::{ConfigDigest, PactHash};
use messages::time::UnixMillis;
use rand_core::{OsRng, RngCore};
use verify::Anchors;
use verify::documents::{AnchorsDocument, AudienceDocument, MonitorDocument};

use self::outsiders::Outsiders;
use crate::client::Client;
use crate::fault::{Fault, read, write};
use crate::{circuit, daemon, output, policy};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Challenge a monitor, appraise its evidence, and write what it must keep showing.
    Pin(PinArguments),
    /// Put the monitors and pacts of several anchors into one file: claims may speak of them all.
    /// Audience and nonce are those of the first. Witnesses and authorities are those of all of
    /// them and those that are named here; nothing that any file demands is left out.
    Join(JoinArguments),
    /// Say in words what an anchors file believes; --json prints it for the browser's verifier.
    Show(ShowArguments),
}

#[derive(clap::Args)]
pub(crate) struct ShowArguments {
    /// An anchors file.
    anchors: PathBuf,
    /// Print the anchors as one JSON document.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub(crate) struct JoinArguments {
    /// Anchors files.
    #[arg(required = true)]
    anchors: Vec<PathBuf>,
    #[command(flatten)]
    outsiders: Outsiders,
    /// Where to write the joined anchors.
    #[arg(long)]
    out: PathBuf,
}

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  cloister anchors pin --monitor https://127.0.0.1:8443 --config monitor.toml \\\n    --executable ./cloisterd --pact sha256:... --out anchors.toml"
)]
pub(crate) struct PinArguments {
    /// The monitor: https://host:port.
    #[arg(long)]
    monitor: String,
    /// The configuration that the monitor must run.
    #[arg(long)]
    config: PathBuf,
    /// The executable that a development monitor must be.
    #[arg(long, required_unless_present = "appraisal_policy")]
    executable: Option<PathBuf>,
    /// The appraisal policy that a monitor in a confidential VM must meet; kept in the anchors.
    #[arg(long)]
    appraisal_policy: Option<PathBuf>,
    /// Whose signature the policy must have, as a did:key; without one it is yours.
    #[arg(long, requires = "appraisal_policy")]
    policy_signer: Option<String>,
    /// The least version of the signer's policy.
    #[arg(long, requires = "policy_signer", default_value_t = 0)]
    policy_version: u64,
    /// Root hash of a pact that claims may speak of; may be repeated.
    #[arg(long)]
    pact: Vec<String>,
    /// The DID that proofs are made for; a fresh nonce is drawn for it.
    #[arg(long)]
    audience: Option<String>,
    #[command(flatten)]
    outsiders: Outsiders,
    /// Where to write the anchors.
    #[arg(long)]
    out: PathBuf,
    /// Accept that the evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
}

/// The anchors file.
pub(crate) struct File(pub(crate) AnchorsDocument);

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::Pin(arguments) => pinned(arguments),
        Command::Join(arguments) => join(arguments),
        Command::Show(arguments) => show(arguments),
    }
}

fn pinned(arguments: &PinArguments) -> Result<ExitCode, Fault> {
    let audience = match &arguments.audience {
        None => None,
        Some(text) => Some(Did::parse(text).ok_or_else(|| {
            Fault::new(
                "did-malformed",
                "the --audience is not a DID",
                "give did:method:identifier; `cloister key show` prints one",
            )
        })?),
    };
    let executable = arguments.executable.as_deref();
    let software = executable.filter(|_| arguments.allow_insecure_software_evidence);
    let software = software.map(daemon::measure).transpose()?;
    let (signer, version) = (arguments.policy_signer.as_deref(), arguments.policy_version);
    let hardware = arguments.appraisal_policy.as_deref();
    let hardware = hardware.map(|path| policy::load(path, signer, version)).transpose()?;
    let config = read(&arguments.config, 1 << 20)?;
    let policy = reference(&config, hardware, software)?;
    if arguments.out.exists() {
        return Err(Fault::new(
            "anchors-exist",
            format!(
                "{} exists; bundles made for its nonce would not verify",
                arguments.out.display()
            ),
            "name another file with --out, or remove it",
        ));
    }
    let client = Client::connect(&arguments.monitor, &policy)?;
    let mut file = pin(&client, &policy, audience);
    for pact in &arguments.pact {
        PactHash::parse(pact).ok_or_else(|| {
            Fault::new(
                "pact-hash-malformed",
                "a --pact is not sha256: and 64 hexadecimal digits",
                "give what `cloister pact hash` prints",
            )
        })?;
        file.0.pacts.push(pact.clone());
    }
    arguments.outsiders.enter(&mut file.0)?;
    file.save(&arguments.out)?;
    output::line(format!("pinned {} in {}", policy.origin, arguments.out.display()));
    Ok(ExitCode::SUCCESS)
}

/// What the evidence of a monitor must show that runs this configuration and, when it is a
/// development monitor, this executable. Computed here, from files: nothing is asked of a monitor.
pub(crate) fn reference(
    config: &[u8],
    hardware: Option<HardwarePolicy>,
    software: Option<String>,
) -> Result<Policy, Fault> {
    let text = core::str::from_utf8(config).map_err(|_| unfit("not text"))?;
    let table: toml::Table = toml::from_str(text).map_err(|_| unfit("not TOML"))?;
    let origin = table.get("origin").and_then(toml::Value::as_str);
    Ok(Policy {
        origin: origin.ok_or_else(|| unfit("without an origin"))?.to_owned(),
        configs: vec![ConfigDigest(domain::CONFIG.hash(&[config]))],
        log: Log::Any,
        hardware,
        software: software.map(|m| SoftwarePolicy { measurements: vec![m] }),
    })
}

/// Anchors for the monitor at the other end, whose evidence `policy` accepted in this very
/// session: only then are its keys believed.
pub(crate) fn pin(client: &Client, policy: &Policy, audience: Option<Did>) -> File {
    let audience = audience.map(|did| {
        let mut nonce = [0; 32];
        OsRng.fill_bytes(&mut nonce);
        AudienceDocument { did, nonce: hex::encode(nonce) }
    });
    let software = policy.software.as_ref().map(|s| s.measurements.clone());
    // Whoever stood for the policy, in the anchors it is the verifier's own.
    let appraisal_policy = policy
        .hardware
        .as_ref()
        .and_then(|hardware| HardwarePolicy::write(hardware.document(), &[]).ok());
    File(AnchorsDocument {
        pacts: Vec::new(),
        audience,
        monitors: vec![MonitorDocument {
            origin: policy.origin.clone(),
            log_key: Did::from_key(&client.appraised().claims().log_key),
            configs: policy.configs.iter().map(ToString::to_string).collect(),
            appraisal_policy,
            software_measurements: software.unwrap_or_default(),
        }],
        witnesses: None,
        dealers: BTreeMap::new(),
        circuits: Vec::new(),
        time_stamps: None,
    })
}

impl File {
    /// Pins the keys that came with proofs about each event.
    pub(crate) fn pin_circuits(&mut self, keys: &[CircuitKey]) {
        self.0.circuits.extend(keys.iter().map(|key| hex::encode(key.to_cbor())));
        self.0.circuits.sort_unstable();
        self.0.circuits.dedup();
    }

    /// Reads an anchors file.
    pub(crate) fn load(path: &Path) -> Result<Self, Fault> {
        let bytes = read(path, 1 << 20)?;
        let text = core::str::from_utf8(&bytes)
            .map_err(|_| malformed(&format!("{} is not text", path.display())))?;
        let said = |error: &str| malformed(&format!("{}: {error}", path.display()));
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text).map(Self).map_err(|e| said(&e.to_string()));
        }
        toml::from_str(text).map(Self).map_err(|e| said(e.message()))
    }

    /// Writes it.
    pub(crate) fn save(&self, path: &Path) -> Result<(), Fault> {
        let text = toml::to_string_pretty(&self.0).map_err(|_| malformed("cannot be written"))?;
        write(path, format!("{HEADER}{text}").as_bytes())
    }

    /// As the verifier takes them.
    pub(crate) fn anchors(&self) -> Result<Anchors, Fault> {
        self.0.anchors().map_err(|error| malformed(&error.to_string()))
    }

    /// The only monitor of the file: whom a command connects to.
    pub(crate) fn monitor(&self) -> Result<&MonitorDocument, Fault> {
        match self.0.monitors.as_slice() {
            [monitor] => Ok(monitor),
            _ => Err(Fault::new(
                "anchors-several-monitors",
                "the anchors name another number of monitors than one",
                "connect with anchors of that monitor alone; join them to verify",
            )),
        }
    }

    /// The verifier and its nonce.
    pub(crate) fn audience(&self) -> Result<Option<(Did, [u8; 32])>, Fault> {
        let nonce = self.0.nonce().map_err(|error| malformed(&error.to_string()))?;
        let did = self.0.audience.as_ref().map(|audience| audience.did.clone());
        Ok(did.zip(nonce))
    }

    /// What the evidence of the only monitor must show.
    pub(crate) fn policy(&self, allow_software: bool) -> Result<Policy, Fault> {
        policy(self.monitor()?, allow_software)
    }
}

/// What the evidence of a monitor must show.
pub(crate) fn policy(monitor: &MonitorDocument, allow_software: bool) -> Result<Policy, Fault> {
    let anchor = monitor.anchor().map_err(|error| malformed(&error.to_string()))?;
    let measurements = monitor.software_measurements.clone();
    Ok(Policy {
        origin: anchor.origin,
        configs: anchor.configs,
        log: Log::Only(anchor.log_key),
        hardware: monitor.appraisal_policy.as_deref().map(trusted).transpose()?,
        software: allow_software.then_some(SoftwarePolicy { measurements }),
    })
}

/// The policy that anchors hold: whoever wrote the anchors stands for it.
fn trusted(text: &str) -> Result<HardwarePolicy, Fault> {
    let digest = HardwarePolicy::digest_of(text.as_bytes()).map_err(policy::unusable)?;
    HardwarePolicy::pinned(text.as_bytes(), digest).map_err(policy::unusable)
}

/// Puts the monitors and pacts of several anchors into one file.
fn join(arguments: &JoinArguments) -> Result<ExitCode, Fault> {
    let mut files = arguments.anchors.iter().map(|path| File::load(path));
    let File(mut joined) = files.next().ok_or_else(|| malformed("no file is named"))??;
    for file in files {
        let AnchorsDocument {
            pacts,
            audience,
            monitors,
            witnesses,
            dealers,
            circuits,
            time_stamps,
        } = file?.0;
        joined.circuits.extend(circuits);
        joined.pacts.extend(pacts);
        joined.monitors.extend(monitors);
        joined.audience = joined.audience.or(audience);
        outsiders::add(&mut joined.dealers, dealers)?;
        arguments.outsiders.merge(&mut joined, witnesses, time_stamps)?;
    }
    joined.pacts.sort_unstable();
    joined.pacts.dedup();
    joined.circuits.sort_unstable();
    joined.circuits.dedup();
    arguments.outsiders.enter(&mut joined)?;
    let joined = File(joined);
    joined.anchors()?;
    joined.save(&arguments.out)?;
    output::line(format!("wrote {}", arguments.out.display()));
    tell(&joined.0);
    Ok(ExitCode::SUCCESS)
}

/// Says what an anchors file believes.
fn show(arguments: &ShowArguments) -> Result<ExitCode, Fault> {
    let file = File::load(&arguments.anchors)?;
    file.anchors()?;
    let document = &file.0;
    for monitor in &document.monitors {
        policy(monitor, false)?;
    }
    if arguments.json {
        let json = serde_json::to_string(document).map_err(|_| malformed("cannot be printed"))?;
        output::line(json);
        return Ok(ExitCode::SUCCESS);
    }
    tell(document);
    Ok(ExitCode::SUCCESS)
}

fn tell(document: &AnchorsDocument) {
    for monitor in &document.monitors {
        output::line(format!("monitor    {}", monitor.origin));
        output::line(format!("  log key  {}", monitor.log_key));
        monitor.configs.iter().for_each(|config| output::line(format!("  config   {config}")));
        if let Some(Ok(policy)) = monitor.appraisal_policy.as_deref().map(trusted) {
            let version = policy.document().version;
            output::line(format!("  appraisal policy {}, version {version}", policy.digest()));
        }
        let software = &monitor.software_measurements;
        software.iter().for_each(|m| output::line(format!("  software {m} (development)")));
    }
    document.pacts.iter().for_each(|pact| output::line(format!("pact       {pact}")));
    if let Some(audience) = &document.audience {
        output::line(format!("audience   {} with nonce {}", audience.did, audience.nonce));
    }
    if let Some(witnesses) = &document.witnesses {
        let of = witnesses.keys.len();
        output::line(format!("witnesses  {} of {of} must have cosigned", witnesses.quorum));
        witnesses.keys.iter().for_each(|(name, key)| output::line(format!("  {name} {key}")));
    }
    for text in &document.circuits {
        let key = hex::decode(text).ok().and_then(|bytes| CircuitKey::from_cbor(&bytes).ok());
        key.iter().for_each(circuit::tell);
    }
    if !document.dealers.is_empty() {
        output::line("dealers    one of these must have dealt the coins of a proven number");
        document.dealers.iter().for_each(|(name, key)| output::line(format!("  {name} {key}")));
    }
    if let Some(stamps) = &document.time_stamps {
        let must = if stamps.required { "must" } else { "may" };
        output::line(format!("stamps     checkpoints {must} be stamped, by one of"));
        stamps.authorities.keys().for_each(|name| output::line(format!("  {name}")));
    }
}

/// The host's clock: fine for the one who verifies, never for a monitor.
#[expect(
    clippy::disallowed_methods,
    reason = "the verifier's own clock, on the verifier's machine"
)]
pub(crate) fn now() -> UnixMillis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixMillis(since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)))
}

fn malformed(what: &str) -> Fault {
    Fault::new("anchors-malformed", what, "make anchors with `cloister anchors pin`")
}

fn unfit(what: &str) -> Fault {
    Fault::new(
        "config-malformed",
        format!("the configuration is {what}"),
        "name the file that the monitor was started with",
    )
}

/// What to do about refused evidence.
pub(crate) fn evidence_remedy(code: &str) -> &'static str {
    match code {
        "software-evidence-refused" => {
            "it comes from no TEE: for development only, pass --allow-insecure-software-evidence"
        }
        "evidence-config-unlisted" => {
            "compare the configuration with the one that the monitor runs"
        }
        "evidence-no-log" => "wait until custodians have brought it their shares",
        "evidence-other-log" => {
            "ask the operator why the monitor began anew; pin it again only if that is right"
        }
        "evidence-measurement-unlisted" => {
            "compare the executable with the one that the monitor runs"
        }
        _ => "ask the operator which executable, configuration and origin the monitor runs",
    }
}

const HEADER: &str =
    "# Trust anchors of one verifier. Whoever changes this file changes what is believed.\n";
