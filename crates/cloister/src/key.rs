//! `cloister key`: signing keys in files of mode 0600.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use messages::did::Did;
use messages::signature::SigningKey;
use rand_core::OsRng;

use crate::fault::{Fault, read};
use crate::output;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Draw a key, store it, print its DID.
    #[command(after_help = "Example:\n  cloister key new --out agent.key")]
    New {
        /// Where to store the secret key; an existing file is never overwritten.
        #[arg(long, default_value = "cloister.key")]
        out: PathBuf,
    },
    /// Print the DID of a stored key.
    #[command(after_help = "Example:\n  cloister key show agent.key")]
    Show {
        /// The key file.
        key: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Result<ExitCode, Fault> {
    match command {
        Command::New { out } => {
            let key = SigningKey::generate(&mut OsRng);
            store(out, &key)?;
            output::line(Did::from_key(&key.public()).as_str());
        }
        Command::Show { key } => {
            output::line(Did::from_key(&load(key)?.public()).as_str());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Stores a key; refuses to overwrite.
pub(crate) fn store(path: &Path, key: &SigningKey) -> Result<(), Fault> {
    store_secret(path, format!("{HEADER}{}\n", hex::encode(key.expose_seed())).as_bytes())
}

/// Stores what only its owner may read, durably; refuses to overwrite.
pub(crate) fn store_secret(path: &Path, secret: &[u8]) -> Result<(), Fault> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(
            |e| match e.kind() {
                ErrorKind::AlreadyExists => Fault::new(
                    "key-exists",
                    format!("{} exists, and no file is overwritten with a key", path.display()),
                    "name another file with --out",
                ),
                _ => Fault::unwritable(path, &e),
            },
        )?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let stored = file.write_all(secret).and_then(|()| file.sync_all());
    let stored = stored.and_then(|()| std::fs::File::open(folder)?.sync_all());
    stored.map_err(|e| Fault::unwritable(path, &e))
}

/// Stores a key of the demo, whose cast is drawn anew each time.
pub(crate) fn replace(path: &Path, key: &SigningKey) -> Result<(), Fault> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Fault::unwritable(path, &error)),
        _ => store(path, key),
    }
}

/// Loads a stored key.
pub(crate) fn load(path: &Path) -> Result<SigningKey, Fault> {
    let bytes = read(path, 1024)?;
    let seed = core::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_prefix(HEADER))
        .and_then(|digits| hex::decode(digits.trim_end()).ok())
        .and_then(|seed| <[u8; 32]>::try_from(seed).ok());
    seed.map(|seed| SigningKey::from_seed(&seed)).ok_or_else(|| {
        Fault::new(
            "key-malformed",
            format!("{} is not a key file", path.display()),
            "make one with `cloister key new`",
        )
    })
}

const HEADER: &str = "cloister-signing-key/1 ";
