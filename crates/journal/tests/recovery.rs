//! What a journal on a real disk recovers to, and what it refuses.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

#[path = "recovery/scratch.rs"]
mod scratch;
#[path = "recovery/torn.rs"]
mod torn;

use std::fs;

use cloister_journal::{Journal, JournalError, OpenError, Position, Recovered};
use messages::ids::BootId;
use messages::time::UnixMillis;
use proptest::prelude::*;

use crate::scratch::{ORIGIN, Scratch, contents, fill, small, used};

#[test]
fn new_journal_shows_nothing_and_goes_on_where_it_ended() {
    let scratch = Scratch::new();
    let (opened, seen) = scratch.open().unwrap();
    assert!(opened.is_new() && seen == (None, Vec::new()));
    let mut journal = opened.start(b"first", UnixMillis(5)).unwrap();
    let mut written = fill(&mut journal, &small());
    journal.append(b"never committed").unwrap();
    drop(journal);

    let (opened, seen) = scratch.open().unwrap();
    assert_eq!(seen, (Some(b"first".to_vec()), written.clone()));
    assert_eq!((opened.position(), opened.torn()), (written[3].0, 0));
    let mut journal = opened.start(b"second", UnixMillis(6)).unwrap();
    let more = fill(&mut journal, &small());
    assert_eq!(more[0].0.seq, 5);
    journal.rotate(b"third", UnixMillis(7)).unwrap();
    let last = fill(&mut journal, &small());
    let seqs: Vec<_> = journal
        .segments()
        .iter()
        .map(|s| (s.number, s.first_seq, s.last_seq, s.opened.0))
        .collect();
    assert_eq!(seqs, [(1, 1, 4, 5), (2, 5, 8, 6), (3, 9, 12, 7)]);

    written.extend(more);
    written.extend(last.clone());
    let mut read = Vec::new();
    journal.read(2..=11, &mut |position, record| read.push((position, record.to_vec()))).unwrap();
    assert_eq!(read, written[1..11]);
    let beyond = journal.read(2..=13, &mut |_, _| {}).unwrap_err();
    assert_eq!(beyond, JournalError::NotRetained { first: 1, last: 12 });
    drop(journal);
    assert_eq!(scratch.open().unwrap().1, (Some(b"third".to_vec()), last));
}

#[test]
fn large_snapshots_come_back_whole() {
    let scratch = Scratch::new();
    for bytes in [0, 1, (1 << 20) - 1, 1 << 20, (3 << 20) + 5] {
        let snapshot: Vec<u8> = (0..=250).cycle().take(bytes).collect();
        let mut journal = scratch.start(&snapshot);
        fill(&mut journal, &small());
        drop(journal);
        let seen = scratch.open().unwrap().1;
        assert!(seen.0 == Some(snapshot) && seen.1.len() == 4);
    }
}

#[test]
fn refused_records_are_not_appended() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    let error = journal.append(&vec![0; (16 << 20) + 1]).unwrap_err();
    assert_eq!(error.code(), "journal-record-too-large");
    let large = vec![7; 16 << 20];
    let refused = (0..5).find_map(|_| journal.append(&large).err()).unwrap();
    assert_eq!(refused.code(), "journal-group-full");
    assert_eq!(journal.position().seq, 3);
    journal.commit().unwrap();
    journal.append(&large).unwrap();
    journal.commit().unwrap();
    drop(journal);
    assert!(scratch.open().unwrap().1.1.iter().all(|(_, record)| *record == large));
}

#[test]
fn second_opener_is_refused_while_the_first_lives() {
    let scratch = Scratch::new();
    let journal = scratch.start(b"");
    assert_eq!(scratch.refusal().code(), "journal-locked");
    drop(journal);
    let (opened, _) = scratch.open().unwrap();
    assert_eq!(scratch.refusal().code(), "journal-locked");
    drop(opened);
    drop(scratch.open().unwrap());
}

#[test]
fn another_sealing_key_and_another_origin_are_named() {
    let scratch = Scratch::new();
    drop(scratch.start(b""));
    let refusal = |key, origin| scratch.open_as(key, origin).err().unwrap().code();
    assert_eq!(refusal("other", ORIGIN), "journal-sealed-by-another-key");
    assert_eq!(refusal("key", "insecure-dev/other"), "journal-of-another-origin");
}

#[test]
fn every_flipped_bit_is_refused_and_nothing_is_changed() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"begin");
    fill(&mut journal, &small());
    journal.rotate(b"snapshot", UnixMillis(0)).unwrap();
    fill(&mut journal, &small());
    drop(journal);
    let files = ["00000001.segment", "00000001.key", "00000002.segment", "00000002.key"];
    for file in files.map(|name| scratch.file(name)) {
        let bytes =
            if file.extension().unwrap() == "key" { fs::read(&file).unwrap() } else { used(&file) };
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&file, &flipped).unwrap();
            let before = contents(&scratch.path());
            let refusal = scratch.refusal();
            assert_eq!(refusal.code(), "journal-damaged", "{} {at}", file.display());
            assert_eq!(contents(&scratch.path()), before);
        }
        fs::write(&file, &bytes).unwrap();
    }
    drop(scratch.open().unwrap());
}

#[test]
fn missing_swapped_and_shortened_segments_are_refused() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    for _ in 0..3 {
        fill(&mut journal, &small());
        journal.rotate(b"", UnixMillis(0)).unwrap();
    }
    drop(journal);
    let refused_without = |names: &[&str], what: &str| {
        let away: Vec<_> = names.iter().map(|name| scratch.file(name)).collect();
        let kept: Vec<_> = away.iter().map(|file| fs::read(file).unwrap()).collect();
        away.iter().for_each(|file| fs::remove_file(file).unwrap());
        let JournalError::Damaged { what: found, .. } = scratch.refusal() else {
            return Err(scratch.refusal());
        };
        assert_eq!(found, what, "{names:?}");
        away.iter().zip(kept).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
        Ok(())
    };
    refused_without(&["00000002.segment"], "segment missing").unwrap();
    refused_without(&["00000002.key"], "key file missing").unwrap();
    refused_without(&["00000001.segment", "00000001.key"], "segment missing").unwrap();
    refused_without(&["00000004.key"], "key file missing").unwrap();
    let all: Vec<_> = (1..=4).map(|n| format!("{n:08}.segment")).collect();
    refused_without(&all.iter().map(String::as_str).collect::<Vec<_>>(), "segment missing")
        .unwrap();

    let (two, three) = (scratch.file("00000002.segment"), scratch.file("00000003.segment"));
    let bytes = fs::read(&two).unwrap();
    fs::copy(&three, &two).unwrap();
    assert_eq!(scratch.refusal().code(), "journal-damaged");
    for length in [bytes.len() - 1, bytes.len() - 80, 192, 191, 0] {
        fs::write(&two, &bytes[..length]).unwrap();
        assert_eq!(scratch.refusal().code(), "journal-damaged", "{length}");
    }
    for more in [[0; 96].as_slice(), &[1; 16]] {
        fs::write(&two, [&bytes, more].concat()).unwrap();
        assert_eq!(scratch.refusal().code(), "journal-damaged", "only the newest may be torn");
    }
    fs::write(&two, &bytes).unwrap();
    drop(scratch.open().unwrap());
}

#[test]
fn segments_of_a_forked_past_are_refused() {
    let scratch = Scratch::new();
    drop(scratch.start(b""));
    let past = contents(&scratch.path());
    drop(scratch.start(b"one way"));
    let fork: Vec<_> = ["00000002.segment", "00000002.key"]
        .map(|name| (scratch.file(name), fs::read(scratch.file(name)).unwrap()))
        .into();
    for name in ["00000002.segment", "00000002.key"] {
        fs::remove_file(scratch.file(name)).unwrap();
    }
    past.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    drop(scratch.start(b"another way"));
    drop(scratch.start(b"and on"));
    drop(scratch.open().unwrap());
    // Neither holds a record, so the heads agree; the headers do not.
    fork.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    let refusal = scratch.refusal();
    let is_order =
        matches!(refusal, JournalError::Damaged { segment: 3, what: "order of segments", .. });
    assert!(is_order, "{refusal}");
}

#[test]
fn repeated_and_dropped_groups_are_refused() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    let file = scratch.file("00000001.segment");
    let mut ends = vec![used(&file).len()];
    for group in [small(), small(), small()].concat() {
        fill(&mut journal, &[group]);
        ends.push(used(&file).len());
    }
    drop(journal);
    let bytes = used(&file);
    let group = |n: usize| bytes[ends[n]..ends[n + 1]].to_vec();
    let begin = bytes[..ends[0]].to_vec();
    for order in [[0, 0].as_slice(), &[0, 2], &[1], &[0, 1, 2, 1], &[0, 2, 1]] {
        let groups = order.iter().flat_map(|n| group(*n));
        fs::write(&file, begin.iter().copied().chain(groups).collect::<Vec<_>>()).unwrap();
        assert_eq!(scratch.refusal().code(), "journal-damaged", "{order:?}");
    }
}

#[test]
fn reordered_groups_without_records_are_refused() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    (0..2).for_each(|_| journal.rotate(b"", UnixMillis(0)).unwrap());
    let file = scratch.file("00000003.segment");
    let begin = fs::read(&file).unwrap().len();
    journal.forget_before(2).unwrap();
    journal.forget_before(3).unwrap();
    drop(journal);
    let bytes = used(&file);
    let (begin, groups) = bytes.split_at(begin);
    let (first, second) = groups.split_at(512);
    for groups in [[second, first], [second, second], [first, first]] {
        fs::write(&file, [begin, &groups.concat()].concat()).unwrap();
        assert_eq!(scratch.refusal().code(), "journal-damaged");
    }
}

#[test]
fn forgotten_segments_are_gone_and_the_rest_is_not() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    for _ in 0..3 {
        fill(&mut journal, &small());
        journal.rotate(b"state", UnixMillis(0)).unwrap();
    }
    let key = fs::File::open(scratch.file("00000001.key")).unwrap();
    let copy = contents(&scratch.path());
    assert_eq!(journal.forget_before(3).unwrap(), 2);
    assert_eq!(journal.forget_before(3).unwrap(), 0);
    let mut left = Vec::new();
    std::io::Read::read_to_end(&mut &key, &mut left).unwrap();
    assert!(!left.is_empty() && left.iter().all(|byte| *byte == 0), "the key was overwritten");
    assert_eq!(journal.segments().iter().map(|s| s.number).collect::<Vec<_>>(), [3, 4]);
    let gone = journal.read(8..=9, &mut |_, _| {}).unwrap_err();
    assert_eq!(gone, JournalError::NotRetained { first: 9, last: 12 });
    journal.read(9..=12, &mut |_, _| {}).unwrap();
    drop(journal);
    drop(scratch.open().unwrap());
    // Who takes a segment away says that it was forgotten; the journal knows better.
    fs::remove_file(scratch.file("00000003.segment")).unwrap();
    fs::remove_file(scratch.file("00000003.key")).unwrap();
    assert_eq!(scratch.refusal().code(), "journal-damaged");
    for (file, bytes) in copy.iter().filter(|(file, _)| !file.ends_with("00000004.segment")) {
        fs::write(file, bytes).unwrap();
    }
    // Segments that come back after they were forgotten are not looked at, and go again.
    let (opened, _) = scratch.open().unwrap();
    let mut journal = opened.start(b"state", UnixMillis(0)).unwrap();
    assert!(!scratch.file("00000002.segment").exists());
    assert_eq!(journal.forget_before(u64::MAX).unwrap(), 2, "never the newest");
    journal.append(b"goes on").unwrap();
    journal.commit().unwrap();
}

#[test]
fn refusing_a_recovered_record_ends_recovery() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    fill(&mut journal, &small());
    drop(journal);
    let on = &mut |recovered: Recovered<'_>| match recovered {
        Recovered::Record { position: Position { seq: 3, .. }, .. } => Err("no"),
        _ => Ok(()),
    };
    let boot = BootId([1; 32]);
    let refused = Journal::open(&scratch.path(), scratch.sealing("key"), ORIGIN, boot, on);
    assert!(matches!(refused, Err(OpenError::Replay("no"))));
}

fn groups() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    let record = prop_oneof![
        8 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => proptest::collection::vec(any::<u8>(), 500..2000),
    ];
    proptest::collection::vec(proptest::collection::vec(record, 1..6), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Cut anywhere, a journal recovers to exactly the groups that lie before the cut.
    #[test]
    fn every_prefix_recovers_to_the_whole_groups_in_it(groups in groups(), cuts in any::<[u16; 24]>()) {
        let scratch = Scratch::new();
        let mut journal = scratch.start(b"state");
        let file = scratch.file("00000001.segment");
        let length = || used(&file).len();
        let mut written = Vec::new();
        let mut ends = vec![(length(), 0)];
        for group in &groups {
            written.extend(fill(&mut journal, std::slice::from_ref(group)));
            ends.push((length(), written.len()));
        }
        drop(journal);
        let (bytes, begin) = (used(&file), ends[0].0);
        for cut in cuts {
            let cut = begin + usize::from(cut) % (bytes.len() - begin + 1);
            fs::write(&file, &bytes[..cut]).unwrap();
            let (opened, seen) = scratch.open().unwrap();
            let whole = ends.iter().rfind(|(end, _)| *end <= cut).unwrap();
            prop_assert_eq!(&seen.1[..], &written[..whole.1]);
            prop_assert_eq!(opened.torn(), u64::try_from(cut - whole.0).unwrap());
        }
        // What was cut stays cut, and the journal goes on.
        let mut journal = scratch.start(b"state");
        fill(&mut journal, &small());
        drop(journal);
        prop_assert_eq!(scratch.open().unwrap().1.1.len(), 4);
    }

    /// No bytes in place of a segment make recovery panic.
    #[test]
    fn no_bytes_make_recovery_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let scratch = Scratch::new();
        drop(scratch.start(b""));
        let file = scratch.file("00000001.segment");
        let genuine = fs::read(&file).unwrap();
        fs::write(&file, [&genuine, &bytes[..]].concat()).unwrap();
        scratch.open().map(drop).or_else(|error| (error.code() == "journal-damaged").then_some(()).ok_or(error)).unwrap();
        fs::write(&file, &bytes).unwrap();
        prop_assert_eq!(scratch.refusal().code(), "journal-damaged");
    }
}
