//! What opens the commitments about a party, handed to that party: the counters that its
//! counterparty agreed to share, signed with their leaf and sealed to the party's key. From then
//! on it proves without the monitor.

use messages::claim::Range;
use messages::codec::Wire;
use messages::counter::{CounterIndex, Schema};
use messages::did::Did;
use messages::domain;
use messages::event::Party;
use messages::ids::BootId;
use messages::leaf::Boots;
use messages::publication::Disclosed;
use messages::reply::Reply;
use messages::segment::moved;
use messages::signature::{PublicKey, Signature};
use messages::time::Epoch;
use rand_core::OsRng;
use tally::Held;

use super::proving::Sealed;
use super::{Pipeline, Refused, refused};
use crate::boot_key::BootKey;

/// Openings about to be handed over. Secret.
pub(crate) struct Handing {
    epochs: Vec<(Sealed, Vec<CounterIndex>)>,
    holder: PublicKey,
    boot: BootId,
    others: Vec<Disclosed>,
    schemas: Vec<Schema>,
    boots: Boots,
}

impl Handing {
    /// Opens, signs and seals; some milliseconds an epoch.
    pub(crate) fn hand(self, key: &BootKey) -> Reply {
        let Self { epochs, holder, boot, others, schemas, boots } = self;
        let sealed = epochs.iter().map(|(epoch, shared)| {
            let leaf = tlog::leaf_hash(&epoch.leaf.leaf);
            let shared = (&shared[..], &moved(&epoch.schema));
            Held::sign(&epoch.open(), shared, (leaf, boot), key).seal(&holder, &mut OsRng)
        });
        let Some(sealed) = sealed.collect::<Option<Vec<_>>>() else {
            return refused(Refused("openings-key-unusable"));
        };
        let mut leaves: Vec<Disclosed> = epochs.into_iter().map(|(epoch, _)| epoch.leaf).collect();
        leaves.extend(others);
        leaves.sort_unstable_by_key(|leaf| leaf.index);
        leaves.dedup_by_key(|leaf| leaf.index);
        Reply::Openings { sealed, leaves, schemas, boots }
    }
}

impl Pipeline {
    /// To the party that the tally is about, and only counters that the pact shares with it.
    pub(super) fn hand(
        &self,
        range: &Range,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Handing, Refused> {
        self.authenticate(domain::OPENINGS_REQUEST, requester, &range.to_cbor(), signature)?;
        let monitor = &self.state.monitor;
        let Range { origin, root, party: _, generation: _, first, last } = range;
        let tally = &range.tally();
        if *origin != self.values.origin {
            return Err(Refused("claim-other-log"));
        }
        // Whether there is such a tally is told only to the party that it is about.
        let foreign = Refused("openings-not-for-requester");
        let party = monitor.party_of(root, tally).ok_or(foreign)?;
        let compiled = monitor.compiled(root).ok_or(foreign)?;
        let named = match party {
            Party::Initiator => compiled.initiator(),
            Party::Provider => compiled.provider(),
        };
        if named != requester {
            return Err(foreign);
        }
        let holder = self.ring.resolve(requester).ok_or(foreign)?;
        let before = first.previous().ok_or(Refused("claim-epoch-zero"))?;
        if last.0.checked_sub(before.0).is_none_or(|span| span >= MAX_EPOCHS) {
            return Err(Refused("openings-too-many"));
        }
        let (boots, _) = monitor.tally(tally).ok_or(foreign)?;
        let mut signers: Vec<BootId> = boots.entries.iter().map(|entry| entry.boot).collect();
        signers.push(self.identity.boot);
        let (mut epochs, mut others, mut schemas) = (Vec::new(), Vec::new(), Vec::new());
        for epoch in before.0..=last.0 {
            let sealed = self.sealed(*tally, Epoch(epoch))?;
            let terms = monitor.under(root, &sealed.body.pact).ok_or(foreign)?;
            let pact = self.index.pacts.get(&sealed.body.pact).ok_or(Refused("pact-unknown"))?;
            let pact = self.leaf(*pact)?;
            signers.push(pact.leaf.boot);
            others.push(pact);
            if !schemas.contains(&terms.schema) {
                schemas.push(terms.schema.clone());
            }
            let [initiator, provider] = terms.openings;
            let shared = match party {
                Party::Initiator => initiator,
                Party::Provider => provider,
            };
            epochs.push((sealed, shared));
        }
        signers.sort_unstable();
        signers.dedup();
        for boot in &signers {
            others.push(self.boot_leaf(boot)?);
        }
        let boot = self.identity.boot;
        Ok(Handing { epochs, holder, boot, others, schemas, boots: boots.clone() })
    }
}

/// Most epochs of one request, the one before the range included.
const MAX_EPOCHS: u64 = 64;
