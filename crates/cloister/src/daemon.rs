//! A `cloisterd` of our own, for the demo and for replays: started, waited for, ended by its id.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use attestations::Policy;
use sha2::{Digest, Sha256};

use crate::anchors;
use crate::client::Client;
use crate::fault::{Fault, read};

/// A running monitor; it ends with this value.
pub(crate) struct Daemon {
    child: Child,
    url: String,
    policy: Policy,
    /// Journal and log; removed at the end.
    _state: tempfile::TempDir,
}

impl Daemon {
    /// Starts `cloisterd` with the configuration at `config`; its audit lines go to `audit`. What
    /// its evidence must show is computed from the files that it is started from.
    pub(crate) fn start(config: &Path, audit: &Path) -> Result<Self, Fault> {
        let executable = executable()?;
        let policy =
            anchors::reference(&read(config, 1 << 20)?, None, Some(measure(&executable)?))?;
        let state = tempfile::tempdir().map_err(|e| Fault::unwritable(Path::new("/tmp"), &e))?;
        let lines = std::fs::File::create(audit).map_err(|e| Fault::unwritable(audit, &e))?;
        let child = Command::new(&executable)
            .arg("--config")
            .arg(config)
            .arg("--state")
            .arg(state.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines)
            .spawn()
            .map_err(|e| Fault::unreadable(&executable, &e))?;
        let mut daemon = Self { child, url: String::new(), policy, _state: state };
        daemon.url = format!("https://{}", daemon.listening(audit)?);
        Ok(daemon)
    }

    /// A new attested connection.
    pub(crate) fn connect(&self) -> Result<Client, Fault> {
        Client::connect(&self.url, &self.policy)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What its evidence must show.
    pub(crate) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Waits for the audit line that says where it listens.
    fn listening(&mut self, audit: &Path) -> Result<String, Fault> {
        for _ in 0..200 {
            let text = std::fs::read_to_string(audit).unwrap_or_default();
            if let Some(address) = text.lines().find_map(listening) {
                return Ok(address);
            }
            if let Ok(Some(_)) = self.child.try_wait() {
                return Err(Fault::new(
                    "monitor-ended",
                    format!("cloisterd ended at start: {}", text.trim()),
                    "build it with the feature insecure-software-attester for development",
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(Fault::new(
            "monitor-silent",
            "cloisterd did not listen within ten seconds",
            "look at its audit lines",
        ))
    }
}

/// The address in an audit line, when it is the line that says so.
fn listening(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    (fields.get("event")? == "listening").then_some(())?;
    fields.get("address")?.as_str().map(Into::into)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already gone is as good as ended.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

/// Measures an executable as development evidence does.
pub(crate) fn measure(executable: &Path) -> Result<String, Fault> {
    let bytes = read(executable, 1 << 30)?;
    Ok(format!("sw:{}", hex::encode(Sha256::digest(bytes))))
}

fn executable() -> Result<PathBuf, Fault> {
    let own = std::env::current_exe().map_err(|e| Fault::unreadable(Path::new("self"), &e))?;
    // Beside the command; or one folder up, where cargo puts test programs' siblings.
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("cloisterd"))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            Fault::new(
                "monitor-missing",
                "there is no cloisterd beside the cloister command",
                "run `cargo xtask demo`, which builds both",
            )
        })
}
