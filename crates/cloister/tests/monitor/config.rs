//! What a development monitor of these tests is started from.

use std::path::{Path, PathBuf};

pub(crate) const FLAG: &str = "--allow-insecure-software-evidence";

/// A configuration with this name and clock, and with more at its end.
pub(crate) fn config(name: &str, port: u16, clock: &str, more: &str) -> String {
    format!(
        r#"
origin = "insecure-dev/{name}.cloister.example"
tee = "insecure-software"
sealing = "insecure-file"
listen = "127.0.0.1:{port}"
epoch_ms = 86400000
max_pacts = 4
max_sessions = 100
idle_ms = 3600000
[clock]
{clock}
[privacy]
cap_nano_rho = 400000000
price_nano_rho = 100000000
sessions = 1
cells = 4
horizon_days = 365
{more}"#
    )
}

pub(crate) fn cloisterd() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_cloister")).with_file_name("cloisterd")
}
