//! Custodians at work: a monitor whose machine is lost, and what they bring to the next one.
#![expect(clippy::unwrap_used, reason = "a test that fails here says so")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const FLAG: &str = "--allow-insecure-software-evidence";
const MONITOR: &str = r#"
origin = "insecure-dev/custody.cloister.example"
tee = "insecure-software"
sealing = "insecure-file"
listen = "127.0.0.1:{port}"
epoch_ms = 86400000
max_pacts = 4
max_sessions = 100
idle_ms = 3600000
[clock]
kind = "host"
[privacy]
cap_nano_rho = 400000000
price_nano_rho = 100000000
sessions = 1
cells = 4
horizon_days = 365
[custody]
quorum = 2
custodians = [{custodians}]
"#;

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn cloister(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

fn cloisterd() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_cloister")).with_file_name("cloisterd")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Starts a monitor on the folder, and waits until it listens.
fn monitor(folder: &Path) -> Running {
    let mut child = Command::new(cloisterd())
        .args(["--config", "monitor.toml", "--state", "monitor"])
        .current_dir(folder)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"listening\"")));
    // What it says after that is read, so that it can say it.
    std::thread::spawn(move || lines.for_each(drop));
    Running(child)
}

#[test]
fn what_is_lost_with_a_machine_comes_back_by_two_of_three_and_not_for_a_build_that_they_do_not_know()
 {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let names = ["ada.key", "ben.key", "cyd.key"];
    let dids = names.map(|name| done(&cloister(folder, &["key", "new", "--out", name])));
    let dids = dids.map(|did| format!("\"{did}\"")).join(", ");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = MONITOR.replace("{port}", &port.to_string()).replace("{custodians}", &dids);
    std::fs::write(folder.join("monitor.toml"), &config).unwrap();
    let first = monitor(folder);
    let (url, executable) = (format!("https://127.0.0.1:{port}"), cloisterd());
    let pin = |out: &str| {
        let pin = ["anchors", "pin", "--monitor", &url, "--config", "monitor.toml"];
        let more = ["--executable", executable.to_str().unwrap(), "--out", out, FLAG];
        cloister(folder, &[&pin[..], &more].concat())
    };
    done(&pin("anchors.toml"));
    let custody = |what: &str, who: &str, share: &str, anchors: &str| {
        let named = ["custody", what, "--key", who, "--share", share, "--anchors", anchors];
        cloister(folder, &[&named[..], &["--monitor", &url, FLAG]].concat())
    };
    let looked = |first: &[&str]| {
        let check = ["log", "check", "--monitor", &url, "--anchors", "anchors.toml", FLAG];
        cloister(folder, &[&check[..], &["--seen", "seen.checkpoint"], first].concat())
    };
    done(&looked(&["--first"]));
    for (who, share) in [("ada.key", "ada.share"), ("ben.key", "ben.share")] {
        assert_eq!(done(&custody("hold", who, share, "anchors.toml")), format!("wrote {share}"));
    }
    let again = custody("hold", "ada.key", "ada.share", "anchors.toml");
    assert_eq!(done(&again), "you hold this share already");
    let early = custody("unlock", "ada.key", "ada.share", "anchors.toml");
    assert!(text(&early).contains("error[monitor-not-locked]"), "{}", text(&early));

    // The machine is gone, and the configuration is another one: the custodians know nothing of it.
    drop(first);
    std::fs::remove_file(folder.join("monitor/sealing.key")).unwrap();
    std::fs::write(folder.join("monitor.toml"), config.replace("max_pacts = 4", "max_pacts = 5"))
        .unwrap();
    let other = monitor(folder);
    let unknown = custody("unlock", "ada.key", "ada.share", "anchors.toml");
    assert_eq!(unknown.status.code(), Some(3));
    assert!(text(&unknown).contains("config"), "{}", text(&unknown));
    // Whoever pins a locked monitor would pin no log: it says that it has none.
    let pinned = pin("later.toml");
    assert_eq!(pinned.status.code(), Some(3), "{}", text(&pinned));
    drop(other);

    std::fs::write(folder.join("monitor.toml"), &config).unwrap();
    let _third = monitor(folder);
    let brought = custody("unlock", "ada.key", "ada.share", "anchors.toml");
    assert_eq!(done(&brought), "taken; the share of one more custodian is needed");
    let stolen = custody("unlock", "cyd.key", "ada.share", "anchors.toml");
    assert!(text(&stolen).contains("error[custody-share-wrong]"), "{}", text(&stolen));
    let brought = custody("unlock", "ben.key", "ben.share", "anchors.toml");
    assert_eq!(done(&brought), "the monitor has its key");
    // It listens again, and its log is the one that was seen.
    let grown = (0..100).find_map(|_| {
        let looked = looked(&[]);
        if looked.status.success() {
            return Some(text(&looked));
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
        None
    });
    assert!(grown.unwrap().contains("it only grew"));
}
