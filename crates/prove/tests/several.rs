//! Several statements in one claim, several ranges, several monitors, and the monitor's own word.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test that fails here says so")]

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use cloister_prove::ProveError;
use fixture::EPOCH_2;
use messages::bundle::{Bundle, Proof, ProvenClaim};
use messages::claim::{Claim, Predicate};
use messages::codec::Wire;
use messages::counter::CounterIndex;
use monitor::{Monitor, bundle_over, prove_over, verify_under};
use verify::{Fault, Report, Unusable};

fn codes(report: &Result<Report, Unusable>) -> Vec<&'static str> {
    match report {
        Ok(report) => report.items.iter().map(|item| item.verdict.code()).collect(),
        Err(unusable) => vec![unusable.code()],
    }
}

/// As many commitments as one proof holds.
#[test]
fn the_largest_claim_verifies() {
    let monitor = Monitor::start();
    let one = &monitor.predicates[0];
    let claim = Claim { statements: vec![one.clone(); 64], ..monitor.claim(one, 1, 2) };
    let proven = monitor.prove(&claim).unwrap();
    assert_eq!(range_bytes(&proven), 32 * (9 + 2 * 9), "64 commitments of 8 bits");
    let report = monitor.verify(&monitor.bundle(vec![proven]).to_cbor());
    assert_eq!(codes(&report), ["verified"; 66]);
}

/// A claim with every statement of the monitor's pact.
fn everything(monitor: &Monitor) -> Claim {
    let statements = monitor.predicates.clone();
    Claim { statements, ..monitor.claim(&monitor.predicates[0], 1, 2) }
}

fn range_bytes(proven: &ProvenClaim) -> usize {
    let Proof::ZeroKnowledge(linear) = &proven.proof else { panic!("a signed claim") };
    linear.range.len()
}

#[test]
fn all_statements_of_a_pact_are_one_proof() {
    let monitor = Monitor::start();
    let proven = monitor.prove(&everything(&monitor)).unwrap();
    // Two equalities; ten forms of which one is split in halves: 16 commitments of 64 bits.
    assert_eq!(range_bytes(&proven), 32 * (9 + 2 * 10));
    let bundle = monitor.bundle(vec![proven.clone()]).to_cbor();
    let report = monitor.verify(&bundle).unwrap();
    assert_eq!(report.items.len(), monitor.predicates.len() + 2);
    assert!(report.items.iter().all(|item| item.verdict.code() == "verified"));
    let alone: usize = monitor
        .predicates
        .iter()
        .map(|p| {
            let proven = monitor.prove(&monitor.claim(p, 1, 2)).unwrap();
            range_bytes(&proven)
        })
        .sum();
    assert!(range_bytes(&proven) * 3 < alone, "one proof of all is shorter than many");

    // One statement exchanged for another with the same consent entry breaks all of them.
    let mut forged = proven;
    forged.claim.statements.swap(0, 1);
    forged.stands[0].consent.swap(0, 1);
    let report = monitor.verify(&monitor.bundle(vec![forged]).to_cbor());
    assert!(codes(&report)[..8].iter().all(|code| *code != "verified"));
}

#[test]
fn a_false_statement_among_true_ones_is_not_proven() {
    let monitor = Monitor::start();
    let mut claim = everything(&monitor);
    claim.statements.push(Predicate::at_most("calls.all", 400));
    assert!(monitor.prove(&claim).is_ok());
    claim.statements.pop();
    claim.statements.push(Predicate::at_most("calls.all", 399));
    assert_eq!(monitor.prove(&claim).unwrap_err(), Fault::NotConsentedProgram.into());
    let none = Claim { statements: Vec::new(), ..claim.clone() };
    assert_eq!(monitor.prove(&none).unwrap_err(), Fault::StatementCount.into());
    let many = vec![claim.statements[0].clone(); Claim::MAX_STATEMENTS + 1];
    let many = Claim { statements: many, ..claim };
    assert_eq!(monitor.prove(&many).unwrap_err(), Fault::StatementCount.into());
}

/// A claim over the first tally at two monitors.
fn at_both(other: &Monitor, monitor: &Monitor, predicate: &Predicate) -> Claim {
    let ranges = vec![other.range(0, 1, 2), monitor.range(0, 1, 2)];
    Claim { ranges, ..monitor.claim(predicate, 1, 2) }
}

#[test]
fn a_sum_over_the_tallies_of_two_pacts_at_two_monitors_verifies() {
    let (other, monitor) = (Monitor::of_another_pact(), Monitor::start());
    let both = [&other, &monitor];
    // 200 under each pact.
    let claim = at_both(&other, &monitor, &Predicate::at_most("calls.all", 400));
    let proven = prove_over(&both, &claim).unwrap();
    let report = verify_under(&both, &bundle_over(&both, vec![proven]).to_cbor());
    assert_eq!(codes(&report), ["verified"; 3]);
    let turned = Claim { ranges: claim.ranges.iter().rev().cloned().collect(), ..claim };
    assert_eq!(prove_over(&[&monitor, &other], &turned).unwrap_err(), Fault::RangeOrder.into());
}

/// What both parties' tallies of a pact count, or two monitors of it, is the same sessions: a sum
/// over them would count those twice, and `at least` would hold for half.
#[test]
fn no_sum_counts_a_session_twice() {
    let (other, monitor) = (Monitor::other(), Monitor::start());
    let mut parties = vec![monitor.range(0, 1, 2), monitor.range(1, 1, 2)];
    parties.sort();
    let stretches = vec![monitor.range(0, 1, 1), monitor.range(0, 2, 2)];
    let monitors = vec![other.range(0, 1, 2), monitor.range(0, 1, 2)];
    for ranges in [parties, stretches, monitors] {
        let claim = Claim { ranges, ..monitor.claim(&Predicate::at_most("calls.all", 400), 1, 2) };
        let refused = prove_over(&[&monitor, &monitor], &claim).unwrap_err();
        assert_eq!(refused, Fault::RangeTwice.into());
    }
    // A verifier asks the same, whatever a prover proved.
    let apart = Monitor::of_another_pact();
    let (good, both) =
        (at_both(&apart, &monitor, &Predicate::at_most("calls.all", 400)), [&apart, &monitor]);
    let mut proven = prove_over(&both, &good).unwrap();
    proven.claim.ranges[0].root = monitor.root_pact;
    let report = verify_under(&both, &bundle_over(&both, vec![proven]).to_cbor());
    assert_eq!(codes(&report)[0], "range-twice");
}

#[test]
fn two_monitors_that_watched_the_same_sessions_are_shown_to_agree() {
    let (other, monitor) = (Monitor::other(), Monitor::start());
    let both = [&other, &monitor];
    let agree = Predicate::Agree { sum: "calls.all".into() };
    let proven = prove_over(&both, &at_both(&other, &monitor, &agree)).unwrap();
    let bundle = bundle_over(&both, vec![proven]);
    let report = verify_under(&both, &bundle.to_cbor());
    assert_eq!(codes(&report), ["verified"; 3]);

    // Whoever anchors one of them only cannot use the bundle.
    assert_eq!(codes(&monitor.verify(&bundle.to_cbor())), ["log-not-anchored"]);
    let mut turned = bundle.clone();
    turned.logs.reverse();
    assert_eq!(codes(&verify_under(&both, &turned.to_cbor())), ["log-order"]);
    let mut alone = bundle;
    alone.logs.remove(0);
    assert_eq!(codes(&verify_under(&both, &alone.to_cbor()))[0], "log-missing");
}

#[test]
fn monitors_that_differ_in_a_count_or_in_a_session_do_not_agree() {
    let monitor = Monitor::start();
    let agree = Predicate::Agree { sum: "calls.all".into() };
    let refused = |other: &Monitor| {
        prove_over(&[other, &monitor], &at_both(other, &monitor, &agree)).unwrap_err()
    };
    let mut more = EPOCH_2;
    more[0] = (CounterIndex(0), 101);
    assert_eq!(refused(&Monitor::differing(&more, true)), ProveError::StatementFalse);
    // A session that is still open at one of them: there is nothing to compare.
    assert_eq!(refused(&Monitor::differing(&EPOCH_2, false)), ProveError::NotHeld);
    // Nor do two ranges of one log agree, nor one with itself.
    let mut ranges = vec![monitor.range(0, 1, 2), monitor.range(1, 1, 2)];
    ranges.sort();
    let same = Claim { ranges, ..monitor.claim(&agree, 1, 2) };
    let refused = prove_over(&[&monitor, &monitor], &same).unwrap_err();
    assert_eq!(refused, Fault::AgreeLogs.into());
    let refused = monitor.prove(&monitor.claim(&agree, 1, 2)).unwrap_err();
    assert_eq!(refused.code(), "agree-of-two");
}

/// The set of sessions at the ends is part of what is compared: equal counts of other sessions are
/// no agreement. The prover who lies about it makes no proof that holds.
#[test]
fn equal_counts_of_different_sessions_are_refuted() {
    let (other, monitor) = (Monitor::other(), Monitor::start());
    let both = [&other, &monitor];
    let agree = Predicate::Agree { sum: "calls.all".into() };
    let proven = prove_over(&both, &at_both(&other, &monitor, &agree)).unwrap();
    for at in 0..3 {
        let mut forged = proven.clone();
        let Proof::ZeroKnowledge(linear) = &mut forged.proof else { panic!() };
        assert_eq!(linear.equalities.len(), 3, "the counts, and the sessions at both ends");
        let swapped = linear.equalities[(at + 1) % 3].clone();
        linear.equalities[at] = swapped;
        let report = verify_under(&both, &bundle_over(&both, vec![forged]).to_cbor());
        assert_eq!(codes(&report)[0], "equality-proof", "{at}");
    }
}

fn signed(monitor: &Monitor) -> (ProvenClaim, Bundle) {
    let proven = monitor.sign(&everything(monitor), 1, 9);
    (proven.clone(), monitor.bundle(vec![proven]))
}

#[test]
fn the_monitors_word_is_the_same_claim_under_another_proof() {
    let monitor = Monitor::start();
    let (proven, bundle) = signed(&monitor);
    assert!(proven.stands.iter().all(|stand| stand.commitments.is_empty()));
    let codes = codes(&monitor.verify(&bundle.to_cbor()));
    assert_eq!(codes, ["verified"; 10]);
    // A proof of one kind is no proof of the other.
    let zero_knowledge = monitor.prove(&everything(&monitor)).unwrap();
    assert_ne!(zero_knowledge.proof, proven.proof);
}

type Forge = fn(&mut ProvenClaim);

#[test]
fn a_signed_claim_is_refused_when_anything_of_it_is_changed() {
    let monitor = Monitor::start();
    let (good, _) = signed(&monitor);
    let cases: [(&str, Forge); 8] = [
        ("signed-proof", |p| change(p, |s| s.signature.0[7] ^= 1)),
        ("signed-proof", |p| change(p, |s| s.size = 10)),
        ("signed-order", |p| change(p, |s| s.size = 6)),
        // The boot was in charge, and the leaf at the end of the range was not yet there.
        ("signed-order", |p| change(p, |s| s.size = 7)),
        ("signed-order", |p| change(p, |s| s.size = 99)),
        ("signed-order", |p| change(p, |s| s.boot = fixture::boot_id(0))),
        ("boot", |p| change(p, |s| s.boot = fixture::boot_id(7))),
        ("signed-proof", |p| p.claim.expiry.0 += 1),
    ];
    for (code, forge) in cases {
        let mut forged = good.clone();
        forge(&mut forged);
        let report = monitor.verify(&monitor.bundle(vec![forged]).to_cbor());
        assert_eq!(codes(&report)[0], code);
    }
    // It opens no commitments, and a proof that does is of the other kind.
    let mut opening = good.clone();
    opening.stands[0].commitments =
        monitor.prove(&everything(&monitor)).unwrap().stands[0].commitments.clone();
    let report = monitor.verify(&monitor.bundle(vec![opening]).to_cbor());
    assert_eq!(codes(&report)[0], "signed-commitments");
    // One monitor does not speak for another.
    let other = Monitor::of_another_pact();
    let mut foreign = good;
    foreign.claim.ranges.insert(0, other.range(0, 1, 2));
    let stand = foreign.stands[0].clone();
    foreign.stands.insert(0, messages::bundle::Stand { after: 6, ..stand });
    let both = [&other, &monitor];
    let report = verify_under(&both, &bundle_over(&both, vec![foreign]).to_cbor());
    assert_eq!(codes(&report)[0], "signed-logs");
}

fn change(proven: &mut ProvenClaim, change: impl FnOnce(&mut messages::bundle::SignedProof)) {
    let Proof::Signed(signed) = &mut proven.proof else { panic!() };
    change(signed);
}
