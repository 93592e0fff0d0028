//! `cloister replay`: recorded sessions through a monitor's door, one report line a session.

pub(crate) mod drive;
pub(crate) mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use messages::did::Did;
use messages::domain;
use messages::reply::{ModeName, Reply, Request};
use messages::signature::SigningKey;
use messages::time::DAY;
use pact::{KeyRing, SignedPact};
use traces::{Session, TraceError};

use crate::client::{Client, strange};
use crate::daemon::Daemon;
use crate::fault::{Fault, read};
use crate::parties::{Agents, Conversation};
use crate::{ModeArgument, anchors, demo, key, output};

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister replay --pact bank.pact.json --sessions s.ndjson.gz \\\n    --mode interventionist --report report.ndjson"
)]
pub(crate) struct Arguments {
    /// A signed pact, or a draft: a draft is tried, which yields verdicts only.
    #[arg(long)]
    pact: PathBuf,
    /// Recorded sessions, schema trace/1, NDJSON, plain or gzip.
    #[arg(long)]
    sessions: PathBuf,
    /// Enforcement mode. A signed pact has agreed its own, and no other is taken.
    #[arg(long, value_enum)]
    mode: ModeArgument,
    /// Where to write the report, NDJSON.
    #[arg(long)]
    report: PathBuf,
    /// A monitor that already runs, https://host:port; without it one is started for the replay.
    #[arg(long, requires = "anchors")]
    monitor: Option<String>,
    /// What a monitor that already runs must show.
    #[arg(long)]
    anchors: Option<PathBuf>,
    /// Accept that its evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
    /// With a signed pact: the initiator's key.
    #[arg(long, requires = "provider_key")]
    initiator_key: Option<PathBuf>,
    /// With a signed pact: the provider's key.
    #[arg(long)]
    provider_key: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let sessions = sessions(&arguments.sessions)?;
    let bytes = read(&arguments.pact, MAX_PACT)?;
    // A monitor of our own ends with this value.
    let (_started, mut client) = match (&arguments.monitor, &arguments.anchors) {
        (Some(url), Some(path)) => {
            let file = anchors::File::load(path)?;
            let policy = file.policy(arguments.allow_insecure_software_evidence)?;
            (None, Client::connect(url, &policy)?)
        }
        _ => {
            let started = start()?;
            let client = started.0.connect()?;
            (Some(started), client)
        }
    };
    let stage = Stage::prepare(arguments, &bytes, &mut client)?;
    let bar = progress(sessions.len(), "sessions");
    let mut lines = report::Writer::create(&arguments.report)?;
    for session in &sessions {
        let conversation = stage.open(&mut client, &principal(&session.sid))?;
        let told = drive::session(&mut client, conversation, session, &drive::nobody)?;
        if let Some(conversation) = told.conversation.filter(|_| stage.counts()) {
            conversation.close(&mut client)?;
        }
        lines.line(&told.line)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    // The generated day ends with the recording: without that no epoch would ever close.
    let closed = match stage.counts() {
        true => Some(advance(&mut client)?),
        false => None,
    };
    let totals = lines.finish()?;
    output::line(format!("{totals}; report in {}", arguments.report.display()));
    match closed {
        Some(epoch) => output::line(format!("claims can be asked for epochs 1 to {epoch}")),
        None => output::line("a trial of a draft: verdicts only, nothing was counted or published"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads recorded sessions.
pub(crate) fn sessions(path: &Path) -> Result<Vec<Session>, Fault> {
    traces::read(path).map_err(|error| untraced(path, &error))
}

/// The same error for a person.
pub(crate) fn untraced(path: &Path, error: &TraceError) -> Fault {
    Fault::new(error.code(), format!("{}: {error}", path.display()), error.remedy())
}

/// A stated principal for a recorded session, which names none: one for every few sessions.
pub(crate) fn principal(sid: &str) -> Did {
    let hash = domain::HOLDER.hash(&[sid.as_bytes()]);
    let number = hash.first().map_or(0, |b| b % 16);
    let did = Did::parse(&format!("did:web:principals.example:{number}"));
    did.unwrap_or_else(|| Did::from_key(&messages::signature::PublicKey([0; 32])))
}

/// Ends the day of the monitor's generated clock; returns the last closed epoch.
fn advance(client: &mut Client) -> Result<u64, Fault> {
    match client.ask(&Request::Advance { by: DAY })? {
        Reply::Advanced { epoch, .. } => Ok(epoch.0),
        _ => Err(strange()),
    }
}

/// What the sessions run under.
struct Stage {
    agents: Agents,
    pact: messages::ids::PactHash,
    /// For a draft: its bytes and the mode to try.
    draft: Option<(Vec<u8>, ModeName)>,
}

impl Stage {
    fn prepare(arguments: &Arguments, bytes: &[u8], client: &mut Client) -> Result<Self, Fault> {
        if crate::pacts::looks_signed(bytes) {
            return Self::binding(arguments, bytes, client);
        }
        let draft = crate::pacts::parse(bytes)?;
        let mode = match arguments.mode {
            ModeArgument::Passive => ModeName::Passive,
            ModeArgument::Active => ModeName::Active,
            ModeArgument::Interventionist => ModeName::Interventionist,
        };
        let pact = draft.pact().hash();
        Ok(Self { agents: Agents::generate(), pact, draft: Some((bytes.to_vec(), mode)) })
    }

    fn binding(arguments: &Arguments, bytes: &[u8], client: &mut Client) -> Result<Self, Fault> {
        let signed = crate::pacts::parse(bytes)?;
        let agreed = crate::pacts::mode(signed.pact().mode());
        if agreed != arguments.mode {
            return Err(Fault::new(
                "mode-not-agreed",
                format!("the pact agrees {} mode", agreed.name()),
                format!("pass --mode {}, or replay an unsigned draft", agreed.name()),
            ));
        }
        let (Some(initiator), Some(provider)) = (&arguments.initiator_key, &arguments.provider_key)
        else {
            return Err(Fault::new(
                "keys-missing",
                "events under a signed pact are signed by its parties",
                "give --initiator-key and --provider-key, or replay an unsigned draft",
            ));
        };
        let load = |path: &Path| -> Result<SigningKey, Fault> { key::load(path) };
        let boot = client.boot();
        let agents = Agents { initiator: load(initiator)?, provider: load(provider)?, boot };
        // Registered before is as good: an earlier replay may have ended half-way.
        if let Err(fault) = client.ask(&Request::Register { pact: bytes.to_vec() })
            && fault.code != "pact-known"
        {
            return Err(explained(&signed, fault));
        }
        Ok(Self { agents, pact: signed.pact().hash(), draft: None })
    }

    fn open(&self, client: &mut Client, principal: &Did) -> Result<Conversation<'_>, Fault> {
        let (conversation, open) = Conversation::new(&self.agents, self.pact, principal.clone());
        let request = match &self.draft {
            None => conversation.opening(open),
            Some((draft, mode)) => {
                let parties = self.agents.dids();
                Request::Try { draft: draft.clone(), open, parties, mode: Some(*mode) }
            }
        };
        client.ask(&request)?;
        Ok(conversation)
    }

    /// Trials have no tallies, so nobody counts.
    const fn counts(&self) -> bool {
        self.draft.is_none()
    }
}

/// The same refusal with its reason, where the pact itself shows it.
fn explained(signed: &SignedPact, fault: Fault) -> Fault {
    match signed.clone().bind(&KeyRing::default()) {
        Err(error) if error.code() == fault.code => crate::pacts::refused(&error),
        Ok(_) | Err(_) => fault,
    }
}

/// A monitor for one replay, with the default development configuration.
fn start() -> Result<(Daemon, tempfile::TempDir), Fault> {
    let folder = tempfile::tempdir().map_err(|e| Fault::unwritable(Path::new("/tmp"), &e))?;
    let config = folder.path().join("monitor.toml");
    crate::fault::write(&config, demo::configuration(REPLAY_START_MS).as_bytes())?;
    let daemon = Daemon::start(&config, &folder.path().join("audit.ndjson"))?;
    Ok((daemon, folder))
}

/// A bar on the person's terminal.
pub(crate) fn progress(length: usize, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX));
    let template = format!("  {{bar:40}} {{pos}}/{{len}} {unit} {{elapsed}}");
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// 2026-12-01T00:00:00Z: start of the stated generated clock.
const REPLAY_START_MS: u64 = 1_796_083_200_000;
pub(crate) const MAX_PACT: u64 = 1 << 20;
