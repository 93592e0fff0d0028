//! Every bound of a bundle and of a claim: what just fits is read, and one more is not.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use fixture::{NOW, party_did};
use messages::bundle::{Bundle, Missing, Place, Stamp};
use messages::claim::{Claim, Predicate, Sum};
use messages::codec::Wire;
use messages::counter::{Counter, DEFAULT_MAX, Schema};
use messages::leaf::{BootEntry, Boots};
use messages::time::Millis;
use monitor::Monitor;
use verify::statement::Stretch;
use verify::{Fault, Findings, Statement, check_agreement, check_shape, check_terms};

type Fill = fn(&mut Bundle, usize);

#[test]
fn a_bundle_that_just_fits_is_read_and_one_more_of_anything_is_not() {
    let good = Monitor::start().good_bundle();
    let bounds: [(&str, usize, Fill); 10] = [
        ("too-many-logs", Bundle::MAX_LOGS, |b, n| b.logs = vec![b.logs[0].clone(); n]),
        ("too-many-leaves", Bundle::MAX_LEAVES, |b, n| {
            let leaf = b.logs[0].leaves[0].clone();
            b.logs[0].leaves = vec![leaf; n];
        }),
        ("too-many-claims", Bundle::MAX_CLAIMS, |b, n| b.claims = vec![b.claims[0].clone(); n]),
        ("too-many-claims", Bundle::MAX_CLAIMS, |b, n| {
            let place = |index| Place { origin: b.logs[0].origin.clone(), index };
            b.aggregates = (0..u64::try_from(n).unwrap_or(0)).map(place).collect();
        }),
        ("too-many-claims", 64, |b, n| b.schemas = vec![b.schemas[0].clone(); n]),
        ("too-many-boots", 64, |b, n| b.boots = vec![Boots::default(); n]),
        ("too-many-boots", 512, |b, n| {
            b.boots = vec![Boots { entries: vec![BootEntry::default(); n] }];
        }),
        ("too-many-boots", 512, |b, n| {
            let half = Boots { entries: vec![BootEntry::default(); n - 1] };
            b.boots = vec![half, Boots { entries: vec![BootEntry::default()] }];
        }),
        ("too-many-notes", Bundle::MAX_NOTES, |b, n| {
            b.stamps = vec![Stamp { digest: [0; 32], token: vec![0] }; n];
        }),
        ("too-many-notes", Bundle::MAX_NOTES, |b, n| {
            b.missing = vec![Missing { what: "x".into(), why: "y".into() }; n];
        }),
    ];
    for (code, most, fill) in bounds {
        let read = |n: usize| {
            let mut bundle = good.clone();
            fill(&mut bundle, n);
            verify::explain(&bundle.to_cbor()).map(drop).map_err(|e| e.code())
        };
        assert_eq!((read(most - 1), read(most)), (Ok(()), Ok(())), "{code} {most}");
        assert_eq!(read(most + 1), Err(code), "{most}");
        assert_eq!(read(2 * most), Err(code), "{most}");
    }
    let only = |claims: bool, aggregates: bool| {
        let mut bundle = good.clone();
        bundle.claims.truncate(usize::from(claims));
        bundle.aggregates.truncate(usize::from(aggregates));
        verify::explain(&bundle.to_cbor()).map(drop).map_err(|e| e.code())
    };
    assert_eq!((only(true, false), only(false, true)), (Ok(()), Ok(())));
    assert_eq!(only(false, false), Err("empty"));
}

#[test]
fn a_claim_has_statements_and_ranges_in_order_and_counts_nothing_twice() {
    let good = Monitor::start().good_bundle().claims[0].claim.clone();
    let shape = |statements: usize, ranges: usize| {
        let mut claim: Claim = good.clone();
        claim.statements = vec![good.statements[0].clone(); statements];
        // Tallies that follow one another count different sessions.
        let range = |generation| {
            let mut range = good.ranges[0].clone();
            range.generation = generation;
            range
        };
        claim.ranges = (0..u32::try_from(ranges).unwrap_or(0)).map(range).collect();
        check_shape(&claim)
    };
    for (statements, ranges) in [(1, 1), (Claim::MAX_STATEMENTS, 1), (1, Claim::MAX_RANGES)] {
        assert_eq!(shape(statements, ranges), Ok(()), "{statements} {ranges}");
    }
    let above = [(Claim::MAX_STATEMENTS + 1, 1), (1, Claim::MAX_RANGES + 1), (0, 1), (1, 0)];
    for (statements, ranges) in above {
        assert_eq!(shape(statements, ranges), Err(Fault::StatementCount), "{statements} {ranges}");
    }

    let of = |change: fn(&mut Claim)| {
        let mut claim = good.clone();
        claim.ranges.push(claim.ranges[0].clone());
        change(&mut claim);
        check_shape(&claim)
    };
    assert_eq!(of(|_| {}), Err(Fault::RangeOrder), "the same again");
    assert_eq!(of(|c| c.ranges[0].generation = 1), Err(Fault::RangeOrder));
    assert_eq!(of(|c| c.ranges[1].generation = 1), Ok(()), "one broke off before the other");
    let later = |c: &mut Claim| c.ranges[1].first = c.ranges[1].last;
    assert_eq!(of(later), Err(Fault::RangeTwice), "epochs of one tally");
    let parties = |c: &mut Claim| {
        c.ranges[1].party = party_did(1);
        c.ranges.sort();
    };
    assert_eq!(of(parties), Err(Fault::RangeTwice), "both parties");
    let elsewhere = |c: &mut Claim| c.ranges[1].origin.push('z');
    assert_eq!(of(elsewhere), Err(Fault::RangeTwice), "two monitors of one pact");
    let generation = |c: &mut Claim| {
        c.ranges[1].origin.push('z');
        c.ranges[1].generation = 1;
    };
    assert_eq!(of(generation), Err(Fault::RangeTwice), "what broke off at one, the other has");
    assert_eq!(of(|c| c.ranges[1].root.0[0] ^= 0x80), Ok(()), "two pacts");
    let compared = |c: &mut Claim| {
        c.ranges[1].origin.push('z');
        c.statements = vec![Predicate::Agree { sum: "calls.all".into() }];
    };
    assert_eq!(of(compared), Ok(()), "to compare is not to add");
    let both = |c: &mut Claim| {
        c.ranges[1].origin.push('z');
        c.statements.push(Predicate::Agree { sum: "calls.all".into() });
    };
    assert_eq!(of(both), Err(Fault::RangeTwice), "one statement adds");
}

#[test]
fn a_verifier_multiplies_as_much_as_it_says_and_no_more() {
    let names: Vec<String> = (0..256).map(|at| format!("c{at:03}")).collect();
    let counter = |name: &String| Counter {
        name: name.clone(),
        unit: "calls".into(),
        max: DEFAULT_MAX,
        bucket: None,
    };
    let schema = Schema { counters: names.iter().map(counter).collect() };
    let stretch = Stretch { schema: &schema, shortest: Millis(1), longest: Millis(1) };
    let statement = |counters: usize| {
        let sum = Sum::of(names.iter().take(counters).map(String::as_str));
        let predicate = Predicate::Bounded { sum, lower: Some(1), upper: None };
        Statement::new(&predicate, &[stretch]).map_err(|e| e.code())
    };
    let whole = |more: Option<usize>| {
        let statements = core::iter::repeat_n(256, 63).chain([255]).chain(more).map(statement);
        let statements: Vec<Statement> = statements.collect::<Result<_, _>>().unwrap_or_default();
        (statements.len(), check_terms(&statements))
    };
    assert_eq!(whole(None), (64, Ok(())));
    assert_eq!(whole(Some(1)), (65, Ok(())), "16,384 in all");
    assert_eq!(whole(Some(2)), (65, Err(Fault::TooManyTerms)));
}

/// A boot signs of what was there while it was in charge: after its own leaf, before the next
/// boot's, and not after the end of the log.
#[test]
fn a_boot_signs_while_it_is_in_charge() {
    let monitor = Monitor::start();
    let claim = monitor.claim(&monitor.predicates[0], 1, 1);
    let code = |boot: usize, size: u64| {
        let bundle = monitor.bundle(vec![monitor.sign(&claim, boot, size)]);
        let report = monitor.verify(&bundle.to_cbor());
        report.map_or_else(|unusable| unusable.code(), |report| report.items[0].verdict.code())
    };
    // The epoch's leaf is number 4, the second boot's is 6, and there are 12 leaves.
    for (boot, size, due) in [
        (0, 4, "signed-order"),
        (0, 5, "verified"),
        (0, 6, "verified"),
        (0, 7, "signed-order"),
        (1, 6, "signed-order"),
        (1, 7, "verified"),
        (1, 12, "verified"),
        (1, 13, "signed-order"),
    ] {
        assert_eq!(code(boot, size), due, "boot {boot} at {size} leaves");
    }
}

/// A pact leaf is worth what the boot is worth that published it, also where that boot has no part
/// in the range.
#[test]
fn the_boot_that_published_the_pact_is_appraised_too() {
    let monitor = Monitor::longer();
    let proven = monitor.prove(&monitor.claim(&monitor.predicates[0], 3, 3)).unwrap();
    let bundle = monitor.bundle(vec![proven]).to_cbor();
    let appraised = monitor.appraised();
    for (appraised, due) in [(&appraised[..], "verified"), (&appraised[1..], "evidence")] {
        let findings = Findings { appraised, timestamped: &[] };
        let report = verify::verify(&bundle, &monitor.anchors(), findings, NOW).unwrap();
        assert_eq!(report.items[0].verdict.code(), due);
    }
}

/// What two monitors counted can only agree where it is of one party under one pact.
#[test]
fn two_logs_agree_on_one_tally() {
    let schema = Schema {
        counters: vec![Counter {
            name: "calls.all".into(),
            unit: "calls".into(),
            max: DEFAULT_MAX,
            bucket: None,
        }],
    };
    let stretch = Stretch { schema: &schema, shortest: Millis(1), longest: Millis(1) };
    let agree = Predicate::Agree { sum: "calls.all".into() };
    let alike = |statement: Predicate| Statement::new(&statement, &[stretch, stretch]).unwrap();
    let good = Monitor::start().good_bundle().claims[0].claim.clone();
    let of = |predicate: &Predicate, change: fn(&mut Claim)| {
        let mut claim = good.clone();
        claim.ranges.push(claim.ranges[0].clone());
        claim.ranges[1].origin.push('z');
        change(&mut claim);
        check_agreement(&claim, &[alike(predicate.clone())])
    };
    assert_eq!(of(&agree, |_| {}), Ok(()));
    let refused = Err(Fault::AgreeLogs);
    assert_eq!(of(&agree, |c| c.ranges[1].party = party_did(1)), refused, "the other party");
    assert_eq!(of(&agree, |c| c.ranges[1].generation = 1), refused, "what came after a break");
    assert_eq!(of(&agree, |c| c.ranges[1].root.0[0] ^= 1), refused, "another pact");
    assert_eq!(of(&agree, |c| c.ranges[1].origin = c.ranges[0].origin.clone()), refused, "one log");
    assert_eq!(of(&agree, |c| c.ranges.truncate(1)), refused, "with nobody");
    let sum = Predicate::at_least("calls.all", 1);
    assert_eq!(of(&sum, |c| c.ranges[1].party = party_did(1)), Ok(()), "nothing is compared");
}
