//! What a relying party accepts. Every list that is empty refuses everything.

mod hardware;
mod hex;
mod snp;
mod tdx;

use messages::ids::ConfigDigest;
use messages::signature::PublicKey;

pub use self::hardware::{HardwarePolicy, PolicyDocument, PolicyError, PolicySigner};
pub use self::hex::Hex;
pub use self::snp::{FamilyPolicy, Revocation, SnpPolicy};
pub use self::tdx::{TdxMeasurement, TdxPolicy, TdxStatus};

/// Reference values and choices of one relying party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The only origin whose evidence is accepted.
    pub origin: String,
    /// Measured configurations that are accepted.
    pub configs: Vec<ConfigDigest>,
    /// For which log the monitor has to speak.
    pub log: Log,
    /// What is accepted of confidential VMs; without it none is.
    pub hardware: Option<HardwarePolicy>,
    /// What development evidence is accepted; none by default and in production.
    pub software: Option<SoftwarePolicy>,
}

/// For which log a monitor has to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// For some log: at first sight, or where its key is compared elsewhere.
    Any,
    /// For the log with this key. A monitor that has lost its log is another one.
    Only(PublicKey),
    /// For some log or for none: of a monitor that cannot read its state yet, to help it read it.
    AnyOrNone,
}

/// Reference values of development evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoftwarePolicy {
    /// Measurements that are accepted: `sw:` and the SHA-256 of the executable.
    pub measurements: Vec<String>,
}
