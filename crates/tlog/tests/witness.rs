//! What a witness signs, and what it does not.

use cloister_tlog as tlog;
use messages::ids::{BodyDigest, BootId, EvidenceId};
use messages::leaf::{Kind, Leaf};
use messages::signature::{Signature, SigningKey};
use proptest::prelude::*;
use tlog::witness::{AddCheckpoint, Granted, Last, Refusal};
use tlog::{Lease, Log};

const ORIGIN: &str = "test.example/log";

fn key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn log(size: u8, last: u8) -> Log {
    let mut log = Log::new();
    for n in 0..size {
        let body = BodyDigest([if n.checked_add(1) == Some(size) { last } else { n }; 32]);
        let boot = BootId::default();
        log.append(&Leaf { kind: Kind::Boot, body, boot, signature: Signature([0; 64]) });
    }
    log
}

fn note(log: &Log) -> String {
    tlog::sign_checkpoint(ORIGIN, log.size(), &log.root(), &key())
}

fn request(old: u64, log: &Log) -> AddCheckpoint {
    let proof = if old == 0 { Vec::new() } else { log.consistency(old, log.size()) };
    AddCheckpoint { old, proof, note: note(log) }
}

fn check(request: &AddCheckpoint, last: Option<&str>) -> Result<u64, Refusal> {
    request.check(last, ORIGIN, &key().public()).map(|head| head.size())
}

#[test]
fn a_log_that_grows_is_signed_from_the_first_checkpoint_on() {
    let (small, large) = (log(5, 9), log(11, 10));
    assert_eq!(check(&request(0, &small), None), Ok(5));
    let first = note(&small);
    // The first five are another log's: the eleven do not extend them.
    let extended = {
        let mut grown = log(5, 9);
        for leaf in 5..11u8 {
            let body = BodyDigest([leaf; 32]);
            let boot = BootId::default();
            grown.append(&Leaf { kind: Kind::Boot, body, boot, signature: Signature([0; 64]) });
        }
        grown
    };
    assert_eq!(check(&request(5, &extended), Some(&first)), Ok(11));
    assert_eq!(check(&request(5, &small), Some(&first)), Ok(5), "the same once more");
    assert_eq!(check(&request(5, &large), Some(&first)), Err(Refusal::Proof));
}

#[test]
fn what_does_not_extend_is_refused_with_the_status_of_the_protocol() {
    let (small, other) = (log(5, 9), log(5, 8));
    let first = note(&small);
    let good = request(5, &small);
    assert_eq!(check(&request(5, &other), Some(&first)), Err(Refusal::Forked));
    assert_eq!(check(&request(0, &small), Some(&first)), Err(Refusal::Size(5)));
    assert_eq!(check(&request(3, &small), None), Err(Refusal::Size(0)));
    let ahead = AddCheckpoint { old: 6, ..good.clone() };
    assert_eq!(check(&ahead, Some(&first)), Err(Refusal::Malformed));
    let mut padded = request(0, &small);
    padded.proof.push(messages::ids::LeafHash([1; 32]));
    assert_eq!(check(&padded, None), Err(Refusal::Proof));
    let foreign = SigningKey::from_seed(&[2; 32]);
    let note = tlog::sign_checkpoint(ORIGIN, 5, &small.root(), &foreign);
    let unsigned = AddCheckpoint { note, ..good.clone() };
    assert_eq!(check(&unsigned, Some(&first)), Err(Refusal::Signature));
    let elsewhere = good.check(None, "other.example/log", &key().public());
    assert_eq!(elsewhere.unwrap_err(), Refusal::Malformed);
    assert_eq!(check(&good, Some("no note")), Err(Refusal::Memory));
    let statuses = [
        (Refusal::Malformed, 400),
        (Refusal::Signature, 403),
        (Refusal::Size(1), 409),
        (Refusal::Forked, 409),
        (Refusal::Proof, 422),
        (Refusal::Leased(1), 423),
        (Refusal::Memory, 500),
    ];
    assert!(statuses.iter().all(|(refusal, status)| refusal.status() == *status));
}

/// A checkpoint of the one log of `size` leaves, by a boot with a lease of a minute.
fn leased(size: u8, boot: u8, asked: u64, after: Option<u8>) -> String {
    let log = log(size, size.saturating_sub(1));
    let lease = Lease {
        boot: BootId([boot; 32]),
        evidence: EvidenceId([7; 32]),
        asked,
        seconds: 60,
        after: after.map(|boot| BootId([boot; 32])),
    };
    tlog::sign_leased_checkpoint(ORIGIN, (log.size(), &log.root()), lease, &key())
}

fn grant(last: (&str, u64), old: u8, size: u8, note: String) -> Result<Granted, Refusal> {
    let proof = log(size, size.saturating_sub(1)).consistency(u64::from(old), u64::from(size));
    let request = AddCheckpoint { old: u64::from(old), proof, note };
    let last = Last { note: last.0, seconds_ago: last.1 };
    request.grant(Some(last), ORIGIN, &key().public())
}

#[test]
fn while_a_boot_has_the_lease_no_other_is_signed_unless_it_knows_that_the_first_has_ended() {
    let first = leased(5, 1, 3, None);
    let at = |note: String, ago| grant((&first, ago), 5, 6, note);
    assert_eq!(at(leased(6, 1, 3, None), 1), Ok(NOW), "the same boot");
    assert_eq!(at(leased(6, 2, 0, Some(1)), 1), Ok(NOW), "its successor");
    let strangers = [leased(6, 2, 9, None), leased(6, 2, 9, Some(3)), leased(6, 2, 9, Some(2))];
    for other in strangers.into_iter().chain([note(&log(6, 5))]) {
        // The second in which it was signed is not over before the next one begins.
        for (ago, left) in [(0, 61), (1, 60), (60, 1)] {
            assert_eq!(at(other.clone(), ago), Err(Refusal::Leased(left)), "{other}");
        }
        assert_eq!(at(other, 61), Ok(NOW));
    }
    // What does not extend the log gets no lease, however late it is.
    let forked = AddCheckpoint { old: 5, proof: Vec::new(), note: leased(6, 2, 9, Some(1)) };
    let last = Last { note: &first, seconds_ago: u64::MAX };
    assert_eq!(forked.grant(Some(last), ORIGIN, &key().public()), Err(Refusal::Proof));
}

#[test]
fn a_checkpoint_that_was_signed_before_begins_no_new_lease() {
    let first = leased(5, 1, 30, None);
    for (asked, granted) in [(30, Granted::Again), (29, Granted::Again), (31, NOW)] {
        assert_eq!(grant((&first, 4), 5, 5, leased(5, 1, asked, None)), Ok(granted));
    }
    // An empty log has no leaf to tell it from another one; its boots are told apart like any.
    let empty = leased(0, 1, 3, None);
    // The boot's counter did not move: nor does the lease, but for what a counter may be slow.
    let moved = Ok(Granted::Newer { seconds_ago: 2 });
    assert_eq!(grant((&empty, 5), 0, 1, leased(1, 1, 3, None)), moved);
    assert_eq!(grant((&empty, 5), 0, 1, leased(1, 2, 3, None)), Err(Refusal::Leased(56)));
}

#[test]
fn checkpoints_that_somebody_kept_begin_no_lease_later_than_the_boot_could_have_asked() {
    // Made a second apart and shown a minute apart: all of them together last no longer than the
    // last of them would have, shown at once.
    let (mut last, mut ago) = (leased(5, 1, 0, None), 0);
    for asked in 1..50 {
        ago += 60;
        let next = leased(5, 1, asked, None);
        let Ok(Granted::Newer { seconds_ago }) = grant((&last, ago), 5, 5, next.clone()) else {
            panic!("{asked}")
        };
        assert_eq!(seconds_ago, ago - 4);
        (last, ago) = (next, seconds_ago);
    }
    let other = leased(5, 2, 0, None);
    assert_eq!(grant((&last, ago), 5, 5, other), Ok(NOW));
    // One that came in time is as good as new.
    let next = leased(5, 1, 70, None);
    assert_eq!(grant((&leased(5, 1, 0, None), 60), 5, 5, next), Ok(NOW));
}

const NOW: Granted = Granted::Newer { seconds_ago: 0 };

#[test]
fn a_request_has_one_form() {
    let good = request(5, &log(11, 10));
    let body = good.body();
    assert_eq!(AddCheckpoint::parse(&body), Some(good));
    for bad in
        ["", "old 5\n", "old 05\n\nnote", "old -1\n\nnote", "old 5\nAAAA\n\nnote", "new 5\n\nnote"]
    {
        assert_eq!(AddCheckpoint::parse(bad), None, "{bad}");
    }
    let long = format!("old 5\n{}\n", "A".repeat(1 << 20));
    assert_eq!(AddCheckpoint::parse(&long), None);
}

proptest! {
    #[test]
    fn any_text_is_a_request_or_none(text in "(old [0-9]{1,3}\n)?[A-Za-z0-9+/=\n]{0,200}") {
        if let Some(request) = AddCheckpoint::parse(&text) {
            prop_assert!(check(&request, None).is_err());
        }
    }
}
