//! That every event obeyed: proven segment by segment, in one bundle with claims of other kinds.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails here says so"
)]

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use std::sync::OnceLock;

use circuits::digest::bytes_of;
use circuits::keys::Prover;
use circuits::log::Block;
use circuits::rules::Rules;
use circuits::segment;
use cloister_prove::{Entries, ProveError, Request, SegmentKey, prove_segments};
use fixture::evidence;
use messages::accusation::{Accusation, Charge};
use messages::bundle::{LogView, Proof, ProvenClaim, SegmentsProof, Stand};
use messages::circuit::{CircuitKey, Setup};
use messages::claim::{Claim, Predicate};
use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::domain;
use messages::ids::{EventHash, FieldElement};
use messages::leaf::PactBody;
use messages::merkle;
use messages::opening::{ShownOpening, SignedOpenings, signed_bytes};
use messages::publication::Publication;
use messages::segment::{Entry, Outcome, RuleTable};
use messages::signature::Signature;
use messages::time::Epoch;
use monitor::Monitor;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use verify::{Anchors, Appraised, Fault, Findings, Report};

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([42; 32])
}

fn rules() -> Rules {
    Rules::new(&RuleTable { calls: Vec::new(), sums: Vec::new() })
}

fn entry(n: u16, outcome: Option<Outcome>) -> Entry {
    Entry {
        event: EventHash([u8::try_from(n % 251).unwrap(); 32]),
        taken: true,
        opens: n == 0,
        outcome,
        ran: None,
        amount: 0,
        alert: false,
        answer: None,
        latency: None,
        breach: false,
        bytes: 0,
        pii: 0,
    }
}

/// `count` events, each third of them a call that is denied. What they add to the counters in the
/// first places of the schema.
fn life(count: u16) -> (Monitor, Vec<Block>) {
    let mut log = tally::Entries::new(&mut rng());
    let denied = |n: u16| (n % 3 == 2).then_some(Outcome::Denied);
    let mut blocks: Vec<Block> =
        (0..count).filter_map(|n| log.add(&entry(n, denied(n)), &rules())).collect();
    blocks.extend(log.close());
    let calls = u64::from(count / 3);
    let opened = u64::from(count > 0);
    let growth = [(0, opened), (1, u64::from(count)), (2, calls), (4, calls)];
    let growth = growth.map(|(at, n)| (CounterIndex(at), n));
    let monitor = Monitor::of_entries(bytes_of(&rules().digest()), (log.place(), &growth));
    (monitor, blocks)
}

/// The key, made by a boot of the monitor; its secrets are in this file, and worth nothing.
fn made() -> &'static Prover {
    static MADE: OnceLock<Prover> = OnceLock::new();
    MADE.get_or_init(|| Prover::generate(&segment::shape(), &mut rng()).unwrap())
}

fn key(monitor: &Monitor) -> CircuitKey {
    static POINTS: OnceLock<CircuitKey> = OnceLock::new();
    let unsigned = POINTS
        .get_or_init(|| made().circuit_key("segment", &segment::shape(), Setup::InsecureTest));
    let CircuitKey { circuit, constraints, points, setup: _ } = unsigned;
    let message = CircuitKey::signed_bytes(circuit, constraints, points);
    let setup = Setup::Enclave {
        evidence: evidence(&monitor.evidence_claims(0)).evidence_id(),
        signature: monitor.boot_keys[0].sign(domain::CIRCUIT_SETUP, &message),
    };
    CircuitKey { setup, ..unsigned.clone() }
}

fn claim(monitor: &Monitor) -> Claim {
    monitor.claim(&Predicate::Obeyed, 2, 2)
}

fn prove(monitor: &Monitor, claim: &Claim, blocks: &[Block]) -> Result<ProvenClaim, ProveError> {
    let (leaves, _) = monitor.publish(&monitor.drafts);
    let grounds = (0..claim.ranges.len()).map(|at| monitor.ground(&leaves, claim, at)).collect();
    let request = Request { claim, grounds };
    let entries = Entries { rules: rules(), blocks: blocks.to_vec() };
    let key = SegmentKey { prover: made(), digest: key(monitor).digest() };
    prove_segments(&request, &entries, key, &mut rng(), |_, _| ())
}

fn anchors(monitor: &Monitor) -> Anchors {
    Anchors { circuits: vec![key(monitor)], ..monitor.anchors() }
}

fn verify(monitor: &Monitor, anchors: &Anchors, claims: Vec<ProvenClaim>) -> Vec<&'static str> {
    let appraised = monitor.appraised();
    verified(monitor, (anchors, &appraised), claims)
        .items
        .iter()
        .map(|i| i.verdict.code())
        .collect()
}

fn verified(
    monitor: &Monitor,
    (anchors, appraised): (&Anchors, &[Appraised]),
    claims: Vec<ProvenClaim>,
) -> Report {
    let findings = Findings { appraised, timestamped: &[] };
    let bundle = monitor.bundle(claims).to_cbor();
    ::verify::verify(&bundle, anchors, findings, fixture::NOW).unwrap()
}

fn segments(proven: &ProvenClaim) -> &SegmentsProof {
    let Proof::Segments(segments) = &proven.proof else { panic!("not by segments") };
    segments
}

/// Beside a range proof, in one bundle, with one verdict a statement.
#[test]
fn every_event_of_two_segments_obeyed() {
    // More than one segment holds, so two: none is told how full it is.
    let (monitor, blocks) = life(300);
    let proven = prove(&monitor, &claim(&monitor), &blocks).unwrap();
    assert_eq!((segments(&proven).proofs.len(), segments(&proven).between.len()), (2, 1));
    let linear = monitor.prove(&monitor.claim(&monitor.predicates[0], 1, 1)).unwrap();
    let claims = vec![linear.clone(), proven.clone()];
    assert_eq!(verify(&monitor, &anchors(&monitor), claims.clone()), ["verified"; 2]);
    let appraised = monitor.appraised();
    let report = verified(&monitor, (&anchors(&monitor), &appraised), claims);
    let words: Vec<&str> = report.items.iter().map(|item| item.words.as_str()).collect();
    assert!(words[1].starts_with("every event obeyed the pact's rule table, over epochs 2 to 2"));
    assert_eq!(report.claims[1].means, ::verify::Means::Segments);
    let explained = ::verify::explain(&monitor.bundle(vec![proven.clone()]).to_cbor()).unwrap();
    assert!(explained.contains("every event obeyed the pact's rule table"), "{explained}");
    assert!(explained.contains("how many events there were stays hidden"), "{explained}");

    // Whatever is changed of it, it does not verify; and what is beside it does.
    type Step = (&'static str, fn(&mut ProvenClaim));
    fn of(proven: &mut ProvenClaim) -> &mut SegmentsProof {
        let Proof::Segments(segments) = &mut proven.proof else { panic!("not by segments") };
        segments
    }
    let steps: [Step; 13] = [
        ("segment-proof", |p| of(p).between[0] = FieldElement([1; 32])),
        ("segment-proof", |p| of(p).proofs.swap(0, 1)),
        ("segment-proof", |p| of(p).proofs[1] = of(p).proofs[0]),
        ("segment-proof", |p| p.claim.expiry.0 += 1),
        ("segment-encoding", |p| of(p).between[0] = FieldElement([255; 32])),
        ("segment-encoding", |p| of(p).proofs[0][0] ^= 1),
        ("segment-encoding", |p| of(p).proofs[1] = [0; 128]),
        ("segment-count", |p| of(p).between.clear()),
        ("segment-count", |p| {
            of(p).proofs.pop();
        }),
        ("segment-count", |p| (of(p).proofs, of(p).between) = (Vec::new(), Vec::new())),
        ("segment-count", |p| {
            let again = (of(p).between[0], of(p).proofs[1]);
            of(p).between.push(again.0);
            of(p).proofs.push(again.1);
        }),
        ("circuit-not-anchored", |p| of(p).key.0[0] ^= 1),
        ("tally-before", |p| p.stands[0].before += 1),
    ];
    for (expected, step) in steps {
        let mut changed = proven.clone();
        step(&mut changed);
        let codes = verify(&monitor, &anchors(&monitor), vec![changed, linear.clone()]);
        assert_eq!(codes, [expected, "verified"]);
    }
}

#[test]
fn nothing_that_happened_is_proven_alike() {
    let (monitor, blocks) = life(0);
    assert!(blocks.is_empty());
    let proven = prove(&monitor, &claim(&monitor), &blocks).unwrap();
    assert_eq!(segments(&proven).proofs.len(), 1);
    assert_eq!(verify(&monitor, &anchors(&monitor), vec![proven.clone()]), ["verified"]);

    // The key has to be pinned, sound, and made by a boot that was appraised.
    let pinned = key(&monitor);
    let with = |circuits: Vec<CircuitKey>, appraised: &[Appraised]| {
        let anchors = Anchors { circuits, ..monitor.anchors() };
        let report = verified(&monitor, (&anchors, appraised), vec![proven.clone()]);
        report.items[0].verdict.code()
    };
    let appraised = monitor.appraised();
    assert_eq!(with(Vec::new(), &appraised), "circuit-not-anchored");
    assert_eq!(with(vec![pinned.clone()], &appraised[1..]), "evidence", "the same boot counted");
    // A key of another boot's, of nobody's, and of a published seed: each is another key, so the
    // proof is made to name it.
    let named = |key: CircuitKey| {
        let mut renamed = proven.clone();
        let Proof::Segments(segments) = &mut renamed.proof else { panic!("not by segments") };
        segments.key = key.digest();
        let anchors = Anchors { circuits: vec![key], ..monitor.anchors() };
        let report = verified(&monitor, (&anchors, &appraised), vec![renamed]);
        report.items[0].verdict.code()
    };
    let Setup::Enclave { evidence: boot, signature } = pinned.setup.clone() else { panic!() };
    let other = evidence(&monitor.evidence_claims(1)).evidence_id();
    let changed = |setup| CircuitKey { setup, ..pinned.clone() };
    assert_eq!(named(changed(Setup::Enclave { evidence: other, signature })), "circuit-evidence");
    let foreign = monitor.boot_keys[1].sign(domain::CIRCUIT_SETUP, b"another message");
    assert_eq!(
        named(changed(Setup::Enclave { evidence: boot, signature: foreign })),
        "circuit-evidence"
    );
    let unknown = messages::ids::EvidenceId([9; 32]);
    assert_eq!(named(changed(Setup::Enclave { evidence: unknown, signature })), "circuit-evidence");
    assert_eq!(named(changed(Setup::InsecureTest)), "circuit-not-anchored");
    let mut points = pinned.points.clone();
    points.truncate(points.len() - 32);
    assert_eq!(named(CircuitKey { points, ..pinned.clone() }), "circuit-evidence", "not signed");
}

#[test]
fn each_event_is_a_statement_of_its_own() {
    let (monitor, blocks) = life(5);
    let alone = claim(&monitor);
    let with = Claim {
        statements: vec![Predicate::Obeyed, monitor.predicates[0].clone()],
        ..alone.clone()
    };
    let refused = |error: Fault| Err(ProveError::Refutable(error));
    assert_eq!(prove(&monitor, &with, &blocks).map(drop), refused(Fault::ObeyedAlone));
    let linear = monitor.claim(&monitor.predicates[0], 1, 1);
    assert_eq!(prove(&monitor, &linear, &blocks).map(drop), refused(Fault::ObeyedProof));
    // No range proof is about events: a claim without forms would hold of itself.
    assert_eq!(monitor.prove(&alone).map(drop), refused(Fault::ObeyedProof));
    let proven = prove(&monitor, &alone, &blocks).unwrap();
    let linear = monitor.prove(&linear).unwrap();
    let forms = ProvenClaim { proof: linear.proof.clone(), ..proven.clone() };
    assert_eq!(verify(&monitor, &anchors(&monitor), vec![forms]), ["obeyed-proof"]);
    let other = ProvenClaim { proof: proven.proof.clone(), ..linear };
    assert_eq!(verify(&monitor, &anchors(&monitor), vec![other]), ["obeyed-proof"]);
    let mut twice = proven;
    twice.claim.statements.push(Predicate::Obeyed);
    let again = twice.stands[0].consent[0].clone();
    twice.stands[0].consent.push(again);
    assert_eq!(verify(&monitor, &anchors(&monitor), vec![twice]), ["obeyed-alone"; 2]);
}

#[test]
fn entries_lead_from_leaf_to_leaf_or_nowhere() {
    let (monitor, blocks) = life(9);
    let claim = claim(&monitor);
    let refused = |blocks: &[Block]| prove(&monitor, &claim, blocks).map(drop);
    assert_eq!(refused(&blocks[1..]), Err(ProveError::OtherEntries));
    let mut swapped = blocks.clone();
    swapped.swap(0, 1);
    assert_eq!(refused(&swapped), Err(ProveError::OtherEntries));
    let mut shorter = blocks;
    shorter[2].pop();
    assert_eq!(refused(&shorter), Err(ProveError::OtherEntries));
}

/// Number 13 of the circuits' list: what the monitor signed convicts it, and nobody else's word does.
#[test]
fn a_leaf_that_hides_other_counters_convicts() {
    type Step = fn(&mut SignedOpenings);
    let (monitor, _) = life(9);
    let accuse = |lie: Step, forge: Step| {
        let (at, openings) = &monitor.openings[&(monitor.tally(0), Epoch(2))];
        let opening = |counter, value, blinding| ShownOpening { counter, value, blinding };
        let (hiding, root) = openings.expose_hiding().unwrap();
        let counters = (0..9).map(|at| {
            let blinding = openings.expose_blinding(CounterIndex(at)).unwrap().expose().to_bytes();
            opening(at, openings.expose_value(CounterIndex(at)).unwrap(), blinding)
        });
        let hidden = [
            opening(ShownOpening::ENTRIES, 0, root.0),
            opening(ShownOpening::KAPPA, 0, bytes_of(hiding.expose()).0),
        ];
        let mut signed = SignedOpenings {
            openings: counters.chain(hidden).collect(),
            boot: fixture::boot_id(0),
            signature: Signature([0; 64]),
        };
        lie(&mut signed);
        let (leaves, checkpoint) = monitor.publish(&monitor.drafts);
        let leaf = leaves[*at].disclosed.clone();
        let encoded: Vec<Vec<u8>> = signed.openings.iter().map(Wire::to_cbor).collect();
        let root = merkle::OPENINGS.root(&encoded.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let message = signed_bytes(&tlog::leaf_hash(&leaf.leaf), &root);
        signed.signature = monitor.boot_keys[0].sign(domain::OPENINGS, &message);
        forge(&mut signed);
        let origin: String = monitor.origin.into();
        let view = LogView { origin: origin.clone(), checkpoint, leaves };
        let schema = monitor.schemas[0].clone();
        let charge = Charge::WrongKappa { view, leaf: leaf.index, schema, openings: signed };
        let accusation = Accusation { format: Accusation::FORMAT.into(), origin, charge };
        match ::verify::accusation::judge(&accusation.to_cbor(), &monitor.anchors()) {
            Ok(offence) => offence.code(),
            Err(unfounded) => unfounded.code(),
        }
    };
    let nothing: Step = |_| ();
    assert_eq!(accuse(nothing, nothing), "accusation-opening-right");
    let lies: [Step; 4] = [
        |signed| signed.openings[1].value += 1,
        |signed| signed.openings[9].blinding[31] ^= 1,
        |signed| signed.openings[10].blinding[31] ^= 1,
        |signed| signed.openings[10].blinding = [255; 32],
    ];
    for lie in lies {
        assert_eq!(accuse(lie, nothing), "wrong-kappa");
        assert_eq!(
            accuse(nothing, lie),
            "accusation-opening-signature",
            "the monitor did not say so"
        );
    }
    let partly: [Step; 2] = [
        |s| s.openings.retain(|o| o.counter != ShownOpening::KAPPA),
        |s| s.openings.retain(|o| o.counter != 3),
    ];
    for lie in partly {
        assert_eq!(accuse(lie, nothing), "accusation-opening-path");
    }
    assert_eq!(accuse(nothing, |s| s.boot = fixture::boot_id(1)), "accusation-view");
}

/// The rules are those of the pact that was in force over the whole range.
#[test]
fn one_pact_with_its_own_rules() {
    let (monitor, blocks) = life(5);
    let proven = prove(&monitor, &claim(&monitor), &blocks).unwrap();
    let mut drafts = monitor.drafts.clone();
    let Publication::Pact(PactBody { rules, .. }) = &mut drafts[1].publication else { panic!() };
    rules.0[31] ^= 1;
    let (leaves, checkpoint) = monitor.publish(&drafts);
    let mut bundle = monitor.bundle(vec![proven]);
    bundle.logs[0].leaves = leaves;
    bundle.logs[0].checkpoint = checkpoint;
    let findings = monitor.appraised();
    let findings = Findings { appraised: &findings, timestamped: &[] };
    let report =
        ::verify::verify(&bundle.to_cbor(), &anchors(&monitor), findings, fixture::NOW).unwrap();
    assert_eq!(report.items[0].verdict.code(), "segment-proof");

    // The pact was revised in the second epoch: what was in force before it is another one.
    let revised = Monitor::revised_that_lets_out(Predicate::Obeyed);
    let claim = claim(&revised);
    let refused = prove(&revised, &claim, &[]).map(drop);
    assert_eq!(refused, Err(ProveError::Refutable(Fault::ObeyedRevised)));
    // A verifier says so too, whatever the proof.
    let (leaves, _) = revised.publish(&revised.drafts);
    let ground = revised.ground(&leaves, &claim, 0);
    let stand = Stand {
        before: ground.before.index,
        after: ground.after.index,
        pact: ground.pact.index,
        consent: ground.consent,
        commitments: Vec::new(),
    };
    let (between, proofs) = (Vec::new(), vec![[0; 128]]);
    let proof = Proof::Segments(SegmentsProof { key: key(&revised).digest(), between, proofs });
    let shown = ProvenClaim { claim, stands: vec![stand], proof };
    assert_eq!(verify(&revised, &anchors(&revised), vec![shown]), ["obeyed-revised"]);
}
