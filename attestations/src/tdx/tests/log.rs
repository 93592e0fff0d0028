//! Event logs as firmware writes them.

use proptest::prelude::*;
use sha2::{Digest, Sha384};

use super::event_log::replay;
use super::*;

/// An event: register from 1, kind, digest.
type Event = (u32, u32, [u8; 48]);

pub(super) fn sample() -> Vec<u8> {
    written(&[(1, 1, [1; 48]), (2, 0x8000_0003, [2; 48]), (1, 4, [3; 48]), (4, 5, [4; 48])])
}

/// The area: a specification, events with a SHA-1 digest before ours, and what was never written.
fn written(events: &[Event]) -> Vec<u8> {
    let mut specification = b"Spec ID Event03\0".to_vec();
    specification.extend([0; 8]);
    specification.extend(2_u32.to_le_bytes());
    specification.extend([4, 0, 20, 0, 0x0c, 0, 48, 0]);
    specification.push(0);
    let mut log = Vec::new();
    log.extend([0; 4]);
    log.extend(3_u32.to_le_bytes());
    log.extend([0; 20]);
    log.extend(u32::try_from(specification.len()).unwrap().to_le_bytes());
    log.extend(specification);
    for (index, kind, digest) in events {
        log.extend(index.to_le_bytes());
        log.extend(kind.to_le_bytes());
        log.extend(2_u32.to_le_bytes());
        log.extend([4, 0]);
        log.extend([9; 20]);
        log.extend([0x0c, 0]);
        log.extend(digest);
        log.extend(3_u32.to_le_bytes());
        log.extend(b"abc");
    }
    log.extend([0xff; 64]);
    log
}

fn extended(register: [u8; 48], digest: [u8; 48]) -> [u8; 48] {
    Sha384::new().chain_update(register).chain_update(digest).finalize().into()
}

#[test]
fn a_log_comes_to_its_registers() {
    let twice = extended(extended([0; 48], [1; 48]), [3; 48]);
    let registers = [twice, extended([0; 48], [2; 48]), [0; 48], extended([0; 48], [4; 48])];
    assert_eq!(replay(&sample()), Ok(registers));
    // An event that measures nothing extends nothing, and an order is an order.
    let silent = written(&[(1, 3, [7; 48]), (1, 1, [3; 48]), (1, 1, [1; 48])]);
    let other = extended(extended([0; 48], [3; 48]), [1; 48]);
    assert_eq!(replay(&silent), Ok([other, [0; 48], [0; 48], [0; 48]]));
    assert_eq!(replay(&written(&[])), Ok([[0; 48]; 4]));
}

#[test]
fn what_is_no_log_is_refused() {
    let malformed = Err(TdxRefusal::EventLogMalformed);
    assert_eq!(replay(&[]), malformed);
    assert_eq!(replay(&written(&[(6, 1, [1; 48])])), malformed, "there is no such register");
    let mut other = sample();
    other[32] ^= 1;
    assert_eq!(replay(&other), malformed, "another specification");
    let cut = sample();
    let end = cut.len() - 64 - 1;
    assert_eq!(replay(&cut[..end]), malformed, "an event ends in the middle");
    // One without the digest that registers are extended with.
    let mut without = sample();
    let place = without.windows(2).rposition(|pair| pair == [0x0c, 0]).unwrap();
    without[place] = 4;
    assert_eq!(replay(&without), malformed);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
        prop_assert!(replay(&bytes).is_err());
        let mut log = sample();
        let at = at.index(log.len());
        let same = log[at] == byte;
        log[at] = byte;
        prop_assert!(same <= (replay(&log) == replay(&sample())));
    }
}
