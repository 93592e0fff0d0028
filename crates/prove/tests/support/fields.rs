//! Every field of every structure of a bundle, changed alone. What a monitor signs is changed both
//! on the way, under its old signature, and by the monitor, which signs and logs it anew.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails here says so"
)]
#![allow(irrefutable_let_patterns, reason = "structures and variants have one table")]

use messages::bundle::{
    Bundle, IncludedLeaf, LinearProof, LogView, OpenedCommitments, OpenedConsent, Place, Proof,
    ProvenClaim, SchnorrProof, SignedProof, Stand,
};
use messages::claim::{Audience, Calendar, Claim, ConsentEntry, Predicate, Range, Relation, Sum};
use messages::counter::{Bucket, Counter, Schema};
use messages::evidence::{Claims, Purpose, Role};
use messages::ids::LeafHash;
use messages::leaf::{BootBody, BootEntry, Boots, Gaps, Kind, Leaf, PactBody, TallyBody};
use messages::publication::{Disclosed, Publication};
use messages::time::{Bracket, ClockKind, Millis};
use verify::{Anchors, LogAnchor};

use crate::change::Change;
use crate::forge::{AFTER, AGGREGATE, BEFORE, BOOT_B, PACT, RESERVE, TOTAL, zk};

fields!(BUNDLE: "bundle", Bundle as Bundle, |c, change| change(&mut c.bundle), {
    format,
    logs: |logs| logs.push(logs[0].clone()),
    schemas: |schemas| drop(schemas.pop()),
    boots: |boots| drop(boots.pop()),
    claims: |claims| claims[0].proof = claims[1].proof.clone(),
    aggregates: |places| places.insert(0, Place { index: 0, ..places[0].clone() }),
    stamps: |stamps| {
        let stamp = messages::bundle::Stamp { digest: [0; 32], token: Vec::new() };
        *stamps = vec![stamp; Bundle::MAX_NOTES + 1];
    },
    missing: |missing| missing.push(messages::bundle::Missing { what: "a".into(), why: "b".into() }),
});

fields!(LOG_VIEW: "log-view", LogView as LogView, |c, change| change(&mut c.bundle.logs[0]), {
    origin,
    checkpoint,
    leaves: |leaves| drop(leaves.pop()),
});

fields!(PLACE: "place", Place as Place, |c, change| change(&mut c.bundle.aggregates[0]), {
    origin,
    index: |index| *index = 0,
});

fields!(INCLUDED: "included-leaf", IncludedLeaf as IncludedLeaf,
    |c, change| change(&mut c.bundle.logs[0].leaves[AFTER]), {
    disclosed: |disclosed| disclosed.body.change(),
    path,
});

fields!(DISCLOSED: "disclosed", Disclosed as Disclosed,
    |c, change| change(&mut c.bundle.logs[0].leaves[AFTER].disclosed), {
    index,
    leaf: |leaf| leaf.body.change(),
    salt,
    body: |body| body[100] ^= 1,
});

fields!(LEAF: "leaf", Leaf as Leaf,
    |c, change| {
        change(&mut c.bundle.logs[0].leaves[AFTER].disclosed.leaf);
        c.relog();
    }, {
    kind: |kind| *kind = Kind::Pact,
    body,
    boot,
    signature,
});

// What the monitor signs and logs in another way than its proofs were made for.
fields!(AFTER_BODY: "tally-after", TallyBody as TallyBody, |c, change| c.tally(AFTER, change), {
    tally,
    root_pact,
    pact,
    schema,
    counters,
    epoch,
    at: |at| at.latest.change(),
    salt,
    commitments,
    gaps: |gaps| gaps.monitor.change(),
    boots,
    previous,
    hidden,
    cut,
    kappa,
} except {
    // One suite is there: another does not decode. A step below changes its byte.
    suite,
    // A step below fills it.
    padding,
});

fields!(BEFORE_BODY: "tally-before", TallyBody as TallyBody, |c, change| c.tally(BEFORE, change), {
    tally,
    root_pact,
    pact,
    schema,
    counters,
    epoch,
    at: |at| at.latest.change(),
    salt,
    commitments,
    gaps: |gaps| gaps.agent.change(),
    boots,
    previous: |previous| *previous = Some(LeafHash([1; 32])),
    hidden,
    cut,
    kappa,
} except {
    suite,
    padding,
});

fields!(GAPS: "gaps", Gaps as Gaps, |c, change| c.tally(AFTER, |body| change(&mut body.gaps)), {
    agent,
    network,
    monitor,
    tail_open,
});

fields!(BRACKET: "bracket", Bracket as Bracket,
    |c, change| c.tally(AFTER, |body| change(&mut body.at)), {
    earliest: |earliest| earliest.0 = 0,
    latest: |latest| latest.0 = u64::MAX,
    clock: |clock| *clock = ClockKind::Host,
});

fields!(BOOT_BODY: "boot", BootBody as BootBody, |c, change| c.boot(change), {
    boot,
    boot_key,
    log_key,
    config,
    evidence,
} except {
    // A monitor may know the time less well. On the way it is changed below.
    at,
});

fields!(PACT_BODY: "pact", PactBody as PactBody, |c, change| c.pact(PACT, change), {
    pact,
    root,
    prior: |prior| *prior = Some(messages::ids::PactHash([3; 32])),
    schema,
    consent,
    consent_count,
} except {
    at,
    // Of claims about each event alone, whose steps change it.
    rules,
});

fields!(BOOTS: "boots", Boots as Boots, |c, change| change(&mut c.bundle.boots[0]), {
    entries: |entries| entries.truncate(1),
});

fields!(BOOT_ENTRY: "boot-entry", BootEntry as BootEntry,
    |c, change| c.boots(AFTER, |boots| change(&mut boots.entries[1])), {
    boot,
    evidence,
    config,
    first: |first| first.0 = 0,
});

fields!(SCHEMA: "schema", Schema as Schema, |c, change| change(&mut c.bundle.schemas[0]), {
    counters: |counters| drop(counters.pop()),
});

/// Another schema, which the monitor registers for the pact and counts under.
pub(crate) fn register(c: &mut crate::forge::Case<'_>, change: impl FnOnce(&mut Vec<Counter>)) {
    let schema = &mut c.bundle.schemas[0];
    change(&mut schema.counters);
    let (hash, counters) = (schema.hash(), u32::try_from(schema.counters.len()).unwrap());
    c.pact(PACT, |body| body.schema = hash);
    for at in [BEFORE, AFTER] {
        c.tally(at, |body| (body.schema, body.counters) = (hash, counters));
    }
}

fields!(COUNTER: "counter", Counter as Counter, |c, change| register(c, |counters| change(&mut counters[2])), {
    name,
    unit,
    max,
    bucket: |bucket| *bucket = Some(Bucket { histogram: "latency".into(), edge: Some(9) }),
});

fields!(BUCKET: "bucket", Bucket as Bucket,
    |c, change| {
        c.only(4);
        register(c, |counters| change(counters[4].bucket.as_mut().unwrap()));
    }, {
    histogram,
    edge,
});

fields!(PROVEN: "proven-claim", ProvenClaim as ProvenClaim,
    |c, change| change(&mut c.bundle.claims[0]), {
    claim: |claim| claim.expiry.change(),
    stands: |stands| drop(stands.pop()),
    proof: |proof| {
        let Proof::ZeroKnowledge(linear) = proof else { panic!("a signed claim") };
        linear.range.change();
    },
});

fields!(CLAIM: "claim", Claim as Claim, |c, change| change(&mut c.bundle.claims[0].claim), {
    statements: |statements| drop(statements.pop()),
    ranges: |ranges| drop(ranges.pop()),
    audience: |audience| *audience = Audience::Public,
    expiry,
    admitted_gaps,
});

fields!(RANGE: "range", Range as Range, |c, change| change(&mut c.bundle.claims[0].claim.ranges[0]), {
    origin,
    root,
    party,
    generation,
    first,
    last,
});

fields!(AUDIENCE: "audience", Audience as Audience::Verifier,
    |c, change| change(&mut c.bundle.claims[0].claim.audience), {
    did,
    nonce,
});

macro_rules! predicate {
    ($list:ident: $name:literal, $at:literal, $variant:path, { $($fields:tt)+ }) => {
        fields!($list: $name, Predicate as $variant, |c, change| {
            c.only($at);
            change(&mut c.bundle.claims[0].claim.statements[0]);
        }, { $($fields)+ });
    };
}

predicate!(BOUNDED: "bounded", 0, Predicate::Bounded, {
    sum: |sum| *sum = Sum::of(["calls.all"]),
    lower: |lower| *lower = Some(0),
    upper,
});
predicate!(RATIO: "ratio", 3, Predicate::Ratio, {
    part: |part| *part = Sum::of(["calls.allowed"]),
    whole: |whole| *whole = Sum::of(["calls.allowed"]),
    relation: |relation| *relation = Relation::AtMost,
    numerator,
    denominator,
    min_whole,
});
predicate!(PERCENTILE: "percentile", 4, Predicate::Percentile, {
    histogram,
    percent,
    edge: |edge| *edge = 500,
    min_whole,
});
predicate!(NEVER: "never", 5, Predicate::Never, {
    sum: |sum| *sum = Sum::of(["calls.denied"]),
});
predicate!(EQUAL: "equal", 6, Predicate::Equal, {
    left: |left| *left = Sum::of(["calls.allowed"]),
    right: |right| *right = Sum::of(["calls.allowed"]),
});
predicate!(RATE: "rate", 7, Predicate::Rate, {
    sum: |sum| *sum = Sum::of(["calls.allowed"]),
    relation: |relation| *relation = Relation::AtLeast,
    count,
    per,
});

fields!(AGREE: "agree", Predicate as Predicate::Agree,
    |c, change| {
        c.both();
        change(&mut c.bundle.claims[0].claim.statements[0]);
    }, {
    sum: |sum| *sum = Sum::of(["calls.denied"]),
});

fields!(CONSENT: "consent-entry", ConsentEntry as ConsentEntry,
    |c, change| {
        c.only(3);
        change(&mut c.bundle.claims[0].stands[0].consent[0].entry);
    }, {
    id,
    program,
    grid: |grid| grid.push(vec![1, 2, 3]),
    audience,
    per: |per| *per = Some(Calendar::Every(Millis(1))),
    salt,
});

fields!(OPENED_CONSENT: "opened-consent", OpenedConsent as OpenedConsent,
    |c, change| change(&mut c.bundle.claims[0].stands[0].consent[0]), {
    entry: |entry| entry.salt.change(),
    index,
    path,
});

fields!(OPENED: "opened-commitments", OpenedCommitments as OpenedCommitments,
    |c, change| change(&mut c.bundle.claims[0].stands[0].commitments[0]), {
    counter,
    before,
    before_path,
    after,
    after_path,
});

fields!(STAND: "stand", Stand as Stand, |c, change| change(&mut c.bundle.claims[0].stands[0]), {
    before,
    after,
    pact,
    consent: |consent| drop(consent.pop()),
    commitments: |commitments| drop(commitments.pop()),
});

fields!(LINEAR: "linear-proof", LinearProof as LinearProof,
    |c, change| {
        c.only(6);
        change(zk(&mut c.bundle.claims[0]));
    }, {
    equalities: |equalities| equalities.clear(),
    high: |high| high.push(messages::ids::Commitment([0; 32])),
    range: |range| range.push(0),
});

fields!(SCHNORR: "schnorr-proof", SchnorrProof as SchnorrProof,
    |c, change| {
        c.only(6);
        change(&mut zk(&mut c.bundle.claims[0]).equalities[0]);
    }, {
    nonce,
    response: |response| response[0] ^= 1,
});

fields!(SIGNED: "signed-proof", SignedProof as SignedProof,
    |c, change| {
        c.signed();
        let Proof::Signed(signed) = &mut c.bundle.claims[0].proof else { panic!("not signed") };
        change(signed);
    }, {
    boot: |boot| *boot = crate::fixture::boot_id(0),
    size,
    signature,
});

// What the appraiser found in the evidence of the boot that signs at the end of the range.
fields!(EVIDENCE: "evidence", Claims as Claims, |c, change| c.evidence(change), {
    purpose: |purpose| *purpose = Purpose::Certificate,
    origin,
    boot_key,
    log_key,
    nonce: |nonce| *nonce = Some([1; 32]),
    tls_spki: |spki| *spki = Some([1; 32]),
    exporter: |exporter| *exporter = Some([1; 32]),
    role: |role| *role = Some(Role::Server),
    config,
    boot,
});

// The same bundle before a verifier who trusts something else.
fields!(ANCHORS: "anchors", Anchors as Anchors, |c, change| change(&mut c.anchors), {
    logs: |logs| logs.clear(),
    pacts,
    audience,
    nonce,
    quorum,
    stamped: |stamped| *stamped = true,
} except {
    // Who accepts more witnesses accepts more.
    witnesses,
    // Who names a dealer asks for one: a step of proven numbers does.
    dealers,
    // Claims about each event need one: their own tests take it away.
    circuits,
});

fields!(LOG_ANCHOR: "log-anchor", LogAnchor as LogAnchor,
    |c, change| change(&mut c.anchors.logs[0]), {
    origin,
    log_key,
    configs,
});

fn on_the_way(c: &mut crate::forge::Case<'_>, at: usize) {
    let body = &mut c.bundle.logs[0].leaves[at].disclosed.body;
    *body.last_mut().unwrap() ^= 1;
}

/// Bodies changed under their old digest, and what the tables cannot reach.
pub(crate) const BODIES: &[(&str, crate::forge::Step)] = &[
    ("body-of-boot-changed", |c| on_the_way(c, BOOT_B)),
    ("body-of-pact-changed", |c| on_the_way(c, PACT)),
    ("body-of-tally-changed", |c| on_the_way(c, AFTER)),
    ("body-of-reserve-changed", |c| on_the_way(c, RESERVE)),
    ("body-of-aggregate-changed", |c| on_the_way(c, AGGREGATE)),
    ("body-of-total-changed", |c| on_the_way(c, TOTAL)),
    ("field-tally-after-suite", |c| {
        let body = &mut c.bundle.logs[0].leaves[AFTER].disclosed.body;
        assert_eq!(body[1..3], [1, 1], "the first entry of the map");
        body[2] = 2;
    }),
    ("field-tally-after-padding", |c| {
        let Publication::Tally(body) = &mut c.drafts[AFTER].publication else { panic!() };
        *body.padding.last_mut().unwrap() = 1;
        c.republish();
    }),
];

/// Every table.
pub(crate) const FIELDS: &[&[(&str, crate::forge::Step)]] = &[
    BUNDLE,
    LOG_VIEW,
    PLACE,
    INCLUDED,
    DISCLOSED,
    LEAF,
    AFTER_BODY,
    BEFORE_BODY,
    GAPS,
    BRACKET,
    BOOT_BODY,
    PACT_BODY,
    BOOTS,
    BOOT_ENTRY,
    SCHEMA,
    COUNTER,
    BUCKET,
    PROVEN,
    CLAIM,
    RANGE,
    AUDIENCE,
    BOUNDED,
    RATIO,
    PERCENTILE,
    NEVER,
    EQUAL,
    RATE,
    AGREE,
    CONSENT,
    OPENED_CONSENT,
    OPENED,
    STAND,
    LINEAR,
    SCHNORR,
    SIGNED,
    EVIDENCE,
    ANCHORS,
    LOG_ANCHOR,
    BODIES,
];
