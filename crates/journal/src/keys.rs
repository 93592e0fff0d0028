//! The keys of one segment, and the file that holds the wrapped one they all come from.
//!
//! Each segment has a fresh random key, so a sequence number may serve as nonce: no key ever
//! sees the same one twice, not even after a crash, because recovery always begins a new segment.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use hkdf::Hkdf;
use messages::domain;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::JournalError;
use crate::format::Kind;
use crate::sealing::SealingKey;

/// What one segment is sealed with.
pub(crate) struct SegmentKeys {
    records: LessSafeKey,
    snapshot: LessSafeKey,
    headers: hmac::Key,
}

impl SegmentKeys {
    /// HKDF-SHA-256 (RFC 5869) of the segment's key, one label for each use.
    pub(crate) fn derive(key: &[u8; 32]) -> Option<Self> {
        let expand = Hkdf::<Sha256>::new(Some(domain::JOURNAL_KEYS.as_bytes()), key);
        let subkey = |label: &[u8]| {
            let mut bytes = Zeroizing::new([0; 32]);
            expand.expand(label, bytes.as_mut_slice()).ok()?;
            Some(bytes)
        };
        let aead = |label| {
            let bytes = subkey(label)?;
            Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, bytes.as_slice()).ok()?))
        };
        Some(Self {
            records: aead(b"records")?,
            snapshot: aead(b"snapshot")?,
            headers: hmac::Key::new(hmac::HMAC_SHA256, subkey(b"headers")?.as_slice()),
        })
    }

    /// The key of records and snapshots, in that order.
    const fn of(&self, content: Content) -> &LessSafeKey {
        match content {
            Content::Record => &self.records,
            Content::Snapshot => &self.snapshot,
        }
    }

    /// Encrypts in place and returns the tag. `number` is the nonce.
    pub(crate) fn seal(
        &self,
        content: Content,
        number: u64,
        bound: &[u8],
        bytes: &mut [u8],
    ) -> Option<[u8; TAG]> {
        let key = self.of(content);
        let tag = key.seal_in_place_separate_tag(nonce(number), Aad::from(bound), bytes).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Decrypts `sealed`, ciphertext and tag, into `plain`; none unless all of it is authentic.
    pub(crate) fn open(
        &self,
        content: Content,
        number: u64,
        bound: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Option<()> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG>()?;
        let (key, bound) = (self.of(content), Aad::from(bound));
        key.open_separate_gather(nonce(number), bound, ciphertext, tag, plain).ok()
    }

    /// HMAC-SHA-256 over the place and the header.
    pub(crate) fn mac(&self, place: &[u8; 32], header: &[u8]) -> [u8; MAC] {
        let mut mac = hmac::Context::with_key(&self.headers);
        mac.update(place);
        mac.update(header);
        let mut bytes = [0; MAC];
        bytes.copy_from_slice(mac.sign().as_ref());
        bytes
    }

    /// Whether `mac` is [`mac`](Self::mac) of the others.
    pub(crate) fn is_authentic(&self, place: &[u8; 32], header: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.headers, &[place.as_slice(), header].concat(), mac).is_ok()
    }
}

/// What is sealed.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    Record,
    Snapshot,
}

/// Draws a key and returns it with its file: magic, number, origin digest, length and bytes of
/// the wrapped key, and a SHA-256 over all that, which tells rot from a foreign key.
pub(crate) fn draw(
    kind: Kind,
    number: u64,
    origin: &str,
    sealing: &dyn SealingKey,
) -> Result<(SegmentKeys, Vec<u8>), JournalError> {
    let mut key = Zeroizing::new([0; 32]);
    rand::fill(key.as_mut_slice()).map_err(|_| JournalError::SealingUnavailable)?;
    let wrapped = sealing
        .wrap(&wrap_context(kind, number, origin), &key)
        .map_err(|error| JournalError::sealing(error, number))?;
    let length = u32::try_from(wrapped.len()).map_err(|_| JournalError::SealingUnavailable)?;
    let mut file = Vec::with_capacity(wrapped.len().saturating_add(FIXED));
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&number.to_be_bytes());
    file.extend_from_slice(&domain::JOURNAL_ORIGIN.hash(&[origin.as_bytes()]));
    file.extend_from_slice(&length.to_be_bytes());
    file.extend_from_slice(&wrapped);
    file.extend_from_slice(&Sha256::digest(&file));
    let keys = SegmentKeys::derive(&key).ok_or(JournalError::SealingUnavailable)?;
    Ok((keys, file))
}

/// Reads a file that [`draw`] made.
pub(crate) fn read(
    kind: Kind,
    number: u64,
    origin: &str,
    sealing: &dyn SealingKey,
    file: &[u8],
) -> Result<SegmentKeys, JournalError> {
    let damaged = JournalError::Damaged { segment: number, offset: 0, what: "key file" };
    let (owner, wrapped) = parse(number, file).ok_or(damaged)?;
    if *owner != domain::JOURNAL_ORIGIN.hash(&[origin.as_bytes()]) {
        return Err(JournalError::OtherOrigin);
    }
    let key = sealing
        .unwrap(&wrap_context(kind, number, origin), wrapped)
        .map_err(|error| JournalError::sealing(error, number))?;
    SegmentKeys::derive(&key).ok_or(JournalError::SealingUnavailable)
}

fn parse(number: u64, file: &[u8]) -> Option<(&[u8; 32], &[u8])> {
    let (checked, digest) = file.split_last_chunk::<32>()?;
    if Sha256::digest(checked).as_slice() != digest {
        return None;
    }
    let rest = checked.strip_prefix(MAGIC)?.strip_prefix(&number.to_be_bytes())?;
    let (owner, rest) = rest.split_first_chunk::<32>()?;
    let (length, wrapped) = rest.split_first_chunk::<4>()?;
    (usize::try_from(u32::from_be_bytes(*length)).ok()? == wrapped.len())
        .then_some((owner, wrapped))
}

fn wrap_context(kind: Kind, number: u64, origin: &str) -> [u8; 32] {
    domain::JOURNAL_WRAP.hash(&[kind.magic(), &number.to_be_bytes(), origin.as_bytes()])
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    if let Some(counter) = bytes.last_chunk_mut() {
        *counter = number.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}

/// Length of an AEAD tag.
pub(crate) const TAG: usize = 16;
/// Length of a header's MAC.
pub(crate) const MAC: usize = 32;
/// No key file is longer.
pub(crate) const MAX_KEY_FILE: u64 = 64 * 1024;
const MAGIC: &[u8; 16] = b"CLOISTER-KEY-v1\n";
const FIXED: usize = 16 + 8 + 32 + 4 + 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    assert_secret!(SegmentKeys);

    proptest! {
        #[test]
        fn no_bytes_make_a_key_file_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(parse(1, &bytes).is_none());
        }
    }
}
