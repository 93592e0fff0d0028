//! Pacts come under monitoring: a first one, or a revision that takes the place of another.

use messages::did::Did;
use messages::ids::PactHash;
use messages::leaf::PactBody;
use messages::publication::Publication;
use messages::receipt::NoticeKind;
use messages::reply::{Action, Reply};
use messages::time::{Bracket, DAY};
use monitor::{Effect, Seed};
use pact::{BindingPact, BindingRevision, Pact, SignedPact};
use rand_core::OsRng;

use super::{Pipeline, Refused};
use crate::state::{Entry, Following, Step};

impl Pipeline {
    /// Checks a signed pact and puts it in force.
    pub(super) fn register(&mut self, bytes: &[u8]) -> Result<Reply, Refused> {
        let signed = SignedPact::parse(bytes).map_err(|e| Refused(e.code()))?;
        let at = self.clock.bracket();
        let (pact, prior) = (signed.pact().hash(), signed.pact().prior());
        let (root, effect) = self.registration(signed, bytes, at)?;
        let entry =
            Entry { at: self.clock.now(), seed: Seed::draw(&mut OsRng), step: Step::of(effect) };
        // Effect, leaf and listing are one group: all of them are on record, or none.
        let Following { applied, .. } = self.apply(&entry)?;
        self.write(entry)?;
        let compiled = self.state.monitor.compiled(&root).ok_or(Refused("pact-unknown"))?;
        let body = PactBody {
            pact,
            root,
            prior,
            schema: compiled.schema().hash(),
            consent: compiled.consent_root(),
            consent_count: u32::try_from(compiled.consent().len()).unwrap_or(u32::MAX),
            at,
            rules: self.state.monitor.rules(&root).ok_or(Refused("pact-unknown"))?,
        };
        let (leaf, _) = self.publish(&Publication::Pact(body), None)?;
        if prior.is_none() {
            self.list(root)?;
        }
        self.publish_all(applied)?;
        if prior.is_some() {
            // Deadline and fail clause are the new terms' at once, and everybody learns of them.
            self.opened.extend(self.state.monitor.sessions_of(&root));
            let what = (NoticeKind::Revised, None, None);
            self.notify(root, what, (Action::Alert, Some(pact.to_string())), self.place());
        }
        self.registered.push(root);
        let tallies = self.state.monitor.tallies(&root).ok_or(Refused("pact-unknown"))?;
        Ok(Reply::Registered { root, tallies, leaf })
    }

    /// The root of the pact's chain, and what puts it in force.
    fn registration(
        &self,
        signed: SignedPact,
        bytes: &[u8],
        at: Bracket,
    ) -> Result<(PactHash, Effect), Refused> {
        let parties = [signed.pact().initiator(), signed.pact().provider()].map(Did::clone);
        let [initiator, provider] = &parties;
        let monitor = &self.state.monitor;
        let prior = signed.pact().prior();
        // Who signed comes first: strangers learn nothing of a pact, and cost no compilation.
        let bound = match &prior {
            None => Bound::First(signed.bind(&self.ring).map_err(|e| Refused(e.code()))?),
            Some(prior) => {
                let refused = Refused("pact-prior-not-in-force");
                let old = monitor.in_force(prior).ok_or(refused)?;
                let by_parties = [old.initiator(), old.provider()] == [initiator, provider];
                if !by_parties || !signed.is_signed_by_a_party(&self.ring) {
                    return Err(refused);
                }
                if monitor.root_pact(&signed.pact().hash()).is_some() {
                    return Err(Refused("pact-known"));
                }
                if old.hash() != *prior {
                    return Err(refused);
                }
                let succession = pact::succeeds(&old, signed.pact());
                let succession = succession.map_err(|e| Refused(e.code()))?;
                let bound = signed.bind_after(succession, &self.ring);
                Bound::Next(bound.map_err(|e| Refused(e.code()))?)
            }
        };
        let mut configs = bound.pact().configs().peekable();
        if configs.peek().is_some() && !configs.any(|config| config == self.identity.config) {
            return Err(Refused("pact-other-configuration"));
        }
        drop(configs);
        if monitor.root_pact(&bound.pact().hash()).is_some() {
            // A connector that starts again registers again, whatever bounds hold now.
            return Err(Refused("pact-known"));
        }
        let key = |did: &Did| self.ring.resolve(did).ok_or(Refused("pact-key-unknown"));
        let keys = [key(initiator)?, key(provider)?];
        let admitted = &self.values.parties;
        let named = |did| admitted.is_empty() || admitted.contains(did);
        if !named(initiator) || !named(provider) {
            return Err(Refused("pact-party-not-admitted"));
        }
        let compiled = pact::compile(bound.pact()).map_err(|_| Refused("pact-not-compilable"))?;
        let longest = self.values.max_retention_days.saturating_mul(DAY.0);
        if compiled.retention().0 > longest {
            return Err(Refused("pact-retention-too-long"));
        }
        // Renewal is settled when an epoch ends: one must end within the notice.
        if compiled.renewal_notice().is_some_and(|notice| notice.0 < self.values.epoch_ms) {
            return Err(Refused("pact-notice-too-short"));
        }
        let document = (bytes.to_vec(), keys);
        let (root, effect) = match &bound {
            Bound::First(first) => {
                let seed = Seed::draw(&mut OsRng);
                (Some(first.pact().hash()), monitor.register(first, document, at, seed))
            }
            Bound::Next(next) => {
                let root = monitor.root_pact(&next.succession().replaced());
                (root, monitor.revise(next, document, at.earliest))
            }
        };
        let effect = effect.map_err(|e| Refused(e.code()))?;
        Ok((root.ok_or(Refused("pact-unknown"))?, effect))
    }
}

/// A pact signed by whom it needs.
enum Bound {
    First(BindingPact),
    Next(BindingRevision),
}

impl Bound {
    const fn pact(&self) -> &Pact {
        match self {
            Self::First(first) => first.pact(),
            Self::Next(next) => next.pact(),
        }
    }
}
