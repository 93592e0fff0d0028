//! The TEE that the configuration demands. If it is absent there is no monitor: nothing falls
//! back to anything.

use messages::evidence::{Claims, Conceptual};

use crate::config::{Config, TeeKind};

/// A TEE that is there.
pub(crate) enum Tee {
    /// None: development evidence, in builds that carry the attester.
    #[cfg(feature = "insecure-software-attester")]
    InsecureSoftware { measurement: String },
}

/// The configured TEE is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TeeError {
    #[cfg(not(feature = "insecure-software-attester"))]
    #[error("this build has no attester for development evidence, and no other TEE was configured")]
    NoSoftwareAttester,
    #[cfg(feature = "insecure-software-attester")]
    #[error("the executable cannot be measured")]
    Unmeasurable,
}

impl Tee {
    pub(crate) fn open(config: &Config) -> Result<Self, TeeError> {
        match config.values.tee {
            #[cfg(feature = "insecure-software-attester")]
            TeeKind::InsecureSoftware => {
                use sha2::Digest;
                let executable =
                    std::fs::read("/proc/self/exe").map_err(|_| TeeError::Unmeasurable)?;
                let digest = sha2::Sha256::digest(executable);
                Ok(Self::InsecureSoftware { measurement: format!("sw:{}", hex::encode(digest)) })
            }
            #[cfg(not(feature = "insecure-software-attester"))]
            TeeKind::InsecureSoftware => Err(TeeError::NoSoftwareAttester),
        }
    }

    /// Evidence that binds `claims`.
    #[cfg_attr(
        not(feature = "insecure-software-attester"),
        expect(unused_variables, reason = "without an attester no Tee can exist")
    )]
    pub(crate) fn attest(&self, claims: &Claims) -> Conceptual {
        match *self {
            #[cfg(feature = "insecure-software-attester")]
            Self::InsecureSoftware { ref measurement } => {
                attestations::software::attest(claims, measurement)
            }
        }
    }
}
