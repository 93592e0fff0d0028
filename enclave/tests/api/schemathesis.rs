//! Schemathesis, a fuzzer that knows nothing of the monitor but its OpenAPI document: everything
//! that the document permits, and much that it forbids, without one fault of the server, without a
//! status, a media type or a body that the document does not name. It comes from the package index,
//! pinned, into the target folder.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/requirements.txt");
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance";

/// Fuzzes the monitor at `url`, whose certificate nobody has signed: evidence is checked elsewhere.
/// Panics, with what Schemathesis says, at any fault.
pub(crate) fn fuzz(url: &str, examples: u32) {
    let mut command = Command::new(schemathesis());
    command.args(["run", &format!("{url}/openapi.json"), "--url", url]);
    command.args(["--tls-verify", "false", "--checks", CHECKS, "--no-color"]);
    command.args(["--phases", "examples,coverage,fuzzing", "--seed", "7", "--no-shrink"]);
    command.args(["--max-examples", &examples.to_string(), "--request-timeout", "20"]);
    // Never answered without a login; a followed stream would not end.
    command.args(["--exclude-path", "/v1/alerts", "--warnings", "off"]);
    command.env("NO_PROXY", "127.0.0.1").current_dir(folder());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let also = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{also}");
}

/// The command, of an environment with the pinned packages.
fn schemathesis() -> PathBuf {
    let lock = File::create(folder().join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read_to_string(REQUIREMENTS).unwrap();
    let (venv, installed) = (folder().join("venv"), folder().join("installed.txt"));
    let command = venv.join("bin/schemathesis");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return command;
    }
    let permitted = "this test needs python3 with venv, and pip with a package index";
    let run = |command: &mut Command| {
        let output = command.output().unwrap_or_else(|e| panic!("{permitted}: {e}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{permitted}: {told}");
    };
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    let quiet = ["-m", "pip", "install", "--quiet", "--no-deps", "-r", REQUIREMENTS];
    run(Command::new(venv.join("bin/python")).args(quiet));
    fs::write(&installed, wanted).unwrap();
    command
}

/// Beside the built tests: `TARGET/tmp/schemathesis`.
fn folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.ancestors().nth(3).unwrap().join("tmp/schemathesis");
    fs::create_dir_all(&folder).unwrap();
    folder
}
