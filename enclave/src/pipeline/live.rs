//! Whether this boot is the one that is live: several may run on copies of one record, and they
//! share the key that signs the log. Witnesses say which ([`tlog::Lease`]).
//!
//! ```text
//! start ─► asks for a lease over the log as it is ─► a quorum grants it ─► `boot` leaf
//!       ─► a quorum has seen the leaf ─► serves ─► lease over: stands still ─► renewed ─► serves
//!       ─► end on record ─► the next boot need not wait
//! ```

use messages::codec::Wire;
use messages::custody::{Hold, Unlock};
use messages::evidence::Conceptual;
use messages::leaf::{BootBody, BootEntry};
use messages::publication::Publication;
use messages::reply::Reply;
use messages::signature::Signature;
use messages::time::Epoch;
use monitor::{Effect, Seed};
use rand_core::OsRng;

use super::{Identity, Pipeline, Refused};
use crate::audit;
use crate::clock;
use crate::custody;
use crate::state::Step;
use crate::store::{StoreError, crash_point};

/// Whether the log says that this boot is there.
pub(crate) enum Introduction {
    /// Not yet, for it waits for the witnesses' word; with what it is to say.
    Due(Box<Conceptual>),
    /// In this leaf.
    Done(u64),
}

impl Pipeline {
    /// Why nothing that depends on time, or on being the only one, goes on.
    pub(crate) fn stands_still(&self) -> Option<&'static str> {
        // An answer that rests on a boot leaf which no quorum has seen could be another boot's to
        // take back.
        let seen = match self.introduction {
            Introduction::Due(_) => false,
            Introduction::Done(at) => !self.clock.is_witnessed() || at < self.witnessed,
        };
        // The gravest reason: a jump holds up less than the others.
        match self.clock.stands_still() {
            _ if self.superseded => Some(SUPERSEDED),
            Some(code) if code != clock::JUMPED => Some(code),
            // What is taken now could be lost with the machine.
            _ if self.is_unheld() => Some("custody-unheld"),
            _ if !seen => Some(clock::UNWITNESSED),
            jumped => jumped,
        }
    }

    /// Whether too few custodians have their shares of what only they can open again.
    fn is_unheld(&self) -> bool {
        self.custody.as_ref().is_some_and(custody::Open::is_unheld)
    }

    /// A custodian's share.
    pub(super) fn hold(&self, hold: &Hold, signature: &Signature) -> Result<Reply, Refused> {
        let custody = self.custody.as_ref().ok_or(Refused("custody-not-a-custodian"))?;
        custody.hold(hold, signature, self.identity.boot)
    }

    /// Notes that a custodian has its share.
    pub(super) fn held(&mut self, unlock: &Unlock, sig: &Signature) -> Result<Reply, Refused> {
        let custody = self.custody.as_mut().ok_or(Refused("custody-not-a-custodian"))?;
        let missing = custody.held(unlock, sig, self.identity.boot)?;
        Ok(Reply::Unlocking { missing: u64::try_from(missing).unwrap_or(u64::MAX) })
    }

    /// Takes what witnesses cosigned: the time, and this boot's lease. A
    /// checkpoint that a quorum has cosigned and that this record does not hold proves that the record
    /// is not the newest; a quorum, since a boot that never had one was never live.
    pub(super) fn cosign(&mut self, note: &str) -> Result<Reply, Refused> {
        if self.superseded {
            return Err(Refused(SUPERSEDED));
        }
        let (origin, key) = (&self.values.origin, self.identity.log_key.public());
        let checkpoint = tlog::open_checkpoint(note, origin, &key)
            .map_err(|_| Refused("note-of-another-log"))?;
        let pinned = self.values.witnesses();
        let times = tlog::cosignatures(note, &pinned);
        if times.is_empty() {
            return Err(Refused("note-without-witness"));
        }
        if self.log.root_at(checkpoint.size()) != Some(*checkpoint.root()) {
            if times.len() < self.values.quorum() {
                return Err(Refused("note-of-another-boot"));
            }
            // Whatever is added to this log now is a fork of what others have seen: for good.
            self.superseded = true;
            audit::line(audit::Line::Superseded);
            return Err(Refused(SUPERSEDED));
        }
        let witnesses = u64::try_from(times.len()).unwrap_or(u64::MAX);
        if self.clock.is_witnessed() {
            let ours = checkpoint.lease().filter(|lease| lease.boot == self.identity.boot);
            let lease = ours.ok_or(Refused("note-of-another-boot"))?;
            self.clock.witnessed(&times, lease).map_err(Refused)?;
        }
        self.witnessed = self.witnessed.max(checkpoint.size());
        Ok(Reply::Cosigned { witnesses })
    }

    /// Introduces this boot, once: when it has its lease, if it needs one, and when what it does can be
    /// read again. After a disagreement of journal and log, ends and begins the tallies.
    pub(crate) fn introduce(&mut self) -> Result<(), Refused> {
        if self.superseded || self.is_unheld() || self.clock.stands_still().is_some() {
            return Ok(());
        }
        let at = self.log.size();
        let due = core::mem::replace(&mut self.introduction, Introduction::Done(at));
        let Introduction::Due(evidence) = due else {
            self.introduction = due;
            return Ok(());
        };
        let Identity { boot, config, evidence: id, .. } = self.identity;
        let key = self.identity.boot_key.public();
        let entry = BootEntry { boot, evidence: id, config, first: Epoch(0) };
        self.put(Step::of(Effect::Booted { entry, key }))?;
        let body = BootBody {
            boot,
            boot_key: key,
            log_key: self.identity.log_key.public(),
            config,
            evidence: evidence.to_cbor(),
            at: self.clock.bracket(),
        };
        self.publish(&Publication::Boot(body), None)?;
        if self.state.broken {
            audit::line(audit::Line::Broken);
            let (at, seed) = (self.clock.bracket(), Seed::draw(&mut OsRng));
            self.put(Step::of(Effect::Broken { at, seed }))?;
        }
        Ok(())
    }

    /// The last act of a boot: it puts its own end on record, so that the next one need not wait for
    /// its lease to end.
    pub(crate) fn end(mut self) -> Result<(), StoreError> {
        if matches!(self.introduction, Introduction::Due(_)) {
            // It never was live, and knows of the last one that was what it knew at its start.
            return self.rotate();
        }
        let ended = self.put(Step::Ended(self.identity.boot));
        // CRASH: before its end is durable it has not ended, and its lease holds; after that nothing
        // of this boot answers any more, for the pipeline is gone.
        crash_point!("end-before-commit");
        // A full disk takes no end; what was acknowledged is on it.
        if ended.is_ok() { self.rotate() } else { self.commit() }
    }
}

/// There is, or was, a newer record of this log.
pub(crate) const SUPERSEDED: &str = "log-superseded";
