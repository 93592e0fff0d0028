//! A `cloisterd` of our own, for the demo and for replays: started, waited for, ended by its id.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::fault::{self, Fault};
use crate::unix::Client;

/// A running monitor; it ends with this value.
pub(crate) struct Daemon {
    child: Child,
    socket: PathBuf,
    executable: PathBuf,
    /// Holds the socket; removed at the end.
    _folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts `cloisterd` with the configuration at `config`; its audit lines go to `audit`.
    pub(crate) fn start(config: &Path, audit: &Path) -> Result<Self, Fault> {
        let executable = executable()?;
        let folder = tempfile::tempdir().map_err(|e| Fault::unwritable(Path::new("/tmp"), &e))?;
        let socket = folder.path().join("monitor.sock");
        let lines = std::fs::File::create(audit).map_err(|e| Fault::unwritable(audit, &e))?;
        let child = Command::new(&executable)
            .arg("--config")
            .arg(config)
            .arg("--socket")
            .arg(&socket)
            .arg("--state")
            .arg(folder.path().join("state"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(lines)
            .spawn()
            .map_err(|e| Fault::unreadable(&executable, &e))?;
        let mut daemon = Self { child, socket, executable, _folder: folder };
        daemon.wait(audit)?;
        Ok(daemon)
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Result<Client, Fault> {
        Client::connect(&self.socket)
    }

    /// What the executable on disk measures as, computed here and not asked of the monitor.
    pub(crate) fn measurement(&self) -> Result<String, Fault> {
        measure(&self.executable)
    }

    fn wait(&mut self, audit: &Path) -> Result<(), Fault> {
        for _ in 0..200 {
            if Client::connect(&self.socket).is_ok() {
                return Ok(());
            }
            if let Ok(Some(_)) = self.child.try_wait() {
                let text = std::fs::read_to_string(audit).unwrap_or_default();
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
    let bytes = fault::read(executable, 1 << 30)?;
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
