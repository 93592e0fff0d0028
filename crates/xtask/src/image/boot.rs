//! The image boots: under plain emulation, on this machine alone, with the whole monitor inside.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::machine::Machine;
use super::{Image, folder};
use crate::{output, root, test};

/// Boots the image, pins anchors over the attested channel, and asks once more under them.
pub(super) fn check(image: &Image) -> Result<()> {
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
    Ok(())
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
    Ok(sample + &fs::read_to_string(root().join("enclave/image/guest.toml"))?)
}
