//! A sealed, append-only store of records on a disk that nobody trusts.
//!
//! [`Journal`] keeps what a process needs to become itself again: records in order, each sealed to
//! its place in a chain, durable in groups, in segments that begin with a snapshot. [`Archive`]
//! keeps records for good and reads any of them. Every byte on the disk is encrypted or
//! authenticated; a flipped one is refused, a torn end that nobody was told of is cut.
//!
//! It is *not* proof against rollback: whoever holds the disk can put an older copy back, or cut
//! off the last groups, and what remains is authentic. Receipts and witnessed checkpoints tell; each
//! carries a [`Position`] or outlives one. Nor is destroying a key proof against a copy of the disk.
//!
//! Durability assumes a disk that writes a sector of 512 bytes whole or not at all, and a file
//! system that shows a file's new length only with the bytes, or with zeros in their place (ext4,
//! XFS, Btrfs as shipped). A journal writes zeros ahead, so that most syncs write no metadata;
//! groups begin and end on sectors, so that one of which a part is missing can be told from one that
//! was changed.
//!
//! ```
//! # use cloister_journal as journal;
//! use journal::{InsecureSealing, Journal, Recovered};
//! use messages::{ids::BootId, time::UnixMillis};
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! let origin = "insecure-dev/monitor.example";
//! let sealing = || Box::new(InsecureSealing::open_or_create(&folder.join("key"), origin).unwrap());
//! let path = folder.join("journal");
//! let none = &mut |_: Recovered<'_>| Ok::<(), ()>(());
//! let opened = Journal::open(&path, sealing(), origin, BootId([1; 32]), none).unwrap();
//! let mut journal = opened.start(b"state", UnixMillis(0)).unwrap();
//! let position = journal.append(b"record").unwrap();
//! journal.commit().unwrap(); // from here on the record may be acknowledged
//! drop(journal);
//!
//! let mut seen = Vec::new();
//! let on = &mut |recovered: Recovered<'_>| {
//!     if let Recovered::Record { position, record } = recovered {
//!         seen.push((position, record.to_vec()));
//!     }
//!     Ok::<(), ()>(())
//! };
//! Journal::open(&path, sealing(), origin, BootId([2; 32]), on).unwrap();
//! assert_eq!(seen, [(position, b"record".to_vec())]);
//! ```

#[cfg(all(feature = "failpoints", feature = "release-image"))]
compile_error!("an image is built without crash points");

/// Where a test may crash the process, at a line that says what recovery does.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
}

/// A type that can be neither copied nor printed by accident.
#[cfg(test)]
macro_rules! assert_secret {
    ($type:ty) => {
        static_assertions::assert_not_impl_any!($type: std::fmt::Debug, Clone);
    };
}

mod archive;
mod disk;
mod error;
mod folder;
mod format;
mod frame;
mod insecure;
mod journal;
mod keys;
mod recovery;
mod sealing;
mod segment;
#[cfg(test)]
mod tests;
mod window;
mod wrapping;
mod writer;

pub use archive::{Archive, ArchiveError};
pub use error::{JournalError, OpenError};
pub use insecure::{InsecureSealing, SealingFileError};
pub use journal::{Journal, SegmentInfo, Stretch};
pub use recovery::{Opened, Recovered};
pub use sealing::{SealError, SealingKey};
pub use wrapping::WrappingKey;

/// Where in a journal's life a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Number of the record, from 1, over the journal's whole life.
    pub seq: u64,
    /// The chain of sealed records up to and including this one. Two journals with the same head
    /// hold the same records, as long as no segment's key is known outside.
    pub head: [u8; 32],
}

impl Position {
    /// Before the first record.
    pub const GENESIS: Self = Self { seq: 0, head: [0; 32] };
}

/// Every place where `failpoints` can stop a process.
#[cfg(feature = "failpoints")]
pub const CRASH_POINTS: &[&str] = &[
    "forget-key-overwritten",
    "forget-recorded",
    "forget-segment-removed",
    "journal-after-sync",
    "journal-before-sync",
    "journal-before-write",
    "segment-before-folder-sync",
    "segment-before-rename",
    "segment-key-written",
    "segment-published",
    "segment-written",
    "start-tail-cut",
];
