//! The machine stops at every step, once and twice.

use std::collections::BTreeSet;

use super::simulated::{LEFT, Left, Simulated};
use super::{NOW, Numbers, folder, open, record, snapshot, start};
use crate::format::Kind;
use crate::{Archive, ArchiveError, JournalError};

/// What a process that stopped had done.
#[derive(Default)]
struct Told {
    appended: Numbers,
    /// How many of them are acknowledged.
    acknowledged: usize,
}

/// Recovers, then lives through commits of several sizes, a rotation and a forgetting.
fn live(disk: &Simulated, told: &mut Told) -> Result<(), JournalError> {
    let (mut journal, recovered) = start(disk)?;
    let mut next = u32::try_from(recovered.len()).unwrap();
    told.appended = recovered;
    told.acknowledged = told.appended.len();
    let rotations = [false, true, false, true];
    for (count, rotates) in [1, 5, 17, 2].into_iter().zip(rotations) {
        for _ in 0..count {
            journal.append(&record(next))?;
            told.appended.push(next);
            next += 1;
        }
        journal.commit()?;
        told.acknowledged = told.appended.len();
        if rotates {
            journal.rotate(&snapshot(&told.appended), NOW)?;
        }
    }
    let newest = journal.segments().last().unwrap().number;
    journal.forget_before(newest - 1)?;
    journal.append(&record(next))?;
    told.appended.push(next);
    journal.commit()?;
    told.acknowledged = told.appended.len();
    Ok(())
}

fn assert_recovers(disk: &Simulated, told: &Told, story: &str) -> Numbers {
    let (_, numbers) = open(disk).unwrap_or_else(|error| panic!("{story}: {error}"));
    assert!(told.appended.starts_with(&numbers), "{story}: {numbers:?}");
    assert!(numbers.len() >= told.acknowledged, "{story}: {numbers:?}, {}", told.acknowledged);
    numbers
}

fn steps_of_a_life(disk: &Simulated) -> u64 {
    let before = disk.steps();
    live(disk, &mut Told::default()).unwrap();
    disk.steps() - before
}

#[test]
fn a_crash_at_any_step_loses_nothing_acknowledged() {
    let steps = steps_of_a_life(&Simulated::default());
    assert!(steps > 40, "{steps}");
    for step in 0..steps {
        for left in LEFT {
            let disk = Simulated::default();
            disk.stop_at(step);
            let mut told = Told::default();
            live(&disk, &mut told).unwrap_err();
            let story = format!("step {step}, {left:?}");
            let disk = disk.after_crash(left);
            let numbers = assert_recovers(&disk, &told, &story);
            let (mut journal, _) = start(&disk).unwrap();
            let next = u32::try_from(numbers.len()).unwrap();
            journal.append(&record(next)).unwrap();
            journal.commit().unwrap();
            let first = journal.segments()[0].first_seq;
            let mut seen = Vec::new();
            let last = journal.durable().seq;
            journal
                .read(first..=last, &mut |position, bytes| {
                    assert_eq!(bytes, record(u32::try_from(position.seq).unwrap() - 1));
                    seen.push(position.seq);
                })
                .unwrap();
            assert_eq!(seen, (first..=last).collect::<Vec<_>>(), "{story}");
            assert!(!disk.names().iter().any(|name| name.ends_with(".new")), "{story}");
        }
    }
}

#[test]
fn a_second_crash_while_recovering_from_the_first_loses_nothing_either() {
    let steps = steps_of_a_life(&Simulated::default());
    for first in 0..steps {
        let left = LEFT[usize::try_from(first).unwrap() % LEFT.len()];
        let disk = Simulated::default();
        disk.stop_at(first);
        let mut told = Told::default();
        live(&disk, &mut told).unwrap_err();
        let crashed = disk.after_crash(left);
        for second in 0.. {
            let disk = crashed.after_crash(Left::All);
            disk.stop_at(second);
            let is_done = start(&disk).is_ok();
            for left in LEFT {
                let story = format!("steps {first} and {second}, {left:?}");
                assert_recovers(&disk.after_crash(left), &told, &story);
            }
            if is_done {
                break;
            }
        }
    }
}

#[test]
fn no_two_segments_share_a_key_whatever_the_crash_left() {
    let steps = steps_of_a_life(&Simulated::default());
    let (mut keys, mut lives) = (BTreeSet::new(), 0);
    for step in (0..steps).step_by(3) {
        let disk = Simulated::default();
        disk.stop_at(step);
        live(&disk, &mut Told::default()).unwrap_err();
        let disk = disk.after_crash(Left::All);
        let before: BTreeSet<_> = disk.names().into_iter().filter(|n| n.ends_with("key")).collect();
        drop(start(&disk).unwrap());
        // The first record of the new segment is the same in every life; its ciphertext is not.
        let (mut journal, _) = start(&disk).unwrap();
        let newest = journal.segments().last().unwrap().number;
        journal.append(&[0; 64]).unwrap();
        journal.commit().unwrap();
        let segment = disk.bytes(&format!("{newest:08}.segment"));
        let end = segment.iter().rposition(|byte| *byte != 0).unwrap();
        keys.insert(segment[end - 64..end].to_vec());
        assert!(!before.contains(&format!("{newest:08}.key")));
        lives += 1;
    }
    assert_eq!(keys.len(), lives);
}

#[test]
fn unfinished_segments_and_stray_keys_are_removed_at_start() {
    let disk = Simulated::default();
    drop(start(&disk).unwrap());
    let steps = disk.steps();
    disk.stop_at(steps + 8);
    start(&disk).err().unwrap();
    let disk = disk.after_crash(Left::All);
    assert!(disk.names().contains(&"00000002.segment.new".to_owned()), "{:?}", disk.names());
    let names = disk.names();
    let (opened, _) = open(&disk).unwrap();
    assert_eq!(disk.names(), names, "recovery changes nothing before it starts");
    opened.start(&[], NOW).unwrap();
    assert!(!disk.names().contains(&"00000002.segment.new".to_owned()), "{:?}", disk.names());
}

fn archive(disk: &Simulated) -> Result<Archive, JournalError> {
    Archive::recover(folder(disk, Kind::Archive)?)
}

fn fill(disk: &Simulated, told: &mut Told) -> Result<(), ArchiveError> {
    for _ in 0..2 {
        let mut archive = archive(disk)?;
        told.appended.truncate(usize::try_from(archive.len()).unwrap());
        for count in [1, 4, 9] {
            for _ in 0..count {
                let next = u32::try_from(archive.len()).unwrap();
                archive.append(&record(next))?;
                told.appended.push(next);
            }
            archive.sync()?;
            told.acknowledged = told.appended.len();
        }
    }
    Ok(())
}

#[test]
fn an_archive_loses_nothing_synced_at_any_step() {
    let disk = Simulated::default();
    fill(&disk, &mut Told::default()).unwrap();
    for step in 0..disk.steps() {
        for left in LEFT {
            let disk = Simulated::default();
            disk.stop_at(step);
            let mut told = Told::default();
            fill(&disk, &mut told).unwrap_err();
            let story = format!("step {step}, {left:?}");
            let disk = disk.after_crash(left);
            let found = archive(&disk).unwrap_or_else(|error| panic!("{story}: {error}"));
            let length = usize::try_from(found.len()).unwrap();
            assert!(length >= told.acknowledged && length <= told.appended.len(), "{story}");
            for index in 0..found.len() {
                assert_eq!(found.get(index).unwrap(), record(u32::try_from(index).unwrap()));
            }
            drop(found);
            fill(&disk, &mut told).unwrap();
        }
    }
}
