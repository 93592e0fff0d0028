//! The measured configuration: one TOML file. Its digest is part of the monitor's identity, so
//! nothing else steers what the monitor does.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use messages::coins::{Dealer, LAST_DAY, MAX_DEALERS};
use messages::did::Did;
use messages::domain;
use messages::evidence::INSECURE_ORIGIN_PREFIX;
use messages::ids::{ConfigDigest, Root};
use messages::leaf::Unit;
use messages::signature::PublicKey;
use messages::time::DAY;
use monitor::Settings;
use release::Bounds;
use serde::Deserialize;

use crate::api::{Limits, millis};
use crate::custody::Terms;

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
    /// Most open sessions of one pact; without it each has an equal share.
    pub(crate) max_sessions_of_pact: Option<usize>,
    /// Sessions without events for this long end with an open tail, milliseconds.
    pub(crate) idle_ms: u64,
    /// Bounds and budget of private statistics.
    pub(crate) privacy: PrivacyValues,
    /// What one caller may ask of the interface.
    #[serde(default)]
    pub(crate) limits: LimitsValues,
    /// Keys of DIDs that do not carry their own: DID to `did:key`.
    #[serde(default)]
    pub(crate) keys: BTreeMap<Did, Did>,
    /// Longest retention that a pact may ask for, days.
    #[serde(default = "max_retention_days")]
    pub(crate) max_retention_days: u64,
    /// The parties whose pacts are taken; empty takes every party's.
    #[serde(default)]
    pub(crate) parties: BTreeSet<Did>,
    /// Witnesses of the log.
    #[serde(default)]
    pub(crate) witnesses: Vec<WitnessValues>,
    /// Who deals coins.
    #[serde(default)]
    dealers: Vec<DealerValues>,
    /// Who can give the state to another machine or another build.
    custody: Option<CustodyValues>,
    /// The machine, where the monitor is all that runs on it.
    pub(crate) guest: Option<GuestValues>,
}

/// The network of a machine on which nothing else runs.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "guest-image"), expect(dead_code, reason = "read by the image"))]
pub(crate) struct GuestValues {
    /// Its address.
    pub(crate) address: Ipv4Addr,
    /// Bits of the network's part of it.
    pub(crate) prefix: u8,
    /// Where everything else is; left out, nowhere.
    pub(crate) gateway: Option<Ipv4Addr>,
}

/// What must be there for the monitor to run.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TeeKind {
    /// No TEE: development.
    InsecureSoftware,
    /// AMD SEV-SNP.
    SevSnp,
    /// Intel TDX.
    Tdx,
}

/// What seals the journal.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SealingKind {
    /// A key that the security processor derives for this image on this chip: SEV-SNP.
    DerivedKey,
    /// A key in a file beside the journal: development.
    InsecureFile,
    /// Nothing but the key in custody: where processors derive no keys.
    Custodians,
}

/// Custodians of the key under which the state is sealed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustodyValues {
    /// How many of them find it.
    quorum: NonZeroUsize,
    /// Their keys, as `did:key`.
    custodians: Vec<Did>,
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
        /// For how long a quorum lets this boot be the only one, milliseconds.
        lease_ms: u64,
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

/// Somebody who deals coins for numbers whose noise anybody can check.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DealerValues {
    /// Its key, as a `did:key`.
    key: Did,
    /// What it promised: `sha256:` and 64 hexadecimal digits.
    link: String,
    /// The first day that it deals for, counted from 1970-01-01.
    since: u64,
}

impl DealerValues {
    fn dealer(&self) -> Option<Dealer> {
        let dated = (1..=LAST_DAY).contains(&self.since);
        let link = Root::parse(&self.link).filter(|_| dated)?;
        Some(Dealer { key: self.key.key()?, link, since: self.since })
    }
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
    /// Most days of one running total.
    pub(crate) horizon_days: u32,
    /// Whom the noise is for.
    #[serde(default)]
    pub(crate) unit: UnitValue,
}

/// Whom the noise of statistics is for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UnitValue {
    /// All sessions of one initiating principal that end on one day.
    #[default]
    PrincipalDay,
    /// One session.
    Session,
}

/// Bounds of the interface.
#[derive(Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsValues {
    /// Requests and batched events of one caller a second.
    per_second: u32,
    /// How many may come at once.
    burst: u32,
    /// Requests of one caller in flight.
    in_flight: usize,
    /// Callers that are remembered at one time.
    callers: usize,
    /// Longest time for a body to arrive, milliseconds.
    body_ms: u64,
    /// Longest time that an event of a batch is held back for its caller's share, milliseconds.
    patience_ms: u64,
}

impl PrivacyValues {
    /// A session that is a unit of its own is one.
    const fn has_sessions(&self) -> bool {
        match self.unit {
            UnitValue::PrincipalDay => 1 <= self.sessions && self.sessions <= 1024,
            UnitValue::Session => self.sessions == 1,
        }
    }
}

impl Default for LimitsValues {
    fn default() -> Self {
        let Limits { per_second, burst, in_flight, callers, body, patience } = Limits::default();
        let (body_ms, patience_ms) = (millis(body), millis(patience));
        Self { per_second, burst, in_flight, callers, body_ms, patience_ms }
    }
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
    #[error(
        "config-sealing: this TEE has no such sealing; sev-snp seals with derived-key, \
         insecure-software with insecure-file, and each of them and tdx with custodians, who are \
         named in [custody]"
    )]
    Sealing,
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
            (TeeKind::InsecureSoftware, SealingKind::InsecureFile | SealingKind::Custodians) => {
                true
            }
            (TeeKind::SevSnp, SealingKind::DerivedKey | SealingKind::Custodians)
            | (TeeKind::Tdx, SealingKind::Custodians) => false,
            // A TDX module derives no keys, and a file would be the host's to read.
            _ => return Err(ConfigError::Sealing),
        };
        if values.sealing == SealingKind::Custodians && values.custody.is_none() {
            return Err(ConfigError::Sealing);
        }
        if development != values.origin.starts_with(INSECURE_ORIGIN_PREFIX) {
            return Err(ConfigError::Origin);
        }
        if values.epoch_ms < 60_000 || DAY.0.checked_rem(values.epoch_ms) != Some(0) {
            return Err(ConfigError::Epoch);
        }
        let ranges = [
            ("max_pacts", (1..=10_000).contains(&values.max_pacts)),
            ("max_sessions", (1..=1_000_000).contains(&values.max_sessions)),
            ("max_sessions_of_pact", values.shares_fit()),
            ("idle_ms", values.idle_ms >= 1_000),
            ("clock", values.clock.is_sound()),
            ("max_retention_days", (90..=36_500).contains(&values.max_retention_days)),
            ("operator", values.operator.is_none_or(|at| at.ip().is_loopback())),
            ("clock.quorum", values.has_quorum()),
            ("guest.prefix", values.guest.is_none_or(|guest| guest.prefix <= 32)),
            ("keys", values.keys.values().all(|key| key.key().is_some())),
            ("witnesses", values.witnesses.iter().all(|w| w.key.key().is_some())),
            ("dealers", values.has_dealers()),
            ("custody", values.has_custodians()),
            ("privacy.sessions", values.privacy.has_sessions()),
            ("privacy.cells", (1..=64).contains(&values.privacy.cells)),
            ("privacy.horizon_days", (1..=1024).contains(&values.privacy.horizon_days)),
            ("limits.per_second", (1..=1_000_000).contains(&values.limits.per_second)),
            ("limits.burst", (1..=1_000_000).contains(&values.limits.burst)),
            ("limits.in_flight", (1..=100_000).contains(&values.limits.in_flight)),
            ("limits.callers", (1..=1_000_000).contains(&values.limits.callers)),
            ("limits.body_ms", (100..=600_000).contains(&values.limits.body_ms)),
            ("limits.patience_ms", values.limits.patience_ms <= 60_000),
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
        Settings {
            pacts: self.max_pacts,
            sessions: self.max_sessions,
            sessions_of_pact: self.sessions_of_pact(),
        }
    }

    const fn sessions_of_pact(&self) -> usize {
        match self.max_sessions_of_pact {
            Some(most) => most,
            None => match self.max_sessions.checked_div(self.max_pacts) {
                Some(equal) => equal,
                None => 0,
            },
        }
    }

    /// Shares that add up to more than there is would be no shares.
    const fn shares_fit(&self) -> bool {
        let share = self.sessions_of_pact();
        share > 0 && share.saturating_mul(self.max_pacts) <= self.max_sessions
    }

    /// The cap of each pact's day in private statistics, and the most that one principal's day
    /// adds to them.
    pub(crate) const fn ledger(&self) -> (u64, Bounds) {
        let PrivacyValues { cap_nano_rho, sessions, cells, horizon_days, unit, .. } = self.privacy;
        let unit = match unit {
            UnitValue::PrincipalDay => None,
            UnitValue::Session => Some(Unit::Session),
        };
        (cap_nano_rho, Bounds { sessions, cells, horizon: horizon_days, unit })
    }

    /// What the privacy card is made of.
    pub(crate) fn terms(&self) -> release::Terms {
        let (cap_nano_rho, bounds) = self.ledger();
        let quorum = match &self.clock {
            ClockValues::Witnessed { quorum, .. } => Some(quorum.get()),
            ClockValues::Generated { .. } | ClockValues::Host => None,
        };
        let development = match self.tee {
            TeeKind::InsecureSoftware => true,
            TeeKind::SevSnp | TeeKind::Tdx => false,
        };
        let price_nano_rho = self.privacy.price_nano_rho;
        let dealers = self.dealers.len();
        release::Terms { bounds, cap_nano_rho, price_nano_rho, quorum, development, dealers }
    }

    /// Bounds of the interface.
    pub(crate) const fn limits(&self) -> Limits {
        let LimitsValues { per_second, burst, in_flight, callers, body_ms, patience_ms } =
            self.limits;
        let body = Duration::from_millis(body_ms);
        let patience = Duration::from_millis(patience_ms);
        Limits { per_second, burst, in_flight, callers, body, patience }
    }

    /// Two quorums have to share a witness, or two boots could each find one.
    fn has_quorum(&self) -> bool {
        match &self.clock {
            ClockValues::Witnessed { quorum, .. } => {
                let all = self.witnesses.len();
                quorum.get() <= all && quorum.get().saturating_mul(2) > all
            }
            ClockValues::Generated { .. } | ClockValues::Host => true,
        }
    }

    fn has_dealers(&self) -> bool {
        let keys: BTreeSet<PublicKey> = self.dealers().iter().map(|dealer| dealer.key).collect();
        keys.len() == self.dealers.len() && keys.len() <= MAX_DEALERS
    }

    /// Who deals coins; with none the noise of every number is drawn.
    pub(crate) fn dealers(&self) -> Vec<Dealer> {
        self.dealers.iter().filter_map(DealerValues::dealer).collect()
    }

    /// How many witnesses say what is so.
    pub(crate) const fn quorum(&self) -> usize {
        match self.clock {
            ClockValues::Witnessed { quorum, .. } => quorum.get(),
            ClockValues::Generated { .. } | ClockValues::Host => 1,
        }
    }

    fn has_custodians(&self) -> bool {
        self.custody.as_ref().is_none_or(|CustodyValues { quorum, custodians }| {
            let keys: BTreeSet<PublicKey> = custodians.iter().filter_map(Did::key).collect();
            keys.len() == custodians.len() && (quorum.get()..=MAX_CUSTODIANS).contains(&keys.len())
        })
    }

    /// Who holds shares of the key under which the state is sealed, if anybody does.
    pub(crate) fn custody(&self) -> Option<Terms> {
        let CustodyValues { quorum, custodians } = self.custody.as_ref()?;
        let keyed = custodians.iter().filter_map(|did| Some((did.clone(), did.key()?)));
        Some(Terms { quorum: quorum.get(), custodians: keyed.collect() })
    }

    /// Names and keys of the witnesses.
    pub(crate) fn witnesses(&self) -> Vec<(String, PublicKey)> {
        let keyed = |w: &WitnessValues| Some((w.name.clone(), w.key.key()?));
        self.witnesses.iter().filter_map(keyed).collect()
    }
}

const fn max_retention_days() -> u64 {
    400
}

impl ClockValues {
    fn is_sound(&self) -> bool {
        match self {
            Self::Generated { start_ms, step_ms } => {
                (1..=60_000).contains(step_ms) && *start_ms < (1 << 45)
            }
            Self::Host => true,
            Self::Witnessed { drift_ppm, slack_ms, reach_ms, lease_ms, .. } => {
                let bounded = *drift_ppm <= 10_000 && *slack_ms <= 600_000 && *reach_ms <= DAY.0;
                bounded && (10_000..=600_000).contains(lease_ms)
            }
        }
    }
}

const MAX_BYTES: usize = 64 * 1024;
const MAX_CUSTODIANS: usize = 32;

#[cfg(test)]
mod tests;
