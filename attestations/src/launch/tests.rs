#![expect(clippy::arithmetic_side_effects, reason = "places in two pages")]

use std::path::PathBuf;

use super::*;

#[test]
fn a_recorded_machine_measured_what_is_computed_from_its_launch() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/snp");
    let read = |name: &str| std::fs::read(PathBuf::from(folder).join(name)).ok();
    let Some(inputs) = read("milan-v3-vcek-dstack.launch-inputs.json") else {
        return skipped();
    };
    let inputs: serde_json::Value = serde_json::from_slice(&inputs).unwrap();
    let number = |value: &serde_json::Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let bytes = |name: &str| hex::decode(inputs[name].as_str().unwrap()).unwrap();
    let section = |value: &serde_json::Value| Section {
        gpa: number(&value["gpa"]),
        size: number(&value["size"]),
        kind: SectionKind::parse(number(&value["section_type"])).unwrap(),
    };
    let firmware = Firmware {
        digest: bytes("ovmf_hash").try_into().unwrap(),
        sections: inputs["ovmf_sections"].as_array().unwrap().iter().map(section).collect(),
        hashes_gpa: number(&inputs["sev_hashes_table_gpa"]).into(),
        reset_eip: number(&inputs["sev_es_reset_eip"]),
    };
    let boot = Direct {
        kernel: bytes("kernel_hash").try_into().unwrap(),
        initrd: bytes("initrd_hash").try_into().unwrap(),
        ..Direct::of(&[], &[], inputs["base_cmdline"].as_str().unwrap())
    };
    let machine = Machine {
        vcpus: number(&inputs["vcpus"]),
        cpu: Cpu::parse(inputs["vcpu_type"].as_str().unwrap()).unwrap(),
        features: inputs["guest_features"].as_u64().unwrap(),
    };
    let report = read("milan-v3-vcek-dstack.report.bin").unwrap();
    assert_eq!(measurement(&firmware, &boot, machine), report[0x90..0xc0]);
    assert_eq!(measurement(&firmware, &boot, machine).to_vec(), bytes("expected_measurement"));
    // Whatever differs at a launch is another measurement.
    let other = |firmware: &Firmware, boot: &Direct, machine| {
        assert_ne!(measurement(firmware, boot, machine), report[0x90..0xc0]);
    };
    other(&firmware, &Direct { kernel: [0; 32], ..boot }, machine);
    other(&firmware, &Direct { initrd: [0; 32], ..boot }, machine);
    other(&firmware, &Direct { command_line: [0; 32], ..boot }, machine);
    other(&firmware, &boot, Machine { vcpus: 1, ..machine });
    other(&firmware, &boot, Machine { vcpus: 3, ..machine });
    other(&firmware, &boot, Machine { features: 0x21, ..machine });
    other(&firmware, &boot, Machine { cpu: Cpu::parse("EPYC-Milan").unwrap(), ..machine });
    other(&Firmware { digest: [0; 48], ..firmware.clone() }, &boot, machine);
    other(&Firmware { reset_eip: 0, ..firmware.clone() }, &boot, machine);
    other(&Firmware { hashes_gpa: 0, ..firmware.clone() }, &boot, machine);
    let mut shorter = firmware;
    shorter.sections.pop();
    other(&shorter, &boot, machine);
}

#[test]
fn firmware_is_read_as_it_is_laid_out_and_no_other() {
    let image = image(&SECTIONS, true);
    let firmware = Firmware::parse(&image).unwrap();
    assert_eq!(firmware.sections, SECTIONS);
    assert_eq!((firmware.reset_eip, firmware.hashes_gpa), (0x80_b004, 0x81_0c00));
    // The digest is of its pages, up to the end of 32 bits.
    let mut digest = LaunchDigest([0; 48]);
    digest.update(PageType::Normal, 0xffff_e000, Sha384::digest(&image[..4096]).into());
    digest.update(PageType::Normal, 0xffff_f000, Sha384::digest(&image[4096..]).into());
    assert_eq!(firmware.digest, digest.0);

    let error = |image: &[u8]| Firmware::parse(image).unwrap_err();
    assert_eq!(error(&image[1..]), LaunchError::NotFirmware);
    assert_eq!(error(&[]), LaunchError::NotFirmware);
    assert_eq!(error(&vec![0; 8192]), LaunchError::NotFirmware);
    assert_eq!(error(&self::image(&SECTIONS, false)), LaunchError::NoKernelHashes);
    let [.., hashes] = SECTIONS;
    assert_eq!(error(&self::image(&SECTIONS[..4], true)), LaunchError::NoKernelHashes);
    let odd = [Section { size: 100, ..hashes }];
    assert_eq!(error(&self::image(&odd, true)), LaunchError::NotSnp);
    for error in [LaunchError::NotFirmware, LaunchError::NotSnp, LaunchError::NoKernelHashes] {
        assert!(error.code().starts_with("launch-") && !error.remedy().is_empty());
    }
}

#[test]
fn what_moved_is_found_among_the_parts_of_releases() {
    let firmware = Firmware::parse(&image(&SECTIONS, true)).unwrap();
    let mut newer = image(&SECTIONS, true);
    newer[0] ^= 1;
    let newer = Firmware::parse(&newer).unwrap();
    let (one, two) = (Direct::of(b"k1", b"i1", "c1"), Direct::of(b"k2", b"i2", "c2"));
    let releases = [Release::new("1", &firmware, &one), Release::new("2", &newer, &two)];
    let text = serde_json::to_string(&releases).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Release>>(&text).unwrap(), releases);
    let machine = Machine { vcpus: 4, cpu: Cpu::parse("EPYC-Genoa").unwrap(), features: 1 };
    let moved = |firmware: &Firmware, boot: Direct, machine| {
        let found = explain(&measurement(firmware, &boot, machine), &releases, 8)?;
        assert_eq!(found.machine, machine);
        Some(found.parts)
    };
    assert_eq!(moved(&firmware, one, machine), Some([0; 4]));
    assert_eq!(moved(&newer, two, machine), Some([1; 4]));
    assert_eq!(moved(&newer, one, machine), Some([1, 0, 0, 0]));
    assert_eq!(moved(&firmware, Direct { kernel: two.kernel, ..one }, machine), Some([0, 1, 0, 0]));
    assert_eq!(moved(&firmware, Direct { initrd: two.initrd, ..one }, machine), Some([0, 0, 1, 0]));
    let line = Direct { command_line: two.command_line, ..one };
    assert_eq!(moved(&firmware, line, machine), Some([0, 0, 0, 1]));
    assert_eq!(moved(&firmware, Direct::of(b"k3", b"i1", "c1"), machine), None);
    assert_eq!(
        moved(&firmware, one, Machine { vcpus: 9, ..machine }),
        None,
        "more than were tried"
    );
}

#[test]
fn a_guid_lies_as_firmware_has_it() {
    assert_eq!(
        guid("00112233-4455-6677-8899-aabbccddeeff"),
        [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff
        ]
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(at: proptest::sample::Index, byte: u8) {
        let mut image = image(&SECTIONS, true);
        let before = Firmware::parse(&image);
        // The tables are at the end.
        let at = 8192 - 400 + at.index(400);
        let same = image[at] == byte;
        image[at] = byte;
        proptest::prop_assert_eq!(same, Firmware::parse(&image) == before);
    }
}

const SECTIONS: [Section; 5] = [
    Section { gpa: 0x80_0000, size: 0x3000, kind: SectionKind::Memory },
    Section { gpa: 0x80_d000, size: 0x1000, kind: SectionKind::Secrets },
    Section { gpa: 0x80_e000, size: 0x1000, kind: SectionKind::Cpuid },
    Section { gpa: 0x80_f000, size: 0x1000, kind: SectionKind::ServiceCall },
    Section { gpa: 0x81_0000, size: 0x1000, kind: SectionKind::KernelHashes },
];

/// Two pages of firmware with its tables.
fn image(sections: &[Section], hashes: bool) -> Vec<u8> {
    let mut metadata = b"ASEV".to_vec();
    let count = u32::try_from(sections.len()).unwrap();
    for word in [16 + 12 * count, 1, count] {
        metadata.extend(word.to_le_bytes());
    }
    for section in sections {
        for word in [section.gpa, section.size, section.kind.number()] {
            metadata.extend(word.to_le_bytes());
        }
    }
    let mut table = Vec::new();
    let mut entry = |name: &str, value: &[u8]| {
        table.extend(value);
        table.extend(u16::try_from(value.len() + 18).unwrap().to_le_bytes());
        table.extend(guid(name));
    };
    let from_end = 32 + 400 + u32::try_from(metadata.len()).unwrap();
    entry("dc886566-984a-4798-a75e-5585a7bf67cc", &from_end.to_le_bytes());
    entry("00f771de-1a7e-4fcb-890e-68c77e2fb44e", &0x80_b004_u32.to_le_bytes());
    if hashes {
        let place = [0x81_0c00_u32.to_le_bytes(), 0x400_u32.to_le_bytes()].concat();
        entry("7255371f-3a3b-4b04-927b-1da6efa8d454", &place);
    }
    let size = u16::try_from(table.len() + 18).unwrap();
    table.extend(size.to_le_bytes());
    table.extend(guid("96b582de-1fb2-45f7-baea-a366c55a082d"));
    let mut image: Vec<u8> = (0..8192_u32).map(|at| at.to_le_bytes()[1]).collect();
    let end = 8192 - 32;
    image[end - table.len()..end].copy_from_slice(&table);
    let start = 8192 - usize::try_from(from_end).unwrap();
    image[start..start + metadata.len()].copy_from_slice(&metadata);
    image
}

#[expect(clippy::print_stderr, clippy::disallowed_macros, reason = "a test says what it left out")]
fn skipped() {
    eprintln!("skipped: the recorded launch (../shared/vectors) is absent");
}
