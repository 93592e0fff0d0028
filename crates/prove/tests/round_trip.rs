//! What is proven verifies; what is false, foreign or not consented is not proven.

#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/monitor.rs"]
mod monitor;

use cloister_prove::ProveError;
use fixture::{NONCE, party_did};
use messages::bundle::Proof;
use messages::claim::{Audience, Predicate, Relation};
use messages::codec::Wire;
use messages::publication::Publication;
use messages::time::Epoch;
use monitor::{Draft, Monitor};
use proptest::prelude::*;
use verify::{EvidenceClass, Fault, StatementError, Verdict};

#[test]
fn every_kind_of_predicate_verifies_when_it_holds() {
    let monitor = Monitor::start();
    let bundle = monitor.good_bundle().to_cbor();
    let report = monitor.verify(&bundle).unwrap();
    assert_eq!(report.items.len(), monitor.predicates.len() + 2);
    for item in report.items {
        let class = EvidenceClass::InsecureSoftware;
        assert_eq!(item.verdict, Verdict::Verified { class }, "{}", item.words);
    }
}

#[test]
fn every_range_of_the_tally_verifies() {
    let monitor = Monitor::start();
    let predicate = &monitor.predicates[0];
    for (first, last) in [(1, 1), (2, 2), (1, 2)] {
        let proven = monitor.prove(&monitor.claim(predicate, first, last)).unwrap();
        let bundle = monitor.bundle(vec![proven]).to_cbor();
        let report = monitor.verify(&bundle).unwrap();
        assert_eq!(report.items[0].verdict.code(), "verified", "{first}..={last}");
    }
}

/// A range may begin under one pact of a chain and end under another: what a revision added began
/// at zero, everything else goes on.
#[test]
fn ranges_over_revisions_verify() {
    let monitor = Monitor::revised();
    let (early, late) = monitor.predicates.split_at(monitor.predicates.len() - 1);
    for (predicate, first, last) in [
        (&late[0], 1, 2),
        (&late[0], 2, 2),
        (&early[0], 1, 1),
        (&early[0], 1, 2),
        (&early[0], 2, 2),
    ] {
        let proven = monitor.prove(&monitor.claim(predicate, first, last)).unwrap();
        let bundle = monitor.bundle(vec![proven]).to_cbor();
        let report = monitor.verify(&bundle).unwrap();
        assert_eq!(report.items[0].verdict.code(), "verified", "{first}..={last}");
    }
    // Before there was such a counter, nothing can be said of it.
    let unknown = monitor.prove(&monitor.claim(&late[0], 1, 1)).unwrap_err();
    assert_eq!(unknown, ProveError::Statement(StatementError::UnknownCounter));
    // Exactly four: a counter that came later is held to its value.
    let less = Predicate::at_most("late", 3);
    let entry = monitor.predicates.len() - 1;
    let (leaves, _) = monitor.publish(&monitor.drafts);
    let mut consenting = Monitor::revised();
    consenting.entries[entry].grid = vec![less.thresholds()];
    let root = consenting.consent_root();
    let at = consenting.pact.1;
    if let Publication::Pact(body) = &mut consenting.drafts[at].publication {
        body.consent = root;
    }
    let (lied, _) = consenting.publish(&consenting.drafts);
    assert_eq!(lied.len(), leaves.len());
    let refused = consenting.prove_with(&lied, &consenting.claim(&less, 1, 2), |_| {});
    assert_eq!(refused.unwrap_err(), ProveError::StatementFalse);
}

/// A monitor whose pact consents to exactly these predicates.
fn consenting_to(predicates: Vec<Predicate>) -> Monitor {
    let mut monitor = Monitor::start();
    for (entry, predicate) in monitor.entries.iter_mut().zip(&predicates) {
        entry.program = predicate.program_id();
        entry.grid = vec![predicate.thresholds()];
        (entry.audience, entry.per) = (Vec::new(), None);
    }
    monitor.predicates = predicates;
    let root = monitor.consent_root();
    if let Some(Draft { publication: Publication::Pact(body), .. }) = monitor.drafts.get_mut(1) {
        body.consent = root;
    }
    monitor
}

#[test]
fn a_bound_is_inclusive_and_one_beyond_it_is_false() {
    let at_most = |bound| Predicate::at_most("calls.denied", bound);
    let at_least = |bound| Predicate::at_least("calls.denied", bound);
    let between = |lower, upper| Predicate::between("small", lower, upper);
    let none = |counter: &str| Predicate::never(counter);
    let monitor = consenting_to(vec![
        at_most(5),
        at_least(5),
        between(8, 8),
        at_most(4),
        at_least(6),
        none("small"),
    ]);
    let prove = |p: &Predicate| monitor.prove(&monitor.claim(p, 1, 2));
    let holding = [at_most(5), at_least(5), between(8, 8)].map(|p| prove(&p).unwrap());
    let bundle = monitor.bundle(holding.to_vec()).to_cbor();
    let report = monitor.verify(&bundle).unwrap();
    assert!(report.items.iter().all(|i| i.verdict.code() == "verified"));
    for p in [at_most(4), at_least(6), none("small")] {
        assert_eq!(prove(&p).unwrap_err(), ProveError::StatementFalse, "{p:?}");
    }
    let outside = consenting_to(vec![between(9, 20), between(0, 7)]);
    for p in [between(9, 20), between(0, 7)] {
        let refused = outside.prove(&outside.claim(&p, 1, 2)).unwrap_err();
        assert_eq!(refused, ProveError::StatementFalse, "{p:?}");
    }
}

#[test]
fn a_ratio_of_nothing_is_false() {
    let ratio = Predicate::Ratio {
        relation: Relation::AtLeast,
        part: "leaks".into(),
        whole: "leaks2".into(),
        numerator: 1,
        denominator: 2,
        min_whole: 1,
    };
    let monitor = consenting_to(vec![ratio.clone()]);
    let refused = monitor.prove(&monitor.claim(&ratio, 1, 2)).unwrap_err();
    assert_eq!(refused, ProveError::Statement(StatementError::UnknownCounter));
    let percentile = Predicate::Ratio {
        relation: Relation::AtLeast,
        part: "leaks".into(),
        whole: "small".into(),
        numerator: 1,
        denominator: 2,
        min_whole: 9,
    };
    let monitor = consenting_to(vec![percentile.clone()]);
    let refused = monitor.prove(&monitor.claim(&percentile, 1, 2)).unwrap_err();
    assert_eq!(refused, ProveError::StatementFalse);
}

#[test]
fn the_prover_refuses_what_a_verifier_would() {
    let monitor = Monitor::start();
    let (leaves, _) = monitor.publish(&monitor.drafts);
    let good = monitor.claim(&monitor.predicates[0], 1, 2);
    let refused = |claim: &messages::claim::Claim, entry: usize| {
        let consent = monitor.consent(&monitor.predicates[entry]);
        monitor.prove_with(&leaves, claim, |r| r.grounds[0].consent = vec![consent]).unwrap_err()
    };
    assert_eq!(refused(&good, 1), Fault::NotConsentedProgram.into());
    let looser = monitor.claim(&Predicate::at_most("calls.denied", 6), 1, 2);
    assert_eq!(refused(&looser, 0), Fault::NotConsentedThreshold.into());
    let mut other = good.clone();
    other.ranges[0].party = party_did(1);
    let swapped = monitor.prove_with(&leaves, &good, |r| r.claim = &other).unwrap_err();
    assert_eq!(swapped, Fault::TallyBefore.into());
    let mut later = good.clone();
    later.ranges[0].first = Epoch(2);
    let moved = monitor.prove_with(&leaves, &good, |r| r.claim = &later).unwrap_err();
    assert_eq!(moved, Fault::EpochBefore.into());
    let mut stranger = monitor.claim(&monitor.predicates[3], 1, 2);
    stranger.audience = Audience::Verifier { did: party_did(1), nonce: NONCE };
    assert_eq!(refused(&stranger, 3), Fault::NotConsentedAudience.into());
    stranger.audience = Audience::Public;
    assert_eq!(refused(&stranger, 3), Fault::NotConsentedAudience.into());
    let mut shorter = monitor.schemas[0].clone();
    shorter.counters.pop();
    let refused = |change: fn(&mut cloister_prove::Ground<'_>)| {
        monitor.prove_with(&leaves, &good, |r| change(&mut r.grounds[0])).unwrap_err()
    };
    let short = monitor.prove_with(&leaves, &good, |r| r.grounds[0].schema = &shorter);
    assert_eq!(short.unwrap_err(), Fault::PactSchema.into());
    let openings = &monitor.openings[&(monitor.tally(1), Epoch(2))].1;
    let foreign = monitor.prove_with(&leaves, &good, |r| r.grounds[0].after_openings = openings);
    assert_eq!(foreign.unwrap_err(), ProveError::OpeningsMismatch);
    let boot = &leaves[0].disclosed;
    let stale = monitor.prove_with(&leaves, &good, |r| r.grounds[0].boot = boot);
    assert_eq!(stale.unwrap_err(), ProveError::BootMismatch);
    let kind = monitor.prove_with(&leaves, &good, |r| r.grounds[0].pact = boot);
    assert_eq!(kind.unwrap_err(), ProveError::BodyMalformed);
    assert_eq!(refused(|g| g.consent[0].path.clear()), Fault::NotConsented.into());
    assert_eq!(refused(|g| g.consent.clear()), Fault::ConsentCount.into());
    let none = monitor.prove_with(&leaves, &good, |r| r.grounds.clear()).unwrap_err();
    assert_eq!(none, Fault::StandCount.into());
}

#[test]
fn a_claim_over_missing_events_verifies_only_when_it_admits_them() {
    with_gaps(0, [(0, "gap"), (2, "gap"), (3, "verified")]);
}

#[test]
fn no_number_of_admitted_events_covers_an_open_tail() {
    with_gaps(1, [(0, "tail-open"), (4, "tail-open"), (u64::MAX, "tail-open")]);
}

#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails here says so")]
fn with_gaps(tails: u64, codes: [(u64, &str); 3]) {
    let mut monitor = Monitor::start();
    if let Publication::Tally(body) = &mut monitor.drafts[7].publication {
        (body.gaps.network, body.gaps.monitor, body.gaps.tail_open) = (1, 2, tails);
        **body = (**body).clone().padded();
    }
    for (admitted, code) in codes {
        let mut claim = monitor.claim(&monitor.predicates[0], 1, 2);
        claim.admitted_gaps = admitted;
        let bundle = monitor.bundle(vec![monitor.prove(&claim).unwrap()]).to_cbor();
        let report = monitor.verify(&bundle).unwrap();
        assert_eq!(report.items[0].verdict.code(), code, "{admitted}");
    }
}

#[test]
fn arbitrary_bytes_never_verify_and_never_panic() {
    let monitor = Monitor::start();
    let good = monitor.good_bundle().to_cbor();
    for at in (0..good.len()).step_by(97) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        let whole = monitor
            .verify(&bytes)
            .is_ok_and(|r| r.items.iter().all(|i| i.verdict.code() == "verified"));
        assert!(!whole, "byte {at}");
    }
}

#[test]
fn proofs_of_different_values_look_alike() {
    let monitor = consenting_to(vec![Predicate::at_most("calls.all", 200)]);
    let proof =
        |last| monitor.prove(&monitor.claim(&monitor.predicates[0], 1, last)).unwrap().proof;
    let (slack, exact) = (proof(1), proof(2));
    let (Proof::ZeroKnowledge(a), Proof::ZeroKnowledge(b)) = (&slack, &exact) else { panic!() };
    assert_eq!(a.range.len(), b.range.len(), "the slack is 100 and 0");
    assert_ne!(slack, exact);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_predicate_is_proven_exactly_when_it_holds(bound in 0u64..400, upper in any::<bool>()) {
        let predicate = if upper {
            Predicate::at_most("calls.all", bound)
        } else {
            Predicate::at_least("calls.all", bound)
        };
        let monitor = consenting_to(vec![predicate.clone()]);
        let proven = monitor.prove(&monitor.claim(&predicate, 1, 2));
        prop_assert_eq!(proven.is_ok(), if upper { 200 <= bound } else { 200 >= bound });
        if let Ok(proven) = proven {
            let bundle = monitor.bundle(vec![proven]).to_cbor();
            let report = monitor.verify(&bundle).unwrap();
            prop_assert_eq!(report.items[0].verdict.code(), "verified");
        }
    }
}
