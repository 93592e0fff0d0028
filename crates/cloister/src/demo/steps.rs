//! The demo's commands, each in a process of its own, as people would type them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use messages::did::Did;
use messages::signature::SigningKey;
use rand_core::OsRng;
use verify::documents::WitnessesDocument;

use super::cast::Cast;
use crate::anchors::File;
use crate::client::strange;
use crate::fault::Fault;
use crate::{key, output};

/// Verifies in a process of its own; returns its exit code.
pub(super) fn stranger(out: &Path, bundle: &str, allow: bool) -> Result<i32, Fault> {
    let mut arguments = vec!["verify", bundle, "--anchors", "anchors.toml"];
    if allow {
        arguments.push("--allow-insecure-software-evidence");
    }
    own(out, &arguments)
}

/// The initiator fetches what opens the commitments about it, while the monitor is there.
pub(super) fn fetch_openings(
    cast: &Cast,
    monitor: &str,
    days: u64,
    out: &Path,
) -> Result<(), Fault> {
    key::replace(&out.join("initiator.key"), &cast.agents.initiator)?;
    // What an earlier demo handed over opens another log.
    drop(std::fs::remove_file(out.join("initiator.holdings")));
    let last = days.to_string();
    let arguments = [
        &["openings", "--monitor", monitor, "--pact", "pact.json", "--key", "initiator.key"][..],
        &["--anchors", "anchors.toml", "--allow-insecure-software-evidence"],
        &["--last", &last, "--out", "initiator.holdings"],
    ];
    done(own(out, &arguments.concat())?)
}

/// Anybody fetches the whole log with its privacy ledger, while the monitor is there.
pub(super) fn fetch_ledger(monitor: &str, out: &Path) -> Result<(), Fault> {
    let arguments = [
        &["log", "ledger", "--monitor", monitor, "--anchors", "anchors.toml"][..],
        &["--allow-insecure-software-evidence", "--out", "ledger.cbor"],
    ];
    done(own(out, &arguments.concat())?)
}

/// And proves one of the claims once more, without the monitor.
pub(super) fn prove_alone(
    consent: &str,
    days: u64,
    audience: Option<&(Did, [u8; 32])>,
    out: &Path,
) -> Result<(), Fault> {
    let (last, nonce) = (days.to_string(), audience.map(|(_, nonce)| hex::encode(nonce)));
    let mut arguments = [
        &["prove", "--consent", consent, "--first", "1", "--last", &last][..],
        &["--openings", "initiator.holdings", "--pact", "pact.json", "--key", "initiator.key"],
        &["--out", "holder.cbor"],
    ]
    .concat();
    if let Some((nonce, (did, _))) = nonce.as_ref().zip(audience) {
        arguments.extend(["--to", did.as_str(), "--nonce", nonce]);
    }
    done(own(out, &arguments)?)
}

fn done(exit: i32) -> Result<(), Fault> {
    if exit == 0 {
        return Ok(());
    }
    Err(Fault::new("demo-step-failed", "a step of the demo failed", "look at what it says above"))
}

/// Runs this command in a process of its own, in the demo's folder; returns its exit code.
fn own(out: &Path, arguments: &[&str]) -> Result<i32, Fault> {
    let own = std::env::current_exe().map_err(|e| Fault::unreadable(Path::new("self"), &e))?;
    let mut command = Command::new(own);
    command.args(arguments).current_dir(out);
    output::line("");
    output::folded(&format!("$ cloister {}", arguments.join(" ")), 4);
    std::io::stdout().flush().map_err(|e| Fault::unwritable(out, &e))?;
    let status = command.status().map_err(|e| Fault::unreadable(out, &e))?;
    status.code().ok_or_else(strange)
}

/// A witness in a process of its own; it ends with this value.
pub(super) struct Witness {
    child: Child,
    url: String,
}

impl Witness {
    /// Starts one for the log of the demo, and lets the verifier's anchors demand its cosignature.
    pub(super) fn start(out: &Path, anchors: &mut File) -> Result<Self, Fault> {
        let own = std::env::current_exe().map_err(|e| Fault::unreadable(Path::new("self"), &e))?;
        let secret = SigningKey::generate(&mut OsRng);
        key::replace(&out.join("witness.key"), &secret)?;
        // What an earlier demo signed is another log.
        drop(std::fs::remove_dir_all(out.join("witness-state")));
        let mut child = Command::new(own)
            .args(["witness", "--name", NAME, "--key", "witness.key", "--logs", "anchors.toml"])
            .args(["--state", "witness-state", "--listen", "127.0.0.1:0"])
            .current_dir(out)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| Fault::unreadable(out, &e))?;
        let mut line = String::new();
        let said = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let url = line.trim_end().rsplit_once(' ').map(|(_, url)| url.to_owned());
        let mut witness = Self { child, url: String::new() };
        witness.url = url.filter(|_| matches!(said, Some(Ok(_)))).ok_or_else(strange)?;
        let keys = [(NAME.to_owned(), Did::from_key(&secret.public()))].into();
        anchors.0.witnesses = Some(WitnessesDocument { quorum: 1, keys });
        anchors.save(&out.join("anchors.toml"))?;
        Ok(witness)
    }

    /// Has the bundle cosigned while the monitor can prove that its log only grew.
    pub(super) fn cosign(&self, monitor: &str, bundle: &str, out: &Path) -> Result<(), Fault> {
        let arguments = [
            &["cosign", bundle, "--monitor", monitor, "--anchors", "anchors.toml"][..],
            &["--allow-insecure-software-evidence", "--witness", &self.url, "--out", bundle],
        ];
        done(own(out, &arguments.concat())?)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // Ended by its own id, and waited for.
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}

const NAME: &str = "witness.demo.example";
