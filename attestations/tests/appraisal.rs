//! Every refusal is provoked, one deviation from accepted evidence at a time.
#![cfg(feature = "insecure-software-attester")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use cloister_attestations::software::attest;
use cloister_attestations::{Expect, Log, Policy, Refusal, SoftwarePolicy, appraise};
use messages::codec::Wire;
use messages::evidence::{
    Claims, Conceptual, HARDWARE_MEDIA_TYPE, Role, SOFTWARE_BANNER, SOFTWARE_TEE, SoftwareEvidence,
};
use messages::ids::{BootId, ConfigDigest};
use messages::signature::{PublicKey, SigningKey};
use messages::time::UnixMillis;
use verify::EvidenceClass;

const MEASUREMENT: &str = "sw:00ff";
const NONCE: [u8; 32] = [9; 32];
const EXPORTER: [u8; 32] = [10; 32];
const SPKI: [u8; 32] = [11; 32];
const CHALLENGE: Expect = Expect::Challenge { nonce: NONCE, exporter: EXPORTER, spki: SPKI };
const CERTIFICATE: Expect = Expect::Certificate { spki: SPKI };

fn claims() -> Claims {
    Claims::for_checkpoint(
        "insecure-dev/log".into(),
        (BootId([4; 32]), PublicKey([1; 32])),
        PublicKey([2; 32]),
        ConfigDigest([3; 32]),
    )
}

fn answer() -> Claims {
    claims().for_challenge(NONCE, EXPORTER, SPKI)
}

fn policy() -> Policy {
    Policy {
        origin: "insecure-dev/log".into(),
        configs: vec![ConfigDigest([3; 32])],
        log: Log::Any,
        hardware: None,
        software: Some(SoftwarePolicy { measurements: vec![MEASUREMENT.into()] }),
    }
}

fn verdict(claims: &Claims, policy: &Policy, expect: Expect) -> Option<Refusal> {
    appraise(&attest(claims, MEASUREMENT), policy, expect, UnixMillis(0)).err()
}

fn of(evidence: &Conceptual) -> Option<Refusal> {
    appraise(evidence, &policy(), Expect::Checkpoint, UnixMillis(0)).err()
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
    let appraisal = appraise(&evidence, &policy(), Expect::Checkpoint, UnixMillis(5)).unwrap();
    let times = (appraisal.at(), appraisal.until());
    assert_eq!(times, (UnixMillis(5), UnixMillis(u64::MAX)));
    assert_eq!(appraisal.policy(), None);
    let appraised = appraisal.into_appraised();
    assert_eq!(appraised.class(), EvidenceClass::InsecureSoftware);
    assert_eq!(appraised.evidence(), evidence.evidence_id());
    assert_eq!(appraised.claims(), &claims());
    assert_eq!(verdict(&answer(), &policy(), CHALLENGE), None);
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
fn refuses_hardware_evidence_without_a_policy_for_it() {
    let evidence = Conceptual { media_type: HARDWARE_MEDIA_TYPE.into(), ..changed(|_| ()) };
    assert_eq!(of(&evidence), Some(Refusal::Hardware));
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
    assert_eq!(verdict(&claims(), &production, Expect::Checkpoint), Some(Refusal::Software));
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
        assert_eq!(
            verdict(&claims(), &policy, Expect::Checkpoint),
            Some(Refusal::MeasurementUnlisted)
        );
    }
}

#[test]
fn refuses_development_evidence_under_a_production_name() {
    let claims = Claims { origin: "log.example".into(), ..claims() };
    let policy = Policy { origin: "log.example".into(), ..policy() };
    assert_eq!(verdict(&claims, &policy, Expect::Checkpoint), Some(Refusal::OriginNotInsecure));
}

#[test]
fn refuses_another_origin() {
    let claims = Claims { origin: "insecure-dev/other".into(), ..claims() };
    assert_eq!(verdict(&claims, &policy(), Expect::Checkpoint), Some(Refusal::WrongOrigin));
}

#[test]
fn refuses_unlisted_configurations() {
    for configs in [vec![], vec![ConfigDigest([4; 32])]] {
        let policy = Policy { configs, ..policy() };
        assert_eq!(verdict(&claims(), &policy, Expect::Checkpoint), Some(Refusal::ConfigUnlisted));
    }
}

#[test]
fn refuses_a_monitor_of_another_log_and_one_that_has_none() {
    let with = |log_key, log| {
        let claims = Claims { log_key, ..claims() };
        verdict(&claims, &Policy { log, ..policy() }, Expect::Checkpoint)
    };
    let (ours, other) = (PublicKey([2; 32]), PublicKey([5; 32]));
    assert_eq!(with(ours, Log::Only(ours)), None);
    assert_eq!(with(other, Log::Only(ours)), Some(Refusal::OtherLog));
    assert_eq!((with(other, Log::Any), with(other, Log::AnyOrNone)), (None, None));
    for log in [Log::Any, Log::Only(ours), Log::Only(Claims::NO_LOG)] {
        assert_eq!(with(Claims::NO_LOG, log), Some(Refusal::NoLog));
    }
    assert_eq!(with(Claims::NO_LOG, Log::AnyOrNone), None);
    // Nobody signs for the log of a monitor that has none: the key is of small order.
    let signed = messages::signature::Signature([0; 64]);
    assert!(Claims::NO_LOG.verify(messages::domain::OPEN, b"x", &signed).is_err());
}

#[test]
fn refuses_evidence_of_each_purpose_in_every_other_place() {
    let made = [
        (claims(), Expect::Checkpoint),
        (claims().for_certificate(SPKI), CERTIFICATE),
        (answer(), CHALLENGE),
    ];
    for (claims, own) in &made {
        for (_, expect) in &made {
            let refused = (expect != own).then_some(Refusal::WrongPurpose);
            assert_eq!(verdict(claims, &policy(), *expect), refused, "{own:?} as {expect:?}");
        }
    }
}

#[test]
fn refuses_another_nonce_and_none() {
    for nonce in [Some([8; 32]), None] {
        let claims = Claims { nonce, ..answer() };
        assert_eq!(verdict(&claims, &policy(), CHALLENGE), Some(Refusal::WrongNonce));
    }
}

#[test]
fn refuses_answers_of_another_session_and_of_none() {
    let bound = |exporter| verdict(&Claims { exporter, ..answer() }, &policy(), CHALLENGE);
    assert_eq!(bound(Some([12; 32])), Some(Refusal::WrongChannel));
    assert_eq!(bound(None), Some(Refusal::ChannelMissing));
}

#[test]
fn refuses_another_tls_key_and_none() {
    for (made, expect) in [(answer(), CHALLENGE), (claims().for_certificate(SPKI), CERTIFICATE)] {
        let bound = |tls_spki| verdict(&Claims { tls_spki, ..made.clone() }, &policy(), expect);
        assert_eq!(bound(Some([12; 32])), Some(Refusal::WrongSpki));
        assert_eq!(bound(None), Some(Refusal::SpkiMissing));
    }
}

#[test]
fn refuses_what_the_other_end_made() {
    for (made, expect) in [(answer(), CHALLENGE), (claims().for_certificate(SPKI), CERTIFICATE)] {
        for role in [Some(Role::Client), None] {
            let claims = Claims { role, ..made.clone() };
            assert_eq!(verdict(&claims, &policy(), expect), Some(Refusal::WrongRole));
        }
    }
}

#[test]
fn refuses_a_nonce_where_nobody_asked() {
    for (made, expect) in
        [(claims(), Expect::Checkpoint), (claims().for_certificate(SPKI), CERTIFICATE)]
    {
        let claims = Claims { nonce: Some(NONCE), ..made };
        assert_eq!(verdict(&claims, &policy(), expect), Some(Refusal::UnexpectedNonce));
    }
}

#[test]
fn refuses_a_channel_where_none_belongs() {
    let named = [
        Claims { tls_spki: Some(SPKI), ..claims() },
        Claims { exporter: Some(EXPORTER), ..claims() },
        Claims { role: Some(Role::Server), ..claims() },
    ];
    for claims in named {
        let refused = verdict(&claims, &policy(), Expect::Checkpoint);
        assert_eq!(refused, Some(Refusal::UnexpectedChannel));
    }
    let session = Claims { exporter: Some(EXPORTER), ..claims().for_certificate(SPKI) };
    assert_eq!(verdict(&session, &policy(), CERTIFICATE), Some(Refusal::UnexpectedChannel));
}

#[test]
fn no_two_refusals_share_a_code() {
    let codes = [
        Refusal::UnexpectedChannel.code(),
        Refusal::UnexpectedNonce.code(),
        Refusal::ChannelMissing.code(),
        Refusal::WrongChannel.code(),
        Refusal::SpkiMissing.code(),
        Refusal::WrongSpki.code(),
        Refusal::WrongRole.code(),
        Refusal::WrongNonce.code(),
        Refusal::WrongPurpose.code(),
    ];
    let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len());
}
