//! Around the way of an event: who the monitor is, pacts, sessions, trials, approvals, the log.

use std::collections::BTreeMap;

use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::evidence::Purpose;
use messages::ids::Root;
use messages::leaf::PactBody;
use messages::publication::Publication;
use messages::reply::{Approval, ModeName, Open, Reply};
use messages::signature::Signature;
use monitor::{Answer, Trial};
use pact::{Mode, Pact, SignedPact};
use rand_core::{OsRng, RngCore};
use release::Contributions;

use super::{MAX_PATHS, Pipeline, Refused, Registered, bounds};

impl Pipeline {
    /// The local door has no TLS session that an answer to a nonce could be bound to, and an
    /// unbound answer is worth nothing: it shows what the log shows.
    pub(super) fn attest(&self, _nonce: [u8; 32]) -> Reply {
        let claims = self.identity.claims(&self.values, Purpose::Checkpoint, None);
        let evidence = self.identity.tee.attest(&claims).to_cbor();
        Reply::Attestation { evidence, checkpoint: self.checkpoint() }
    }

    pub(super) fn register(&mut self, bytes: &[u8]) -> Result<Reply, Refused> {
        let signed = SignedPact::parse(bytes).map_err(|e| Refused(e.code()))?;
        let binding = signed.bind(&self.ring).map_err(|e| Refused(e.code()))?;
        let key = |did: &Did| self.ring.resolve(did).ok_or(Refused("pact-key-unknown"));
        let keys = [key(binding.pact().initiator())?, key(binding.pact().provider())?];
        let root =
            self.monitor.register(&binding, keys, &mut OsRng).map_err(|e| Refused(e.code()))?;
        let compiled = self.monitor.compiled(&root).ok_or(Refused("pact-unknown"))?;
        let body = PactBody {
            pact: root,
            root,
            prior: None,
            schema: compiled.schema().hash(),
            consent: compiled.consent_root(),
            consent_count: u32::try_from(compiled.consent().len()).unwrap_or(u32::MAX),
            at: self.clock.bracket(),
        };
        let contributions = Contributions::new(bounds(&self.values), compiled.tools());
        self.contributions.insert(root, contributions);
        let mut salt = [0; 32];
        OsRng.fill_bytes(&mut salt);
        let dataset = Root(domain::PACT_SALTED.hash(&[&salt, &root.0]));
        let (leaf, _) = self.publish(&Publication::Pact(body));
        self.pacts.insert(
            root,
            Registered { leaf, dataset, released: BTreeMap::new(), spent: BTreeMap::new() },
        );
        let opened = self.monitor.open_tallies(&root, self.clock.bracket(), &mut OsRng);
        self.publish_tallies(opened);
        let tallies = self.monitor.tallies(&root).ok_or(Refused("pact-unknown"))?;
        Ok(Reply::Registered { root, tallies, leaf })
    }

    pub(super) fn open(&mut self, open: &Open, signature: &Signature) -> Result<Reply, Refused> {
        if self.trials.contains_key(&open.session) {
            return Err(Refused("session-used"));
        }
        self.monitor
            .open(open, signature, self.clock.now(), &mut OsRng)
            .map(|()| Reply::Opened)
            .map_err(|e| Refused(e.code()))
    }

    pub(super) fn open_trial(
        &mut self,
        draft: &[u8],
        open: &Open,
        parties: &[Did; 2],
        mode: Option<ModeName>,
    ) -> Result<Reply, Refused> {
        if cfg!(feature = "release-image") {
            return Err(Refused("trials-not-in-release-images"));
        }
        if self.trials.len() >= self.values.max_sessions {
            return Err(Refused("sessions-full"));
        }
        let pact = Pact::parse(draft).map_err(|e| Refused(e.code()))?;
        if pact.hash() != open.pact {
            return Err(Refused("pact-unknown"));
        }
        // A trial never stands in for a session that counts.
        if self.trials.contains_key(&open.session) || self.monitor.knows(&open.session) {
            return Err(Refused("session-used"));
        }
        let compiled = pact::compile(&pact).map_err(|_| Refused("pact-not-compilable"))?;
        let [initiator, provider] = parties;
        let key = |did: &Did| did.key().ok_or(Refused("pact-key-unknown"));
        let keys = [key(initiator)?, key(provider)?];
        let mode = mode.map(|name| match name {
            ModeName::Active => Mode::Active,
            ModeName::Interventionist => Mode::Interventionist,
            ModeName::Passive => Mode::Passive,
        });
        let mut token_key = [0; 16];
        OsRng.fill_bytes(&mut token_key);
        let named = (open.session, open.pact, compiled);
        let now = self.clock.now();
        let trial = Trial::new(named, mode, open.principal.clone(), keys, token_key, now);
        self.trials.insert(open.session, trial);
        Ok(Reply::Opened)
    }

    pub(super) fn approve(
        &mut self,
        approval: &Approval,
        signature: &Signature,
    ) -> Result<Reply, Refused> {
        let key = self.ring.resolve(&approval.overseer);
        let now = self.clock.now();
        let answer = self.monitor.approve(approval, signature, key, now);
        answer.map(Answer::into_reply).map_err(|e| Refused(e.code()))
    }

    pub(super) fn include(&self, leaves: &[u64]) -> Result<Reply, Refused> {
        let size = self.log.size();
        if leaves.len() > MAX_PATHS || leaves.iter().any(|i| *i >= size) {
            return Err(Refused("log-no-such-leaf"));
        }
        let paths = leaves.iter().map(|i| self.log.inclusion(*i, size)).collect();
        Ok(Reply::Included { checkpoint: self.checkpoint(), paths })
    }

    pub(super) fn consistency(&self, old: u64) -> Result<Reply, Refused> {
        let size = self.log.size();
        if old == 0 || old > size {
            return Err(Refused("log-no-such-size"));
        }
        let path = self.log.consistency(old, size);
        Ok(Reply::Consistent { checkpoint: self.checkpoint(), path })
    }
}
