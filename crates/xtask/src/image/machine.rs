//! An emulated machine that boots the image: on this machine alone, and with nothing but a processor
//! that the emulator makes, so without any TEE.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Image;
use crate::stage;

/// The emulator and its arguments, with the places `{config}`, `{state}`, `{serial}` and `{port}`
/// for what each boot has of its own.
pub(super) fn words(image: &Image) -> Vec<String> {
    let mut words: Vec<String> = EMULATOR.iter().map(|word| (*word).to_owned()).collect();
    for (flag, value) in [
        ("-append", image.command_line.clone()),
        ("-kernel", image.kernel.display().to_string()),
        ("-initrd", image.initrd.display().to_string()),
    ] {
        words.extend([flag.to_owned(), value]);
    }
    words
}

/// An emulated machine; ended with this value.
pub(super) struct Machine {
    child: Child,
    serial: PathBuf,
    pub(super) port: u16,
}

impl Machine {
    pub(super) fn start(image: &Image, scene: &Path, config: &Path) -> Result<Self> {
        let state = scene.join("state.img");
        File::create(&state)?.set_len(256 << 20)?;
        stage::run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&state))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let serial = scene.join("serial.log");
        File::create(&serial)?;
        let mut words = words(image).into_iter().map(|word| {
            word.replace("{config}", &config.to_string_lossy())
                .replace("{state}", &state.to_string_lossy())
                .replace("{serial}", &serial.to_string_lossy())
                .replace("{port}", &port.to_string())
        });
        let mut command = Command::new(words.next().context("an emulator")?);
        let command = command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().context("the emulator cannot be started")?;
        Ok(Self { child, serial, port })
    }

    /// Waits until the serial line says so.
    pub(super) fn wait(&self, word: &str) -> Result<()> {
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

const EMULATOR: [&str; 25] = [
    "qemu-system-x86_64",
    "-machine",
    "q35,accel=tcg",
    // `cx16` crashes this kernel in older emulators.
    "-cpu",
    "max,-cx16",
    "-m",
    "1024",
    "-smp",
    "1",
    "-nodefaults",
    "-no-reboot",
    "-display",
    "none",
    "-serial",
    "file:{serial}",
    "-fw_cfg",
    "name=opt/cloister/config,file={config}",
    "-drive",
    "if=none,id=state,format=raw,file={state}",
    "-device",
    "virtio-blk-pci,drive=state",
    "-netdev",
    "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:8443",
    "-device",
    "virtio-net-pci,netdev=net,romfile=",
];
