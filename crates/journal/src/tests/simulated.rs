//! A disk in memory that remembers what is durable, and fails when it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::disk::{Disk, DiskFile, Lock, narrow, wide};

/// Shared by all that have it open.
#[derive(Clone, Default)]
pub(super) struct Simulated(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What a process sees.
    names: BTreeMap<PathBuf, usize>,
    /// What is left after a crash.
    durable_names: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    locked: BTreeSet<PathBuf>,
    /// Steps that change the disk, so far.
    steps: u64,
    stops_at: Option<u64>,
    space: Option<u64>,
    syncs: u64,
    fails_sync: Option<u64>,
    longest_read: usize,
}

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Which bytes the next sync will write.
    dirty: Vec<bool>,
}

/// What a crash leaves of that which was not yet durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Everything: the process ended and the machine did not.
    All,
    /// Nothing.
    Nothing,
    /// Every name, and this many bytes of what was not synced.
    Some(usize),
    /// Every name and every length, but zeros beyond the first sectors, so many.
    Zeros(usize),
    /// Every name and every length, and of the sectors that were not synced some.
    Scattered(u64),
}

pub(super) const LEFT: [Left; 11] = [
    Left::All,
    Left::Nothing,
    Left::Some(1),
    Left::Some(100),
    Left::Some(333),
    Left::Zeros(0),
    Left::Zeros(1),
    Left::Scattered(1),
    Left::Scattered(2),
    Left::Scattered(3),
    Left::Scattered(4),
];

impl Simulated {
    /// From the step with this number on, nothing works; that step is done by half.
    pub(super) fn stop_at(&self, step: u64) {
        self.state().stops_at = Some(step);
    }

    /// Steps so far.
    pub(super) fn steps(&self) -> u64 {
        self.state().steps
    }

    /// So many bytes more fit; `None`: as many as one likes.
    pub(super) fn set_space(&self, space: Option<u64>) {
        self.state().space = space;
    }

    /// The sync after so many more fails, and throws away what it should have written.
    pub(super) fn fail_sync_after(&self, syncs: u64) {
        let mut state = self.state();
        state.fails_sync = Some(state.syncs + syncs);
    }

    pub(super) fn longest_read(&self) -> usize {
        self.state().longest_read
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.list("/store".as_ref()).unwrap()
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[&Path::new("/store").join(name)]].bytes.clone()
    }

    /// The disk as the next process finds it.
    pub(super) fn after_crash(&self, left: Left) -> Self {
        let old = self.state();
        let names = if left == Left::Nothing { &old.durable_names } else { &old.names };
        let files = old.files.iter().map(|content| Content::after_crash(content, left)).collect();
        let (names, durable_names) = (names.clone(), names.clone());
        Self(Arc::new(Mutex::new(State { names, durable_names, files, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Content {
    fn after_crash(&self, left: Left) -> Self {
        let bytes = match left {
            Left::All => self.bytes.clone(),
            Left::Nothing => self.durable.clone(),
            Left::Some(more) => {
                let mut bytes = self.durable.clone();
                let dirty = (0..self.bytes.len()).filter(|at| self.dirty[*at]);
                for at in dirty.take(more) {
                    bytes.resize(bytes.len().max(at + 1), 0);
                    bytes[at] = self.bytes[at];
                }
                bytes
            }
            Left::Zeros(sectors) => {
                let mut bytes = self.durable.clone();
                let kept = (bytes.len() / 512 + sectors) * 512;
                bytes.resize(self.bytes.len().max(bytes.len()), 0);
                for at in (0..kept.min(self.bytes.len())).filter(|at| self.dirty[*at]) {
                    bytes[at] = self.bytes[at];
                }
                bytes
            }
            Left::Scattered(seed) => {
                let mut bytes = self.durable.clone();
                bytes.resize(self.bytes.len().max(bytes.len()), 0);
                let comes = |sector: usize| {
                    let mixed = (wide(sector) + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    mixed >> 63 == 0
                };
                for at in (0..self.bytes.len()).filter(|at| self.dirty[*at] && comes(at / 512)) {
                    bytes[at] = self.bytes[at];
                }
                bytes
            }
        };
        Self { durable: bytes.clone(), dirty: vec![false; bytes.len()], bytes }
    }
}

impl State {
    /// Counts a step; false when it is the one that is done by half.
    fn step(&mut self) -> io::Result<bool> {
        self.alive()?;
        self.steps += 1;
        Ok(self.stops_at != Some(self.steps - 1))
    }

    fn alive(&self) -> io::Result<()> {
        if self.stops_at.is_some_and(|at| self.steps > at) { Err(stopped()) } else { Ok(()) }
    }

    fn file(&self, path: &Path) -> io::Result<usize> {
        self.alive()?;
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn stopped() -> io::Error {
    io::Error::other("the machine stopped")
}

impl Disk for Simulated {
    fn create_folder(&self, _: &Path) -> io::Result<()> {
        self.state().alive()
    }

    fn lock(&self, path: &Path) -> io::Result<Lock> {
        struct Held(Simulated, PathBuf);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.state().locked.remove(&self.1);
            }
        }
        self.state().alive()?;
        if !self.state().locked.insert(path.to_path_buf()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held(self.clone(), path.to_path_buf())))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        state.alive()?;
        let names = state.names.keys().filter_map(|path| path.strip_prefix(folder).ok());
        Ok(names.map(|name| name.to_str().unwrap().to_owned()).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.state().file(path)?;
        Ok(Box::new(Open { disk: self.clone(), file }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        if !state.step()? {
            return Err(stopped());
        }
        let file = state.files.len();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.names.insert(path.to_path_buf(), file);
        state.files.push(Content::default());
        Ok(Box::new(Open { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.step()? {
            return Err(stopped());
        }
        let file = state.file(from)?;
        state.names.remove(from);
        state.names.insert(to.to_path_buf(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.file(path)?;
        if !state.step()? {
            return Err(stopped());
        }
        state.names.remove(path);
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut state = self.state();
        if !state.step()? {
            return Err(stopped());
        }
        state.syncs += 1;
        if state.fails_sync == Some(state.syncs - 1) {
            return Err(io::Error::other("no"));
        }
        state.durable_names = state.names.clone();
        Ok(())
    }
}

struct Open {
    disk: Simulated,
    file: usize,
}

impl DiskFile for Open {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.alive()?;
        state.longest_read = state.longest_read.max(into.len());
        let bytes = state.files[self.file].bytes.get(narrow(offset)..).unwrap_or_default();
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let is_whole = state.step()?;
        let offset = narrow(offset);
        let mut count = if is_whole { bytes.len() } else { bytes.len() / 2 };
        let before = state.files[self.file].bytes.len();
        if let Some(space) = state.space {
            count = count.min(before.saturating_sub(offset) + narrow(space));
            if count == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let content = &mut state.files[self.file];
        let len = before.max(offset + count);
        content.bytes.resize(len, 0);
        content.dirty.resize(len, true);
        content.bytes[offset..offset + count].copy_from_slice(&bytes[..count]);
        content.dirty[offset..offset + count].fill(true);
        state.space = state.space.map(|space| space - wide(len - before));
        if is_whole { Ok(count) } else { Err(stopped()) }
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        if !state.step()? {
            return Err(stopped());
        }
        let content = &mut state.files[self.file];
        let freed = wide(content.bytes.len().saturating_sub(narrow(len)));
        content.bytes.resize(narrow(len), 0);
        content.dirty.resize(narrow(len), true);
        state.space = state.space.map(|space| space + freed);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        if !state.step()? {
            return Err(stopped());
        }
        state.syncs += 1;
        let fails = state.fails_sync == Some(state.syncs - 1);
        let content = &mut state.files[self.file];
        if !fails {
            content.durable.resize(content.bytes.len(), 0);
            for at in 0..content.bytes.len() {
                if content.dirty[at] {
                    content.durable[at] = content.bytes[at];
                }
            }
        }
        content.dirty.fill(false);
        if fails { Err(io::Error::other("no")) } else { Ok(()) }
    }

    fn len(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.alive()?;
        Ok(wide(state.files[self.file].bytes.len()))
    }
}
