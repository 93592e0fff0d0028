//! What is accepted of TDX.

use serde::{Deserialize, Serialize};

use super::hex::Hex;

/// What is accepted of TDX. A list that is empty refuses everything; a demand that is left out is
/// not made. What is never accepted (debugging, migration, service domains, an owner) has no
/// field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TdxPolicy {
    /// Accepted images.
    pub measurements: Vec<TdxMeasurement>,
    /// Accepted sets of processor features, XFAM as it lies in the quote.
    pub xfam: Vec<Hex<8>>,
    /// Least evaluation number of the collateral: older collateral may hide what was found since.
    pub evaluation: u32,
    /// Accepted states of the platform besides `up-to-date`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<TdxStatus>,
    /// How long a platform or quoting enclave may have been out of date, in seconds, where that
    /// state is accepted.
    #[serde(default)]
    pub grace_s: u64,
    /// Advisories that are refused, as `INTEL-SA-00615`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_advisories: Vec<String>,
    /// Accepted platforms, by PPID; left out, any that Intel made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platforms: Option<Vec<Hex<16>>>,
    /// Whether another guest may share a core.
    pub smt: bool,
    /// Whether processors may be added to the platform.
    pub dynamic_platform: bool,
    /// Whether Intel may cache the platform's keys.
    pub cached_keys: bool,
    /// Whether performance counters may be on.
    #[serde(default)]
    pub perfmon: bool,
}

/// One image, with the firmware's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TdxMeasurement {
    /// The firmware.
    pub mrtd: Hex<48>,
    /// Its configuration and its tables.
    pub rtmr0: Hex<48>,
    /// The kernel.
    pub rtmr1: Hex<48>,
    /// Command line and initial file system.
    pub rtmr2: Hex<48>,
    /// What the image itself measured; zeros, if it measures nothing.
    pub rtmr3: Hex<48>,
}

/// A state of a platform's firmware, as Intel's collateral has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TdxStatus {
    /// Software of the image has to harden itself.
    SwHardeningNeeded,
    /// The platform is configured in a way that Intel advises against.
    ConfigurationNeeded,
    /// Both.
    ConfigurationAndSwHardeningNeeded,
    /// Older firmware.
    OutOfDate,
    /// Older firmware that is configured so.
    OutOfDateConfigurationNeeded,
    /// Older firmware at the launch, newer now.
    RelaunchAdvised,
    /// The same, configured so.
    RelaunchAdvisedConfigurationNeeded,
}
