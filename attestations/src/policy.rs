//! What a relying party accepts. Every list that is empty refuses everything.

mod hardware;
mod hex;
mod snp;
mod tdx;

use messages::ids::ConfigDigest;

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
    /// What is accepted of confidential VMs; without it none is.
    pub hardware: Option<HardwarePolicy>,
    /// What development evidence is accepted; none by default and in production.
    pub software: Option<SoftwarePolicy>,
}

/// Reference values of development evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SoftwarePolicy {
    /// Measurements that are accepted: `sw:` and the SHA-256 of the executable.
    pub measurements: Vec<String>,
}
