//! A monitor is convicted by what it signed, and by nothing else.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use cloister_prove as _;
use messages::accusation::{Accusation, Charge};
use messages::bundle::LogView;
use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::domain;
use messages::ids::{Commitment, LeafHash};
use messages::merkle;
use messages::opening::{ShownOpening, SignedOpening, signed_bytes};
use messages::publication::Publication;
use messages::time::Epoch;
use monitor::Monitor;
use verify::accusation::judge;

const AFTER: usize = 7;

fn accuse(monitor: &Monitor, charge: Charge) -> Accusation {
    let (format, origin) = (Accusation::FORMAT.into(), monitor.origin.into());
    Accusation { format, origin, charge }
}

fn outcome(monitor: &Monitor, accusation: &Accusation) -> &'static str {
    match judge(&accusation.to_cbor(), &monitor.anchors()) {
        Ok(offence) => offence.code(),
        Err(unfounded) => unfounded.code(),
    }
}

fn view(monitor: &Monitor) -> LogView {
    let (leaves, checkpoint) = monitor.publish(&monitor.drafts);
    LogView { origin: monitor.origin.into(), checkpoint, leaves }
}

/// The same monitor with another history from its second epoch on.
fn forked() -> Monitor {
    let mut monitor = Monitor::start();
    if let Publication::Tally(body) = &mut monitor.drafts[AFTER].publication {
        body.gaps.agent = 9;
        **body = (**body).clone().padded();
    }
    monitor
}

#[test]
fn two_heads_of_one_size_are_a_fork() {
    let monitor = Monitor::start();
    let (honest, other) = (view(&monitor), view(&forked()));
    let heads = |first: &str, second: &str| {
        let (first, second) = (first.to_owned(), second.to_owned());
        outcome(&monitor, &accuse(&monitor, Charge::ForkedHead { first, second }))
    };
    assert_eq!(heads(&honest.checkpoint, &other.checkpoint), "fork");
    assert_eq!(heads(&honest.checkpoint, &honest.checkpoint), "accusation-heads-agree");
    let mut shorter = Monitor::start();
    shorter.drafts.pop();
    let earlier = view(&shorter).checkpoint;
    assert_eq!(heads(&honest.checkpoint, &earlier), "accusation-heads-agree");
    let foreign = view(&Monitor::other()).checkpoint;
    assert_eq!(heads(&honest.checkpoint, &foreign), "accusation-checkpoint");
    assert_eq!(heads(&honest.checkpoint, "no note"), "accusation-checkpoint");
}

#[test]
fn two_leaves_at_one_place_are_a_fork_whatever_the_sizes() {
    let monitor = Monitor::start();
    let mut shorter = forked();
    shorter.drafts.pop();
    let (honest, other) = (view(&monitor), view(&shorter));
    let charge = |at: usize, of: usize| Charge::ForkedLeaf {
        first: honest.checkpoint.clone(),
        first_leaf: honest.leaves[at].clone(),
        second: other.checkpoint.clone(),
        second_leaf: other.leaves[of].clone(),
    };
    let judged = |charge| outcome(&monitor, &accuse(&monitor, charge));
    assert_eq!(judged(charge(AFTER, AFTER)), "fork");
    assert_eq!(judged(charge(0, 0)), "accusation-leaves-agree");
    assert_eq!(judged(charge(AFTER, 4)), "accusation-leaves-agree");
    let Charge::ForkedLeaf { first, first_leaf, second, mut second_leaf } = charge(AFTER, AFTER)
    else {
        panic!()
    };
    second_leaf.path[0].0[0] ^= 1;
    let cut = Charge::ForkedLeaf { first, first_leaf, second, second_leaf };
    assert_eq!(judged(cut), "accusation-not-included");
}

#[test]
fn two_totals_of_one_epoch_are_shown_from_one_log() {
    let mut monitor = Monitor::start();
    let good = accuse(&monitor, Charge::TwoTotals { view: view(&monitor) });
    assert_eq!(outcome(&monitor, &good), "accusation-totals-agree");
    let mut again = monitor.drafts[AFTER].clone();
    if let Publication::Tally(body) = &mut again.publication {
        body.gaps.agent = 9;
        **body = (**body).clone().padded();
    }
    monitor.drafts.push(again);
    let twice = accuse(&monitor, Charge::TwoTotals { view: view(&monitor) });
    assert_eq!(outcome(&monitor, &twice), "two-totals");
    let mut unsigned = twice;
    let Charge::TwoTotals { view } = &mut unsigned.charge else { panic!() };
    view.leaves[AFTER].disclosed.body[40] ^= 1;
    assert_eq!(outcome(&monitor, &unsigned), "accusation-view");
}

/// The opening of one counter of the newest leaf, as the second boot signed it.
fn opening(monitor: &Monitor, value: impl FnOnce(u64) -> u64) -> Accusation {
    let (_, openings) = &monitor.openings[&(monitor.tally(0), Epoch(2))];
    let counter = CounterIndex(2);
    let view = view(monitor);
    let shown = ShownOpening {
        counter: counter.0,
        value: value(openings.expose_value(counter).unwrap()),
        blinding: openings.expose_blinding(counter).unwrap().expose().to_bytes(),
    };
    let encoded = shown.to_cbor();
    let other = ShownOpening { counter: 3, ..shown }.to_cbor();
    let leaves = [&encoded[..], &other];
    let leaf = tlog::leaf_hash(&view.leaves[AFTER].disclosed.leaf);
    let root = merkle::OPENINGS.root(&leaves);
    let signature = monitor.boot_keys[1].sign(domain::OPENINGS, &signed_bytes(&leaf, &root));
    let path = merkle::OPENINGS.path(&leaves, 0).into_iter().map(LeafHash).collect();
    let boot = fixture::boot_id(1);
    let opening = SignedOpening { opening: shown, index: 0, count: 2, path, boot, signature };
    let (commitment, path) = (openings.commitments()[2], openings.path(counter));
    let leaf = u64::try_from(AFTER).unwrap();
    accuse(monitor, Charge::WrongOpening { view, leaf, opening, commitment, path })
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
