//! The folder of a store: which files it holds, how a segment comes to be and how it ends.
//!
//! ```text
//! lock               held while a process has the folder open
//! 00000001.key       the wrapped key of segment 1
//! 00000001.segment   the segment
//! 00000002.segment.new   one that was not finished; removed at the next start
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::Position;
use crate::disk::{Disk, DiskFile, Lock, narrow, read_exact, wide, write_all};
use crate::error::JournalError;
use crate::format::{CHUNK, Header, Kind, MAX_SNAPSHOT, chunks, groups_at, header_digest};
use crate::frame::Sealer;
use crate::keys::{self, MAX_KEY_FILE, TAG};
use crate::sealing::SealingKey;
use crate::segment::Segment;
use crate::writer::Writer;

/// A folder that this process alone has open.
pub(crate) struct Folder {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    kind: Kind,
    origin: String,
    sealing: Box<dyn SealingKey>,
    _lock: Lock,
}

/// The files of a folder.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) segments: BTreeSet<u64>,
    pub(crate) keys: BTreeSet<u64>,
    /// Segments that were not finished.
    pub(crate) unfinished: BTreeSet<u64>,
}

impl Folder {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        path: &Path,
        kind: Kind,
        origin: &str,
        sealing: Box<dyn SealingKey>,
    ) -> Result<Self, JournalError> {
        disk.create_folder(path).map_err(JournalError::io("make the folder"))?;
        let lock = disk.lock(&path.join("lock")).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => JournalError::Locked,
            _ => JournalError::io("lock the folder")(error),
        })?;
        let (path, origin) = (path.to_path_buf(), origin.to_owned());
        Ok(Self { disk, path, kind, origin, sealing, _lock: lock })
    }

    /// Begins a segment with a fresh key. It exists, whole and durable, or not at all.
    ///
    /// After an error other than a full disk it is unknown whether it exists.
    pub(crate) fn create(
        &self,
        header: &Header,
        snapshot: &[u8],
    ) -> Result<(Writer, [u8; 32]), JournalError> {
        if header.snapshot_bytes > MAX_SNAPSHOT {
            let (bytes, limit) = (header.snapshot_bytes, MAX_SNAPSHOT);
            return Err(JournalError::TooLarge { bytes, limit });
        }
        self.remove(&self.key(header.number))?;
        self.remove(&self.unfinished(header.number))?;
        let created = self.write_segment(header, snapshot);
        if created.as_ref().is_err_and(|error| !error.is_final()) {
            // Makes room, where the segment surely has no name yet. If that fails, the next start
            // removes what is left.
            self.discard(header.number).ok();
        }
        created
    }

    fn write_segment(
        &self,
        header: &Header,
        snapshot: &[u8],
    ) -> Result<(Writer, [u8; 32]), JournalError> {
        let number = header.number;
        let (keys, key_file) = keys::draw(self.kind, number, &self.origin, self.sealing.as_ref())?;
        self.write_new(&self.key(number), &key_file)?;
        // CRASH POINT: a key without a segment; the next start removes it.
        crash_point!("segment-key-written");
        self.sync_folder()?;

        let begin = header.encode(&self.origin, &keys);
        let digest = header_digest(&begin);
        let sealer = Sealer::new(self.kind, keys, header.place(&self.origin), digest);
        let unfinished = self.unfinished(number);
        let mut file = self.disk.create(&unfinished).map_err(JournalError::io(WRITE))?;
        let bytes = write_snapshot(file.as_mut(), &sealer, &begin, snapshot)?;
        // CRASH POINT: an unfinished segment; the next start removes it.
        crash_point!("segment-written");
        file.sync().map_err(|_| JournalError::NotDurable)?;
        // CRASH POINT: the same, though it is durable: it has no name yet.
        crash_point!("segment-before-rename");
        let finished = self.segment_path(number);
        self.disk.rename(&unfinished, &finished).map_err(|_| JournalError::NotDurable)?;
        // CRASH POINT: recovery finds the segment under either name, so it begins with the old
        // segment or with this one. Both lead to the same state: the snapshot is what the old one
        // leads to, and nothing was appended in between.
        crash_point!("segment-before-folder-sync");
        self.sync_folder()?;
        // CRASH POINT: the new segment is the newest.
        crash_point!("segment-published");
        let seq = header.first_seq.saturating_sub(1);
        let position = Position { seq, head: header.previous_head };
        let ahead = match self.kind {
            Kind::Archive => 0,
            Kind::Journal => AHEAD,
        };
        Ok((Writer::new(sealer, file, (bytes, ahead), position, header.oldest), digest))
    }

    /// Destroys a segment's key, then removes the segment. Does nothing for what is gone already.
    pub(crate) fn destroy(&self, number: u64) -> Result<(), JournalError> {
        let key = self.key(number);
        match self.disk.open(&key) {
            Ok(mut file) => {
                let length = file.len().map_err(JournalError::io(DESTROY))?;
                let zeros = vec![0; narrow(length.min(MAX_KEY_FILE))];
                write_all(file.as_mut(), 0, &zeros).map_err(JournalError::io(DESTROY))?;
                file.sync().map_err(|_| JournalError::NotDurable)?;
                // CRASH POINT: the key is gone and its file is not; the next start removes both,
                // for the newest segment says that this one is no longer retained.
                crash_point!("forget-key-overwritten");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(JournalError::io(DESTROY)(error)),
        }
        self.remove(&self.segment_path(number))?;
        // CRASH POINT: as before.
        crash_point!("forget-segment-removed");
        self.remove(&key)
    }

    /// Removes a key that no segment came to use, or a segment that was not finished.
    pub(crate) fn discard(&self, number: u64) -> Result<(), JournalError> {
        self.remove(&self.key(number))?;
        self.remove(&self.unfinished(number))
    }

    /// Cuts a torn group off the end of a segment and writes the group before it once more.
    ///
    /// That group was perhaps read from memory and never reached the disk: a process that ends
    /// because a sync failed leaves such groups behind. Only writing them again makes a sync
    /// mean anything.
    pub(crate) fn mend(
        &self,
        number: u64,
        last_group: Option<u64>,
        bytes: u64,
    ) -> Result<(), JournalError> {
        let mut file =
            self.disk.open(&self.segment_path(number)).map_err(JournalError::io(MEND))?;
        file.set_len(bytes).map_err(JournalError::io(MEND))?;
        // CRASH POINT: the torn group is gone, or is still there; the next start cuts it.
        crash_point!("start-tail-cut");
        let mut piece = Vec::new();
        let mut at = last_group.unwrap_or(bytes);
        while at < bytes {
            piece.resize(narrow(bytes.saturating_sub(at).min(CHUNK)), 0);
            read_exact(file.as_ref(), at, &mut piece).map_err(JournalError::io(MEND))?;
            write_all(file.as_mut(), at, &piece).map_err(JournalError::io(MEND))?;
            at = at.saturating_add(wide(piece.len()));
        }
        file.sync().map_err(|_| JournalError::NotDurable)
    }

    /// Opens a segment; at most `limit` bytes of it are looked at.
    pub(crate) fn segment(&self, number: u64, limit: u64) -> Result<Segment, JournalError> {
        let missing = |what| {
            move |error: io::Error| match error.kind() {
                io::ErrorKind::NotFound => {
                    JournalError::Damaged { segment: number, offset: 0, what }
                }
                _ => JournalError::io("read a segment")(error),
            }
        };
        let key = self.disk.open(&self.key(number)).map_err(missing("key file missing"))?;
        let length = key.len().map_err(missing("key file"))?.min(MAX_KEY_FILE);
        let mut bytes = vec![0; narrow(length)];
        read_exact(key.as_ref(), 0, &mut bytes).map_err(missing("key file"))?;
        let keys = keys::read(self.kind, number, &self.origin, self.sealing.as_ref(), &bytes)?;
        let file =
            self.disk.open(&self.segment_path(number)).map_err(missing("segment missing"))?;
        Segment::new((self.kind, number), &self.origin, keys, file, limit)
    }

    pub(crate) fn contents(&self) -> Result<Contents, JournalError> {
        let names = self.disk.list(&self.path).map_err(JournalError::io("list the folder"))?;
        let mut contents = Contents::default();
        for name in names {
            let Some((number, suffix)) = name.split_once('.') else { continue };
            let Some(number) = number.parse().ok().filter(|n| named(*n) == number) else {
                continue;
            };
            match suffix.strip_prefix(self.kind.suffix()) {
                Some("") => contents.segments.insert(number),
                Some(UNFINISHED) => contents.unfinished.insert(number),
                _ if suffix == KEY => contents.keys.insert(number),
                _ => false,
            };
        }
        Ok(contents)
    }

    pub(crate) fn sync_folder(&self) -> Result<(), JournalError> {
        self.disk.sync_folder(&self.path).map_err(|_| JournalError::NotDurable)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> Result<(), JournalError> {
        let mut file = self.disk.create(path).map_err(JournalError::io(WRITE))?;
        write_all(file.as_mut(), 0, bytes).map_err(JournalError::io(WRITE))?;
        file.sync().map_err(|_| JournalError::NotDurable)
    }

    fn remove(&self, path: &Path) -> Result<(), JournalError> {
        match self.disk.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(JournalError::io("remove a file")(error))
            }
            _ => Ok(()),
        }
    }

    fn key(&self, number: u64) -> PathBuf {
        self.path.join(format!("{}.{KEY}", named(number)))
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.path.join(format!("{}.{}", named(number), self.kind.suffix()))
    }

    fn unfinished(&self, number: u64) -> PathBuf {
        self.path.join(format!("{}.{}{UNFINISHED}", named(number), self.kind.suffix()))
    }
}

impl Contents {
    /// Whether nothing was ever begun here, apart from a first segment that was not finished.
    pub(crate) fn is_fresh(&self) -> bool {
        self.segments.is_empty() && self.keys.iter().all(|number| *number == 1)
    }

    /// Checks that nothing is missing from `oldest` on.
    pub(crate) fn whole_from(&self, oldest: u64) -> Result<(), JournalError> {
        let missing = |segment, what| JournalError::Damaged { segment, offset: 0, what };
        let last = self.segments.last().copied().unwrap_or(0);
        for number in oldest..=last {
            if !self.segments.contains(&number) {
                return Err(missing(number, "segment missing"));
            }
            if !self.keys.contains(&number) {
                return Err(missing(number, "key file missing"));
            }
        }
        match self.keys.range(last.saturating_add(2)..).next() {
            Some(number) => Err(missing(*number, "segment missing")),
            None => Ok(()),
        }
    }
}

/// Writes header and snapshot and returns how long they are. No more than a chunk is held.
fn write_snapshot(
    file: &mut dyn DiskFile,
    sealer: &Sealer,
    header: &[u8],
    snapshot: &[u8],
) -> Result<u64, JournalError> {
    let total = wide(snapshot.len());
    write_all(file, 0, header).map_err(JournalError::io(WRITE))?;
    let mut at = wide(header.len());
    let mut sealed = Zeroizing::new(Vec::new());
    for (number, chunk) in (0..chunks(total)).zip(snapshot.chunks(narrow(CHUNK))) {
        sealed.clear();
        sealed.reserve_exact(chunk.len().saturating_add(TAG));
        sealed.extend_from_slice(chunk);
        let tag = sealer.seal_chunk(number, total, &mut sealed);
        sealed.extend_from_slice(&tag.ok_or(JournalError::SealingUnavailable)?);
        write_all(file, at, &sealed).map_err(JournalError::io(WRITE))?;
        at = at.saturating_add(wide(sealed.len()));
    }
    let end = groups_at(total);
    let padding = vec![0; narrow(end.saturating_sub(at))];
    write_all(file, at, &padding).map_err(JournalError::io(WRITE))?;
    Ok(end)
}

fn named(number: u64) -> String {
    format!("{number:08}")
}

const KEY: &str = "key";
const UNFINISHED: &str = ".new";
const WRITE: &str = "write a segment";
const DESTROY: &str = "destroy a segment";
const MEND: &str = "mend a segment";
/// How far a journal writes zeros ahead.
const AHEAD: u64 = 256 << 10;
