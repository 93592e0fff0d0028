//! A journal in a folder of its own, and what to write into it.

use std::fs;
use std::path::{Path, PathBuf};

use cloister_journal::{
    InsecureSealing, Journal, JournalError, OpenError, Opened, Position, Recovered, SealingKey,
};
use messages::ids::BootId;
use messages::time::UnixMillis;
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "insecure-dev/test";

/// A folder for a journal and its sealing key.
pub(crate) struct Scratch(TempDir);

pub(crate) type Seen = (Option<Vec<u8>>, Vec<(Position, Vec<u8>)>);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("journal")
    }

    pub(crate) fn sealing(&self, name: &str) -> Box<dyn SealingKey> {
        Box::new(InsecureSealing::open_or_create(&self.0.path().join(name), ORIGIN).unwrap())
    }

    pub(crate) fn open(&self) -> Result<(Opened, Seen), JournalError> {
        self.open_as("key", ORIGIN)
    }

    pub(crate) fn open_as(&self, key: &str, origin: &str) -> Result<(Opened, Seen), JournalError> {
        let mut seen: Seen = (None, Vec::new());
        let on = &mut |recovered: Recovered<'_>| {
            match recovered {
                Recovered::Snapshot(bytes) => seen.0 = Some(bytes.to_vec()),
                Recovered::Record { position, record } => seen.1.push((position, record.to_vec())),
            }
            Ok::<(), ()>(())
        };
        match Journal::open(&self.path(), self.sealing(key), origin, BootId([1; 32]), on) {
            Ok(opened) => Ok((opened, seen)),
            Err(OpenError::Journal(error)) => Err(error),
            Err(OpenError::Replay(())) => panic!("nothing was refused"),
        }
    }

    pub(crate) fn start(&self, snapshot: &[u8]) -> Journal {
        self.open().unwrap().0.start(snapshot, UnixMillis(5)).unwrap()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn refusal(&self) -> JournalError {
        self.open().err().unwrap()
    }
}

pub(crate) fn fill(journal: &mut Journal, groups: &[Vec<Vec<u8>>]) -> Vec<(Position, Vec<u8>)> {
    let mut written = Vec::new();
    for group in groups {
        for record in group {
            written.push((journal.append(record).unwrap(), record.clone()));
        }
        journal.commit().unwrap();
    }
    written
}

/// The bytes of a segment without the zeros that are written ahead: whole sectors.
pub(crate) fn used(file: &Path) -> Vec<u8> {
    let mut bytes = fs::read(file).unwrap();
    bytes.truncate(last(&bytes).next_multiple_of(512));
    bytes
}

/// Where the last tag ends.
pub(crate) fn last(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    (last + 1).next_multiple_of(16)
}

pub(crate) fn small() -> Vec<Vec<Vec<u8>>> {
    vec![vec![b"one".to_vec()], vec![b"two".to_vec(), Vec::new(), vec![4; 50]]]
}

/// Everything in the folder, for the claim that nothing was changed.
pub(crate) fn contents(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}
