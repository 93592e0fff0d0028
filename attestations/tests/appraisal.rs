//! Every refusal is provoked, one deviation from accepted evidence at a time.
#![cfg(feature = "insecure-software-attester")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use cloister_attestations::software::attest;
use cloister_attestations::{HARDWARE_MEDIA_TYPE, Policy, Refusal, SoftwarePolicy, appraise};
use messages::codec::Wire;
use messages::evidence::{
    Claims, Conceptual, Purpose, SOFTWARE_BANNER, SOFTWARE_TEE, SoftwareEvidence,
};
use messages::ids::{BootId, ConfigDigest};
use messages::signature::{PublicKey, SigningKey};
use messages::time::UnixMillis;
use verify::EvidenceClass;

const MEASUREMENT: &str = "sw:00ff";
const NONCE: [u8; 32] = [9; 32];

fn claims() -> Claims {
    Claims {
        purpose: Purpose::Checkpoint,
        origin: "insecure-dev/log".into(),
        boot_key: PublicKey([1; 32]),
        log_key: PublicKey([2; 32]),
        nonce: None,
        config: ConfigDigest([3; 32]),
        boot: BootId([4; 32]),
    }
}

fn answer() -> Claims {
    Claims { purpose: Purpose::Challenge, nonce: Some(NONCE), ..claims() }
}

fn policy() -> Policy {
    Policy {
        origin: "insecure-dev/log".into(),
        configs: vec![ConfigDigest([3; 32])],
        software: Some(SoftwarePolicy { measurements: vec![MEASUREMENT.into()] }),
    }
}

fn verdict(claims: &Claims, policy: &Policy, nonce: Option<&[u8; 32]>) -> Option<Refusal> {
    appraise(&attest(claims, MEASUREMENT), policy, nonce, UnixMillis(0)).err()
}

fn of(evidence: &Conceptual) -> Option<Refusal> {
    appraise(evidence, &policy(), None, UnixMillis(0)).err()
}

/// Accepted evidence after `change` of its inner value.
fn changed(change: impl FnOnce(&mut SoftwareEvidence)) -> Conceptual {
    let mut evidence = attest(&claims(), MEASUREMENT);
    let mut inner = SoftwareEvidence::from_cbor(&evidence.value).unwrap();
    change(&mut inner);
    evidence.value = inner.to_cbor();
    evidence
}

#[test]
fn accepted_evidence_is_of_the_insecure_class_and_binds_its_claims() {
    let evidence = attest(&claims(), MEASUREMENT);
    let appraised = appraise(&evidence, &policy(), None, UnixMillis(0)).unwrap();
    assert_eq!(appraised.class(), EvidenceClass::InsecureSoftware);
    assert_eq!(appraised.evidence(), evidence.evidence_id());
    assert_eq!(appraised.claims(), &claims());
    assert_eq!(verdict(&answer(), &policy(), Some(&NONCE)), None);
}

#[test]
fn refuses_every_flipped_bit() {
    let evidence = attest(&claims(), MEASUREMENT);
    for bit in 0..evidence.value.len() * 8 {
        let mut flipped = evidence.clone();
        flipped.value[bit / 8] ^= 1 << (bit % 8);
        assert!(of(&flipped).is_some(), "bit {bit}");
    }
}

#[test]
fn refuses_hardware_evidence_in_this_version() {
    let evidence = Conceptual { media_type: HARDWARE_MEDIA_TYPE.into(), ..changed(|_| ()) };
    assert_eq!(of(&evidence), Some(Refusal::HardwareUnavailable));
}

#[test]
fn refuses_unknown_media_types() {
    for media_type in ["", "application/cbor", "application/vnd.cloister.evidence+cbor "] {
        let evidence = Conceptual { media_type: media_type.into(), ..changed(|_| ()) };
        assert_eq!(of(&evidence), Some(Refusal::UnknownMediaType), "{media_type}");
    }
}

#[test]
fn refuses_messages_that_are_not_evidence() {
    for indicator in [0, 1, 2, 8, 12] {
        let evidence = Conceptual { indicator, ..changed(|_| ()) };
        assert_eq!(of(&evidence), Some(Refusal::NotEvidence));
    }
}

#[test]
fn refuses_development_evidence_by_default() {
    let production = Policy { software: None, ..policy() };
    assert_eq!(verdict(&claims(), &production, None), Some(Refusal::Software));
}

#[test]
fn refuses_malformed_evidence() {
    let mut evidence = attest(&claims(), MEASUREMENT);
    evidence.value.push(0);
    assert_eq!(of(&evidence), Some(Refusal::Malformed));
    evidence.value.clear();
    assert_eq!(of(&evidence), Some(Refusal::Malformed));
}

#[test]
fn refuses_a_missing_banner() {
    for banner in ["", "SECURE SOFTWARE EVIDENCE"] {
        assert_ne!(banner, SOFTWARE_BANNER);
        assert_eq!(of(&changed(|e| e.banner = banner.into())), Some(Refusal::Banner));
    }
}

#[test]
fn refuses_malformed_claims() {
    assert_eq!(of(&changed(|e| e.claims.clear())), Some(Refusal::ClaimsMalformed));
    assert_eq!(of(&changed(|e| e.claims.resize(5000, 0))), Some(Refusal::ClaimsMalformed));
}

#[test]
fn refuses_claims_in_a_second_encoding_although_the_signature_would_hold() {
    // An indefinite-length map of the same entries: same report data, same signature.
    let spelled = changed(|e| {
        assert_eq!(e.claims[0] & 0xe0, 0xa0, "a map");
        e.claims[0] = 0xbf;
        e.claims.push(0xff);
    });
    assert_eq!(of(&spelled), Some(Refusal::ClaimsNonCanonical));
}

#[test]
fn refuses_other_signatures() {
    let other = SigningKey::from_seed(&[5; 32]);
    let signed = SoftwareEvidence::signed_bytes(MEASUREMENT, &claims().report_data(SOFTWARE_TEE));
    let by = |domain| changed(|e| e.signature = other.sign(domain, &signed));
    assert_eq!(of(&by(messages::domain::SOFTWARE_EVIDENCE)), Some(Refusal::BadSignature));
    let moved = changed(|e| e.claims = Claims { boot: BootId([5; 32]), ..claims() }.to_cbor());
    assert_eq!(of(&moved), Some(Refusal::BadSignature));
    let measured = changed(|e| e.measurement = "sw:00fe".into());
    assert_eq!(of(&measured), Some(Refusal::BadSignature));
}

#[test]
fn refuses_unlisted_measurements() {
    for measurements in [vec![], vec!["sw:00fe".to_owned()]] {
        let policy = Policy { software: Some(SoftwarePolicy { measurements }), ..policy() };
        assert_eq!(verdict(&claims(), &policy, None), Some(Refusal::MeasurementUnlisted));
    }
}

#[test]
fn refuses_development_evidence_under_a_production_name() {
    let claims = Claims { origin: "log.example".into(), ..claims() };
    let policy = Policy { origin: "log.example".into(), ..policy() };
    assert_eq!(verdict(&claims, &policy, None), Some(Refusal::OriginNotInsecure));
}

#[test]
fn refuses_another_origin() {
    let claims = Claims { origin: "insecure-dev/other".into(), ..claims() };
    assert_eq!(verdict(&claims, &policy(), None), Some(Refusal::WrongOrigin));
}

#[test]
fn refuses_unlisted_configurations() {
    for configs in [vec![], vec![ConfigDigest([4; 32])]] {
        let policy = Policy { configs, ..policy() };
        assert_eq!(verdict(&claims(), &policy, None), Some(Refusal::ConfigUnlisted));
    }
}

#[test]
fn refuses_an_answer_as_log_evidence_and_log_evidence_as_an_answer() {
    assert_eq!(verdict(&answer(), &policy(), None), Some(Refusal::WrongPurpose));
    assert_eq!(verdict(&claims(), &policy(), Some(&NONCE)), Some(Refusal::WrongPurpose));
}

#[test]
fn refuses_another_nonce_and_none() {
    for nonce in [Some([8; 32]), None] {
        let claims = Claims { nonce, ..answer() };
        assert_eq!(verdict(&claims, &policy(), Some(&NONCE)), Some(Refusal::WrongNonce));
    }
}

#[test]
fn refuses_log_evidence_that_answers_a_nonce() {
    let claims = Claims { nonce: Some(NONCE), ..claims() };
    assert_eq!(verdict(&claims, &policy(), None), Some(Refusal::UnexpectedNonce));
}
