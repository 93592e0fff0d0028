//! Ends that never became whole: cut where nobody was told of them, damage anywhere else.

use std::fs;

use messages::time::UnixMillis;

use crate::scratch::{Scratch, fill, last, small, used};

#[test]
fn flipped_bits_in_a_torn_tail_never_cost_an_acknowledged_record() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    let written = fill(&mut journal, &small());
    let file = scratch.file("00000001.segment");
    let acknowledged = used(&file).len();
    fill(&mut journal, &small());
    drop(journal);
    let torn = used(&file);
    let torn = &torn[..torn.len() - 20];
    let mut cut = 0;
    for at in acknowledged..torn.len() {
        let mut flipped = torn.to_vec();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&file, &flipped).unwrap();
        match scratch.open() {
            Ok((_, seen)) => {
                assert_eq!(seen.1[..4], written[..]);
                cut += 1;
            }
            Err(error) => assert_eq!(error.code(), "journal-damaged"),
        }
    }
    assert!(cut > 0);
}

#[test]
fn zeros_at_the_end_are_cut_and_zeros_before_it_are_damage() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    let written = fill(&mut journal, &small());
    let file = scratch.file("00000001.segment");
    let acknowledged = used(&file).len();
    fill(&mut journal, &small()[1..]);
    drop(journal);
    let whole = used(&file);
    for zeros_from in (acknowledged..=last(&whole) - 16).step_by(16) {
        for more in [0, 1, 79, 80, 5000] {
            let mut bytes = whole[..zeros_from].to_vec();
            bytes.resize(whole.len() + more, 0);
            fs::write(&file, &bytes).unwrap();
            let (opened, seen) = scratch.open().unwrap();
            assert_eq!(seen.1, written, "{zeros_from} {more}");
            assert_eq!(opened.torn() > 0, zeros_from > acknowledged);
        }
    }
    let mut bytes = whole.clone();
    bytes.resize(whole.len() + 600, 0);
    fs::write(&file, &bytes).unwrap();
    assert_eq!(scratch.open().unwrap().1.1.len(), 7);
    let tag = last(&bytes[..acknowledged]);
    bytes[tag - 16..tag].fill(0);
    fs::write(&file, &bytes).unwrap();
    assert_eq!(scratch.refusal().code(), "journal-damaged");
    bytes[whole.len() + 300] = 1;
    fs::write(&file, &bytes).unwrap();
    assert_eq!(scratch.refusal().code(), "journal-damaged");
}

#[test]
fn a_sector_that_never_came_is_torn_at_the_end_and_damage_before_it() {
    let scratch = Scratch::new();
    let mut journal = scratch.start(b"");
    let file = scratch.file("00000001.segment");
    let begin = used(&file).len();
    let group = vec![vec![7; 600], vec![8; 900]];
    let written = fill(&mut journal, &[group.clone(), group.clone()]);
    let acknowledged = used(&file).len();
    fill(&mut journal, &[group]);
    drop(journal);
    let whole = fs::read(&file).unwrap();
    let end = used(&file).len();
    assert!(end - acknowledged > 3 * 512 && end < whole.len(), "zeros are written ahead");
    for missing in (begin..end).step_by(512) {
        let mut bytes = whole.clone();
        bytes[missing..missing + 512].fill(0);
        fs::write(&file, &bytes).unwrap();
        if missing < acknowledged {
            assert_eq!(scratch.refusal().code(), "journal-damaged", "{missing}");
        } else {
            assert_eq!(scratch.open().unwrap().1.1, written, "{missing}");
        }
    }
    // Zeros ahead are no part of a segment that another one follows.
    fs::write(&file, &whole).unwrap();
    let mut journal = scratch.start(b"");
    fill(&mut journal, &small());
    journal.rotate(b"", UnixMillis(0)).unwrap();
    for name in ["00000001.segment", "00000002.segment"] {
        let file = scratch.file(name);
        assert_eq!(fs::read(&file).unwrap().len(), used(&file).len(), "{name}");
    }
}
