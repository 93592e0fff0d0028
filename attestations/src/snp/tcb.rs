//! Processor families and their trusted computing bases.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A family of processors: each has a root of its own and its own layout of a TCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Zen 4: 19h, model 11h.
    Genoa,
    /// Zen 3: 19h, model 01h.
    Milan,
    /// Zen 5: 1Ah, model 02h.
    Turin,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Genoa, Self::Milan, Self::Turin];

    /// By `CPUID_FAM_ID` and `CPUID_MOD_ID` of a report.
    pub(super) const fn of_processor(family: u8, model: u8) -> Option<Self> {
        match (family, model) {
            (0x19, 0x01) => Some(Self::Milan),
            (0x19, 0x11) => Some(Self::Genoa),
            (0x1a, 0x02) => Some(Self::Turin),
            _ => None,
        }
    }

    /// Its name in AMD's certificates.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Genoa => "Genoa",
            Self::Milan => "Milan",
            Self::Turin => "Turin",
        }
    }
}

/// Security version numbers of one processor's firmware. They are compared one by one: as whole
/// numbers they have no order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcb {
    /// Of the mission control firmware; Turin only.
    #[serde(default)]
    pub fmc: u8,
    /// Of the boot loader.
    pub bootloader: u8,
    /// Of the trusted operating system of the security processor.
    pub tee: u8,
    /// Of the SNP firmware.
    pub snp: u8,
    /// Patch level of the microcode.
    pub microcode: u8,
}

impl Tcb {
    /// The eight bytes of a report, in the layout of its family; none if a reserved one is set.
    pub(super) const fn read(family: Family, bytes: &[u8; 8]) -> Option<Self> {
        let fmc = 0;
        match (family, *bytes) {
            (Family::Genoa | Family::Milan, [bootloader, tee, 0, 0, 0, 0, snp, microcode]) => {
                Some(Self { fmc, bootloader, tee, snp, microcode })
            }
            (Family::Turin, [fmc, bootloader, tee, snp, 0, 0, 0, microcode]) => {
                Some(Self { fmc, bootloader, tee, snp, microcode })
            }
            _ => None,
        }
    }

    /// Is no component older than that of `floor`?
    #[must_use]
    pub const fn reaches(&self, floor: &Self) -> bool {
        self.fmc >= floor.fmc
            && self.bootloader >= floor.bootloader
            && self.tee >= floor.tee
            && self.snp >= floor.snp
            && self.microcode >= floor.microcode
    }
}

impl fmt::Display for Tcb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fmc, bootloader, tee, snp, microcode } = self;
        write!(f, "fmc {fmc} bootloader {bootloader} tee {tee} snp {snp} microcode {microcode}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_a_layout_of_its_own() {
        let bytes = [1, 2, 0, 0, 0, 0, 3, 4];
        let tcb = Tcb { fmc: 0, bootloader: 1, tee: 2, snp: 3, microcode: 4 };
        assert_eq!(Tcb::read(Family::Milan, &bytes), Some(tcb));
        assert_eq!(Tcb::read(Family::Genoa, &bytes), Some(tcb));
        assert_eq!(Tcb::read(Family::Turin, &bytes), None);
        let turin = Tcb { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 5 };
        assert_eq!(Tcb::read(Family::Turin, &[1, 2, 3, 4, 0, 0, 0, 5]), Some(turin));
        for reserved in 2..6 {
            let mut bytes = bytes;
            bytes[reserved] = 1;
            assert_eq!(Tcb::read(Family::Genoa, &bytes), None, "byte {reserved}");
        }
        for reserved in 4..7 {
            let mut bytes = [0; 8];
            bytes[reserved] = 1;
            assert_eq!(Tcb::read(Family::Turin, &bytes), None, "byte {reserved}");
        }
    }

    #[test]
    fn a_tcb_reaches_another_only_with_every_component() {
        let floor = Tcb { fmc: 1, bootloader: 1, tee: 1, snp: 1, microcode: 1 };
        assert!(floor.reaches(&floor));
        let older: [fn(&mut Tcb); 5] = [
            |t| t.fmc = 0,
            |t| t.bootloader = 0,
            |t| t.tee = 0,
            |t| t.snp = 0,
            |t| t.microcode = 0,
        ];
        for (component, change) in older.into_iter().enumerate() {
            let mut tcb = Tcb { fmc: 9, bootloader: 9, tee: 9, snp: 9, microcode: 9 };
            assert!(tcb.reaches(&floor));
            change(&mut tcb);
            assert!(!tcb.reaches(&floor), "component {component}");
        }
    }

    #[test]
    fn three_processors_are_known() {
        let known = [((0x19, 1), "Milan"), ((0x19, 0x11), "Genoa"), ((0x1a, 2), "Turin")];
        for ((family, model), name) in known {
            assert_eq!(Family::of_processor(family, model).map(Family::name), Some(name));
        }
        for (family, model) in [(0x17, 0x31), (0x19, 0xa0), (0x1a, 0x11), (0, 0)] {
            assert_eq!(Family::of_processor(family, model), None);
        }
    }
}
