//! What a segment's file looks like: a header, a snapshot, then groups of records.
//!
//! ```text
//! file    header (192)  chunk*  group*
//! chunk   ciphertext (at most 1 MiB)  tag (16)
//! group   header (80)  frame*
//! frame   length (4)  ciphertext  tag (16)
//! ```
//!
//! All integers are big-endian. Everything after the header and the snapshot lies on multiples of
//! sixteen bytes, so that a disk that stopped between two sectors never leaves half a tag.

use messages::domain;
use messages::ids::BootId;
use messages::time::UnixMillis;

use crate::keys::{MAC, SegmentKeys, TAG};

/// Which of the two stores a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Archive,
    Journal,
}

impl Kind {
    pub(crate) const fn magic(self) -> &'static [u8; 16] {
        match self {
            Self::Archive => b"CLOISTER-RUN-v1\n",
            Self::Journal => b"CLOISTER-SEG-v1\n",
        }
    }

    /// What the names of its files end in.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Archive => "run",
            Self::Journal => "segment",
        }
    }
}

/// What is true of a whole segment, in clear and authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    /// Sequence number of the first record that will follow.
    pub(crate) first_seq: u64,
    /// The chain of records before it.
    pub(crate) previous_head: [u8; 32],
    /// Digest of the previous segment's header; zeros in the first.
    pub(crate) previous_header: [u8; 32],
    pub(crate) boot: BootId,
    pub(crate) opened: UnixMillis,
    /// Number of the oldest segment that is retained.
    pub(crate) oldest: u64,
    /// Length of the snapshot in clear.
    pub(crate) snapshot_bytes: u64,
}

impl Header {
    /// Length on disk, MAC included.
    pub(crate) const BYTES: usize = 192;

    pub(crate) fn encode(&self, origin: &str, keys: &SegmentKeys) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.extend_from_slice(self.kind.magic());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.first_seq.to_be_bytes());
        bytes.extend_from_slice(&self.previous_head);
        bytes.extend_from_slice(&self.previous_header);
        bytes.extend_from_slice(&self.boot.0);
        bytes.extend_from_slice(&self.opened.0.to_be_bytes());
        bytes.extend_from_slice(&self.oldest.to_be_bytes());
        bytes.extend_from_slice(&self.snapshot_bytes.to_be_bytes());
        bytes.extend_from_slice(&[0; 8]);
        let mac = keys.mac(&self.place(origin), &bytes);
        bytes.extend_from_slice(&mac);
        bytes
    }

    /// Reads a header of the segment that it must be of; none unless it is authentic.
    pub(crate) fn decode(
        kind: Kind,
        number: u64,
        origin: &str,
        keys: &SegmentKeys,
        bytes: &[u8; Self::BYTES],
    ) -> Option<Self> {
        let (clear, mac) = bytes.split_last_chunk::<MAC>()?;
        let mut rest = clear.strip_prefix(kind.magic())?;
        let header = Self {
            kind,
            number: u64_of(&mut rest)?,
            first_seq: u64_of(&mut rest)?,
            previous_head: take(&mut rest)?,
            previous_header: take(&mut rest)?,
            boot: BootId(take(&mut rest)?),
            opened: UnixMillis(u64_of(&mut rest)?),
            oldest: u64_of(&mut rest)?,
            snapshot_bytes: u64_of(&mut rest)?,
        };
        let authentic = keys.is_authentic(&header.place(origin), clear, mac);
        (authentic && header.number == number).then_some(header)
    }

    /// What everything in this segment is bound to.
    pub(crate) fn place(&self, origin: &str) -> [u8; 32] {
        let number = self.number.to_be_bytes();
        let parts = [self.kind.magic().as_slice(), origin.as_bytes(), &self.boot.0, &number];
        domain::JOURNAL_CONTEXT.hash(&parts)
    }
}

/// The next segment's header names this.
pub(crate) fn header_digest(bytes: &[u8]) -> [u8; 32] {
    domain::JOURNAL_HEADER.hash(&[bytes])
}

/// What is true of the records that were committed together.
///
/// Its MAC makes a flipped length damage, and not the torn end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupHeader {
    /// Number of the group in its segment, from zero.
    pub(crate) number: u64,
    pub(crate) first_seq: u64,
    pub(crate) records: u64,
    /// Length of the frames that follow.
    pub(crate) bytes: u64,
    /// Number of the oldest segment that is retained.
    pub(crate) oldest: u64,
}

impl GroupHeader {
    /// Length on disk, MAC included.
    pub(crate) const BYTES: usize = 80;

    pub(crate) fn encode(&self, place: &[u8; 32], keys: &SegmentKeys) -> [u8; Self::BYTES] {
        let fields = [self.number, self.first_seq, self.records, self.bytes, self.oldest];
        let mut bytes = [0; Self::BYTES];
        let (clear, mac) = bytes.split_at_mut(CLEAR);
        let (magic, numbers) = clear.split_at_mut(GROUP_MAGIC.len());
        magic.copy_from_slice(GROUP_MAGIC);
        for (to, field) in numbers.chunks_exact_mut(8).zip(fields) {
            to.copy_from_slice(&field.to_be_bytes());
        }
        mac.copy_from_slice(&keys.mac(place, clear));
        bytes
    }

    /// Reads a header; none unless it is authentic.
    pub(crate) fn decode(
        place: &[u8; 32],
        keys: &SegmentKeys,
        bytes: &[u8; Self::BYTES],
    ) -> Option<Self> {
        let (clear, mac) = bytes.split_last_chunk::<MAC>()?;
        let mut rest = clear.strip_prefix(GROUP_MAGIC)?;
        let header = Self {
            number: u64_of(&mut rest)?,
            first_seq: u64_of(&mut rest)?,
            records: u64_of(&mut rest)?,
            bytes: u64_of(&mut rest)?,
            oldest: u64_of(&mut rest)?,
        };
        keys.is_authentic(place, clear, mac).then_some(header)
    }
}

/// Length in clear of the snapshot's chunk number `chunk`.
pub(crate) fn chunk_bytes(snapshot_bytes: u64, chunk: u64) -> u64 {
    snapshot_bytes.saturating_sub(chunk.saturating_mul(CHUNK)).min(CHUNK)
}

/// Number of chunks of a snapshot.
pub(crate) const fn chunks(snapshot_bytes: u64) -> u64 {
    snapshot_bytes.div_ceil(CHUNK)
}

/// Where the first group begins.
pub(crate) fn groups_at(snapshot_bytes: u64) -> u64 {
    let tags = chunks(snapshot_bytes).saturating_mul(TAG_BYTES);
    let end = HEADER_BYTES.saturating_add(snapshot_bytes).saturating_add(tags);
    end.checked_next_multiple_of(SECTOR).unwrap_or(u64::MAX)
}

/// Length of the ciphertext of a record of `record` bytes: so many that the frame, with its
/// length and its tag, ends on a multiple of sixteen.
pub(crate) const fn padded(record: usize) -> usize {
    record.saturating_add(LENGTH).next_multiple_of(TAG).saturating_sub(LENGTH)
}

fn u64_of(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_be_bytes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

/// Length of the length before a record.
pub(crate) const LENGTH: usize = 4;
/// Largest record.
pub(crate) const MAX_RECORD: usize = 16 << 20;
/// Most bytes that one commit writes.
pub(crate) const MAX_GROUP: usize = 64 << 20;
/// Largest snapshot.
pub(crate) const MAX_SNAPSHOT: u64 = 8 << 30;
/// Length in clear of every chunk of a snapshot but the last.
pub(crate) const CHUNK: u64 = 1 << 20;
/// What a disk writes whole or not at all. Groups begin and end on it.
pub(crate) const SECTOR: u64 = 512;
const HEADER_BYTES: u64 = 192;
const TAG_BYTES: u64 = 16;
const CLEAR: usize = GroupHeader::BYTES - MAC;
const GROUP_MAGIC: &[u8; 8] = b"CLGROUP1";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: [u8; 32] = [3; 32];

    fn keys() -> SegmentKeys {
        SegmentKeys::derive(&[9; 32]).unwrap()
    }

    fn header() -> Header {
        Header {
            kind: Kind::Journal,
            number: 7,
            first_seq: 100,
            previous_head: [1; 32],
            previous_header: [2; 32],
            boot: BootId([3; 32]),
            opened: UnixMillis(4),
            oldest: 5,
            snapshot_bytes: 6,
        }
    }

    fn group() -> GroupHeader {
        GroupHeader { number: 1, first_seq: 2, records: 3, bytes: 4, oldest: 5 }
    }

    #[test]
    fn headers_read_back_and_no_flipped_bit_does() {
        let keys = keys();
        let bytes: [u8; Header::BYTES] = header().encode("o", &keys).try_into().unwrap();
        let decode = |bytes: &_| Header::decode(Kind::Journal, 7, "o", &keys, bytes);
        assert_eq!(decode(&bytes), Some(header()));
        assert_eq!(Header::decode(Kind::Journal, 8, "o", &keys, &bytes), None);
        assert_eq!(Header::decode(Kind::Archive, 7, "o", &keys, &bytes), None);
        assert_eq!(Header::decode(Kind::Journal, 7, "p", &keys, &bytes), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&flipped), None);
        }
    }

    #[test]
    fn group_headers_read_back_and_no_flipped_bit_does() {
        let keys = keys();
        let bytes = group().encode(&PLACE, &keys);
        assert_eq!(GroupHeader::decode(&PLACE, &keys, &bytes), Some(group()));
        assert_eq!(GroupHeader::decode(&[4; 32], &keys, &bytes), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(GroupHeader::decode(&PLACE, &keys, &flipped), None);
        }
    }

    proptest! {
        #[test]
        fn frames_end_on_multiples_of_sixteen(record in 0..MAX_RECORD) {
            prop_assert_eq!(crate::frame::frame_bytes(record) % 16, 0);
            prop_assert!((record..record.saturating_add(16)).contains(&padded(record)));
        }

        #[test]
        fn chunks_cover_a_snapshot(snapshot in 0..MAX_SNAPSHOT) {
            let whole: u64 = (0..chunks(snapshot)).map(|chunk| chunk_bytes(snapshot, chunk)).sum();
            prop_assert_eq!(whole, snapshot);
            prop_assert_eq!(groups_at(snapshot) % 16, 0);
        }
    }
}
