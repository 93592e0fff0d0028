//! One record, sealed to its place in the chain.

use messages::domain;
use zeroize::Zeroizing;

use crate::disk::narrow;
use crate::format::{GroupHeader, Kind, LENGTH, MAX_RECORD, padded};
use crate::keys::{Content, SegmentKeys, TAG};

/// Seals and opens what one segment holds.
pub(crate) struct Sealer {
    keys: SegmentKeys,
    place: [u8; 32],
    link: Link,
}

/// What a record is bound to besides its place and its number.
enum Link {
    /// The head of the chain before it: records are read in order.
    Chain,
    /// The header of its run: records are read in any order.
    Run([u8; 32]),
}

impl Sealer {
    pub(crate) const fn new(
        kind: Kind,
        keys: SegmentKeys,
        place: [u8; 32],
        header: [u8; 32],
    ) -> Self {
        let link = match kind {
            Kind::Archive => Link::Run(header),
            Kind::Journal => Link::Chain,
        };
        Self { keys, place, link }
    }

    /// Appends the frame of record `seq` to `buffer` and returns the head after it; none if the
    /// cipher fails, and then the buffer is as before.
    ///
    /// The clear bytes are written where the ciphertext will be, into room reserved before, so no
    /// copy of them is left behind.
    pub(crate) fn seal(
        &self,
        seq: u64,
        previous: &[u8; 32],
        record: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Option<[u8; 32]> {
        let length = u32::try_from(record.len()).ok()?;
        let (before, ciphertext) = (buffer.len(), padded(record.len()));
        buffer.reserve(frame_bytes(record.len()));
        buffer.extend_from_slice(&length.to_be_bytes());
        let begin = buffer.len();
        buffer.extend_from_slice(record);
        buffer.resize(begin.saturating_add(ciphertext), 0);
        let bound = self.bound(seq, length, previous);
        let tag = buffer
            .get_mut(begin..)
            .and_then(|clear| self.keys.seal(Content::Record, seq, &bound, clear));
        let Some(tag) = tag else {
            buffer.get_mut(before..).into_iter().flatten().for_each(|byte| *byte = 0);
            buffer.truncate(before);
            return None;
        };
        buffer.extend_from_slice(&tag);
        Some(next_head(previous, seq, &tag))
    }

    /// Opens a whole frame into `plain` and returns the head after it; none unless authentic.
    pub(crate) fn open(
        &self,
        seq: u64,
        previous: &[u8; 32],
        frame: &[u8],
        plain: &mut Zeroizing<Vec<u8>>,
    ) -> Option<[u8; 32]> {
        let (length, sealed) = frame.split_first_chunk::<LENGTH>()?;
        let length = u32::from_be_bytes(*length);
        let record = narrow(length.into());
        if sealed.len() != padded(record).checked_add(TAG)? {
            return None;
        }
        plain.resize(padded(record), 0);
        let bound = self.bound(seq, length, previous);
        self.keys.open(Content::Record, seq, &bound, sealed, plain)?;
        plain.truncate(record);
        Some(next_head(previous, seq, sealed.last_chunk()?))
    }

    /// Seals one chunk of a snapshot in place.
    pub(crate) fn seal_chunk(&self, chunk: u64, total: u64, clear: &mut [u8]) -> Option<[u8; TAG]> {
        self.keys.seal(Content::Snapshot, chunk, &self.chunk_bound(total), clear)
    }

    /// Opens one chunk of a snapshot.
    pub(crate) fn open_chunk(
        &self,
        chunk: u64,
        total: u64,
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Option<()> {
        self.keys.open(Content::Snapshot, chunk, &self.chunk_bound(total), sealed, plain)
    }

    pub(crate) fn group(&self, header: &GroupHeader) -> [u8; GroupHeader::BYTES] {
        header.encode(&self.place, &self.keys)
    }

    pub(crate) fn open_group(&self, bytes: &[u8; GroupHeader::BYTES]) -> Option<GroupHeader> {
        GroupHeader::decode(&self.place, &self.keys, bytes)
    }

    fn bound(&self, seq: u64, length: u32, previous: &[u8; 32]) -> [u8; BOUND] {
        let link = match &self.link {
            Link::Chain => previous,
            Link::Run(header) => header,
        };
        let parts = [&self.place[..], link, &seq.to_be_bytes(), &length.to_be_bytes()];
        let mut bound = [0; BOUND];
        let mut room = bound.as_mut_slice();
        for part in parts {
            let Some((to, rest)) = room.split_at_mut_checked(part.len()) else { break };
            to.copy_from_slice(part);
            room = rest;
        }
        bound
    }

    fn chunk_bound(&self, total: u64) -> [u8; 40] {
        let mut bound = [0; 40];
        for (to, from) in bound.iter_mut().zip(self.place.iter().chain(&total.to_be_bytes())) {
            *to = *from;
        }
        bound
    }
}

/// Length of a whole frame, from the bytes it begins with; none if no record is that long.
pub(crate) fn frame_length(begin: [u8; LENGTH]) -> Option<usize> {
    let record = narrow(u32::from_be_bytes(begin).into());
    (record <= MAX_RECORD).then(|| frame_bytes(record))
}

/// Length of the frame of a record of `record` bytes.
pub(crate) const fn frame_bytes(record: usize) -> usize {
    LENGTH.saturating_add(padded(record)).saturating_add(TAG)
}

/// The tag stands for the record, its length and its place, as long as the segment's key is
/// secret: who knows the key finds another ciphertext with the same tag. Nobody without the key
/// can make anything of a head, and hashing every sealed byte would cost half as much again as
/// sealing it.
fn next_head(previous: &[u8; 32], seq: u64, tag: &[u8; TAG]) -> [u8; 32] {
    domain::JOURNAL_HEAD.hash(&[previous, &seq.to_be_bytes(), tag])
}

const BOUND: usize = 32 + 32 + 8 + LENGTH;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealer(kind: Kind) -> Sealer {
        Sealer::new(kind, SegmentKeys::derive(&[1; 32]).unwrap(), [2; 32], [3; 32])
    }

    proptest! {
        #[test]
        fn a_frame_opens_in_its_place_only(
            record in proptest::collection::vec(any::<u8>(), 0..100),
            at in any::<proptest::sample::Index>(), bit in 0..8_u8,
        ) {
            let sealer = sealer(Kind::Journal);
            let (mut frame, mut plain) = (Vec::new(), Zeroizing::new(Vec::new()));
            let head = sealer.seal(5, &[7; 32], &record, &mut frame).unwrap();
            let length = frame_bytes(record.len());
            prop_assert_eq!(frame.len(), length);
            prop_assert_eq!(sealer.open(5, &[7; 32], &frame, &mut plain), Some(head));
            prop_assert_eq!(&*plain, &record);
            prop_assert_eq!(sealer.open(6, &[7; 32], &frame, &mut plain), None);
            prop_assert_eq!(sealer.open(5, &[8; 32], &frame, &mut plain), None);
            frame[at.index(length)] ^= 1 << bit;
            prop_assert_eq!(sealer.open(5, &[7; 32], &frame, &mut plain), None);
        }

        #[test]
        fn no_bytes_make_a_frame_panic(frame in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut plain = Zeroizing::new(Vec::new());
            prop_assert!(sealer(Kind::Archive).open(1, &[0; 32], &frame, &mut plain).is_none());
        }
    }

    #[test]
    fn a_run_is_read_in_any_order_and_under_its_own_header() {
        let (mut frame, mut plain) = (Vec::new(), Zeroizing::new(Vec::new()));
        sealer(Kind::Archive).seal(5, &[7; 32], b"record", &mut frame).unwrap();
        assert!(sealer(Kind::Archive).open(5, &[0; 32], &frame, &mut plain).is_some());
        let keys = SegmentKeys::derive(&[1; 32]).unwrap();
        let other = Sealer::new(Kind::Archive, keys, [2; 32], [4; 32]);
        assert!(other.open(5, &[0; 32], &frame, &mut plain).is_none());
    }
}
