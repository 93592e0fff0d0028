//! Custody: the state is sealed under a key of which custodians hold shares. The machine's own key
//! seals it too, where there is one, so that custodians are needed only where that fails: on another
//! machine, for another build or configuration, or where processors derive no keys (TDX).
//!
//! ```text
//! key of the machine ─► seals ─┐
//!                              ├─► key in custody ─► log key, journal, archive
//! quorum of custodians ─► find ┘
//! ```
//!
//! Who the custodians are and how many make a quorum stands in the measured configuration. Each
//! decides for itself, by an appraisal policy of its own, which monitors it gives its share to: no
//! build reads the state before a quorum has accepted it, whatever the host says. Shares travel over
//! the attested channel alone, and a monitor tells nobody the key.
//!
//! The key is for the life of the origin. A build that was accepted once reads the state on its
//! machine for ever, and who held a share once holds it still: to take that back, begin a new origin.

pub(crate) mod locked;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use journal::{SealError, SealingKey, WrappingKey};
use messages::codec::Wire;
use messages::custody::{Hold, Share, Unlock};
use messages::did::Did;
use messages::domain;
use messages::ids::{BootId, Commitment, Root};
use messages::reply::Reply;
use messages::signature::{PublicKey, Signature};
use minicbor::{Decode, Encode};
use rand_core::OsRng;
use zeroize::Zeroizing;

use self::sharing::{Commitments, Shared};
use crate::pipeline::Refused;
use crate::store::{crash_point, durable};

/// Who holds shares, as the configuration says.
#[derive(Clone)]
pub(crate) struct Terms {
    /// How many of them find the key.
    pub(crate) quorum: usize,
    /// All of them.
    pub(crate) custodians: BTreeMap<Did, PublicKey>,
}

/// The key as a start finds it.
pub(crate) enum Custody {
    /// Known.
    Open(Open),
    /// Sealed for somebody else: custodians have to find it.
    Locked(Locked),
}

/// A key that is known.
pub(crate) struct Open {
    key: Shared,
    origin: String,
    terms: Terms,
    /// Of the key: whoever asks costs no work before it is known who it is.
    commitments: Commitments,
    /// Custodians that have to have shown their shares before anything is sealed that nobody but they
    /// could ever read again.
    unheld: usize,
    holders: BTreeSet<Did>,
    /// One monitor, one folder: held as long as this is.
    _lock: File,
}

/// A key that is not.
pub(crate) struct Locked {
    path: PathBuf,
    origin: String,
    terms: Terms,
    commitments: Commitments,
    shares: BTreeMap<Did, Share>,
    lock: File,
}

/// What lies in the state folder; nothing of it is secret. Whoever puts another one there needs a
/// quorum of the configured custodians to have it believed.
#[derive(Encode, Decode)]
#[cbor(array)]
struct Kept {
    #[n(0)]
    format: String,
    #[n(1)]
    commitments: Vec<Commitment>,
    /// The key, sealed with the machine's own.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    sealed: Option<Vec<u8>>,
}

/// Why there is no custody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CustodyError {
    #[error("custody-folder: {0}; check that the state folder exists and belongs to the monitor")]
    Folder(std::io::ErrorKind),
    #[error("custody-busy: another monitor runs on this folder; stop it, or give this one its own")]
    Busy,
    #[error("custody-damaged: the file custody is not what was written; restore it from a copy")]
    Damaged,
    #[error(
        "custody-missing: there is a state and no file custody; restore it, or begin a new origin in \
         an empty folder"
    )]
    Missing,
    #[error(
        "custody-quorum: the state needs the shares of {found} custodians and the configuration \
         names a quorum of {wanted}; configure the quorum that it began with"
    )]
    Quorum { found: usize, wanted: usize },
    #[error(
        "custody-sealing: the machine's key does not seal; look for the reason in its firmware"
    )]
    Sealing,
}

impl Custody {
    /// Opens the folder's custody with the machine's key if there is one; begins one in a folder
    /// without a state.
    pub(crate) fn open(
        (origin, terms): (&str, Terms),
        machine: Option<&dyn SealingKey>,
        folder: &Path,
    ) -> Result<Self, CustodyError> {
        let io = |error: std::io::Error| CustodyError::Folder(error.kind());
        std::fs::create_dir_all(folder).map_err(io)?;
        let lock = File::create(folder.join("custody.lock")).map_err(io)?;
        lock.try_lock().map_err(|_| CustodyError::Busy)?;
        let path = folder.join("custody");
        let origin = origin.to_owned();
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let begun = ["log.key", "journal"].iter().any(|name| folder.join(name).exists());
                if begun {
                    return Err(CustodyError::Missing);
                }
                let key = Shared::draw(&mut OsRng);
                // CRASH: the key is on the disk before anything is sealed under it.
                keep(&path, &key, terms.quorum, (&origin, machine))?;
                let unheld = if machine.is_some() { 0 } else { terms.quorum };
                return Ok(Self::Open(Open::new((key, origin), terms, unheld, lock)));
            }
            Err(error) => return Err(io(error)),
        };
        let kept = Kept::from_cbor(&bytes).ok().filter(|kept| kept.format == FORMAT);
        let kept = kept.ok_or(CustodyError::Damaged)?;
        let commitments = Commitments::read(&kept.commitments).ok_or(CustodyError::Damaged)?;
        let (found, wanted) = (commitments.quorum(), terms.quorum);
        if found != wanted {
            return Err(CustodyError::Quorum { found, wanted });
        }
        let own = machine.zip(kept.sealed).and_then(|(machine, sealed)| {
            let bytes = machine.unwrap(&context(&origin), &sealed).ok()?;
            let key = Shared::from_bytes(&bytes)?;
            (key.commitments(wanted) == commitments).then_some(key)
        });
        Ok(match own {
            Some(key) => Self::Open(Open::new((key, origin), terms, 0, lock)),
            None => {
                let shares = BTreeMap::new();
                Self::Locked(Locked { path, origin, terms, commitments, shares, lock })
            }
        })
    }
}

impl Open {
    fn new((key, origin): (Shared, String), terms: Terms, unheld: usize, lock: File) -> Self {
        let commitments = key.commitments(terms.quorum);
        let holders = BTreeSet::new();
        Self { key, origin, terms, commitments, unheld, holders, _lock: lock }
    }

    /// What seals under the key.
    pub(crate) fn sealing(&self) -> Result<Box<dyn SealingKey>, SealError> {
        let key = self.key.expose();
        let parts = [key.as_slice(), self.origin.as_bytes()];
        let bytes = Zeroizing::new(domain::CUSTODY_SEALING.hash(&parts));
        Ok(Box::new(WrappingKey::new(&bytes, domain::CUSTODY_SEALING)?))
    }

    /// Whether too few custodians have their shares for what only they can open.
    pub(crate) fn is_unheld(&self) -> bool {
        self.holders.len() < self.unheld
    }

    /// A custodian's share.
    pub(crate) fn hold(
        &self,
        hold: &Hold,
        signature: &Signature,
        boot: BootId,
    ) -> Result<Reply, Refused> {
        let key = self.terms.custodian(&hold.custodian)?;
        key.verify(domain::CUSTODY_HOLD, &hold.to_cbor(), signature)
            .map_err(|_| Refused("requester-bad-signature"))?;
        of_this_boot(&hold.boot, &boot)?;
        let share = self.key.share(self.terms.quorum, &key);
        Ok(Reply::Share { key: name(&self.commitments), share })
    }

    /// Takes the word of a custodian that shows its share that it has it; returns how many more are
    /// needed before anything is sealed.
    pub(crate) fn held(
        &mut self,
        unlock: &Unlock,
        signature: &Signature,
        boot: BootId,
    ) -> Result<usize, Refused> {
        shown(&self.terms, &self.commitments, (unlock, signature), boot)?;
        self.holders.insert(unlock.custodian.clone());
        Ok(self.unheld.saturating_sub(self.holders.len()))
    }
}

impl Locked {
    /// Takes a custodian's share; returns how many more are needed.
    pub(crate) fn take(
        &mut self,
        unlock: &Unlock,
        signature: &Signature,
        boot: BootId,
    ) -> Result<usize, Refused> {
        shown(&self.terms, &self.commitments, (unlock, signature), boot)?;
        self.shares.insert(unlock.custodian.clone(), unlock.share.clone());
        Ok(self.terms.quorum.saturating_sub(self.shares.len()))
    }

    /// The key, once there are enough shares; sealed with the machine's own, for the next start.
    pub(crate) fn opened(self, machine: Option<&dyn SealingKey>) -> Result<Open, CustodyError> {
        let Self { path, origin, terms, commitments, shares, lock } = self;
        let held =
            shares.iter().filter_map(|(did, share)| Some((terms.custodians.get(did)?, share)));
        let key = commitments.key(held).ok_or(CustodyError::Damaged)?;
        // CRASH: until this is there the next start asks custodians again, as it does where the
        // machine has no key, or does not seal.
        if machine.is_some() {
            drop(keep(&path, &key, terms.quorum, (&origin, machine)));
        }
        Ok(Open::new((key, origin), terms, 0, lock))
    }
}

impl Terms {
    fn custodian(&self, did: &Did) -> Result<PublicKey, Refused> {
        self.custodians.get(did).copied().ok_or(Refused("custody-not-a-custodian"))
    }
}

impl Wire for Kept {
    const MAX_BYTES: usize = 16 * 1024;
}

/// A custodian shows its own share, to this boot.
fn shown(
    terms: &Terms,
    commitments: &Commitments,
    (unlock, signature): (&Unlock, &Signature),
    boot: BootId,
) -> Result<(), Refused> {
    let key = terms.custodian(&unlock.custodian)?;
    let signed = Zeroizing::new(unlock.to_cbor());
    key.verify(domain::CUSTODY_UNLOCK, &signed, signature)
        .map_err(|_| Refused("requester-bad-signature"))?;
    of_this_boot(&unlock.boot, &boot)?;
    let own = commitments.holds(&key, &unlock.share);
    if own { Ok(()) } else { Err(Refused("custody-share-wrong")) }
}

fn of_this_boot(named: &BootId, ours: &BootId) -> Result<(), Refused> {
    if named == ours { Ok(()) } else { Err(Refused("custody-other-boot")) }
}

/// Which key it is, for custodians of several.
fn name(commitments: &Commitments) -> Root {
    let points = commitments.written();
    let parts: Vec<&[u8]> = points.iter().map(|point| point.0.as_slice()).collect();
    Root(domain::CUSTODY_KEY.hash(&parts))
}

fn context(origin: &str) -> [u8; 32] {
    domain::CUSTODY_SEALING.hash(&[origin.as_bytes()])
}

/// Puts the file in its place, whole.
fn keep(
    path: &Path,
    key: &Shared,
    quorum: usize,
    (origin, machine): (&str, Option<&dyn SealingKey>),
) -> Result<(), CustodyError> {
    let sealed = machine.map(|machine| machine.wrap(&context(origin), &key.expose()));
    let sealed = sealed.transpose().map_err(|_| CustodyError::Sealing)?;
    let commitments = key.commitments(quorum).written();
    let kept = Kept { format: FORMAT.into(), commitments, sealed };
    let named = durable(path, &kept.to_cbor(), || {
        crash_point!("custody-before-rename");
    });
    named.map_err(|error| CustodyError::Folder(error.kind()))
}

const FORMAT: &str = "cloister-custody/1";

#[cfg(test)]
mod tests;
