//! What goes wrong with a journal, by whose fault, and what to do about it.

use std::io;

use thiserror::Error;

use crate::sealing::SealError;

/// Why a journal or an archive cannot be opened, written or read.
///
/// Nothing in here is payload: numbers, offsets and fixed words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Bytes on the disk are not the ones that were written, or some are missing.
    #[error("segment {segment} is damaged at byte {offset}: {what}")]
    Damaged {
        /// Number of the segment, or of the archive's run.
        segment: u64,
        /// Where in its file the first untrue element begins.
        offset: u64,
        /// Which element it is.
        what: &'static str,
    },
    /// No space is left; what was to be written is still held in memory.
    #[error("the disk is full")]
    DiskFull,
    /// So much was appended since the last commit that no more is taken.
    #[error("{limit} bytes wait for a commit already")]
    GroupFull {
        /// Bytes that one commit may hold.
        limit: u64,
    },
    /// The operating system refused.
    #[error("cannot {action}: {kind}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// How it was refused.
        kind: io::ErrorKind,
    },
    /// Another process holds the folder.
    #[error("another process holds this folder")]
    Locked,
    /// What was written may not be on the disk, and asking again proves nothing.
    #[error("the disk did not confirm a write")]
    NotDurable,
    /// The records asked for were forgotten, or never written.
    #[error("only records {first} to {last} are retained")]
    NotRetained {
        /// Oldest record that is retained.
        first: u64,
        /// Newest record that is durable.
        last: u64,
    },
    /// The folder belongs to a monitor with another origin.
    #[error("the folder belongs to another origin")]
    OtherOrigin,
    /// Another sealing key wrapped the keys in this folder.
    #[error("segment {segment} was sealed by another key")]
    SealedByAnotherKey {
        /// Number of the segment, or of the archive's run.
        segment: u64,
    },
    /// The sealing key did not answer.
    #[error("the sealing key is out of reach")]
    SealingUnavailable,
    /// One record or snapshot exceeds its limit.
    #[error("{bytes} bytes are more than the {limit} that fit")]
    TooLarge {
        /// Size of what was offered.
        bytes: u64,
        /// Largest that is taken.
        limit: u64,
    },
}

impl JournalError {
    /// A stable name for tables, alerts and tests.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "journal-damaged",
            Self::DiskFull => "journal-disk-full",
            Self::GroupFull { .. } => "journal-group-full",
            Self::Io { .. } => "journal-io",
            Self::Locked => "journal-locked",
            Self::NotDurable => "journal-not-durable",
            Self::NotRetained { .. } => "journal-not-retained",
            Self::OtherOrigin => "journal-of-another-origin",
            Self::SealedByAnotherKey { .. } => "journal-sealed-by-another-key",
            Self::SealingUnavailable => "journal-sealing-unavailable",
            Self::TooLarge { .. } => "journal-record-too-large",
        }
    }

    /// What the operator does about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => {
                "nothing was changed; restore the named file from a copy, or begin a new journal \
                 and publish the break"
            }
            Self::DiskFull => {
                "make space on the journal's disk; nothing acknowledged is lost and the next \
                 commit writes the same bytes"
            }
            Self::GroupFull { .. } => "commit before appending more",
            Self::Io { .. } => "check the disk, the folder's owner and its permissions",
            Self::Locked => "stop the other monitor, or give each its own folder",
            Self::NotDurable => {
                "restart the process; recovery writes the last group again before it trusts it"
            }
            Self::NotRetained { .. } => "ask for records within the retention period",
            Self::OtherOrigin => "configure the folder that belongs to this origin",
            Self::SealedByAnotherKey { .. } => {
                "provide the sealing key that this folder began with"
            }
            Self::SealingUnavailable => "bring the sealing key's holder back and start again",
            Self::TooLarge { .. } => "split what is recorded",
        }
    }

    /// Whether what is on the disk is unknown after this, so that only recovery can go on.
    pub(crate) const fn is_final(&self) -> bool {
        match self {
            Self::DiskFull | Self::SealingUnavailable | Self::TooLarge { .. } => false,
            Self::Damaged { .. }
            | Self::GroupFull { .. }
            | Self::Io { .. }
            | Self::Locked
            | Self::NotDurable
            | Self::NotRetained { .. }
            | Self::OtherOrigin
            | Self::SealedByAnotherKey { .. } => true,
        }
    }

    pub(crate) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            kind => Self::Io { action, kind },
        }
    }

    pub(crate) const fn sealing(error: SealError, segment: u64) -> Self {
        match error {
            SealError::AnotherKey => Self::SealedByAnotherKey { segment },
            SealError::Damaged => Self::Damaged { segment, offset: 0, what: "wrapped key" },
            SealError::Unavailable => Self::SealingUnavailable,
        }
    }
}

/// Why recovery ended early.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenError<E> {
    /// The journal itself is the reason.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Whoever the records were shown to refused one.
    #[error("a recovered record was refused")]
    Replay(E),
}
