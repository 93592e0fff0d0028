//! A sealing key that anybody with the file can read: for development.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::rand;
use messages::domain;
use messages::evidence::INSECURE_ORIGIN_PREFIX;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::sealing::{SealError, SealingKey};
use crate::wrapping::WrappingKey;

/// A sealing key in a file of 32 random bytes that only its owner may read.
///
/// It protects nothing from the host, so it exists for origins that begin with
/// [`INSECURE_ORIGIN_PREFIX`] and for no others.
pub struct InsecureSealing(WrappingKey);

impl InsecureSealing {
    /// Reads the key in `path`, or draws one and writes it there.
    ///
    /// # Errors
    /// When `origin` is not a development origin, or when the file is out of reach, has another
    /// length, or may be read by others than its owner.
    pub fn open_or_create(path: &Path, origin: &str) -> Result<Self, SealingFileError> {
        if !origin.starts_with(INSECURE_ORIGIN_PREFIX) {
            return Err(SealingFileError::OriginNotInsecure);
        }
        let bytes = match File::open(path) {
            Ok(file) => read(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(error.into()),
        };
        let key = WrappingKey::new(&bytes, domain::INSECURE_SEALING);
        key.map(Self).map_err(|_| SealingFileError::Malformed)
    }
}

impl SealingKey for InsecureSealing {
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
        self.0.wrap(context, key)
    }

    fn unwrap(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<[u8; 32]>, SealError> {
        self.0.unwrap(context, sealed)
    }
}

fn read(file: File) -> Result<Zeroizing<[u8; 32]>, SealingFileError> {
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        return Err(SealingFileError::ReadableByOthers);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    file.take(33).read_to_end(&mut bytes)?;
    let key = bytes.as_slice().try_into().map_err(|_| SealingFileError::Malformed)?;
    Ok(Zeroizing::new(key))
}

fn create(path: &Path) -> Result<Zeroizing<[u8; 32]>, SealingFileError> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(key.as_mut_slice()).map_err(|_| SealingFileError::NoRandomness)?;
    // CRASH: under its name the key is whole or not there; what a crash leaves beside it is
    // written over.
    let next = path.with_extension("next");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
    file.write_all(key.as_slice())?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    Ok(key)
}

/// Why a sealing file cannot serve.
#[derive(Debug, Error)]
pub enum SealingFileError {
    /// The operating system refused.
    #[error("cannot use the sealing file: {0}")]
    Io(#[from] io::Error),
    /// Not 32 bytes.
    #[error("the sealing file is not 32 bytes long")]
    Malformed,
    /// No random bytes to be had.
    #[error("no random bytes")]
    NoRandomness,
    /// The origin does not admit that it is insecure.
    #[error("a sealing file is only for origins that begin with insecure-dev/")]
    OriginNotInsecure,
    /// Others may read the file.
    #[error("the sealing file may be read by others than its owner")]
    ReadableByOthers,
}

impl SealingFileError {
    /// A stable name.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "sealing-file-io",
            Self::Malformed => "sealing-file-malformed",
            Self::NoRandomness => "sealing-file-no-randomness",
            Self::OriginNotInsecure => "sealing-file-origin-not-insecure",
            Self::ReadableByOthers => "sealing-file-readable-by-others",
        }
    }

    /// What the operator does about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Io(_) => "check the file's folder, owner and permissions",
            Self::Malformed => "restore the file from a copy; without it the journal is lost",
            Self::NoRandomness => "restart; the platform's generator did not answer",
            Self::OriginNotInsecure => {
                "rename the origin for development, or seal with the platform's key"
            }
            Self::ReadableByOthers => "chmod 600 the file",
        }
    }
}

#[cfg(test)]
mod tests {
    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(InsecureSealing: std::fmt::Debug, Clone);

    fn sealing(folder: &Path, name: &str) -> InsecureSealing {
        InsecureSealing::open_or_create(&folder.join(name), "insecure-dev/test").unwrap()
    }

    #[test]
    fn unwraps_what_the_same_file_wrapped() {
        let folder = tempfile::tempdir().unwrap();
        let wrapped = sealing(folder.path(), "a").wrap(b"here", &[7; 32]).unwrap();
        assert_eq!(*sealing(folder.path(), "a").unwrap(b"here", &wrapped).unwrap(), [7; 32]);
    }

    #[test]
    fn refuses_what_another_file_wrapped() {
        let folder = tempfile::tempdir().unwrap();
        let wrapped = sealing(folder.path(), "a").wrap(b"here", &[7; 32]).unwrap();
        let other = sealing(folder.path(), "b");
        assert_eq!(other.unwrap(b"here", &wrapped).unwrap_err(), SealError::AnotherKey);
    }

    #[test]
    fn refuses_origins_that_do_not_admit_to_be_insecure() {
        let folder = tempfile::tempdir().unwrap();
        let error = InsecureSealing::open_or_create(&folder.path().join("a"), "monitor.example")
            .err()
            .unwrap();
        assert_eq!(error.code(), "sealing-file-origin-not-insecure");
        assert!(!folder.path().join("a").exists());
    }

    #[test]
    fn file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        sealing(folder.path(), "a");
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640).unwrap();
        let again = || InsecureSealing::open_or_create(&path, "insecure-dev/test").err();
        assert_eq!(again().unwrap().code(), "sealing-file-readable-by-others");
        fs::write(&path, [1; 31]).unwrap();
        mode(0o600).unwrap();
        assert_eq!(again().unwrap().code(), "sealing-file-malformed");
    }
}
