//! Records that are kept for good and read in any order.

use std::path::Path;

use messages::ids::BootId;
use messages::time::UnixMillis;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::Position;
use crate::disk::{self, wide};
use crate::error::JournalError;
use crate::folder::Folder;
use crate::format::{GroupHeader, Header, Kind};
use crate::recovery::all;
use crate::sealing::SealingKey;
use crate::segment::Tail;
use crate::writer::Writer;

/// An append-only list of records with an index in memory (eight bytes each).
///
/// It is a sequence of runs: each process that appends begins one, with a fresh key. A run's torn
/// end is cut when the archive is opened; whoever feeds it from a journal appends the rest again,
/// from [`len`](Self::len) on.
pub struct Archive {
    folder: Folder,
    /// Where the frame of each durable record begins, in its run.
    offsets: Vec<u64>,
    /// The runs that hold records, by the index of their first.
    runs: Vec<Run>,
    open: Option<Writer>,
    /// Set when it is unknown whether a run was begun.
    is_broken: bool,
    /// What a run of this process goes on from.
    end: Position,
    next_run: u64,
    previous_header: [u8; 32],
    /// Offsets of the records that wait for a sync.
    waiting: Vec<u64>,
    /// The same records in clear, so that they can be read.
    clear: Vec<Zeroizing<Vec<u8>>>,
}

/// A run, and the index of its first record.
#[derive(Clone, Copy)]
struct Run {
    number: u64,
    first: u64,
}

impl Archive {
    /// Verifies every record in `folder` and takes the folder's lock. Makes the folder if there is
    /// none, and cuts a torn end.
    ///
    /// # Errors
    /// When the folder is locked, damaged, sealed by another key or of another origin.
    pub fn open(
        folder: &Path,
        sealing: Box<dyn SealingKey>,
        origin: &str,
    ) -> Result<Self, ArchiveError> {
        let folder = Folder::open(disk::host(), folder, Kind::Archive, origin, sealing)?;
        Ok(Self::recover(folder)?)
    }

    pub(crate) fn recover(folder: Folder) -> Result<Self, JournalError> {
        let contents = folder.contents()?;
        contents.whole_from(1)?;
        let mut archive = Self {
            folder,
            offsets: Vec::new(),
            runs: Vec::new(),
            open: None,
            is_broken: false,
            end: Position::GENESIS,
            next_run: 1,
            previous_header: [0; 32],
            waiting: Vec::new(),
            clear: Vec::new(),
        };
        let newest = contents.segments.last().copied();
        for number in contents.segments.iter().copied() {
            archive.read_run(number, Some(number) == newest)?;
        }
        for left in contents.unfinished.iter().chain(contents.keys.range(archive.next_run..)) {
            archive.folder.discard(*left)?;
        }
        Ok(archive)
    }

    fn read_run(&mut self, number: u64, is_newest: bool) -> Result<(), JournalError> {
        let run = self.folder.segment(number, u64::MAX)?;
        let header = &run.header;
        if header.previous_header != self.previous_header
            || header.previous_head != self.end.head
            || Some(header.first_seq) != self.end.seq.checked_add(1)
        {
            return Err(run.damaged(0, "order of runs"));
        }
        run.read_snapshot(&mut |_| {})?;
        let tail = if is_newest { Tail::MayBeTorn } else { Tail::Whole };
        let first = self.len();
        let end = all(run.verify(tail, &mut |visited| {
            self.offsets.push(visited.offset);
            Ok(())
        }))?;
        if is_newest {
            self.folder.mend(number, end.last_group, end.bytes)?;
        }
        self.runs.push(Run { number, first });
        (self.end, self.previous_header) = (end.position, run.digest);
        self.next_run = number.checked_add(1).ok_or(JournalError::NotDurable)?;
        Ok(())
    }

    /// Seals a record behind all others and returns its index, from 0. It is durable after the
    /// next [`sync`](Self::sync), or after one that this does by itself when a megabyte waits.
    ///
    /// # Errors
    /// As [`sync`](Self::sync), and when the record exceeds 16 MiB. It is then not appended.
    pub fn append(&mut self, record: &[u8]) -> Result<u64, ArchiveError> {
        if self.open.as_ref().is_some_and(|writer| writer.pending() >= WAITING) {
            self.sync()?;
        }
        let mut writer = match self.open.take() {
            Some(writer) => writer,
            None => self.begin_run()?,
        };
        let begin = wide(GroupHeader::BYTES).saturating_add(wide(writer.pending()));
        let offset = writer.durable_bytes().saturating_add(begin);
        let appended = writer.append(record);
        self.open = Some(writer);
        appended?;
        let index = self.len();
        self.waiting.push(offset);
        self.clear.push(Zeroizing::new(record.to_vec()));
        Ok(index)
    }

    /// Makes every record appended so far durable.
    ///
    /// # Errors
    /// As [`Journal::commit`](crate::Journal::commit).
    pub fn sync(&mut self) -> Result<(), ArchiveError> {
        if let Some(writer) = &mut self.open {
            writer.commit()?;
            self.offsets.append(&mut self.waiting);
            self.clear.clear();
        }
        Ok(())
    }

    /// Reads the record at `index`, durable or not. It is verified again.
    ///
    /// # Errors
    /// When there is none, and when the disk has changed it.
    pub fn get(&self, index: u64) -> Result<Vec<u8>, ArchiveError> {
        let (durable, last) = (wide(self.offsets.len()), self.len());
        if index >= last {
            return Err(JournalError::NotRetained { first: 0, last: last.saturating_sub(1) }.into());
        }
        if let Some(waiting) = index.checked_sub(durable) {
            let record = self.clear.get(disk::narrow(waiting)).ok_or(JournalError::NotDurable)?;
            return Ok(record.to_vec());
        }
        let offset = self.offsets.get(disk::narrow(index)).ok_or(JournalError::NotDurable)?;
        let after = self.runs.partition_point(|run| run.first <= index);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at));
        let run = self.folder.segment(run.ok_or(JournalError::NotDurable)?.number, u64::MAX)?;
        let seq = index.checked_add(1).ok_or(JournalError::NotDurable)?;
        Ok(run.record_at(seq, *offset)?.to_vec())
    }

    /// Number of records, durable or not.
    #[must_use]
    pub fn len(&self) -> u64 {
        wide(self.offsets.len()).saturating_add(wide(self.waiting.len()))
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn begin_run(&mut self) -> Result<Writer, JournalError> {
        let header = Header {
            kind: Kind::Archive,
            number: self.next_run,
            first_seq: self.end.seq.checked_add(1).ok_or(JournalError::NotDurable)?,
            previous_head: self.end.head,
            previous_header: self.previous_header,
            boot: BootId::default(),
            opened: UnixMillis(0),
            oldest: 1,
            snapshot_bytes: 0,
        };
        if self.is_broken {
            return Err(JournalError::NotDurable);
        }
        let created = self.folder.create(&header, &[]);
        self.is_broken = created.as_ref().is_err_and(JournalError::is_final);
        let (writer, _) = created?;
        self.runs.push(Run { number: header.number, first: self.len() });
        Ok(writer)
    }
}

/// Why an archive cannot be opened, written or read: as for a journal, under its own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct ArchiveError(#[from] JournalError);

impl ArchiveError {
    /// A stable name for tables, alerts and tests.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.0 {
            JournalError::Damaged { .. } => "archive-damaged",
            JournalError::DiskFull => "archive-disk-full",
            JournalError::GroupFull { .. } => "archive-group-full",
            JournalError::Io { .. } => "archive-io",
            JournalError::Locked => "archive-locked",
            JournalError::NotDurable => "archive-not-durable",
            JournalError::NotRetained { .. } => "archive-no-such-record",
            JournalError::OtherOrigin => "archive-of-another-origin",
            JournalError::SealedByAnotherKey { .. } => "archive-sealed-by-another-key",
            JournalError::SealingUnavailable => "archive-sealing-unavailable",
            JournalError::TooLarge { .. } => "archive-record-too-large",
        }
    }

    /// What the operator does about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self.0 {
            JournalError::NotRetained { .. } => "ask for a record that was appended",
            other => other.remedy(),
        }
    }

    /// What happened.
    #[must_use]
    pub const fn cause(&self) -> &JournalError {
        &self.0
    }
}

/// So many bytes wait for a sync at most, and one record.
const WAITING: usize = 1 << 20;
