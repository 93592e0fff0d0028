//! Anchors as people keep them, in TOML or JSON.

use std::collections::BTreeMap;

use messages::circuit::CircuitKey;
use messages::codec::Wire;
use messages::did::Did;
use messages::ids::{ConfigDigest, PactHash};
use messages::signature::PublicKey;
use serde::{Deserialize, Serialize};

use crate::anchors::{Anchors, LogAnchor};

/// The anchors of one verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorsDocument {
    /// Root hashes of the pacts that claims may speak of: `sha256:` and 64 hexadecimal digits.
    pub pacts: Vec<String>,
    /// For whom proofs are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<AudienceDocument>,
    /// The monitors that may be spoken of.
    pub monitors: Vec<MonitorDocument>,
    /// Whose cosignatures count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<WitnessesDocument>,
    /// Whose coins count, as `did:key` by the dealer's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dealers: BTreeMap<String, Did>,
    /// Verifying keys of circuits: each the hexadecimal digits of its file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub circuits: Vec<String>,
    /// Whose time stamps count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_stamps: Option<TimeStampsDocument>,
}

/// The verifier's own identity and nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudienceDocument {
    /// The verifier.
    pub did: Did,
    /// 64 hexadecimal digits, drawn by the verifier.
    pub nonce: String,
}

/// One monitor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorDocument {
    /// The log's origin name.
    pub origin: String,
    /// The log's key as a `did:key`.
    pub log_key: Did,
    /// Digests of accepted configurations.
    pub configs: Vec<String>,
    /// What an appraiser accepts of confidential VMs: the text of an appraisal policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appraisal_policy: Option<String>,
    /// Accepted measurements of development monitors; used only where they are allowed by name.
    #[serde(default)]
    pub software_measurements: Vec<String>,
}

/// The verifier's witnesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessesDocument {
    /// How many must have cosigned a checkpoint.
    pub quorum: usize,
    /// Keys as `did:key`, by the witness's name.
    pub keys: BTreeMap<String, Did>,
}

/// The verifier's time-stamping authorities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeStampsDocument {
    /// Must a checkpoint be stamped?
    pub required: bool,
    /// Certificate chains by the authority's name, PEM: the one that signs first, its root last.
    pub authorities: BTreeMap<String, String>,
}

/// What cannot be read in anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorsError {
    /// Not the hexadecimal digits of a circuit's verifying key.
    #[error("a circuit is not the hexadecimal digits of a verifying key")]
    Circuit,
    /// Not `sha256:` and 64 hexadecimal digits.
    #[error("a digest is not sha256: and 64 hexadecimal digits")]
    Digest,
    /// Not an Ed25519 `did:key`.
    #[error("a key is not an Ed25519 did:key")]
    Key,
    /// Not 64 hexadecimal digits.
    #[error("the nonce is not 64 hexadecimal digits")]
    Nonce,
    /// Two monitors of one origin.
    #[error("two monitors have one origin")]
    Origin,
    /// More witnesses must agree than there are.
    #[error("the quorum is larger than the number of witnesses")]
    Quorum,
}

impl AnchorsDocument {
    /// As the verifier takes them.
    ///
    /// # Errors
    /// [`AnchorsError`].
    pub fn anchors(&self) -> Result<Anchors, AnchorsError> {
        let witnesses = self.witnesses.iter().flat_map(|witnesses| &witnesses.keys);
        let witnesses = witnesses.map(named).collect::<Result<Vec<_>, _>>()?;
        let quorum = self.witnesses.as_ref().map_or(0, |witnesses| witnesses.quorum);
        if quorum > witnesses.len() {
            return Err(AnchorsError::Quorum);
        }
        let mut origins: Vec<&str> = self.monitors.iter().map(|m| m.origin.as_str()).collect();
        origins.sort_unstable();
        if !origins.is_sorted_by(|a, b| a < b) {
            return Err(AnchorsError::Origin);
        }
        Ok(Anchors {
            logs: self.monitors.iter().map(MonitorDocument::anchor).collect::<Result<_, _>>()?,
            pacts: digests(&self.pacts)?.into_iter().map(PactHash).collect(),
            audience: self.audience.as_ref().map(|a| a.did.clone()),
            nonce: self.nonce()?,
            witnesses,
            quorum,
            dealers: self.dealers.iter().map(named).collect::<Result<_, _>>()?,
            circuits: self.circuits.iter().map(|text| circuit(text)).collect::<Result<_, _>>()?,
            stamped: self.time_stamps.as_ref().is_some_and(|stamps| stamps.required),
        })
    }

    /// The verifier's nonce.
    ///
    /// # Errors
    /// [`AnchorsError::Nonce`].
    pub fn nonce(&self) -> Result<Option<[u8; 32]>, AnchorsError> {
        let Some(audience) = &self.audience else { return Ok(None) };
        // A digest and a nonce are written alike.
        let nonce = PactHash::parse(&format!("sha256:{}", audience.nonce));
        nonce.map(|nonce| Some(nonce.0)).ok_or(AnchorsError::Nonce)
    }
}

impl MonitorDocument {
    /// As the verifier takes it.
    ///
    /// # Errors
    /// [`AnchorsError`].
    pub fn anchor(&self) -> Result<LogAnchor, AnchorsError> {
        Ok(LogAnchor {
            origin: self.origin.clone(),
            log_key: key_of(&self.log_key)?,
            configs: digests(&self.configs)?.into_iter().map(ConfigDigest).collect(),
        })
    }
}

fn named((name, did): (&String, &Did)) -> Result<(String, PublicKey), AnchorsError> {
    Ok((name.clone(), key_of(did)?))
}

fn key_of(did: &Did) -> Result<PublicKey, AnchorsError> {
    did.key().ok_or(AnchorsError::Key)
}

fn circuit(text: &str) -> Result<CircuitKey, AnchorsError> {
    let bytes = hex::decode(text).map_err(|_| AnchorsError::Circuit)?;
    CircuitKey::from_cbor(&bytes).map_err(|_| AnchorsError::Circuit)
}

fn digests(texts: &[String]) -> Result<Vec<[u8; 32]>, AnchorsError> {
    let one = |text: &String| PactHash::parse(text).map(|hash| hash.0).ok_or(AnchorsError::Digest);
    texts.iter().map(one).collect()
}
