//! Checkpoints: a signed tree head as text, `origin`, size, root, the lease of the boot that made it
//! if it asks for one, blank line, signatures.

use ed25519_dalek::{Signer as _, VerifyingKey};
use messages::ids::Root;
use messages::signature::{PublicKey, SigningKey};
use signed_note::{Note, Signature, Signer, key_id};
use tlog_tiles::Hash;

use crate::lease::Lease;

/// Largest checkpoint in bytes, all signature lines included.
pub const MAX_CHECKPOINT_BYTES: usize = 8 * 1024;
/// Most signature lines; all but the log's own are left to others to judge.
pub const MAX_SIGNATURES: usize = 32;

/// A tree head whose signature was verified; only [`open_checkpoint`] makes one.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    size: u64,
    root: Root,
    lease: Option<Lease>,
}

impl Checkpoint {
    /// Number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root over them.
    #[must_use]
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// What the boot that made it says of itself, where it asks witnesses for a lease.
    #[must_use]
    pub const fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }
}

/// Returns whether `origin` can name a log: not empty, at most 255 bytes, printable ASCII
/// without spaces and plus signs (C2SP signed-note, "key name", narrowed to ASCII).
#[must_use]
pub fn is_origin(origin: &str) -> bool {
    (1..=255).contains(&origin.len())
        && origin.bytes().all(|b| b.is_ascii_graphic() && b != b'+')
        && signed_note::is_key_name_valid(origin)
}

/// Returns the checkpoint of a tree as a signed note, one signature by the log key. The note's
/// text is signed as it stands; no domain-separated message equals it, since those hold a zero
/// byte and a note holds none.
///
/// For what is not an origin (see [`is_origin`]) the text is empty, which nobody opens.
#[must_use]
pub fn sign_checkpoint(origin: &str, size: u64, root: &Root, key: &SigningKey) -> String {
    sign(origin, Checkpoint { size, root: *root, lease: None }, key)
}

/// [`sign_checkpoint`] of a boot that asks witnesses for a lease.
#[must_use]
pub fn sign_leased_checkpoint(
    origin: &str,
    (size, root): (u64, &Root),
    lease: Lease,
    key: &SigningKey,
) -> String {
    sign(origin, Checkpoint { size, root: *root, lease: Some(lease) }, key)
}

fn sign(origin: &str, head: Checkpoint, key: &SigningKey) -> String {
    if !is_origin(origin) {
        return String::new();
    }
    let signer = LogSigner { origin, key };
    let note = Note::new(text(origin, &head).as_bytes(), &[]).and_then(|mut note| {
        note.add_sigs(&[&signer])?;
        Ok(note.to_bytes())
    });
    note.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Opens a checkpoint of the log called `origin` with the key `key`. Signatures of other
/// signers are neither checked nor counted.
///
/// # Errors
/// [`CheckpointError`], one variant for each thing that is wrong.
pub fn open_checkpoint(
    note: &str,
    origin: &str,
    key: &PublicKey,
) -> Result<Checkpoint, CheckpointError> {
    let (body, signatures) = read(note)?;
    let checkpoint = head(&body, origin)?;
    verify_signature(&signatures, &body, origin, key)?;
    Ok(checkpoint)
}

/// The text of a checkpoint, which all its signatures are about: what a time stamp is of. None when
/// `note` is no signed note.
#[must_use]
pub fn checkpoint_text(note: &str) -> Option<String> {
    read(note).ok().map(|(text, _)| text)
}

/// Reads a signed note: its text, and its signatures as they stand, none of them verified.
pub(crate) fn read(note: &str) -> Result<(String, Vec<Signature>), CheckpointError> {
    if note.len() > MAX_CHECKPOINT_BYTES {
        return Err(CheckpointError::TooLarge);
    }
    let complete = note.ends_with('\n')
        && note.rsplit_once("\n\n").is_some_and(|(_, signatures)| !signatures.is_empty());
    if !complete {
        return Err(CheckpointError::Truncated);
    }
    let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
    if parsed.to_bytes() != note.as_bytes() {
        return Err(CheckpointError::NonCanonical);
    }
    let body = String::from_utf8(parsed.text().to_vec()).map_err(|_| CheckpointError::Malformed)?;
    // `Note` keeps its signatures to itself, so the lines are read once more, by its own parser.
    let lines = note.rsplit_once("\n\n").map(|(_, lines)| lines).unwrap_or_default();
    if lines.lines().count() > MAX_SIGNATURES {
        return Err(CheckpointError::TooLarge);
    }
    let signatures = lines.lines().map(|line| Signature::from_bytes(line.as_bytes()));
    let signatures = signatures.collect::<Result<_, _>>();
    Ok((body, signatures.map_err(|_| CheckpointError::Malformed)?))
}

/// Why a text is not a checkpoint of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The log's signature does not hold.
    #[error("the log's signature does not hold")]
    BadSignature,
    /// Lines after the root that are no lease.
    #[error("the checkpoint has lines after its root that are no lease")]
    Extension,
    /// Not a signed note with three lines of text, or four.
    #[error("the text is not a signed checkpoint")]
    Malformed,
    /// A second spelling of some checkpoint.
    #[error("the checkpoint is not in canonical form")]
    NonCanonical,
    /// Over the bounds.
    #[error(
        "the checkpoint has more than {MAX_CHECKPOINT_BYTES} bytes or {MAX_SIGNATURES} signatures"
    )]
    TooLarge,
    /// The end is missing.
    #[error("the checkpoint is cut short")]
    Truncated,
    /// No signature in the log's name.
    #[error("the log did not sign the checkpoint")]
    Unsigned,
    /// Signed in the log's name by another key.
    #[error("the checkpoint is signed by another key of that name")]
    WrongKey,
    /// Of another log.
    #[error("the checkpoint is of another log")]
    WrongOrigin,
}

impl CheckpointError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadSignature => "checkpoint-bad-signature",
            Self::Extension => "checkpoint-extension",
            Self::Malformed => "checkpoint-malformed",
            Self::NonCanonical => "checkpoint-non-canonical",
            Self::TooLarge => "checkpoint-too-large",
            Self::Truncated => "checkpoint-truncated",
            Self::Unsigned => "checkpoint-unsigned",
            Self::WrongKey => "checkpoint-wrong-key",
            Self::WrongOrigin => "checkpoint-wrong-origin",
        }
    }
}

fn text(origin: &str, Checkpoint { size, root, lease }: &Checkpoint) -> String {
    let lease = lease.map(|lease| format!("{lease}\n")).unwrap_or_default();
    format!("{origin}\n{size}\n{}\n{lease}", Hash(root.0))
}

fn head(body: &str, origin: &str) -> Result<Checkpoint, CheckpointError> {
    let mut lines = body.lines();
    let (Some(name), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(CheckpointError::Malformed);
    };
    if name != origin || !is_origin(origin) {
        return Err(CheckpointError::WrongOrigin);
    }
    let lease = lines.next().map(|line| Lease::parse(line).ok_or(CheckpointError::Extension));
    let lease = lease.transpose()?;
    if lines.next().is_some() {
        return Err(CheckpointError::Extension);
    }
    let size: u64 = size.parse().map_err(|_| CheckpointError::Malformed)?;
    let root = Hash::parse_hash(root).map_err(|_| CheckpointError::Malformed)?;
    let head = Checkpoint { size, root: Root(root.0), lease };
    if text(origin, &head) == body { Ok(head) } else { Err(CheckpointError::NonCanonical) }
}

fn verify_signature(
    signatures: &[Signature],
    body: &str,
    origin: &str,
    key: &PublicKey,
) -> Result<(), CheckpointError> {
    let named: Vec<&Signature> = signatures.iter().filter(|s| s.name() == origin).collect();
    let id = key_id(origin, &typed(key));
    let mut ours = named.iter().filter(|signature| signature.id() == id);
    match (ours.next(), ours.next()) {
        (Some(signature), None) => {
            let signature = ed25519_dalek::Signature::from_slice(signature.signature())
                .map_err(|_| CheckpointError::BadSignature)?;
            VerifyingKey::from_bytes(&key.0)
                .and_then(|key| key.verify_strict(body.as_bytes(), &signature))
                .map_err(|_| CheckpointError::BadSignature)
        }
        (Some(_), Some(_)) => Err(CheckpointError::NonCanonical),
        (None, _) if named.is_empty() => Err(CheckpointError::Unsigned),
        (None, _) => Err(CheckpointError::WrongKey),
    }
}

/// The key as signed notes hash it: algorithm, then key.
fn typed(key: &PublicKey) -> Vec<u8> {
    [&[ALGORITHM_ED25519][..], &key.0].concat()
}

struct LogSigner<'a> {
    origin: &'a str,
    key: &'a SigningKey,
}

impl Signer for LogSigner<'_> {
    fn name(&self) -> &str {
        self.origin
    }

    fn key_id(&self) -> u32 {
        key_id(self.origin, &typed(&self.key.public()))
    }

    fn sign(&self, note: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        // The copy of the key erases itself at the end of the line.
        let key = ed25519_dalek::SigningKey::from_bytes(&self.key.expose_seed());
        Ok(key.try_sign(note)?.to_vec())
    }
}

const ALGORITHM_ED25519: u8 = 1;
