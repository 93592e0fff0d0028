//! The report: one line a session, joined to anything by `sid`.

use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::fault::Fault;

/// One session's line.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) sid: String,
    pub(crate) outcome: Outcome,
    pub(crate) first: Option<First>,
    pub(crate) interventions: u64,
}

/// How a session went, as its parties were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Clean,
    Escalated,
    Denied,
    Terminated,
}

/// The first intervention.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct First {
    pub(crate) seq: u64,
    pub(crate) rule: String,
    pub(crate) action: &'static str,
}

impl Line {
    pub(crate) fn clean(sid: &str) -> Self {
        Self { sid: sid.into(), outcome: Outcome::Clean, first: None, interventions: 0 }
    }
}

/// Writes lines to a file that appears only when it is complete.
pub(crate) struct Writer {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    totals: Totals,
}

/// Sessions by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) clean: u64,
    pub(crate) escalated: u64,
    pub(crate) denied: u64,
    pub(crate) terminated: u64,
}

impl Writer {
    pub(crate) fn create(path: &Path) -> Result<Self, Fault> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = File::create(&partial).map_err(|e| Fault::unwritable(path, &e))?;
        let (file, totals) = (BufWriter::new(file), Totals::default());
        Ok(Self { path: path.into(), partial, file, totals })
    }

    pub(crate) fn line(&mut self, line: &Line) -> Result<(), Fault> {
        let count = match line.outcome {
            Outcome::Clean => &mut self.totals.clean,
            Outcome::Escalated => &mut self.totals.escalated,
            Outcome::Denied => &mut self.totals.denied,
            Outcome::Terminated => &mut self.totals.terminated,
        };
        *count = count.saturating_add(1);
        serde_json::to_writer(&mut self.file, line)
            .map_err(std::io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(|e| Fault::unwritable(&self.path, &e))
    }

    pub(crate) fn finish(self) -> Result<Totals, Fault> {
        let Self { path, partial, file, totals } = self;
        let file = file.into_inner().map_err(|e| Fault::unwritable(&path, e.error()))?;
        file.sync_all().map_err(|e| Fault::unwritable(&path, &e))?;
        std::fs::rename(&partial, &path).map_err(|e| Fault::unwritable(&path, &e))?;
        Ok(totals)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clean, escalated, denied, terminated } = self;
        write!(
            f,
            "sessions: {clean} clean, {escalated} escalated, {denied} denied, {terminated} terminated"
        )
    }
}
