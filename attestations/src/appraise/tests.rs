//! Evidence of a confidential VM from its media type to its class, under a root of the tests' own.

use messages::evidence::Endorsements;
use messages::ids::{BootId, ConfigDigest};
use messages::signature::{PublicKey, SigningKey};

use super::*;
use crate::policy::{PolicyDocument, PolicySigner};
use crate::snp::SnpRefusal;
use crate::snp::tests::forge::{self, Forge, NOW_S};

const NOW: UnixMillis = UnixMillis(NOW_S * 1_000);

#[test]
fn accepted_evidence_is_of_the_hardware_class_and_says_under_what_and_until_when() {
    let (roots, evidence) = evidence(&claims(), |_| {});
    let asked = (Expect::Checkpoint, NOW);
    let appraisal = appraise_under(&roots, &evidence, &policy(), asked).unwrap();
    assert_eq!(appraisal.policy(), policy().hardware.map(|policy| policy.digest()));
    assert_eq!((appraisal.at(), appraisal.until()), (NOW, UnixMillis(NOW.0 + 3_600_000)));
    let appraised = appraisal.into_appraised();
    assert_eq!(appraised.class(), EvidenceClass::Hardware);
    assert_eq!((appraised.evidence(), appraised.claims()), (evidence.evidence_id(), &claims()));
    // Nobody but the tests has that root.
    let refusal = appraise(&evidence, &policy(), Expect::Checkpoint, NOW).unwrap_err();
    assert_eq!(refusal, SnpRefusal::IntermediateName.into());
}

#[test]
fn each_deviation_of_evidence_is_refused_with_its_own_code() {
    let changed = |change: &dyn Fn(&mut Conceptual)| {
        let (roots, mut evidence) = evidence(&claims(), |_| {});
        change(&mut evidence);
        appraise_under(&roots, &evidence, &policy(), (Expect::Checkpoint, NOW)).err()
    };
    let inner = |change: &dyn Fn(&mut Evidence)| {
        changed(&|conceptual| {
            let mut evidence = Evidence::from_cbor(&conceptual.value).unwrap();
            change(&mut evidence);
            *conceptual = evidence.conceptual();
        })
    };
    let under = |change: &dyn Fn(&mut Policy)| {
        let (roots, evidence) = evidence(&claims(), |_| {});
        let mut policy = policy();
        change(&mut policy);
        appraise_under(&roots, &evidence, &policy, (Expect::Checkpoint, NOW)).err()
    };
    let bound = |change: &dyn Fn(&mut Claims)| {
        let mut claims = claims();
        change(&mut claims);
        let (roots, evidence) = evidence(&claims, |_| {});
        appraise_under(&roots, &evidence, &policy(), (Expect::Checkpoint, NOW)).err()
    };
    let is = |refusal: SnpRefusal| Some(Refusal::Snp(refusal));

    assert_eq!(changed(&|e| e.indicator = 4), Some(Refusal::NotEvidence));
    assert_eq!(changed(&|e| e.value.push(0)), Some(Refusal::Malformed));
    assert_eq!(changed(&|e| e.value.clear()), Some(Refusal::Malformed));
    assert_eq!(changed(&|e| e.media_type.push('x')), Some(Refusal::UnknownMediaType));
    assert_eq!(inner(&|e| e.profile.push('x')), Some(Refusal::Profile));
    assert_eq!(inner(&|e| e.claims.push(0)), Some(Refusal::ClaimsNonCanonical));
    assert_eq!(inner(&|e| e.claims.clear()), Some(Refusal::ClaimsMalformed));
    assert_eq!(inner(&|e| e.tee = Tee::Tdx), Some(Refusal::TeeUnlisted));
    assert_eq!(inner(&|e| e.endorsements = None), is(SnpRefusal::VekMissing));
    // Claims that were not the hardware's to sign.
    let other = Claims { boot: BootId([9; 32]), ..claims() };
    assert_eq!(inner(&|e| e.claims = other.to_cbor()), Some(Refusal::ReportData));
    let other = Claims { config: ConfigDigest([9; 32]), ..claims() };
    assert_eq!(inner(&|e| e.claims = other.to_cbor()), is(SnpRefusal::HostData));

    assert_eq!(under(&|p| p.hardware = None), Some(Refusal::Hardware));
    assert_eq!(under(&|p| p.origin = "log".into()), Some(Refusal::WrongOrigin));
    assert_eq!(under(&|p| p.configs.clear()), Some(Refusal::ConfigUnlisted));
    let none = PolicyDocument { snp: None, ..document() };
    assert_eq!(under(&|p| p.hardware = Some(stood_for(&none))), Some(Refusal::TeeUnlisted));

    let insecure = bound(&|claims| claims.origin = "insecure-dev/log".into());
    assert_eq!(insecure, Some(Refusal::OriginInsecure));
    assert_eq!(bound(&|c| c.purpose = Purpose::Certificate), Some(Refusal::WrongPurpose));
    assert_eq!(bound(&|c| c.nonce = Some([1; 32])), Some(Refusal::UnexpectedNonce));
    assert_eq!(bound(&|c| c.exporter = Some([1; 32])), Some(Refusal::UnexpectedChannel));
}

#[test]
fn an_explanation_goes_on_where_a_verdict_stops() {
    let (_, evidence) = evidence(&claims(), |forge| forge.set(0x40, &[0x05]));
    let rows = explain(&evidence, &policy(), Expect::Checkpoint, NOW);
    let last = rows.last().unwrap();
    assert_eq!((last.field, last.refused), ("channel", None));
    assert!(rows.iter().any(|row| row.field == "certificates" && row.refused.is_some()));

    let (roots, evidence) = self::evidence(&claims(), |forge| {
        forge.set(0x40, &[0x05]);
        forge.set(0x30, &[2]);
    });
    let rows = examine(&roots, &evidence, &policy(), (Expect::Checkpoint, NOW)).0.into_rows();
    let refused: Vec<&str> =
        rows.iter().filter(|row| row.refused.is_some()).map(|row| row.field).collect();
    assert_eq!(refused, ["platform, checked for aliases", "vmpl"]);
    let vmpl = rows.iter().find(|row| row.field == "vmpl").unwrap();
    assert_eq!((vmpl.found.as_str(), vmpl.wanted.as_str()), ("2", "0"));
    assert!(rows.len() > 30, "{} rows", rows.len());
}

fn claims() -> Claims {
    Claims::for_checkpoint(
        "log.example".into(),
        (BootId([4; 32]), PublicKey([1; 32])),
        PublicKey([2; 32]),
        ConfigDigest([3; 32]),
    )
}

/// Evidence of a machine of the tests' own that binds claims, with its root.
fn evidence(claims: &Claims, change: impl FnOnce(&mut Forge)) -> (Roots, Conceptual) {
    let mut forge = Forge::turin();
    forge.set(0x50, &claims.report_data(Tee::Snp.code()));
    forge.set(0xc0, &claims.config.0);
    change(&mut forge);
    let (report, endorsements, roots) = forge.signed();
    let endorsements: Option<Endorsements> = Some(endorsements);
    let (profile, claims) = (PROFILE.into(), claims.to_cbor());
    let evidence =
        Evidence { profile, tee: Tee::Snp, report, claims, endorsements, event_log: None };
    (roots, evidence.conceptual())
}

fn policy() -> Policy {
    Policy {
        origin: "log.example".into(),
        configs: vec![ConfigDigest([3; 32])],
        log: Log::Any,
        hardware: Some(stood_for(&document())),
        software: None,
    }
}

fn document() -> PolicyDocument {
    PolicyDocument {
        format: "cloister-appraisal-policy/1".into(),
        version: 4,
        verdict_s: 3_600,
        snp: Some(forge::policy()),
        tdx: None,
    }
}

fn stood_for(document: &PolicyDocument) -> HardwarePolicy {
    let key = SigningKey::from_seed(&[7; 32]);
    let text = HardwarePolicy::write(document, &[&key]).unwrap();
    let signer = PolicySigner { key: key.public(), version: 4 };
    HardwarePolicy::signed(text.as_bytes(), &signer).unwrap()
}
