//! The measured configuration: one TOML file. Its digest is part of the monitor's identity, so
//! nothing else steers what the monitor does.

use std::collections::BTreeMap;

use messages::did::Did;
use messages::domain;
use messages::evidence::INSECURE_ORIGIN_PREFIX;
use messages::ids::ConfigDigest;
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
    /// The stated generated clock.
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
}

/// What must be there for the monitor to run.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TeeKind {
    /// No TEE: development.
    InsecureSoftware,
}

/// The generated clock.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockValues {
    /// First moment, milliseconds since 1970.
    pub(crate) start_ms: u64,
    /// Advance per event, milliseconds.
    pub(crate) step_ms: u64,
}

/// Private statistics.
#[derive(Deserialize)]
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
    #[error("the configuration is over {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the configuration is not UTF-8")]
    NotText,
    #[error("the configuration is malformed: {0}")]
    Malformed(#[from] toml::de::Error),
    #[error("the origin of a development monitor starts with {INSECURE_ORIGIN_PREFIX}")]
    Origin,
    #[error("epoch_ms divides a day and is at least 60000")]
    Epoch,
    #[error("{0} is out of range")]
    Range(&'static str),
}

impl Config {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        if bytes.len() > MAX_BYTES {
            return Err(ConfigError::TooLarge);
        }
        let text = core::str::from_utf8(bytes).map_err(|_| ConfigError::NotText)?;
        let values: Values = toml::from_str(text)?;
        let development = match values.tee {
            TeeKind::InsecureSoftware => true,
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
            ("clock.step_ms", (1..=60_000).contains(&values.clock.step_ms)),
            ("clock.start_ms", values.clock.start_ms < (1 << 45)),
            ("privacy.sessions", (1..=1024).contains(&values.privacy.sessions)),
            ("privacy.cells", (1..=64).contains(&values.privacy.cells)),
        ];
        if let Some((name, _)) = ranges.iter().find(|(_, ok)| !ok) {
            return Err(ConfigError::Range(name));
        }
        Ok(Self { digest: ConfigDigest(domain::CONFIG.hash(&[bytes])), values })
    }
}

/// One day in milliseconds.
pub(crate) const DAY_MS: u64 = 86_400_000;
const MAX_BYTES: usize = 64 * 1024;
