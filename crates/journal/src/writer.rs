//! The segment that is being written: records are sealed into memory, then committed together.

use crate::Position;
use crate::disk::{DiskFile, narrow, wide, write_all};
use crate::error::JournalError;
use crate::format::{GroupHeader, MAX_GROUP, MAX_RECORD, SECTOR};
use crate::frame::{Sealer, frame_bytes};

/// Appends to one segment that this process began.
pub(crate) struct Writer {
    sealer: Sealer,
    file: Box<dyn DiskFile>,
    /// Length of the file that is durable, without what is reserved.
    durable_bytes: u64,
    /// Zeros are written ahead in steps of so many bytes: a sync that finds the length of the file
    /// as it was has half as much to do.
    ahead: u64,
    /// Length of the file with the zeros that are known to be there.
    reserved: u64,
    durable: Position,
    /// Room for a group's header, then the frames since the last commit.
    group: Vec<u8>,
    records: u64,
    position: Position,
    groups: u64,
    oldest: u64,
    state: State,
}

/// Whether the disk kept all its promises so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// A write failed in a way that leaves unknown what is on the disk.
    Poisoned,
}

impl Writer {
    /// Goes on behind the `bytes` that are durable, `ahead` bytes at a time.
    pub(crate) fn new(
        sealer: Sealer,
        file: Box<dyn DiskFile>,
        (bytes, ahead): (u64, u64),
        position: Position,
        oldest: u64,
    ) -> Self {
        Self {
            sealer,
            file,
            durable_bytes: bytes,
            ahead,
            reserved: bytes,
            durable: position,
            group: vec![0; GroupHeader::BYTES],
            records: 0,
            position,
            groups: 0,
            oldest,
            state: State::Sound,
        }
    }

    /// Seals a record into the open group.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<Position, JournalError> {
        self.is_sound()?;
        if record.len() > MAX_RECORD {
            let (bytes, limit) = (wide(record.len()), wide(MAX_RECORD));
            return Err(JournalError::TooLarge { bytes, limit });
        }
        if self.group.len().saturating_add(frame_bytes(record.len())) > MAX_GROUP {
            return Err(JournalError::GroupFull { limit: wide(MAX_GROUP) });
        }
        let seq = self.position.seq.checked_add(1).ok_or(JournalError::NotDurable)?;
        let head = self
            .sealer
            .seal(seq, &self.position.head, record, &mut self.group)
            .ok_or(JournalError::SealingUnavailable)?;
        self.records = self.records.saturating_add(1);
        self.position = Position { seq, head };
        Ok(self.position)
    }

    /// Writes the open group, if it holds anything, and waits until it is durable.
    pub(crate) fn commit(&mut self) -> Result<(), JournalError> {
        self.is_sound()?;
        if self.records == 0 { Ok(()) } else { self.put(self.oldest) }
    }

    /// Commits, then puts on record that no segment before `oldest` is retained.
    pub(crate) fn retain_from(&mut self, oldest: u64) -> Result<(), JournalError> {
        self.commit()?;
        self.put(oldest)
    }

    /// Cuts what is reserved: nothing is appended any more, unless the next segment does not come
    /// to be.
    pub(crate) fn finish(&mut self) -> Result<(), JournalError> {
        self.commit()?;
        self.file.set_len(self.durable_bytes).map_err(JournalError::io("end a segment"))?;
        self.reserved = self.durable_bytes;
        self.file.sync().map_err(|_| {
            self.poison();
            JournalError::NotDurable
        })
    }

    /// Nothing is written any more.
    pub(crate) const fn poison(&mut self) {
        self.state = State::Poisoned;
    }

    pub(crate) const fn is_sound(&self) -> Result<(), JournalError> {
        match self.state {
            State::Sound => Ok(()),
            State::Poisoned => Err(JournalError::NotDurable),
        }
    }

    /// Position of the last record appended.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// Position of the last record that is durable.
    pub(crate) const fn durable(&self) -> Position {
        self.durable
    }

    pub(crate) const fn durable_bytes(&self) -> u64 {
        self.durable_bytes
    }

    pub(crate) const fn oldest(&self) -> u64 {
        self.oldest
    }

    /// Bytes that wait for a commit.
    pub(crate) const fn pending(&self) -> usize {
        self.group.len().saturating_sub(GroupHeader::BYTES)
    }

    fn put(&mut self, oldest: u64) -> Result<(), JournalError> {
        let header = GroupHeader {
            number: self.groups,
            first_seq: self.durable.seq.saturating_add(1),
            records: self.records,
            bytes: wide(self.pending()),
            oldest,
        };
        if let Some(room) = self.group.first_chunk_mut() {
            *room = self.sealer.group(&header);
        }
        let pending = self.group.len();
        self.group.resize(pending.next_multiple_of(narrow(SECTOR)), 0);
        // CRASH POINT: nothing of the group is on the disk; nobody was told of it.
        crash_point!("journal-before-write");
        if let Err(error) = write_all(self.file.as_mut(), self.durable_bytes, &self.group) {
            self.group.truncate(pending);
            return Err(self.take_back(JournalError::io("write a group")(error)));
        }
        self.reserve();
        // CRASH POINT: any part of the group may be on the disk; recovery takes it whole or cuts
        // it, and nobody was told of it.
        crash_point!("journal-before-sync");
        if self.file.sync().is_err() {
            // A second sync may succeed though the pages were thrown away: never ask again.
            self.poison();
            return Err(JournalError::NotDurable);
        }
        // CRASH POINT: the group is durable and nobody was told; recovery shows it.
        crash_point!("journal-after-sync");
        self.durable_bytes = self.durable_bytes.saturating_add(wide(self.group.len()));
        self.durable = self.position;
        self.groups = self.groups.saturating_add(1);
        self.oldest = oldest;
        self.records = 0;
        self.group.truncate(GroupHeader::BYTES);
        if self.group.capacity() > KEEP {
            self.group.shrink_to(KEEP);
        }
        Ok(())
    }

    /// Writes zeros ahead where the file has just grown. Where there is no room for them it grows
    /// group by group.
    fn reserve(&mut self) {
        let end = self.durable_bytes.saturating_add(wide(self.group.len()));
        // A large group pays for its metadata by itself; zeros would double what it writes.
        let is_large = wide(self.group.len()) >= self.ahead.div_ceil(4);
        if end <= self.reserved || is_large {
            return;
        }
        let zeros = vec![0; narrow(self.ahead)];
        let written = write_all(self.file.as_mut(), end, &zeros).is_ok();
        self.reserved = if written { end.saturating_add(self.ahead) } else { end };
    }

    /// After a failed write: cuts what was written of it, and keeps the group for the next commit
    /// if there was no more than space missing.
    fn take_back(&mut self, error: JournalError) -> JournalError {
        let is_cut = self.file.set_len(self.durable_bytes).is_ok();
        self.reserved = self.durable_bytes;
        if error == JournalError::DiskFull && is_cut {
            return JournalError::DiskFull;
        }
        self.poison();
        JournalError::NotDurable
    }
}

/// A group's buffer keeps this much between commits.
const KEEP: usize = 2 << 20;
