//! Whole ledgers that are forged: what is left out, what does not add up, and each of their fields.
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a test that fails here says so")]
#![allow(irrefutable_let_patterns, reason = "structures and variants have one table")]

use messages::codec::Wire;
use messages::ids::{QueryId, Root};
use messages::leaf::{Days, Debit};
use messages::ledger::Ledger;
use messages::publication::Publication;
use messages::toeplitz;

use crate::aggregates::told;
use crate::forge::{AFTER, AGGREGATE, BOOT_B, Case, RESERVE, Step, TOTAL};
use crate::proven;

/// Every table.
pub(crate) const LEDGERS: &[&[(&str, Step)]] = &[STEPS, LEDGER];

pub(crate) fn whole(c: &mut Case<'_>, change: impl FnOnce(&mut Ledger)) {
    let mut ledger = c.monitor.ledger(&c.drafts);
    change(&mut ledger);
    c.ledger = Some(ledger.to_cbor());
}

fn hide(c: &mut Case<'_>, at: usize) {
    whole(c, |ledger| {
        ledger.opened.retain(|opened| opened.index != u64::try_from(at).unwrap_or(0));
    });
}

/// The next day of the total is paid for and told, with the wider interval that it has.
pub(crate) fn next_day(c: &mut Case<'_>) {
    let Publication::Aggregate(mut body) = c.drafts[TOTAL].publication.clone() else { panic!() };
    body.query.day = 20_001;
    let (query, nano_rho) = (body.query.id(), body.query.nano_rho);
    c.reserve_again(|reserve| {
        reserve.day = body.query.day;
        reserve.debits = vec![Debit { query, nano_rho }];
        reserve.spent_nano_rho = nano_rho;
    });
    let ends = body.query.ends();
    (body.at.earliest, body.at.latest) = (ends, ends);
    (body.sequence, body.reserved) = (4, 3);
    let lattice = toeplitz::coefficients(30);
    body.noise.half_width_95 = toeplitz::half_width_95(body.noise.scale_milli, &lattice, 2);
    c.push(Publication::Aggregate(body));
    whole(c, |_| ());
}

/// A later reservation of another query.
fn debit(c: &mut Case<'_>, sequence: u64, spent: u64) {
    c.reserve_again(|body| (body.sequence, body.spent_nano_rho) = (sequence, spent));
    whole(c, |_| ());
}

const STEPS: &[(&str, Step)] = &[
    ("ledger-without-a-boot", |c| hide(c, BOOT_B)),
    ("ledger-without-a-debit", |c| hide(c, RESERVE)),
    ("ledger-without-an-answer", |c| hide(c, AGGREGATE)),
    ("ledger-of-fewer-leaves", |c| whole(c, |ledger| ledger.leaves.truncate(11))),
    ("ledger-with-a-number-left-out", |c| debit(c, 4, 14_000_000)),
    ("ledger-that-begins-later", |c| {
        c.drafts.remove(RESERVE);
        whole(c, |_| ());
    }),
    ("ledger-with-a-debit-twice", |c| {
        let again = c.drafts[RESERVE].publication.clone();
        c.push(again);
        whole(c, |_| ());
    }),
    ("ledger-with-more-spent-than-debited", |c| debit(c, 3, 14_000_001)),
    ("ledger-with-less-spent-than-debited", |c| debit(c, 3, 13_999_999)),
    ("ledger-past-its-cap", |c| debit(c, 3, 20_000_001)),
    ("ledger-of-a-total-without-its-first-day", |c| {
        c.total(|body| body.query.total = Some(Days { first: 19_999, horizon: 30 }));
        whole(c, |_| ());
    }),
    ("ledger-of-a-total-with-a-day-left-out", |c| {
        told(c, |query| query.day = 20_002);
        whole(c, |_| ());
    }),
    ("ledger-with-a-draw-that-nobody-paid", |c| {
        c.total(|body| body.query.dataset = Root([34; 32]));
        whole(c, |_| ());
    }),
    ("ledger-with-a-forged-debit", |c| {
        c.reserve(|body| body.debits[0].query = QueryId([1; 32]));
        whole(c, |_| ());
    }),
    ("ledger-with-too-little-noise", |c| {
        c.total(|body| body.noise.scale_milli /= 2);
        whole(c, |_| ());
    }),
    ("ledger-with-a-proven-number-raised", |c| {
        proven::told(c, |body| body.values[0] -= 1);
        whole(c, |_| ());
    }),
    ("ledger-with-coins-of-another-log", |c| {
        // The dealer was shown a fork, in which the same commitment is in the same place.
        let shown = c.drafts.clone();
        proven::told(c, |_| ());
        let last = c.drafts.split_off(shown.len() + 1).pop();
        let mut fork = c.drafts.clone();
        let Publication::Tally(body) = &mut fork[AFTER].publication else { panic!() };
        body.hidden.0[0] ^= 1;
        let (Some(mut answer), leaves) = (last, c.monitor.publish(&fork).0) else { panic!() };
        let Publication::Aggregate(body) = &mut answer.publication else { panic!() };
        body.proven = proven::dealt_over(&leaves, body.proven.clone());
        c.drafts.push(answer);
        whole(c, |_| ());
    }),
    ("ledger-with-an-unknown-boot", |c| {
        c.appraised.truncate(1);
        whole(c, |_| ());
    }),
    ("ledger-that-nobody-witnessed", |c| {
        c.anchors.quorum = 1;
        whole(c, |_| ());
    }),
    ("ledger-with-another-body", |c| {
        whole(c, |ledger| ledger.opened.iter_mut().for_each(|opened| opened.body[40] ^= 1));
    }),
    ("ledger-of-a-total-changed-on-the-way", |c| {
        let Publication::Aggregate(body) = &mut c.drafts[TOTAL].publication else { panic!() };
        body.values[0] += 1;
        let changed = c.monitor.publish(&c.drafts).0;
        c.drafts.clone_from(&c.monitor.drafts);
        whole(c, |ledger| {
            let Some(last) = ledger.opened.last_mut() else { panic!() };
            last.clone_from(&changed[TOTAL].disclosed);
        });
    }),
];

fields!(LEDGER: "ledger", Ledger as Ledger, |c, change| whole(c, change), {
    format,
    origin,
    checkpoint: |checkpoint| *checkpoint = checkpoint.replacen("\n12\n", "\n13\n", 1),
    leaves: |leaves| leaves.swap(0, 1),
    opened: |opened| opened.swap(0, 1),
});
