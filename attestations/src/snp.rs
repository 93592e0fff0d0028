//! SEV-SNP: from a report and its certificates to rows of checks (AMD publications 56860, SEV
//! Secure Nested Paging Firmware ABI, and 57230, VCEK certificate and KDS interface).

mod chain;
mod endorsed;
mod refusal;
mod report;
mod revoked;
mod roots;
mod tcb;

use messages::evidence::Endorsements;
use messages::time::UnixMillis;

use self::chain::{KeyKind, Vek};
pub use self::refusal::SnpRefusal;
use self::report::Report;
pub(crate) use self::roots::Roots;
pub use self::tcb::{Family, Tcb};
use crate::bound::Bound;
use crate::policy::{Hex, SnpPolicy};
use crate::refusal::Refusal;
use crate::rows::Rows;

/// Looks at a report from its shape to its measurement.
pub(crate) fn examine(
    roots: &Roots,
    report: &[u8],
    endorsements: &Endorsements,
    (bound, policy): (&Bound, &SnpPolicy),
    now: UnixMillis,
) -> Rows {
    let mut rows = Rows::default();
    let Some(report) =
        rows.step("report", "1,184 bytes of version 2, 3 or 5", Report::parse(report))
    else {
        return rows;
    };
    let vek = Vek::vouched(&report, endorsements, (roots, &policy.revocation), now);
    let Some(vek) = rows.step("certificates", "from the family's root to the key", vek) else {
        return rows;
    };
    let signed = vek.signed(&report);
    if rows.step("signature", "the key's, over the report", signed).is_none() {
        return rows;
    }
    let tcbs = report.tcbs(vek.family);
    let Some(tcbs) = rows.step("tcbs", "in the family's layout", tcbs) else {
        return rows;
    };
    machine(&mut rows, &report, (&vek, policy), &tcbs);
    guest_policy(&mut rows, &report, policy);
    firmware(&mut rows, &report, (&vek, policy), &tcbs);
    guest(&mut rows, &report, bound, policy);
    rows
}

/// Whose key it is, and of which chip.
fn machine(
    rows: &mut Rows,
    report: &Report<'_>,
    (vek, policy): (&Vek, &SnpPolicy),
    tcbs: &report::Tcbs,
) {
    let versions = &policy.report_versions;
    let version = report.version;
    let listed = versions.contains(&version);
    rows.check("version", (version, Listed(versions)), listed, SnpRefusal::VersionUnlisted);

    let families: Vec<&str> = policy.families.keys().map(|family| family.name()).collect();
    let (family, accepted) = (vek.family, policy.families.get(&vek.family));
    let listed = (family.name(), Listed(&families));
    rows.check("family", listed, accepted.is_some(), SnpRefusal::FamilyUnlisted);
    let endorsed = &vek.endorsed;
    let product = (endorsed.family.name(), family.name());
    rows.check("certified family", product, endorsed.family == family, SnpRefusal::Product);
    let holds = endorsed.tcb == tcbs.reported;
    let tcb = (&endorsed.tcb, &tcbs.reported);
    rows.check("certified firmware", tcb, holds, SnpRefusal::EndorsedTcb);

    let masked = report.key & MASK_CHIP_KEY != 0;
    let word = if masked { "masked" } else { "shown" };
    rows.check("chip key", (word, "shown"), !masked, SnpRefusal::ChipMasked);
    match vek.kind {
        KeyKind::Vcek => {
            let named = endorsed.is_chip(family, report.chip) && endorsed.csp.is_none();
            let found = if named { "the report's" } else { "another" };
            rows.check("certified chip", (found, "the report's"), named, SnpRefusal::EndorsedChip);
            let chips = accepted.and_then(|family| family.chips.as_ref());
            if let Some(chips) = chips {
                let listed = chips.contains(&Hex(*report.chip));
                let count = format!("one of {}", chips.len());
                rows.check("chip", (Hex(*report.chip), count), listed, SnpRefusal::ChipUnlisted);
            }
        }
        KeyKind::Vlek => {
            // A cloud's key says nothing of a chip, and the report must not either.
            let none = endorsed.chip.is_none() && *report.chip == [0; 64];
            let found = if none { "none" } else { "named" };
            rows.check("certified chip", (found, "none"), none, SnpRefusal::EndorsedChip);
            let cloud = endorsed.csp.as_deref().unwrap_or_default();
            let listed = policy.clouds.iter().any(|listed| listed == cloud);
            rows.check("cloud", (cloud, Listed(&policy.clouds)), listed, SnpRefusal::KeyUnlisted);
            // A list of chips cannot be met without a chip.
            let any = accepted.is_none_or(|family| family.chips.is_none());
            rows.check("chip", ("none", "any"), any, SnpRefusal::ChipUnlisted);
        }
    }
}

/// What the guest allows its host (56860, section 4.3), and what the host says of itself (section
/// 4.17.1).
fn guest_policy(rows: &mut Rows, report: &Report<'_>, policy: &SnpPolicy) {
    let has = |bit: u32| report.policy & (1 << bit) != 0;
    let mut bit = |field, found: bool, wanted: bool, refusal| {
        let word = |set: bool| if set { "set" } else { "clear" };
        rows.check(field, (word(found), word(wanted)), found == wanted, refusal);
    };
    bit("policy, bit that is always set", has(17), true, SnpRefusal::PolicyReserved);
    bit("policy, bits above 25", report.policy >> 26 != 0, false, SnpRefusal::PolicyReserved);
    bit("policy, debugging", has(19), false, SnpRefusal::Debug);
    bit("policy, migration agent", has(18), false, SnpRefusal::Migration);
    let agent = *report.migration_agent != [0xff; 32];
    bit("migration agent", agent, false, SnpRefusal::MigrationAgent);
    bit("policy, memory on CXL", has(21), false, SnpRefusal::Cxl);
    // A demand that is not made accepts both.
    let mut demand = |field, bit_at, demanded: bool, refusal| {
        bit(field, has(bit_at), demanded || has(bit_at), refusal);
    };
    demand("policy, power readings off", 23, policy.rapl_off, SnpRefusal::Rapl);
    demand(
        "policy, hidden ciphertexts",
        24,
        policy.ciphertext_hiding,
        SnpRefusal::CiphertextHiding,
    );
    demand("policy, no page swap", 25, policy.page_swap_off, SnpRefusal::PageSwap);
    demand("policy, one socket", 20, policy.single_socket, SnpRefusal::Socket);
    bit("policy, smt", has(16), policy.smt && has(16), SnpRefusal::Smt);
    let platform = |bit: u32| report.platform & (1 << bit) != 0;
    bit("platform, smt", platform(0), has(16) && platform(0), SnpRefusal::SmtPlatform);
    let hidden = !has(24) || platform(4);
    bit(
        "platform, hidden ciphertexts as the policy has it",
        hidden,
        true,
        SnpRefusal::CiphertextHiding,
    );
    bit("platform, checked for aliases", platform(5), true, SnpRefusal::AliasCheck);
}

/// Floors, component by component: a host may report older firmware than it runs.
fn firmware(
    rows: &mut Rows,
    report: &Report<'_>,
    (vek, policy): (&Vek, &SnpPolicy),
    tcbs: &report::Tcbs,
) {
    if let Some(family) = policy.families.get(&vek.family) {
        for (field, tcb, refusal) in [
            ("reported firmware", &tcbs.reported, SnpRefusal::ReportedTcb),
            ("committed firmware", &tcbs.committed, SnpRefusal::CommittedTcb),
            ("running firmware", &tcbs.current, SnpRefusal::CurrentTcb),
            ("firmware at launch", &tcbs.launch, SnpRefusal::LaunchTcb),
        ] {
            let wanted = format!("at least {}", family.floor);
            rows.check(field, (tcb, wanted), tcb.reaches(&family.floor), refusal);
        }
    }
    // Before version 5 no vector says that anything is on.
    let (launch, current) = report.mitigations.unwrap_or_default();
    let demanded = policy.mitigations;
    for (field, vector, refusal) in [
        ("mitigations at launch", launch, SnpRefusal::LaunchMitigations),
        ("mitigations", current, SnpRefusal::CurrentMitigations),
    ] {
        let words = (format!("{vector:#x}"), format!("all of {demanded:#x}"));
        rows.check(field, words, vector & demanded == demanded, refusal);
    }
}

/// Which guest it is, and what it says.
fn guest(rows: &mut Rows, report: &Report<'_>, bound: &Bound, policy: &SnpPolicy) {
    rows.check("vmpl", (report.vmpl, policy.vmpl), report.vmpl == policy.vmpl, SnpRefusal::Vmpl);
    let measured = Hex(*report.measurement);
    let listed = policy.measurements.contains(&measured);
    let wanted = format!("one of {}", policy.measurements.len());
    rows.check("measurement", (measured, wanted), listed, SnpRefusal::Measurement);
    let config = (Hex(*report.host_data), Hex(bound.config));
    rows.check("host data", config, *report.host_data == bound.config, SnpRefusal::HostData);
    for (field, key, keys, refusal) in [
        ("identity key", report.id_key, &policy.id_keys, SnpRefusal::IdKey),
        ("author key", report.author_key, &policy.author_keys, SnpRefusal::AuthorKey),
    ] {
        if let Some(keys) = keys {
            let wanted = format!("one of {}", keys.len());
            rows.check(field, (Hex(*key), wanted), keys.contains(&Hex(*key)), refusal);
        }
    }
    let authored = report.key & AUTHOR_KEY_EN != 0 && policy.author_keys.is_none();
    let word = if authored { "one" } else { "none" };
    rows.check("unlisted author", (word, "none"), !authored, SnpRefusal::AuthorKey);
    let (svn, least) = (report.guest_svn, policy.guest_svn);
    rows.check("guest svn", (svn, format!("at least {least}")), svn >= least, SnpRefusal::GuestSvn);
    let data = (Hex(*report.report_data), Hex(bound.report_data));
    rows.check("report data", data, *report.report_data == bound.report_data, Refusal::ReportData);
}

/// AUTHOR_KEY_EN and MASK_CHIP_KEY of KEY_INFO.
const AUTHOR_KEY_EN: u32 = 1;
const MASK_CHIP_KEY: u32 = 1 << 1;

/// A list of what is accepted.
struct Listed<'a, T>(&'a [T]);

impl<T: core::fmt::Display> core::fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut items = self.0.iter();
        match items.next() {
            Some(first) => write!(f, "{first}")?,
            None => return f.write_str("none"),
        }
        items.try_for_each(|item| write!(f, " or {item}"))
    }
}

#[cfg(test)]
pub(crate) mod tests;
