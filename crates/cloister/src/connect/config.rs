//! The connector's configuration: one TOML file; paths in it are relative to it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gateway::ext_authz::Protocol;
use messages::did::Did;
use messages::event::Party;
use messages::signature::SigningKey;
use pact::{Compiled, LogScope, Mode, SignedPact, compile};
use serde::Deserialize;

use crate::anchors;
use crate::connect::post::Terms;
use crate::fault::{Fault, read};
use crate::{key, pacts};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// `https://host:port` of the monitor.
    monitor: String,
    /// Reference values for its evidence.
    anchors: PathBuf,
    /// The party's key.
    key: PathBuf,
    party: PartyName,
    /// The signed pact.
    pact: PathBuf,
    /// For whom the initiator acts; the initiator itself by default.
    principal: Option<Did>,
    /// Where the connector keeps what it must not forget.
    state: PathBuf,
    listen: Listen,
    #[serde(default)]
    outbox: Outbox,
    #[serde(default)]
    sessions: Sessions,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartyName {
    Initiator,
    Provider,
}

/// Doors, on loopback addresses. A door that is not named is not opened.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    /// OpenTelemetry over gRPC; by custom 127.0.0.1:4317.
    pub(crate) otlp_grpc: Option<SocketAddr>,
    /// OpenTelemetry over HTTP; by custom 127.0.0.1:4318.
    pub(crate) otlp_http: Option<SocketAddr>,
    /// Envoy's external authorization over gRPC.
    pub(crate) ext_authz: Option<SocketAddr>,
    /// What bodies mean that the proxy shows, where its route does not say.
    #[serde(default)]
    ext_authz_protocol: ProtocolName,
    /// Decide, redeem and observe in JSON.
    pub(crate) http: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProtocolName {
    A2a,
    #[default]
    Http,
    Mcp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Outbox {
    /// Bytes of events that may wait for the monitor.
    bytes: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024 }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Sessions {
    /// A session without events for so many seconds is closed.
    idle_s: u64,
    /// Seconds between running counts.
    count_every_s: u64,
    /// Seconds that a result waits which telemetry told, for the telemetry of the caller's side.
    telemetry_grace_s: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        // OpenTelemetry SDKs export every five seconds.
        Self { idle_s: 900, count_every_s: 60, telemetry_grace_s: 6 }
    }
}

/// Everything that a connector starts from.
pub(crate) struct Setup {
    /// `https://host:port` of the monitor.
    pub(crate) monitor: String,
    /// Reference values for its evidence.
    pub(crate) anchors: anchors::File,
    /// The party's key.
    pub(crate) key: SigningKey,
    /// The signed pact.
    pub(crate) pact: SignedPact,
    /// Where the outbox is.
    pub(crate) state: PathBuf,
    /// Doors.
    pub(crate) listen: Listen,
    /// What pact and configuration bind the connector to.
    pub(crate) terms: Terms,
    /// How much of what telemetry shows may become an event.
    pub(crate) scope: LogScope,
}

impl Setup {
    /// Reads the file and everything that it names.
    pub(crate) fn load(path: &Path) -> Result<Self, Fault> {
        let bytes = read(path, 1 << 20)?;
        let text = core::str::from_utf8(&bytes)
            .map_err(|_| malformed(&format!("{} is not text", path.display())))?;
        let file: File = toml::from_str(text)
            .map_err(|e| malformed(&format!("{}: {}", path.display(), e.message())))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let pact = pacts::open(&folder.join(&file.pact))?;
        let compiled =
            compile(pact.pact()).map_err(|e| Fault::new(e.code(), e.to_string(), e.remedy()))?;
        let key = key::load(&folder.join(&file.key))?;
        let party = file.party.of(&compiled, &Did::from_key(&key.public()))?;
        Ok(Self {
            monitor: file.monitor,
            anchors: anchors::File::load(&folder.join(&file.anchors))?,
            state: folder.join(&file.state),
            listen: file.listen,
            scope: compiled.log_scope(),
            terms: Terms {
                party,
                enforced: compiled.mode() == Mode::Interventionist,
                deadline: Duration::from_millis(compiled.deadline().0),
                on_deadline: compiled.fail(),
                approval: Duration::from_millis(compiled.approval_timeout().0),
                principal: match party {
                    Party::Initiator => {
                        Some(file.principal.unwrap_or_else(|| compiled.initiator().clone()))
                    }
                    Party::Provider => None,
                },
                capacity: file.outbox.bytes,
                idle: Duration::from_secs(file.sessions.idle_s),
                count_every: Duration::from_secs(file.sessions.count_every_s),
                grace: Duration::from_secs(file.sessions.telemetry_grace_s),
            },
            key,
            pact,
        })
    }
}

impl PartyName {
    /// The party, when the key is the one that signed the pact as it.
    fn of(self, pact: &Compiled, did: &Did) -> Result<Party, Fault> {
        let (party, named) = match self {
            Self::Initiator => (Party::Initiator, pact.initiator()),
            Self::Provider => (Party::Provider, pact.provider()),
        };
        if named == did {
            return Ok(party);
        }
        Err(Fault::new(
            "key-other-party",
            "the key is not the one of this party in the pact",
            "name the key file of the party, or the other party",
        ))
    }
}

impl Listen {
    /// What bodies mean that a proxy shows.
    pub(crate) const fn protocol(&self) -> Protocol {
        match self.ext_authz_protocol {
            ProtocolName::A2a => Protocol::A2a,
            ProtocolName::Http => Protocol::Http,
            ProtocolName::Mcp => Protocol::Mcp,
        }
    }
}

fn malformed(what: &str) -> Fault {
    Fault::new("config-malformed", what, "see `cloister connect --help` for a configuration")
}
