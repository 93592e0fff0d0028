//! Disks that are full, that do not confirm, and that hold more than memory does.

use super::simulated::{LEFT, Left, Simulated};
use super::{NOW, folder, open, record, snapshot, start};
use crate::format::Kind;
use crate::{Archive, JournalError};

#[test]
fn full_disk_keeps_the_group_until_space_returns() {
    for space in 0..700 {
        let disk = Simulated::default();
        let (mut journal, _) = start(&disk).unwrap();
        let before = disk.bytes("00000001.segment").len();
        disk.set_space(Some(space));
        for number in 0..10 {
            journal.append(&record(number)).unwrap();
        }
        let Err(error) = journal.commit() else {
            assert!(space > 400, "ten records fit into {space} bytes");
            continue;
        };
        assert_eq!(error, JournalError::DiskFull);
        assert_eq!(disk.bytes("00000001.segment").len(), before, "what was written is cut");
        let head = journal.position();
        assert_eq!(journal.durable().seq, 0);
        // Whatever a crash leaves now, it is no damage.
        for left in LEFT {
            assert!(open(&disk.after_crash(left)).unwrap().1.is_empty(), "{space} {left:?}");
        }
        assert_eq!(journal.commit(), Err(JournalError::DiskFull));
        journal.append(&record(10)).unwrap();
        disk.set_space(None);
        journal.commit().unwrap();
        assert_eq!((journal.pending(), journal.durable().seq), (0, 11));
        let numbers = open(&disk.after_crash(Left::Nothing)).unwrap().1;
        assert_eq!(numbers, (0..11).collect::<Vec<_>>());
        let mut heads = Vec::new();
        journal.read(1..=11, &mut |position, _| heads.push(position)).unwrap();
        assert_eq!(heads[9], head, "the head that was handed out is the one that became durable");
    }
}

#[test]
fn full_disk_leaves_the_old_segment_in_use() {
    let mut refused = 0;
    for space in (0..1800).step_by(7) {
        let disk = Simulated::default();
        let (mut journal, _) = start(&disk).unwrap();
        journal.append(&record(0)).unwrap();
        // The group takes a sector, and zeros ahead take the rest until the segment ends.
        disk.set_space(Some(512 + space));
        journal.commit().unwrap();
        if journal.rotate(&snapshot(&[0]), NOW) == Ok(()) {
            assert!(space > 192);
            continue;
        }
        refused += 1;
        disk.set_space(None);
        assert_eq!(journal.segments().len(), 1);
        journal.append(&record(1)).unwrap();
        journal.commit().unwrap();
        assert_eq!(open(&disk.after_crash(Left::Nothing)).unwrap().1, [0, 1]);
        journal.rotate(&snapshot(&[0, 1]), NOW).unwrap();
        journal.append(&record(2)).unwrap();
        journal.commit().unwrap();
        assert_eq!(open(&disk.after_crash(Left::Nothing)).unwrap().1, [0, 1, 2]);
    }
    assert!(refused > 20);
}

#[test]
fn failed_sync_ends_the_journal_for_good() {
    let disk = Simulated::default();
    let (mut journal, _) = start(&disk).unwrap();
    journal.append(&record(0)).unwrap();
    journal.commit().unwrap();
    journal.append(&record(1)).unwrap();
    disk.fail_sync_after(0);
    assert_eq!(journal.commit(), Err(JournalError::NotDurable));
    assert_eq!(journal.commit(), Err(JournalError::NotDurable));
    assert_eq!(journal.append(&record(2)), Err(JournalError::NotDurable));
    assert_eq!(journal.rotate(&[], NOW), Err(JournalError::NotDurable));
    assert_eq!(journal.forget_before(9), Err(JournalError::NotDurable));
    assert_eq!(journal.durable().seq, 1);
    drop(journal);
    assert_eq!(open(&disk.after_crash(Left::Nothing)).unwrap().1, [0]);
}

#[test]
fn group_that_a_failed_sync_left_in_memory_is_made_durable_before_it_is_trusted() {
    let disk = Simulated::default();
    let (mut journal, _) = start(&disk).unwrap();
    journal.append(&record(0)).unwrap();
    disk.fail_sync_after(0);
    journal.commit().unwrap_err();
    drop(journal);
    // The process starts again on the same machine: the group is readable and not durable.
    let (mut journal, numbers) = start(&disk).unwrap();
    assert_eq!(numbers, [0]);
    journal.append(&record(1)).unwrap();
    journal.commit().unwrap();
    let disk = disk.after_crash(Left::Nothing);
    assert_eq!(open(&disk).unwrap().1, [0, 1], "the old segment must verify as well");
}

#[test]
fn any_failed_sync_of_a_rotation_or_a_forgetting_ends_the_journal() {
    for syncs in 0..9 {
        let disk = Simulated::default();
        let (mut journal, _) = start(&disk).unwrap();
        journal.append(&record(0)).unwrap();
        journal.commit().unwrap();
        disk.fail_sync_after(syncs);
        let rotated = journal.rotate(&snapshot(&[0]), NOW).and_then(|()| journal.forget_before(2));
        assert!(matches!(rotated, Err(JournalError::NotDurable) | Ok(1)), "{syncs}: {rotated:?}");
        drop(journal);
        for left in LEFT {
            let disk = disk.after_crash(left);
            assert_eq!(open(&disk).unwrap().1, [0], "{syncs}, {left:?}");
            assert_eq!(start(&disk).unwrap().1, [0]);
        }
    }
}

#[test]
fn recovery_holds_no_more_than_a_window_of_the_disk() {
    let disk = Simulated::default();
    let (mut journal, _) = start(&disk).unwrap();
    let record = [1; 4096];
    for _ in 0..4 {
        for _ in 0..512 {
            journal.append(&record).unwrap();
        }
        journal.commit().unwrap();
    }
    drop(journal);
    let disk = disk.after_crash(Left::Nothing);
    let mut count = 0;
    let on = &mut |recovered: crate::Recovered<'_>| {
        count += i32::from(matches!(recovered, crate::Recovered::Record { .. }));
        Ok::<(), ()>(())
    };
    let boot = messages::ids::BootId([2; 32]);
    drop(crate::recovery::recover(folder(&disk, Kind::Journal).unwrap(), boot, on).unwrap());
    assert_eq!(count, 2048);
    assert!(disk.longest_read() <= 256 << 10, "{}", disk.longest_read());
}

#[test]
fn archive_keeps_its_records_until_space_returns() {
    let disk = Simulated::default();
    let open = || Archive::recover(folder(&disk, Kind::Archive).unwrap()).unwrap();
    let mut archive = open();
    archive.append(&record(0)).unwrap();
    archive.sync().unwrap();
    disk.set_space(Some(50));
    archive.append(&record(1)).unwrap();
    assert_eq!(archive.sync().unwrap_err().code(), "archive-disk-full");
    assert_eq!(archive.get(1).unwrap(), record(1));
    disk.set_space(None);
    archive.sync().unwrap();
    drop(archive);
    assert_eq!(open().get(1).unwrap(), record(1));
}

#[test]
fn archive_ends_with_a_failed_sync() {
    for syncs in 0..5 {
        let disk = Simulated::default();
        let mut archive = Archive::recover(folder(&disk, Kind::Archive).unwrap()).unwrap();
        disk.fail_sync_after(syncs);
        let mut fill = || {
            archive.append(&record(0))?;
            archive.sync()
        };
        if fill().is_ok() {
            continue;
        }
        assert_eq!(fill().unwrap_err().code(), "archive-not-durable");
        drop(archive);
        let disk = disk.after_crash(Left::All);
        Archive::recover(folder(&disk, Kind::Archive).unwrap()).unwrap();
    }
}
