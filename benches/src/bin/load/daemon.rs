//! Servers as processes of their own: started, asked of the system what they use, and ended.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use attestations::{Log, Policy, SoftwarePolicy};
use channel::client::Endpoint;
use messages::domain;
use messages::ids::ConfigDigest;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A server that ends with this value.
pub(crate) struct Daemon {
    child: Child,
    /// Audit lines with their time of arrival.
    lines: mpsc::Receiver<(Instant, Value)>,
    began: Instant,
    state: PathBuf,
    policy: Policy,
}

impl Daemon {
    /// Starts `cloisterd` on the state in `folder`, fresh or left by an earlier one.
    pub(crate) fn start(folder: &Path) -> Self {
        let config = folder.join("monitor.toml");
        std::fs::write(&config, CONFIG).unwrap();
        let (program, state) = (beside("cloisterd"), folder.join("state"));
        let mut command = Command::new(&program);
        command.arg("--config").arg(&config).arg("--state").arg(&state);
        let measured = std::fs::read(&program).unwrap();
        let measurement = format!("sw:{:x}", Sha256::digest(measured));
        let policy = Policy {
            origin: ORIGIN.into(),
            configs: vec![ConfigDigest(domain::CONFIG.hash(&[CONFIG.as_bytes()]))],
            log: Log::Any,
            hardware: None,
            software: Some(SoftwarePolicy { measurements: vec![measurement] }),
        };
        Self::spawn(command, state, policy)
    }

    /// Starts a server that writes a line `{"fields":{"event":"listening","address":...}}`.
    pub(crate) fn spawn(mut command: Command, state: PathBuf, policy: Policy) -> Self {
        let began = Instant::now();
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let arrived = Instant::now();
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                drop(send.send((arrived, line)));
            }
        });
        Self { child, lines, began, state, policy }
    }

    /// Waits for an audit line of this event. Returns it, and how long after the start it came.
    pub(crate) fn wait(&self, event: &str) -> (Duration, Value) {
        loop {
            let Ok((at, line)) = self.lines.recv_timeout(PATIENCE) else {
                panic!("the server does not say {event}");
            };
            if line["fields"]["event"] == event {
                return (at - self.began, line["fields"].clone());
            }
            if line.is_string() {
                panic!("{line}");
            }
        }
    }

    /// Where it listens, once it does.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let (_, line) = self.wait("listening");
        let address: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
        Endpoint::try_from(address).unwrap()
    }

    /// What it has to show.
    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Memory by its name in `/proc/PID/status`, bytes.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<u64>().unwrap() * 1024
    }

    /// Processor time used so far.
    pub(crate) fn processor(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, after) = stat.rsplit_once(')').unwrap();
        let ticks = after.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        // USER_HZ is 100 on Linux.
        Duration::from_millis(ticks * 10)
    }

    /// Bytes in the files of its journal, without the zeros that are written ahead.
    pub(crate) fn journal_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.state.join("journal")).unwrap();
        let used = |file: std::io::Result<std::fs::DirEntry>| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
        };
        u64::try_from(files.map(used).sum::<usize>()).unwrap()
    }
}

impl Drop for Daemon {
    /// As abrupt as a power cut for the process; nothing is flushed.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A program in the folder of this one.
pub(crate) fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

const PATIENCE: Duration = Duration::from_secs(600);
const ORIGIN: &str = "insecure-dev/load";
const CONFIG: &str = r#"
origin = "insecure-dev/load"
tee = "insecure-software"
sealing = "insecure-file"
listen = "127.0.0.1:0"
epoch_ms = 86400000
max_pacts = 4
max_sessions = 1000000
idle_ms = 86400000

[clock]
kind = "generated"
start_ms = 1796083200000
step_ms = 1

[privacy]
cap_nano_rho = 400000000
price_nano_rho = 100000000
sessions = 1
cells = 4
horizon_days = 365
"#;
