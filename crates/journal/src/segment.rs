//! A segment that was written before: verified from its first byte to its last.

use std::io;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::Position;
use crate::disk::{DiskFile, narrow, wide};
use crate::error::{JournalError, OpenError};
use crate::format::{
    GroupHeader, Header, LENGTH, MAX_SNAPSHOT, SECTOR, chunk_bytes, chunks, groups_at,
    header_digest,
};
use crate::frame::{Sealer, frame_length};
use crate::keys::{SegmentKeys, TAG};
use crate::window::Window;

/// A segment whose header is authentic.
pub(crate) struct Segment {
    pub(crate) header: Header,
    /// What the next segment's header names.
    pub(crate) digest: [u8; 32],
    pub(crate) sealer: Sealer,
    pub(crate) file: Box<dyn DiskFile>,
    /// Bytes of the file that are looked at.
    bytes: u64,
}

/// Whether the end of a file may be torn: only what nobody went on from can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    MayBeTorn,
    Whole,
}

/// One authentic record.
pub(crate) struct Visited<'a> {
    pub(crate) position: Position,
    /// Where its frame begins.
    pub(crate) offset: u64,
    pub(crate) record: &'a [u8],
}

/// Where a segment ends.
#[derive(Clone, Copy)]
pub(crate) struct End {
    /// Of the last record.
    pub(crate) position: Position,
    /// Length of what is authentic.
    pub(crate) bytes: u64,
    /// Length of the torn group behind it, which nobody was told of.
    pub(crate) torn: u64,
    /// Where the last whole group begins, if there is one.
    pub(crate) last_group: Option<u64>,
}

impl Segment {
    /// Reads the header. At most `limit` bytes of the file are looked at.
    pub(crate) fn new(
        expected: (crate::format::Kind, u64),
        origin: &str,
        keys: SegmentKeys,
        file: Box<dyn DiskFile>,
        limit: u64,
    ) -> Result<Self, JournalError> {
        let (kind, number) = expected;
        let damaged = JournalError::Damaged { segment: number, offset: 0, what: "header" };
        let bytes = file.len().map_err(JournalError::io("read a segment"))?.min(limit);
        let mut window = Window::exact(file.as_ref(), bytes);
        let begin = window.bytes(0, Header::BYTES).map_err(|_| damaged)?;
        let begin: &[u8; Header::BYTES] = begin.try_into().map_err(|_| damaged)?;
        let digest = header_digest(begin);
        let header = Header::decode(kind, number, origin, &keys, begin).ok_or(damaged)?;
        let sealer = Sealer::new(kind, keys, header.place(origin), digest);
        let segment = Self { header, digest, sealer, file, bytes };
        let fits = segment.header.snapshot_bytes <= MAX_SNAPSHOT && segment.groups_at() <= bytes;
        if fits { Ok(segment) } else { Err(segment.damaged(wide(Header::BYTES), "snapshot")) }
    }

    /// Hands the snapshot to `visit`, chunk by chunk, each authentic.
    pub(crate) fn read_snapshot(&self, visit: &mut dyn FnMut(&[u8])) -> Result<(), JournalError> {
        let total = self.header.snapshot_bytes;
        let mut window = Window::new(self.file.as_ref(), self.bytes);
        let mut plain = Zeroizing::new(Vec::new());
        let mut at = wide(Header::BYTES);
        for chunk in 0..chunks(total) {
            let clear = narrow(chunk_bytes(total, chunk));
            let sealed = self.read(&mut window, at, clear.saturating_add(TAG))?;
            plain.resize(clear, 0);
            self.sealer
                .open_chunk(chunk, total, sealed, &mut plain)
                .ok_or_else(|| self.damaged(at, "snapshot"))?;
            visit(&plain);
            at = at.saturating_add(wide(sealed.len()));
        }
        let padding = self.read(&mut window, at, narrow(self.groups_at().saturating_sub(at)))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(self.damaged(at, "snapshot"));
        }
        Ok(())
    }

    /// Number of the oldest segment that is retained, by the newest group that says so. Reads
    /// the headers of groups alone; whatever is wrong otherwise, [`verify`](Self::verify) finds.
    pub(crate) fn oldest(&self) -> Result<u64, JournalError> {
        let mut window = Window::new(self.file.as_ref(), self.bytes);
        let (mut at, mut oldest) = (self.groups_at(), self.header.oldest);
        while let Some(group) = self.group(&mut window, at)? {
            oldest = oldest.max(group.oldest);
            at = group_end(at, &group);
        }
        Ok(oldest)
    }

    /// Verifies every group and hands every record to `visit`, in order. The records of a torn
    /// group are not shown.
    pub(crate) fn verify<E>(
        &self,
        tail: Tail,
        visit: &mut dyn FnMut(Visited<'_>) -> Result<(), E>,
    ) -> Result<End, OpenError<E>> {
        let mut window = Window::new(self.file.as_ref(), self.bytes);
        let mut plain = Zeroizing::new(Vec::new());
        let seq = self.header.first_seq.saturating_sub(1);
        let mut end = End {
            position: Position { seq, head: self.header.previous_head },
            bytes: self.groups_at(),
            torn: 0,
            last_group: None,
        };
        let mut number = 0_u64;
        while let Some(group) = self.group(&mut window, end.bytes)? {
            let in_order =
                group.number == number && group.first_seq == end.position.seq.saturating_add(1);
            if !in_order {
                return Err(self.damaged(end.bytes, "order of groups").into());
            }
            let (begin, after) = (end.bytes, group_end(end.bytes, &group));
            let mut at = begin.saturating_add(wide(GroupHeader::BYTES));
            for _ in 0..group.records {
                let (position, next) =
                    self.record(&mut window, (at, after), end.position, &mut plain)?;
                end.position = position;
                visit(Visited { position, offset: at, record: &plain })
                    .map_err(OpenError::Replay)?;
                at = next;
            }
            let padding = self.read(&mut window, at, narrow(after.saturating_sub(at)))?;
            if padding.len() >= narrow(SECTOR) || padding.iter().any(|byte| *byte != 0) {
                return Err(self.damaged(at, "length of a group").into());
            }
            (end.bytes, end.last_group) = (after, Some(begin));
            number = number.saturating_add(1);
        }
        let beyond = self.bytes.saturating_sub(end.bytes);
        if beyond > 0 && tail == Tail::Whole {
            return Err(self.damaged(end.bytes, "group cut short").into());
        }
        let unused = window.is_zero_from(end.bytes).map_err(JournalError::io("read a segment"))?;
        end.torn = if unused { 0 } else { beyond };
        Ok(end)
    }

    /// Opens the record whose frame begins at `offset`. For runs, whose records are not chained.
    pub(crate) fn record_at(
        &self,
        seq: u64,
        offset: u64,
    ) -> Result<Zeroizing<Vec<u8>>, JournalError> {
        let mut window = Window::exact(self.file.as_ref(), self.bytes);
        let mut plain = Zeroizing::new(Vec::new());
        let before = Position { seq: seq.saturating_sub(1), head: [0; 32] };
        self.record(&mut window, (offset, self.bytes), before, &mut plain)?;
        Ok(plain)
    }

    /// Where the first group begins.
    pub(crate) fn groups_at(&self) -> u64 {
        groups_at(self.header.snapshot_bytes)
    }

    /// Opens the record behind `before`, whose frame begins at `at.0` and may reach to `at.1`.
    fn record(
        &self,
        window: &mut Window<'_>,
        at: (u64, u64),
        before: Position,
        plain: &mut Zeroizing<Vec<u8>>,
    ) -> Result<(Position, u64), JournalError> {
        let (offset, limit) = at;
        let damaged = || self.damaged(offset, "record");
        let begin = self.read(window, offset, LENGTH)?;
        let begin = begin.first_chunk::<LENGTH>().ok_or_else(damaged)?;
        let length = frame_length(*begin).ok_or_else(damaged)?;
        let next = offset.saturating_add(wide(length));
        if next > limit {
            return Err(damaged());
        }
        let frame = self.read(window, offset, length)?;
        let seq = before.seq.checked_add(1).ok_or_else(damaged)?;
        let head = self.sealer.open(seq, &before.head, frame, plain).ok_or_else(damaged)?;
        Ok((Position { seq, head }, next))
    }

    /// The authentic header of a whole group at `at`; none where the file ends, whole or torn.
    ///
    /// A group is torn when it is the last and did not reach the disk as a whole: the file ends
    /// inside it, or what is missing is zero, its last tag or a sector of it. Either is zero by
    /// chance once in 2^128. Anything else that is not authentic is damage.
    fn group(&self, window: &mut Window<'_>, at: u64) -> Result<Option<GroupHeader>, JournalError> {
        if self.bytes.saturating_sub(at) < wide(GroupHeader::BYTES) {
            return Ok(None);
        }
        let header = self.read(window, at, GroupHeader::BYTES)?;
        let header = header.try_into().ok().and_then(|bytes| self.sealer.open_group(bytes));
        let torn = match &header {
            Some(header) if group_end(at, header) > self.bytes => Ok(true),
            Some(header) => self.is_torn(window, at, header),
            None => self.never_came(window, at),
        };
        match (header, torn.map_err(JournalError::io("read a segment"))?) {
            (_, true) => Ok(None),
            (Some(header), false) => Ok(Some(header)),
            (None, false) => Err(self.damaged(at, "group header")),
        }
    }

    /// Is a part of the group at `at` missing, and nothing behind it?
    fn is_torn(&self, window: &mut Window<'_>, at: u64, header: &GroupHeader) -> io::Result<bool> {
        let after = group_end(at, header);
        // The next group begins with its magic bytes.
        if after < self.bytes && window.peek::<1>(after)? != [0] {
            return Ok(false);
        }
        let last_tag = frames_end(at, header).saturating_sub(wide(TAG));
        if window.peek::<TAG>(last_tag)? == [0; TAG] && window.is_zero_from(last_tag)? {
            return Ok(true);
        }
        Ok(window.is_zero_from(after)? && Self::has_zero_sector(window, at..after)?)
    }

    /// Is the group's first sector missing at `at`, and no group behind it?
    fn never_came(&self, window: &mut Window<'_>, at: u64) -> io::Result<bool> {
        // A process that ended in the midst of writing leaves the beginning of a header.
        let last_tag = at.saturating_add(wide(GroupHeader::BYTES.saturating_sub(TAG)));
        if window.peek::<TAG>(last_tag)? == [0; TAG] && window.is_zero_from(last_tag)? {
            return Ok(true);
        }
        let first = at.saturating_add(SECTOR).min(self.bytes);
        if !Self::has_zero_sector(window, at..first)? {
            return Ok(false);
        }
        let mut next = first;
        while self.bytes.saturating_sub(next) >= wide(GroupHeader::BYTES) {
            let header = window.bytes(next, GroupHeader::BYTES)?;
            if header.try_into().is_ok_and(|bytes| self.sealer.open_group(bytes).is_some()) {
                return Ok(false);
            }
            next = next.saturating_add(SECTOR);
        }
        Ok(true)
    }

    fn has_zero_sector(window: &mut Window<'_>, mut span: Range<u64>) -> io::Result<bool> {
        while !span.is_empty() {
            let count = SECTOR.min(span.end.saturating_sub(span.start));
            if window.bytes(span.start, narrow(count))?.iter().all(|byte| *byte == 0) {
                return Ok(true);
            }
            span.start = span.start.saturating_add(count);
        }
        Ok(false)
    }

    fn read<'w>(
        &self,
        window: &'w mut Window<'_>,
        at: u64,
        count: usize,
    ) -> Result<&'w [u8], JournalError> {
        window.bytes(at, count).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged(at, "end of file"),
            _ => JournalError::io("read a segment")(error),
        })
    }

    pub(crate) const fn damaged(&self, offset: u64, what: &'static str) -> JournalError {
        JournalError::Damaged { segment: self.header.number, offset, what }
    }
}

/// Where the group after this one begins.
fn group_end(at: u64, group: &GroupHeader) -> u64 {
    frames_end(at, group).checked_next_multiple_of(SECTOR).unwrap_or(u64::MAX)
}

fn frames_end(at: u64, group: &GroupHeader) -> u64 {
    at.saturating_add(wide(GroupHeader::BYTES)).saturating_add(group.bytes)
}
