//! Sections of a file, written and read.

use ark_ff::{BigInteger, PrimeField};

/// A file under way.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn new(magic: [u8; 4], version: u32, sections: u32) -> Self {
        let mut writer = Self { bytes: magic.to_vec() };
        writer.u32(version);
        writer.u32(sections);
        writer
    }

    /// One section.
    pub(super) fn section(&mut self, id: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self { bytes: Vec::new() };
        write(&mut inner);
        self.u32(id);
        self.bytes.extend((inner.bytes.len() as u64).to_le_bytes());
        self.bytes.extend(inner.bytes);
    }

    pub(super) fn u32(&mut self, n: u32) {
        self.bytes.extend(n.to_le_bytes());
    }

    /// A length; no file that is written here has four billion of anything.
    pub(super) fn count(&mut self, n: usize) {
        self.u32(u32::try_from(n).unwrap_or(u32::MAX));
    }

    pub(super) fn u64(&mut self, n: u64) {
        self.bytes.extend(n.to_le_bytes());
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
    }

    /// As a plain integer.
    pub(super) fn element<F: PrimeField>(&mut self, element: &F) {
        self.raw(&element.into_bigint().to_bytes_le());
    }

    pub(super) fn modulus<F: PrimeField>(&mut self) {
        self.raw(&F::MODULUS.to_bytes_le());
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// What is left to read.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(super) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.u32()?).ok()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }
}

/// The sections of a file, by number; none when it is of another kind, or a section is cut short,
/// there twice, or anything follows the last one.
pub(super) fn sections(
    bytes: &[u8],
    magic: [u8; 4],
    version: u32,
) -> Option<std::collections::BTreeMap<u32, Reader<'_>>> {
    let mut reader = Reader::new(bytes);
    let known = reader.array() == Some(magic) && reader.u32() == Some(version);
    let count = reader.u32().filter(|count| known && *count <= MAX_SECTIONS)?;
    let mut found = std::collections::BTreeMap::new();
    for _ in 0..count {
        let id = reader.u32()?;
        let length = usize::try_from(reader.array().map(u64::from_le_bytes)?).ok()?;
        found.insert(id, Reader::new(reader.take(length)?)).is_none().then_some(())?;
    }
    reader.is_empty().then_some(found)
}

const MAX_SECTIONS: u32 = 32;
