//! One machine, changed in one way, and the one refusal that it meets.

use std::collections::BTreeSet;

use x509_cert::der::Encode;
use x509_cert::der::asn1::Ia5String;

use self::SnpRefusal as S;
use super::forge::{
    BOOTLOADER, CHIP, CONSTRAINTS, CSP, FMC, Forge, MICROCODE, NOW_S, PRODUCT, SNP, TEE, USAGE,
};
use super::*;

#[test]
fn the_machine_that_the_others_are_changed_from_is_accepted() {
    assert_eq!(Forge::turin().examined(|_| {}), []);
    let cloud = |policy: &mut SnpPolicy| policy.clouds = vec!["a cloud".into()];
    assert_eq!(Forge::turin().vlek().examined(cloud), []);
    // Not under AMD's roots.
    let (report, endorsements, _) = Forge::turin().signed();
    let bound = Bound { report_data: [0xda; 64], config: [0xc0; 32] };
    let policy = forge::policy();
    let now = UnixMillis(NOW_S * 1_000);
    let rows = examine(Roots::amd(), &report, &endorsements, (&bound, &policy), now);
    assert_eq!(refused(rows), [S::IntermediateName.into()]);
}

#[test]
fn each_change_of_a_machine_meets_a_refusal_of_its_own() {
    for (what, change, wanted) in CHANGES {
        let mut forge = Forge::turin();
        change(&mut forge);
        assert_eq!(forge.examined(|_| {}), wanted_of(wanted), "{what}");
    }
}

#[test]
fn each_demand_of_a_policy_meets_a_refusal_of_its_own() {
    for (what, demand, meet, wanted) in DEMANDS {
        assert_eq!(Forge::turin().examined(demand), wanted_of(wanted), "{what}");
        let mut forge = Forge::turin();
        meet(&mut forge);
        assert_eq!(forge.examined(demand), [], "{what}, met");
    }
}

#[test]
fn every_refusal_is_provoked_and_has_a_code_of_its_own() {
    let tested = CHANGES.iter().flat_map(|change| change.2);
    let demanded = DEMANDS.iter().flat_map(|demand| demand.3);
    let mut provoked: BTreeSet<SnpRefusal> = tested.chain(demanded).copied().collect();
    // By the tests below.
    provoked.extend([
        S::VekMissing,
        S::IntermediateMissing,
        S::FamilyUnlisted,
        S::KeyUnlisted,
        S::IntermediateSignature,
        S::VekSignature,
        S::RevocationMalformed,
        S::RevocationSignature,
    ]);
    let all: BTreeSet<SnpRefusal> = S::ALL.iter().copied().collect();
    assert_eq!(all.difference(&provoked).collect::<Vec<_>>(), Vec::<&SnpRefusal>::new());
    let codes: BTreeSet<&str> = all.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(codes.len(), all.len());
    assert!(all.iter().all(|r| r.code().starts_with("snp-") && !r.remedy().is_empty()));
}

#[test]
fn signatures_of_others_are_refused() {
    let sound = Forge::turin();
    let (report, endorsements, roots) = sound.signed();
    let bound = Bound { report_data: [0xda; 64], config: [0xc0; 32] };
    let policy = forge::policy();
    let verdict = |change: &dyn Fn(&mut Endorsements)| {
        let (mut endorsements, asked) = (endorsements.clone(), (&bound, &policy));
        change(&mut endorsements);
        let now = UnixMillis(NOW_S * 1_000);
        refused(examine(&roots, &report, &endorsements, asked, now))
    };
    assert_eq!(verdict(&|e| e.vek = None), [S::VekMissing.into()]);
    assert_eq!(verdict(&|e| e.intermediate = None), [S::IntermediateMissing.into()]);
    let flip = |bytes: &mut Option<Vec<u8>>| *bytes.as_mut().unwrap().last_mut().unwrap() ^= 1;
    assert_eq!(verdict(&|_| {}), []);
    assert_eq!(verdict(&|e| flip(&mut e.vek)), [S::VekSignature.into()]);
    let intermediate = verdict(&|e| flip(&mut e.intermediate));
    assert_eq!(intermediate, [S::IntermediateSignature.into()]);

    let mut listed = Forge::turin();
    listed.revoked = Some((vec![9], NOW_S, None));
    let list = listed.signed().1.revoked;
    assert_eq!(verdict(&|e| e.revoked = list.clone()), []);
    let mut forged = list;
    flip(&mut forged);
    let refusal = verdict(&|e| e.revoked = forged.clone());
    assert_eq!(refusal, [S::RevocationSignature.into()]);
    let refusal = verdict(&|e| e.revoked = Some(vec![0x30, 0]));
    assert_eq!(refusal, [S::RevocationMalformed.into()]);
    // A list of another family's root.
    let mut other = listed;
    other.root.subject = "ARK-Genoa".into();
    let refusal = verdict(&|e| e.revoked = other.signed().1.revoked);
    assert_eq!(refusal, [S::RevocationSignature.into()]);
}

#[test]
fn a_family_that_is_not_listed_is_refused() {
    let refused = Forge::turin().examined(|policy| policy.families.clear());
    assert_eq!(refused, [S::FamilyUnlisted.into()]);
    let none = Forge::turin().examined(|policy| policy.measurements.clear());
    assert_eq!(none, [S::Measurement.into()], "an empty list refuses");
}

#[test]
fn what_the_hardware_signed_is_what_was_shown() {
    let mut other = Forge::turin();
    other.set(0x50, &[0]);
    assert_eq!(other.examined(|_| {}), [Refusal::ReportData]);
}

#[test]
fn a_clouds_key_names_no_chip_and_is_listed_by_its_cloud() {
    let cloud = |policy: &mut SnpPolicy| policy.clouds = vec!["a cloud".into()];
    assert_eq!(Forge::turin().vlek().examined(|_| {}), [S::KeyUnlisted.into()]);
    let mut other = Forge::turin().vlek();
    other.endorse(CSP, &Ia5String::new("another").unwrap().to_der().unwrap());
    assert_eq!(other.examined(cloud), [S::KeyUnlisted.into()]);
    let mut named = Forge::turin().vlek();
    named.set(0x1a0, &[1]);
    assert_eq!(named.examined(cloud), [S::EndorsedChip.into()]);
    let mut endorsed = Forge::turin().vlek();
    endorsed.endorse(CHIP, &[1; 8]);
    assert_eq!(endorsed.examined(cloud), [S::EndorsedChip.into()]);
    // A chip's key in a report that says a cloud's signed it, and the other way round.
    let mut crossed = Forge::turin();
    crossed.set(0x48, &4_u32.to_le_bytes());
    assert_eq!(crossed.examined(cloud), [S::IntermediateName.into()]);
    let mut crossed = Forge::turin().vlek();
    crossed.set(0x48, &0_u32.to_le_bytes());
    assert_eq!(crossed.examined(cloud), [S::IntermediateName.into()]);
}

fn wanted_of(wanted: &[SnpRefusal]) -> Vec<Refusal> {
    wanted.iter().copied().map(Refusal::Snp).collect()
}

type Change = (&'static str, fn(&mut Forge), &'static [SnpRefusal]);
type Demand = (&'static str, fn(&mut SnpPolicy), fn(&mut Forge), &'static [SnpRefusal]);

/// Sets bits of the guest policy.
fn allow(forge: &mut Forge, bits: u64) {
    forge.set(0x08, &(0x3_0000 | bits).to_le_bytes());
}

/// What is wrong with a machine whatever the policy says.
const CHANGES: &[Change] = &[
    // Shape.
    ("longer", |f| f.report.push(0), &[S::Length]),
    ("version 4", |f| f.set(0x00, &[4]), &[S::Version]),
    ("version 6", |f| f.set(0x00, &[6]), &[S::Version]),
    ("reserved after key info", |f| f.set(0x4c, &[1]), &[S::Reserved]),
    ("reserved after the processor", |f| f.set(0x18b, &[1]), &[S::Reserved]),
    ("reserved at the end", |f| f.set(0x29f, &[1]), &[S::Reserved]),
    ("mitigations before version 5", |f| f.set(0x00, &[3]), &[S::Reserved]),
    ("reserved in a tcb", |f| f.set(0x1f5, &[1]), &[S::Reserved]),
    ("behind the signature", |f| f.set(0x49f, &[1]), &[S::Tail]),
    ("above S", |f| f.set(0x2e8 + 71, &[1]), &[S::Signature]),
    ("above R", |f| f.set(0x2a0 + 71, &[1]), &[S::Signature]),
    ("algorithm", |f| f.set(0x34, &[2]), &[S::Algorithm]),
    ("processor", |f| f.set(0x189, &[0x11]), &[S::FamilyUnknown]),
    ("processor in version 2", |f| f.set(0x00, &[2]), &[S::Reserved]),
    // Certificates.
    ("no key", |f| f.set(0x48, &28_u32.to_le_bytes()), &[S::KeyKind]),
    ("reserved in key info", |f| f.set(0x48, &32_u32.to_le_bytes()), &[S::Reserved]),
    ("an author that nobody asked for", |f| f.set(0x48, &[1]), &[S::AuthorKey]),
    ("reserved kind of key", |f| f.set(0x48, &8_u32.to_le_bytes()), &[S::KeyKind]),
    ("no product", |f| f.endorse(PRODUCT, &[]), &[S::CertificateMalformed]),
    ("product is no text", |f| f.endorse(PRODUCT, &[1]), &[S::CertificateMalformed]),
    ("no microcode", |f| f.endorse(MICROCODE, &[]), &[S::CertificateMalformed]),
    ("no boot loader", |f| f.endorse(BOOTLOADER, &[]), &[S::CertificateMalformed]),
    ("no snp", |f| f.endorse(SNP, &[]), &[S::CertificateMalformed]),
    ("tee above 255", |f| f.endorse(TEE, &[2, 2, 1, 0]), &[S::CertificateMalformed]),
    (
        "an extension twice",
        |f| f.vek.extensions.push((FMC, false, vec![2, 1, 9])),
        &[S::CertificateExtension],
    ),
    (
        "a critical extension",
        |f| f.vek.extensions.push(("1.2.840.1", true, vec![5, 0])),
        &[S::CertificateExtension],
    ),
    (
        "a critical extension of the authority",
        |f| f.authority.extensions.push(("1.2.840.1", true, vec![5, 0])),
        &[S::CertificateExtension],
    ),
    ("authority of no root", |f| f.authority.issuer = "ARK-Genoa".into(), &[S::IntermediateName]),
    (
        "authority of another family",
        |f| f.authority.subject = "SEV-Genoa".into(),
        &[S::IntermediateName],
    ),
    (
        "no constraints",
        |f| f.authority.extensions.retain(|e| e.0 != CONSTRAINTS),
        &[S::IntermediateNoAuthority],
    ),
    (
        "no authority",
        |f| f.authority.extensions = vec![(CONSTRAINTS, true, vec![0x30, 0]), usage(4)],
        &[S::IntermediateNoAuthority],
    ),
    (
        "no usage",
        |f| f.authority.extensions.retain(|e| e.0 != USAGE),
        &[S::IntermediateNoAuthority],
    ),
    (
        "signs no certificates",
        |f| {
            f.authority.extensions.retain(|e| e.0 != USAGE);
            f.authority.extensions.push(usage(2));
        },
        &[S::IntermediateNoAuthority],
    ),
    ("issued by another", |f| f.vek.issuer = "SEV-Genoa".into(), &[S::VekName]),
    ("not of a chip's key", |f| f.vek.subject = "SEV-VLEK".into(), &[S::VekName]),
    ("root not yet valid", |f| f.root.begin_s = NOW_S + 1, &[S::NotYetValid]),
    ("authority not yet valid", |f| f.authority.begin_s = NOW_S + 1, &[S::NotYetValid]),
    ("key not yet valid", |f| f.vek.begin_s = NOW_S + 1, &[S::NotYetValid]),
    ("root expired", |f| f.root.end_s = NOW_S - 1, &[S::Expired]),
    ("authority expired", |f| f.authority.end_s = NOW_S - 1, &[S::Expired]),
    ("key expired", |f| f.vek.end_s = NOW_S - 1, &[S::Expired]),
    ("old list", |f| f.revoked = Some((vec![], NOW_S - 367 * DAY, None)), &[S::RevocationStale]),
    ("list to come", |f| f.revoked = Some((vec![], NOW_S + 1, None)), &[S::RevocationStale]),
    (
        "list that ended",
        |f| f.revoked = Some((vec![], NOW_S - DAY, Some(NOW_S - 1))),
        &[S::RevocationStale],
    ),
    ("revoked", |f| f.revoked = Some((vec![9, 7], NOW_S, None)), &[S::Revoked]),
    ("another product", |f| f.endorse(PRODUCT, b"\x16\x05Genoa"), &[S::Product]),
    ("an unknown product", |f| f.endorse(PRODUCT, b"\x16\x05Genua"), &[S::Product]),
    ("other mission control", |f| f.endorse(FMC, &[2, 1, 9]), &[S::EndorsedTcb]),
    ("other boot loader", |f| f.endorse(BOOTLOADER, &[2, 1, 9]), &[S::EndorsedTcb]),
    ("other tee", |f| f.endorse(TEE, &[2, 1, 9]), &[S::EndorsedTcb]),
    ("other snp", |f| f.endorse(SNP, &[2, 1, 9]), &[S::EndorsedTcb]),
    ("other microcode", |f| f.endorse(MICROCODE, &[2, 1, 9]), &[S::EndorsedTcb]),
    ("another chip", |f| f.endorse(CHIP, &[9; 8]), &[S::EndorsedChip]),
    ("no chip", |f| f.endorse(CHIP, &[]), &[S::EndorsedChip]),
    ("a longer chip", |f| f.set(0x1a8, &[1]), &[S::EndorsedChip]),
    ("a cloud's chip key", |f| f.endorse(CSP, b"\x16\x01c"), &[S::EndorsedChip]),
    ("masked chip", |f| f.set(0x48, &2_u32.to_le_bytes()), &[S::ChipMasked]),
    // The guest policy.
    ("bit 17", |f| f.set(0x08, &0x1_0000_u64.to_le_bytes()), &[S::PolicyReserved]),
    ("bit 26", |f| allow(f, 1 << 26), &[S::PolicyReserved]),
    ("bit 63", |f| allow(f, 1 << 63), &[S::PolicyReserved]),
    ("debugging", |f| allow(f, 1 << 19), &[S::Debug]),
    ("migration", |f| allow(f, 1 << 18), &[S::Migration]),
    ("a migration agent", |f| f.set(0x160, &[0]), &[S::MigrationAgent]),
    ("cxl", |f| allow(f, 1 << 21), &[S::Cxl]),
    (
        "threads that are not allowed",
        |f| f.set(0x08, &0x2_0000_u64.to_le_bytes()),
        &[S::SmtPlatform],
    ),
    ("ciphertexts shown", |f| allow(f, 1 << 24), &[S::CiphertextHiding]),
    ("aliases", |f| f.set(0x40, &[0x05]), &[S::AliasCheck]),
    // The firmware: reported and certified are one.
    ("committed boot loader", |f| f.set(0x1e1, &[1]), &[S::CommittedTcb]),
    ("current snp", |f| f.set(0x3b, &[3]), &[S::CurrentTcb]),
    ("launch microcode", |f| f.set(0x1f7, &[4]), &[S::LaunchTcb]),
    (
        "reported mission control",
        |f| {
            f.set(0x180, &[0]);
            f.endorse(FMC, &[2, 1, 0]);
        },
        &[S::ReportedTcb],
    ),
    // The guest.
    ("another level", |f| f.set(0x30, &[1]), &[S::Vmpl]),
    ("another image", |f| f.set(0x90, &[0]), &[S::Measurement]),
    ("another configuration", |f| f.set(0xc0, &[0]), &[S::HostData]),
];

/// What a policy may demand, and a machine that meets it.
const DEMANDS: &[Demand] = &[
    ("version", |p| p.report_versions = vec![3], version_3, &[S::VersionUnlisted]),
    ("no version", |p| p.report_versions.retain(|v| *v == 3), version_3, &[S::VersionUnlisted]),
    (
        "a list",
        |p| p.revocation.required = true,
        |f| f.revoked = Some((vec![], NOW_S, None)),
        &[S::RevocationMissing],
    ),
    (
        "a chip",
        |p| chips(p, [2, 2, 3, 4, 5, 6, 7, 8]),
        |f| {
            f.set(0x1a0, &[2]);
            f.endorse(CHIP, &[2, 2, 3, 4, 5, 6, 7, 8]);
        },
        &[S::ChipUnlisted],
    ),
    ("no power readings", |p| p.rapl_off = true, |f| allow(f, 1 << 23), &[S::Rapl]),
    (
        "hidden ciphertexts",
        |p| p.ciphertext_hiding = true,
        |f| {
            allow(f, 1 << 24);
            f.set(0x40, &[0x35]);
        },
        &[S::CiphertextHiding],
    ),
    ("no page swap", |p| p.page_swap_off = true, |f| allow(f, 1 << 25), &[S::PageSwap]),
    ("one socket", |p| p.single_socket = true, |f| allow(f, 1 << 20), &[S::Socket]),
    (
        "no threads",
        |p| p.smt = false,
        |f| {
            f.set(0x08, &0x2_0000_u64.to_le_bytes());
            f.set(0x40, &[0x24]);
        },
        &[S::Smt],
    ),
    (
        "mitigations",
        |p| p.mitigations = 0b11,
        |f| {
            f.set(0x1f8, &[7]);
            f.set(0x200, &[7]);
        },
        &[S::LaunchMitigations, S::CurrentMitigations],
    ),
    (
        "an identity key",
        |p| p.id_keys = Some(vec![Hex([1; 48])]),
        |f| f.set(0xe0, &[1; 48]),
        &[S::IdKey],
    ),
    (
        "an author",
        |p| p.author_keys = Some(vec![Hex([1; 48])]),
        |f| f.set(0x110, &[1; 48]),
        &[S::AuthorKey],
    ),
    ("a newer guest", |p| p.guest_svn = 3, |f| f.set(0x04, &[3]), &[S::GuestSvn]),
];

fn version_3(forge: &mut Forge) {
    forge.set(0x00, &[3]);
    forge.set(0x1f8, &[0; 16]);
}

fn chips(policy: &mut SnpPolicy, chip: [u8; 8]) {
    let mut named = [0; 64];
    named[..8].copy_from_slice(&chip);
    policy.families.get_mut(&Family::Turin).unwrap().chips = Some(vec![Hex(named)]);
}

fn usage(bits: u8) -> (&'static str, bool, Vec<u8>) {
    (USAGE, true, vec![3, 2, 1, bits])
}

const DAY: u64 = 86_400;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes: Vec<u8>, at: proptest::sample::Index, byte: u8, which in 0..4_usize
    ) {
        let mut forge = Forge::turin();
        forge.revoked = Some((vec![9], NOW_S, None));
        let (mut report, mut endorsements, roots) = forge.signed();
        let bound = Bound { report_data: [0xda; 64], config: [0xc0; 32] };
        let (policy, now) = (forge::policy(), UnixMillis(NOW_S * 1_000));
        let parts = [
            Some(&mut report),
            endorsements.vek.as_mut(),
            endorsements.intermediate.as_mut(),
            endorsements.revoked.as_mut(),
        ];
        let part = parts.into_iter().nth(which).flatten().unwrap();
        let place = at.index(part.len());
        let changed = part[place] != byte;
        part[place] = byte;
        let verdict = refused(examine(&roots, &report, &endorsements, (&bound, &policy), now));
        proptest::prop_assert_eq!(changed, !verdict.is_empty());
        let others = Endorsements {
            vek: Some(bytes.clone()),
            intermediate: Some(bytes.clone()),
            revoked: Some(bytes.clone()),
            collateral: None,
        };
        drop(examine(&roots, &report, &others, (&bound, &policy), now));
        drop(examine(&roots, &bytes, &others, (&bound, &policy), now));
    }
}
