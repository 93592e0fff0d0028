//! What an archive on a real disk keeps, and what it refuses.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use std::fs;
use std::path::Path;

use cloister_journal::{Archive, ArchiveError, InsecureSealing};
use proptest::prelude::*;

const ORIGIN: &str = "insecure-dev/test";

fn open(folder: &Path) -> Result<Archive, ArchiveError> {
    let sealing = InsecureSealing::open_or_create(&folder.join("key"), ORIGIN).unwrap();
    Archive::open(&folder.join("archive"), Box::new(sealing), ORIGIN)
}

fn runs(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder.join("archive")).unwrap().map(|entry| entry.unwrap().path());
    let mut runs: Vec<_> = files.filter(|path| path.extension().is_some()).collect();
    runs.sort();
    runs
}

#[test]
fn every_flipped_bit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for run in 0..2_u8 {
        let mut archive = open(folder.path()).unwrap();
        for record in 0..3 {
            archive.append(&[run * 3 + record; 20]).unwrap();
            archive.sync().unwrap();
        }
    }
    for file in runs(folder.path()) {
        let bytes = fs::read(&file).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&file, &flipped).unwrap();
            assert_eq!(open(folder.path()).err().unwrap().code(), "archive-damaged");
        }
        fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(open(folder.path()).unwrap().len(), 6);
}

#[test]
fn record_that_changes_under_a_running_archive_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = open(folder.path()).unwrap();
    archive.append(b"one").unwrap();
    archive.append(b"two").unwrap();
    archive.sync().unwrap();
    let file = folder.path().join("archive/00000001.run");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.iter_mut().rfind(|byte| **byte != 0).unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(archive.get(0).unwrap(), b"one");
    assert_eq!(archive.get(1).unwrap_err().code(), "archive-damaged");
    assert_eq!(archive.get(2).unwrap_err().code(), "archive-no-such-record");
}

#[test]
fn second_opener_and_missing_runs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut archive = open(folder.path()).unwrap();
        archive.append(b"record").unwrap();
        archive.sync().unwrap();
        assert_eq!(open(folder.path()).err().unwrap().code(), "archive-locked");
    }
    fs::remove_file(folder.path().join("archive/00000002.run")).unwrap();
    assert_eq!(open(folder.path()).err().unwrap().code(), "archive-damaged");
}

#[test]
fn opening_without_appending_begins_no_run() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        assert!(open(folder.path()).unwrap().is_empty());
    }
    assert!(runs(folder.path()).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Over several processes, with the last one's end cut off anywhere, every record reads back.
    #[test]
    fn records_read_back_in_any_order(
        lives in proptest::collection::vec(proptest::collection::vec(0_usize..3000, 1..12), 1..5),
        syncs in any::<u16>(), cut in any::<u16>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut written: Vec<Vec<u8>> = Vec::new();
        for life in &lives {
            let mut archive = open(folder.path()).unwrap();
            prop_assert_eq!(archive.len(), u64::try_from(written.len()).unwrap());
            for length in life {
                let record = vec![u8::try_from(written.len()).unwrap(); *length];
                prop_assert_eq!(archive.append(&record).unwrap(), u64::try_from(written.len()).unwrap());
                written.push(record);
                if syncs >> (written.len() % 16) & 1 == 1 {
                    archive.sync().unwrap();
                }
            }
            for (index, record) in written.iter().enumerate().rev() {
                prop_assert_eq!(&archive.get(u64::try_from(index).unwrap()).unwrap(), record);
            }
            archive.sync().unwrap();
        }
        let file = runs(folder.path()).into_iter().rfind(|p| p.extension().unwrap() == "run").unwrap();
        let bytes = fs::read(&file).unwrap();
        let length = bytes.len() - usize::from(cut) % (bytes.len() - 512 + 1);
        fs::write(&file, &bytes[..length]).unwrap();
        let mut archive = open(folder.path()).unwrap();
        let kept = usize::try_from(archive.len()).unwrap();
        prop_assert!(kept + lives.last().unwrap().len() >= written.len());
        for record in &written[kept..] {
            archive.append(record).unwrap();
        }
        archive.sync().unwrap();
        drop(archive);
        let archive = open(folder.path()).unwrap();
        for (index, record) in written.iter().enumerate() {
            prop_assert_eq!(&archive.get(u64::try_from(index).unwrap()).unwrap(), record);
        }
    }
}
