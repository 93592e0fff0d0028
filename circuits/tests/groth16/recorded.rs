//! Recorded sessions of real agents, judged under the example pacts, as segments.

use std::path::{Path, PathBuf};

use ark_bn254::Fr;
use cloister_circuits::entry::Packed;
use cloister_circuits::keys::Prover;
use cloister_circuits::log::{self, BLOCK, Block, COUNTERS};
use cloister_circuits::rules::Rules;
use cloister_circuits::segment::{self, BLOCKS, Witness};
use messages::circuit::Setup;
use messages::event::Body;
use messages::segment::{Entry, Outcome, moved};
use messages::time::UnixMillis;
use pact::{Approval, Compiled, Decision, Mode, Pact, SessionState, StandingState, check, compile};
use verify::groth16::{PinnedKey, SEGMENT, Unverified, verify};

use crate::preimage::rng;

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let there = folder.join("traces/sessions").is_dir();
    if !there {
        eprintln!("skipped: the recorded sessions (../shared/traces) are absent");
    }
    there.then_some(folder)
}

/// What a suite's sessions leave in one tally: entries in order, and the counters in the end.
struct Recorded {
    compiled: Compiled,
    entries: Vec<Entry>,
    counters: [u64; COUNTERS],
}

fn recorded(shared: &Path, suite: &str, sessions: &str) -> Recorded {
    let file = shared.join(format!("design/pact/example-{suite}.pact.json"));
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let pact = Pact::parse(document.to_string().as_bytes()).unwrap();
    let compiled = compile(&pact).unwrap().with_mode(Mode::Interventionist);
    let (from, _) = compiled.term();
    let (mut standing, mut entries) = (StandingState::default(), Vec::new());
    let mut totals = vec![0; compiled.schema().counters.len()];
    let mut now = from;
    for session in traces::read(&shared.join("traces/sessions").join(sessions)).unwrap() {
        let mut state = SessionState::new([7; 16]);
        for recorded in &session.events {
            let event = recorded.event();
            now = UnixMillis(now.0 + 1000);
            let mut looks =
                vec![check(&compiled, &state, &standing, &event, Approval::Absent, now)];
            state.apply(&looks[0].change);
            standing.apply(&looks[0].change);
            // An overseer approves what may be approved.
            let call = matches!(event.body, Body::Call { .. });
            if call && looks[0].verdict.decision == Decision::Escalate {
                looks.push(check(&compiled, &state, &standing, &event, Approval::Granted, now));
                state.apply(&looks[1].change);
                standing.apply(&looks[1].change);
            }
            for look in looks {
                for (counter, n) in look.change.counters() {
                    totals[usize::from(counter.0)] += n;
                }
                entries.push(compiled.entry(event.hash().unwrap(), &look.change));
                // An overseer approves what may be approved.
                if !(call && look.verdict.decision == Decision::Escalate) {
                    break;
                }
            }
        }
    }
    let mut counters = [0; COUNTERS];
    for (place, counter) in counters.iter_mut().zip(moved(compiled.schema())) {
        *place = counter.map_or(0, |at| totals[usize::from(at.0)]);
    }
    Recorded { compiled, entries, counters }
}

fn blocks(entries: &[Entry], rules: &Rules) -> Vec<Block> {
    let nonce = |at: usize| {
        let mut nonce = [0x31; 32];
        nonce[..8].copy_from_slice(&(at as u64).to_le_bytes());
        nonce
    };
    let packed: Vec<Packed> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| Packed::new(entry, rules, &nonce(at)))
        .collect();
    packed.chunks(BLOCK).map(<[Packed]>::to_vec).collect()
}

/// The segments of a log from its beginning, each with its statement.
fn segments(of: &Recorded) -> Vec<(segment::Statement, Witness)> {
    let rules = Rules::new(&of.compiled.rule_table());
    let (mut root, mut counters) = (log::start(), [0; COUNTERS]);
    let blinding = |at: usize| Fr::from(at as u64 + 1000);
    let all = blocks(&of.entries, &rules);
    let chunks = all.chunks(BLOCKS).enumerate();
    chunks
        .map(|(at, blocks)| {
            let blindings = [blinding(at), blinding(at + 1)];
            let (rules, blocks) = (rules.clone(), blocks.to_vec());
            let witness = Witness { rules, root, counters, blindings, blocks };
            let statement = witness.statement(Fr::from(7u64));
            (root, counters) = (witness.root_after(), witness.counters_after());
            (statement, witness)
        })
        .collect()
}

const SUITES: [(&str, &str); 3] = [
    ("airline", "airline.tau-bench.ndjson.gz"),
    ("banking", "banking.agentdojo-groundtruth.ndjson.gz"),
    ("workspace", "workspace.agentdojo-groundtruth.ndjson.gz"),
];

#[test]
fn recorded_sessions_are_segments_that_hold() {
    let Some(shared) = shared() else { return };
    for (suite, sessions) in SUITES {
        let recorded = recorded(&shared, suite, sessions);
        let segments = segments(&recorded);
        let ran = recorded.entries.iter().filter(|entry| entry.ran.is_some()).count();
        assert!(segments.len() >= 2 && ran > 20, "{suite}: {} {ran}", segments.len());
        for (at, (statement, witness)) in segments.iter().enumerate() {
            let held = segment::assign(statement, witness).satisfied().map(<[Fr]>::len);
            assert!(held.is_ok(), "{suite}, segment {at}: {held:?}");
        }
        for (before, after) in segments.iter().zip(segments.iter().skip(1)) {
            assert_eq!(before.0.kappa_out, after.0.kappa_in);
        }
        // What the circuit counts is what the tally counts.
        assert_eq!(segments.last().unwrap().1.counters_after(), recorded.counters, "{suite}");
    }
}

#[test]
fn a_flipped_permission_amount_or_order_of_a_recorded_session_cannot_be_proven() {
    let Some(shared) = shared() else { return };
    let recorded = recorded(&shared, "banking", "banking.agentdojo-groundtruth.ndjson.gz");
    let (honest, witness) = segments(&recorded).remove(0);
    let entries = &recorded.entries[..witness.blocks.iter().flatten().count()];
    let holds = |entries: &[Entry], rules: &Rules| {
        let blocks = blocks(entries, rules);
        let Witness { root, counters, blindings, .. } = witness;
        let other = Witness { rules: rules.clone(), root, counters, blindings, blocks };
        let own = other.statement(honest.context);
        let held = |statement| segment::assign(statement, &other).satisfied().is_ok();
        // As a witness of the honest statement, and of the one that it would make by itself.
        (held(&honest), held(&own))
    };
    let rules = &witness.rules;
    assert_eq!(holds(entries, rules), (true, true));
    let place = |of: &dyn Fn(&Entry) -> bool| entries.iter().position(of).unwrap();
    let with = |at: usize, change: &dyn Fn(&mut Entry)| {
        let mut entries = entries.to_vec();
        change(&mut entries[at]);
        holds(&entries, rules)
    };
    // What was refused or waits is shown as permitted: no such row, or another history.
    let waits = place(&|e| e.outcome == Some(Outcome::Escalated));
    assert!(!with(waits, &|e| e.outcome = Some(Outcome::Permitted)).0);
    assert!(!with(waits, &|e| e.outcome = Some(Outcome::Permitted)).1, "nothing ran");
    // What ran is shown as refused: it ran.
    let ran = place(&|e| e.outcome == Some(Outcome::Permitted));
    assert_eq!(with(ran, &|e| e.outcome = Some(Outcome::Denied)), (false, false));
    // Another amount.
    let paid = place(&|e| e.amount > 0);
    assert!(!with(paid, &|e| e.amount += 1).0);
    // Another order, of two that differ.
    let mut swapped = entries.to_vec();
    swapped.swap(ran, ran + 1);
    assert!(!holds(&swapped, rules).0);
    // A call that the pact does not list any more.
    let mut table = recorded.compiled.rule_table();
    let number = usize::from(entries[ran].ran.unwrap());
    table.calls[number].permitted = None;
    assert_eq!(holds(entries, &Rules::new(&table)), (false, false));
    // One that is dearer than its ceiling.
    let mut table = recorded.compiled.rule_table();
    let number = usize::from(entries[paid].ran.unwrap());
    let below = entries[paid].amount - 1;
    (table.calls[number].permitted, table.calls[number].approved) = (Some(below), Some(below));
    assert_eq!(holds(entries, &Rules::new(&table)), (false, false));
}

#[test]
fn the_segments_of_recorded_sessions_are_proven_and_verify_together() {
    let Some(shared) = shared() else { return };
    let recorded = recorded(&shared, "banking", "banking.agentdojo-groundtruth.ndjson.gz");
    let shape = segment::shape();
    let prover = Prover::insecure_test(&shape).unwrap();
    let key = prover.circuit_key("segment", &shape, Setup::InsecureTest);
    let pinned = PinnedKey::dangerous_open_test_key(&key, &SEGMENT, &key.digest()).unwrap();
    let proven: Vec<_> = segments(&recorded)
        .iter()
        .map(|(statement, witness)| {
            prover.prove(&segment::assign(statement, witness), &mut rng(1)).unwrap()
        })
        .collect();
    let read = proven.iter().map(|p| Unverified::read(&pinned, &p.proof, &p.inputs).unwrap());
    let verdicts = verify(&read.collect::<Vec<_>>());
    assert!(verdicts.len() >= 2 && verdicts.iter().all(|held| *held), "{verdicts:?}");
}
