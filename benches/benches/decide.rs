//! One decision under a pact of fifty rules.

use std::hint::black_box;

use cloister_benches::{NOW, event, pact};
use criterion::{Criterion, criterion_group, criterion_main};
use messages::event::{Event, SignedEvent};
use messages::signature::SigningKey;
use pact::{Approval, Decision, SessionState, StandingState, check};

fn decide(criterion: &mut Criterion) {
    let (pact, event) = (pact(), event());
    let (session, standing) = (SessionState::new([0; 16]), StandingState::default());
    let decide = |event: &Event| check(&pact, &session, &standing, event, Approval::Absent, NOW);
    let judgement = decide(&event);
    assert_eq!(judgement.verdict.decision, Decision::Allow, "{:?}", judgement.verdict);
    criterion.bench_function("decide/check", |b| b.iter(|| decide(black_box(&event))));

    let key = SigningKey::from_seed(&[3; 32]);
    let (bytes, public) = (event.sign(&key).and_then(|e| e.to_bytes()), key.public());
    let bytes = bytes.unwrap_or_default();
    criterion.bench_function("decide/parse, verify signature, check", |b| {
        b.iter(|| {
            let event = SignedEvent::parse(black_box(&bytes)).ok();
            let event = event.and_then(|e| e.check(&public).ok());
            event.map(|verified| decide(verified.event()))
        });
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
