//! `cloister connect`: the connector of one agent. It serves unmodified clients on loopback,
//! attests the monitor, signs, numbers and keeps what happens, brings it to the monitor, and
//! enforces tickets. It is no proxy: calls go from agent to agent, never through it.

mod book;
mod config;
mod courier;
#[cfg(test)]
mod crashes;
mod desk;
mod ledger;
mod link;
mod monitor;
mod outbox;
mod post;
mod record;
mod session;
mod tickets;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use attestations::{HardwarePolicy, Policy};
use clap::Args;
use gateway::ext_authz::Side;
use gateway::otlp::Intake;
use gateway::{ListenError, Loopback, Scope};
use messages::event::Party;
use messages::ids::{ConfigDigest, PolicyDigest};
use pact::{LogScope, Pact};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connect::book::Book;
use crate::connect::config::Setup;
use crate::connect::desk::Desk;
use crate::connect::ledger::Ledger;
use crate::connect::link::Links;
use crate::connect::monitor::Way;
use crate::connect::outbox::Outbox;
use crate::connect::post::Post;
use crate::fault::Fault;
use crate::output;

#[derive(Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The configuration.
    #[arg(long)]
    config: PathBuf,
    /// Accept that the monitor's evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let setup = Setup::load(&arguments.config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Fault::new("runtime", e.to_string(), "free memory and threads"))?;
    runtime.block_on(connect(setup, arguments.allow_insecure_software_evidence))
}

/// Whether the monitor that the anchors accept is one that the pact accepts: the parties agreed on
/// what it runs, and on what they take for proof of it.
fn agreed(pact: &Pact, policy: &Policy) -> Result<(), Fault> {
    let named: BTreeSet<ConfigDigest> = pact.configs().collect();
    if !named.is_empty() && !policy.configs.iter().all(|config| named.contains(config)) {
        return Err(Fault::new(
            "pact-other-configuration",
            "the pact names configurations of its monitors, and the anchors accept another",
            "pin a monitor that runs what the pact names",
        ));
    }
    let named: BTreeSet<PolicyDigest> = pact.policies().collect();
    let ours = policy.hardware.as_ref().map(HardwarePolicy::digest);
    if !named.is_empty() && !ours.is_some_and(|policy| named.contains(&policy)) {
        return Err(Fault::new(
            "pact-other-policy",
            "the pact names appraisal policies, and the anchors hold another one or none",
            "pin the monitor under an appraisal policy that the pact names",
        ));
    }
    Ok(())
}

async fn connect(setup: Setup, allow_software: bool) -> Result<ExitCode, Fault> {
    let (outbox, records) = Outbox::open(&setup.state)?;
    let party = setup.terms.party;
    let pact = setup.pact.pact();
    let book = Book::recover(party, pact.hash(), &records).following(pact.prior());
    let policy = setup.anchors.policy(allow_software)?;
    agreed(pact, &policy)?;
    let way = Way { url: setup.monitor, policy, pact: setup.pact.to_bytes() };
    let (fatal, stop, end) =
        (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
    let ledger = Ledger::start(book, outbox, fatal.clone());
    let (set, links) = Links::cell();
    let scope = scope(setup.scope, &setup.key);
    let post = Post::new(setup.terms, ledger, links, setup.key);
    post.recover().await?;
    let monitor = tokio::spawn(way.keep(Arc::clone(&post), set, end.clone()));

    let desk = Desk::new(Arc::clone(&post), stop.clone());
    let mut doors = doors(&setup.listen, party, &desk, &scope, &stop).await?;
    let mut asked = signal(SignalKind::terminate())
        .map_err(|e| Fault::new("signal", e.to_string(), "start the connector again"))?;
    let ended = tokio::select! {
        _ = asked.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
        () = fatal.cancelled() => Err(Fault::new(
            "outbox-unknown",
            "a write to the outbox failed half-way",
            "free space on the disk or replace it, then start the connector again",
        )),
        Some(ended) = doors.join_next() => Err(door_ended(ended.ok().and_then(Result::err))),
    };
    output::event("draining", &[]);
    stop.cancel();
    while doors.join_next().await.is_some() {}
    let delivered = ended.is_ok() && post.drain(DRAIN).await;
    end.cancel();
    drop(monitor.await);
    ended?;
    output::event("ended", &[("delivered", if delivered { "all" } else { "not-all" })]);
    Ok(ExitCode::SUCCESS)
}

/// Opens the doors that the configuration names, and says where they are.
async fn doors(
    listen: &config::Listen,
    party: Party,
    desk: &Desk,
    scope: &Scope,
    stop: &CancellationToken,
) -> Result<JoinSet<Result<(), ListenError>>, Fault> {
    let mut doors = JoinSet::new();
    let open = |name: &'static str, address: Option<SocketAddr>| async move {
        match address {
            None => Ok(None),
            Some(address) => bind(name, address).await.map(Some),
        }
    };
    let (desk, scope, stop) = (desk.clone(), scope.clone(), stop.clone());
    // What telemetry tells over both doors is one stream.
    let intake = Intake::new(desk.clone(), scope.clone());
    if let Some(door) = open("otlp_grpc", listen.otlp_grpc).await? {
        doors.spawn(gateway::otlp::serve_grpc(door, intake.clone(), stop.clone()));
    }
    if let Some(door) = open("otlp_http", listen.otlp_http).await? {
        doors.spawn(gateway::otlp::serve_http(door, intake, stop.clone()));
    }
    if let Some(door) = open("ext_authz", listen.ext_authz).await? {
        let side = match party {
            Party::Initiator => Side::Initiator,
            Party::Provider => Side::Provider,
        };
        let (desk, stop) = (desk.clone(), stop.clone());
        doors.spawn(gateway::ext_authz::serve(door, desk, side, listen.protocol(), stop));
    }
    if let Some(door) = open("http", listen.http).await? {
        doors.spawn(gateway::http::serve(door, desk, scope, stop));
    }
    if doors.is_empty() {
        return Err(Fault::new(
            "doors-missing",
            "the configuration opens no door",
            "name at least one address under [listen]",
        ));
    }
    Ok(doors)
}

async fn bind(name: &str, address: SocketAddr) -> Result<Loopback, Fault> {
    let listener = TcpListener::bind(address).await.map_err(|e| {
        Fault::new(
            "door-unavailable",
            format!("{name} cannot listen on {address}: {e}"),
            "name a free loopback address",
        )
    })?;
    let door = Loopback::new(listener).map_err(|e| listen_fault(&e))?;
    let address = door.local_addr().map_err(|e| listen_fault(&e))?.to_string();
    output::event("listening", &[("door", name), ("address", &address)]);
    Ok(door)
}

/// Telemetry becomes an event only as far as the pact's log scope goes. Calls that are decided go
/// whole to the attested monitor, which keeps of them what the scope allows.
fn scope(scope: LogScope, key: &messages::signature::SigningKey) -> Scope {
    match scope {
        LogScope::Full => Scope::Full,
        LogScope::Metadata => Scope::Metadata,
        LogScope::HashOnly => {
            // The key of these hashes never leaves this process, and is the same after a restart.
            let secret = Sha256::digest([SCOPE_LABEL, &key.expose_seed()].concat());
            Scope::HashOnly(Arc::new(move |bytes| {
                let inner = Sha256::digest([&secret[..], bytes].concat());
                Sha256::digest([&secret[..], &inner].concat()).into()
            }))
        }
    }
}

fn door_ended(error: Option<ListenError>) -> Fault {
    error.map_or_else(
        || Fault::new("door-ended", "a door closed by itself", "start the connector again"),
        |error| listen_fault(&error),
    )
}

fn listen_fault(error: &ListenError) -> Fault {
    Fault::new(error.code(), error.to_string(), error.remedy())
}

/// How long sessions may take to close at the end.
const DRAIN: Duration = Duration::from_secs(20);
const SCOPE_LABEL: &[u8] = b"cloister/connector-scope/v1";
const EXAMPLE: &str = "Example:
  cloister connect --config connect.toml

  # connect.toml; paths are relative to it
  monitor = \"https://127.0.0.1:8443\"
  anchors = \"anchors.toml\"      # `cloister anchors pin` makes them
  key = \"agent.key\"             # `cloister key new` makes it
  party = \"initiator\"           # or \"provider\"
  pact = \"pact.signed.json\"
  state = \"state\"               # one folder a connector

  [listen]                      # loopback only; unnamed doors stay shut
  otlp_grpc = \"127.0.0.1:4317\"
  otlp_http = \"127.0.0.1:4318\"
  ext_authz = \"127.0.0.1:9191\"
  ext_authz_protocol = \"mcp\"    # or \"http\", \"a2a\"
  http = \"127.0.0.1:4319\"

  [outbox]
  bytes = 67108864              # of events that wait for the monitor

  [sessions]
  idle_s = 900                  # then a session is closed
  count_every_s = 60
  telemetry_grace_s = 6         # results wait for the caller's telemetry

SIGTERM closes every session with its signed counts, then ends.";

#[cfg(test)]
mod tests {
    use attestations::Log;

    use super::*;

    #[test]
    fn a_monitor_that_the_anchors_accept_has_to_be_one_that_the_pact_accepts() {
        let key = |n: u8| {
            let key = messages::signature::SigningKey::from_seed(&[n; 32]);
            messages::did::Did::from_key(&key.public())
        };
        let names = ["INITIATOR", "PROVIDER", "AUDITOR", "OVERSEER", "MONITOR"];
        let text = names
            .into_iter()
            .zip(1..)
            .fold(include_str!("../demo/bank.pact.json").to_owned(), |text, (name, n)| {
                text.replace(&format!("{{{{{name}}}}}"), key(n).as_str())
            });
        let example = include_bytes!("../../../attestations/policy.example.json");
        let digest = HardwarePolicy::digest_of(example).unwrap();
        let config = ConfigDigest([7; 32]);
        let policy = Policy {
            origin: "log.example".into(),
            configs: vec![config],
            log: Log::Any,
            hardware: Some(HardwarePolicy::pinned(example, digest).unwrap()),
            software: None,
        };
        let under = |term: &str, digests: &[String], policy: &Policy| {
            let mut pact: serde_json::Value = serde_json::from_str(&text).unwrap();
            pact["parties"]["monitors"][0]["attestation"][term] = digests.into();
            agreed(&Pact::parse(pact.to_string().as_bytes()).unwrap(), policy).err().map(|f| f.code)
        };
        let (ours, policies) = ([config.to_string()], [digest.to_string()]);
        let other = [ConfigDigest([8; 32]).to_string()];
        assert_eq!(under("configs", &[], &policy), None, "a pact that names none accepts any");
        assert_eq!(under("configs", &ours, &policy), None);
        assert_eq!(under("configs", &other, &policy).unwrap(), "pact-other-configuration");
        assert_eq!(under("policies", &policies, &policy), None);
        assert_eq!(under("policies", &other, &policy).unwrap(), "pact-other-policy");
        let development = Policy { hardware: None, ..policy };
        assert_eq!(under("policies", &policies, &development).unwrap(), "pact-other-policy");
    }
}
