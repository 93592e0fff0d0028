//! The specification says what the code does: its codes are the code's, and an implementation in
//! another language, made from it alone, judges the published vectors alike.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails here says so")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_codes_of_the_specification_are_the_codes() {
    let text = fs::read_to_string(Path::new(ROOT).join("SPEC.md")).unwrap();
    let (_, table) = text.split_once("## Codes").unwrap();
    let (table, _) = table.split_once("## What is not bound").unwrap();
    let rows: Vec<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let listed: BTreeSet<&str> = rows.iter().copied().collect();
    assert_eq!(listed.len(), rows.len(), "a code has one row");
    let codes: BTreeSet<&str> = cloister_verify::all_codes().into_iter().collect();
    assert_eq!(listed, codes);
}

/// The interpreter of an environment with the pinned packages.
fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify-python");
    fs::create_dir_all(&root).unwrap();
    let lock = File::create(root.join("lock")).unwrap();
    lock.lock().unwrap();
    let requirements = Path::new(ROOT).join("vectors/requirements.txt");
    let wanted = fs::read_to_string(&requirements).unwrap();
    let (venv, installed) = (root.join("venv"), root.join("installed.txt"));
    let python = venv.join("bin/python");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let permitted = "this test needs python3 with venv, and pip with a package index";
    let run = |command: &mut Command| {
        let output = command.output().expect(permitted);
        assert!(output.status.success(), "{permitted}: {}", told(&output));
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let quiet = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "-r"];
    run(Command::new(&python).args(quiet).arg(requirements));
    fs::write(&installed, wanted).unwrap();
    python
}

fn check(vectors: &[&Path]) -> Output {
    let script = Path::new(ROOT).join("vectors/check.py");
    Command::new(python()).arg(script).args(vectors).output().unwrap()
}

fn told(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn another_implementation_judges_the_vectors_alike() {
    let good = check(&[]);
    assert!(good.status.success(), "{}", told(&good));
    for name in ["single.json", "many.json", "two-monitors.json", "accusations.json", "SPEC.md"] {
        assert!(told(&good).contains(name), "{name} in {}", told(&good));
    }
    // One byte of the bundle is another: it says so.
    let vector = fs::read_to_string(Path::new(ROOT).join("vectors/single.json")).unwrap();
    let at = vector.find("\"bundle\"").and_then(|at| at.checked_add(5_000)).unwrap();
    let digit = vector.get(at..).and_then(|rest| rest.chars().next()).unwrap();
    let mut changed = vector;
    let next = at.checked_add(1).unwrap();
    changed.replace_range(at..next, if digit == '0' { "1" } else { "0" });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verify-changed.json");
    fs::write(&folder, changed).unwrap();
    assert!(!check(&[&folder]).status.success());
}
