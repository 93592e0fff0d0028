//! Time stamps of a real authority on a demo's bundle, checked by us and by OpenSSL.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

#[path = "stamp/authority.rs"]
mod authority;

use std::path::Path;
use std::process::{Command, Output};

use authority::{Authority, openssl};
use messages::bundle::Bundle;
use messages::codec::Wire;
use serde_json::Value;

fn cloister(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
    command.output().expect("cloister runs")
}

fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = cloister(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

fn verdict(folder: &Path, bundle: &str, anchors: &str) -> Value {
    let flag = "--allow-insecure-software-evidence";
    let output = cloister(folder, &["verify", bundle, "--anchors", anchors, flag, "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn stamp(folder: &Path, authority: &Authority, anchors: &str, out: &str) -> Output {
    let (anchors, asked) = (["--anchors", anchors], ["--authority", &authority.url, "--out", out]);
    cloister(folder, &[&["stamp", "add", "bundle.cbor"][..], &anchors, &asked].concat())
}

#[test]
fn an_authority_dates_a_checkpoint_and_a_pact() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let authority = Authority::start(&folder.join("tsa"));
    let other = Authority::start(&folder.join("other"));
    done(folder, &["demo", "--out", "."]);
    for (name, of) in [("stamped.toml", &authority), ("other.toml", &other)] {
        let named = format!("tsa.example={}", of.path("chain.pem"));
        let join = ["anchors", "join", "anchors.toml", "--authority", &named, "--stamped"];
        done(folder, &[&join[..], &["--out", name]].concat());
    }

    // Demanded and absent: nothing is verified, and nothing refuted.
    let before = verdict(folder, "bundle.cbor", "stamped.toml");
    assert_eq!(before["exit"], 2);
    assert!(before["items"].as_array().unwrap().iter().all(|item| item["code"] == "not-stamped"));

    // A pact is stamped when it is agreed, and its token goes into bundles later.
    let asked = ["--anchors", "stamped.toml", "--authority", &authority.url];
    done(folder, &[&["stamp", "pact", "pact.json", "--out", "pact.tst"][..], &asked].concat());
    let kept = ["bundle.cbor", "--anchors", "stamped.toml", "--token", "pact.tst"];
    done(folder, &[&["stamp", "add"][..], &kept, &["--out", "dated.cbor"]].concat());
    let dated = verdict(folder, "dated.cbor", "stamped.toml");
    assert_eq!(dated["exit"], 2, "the pact is stamped, the checkpoint is not");
    assert!(dated["pacts"][0]["stamped_ms"].as_u64().unwrap() > 0);

    let added = stamp(folder, &authority, "stamped.toml", "stamped.cbor");
    assert!(added.status.success(), "{}", said(&added));
    let after = verdict(folder, "stamped.cbor", "stamped.toml");
    assert_eq!(after["exit"], 0, "{after}");
    let at = after["logs"][0]["stamped_ms"].as_u64().unwrap();
    assert!(at > 1_700_000_000_000, "{at}");
    assert_eq!(after["time_stamps_refused"], false);
    // Whoever demands none is told, too; whoever accepts another authority is not.
    assert_eq!(verdict(folder, "stamped.cbor", "anchors.toml")["exit"], 0);
    let strange = verdict(folder, "stamped.cbor", "other.toml");
    assert_eq!((&strange["exit"], &strange["time_stamps_refused"]), (&2.into(), &true.into()));
    assert_eq!(strange["logs"][0]["stamped_ms"], Value::Null);

    openssl_accepts(folder, &authority, &other);
    forged_tokens_count_for_nothing(folder);
    let refused = stamp(folder, &authority, "other.toml", "never.cbor");
    assert!(said(&refused).contains("error[stamp-refused]"), "{}", said(&refused));
    let refused = stamp(folder, &authority, "anchors.toml", "never.cbor");
    assert!(said(&refused).contains("names no authority") || said(&refused).contains("name no"));
    assert!(!folder.join("never.cbor").exists());
}

/// Another verifier agrees about both stamps, and about whose they are.
fn openssl_accepts(folder: &Path, authority: &Authority, other: &Authority) {
    let listed = done(folder, &["stamp", "export", "stamped.cbor", "--out", "stamps"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    for number in 1..=2 {
        let (data, token) = (format!("stamps/{number}.data"), format!("stamps/{number}.tst"));
        let verify = |root: &str| {
            let what = ["ts", "-verify", "-data", &data, "-in", &token, "-token_in"];
            openssl(folder, &[&what[..], &["-CAfile", root]].concat()).status.success()
        };
        assert!(verify(&authority.path("ca.pem")));
        assert!(!verify(&other.path("ca.pem")));
    }
}

fn forged_tokens_count_for_nothing(folder: &Path) {
    let good = Bundle::from_cbor(&std::fs::read(folder.join("stamped.cbor")).unwrap()).unwrap();
    let refused = |change: &dyn Fn(&mut Bundle)| {
        let mut forged = good.clone();
        change(&mut forged);
        std::fs::write(folder.join("forged.cbor"), forged.to_cbor()).unwrap();
        let verdict = verdict(folder, "forged.cbor", "stamped.toml");
        assert_eq!(verdict["exit"], 2);
        assert_eq!(verdict["logs"][0]["stamped_ms"], Value::Null);
        assert_eq!(verdict["time_stamps_refused"], true);
    };
    let (checkpoint, pact) = (good.stamps[0].clone(), good.stamps[1].clone());
    // A token for one is none for another, whatever the bundle says it is of.
    refused(&|bundle| {
        bundle.stamps[0].token.clone_from(&pact.token);
        bundle.stamps[1].token.clone_from(&checkpoint.token);
    });
    refused(&|bundle| bundle.stamps[0].digest[0] ^= 1);
    // The signature stands last; the certificates that a token carries count for nothing anyway.
    let token = &checkpoint.token;
    let imprint = token.windows(32).position(|window| window == checkpoint.digest).unwrap();
    for at in [imprint, imprint + 31, imprint + 40, token.len() - 1, token.len() - 30] {
        refused(&|bundle| bundle.stamps[0].token[at] ^= 1);
    }
    refused(&|bundle| bundle.stamps[0].token.truncate(40));
}
