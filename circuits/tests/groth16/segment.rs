//! The segment circuit with a key: from entries to 128 bytes that a strict verifier takes.

use ark_bn254::Fr;
use cloister_circuits::entry::Packed;
use cloister_circuits::keys::{ProveError, Prover};
use cloister_circuits::log::{self, BLOCK, COUNTERS};
use cloister_circuits::rules::Rules;
use cloister_circuits::segment::{self, Witness};
use messages::circuit::Setup;
use messages::counter::CounterIndex;
use messages::ids::EventHash;
use messages::segment::{CallRule, Entry, Outcome, RuleTable};
use verify::groth16::{PinnedKey, SEGMENT, Unverified, verify};

use crate::preimage::rng;

fn witness(amounts: &[u64]) -> Witness {
    let pay = CallRule {
        counter: CounterIndex(22),
        permitted: Some(1000),
        approved: None,
        sum: Some(0),
        most: 100,
    };
    let sum = messages::segment::SumRule { counter: CounterIndex(23), most: 100_000 };
    let rules = Rules::new(&RuleTable { calls: vec![pay], sums: vec![sum] });
    let entry = |amount: &u64| Entry {
        event: EventHash([1; 32]),
        taken: true,
        opens: false,
        outcome: Some(Outcome::Permitted),
        ran: Some(0),
        amount: *amount,
        alert: false,
        answer: None,
        latency: None,
        breach: false,
        bytes: 9,
        pii: 0,
    };
    let packed: Vec<Packed> =
        amounts.iter().map(|amount| Packed::new(&entry(amount), &rules, &[3; 32])).collect();
    let blocks = packed.chunks(BLOCK).map(<[Packed]>::to_vec).collect();
    let (root, blindings) = (log::start(), [Fr::from(1u64), Fr::from(2u64)]);
    Witness { rules, root, counters: [0; COUNTERS], blindings, blocks }
}

#[test]
fn a_segment_is_proven_in_128_bytes() {
    let shape = segment::shape();
    let prover = Prover::insecure_test(&shape).unwrap();
    let key = prover.circuit_key("segment", &shape, Setup::InsecureTest);
    let pinned = PinnedKey::dangerous_open_test_key(&key, &SEGMENT, &key.digest()).unwrap();
    let honest = witness(&[10, 1000, 0, 7, 900, 999]);
    let statement = honest.statement(Fr::from(77u64));
    let proven = prover.prove(&segment::assign(&statement, &honest), &mut rng(5)).unwrap();
    assert_eq!(proven.proof.len(), 128);
    let read = Unverified::read(&pinned, &proven.proof, &proven.inputs).unwrap();
    assert_eq!(verify(&[read]), [true]);
    // Every input is bound, the context too.
    for at in 0..proven.inputs.len() {
        let mut inputs = proven.inputs.clone();
        inputs[at].0[31] ^= 1;
        let read = Unverified::read(&pinned, &proven.proof, &inputs).unwrap();
        assert_eq!(verify(&[read]), [false], "input {at}");
    }
    let greedy = witness(&[10, 1001]);
    let statement = greedy.statement(Fr::from(77u64));
    let refused = prover.prove(&segment::assign(&statement, &greedy), &mut rng(5));
    assert!(matches!(refused, Err(ProveError::Unsatisfied { .. })));
}
