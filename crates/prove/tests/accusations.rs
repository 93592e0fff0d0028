//! A monitor is convicted by what it signed, and by nothing else.

#[path = "support/accused.rs"]
mod accused;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use accused::{AFTER, accuse, forked, heads, leaves, opening, totals, view};
use cloister_prove as _;
use messages::accusation::{Accusation, Charge};
use messages::codec::Wire;
use messages::ids::{Commitment, LeafHash};
use messages::opening::SignedOpening;
use monitor::Monitor;
use verify::accusation::judge;

fn outcome(monitor: &Monitor, accusation: &Accusation) -> &'static str {
    match judge(&accusation.to_cbor(), &monitor.anchors()) {
        Ok(offence) => offence.code(),
        Err(unfounded) => unfounded.code(),
    }
}

#[test]
fn two_heads_of_one_size_are_a_fork() {
    let monitor = Monitor::start();
    assert_eq!(outcome(&monitor, &heads()), "fork");
    let honest = view(&monitor).checkpoint;
    let with = |second: &str| {
        let (first, second) = (honest.clone(), second.to_owned());
        outcome(&monitor, &accuse(&monitor, Charge::ForkedHead { first, second }))
    };
    assert_eq!(with(&honest), "accusation-heads-agree");
    let mut shorter = Monitor::start();
    shorter.drafts.pop();
    assert_eq!(with(&view(&shorter).checkpoint), "accusation-heads-agree");
    assert_eq!(with(&view(&Monitor::other()).checkpoint), "accusation-checkpoint");
    assert_eq!(with("no note"), "accusation-checkpoint");
    assert_eq!(with(&view(&forked()).checkpoint), "fork");
}

#[test]
fn two_leaves_at_one_place_are_a_fork_whatever_the_sizes() {
    let monitor = Monitor::start();
    assert_eq!(outcome(&monitor, &leaves(AFTER, AFTER)), "fork");
    assert_eq!(outcome(&monitor, &leaves(0, 0)), "accusation-leaves-agree");
    assert_eq!(outcome(&monitor, &leaves(AFTER, 4)), "accusation-leaves-agree");
    let mut cut = leaves(AFTER, AFTER);
    let Charge::ForkedLeaf { second_leaf, .. } = &mut cut.charge else { panic!() };
    second_leaf.path[0].0[0] ^= 1;
    assert_eq!(outcome(&monitor, &cut), "accusation-not-included");
}

#[test]
fn two_totals_of_one_epoch_are_shown_from_one_log() {
    let honest = Monitor::start();
    let good = accuse(&honest, Charge::TwoTotals { view: view(&honest) });
    assert_eq!(outcome(&honest, &good), "accusation-totals-agree");
    let (monitor, mut twice) = totals();
    assert_eq!(outcome(&monitor, &twice), "two-totals");
    let Charge::TwoTotals { view } = &mut twice.charge else { panic!() };
    view.leaves[AFTER].disclosed.body[40] ^= 1;
    assert_eq!(outcome(&monitor, &twice), "accusation-view");
}

#[test]
fn a_wrong_opening_convicts_and_a_right_one_does_not() {
    let monitor = Monitor::start();
    assert_eq!(outcome(&monitor, &opening(&monitor, |value| value)), "accusation-opening-right");
    let wrong = opening(&monitor, |value| value + 1);
    assert_eq!(outcome(&monitor, &wrong), "wrong-opening");
    type Change = fn(&mut SignedOpening, &mut u64, &mut Commitment, &mut Vec<LeafHash>);
    let changes: [(&str, Change); 9] = [
        ("accusation-opening-signature", |o, _, _, _| o.opening.value += 1),
        ("accusation-opening-signature", |o, _, _, _| o.opening.blinding[0] ^= 1),
        ("accusation-opening-signature", |o, _, _, _| o.signature.0[0] ^= 1),
        ("accusation-opening-signature", |o, _, _, _| o.boot = fixture::boot_id(0)),
        ("accusation-opening-path", |o, _, _, _| o.index = 9),
        ("accusation-opening-path", |o, _, _, _| o.path.clear()),
        ("accusation-view", |_, leaf, _, _| *leaf = 1),
        ("accusation-commitment-path", |_, _, commitment, _| commitment.0[0] ^= 1),
        ("accusation-commitment-path", |_, _, _, path| path.clear()),
    ];
    for (code, change) in changes {
        let mut forged = wrong.clone();
        let Charge::WrongOpening { view: _, leaf, opening, commitment, path } = &mut forged.charge
        else {
            panic!()
        };
        change(opening, leaf, commitment, path);
        assert_eq!(outcome(&monitor, &forged), code);
    }
}

#[test]
fn an_accusation_speaks_of_an_anchored_log_and_has_one_encoding() {
    let monitor = Monitor::start();
    let good = opening(&monitor, |value| value + 1);
    let Accusation { format: _, origin: _, charge: _ } = &good;
    let foreign = Accusation { origin: "elsewhere".into(), ..good.clone() };
    assert_eq!(outcome(&monitor, &foreign), "accusation-log-not-anchored");
    let next = Accusation { format: "cloister-accusation/2".into(), ..good.clone() };
    assert_eq!(outcome(&monitor, &next), "accusation-format");
    let bytes = good.to_cbor();
    let judged = |bytes: &[u8]| judge(bytes, &monitor.anchors()).unwrap_err().code();
    assert_eq!(judged(&bytes[1..]), "accusation-malformed");
    assert_eq!(judged(&[&bytes[..], &[0]].concat()), "accusation-non-canonical");
    assert_eq!(judged(&vec![0; Accusation::MAX_BYTES + 1]), "accusation-too-large");
    for at in (0..bytes.len()).step_by(41) {
        let mut forged = bytes.clone();
        forged[at] ^= 4;
        // A changed file may still convict by what is left of it, but never panics.
        let _verdict = judge(&forged, &monitor.anchors());
    }
}
