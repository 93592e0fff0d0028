//! Quotes of real machines, as others published them: each has the verdict and the reason that its
//! description states.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::path::PathBuf;

use super::*;

#[test]
fn recorded_quotes_have_the_verdicts_that_they_are_known_to_have() {
    if file("README.md").is_none() {
        return skipped();
    }
    for (name, collateral, day, wanted) in RECORDED {
        let quote = file(&format!("{name}.quote.bin")).unwrap();
        let collateral = file(&format!("{collateral}.collateral.json")).unwrap();
        let (bound, policy) = agreed(&quote);
        let shown = (quote.as_slice(), None);
        let rows = examine(shown, Some(&collateral), (&bound, &policy), at(day));
        let wanted: Vec<Refusal> = wanted.iter().copied().map(Refusal::Tdx).collect();
        assert_eq!(refused(rows), wanted, "{name} on {day}");
    }
}

#[test]
fn a_quote_with_nothing_to_report_is_bound_to_no_claims() {
    let Some((quote, collateral)) = zero() else { return skipped() };
    let (mut bound, policy) = agreed(&quote);
    assert_eq!(bound.report_data, [0; 64]);
    bound.report_data = [1; 64];
    let shown = (quote.as_slice(), None);
    let rows = examine(shown, Some(&collateral), (&bound, &policy), at("2026-07-05"));
    assert_eq!(refused(rows), [Refusal::ReportData]);
}

#[test]
fn every_signed_byte_of_a_recorded_quote_counts() {
    let Some((quote, collateral)) = zero() else { return skipped() };
    let (bound, policy) = agreed(&quote);
    let verdict = |quote: &[u8]| {
        let rows = examine((quote, None), Some(&collateral), (&bound, &policy), at("2026-07-05"));
        refused(rows)
    };
    assert_eq!(verdict(&quote), []);
    // Header and report, signature, key, the quoting enclave's report and its signature. What
    // follows are certificates: their root is shown too, and nobody reads it.
    for place in (0..632 + 4 + 128 + 6 + 384 + 64).step_by(7) {
        let mut flipped = quote.clone();
        flipped[place] ^= 1 << (place % 8);
        assert_ne!(verdict(&flipped), [], "byte {place}");
    }
    let longer = [&quote[..], &[0]].concat();
    assert_eq!(verdict(&longer), [TdxRefusal::Tail.into()]);
    assert_eq!(verdict(&quote[..quote.len() - 1]), [TdxRefusal::Malformed.into()]);
    assert_eq!(verdict(&vec![4; 16 * 1024 + 1]), [TdxRefusal::TooLarge.into()]);
    let header = |place: usize, byte: u8| {
        let mut changed = quote.clone();
        changed[place] = byte;
        verdict(&changed)
    };
    assert_eq!(header(0, 6), [TdxRefusal::Malformed.into()]);
    assert_eq!(header(2, 3), [TdxRefusal::KeyType.into()]);
    assert_eq!(header(12, 0), [TdxRefusal::Vendor.into()]);
}

#[test]
fn each_attribute_of_a_domain_has_a_refusal_of_its_own() {
    use TdxRefusal as T;

    let Some((quote, collateral)) = zero() else { return skipped() };
    let (bound, policy) = agreed(&quote);
    let first = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut quote = quote.clone();
        change(&mut quote);
        let now = at("2026-07-05");
        let rows = examine((&quote, None), Some(&collateral), (&bound, &policy), now);
        refused(rows).first().copied()
    };
    // TD report from 48 on; its attributes at 120, XFAM at 128.
    let bit = |bit: usize| first(&|quote| quote[48 + 120 + bit / 8] ^= 1 << (bit % 8));
    for (at, refusal) in
        [(0, T::Debug), (29, T::Migratable), (28, T::SeptVe), (17, T::ServiceTd), (63, T::Perfmon)]
    {
        assert_eq!(bit(at), Some(refusal.into()), "bit {at}");
    }
    for at in [1, 4, 7, 8, 18, 22, 23, 31, 32, 61, 62] {
        assert_eq!(bit(at), Some(T::Attributes.into()), "bit {at}");
    }
    assert_eq!(first(&|quote| quote[48 + 128] ^= 1), Some(T::Xfam.into()));
    // What weakens nothing is refused for its signature alone.
    for at in [16, 27, 30] {
        assert_eq!(bit(at), Some(T::Signature.into()), "bit {at}");
    }
}

#[test]
fn collateral_of_others_is_refused() {
    use TdxRefusal as T;

    let Some((quote, collateral)) = zero() else { return skipped() };
    let (bound, policy) = agreed(&quote);
    let verdict = |collateral: Option<&[u8]>| {
        let now = at("2026-07-05");
        refused(examine((&quote, None), collateral, (&bound, &policy), now))
    };
    assert_eq!(verdict(None), [T::CollateralMissing.into()]);
    assert_eq!(verdict(Some(b"{}")), [T::CollateralMalformed.into()]);
    assert_eq!(verdict(Some(&vec![b' '; 256 * 1024 + 1])), [T::CollateralMalformed.into()]);
    let changed = |old: &str, new: &str| {
        let text = String::from_utf8(collateral.clone()).unwrap();
        assert!(text.contains(old), "{old}");
        verdict(Some(text.replacen(old, new, 1).as_bytes()))
    };
    // What Intel signed is not what is read.
    assert_eq!(changed("UpToDate", "UpToDatf"), [T::Signature.into()]);
    assert_eq!(changed("OutOfDate", "UpToDate"), [T::Signature.into()]);
    let stale = file("00806f05-2026-02.collateral.json").unwrap();
    assert_eq!(verdict(Some(&stale)), [T::CollateralExpired.into()]);
    let other = file("90c06f-2026-06.collateral.json").unwrap();
    let rows = examine((&quote, None), Some(&other), (&bound, &policy), at("2026-07-01"));
    assert_eq!(refused(rows), [T::Fmspc.into()]);
}

#[test]
fn each_demand_of_a_policy_has_a_refusal_of_its_own() {
    use TdxRefusal as T;

    let Some((quote, collateral)) = zero() else { return skipped() };
    let (bound, agreed) = agreed(&quote);
    let verdict = |change: &dyn Fn(&mut TdxPolicy)| {
        let mut policy = agreed.clone();
        change(&mut policy);
        let now = at("2026-07-05");
        refused(examine((&quote, None), Some(&collateral), (&bound, &policy), now))
    };
    let is = |refusal: T| [Refusal::Tdx(refusal)];
    assert_eq!(verdict(&|_| {}), []);
    assert_eq!(verdict(&|p| p.measurements.clear()), is(T::Measurement));
    assert_eq!(verdict(&|p| p.measurements[0].rtmr2 = Hex([0; 48])), is(T::Measurement));
    assert_eq!(verdict(&|p| p.xfam.clear()), is(T::Xfam));
    assert_eq!(verdict(&|p| p.evaluation = 20), is(T::Evaluation));
    assert_eq!(verdict(&|p| p.smt = false), is(T::Smt));
    assert_eq!(verdict(&|p| p.dynamic_platform = false), is(T::Dynamic));
    assert_eq!(verdict(&|p| p.platforms = Some(vec![])), is(T::PlatformUnlisted));
    // What an image that is listed under other registers is told.
    let mut policy = agreed.clone();
    policy.measurements[0].rtmr1 = Hex([0; 48]);
    policy.measurements.insert(0, TdxMeasurement { mrtd: Hex([0; 48]), ..other_image() });
    let now = at("2026-07-05");
    let rows = examine((&quote, None), Some(&collateral), (&bound, &policy), now).into_rows();
    let row = rows.iter().find(|row| row.field == "measurements").unwrap();
    assert_eq!(row.found, "other rtmr1 than the nearest that is listed");
}

#[test]
fn what_intel_says_of_a_platform_is_accepted_as_the_policy_has_it() {
    use TdxRefusal as T;

    let Some((quote, collateral)) = zero() else { return skipped() };
    let (_, agreed) = agreed(&quote);
    let seconds = at("2026-07-05").0 / 1_000;
    let collateral = readable(Some(&collateral)).unwrap();
    let verifier = QuoteVerifier::new_prod().with_config::<RustCryptoConfig>();
    let all = QuotePolicy::claims_only(seconds);
    let claims = verifier.verify_with_policy(&quote, collateral, seconds, &all).unwrap();
    let verdict = |change: &dyn Fn(&mut QuoteClaims, &mut TdxPolicy)| {
        let (mut claims, mut policy, mut rows) = (claims.clone(), agreed.clone(), Rows::default());
        change(&mut claims, &mut policy);
        platform(&mut rows, &claims, &policy, seconds);
        refused(rows)
    };
    let is = |refusal: T| [Refusal::Tdx(refusal)];
    assert_eq!(verdict(&|_, _| {}), []);
    let all = [
        (TcbStatus::SWHardeningNeeded, TdxStatus::SwHardeningNeeded),
        (TcbStatus::ConfigurationNeeded, TdxStatus::ConfigurationNeeded),
        (
            TcbStatus::ConfigurationAndSWHardeningNeeded,
            TdxStatus::ConfigurationAndSwHardeningNeeded,
        ),
        (TcbStatus::OutOfDate, TdxStatus::OutOfDate),
        (TcbStatus::OutOfDateConfigurationNeeded, TdxStatus::OutOfDateConfigurationNeeded),
        (TcbStatus::TDRelaunchAdvised, TdxStatus::RelaunchAdvised),
        (
            TcbStatus::TDRelaunchAdvisedConfigurationNeeded,
            TdxStatus::RelaunchAdvisedConfigurationNeeded,
        ),
    ];
    for (status, listed) in all {
        assert_eq!(verdict(&|c, _| c.tcb.status = status), is(T::Status), "{status}");
        let accepted = verdict(&|c, p| {
            c.tcb.status = status;
            p.statuses = vec![listed];
        });
        assert_eq!(accepted, [], "{status}");
    }
    let revoked = verdict(&|c, p| {
        c.tcb.status = TcbStatus::Revoked;
        p.statuses = all.map(|(_, listed)| listed).to_vec();
    });
    assert_eq!(revoked, is(T::Status));

    let late = |grace_s, since| {
        verdict(&|c: &mut QuoteClaims, p: &mut TdxPolicy| {
            c.tcb.status = TcbStatus::OutOfDate;
            c.platform.tcb_level.tcb_status = TcbStatus::OutOfDate;
            c.platform.tcb_date_tag = seconds - since;
            (p.statuses, p.grace_s) = (vec![TdxStatus::OutOfDate], grace_s);
        })
    };
    assert_eq!(late(100, 100), []);
    assert_eq!(late(100, 101), is(T::Grace));
    let enclave = |status, grace_s, statuses: &[TdxStatus]| {
        verdict(&|c: &mut QuoteClaims, p: &mut TdxPolicy| {
            c.qe.tcb_level.tcb_status = status;
            c.qe.tcb_level.tcb_date = "2026-07-05T00:00:00Z".into();
            (p.statuses, p.grace_s) = (statuses.to_vec(), grace_s);
        })
    };
    let old = [TdxStatus::OutOfDate];
    assert_eq!(enclave(TcbStatus::OutOfDate, 12 * 3_600, &old), []);
    assert_eq!(enclave(TcbStatus::OutOfDate, 12 * 3_600 - 1, &old), is(T::QuotingEnclave));
    assert_eq!(enclave(TcbStatus::OutOfDate, 12 * 3_600, &[]), is(T::QuotingEnclave));
    assert_eq!(enclave(TcbStatus::Revoked, 12 * 3_600, &old), is(T::QuotingEnclave));
    let advised = |place: fn(&mut QuoteClaims) -> &mut Vec<String>| {
        verdict(&|c: &mut QuoteClaims, p: &mut TdxPolicy| {
            place(c).push("INTEL-SA-00001".into());
            p.refused_advisories = vec!["intel-sa-00001".into()];
        })
    };
    assert_eq!(advised(|c| &mut c.platform.tcb_level.advisory_ids), is(T::Advisory));
    assert_eq!(advised(|c| &mut c.qe.tcb_level.advisory_ids), is(T::Advisory));
    assert_eq!(advised(|c| &mut c.tcb.advisory_ids), is(T::Advisory));
    assert_eq!(verdict(&|c, _| c.qe.tcb_eval_data_number = 16), is(T::Evaluation));
    assert_eq!(verdict(&|c, _| c.tcb.eval_data_number = 16), is(T::Evaluation));
    let unsaid = verdict(&|c, p| {
        c.platform.pck.smt_enabled = PckCertFlag::Undefined;
        p.smt = false;
    });
    assert_eq!(unsaid, is(T::Smt));
    let cached = verdict(&|c, p| {
        c.platform.pck.cached_keys = PckCertFlag::True;
        p.cached_keys = false;
    });
    assert_eq!(cached, is(T::CachedKeys));
    let no = verdict(&|c, p| {
        c.platform.pck.smt_enabled = PckCertFlag::False;
        p.smt = false;
    });
    assert_eq!(no, []);
    let listed = verdict(&|c, p| {
        c.platform.pck.ppid = vec![7; 16];
        p.platforms = Some(vec![Hex([7; 16])]);
    });
    assert_eq!(listed, []);
}

#[test]
fn a_domain_is_what_its_registers_and_its_log_say() {
    use TdxRefusal as T;

    let Some((quote, _)) = zero() else { return skipped() };
    let (bound, policy) = agreed(&quote);
    let report = *Quote::parse(&quote).unwrap().report.as_td10().unwrap();
    let verdict = |change: &dyn Fn(&mut TDReport10, &mut TdxPolicy), log: Option<&[u8]>| {
        let (mut report, mut policy, mut rows) = (report, policy.clone(), Rows::default());
        change(&mut report, &mut policy);
        domain(&mut rows, (&report, log), &bound, &policy);
        refused(rows)
    };
    let is = |refusal: T| [Refusal::Tdx(refusal)];
    assert_eq!(verdict(&|_, _| {}, None), []);
    let registers: [fn(&mut TDReport10) -> &mut [u8; 48]; 5] = [
        |r| &mut r.mr_td,
        |r| &mut r.rt_mr0,
        |r| &mut r.rt_mr1,
        |r| &mut r.rt_mr2,
        |r| &mut r.rt_mr3,
    ];
    for register in registers {
        assert_eq!(verdict(&|r, _| register(r)[0] ^= 1, None), is(T::Measurement));
    }
    assert_eq!(verdict(&|r, _| r.mr_owner[47] = 1, None), is(T::Owner));
    assert_eq!(verdict(&|r, _| r.mr_owner_config[0] = 1, None), is(T::Owner));
    assert_eq!(verdict(&|r, _| r.mr_config_id[0] ^= 1, None), is(T::ConfigId));
    assert_eq!(verdict(&|r, _| r.mr_config_id[32] = 1, None), is(T::ConfigId));
    assert_eq!(verdict(&|r, _| r.report_data[63] ^= 1, None), [Refusal::ReportData]);

    assert_eq!(verdict(&|_, _| {}, Some(&[])), is(T::EventLogMalformed));
    let log = log::sample();
    assert_eq!(verdict(&|_, _| {}, Some(&log)), is(T::EventLog));
    let replayed = event_log::replay(&log).unwrap();
    let own = |r: &mut TDReport10, p: &mut TdxPolicy| {
        [r.rt_mr0, r.rt_mr1, r.rt_mr2, r.rt_mr3] = replayed;
        let [rtmr0, rtmr1, rtmr2, rtmr3] = replayed.map(Hex);
        p.measurements = vec![TdxMeasurement { mrtd: Hex(r.mr_td), rtmr0, rtmr1, rtmr2, rtmr3 }];
    };
    assert_eq!(verdict(&own, Some(&log)), []);
}

#[expect(clippy::print_stderr, clippy::disallowed_macros, reason = "a test says what it left out")]
fn skipped() {
    eprintln!("skipped: the recorded quotes (../shared/vectors) are absent");
}

/// A quote of no report data, with collateral of July 2026.
fn zero() -> Option<(Vec<u8>, Vec<u8>)> {
    let quote = file("v4-00806f05-gcp-zero-rd.quote.bin")?;
    Some((quote, file("00806f05-2026-07.collateral.json")?))
}

fn other_image() -> TdxMeasurement {
    let zero = Hex([0; 48]);
    TdxMeasurement { mrtd: zero, rtmr0: zero, rtmr1: zero, rtmr2: zero, rtmr3: zero }
}

/// Quote, collateral, day, refusals.
const RECORDED: &[(&str, &str, &str, &[TdxRefusal])] = {
    use TdxRefusal as T;

    &[
        ("v4-b0c06f-uptodate", "b0c06f-2025-06", "2025-06-20", &[]),
        ("v4-b0c06f-uptodate", "b0c06f-2025-06", "2025-06-01", &[T::CollateralNotYetValid]),
        ("v4-b0c06f-uptodate", "b0c06f-2025-06", "2026-01-01", &[T::CollateralExpired]),
        ("v4-b0c06f-nomatch", "b0c06f-2025-06", "2025-06-20", &[T::NoLevel]),
        // Its MRCONFIGID is no digest of 32 bytes, as ours are.
        ("v4-20a06f-uptodate", "20a06f-2025-09", "2025-09-10", &[T::ConfigId]),
        ("v4-00806f05-flashbots-gcp", "00806f05-2026-02", "2026-02-01", &[]),
        ("v4-00806f05-flashbots-gcp", "00806f05-2026-07", "2026-07-05", &[]),
        ("v4-00806f05-gcp-zero-rd", "00806f05-2026-07", "2026-07-05", &[]),
        ("v4-00806f05-gcp-zero-rd", "00806f05-2026-02", "2026-02-01", &[T::NotYetValid]),
        ("v4-00806f05-oak", "00806f05-2026-02", "2026-02-01", &[]),
        ("v4-00806f05-outofdate-cos113", "00806f05-2026-02", "2026-02-01", &[T::Status, T::Grace]),
        ("v4-90c06f-azure", "90c06f-2026-02", "2026-02-20", &[]),
        ("v4-90c06f-azure", "90c06f-2026-06", "2026-06-10", &[]),
        ("v4-90c06f-dstack", "90c06f-2026-06", "2026-06-10", &[T::ConfigId]),
        ("v4-90c06f-dstack", "90c06f-2026-02", "2026-02-20", &[T::NotYetValid]),
        ("v5-90c06f-gotdx", "90c06f-2026-02", "2026-02-20", &[]),
        ("v5-90c06f-gotdx", "90c06f-2026-06", "2026-06-10", &[]),
        ("v5-90c06f-nomatch-azure", "90c06f-2026-02", "2026-02-20", &[T::NoLevel]),
        ("v5-90c06f-trustee", "90c06f-2026-02", "2026-02-20", &[T::ServiceTd, T::NoLevel]),
        // No collateral of these platforms is recorded: any other one is refused.
        ("v4-50806f-debug", "90c06f-2026-02", "2026-02-20", &[T::Debug, T::Fmspc]),
        ("v4-00a06d08-nocollateral", "90c06f-2026-02", "2026-02-20", &[T::Fmspc]),
    ]
};

fn at(day: &str) -> UnixMillis {
    let date: DateTime = format!("{day}T12:00:00Z").parse().unwrap();
    UnixMillis(date.unix_duration().as_secs() * 1_000)
}

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/tdx");
    std::fs::read(PathBuf::from(folder).join(name)).ok()
}

/// What a quote says of itself, and a policy that accepts it where it is up to date.
fn agreed(quote: &[u8]) -> (Bound, TdxPolicy) {
    let quote = Quote::parse(quote).unwrap();
    let report = quote.report.as_td10().unwrap();
    let bound = Bound {
        report_data: report.report_data,
        config: *report.mr_config_id.first_chunk().unwrap(),
    };
    let policy = TdxPolicy {
        measurements: vec![TdxMeasurement {
            mrtd: Hex(report.mr_td),
            rtmr0: Hex(report.rt_mr0),
            rtmr1: Hex(report.rt_mr1),
            rtmr2: Hex(report.rt_mr2),
            rtmr3: Hex(report.rt_mr3),
        }],
        xfam: vec![Hex(report.xfam)],
        evaluation: 17,
        statuses: vec![],
        grace_s: 0,
        refused_advisories: vec![],
        platforms: None,
        smt: true,
        dynamic_platform: true,
        cached_keys: true,
        perfmon: false,
    };
    (bound, policy)
}
