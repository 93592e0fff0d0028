//! The image boots: under plain emulation, on this machine alone, with the whole monitor inside.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{Image, folder};
use crate::stage::{self, Outcome};
use crate::tools;
use crate::{output, root, test};

/// Boots the image, pins anchors over the attested channel, and asks once more under them.
pub(super) fn check(image: &Image) -> Result<Outcome> {
    if !tools::provide(&tools::QEMU)? {
        return Ok(Outcome::Skipped("qemu is not installed, and cannot be"));
    }
    let scene = folder().join("boot");
    if scene.exists() {
        fs::remove_dir_all(&scene)?;
    }
    fs::create_dir_all(&scene)?;
    let config = scene.join("monitor.toml");
    fs::write(&config, configuration()?)?;
    // An emulator of this age now and then crashes a kernel: once more, and it is said.
    if let Err(error) = booted(image, &scene, &config) {
        println!("   the boot failed, and is tried once more: {error:#}");
        booted(image, &scene, &config)?;
    }
    Ok(Outcome::Passed)
}

fn booted(image: &Image, scene: &Path, config: &Path) -> Result<()> {
    let machine = Machine::start(image, scene, config)?;
    machine.wait("\"event\":\"listening\"")?;
    let url = format!("https://127.0.0.1:{}", machine.port);
    let cloister = |arguments: &[&str]| -> Result<String> {
        output(Command::new(test::cloister()).args(arguments).current_dir(scene))
    };
    let anchors = scene.join("anchors.toml");
    if anchors.exists() {
        fs::remove_file(&anchors)?;
    }
    let (config, monitor) = (config.to_string_lossy(), image.monitor.to_string_lossy());
    let insecure = "--allow-insecure-software-evidence";
    cloister(&[
        "anchors",
        "pin",
        "--monitor",
        &url,
        "--config",
        &config,
        "--executable",
        &monitor,
        "--out",
        "anchors.toml",
        insecure,
    ])?;
    // What was booted is what was built here: the digest of the executable is in the anchors.
    let said = cloister(&["attest", &url, insecure])?;
    ensure!(said.contains("INSECURE SOFTWARE EVIDENCE"), "development evidence says so: {said}");
    let refused = cloister(&["attest", &url]).err().context("passed without being asked for")?;
    ensure!(format!("{refused:#}").contains("software-evidence-refused"), "{refused:#}");
    println!("   booted, attested over its own channel, and refused where nobody asked for it");
    Ok(())
}

/// The sample configuration, for this machine's addresses.
fn configuration() -> Result<String> {
    let sample = fs::read_to_string(root().join("enclave/ops/monitor.toml"))?;
    let listen = "listen = \"0.0.0.0:8443\"";
    ensure!(sample.contains(listen), "the sample listens elsewhere");
    Ok(sample + "\n[guest]\naddress = \"10.0.2.15\"\nprefix = 24\ngateway = \"10.0.2.2\"\n")
}

/// An emulated machine; ended with this value.
struct Machine {
    child: Child,
    serial: PathBuf,
    port: u16,
}

impl Machine {
    fn start(image: &Image, scene: &Path, config: &Path) -> Result<Self> {
        let state = scene.join("state.img");
        File::create(&state)?.set_len(256 << 20)?;
        stage::run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&state))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let serial = scene.join("serial.log");
        File::create(&serial)?;
        let mut command = Command::new("qemu-system-x86_64");
        // `cx16` crashes this kernel in older emulators.
        command.args(["-machine", "q35,accel=tcg", "-cpu", "max,-cx16", "-m", "1024", "-smp", "1"]);
        command.args(["-nodefaults", "-no-reboot", "-display", "none"]);
        command.args(["-append", &image.command_line]);
        for (flag, value) in [
            ("-kernel", image.kernel.display().to_string()),
            ("-initrd", image.initrd.display().to_string()),
            ("-serial", format!("file:{}", serial.display())),
            ("-fw_cfg", format!("name=opt/cloister/config,file={}", config.display())),
            ("-drive", format!("if=none,id=state,format=raw,file={}", state.display())),
            ("-device", "virtio-blk-pci,drive=state".to_owned()),
            (
                "-netdev",
                format!("user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:8443"),
            ),
            ("-device", "virtio-net-pci,netdev=net,romfile=".to_owned()),
        ] {
            command.arg(flag).arg(value);
        }
        let command = command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().context("the emulator cannot be started")?;
        Ok(Self { child, serial, port })
    }

    /// Waits until the serial line says so.
    fn wait(&self, word: &str) -> Result<()> {
        for _ in 0..300 {
            let said = fs::read(&self.serial).unwrap_or_default();
            if String::from_utf8_lossy(&said).contains(word) {
                return Ok(());
            }
            sleep(Duration::from_secs(1));
        }
        let said = fs::read(&self.serial).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let last: Vec<&str> = said.lines().rev().take(20).collect();
        bail!("no {word} on the serial line; its last lines, newest first:\n{}", last.join("\n"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
