//! `cloister attest`: connect, challenge, appraise, and say field by field what was checked.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use messages::did::Did;
use verify::EvidenceClass;

use crate::anchors::File;
use crate::client::Client;
use crate::fault::Fault;
use crate::output;

#[derive(Args)]
#[command(
    after_help = "Example:\n  cloister attest https://127.0.0.1:8443 --anchors anchors.toml\n\nExit codes: 0 appraised; 1 refused; 2 development evidence, which proves no isolation; 3 no answer, unusable input or a wrong command."
)]
pub(crate) struct Arguments {
    /// The monitor: https://host:port.
    url: String,
    /// Your trust anchors: what the monitor must show.
    #[arg(long, default_value = "anchors.toml")]
    anchors: PathBuf,
    /// Accept that the evidence comes from no TEE at all.
    #[arg(long)]
    allow_insecure_software_evidence: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Fault> {
    let file = File::load(&arguments.anchors)?;
    let policy = file.policy(arguments.allow_insecure_software_evidence)?;
    let client = match Client::connect(&arguments.url, &policy) {
        Ok(client) => client,
        Err(fault) => return refused(fault),
    };
    let (appraised, log_key) = (client.appraised(), file.monitor()?.log_key.key());
    let claims = appraised.claims();
    output::line(format!("{}:", arguments.url));
    let checked = |what: &str, value: String| output::line(format!("  {what:<16}{value}"));
    checked("channel", "TLS 1.3; the evidence is bound to this session and its key".into());
    checked("nonce", "answered, drawn for this session".into());
    checked("origin", claims.origin.clone());
    checked("configuration", format!("{}, listed in the anchors", claims.config));
    checked("boot", claims.boot.to_string());
    checked("boot key", Did::from_key(&claims.boot_key).to_string());
    if Some(claims.log_key) != log_key {
        let fault = Fault::new(
            "evidence-other-log-key",
            "the monitor shows another log key than the anchors pin",
            "ask the operator for a proof of succession; without one this is another log",
        );
        output::fault(&fault);
        return Ok(ExitCode::from(1));
    }
    checked("log key", format!("{}, pinned in the anchors", Did::from_key(&claims.log_key)));
    match appraised.class() {
        EvidenceClass::InsecureSoftware => {
            checked("class", output::paint(output::RED, INSECURE));
        }
        EvidenceClass::Hardware => {
            checked("class", output::paint(output::GREEN, "confidential VM"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A monitor that was refused is an answer; a monitor that was not reached is none.
fn refused(fault: Fault) -> Result<ExitCode, Fault> {
    let code = match fault.code.as_str() {
        "software-evidence-refused" => 2,
        code if code.starts_with("evidence-")
            || code.starts_with("certificate-")
            || code.starts_with("snp-")
            || code.starts_with("tdx-")
            || REFUSALS.contains(&code) =>
        {
            1
        }
        _ => return Err(fault),
    };
    output::fault(&fault);
    Ok(ExitCode::from(code))
}

const REFUSALS: &[&str] = &[
    "channel-tls-version",
    "channel-tls",
    "channel-not-http2",
    "channel-exporter-missing",
    "channel-attestation-malformed",
    "unknown-media-type",
    "hardware-evidence-refused",
    "tee-unlisted",
    "not-evidence",
];
const INSECURE: &str = "INSECURE SOFTWARE EVIDENCE: no TEE, good for development only";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart_from_silence() {
        let code = |code: &str| refused(Fault::new(code, "", "")).map_err(|fault| fault.code);
        assert_eq!(code("evidence-wrong-channel").unwrap(), ExitCode::from(1));
        assert_eq!(code("software-evidence-refused").unwrap(), ExitCode::from(2));
        assert_eq!(code("channel-unreachable").unwrap_err(), "channel-unreachable");
    }
}
