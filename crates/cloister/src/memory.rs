//! The folder of a program that must never forget what it said: of a witness, of a dealer.

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::fault::Fault;

/// A folder that nobody else remembers in.
pub(crate) struct Memory {
    folder: PathBuf,
    /// Held as long as this is.
    _lock: File,
}

impl Memory {
    /// Opens a folder, and makes it where there is none. Two programs over one memory would each
    /// say what the other must not.
    pub(crate) fn open(folder: &Path) -> Result<Self, Fault> {
        std::fs::create_dir_all(folder).map_err(|e| Fault::unwritable(folder, &e))?;
        let path = folder.join("lock");
        let lock = File::create(&path).map_err(|e| Fault::unwritable(&path, &e))?;
        lock.try_lock().map_err(|_| {
            Fault::new(
                "state-in-use",
                format!("another program remembers in {}", folder.display()),
                "stop it, or give this one a state folder of its own",
            )
        })?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// The file of a log, whatever its name contains.
    pub(crate) fn of(&self, origin: &str, extension: &str) -> PathBuf {
        self.folder.join(hex::encode(Sha256::digest(origin))).with_extension(extension)
    }
}
