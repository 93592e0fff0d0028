//! A witness: [C2SP tlog-witness](https://c2sp.org/tlog-witness), `add-checkpoint`, without input
//! and output.
//!
//! A witness remembers the largest checkpoint of each log that it has signed, and signs only what
//! extends it. Whoever has such cosignatures knows that all who have them saw one log. The caller
//! keeps what is remembered durable before it hands a cosignature out.
//!
//! Beyond the protocol it keeps [leases](crate::Lease): while that of the last checkpoint lasts, no
//! other boot's checkpoint is signed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use messages::ids::LeafHash;
use messages::signature::PublicKey;

use crate::checkpoint::{Checkpoint, CheckpointError, MAX_CHECKPOINT_BYTES, open_checkpoint};
use crate::proof::{MAX_PATH, verify_consistency};

/// Largest body of a request.
pub const MAX_REQUEST_BYTES: usize = MAX_CHECKPOINT_BYTES + 64 * MAX_PATH;

/// A request to cosign a checkpoint: `old` size, consistency proof, blank line, signed note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size that the witness has signed last, as far as the requester knows.
    pub old: u64,
    /// Consistency proof from there.
    pub proof: Vec<LeafHash>,
    /// The checkpoint.
    pub note: String,
}

impl AddCheckpoint {
    /// Reads a request body.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        if body.len() > MAX_REQUEST_BYTES {
            return None;
        }
        let (head, note) = body.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let size = lines.next()?.strip_prefix("old ")?;
        let old: u64 = size.parse().ok().filter(|n: &u64| n.to_string() == size)?;
        let hash = |line: &str| {
            let bytes = STANDARD.decode(line).ok()?;
            bytes.try_into().ok().map(LeafHash)
        };
        let proof = lines.map(hash).collect::<Option<Vec<_>>>()?;
        (proof.len() <= MAX_PATH).then(|| Self { old, proof, note: note.to_owned() })
    }

    /// The request body.
    #[must_use]
    pub fn body(&self) -> String {
        let hashes = self.proof.iter().map(|hash| STANDARD.encode(hash.0) + "\n");
        format!("old {}\n{}\n{}", self.old, hashes.collect::<String>(), self.note)
    }

    /// Checks the request against what the witness signed last of this log, as the protocol says.
    ///
    /// # Errors
    /// [`Refusal`]; nothing is signed then. [`Refusal::Forked`] convicts the log: both notes
    /// together are the proof.
    pub fn check(
        &self,
        last: Option<&str>,
        origin: &str,
        log_key: &PublicKey,
    ) -> Result<Checkpoint, Refusal> {
        let new = open_checkpoint(&self.note, origin, log_key).map_err(|error| match error {
            CheckpointError::BadSignature
            | CheckpointError::Unsigned
            | CheckpointError::WrongKey => Refusal::Signature,
            _ => Refusal::Malformed,
        })?;
        let last = last.map(|note| open_checkpoint(note, origin, log_key));
        let last = last.transpose().map_err(|_| Refusal::Memory)?;
        let known = last.map_or(0, |last| last.size());
        if self.old > new.size() {
            return Err(Refusal::Malformed);
        }
        if self.old != known {
            return Err(Refusal::Size(known));
        }
        let Some(last) = last else {
            // Of the empty log everything is an extension.
            return if self.proof.is_empty() { Ok(new) } else { Err(Refusal::Proof) };
        };
        if last.size() == new.size() && last.root() != new.root() {
            return Err(Refusal::Forked);
        }
        verify_consistency(&last, &new, &self.proof).map_err(|_| Refusal::Proof)?;
        Ok(new)
    }

    /// [`check`](Self::check), and that no other boot's lease lasts.
    ///
    /// # Errors
    /// [`Refusal`], as above, or [`Refusal::Leased`].
    pub fn grant(
        &self,
        last: Option<Last<'_>>,
        origin: &str,
        log_key: &PublicKey,
    ) -> Result<Granted, Refusal> {
        let new = self.check(last.as_ref().map(|last| last.note), origin, log_key)?;
        let now = Granted::Newer { seconds_ago: 0 };
        let Some(Last { note, seconds_ago }) = last else { return Ok(now) };
        let last = open_checkpoint(note, origin, log_key).map_err(|_| Refusal::Memory)?;
        let Some(lease) = last.lease() else { return Ok(now) };
        match (lease.left(seconds_ago), new.lease()) {
            (Some(left), next) if !lease.gives_way_to(next) => Err(Refusal::Leased(left)),
            (_, Some(next)) if new.size() == last.size() && !lease.is_renewed_by(next) => {
                Ok(Granted::Again)
            }
            (_, Some(next)) => {
                Ok(Granted::Newer { seconds_ago: lease.began_before(next, seconds_ago) })
            }
            (_, None) => Ok(now),
        }
    }
}

/// What a witness signed last of a log.
#[derive(Clone, Copy, Debug)]
pub struct Last<'a> {
    /// The checkpoint.
    pub note: &'a str,
    /// How long ago its lease began, by a clock that nobody sets. Who does not know says less.
    pub seconds_ago: u64,
}

/// What a witness signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "what is newer is remembered before it is signed"]
pub enum Granted {
    /// To be remembered.
    Newer {
        /// How long ago a lease that it asks for began, to be remembered as well.
        seconds_ago: u64,
    },
    /// Nothing that was not signed before: what is remembered stays, and so does its lease's end.
    Again,
}

/// Why a witness does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a request, or of no checkpoint.
    #[error("the request is not of the form that tlog-witness says")]
    Malformed,
    /// Not the log's signature.
    #[error("the log did not sign the checkpoint")]
    Signature,
    /// The witness has signed another size since.
    #[error("the witness has signed a checkpoint of size {0}")]
    Size(u64),
    /// The log does not extend the one that was signed.
    #[error("the consistency proof does not hold")]
    Proof,
    /// Two checkpoints of one size with different roots.
    #[error("the log signed another checkpoint of this size")]
    Forked,
    /// Another boot of the monitor may be live for so many seconds.
    #[error("another boot of this log holds the lease for {0} more seconds")]
    Leased(u64),
    /// What the witness remembers is unreadable.
    #[error("what the witness remembers of this log is unreadable")]
    Memory,
}

impl Refusal {
    /// The status that tlog-witness gives.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Signature => 403,
            Self::Size(_) | Self::Forked => 409,
            Self::Proof => 422,
            Self::Leased(_) => 423,
            Self::Memory => 500,
        }
    }
}
