//! The monitor as the first and only process of a measured image: what an init does, and no more.
//! Nothing steers it but the kernel's command line, which is measured and names nothing of ours,
//! and the configuration, whose digest the hardware has.

use std::fs::File;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use rtnetlink::{LinkUnspec, RouteMessageBuilder, new_connection};

use crate::audit;
use crate::config::{Config, GuestValues};

/// Is this process the first one?
pub(crate) fn is_first() -> bool {
    std::process::id() == 1
}

/// Makes a machine of an initial file system, serves, and turns the machine off, whatever came of
/// it: an init that ends is a kernel that panics.
pub(crate) fn run(serve: impl FnOnce(&Path, &Path) -> Result<()>) -> ExitCode {
    let ended = begin().and_then(|()| serve(Path::new(CONFIG), Path::new(STATE)));
    if let Err(error) = ended {
        audit::not_served(&error);
    }
    nix::unistd::sync();
    // It returns only where it is not allowed, which the first process is.
    match reboot(RebootMode::RB_POWER_OFF) {
        Ok(never) => match never {},
        Err(_) => ExitCode::FAILURE,
    }
}

fn begin() -> Result<()> {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        attach(kind, kind, place)?;
    }
    for module in MODULES {
        load(module)?;
    }
    attach("configfs", "configfs", "/sys/kernel/config")?;
    let config = std::fs::read(CONFIG).context(
        "guest-no-config: the host gives no configuration; launch with -fw_cfg \
         name=opt/cloister/config,file=monitor.toml",
    )?;
    // The parser's own words quote the file.
    let values = Config::parse(&config).map(|config| config.values).map_err(|_| {
        anyhow::anyhow!("guest-config: the configuration is refused; ask cloisterd check-config")
    });
    let guest = values?.guest.context(
        "guest-no-network: the configuration has no part [guest]; say the address of the machine",
    )?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(network(guest)).context(
        "guest-network: the interface cannot be set up; launch with one virtio-net device",
    )?;
    attach("ext4", "/dev/vda", STATE).context(
        "guest-no-state: the state disk cannot be attached; launch with one virtio-blk disk that \
         mkfs.ext4 has made",
    )
}

fn attach(kind: &str, source: &str, place: &str) -> Result<()> {
    std::fs::create_dir_all(place)?;
    let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    // The host made what is on the state disk: nothing there leads anywhere else.
    if kind == "ext4" {
        flags |= MsFlags::MS_NODEV | MsFlags::from_bits_retain(MS_NOSYMFOLLOW);
    }
    mount(Some(source), place, Some(kind), flags, None::<&str>)
        .with_context(|| format!("{place} cannot be mounted"))
}

/// Loads a module of the image; a driver of hardware that is not there may refuse.
fn load(module: &str) -> Result<()> {
    use nix::errno::Errno;
    use nix::kmod::{ModuleInitFlags, finit_module};

    let file = match File::open(format!("/modules/{module}.ko")) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    match finit_module(&file, c"", ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::ENODEV | Errno::EEXIST) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("the module {module} cannot be loaded")),
    }
}

/// Brings up the loopback and the one interface.
async fn network(guest: GuestValues) -> Result<()> {
    let (connection, handle, _) = new_connection()?;
    tokio::spawn(connection);
    let link = async |name: &str| -> Result<u32> {
        let mut links = handle.link().get().match_name(name.to_owned()).execute();
        let found = links.try_next().await?.context("there is no such interface")?;
        let index = found.header.index;
        handle.link().set(LinkUnspec::new_with_index(index).up().build()).execute().await?;
        Ok(index)
    };
    link("lo").await?;
    // A driver takes a moment to find its device.
    let mut found = link("eth0").await;
    for _ in 0..50 {
        if found.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        found = link("eth0").await;
    }
    let index = found?;
    let GuestValues { address, prefix, gateway } = guest;
    handle.address().add(index, IpAddr::V4(address), prefix).execute().await?;
    if let Some(gateway) = gateway {
        let route = RouteMessageBuilder::<std::net::Ipv4Addr>::new().gateway(gateway).build();
        handle.route().add(route).execute().await?;
    }
    Ok(())
}

/// Where QEMU's firmware configuration shows what the host passed.
const CONFIG: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/cloister/config/raw";
const STATE: &str = "/state";
/// Linux, `include/uapi/linux/mount.h`.
const MS_NOSYMFOLLOW: nix::libc::c_ulong = 256;
/// In the order in which they need each other. No generator of the host's: `virtio-rng` is not
/// among them.
const MODULES: [&str; 9] = [
    "configfs",
    "tsm",
    "failover",
    "net_failover",
    "virtio_net",
    "virtio_blk",
    "qemu_fw_cfg",
    "sev-guest",
    "tdx-guest",
];
