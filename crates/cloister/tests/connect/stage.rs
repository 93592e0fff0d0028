//! A monitor, a pact, keys for everybody, and connectors, each a process that ends by its id.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

#[path = "../monitor/config.rs"]
mod config;

pub(crate) use config::FLAG;
use config::{cloisterd, config};

pub(crate) struct Stage {
    folder: tempfile::TempDir,
    url: String,
    monitor: Option<Child>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut stage = Self { folder, url: format!("https://127.0.0.1:{port}"), monitor: None };
        stage.agree();
        let config = config("connect", port, "kind = \"host\"", "");
        stage.write("monitor.toml", &config);
        stage.start_monitor();
        let url = stage.url.clone();
        let executable = cloisterd();
        let pin = ["anchors", "pin", "--monitor", &url, "--config", "monitor.toml"];
        let more = ["--executable", executable.to_str().unwrap(), "--out", "anchors.toml", FLAG];
        checked(&stage.run(&[&pin[..], &more].concat()));
        stage
    }

    /// Keys for everybody, and a pact that both parties signed.
    fn agree(&self) {
        let mut draft = PACT
            .replace("2026-12-01T00:00:00Z", "2020-01-01T00:00:00Z")
            .replace("2027-03-01T00:00:00Z", "2120-01-01T00:00:00Z")
            // A busy machine is no reason to refuse a call here.
            .replace("\"deadline_ms\": 250", "\"deadline_ms\": 4000");
        for name in ["initiator", "provider", "overseer", "auditor", "monitor"] {
            let key = format!("{name}.key");
            let did = checked(&self.run(&["key", "new", "--out", &key]));
            let place = format!("{{{{{}}}}}", name.to_uppercase());
            draft = draft.replace(&place, did.trim());
        }
        self.write("draft.json", &draft);
        let sign = ["pact", "sign", "draft.json", "--key", "initiator.key", "--out", "one.json"];
        checked(&self.run(&sign));
        let counter = ["pact", "countersign", "one.json", "--key", "provider.key"];
        checked(&self.run(&[&counter[..], &["--out", "pact.json"]].concat()));
    }

    pub(crate) fn start_monitor(&mut self) {
        let audit = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("audit.ndjson"))
            .unwrap();
        let before = self.listening();
        let child = Command::new(cloisterd())
            .current_dir(self.folder.path())
            .args(["--config", "monitor.toml", "--state", "monitor"])
            .stdout(Stdio::null())
            .stderr(audit)
            .spawn()
            .unwrap();
        self.monitor = Some(child);
        self.eventually(|| (self.listening() > before).then_some(()));
    }

    fn listening(&self) -> usize {
        let lines = std::fs::read_to_string(self.path("audit.ndjson")).unwrap_or_default();
        lines.matches("\"listening\"").count()
    }

    pub(crate) fn kill_monitor(&mut self) {
        let mut child = self.monitor.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn connector(&self, party: &str) -> Connector {
        self.connector_with(party, "anchors.toml")
    }

    pub(crate) fn connector_with(&self, party: &str, anchors: &str) -> Connector {
        let config = CONNECTOR
            .replace("{url}", &self.url)
            .replace("{party}", party)
            .replace("{anchors}", anchors);
        self.write(&format!("{party}.toml"), &config);
        let log = self.path(&format!("{party}.log"));
        let lines = std::fs::File::create(&log).unwrap();
        let child = self
            .command(&["connect", "--config", &format!("{party}.toml"), FLAG])
            .stdout(Stdio::null())
            .stderr(lines)
            .spawn()
            .unwrap();
        Connector { child, log }
    }

    /// Runs a command of one who is logged in.
    pub(crate) fn as_caller(&self, arguments: &[&str], key: &str) -> Output {
        let access = ["--monitor", &self.url, "--anchors", "anchors.toml", "--key", key, FLAG];
        self.run(&[arguments, &access].concat())
    }

    pub(crate) fn done(&self, arguments: &[&str], key: &str) -> String {
        checked(&self.as_caller(arguments, key))
    }

    pub(crate) fn refused(&self, arguments: &[&str], key: &str) -> String {
        let output = self.as_caller(arguments, key);
        assert_eq!(output.status.code(), Some(3));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Follows so many notices; returns when it follows.
    pub(crate) fn follow(&self, key: &str, count: u64) -> Child {
        let log = self.path("follow.log");
        let (lines, count) = (std::fs::File::create(&log).unwrap(), count.to_string());
        let follow = ["follow", "--json", "--count", &count, "--monitor", &self.url];
        let access = ["--anchors", "anchors.toml", "--key", key, FLAG];
        let child = self
            .command(&[&follow[..], &access].concat())
            .stdout(Stdio::piped())
            .stderr(lines)
            .spawn()
            .unwrap();
        self.eventually(|| {
            let text = std::fs::read_to_string(&log).ok()?;
            text.contains("\"following\"").then_some(())
        });
        child
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
        command.current_dir(self.folder.path()).args(arguments).env("NO_COLOR", "1");
        command
    }

    /// Waits until there is an answer, at most half a minute.
    pub(crate) fn eventually<T>(&self, ask: impl FnMut() -> Option<T>) -> T {
        eventually(ask)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["audit.ndjson", "initiator.log", "provider.log"] {
                let text = std::fs::read_to_string(self.path(name)).unwrap_or_default();
                let last: Vec<&str> = text.lines().rev().take(30).collect();
                let shown = last.into_iter().rev().collect::<Vec<_>>().join("\n");
                std::io::stderr().write_all(format!("{name}:\n{shown}\n").as_bytes()).unwrap();
            }
        }
        if self.monitor.is_some() {
            self.kill_monitor();
        }
    }
}

pub(crate) struct Connector {
    child: Child,
    log: PathBuf,
}

impl Connector {
    /// Where a door listens.
    pub(crate) fn door(&self, name: &str) -> String {
        eventually(|| {
            self.events().find_map(|event| {
                let this = event["event"] == "listening" && event["door"] == name;
                this.then(|| event["address"].as_str().unwrap().to_owned())
            })
        })
    }

    /// Waits until it has attested the monitor: before that it can only say that it has not.
    pub(crate) fn attested(&self) {
        eventually(|| self.events().find(|event| event["event"] == "attested").map(|_| ()));
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and returns what of it was delivered.
    pub(crate) fn end(mut self) -> Value {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{}", self.log());
        let ended = self.events().find(|event| event["event"] == "ended");
        ended.unwrap_or_else(|| panic!("{}", self.log()))["delivered"].clone()
    }

    fn events(&self) -> impl Iterator<Item = Value> {
        let lines: Vec<Value> =
            self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.into_iter()
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}

/// One request in JSON; the status and the answer.
pub(crate) fn post(door: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(door).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {door}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it never came");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn checked(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

const PACT: &str = include_str!("../../demo/bank.pact.json");
const CONNECTOR: &str = r#"
monitor = "{url}"
anchors = "{anchors}"
key = "{party}.key"
party = "{party}"
pact = "pact.json"
state = "{party}"
[listen]
http = "127.0.0.1:0"
otlp_http = "127.0.0.1:0"
[outbox]
bytes = 20000
"#;
