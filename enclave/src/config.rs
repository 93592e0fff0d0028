//! The measured configuration: one TOML file. Its digest is part of the monitor's identity, so
//! nothing else steers what the monitor does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use messages::did::Did;
use messages::domain;
use messages::evidence::INSECURE_ORIGIN_PREFIX;
use messages::ids::ConfigDigest;
use messages::signature::PublicKey;
use messages::time::Millis;
use monitor::Settings;
use release::Bounds;
use serde::Deserialize;

/// A configuration that was read and checked.
pub(crate) struct Config {
    pub(crate) digest: ConfigDigest,
    pub(crate) values: Values,
}

/// The file's values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Values {
    /// The log's origin name.
    pub(crate) origin: String,
    /// Which TEE must be there.
    pub(crate) tee: TeeKind,
    /// What seals the journal.
    pub(crate) sealing: SealingKind,
    /// Where parties connect.
    pub(crate) listen: SocketAddr,
    /// Where the operator's own machine reads health and metrics; loopback only.
    pub(crate) operator: Option<SocketAddr>,
    /// The clock.
    pub(crate) clock: ClockValues,
    /// Length of an epoch in milliseconds.
    pub(crate) epoch_ms: u64,
    /// Most pacts.
    pub(crate) max_pacts: usize,
    /// Most open sessions.
    pub(crate) max_sessions: usize,
    /// Sessions without events for this long end with an open tail, milliseconds.
    pub(crate) idle_ms: u64,
    /// Bounds and budget of private statistics.
    pub(crate) privacy: PrivacyValues,
    /// Keys of DIDs that do not carry their own: DID to `did:key`.
    #[serde(default)]
    pub(crate) keys: BTreeMap<Did, Did>,
    /// Witnesses of the log.
    #[serde(default)]
    pub(crate) witnesses: Vec<WitnessValues>,
}

/// What must be there for the monitor to run.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TeeKind {
    /// No TEE: development.
    InsecureSoftware,
}

/// What seals the journal.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SealingKind {
    /// A key in a file beside the journal: development.
    InsecureFile,
}

/// The clock.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum ClockValues {
    /// A stated generated clock: development, replays, tests.
    Generated {
        /// First moment, milliseconds since 1970.
        start_ms: u64,
        /// Advance per event, milliseconds.
        step_ms: u64,
    },
    /// The host's clock at start, then a counter: development.
    Host,
    /// What a quorum of witnesses says, and a counter in between.
    Witnessed {
        /// How many witnesses must agree; more than may lie.
        quorum: NonZeroUsize,
        /// How far the counter may drift, in millionths.
        drift_ppm: u32,
        /// How far apart two intervals may lie before that is a jump, milliseconds.
        slack_ms: u64,
        /// How far the counter alone carries time past what a quorum said, milliseconds.
        reach_ms: u64,
    },
}

/// A witness whose cosignatures move time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessValues {
    /// Name in the signed note.
    pub(crate) name: String,
    /// Its key, as a `did:key`.
    pub(crate) key: Did,
}

/// Private statistics.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrivacyValues {
    /// Share of one pact in one day of data, nano-ρ.
    pub(crate) cap_nano_rho: u64,
    /// Price of one statistic, nano-ρ.
    pub(crate) price_nano_rho: u64,
    /// Most sessions of one principal and day.
    pub(crate) sessions: u32,
    /// Most tools of one session.
    pub(crate) cells: u32,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("config-too-large: the configuration is over {MAX_BYTES} bytes; shorten it")]
    TooLarge,
    #[error("config-not-text: the configuration is not UTF-8; save it as UTF-8")]
    NotText,
    #[error("config-malformed: see the comments of the sample configuration\n{0}")]
    Malformed(#[from] toml::de::Error),
    #[error(
        "config-origin: a monitor without a TEE or with file sealing has an origin that starts \
         with {INSECURE_ORIGIN_PREFIX}, and no other monitor has; rename the origin"
    )]
    Origin,
    #[error("config-epoch: epoch_ms must divide a day and be at least 60000; choose such a length")]
    Epoch,
    #[error("config-range: {0} is out of range; see the comments of the sample configuration")]
    Range(&'static str),
}

impl Config {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() > MAX_BYTES {
            return Err(ConfigError::TooLarge);
        }
        let text = core::str::from_utf8(bytes).map_err(|_| ConfigError::NotText)?;
        let values: Values = toml::from_str(text)?;
        let development = match (values.tee, values.sealing) {
            (TeeKind::InsecureSoftware, SealingKind::InsecureFile) => true,
        };
        if development != values.origin.starts_with(INSECURE_ORIGIN_PREFIX) {
            return Err(ConfigError::Origin);
        }
        if values.epoch_ms < 60_000 || DAY_MS.checked_rem(values.epoch_ms) != Some(0) {
            return Err(ConfigError::Epoch);
        }
        let ranges = [
            ("max_pacts", (1..=10_000).contains(&values.max_pacts)),
            ("max_sessions", (1..=1_000_000).contains(&values.max_sessions)),
            ("idle_ms", values.idle_ms >= 1_000),
            ("clock", values.clock.is_sound()),
            ("operator", values.operator.is_none_or(|at| at.ip().is_loopback())),
            ("clock.quorum", values.has_quorum()),
            ("keys", values.keys.values().all(|key| key.key().is_some())),
            ("witnesses", values.witnesses.iter().all(|w| w.key.key().is_some())),
            ("privacy.sessions", (1..=1024).contains(&values.privacy.sessions)),
            ("privacy.cells", (1..=64).contains(&values.privacy.cells)),
        ];
        if let Some((name, _)) = ranges.iter().find(|(_, ok)| !ok) {
            return Err(ConfigError::Range(name));
        }
        Ok(Self { digest: ConfigDigest(domain::CONFIG.hash(&[bytes])), values })
    }
}

impl Values {
    /// Bounds of the monitor.
    pub(crate) const fn settings(&self) -> Settings {
        Settings { pacts: self.max_pacts, sessions: self.max_sessions, idle: Millis(self.idle_ms) }
    }

    /// The cap of the whole privacy ledger, the shares of all pacts that there can be; and the
    /// most that one principal's day adds to private statistics.
    pub(crate) fn ledger(&self) -> (u64, Bounds) {
        let pacts = u64::try_from(self.max_pacts).unwrap_or(u64::MAX);
        let PrivacyValues { cap_nano_rho, sessions, cells, .. } = self.privacy;
        (cap_nano_rho.saturating_mul(pacts), Bounds { sessions, cells })
    }

    fn has_quorum(&self) -> bool {
        match &self.clock {
            ClockValues::Witnessed { quorum, .. } => quorum.get() <= self.witnesses.len(),
            ClockValues::Generated { .. } | ClockValues::Host => true,
        }
    }

    /// Names and keys of the witnesses.
    pub(crate) fn witnesses(&self) -> Vec<(String, PublicKey)> {
        let keyed = |w: &WitnessValues| Some((w.name.clone(), w.key.key()?));
        self.witnesses.iter().filter_map(keyed).collect()
    }
}

impl ClockValues {
    fn is_sound(&self) -> bool {
        match self {
            Self::Generated { start_ms, step_ms } => {
                (1..=60_000).contains(step_ms) && *start_ms < (1 << 45)
            }
            Self::Host => true,
            Self::Witnessed { drift_ppm, slack_ms, reach_ms, .. } => {
                *drift_ppm <= 10_000 && *slack_ms <= 600_000 && *reach_ms <= 86_400_000
            }
        }
    }
}

/// One day in milliseconds.
pub(crate) const DAY_MS: u64 = 86_400_000;
const MAX_BYTES: usize = 64 * 1024;
