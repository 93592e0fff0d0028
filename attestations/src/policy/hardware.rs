//! The document of what is accepted of confidential VMs: a file that its authors sign, and that a
//! pact or a verifier's anchors name by its digest.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::did::Did;
use messages::domain;
use messages::ids::PolicyDigest;
use messages::signature::{PublicKey, Signature, SigningKey};
use serde::{Deserialize, Serialize};

use super::snp::SnpPolicy;
use super::tdx::TdxPolicy;

/// What is accepted of confidential VMs, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    /// Always `cloister-appraisal-policy/1`.
    pub format: String,
    /// Rises with each policy of one author: an older one is refused where a newer is demanded.
    pub version: u64,
    /// How long a verdict under it may be used, in seconds: each says when it ends.
    pub verdict_s: u64,
    /// What is accepted of SEV-SNP; left out, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snp: Option<SnpPolicy>,
    /// What is accepted of TDX; left out, nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tdx: Option<TdxPolicy>,
}

/// A policy that somebody whom the verifier named stands for: its digest is pinned, or it is
/// signed. Only [`HardwarePolicy::pinned`] and [`HardwarePolicy::signed`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct HardwarePolicy {
    document: Arc<PolicyDocument>,
    digest: PolicyDigest,
}

/// Whose policies are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySigner {
    /// Signs them.
    pub key: PublicKey,
    /// The least version that is accepted.
    pub version: u64,
}

/// Why a policy cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// More than 1 MiB.
    #[error("the policy is larger than 1 MiB")]
    TooLarge,
    /// Not a policy: the place, by line and column.
    #[error("the policy is not of the format, in line {line}, column {column}")]
    Malformed {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Another format.
    #[error("the policy has another format than cloister-appraisal-policy/1")]
    Format,
    /// A number that JSON's readers do not agree about (RFC 8785, section 3.2.2.3).
    #[error("a number of the policy is larger than 2^53 - 1")]
    Number,
    /// A demand that anybody can meet: a guest's version is what its identity block says, and
    /// without a list of keys anybody may sign one.
    #[error("the policy demands a guest_svn without id_keys: whoever launches chooses it")]
    GuestSvn,
    /// Not the one whose digest is pinned.
    #[error("the policy is not the one whose digest is pinned")]
    NotPinned,
    /// Nobody who is accepted signed it.
    #[error("the policy is not signed by the accepted key")]
    NotSigned,
    /// Older than what is accepted.
    #[error("the policy is older than the version that is accepted")]
    Older,
}

impl PolicyError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "policy-too-large",
            Self::Malformed { .. } => "policy-malformed",
            Self::Format => "policy-format",
            Self::Number => "policy-number",
            Self::GuestSvn => "policy-guest-svn",
            Self::NotPinned => "policy-not-pinned",
            Self::NotSigned => "policy-not-signed",
            Self::Older => "policy-older",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::TooLarge | Self::Malformed { .. } | Self::Format | Self::Number => {
                "write it as PolicyDocument's documentation says"
            }
            Self::GuestSvn => "list the keys that sign your identity blocks, or demand no version",
            Self::NotPinned => "name the policy of this digest, or pin this one's",
            Self::NotSigned => "have its author sign it, or accept the author's key",
            Self::Older => "fetch its author's newest policy",
        }
    }
}

impl HardwarePolicy {
    /// Reads `{"policy": {..}, "signatures": [..]}`, whose policy must have this digest.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn pinned(bytes: &[u8], digest: PolicyDigest) -> Result<Self, PolicyError> {
        let policy = Self::read(bytes)?.0;
        if policy.digest == digest { Ok(policy) } else { Err(PolicyError::NotPinned) }
    }

    /// Reads the same, whose policy the signer must have signed, in a version that is accepted.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn signed(bytes: &[u8], signer: &PolicySigner) -> Result<Self, PolicyError> {
        let (policy, signatures) = Self::read(bytes)?;
        let signed = signatures
            .iter()
            .any(|said| said.did.key() == Some(signer.key) && said.holds(policy.digest));
        if !signed {
            return Err(PolicyError::NotSigned);
        }
        if policy.document.version < signer.version {
            return Err(PolicyError::Older);
        }
        Ok(policy)
    }

    /// Writes a policy with the signature of each key.
    ///
    /// # Errors
    /// [`PolicyError::Format`], [`PolicyError::Number`] and [`PolicyError::GuestSvn`].
    pub fn write(document: &PolicyDocument, keys: &[&SigningKey]) -> Result<String, PolicyError> {
        let digest = digest(document)?;
        let sign = |key: &&SigningKey| Said {
            did: Did::from_key(&key.public()),
            sig: STANDARD.encode(key.sign(domain::APPRAISAL_POLICY, &digest.0).0),
        };
        let file = File { policy: document.clone(), signatures: keys.iter().map(sign).collect() };
        let text = serde_json::to_string_pretty(&file).map_err(|_| PolicyError::Format)?;
        Ok(text + "\n")
    }

    fn read(bytes: &[u8]) -> Result<(Self, Vec<Said>), PolicyError> {
        if bytes.len() > MOST_BYTES {
            return Err(PolicyError::TooLarge);
        }
        let malformed = |error: serde_json::Error| PolicyError::Malformed {
            line: error.line(),
            column: error.column(),
        };
        let File { policy, signatures } = serde_json::from_slice(bytes).map_err(malformed)?;
        if policy.format != FORMAT {
            return Err(PolicyError::Format);
        }
        let digest = digest(&policy)?;
        Ok((Self { document: Arc::new(policy), digest }, signatures))
    }

    /// Digest of a policy that nobody stands for yet: what a verifier would pin.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn digest_of(bytes: &[u8]) -> Result<PolicyDigest, PolicyError> {
        Self::read(bytes).map(|(policy, _)| policy.digest)
    }

    /// Whose signatures a file has that hold.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn signers(bytes: &[u8]) -> Result<Vec<Did>, PolicyError> {
        let (policy, signatures) = Self::read(bytes)?;
        let signed = signatures.into_iter().filter(|said| said.holds(policy.digest));
        Ok(signed.map(|said| said.did).collect())
    }

    /// What it says.
    #[must_use]
    pub fn document(&self) -> &PolicyDocument {
        &self.document
    }

    /// Tagged SHA-256 of its canonical JSON (RFC 8785).
    #[must_use]
    pub const fn digest(&self) -> PolicyDigest {
        self.digest
    }
}

/// Of the canonical form: white space, the order of keys and fields that say what leaving them
/// out says make no other policy.
fn digest(policy: &PolicyDocument) -> Result<PolicyDigest, PolicyError> {
    let snp = policy.snp.as_ref();
    let snp = snp.map(|snp| [snp.mitigations, snp.revocation.max_age_s]).unwrap_or_default();
    let tdx = policy.tdx.as_ref().map(|tdx| tdx.grace_s).unwrap_or_default();
    let numbers = [policy.version, policy.verdict_s, tdx];
    if numbers.iter().chain(&snp).any(|number| *number > MOST_NUMBER) {
        return Err(PolicyError::Number);
    }
    let unsigned = |snp: &SnpPolicy| snp.guest_svn > 0 && snp.id_keys.is_none();
    if policy.snp.as_ref().is_some_and(unsigned) {
        return Err(PolicyError::GuestSvn);
    }
    let canonical = serde_json_canonicalizer::to_vec(policy).map_err(|_| PolicyError::Format)?;
    Ok(PolicyDigest(domain::APPRAISAL_POLICY.hash(&[&canonical])))
}

/// The format of policies.
pub(super) const FORMAT: &str = "cloister-appraisal-policy/1";
const MOST_BYTES: usize = 1024 * 1024;
/// Up to here every reader of JSON reads the same number.
const MOST_NUMBER: u64 = (1 << 53) - 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: PolicyDocument,
    #[serde(default)]
    signatures: Vec<Said>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    did: Did,
    sig: String,
}

impl Said {
    fn holds(&self, digest: PolicyDigest) -> bool {
        let signature = STANDARD.decode(&self.sig).ok().and_then(|sig| sig.try_into().ok());
        self.did.key().zip(signature).is_some_and(|(key, signature)| {
            key.verify(domain::APPRAISAL_POLICY, &digest.0, &Signature(signature)).is_ok()
        })
    }
}
