//! `cloister policy`: what is accepted of confidential VMs, said, signed, and held against
//! evidence.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_macros,
    reason = "a test that fails here says so, and one that is left out too"
)]

use std::path::Path;
use std::process::Command;

use messages::codec::Wire;
use messages::did::Did;
use messages::evidence::{Claims, Endorsements, Evidence, PROFILE, Tee};
use messages::ids::{BootId, ConfigDigest};
use messages::signature::{PublicKey, SigningKey};

const EXAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../attestations/policy.example.json");

/// Exit code, and all that was printed.
fn cloister(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    let output = command.current_dir(folder).args(arguments).env("NO_COLOR", "1").output();
    let output = output.expect("cloister runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_policy_is_said_in_words_and_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let (code, said) = cloister(at, &["policy", "show", EXAMPLE]);
    assert_eq!(code, Some(0), "{said}");
    for word in ["policy sha256:", "Genoa", "snp 23", "keys of clouds    refused", "evaluation"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(!said.contains("signed by"), "{said}");
    let (code, did) = cloister(at, &["key", "new", "--out", "author.key"]);
    assert_eq!(code, Some(0));
    let sign = ["policy", "sign", EXAMPLE, "--key", "author.key", "--out", "signed.json"];
    let (code, said) = cloister(at, &sign);
    assert_eq!(code, Some(0), "{said}");
    let (_, shown) = cloister(at, &["policy", "show", "signed.json"]);
    assert!(shown.contains(&format!("signed by           {}", did.trim())), "{shown}");
    let digest = shown.lines().next().and_then(|line| line.strip_prefix("policy "));
    assert_eq!(digest, said.split(' ').next(), "one digest");

    let text = std::fs::read_to_string(EXAMPLE).expect("the example is there");
    std::fs::write(at.join("wrong.json"), text.replace("\"smt\"", "\"debug\"")).expect("writes");
    let (code, said) = cloister(at, &["policy", "show", "wrong.json"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("error[policy-malformed]") && said.contains("line 1"), "{said}");
}

#[test]
fn evidence_is_explained_row_by_row() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/snp");
    let read = |name: &str| std::fs::read(vectors.join(name)).ok();
    let Some(report) = read("genoa-v5-vcek-oak.report.bin") else {
        return eprintln!("skipped: the recorded reports (../shared/vectors) are absent");
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let log_key = SigningKey::from_seed(&[1; 32]).public();
    let claims = Claims::for_checkpoint(
        "log.example".into(),
        (BootId([4; 32]), PublicKey([1; 32])),
        log_key,
        ConfigDigest([3; 32]),
    );
    let pem = String::from_utf8(read("ca-genoa-vcek.pem").expect("the authority")).expect("text");
    let first = pem.split_inclusive("-----END CERTIFICATE-----\n").next().expect("one");
    let (_, intermediate) = der::Document::from_pem(first).expect("a certificate");
    let evidence = Evidence {
        profile: PROFILE.into(),
        tee: Tee::Snp,
        report,
        claims: claims.to_cbor(),
        endorsements: Some(Endorsements {
            vek: read("genoa-v5-vcek-oak.vek.der"),
            intermediate: Some(intermediate.as_bytes().to_vec()),
            ..Endorsements::default()
        }),
        event_log: None,
    };
    std::fs::write(at.join("evidence.cbor"), evidence.conceptual().to_cbor()).expect("writes");
    let policy = std::fs::read_to_string(EXAMPLE).expect("the example is there");
    let log_key = Did::from_key(&log_key);
    let anchors = format!(
        "pacts = []\n[[monitors]]\norigin = \"log.example\"\nlog_key = \"{log_key}\"\nconfigs = \
         [\"{}\"]\nappraisal_policy = '''\n{policy}'''\n",
        claims.config
    );
    std::fs::write(at.join("anchors.toml"), &anchors).expect("writes");
    let explain = ["policy", "explain", "evidence.cbor", "--anchors", "anchors.toml"];
    let (code, said) = cloister(at, &[&explain[..], &["--at", "2026-09-01T00:00:00Z"]].concat());
    assert_eq!(code, Some(1), "{said}");
    // The machine is a good one, and neither its image nor its claims are ours.
    let refused: Vec<&str> =
        said.lines().filter(|line| line.trim().starts_with("no ")).map(str::trim).collect();
    assert_eq!(refused.len(), 3, "{said}");
    assert!(refused[0].starts_with("no  measurement"), "{said}");
    assert!(refused[1].starts_with("no  host data"), "{said}");
    assert!(refused[2].starts_with("no  report data"), "{said}");
    assert!(said.contains("snp-measurement-unlisted: the policy does not list"), "{said}");
    let (code, said) = cloister(at, &[&explain[..], &["--at", "2033-09-01T00:00:00Z"]].concat());
    assert_eq!(code, Some(1));
    assert!(said.contains("snp-expired"), "{said}");

    let (code, said) = cloister(at, &["anchors", "show", "anchors.toml"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("appraisal policy sha256:"), "{said}");
    let broken = anchors.replace("appraisal-policy/1", "appraisal-policy/2");
    std::fs::write(at.join("broken.toml"), broken).expect("writes");
    let (code, said) = cloister(at, &["anchors", "show", "broken.toml"]);
    assert_eq!(code, Some(3));
    assert!(said.contains("error[policy-format]"), "{said}");
}
