#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::process::Command;
use std::thread::JoinHandle;

use messages::evidence::{HARDWARE_MEDIA_TYPE, SNP_REPORT_BYTES};
use messages::ids::BootId;
use messages::signature::PublicKey;

use super::*;

#[test]
fn evidence_is_what_the_kernel_gives_over_the_claims() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = Kernel::start(folder.path(), "sev_guest", 3, Behaviour::Honest);
    let tsm = Tsm::open(folder.path(), evidence::Tee::Snp).unwrap();
    fs::create_dir(folder.path().join("endorsements")).unwrap();
    fs::write(folder.path().join("endorsements/vek.der"), "vek").unwrap();
    let hardware = Hardware::open(tsm, evidence::Tee::Snp, CONFIG, folder.path()).unwrap();
    assert_eq!(hardware.version, Some(Version(0x0706_0504_0302_0100)));

    let claims = claims();
    let conceptual = hardware.attest(&claims).unwrap();
    assert_eq!((conceptual.media_type.as_str(), conceptual.indicator), (HARDWARE_MEDIA_TYPE, 6));
    let evidence = Evidence::from_cbor(&conceptual.value).unwrap();
    assert_eq!(evidence.claims, claims.to_cbor());
    assert_eq!(evidence.report[0x50..0x90], claims.report_data(1));
    assert_eq!(evidence.endorsements.unwrap().vek.as_deref(), Some(&b"vek"[..]));
    kernel.join().unwrap();
}

#[test]
fn a_machine_that_was_launched_with_another_configuration_is_no_monitor() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = Kernel::start(folder.path(), "sev_guest", 2, Behaviour::Honest);
    let tsm = Tsm::open(folder.path(), evidence::Tee::Snp).unwrap();
    let other = ConfigDigest([9; 32]);
    let refused = Hardware::open(tsm, evidence::Tee::Snp, other, folder.path());
    assert!(matches!(refused, Err(TeeError::Config)));
    kernel.join().unwrap();
}

#[test]
fn what_is_not_there_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let open = |tee| Tsm::open(folder.path(), tee).map(drop).unwrap_err().to_string();
    // No interface at all, one without hardware, one of other hardware.
    let missing = Tsm::open(&folder.path().join("none"), evidence::Tee::Snp).map(drop).unwrap_err();
    assert!(missing.to_string().starts_with("tee-absent: "));
    assert!(open(evidence::Tee::Snp).starts_with("tee-absent: "));
    assert!(!folder.path().join("cloister").exists(), "what was made is taken away");
    fs::create_dir(folder.path().join("cloister")).unwrap();
    fs::write(folder.path().join("cloister/provider"), "none\n").unwrap();
    assert!(open(evidence::Tee::Snp).starts_with("tee-absent: "));
    fs::write(folder.path().join("cloister/provider"), "tdx_guest\n").unwrap();
    assert!(open(evidence::Tee::Snp).starts_with("tee-other: "));
    assert!(open(evidence::Tee::Tdx).starts_with("tee-silent: "));
}

#[test]
fn evidence_over_other_data_or_of_another_shape_is_none() {
    for behaviour in [Behaviour::OtherData, Behaviour::Short] {
        let folder = tempfile::tempdir().unwrap();
        let kernel = Kernel::start(folder.path(), "sev_guest", 1, behaviour);
        let refused = Tsm::open(folder.path(), evidence::Tee::Snp).map(drop).unwrap_err();
        assert!(refused.to_string().starts_with("tee-malformed: "));
        kernel.join().unwrap();
    }
    // Somebody else writes in between, each time.
    let folder = tempfile::tempdir().unwrap();
    let kernel = Kernel::start(folder.path(), "sev_guest", 3, Behaviour::Contended);
    let refused = Tsm::open(folder.path(), evidence::Tee::Snp).map(drop).unwrap_err();
    assert!(refused.to_string().starts_with("tee-silent: "));
    kernel.join().unwrap();
}

#[test]
fn a_launch_is_read_from_either_kind_of_evidence() {
    let mut quote = vec![0; 700];
    quote[..2].copy_from_slice(&4_u16.to_le_bytes());
    quote[232..264].copy_from_slice(&CONFIG.0);
    let launched = Launched::read(evidence::Tee::Tdx, &quote).unwrap();
    assert_eq!((launched.config, launched.version), (CONFIG, None));
    quote[264] = 1;
    assert_ne!(Launched::read(evidence::Tee::Tdx, &quote).unwrap().config, CONFIG);
    let mut quote = vec![0; 700];
    quote[..2].copy_from_slice(&5_u16.to_le_bytes());
    quote[238..270].copy_from_slice(&CONFIG.0);
    assert_eq!(Launched::read(evidence::Tee::Tdx, &quote).unwrap().config, CONFIG);
    for kind in [evidence::Tee::Snp, evidence::Tee::Tdx] {
        assert!(Launched::read(kind, &[]).is_none());
        assert!(Launched::read(kind, &[5, 0, 0, 0]).is_none());
    }
}

const CONFIG: ConfigDigest = ConfigDigest([3; 32]);

fn claims() -> Claims {
    Claims::for_checkpoint(
        "log.example".into(),
        (BootId([4; 32]), PublicKey([1; 32])),
        PublicKey([2; 32]),
        CONFIG,
    )
}

fn report(data: &[u8]) -> Vec<u8> {
    let mut report = vec![0; SNP_REPORT_BYTES];
    report[..4].copy_from_slice(&5_u32.to_le_bytes());
    report[0x50..0x90].copy_from_slice(data);
    report[0xc0..0xe0].copy_from_slice(&CONFIG.0);
    report[0x1e0..0x1e8].copy_from_slice(&[0, 1, 2, 3, 4, 5, 6, 7]);
    report
}

/// What stands in for the kernel: pipes, in which a read waits for its answer.
struct Kernel;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Honest,
    OtherData,
    Short,
    Contended,
}

impl Kernel {
    /// Answers so many requests in an entry of this provider.
    fn start(root: &Path, provider: &str, requests: u64, behaviour: Behaviour) -> JoinHandle<()> {
        let entry = root.join("cloister");
        fs::create_dir(&entry).unwrap();
        fs::write(entry.join("provider"), format!("{provider}\n")).unwrap();
        fs::write(entry.join("generation"), "0\n").unwrap();
        for pipe in ["inblob", "outblob", "auxblob"] {
            let path = entry.join(pipe);
            assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
            assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
        }
        std::thread::spawn(move || {
            let mut generation = 0;
            for _ in 0..requests {
                let mut data = fs::read(entry.join("inblob")).unwrap();
                assert_eq!(data.len(), 64);
                generation += if behaviour == Behaviour::Contended { 2 } else { 1 };
                if behaviour == Behaviour::OtherData {
                    data = vec![0xee; 64];
                }
                let mut report = report(&data);
                if behaviour == Behaviour::Short {
                    report.pop();
                }
                fs::write(entry.join("generation"), format!("{generation}\n")).unwrap();
                fs::write(entry.join("outblob"), report).unwrap();
                fs::write(entry.join("auxblob"), []).unwrap();
            }
        })
    }
}
