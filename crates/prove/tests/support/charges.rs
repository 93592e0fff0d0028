//! Every field of every accusation, changed alone: it convicts nobody then.
#![expect(clippy::panic, reason = "a test that fails here says so")]
#![allow(irrefutable_let_patterns, reason = "structures and variants have one table")]

use messages::accusation::{Accusation, Charge};
use messages::opening::{ShownOpening, SignedOpening};

use crate::accused::{AFTER, heads, leaves, opening, totals};
use crate::change::Change;
use crate::forge::Step;
use crate::monitor::Monitor;

fn wrong() -> Accusation {
    opening(&Monitor::start(), |value| value ^ 1)
}

fields!(ACCUSATION: "accusation", Accusation as Accusation, |c, change| c.accuse(heads(), change), {
    format,
    origin,
    charge: |charge| *charge = Charge::ForkedHead { first: String::new(), second: String::new() },
});

fields!(HEADS: "forked-head", Charge as Charge::ForkedHead,
    |c, change| c.accuse(heads(), |accusation| change(&mut accusation.charge)), {
    first,
    second,
});

fields!(LEAVES: "forked-leaf", Charge as Charge::ForkedLeaf,
    |c, change| c.accuse(leaves(AFTER, AFTER), |accusation| change(&mut accusation.charge)), {
    first,
    first_leaf: |leaf| leaf.path.change(),
    second,
    second_leaf: |leaf| leaf.disclosed.index.change(),
});

fields!(TOTALS: "two-totals", Charge as Charge::TwoTotals,
    |c, change| c.accuse(totals().1, |accusation| change(&mut accusation.charge)), {
    view: |view| drop(view.leaves.pop()),
});

fields!(OPENING: "wrong-opening", Charge as Charge::WrongOpening,
    |c, change| c.accuse(wrong(), |accusation| change(&mut accusation.charge)), {
    view: |view| view.leaves.clear(),
    leaf,
    opening: |opening| opening.opening.value.change(),
    commitment,
    path,
});

fn signed(c: &mut crate::forge::Case<'_>, change: impl FnOnce(&mut SignedOpening)) {
    c.accuse(wrong(), |accusation| {
        let Charge::WrongOpening { opening, .. } = &mut accusation.charge else { panic!() };
        change(opening);
    });
}

fields!(SIGNED_OPENING: "signed-opening", SignedOpening as SignedOpening,
    |c, change| signed(c, change), {
    opening: |opening| opening.counter.change(),
    index,
    count,
    path,
    boot: |boot| *boot = crate::fixture::boot_id(0),
    signature,
});

fields!(SHOWN_OPENING: "shown-opening", ShownOpening as ShownOpening,
    |c, change| signed(c, |signed| change(&mut signed.opening)), {
    counter,
    value,
    blinding,
});

/// Every table.
pub(crate) const CHARGES: &[&[(&str, Step)]] =
    &[ACCUSATION, HEADS, LEAVES, TOTALS, OPENING, SIGNED_OPENING, SHOWN_OPENING];
