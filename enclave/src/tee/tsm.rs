//! The kernel's one interface to the report of SEV-SNP and the quote of TDX (Linux,
//! `Documentation/ABI/testing/configfs-tsm`): a folder, into which 64 bytes are written and from
//! which evidence is read.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use messages::evidence::{SNP_REPORT_BYTES, Tee};

/// Where the kernel has it.
pub(crate) const ROOT: &str = "/sys/kernel/config/tsm/report";

/// An open entry; its folder goes with it.
pub(crate) struct Tsm {
    entry: PathBuf,
    tee: Tee,
}

/// What the hardware said.
pub(crate) struct Quoted {
    /// The report or the quote.
    pub(crate) report: Vec<u8>,
    /// What its host added: of SEV-SNP, a table of certificates.
    pub(crate) added: Vec<u8>,
}

/// Why there is no evidence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TsmError {
    /// The kernel has no such interface, or no hardware behind it.
    #[error(
        "tee-absent: the kernel offers no evidence of the configured TEE; run the monitor in a \
         confidential VM of that kind, and load tsm and sev-guest or tdx-guest"
    )]
    Absent,
    /// The hardware is of another kind.
    #[error("tee-other: this is a confidential VM of another kind than the configured one")]
    Other,
    /// It did not answer.
    #[error("tee-silent: the hardware gave no evidence; its host may throttle it, so try again")]
    Silent(#[source] io::Error),
    /// It answered something else.
    #[error("tee-malformed: the hardware gave evidence of another shape, or over other data")]
    Malformed,
}

impl Tsm {
    /// Finds the hardware by asking it: a folder that exists says nothing.
    pub(crate) fn open(root: &Path, tee: Tee) -> Result<Self, TsmError> {
        let entry = root.join("cloister");
        match fs::create_dir(&entry) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(TsmError::Absent),
            _ => Ok(()),
        }?;
        let tsm = Self { entry, tee };
        let provider = fs::read_to_string(tsm.entry.join("provider"));
        let provider = provider.map_err(|_| TsmError::Absent)?;
        let found = match provider.trim() {
            "sev_guest" => Tee::Snp,
            "tdx_guest" => Tee::Tdx,
            _ => return Err(TsmError::Absent),
        };
        if found != tee {
            return Err(TsmError::Other);
        }
        tsm.quote(&[0; 64])?;
        Ok(tsm)
    }

    /// Evidence over these 64 bytes. Somebody else who writes in between is noticed by the count
    /// of writes, and then all is asked again.
    pub(crate) fn quote(&self, report_data: &[u8; 64]) -> Result<Quoted, TsmError> {
        let mut last = io::Error::from(ErrorKind::ResourceBusy);
        for _ in 0..TRIES {
            match self.ask(report_data) {
                Ok(Some(quoted)) => return self.checked(quoted, report_data),
                Ok(None) => {}
                Err(error) => last = error,
            }
        }
        Err(TsmError::Silent(last))
    }

    fn ask(&self, report_data: &[u8; 64]) -> io::Result<Option<Quoted>> {
        let before = self.generation()?;
        fs::write(self.entry.join("inblob"), report_data)?;
        let report = self.read("outblob", MOST_QUOTE)?;
        // Where the host adds nothing there is nothing to read.
        let added = self.read("auxblob", MOST_ADDED).unwrap_or_default();
        let once = self.generation()? == before.saturating_add(1);
        Ok(once.then_some(Quoted { report, added }))
    }

    fn generation(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.entry.join("generation"))?;
        text.trim().parse().map_err(|_| ErrorKind::InvalidData.into())
    }

    fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.entry.join(name))?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Is it what was asked for?
    fn checked(&self, quoted: Quoted, report_data: &[u8; 64]) -> Result<Quoted, TsmError> {
        let report = quoted.report.as_slice();
        let bound = match self.tee {
            Tee::Snp if report.len() == SNP_REPORT_BYTES => report.get(SNP_REPORT_DATA..),
            Tee::Snp => None,
            Tee::Tdx => super::td_report(report).and_then(|body| body.get(TD_REPORT_DATA..)),
        };
        let bound = bound.and_then(<[u8]>::first_chunk) == Some(report_data);
        if bound { Ok(quoted) } else { Err(TsmError::Malformed) }
    }
}

impl Drop for Tsm {
    fn drop(&mut self) {
        // The next one takes a folder that stayed.
        drop(fs::remove_dir(&self.entry));
    }
}

/// REPORT_DATA in a report (AMD 56860, table 23), and in a TD report (Intel 348551, table 3.41).
const SNP_REPORT_DATA: usize = 0x50;
const TD_REPORT_DATA: usize = 520;
const TRIES: usize = 3;
const MOST_QUOTE: u64 = 16 * 1024;
const MOST_ADDED: u64 = 64 * 1024;
