//! Each thing that a proof is bound to, changed alone, breaks it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]

#[path = "support/monitor.rs"]
mod monitor;

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use curve25519_dalek::ristretto::CompressedRistretto;
use messages::bundle::ProvenClaim;
use messages::claim::{Audience, Claim};
use messages::codec::Wire;
use messages::evidence::Conceptual;
use messages::ids::{BootId, Commitment, EvidenceId, LeafHash, PactHash, SchemaHash};
use messages::leaf::BootBody;
use messages::signature::PublicKey;
use messages::time::{Epoch, UnixMillis};
use monitor::{Monitor, auditor, party_did};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use verify::statement::Width;
use verify::transcript::{Binding, Points, begin};
use verify::{Fault, Statement, verify_proof};

struct Proven {
    statement: Statement,
    proven: ProvenClaim,
    before: LeafHash,
    after: LeafHash,
    boot: BootBody,
}

fn prove(predicate: usize) -> Proven {
    let monitor = Monitor::start();
    let predicate = &monitor.predicates[predicate];
    let proven = monitor.prove(&monitor.claim(predicate, 1, 2)).unwrap();
    let (leaves, _) = monitor.publish(&monitor.drafts);
    Proven {
        statement: Statement::new(predicate, &monitor.schemas[0]).unwrap(),
        before: tlog::leaf_hash(&leaves[2].disclosed.leaf),
        after: tlog::leaf_hash(&leaves[7].disclosed.leaf),
        boot: BootBody::from_cbor(&leaves[6].disclosed.body).unwrap(),
        proven,
    }
}

impl Proven {
    fn binding(&self) -> Binding<'_> {
        Binding {
            root_pact: PactHash([7; 32]),
            pact: PactHash([7; 32]),
            schema: monitor::schema().hash(),
            before: self.before,
            after: self.after,
            boot: self.boot.boot,
            boot_key: self.boot.boot_key,
            evidence: Conceptual::from_cbor(&self.boot.evidence).unwrap().evidence_id(),
            commitments: &self.proven.commitments,
            claim: &self.proven.claim,
        }
    }
}

const RANGE: usize = 0;
const RATIO: usize = 3;
const NONE: usize = 5;
const EQUAL: usize = 6;

#[test]
fn every_field_of_the_binding_changed_alone_breaks_the_proof() {
    for (predicate, fault) in
        [(RANGE, Fault::RangeProof), (RATIO, Fault::RangeProof), (NONE, Fault::EqualityProof)]
    {
        let p = prove(predicate);
        let good = p.binding();
        assert_eq!(verify_proof(&p.statement, &good, &p.proven.proof), Ok(()));
        // Destructured so that a new field cannot be forgotten here. Claim and commitments have
        // tests of their own below.
        let Binding {
            root_pact: _,
            pact: _,
            schema: _,
            before: _,
            after: _,
            boot: _,
            boot_key: _,
            evidence: _,
            commitments: _,
            claim: _,
        } = good;
        let changed = [
            Binding { root_pact: PactHash([8; 32]), ..good.clone() },
            Binding { pact: PactHash([8; 32]), ..good.clone() },
            Binding { schema: SchemaHash([8; 32]), ..good.clone() },
            Binding { before: LeafHash([8; 32]), ..good.clone() },
            Binding { after: LeafHash([8; 32]), ..good.clone() },
            Binding { boot: BootId([8; 32]), ..good.clone() },
            Binding { boot_key: PublicKey([8; 32]), ..good.clone() },
            Binding { evidence: EvidenceId([8; 32]), ..good.clone() },
        ];
        for (i, binding) in changed.iter().enumerate() {
            assert_eq!(verify_proof(&p.statement, binding, &p.proven.proof), Err(fault), "{i}");
        }
    }
}

#[test]
fn every_field_of_the_claim_changed_alone_breaks_the_proof() {
    let p = prove(RANGE);
    let Claim { predicate, range, audience: _, expiry, admitted_gaps: _ } = p.proven.claim.clone();
    let good = &p.proven.claim;
    let other = Monitor::start().predicates[1].clone();
    assert_ne!(other, predicate);
    let (mut tally, mut first, mut last) = (range, range, range);
    tally.tally.0[0] ^= 1;
    first.first = Epoch(2);
    last.last = Epoch(3);
    let audience = |did, nonce| Audience::Verifier { did, nonce };
    let changed = [
        Claim { predicate: other, ..good.clone() },
        Claim { range: tally, ..good.clone() },
        Claim { range: first, ..good.clone() },
        Claim { range: last, ..good.clone() },
        Claim { audience: Audience::Public, ..good.clone() },
        Claim { audience: audience(party_did(0), monitor::NONCE), ..good.clone() },
        Claim { audience: audience(auditor(), [0; 32]), ..good.clone() },
        Claim { expiry: UnixMillis(expiry.0 + 1), ..good.clone() },
        Claim { admitted_gaps: 1, ..good.clone() },
    ];
    for claim in &changed {
        let binding = Binding { claim, ..p.binding() };
        let refused = verify_proof(&p.statement, &binding, &p.proven.proof);
        assert_eq!(refused, Err(Fault::RangeProof), "{claim:?}");
    }
}

#[test]
fn the_statement_and_its_commitments_are_the_verifiers_own() {
    let p = prove(RANGE);
    let schema = monitor::schema();
    let name = "calls.denied".to_owned();
    let looser = messages::claim::Predicate::AtMost { counter: name, bound: 6 };
    let looser = Statement::new(&looser, &schema).unwrap();
    assert_eq!(verify_proof(&looser, &p.binding(), &p.proven.proof), Err(Fault::RangeProof));
    let mut swapped = p.proven.commitments.clone();
    for opened in &mut swapped {
        core::mem::swap(opened.before.as_mut().unwrap(), &mut opened.after);
    }
    let binding = Binding { commitments: &swapped, ..p.binding() };
    assert_eq!(verify_proof(&p.statement, &binding, &p.proven.proof), Err(Fault::RangeProof));
    let binding = Binding { commitments: &[], ..p.binding() };
    assert_eq!(verify_proof(&p.statement, &binding, &p.proven.proof), Err(Fault::CommitmentSet));
}

#[test]
fn width_count_pads_and_points_enter_the_transcript() {
    let p = prove(RATIO);
    let forms = [Commitment([1; 32]), Commitment([2; 32])];
    let high = [Commitment([3; 32])];
    let good = Points { width: Some(Width::W64), pads: 1, forms: &forms, high: &high };
    let Points { width: _, pads: _, forms: _, high: _ } = good;
    let challenge = |points: &Points<'_>| {
        let mut bytes = [0; 32];
        begin(&p.binding(), points).challenge_bytes(b"test", &mut bytes);
        bytes
    };
    let turned = [forms[1], forms[0]];
    let changed = [
        Points { width: Some(Width::W32), ..good },
        Points { width: None, ..good },
        Points { pads: 2, ..good },
        Points { forms: &turned, ..good },
        Points { forms: &forms[..1], ..good },
        Points { high: &forms[..1], ..good },
        Points { high: &[], ..good },
    ];
    assert_eq!(challenge(&good), challenge(&good));
    for points in &changed {
        assert_ne!(challenge(&good), challenge(points), "{points:?}");
    }
}

#[test]
fn equality_nonces_differ_between_transcripts_under_one_generator() {
    // The test monitor's generator is always seeded alike: the nonce must still differ.
    let (none, equal) = (prove(NONE), prove(EQUAL));
    let nonce = |p: &Proven| p.proven.proof.equalities[0].nonce;
    assert_ne!(nonce(&none), nonce(&equal));
    assert_eq!(nonce(&none), nonce(&prove(NONE)), "the generator is seeded alike");
}

#[test]
fn our_verdict_is_that_of_the_proof_systems_own_verifier() {
    // A single range proof, verified apart from this project's statement code, intact and with
    // each byte of it changed.
    let p = prove(RANGE);
    let form = p.statement.inequalities().next().unwrap();
    let opened = &p.proven.commitments[0];
    let point = |c: &Commitment| CompressedRistretto(c.0).decompress().unwrap();
    let growth = [(
        form.coefficients.keys().copied().next().unwrap(),
        point(&opened.after) - point(&opened.before.unwrap()),
    )];
    let v = form.point(&growth.into_iter().collect()).unwrap().compress();
    let forms = [Commitment(v.to_bytes())];
    let points = Points { width: Some(Width::W8), pads: 0, forms: &forms, high: &[] };
    let gens = BulletproofGens::new(8, 1);
    let theirs = |bytes: &[u8]| {
        RangeProof::from_bytes(bytes).is_ok_and(|proof| {
            let mut rng = ChaCha20Rng::from_seed([1; 32]);
            let mut t = begin(&p.binding(), &points);
            proof
                .verify_single_with_rng(&gens, &PedersenGens::default(), &mut t, &v, 8, &mut rng)
                .is_ok()
        })
    };
    let mut proof = p.proven.proof.clone();
    assert!(theirs(&proof.range));
    for at in 0..proof.range.len() {
        proof.range[at] ^= 1 << (at % 8);
        let ours = verify_proof(&p.statement, &p.binding(), &proof).is_ok();
        assert_eq!(ours, theirs(&proof.range), "byte {at}");
        assert!(!ours, "byte {at}");
        proof.range[at] ^= 1 << (at % 8);
    }
}

#[test]
fn a_value_one_below_the_bound_does_not_wrap_into_range() {
    // Five calls were denied; "at most 4" makes L = -1. The prover knows the blinding of V and
    // tries every small value that could stand in for -1.
    let p = prove(RANGE);
    let monitor = Monitor::start();
    let name = "calls.denied".to_owned();
    let predicate = messages::claim::Predicate::AtMost { counter: name, bound: 4 };
    let statement = Statement::new(&predicate, &monitor.schemas[0]).unwrap();
    let blinding = |epoch| {
        let openings = &monitor.openings[&(monitor.tally(0), Epoch(epoch))].1;
        *openings.expose_blinding(messages::counter::CounterIndex(2)).unwrap().expose()
    };
    let rho = blinding(0) - blinding(2);
    let gens = PedersenGens::default();
    let v = gens.commit(-curve25519_dalek::Scalar::ONE, rho).compress();
    let forms = [Commitment(v.to_bytes())];
    for (value, bits) in [(255, 8), (0, 8), (1, 8), (u64::MAX, 64)] {
        let points = Points { width: statement.width(), pads: 0, forms: &forms, high: &[] };
        let (range, _) = RangeProof::prove_single_with_rng(
            &BulletproofGens::new(64, 1),
            &gens,
            &mut begin(&p.binding(), &points),
            value,
            &rho,
            bits,
            &mut ChaCha20Rng::from_seed([2; 32]),
        )
        .unwrap();
        let proof = messages::bundle::Proof {
            equalities: Vec::new(),
            high: Vec::new(),
            range: range.to_bytes(),
        };
        let refused = verify_proof(&statement, &p.binding(), &proof);
        assert_eq!(refused, Err(Fault::RangeProof), "{value} in {bits} bits");
    }
}

#[test]
fn proofs_under_a_fixed_generator_are_the_published_vectors() {
    // A change here changes the format: every proof that was handed out stops verifying.
    let digest = |predicate| {
        let proof = prove(predicate).proven.to_bytes();
        messages::ids::Root(messages::domain::CLAIM.hash(&[&proof])).to_string()
    };
    assert_eq!([digest(RANGE), digest(RATIO), digest(EQUAL)], VECTORS);
}

trait ToBytes {
    fn to_bytes(&self) -> Vec<u8>;
}

impl ToBytes for ProvenClaim {
    fn to_bytes(&self) -> Vec<u8> {
        let equalities = self.proof.equalities.iter().flat_map(|e| [e.nonce.0, e.response]);
        let points = equalities.chain(self.proof.high.iter().map(|c| c.0));
        points.flatten().chain(self.proof.range.iter().copied()).collect()
    }
}

const VECTORS: [&str; 3] = [
    "sha256:b5c811cf7e48e10ae2202acb62bd925fb9f6d1f1365eb4e24a5137527700facc",
    "sha256:05c7d48661942ca5495345f4fabfbf155ec02bfb8cd2eaa4952628ab941c5a8e",
    "sha256:509e8ae0b5af611a1ea59a89b6964fc68e3feabae165331b9cdb55b18808ef9c",
];
