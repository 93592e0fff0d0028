//! Reports of real machines, as others published them: each has the verdict and the reason that
//! its description states.

use std::collections::BTreeMap;
use std::path::PathBuf;

use messages::time::UnixMillis;
use x509_cert::Certificate;
use x509_cert::der::Encode;

use super::*;
use crate::policy::{FamilyPolicy, Revocation};

/// 2026-09-01, when all but one of the certificates are valid.
const NOW: UnixMillis = UnixMillis(1_788_220_800_000);
const DAY_MS: u64 = 86_400_000;

#[test]
fn recorded_reports_have_the_verdicts_that_they_are_known_to_have() {
    use SnpRefusal as S;

    let verdict = |name: &str, change: &dyn Fn(&mut SnpPolicy), now| {
        let Recorded { report, endorsements } = recorded(name)?;
        let bound = bound(&report);
        let mut policy = policy(&report);
        change(&mut policy);
        Some(refused(examine(Roots::amd(), &report, &endorsements, (&bound, &policy), now)))
    };
    let plain = |_: &mut SnpPolicy| {};
    let old = |policy: &mut SnpPolicy| policy.report_versions = vec![2];
    let Some(oak) = verdict("milan-v3-vcek-oak", &plain, NOW) else {
        return skipped();
    };
    assert_eq!(oak, []);
    for good in ["genoa-v3-vcek-azure", "genoa-v5-vcek-oak", "turin-v5-vcek-oak"] {
        assert_eq!(verdict(good, &plain, NOW), Some(vec![]), "{good}");
    }
    let of = |refusals: &[S]| Some(refusals.iter().copied().map(Refusal::Snp).collect::<Vec<_>>());

    // Firmware below the floor that it had committed to, and lets be reported.
    let dstack = |snp| {
        move |policy: &mut SnpPolicy| {
            policy.families.get_mut(&Family::Milan).unwrap().floor.snp = snp;
        }
    };
    assert_eq!(verdict("milan-v3-vcek-dstack", &dstack(24), NOW), of(&[S::ReportedTcb]));
    assert_eq!(verdict("milan-v3-vcek-dstack", &dstack(23), NOW), of(&[]));

    // Version 2: no processor, no alias check, old firmware.
    let coco = "milan-v2-vcek-azure-coco";
    assert_eq!(verdict(coco, &plain, NOW).unwrap().first(), Some(&S::VersionUnlisted.into()));
    let floors = [S::ReportedTcb, S::CommittedTcb, S::CurrentTcb, S::LaunchTcb];
    let stale = [&[S::AliasCheck][..], &floors].concat();
    for name in [coco, "milan-v2-vcek-virtee"] {
        let refused = verdict(name, &old, NOW).unwrap();
        assert_eq!(refused.first(), Some(&S::AliasCheck.into()), "{name}");
        assert!(refused.iter().all(|r| stale.iter().any(|s| *r == (*s).into())), "{refused:?}");
        assert!(refused.contains(&S::ReportedTcb.into()), "{name}");
    }
    let debug = verdict("milan-v2-vcek-debug-policy", &old, NOW).unwrap();
    assert_eq!(debug.first(), Some(&S::Debug.into()));

    // A cloud's key, at a privilege level that owns nothing.
    let aws = "milan-v3-vlek-aws";
    let cloud = |policy: &mut SnpPolicy| {
        policy.clouds = vec!["CN=cc-us-east-2.amazonaws.com".into()];
    };
    let level = |policy: &mut SnpPolicy| {
        cloud(policy);
        policy.vmpl = 1;
    };
    let then = UnixMillis(1_750_000_000_000); // 2025-06-15
    assert_eq!(verdict(aws, &level, then), of(&[]));
    assert_eq!(verdict(aws, &cloud, then), of(&[S::Vmpl]));
    assert_eq!(verdict(aws, &plain, then), of(&[S::KeyUnlisted, S::Vmpl]));
    assert_eq!(verdict(aws, &level, NOW), of(&[S::Expired]));
    let chips = |policy: &mut SnpPolicy| {
        level(policy);
        policy.families.get_mut(&Family::Milan).unwrap().chips = Some(vec![]);
    };
    assert_eq!(verdict(aws, &chips, then), of(&[S::ChipUnlisted]));
}

#[test]
fn every_signed_bit_of_a_recorded_report_counts() {
    for name in ["milan-v3-vcek-oak", "genoa-v5-vcek-oak", "turin-v5-vcek-oak"] {
        let Some(Recorded { report, endorsements }) = recorded(name) else { return skipped() };
        let policy = policy(&report);
        // The certificates do not change, so only the first of all flips asks for their signatures.
        let verdict = |report: &[u8]| {
            let parsed = match Report::parse(report) {
                Ok(parsed) => parsed,
                Err(refusal) => return Some(refusal),
            };
            let vek = Vek::vouched(&parsed, &endorsements, roots(&policy), NOW);
            vek.and_then(|vek| vek.signed(&parsed)).err()
        };
        assert_eq!(verdict(&report), None, "{name}");
        for at in (0..report.len()).step_by(3) {
            let mut flipped = report.clone();
            flipped[at] ^= 1 << (at % 8);
            let refusal = verdict(&flipped).unwrap();
            if at >= 0x330 {
                assert_eq!(refusal, SnpRefusal::Tail, "{name} at {at:#x}");
            } else if at >= 0x2a0 {
                assert_eq!(refusal, SnpRefusal::Signature, "{name} at {at:#x}");
            }
        }
        let longer = [&report[..], &[0]].concat();
        assert_eq!(verdict(&longer), Some(SnpRefusal::Length));
        assert_eq!(verdict(&report[..0x2a0]), Some(SnpRefusal::Length));
    }
}

#[test]
fn certificates_of_others_are_refused() {
    use SnpRefusal as S;

    let Some(oak) = recorded("milan-v3-vcek-oak") else { return skipped() };
    let policy = policy(&oak.report);
    let bound = bound(&oak.report);
    let verdict = |change: &dyn Fn(&mut Endorsements), now| {
        let mut endorsements = oak.endorsements.clone();
        change(&mut endorsements);
        refused(examine(Roots::amd(), &oak.report, &endorsements, (&bound, &policy), now))
    };
    let first = |change: &dyn Fn(&mut Endorsements)| verdict(change, NOW).first().copied();
    let is = |refusal: S| Some(Refusal::Snp(refusal));

    assert_eq!(first(&|e| e.vek = None), is(S::VekMissing));
    assert_eq!(first(&|e| e.intermediate = None), is(S::IntermediateMissing));
    assert_eq!(first(&|e| e.vek = Some(vec![0x30])), is(S::CertificateMalformed));
    assert_eq!(first(&|e| e.vek.as_mut().unwrap().push(0)), is(S::CertificateMalformed));
    let other = |name| move |e: &mut Endorsements| e.vek = recorded(name).unwrap().endorsements.vek;
    assert_eq!(first(&other("milan-v3-vcek-dstack")), is(S::Signature));
    assert_eq!(first(&other("genoa-v5-vcek-oak")), is(S::VekName));
    let authority = |name: &'static str| {
        move |e: &mut Endorsements| {
            e.intermediate = authority(name);
        }
    };
    assert_eq!(first(&authority("ca-genoa-vcek.pem")), is(S::IntermediateName));
    assert_eq!(first(&authority("ca-milan-vlek.pem")), is(S::IntermediateName));
    for broken in ["negative-vcek-invalid-legacy.der", "negative-vcek-invalid-new.der"] {
        assert_eq!(first(&|e| e.vek = file(broken)), is(S::VekSignature), "{broken}");
    }
    // The family's root shown in place of its intermediate.
    let root = Roots::amd().of(Family::Milan).unwrap().to_der().unwrap();
    assert_eq!(first(&|e| e.intermediate = Some(root.clone())), is(S::IntermediateName));

    let vek = endorsed(&oak);
    let validity = vek.tbs_certificate.validity;
    let begin = UnixMillis(validity.not_before.to_unix_duration().as_secs() * 1_000);
    let end = UnixMillis(validity.not_after.to_unix_duration().as_secs() * 1_000);
    assert_eq!(verdict(&|_| {}, begin), []);
    assert_eq!(verdict(&|_| {}, UnixMillis(begin.0 - DAY_MS)), [S::NotYetValid.into()]);
    assert_eq!(verdict(&|_| {}, end), []);
    assert_eq!(verdict(&|_| {}, UnixMillis(end.0 + DAY_MS)), [S::Expired.into()]);
}

#[test]
fn a_chip_that_was_endorsed_without_a_report_chains_to_its_root() {
    let Some(turin) = recorded("turin-v5-vcek-oak") else { return skipped() };
    let report = Report::parse(&turin.report).unwrap();
    let policy = policy(&turin.report);
    let mut endorsements = turin.endorsements.clone();
    endorsements.vek = file("turin-vcek-only.vek.der");
    let vek = Vek::vouched(&report, &endorsements, roots(&policy), NOW).unwrap();
    assert_eq!(vek.family, Family::Turin);
    assert_eq!(vek.signed(&report), Err(SnpRefusal::Signature));
    let rows =
        examine(Roots::amd(), &turin.report, &endorsements, (&bound(&turin.report), &policy), NOW);
    assert_eq!(refused(rows), [SnpRefusal::Signature.into()]);
}

#[expect(clippy::print_stderr, clippy::disallowed_macros, reason = "a test says what it left out")]
fn skipped() {
    eprintln!("skipped: the recorded reports (../shared/vectors) are absent");
}

struct Recorded {
    report: Vec<u8>,
    endorsements: Endorsements,
}

/// A recorded report with the certificates that were published with it; none where the recordings
/// are absent.
fn recorded(name: &str) -> Option<Recorded> {
    let report = file(&format!("{name}.report.bin"))?;
    let mut parts = name.split('-');
    let (family, key) = (parts.next()?, parts.nth(1)?);
    let endorsements = Endorsements {
        vek: file(&format!("{name}.vek.der")),
        intermediate: authority(&format!("ca-{family}-{key}.pem")),
        ..Endorsements::default()
    };
    Some(Recorded { report, endorsements })
}

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/snp");
    std::fs::read(PathBuf::from(folder).join(name)).ok()
}

/// The first certificate of a file: ASK or ASVK.
fn authority(name: &str) -> Option<Vec<u8>> {
    Certificate::load_pem_chain(&file(name)?).ok()?.first()?.to_der().ok()
}

fn endorsed(recorded: &Recorded) -> Certificate {
    use x509_cert::der::Decode;

    Certificate::from_der(recorded.endorsements.vek.as_deref().unwrap()).unwrap()
}

/// What a report says of itself.
fn bound(report: &[u8]) -> Bound {
    Bound {
        report_data: report[0x50..0x90].try_into().unwrap(),
        config: report[0xc0..0xe0].try_into().unwrap(),
    }
}

fn roots(policy: &SnpPolicy) -> (&'static Roots, &Revocation) {
    (Roots::amd(), &policy.revocation)
}

/// A policy of today that lists what a report measured.
fn policy(report: &[u8]) -> SnpPolicy {
    let floor = |snp| Tcb { snp, ..Tcb::default() };
    let family = |snp| FamilyPolicy { floor: floor(snp), chips: None };
    SnpPolicy {
        families: BTreeMap::from([
            (Family::Milan, family(24)),
            (Family::Genoa, family(23)),
            (Family::Turin, family(2)),
        ]),
        measurements: vec![Hex(report[0x90..0xc0].try_into().unwrap())],
        ..forge::policy()
    }
}
