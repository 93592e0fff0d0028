//! Private aggregates that are forged: their ledger, their noise, their totals, and each of their
//! fields.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]
#![allow(irrefutable_let_patterns, reason = "structures and variants have one table")]

use messages::ids::QueryId;
use messages::leaf::{AggregateBody, Days, Debit, Mechanism, Noise, Query, ReserveBody, Unit};
use messages::publication::Publication;

use crate::forge::{AGGREGATE, BOOT_B, Case, RESERVE, Step, TOTAL};

/// Every table.
pub(crate) const AGGREGATES: &[&[(&str, Step)]] =
    &[STEPS, RESERVE_BODY, DEBIT, AGGREGATE_BODY, DAYS, QUERY, NOISE];

const STEPS: &[(&str, Step)] = &[
    ("aggregate-withheld", |c| c.bundle.aggregates[0].index = 99),
    ("aggregate-is-a-reservation", |c| c.bundle.aggregates[0].index = 9),
    ("reservation-withheld", |c| {
        c.bundle.logs[0].leaves.remove(RESERVE);
    }),
    ("reservation-of-other-query", |c| c.reserve(|b| b.debits[0].query = QueryId([1; 32]))),
    ("reservation-of-other-day", |c| c.reserve(|b| b.day += 1)),
    ("reservation-of-other-price", |c| c.reserve(|b| b.debits[0].nano_rho -= 1)),
    ("reservation-after-draw", |c| {
        c.drafts.swap(RESERVE, AGGREGATE);
        let Publication::Aggregate(body) = &mut c.drafts[RESERVE].publication else { panic!() };
        (body.sequence, body.reserved) = (0, 1);
        let Publication::Reserve(body) = &mut c.drafts[AGGREGATE].publication else { panic!() };
        body.sequence = 1;
        c.republish();
        c.bundle.aggregates[0].index = 9;
    }),
    ("reservation-of-another-boot", |c| {
        c.bundle.claims.clear();
        let mut paid = c.drafts.remove(RESERVE);
        paid.signer = 0;
        c.drafts.insert(BOOT_B, paid);
        c.republish();
    }),
    ("aggregate-before-its-day-was-over", |c| c.aggregate(|b| b.at.latest.0 -= 1)),
    ("ledger-number-repeated", |c| c.aggregate(|b| b.sequence = 0)),
    ("ledger-entry-omitted", |c| c.total(|b| b.sequence = 3)),
    ("budget-overspent", |c| c.reserve(|b| b.cap_nano_rho = b.spent_nano_rho - 1)),
    ("budget-understated", |c| c.reserve(|b| b.spent_nano_rho = 10_999_999)),
    ("budget-spent-and-forgotten", |c| c.reserve_again(|b| b.spent_nano_rho -= 1)),
    ("budget-raised", |c| c.reserve_again(|b| b.cap_nano_rho += 1)),
    ("budget-raised-on-another-day", |c| {
        c.reserve_again(|b| {
            (b.day, b.spent_nano_rho, b.cap_nano_rho) = (20_001, 3_000_000, 1 << 40);
        });
    }),
    ("budget-debited-for-nothing", |c| c.reserve(|b| b.debits.clear())),
    ("budget-debited-twice-for-one-query", |c| c.reserve(|b| b.debits[1] = b.debits[0])),
    ("noise-drawn-again", |c| {
        let mut again = c.drafts[AGGREGATE].publication.clone();
        if let Publication::Aggregate(body) = &mut again {
            body.sequence = 3;
            body.values = vec![1_190, 3];
        }
        c.push(again);
    }),
    ("noise-drawn-again-for-another-debit", |c| {
        let mut again = c.drafts[AGGREGATE].publication.clone();
        if let Publication::Aggregate(body) = &mut again {
            (body.sequence, body.reserved) = (3, 9);
        }
        c.push(again);
    }),
    ("noise-drawn-again-at-another-price", |c| {
        let mut again = c.drafts[AGGREGATE].publication.clone();
        if let Publication::Aggregate(body) = &mut again {
            (body.sequence, body.query.nano_rho) = (3, body.query.nano_rho + 1);
        }
        c.push(again);
    }),
    ("total-begun-again", |c| told(c, |q| q.total = Some(Days { first: 19_999, horizon: 30 }))),
    ("total-lengthened", |c| told(c, |q| q.total = Some(Days { first: 20_000, horizon: 31 }))),
    ("total-told-backwards", |c| told(c, |q| q.day = 19_999)),
    ("total-at-another-price", |c| told(c, |q| q.nano_rho += 1)),
    ("total-with-other-noise", |c| {
        told(c, |_| ());
        let Some(Publication::Aggregate(body)) = c.drafts.last_mut().map(|d| &mut d.publication)
        else {
            panic!()
        };
        body.noise.scale_milli += 1;
        c.republish();
    }),
    ("total-before-it-begins", |c| c.total(|b| b.query.day = 19_999)),
    ("total-past-its-horizon", |c| c.total(|b| b.query.day = 20_030)),
    ("total-of-one-day", |c| c.total(|b| b.query.total = None)),
    ("total-with-noise-of-fewer-days", |c| {
        c.total(|b| b.query.total = Some(Days { first: 19_999, horizon: 30 }));
    }),
    ("total-with-another-lattice", |c| {
        c.total(|b| b.query.total = Some(Days { first: 20_000, horizon: 31 }));
    }),
    ("aggregate-cell-dropped", |c| {
        c.aggregate(|b| {
            b.values.pop();
        });
    }),
    ("noise-of-other-mechanism", |c| {
        c.aggregate(|b| b.noise.mechanism = Mechanism::DiscreteLaplace);
    }),
    ("noise-too-small", |c| c.aggregate(|b| b.noise.scale_milli = 73_000)),
    ("aggregate-of-unknown-statistic", |c| {
        c.aggregate(|b| b.query.statistic = "salaries".into());
    }),
    ("noise-for-no-sessions", |c| c.aggregate(|b| b.noise.session_bound = 0)),
    ("noise-for-smaller-sensitivity", |c| c.aggregate(|b| b.noise.sensitivity = 63)),
    ("noise-interval-too-narrow", |c| c.aggregate(|b| b.noise.half_width_95 = 100)),
];

/// Another total after everything, of the next day unless it is changed.
pub(crate) fn told(c: &mut Case<'_>, change: impl FnOnce(&mut Query)) {
    let mut again = c.drafts[TOTAL].publication.clone();
    let Publication::Aggregate(body) = &mut again else { panic!() };
    body.sequence = 3;
    body.query.day = 20_001;
    change(&mut body.query);
    c.push(again);
}

fields!(RESERVE_BODY: "reserve", ReserveBody as ReserveBody, |c, change| c.reserve(change), {
    sequence,
    dataset,
    day,
    debits: |debits| debits.clear(),
    spent_nano_rho: |spent| *spent = 0,
    cap_nano_rho: |cap| *cap = 0,
} except {
    // What numbers are committed to is in a table of its own.
    committed,
});

fields!(DEBIT: "debit", Debit as Debit, |c, change| c.reserve(|b| change(&mut b.debits[0])), {
    query,
    nano_rho: |price| *price /= 2,
});

fields!(AGGREGATE_BODY: "aggregate", AggregateBody as AggregateBody,
    |c, change| c.aggregate(change), {
    sequence,
    reserved,
    query: |query| query.day = 19_999,
    noise: |noise| noise.sensitivity = 0,
    values: |values| *values = vec![0],
    at: |at| at.latest.0 = 2_500,
} except {
    // What proves a number is in a table of its own.
    proven,
});

fields!(QUERY: "query", Query as Query, |c, change| c.aggregate(|b| change(&mut b.query)), {
    dataset,
    day: |day| *day = 19_999,
    statistic,
    cells,
    nano_rho,
    mechanism: |mechanism| *mechanism = Mechanism::DiscreteLaplace,
    total: |total| *total = Some(Days { first: 1, horizon: 2 }),
    clamp: |clamp| *clamp = Some(1),
    coins: |coins| *coins = Some(1024),
});

fields!(DAYS: "days", Days as Days,
    |c, change| c.total(|b| change(b.query.total.as_mut().unwrap())), {
    first,
    horizon,
});

fields!(NOISE: "noise", Noise as Noise, |c, change| c.aggregate(|b| change(&mut b.noise)), {
    mechanism: |mechanism| *mechanism = Mechanism::DiscreteLaplace,
    scale_milli: |scale| *scale /= 2,
    sensitivity: |sensitivity| *sensitivity = 0,
    half_width_95: |width| *width /= 2,
    session_bound: |bound| *bound = 0,
    cell_bound: |bound| *bound = 0,
    unit: |unit| *unit = Some(Unit::Session),
});
