//! The steps that make claims which say too much, nothing, or the same twice, by name; and
//! accusations that accuse of nothing.
#![expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use messages::accusation::{Accusation, Charge};
use messages::bundle::{Bundle, Proof};
use messages::claim::{Predicate, Relation, Sum};
use messages::codec::Wire;
use messages::counter::{Bucket, Counter, DEFAULT_MAX};
use messages::ids::PactHash;
use messages::leaf::Kind;
use messages::time::Millis;

use crate::accused::{accuse, leaves, opening, opening_by, totals, view};
use crate::fields::register;
use crate::forge::{AFTER, BEFORE, Case, PACT, Step};
use crate::monitor::Monitor;

/// A claim of both tallies of one log.
fn parties(c: &mut Case<'_>, predicate: Predicate) {
    c.claim_of(predicate);
    let (claim, mut ranges) =
        (&mut c.bundle.claims[0], [0, 1].map(|at| (c.monitor.range(at, 1, 2), at)));
    ranges.sort_by(|a, b| a.0.cmp(&b.0));
    let good = claim.stands[0].clone();
    claim.stands = ranges
        .iter()
        .map(|(_, at)| {
            let mut stand = good.clone();
            let at = u64::try_from(*at).unwrap_or_default();
            (stand.before, stand.after) = (2 + at, 7 + at);
            stand
        })
        .collect();
    claim.claim.ranges = ranges.map(|(range, _)| range).to_vec();
}

fn counter(name: &str, bucket: Option<Bucket>) -> Counter {
    Counter { name: name.into(), unit: "calls".into(), max: DEFAULT_MAX, bucket }
}

fn latency(edge: u64) -> Counter {
    let edge = Some(edge);
    counter(&format!("latency:{edge:?}"), Some(Bucket { histogram: "latency".into(), edge }))
}

/// A percentile of as many buckets as a schema holds, claimed as often as a claim may state it.
fn percentiles(c: &mut Case<'_>) {
    c.claim_of(Predicate::Percentile {
        histogram: "latency".into(),
        percent: 95,
        edge: 200,
        min_whole: 1,
    });
    register(c, |counters| counters.extend((1000..1230).map(latency)));
    let claim = &mut c.bundle.claims[0];
    claim.claim.statements = vec![claim.claim.statements[0].clone(); 64];
    claim.stands[0].consent = vec![claim.stands[0].consent[0].clone(); 64];
}

/// An accusation as it stands.
fn of(c: &mut Case<'_>, accusation: &Accusation) {
    c.accusation = Some(accusation.to_cbor());
}

pub(crate) const SHAPES: &[(&str, Step)] = &[
    ("ranges-turned", |c| {
        c.both();
        c.bundle.claims[0].claim.ranges.reverse();
    }),
    ("ranges-of-one-tally", |c| {
        c.only(0);
        let claim = &mut c.bundle.claims[0];
        claim.claim.ranges = vec![c.monitor.range(0, 1, 1), c.monitor.range(0, 2, 2)];
        claim.stands.push(claim.stands[0].clone());
    }),
    ("ranges-of-both-parties", |c| parties(c, Predicate::at_least("calls.all", 400))),
    ("range-of-another-chain", |c| {
        c.only(0);
        let other = PactHash([8; 32]);
        c.pact(PACT, |body| body.root = other);
        c.tally(BEFORE, |body| body.root_pact = other);
        c.tally(AFTER, |body| body.root_pact = other);
    }),
    ("pact-registered-after-its-tally", |c| {
        c.only(0);
        let later = c.drafts[PACT].publication.clone();
        c.push(later);
        c.bundle.claims[0].stands[0].pact = 12;
    }),
    ("pact-registered-within-its-range", |c| {
        c.only(0);
        c.drafts.swap(PACT, 3);
        c.republish();
        // Another tally's first leaf: its chain is of no concern.
        c.bundle.logs[0].leaves.remove(PACT);
        c.bundle.claims[0].stands[0].pact = 3;
    }),
    ("agreement-in-one-log", |c| parties(c, Predicate::Agree { sum: "calls.all".into() })),
    ("agreement-with-itself", |c| c.claim_of(Predicate::Agree { sum: "calls.all".into() })),
    ("consent-to-every-threshold", |c| {
        let predicate = Predicate::at_most("calls.denied", 5);
        let grid = (0..65).map(|bound| Predicate::at_most("calls.denied", bound).thresholds());
        c.claim_under(predicate, grid.collect());
    }),
    ("bounded-by-nothing", |c| {
        c.claim_of(Predicate::Bounded { sum: "calls.all".into(), lower: None, upper: None });
    }),
    ("sum-turned", |c| {
        c.claim_of(Predicate::never(Sum(vec!["leaks".into(), "calls.denied".into()])));
    }),
    ("sum-of-units", |c| {
        c.claim_of(Predicate::never(Sum::of(["calls.denied", "leaks"])));
        register(c, |counters| counters[3].unit = "bytes".into());
    }),
    ("rate-of-no-time", |c| {
        let (sum, relation, per) = ("calls.all".into(), Relation::AtMost, Millis(0));
        c.claim_of(Predicate::Rate { sum, relation, count: 134, per });
    }),
    ("ratio-too-wide", |c| {
        c.claim_of(Predicate::Ratio {
            part: "sum:paid".into(),
            whole: "calls.all".into(),
            relation: Relation::AtLeast,
            numerator: 1,
            denominator: 1 << 63,
            min_whole: 1,
        });
    }),
    ("schema-names-a-counter-twice", |c| {
        c.only(0);
        register(c, |counters| counters.push(counter("calls.all", None)));
    }),
    ("schema-has-a-bucket-twice", |c| {
        c.only(4);
        let again = Some(Bucket { histogram: "latency".into(), edge: Some(200) });
        register(c, |counters| counters.push(counter("again", again)));
    }),
    ("schema-without-last-bucket", |c| {
        c.only(4);
        register(c, |counters| counters[6].bucket = None);
    }),
    ("schema-too-long", |c| {
        c.only(0);
        register(c, |counters| counters.extend((1000..3000).map(latency)));
    }),
    ("statements-of-too-many-counters", percentiles),
    ("statements-of-too-many-commitments", |c| {
        c.only(3);
        let claim = &mut c.bundle.claims[0];
        claim.claim.statements = vec![claim.claim.statements[0].clone(); 64];
        claim.stands[0].consent = vec![claim.stands[0].consent[0].clone(); 64];
        if let Proof::ZeroKnowledge(linear) = &mut claim.proof {
            linear.high = vec![linear.high[0]; 64 * linear.high.len()];
        }
    }),
    ("signed-claim-opens-commitments", |c| {
        c.only(0);
        let opened = c.bundle.claims[0].stands[0].commitments.clone();
        c.signed();
        c.bundle.claims[0].stands[0].commitments = opened;
    }),
    ("signed-by-one-monitor-for-another", |c| {
        c.signed();
        let signed = c.bundle.claims[0].proof.clone();
        c.both();
        c.bundle.claims[0].proof = signed;
        c.bundle.claims[0].stands.iter_mut().for_each(|stand| stand.commitments.clear());
    }),
    ("tail-left-open", |c| {
        c.tally(AFTER, |body| body.gaps.tail_open = 1);
        c.signed();
        c.bundle.claims[0].claim.admitted_gaps = 9;
        c.sign_again();
    }),
    ("file-too-many-logs", |c| {
        c.bundle.logs = vec![c.bundle.logs[0].clone(); Bundle::MAX_LOGS + 1];
    }),
    ("checkpoint-signed-twice", |c| {
        let log = &mut c.bundle.logs[0];
        let (_, line) = log.checkpoint.rsplit_once("\n\n").unwrap_or_default();
        log.checkpoint = format!("{}{line}", log.checkpoint);
    }),
    ("accusation-of-one-head", |c| {
        let monitor = Monitor::start();
        let (first, second) = (view(&monitor).checkpoint, view(&monitor).checkpoint);
        of(c, &accuse(&monitor, Charge::ForkedHead { first, second }));
    }),
    ("accusation-of-one-leaf", |c| of(c, &leaves(0, 0))),
    ("accusation-of-a-right-opening", |c| of(c, &opening(&Monitor::start(), |value| value))),
    ("accusation-by-a-replaced-boot", |c| {
        of(c, &opening_by(&Monitor::start(), 0, |value| value ^ 1));
    }),
    ("accusation-of-totals-without-boots", |c| {
        let (_, mut accusation) = totals();
        let Charge::TwoTotals { view } = &mut accusation.charge else { return };
        view.leaves.retain(|leaf| leaf.disclosed.leaf.kind != Kind::Boot);
        of(c, &accusation);
    }),
    ("accusation-with-a-view-of-another-log", |c| {
        let (_, mut accusation) = totals();
        let Charge::TwoTotals { view } = &mut accusation.charge else { return };
        view.origin.push('x');
        of(c, &accusation);
    }),
    ("accusation-empty", |c| c.accusation = Some(Vec::new())),
    ("accusation-with-trailing-byte", |c| {
        c.accusation = Some([&leaves(AFTER, AFTER).to_cbor()[..], &[0]].concat());
    }),
    ("accusation-too-large", |c| c.accusation = Some(vec![0; Accusation::MAX_BYTES + 1])),
];
