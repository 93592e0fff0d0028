//! Claims about witnessed time.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

use std::num::NonZeroUsize;

use cloister_tlog::{Cosignature, Jump, Observed, Ticks, TimeError, TimeTerms, WitnessedTime};
use messages::time::{Millis, UnixMillis};
use proptest::prelude::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const TERMS: TimeTerms = terms(2, 3_600_000);
const DAY: u64 = 86_400_000;
/// 2026-01-01, seconds.
const START: u64 = 1_767_225_600;

const fn terms(quorum: usize, reach_ms: u64) -> TimeTerms {
    let quorum = match NonZeroUsize::new(quorum) {
        Some(quorum) => quorum,
        None => NonZeroUsize::MIN,
    };
    TimeTerms { quorum, drift_ppm: 1_000, slack: Millis(2_000), reach: Millis(reach_ms) }
}

fn said(seconds: &[u64]) -> Vec<Cosignature<'static>> {
    let each = NAMES.iter().zip(seconds);
    each.map(|(witness, at)| Cosignature { witness, unix_seconds: *at }).collect()
}

/// Three witnesses said `START`, at 1,000 of the counter.
fn started(terms: TimeTerms) -> WitnessedTime {
    let mut time = WitnessedTime::new(terms, UnixMillis(0));
    let seen = time.observe(&said(&[START, START, START]), Ticks(1_000), Ticks(1_000));
    assert_eq!(seen, Ok(Observed::Agrees));
    time
}

fn bounds(time: &mut WitnessedTime, ticks: u64) -> (u64, u64) {
    let now = time.bracket(Ticks(ticks)).unwrap();
    (now.earliest.0 - START * 1000, now.latest.0 - START * 1000)
}

#[test]
fn both_bounds_move_with_the_counter_and_its_drift() {
    let mut time = started(TERMS);
    assert_eq!(bounds(&mut time, 1_000), (0, 1_000));
    assert_eq!(bounds(&mut time, 11_000), (9_990, 11_010));
    let later = said(&[START + 15, START + 15, START + 15]);
    assert_eq!(time.observe(&later, Ticks(16_000), Ticks(17_000)), Ok(Observed::Agrees));
    // 15 s by the witnesses and 15.984 s by the counter; at most 17.001 and 17.016.
    assert_eq!(bounds(&mut time, 17_000), (15_984, 17_001));
    assert_eq!(time.silence(Ticks(18_000)), Some(Millis(1_000)));
}

#[test]
fn a_liar_below_the_quorum_moves_nothing() {
    for lie in [0, START - 86_400, START + 86_400 * 365, u64::MAX] {
        let mut time = WitnessedTime::new(TERMS, UnixMillis(0));
        let seen = time.observe(&said(&[START, lie, START]), Ticks(0), Ticks(0));
        assert_eq!(seen, Ok(Observed::Agrees));
        assert_eq!(bounds(&mut time, 0), (0, 1_000), "{lie}");
    }
}

#[test]
fn a_host_cannot_mint_days_with_its_counter() {
    let mut time = started(TERMS);
    assert_eq!(bounds(&mut time, 1_000 + 30 * DAY).0, 3_600_000);
    // Nor by having the same second witnessed again and again.
    for n in 0..50 {
        let at = Ticks(1_000 + (31 + n) * DAY);
        let seen = time.observe(&said(&[START, START, START]), Ticks(1_000), at);
        assert_eq!(seen, Ok(Observed::Agrees));
        assert!(bounds(&mut time, at.0).0 <= 3_600_000);
    }
    let back = time.observe(&said(&[START + 60; 3]), Ticks(100 * DAY), Ticks(100 * DAY));
    assert!(matches!(back, Ok(Observed::Jumped(Jump::Behind(by))) if by.0 > 3_500_000));
}

#[test]
fn behind_the_bound_stands_still_until_the_witnesses_pass_it() {
    let mut time = started(TERMS);
    assert_eq!(bounds(&mut time, 101_000).0, 99_900);
    let slow = time.observe(&said(&[START + 50; 3]), Ticks(101_000), Ticks(101_000));
    assert_eq!(slow, Ok(Observed::Jumped(Jump::Behind(Millis(48_900)))));
    assert_eq!(bounds(&mut time, 101_000).0, 99_900);
    assert_eq!(bounds(&mut time, 121_000).0, 99_900);
    assert_eq!(bounds(&mut time, 161_000).0, 109_940);
}

#[test]
fn a_machine_that_stood_still_is_told_so() {
    let mut time = started(TERMS);
    let woken = time.observe(&said(&[START + 86_400; 3]), Ticks(2_000), Ticks(2_500));
    assert_eq!(woken, Ok(Observed::Jumped(Jump::Ahead(Millis(DAY - 2_502)))));
    assert_eq!(bounds(&mut time, 2_500), (DAY, DAY + 1_501));
    let again = time.observe(&said(&[START + 86_401; 3]), Ticks(3_000), Ticks(3_000));
    assert_eq!(again, Ok(Observed::Agrees));
}

#[test]
fn within_the_slack_nothing_jumped_and_both_are_taken_in() {
    let mut time = started(TERMS);
    let seen = time.observe(&said(&[START + 2; 3]), Ticks(1_000), Ticks(1_000));
    assert_eq!(seen, Ok(Observed::Agrees));
    assert_eq!(bounds(&mut time, 1_000), (2_000, 3_000));
    let seen = time.observe(&said(&[START; 3]), Ticks(1_000), Ticks(1_000));
    assert_eq!(seen, Ok(Observed::Agrees));
    assert_eq!(bounds(&mut time, 1_000), (2_000, 3_000));
}

#[test]
fn a_counter_that_goes_back_leaves_the_floor_alone() {
    let mut time = started(TERMS);
    let (before, _) = bounds(&mut time, 11_000);
    let back = TimeError::CounterWentBack { by: Millis(10_000) };
    assert_eq!(time.bracket(Ticks(1_000)), Err(back));
    assert_eq!(time.bracket(Ticks(1_000)), Err(TimeError::Unwitnessed));
    assert_eq!(time.floor().0 - START * 1000, before);
    assert_eq!(time.silence(Ticks(1_000)), None);
    let seen = time.observe(&said(&[START + 10; 3]), Ticks(1_500), Ticks(1_500));
    assert_eq!(seen, Ok(Observed::Agrees));
    assert_eq!(bounds(&mut time, 1_500), (10_000, 11_000));
}

#[test]
fn a_boot_goes_on_from_the_floor_on_record() {
    let floor = UnixMillis((START + 100) * 1000);
    let mut time = WitnessedTime::new(TERMS, floor);
    assert_eq!(time.bracket(Ticks(5)), Err(TimeError::Unwitnessed));
    assert_eq!(time.floor(), floor);
    let mut old = time.clone();
    let seen = old.observe(&said(&[START; 3]), Ticks(5), Ticks(5));
    assert_eq!(seen, Ok(Observed::Jumped(Jump::Behind(Millis(99_000)))));
    assert_eq!(old.floor(), floor);
    let seen = time.observe(&said(&[START + 100 + 86_400; 3]), Ticks(5), Ticks(5));
    assert_eq!(seen, Ok(Observed::Agrees), "nobody knows how long it was off");
}

#[test]
fn what_cannot_be_is_refused_and_teaches_nothing() {
    let mut time = started(TERMS);
    let before = time.bracket(Ticks(2_000));
    let few = TimeError::TooFew { found: 1, needed: 2 };
    assert_eq!(time.observe(&said(&[START + 500]), Ticks(2_000), Ticks(2_000)), Err(few));
    let twice = [said(&[START + 500]), said(&[START + 600])].concat();
    assert_eq!(time.observe(&twice, Ticks(2_000), Ticks(2_000)), Err(few), "one witness twice");
    let later = time.observe(&said(&[START + 500; 3]), Ticks(2_001), Ticks(2_000));
    assert_eq!(later, Err(TimeError::AskedLater));
    assert_eq!(time.bracket(Ticks(2_000)), before);
    let mut one = WitnessedTime::new(terms(1, 0), UnixMillis(0));
    let apart = one.observe(&said(&[START, START + 60]), Ticks(0), Ticks(0));
    assert_eq!(apart, Err(TimeError::Disagree { by: Millis(59_000) }));
}

#[test]
fn the_hosts_clock_is_compared_and_never_believed() {
    let mut time = started(TERMS);
    let host = |ms: u64| UnixMillis(START * 1000 + ms);
    assert_eq!(time.compare(host(10_000), Ticks(11_000)), Ok(Observed::Agrees));
    let day = time.compare(host(DAY), Ticks(11_000));
    assert_eq!(day, Ok(Observed::Jumped(Jump::Ahead(Millis(DAY - 11_010)))));
    let back = time.compare(host(0), Ticks(11_000));
    assert_eq!(back, Ok(Observed::Jumped(Jump::Behind(Millis(9_990)))));
    assert_eq!(bounds(&mut time, 11_000), (9_990, 11_010));
}

proptest! {
    /// Steps: time that passes, how long cosignatures travel, and what the liars say.
    #[test]
    fn the_truth_lies_inside_while_liars_are_fewer_than_the_quorum(
        quorum in 1..=3_usize, rate in -900..=900_i64, liars in 0..=2_usize,
        steps in prop::collection::vec(
            (0..5_000_000_u64, 0..60_000_u64, any::<[u64; 2]>(), any::<bool>()), 1..20),
    ) {
        let liars = liars.min(quorum - 1);
        let mut time = WitnessedTime::new(terms(quorum, u64::MAX), UnixMillis(0));
        // The counter runs at a rate within its drift.
        let counter = |ms: u64| {
            Ticks(u64::try_from(i128::from(ms) * (1_000_000 + i128::from(rate)) / 1_000_000).unwrap())
        };
        let (mut since_boot, mut jumped) = (0, false);
        for (passes, travels, lies, hears) in steps {
            since_boot += passes;
            if hears {
                let asked = counter(since_boot);
                let signed = START * 1000 + since_boot + travels / 2;
                since_boot += travels;
                let mut seconds = [signed / 1000; 5];
                seconds.iter_mut().zip(lies).take(liars).for_each(|(second, lie)| *second = lie);
                match time.observe(&said(&seconds), asked, counter(since_boot)) {
                    Ok(Observed::Agrees) | Err(TimeError::Disagree { .. }) => {}
                    Ok(Observed::Jumped(_)) => jumped = true,
                    Err(error) => prop_assert!(false, "{error}"),
                }
            }
            if let Ok(now) = time.bracket(counter(since_boot)) {
                let truth = START * 1000 + since_boot;
                prop_assert!(now.earliest.0 <= truth && truth <= now.latest.0, "{now:?} {truth}");
            }
        }
        prop_assert!(!jumped);
    }

    /// Steps: counter, question, what the witnesses say, whether anything is heard.
    #[test]
    fn time_never_goes_back_nor_ahead_of_a_quorum_and_the_counter(
        floor in 0..2_000_000_u64, quorum in 1..=3_usize, reach in 0..2_000_000_u64,
        steps in prop::collection::vec(
            (0..3_000_000_u64, 0..3_000_000_u64, prop::collection::vec(0..3_000_u64, 0..5), any::<bool>()),
            1..40),
    ) {
        let mut time = WitnessedTime::new(terms(quorum, reach), UnixMillis(floor));
        // What quorums said, and how far the counter had gone forward by then.
        let mut quorums: Vec<(u64, u64)> = Vec::new();
        let (mut forward, mut seen, mut earliest) = (0, 0, floor);
        for (ticks, asked, mut seconds, hears) in steps {
            forward += ticks.saturating_sub(seen);
            seen = ticks;
            if hears {
                let heard = time.observe(&said(&seconds), Ticks(asked), Ticks(ticks));
                if heard.is_ok() {
                    seconds.sort_unstable();
                    quorums.push((seconds[seconds.len() - quorum] * 1000, forward));
                }
            }
            if let Ok(now) = time.bracket(Ticks(ticks)) {
                prop_assert!(earliest <= now.earliest.0 && now.earliest <= now.latest);
                prop_assert_eq!(now.earliest, time.floor());
            }
            prop_assert!(earliest <= time.floor().0);
            earliest = time.floor().0;
            let carried = quorums.iter().map(|(said, at)| said + (forward - at).min(reach));
            prop_assert!(earliest <= carried.max().unwrap_or_default().max(floor));
        }
    }

    #[test]
    fn any_numbers_are_answered(
        floor in any::<u64>(), reach in any::<u64>(), drift in any::<u32>(),
        steps in prop::collection::vec((any::<u64>(), any::<u64>(), any::<[u64; 3]>()), 1..8),
    ) {
        let terms = TimeTerms { drift_ppm: drift, ..terms(2, reach) };
        let mut time = WitnessedTime::new(terms, UnixMillis(floor));
        for (asked, ticks, seconds) in steps {
            let before = time.floor();
            let heard = time.observe(&said(&seconds), Ticks(asked), Ticks(ticks));
            let known = time.compare(UnixMillis(asked), Ticks(ticks));
            prop_assert!(known.is_ok() || heard.is_err());
            prop_assert!(before <= time.floor());
        }
    }
}
