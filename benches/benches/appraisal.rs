//! Appraisal of recorded evidence beside what its library does alone, in turn and in one run: the
//! chain and signature of SEV-SNP by `sev`, the quote and collateral of TDX by `dcap-qvl`.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench measures and prints"
)]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use attestations::{Expect, HardwarePolicy, Log, Policy, Row, explain};
use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::configs::RustCryptoConfig;
use dcap_qvl::policy::QuotePolicy;
use dcap_qvl::verify::QuoteVerifier;
use messages::codec::Wire;
use messages::evidence::{Claims, Conceptual, Endorsements, Evidence, PROFILE, Tee};
use messages::ids::{BootId, ConfigDigest};
use messages::signature::PublicKey;
use messages::time::UnixMillis;
use sev::certs::snp::{Certificate, Chain, Verifiable, builtin, ca};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

const ROUNDS: usize = 200;

fn main() {
    let Some(report) = file("snp/genoa-v5-vcek-oak.report.bin") else {
        return println!("not measured: the recorded evidence (../shared/vectors) is absent");
    };
    let policy = policy();

    let vek = file("snp/genoa-v5-vcek-oak.vek.der").unwrap();
    let (ark, ask) = (builtin::genoa::ark().unwrap(), builtin::genoa::ask().unwrap());
    let endorsements = Endorsements {
        vek: Some(vek.clone()),
        intermediate: Some(ask.to_der().unwrap()),
        ..Endorsements::default()
    };
    let shown = shown(Tee::Snp, &report, endorsements);
    let at = UnixMillis(1_788_220_800_000);
    let bare = || {
        let vek = Certificate::from_der(&vek).unwrap();
        let chain = Chain { ca: ca::Chain { ark: ark.clone(), ask: ask.clone() }, vek };
        let report = AttestationReport::from_bytes(&report).unwrap();
        (&chain, &report).verify().unwrap();
    };
    compare("SEV-SNP report, Genoa, VCEK", (&shown, &policy, at), bare);

    let quote = file("tdx/v4-00806f05-flashbots-gcp.quote.bin").unwrap();
    let collateral = file("tdx/00806f05-2026-07.collateral.json").unwrap();
    let endorsements =
        Endorsements { collateral: Some(collateral.clone()), ..Endorsements::default() };
    let shown = self::shown(Tee::Tdx, &quote, endorsements);
    let at = UnixMillis(1_783_252_800_000);
    let bare = || {
        let collateral: QuoteCollateralV3 = serde_json::from_slice(&collateral).unwrap();
        let verifier = QuoteVerifier::new_prod().with_config::<RustCryptoConfig>();
        let seconds = at.0 / 1_000;
        let all = QuotePolicy::claims_only(seconds);
        black_box(verifier.verify_with_policy(&quote, collateral, seconds, &all).unwrap());
    };
    compare("TDX quote, version 4", (&shown, &policy, at), bare);
}

fn compare(what: &str, (shown, policy, at): (&Conceptual, &Policy, UnixMillis), bare: impl Fn()) {
    let ours = || explain(shown, policy, Expect::Checkpoint, at);
    let (rows, cold) = timed(ours);
    // Nobody made this evidence for us: what it binds and what it measured are refused, all else
    // was looked at.
    let refused: Vec<&Row> = rows.iter().filter(|row| row.refused.is_some()).collect();
    assert!(rows.len() > 20 && refused.len() <= 6, "{refused:#?}");
    let (mut times, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        times.push(timed(ours).1);
        bares.push(timed(&bare).1);
    }
    let (ours, bare) = (median(times), median(bares));
    println!(
        "| {what} | {} rows | {:.2} ms cold | {:.2} ms | {:.2} ms bare | {:.2} |",
        rows.len(),
        millis(cold),
        millis(ours),
        millis(bare),
        millis(ours) / millis(bare)
    );
}

fn shown(tee: Tee, report: &[u8], endorsements: Endorsements) -> Conceptual {
    let claims = Claims::for_checkpoint(
        "log.example".into(),
        (BootId([4; 32]), PublicKey([1; 32])),
        PublicKey([2; 32]),
        ConfigDigest([3; 32]),
    );
    let evidence = Evidence {
        profile: PROFILE.into(),
        tee,
        report: report.to_vec(),
        claims: claims.to_cbor(),
        endorsements: Some(endorsements),
        event_log: None,
    };
    evidence.conceptual()
}

fn policy() -> Policy {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../attestations/policy.example.json");
    let text = std::fs::read(path).unwrap();
    let digest = HardwarePolicy::digest_of(&text).unwrap();
    Policy {
        origin: "log.example".into(),
        configs: vec![ConfigDigest([3; 32])],
        log: Log::Any,
        hardware: Some(HardwarePolicy::pinned(&text, digest).unwrap()),
        software: None,
    }
}

fn file(name: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors");
    std::fs::read(PathBuf::from(folder).join(name)).ok()
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = black_box(work());
    (done, start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
