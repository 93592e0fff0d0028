//! The public log on the host's disk: the leaves as they are, and the newest checkpoint. Nothing
//! in it is secret, and nothing in it is trusted: at start it is compared with the journal.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use messages::codec::Wire;
use messages::leaf::Leaf;
use messages::signature::PublicKey;
use tlog::Log;

use crate::store::StoreError;

/// The folder that anybody may read and mirror.
pub(crate) struct PublicLog {
    leaves: File,
    folder: PathBuf,
}

/// What the public log says that the journal does not.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The log is a prefix of what the journal holds.
    Prefix(u64),
    /// The log continues where the journal ends: the journal is an older copy.
    Longer(Vec<Leaf>),
    /// One place, two leaves.
    Forked(u64),
}

impl PublicLog {
    /// Opens the folder and compares its leaves with `own`, those that the journal knows.
    pub(crate) fn open(
        folder: &Path,
        own: impl Fn(u64) -> Option<Leaf>,
        size: u64,
    ) -> Result<(Self, Comparison), StoreError> {
        let io = |e: std::io::Error| StoreError::Public(e.kind());
        std::fs::create_dir_all(folder).map_err(io)?;
        let path = folder.join(LEAVES);
        let mut leaves =
            OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(io)?;
        let mut extra = Vec::new();
        let mut at = 0u64;
        let mut forked = None;
        let mut bytes = [0; Leaf::BYTES];
        // A torn last leaf was never sent whole; it is cut off and sent again.
        while leaves.read_exact(&mut bytes).is_ok() {
            let leaf = Leaf::from_cbor(&bytes).ok();
            if at < size {
                if leaf.is_none() || leaf != own(at) {
                    forked.get_or_insert(at);
                }
            } else if let Some(leaf) = leaf {
                extra.push(leaf);
            } else {
                forked.get_or_insert(at);
            }
            at = at.saturating_add(1);
        }
        let whole = at.saturating_mul(u64::try_from(Leaf::BYTES).unwrap_or(u64::MAX));
        leaves.set_len(whole).map_err(io)?;
        let comparison = match forked {
            Some(at) => Comparison::Forked(at),
            None if extra.is_empty() => Comparison::Prefix(at),
            None => Comparison::Longer(extra),
        };
        Ok((Self { leaves, folder: folder.to_owned() }, comparison))
    }

    /// How many of `extra`, which follow the leaves of `own`, the log's own key has signed for.
    pub(crate) fn vouched(
        &self,
        origin: &str,
        log_key: &PublicKey,
        own: &Log,
        extra: &[Leaf],
    ) -> usize {
        let note = std::fs::read_to_string(self.folder.join(CHECKPOINT)).ok();
        let signed = note.and_then(|note| tlog::open_checkpoint(&note, origin, log_key).ok());
        let Some(checkpoint) = signed else { return 0 };
        let more = checkpoint.size().checked_sub(own.size());
        let Some(more) = more.and_then(|more| usize::try_from(more).ok()) else { return 0 };
        let mut whole = own.clone();
        for leaf in extra.iter().take(more) {
            whole.append(leaf);
        }
        if whole.root_at(checkpoint.size()) == Some(*checkpoint.root()) { more } else { 0 }
    }

    /// Cuts the leaves off behind the first `size`.
    pub(crate) fn cut(&mut self, size: u64) -> Result<(), StoreError> {
        let bytes = size.saturating_mul(u64::try_from(Leaf::BYTES).unwrap_or(u64::MAX));
        self.leaves.set_len(bytes).map_err(|e| StoreError::Public(e.kind()))
    }

    /// Appends leaves of a durable group, and puts the checkpoint over them beside them.
    ///
    /// # Errors
    /// [`StoreError::Public`]; what was written of the leaves is cut off again.
    pub(crate) fn append(&mut self, leaves: &[u8], note: &str) -> Result<(), StoreError> {
        let io = |e: std::io::Error| StoreError::Public(e.kind());
        let before = self.leaves.metadata().map_err(io)?.len();
        // Replaced as a whole: a reader sees the old note or the new one. Losing it loses nothing.
        let (next, now) = (self.folder.join("checkpoint.next"), self.folder.join(CHECKPOINT));
        let appended = (self.leaves.write_all(leaves))
            .and_then(|()| std::fs::write(&next, note))
            .and_then(|()| std::fs::rename(&next, &now));
        // Whoever tries again appends the same leaves, so nothing of them may be left.
        if appended.is_err() {
            self.leaves.set_len(before).map_err(io)?;
        }
        appended.map_err(io)
    }
}

const LEAVES: &str = "leaves";
const CHECKPOINT: &str = "checkpoint";
