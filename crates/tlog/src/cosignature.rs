//! Witness cosignatures: [C2SP tlog-cosignature](https://c2sp.org/tlog-cosignature) version 1,
//! Ed25519, key type 0x04.
//!
//! A cosignature says that, as of a time, the checkpoint is the largest consistent one that the
//! witness has seen of its log. It is not the log's own signature:
//! [`open_checkpoint`](crate::open_checkpoint) verifies that one. Nor does this module check
//! consistency; a witness does so before it signs.

use std::collections::BTreeSet;

use ed25519_dalek::{Signer as _, VerifyingKey};
use messages::signature::{PublicKey, SigningKey};
use signed_note::{Note, Signature, key_id};

use crate::checkpoint::{CheckpointError, MAX_CHECKPOINT_BYTES, MAX_SIGNATURES, is_origin, read};

/// A cosignature that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosignature<'a> {
    /// The witness's name.
    pub witness: &'a str,
    /// When it signed, by its own clock: seconds since 1970-01-01T00:00:00Z.
    pub unix_seconds: u64,
}

/// Returns a witness's signature line for the checkpoint in `note`, with its line feed.
///
/// The caller has opened the checkpoint and verified its consistency with the last one that this
/// witness signed. One key has one witness name: the signed message does not say which.
///
/// # Errors
/// [`CosignError`].
pub fn cosign(
    note: &str,
    witness: &str,
    key: &SigningKey,
    unix_seconds: u64,
) -> Result<String, CosignError> {
    if !is_origin(witness) {
        return Err(CosignError::BadName);
    }
    if unix_seconds > MAX_UNIX_SECONDS {
        return Err(CosignError::BadTime);
    }
    let (body, _) = read(note)?;
    // The copy of the key erases itself at the end of the line.
    let secret = ed25519_dalek::SigningKey::from_bytes(&key.expose_seed());
    let signature = secret.sign(&message(&body, unix_seconds)).to_bytes();
    let stamped = [&unix_seconds.to_be_bytes()[..], &signature].concat();
    let line = Signature::new(witness.to_owned(), id(witness, &key.public()), stamped);
    let line = line.map_err(|_| CosignError::BadName)?.to_bytes();
    String::from_utf8(line).map_err(|_| CosignError::BadName)
}

/// Returns `note` with a witness's line added. A line that the same key of that name added before
/// is replaced, so a note does not grow with time. The signature is not verified here.
///
/// # Errors
/// [`CheckpointError`] when either is malformed, or there is no room.
pub fn with_cosignature(note: &str, line: &str) -> Result<String, CheckpointError> {
    let line = line.strip_suffix('\n').ok_or(CheckpointError::Truncated)?;
    let added = Signature::from_bytes(line.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
    let (body, mut signatures) = read(note)?;
    signatures.retain(|s| (s.name(), s.id()) != (added.name(), added.id()));
    signatures.push(added);
    if signatures.len() > MAX_SIGNATURES {
        return Err(CheckpointError::TooLarge);
    }
    let note = Note::new(body.as_bytes(), &signatures).map_err(|_| CheckpointError::Malformed)?;
    let note = String::from_utf8(note.to_bytes()).map_err(|_| CheckpointError::Malformed)?;
    if note.len() > MAX_CHECKPOINT_BYTES {
        return Err(CheckpointError::TooLarge);
    }
    // A name may hold what no line can.
    read(&note).map(|_| note)
}

/// Returns the cosignatures of `note` that hold, at most one for each of `witnesses`, in their
/// order: of several the latest. Lines of others, and lines that do not hold, are passed over; a
/// text that is no signed note has none. A key that `witnesses` lists twice counts once, under
/// its first name.
#[must_use]
pub fn cosignatures<'a, N: AsRef<str>>(
    note: &str,
    witnesses: &'a [(N, PublicKey)],
) -> Vec<Cosignature<'a>> {
    let Ok((body, signatures)) = read(note) else { return Vec::new() };
    let mut keys = BTreeSet::new();
    let mut found = Vec::new();
    for (name, key) in witnesses {
        let (name, id) = (name.as_ref(), id(name.as_ref(), key));
        if !keys.insert(*key) {
            continue;
        }
        let own = signatures.iter().filter(|s| s.name() == name && s.id() == id);
        let times = own.filter_map(|s| verify(&body, s.signature(), key));
        found.extend(times.max().map(|unix_seconds| Cosignature { witness: name, unix_seconds }));
    }
    found
}

/// Why a witness does not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignError {
    /// Not a name that a signature line can carry.
    #[error("the witness's name cannot stand in a signature line")]
    BadName,
    /// Past the last second that the format knows.
    #[error("the time does not fit a cosignature")]
    BadTime,
    /// Not a signed note.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl CosignError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadName => "cosign-bad-name",
            Self::BadTime => "cosign-bad-time",
            Self::Checkpoint(error) => error.code(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::BadName => {
                "name the witness by 1 to 255 printable ASCII characters without + and spaces"
            }
            Self::BadTime => "set the witness's clock",
            Self::Checkpoint(_) => "fetch the checkpoint again",
        }
    }
}

/// "Ed25519 signed message": a header line, a time line, the note's text.
fn message(body: &str, unix_seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {unix_seconds}\n{body}").into_bytes()
}

/// The time of a `timestamped_signature` that holds: eight bytes, then the signature.
fn verify(body: &str, stamped: &[u8], key: &PublicKey) -> Option<u64> {
    let (time, signature) = stamped.split_first_chunk::<8>()?;
    let unix_seconds = u64::from_be_bytes(*time);
    let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
    let key = VerifyingKey::from_bytes(&key.0).ok()?;
    key.verify_strict(&message(body, unix_seconds), &signature).ok()?;
    (unix_seconds <= MAX_UNIX_SECONDS).then_some(unix_seconds)
}

/// SHA-256(name, line feed, 0x04, key), the first four bytes.
fn id(name: &str, key: &PublicKey) -> u32 {
    key_id(name, &[&[COSIGNATURE_ED25519][..], &key.0].concat())
}

const COSIGNATURE_ED25519: u8 = 4;
const MAX_UNIX_SECONDS: u64 = i64::MAX.unsigned_abs();
