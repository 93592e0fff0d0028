//! TDX: from a quote and Intel's collateral to rows of checks. What can be looked up in Intel's
//! appraisal (signatures, chains, revocation, TCB levels) is `dcap-qvl`'s; what to accept is ours.

mod event_log;
mod refusal;

use core::fmt::Display;

use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::configs::RustCryptoConfig;
use dcap_qvl::policy::{PckCertFlag, QuoteClaims, QuotePolicy};
use dcap_qvl::quote::{Quote, TDReport10};
use dcap_qvl::tcb_info::TcbStatus;
use dcap_qvl::verify::QuoteVerifier;
use messages::time::UnixMillis;
use serde::Deserialize;
use x509_cert::der::DateTime;

pub use self::refusal::TdxRefusal;
use crate::bound::Bound;
use crate::policy::{Hex, TdxMeasurement, TdxPolicy, TdxStatus};
use crate::refusal::Refusal;
use crate::rows::Rows;

/// Looks at a quote from its shape to its measurements.
pub(crate) fn examine(
    (quote, event_log): (&[u8], Option<&[u8]>),
    collateral: Option<&[u8]>,
    (bound, policy): (&Bound, &TdxPolicy),
    now: UnixMillis,
) -> Rows {
    let mut rows = Rows::default();
    let Some(parsed) = rows.step("quote", "one of tdx, version 4 or 5", parse(quote)) else {
        return rows;
    };
    // Before anything is known of signatures: a domain that can be read is refused as one.
    let Some(report) = parsed.report.as_td10() else { return rows };
    attributes(&mut rows, &parsed, report, policy);
    let seconds = now.0 / 1_000;
    let collateral = readable(collateral).and_then(|collateral| {
        in_time(&collateral, seconds)?;
        Ok(collateral)
    });
    let Some(collateral) = rows.step("collateral", "of this time", collateral) else {
        return rows;
    };
    let verifier = QuoteVerifier::new_prod().with_config::<RustCryptoConfig>();
    let claims = verifier.verify_with_policy(
        quote,
        collateral,
        seconds,
        // Says what is so, and leaves to the rows below what of it to accept.
        &QuotePolicy::claims_only(seconds),
    );
    let claims = claims.map_err(|error| classify(&error));
    let Some(claims) = rows.step("signatures and tcb level", "Intel's", claims) else {
        return rows;
    };
    platform(&mut rows, &claims, policy, seconds);
    domain(&mut rows, (report, event_log), bound, policy);
    rows
}

/// A quote in the one form that it has.
fn parse(bytes: &[u8]) -> Result<Quote, TdxRefusal> {
    use scale::Encode;

    if bytes.len() > MOST_QUOTE {
        return Err(TdxRefusal::TooLarge);
    }
    let quote = Quote::parse(bytes).map_err(|_| TdxRefusal::Malformed)?;
    let header = &quote.header;
    if header.tee_type != TDX || quote.report.as_td10().is_none() {
        return Err(TdxRefusal::Tee);
    }
    if header.attestation_key_type != ECDSA_P256 {
        return Err(TdxRefusal::KeyType);
    }
    if header.qe_vendor_id != INTEL {
        return Err(TdxRefusal::Vendor);
    }
    // `parse` leaves what stands behind the quote.
    if quote.encode() != bytes {
        return Err(TdxRefusal::Tail);
    }
    Ok(quote)
}

/// What the host may do to the domain (Intel 348551, table 3.23).
fn attributes(rows: &mut Rows, quote: &Quote, report: &TDReport10, policy: &TdxPolicy) {
    let attributes = u64::from_le_bytes(report.td_attributes);
    let has = |bit: u32| attributes & (1 << bit) != 0;
    let mut bit = |field, found: bool, wanted: bool, refusal| {
        let word = |set: bool| if set { "set" } else { "clear" };
        rows.check(field, (word(found), word(wanted)), found == wanted, refusal);
    };
    bit("attributes, debugging", has(0), false, TdxRefusal::Debug);
    bit("attributes, migration", has(29), false, TdxRefusal::Migratable);
    bit("attributes, no faults from outside", has(28), true, TdxRefusal::SeptVe);
    bit("attributes, service domain", has(17), false, TdxRefusal::ServiceTd);
    bit("attributes, counters", has(63), policy.perfmon && has(63), TdxRefusal::Perfmon);
    let other = attributes & !KNOWN != 0;
    bit("attributes, others", other, false, TdxRefusal::Attributes);
    let served = quote.report.as_td15().is_some_and(|report| report.mr_service_td != [0; 48]);
    let served = served
        || quote.report.as_td15_ex().is_some_and(|report| report.cur_service_td_hash != [0; 48]);
    bit("service domain", served, false, TdxRefusal::ServiceTd);
    let features = Hex(report.xfam);
    let listed = policy.xfam.contains(&features);
    let wanted = format!("one of {}", policy.xfam.len());
    rows.check("processor features", (features, wanted), listed, TdxRefusal::Xfam);
}

/// Intel's collateral, as the JSON object of `dcap-qvl`.
fn readable(collateral: Option<&[u8]>) -> Result<QuoteCollateralV3, TdxRefusal> {
    let collateral = collateral.ok_or(TdxRefusal::CollateralMissing)?;
    if collateral.len() > MOST_COLLATERAL {
        return Err(TdxRefusal::CollateralMalformed);
    }
    serde_json::from_slice(collateral).map_err(|_| TdxRefusal::CollateralMalformed)
}

/// The dates that collateral names of itself. Nothing rests on this but the code of the refusal:
/// the dates are looked at again where their signatures are.
fn in_time(collateral: &QuoteCollateralV3, seconds: u64) -> Result<(), TdxRefusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Dated {
        issue_date: String,
        next_update: String,
    }
    for text in [&collateral.tcb_info, &collateral.qe_identity] {
        let malformed = TdxRefusal::CollateralMalformed;
        let dated: Dated = serde_json::from_str(text).map_err(|_| malformed)?;
        let date = |text: &str| {
            let date: DateTime = text.parse().map_err(|_| malformed)?;
            Ok(date.unix_duration().as_secs())
        };
        if seconds < date(&dated.issue_date)? {
            return Err(TdxRefusal::CollateralNotYetValid);
        }
        if seconds > date(&dated.next_update)? {
            return Err(TdxRefusal::CollateralExpired);
        }
    }
    Ok(())
}

/// Which of our codes an error of `dcap-qvl` has. It names its errors by text alone; what is not
/// known here is a signature that does not hold, and is refused all the same.
fn classify(error: &impl Display) -> TdxRefusal {
    // With the alternate form an error names its causes too.
    let text = format!("{error:#}");
    let known = [
        ("Fmspc mismatch", TdxRefusal::Fmspc),
        ("CertNotValidYet", TdxRefusal::NotYetValid),
        ("CertExpired", TdxRefusal::Expired),
        ("CrlExpired", TdxRefusal::CollateralExpired),
        ("CertRevoked", TdxRefusal::Revoked),
        ("TCB status is invalid: Revoked", TdxRefusal::Revoked),
        ("No matching TCB level", TdxRefusal::NoLevel),
        ("TDX module", TdxRefusal::Module),
    ];
    let found = known.iter().find(|(part, _)| text.contains(part));
    found.map_or(TdxRefusal::Signature, |(_, refusal)| *refusal)
}

/// What Intel says of the machine, and what of it to accept.
fn platform(rows: &mut Rows, claims: &QuoteClaims, policy: &TdxPolicy, seconds: u64) {
    let status = claims.tcb.status;
    let accepted = match status_of(status) {
        State::UpToDate => true,
        State::Listed(status) => policy.statuses.contains(&status),
        State::Revoked => false,
    };
    let wanted = format!("UpToDate, or one of {} more", policy.statuses.len());
    rows.check("tcb status", (status, wanted), accepted, TdxRefusal::Status);
    let platform = &claims.platform;
    let relaunch = [TcbStatus::TDRelaunchAdvised, TcbStatus::TDRelaunchAdvisedConfigurationNeeded];
    let behind = out_of_date(platform.tcb_level.tcb_status) && !relaunch.contains(&status);
    let since = platform.tcb_date_tag;
    let holds = !behind || since.saturating_add(policy.grace_s) >= seconds;
    let words = (since, format!("{} s of grace", policy.grace_s));
    rows.check("tcb date", words, holds, TdxRefusal::Grace);

    let enclave = &claims.qe.tcb_level;
    let date = enclave.tcb_date.parse::<DateTime>().map_or(0, |at| at.unix_duration().as_secs());
    let within = out_of_date(enclave.tcb_status)
        && policy.statuses.contains(&TdxStatus::OutOfDate)
        && date.saturating_add(policy.grace_s) >= seconds;
    let current = enclave.tcb_status == TcbStatus::UpToDate || within;
    let words = (enclave.tcb_status, "UpToDate");
    rows.check("quoting enclave", words, current, TdxRefusal::QuotingEnclave);

    let levels = [Some(&platform.tcb_level), platform.current_tcb_level.as_ref()];
    let advised = levels.into_iter().flatten().flat_map(|level| &level.advisory_ids);
    let advised = advised.chain(&enclave.advisory_ids).chain(&claims.tcb.advisory_ids);
    let refused = |id: &&String| {
        policy.refused_advisories.iter().any(|refused| refused.eq_ignore_ascii_case(id))
    };
    let refused = advised.filter(refused).count();
    rows.check("refused advisories", (refused, 0), refused == 0, TdxRefusal::Advisory);
    let numbers = [claims.tcb.eval_data_number, claims.qe.tcb_eval_data_number];
    let number = numbers.into_iter().min().unwrap_or_default();
    let words = (number, format!("at least {}", policy.evaluation));
    rows.check("evaluation", words, number >= policy.evaluation, TdxRefusal::Evaluation);
    for (field, flag, accepted, refusal) in [
        ("smt", platform.pck.smt_enabled, policy.smt, TdxRefusal::Smt),
        (
            "dynamic platform",
            platform.pck.dynamic_platform,
            policy.dynamic_platform,
            TdxRefusal::Dynamic,
        ),
        ("cached keys", platform.pck.cached_keys, policy.cached_keys, TdxRefusal::CachedKeys),
    ] {
        // A processor's certificate does not say: then it may be so.
        let found = match flag {
            PckCertFlag::False => "no",
            PckCertFlag::True => "yes",
            PckCertFlag::Undefined => "not said",
        };
        let wanted = if accepted { "any" } else { "no" };
        rows.check(field, (found, wanted), accepted || flag == PckCertFlag::False, refusal);
    }
    if let Some(platforms) = &policy.platforms {
        let named = platform.pck.ppid.as_slice().try_into().map(Hex);
        let listed = named.as_ref().is_ok_and(|named| platforms.contains(named));
        let found = named.map_or_else(|_| "none".to_owned(), |named| named.to_string());
        let wanted = format!("one of {}", platforms.len());
        rows.check("platform", (found, wanted), listed, TdxRefusal::PlatformUnlisted);
    }
}

enum State {
    UpToDate,
    Listed(TdxStatus),
    Revoked,
}

const fn status_of(status: TcbStatus) -> State {
    match status {
        TcbStatus::UpToDate => State::UpToDate,
        TcbStatus::SWHardeningNeeded => State::Listed(TdxStatus::SwHardeningNeeded),
        TcbStatus::ConfigurationNeeded => State::Listed(TdxStatus::ConfigurationNeeded),
        TcbStatus::ConfigurationAndSWHardeningNeeded => {
            State::Listed(TdxStatus::ConfigurationAndSwHardeningNeeded)
        }
        TcbStatus::OutOfDate => State::Listed(TdxStatus::OutOfDate),
        TcbStatus::OutOfDateConfigurationNeeded => {
            State::Listed(TdxStatus::OutOfDateConfigurationNeeded)
        }
        TcbStatus::TDRelaunchAdvised => State::Listed(TdxStatus::RelaunchAdvised),
        TcbStatus::TDRelaunchAdvisedConfigurationNeeded => {
            State::Listed(TdxStatus::RelaunchAdvisedConfigurationNeeded)
        }
        TcbStatus::Revoked => State::Revoked,
    }
}

const fn out_of_date(status: TcbStatus) -> bool {
    matches!(status, TcbStatus::OutOfDate | TcbStatus::OutOfDateConfigurationNeeded)
}

/// Which image it is, and what it says.
fn domain(
    rows: &mut Rows,
    (report, event_log): (&TDReport10, Option<&[u8]>),
    bound: &Bound,
    policy: &TdxPolicy,
) {
    let measured = TdxMeasurement {
        mrtd: Hex(report.mr_td),
        rtmr0: Hex(report.rt_mr0),
        rtmr1: Hex(report.rt_mr1),
        rtmr2: Hex(report.rt_mr2),
        rtmr3: Hex(report.rt_mr3),
    };
    let listed = policy.measurements.contains(&measured);
    // Which part moved is what an operator asks first.
    let parts = |of: &TdxMeasurement| {
        let registers = [
            ("mrtd", of.mrtd == measured.mrtd),
            ("rtmr0", of.rtmr0 == measured.rtmr0),
            ("rtmr1", of.rtmr1 == measured.rtmr1),
            ("rtmr2", of.rtmr2 == measured.rtmr2),
            ("rtmr3", of.rtmr3 == measured.rtmr3),
        ];
        registers.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect::<Vec<_>>()
    };
    let nearest = policy.measurements.iter().map(parts).min_by_key(Vec::len);
    let found = match &nearest {
        Some(parts) if parts.is_empty() => "listed".to_owned(),
        Some(parts) => format!("other {} than the nearest that is listed", parts.join(", ")),
        None => "not listed".to_owned(),
    };
    let wanted = format!("one of {}", policy.measurements.len());
    rows.check("measurements", (found, wanted), listed, TdxRefusal::Measurement);
    if let Some(log) = event_log {
        let replayed = event_log::replay(log).and_then(|replayed| {
            let quoted = [report.rt_mr0, report.rt_mr1, report.rt_mr2, report.rt_mr3];
            if replayed == quoted { Ok(()) } else { Err(TdxRefusal::EventLog) }
        });
        rows.step("event log", "comes to the measurements", replayed);
    }
    let config = config_id(bound.config);
    let words = (Hex(report.mr_config_id), Hex(config));
    rows.check("config id", words, report.mr_config_id == config, TdxRefusal::ConfigId);
    let owned = report.mr_owner != [0; 48] || report.mr_owner_config != [0; 48];
    let word = if owned { "named" } else { "none" };
    rows.check("owner", (word, "none"), !owned, TdxRefusal::Owner);
    let data = (Hex(report.report_data), Hex(bound.report_data));
    rows.check("report data", data, report.report_data == bound.report_data, Refusal::ReportData);
}

/// MRCONFIGID of a configuration: its digest, and zeros to 48 bytes. One digest names a
/// configuration in pacts, anchors and claims, whichever hardware runs it.
fn config_id(digest: [u8; 32]) -> [u8; 48] {
    let mut id = [0; 48];
    if let Some(first) = id.first_chunk_mut() {
        *first = digest;
    }
    id
}

const TDX: u32 = 0x81;
const ECDSA_P256: u16 = 2;
const INTEL: [u8; 16] = 0x939a_7233_f79c_4ca9_940a_0db3_957f_0607_u128.to_be_bytes();
/// Attributes that are looked at one by one, or that weaken nothing: ICSSD, LASS, PKS.
const KNOWN: u64 = 1 | 1 << 16 | 1 << 17 | 1 << 27 | 1 << 28 | 1 << 29 | 1 << 30 | 1 << 63;
const MOST_QUOTE: usize = 16 * 1024;
const MOST_COLLATERAL: usize = 256 * 1024;

#[cfg(test)]
mod tests;
