//! From what the disk holds to a journal that goes on.
//!
//! Nothing is ever appended to a segment of an earlier process: [`Opened`] can only begin a new
//! one. So no key meets the same nonce twice, whatever the disk kept of the last moments.

use std::convert::Infallible;

use messages::ids::BootId;
use messages::time::UnixMillis;
use zeroize::Zeroizing;

use crate::Position;
use crate::disk::{narrow, wide};
use crate::error::{JournalError, OpenError};
use crate::folder::{Contents, Folder};
use crate::format::{Header, Kind};
use crate::journal::{Journal, SegmentInfo};
use crate::segment::{End, Segment, Tail};

/// What recovery shows, in this order.
#[derive(Clone, Copy, Debug)]
pub enum Recovered<'a> {
    /// The snapshot that the newest segment began with: first, once, unless the journal is new.
    Snapshot(&'a [u8]),
    /// A record after it.
    Record {
        /// Where in the journal it stands.
        position: Position,
        /// What was appended.
        record: &'a [u8],
    },
}

/// A journal that was recovered and has to begin a new segment before it takes records.
#[must_use = "nothing is journalled before `start`"]
pub struct Opened {
    folder: Folder,
    boot: BootId,
    contents: Contents,
    segments: Vec<SegmentInfo>,
    newest: Option<Newest>,
}

/// The segment that recovery ended with.
struct Newest {
    number: u64,
    digest: [u8; 32],
    oldest: u64,
    end: End,
}

impl Opened {
    /// Cuts what was torn, finishes what was being forgotten, and begins a new segment with a
    /// fresh key. Its first content is `snapshot`: the state that was recovered.
    ///
    /// # Errors
    /// When the disk refuses, or the sealing key is out of reach. The journal is then as it was,
    /// and may be opened again.
    pub fn start(self, snapshot: &[u8], now: UnixMillis) -> Result<Journal, JournalError> {
        let (position, newest) = (self.position(), self.newest.as_ref());
        let (mut number, mut previous_header, mut oldest) = (1, [0; 32], 1);
        if let Some(newest) = newest {
            self.folder.mend(newest.number, newest.end.last_group, newest.end.bytes)?;
            number = newest.number.checked_add(1).ok_or(JournalError::NotDurable)?;
            (previous_header, oldest) = (newest.digest, newest.oldest);
        }
        for unfinished in self.contents.unfinished.iter().chain(self.contents.keys.range(number..))
        {
            self.folder.discard(*unfinished)?;
        }
        for forgotten in
            self.contents.keys.range(..oldest).chain(self.contents.segments.range(..oldest))
        {
            self.folder.destroy(*forgotten)?;
        }
        self.folder.sync_folder()?;
        let header = Header {
            kind: Kind::Journal,
            number,
            first_seq: position.seq.checked_add(1).ok_or(JournalError::NotDurable)?,
            previous_head: position.head,
            previous_header,
            boot: self.boot,
            opened: now,
            oldest,
            snapshot_bytes: wide(snapshot.len()),
        };
        let (writer, digest) = self.folder.create(&header, snapshot)?;
        let mut segments = self.segments;
        let (first_seq, last_seq) = (header.first_seq, position.seq);
        segments.push(SegmentInfo { number, first_seq, last_seq, opened: now });
        Ok(Journal::begun(self.folder, writer, self.boot, digest, segments))
    }

    /// Position of the last record recovered.
    #[must_use]
    pub fn position(&self) -> Position {
        self.newest.as_ref().map_or(Position::GENESIS, |newest| newest.end.position)
    }

    /// Bytes of a torn group at the end, which nobody was told of and [`start`](Self::start) cuts.
    #[must_use]
    pub fn torn(&self) -> u64 {
        self.newest.as_ref().map_or(0, |newest| newest.end.torn)
    }

    /// Whether there was no journal.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.newest.is_none()
    }
}

/// Verifies everything and shows the newest segment to `on`. Changes nothing.
pub(crate) fn recover<E>(
    folder: Folder,
    boot: BootId,
    on: &mut dyn FnMut(Recovered<'_>) -> Result<(), E>,
) -> Result<Opened, OpenError<E>> {
    let contents = folder.contents()?;
    let Some(number) = contents.segments.last().copied() else {
        if !contents.is_fresh() {
            let segment = contents.keys.last().copied().unwrap_or(0);
            let what = "segment missing";
            return Err(JournalError::Damaged { segment, offset: 0, what }.into());
        }
        return Ok(Opened { folder, boot, contents, segments: Vec::new(), newest: None });
    };
    let segment = folder.segment(number, u64::MAX)?;
    let oldest = segment.oldest()?;
    contents.whole_from(oldest)?;

    let mut segments = Vec::new();
    let mut previous = None;
    for number in oldest..number {
        let segment = folder.segment(number, u64::MAX)?;
        follows(&segment, previous.as_ref())?;
        segment.read_snapshot(&mut |_| {})?;
        let end = all(segment.verify(Tail::Whole, &mut |_| Ok::<(), Infallible>(())))?;
        segments.push(info(&segment, &end));
        previous = Some((segment.digest, end.position));
    }

    follows(&segment, previous.as_ref())?;
    let mut snapshot = Zeroizing::new(Vec::new());
    snapshot.reserve_exact(narrow(segment.header.snapshot_bytes));
    segment.read_snapshot(&mut |chunk| snapshot.extend_from_slice(chunk))?;
    on(Recovered::Snapshot(&snapshot)).map_err(OpenError::Replay)?;
    drop(snapshot);
    let end = segment.verify(Tail::MayBeTorn, &mut |visited| {
        on(Recovered::Record { position: visited.position, record: visited.record })
    })?;
    segments.push(info(&segment, &end));
    let newest = Some(Newest { number, digest: segment.digest, oldest, end });
    Ok(Opened { folder, boot, contents, segments, newest })
}

/// Checks that a segment goes on where the one before it ended.
fn follows(segment: &Segment, previous: Option<&([u8; 32], Position)>) -> Result<(), JournalError> {
    let header = &segment.header;
    let is_next = match previous {
        Some((digest, end)) => {
            header.previous_header == *digest
                && header.previous_head == end.head
                && Some(header.first_seq) == end.seq.checked_add(1)
        }
        None => header.number > 1 || header.first_seq == 1,
    };
    if is_next { Ok(()) } else { Err(segment.damaged(0, "order of segments")) }
}

fn info(segment: &Segment, end: &End) -> SegmentInfo {
    SegmentInfo {
        number: segment.header.number,
        first_seq: segment.header.first_seq,
        last_seq: end.position.seq,
        opened: segment.header.opened,
    }
}

/// The result of a visit that refuses nothing.
pub(crate) fn all<T>(visited: Result<T, OpenError<Infallible>>) -> Result<T, JournalError> {
    visited.map_err(|error| match error {
        OpenError::Journal(error) => error,
        OpenError::Replay(never) => match never {},
    })
}
