//! Every wrong answer to a challenge is refused, under its own code.

use std::time::Duration;

use attestations::software::attest;
use attestations::{Policy, SoftwarePolicy};
use channel::CMW_MEDIA_TYPE;
use channel::client::{Channel, ChannelError, Endpoint, Limits, Step};
use cloister_channel as channel;
use http::StatusCode;
use messages::codec::Wire;
use messages::evidence::{Claims, Role};
use messages::ids::ConfigDigest;

use crate::monitor::{
    Answer, Change, MEASUREMENT, Monitor, NOW, base, connect, connect_with, open, policy, rng,
};

async fn code_of(answer: Answer) -> &'static str {
    let monitor = Monitor::start(answer).await;
    let connected = connect(monitor.address).await.unwrap();
    connected.attest(NOW, &mut rng(7)).await.err().unwrap().code()
}

#[tokio::test]
async fn refuses_evidence_that_is_not_bound_to_the_question() {
    let cases: [(Change, &str); 8] = [
        (|c| Claims { nonce: Some([0; 32]), ..c }, "evidence-wrong-nonce"),
        (|c| Claims { nonce: None, ..c }, "evidence-wrong-nonce"),
        (|c| Claims { exporter: Some([0; 32]), ..c }, "evidence-wrong-channel"),
        (|c| Claims { exporter: None, ..c }, "evidence-channel-missing"),
        (|c| Claims { tls_spki: Some([0; 32]), ..c }, "evidence-wrong-spki"),
        (|c| Claims { tls_spki: None, ..c }, "evidence-spki-missing"),
        (|c| Claims { role: Some(Role::Client), ..c }, "evidence-wrong-role"),
        (|c| Claims { role: None, ..c }, "evidence-wrong-role"),
    ];
    for (change, code) in cases {
        assert_eq!(code_of(Answer::Claims(change)).await, code);
    }
}

#[tokio::test]
async fn refuses_evidence_that_was_made_for_another_purpose() {
    let cases: [Change; 2] = [
        |_| base(),
        |c| {
            let spki = c.tls_spki.unwrap();
            c.for_certificate(spki)
        },
    ];
    for change in cases {
        assert_eq!(code_of(Answer::Claims(change)).await, "evidence-wrong-purpose");
    }
}

#[tokio::test]
async fn refuses_another_monitor_behind_a_good_certificate() {
    let cases: [(Change, &str); 2] = [
        (|c| Claims { origin: "insecure-dev/other".into(), ..c }, "evidence-wrong-origin"),
        (|c| Claims { config: ConfigDigest([9; 32]), ..c }, "evidence-config-unlisted"),
    ];
    for (change, code) in cases {
        assert_eq!(code_of(Answer::Claims(change)).await, code);
    }
    let other = attest(&base().for_challenge([0; 32], [0; 32], [0; 32]), "sw:other");
    assert_eq!(code_of(Answer::Evidence(other)).await, "evidence-measurement-unlisted");
}

#[tokio::test]
async fn refuses_the_evidence_of_another_session_even_for_the_same_nonce() {
    let monitor = Monitor::honest().await;
    let first = open(monitor.address).await.unwrap();
    let evidence = monitor.shown.lock().unwrap()[0].clone();
    drop(first);
    let replaying = Monitor::start(Answer::Evidence(evidence)).await;
    // The same generator draws the same nonce, which no real client does.
    let connected = connect(replaying.address).await.unwrap();
    let refused = connected.attest(NOW, &mut rng(7)).await.err().unwrap();
    assert_eq!(refused.code(), "evidence-wrong-channel");
    let connected = connect(replaying.address).await.unwrap();
    let refused = connected.attest(NOW, &mut rng(8)).await.err().unwrap();
    assert_eq!(refused.code(), "evidence-wrong-nonce");
}

#[tokio::test]
async fn refuses_a_monitor_that_cannot_attest_itself_now() {
    let unready = Answer::Raw(StatusCode::SERVICE_UNAVAILABLE, "application/problem+json", vec![]);
    let monitor = Monitor::start(unready).await;
    let connected = connect(monitor.address).await.unwrap();
    let refused = connected.attest(NOW, &mut rng(7)).await.err();
    assert_eq!(refused, Some(ChannelError::AttestationRefused { status: 503 }));
}

#[tokio::test]
async fn refuses_answers_that_are_no_evidence() {
    let evidence = attest(&base(), MEASUREMENT).to_cbor();
    let trailing = [&evidence[..], &[0]].concat();
    for (media_type, body) in [
        (CMW_MEDIA_TYPE, vec![]),
        (CMW_MEDIA_TYPE, b"{}".to_vec()),
        (CMW_MEDIA_TYPE, trailing),
        (CMW_MEDIA_TYPE, vec![0; 40_000]),
        ("application/json", evidence),
    ] {
        let answer = Answer::Raw(StatusCode::OK, media_type, body);
        assert_eq!(code_of(answer).await, "channel-attestation-malformed");
    }
}

#[tokio::test]
async fn does_not_wait_for_ever() {
    let monitor = Monitor::start(Answer::Silence).await;
    let endpoint = Endpoint::try_from(monitor.address).unwrap();
    let limits = Limits { answer: Duration::from_millis(50), ..Limits::default() };
    let connected = Channel::connect(&endpoint, &policy(), NOW, limits).await.unwrap();
    let refused = connected.attest(NOW, &mut rng(7)).await.err();
    assert_eq!(refused, Some(ChannelError::TimedOut(Step::Answer)));
}

#[tokio::test]
async fn refuses_certificates_that_the_policy_does_not_accept() {
    let monitor = Monitor::honest().await;
    let software = |measurements: &[&str]| {
        let measurements = measurements.iter().map(|m| (*m).to_owned()).collect();
        Some(SoftwarePolicy { measurements })
    };
    let cases = [
        (Policy { origin: "insecure-dev/other".into(), ..policy() }, "evidence-wrong-origin"),
        (Policy { configs: vec![], ..policy() }, "evidence-config-unlisted"),
        (Policy { software: software(&["sw:other"]), ..policy() }, "evidence-measurement-unlisted"),
        (Policy { software: None, ..policy() }, "software-evidence-refused"),
    ];
    for (policy, code) in cases {
        let refused = connect_with(monitor.address, &policy, NOW).await.err().unwrap();
        assert!(matches!(refused, ChannelError::CertificateEvidence(_)), "{refused:?}");
        assert_eq!(refused.code(), code);
        assert!(!refused.remedy().is_empty());
    }
}
