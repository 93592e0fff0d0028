//! `cloisterd check-config`: reads a configuration as the monitor would, and says what it says.
//! It opens no socket, no state folder and no TEE, so it runs on any machine.

use std::io;
use std::path::Path;

use messages::evidence::INSECURE_ORIGIN_PREFIX;

use crate::config::{ClockValues, Config, ConfigError, SealingKind, TeeKind};

/// Why a configuration file does not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error("config-unreadable: {0}; check the path and its permissions")]
    Unreadable(io::ErrorKind),
    #[error("{0}")]
    Refused(#[from] ConfigError),
}

/// Returns a summary of the configuration in `file` for a person.
pub(crate) fn check(file: &Path) -> Result<String, CheckError> {
    let bytes = std::fs::read(file).map_err(|e| CheckError::Unreadable(e.kind()))?;
    Ok(summary(&Config::parse(&bytes)?))
}

/// Returns the privacy card of the configuration in `file`, and the noise to expect at these
/// numbers of sessions a day.
pub(crate) fn privacy(file: &Path, volumes: &[u64]) -> Result<String, CheckError> {
    let bytes = std::fs::read(file).map_err(|e| CheckError::Unreadable(e.kind()))?;
    let terms = Config::parse(&bytes)?.values.terms();
    Ok(format!("{}\n{}", terms.card(), terms.plan(volumes)))
}

fn summary(config: &Config) -> String {
    let values = &config.values;
    let operator = values.operator.map_or_else(|| "nowhere".into(), |at| at.to_string());
    let clock = match &values.clock {
        ClockValues::Generated { start_ms, step_ms } => {
            format!("generated: from {start_ms} ms, {step_ms} ms an event")
        }
        ClockValues::Host => "the host's, at start".into(),
        ClockValues::Witnessed { quorum, .. } => {
            format!("{quorum} of {} witnesses", values.witnesses.len())
        }
    };
    let tee = match values.tee {
        TeeKind::InsecureSoftware => "none, software evidence",
        TeeKind::SevSnp => "sev-snp",
        TeeKind::Tdx => "tdx",
    };
    let sealing = match values.sealing {
        SealingKind::DerivedKey => "a key of this image on this chip",
        SealingKind::InsecureFile => "a key in a file beside the journal",
        SealingKind::Custodians => "nothing but a key that custodians share",
    };
    let custody = values.custody().map_or_else(
        || "nobody: this state is lost with this machine, and with any change of it".to_owned(),
        |terms| format!("{} of {} custodians", terms.quorum, terms.custodians.len()),
    );
    let privacy = &values.privacy;
    let lines = [
        ("digest", config.digest.to_string()),
        ("origin", values.origin.clone()),
        ("tee", tee.into()),
        ("sealing", sealing.into()),
        ("recovery", custody),
        ("parties", values.listen.to_string()),
        ("operator", operator),
        ("clock", clock),
        ("epoch", format!("{} ms", values.epoch_ms)),
        ("bounds", format!("{} pacts, {} sessions", values.max_pacts, values.max_sessions)),
        ("idle", format!("{} ms", values.idle_ms)),
        (
            "privacy",
            format!(
                "{} nano-ρ a pact and day, {} a statistic",
                privacy.cap_nano_rho, privacy.price_nano_rho
            ),
        ),
        ("pinned keys", values.keys.len().to_string()),
    ];
    let lines = lines.map(|(name, value)| format!("{name:<12} {value}\n"));
    let mut text = lines.concat();
    if values.origin.starts_with(INSECURE_ORIGIN_PREFIX) {
        text.push_str(DEVELOPMENT);
    }
    text
}

const DEVELOPMENT: &str = "\
warning      for development: whoever administers the machine can read and change everything,
             and no verifier accepts this monitor by default\n";
