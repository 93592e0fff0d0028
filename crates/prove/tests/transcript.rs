//! Each thing that a proof is bound to, changed alone, breaks it.
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

use bulletproofs::{BulletproofGens, PedersenGens, RangeProof};
use curve25519_dalek::ristretto::CompressedRistretto;
use fixture::{auditor, party_did};
use messages::bundle::{LinearProof, OpenedCommitments, Proof, ProvenClaim};
use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::evidence::Conceptual;
use messages::ids::{BootId, Commitment, EvidenceId, LeafHash, PactHash, SchemaHash};
use messages::leaf::{BootBody, TallyBody};
use messages::signature::PublicKey;
use messages::time::{Epoch, UnixMillis};
use monitor::Monitor;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use verify::range::Parties;
use verify::statement::Place;
use verify::transcript::{Binding, Points, StandBinding, linear};
use verify::{Fault, Statement, generators, verify_proof};

struct Proven {
    statement: Statement,
    proven: ProvenClaim,
    before: TallyBody,
    after: TallyBody,
    leaves: [LeafHash; 2],
    boot: BootBody,
    log_key: PublicKey,
}

fn prove(predicate: usize) -> Proven {
    let monitor = Monitor::start();
    let predicate = &monitor.predicates[predicate];
    let proven = monitor.prove(&monitor.claim(predicate, 1, 2)).unwrap();
    let (leaves, _) = monitor.publish(&monitor.drafts);
    let tally = |at: usize| TallyBody::from_cbor(&leaves[at].disclosed.body).unwrap();
    let (before, after) = (tally(2), tally(7));
    let stretch = verify::stretch(&monitor.schemas[0], &before, &after);
    Proven {
        statement: Statement::new(predicate, &[stretch]).unwrap(),
        leaves: [2, 7].map(|at: usize| tlog::leaf_hash(&leaves[at].disclosed.leaf)),
        boot: BootBody::from_cbor(&leaves[6].disclosed.body).unwrap(),
        log_key: monitor.log_key.public(),
        before,
        after,
        proven,
    }
}

impl Proven {
    fn stand(&self) -> StandBinding<'_> {
        StandBinding {
            log_key: self.log_key,
            pact: PactHash([7; 32]),
            schema: fixture::schema().hash(),
            before: self.leaves[0],
            after: self.leaves[1],
            boot: self.boot.boot,
            boot_key: self.boot.boot_key,
            evidence: Conceptual::from_cbor(&self.boot.evidence).unwrap().evidence_id(),
            commitments: &self.proven.stands[0].commitments,
        }
    }

    fn proof(&self) -> &LinearProof {
        let Proof::ZeroKnowledge(proof) = &self.proven.proof else { panic!() };
        proof
    }

    /// The verdict on the proof under another claim, statement or stand.
    fn verify(
        &self,
        claim: &Claim,
        statement: &Statement,
        stand: StandBinding<'_>,
        proof: &LinearProof,
    ) -> Result<(), Fault> {
        let opened = stand.commitments.iter();
        let place = |o: &OpenedCommitments| Place { range: 0, counter: CounterIndex(o.counter) };
        verify_proof(
            core::slice::from_ref(statement),
            &Binding { claim, stands: &[stand] },
            opened.map(|o| (place(o), o)),
            &[[self.before.cut, self.after.cut]],
            proof,
        )
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
        let good = p.stand();
        let verify = |stand| p.verify(&p.proven.claim, &p.statement, stand, p.proof());
        assert_eq!(verify(good), Ok(()));
        // Destructured so that a new field cannot be forgotten here. Commitments have a test of
        // their own below.
        let StandBinding {
            log_key: _,
            pact: _,
            schema: _,
            before: _,
            after: _,
            boot: _,
            boot_key: _,
            evidence: _,
            commitments: _,
        } = good;
        let changed = [
            StandBinding { log_key: PublicKey([8; 32]), ..good },
            StandBinding { pact: PactHash([8; 32]), ..good },
            StandBinding { schema: SchemaHash([8; 32]), ..good },
            StandBinding { before: LeafHash([8; 32]), ..good },
            StandBinding { after: LeafHash([8; 32]), ..good },
            StandBinding { boot: BootId([8; 32]), ..good },
            StandBinding { boot_key: PublicKey([8; 32]), ..good },
            StandBinding { evidence: EvidenceId([8; 32]), ..good },
        ];
        for (i, stand) in changed.into_iter().enumerate() {
            assert_eq!(verify(stand), Err(fault), "{i}");
        }
    }
}

#[test]
fn every_field_of_the_claim_changed_alone_breaks_the_proof() {
    let p = prove(RANGE);
    let Claim { statements, ranges, audience: _, expiry, admitted_gaps: _ } =
        p.proven.claim.clone();
    let good = &p.proven.claim;
    let other = Monitor::start().predicates[1].clone();
    assert_ne!(other, statements[0]);
    let [range] = ranges.as_slice() else { panic!() };
    let Range { origin: _, root: _, party: _, generation: _, first: _, last: _ } = range.clone();
    let ranges = |range: Range| Claim { ranges: vec![range], ..good.clone() };
    let audience = |did, nonce| Audience::Verifier { did, nonce };
    let changed = [
        Claim { statements: vec![other.clone()], ..good.clone() },
        Claim { statements: vec![statements[0].clone(), other], ..good.clone() },
        ranges(Range { origin: "other.example/log".into(), ..range.clone() }),
        ranges(Range { root: PactHash([8; 32]), ..range.clone() }),
        ranges(Range { party: party_did(1), ..range.clone() }),
        ranges(Range { generation: 1, ..range.clone() }),
        ranges(Range { first: Epoch(2), ..range.clone() }),
        ranges(Range { last: Epoch(3), ..range.clone() }),
        Claim { ranges: vec![range.clone(), range.clone()], ..good.clone() },
        Claim { audience: Audience::Public, ..good.clone() },
        Claim { audience: audience(party_did(0), fixture::NONCE), ..good.clone() },
        Claim { audience: audience(auditor(), [0; 32]), ..good.clone() },
        Claim { expiry: UnixMillis(expiry.0 + 1), ..good.clone() },
        Claim { admitted_gaps: 1, ..good.clone() },
    ];
    for claim in &changed {
        let refused = p.verify(claim, &p.statement, p.stand(), p.proof());
        assert_eq!(refused, Err(Fault::RangeProof), "{claim:?}");
    }
}

#[test]
fn the_statement_and_its_commitments_are_the_verifiers_own() {
    let p = prove(RANGE);
    let schema = fixture::schema();
    let looser = Predicate::at_most("calls.denied", 6);
    let stretch = verify::stretch(&schema, &p.before, &p.after);
    let looser = Statement::new(&looser, &[stretch]).unwrap();
    let verify = |statement, stand| p.verify(&p.proven.claim, statement, stand, p.proof());
    assert_eq!(verify(&looser, p.stand()), Err(Fault::RangeProof));
    let mut swapped = p.proven.stands[0].commitments.clone();
    for opened in &mut swapped {
        core::mem::swap(opened.before.as_mut().unwrap(), &mut opened.after);
    }
    let stand = StandBinding { commitments: &swapped, ..p.stand() };
    assert_eq!(verify(&p.statement, stand), Err(Fault::RangeProof));
    let stand = StandBinding { commitments: &[], ..p.stand() };
    assert_eq!(verify(&p.statement, stand), Err(Fault::CommitmentSet));
}

#[test]
fn width_count_pads_and_points_enter_the_transcript() {
    let p = prove(RATIO);
    let forms = [Commitment([1; 32]), Commitment([2; 32])];
    let high = [Commitment([3; 32])];
    let parties = |bits, count, pads| Parties { bits, points: vec![generators::G; count], pads };
    let same = parties(64, 4, 1);
    let good = Points { parties: Some(&same), forms: &forms, high: &high };
    let Points { parties: _, forms: _, high: _ } = good;
    let challenge = |points: &Points<'_>| {
        let stands = [p.stand()];
        let mut bytes = [0; 32];
        let binding = Binding { claim: &p.proven.claim, stands: &stands };
        linear(&binding, points).challenge_bytes(b"test", &mut bytes);
        bytes
    };
    let turned = [forms[1], forms[0]];
    let others = [parties(32, 4, 1), parties(64, 2, 1), parties(64, 4, 2)];
    let changed = [
        Points { parties: Some(&others[0]), ..good },
        Points { parties: Some(&others[1]), ..good },
        Points { parties: Some(&others[2]), ..good },
        Points { parties: None, ..good },
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
    let nonce = |p: &Proven| p.proof().equalities[0].nonce;
    assert_ne!(nonce(&none), nonce(&equal));
    assert_eq!(nonce(&none), nonce(&prove(NONE)), "the generator is seeded alike");
}

#[test]
fn our_verdict_is_that_of_the_proof_systems_own_verifier() {
    // A single range proof, verified apart from this project's statement code, intact and with
    // each byte of it changed.
    let p = prove(RANGE);
    let (form, width) = p.statement.inequalities().next().unwrap();
    let opened = &p.proven.stands[0].commitments[0];
    let point = |c: &Commitment| CompressedRistretto(c.0).decompress().unwrap();
    let growth = [(
        form.coefficients.keys().copied().next().unwrap(),
        point(&opened.after) - point(&opened.before.unwrap()),
    )];
    let v = form.point(&growth.into_iter().collect()).unwrap();
    let forms = [Commitment(v.compress().to_bytes())];
    let parties = Parties::of(&[(width, v)], &[]).unwrap();
    let points = Points { parties: Some(&parties), forms: &forms, high: &[] };
    let gens = BulletproofGens::new(8, 1);
    let theirs = |bytes: &[u8]| {
        RangeProof::from_bytes(bytes).is_ok_and(|proof| {
            let mut rng = ChaCha20Rng::from_seed([1; 32]);
            let stands = [p.stand()];
            let mut t = linear(&Binding { claim: &p.proven.claim, stands: &stands }, &points);
            let v = v.compress();
            proof
                .verify_single_with_rng(&gens, &PedersenGens::default(), &mut t, &v, 8, &mut rng)
                .is_ok()
        })
    };
    let mut proof = p.proof().clone();
    assert!(theirs(&proof.range));
    for at in 0..proof.range.len() {
        proof.range[at] ^= 1 << (at % 8);
        let ours = p.verify(&p.proven.claim, &p.statement, p.stand(), &proof).is_ok();
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
    let stretch = verify::stretch(&monitor.schemas[0], &p.before, &p.after);
    let predicate = Predicate::at_most("calls.denied", 4);
    let statement = Statement::new(&predicate, &[stretch]).unwrap();
    let (_, width) = statement.inequalities().next().unwrap();
    let blinding = |epoch| {
        let openings = &monitor.openings[&(monitor.tally(0), Epoch(epoch))].1;
        *openings.expose_blinding(CounterIndex(2)).unwrap().expose()
    };
    let rho = blinding(0) - blinding(2);
    let gens = PedersenGens::default();
    let v = gens.commit(-curve25519_dalek::Scalar::ONE, rho);
    let forms = [Commitment(v.compress().to_bytes())];
    let parties = Parties::of(&[(width, v)], &[]).unwrap();
    for (value, bits) in [(255, 8), (0, 8), (1, 8), (u64::MAX, 64)] {
        let points = Points { parties: Some(&parties), forms: &forms, high: &[] };
        let stands = [p.stand()];
        let (range, _) = RangeProof::prove_single_with_rng(
            &BulletproofGens::new(64, 1),
            &gens,
            &mut linear(&Binding { claim: &p.proven.claim, stands: &stands }, &points),
            value,
            &rho,
            bits,
            &mut ChaCha20Rng::from_seed([2; 32]),
        )
        .unwrap();
        let proof =
            LinearProof { equalities: Vec::new(), high: Vec::new(), range: range.to_bytes() };
        let refused = p.verify(&p.proven.claim, &statement, p.stand(), &proof).unwrap_err();
        // A proof of more bits is of another length.
        let expected = if bits == 8 { Fault::RangeProof } else { Fault::RangeEncoding };
        assert_eq!(refused, expected, "{value} in {bits} bits");
    }
}
