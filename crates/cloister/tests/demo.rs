//! The main job, end to end, in separate processes: demo, stranger, canary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that fails here says so"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use messages::did::Did;
use messages::signature::SigningKey;

fn cloister(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(arguments).env("NO_COLOR", "1").output().expect("cloister runs")
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_demo_ends_in_a_bundle_that_a_stranger_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let demo = cloister(&["demo", "--out", out]);
    assert!(demo.status.success(), "{}", text(&demo));
    let (bundle, anchors) =
        (path(folder.path(), "bundle.cbor"), path(folder.path(), "anchors.toml"));

    // Development evidence is refused by default, and accepted only by the verifier's own flag.
    let strict = cloister(&["verify", &bundle, "--anchors", &anchors]);
    assert_eq!(strict.status.code(), Some(2), "{}", text(&strict));
    let flag = "--allow-insecure-software-evidence";
    let lenient = cloister(&["verify", &bundle, "--anchors", &anchors, flag]);
    assert_eq!(lenient.status.code(), Some(0), "{}", text(&lenient));
    assert!(text(&lenient).contains("INSECURE SOFTWARE EVIDENCE"));

    // A year later the proofs are stale.
    let late =
        cloister(&["verify", &bundle, "--anchors", &anchors, flag, "--at", "2036-01-01T00:00:00Z"]);
    assert_ne!(late.status.code(), Some(0), "{}", text(&late));

    let json = cloister(&["verify", &bundle, "--anchors", &anchors, flag, "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["exit"], 0);
    assert_eq!(document["insecure_software_evidence"], true);
    assert!(document["items"].as_array().unwrap().len() >= 4);
    assert_eq!(document["claims"][0]["proof"], "zero-knowledge");
    let range = &document["claims"][0]["ranges"][0];
    assert!(range["began_ms"].as_u64().unwrap() < range["ended_ms"].as_u64().unwrap());
    assert!(
        text(&lenient).contains("proven in zero knowledge, good until 20"),
        "{}",
        text(&lenient)
    );

    // The ledger adds up, and a byte of it that is another is noticed.
    let ledger = path(folder.path(), "ledger.cbor");
    let added = cloister(&["verify", &ledger, "--anchors", &anchors, flag, "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&added.stdout).unwrap();
    assert_eq!((&document["exit"], &document["items"][0]["kind"]), (&0.into(), &"ledger".into()));
    let days = document["days"].as_array().unwrap();
    assert_eq!(days.len(), 3);
    for day in days {
        assert_eq!((&day["paid"], &day["answered"]), (&4.into(), &4.into()));
        // Three at the configured price, and 1,024 coins.
        assert_eq!(day["spent_nano_rho"], 3 * 100_000_000 + 2_090_455);
    }
    // The count is proven with coins of the dealer whom the anchors name; of another it is not.
    let report = text(&lenient).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.contains("proven noise of 1024 coins of 1 dealer, 2090455"), "{report}");
    let other = path(folder.path(), "other.toml");
    let pinned = std::fs::read_to_string(&anchors).unwrap();
    let (before, dealer) = pinned.split_once("\"dealer.demo.example\" = \"").unwrap();
    let (_, after) = dealer.split_once('"').unwrap();
    let stranger = Did::from_key(&SigningKey::from_seed(&[9; 32]).public());
    let text_of = format!("{before}\"dealer.demo.example\" = \"{stranger}\"{after}");
    std::fs::write(&other, text_of).unwrap();
    let unknown = cloister(&["verify", &ledger, "--anchors", &other, flag]);
    assert_eq!(unknown.status.code(), Some(2), "{}", text(&unknown));
    assert!(text(&unknown).contains("coins-not-anchored"), "{}", text(&unknown));
    let strict = cloister(&["verify", &ledger, "--anchors", &anchors]);
    assert_eq!(strict.status.code(), Some(2), "{}", text(&strict));
    let mut bytes = std::fs::read(&ledger).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let forged = path(folder.path(), "forged.cbor");
    std::fs::write(&forged, bytes).unwrap();
    let refused = cloister(&["verify", &forged, "--anchors", &anchors, flag]);
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));

    // Anchors are TOML or JSON; a program that asked for a document always gets one.
    let shown = cloister(&["anchors", "show", &anchors, "--json"]);
    let in_json = path(folder.path(), "anchors.json");
    std::fs::write(&in_json, &shown.stdout).unwrap();
    let again = cloister(&["verify", &bundle, "--anchors", &in_json, flag]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again));
    let (gone, held) = (path(folder.path(), "gone"), path(folder.path(), "initiator.holdings"));
    for (bundle, anchors, code) in [
        (&bundle, &gone, "file-unreadable"),
        (&gone, &anchors, "file-unreadable"),
        (&bundle, &bundle, "anchors-malformed"),
        (&anchors, &anchors, "malformed"),
        (&held, &anchors, "malformed"),
    ] {
        let broken = cloister(&["verify", bundle, "--anchors", anchors, flag, "--json"]);
        let document: serde_json::Value = serde_json::from_slice(&broken.stdout).unwrap();
        assert_eq!((&document["exit"], &document["code"]), (&3.into(), &code.into()));
        assert_eq!(broken.status.code(), Some(3));
    }
    let mistaken = cloister(&["explain", &held]);
    assert!(text(&mistaken).contains("`cloister prove` makes a bundle"), "{}", text(&mistaken));

    assert!(cloister(&["explain", &bundle]).status.success());

    // Every flipped byte is noticed: never a bare yes.
    let bytes = std::fs::read(&bundle).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 24) {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        let file = path(folder.path(), "forged.cbor");
        std::fs::write(&file, forged).unwrap();
        let verdict = cloister(&["verify", &file, "--anchors", &anchors, flag]);
        assert!(matches!(verdict.status.code(), Some(1..=3)), "byte {at}: {}", text(&verdict));
    }

    holder_proves_alone(folder.path());
    each_event_is_verified_under_a_pinned_key(folder.path(), &report);

    // Another verifier's anchors do not fit.
    let other = std::fs::read_to_string(&anchors).unwrap().replace("nonce = \"", "nonce = \"00");
    let file = path(folder.path(), "other.toml");
    std::fs::write(&file, other).unwrap();
    let verdict = cloister(&["verify", &bundle, "--anchors", &file, flag]);
    assert_eq!(verdict.status.code(), Some(3), "{}", text(&verdict));
    assert!(text(&verdict).contains("error[anchors-malformed]"));
}

/// That every event obeyed is verified under the key that the anchors pin, and under no other.
fn each_event_is_verified_under_a_pinned_key(folder: &Path, report: &str) {
    let flag = "--allow-insecure-software-evidence";
    let said = "proven of each event in zero knowledge, good until";
    assert!(report.contains(said), "{report}");
    assert!(report.contains("verified: every event obeyed the pact's rule table"), "{report}");
    let file = |name: &str| path(folder, name);
    let pinned = std::fs::read_to_string(file("anchors.toml")).unwrap();
    let (before, rest) = pinned.split_once("circuits = [").unwrap();
    let (keys, after) = rest.split_once(']').unwrap();
    let key = hex::decode(keys.trim().trim_matches([',', '"', '\n', ' '])).unwrap();
    std::fs::write(file("segment.key"), &key).unwrap();
    std::fs::write(file("bare.toml"), format!("{before}{after}")).unwrap();
    let verify = |anchors: &str| {
        cloister(&["verify", &file("bundle.cbor"), "--anchors", &file(anchors), flag])
    };
    let bare = verify("bare.toml");
    assert_eq!(bare.status.code(), Some(2), "{}", text(&bare));
    assert!(text(&bare).contains("circuit-not-anchored"), "{}", text(&bare));
    let (from, to, named) = (file("bare.toml"), file("joined.toml"), file("segment.key"));
    let join = cloister(&["anchors", "join", &from, "--circuit", &named, "--out", &to]);
    assert!(join.status.success(), "{}", text(&join));
    assert_eq!(verify("joined.toml").status.code(), Some(0));
    for shown in [cloister(&["circuit", "show", &named]), cloister(&["anchors", "show", &to])] {
        assert!(text(&shown).contains("made by the boot that evidence"), "{}", text(&shown));
    }
    let mistaken = cloister(&["anchors", "join", &from, "--circuit", &from, "--out", &to]);
    assert!(text(&mistaken).contains("error[circuit-key-malformed]"), "{}", text(&mistaken));
}

/// What the holder proves with the monitor gone verifies, and only for whom it was made, over the
/// nonce that was asked for, until it expires.
fn holder_proves_alone(folder: &Path) {
    let file = |name: &str| path(folder, name);
    let anchors = std::fs::read_to_string(file("anchors.toml")).unwrap();
    let value = |key: &str| {
        let line = anchors.lines().find(|line| line.starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let (auditor, nonce) = (value("did"), value("nonce"));
    let prove = |claims: &[&str], to: &str, nonce: &str, days: &str, key: &str| {
        let (held, pact) = (file("initiator.holdings"), file("pact.json"));
        let (key, out) = (file(key), file("alone.cbor"));
        let more = ["--openings", &held, "--pact", &pact, "--key", &key, "--to", to];
        let more = [&more[..], &["--nonce", nonce, "--days", days, "--out", &out]].concat();
        cloister(&[&["prove"], claims, &more].concat())
    };
    let verify = |at: Option<&str>| {
        let (bundle, anchors) = (file("alone.cbor"), file("anchors.toml"));
        let flag = "--allow-insecure-software-evidence";
        let mut arguments = vec!["verify", &bundle, "--anchors", &anchors, flag, "--json"];
        arguments.extend(at.iter().flat_map(|at| ["--at", at]));
        let said = cloister(&arguments);
        let document: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
        let codes = document["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["code"].as_str().unwrap_or("verified").to_owned());
        codes.collect::<Vec<_>>()
    };
    let pii = ["pii_records < 1000 over 2026-12-01..2026-12-03"];
    let made = prove(&pii, &auditor, &nonce, "30", "initiator.key");
    assert!(made.status.success(), "{}", text(&made));
    assert_eq!(verify(None), ["verified"]);
    assert_eq!(verify(Some("2036-01-01T00:00:00Z")), ["expired"]);
    // Several statements are one proof.
    let two = [pii[0], "none(calls.terminated)"];
    assert!(prove(&two, &auditor, &nonce, "30", "initiator.key").status.success());
    assert_eq!(verify(None), ["verified", "verified"]);
    // The whole pact: what is false or not consented is named, and each other claim proven.
    let all = ["--all-terms", "--first", "1", "--last", "1"];
    let made = prove(&all, &auditor, &nonce, "30", "initiator.key");
    assert!(made.status.success(), "{}", text(&made));
    let said = text(&made);
    assert!(said.contains("not in the proof: day-sum, because of claim-not-consented"), "{said}");
    let codes = verify(None);
    assert!(codes.iter().all(|code| code == "verified" || code == "not-proven"), "{codes:?}");
    assert_eq!(
        codes.iter().filter(|code| *code == "not-proven").count(),
        said.matches("not in the proof").count()
    );
    assert!(codes.contains(&"verified".to_owned()));
    // For another nonce; for another verifier, whom this consent does not name.
    assert!(prove(&pii, &auditor, &"7".repeat(64), "30", "initiator.key").status.success());
    assert_eq!(verify(None), ["nonce"]);
    let other = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    for (claims, to, key, code) in [
        (&pii[..], other, "initiator.key", "not-consented-audience"),
        (
            &["pii_records < 999 over epochs 1..3"],
            &auditor,
            "initiator.key",
            "not-consented-threshold",
        ),
        (&["calls < 999 over epochs 1..3"], &auditor, "initiator.key", "not-consented"),
        (&["pii_records < 1000 over epochs 1..9"], &auditor, "initiator.key", "prove-not-held"),
        (
            &["pii_records < 1000 over epochs 1..3", "--party", "provider"],
            &auditor,
            "initiator.key",
            "prove-other-tally",
        ),
        (&["--all-terms", "--over", "2026-12"], other, "initiator.key", "claim-nothing-listed"),
        (&["pii_records < 1000 over 2026-11"], &auditor, "initiator.key", "prove-not-held"),
        (&["max(latency) < 9 over epochs 1..3"], &auditor, "initiator.key", "claim-not-linear"),
        (&["pii_records < 1000"], &auditor, "initiator.key", "claim-without-range"),
        (&pii[..], &auditor, "overseer.key", "openings-sealed"),
    ] {
        let refused = prove(claims, to, &nonce, "30", key);
        assert_eq!(refused.status.code(), Some(3), "{claims:?}: {}", text(&refused));
        let said = text(&refused);
        assert!(said.contains(&format!("error[{code}]")), "{claims:?}: {said}");
    }
}

#[test]
fn nothing_planted_in_payloads_comes_out_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let planted = ["CANARYWORD", "canary.subject", "CH9300762011623852957", "777123"];
    let sessions = path(folder.path(), "canary.ndjson");
    let lines = [
        r#"{"sid":"s-1","seq":0,"from":"principal","to":"agent","kind":"message","content":"Pay CANARYWORD CH9300762011623852957"}"#,
        r#"{"sid":"s-1","seq":1,"from":"agent","to":"provider","kind":"call","call":"c0","tool":"CANARYWORD","args":{"canary.subject":"CANARYWORD"}}"#,
        r#"{"sid":"s-1","seq":2,"from":"agent","to":"provider","kind":"call","call":"c1","tool":"send_money","args":{"recipient":"CH9300762011623852957","amount":777123,"subject":"canary.subject"}}"#,
        r#"{"sid":"s-1","seq":3,"from":"agent","to":"provider","kind":"call","call":"c2","tool":"get_balance","args":{}}"#,
        r#"{"sid":"s-1","seq":4,"from":"provider","to":"agent","kind":"result","call":"c2","tool":"get_balance","status":"ok","content":"owner: CANARYWORD\nbalance: 777123"}"#,
    ];
    std::fs::write(&sessions, lines.join("\n")).unwrap();
    let pact = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/bank.pact.json");
    let out = path(folder.path(), "out");
    let demo = cloister(&["demo", "--out", &out, "--sessions", &sessions, "--pact", pact]);
    assert!(demo.status.success(), "{}", text(&demo));
    let flag = "--allow-insecure-software-evidence";
    let (bundle, anchors) = (format!("{out}/bundle.cbor"), format!("{out}/anchors.toml"));
    let mut outputs = vec![("demo".to_owned(), [demo.stdout, demo.stderr].concat())];
    for arguments in [
        vec!["explain", &bundle],
        vec!["verify", &bundle, "--anchors", &anchors, flag],
        vec!["verify", &bundle, "--anchors", &anchors, flag, "--json"],
    ] {
        let output = cloister(&arguments);
        outputs.push((arguments.join(" "), [output.stdout, output.stderr].concat()));
    }
    let mut folders = vec![PathBuf::from(&out)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let found: PathBuf = entry.unwrap().path();
            if found.is_dir() {
                folders.push(found);
            } else {
                outputs.push((found.display().to_string(), std::fs::read(&found).unwrap()));
            }
        }
    }
    assert!(
        outputs.iter().any(|(name, bytes)| name.ends_with("audit.ndjson") && !bytes.is_empty())
    );
    for (name, bytes) in &outputs {
        for word in planted {
            // The table of the demo names the recorded call, which the agents' side knows anyway.
            let found = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            let own_side = name == "demo" && word == "CANARYWORD";
            assert!(!found || own_side, "{word} came out in {name}");
        }
        // Who the principals are stays inside, too.
        let found = bytes.windows(18).any(|w| w == b"principals.example");
        assert!(!found, "a principal's name came out in {name}");
    }
}
