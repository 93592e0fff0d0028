//! A `cloisterd` of the test's own, and the bytes of its door.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use messages::codec::Wire;
use messages::reply::{Reply, Request};

pub(crate) struct Daemon {
    child: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = include_str!("../../../crates/cloister/demo/monitor.toml");
        let config = config.replace("{start_ms}", "1796083200000");
        std::fs::write(folder.path().join("monitor.toml"), config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_cloisterd"))
            .arg("--config")
            .arg(folder.path().join("monitor.toml"))
            .arg("--socket")
            .arg(folder.path().join("s"))
            .arg("--state")
            .arg(folder.path().join("state"))
            .stderr(std::fs::File::create(folder.path().join("audit")).unwrap())
            .spawn()
            .unwrap();
        let daemon = Self { child, folder };
        for _ in 0..200 {
            if UnixStream::connect(daemon.socket()).is_ok() {
                return daemon;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("cloisterd does not listen");
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub(crate) fn audit(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("audit")).unwrap()
    }

    pub(crate) fn ask_bytes(&self, bytes: &[u8]) -> Reply {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.write_all(&u32::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(bytes).unwrap();
        read(&mut stream)
    }

    pub(crate) fn refused(&self, request: &Request) -> String {
        match self.ask_bytes(&request.to_cbor()) {
            Reply::Error { code } => code,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub(crate) fn read(stream: &mut UnixStream) -> Reply {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut bytes = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut bytes).unwrap();
    Reply::from_cbor(&bytes).unwrap()
}
