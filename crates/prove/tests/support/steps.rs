//! The steps that make a forged bundle out of a good one, by name.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]

use messages::bundle::{Bundle, OpenedCommitments};
use messages::claim::{Audience, Predicate, Relation, Sum};
use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::ids::{Commitment, ConfigDigest, EvidenceId, LeafHash, PactHash, SchemaHash};
use messages::leaf::{BreakBody, BreakCause};
use messages::publication::Publication;
use messages::signature::SigningKey;
use messages::time::{Epoch, UnixMillis};
use verify::{Appraised, EvidenceClass};

use crate::fixture::{EXPIRY, ORIGIN, auditor, boot_id, evidence, exactly, party_did};
use crate::forge::{AFTER, BEFORE, BOOT_B, Step, zk};
use crate::monitor::Monitor;

fn name(name: &str) -> String {
    name.to_owned()
}

fn ratio(numerator: u64, denominator: u64, min_whole: u64) -> Predicate {
    let (part, whole) = ("calls.allowed".into(), "calls.all".into());
    let relation = Relation::AtLeast;
    Predicate::Ratio { part, whole, relation, numerator, denominator, min_whole }
}

fn percentile(histogram: &str, percent: u64, edge: u64) -> Predicate {
    Predicate::Percentile { histogram: name(histogram), percent, edge, min_whole: 1 }
}

fn pair<T: Clone>(list: &mut [T]) {
    list.swap(0, 1);
}

const NONE: usize = 5;
const EQUAL: usize = 6;
const RATIO: usize = 3;
const PERCENTILE: usize = 4;
const RATE: usize = 7;

/// Every step by its name.
pub(crate) const STEPS: &[(&str, Step)] = &[
    // The file.
    ("file-cut", |c| {
        let mut bytes = c.bundle.to_cbor();
        bytes.pop();
        c.bytes = Some(bytes);
    }),
    ("file-empty", |c| c.bytes = Some(Vec::new())),
    ("file-trailing-byte", |c| c.bytes = Some([&c.bundle.to_cbor()[..], &[0]].concat())),
    ("file-longer-map-header", |c| {
        let bytes = c.bundle.to_cbor();
        c.bytes = Some([&[0xb8, bytes[0] & 0x1f], &bytes[1..]].concat());
    }),
    ("file-too-large", |c| c.bytes = Some(vec![0; Bundle::MAX_BYTES + 1])),
    ("file-of-next-version", |c| c.bundle.format = name("cloister-bundle/2")),
    ("file-claims-nothing", |c| {
        c.bundle.claims.clear();
        c.bundle.aggregates.clear();
    }),
    ("file-too-many-leaves", |c| {
        c.bundle.logs[0].leaves =
            vec![c.bundle.logs[0].leaves[AFTER].clone(); Bundle::MAX_LEAVES + 1];
    }),
    ("file-too-many-claims", |c| {
        c.bundle.claims = vec![c.bundle.claims[NONE].clone(); Bundle::MAX_CLAIMS + 1];
    }),
    ("file-too-many-boots", |c| {
        let entry = c.bundle.boots[0].entries[0];
        c.bundle.boots[0].entries = vec![entry; 513];
    }),
    ("aggregate-shown-twice", |c| {
        let again = c.bundle.aggregates[0].clone();
        c.bundle.aggregates.push(again);
    }),
    // The checkpoint.
    ("checkpoint-resized", |c| {
        c.bundle.logs[0].checkpoint = c.bundle.logs[0].checkpoint.replacen("\n12\n", "\n13\n", 1);
    }),
    ("checkpoint-of-other-monitor", |c| {
        let mut log = tlog::Log::new();
        for leaf in &c.bundle.logs[0].leaves {
            log.append(&leaf.disclosed.leaf);
        }
        let key = SigningKey::from_seed(&[99; 32]);
        c.bundle.logs[0].checkpoint = tlog::sign_checkpoint(ORIGIN, log.size(), &log.root(), &key);
    }),
    ("checkpoint-of-other-origin", |c| {
        c.bundle.logs[0].checkpoint = tlog::sign_checkpoint(
            "other.example/log",
            12,
            &messages::ids::Root::default(),
            &c.monitor.log_key,
        );
    }),
    ("checkpoint-with-foreign-signature", |c| {
        let other = tlog::sign_checkpoint(
            "other.example/log",
            12,
            &messages::ids::Root::default(),
            &c.monitor.log_key,
        );
        let (text, _) = c.bundle.logs[0].checkpoint.split_once("\n\n").unwrap();
        let (_, signature) = other.split_once("\n\n").unwrap();
        c.bundle.logs[0].checkpoint = format!("{text}\n\n{signature}");
    }),
    ("checkpoint-cut", |c| {
        c.bundle.logs[0].checkpoint.pop();
    }),
    ("checkpoint-with-extension", |c| {
        c.bundle.logs[0].checkpoint =
            c.bundle.logs[0].checkpoint.replacen("\n\n", "\nextra\n\n", 1);
    }),
    ("checkpoint-is-no-note", |c| c.bundle.logs[0].checkpoint = name("no note\n\nat all\n")),
    ("checkpoint-too-large", |c| {
        c.bundle.logs[0].checkpoint = "x".repeat(tlog::MAX_CHECKPOINT_BYTES + 1);
    }),
    ("checkpoint-rolled-back", |c| {
        let mut log = tlog::Log::new();
        for leaf in c.bundle.logs[0].leaves.iter().take(8) {
            log.append(&leaf.disclosed.leaf);
        }
        c.bundle.logs[0].checkpoint =
            tlog::sign_checkpoint(ORIGIN, log.size(), &log.root(), &c.monitor.log_key);
    }),
    // The leaves.
    ("leaves-reordered", |c| pair(&mut c.bundle.logs[0].leaves)),
    ("leaf-repeated", |c| {
        let leaf = c.bundle.logs[0].leaves[4].clone();
        c.bundle.logs[0].leaves.insert(4, leaf);
    }),
    ("leaf-past-the-log", |c| c.bundle.logs[0].leaves[10].disclosed.index = 99),
    ("leaf-path-flipped", |c| c.bundle.logs[0].leaves[3].path[0].0[0] ^= 1),
    ("leaf-path-cut", |c| {
        c.bundle.logs[0].leaves[3].path.pop();
    }),
    ("leaf-kind-changed", |c| {
        c.bundle.logs[0].leaves[3].disclosed.leaf.kind = messages::leaf::Kind::Pact;
    }),
    ("leaf-of-other-place", |c| {
        c.bundle.logs[0].leaves[3].disclosed.leaf =
            c.bundle.logs[0].leaves[2].disclosed.leaf.clone();
    }),
    ("leaf-unsigned", |c| {
        c.bundle.logs[0].leaves[AFTER].disclosed.leaf.signature.0[5] ^= 1;
        c.relog();
    }),
    ("leaf-signed-by-the-log-key", |c| {
        let leaf = &mut c.bundle.logs[0].leaves[AFTER].disclosed.leaf;
        let signed = messages::leaf::Leaf::signed_bytes(leaf.kind, &leaf.body, &leaf.boot);
        leaf.signature = c.monitor.log_key.sign(messages::domain::LEAF_SIGNATURE, &signed);
        c.relog();
    }),
    ("leaf-of-a-later-boot", |c| {
        c.drafts[4].signer = 1;
        c.republish();
    }),
    ("leaf-of-a-replaced-boot", |c| {
        c.drafts[AFTER].signer = 0;
        c.republish();
    }),
    ("body-flipped", |c| c.bundle.logs[0].leaves[AFTER].disclosed.body[40] ^= 1),
    ("salt-flipped", |c| c.bundle.logs[0].leaves[AFTER].disclosed.salt.0[0] ^= 1),
    ("body-overlong", |c| {
        let Publication::Tally(body) = &mut c.drafts[AFTER].publication else { panic!() };
        body.padding.push(0);
        c.republish();
    }),
    ("boot-introduced-twice", |c| {
        let again = c.drafts[BOOT_B].publication.clone();
        c.push(again);
    }),
    ("boot-of-other-id", |c| c.boot(|b| b.boot = boot_id(5))),
    ("boot-of-other-log", |c| c.boot(|b| b.log_key = SigningKey::from_seed(&[99; 32]).public())),
    ("boot-with-garbled-evidence", |c| c.boot(|b| b.evidence = vec![1])),
    ("epoch-published-twice", |c| {
        let mut second = c.drafts[AFTER].publication.clone();
        if let Publication::Tally(body) = &mut second {
            body.gaps.agent = 1;
            **body = (**body).clone().padded();
        }
        c.push(second);
    }),
    ("epoch-does-not-follow", |c| c.tally(AFTER, |b| b.previous = Some(LeafHash([1; 32])))),
    ("opening-follows-something", |c| c.tally(BEFORE, |b| b.previous = Some(LeafHash([1; 32])))),
    // What the claim stands on.
    ("range-begins-at-zero", |c| c.bundle.claims[0].claim.ranges[0].first = Epoch(0)),
    ("range-reversed", |c| c.bundle.claims[0].claim.ranges[0].first = Epoch(3)),
    ("range-starts-with-other-tally", |c| c.bundle.claims[0].stands[0].before = 3),
    ("range-ends-with-other-tally", |c| c.bundle.claims[0].stands[0].after = 8),
    ("range-starts-later", |c| c.bundle.claims[0].stands[0].before = 4),
    ("range-ends-earlier", |c| c.bundle.claims[0].stands[0].after = 4),
    ("epoch-relabelled", |c| c.tally(AFTER, |b| b.epoch = Epoch(3))),
    ("range-starts-with-a-pact", |c| c.bundle.claims[0].stands[0].before = 1),
    ("range-ends-with-a-pact", |c| c.bundle.claims[0].stands[0].after = 1),
    ("pact-is-a-tally", |c| c.bundle.claims[0].stands[0].pact = 2),
    ("after-leaf-withheld", |c| {
        c.bundle.logs[0].leaves.remove(AFTER);
    }),
    ("root-pact-replaced", |c| c.tally(AFTER, |b| b.root_pact = PactHash([8; 32]))),
    ("pact-revised-since", |c| c.tally(AFTER, |b| b.pact = PactHash([8; 32]))),
    ("schema-hash-replaced", |c| c.tally(AFTER, |b| b.schema = SchemaHash([8; 32]))),
    ("schema-withheld", |c| c.bundle.schemas.clear()),
    ("schema-maximum-raised", |c| c.bundle.schemas[0].counters[2].max += 1),
    ("range-backwards-in-log", |c| {
        let mut before = c.drafts[BEFORE].clone();
        before.signer = 1;
        let after = c.drafts[AFTER].clone();
        let boot_b = c.drafts[BOOT_B].clone();
        c.drafts.truncate(2);
        c.drafts.extend([boot_b, after, before]);
        c.only(0);
        c.republish();
        (c.bundle.claims[0].stands[0].before, c.bundle.claims[0].stands[0].after) = (4, 3);
    }),
    ("time-runs-backwards", |c| c.tally(AFTER, |b| b.at = exactly(100))),
    ("tally-broke-off", |c| {
        let tally = c.monitor.tally(0);
        let (last, cause) = (Epoch(1), BreakCause::Mismatch);
        c.push(Publication::Break(BreakBody { tally, last, cause, at: exactly(2600) }));
    }),
    ("gap-count-fell", |c| c.tally(BEFORE, |b| b.gaps.agent = 3)),
    ("gap-hidden", |c| {
        let mut monitor = Monitor::start();
        if let Publication::Tally(body) = &mut monitor.drafts[AFTER].publication {
            body.gaps.network = 2;
            **body = (**body).clone().padded();
        }
        c.bundle = monitor.good_bundle();
    }),
    ("counters-appended", |c| c.tally(AFTER, |b| b.counters += 1)),
    // Consent.
    ("consent-salt-flipped", |c| c.bundle.claims[0].stands[0].consent[0].entry.salt[0] ^= 1),
    ("consent-of-other-place", |c| c.bundle.claims[0].stands[0].consent[0].index = 1),
    ("consent-path-cut", |c| {
        c.bundle.claims[0].stands[0].consent[0].path.pop();
    }),
    ("consent-widened", |c| c.bundle.claims[RATIO].stands[0].consent[0].entry.audience.clear()),
    ("consent-of-other-claim", |c| {
        let other = c.bundle.claims[1].clone();
        let claim = &mut c.bundle.claims[0];
        claim.stands[0].consent = other.stands[0].consent.clone();
    }),
    ("threshold-tightened", |c| {
        c.bundle.claims[0].claim.statements[0] = Predicate::at_most("calls.denied", 4);
    }),
    ("counter-swapped", |c| {
        c.bundle.claims[0].claim.statements[0] = Predicate::at_most("leaks", 5);
    }),
    ("shown-to-a-stranger", |c| {
        let did = party_did(1);
        c.anchors.audience = Some(did.clone());
        c.only(RATIO);
        c.bundle.claims[0].claim.audience = Audience::Verifier { did, nonce: [77; 32] };
    }),
    ("made-public", |c| {
        c.only(RATIO);
        c.bundle.claims[0].claim.audience = Audience::Public;
    }),
    ("off-the-calendar", |c| {
        c.only(PERCENTILE);
        c.tally(AFTER, |b| b.at = exactly(2001));
    }),
    ("bracket-as-wide-as-the-calendar", |c| {
        c.only(PERCENTILE);
        c.tally(AFTER, |b| b.at.latest = UnixMillis(b.at.earliest.0 + 1000));
    }),
    // Statements that say nothing.
    ("states-unknown-counter", |c| c.claim_of(Predicate::never("missing"))),
    ("states-ratio-of-nothing", |c| c.claim_of(ratio(1, 2, 0))),
    ("states-ratio-over-zero", |c| c.claim_of(ratio(1, 0, 1))),
    ("states-the-impossible", |c| {
        c.claim_of(Predicate::at_least("small", 201));
    }),
    ("states-empty-interval", |c| {
        c.claim_of(Predicate::between("small", 2, 1));
    }),
    ("states-counter-against-itself", |c| {
        c.claim_of(Predicate::Equal { left: "small".into(), right: "small".into() });
    }),
    ("states-nothing", |c| c.claim_of(Predicate::Equal { left: Sum(vec![]), right: Sum(vec![]) })),
    ("states-between-edges", |c| c.claim_of(percentile("latency", 95, 300))),
    ("states-hundredth-percentile", |c| c.claim_of(percentile("latency", 100, 200))),
    ("states-unknown-histogram", |c| c.claim_of(percentile("size", 95, 200))),
    // Commitments.
    ("commitment-dropped", |c| {
        c.bundle.claims[EQUAL].stands[0].commitments.pop();
    }),
    ("commitments-reordered", |c| pair(&mut c.bundle.claims[EQUAL].stands[0].commitments)),
    ("commitment-replaced-before", |c| c.before(|s| s.0[0] ^= 2)),
    ("commitment-replaced-after", |c| {
        let opened = &mut c.bundle.claims[0].stands[0].commitments[0];
        opened.after = opened.before.unwrap();
    }),
    ("commitment-path-flipped", |c| {
        c.bundle.claims[0].stands[0].commitments[0].after_path[0].0[0] ^= 1;
    }),
    ("commitment-of-other-counter", |c| {
        let other = c.bundle.claims[1].stands[0].commitments[0].clone();
        let counter = c.bundle.claims[0].stands[0].commitments[0].counter;
        c.bundle.claims[0].stands[0].commitments[0] = OpenedCommitments { counter, ..other };
    }),
    ("commitment-is-identity", |c| c.commit_to(Commitment([0; 32]))),
    ("commitment-is-no-point", |c| c.commit_to(Commitment([0xff; 32]))),
    ("commitments-carried-over", |c| {
        c.only(NONE);
        let (_, opening) = &c.monitor.openings[&(c.monitor.tally(0), Epoch(0))];
        let root = opening.root();
        c.tally(AFTER, |b| b.commitments = root);
        let opened = &mut c.bundle.claims[0].stands[0].commitments[0];
        opened.after = opened.before.unwrap();
        opened.after_path.clone_from(&opened.before_path);
    }),
    // Boots and their evidence.
    ("boots-withheld", |c| c.bundle.boots.clear()),
    ("boots-shortened", |c| {
        c.bundle.boots[0].entries.remove(0);
    }),
    ("boots-rewritten", |c| {
        c.boots(BEFORE, |b| {
            b.entries.truncate(1);
            b.entries[0].evidence = EvidenceId([1; 32]);
        });
    }),
    ("boots-out-of-order", |c| c.boots(AFTER, |b| b.entries[0].first = Epoch(9))),
    ("boots-name-other-evidence", |c| {
        c.boots(AFTER, |b| b.entries[1].evidence = EvidenceId([1; 32]));
    }),
    ("boots-name-other-config", |c| {
        c.boots(AFTER, |b| b.entries[1].config = ConfigDigest([1; 32]));
    }),
    ("boot-leaf-withheld", |c| {
        c.bundle.logs[0].leaves.remove(BOOT_B);
    }),
    ("evidence-not-appraised", |c| {
        c.appraised.pop();
    }),
    ("evidence-of-middle-boot-not-appraised", |c| {
        drop(c.appraised.remove(0));
    }),
    ("evidence-binds-other-key", |c| {
        let real = c.monitor.evidence_claims(1);
        let mut other = real.clone();
        other.boot_key = SigningKey::from_seed(&[99; 32]).public();
        #[expect(clippy::disallowed_methods, reason = "the test plays the appraiser")]
        let appraised =
            Appraised::assertion(evidence(&real).evidence_id(), EvidenceClass::Hardware, other);
        c.appraised[1] = appraised;
    }),
    // The proof.
    ("equality-missing", |c| {
        c.only(NONE);
        zk(&mut c.bundle.claims[0]).equalities.clear();
    }),
    ("equality-response-flipped", |c| {
        c.only(NONE);
        zk(&mut c.bundle.claims[0]).equalities[0].response[0] ^= 1;
    }),
    ("equality-response-unreduced", |c| {
        c.only(NONE);
        zk(&mut c.bundle.claims[0]).equalities[0].response = [0xff; 32];
    }),
    ("equality-nonce-is-identity", |c| {
        c.only(NONE);
        zk(&mut c.bundle.claims[0]).equalities[0].nonce = Commitment([0; 32]);
    }),
    ("equalities-exchanged", |c| {
        let other = c.bundle.claims[EQUAL].proof.clone();
        c.bundle.claims[NONE].proof = other;
    }),
    ("range-proof-flipped", |c| zk(&mut c.bundle.claims[0]).range[200] ^= 1),
    ("range-proof-cut", |c| {
        zk(&mut c.bundle.claims[0]).range.pop();
    }),
    ("range-proof-trailing-byte", |c| zk(&mut c.bundle.claims[0]).range.push(0)),
    ("range-proof-scalar-unreduced", |c| {
        zk(&mut c.bundle.claims[0]).range[128..160].fill(0xff);
    }),
    ("range-proof-zero-point", |c| zk(&mut c.bundle.claims[0]).range[..32].fill(0)),
    ("range-proof-missing", |c| zk(&mut c.bundle.claims[0]).range.clear()),
    ("range-proof-for-an-equality", |c| zk(&mut c.bundle.claims[NONE]).range = vec![0; 32]),
    ("range-proofs-exchanged", |c| {
        let other = c.bundle.claims[RATE].proof.clone();
        c.bundle.claims[0].proof = other;
    }),
    ("high-half-missing", |c| {
        zk(&mut c.bundle.claims[RATIO]).high.pop();
    }),
    ("high-half-is-no-point", |c| {
        zk(&mut c.bundle.claims[RATIO]).high[0] = Commitment([0xff; 32]);
    }),
    ("high-half-replaced", |c| {
        let other = c.bundle.claims[0].stands[0].commitments[0].after;
        zk(&mut c.bundle.claims[RATIO]).high[0] = other;
    }),
    ("expiry-moved", |c| c.bundle.claims[0].claim.expiry = UnixMillis(EXPIRY.0 + 1)),
    ("nonce-replayed", |c| {
        c.only(0);
        c.anchors.nonce = Some([78; 32]);
        c.bundle.claims[0].claim.audience = Audience::Verifier { did: auditor(), nonce: [78; 32] };
    }),
    ("gaps-admitted-afterwards", |c| c.bundle.claims[0].claim.admitted_gaps = 9),
    ("proof-for-other-party", |c| {
        c.only(0);
        let tally = c.monitor.tally(1);
        let opened = |epoch| {
            let openings = &c.monitor.openings[&(tally, Epoch(epoch))].1;
            (openings.commitments()[2], openings.path(CounterIndex(2)))
        };
        let ((before, before_path), (after, after_path)) = (opened(0), opened(2));
        let claim = &mut c.bundle.claims[0];
        claim.claim.ranges[0].party = party_did(1);
        let stand = &mut claim.stands[0];
        (stand.before, stand.after) = (3, 8);
        stand.commitments = vec![OpenedCommitments {
            counter: 2,
            before: Some(before),
            before_path,
            after,
            after_path,
        }];
    }),
    // The verifier's own terms.
    ("config-not-anchored", |c| c.anchors.logs[0].configs.clear()),
    ("pact-not-anchored", |c| c.anchors.pacts.clear()),
    ("expired", |c| c.now = EXPIRY),
    ("for-another-verifier", |c| c.anchors.audience = Some(party_did(0))),
    ("for-another-nonce", |c| c.anchors.nonce = Some([78; 32])),
];
