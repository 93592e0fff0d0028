//! The journal that a process writes.

use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;

use messages::ids::BootId;
use messages::time::UnixMillis;

use crate::Position;
use crate::disk::{self, wide};
use crate::error::{JournalError, OpenError};
use crate::folder::Folder;
use crate::format::{Header, Kind};
use crate::recovery::{self, Opened, Recovered};
use crate::sealing::SealingKey;
use crate::segment::{Segment, Tail};
use crate::writer::Writer;

/// A running journal: records go in, in order, and are durable after the next commit.
///
/// It holds an exclusive lock on its folder. [`Journal::open`] leads here by way of [`Opened`].
pub struct Journal {
    folder: Folder,
    writer: Writer,
    boot: BootId,
    /// Digest of the newest segment's header.
    digest: [u8; 32],
    /// All that are retained; the last is being written.
    segments: Vec<SegmentInfo>,
}

/// Durable records, in order.
pub struct Stretch {
    segments: Vec<Segment>,
    range: RangeInclusive<u64>,
}

impl Stretch {
    /// Shows them to `visit`, in order, until it has seen enough. Every one is verified again; of a
    /// segment that was read, nothing is kept.
    ///
    /// # Errors
    /// When the disk has changed them.
    pub fn read(
        self,
        visit: &mut dyn FnMut(Position, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let Self { segments, range } = self;
        for segment in segments {
            let read = segment.verify(Tail::Whole, &mut |visited| {
                let position = visited.position;
                let within = range.contains(&position.seq);
                let enough = within && visit(position, visited.record).is_break();
                if enough || position.seq >= *range.end() { Err(Enough(enough)) } else { Ok(()) }
            });
            match read {
                Ok(_) | Err(OpenError::Replay(Enough(false))) => {}
                Err(OpenError::Replay(Enough(true))) => return Ok(()),
                Err(OpenError::Journal(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// One retained segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Numbers run from 1 without a gap, over the journal's whole life.
    pub number: u64,
    /// Sequence number of its first record.
    pub first_seq: u64,
    /// Sequence number of its last record; `first_seq - 1` while it holds none.
    pub last_seq: u64,
    /// When it was begun, by the clock that was handed in.
    pub opened: UnixMillis,
}

impl Journal {
    /// Verifies every retained segment of the journal in `folder`, shows the newest snapshot and
    /// the records after it to `on`, and takes the folder's lock. Makes the folder if there is
    /// none. Changes nothing on the disk but that.
    ///
    /// `on` sees records before the rest of their segment is verified: whatever it built is to be
    /// thrown away unless this returns `Ok`.
    ///
    /// # Errors
    /// When the folder is locked, damaged, sealed by another key or of another origin, and when
    /// `on` refuses what it is shown.
    pub fn open<E>(
        folder: &Path,
        sealing: Box<dyn SealingKey>,
        origin: &str,
        boot: BootId,
        on: &mut dyn FnMut(Recovered<'_>) -> Result<(), E>,
    ) -> Result<Opened, OpenError<E>> {
        let folder = Folder::open(disk::host(), folder, Kind::Journal, origin, sealing)?;
        recovery::recover(folder, boot, on)
    }

    /// Seals a record behind all others and returns its position. Nothing is durable yet.
    ///
    /// # Errors
    /// When the record exceeds 16 MiB, when more than 64 MiB wait for a commit, and after
    /// [`JournalError::NotDurable`].
    pub fn append(&mut self, record: &[u8]) -> Result<Position, JournalError> {
        self.writer.append(record)
    }

    /// Makes everything appended so far durable, by one write and one sync. Nothing may be
    /// acknowledged before this returns `Ok`.
    ///
    /// # Errors
    /// [`JournalError::DiskFull`]: nothing is lost, and the next commit writes the same bytes.
    /// [`JournalError::NotDurable`]: this journal is at its end; recovery decides what is on the
    /// disk.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        self.writer.commit()
    }

    /// Commits, then begins a new segment whose first content is `snapshot`: the state that all
    /// records so far lead to. Recovery will begin there.
    ///
    /// # Errors
    /// As [`commit`](Self::commit). When the disk is full, the old segment stays in use.
    pub fn rotate(&mut self, snapshot: &[u8], now: UnixMillis) -> Result<(), JournalError> {
        self.writer.finish()?;
        let Position { seq, head } = self.writer.position();
        let number = self.newest().saturating_add(1);
        let header = Header {
            kind: Kind::Journal,
            number,
            first_seq: seq.checked_add(1).ok_or(JournalError::NotDurable)?,
            previous_head: head,
            previous_header: self.digest,
            boot: self.boot,
            opened: now,
            oldest: self.writer.oldest(),
            snapshot_bytes: wide(snapshot.len()),
        };
        let created = self.folder.create(&header, snapshot);
        if created.as_ref().is_err_and(JournalError::is_final) {
            self.writer.poison();
        }
        (self.writer, self.digest) = created?;
        if let Some(before) = self.segments.last_mut() {
            before.last_seq = seq;
        }
        let first_seq = header.first_seq;
        self.segments.push(SegmentInfo { number, first_seq, last_seq: seq, opened: now });
        Ok(())
    }

    /// Destroys the keys of all segments before `number`, then the segments; never the newest.
    /// Commits first. Returns how many are gone.
    ///
    /// Destroying means overwriting the wrapped key on a disk that the host may have copied: who
    /// also holds the sealing key can still read the copy.
    ///
    /// # Errors
    /// As [`commit`](Self::commit). What was not destroyed is destroyed by the next call, or at
    /// the next start.
    pub fn forget_before(&mut self, number: u64) -> Result<u64, JournalError> {
        self.writer.is_sound()?;
        let oldest = number.min(self.newest());
        if oldest > self.writer.oldest() {
            self.writer.retain_from(oldest)?;
            // CRASH POINT: recovery reads that nothing before `oldest` is retained and destroys
            // what is left of it.
            crash_point!("forget-recorded");
        }
        let oldest = self.writer.oldest();
        let mut gone = 0_u64;
        while let Some(segment) = self.segments.first().filter(|s| s.number < oldest) {
            self.folder.destroy(segment.number)?;
            self.segments.remove(0);
            gone = gone.saturating_add(1);
        }
        if gone > 0 {
            self.folder.sync_folder()?;
        }
        Ok(gone)
    }

    /// Shows the durable records with the numbers in `range` to `visit`, in order. Every one is
    /// verified again.
    ///
    /// # Errors
    /// When some of them are not retained or not durable yet, and when the disk has changed them.
    pub fn read(
        &self,
        range: RangeInclusive<u64>,
        visit: &mut dyn FnMut(Position, &[u8]),
    ) -> Result<(), JournalError> {
        self.stretch(range)?.read(&mut |position, record| {
            visit(position, record);
            ControlFlow::Continue(())
        })
    }

    /// The durable records with the numbers in `range`, to be read apart from the journal, which
    /// goes on meanwhile. Segments that are forgotten before they were read stay readable here.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn stretch(&self, range: RangeInclusive<u64>) -> Result<Stretch, JournalError> {
        self.writer.is_sound()?;
        let first = self.segments.first().map_or(1, |segment| segment.first_seq);
        let last = self.writer.durable().seq;
        if *range.start() < first || *range.end() > last {
            return Err(JournalError::NotRetained { first, last });
        }
        let touched = |segment: &SegmentInfo| {
            segment.last_seq >= *range.start() && segment.first_seq <= *range.end()
        };
        let open = |segment: SegmentInfo| {
            let is_newest = segment.number == self.newest();
            let limit = if is_newest { self.writer.durable_bytes() } else { u64::MAX };
            self.folder.segment(segment.number, limit)
        };
        let segments = self.segments().into_iter().filter(touched).map(open);
        Ok(Stretch { segments: segments.collect::<Result<_, _>>()?, range })
    }

    /// Position of the last record appended, durable or not.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.writer.position()
    }

    /// Position of the last record that is durable.
    #[must_use]
    pub const fn durable(&self) -> Position {
        self.writer.durable()
    }

    /// Bytes that wait for a commit.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.writer.pending()
    }

    /// The segments that are retained, oldest first; the last is being written.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let mut segments = self.segments.clone();
        if let Some(newest) = segments.last_mut() {
            newest.last_seq = self.writer.durable().seq;
        }
        segments
    }

    pub(crate) const fn begun(
        folder: Folder,
        writer: Writer,
        boot: BootId,
        digest: [u8; 32],
        segments: Vec<SegmentInfo>,
    ) -> Self {
        Self { folder, writer, boot, digest, segments }
    }

    fn newest(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.number)
    }
}

/// All that were asked for are read, or whoever reads has seen enough.
struct Enough(bool);
