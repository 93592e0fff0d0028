//! The connector's memory on disk: an append-only file of records, synced before anybody is
//! answered. One frame a record: length (`u32`, big-endian), 8 bytes of SHA-256, CBOR.
//!
//! A crash can tear the end of the file; what is torn was never acknowledged and is cut off. A
//! fault before the end is no crash: the file is then refused as it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use messages::codec::Wire;
use sha2::{Digest, Sha256};

use crate::connect::record::Record;
use crate::fault::Fault;

/// The open file. It is locked: two connectors on one folder would number events twice.
pub(crate) struct Outbox {
    file: File,
    path: PathBuf,
    /// Whole frames; what lies beyond is a torn write.
    length: u64,
    /// A sync failed: what is on disk is unknown, so nothing more is written.
    poisoned: bool,
    /// Held, not read.
    _lock: File,
}

impl Outbox {
    /// Opens or makes the outbox in `folder` and returns what it holds.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Vec<Record>), Fault> {
        std::fs::create_dir_all(folder).map_err(|e| Fault::unwritable(folder, &e))?;
        let lock = lock(&folder.join(LOCK))?;
        let path = folder.join(FILE);
        let mut file = open(&path, false)?;
        let mut bytes = Vec::new();
        let whole = Read::by_ref(&mut file).take(MAX_FILE.saturating_add(1));
        { whole }.read_to_end(&mut bytes).map_err(|e| Fault::unreadable(&path, &e))?;
        if len(&bytes) > MAX_FILE {
            return Err(corrupt(&path));
        }
        let (records, length) = parse(&bytes).ok_or_else(|| corrupt(&path))?;
        let mut outbox = Self { file, path, length, poisoned: false, _lock: lock };
        outbox.cut()?;
        outbox.sync()?;
        sync_folder(folder)?;
        Ok((outbox, records))
    }

    /// Appends records. They are durable after [`Outbox::sync`].
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), Fault> {
        if self.poisoned {
            return Err(poisoned(&self.path));
        }
        let mut bytes = Vec::new();
        for record in records {
            frame(record, &mut bytes);
        }
        if self.length.saturating_add(len(&bytes)) > MAX_FILE {
            return Err(full(&self.path));
        }
        if let Err(error) = self.file.write_all(&bytes) {
            // CRASH: part of a frame may be there; a start would cut it, and so do we.
            self.cut()?;
            return Err(Fault::unwritable(&self.path, &error));
        }
        self.length = self.length.saturating_add(len(&bytes));
        Ok(())
    }

    /// Returns when everything appended is durable.
    pub(crate) fn sync(&mut self) -> Result<(), Fault> {
        if self.poisoned {
            return Err(poisoned(&self.path));
        }
        // After a failed sync the kernel may have dropped the pages and call the next one a
        // success: only a start, which reads the file, knows what is there.
        self.file.sync_data().map_err(|error| {
            self.poisoned = true;
            Fault::unwritable(&self.path, &error)
        })
    }

    /// Puts `records`, which say the same, in the place of everything so far.
    pub(crate) fn rewrite(&mut self, records: &[Record]) -> Result<(), Fault> {
        if self.poisoned {
            return Err(poisoned(&self.path));
        }
        let next = self.path.with_extension("new");
        let mut bytes = Vec::new();
        for record in records {
            frame(record, &mut bytes);
        }
        let mut file = open(&next, true)?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_data())
            .map_err(|e| Fault::unwritable(&next, &e))?;
        // CRASH: before the rename the old file stands, after it the new one; both say the same.
        std::fs::rename(&next, &self.path).map_err(|e| Fault::unwritable(&self.path, &e))?;
        self.file = file;
        self.length = len(&bytes);
        match self.path.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    }

    /// Bytes on disk.
    pub(crate) const fn length(&self) -> u64 {
        self.length
    }

    /// Cuts what lies beyond the last whole frame, and writes on from there.
    fn cut(&mut self) -> Result<(), Fault> {
        let length = self.length;
        let end = SeekFrom::Start(length);
        self.file.set_len(length).and_then(|()| self.file.seek(end)).map(drop).map_err(|error| {
            self.poisoned = true;
            Fault::unwritable(&self.path, &error)
        })
    }
}

/// The records of a file and the length of their frames; none when a fault lies before the end.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Vec<Record>, u64)> {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some((record, tail)) = first(rest) {
        records.push(record);
        rest = tail;
    }
    // Only a write that was under way can be torn, and nothing follows it.
    let torn = (1..rest.len()).all(|at| rest.get(at..).and_then(first).is_none());
    torn.then(|| (records, len(bytes).saturating_sub(len(rest))))
}

fn first(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if length == 0 || length > Record::MAX_BYTES {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(length)?;
    if *check != checksum(payload) {
        return None;
    }
    Record::from_cbor(payload).ok().map(|record| (record, rest))
}

pub(crate) fn frame(record: &Record, into: &mut Vec<u8>) {
    let payload = record.to_cbor();
    into.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend(checksum(&payload));
    into.extend(payload);
}

fn checksum(payload: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::digest(payload).into();
    let (check, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    *check
}

fn open(path: &Path, fresh: bool) -> Result<File, Fault> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(fresh).mode(0o600);
    options.open(path).map_err(|e| Fault::unwritable(path, &e))
}

fn lock(path: &Path) -> Result<File, Fault> {
    let file = open(path, false)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::new(
            "outbox-in-use",
            format!("another connector works in {}", path.parent().unwrap_or(path).display()),
            "give each connector a state folder of its own, or end the other one",
        )),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(Fault::unwritable(path, &error)),
    }
}

fn sync_folder(folder: &Path) -> Result<(), Fault> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Fault::unwritable(folder, &e))
}

fn corrupt(path: &Path) -> Fault {
    Fault::new(
        "outbox-corrupt",
        format!("{} has a fault that no crash leaves", path.display()),
        "keep the file for inspection, and start with a fresh state folder: what was not \
         receipted is lost, and the monitor names the gap",
    )
}

fn poisoned(path: &Path) -> Fault {
    Fault::new(
        "outbox-unknown",
        format!("a write to {} failed half-way", path.display()),
        "free space on the disk or replace it, then start the connector again",
    )
}

fn full(path: &Path) -> Fault {
    Fault::new(
        "outbox-full",
        format!("{} has reached its largest size", path.display()),
        "see why the monitor takes no events; the connector goes on when it does",
    )
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

const FILE: &str = "outbox.journal";
const LOCK: &str = "lock";
/// The file is read whole at start.
const MAX_FILE: u64 = 1 << 30;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that fails here says so")]
mod tests {
    use messages::ids::SessionId;
    use proptest::prelude::*;

    use super::*;

    fn records(n: u8) -> Vec<Record> {
        let session = SessionId([7; 32]);
        (0..n)
            .map(|i| Record::Said {
                session,
                event: vec![i; usize::from(i)],
                source: None,
                alias: None,
            })
            .collect()
    }

    fn framed(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        records.iter().for_each(|r| frame(r, &mut bytes));
        bytes
    }

    #[test]
    fn what_was_synced_is_there_after_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, found) = Outbox::open(folder.path()).unwrap();
        assert_eq!(found, []);
        outbox.append(&records(5)).unwrap();
        outbox.sync().unwrap();
        assert_eq!(Outbox::open(folder.path()).err().unwrap().code, "outbox-in-use");
        drop(outbox);
        let (mut outbox, found) = Outbox::open(folder.path()).unwrap();
        assert_eq!(found, records(5));
        outbox.rewrite(&records(2)).unwrap();
        outbox.append(&records(1)).unwrap();
        drop(outbox);
        let expected = [records(2), records(1)].concat();
        assert_eq!(Outbox::open(folder.path()).unwrap().1, expected);
    }

    #[test]
    fn a_full_disk_is_told_and_loses_nothing_written_before() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, _) = Outbox::open(folder.path()).unwrap();
        outbox.append(&records(3)).unwrap();
        outbox.file = File::open(&outbox.path).unwrap();
        assert_eq!(outbox.append(&records(1)).unwrap_err().code, "file-unwritable");
        assert_eq!(outbox.append(&records(1)).unwrap_err().code, "outbox-unknown");
        drop(outbox);
        assert_eq!(Outbox::open(folder.path()).unwrap().1, records(3));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_torn_end_is_cut_and_the_rest_stands(cut in any::<prop::sample::Index>()) {
            let bytes = framed(&records(8));
            let kept = &bytes[..cut.index(bytes.len())];
            let (found, length) = parse(kept).unwrap();
            prop_assert_eq!(&records(8)[..found.len()], &found[..]);
            prop_assert_eq!(len(&framed(&found)), length);
            prop_assert!(len(kept) - length < len(&framed(&records(8)[found.len()..][..1])));
        }

        #[test]
        fn a_fault_before_the_end_is_told(at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let mut bytes = framed(&records(8));
            let last = framed(&records(8)[7..]).len();
            let at = at.index(bytes.len() - last);
            bytes[at] ^= 1 << bit;
            prop_assert!(parse(&bytes).is_none());
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            drop(parse(&bytes));
        }
    }
}
