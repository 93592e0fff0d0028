//! `cargo xtask image`: the measured image. Debian's kernel and firmware, pinned by hash; one
//! static program as init; the same bytes from the same parts.

mod boot;
mod evidence;
mod initrd;
mod machine;
mod packages;
mod suite;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::stage::{self, Outcome};
use crate::totals::Totals;
use crate::{cargo, output, root, test, tools};

/// Which monitor is inside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// With development evidence: boots anywhere, proves nothing.
    Development,
    /// For confidential VMs.
    Release,
    /// The same features without the optimiser: to look into, and part of no image.
    UnoptimisedRelease,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Release => "release",
            Self::UnoptimisedRelease => "release-unoptimised",
        }
    }
}

/// An image as it lies in its folder.
pub(crate) struct Image {
    pub(crate) kernel: PathBuf,
    pub(crate) initrd: PathBuf,
    pub(crate) firmware: PathBuf,
    pub(crate) command_line: String,
    pub(crate) monitor: PathBuf,
}

/// Builds the image and prints its digests.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let kind = match arguments {
        [] => Kind::Release,
        [word] if word == "--development" => Kind::Development,
        _ => anyhow::bail!("cargo xtask image takes --development or nothing"),
    };
    stage::run(&mut test::build_binaries())?;
    match build(kind)? {
        Ok(image) => {
            println!("{}", digests(&image)?);
            Ok(())
        }
        Err(why) => anyhow::bail!("{why}"),
    }
}

/// The stage: a development image, assembled twice, measured twice, booted, and with the service's
/// tests in it.
pub(crate) fn check(totals: &mut Totals) -> Result<Outcome> {
    let image = match build(Kind::Development)? {
        Ok(image) => image,
        Err(why) => return Ok(Outcome::Skipped(why)),
    };
    let first = fs::read(&image.initrd)?;
    let mut forget = cargo(&["clean", "--quiet", "--package", "cloister-enclave"]);
    stage::run(forget.args(["--target", TARGET, "--target-dir"]).arg(folder().join("target")))?;
    initrd::assemble(&monitor(Kind::Development)?, &extracted(), &image.initrd)?;
    ensure!(fs::read(&image.initrd)? == first, "two builds of the same parts differ");
    println!("   two builds of the initial file system have the same {} bytes", first.len());
    let ours = digests(&image)?;
    println!("{ours}");
    measured_by_others(&image, &ours)?;
    evidence::check(&image.monitor)?;
    if !tools::provide(&tools::QEMU)? {
        return Ok(Outcome::Skipped("qemu is not installed, and cannot be"));
    }
    boot::check(&image)?;
    suite::check(&image, totals)?;
    Ok(Outcome::Passed)
}

/// Fetches, compiles and assembles; says what cannot be had.
fn build(kind: Kind) -> Result<Result<Image, &'static str>> {
    let folder = folder();
    fs::create_dir_all(&folder)?;
    if let Err(why) = packages::fetch(&root().join("enclave/image/packages.toml"), &folder)? {
        return Ok(Err(why));
    }
    let monitor = monitor(kind)?;
    let out = folder.join(kind.name());
    fs::create_dir_all(&out)?;
    let image = Image {
        kernel: out.join("vmlinuz"),
        initrd: out.join("initrd.gz"),
        firmware: out.join("OVMF.amdsev.fd"),
        command_line: fs::read_to_string(root().join("enclave/image/command-line"))?
            .trim_end()
            .to_owned(),
        monitor,
    };
    let kernel = packages::only(&extracted().join("boot"), "vmlinuz-")?;
    fs::copy(kernel, &image.kernel)?;
    fs::copy(extracted().join("usr/share/ovmf/OVMF.amdsev.fd"), &image.firmware)?;
    initrd::assemble(&image.monitor, &extracted(), &image.initrd)?;
    fs::write(out.join("command-line"), &image.command_line)?;
    Ok(Ok(image))
}

/// The monitor as one static program, without names of this machine's folders.
fn monitor(kind: Kind) -> Result<PathBuf> {
    let (profile, features) = match kind {
        Kind::Development => ("debug", "guest-image,insecure-software-attester"),
        Kind::Release => ("release", "guest-image,release-image"),
        Kind::UnoptimisedRelease => ("debug", "guest-image,release-image"),
    };
    let target = folder().join("target");
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|h| h + "/.cargo"));
    let flags = format!(
        "-C target-feature=+crt-static --remap-path-prefix={}=/source --remap-path-prefix={}=/cargo",
        root().display(),
        home.unwrap_or_default()
    );
    let mut command = cargo(&["build", "--locked", "--package", "cloister-enclave"]);
    command.args(["--target", TARGET, "--features", features, "--target-dir"]).arg(&target);
    if kind == Kind::Release {
        command.arg("--release");
    }
    stage::run(command.env("RUSTFLAGS", flags))?;
    let built = target.join(TARGET).join(profile).join("cloisterd");
    let stripped = folder().join(format!("cloisterd-{}", kind.name()));
    let mut strip = std::process::Command::new("strip");
    stage::run(strip.args(["--strip-all", "-o"]).args([&stripped, &built]))?;
    Ok(stripped)
}

/// Launch measurements by our own program.
fn digests(image: &Image) -> Result<String> {
    let mut command = std::process::Command::new(test::cloister());
    command.args(["policy", "measure", "--command-line", &image.command_line]);
    for (flag, file) in
        [("--firmware", &image.firmware), ("--kernel", &image.kernel), ("--initrd", &image.initrd)]
    {
        command.arg(flag).arg(file);
    }
    for vcpus in VCPUS {
        command.args(["--vcpus", &vcpus.to_string()]);
    }
    for cpu in CPUS {
        command.args(["--cpu", cpu]);
    }
    output(&mut command)
}

/// The same measurements by a program of other makers, where a package index has it.
fn measured_by_others(image: &Image, ours: &str) -> Result<()> {
    let venv = folder().join("sev-snp-measure");
    let tool = venv.join("bin/sev-snp-measure");
    if !tool.exists() {
        let mut python = std::process::Command::new("python3");
        let made = stage::run(python.args(["-m", "venv"]).arg(&venv)).is_ok();
        let mut install = std::process::Command::new(venv.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "sev-snp-measure==0.0.12"]);
        if !made || stage::run(&mut install).is_err() {
            println!("   not compared: sev-snp-measure cannot be installed here");
            return Ok(());
        }
    }
    for (vcpus, cpu) in [(1, "EPYC-v4"), (4, "EPYC-Genoa")] {
        let mut command = std::process::Command::new(&tool);
        command.args(["--mode", "snp", "--vcpus", &vcpus.to_string(), "--vcpu-type", cpu]);
        command.args(["--guest-features", "0x1", "--append", &image.command_line]);
        command.arg("--ovmf").arg(&image.firmware);
        command.arg("--kernel").arg(&image.kernel).arg("--initrd").arg(&image.initrd);
        let theirs = output(&mut command)?;
        let theirs = theirs.trim();
        ensure!(theirs.len() == 96 && ours.contains(theirs), "{cpu}: others measure {theirs}");
        println!("   sev-snp-measure comes to the same for {vcpus} x {cpu}");
    }
    Ok(())
}

/// Everything that is fetched and made.
fn folder() -> PathBuf {
    root().join("target/image")
}

/// Where the packages' files lie.
fn extracted() -> PathBuf {
    folder().join("extracted")
}

/// Reads a file, and says which one it was.
fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

const TARGET: &str = "x86_64-unknown-linux-gnu";
const VCPUS: [u32; 4] = [1, 2, 4, 8];
const CPUS: [&str; 4] = ["EPYC-v4", "EPYC-Milan", "EPYC-Genoa", "EPYC-Turin"];
