//! What a release is launched from, as a file; and which part of it moved, where a measurement is
//! not the one that was expected.

use serde::{Deserialize, Serialize};

use super::{Cpu, Direct, Firmware, Machine, Section, SectionKind, loaded};
use crate::policy::Hex;

/// The parts of one release, each by what a launch measures of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// How people call it.
    pub name: String,
    firmware: FirmwareFile,
    kernel: Hex<32>,
    initrd: Hex<32>,
    command_line: Hex<32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FirmwareFile {
    digest: Hex<48>,
    sections: Vec<(u32, u32, u32)>,
    hashes_gpa: u64,
    reset_eip: u32,
}

impl Release {
    /// Of firmware and what it boots.
    #[must_use]
    pub fn new(name: &str, firmware: &Firmware, boot: &Direct) -> Self {
        let sections = firmware.sections.iter();
        let sections = sections.map(|section| (section.gpa, section.size, section.kind.number()));
        Self {
            name: name.to_owned(),
            firmware: FirmwareFile {
                digest: Hex(firmware.digest),
                sections: sections.collect(),
                hashes_gpa: firmware.hashes_gpa,
                reset_eip: firmware.reset_eip,
            },
            kernel: Hex(boot.kernel),
            initrd: Hex(boot.initrd),
            command_line: Hex(boot.command_line),
        }
    }

    /// Its firmware; none where a section is of no known kind or size.
    #[must_use]
    pub fn firmware(&self) -> Option<Firmware> {
        let sections = self.firmware.sections.iter().map(|(gpa, size, kind)| {
            let size = (*size <= 1 << 28 && size.is_multiple_of(4096)).then_some(*size)?;
            Some(Section { gpa: *gpa, size, kind: SectionKind::parse(*kind)? })
        });
        Some(Firmware {
            digest: self.firmware.digest.0,
            sections: sections.collect::<Option<_>>()?,
            hashes_gpa: self.firmware.hashes_gpa,
            reset_eip: self.firmware.reset_eip,
        })
    }

    /// What its firmware boots.
    #[must_use]
    pub const fn boot(&self) -> Direct {
        Direct { kernel: self.kernel.0, initrd: self.initrd.0, command_line: self.command_line.0 }
    }
}

/// A launch that a measurement is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Which releases firmware, kernel, initial file system and command line are of, by their
    /// place in the list.
    pub parts: [usize; 4],
    /// The machine.
    pub machine: Machine,
}

/// Which parts of which releases, on which machine of at most `most_vcpus` processors, come to a
/// measurement: a digest does not say what moved, but every combination can be tried. The one
/// whose parts come from the fewest releases is said first.
#[must_use]
pub fn explain(measurement: &[u8; 48], releases: &[Release], most_vcpus: u32) -> Option<Moved> {
    let places = 0..releases.len();
    let mut found: Vec<Moved> = Vec::new();
    for firmware_of in places.clone() {
        let Some(firmware) = releases.get(firmware_of).and_then(Release::firmware) else {
            continue;
        };
        let boots = places.clone().flat_map(|kernel| {
            let places = places.clone();
            places
                .clone()
                .flat_map(move |initrd| places.clone().map(move |line| [kernel, initrd, line]))
        });
        for [kernel, initrd, line] in boots {
            let part = |place: usize| releases.get(place).map(Release::boot);
            let (Some(of_kernel), Some(of_initrd), Some(of_line)) =
                (part(kernel), part(initrd), part(line))
            else {
                continue;
            };
            let boot = Direct {
                kernel: of_kernel.kernel,
                initrd: of_initrd.initrd,
                command_line: of_line.command_line,
            };
            let begun = loaded(&firmware, &boot);
            let parts = [firmware_of, kernel, initrd, line];
            let machines = Cpu::ALL.into_iter().filter_map(|cpu| {
                let mut digest = begun;
                let mut machine = Machine { vcpus: 0, cpu, features: 1 };
                for vcpu in 0..most_vcpus {
                    digest.processor(&firmware, machine, vcpu);
                    machine.vcpus = machine.vcpus.saturating_add(1);
                    if digest.0 == *measurement {
                        return Some(Moved { parts, machine });
                    }
                }
                None
            });
            found.extend(machines);
        }
    }
    found.into_iter().min_by_key(|found| {
        let mut parts = found.parts.to_vec();
        parts.sort_unstable();
        parts.dedup();
        parts.len()
    })
}
