//! An emulated machine that boots the measured image, with a monitor of the test's own inside. The
//! run is told of it from outside, by `cargo xtask test image`; other runs have none, and their
//! monitors are processes.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

pub(crate) struct Machine {
    /// The emulator and its arguments, with places for what each boot has of its own.
    words: Vec<String>,
    /// The monitor in the image.
    pub(crate) monitor: PathBuf,
}

/// What one boot has of its own.
pub(crate) struct Boot<'a> {
    pub(crate) config: &'a Path,
    /// The disk with the state. Made where there is none yet.
    pub(crate) state: &'a Path,
    /// Where everything goes that the machine says.
    pub(crate) serial: &'a Path,
}

impl Machine {
    /// The machine of this run, if it has one.
    pub(crate) fn given() -> Option<&'static Self> {
        static GIVEN: OnceLock<Option<Machine>> = OnceLock::new();
        let given = || {
            let words = std::fs::read_to_string(std::env::var_os("CLOISTER_MACHINE")?).unwrap();
            let words = words.lines().map(str::to_owned).collect();
            let monitor = std::env::var_os("CLOISTER_MACHINE_MONITOR").unwrap().into();
            Some(Self { words, monitor })
        };
        GIVEN.get_or_init(given).as_ref()
    }

    /// A configuration as a machine needs it: with its network, and without a door for an operator,
    /// whom nothing leads to inside.
    pub(crate) fn configured(config: &str) -> String {
        let config = config.replace("\"127.0.0.1:0\"", "\"0.0.0.0:8443\"");
        config.replace("\n[clock]\n", &format!("{NETWORK}\n[clock]\n"))
    }

    /// The command that boots, and where the machine is reached.
    pub(crate) fn command(&self, boot: &Boot<'_>) -> (Command, SocketAddr) {
        if !boot.state.exists() {
            File::create(boot.state).unwrap().set_len(256 << 20).unwrap();
            let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(boot.state).status();
            assert!(made.unwrap().success());
        }
        File::create(boot.serial).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let port = free.port().to_string();
        let word = |word: &String| {
            word.replace("{config}", boot.config.to_str().unwrap())
                .replace("{state}", boot.state.to_str().unwrap())
                .replace("{serial}", boot.serial.to_str().unwrap())
                .replace("{port}", &port)
        };
        let mut words = self.words.iter().map(word);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        (command, free)
    }
}

const NETWORK: &str = include_str!("../../image/guest.toml");
