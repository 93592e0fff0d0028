//! What is on the disk, and how a monitor comes back from it.
//!
//! ```text
//! sealing key ─► log key
//!             ─► archive (leaves with their openings) ─► tree, index
//!             ─► journal (snapshot, then entries)     ─► state
//! public log ─► compared with both: a prefix is continued, anything else is named
//! ```
//!
//! Then the boot begins: a fresh key, a fresh segment, a `boot` leaf. Where witnesses carry the time
//! the leaf waits until a quorum of them has said that the record is the newest, so that an older copy
//! or a second one adds nothing to it. If log and journal disagree, every tally ends with a
//! `break` and a next one begins; no range crosses it.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use journal::{
    Archive, ArchiveError, InsecureSealing, Journal, JournalError, OpenError, Recovered,
    SealingFileError, SealingKey,
};
use messages::codec::Wire;
use messages::evidence::Claims;
use messages::ids::{BootId, Salt};
use messages::leaf::{Kind, Leaf};
use messages::publication::{Disclosed, Publication};
use messages::receipt::BootCertificate;
use messages::signature::SigningKey;
use messages::time::Millis;
use monitor::{EpochClose, Misfit};
use pact::KeyRing;
use rand_core::{OsRng, RngCore};
use tlog::Log;
use zeroize::Zeroizing;

use crate::audit;
use crate::boot_key::BootKey;
use crate::clock::Clock;
use crate::config::{Config, SealingKind, Values};
use crate::custody::{self, Custody};
use crate::pipeline::{Filed, Identity, Index, Introduction, Pipeline, Refused, Releasing};
use crate::public::{Comparison, PublicLog};
use crate::state::{Entry, State, Step, end_of_epoch};
use crate::tee::{Tee, TeeError};

/// Why a monitor does not come back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("{}: {_0}; {}", _0.code(), _0.remedy())]
    Journal(#[from] JournalError),
    #[error("{}: {_0}; {}", _0.code(), _0.remedy())]
    Archive(#[from] ArchiveError),
    #[error("{}: {_0}; {}", _0.code(), _0.remedy())]
    SealingFile(#[from] SealingFileError),
    #[error(transparent)]
    Tee(#[from] TeeError),
    #[error("public-log: {0}; check the disk, and that the state folder belongs to the monitor")]
    Public(std::io::ErrorKind),
    #[error(
        "journal-not-applicable: a record does not fit the state before it; restore the state \
         folder from a copy"
    )]
    Misfit,
    #[error(
        "log-key-missing: there is a journal and no log key; restore log.key, or begin a new \
         origin in an empty folder"
    )]
    LogKeyMissing,
    #[error("log-key-damaged: the log key cannot be unsealed; restore log.key from a copy")]
    LogKeyDamaged,
    #[error(
        "archive-incomplete: leaves that the journal speaks of are missing from the archive; \
         restore the state folder from a copy"
    )]
    ArchiveIncomplete,
    #[error(
        "log-forked: leaf {0} of the public log is another one than the journal's; look for a \
         second monitor of this origin before anything else"
    )]
    Forked(u64),
    #[error("state-folder: {0}; check that the folder exists and belongs to the monitor")]
    Folder(std::io::ErrorKind),
    #[error(
        "privacy-changed: the configured privacy cap or bounds are not those that this record \
         began with, and what was counted under them cannot be released under others; restore \
         [privacy], or begin a new origin"
    )]
    PrivacyChanged,
    #[error("boot-refused: {0}; look for the fault in the lines before this one")]
    Boot(&'static str),
}

impl StoreError {
    /// Is the disk full, and nothing worse?
    pub(crate) const fn is_full(&self) -> bool {
        matches!(self, Self::Journal(JournalError::DiskFull))
            || matches!(self, Self::Archive(error) if matches!(error.cause(), JournalError::DiskFull))
            || matches!(self, Self::Public(std::io::ErrorKind::StorageFull))
    }
}

#[cfg(all(feature = "failpoints", feature = "release-image"))]
compile_error!("an image is built without crash points");

/// Where a test may end the process at once, at a line that says what recovery does.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name, |_| std::process::abort());
    };
}
pub(crate) use crash_point;

/// What seals the state: the machine's own key, or one in custody, which the machine's may seal.
pub(crate) enum Sealing {
    /// Nothing reads the state but this image, on this machine, with this configuration.
    Machine,
    /// A quorum of custodians can give it to another.
    Custody(custody::Open),
}

impl Sealing {
    /// Finds out what seals, and waits for custodians where only they can say; none when the process
    /// was asked to end meanwhile.
    pub(crate) fn open(
        config: &Config,
        tee: &Arc<Tee>,
        folder: &Path,
    ) -> anyhow::Result<Option<Self>> {
        let values = &config.values;
        let Some(terms) = values.custody() else { return Ok(Some(Self::Machine)) };
        std::fs::create_dir_all(folder).map_err(|e| StoreError::Folder(e.kind()))?;
        let machine = machine(values, tee, folder)?;
        let machine = machine.as_deref();
        Ok(match Custody::open((&values.origin, terms), machine, folder)? {
            Custody::Open(open) => Some(Self::Custody(open)),
            Custody::Locked(locked) => {
                custody::locked::serve(config, tee, locked, machine)?.map(Self::Custody)
            }
        })
    }
}

/// Opens the folder, rebuilds what it holds, and begins a boot.
pub(crate) fn open(
    config: Config,
    (tee, sealing): (Arc<Tee>, Sealing),
    folder: &Path,
) -> Result<Pipeline, StoreError> {
    let Config { digest, values } = config;
    std::fs::create_dir_all(folder).map_err(|e| StoreError::Folder(e.kind()))?;
    let seal = || match &sealing {
        Sealing::Custody(open) => Ok(open.sealing().map_err(|_| StoreError::LogKeyDamaged)?),
        Sealing::Machine => machine(&values, &tee, folder)?.ok_or(StoreError::LogKeyMissing),
    };
    let log_key = log_key(&*seal()?, folder)?;
    let archive = Archive::open(&folder.join("archive"), seal()?, &values.origin).map_err(|e| {
        // One lock guards the folder, whichever part of it is asked first.
        match e.cause() {
            JournalError::Locked => StoreError::Journal(JournalError::Locked),
            _ => StoreError::Archive(e),
        }
    })?;
    let mut boot = BootId::default();
    OsRng.fill_bytes(&mut boot.0);
    let boot_key =
        BootKey::generate(&mut OsRng).ok_or(StoreError::Boot("the provider has no Ed25519"))?;

    // What the archive holds, then what the journal holds beyond it.
    let mut recovery = Recovery::begin(archive, &values)?;
    let mut shown = |recovered: Recovered<'_>| recovery.take(recovered, &values);
    let journal = folder.join("journal");
    let opened = Journal::open(&journal, seal()?, &values.origin, boot, &mut shown).map_err(
        |e| match e {
            OpenError::Journal(e) => StoreError::Journal(e),
            OpenError::Replay(e) => e,
        },
    )?;
    recovery.end()?;
    audit::line(audit::Line::Recovered);

    // What the world has seen of the log.
    let size = recovery.log.size();
    let own = |at| recovery.filed(at).ok().map(|filed| filed.disclosed.leaf);
    let (mut public, comparison) = PublicLog::open(&folder.join("public"), own, size)?;
    let mut fresh = Vec::new();
    match comparison {
        Comparison::Prefix(seen) => {
            for at in seen..size {
                fresh.extend(recovery.filed(at)?.disclosed.leaf.to_cbor());
            }
        }
        Comparison::Longer(leaves) => {
            let known = public.vouched(&values.origin, &log_key.public(), &recovery.log, &leaves);
            for leaf in leaves.into_iter().take(known) {
                recovery.adopt(leaf);
            }
            // The rest is nobody's: whoever has the disk can append to a file.
            public.cut(recovery.log.size())?;
        }
        Comparison::Forked(at) => return Err(StoreError::Forked(at)),
    }

    let Recovery { mut state, log, index, mut archive, unfiled, .. } = recovery;
    for filed in unfiled {
        archive.append(&filed)?;
    }
    // CRASH: the archive is durable before the segment that could rebuild it is left behind.
    crash_point!("start-before-archive-sync");
    archive.sync()?;
    crash_point!("start-before-segment");
    let clock = Clock::start(&values.clock, state.at);
    let snapshot = Zeroizing::new(state.snapshot());
    let journal = opened.start(&snapshot, clock.now())?;
    let certificate = BootCertificate::issue(boot, boot_key.public(), &log_key);
    let boot_key = Arc::new(boot_key);
    let claims = Claims::for_checkpoint(
        values.origin.clone(),
        (boot, boot_key.public()),
        log_key.public(),
        digest,
    );
    let introduction = tee.attest(&claims)?;
    let evidence = introduction.evidence_id();
    let (config, segment_key) = (digest, Arc::default());
    let identity =
        Identity { boot, boot_key, log_key, config, certificate, evidence, segment_key, tee };
    let mut ring = KeyRing::default();
    for (did, key) in &values.keys {
        ring.pin(did.clone(), key.key().ok_or(StoreError::Boot("a pinned key is no did:key"))?);
    }
    let opened = state.monitor.open_sessions().copied().collect();
    let registered = state.monitor.roots().copied().collect();
    let epoch_end = end_of_epoch(clock.now(), Millis(values.epoch_ms));
    let mut pipeline = Pipeline {
        identity,
        values,
        ring: Arc::new(ring),
        clock,
        epoch_end,
        state,
        trials: std::collections::BTreeMap::new(),
        log,
        index,
        journal,
        archive,
        public,
        fresh,
        unfiled: VecDeque::new(),
        opened,
        registered,
        outbox: Vec::new(),
        releasing: Releasing::default(),
        shown: 0,
        witnessed: 0,
        custody: match sealing {
            Sealing::Custody(open) => Some(open),
            Sealing::Machine => None,
        },
        introduction: Introduction::Due(Box::new(introduction)),
        superseded: false,
        failed: None,
    };
    pipeline.introduce().map_err(|Refused(code)| StoreError::Boot(code))?;
    // CRASH: the boot that was not introduced never was.
    crash_point!("start-before-commit");
    pipeline.commit()?;
    audit::line(audit::Line::Booted);
    Ok(pipeline)
}

/// The state as it comes back.
struct Recovery {
    state: State,
    log: Log,
    index: Index,
    archive: Archive,
    /// Leaves beyond the archive: a start that is refused has changed nothing.
    unfiled: VecDeque<Zeroizing<Vec<u8>>>,
    /// Commitments that were made and whose leaves follow.
    pending: VecDeque<EpochClose>,
    /// Leaves that the journal speaks of.
    spoken: u64,
}

impl Recovery {
    fn begin(archive: Archive, values: &Values) -> Result<Self, StoreError> {
        let state = State::new(values.settings(), values.ledger());
        let (log, index, pending) = (Log::new(), Index::default(), VecDeque::new());
        let unfiled = VecDeque::new();
        let spoken = 0;
        let mut recovery = Self { state, log, index, archive, unfiled, pending, spoken };
        for at in 0..recovery.archive.len() {
            let filed = recovery.filed(at)?;
            recovery.index.note(&filed.disclosed);
            recovery.log.append(&filed.disclosed.leaf);
        }
        Ok(recovery)
    }

    fn take(&mut self, recovered: Recovered<'_>, values: &Values) -> Result<(), StoreError> {
        match recovered {
            Recovered::Snapshot(bytes) => {
                self.state = State::restore(values.settings(), bytes)?;
                if self.state.privacy != values.ledger() {
                    return Err(StoreError::PrivacyChanged);
                }
                self.spoken = self.state.leaves;
                if self.log.size() < self.spoken {
                    return Err(StoreError::ArchiveIncomplete);
                }
            }
            Recovered::Record { record, position } => {
                let entry: Entry = minicbor::decode(record).map_err(|_| StoreError::Misfit)?;
                let following = self.state.apply(&entry)?;
                self.pending.extend(following.applied.closes);
                if let Step::Published(disclosed) = entry.step {
                    self.published(*disclosed, position.seq)?;
                }
            }
        }
        Ok(())
    }

    /// A leaf on record: known to the archive, or appended to it now.
    fn published(&mut self, disclosed: Disclosed, record: u64) -> Result<(), StoreError> {
        let mut kept = None;
        if disclosed.leaf.kind == Kind::Tally {
            let close = self.pending.pop_front().ok_or(StoreError::Misfit)?;
            let (root, tally) = (close.body.root_pact, close.body.tally);
            // The leaf must commit to what the record says was counted.
            self.state.broken |= Publication::Tally(Box::new(close.body)).body() != disclosed.body;
            self.state.monitor.published(&root, &tally, tlog::leaf_hash(&disclosed.leaf));
            kept = Some(close.kept);
        }
        self.spoken = disclosed.index.saturating_add(1);
        match disclosed.index.cmp(&self.log.size()) {
            std::cmp::Ordering::Less => {
                let filed = self.filed(disclosed.index)?;
                self.state.broken |= filed.disclosed.leaf != disclosed.leaf;
            }
            std::cmp::Ordering::Equal => {
                self.file(&Filed { disclosed, kept, record });
            }
            std::cmp::Ordering::Greater => return Err(StoreError::ArchiveIncomplete),
        }
        Ok(())
    }

    /// A leaf that the world has seen and the record has lost: the log still only extends.
    fn adopt(&mut self, leaf: Leaf) {
        self.state.broken = true;
        let (index, salt) = (self.log.size(), Salt::default());
        let disclosed = Disclosed { index, leaf, salt, body: Vec::new() };
        self.file(&Filed { disclosed, kept: None, record: 0 });
    }

    fn file(&mut self, filed: &Filed) {
        self.index.note(&filed.disclosed);
        self.log.append(&filed.disclosed.leaf);
        let bytes = Zeroizing::new(minicbor::to_vec(filed).unwrap_or_default());
        self.unfiled.push_back(bytes);
    }

    fn filed(&self, at: u64) -> Result<Filed, StoreError> {
        let beyond = at.checked_sub(self.archive.len()).and_then(|at| usize::try_from(at).ok());
        if let Some(bytes) = beyond.and_then(|at| self.unfiled.get(at)) {
            return minicbor::decode(bytes).map_err(|_| StoreError::ArchiveIncomplete);
        }
        let bytes = Zeroizing::new(self.archive.get(at)?);
        minicbor::decode(&bytes).map_err(|_| StoreError::ArchiveIncomplete)
    }

    /// A group is durable as a whole, so no commitment is left without its leaf. An archive that
    /// holds more than the journal speaks of outlived a rollback of the journal.
    fn end(&mut self) -> Result<(), StoreError> {
        if !self.pending.is_empty() {
            return Err(StoreError::Misfit);
        }
        self.state.broken |= self.log.size() > self.spoken;
        Ok(())
    }
}

impl From<Misfit> for StoreError {
    fn from(_: Misfit) -> Self {
        Self::Misfit
    }
}

/// The machine's own key; none where it has none.
fn machine(
    values: &Values,
    tee: &Tee,
    folder: &Path,
) -> Result<Option<Box<dyn SealingKey>>, StoreError> {
    match values.sealing {
        SealingKind::DerivedKey => Ok(Some(tee.sealing(&values.origin)?)),
        SealingKind::InsecureFile => {
            let key = InsecureSealing::open_or_create(&folder.join("sealing.key"), &values.origin)?;
            Ok(Some(Box::new(key)))
        }
        SealingKind::Custodians => Ok(None),
    }
}

/// The key that signs checkpoints: stable per origin, sealed.
fn log_key(sealing: &dyn SealingKey, folder: &Path) -> Result<SigningKey, StoreError> {
    let path = folder.join("log.key");
    let io = |e: std::io::Error| StoreError::Folder(e.kind());
    match std::fs::read(&path) {
        Ok(sealed) => {
            let seed = sealing.unwrap(LOG_KEY, &sealed).map_err(|_| StoreError::LogKeyDamaged)?;
            Ok(SigningKey::from_seed(&seed))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            if folder.join("journal").exists() {
                return Err(StoreError::LogKeyMissing);
            }
            let key = SigningKey::generate(&mut OsRng);
            let sealed =
                sealing.wrap(LOG_KEY, &key.expose_seed()).map_err(|_| StoreError::LogKeyDamaged)?;
            // CRASH: the key is durable under its name before anything is signed with it.
            durable(&path, &sealed, || {
                crash_point!("log-key-before-rename");
            })
            .map_err(io)?;
            Ok(key)
        }
        Err(e) => Err(io(e)),
    }
}

/// Puts a file in its place, whole and for good; `before` it has its name.
pub(crate) fn durable(path: &Path, bytes: &[u8], before: impl FnOnce()) -> std::io::Result<()> {
    let next = path.with_added_extension("next");
    std::fs::write(&next, bytes)?;
    std::fs::File::open(&next)?.sync_all()?;
    before();
    std::fs::rename(&next, path)?;
    std::fs::File::open(path.parent().unwrap_or_else(|| Path::new(".")))?.sync_all()
}

const LOG_KEY: &[u8] = b"cloister/log-key/v1";
