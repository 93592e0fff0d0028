//! Accusations of the small monitor in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]

use messages::accusation::{Accusation, Charge};
use messages::bundle::LogView;
use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::domain;
use messages::ids::LeafHash;
use messages::merkle;
use messages::opening::{ShownOpening, SignedOpening, signed_bytes};
use messages::publication::Publication;
use messages::time::Epoch;

use crate::fixture;
use crate::monitor::Monitor;

pub(crate) const AFTER: usize = 7;

pub(crate) fn accuse(monitor: &Monitor, charge: Charge) -> Accusation {
    let (format, origin) = (Accusation::FORMAT.into(), monitor.origin.into());
    Accusation { format, origin, charge }
}

pub(crate) fn view(monitor: &Monitor) -> LogView {
    let (leaves, checkpoint) = monitor.publish(&monitor.drafts);
    LogView { origin: monitor.origin.into(), checkpoint, leaves }
}

/// The same monitor with another history from its second epoch on.
pub(crate) fn forked() -> Monitor {
    let mut monitor = Monitor::start();
    if let Publication::Tally(body) = &mut monitor.drafts[AFTER].publication {
        body.gaps.agent = 9;
        **body = (**body).clone().padded();
    }
    monitor
}

/// The opening of one counter of the newest leaf, as the second boot signed it.
pub(crate) fn opening(monitor: &Monitor, value: impl FnOnce(u64) -> u64) -> Accusation {
    opening_by(monitor, 1, value)
}

/// The same, as some boot signed it.
pub(crate) fn opening_by(
    monitor: &Monitor,
    boot: usize,
    value: impl FnOnce(u64) -> u64,
) -> Accusation {
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
    let signature = monitor.boot_keys[boot].sign(domain::OPENINGS, &signed_bytes(&leaf, &root));
    let path = merkle::OPENINGS.path(&leaves, 0).into_iter().map(LeafHash).collect();
    let boot = fixture::boot_id(boot);
    let opening = SignedOpening { opening: shown, index: 0, count: 2, path, boot, signature };
    let (commitment, path) = (openings.commitments()[2], openings.path(counter));
    let leaf = u64::try_from(AFTER).unwrap();
    accuse(monitor, Charge::WrongOpening { view, leaf, opening, commitment, path })
}

/// The accusation that two heads of one size are signed.
pub(crate) fn heads() -> Accusation {
    let monitor = Monitor::start();
    let (first, second) = (view(&monitor).checkpoint, view(&forked()).checkpoint);
    accuse(&monitor, Charge::ForkedHead { first, second })
}

/// That two leaves stand at one place.
pub(crate) fn leaves(at: usize, of: usize) -> Accusation {
    let monitor = Monitor::start();
    let mut shorter = forked();
    shorter.drafts.pop();
    let (honest, other) = (view(&monitor), view(&shorter));
    let (first_leaf, second_leaf) = (honest.leaves[at].clone(), other.leaves[of].clone());
    let (first, second) = (honest.checkpoint, other.checkpoint);
    accuse(&monitor, Charge::ForkedLeaf { first, first_leaf, second, second_leaf })
}

/// That one epoch has two totals.
pub(crate) fn totals() -> (Monitor, Accusation) {
    let mut monitor = Monitor::start();
    let mut again = monitor.drafts[AFTER].clone();
    if let Publication::Tally(body) = &mut again.publication {
        body.gaps.agent = 9;
        **body = (**body).clone().padded();
    }
    monitor.drafts.push(again);
    let view = view(&monitor);
    let accusation = accuse(&monitor, Charge::TwoTotals { view });
    (monitor, accusation)
}
