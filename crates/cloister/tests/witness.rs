//! A witness in a process of its own: what it signs, what it does not, and what it still knows after
//! it was killed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use messages::accusation::{Accusation, Charge};
use messages::codec::Wire;
use messages::did::Did;
use messages::ids::{BodyDigest, BootId};
use messages::leaf::{Kind, Leaf};
use messages::signature::{Signature, SigningKey};
use tlog::Log;
use tlog::witness::AddCheckpoint;

const ORIGIN: &str = "monitor.example/log";
const NAME: &str = "witness.example";

fn cloister(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().expect("runs")
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

fn log_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

/// A log of some size, whose last leaf is one of several.
fn log(size: u8, last: u8) -> Log {
    let mut log = Log::new();
    for n in 0..size {
        let body = BodyDigest([if n + 1 == size { last } else { n }; 32]);
        let (boot, signature) = (BootId::default(), Signature([0; 64]));
        log.append(&Leaf { kind: Kind::Boot, body, boot, signature });
    }
    log
}

fn note(log: &Log) -> String {
    tlog::sign_checkpoint(ORIGIN, log.size(), &log.root(), &log_key())
}

fn request(old: u64, log: &Log) -> AddCheckpoint {
    let proof = if old == 0 { Vec::new() } else { log.consistency(old, log.size()) };
    AddCheckpoint { old, proof, note: note(log) }
}

/// A witness of one log; killed at the end.
struct Witness {
    child: Child,
    address: String,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Witness {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cloister"))
            .args(["witness", "--name", NAME, "--key", "witness.key", "--logs", "anchors.toml"])
            .args(["--state", "seen", "--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (_, address) = line.trim_end().rsplit_once("http://").unwrap();
        Self { child, address: address.to_owned() }
    }

    /// Posts; the status, the content type's line if there is one, and the body.
    fn post(&self, body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (host, length) = (&self.address, body.len());
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let kind = head.lines().find(|l| l.to_lowercase().starts_with("content-type"));
        (status, kind.unwrap_or_default().to_owned(), body.to_owned())
    }

    fn ask(&self, request: &AddCheckpoint) -> (u16, String) {
        let (status, _, body) = self.post(&request.body());
        (status, body)
    }
}

/// A folder with the witness's key and anchors that name the log; the witness's key.
fn home(folder: &Path) -> Did {
    assert!(cloister(folder, &["key", "new", "--out", "witness.key"]).status.success());
    let log_key = Did::from_key(&log_key().public());
    let anchors = format!(
        "pacts = []\n[[monitors]]\norigin = \"{ORIGIN}\"\nlog_key = \"{log_key}\"\nconfigs = []\n"
    );
    std::fs::write(folder.join("anchors.toml"), anchors).unwrap();
    let shown = cloister(folder, &["key", "show", "witness.key"]);
    Did::parse(text(&shown).trim()).unwrap()
}

#[test]
fn a_witness_signs_one_history_and_remembers_it() {
    let folder = tempfile::tempdir().unwrap();
    let key = home(folder.path()).key().unwrap();
    let witness = Witness::start(folder.path());
    let (status, line) = witness.ask(&request(0, &log(3, 0)));
    assert_eq!(status, 200, "{line}");
    let cosigned = tlog::with_cosignature(&note(&log(3, 0)), &line).unwrap();
    let keys = [(NAME, key)];
    assert_eq!(tlog::cosignatures(&cosigned, &keys).len(), 1);
    assert!(cosigned.starts_with(&note(&log(3, 0))), "the log's own signature stays");

    // A second process over the same memory is refused.
    let more = ["--logs", "anchors.toml", "--state", "seen", "--listen", "127.0.0.1:0"];
    let start = ["witness", "--name", NAME, "--key", "witness.key"];
    let again = cloister(folder.path(), &[&start[..], &more].concat());
    assert!(text(&again).contains("error[state-in-use]"), "{}", text(&again));

    // Killed and started again, it knows what it signed.
    drop(witness);
    let witness = Witness::start(folder.path());
    let (status, kind, size) = witness.post(&request(0, &log(5, 0)).body());
    assert_eq!((status, size.as_str()), (409, "3\n"));
    assert!(kind.contains("text/x.tlog.size"), "{kind}");
    // Another history is no extension, whatever proof comes with it: its third leaf is another.
    assert_eq!(witness.ask(&request(3, &log(5, 0))).0, 422);
    let grown = {
        let mut grown = log(3, 0);
        let (body, boot, signature) = (BodyDigest([9; 32]), BootId::default(), Signature([0; 64]));
        grown.append(&Leaf { kind: Kind::Boot, body, boot, signature });
        grown
    };
    assert_eq!(witness.ask(&request(3, &grown)).0, 200);
    assert_eq!(witness.ask(&request(4, &grown)).0, 200, "the same again");
    assert_eq!(witness.ask(&request(3, &log(3, 0))).0, 409, "never back");
}

#[test]
fn a_fork_convicts_the_log_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    home(folder.path());
    let witness = Witness::start(folder.path());
    assert_eq!(witness.ask(&request(0, &log(3, 0))).0, 200);
    let fork = AddCheckpoint { old: 3, proof: Vec::new(), note: note(&log(3, 7)) };
    assert_eq!(witness.ask(&fork).0, 409);
    let kept = std::fs::read_dir(folder.path().join("seen"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "accusation"))
        .expect("the accusation is kept");
    assert!(Accusation::from_cbor(&std::fs::read(&kept).unwrap()).is_ok());
    let kept = kept.to_str().unwrap();
    let judged = cloister(folder.path(), &["judge", kept, "--anchors", "anchors.toml"]);
    assert!(judged.status.success(), "{}", text(&judged));
    assert!(text(&judged).contains("fork"), "{}", text(&judged));
    // What both signed is what anybody can accuse with.
    for (name, log) in [("one.checkpoint", log(3, 0)), ("other.checkpoint", log(3, 7))] {
        std::fs::write(folder.path().join(name), note(&log)).unwrap();
    }
    let accuse = |files: &[&str]| {
        let more = ["--anchors", "anchors.toml", "--out", "accusation.cbor"];
        cloister(folder.path(), &[&["accuse"][..], files, &more].concat())
    };
    let same = accuse(&["one.checkpoint", "one.checkpoint"]);
    assert_eq!(same.status.code(), Some(2), "{}", text(&same));
    assert!(!folder.path().join("accusation.cbor").exists());
    let made = accuse(&["one.checkpoint", "other.checkpoint"]);
    assert!(made.status.success(), "{}", text(&made));
    let judge = |file: &str| cloister(folder.path(), &["judge", file, "--anchors", "anchors.toml"]);
    let judged = judge("accusation.cbor");
    assert!(judged.status.success(), "{}", text(&judged));
    // Nobody convicted is another answer than a file that is none.
    let mut false_charge =
        Accusation::from_cbor(&std::fs::read(folder.path().join("accusation.cbor")).unwrap())
            .unwrap();
    let same = note(&log(3, 0));
    false_charge.charge = Charge::ForkedHead { first: same.clone(), second: same };
    std::fs::write(folder.path().join("false.cbor"), false_charge.to_cbor()).unwrap();
    let judged = judge("false.cbor");
    assert_eq!(judged.status.code(), Some(2), "{}", text(&judged));
    assert!(text(&judged).contains("nobody is convicted ["), "{}", text(&judged));
    let judged = judge("one.checkpoint");
    assert_eq!(judged.status.code(), Some(3), "{}", text(&judged));
    assert!(text(&judged).contains("error[accusation-unreadable]"), "{}", text(&judged));
}

#[test]
fn what_is_no_request_of_this_log_is_refused_with_the_status_that_the_protocol_names() {
    let folder = tempfile::tempdir().unwrap();
    home(folder.path());
    let witness = Witness::start(folder.path());
    let good = request(0, &log(3, 0));
    let foreign = tlog::sign_checkpoint("other.example/log", 3, &log(3, 0).root(), &log_key());
    let stranger = SigningKey::from_seed(&[2; 32]);
    let unsigned = tlog::sign_checkpoint(ORIGIN, 3, &log(3, 0).root(), &stranger);
    for (status, body) in [
        (400, String::new()),
        (404, "old 0\n\n".to_owned()),
        (400, good.body().replace("old 0", "old 00")),
        (400, good.body().replacen('\n', "\r\n", 1)),
        (400, format!("old 9\n\n{}", good.note)),
        (403, format!("old 0\n\n{unsigned}")),
        (404, format!("old 0\n\n{foreign}")),
        (409, format!("old 1\n\n{}", good.note)),
    ] {
        assert_eq!(witness.post(&body).0, status, "{body}");
    }
    assert_eq!(witness.ask(&good).0, 200, "nothing of that was remembered");
}
