//! The TEE that the configuration demands. If it is absent there is no monitor: nothing falls
//! back to anything.

mod certificates;
mod derived;
mod tsm;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use journal::SealingKey;
use messages::codec::Wire;
use messages::evidence::{self, Claims, Conceptual, Evidence, PROFILE};
use messages::ids::ConfigDigest;
use sev::firmware::guest::Firmware;

use self::derived::{DerivedSealing, SecurityProcessor, Version};
use self::tsm::{Quoted, Tsm, TsmError};
use crate::config::{Config, TeeKind};

/// A TEE that is there.
pub(crate) enum Tee {
    /// A confidential VM.
    Hardware(Hardware),
    /// None: development evidence, in builds that carry the attester.
    #[cfg(feature = "insecure-software-attester")]
    InsecureSoftware { measurement: String },
}

/// A confidential VM that was launched with this configuration.
pub(crate) struct Hardware {
    /// One question at a time: each would take the others' answers for somebody else's.
    tsm: Mutex<Tsm>,
    kind: evidence::Tee,
    config: ConfigDigest,
    /// What keys are derived for; SEV-SNP.
    version: Option<Version>,
    /// Where the operator puts certificates that the host does not add.
    endorsements: PathBuf,
}

/// The configured TEE is not there, or does not do what it must.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TeeError {
    #[error(transparent)]
    Tsm(#[from] TsmError),
    #[error(
        "config-not-launched: the host launched this machine with another configuration; launch \
         with HOST_DATA or MRCONFIGID set to the digest that `cloisterd check-config` prints"
    )]
    Config,
    #[error(
        "tee-no-derived-key: the security processor derives no key; load sev-guest, and run at \
         the privilege level of the whole machine"
    )]
    NoDerivedKey,
    #[cfg(not(feature = "insecure-software-attester"))]
    #[error("this build has no attester for development evidence, and no other TEE was configured")]
    NoSoftwareAttester,
    #[cfg(feature = "insecure-software-attester")]
    #[error("the executable cannot be measured")]
    Unmeasurable,
}

impl Tee {
    /// Finds the configured TEE. `state` is the folder in which certificates may lie.
    pub(crate) fn open(config: &Config, state: &Path) -> Result<Self, TeeError> {
        let kind = match config.values.tee {
            TeeKind::SevSnp => evidence::Tee::Snp,
            TeeKind::Tdx => evidence::Tee::Tdx,
            TeeKind::InsecureSoftware => return Self::software(),
        };
        let tsm = Tsm::open(Path::new(tsm::ROOT), kind)?;
        Ok(Self::Hardware(Hardware::open(tsm, kind, config.digest, state)?))
    }

    #[cfg(feature = "insecure-software-attester")]
    fn software() -> Result<Self, TeeError> {
        use sha2::Digest;
        let executable = std::fs::read("/proc/self/exe").map_err(|_| TeeError::Unmeasurable)?;
        let digest = sha2::Sha256::digest(executable);
        Ok(Self::InsecureSoftware { measurement: format!("sw:{}", hex::encode(digest)) })
    }

    #[cfg(not(feature = "insecure-software-attester"))]
    const fn software() -> Result<Self, TeeError> {
        Err(TeeError::NoSoftwareAttester)
    }

    /// Evidence that binds `claims`.
    pub(crate) fn attest(&self, claims: &Claims) -> Result<Conceptual, TeeError> {
        match self {
            Self::Hardware(hardware) => hardware.attest(claims),
            #[cfg(feature = "insecure-software-attester")]
            Self::InsecureSoftware { measurement } => {
                Ok(attestations::software::attest(claims, measurement))
            }
        }
    }

    /// What seals, with a key of this machine; none where it has no such key.
    pub(crate) fn sealing(&self, origin: &str) -> Result<Box<dyn SealingKey>, TeeError> {
        let Self::Hardware(Hardware { version: Some(version), config, .. }) = self else {
            return Err(TeeError::NoDerivedKey);
        };
        let processor = Firmware::open().map_err(|_| TeeError::NoDerivedKey)?;
        Ok(Box::new(DerivedSealing::new(SecurityProcessor(processor), *version, origin, *config)))
    }
}

impl Hardware {
    fn open(
        tsm: Tsm,
        kind: evidence::Tee,
        config: ConfigDigest,
        state: &Path,
    ) -> Result<Self, TeeError> {
        let Quoted { report, .. } = tsm.quote(&[0; 64])?;
        let launched = Launched::read(kind, &report).ok_or(TsmError::Malformed)?;
        // The host chose the file; what it launched the machine with is what it has to be. On TDX
        // the quote comes through the host too, and only a verifier finds one that is made up.
        if launched.config != config {
            return Err(TeeError::Config);
        }
        let endorsements = state.join("endorsements");
        let tsm = Mutex::new(tsm);
        Ok(Self { tsm, kind, config, version: launched.version, endorsements })
    }

    fn attest(&self, claims: &Claims) -> Result<Conceptual, TeeError> {
        let tsm = self.tsm.lock().unwrap_or_else(PoisonError::into_inner);
        let Quoted { report, added } = tsm.quote(&claims.report_data(self.kind.code()))?;
        drop(tsm);
        let evidence = Evidence {
            profile: PROFILE.into(),
            tee: self.kind,
            report,
            claims: claims.to_cbor(),
            endorsements: certificates::collect(&added, &self.endorsements),
            event_log: None,
        };
        Ok(evidence.conceptual())
    }
}

/// What evidence says of the launch.
struct Launched {
    config: ConfigDigest,
    version: Option<Version>,
}

impl Launched {
    fn read(kind: evidence::Tee, report: &[u8]) -> Option<Self> {
        match kind {
            evidence::Tee::Snp => {
                let u64_at =
                    |at: usize| Some(u64::from_le_bytes(*report.get(at..)?.first_chunk()?));
                let config = ConfigDigest(*report.get(HOST_DATA..)?.first_chunk()?);
                Some(Self { config, version: Some(Version(u64_at(COMMITTED_TCB)?)) })
            }
            evidence::Tee::Tdx => {
                let id: [u8; 48] = *td_report(report)?.get(MRCONFIGID..)?.first_chunk()?;
                let (config, zeros) = id.split_first_chunk()?;
                let digest = ConfigDigest(*config);
                let ours = zeros.iter().all(|byte| *byte == 0);
                Some(Self {
                    config: if ours { digest } else { ConfigDigest([0; 32]) },
                    version: None,
                })
            }
        }
    }
}

/// The TD report in a quote: behind the header, and in version 5 behind the body's type and size.
fn td_report(quote: &[u8]) -> Option<&[u8]> {
    let version = u16::from_le_bytes(*quote.first_chunk()?);
    quote.get(if version == 5 { 54 } else { 48 }..)
}

// Places in a report (AMD 56860, table 23) and in a TD report (Intel 348551, table 3.41).
const HOST_DATA: usize = 0xc0;
const COMMITTED_TCB: usize = 0x1e0;
const MRCONFIGID: usize = 184;

#[cfg(test)]
mod tests;
