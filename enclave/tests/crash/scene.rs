//! One pact, one session and a state folder that is copied, changed and put back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use messages::event::Party;
use messages::ids::{EventHash, SessionId};
use messages::receipt::{BootCertificate, Receipt};
use messages::reply::{Action, Reply, Request};
use messages::time::Millis;

use crate::kill::{Watcher, hourly};
use crate::parties::{ASK, Parties, Talk, call};
use crate::support::{Client, Daemon, Home};

/// A monitor with one open session, and what its initiator holds.
pub(crate) struct Scene {
    pub(crate) home: Home,
    pub(crate) parties: Parties,
    pub(crate) talk: Talk,
    /// Every call's event, as it was sent.
    pub(crate) events: Vec<Vec<u8>>,
    /// After each call its receipt.
    pub(crate) receipts: Vec<(Receipt, BootCertificate)>,
    pub(crate) watcher: Watcher,
    /// What the watcher knew when the folder was saved: what came after it is another history.
    saved: Option<Watcher>,
}

/// All files of a folder, by their path in it; locks say nothing.
pub(crate) type Files = BTreeMap<PathBuf, Vec<u8>>;

impl Scene {
    /// With a monitor that has taken three calls.
    pub(crate) fn new() -> (Self, Daemon) {
        Self::under(Parties::new())
    }

    /// The same under another pact.
    pub(crate) fn under(parties: Parties) -> (Self, Daemon) {
        let home = hourly();
        let daemon = home.start();
        let client = daemon.connect();
        let session = SessionId([7; 32]);
        assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
        assert_eq!(client.ask(&parties.open(session, client.boot())), Reply::Opened);
        let watcher = Watcher::new(&client).unwrap();
        let (talk, events, receipts) = (Talk::new(session), Vec::new(), Vec::new());
        let mut scene = Self { home, parties, talk, events, receipts, watcher, saved: None };
        scene.calls(&client, 3);
        (scene, daemon)
    }

    /// A copy of the state folder.
    pub(crate) fn save(&mut self) -> Files {
        self.saved = Some(self.watcher.clone());
        files(&self.home.state())
    }

    /// Puts files in the place of the state folder's.
    pub(crate) fn restore(&mut self, files: &Files) {
        put_back(&self.home.state(), "", files);
        self.watcher = self.saved.clone().unwrap();
    }

    /// The initiator makes some calls; each is acknowledged.
    pub(crate) fn calls(&mut self, client: &Client, number: usize) {
        for _ in 0..number {
            let event = self.next();
            let reply = client.ask(&Request::Event { event });
            self.keep(client, reply);
        }
    }

    /// The next call's event.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let id = format!("c{}", self.events.len());
        let event = self.talk.say(&self.parties, ASK, call(&id, "get_balance"));
        self.events.push(event.clone());
        event
    }

    /// Keeps the receipt of an allowed call.
    pub(crate) fn keep(&mut self, client: &Client, reply: Reply) {
        let Reply::Verdict { action: Action::Allow, receipt, .. } = reply else {
            panic!("{reply:?}")
        };
        let (certificate, _) = client.certificate().unwrap();
        receipt.verify(&certificate.key).unwrap();
        self.talk.side(Party::Initiator).receipt = Some(receipt.clone());
        self.receipts.push((receipt, certificate));
    }

    /// An epoch ends.
    pub(crate) fn epoch(&mut self, client: &Client) {
        let reply = client.ask(&Request::Advance { by: Millis(3_600_000) });
        assert!(matches!(reply, Reply::Advanced { .. }), "{reply:?}");
        self.watcher.look(client).unwrap();
    }

    /// Shows the monitor the newest receipt.
    pub(crate) fn resume(&self, client: &Client) -> (u64, EventHash, bool) {
        let (receipt, certificate) = self.receipts.last().unwrap().clone();
        match client.ask(&self.parties.resume(receipt, certificate)) {
            Reply::Resumed { count, head, rolled_back } => (count, head, rolled_back),
            other => panic!("{other:?}"),
        }
    }

    /// Everything acknowledged is there, and the log is the one that was seen.
    pub(crate) fn whole(&mut self, client: &Client) {
        let (receipt, _) = self.receipts.last().unwrap().clone();
        assert_eq!(self.resume(client), (receipt.count, receipt.head, false));
        self.watcher.look(client).unwrap();
    }

    /// The monitor holds `held` calls and admits that it was rolled back; nothing is allowed
    /// until an overseer says so, and then what was lost is taken again, byte for byte.
    pub(crate) fn rolled_back_and_reinstated(&mut self, client: &Client, held: usize) {
        let (count, _, rolled_back) = self.resume(client);
        assert_eq!((count, rolled_back), (u64::try_from(held).unwrap(), true));
        let lost = self.events[held].clone();
        assert_eq!(client.refused(&Request::Event { event: lost }), "monitor-rollback");
        let foreign = self.parties.reinstate(messages::ids::BootId([1; 32]));
        assert_eq!(client.refused(&foreign), "reinstate-other-boot");
        assert_eq!(client.ask(&self.parties.reinstate(client.boot())), Reply::Reinstated);
        self.receipts.truncate(held);
        for event in self.events.clone().split_off(held) {
            let reply = client.ask(&Request::Event { event });
            self.keep(client, reply);
        }
        self.calls(client, 1);
    }
}

/// Reads all files under `folder`.
pub(crate) fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "lock" {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, std::fs::read(path).unwrap());
            }
        }
    }
    files
}

/// Makes `folder` hold these files, under `within`, and no others there.
pub(crate) fn put_back(folder: &Path, within: &str, files: &Files) {
    // The folder itself stays: it may be a disk of its own.
    for entry in std::fs::read_dir(folder.join(within)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
        }
    }
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with(within)) {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        // As the monitor writes them: some must not be readable by others.
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
