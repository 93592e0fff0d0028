//! What the test monitors are about: their pact's counters and claims, and who is who.
#![allow(dead_code, reason = "each test binary uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use messages::claim::{Calendar, ConsentEntry, Predicate, Relation, Sum};
use messages::codec::Wire;
use messages::counter::{Bucket, Counter, CounterIndex, DEFAULT_MAX, Schema};
use messages::did::Did;
use messages::evidence::{Claims, Conceptual, SOFTWARE_MEDIA_TYPE};
use messages::ids::{BootId, ConfigDigest, EvidenceId, Root};
use messages::leaf::{Days, Mechanism, Query};
use messages::signature::PublicKey;
use messages::time::{Bracket, ClockKind, Millis, UnixMillis};
use verify::{Appraised, EvidenceClass};

pub(crate) const ORIGIN: &str = "insecure-dev/test.example/log";
/// Of the second monitor, whose log comes first in a bundle.
pub(crate) const OTHER: &str = "insecure-dev/other.example/log";
pub(crate) const EXPIRY: UnixMillis = UnixMillis(1_000_000);
pub(crate) const NOW: UnixMillis = UnixMillis(10_000);
pub(crate) const NONCE: [u8; 32] = [77; 32];

/// Statements that the pact lists beside, of two ranges together.
pub(crate) fn two_ranges() -> Vec<Predicate> {
    vec![Predicate::Agree { sum: "calls.all".into() }, Predicate::at_most("calls.all", 400)]
}

#[expect(clippy::disallowed_methods, reason = "tests play the appraiser")]
pub(crate) fn assert_appraised(claims: Claims) -> Appraised {
    Appraised::assertion(evidence(&claims).evidence_id(), EvidenceClass::InsecureSoftware, claims)
}

/// The evidence of these claims, appraised to bind others.
#[expect(clippy::disallowed_methods, reason = "tests play the appraiser")]
pub(crate) fn assert_bound(evidence: EvidenceId, claims: Claims) -> Appraised {
    Appraised::assertion(evidence, EvidenceClass::InsecureSoftware, claims)
}

pub(crate) fn evidence(claims: &Claims) -> Conceptual {
    let value = claims.to_cbor();
    Conceptual { media_type: SOFTWARE_MEDIA_TYPE.into(), value, indicator: 4 }
}

pub(crate) fn boot_id(boot: usize) -> BootId {
    BootId([u8::try_from(boot).unwrap() + 20; 32])
}

pub(crate) fn party_did(party: usize) -> Did {
    Did::parse(["did:web:shop.example", "did:web:bank.example"][party]).unwrap()
}

pub(crate) fn auditor() -> Did {
    Did::from_key(&PublicKey([9; 32]))
}

pub(crate) fn exactly(at: u64) -> Bracket {
    Bracket { earliest: UnixMillis(at), latest: UnixMillis(at), clock: ClockKind::Generated }
}

pub(crate) fn query() -> Query {
    Query {
        dataset: Root([33; 32]),
        day: 20_000,
        statistic: "sessions.outcome".into(),
        cells: vec!["completed".into(), "escalated".into()],
        nano_rho: 6_000_000,
        mechanism: Mechanism::DiscreteGaussian,
        total: None,
        clamp: None,
        coins: None,
    }
}

/// The first of the thirty days of a running total.
pub(crate) fn total() -> Query {
    Query {
        statistic: "sessions.total".into(),
        cells: vec!["sessions".into()],
        nano_rho: 5_000_000,
        mechanism: Mechanism::SqrtToeplitz,
        total: Some(Days { first: 20_000, horizon: 30 }),
        ..query()
    }
}

pub(crate) fn schema() -> Schema {
    let counter =
        |name: &str, max, bucket| Counter { name: name.into(), unit: "calls".into(), max, bucket };
    let bucket = |edge| Some(Bucket { histogram: "latency".into(), edge });
    let counters = vec![
        counter("calls.all", DEFAULT_MAX, None),
        counter("calls.allowed", DEFAULT_MAX, None),
        counter("calls.denied", DEFAULT_MAX, None),
        counter("leaks", DEFAULT_MAX, None),
        counter("latency:200", DEFAULT_MAX, bucket(Some(200))),
        counter("latency:500", DEFAULT_MAX, bucket(Some(500))),
        counter("latency:inf", DEFAULT_MAX, bucket(None)),
        counter("sum:paid", u64::MAX, None),
        counter("small", 200, None),
    ];
    Schema { counters }
}

/// One of each kind; all hold over epochs 1 and 2. Their consent entries have the same places.
pub(crate) fn predicates() -> Vec<Predicate> {
    vec![
        Predicate::at_most("calls.denied", 5),
        Predicate::at_least("calls.all", 200),
        Predicate::between("small", 7, 9),
        Predicate::Ratio {
            part: "sum:paid".into(),
            whole: "calls.all".into(),
            relation: Relation::AtLeast,
            numerator: 99,
            denominator: 100,
            min_whole: 100,
        },
        Predicate::Percentile {
            histogram: "latency".into(),
            percent: 95,
            edge: 200,
            min_whole: 200,
        },
        Predicate::never("leaks"),
        Predicate::Equal {
            left: Sum::of(["calls.allowed", "calls.denied"]),
            right: "calls.all".into(),
        },
        // 200 calls in the 1,500 ms of both epochs.
        Predicate::Rate {
            sum: "calls.all".into(),
            relation: Relation::AtMost,
            count: 134,
            per: Millis(1000),
        },
    ]
}

pub(crate) fn entry(place: usize, predicate: &Predicate) -> ConsentEntry {
    ConsentEntry {
        id: format!("claim-{place}"),
        program: predicate.program_id(),
        grid: vec![predicate.thresholds()],
        // The ratio is for one auditor; the percentile is per calendar second.
        audience: if place == 3 { vec![auditor(), party_did(0)] } else { Vec::new() },
        per: (place == 4).then_some(Calendar::Every(Millis(1000))),
        salt: [u8::try_from(place).unwrap(); 32],
    }
}

pub(crate) const CONFIG: ConfigDigest = ConfigDigest([66; 32]);
pub(crate) const EPOCH_1: [(CounterIndex, u64); 7] = [
    (CounterIndex(0), 100),
    (CounterIndex(1), 97),
    (CounterIndex(2), 3),
    (CounterIndex(4), 95),
    (CounterIndex(5), 5),
    (CounterIndex(7), 1 << 62),
    (CounterIndex(8), 3),
];
pub(crate) const EPOCH_2: [(CounterIndex, u64); 8] = [
    (CounterIndex(0), 100),
    (CounterIndex(1), 98),
    (CounterIndex(2), 2),
    (CounterIndex(4), 95),
    (CounterIndex(5), 4),
    (CounterIndex(6), 1),
    (CounterIndex(7), 1 << 62),
    (CounterIndex(8), 5),
];
