//! The launch measurement of an SEV-SNP guest, computed from what it is launched from: reference
//! values that anybody can make again (AMD 56860, section 8.17.2, `SNP_LAUNCH_UPDATE`; QEMU's
//! direct boot with hashed kernel, `target/i386/sev.c`).
//!
//! ```
//! # use cloister_attestations as attestations;
//! use attestations::launch::{Cpu, Direct, Firmware, LaunchError};
//!
//! // Firmware without a place for the kernel's hash would boot any kernel.
//! assert_eq!(Firmware::parse(b"not a firmware").unwrap_err(), LaunchError::NotFirmware);
//! let boot = Direct::of(b"kernel", b"initrd", "console=ttyS0");
//! assert_eq!(Cpu::parse("EPYC-v4").map(Cpu::signature), Some(0x0080_0f12));
//! # let _ = boot;
//! ```

mod firmware;
mod release;
mod save_area;

use sha2::{Digest, Sha256, Sha384};

pub use self::firmware::{Firmware, LaunchError, Section, SectionKind};
pub use self::release::{Moved, Release, explain};

/// What firmware boots directly: hashes that are measured with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direct {
    /// SHA-256 of the kernel.
    pub kernel: [u8; 32],
    /// SHA-256 of the initial file system.
    pub initrd: [u8; 32],
    /// SHA-256 of the command line and a zero byte.
    pub command_line: [u8; 32],
}

impl Direct {
    /// Of the files, and of the command line as QEMU passes it.
    #[must_use]
    pub fn of(kernel: &[u8], initrd: &[u8], command_line: &str) -> Self {
        Self {
            kernel: Sha256::digest(kernel).into(),
            initrd: Sha256::digest(initrd).into(),
            command_line: Sha256::new()
                .chain_update(command_line.as_bytes())
                .chain_update([0])
                .finalize()
                .into(),
        }
    }
}

/// A type of processor of QEMU, whose signature the guest finds in a register at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    name: &'static str,
    signature: u32,
}

impl Cpu {
    /// Those that are known.
    pub const ALL: [Self; 5] = [
        Self::new("EPYC-v4", 23, 1, 2),
        Self::new("EPYC-Rome", 23, 49, 0),
        Self::new("EPYC-Milan", 25, 1, 1),
        Self::new("EPYC-Genoa", 25, 17, 0),
        Self::new("EPYC-Turin", 26, 0, 0),
    ];

    /// Family above 15, model and stepping, as CPUID function 1 has them in EAX.
    const fn new(name: &'static str, family: u32, model: u32, stepping: u32) -> Self {
        let extended = family.saturating_sub(15) << 20;
        let signature = extended | (model >> 4) << 16 | 0xf << 8 | (model & 0xf) << 4 | stepping;
        Self { name, signature }
    }

    /// The type of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cpu| cpu.name.eq_ignore_ascii_case(name))
    }

    /// Its name in QEMU.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// EAX of CPUID function 1.
    #[must_use]
    pub const fn signature(self) -> u32 {
        self.signature
    }
}

/// The machine that a guest is launched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// How many processors; each is measured.
    pub vcpus: u32,
    /// Their type.
    pub cpu: Cpu,
    /// SEV_FEATURES of each: 1 is SNP alone, which is what QEMU sets.
    pub features: u64,
}

/// MEASUREMENT of a guest of this firmware that boots this directly.
#[must_use]
pub fn measurement(firmware: &Firmware, boot: &Direct, machine: Machine) -> [u8; 48] {
    let mut digest = loaded(firmware, boot);
    (0..machine.vcpus).for_each(|vcpu| digest.processor(firmware, machine, vcpu));
    digest.0
}

/// All but the processors.
fn loaded(firmware: &Firmware, boot: &Direct) -> LaunchDigest {
    let mut digest = LaunchDigest(firmware.digest);
    for section in &firmware.sections {
        let pages = (0..section.size / PAGE).map(|page| {
            u64::from(section.gpa).saturating_add(u64::from(page).saturating_mul(PAGE.into()))
        });
        match section.kind {
            SectionKind::Memory | SectionKind::ServiceCall => {
                pages.for_each(|gpa| digest.update(PageType::Zero, gpa, [0; 48]));
            }
            SectionKind::Secrets => digest.update(PageType::Secrets, section.gpa.into(), [0; 48]),
            SectionKind::Cpuid => digest.update(PageType::Cpuid, section.gpa.into(), [0; 48]),
            SectionKind::KernelHashes => {
                let page = hashes_page(boot, firmware.hashes_gpa);
                let contents = Sha384::digest(page).into();
                digest.update(PageType::Normal, section.gpa.into(), contents);
            }
        }
    }
    digest
}

/// Bytes of a page.
const PAGE: u32 = 4096;
/// Where the first processor begins.
const RESET: u32 = 0xffff_fff0;
/// Where the reverse map has a save area: all ones, of the 52 bits of an address.
const SAVE_AREA_GPA: u64 = 0x0000_ffff_ffff_f000;

/// The digest as it grows, page by page.
#[derive(Clone, Copy)]
struct LaunchDigest([u8; 48]);

/// PAGE_TYPE of `SNP_LAUNCH_UPDATE`.
#[derive(Clone, Copy)]
enum PageType {
    Normal = 1,
    SaveArea = 2,
    Zero = 3,
    Secrets = 5,
    Cpuid = 6,
}

impl LaunchDigest {
    /// PAGE_INFO (56860, table 67): the digest before, what the page holds, and where it lies.
    fn update(&mut self, kind: PageType, gpa: u64, contents: [u8; 48]) {
        const LENGTH: u16 = 0x70;
        let hash = Sha384::new()
            .chain_update(self.0)
            .chain_update(contents)
            .chain_update(LENGTH.to_le_bytes())
            .chain_update([kind as u8])
            // Not an initial migration image, no rights of other privilege levels, reserved.
            .chain_update([0; 5])
            .chain_update(gpa.to_le_bytes());
        self.0 = hash.finalize().into();
    }

    /// Measures the next processor.
    fn processor(&mut self, firmware: &Firmware, machine: Machine, vcpu: u32) {
        let eip = if vcpu == 0 { RESET } else { firmware.reset_eip };
        let area = save_area::page(eip, machine.cpu.signature, machine.features);
        self.update(PageType::SaveArea, SAVE_AREA_GPA, Sha384::digest(area).into());
    }

    /// Measures pages of contents from an address on.
    fn contents(&mut self, gpa: u64, bytes: &[u8]) {
        let mut at = gpa;
        for page in bytes.chunks(4096) {
            self.update(PageType::Normal, at, Sha384::digest(page).into());
            at = at.saturating_add(PAGE.into());
        }
    }
}

/// The page of hashes that QEMU writes and the firmware compares with what it loads. A place
/// beside which the table does not fit leaves it out, and the firmware finds no hashes.
fn hashes_page(boot: &Direct, gpa: u64) -> [u8; 4096] {
    const ENTRY: u16 = 16 + 2 + 32;
    const TABLE: u16 = 16 + 2 + 3 * ENTRY;
    let mut table = Vec::with_capacity(176);
    table.extend(guid("9438d606-4f22-4cc9-b479-a793d411fd21"));
    table.extend(TABLE.to_le_bytes());
    for (name, hash) in [
        ("97d02dd8-bd20-4c94-aa78-e7714d36ab2a", boot.command_line),
        ("44baf731-3a2f-4bd7-9af1-41e29169781d", boot.initrd),
        ("4de79437-abd2-427f-b835-d5b172d2045b", boot.kernel),
    ] {
        table.extend(guid(name));
        table.extend(ENTRY.to_le_bytes());
        table.extend(hash);
    }
    let mut page = [0; 4096];
    let place = usize::try_from(gpa & u64::from(PAGE - 1)).unwrap_or_default();
    let place = place..place.saturating_add(table.len());
    if let Some(place) = page.get_mut(place) {
        place.copy_from_slice(&table);
    }
    page
}

/// A GUID as it lies in memory: its first three parts little-endian.
fn guid(text: &str) -> [u8; 16] {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16).unwrap_or_default().to_be_bytes();
    let [a, b, c, d, e, f, g, h, rest @ ..] = number;
    let [i, j, k, l, m, n, o, p] = rest;
    [d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p]
}

#[cfg(test)]
mod tests;
