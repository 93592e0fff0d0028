//! The initial file system: one program, the kernel's modules that it loads, and a console. The
//! same files are the same bytes: no times, no owners, no order of a disk.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use cpio::newc;
use flate2::{Compression, GzBuilder};

use super::{packages, read};

/// Modules of the kernel package, by their place below `kernel/`.
const MODULES: [&str; 9] = [
    "drivers/block/virtio_blk.ko",
    "drivers/firmware/qemu_fw_cfg.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
    "drivers/virt/coco/sev-guest/sev-guest.ko",
    "drivers/virt/coco/tdx-guest/tdx-guest.ko",
    "drivers/virt/coco/tsm.ko",
    "fs/configfs/configfs.ko",
    "net/core/failover.ko",
];

/// Writes the initial file system with this monitor and the modules of the extracted kernel.
pub(super) fn assemble(monitor: &Path, extracted: &Path, out: &Path) -> Result<()> {
    let kernel = packages::only(&extracted.join("lib/modules"), "")?.join("kernel");
    let mut archive = Archive { bytes: Vec::new(), inode: 1 };
    for folder in ["dev", "modules", "proc", "state", "sys"] {
        archive.add(folder, DIRECTORY | 0o755, (0, 0), &[])?;
    }
    // The kernel opens it before the first process could make it.
    archive.add("dev/console", CHARACTER_DEVICE | 0o600, (5, 1), &[])?;
    archive.add("init", FILE | 0o755, (0, 0), &read(monitor)?)?;
    for module in MODULES {
        let name = module.rsplit('/').next().unwrap_or(module);
        archive.add(
            &format!("modules/{name}"),
            FILE | 0o644,
            (0, 0),
            &unpacked(&kernel, module)?,
        )?;
    }
    let bytes = newc::trailer(archive.bytes)?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(&bytes)?;
    fs::write(out, gzip.finish()?)?;
    Ok(())
}

/// A module as the kernel loads it.
fn unpacked(kernel: &Path, module: &str) -> Result<Vec<u8>> {
    let packed = kernel.join(format!("{module}.xz"));
    let out = Command::new("xz").args(["--decompress", "--stdout"]).arg(&packed).output();
    let out = out.context("xz cannot be started: install xz-utils")?;
    ensure!(out.status.success(), "{} cannot be unpacked", packed.display());
    Ok(out.stdout)
}

struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, device: (u32, u32), contents: &[u8]) -> Result<()> {
        let size = u32::try_from(contents.len())?;
        let entry = newc::Builder::new(name)
            .ino(self.inode)
            .mode(mode)
            .nlink(1)
            .uid(0)
            .gid(0)
            .mtime(0)
            .rdev_major(device.0)
            .rdev_minor(device.1);
        let mut writer = entry.write(core::mem::take(&mut self.bytes), size);
        writer.write_all(contents)?;
        self.bytes = writer.finish()?;
        self.inode = self.inode.saturating_add(1);
        Ok(())
    }
}

// Types of files, as `stat` has them.
const DIRECTORY: u32 = 0o040_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const FILE: u32 = 0o100_000;
