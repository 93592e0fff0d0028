//! What only reads: answered between two groups, from what is durable.

use messages::codec::Wire;
use messages::event::Party;
use messages::evidence::Claims;
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::leaf::{AggregateBody, BootBody, Kind, Leaf, PactBody, ReserveBody, TallyBody};
use messages::publication::Disclosed;
use messages::reply::{Reply, Request};
use monitor::Decision;
use tlog::{TilePath, Tiled};

use super::{Decided, Filed, Index, NO_EVIDENCE, Pipeline, Refused, refused};
use crate::desk::Caller;

impl Pipeline {
    /// Answers a request that changes nothing.
    pub(crate) fn answer(&self, request: &Request, caller: &Caller) -> Decided {
        let answer = match request {
            Request::Attest { nonce } => self.attest(*nonce, caller),
            Request::Openings { range, requester, signature } => {
                match self.hand(range, (requester, signature)) {
                    Ok(handing) => return Decided::Handing(Box::new(handing)),
                    Err(refusal) => Err(refusal),
                }
            }
            Request::Include { leaves } => self.include(leaves),
            Request::Consistency { old, new } => self.consistency(*old, *new),
            Request::Inbox => self.inbox(caller),
            Request::Chain { pact } => self.chain(pact, caller),
            Request::Disclose { leaf } => self.disclose(*leaf, caller),
            Request::Release { query, requester, signature } => {
                self.released(query, (requester, signature))
            }
            Request::Undealt => Ok(self.undealt()),
            Request::Hold { hold, signature } => self.hold(hold, signature),
            _ => Err(Refused("request-out-of-turn")),
        };
        Decided::Reply(answer.unwrap_or_else(refused))
    }

    /// Evidence over the nonce and the very TLS session that asks. At the local door there is no
    /// session to bind an answer to, and it shows what the log shows.
    fn attest(&self, nonce: [u8; 32], caller: &Caller) -> Result<Reply, Refused> {
        let claims = match caller.channel {
            Some(binding) => binding.answer(self.claims(), nonce),
            None => self.claims(),
        };
        let evidence = self.identity.tee.attest(&claims).map_err(|_| Refused(NO_EVIDENCE))?;
        let evidence = evidence.to_cbor();
        let (checkpoint, certificate) = (self.checkpoint(), self.identity.certificate);
        Ok(Reply::Attestation { evidence, checkpoint, certificate })
    }

    /// What evidence of this boot says, before it is bound to anything.
    pub(crate) fn claims(&self) -> Claims {
        let identity = &self.identity;
        Claims::for_checkpoint(
            self.values.origin.clone(),
            (identity.boot, identity.boot_key.public()),
            identity.log_key.public(),
            identity.config,
        )
    }

    fn include(&self, leaves: &[u64]) -> Result<Reply, Refused> {
        let size = self.log.size();
        if leaves.len() > MAX_PATHS || leaves.iter().any(|i| *i >= size) {
            return Err(Refused("log-no-such-leaf"));
        }
        let paths = leaves.iter().map(|i| self.log.inclusion(*i, size)).collect();
        Ok(Reply::Included { checkpoint: self.checkpoint(), paths })
    }

    fn consistency(&self, old: u64, new: Option<u64>) -> Result<Reply, Refused> {
        let size = self.log.size();
        let new = new.unwrap_or(size);
        if old == 0 || old > new || new > size {
            return Err(Refused("log-no-such-size"));
        }
        let path = self.log.consistency(old, new);
        Ok(Reply::Consistent { checkpoint: self.checkpoint(), path })
    }

    /// What became of a paused call: `Some(None)` when there is no such call, none while it waits.
    pub(crate) fn decided(&self, session: &SessionId, call: &EventHash) -> Option<Option<Decided>> {
        let answer = match self.state.monitor.decision(session, call, self.clock.now()) {
            // Leave is given by whoever may be live.
            _ if self.stands_still().is_some() || self.clock.has_lapsed_since() => return None,
            Decision::Waits => return None,
            Decision::Unknown => return Some(None),
            Decision::Made(answer) => answer,
        };
        let party = (*session, Party::Initiator);
        Some(self.receipted(party, answer, Some(*call), self.place()).ok())
    }

    /// A tile of the tree, or the leaves under one (C2SP tlog-tiles).
    pub(crate) fn tile(&self, path: TilePath) -> Option<Vec<u8>> {
        match path.tiled() {
            Tiled::Hashes(level) => self.log.tile(level, path.index(), path.width()),
            Tiled::Entries => {
                let span = path.entries()?;
                if span.end > self.log.size() {
                    return None;
                }
                let leaves = span.map(|at| self.leaf(at).map(|disclosed| disclosed.leaf));
                let leaves: Vec<Leaf> = leaves.collect::<Result<_, _>>().ok()?;
                tlog::entry_bundle(&leaves)
            }
        }
    }

    fn inbox(&self, caller: &Caller) -> Result<Reply, Refused> {
        let overseer = caller.did.as_ref().ok_or(Refused("caller-not-authenticated"))?;
        Ok(Reply::Waiting { calls: self.state.monitor.waiting(overseer, self.clock.now()) })
    }

    /// The opening of a leaf: boots to everybody, a pact's and its tallies' to whom it concerns.
    /// The privacy ledger is everybody's to add up.
    fn disclose(&self, leaf: u64, caller: &Caller) -> Result<Reply, Refused> {
        let Filed { disclosed, kept, record: _ } = self.filed(leaf)?;
        let root = match disclosed.leaf.kind {
            Kind::Boot | Kind::Reserve | Kind::Aggregate => None,
            Kind::Pact => PactBody::from_cbor(&disclosed.body).ok().map(|body| body.root),
            Kind::Tally => TallyBody::from_cbor(&disclosed.body).ok().map(|body| body.root_pact),
            Kind::Break => {
                let body = messages::leaf::BreakBody::from_cbor(&disclosed.body).ok();
                body.and_then(|body| self.state.monitor.pact_of_tally(&body.tally))
            }
        };
        let public = matches!(disclosed.leaf.kind, Kind::Boot | Kind::Reserve | Kind::Aggregate);
        let concerned = || {
            let did = caller.did.as_ref()?;
            root.filter(|root| self.state.monitor.concerns(root, did))
        };
        // Whether a leaf concerns somebody else is nobody's business: one answer for all.
        if public || concerned().is_some() {
            Ok(Reply::Disclosed { leaf: disclosed, hidden: kept.map(|kept| kept.hidden) })
        } else {
            Err(Refused("leaf-not-for-caller"))
        }
    }

    /// What is in force and what was before it, for whom it concerns: one party may have signed
    /// alone what binds both.
    fn chain(&self, pact: &PactHash, caller: &Caller) -> Result<Reply, Refused> {
        let monitor = &self.state.monitor;
        let root = monitor.root_pact(pact).zip(caller.did.as_ref());
        let root = root.filter(|(root, did)| monitor.concerns(root, did)).map(|(root, _)| root);
        let root = root.ok_or(Refused("pact-not-for-caller"))?;
        let documents = monitor.documents(&root).map(<[u8]>::to_vec).collect();
        Ok(Reply::Chain { documents })
    }

    pub(super) fn boot_leaf(&self, boot: &BootId) -> Result<Disclosed, Refused> {
        self.leaf(*self.index.boots.get(boot).ok_or(Refused("log-no-such-leaf"))?)
    }

    pub(super) fn leaf(&self, index: u64) -> Result<Disclosed, Refused> {
        self.filed(index).map(|filed| filed.disclosed)
    }

    pub(super) fn filed(&self, index: u64) -> Result<Filed, Refused> {
        let unknown = Refused("log-no-such-leaf");
        // A release reads its leaves back before its group is durable.
        let unfiled = index.checked_sub(self.archive.len()).and_then(|at| usize::try_from(at).ok());
        if let Some(bytes) = unfiled.and_then(|at| self.unfiled.get(at)) {
            return minicbor::decode(bytes).map_err(|_| unknown);
        }
        let bytes = zeroize::Zeroizing::new(self.archive.get(index).map_err(|_| unknown)?);
        minicbor::decode(&bytes).map_err(|_| unknown)
    }
}

impl Index {
    /// Notes where a leaf is.
    pub(crate) fn note(&mut self, disclosed: &Disclosed) {
        match disclosed.leaf.kind {
            Kind::Tally => {
                if let Ok(body) = TallyBody::from_cbor(&disclosed.body) {
                    self.tallies.insert((body.tally, body.epoch), disclosed.index);
                }
            }
            Kind::Boot => {
                if let Ok(body) = BootBody::from_cbor(&disclosed.body) {
                    self.boots.insert(body.boot, disclosed.index);
                }
            }
            Kind::Pact => {
                if let Ok(body) = PactBody::from_cbor(&disclosed.body) {
                    self.pacts.insert(body.pact, disclosed.index);
                }
            }
            Kind::Aggregate => {
                if let Ok(body) = AggregateBody::from_cbor(&disclosed.body) {
                    self.ledgers.drawn(body, disclosed.index);
                }
            }
            Kind::Reserve => {
                if let Ok(body) = ReserveBody::from_cbor(&disclosed.body) {
                    self.ledgers.reserved(&body, disclosed.index);
                }
            }
            Kind::Break => {}
        }
    }
}

const MAX_PATHS: usize = 4096;
