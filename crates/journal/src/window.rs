//! Reads a file from one end to the other without holding it.

use std::io;

use crate::disk::{DiskFile, narrow, read_exact, wide};

/// A view of a file that moves forward. It holds as much as one request, or [`READ_AHEAD`].
pub(crate) struct Window<'a> {
    file: &'a dyn DiskFile,
    /// No byte from here on is read.
    end: u64,
    /// Where in the file `held` begins.
    begin: u64,
    held: Vec<u8>,
    ahead: u64,
}

impl<'a> Window<'a> {
    pub(crate) const fn new(file: &'a dyn DiskFile, end: u64) -> Self {
        Self { file, end, begin: 0, held: Vec::new(), ahead: READ_AHEAD }
    }

    /// One that reads what it is asked for and no more.
    pub(crate) const fn exact(file: &'a dyn DiskFile, end: u64) -> Self {
        Self { file, end, begin: 0, held: Vec::new(), ahead: 0 }
    }

    /// The `count` bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    pub(crate) fn bytes(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let end = offset.checked_add(wide(count)).filter(|end| *end <= self.end);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if offset < self.begin || end > self.begin.saturating_add(wide(self.held.len())) {
            let ahead = self.ahead.min(self.end.saturating_sub(offset));
            self.held.resize(count.max(narrow(ahead)), 0);
            if self.held.capacity() > SHRINK && self.held.len() <= SHRINK {
                self.held.shrink_to(SHRINK);
            }
            self.begin = offset;
            read_exact(self.file, offset, &mut self.held)?;
        }
        let from = narrow(offset.saturating_sub(self.begin));
        let held = self.held.get(from..from.saturating_add(count));
        held.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The `N` bytes from `offset` on; the window stays where it is.
    pub(crate) fn peek<const N: usize>(&self, offset: u64) -> io::Result<[u8; N]> {
        let held = offset.checked_sub(self.begin).and_then(|from| self.held.get(narrow(from)..));
        if let Some(bytes) = held.and_then(|held| held.first_chunk::<N>()) {
            return Ok(*bytes);
        }
        let mut bytes = [0; N];
        read_exact(self.file, offset, &mut bytes)?;
        Ok(bytes)
    }

    /// Whether the file holds nothing but zeros from `offset` on.
    pub(crate) fn is_zero_from(&mut self, mut offset: u64) -> io::Result<bool> {
        while offset < self.end {
            let count = READ_AHEAD.min(self.end.saturating_sub(offset));
            if self.bytes(offset, narrow(count))?.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            offset = offset.saturating_add(count);
        }
        Ok(true)
    }
}

const READ_AHEAD: u64 = 256 << 10;
const SHRINK: usize = 1 << 20;
