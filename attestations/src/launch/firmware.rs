//! Firmware for SEV-SNP: what its tables say is measured beside its own pages (EDK II,
//! `OvmfPkg/ResetVector`: the table of GUIDs that ends 32 bytes before the end, and in it the
//! place of the SEV metadata).

use super::{LaunchDigest, guid};

/// A firmware, as far as a launch measures it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// The launch digest after its own pages.
    pub digest: [u8; 48],
    /// What else is measured, in this order.
    pub sections: Vec<Section>,
    /// Where it looks for the hashes of what it boots.
    pub hashes_gpa: u64,
    /// Where all processors but the first begin.
    pub reset_eip: u32,
}

/// Memory that is measured beside the firmware's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its guest-physical address.
    pub gpa: u32,
    /// Bytes, whole pages.
    pub size: u32,
    /// What it is.
    pub kind: SectionKind,
}

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Memory that begins as zeros.
    Memory,
    /// The page of secrets.
    Secrets,
    /// The page of CPUID.
    Cpuid,
    /// The calling area of a service module; zeros.
    ServiceCall,
    /// Hashes of what is booted.
    KernelHashes,
}

impl SectionKind {
    /// Its number in the metadata.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Memory => 1,
            Self::Secrets => 2,
            Self::Cpuid => 3,
            Self::ServiceCall => 4,
            Self::KernelHashes => 0x10,
        }
    }

    /// By its number in the metadata.
    #[must_use]
    pub const fn parse(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Memory),
            2 => Some(Self::Secrets),
            3 => Some(Self::Cpuid),
            4 => Some(Self::ServiceCall),
            0x10 => Some(Self::KernelHashes),
            _ => None,
        }
    }
}

/// Why a launch measurement cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchError {
    /// No firmware, or one without a table.
    #[error("this is no firmware with a table of contents")]
    NotFirmware,
    /// Its tables say nothing of SEV.
    #[error("the firmware is not built for sev-snp")]
    NotSnp,
    /// It boots what it is given, unmeasured.
    #[error("the firmware has no place for the hash of a kernel: it would boot any")]
    NoKernelHashes,
}

impl LaunchError {
    /// A stable name for machines.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFirmware => "launch-not-firmware",
            Self::NotSnp => "launch-not-snp",
            Self::NoKernelHashes => "launch-no-kernel-hashes",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NotFirmware => "name the firmware's image, as OVMF.amdsev.fd",
            Self::NotSnp | Self::NoKernelHashes => {
                "use firmware that is built for measured direct boot (Debian: ovmf-amdsev)"
            }
        }
    }
}

impl Firmware {
    /// Reads and measures a firmware image of whole pages, at most 16 MiB.
    ///
    /// # Errors
    /// [`LaunchError`].
    pub fn parse(image: &[u8]) -> Result<Self, LaunchError> {
        const MOST: usize = 16 * 1024 * 1024;
        let whole = !image.is_empty() && image.len().is_multiple_of(4096) && image.len() <= MOST;
        let table = whole.then(|| table(image)).flatten().ok_or(LaunchError::NotFirmware)?;
        let place = |name: &str| {
            let entry = table.iter().find(|(named, _)| *named == guid(name));
            let (value, _) = entry?.1.split_first_chunk()?;
            Some(u32::from_le_bytes(*value))
        };
        let metadata = place("dc886566-984a-4798-a75e-5585a7bf67cc");
        let sections = metadata.and_then(|from_end| sections(image, from_end));
        let sections = sections.ok_or(LaunchError::NotSnp)?;
        let reset_eip = place("00f771de-1a7e-4fcb-890e-68c77e2fb44e").ok_or(LaunchError::NotSnp)?;
        let hashes_gpa = place("7255371f-3a3b-4b04-927b-1da6efa8d454").filter(|gpa| *gpa != 0);
        let hashed = sections.iter().any(|section| section.kind == SectionKind::KernelHashes);
        let hashes_gpa = hashes_gpa.filter(|_| hashed).ok_or(LaunchError::NoKernelHashes)?;

        // The image ends where 32 bits do.
        let length = u64::try_from(image.len()).unwrap_or(u64::MAX);
        let mut digest = LaunchDigest([0; 48]);
        digest.contents((1_u64 << 32).saturating_sub(length), image);
        Ok(Self { digest: digest.0, sections, hashes_gpa: hashes_gpa.into(), reset_eip })
    }
}

type Table<'a> = Vec<([u8; 16], &'a [u8])>;

/// The entries of the table of GUIDs, read from its end: each is its value, its size, its name.
fn table(image: &[u8]) -> Option<Table<'_>> {
    const FROM_END: usize = 32;
    let end = image.len().checked_sub(FROM_END)?;
    let (table, size, name) = entry(image.get(..end)?)?;
    if name != guid("96b582de-1fb2-45f7-baea-a366c55a082d") {
        return None;
    }
    let mut rest = table.get(table.len().checked_sub(size)?..)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (before, size, name) = entry(rest)?;
        let value = before.len().checked_sub(size)?;
        entries.push((name, before.get(value..)?));
        rest = before.get(..value)?;
    }
    Some(entries)
}

/// Of an entry that ends here: what stands before its size and name, the size of its value, and
/// its name.
fn entry(bytes: &[u8]) -> Option<(&[u8], usize, [u8; 16])> {
    let (bytes, name) = bytes.split_last_chunk::<16>()?;
    let (bytes, size) = bytes.split_last_chunk::<2>()?;
    let size = usize::from(u16::from_le_bytes(*size)).checked_sub(18)?;
    Some((bytes, size, *name))
}

/// What the SEV metadata, so far from the end, says is measured.
fn sections(image: &[u8], from_end: u32) -> Option<Vec<Section>> {
    const MOST: u32 = 64;
    let start = image.len().checked_sub(usize::try_from(from_end).ok()?)?;
    let (header, rest) = image.get(start..)?.split_first_chunk::<16>()?;
    let (signature, header) = header.split_first_chunk::<4>()?;
    let [_size, version, count] = words(header)?;
    if *signature != *b"ASEV" || version != 1 || count > MOST {
        return None;
    }
    let sections = rest.chunks_exact(12).take(usize::try_from(count).ok()?).map(|section| {
        let [gpa, size, kind] = words(section)?;
        // 4 GiB of memory that is measured page by page is no firmware's.
        let size = (size <= 1 << 28 && size.is_multiple_of(4096)).then_some(size)?;
        Some(Section { gpa, size, kind: SectionKind::parse(kind)? })
    });
    let sections: Vec<Section> = sections.collect::<Option<_>>()?;
    (u32::try_from(sections.len()) == Ok(count)).then_some(sections)
}

/// Three little-endian words.
fn words(bytes: &[u8]) -> Option<[u32; 3]> {
    let (words, _) = bytes.as_chunks::<4>();
    let [a, b, c] = words.first_chunk::<3>()?.map(u32::from_le_bytes);
    Some([a, b, c])
}
