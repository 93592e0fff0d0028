//! A claim about to be proven: consent is checked and the asking put on record here; the proof,
//! which takes as long as a hundred verdicts, is made apart from the pipeline, from what the
//! archive keeps.

use std::ops::ControlFlow;
use std::sync::Arc;

use circuits::log::BLOCK;
use circuits::segment::BLOCKS;
use journal::{JournalError, Stretch};
use messages::bundle::{OpenedConsent, ProvenClaim};
use messages::circuit::CircuitKey;
use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::counter::Schema;
use messages::did::Did;
use messages::domain;
use messages::hidden::Asked;
use messages::ids::{BootId, EvidenceId, LeafHash, PactHash, TallyId};
use messages::leaf::{Boots, TallyBody};
use messages::merkle::CONSENT;
use messages::publication::Disclosed;
use messages::reply::{ProofKind, Reply, Wanted};
use messages::signature::Signature;
use messages::time::{Epoch, UnixMillis};
use monitor::{Again, Effect, Kept};
use pact::Consented;
use rand_core::OsRng;
use tally::{BlindingContext, HolderSecret, Openings};

use super::{Filed, Pipeline, Refused, refused};
use crate::boot_key::BootKey;
use crate::segment_key::SegmentKey;
use crate::state::{Entry, Step};

/// All that a proof needs. Secret: it holds what opens leaves.
pub(crate) struct Proving {
    wanted: Wanted,
    grounds: Vec<Ground>,
    /// The boot that answers, and how many leaves its log has.
    signer: (BootId, u64),
    /// The record of the range, when the claim is about each event.
    each: Option<Each>,
}

/// What a claim about each event takes besides. Secret.
struct Each {
    again: Again,
    record: Stretch,
    key: Arc<SegmentKey>,
    evidence: EvidenceId,
}

/// What a claim stands on over one of its ranges.
struct Ground {
    /// The counters at the beginning of the range and at its end.
    schemas: [Schema; 2],
    /// Leaves of the pacts that were in force before the last one.
    revisions: Vec<Disclosed>,
    /// The leaf before the range.
    before: Sealed,
    /// The leaf of its last epoch.
    after: Sealed,
    /// The pact's leaf.
    pact: Disclosed,
    /// The leaf of the boot that signed `after`.
    signer: Disclosed,
    /// One entry for each statement.
    consent: Vec<OpenedConsent>,
    /// The boots of the tally's life, and their leaves.
    boots: (Boots, Vec<Disclosed>),
}

/// A tally leaf that is not opened yet.
pub(super) struct Sealed {
    pub(super) leaf: Disclosed,
    pub(super) body: TallyBody,
    /// The counters that it commits to.
    pub(super) schema: Schema,
    kept: Kept,
    /// Number of the record that holds it.
    record: u64,
    secret: HolderSecret,
    context: BlindingContext,
}

impl Sealed {
    /// Computes the commitments again, with all that opens them; some milliseconds.
    pub(super) fn open(&self) -> Openings {
        self.kept.open(&self.schema, &self.secret, &self.context)
    }
}

impl Proving {
    /// Makes the proof.
    pub(crate) fn prove(self, key: &BootKey) -> Reply {
        let Self { wanted: Wanted { claim, kind, over: _ }, grounds, signer, each } = self;
        let openings: Vec<[Openings; 2]> =
            grounds.iter().map(|g| [g.before.open(), g.after.open()]).collect();
        let grounds_of = grounds.iter().zip(&openings).map(|(ground, [before, after])| {
            let [_, schema] = &ground.schemas;
            prove::Ground {
                schema,
                before: &ground.before.leaf,
                after: &ground.after.leaf,
                pact: &ground.pact,
                boot: &ground.signer,
                consent: ground.consent.clone(),
                before_openings: before,
                after_openings: after,
            }
        });
        let request = prove::Request { claim: &claim, grounds: grounds_of.collect() };
        let proven = match (each, kind) {
            (Some(each), _) => each.prove(&request, key),
            (None, ProofKind::ZeroKnowledge) => {
                prove::prove(&request, &mut OsRng).map(|p| (p, None)).map_err(code)
            }
            (None, ProofKind::Signed) => {
                prove::sign(&request, signer, key).map(|p| (p, None)).map_err(code)
            }
        };
        match proven {
            Ok((proven, circuit)) => shown(proven, circuit, grounds),
            Err(refusal) => refused(refusal),
        }
    }
}

impl Each {
    /// Makes the entries again from the record, and proves of each that it obeyed.
    fn prove(
        self,
        request: &prove::Request<'_>,
        key: &BootKey,
    ) -> Result<(ProvenClaim, Option<CircuitKey>), Refused> {
        let Self { mut again, record, key: circuit, evidence } = self;
        let mut take = |_, bytes: &[u8]| {
            if let Ok(Entry { step: Step::Effect(effect), .. }) = minicbor::decode::<Entry>(bytes) {
                again.take(&effect);
            }
            if again.blocks() > MOST_BLOCKS {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        record.read(&mut take).map_err(|error| Refused(error.code()))?;
        let (rules, blocks) = again.done();
        if blocks.len() > MOST_BLOCKS {
            return Err(TOO_MANY);
        }
        let made = circuit.made(key, evidence).ok_or(Refused("prover-failed"))?;
        let segments = prove::SegmentKey { prover: &made.prover, digest: made.key.digest() };
        let entries = prove::Entries { rules, blocks };
        let proven = prove::prove_segments(request, &entries, segments, &mut OsRng, |_, _| ())
            .map_err(code)?;
        Ok((proven, Some(made.key.clone())))
    }
}

const fn code(error: prove::ProveError) -> Refused {
    Refused(error.code())
}

/// The proof with every leaf that it stands on.
fn shown(proven: ProvenClaim, circuit: Option<CircuitKey>, grounds: Vec<Ground>) -> Reply {
    let (mut leaves, mut schemas, mut lives) = (Vec::new(), Vec::new(), Vec::new());
    for Ground { schemas: [begins, ends], revisions, before, after, pact, boots, .. } in grounds {
        let (life, introduced) = boots;
        leaves.extend(introduced);
        leaves.extend(revisions);
        leaves.extend([pact, before.leaf, after.leaf]);
        schemas.extend([ends, begins]);
        lives.push(life);
    }
    leaves.sort_unstable_by_key(|leaf| leaf.index);
    leaves.dedup_by_key(|leaf| leaf.index);
    let mut distinct: Vec<Schema> = Vec::new();
    schemas.into_iter().for_each(|schema| {
        if !distinct.contains(&schema) {
            distinct.push(schema);
        }
    });
    let (claim, circuits) = (Box::new(proven), circuit.into_iter().collect());
    Reply::Proof { claim, leaves, schemas: distinct, boots: lives, circuits }
}

impl Pipeline {
    /// A claim: only what the pact's consent lists, to whom it lists. That it was asked for is on
    /// record before anything is proven, also when it turns out not to hold.
    pub(super) fn prove(
        &mut self,
        mut wanted: Wanted,
        (requester, signature): (&Did, &Signature),
    ) -> Result<Proving, Refused> {
        self.authenticate(domain::PROOF_REQUEST, requester, &wanted.to_cbor(), signature)?;
        self.locate(&mut wanted, requester)?;
        let claim = &wanted.claim;
        verify::check_shape(claim).map_err(|fault| Refused(fault.code()))?;
        let grounds = claim.ranges.iter().map(|range| self.ground(claim, range, requester));
        let grounds = grounds.collect::<Result<Vec<_>, _>>()?;
        let each = match claim.statements.as_slice() {
            [Predicate::Obeyed] if wanted.kind == ProofKind::ZeroKnowledge => {
                Some(self.each(&grounds)?)
            }
            [Predicate::Obeyed] => return Err(Refused("obeyed-proof")),
            several if several.contains(&Predicate::Obeyed) => return Err(Refused("obeyed-alone")),
            _ => None,
        };
        for range in &claim.ranges {
            let asked = Asked {
                statements: claim.statements.clone(),
                first: range.first,
                last: range.last,
                audience: match &claim.audience {
                    Audience::Public => None,
                    Audience::Verifier { did, nonce: _ } => Some(did.clone()),
                },
                requester: requester.clone(),
            };
            let (root, tally) = (range.root, range.tally());
            self.put(Step::of(Effect::Asked { root, tally, asked: Box::new(asked) }))?;
        }
        let signer = (self.identity.boot, self.log.size());
        Ok(Proving { wanted, grounds, signer, each })
    }

    /// The record between the two leaves of a claim about each event, and where their log was.
    fn each(&self, grounds: &[Ground]) -> Result<Each, Refused> {
        let [Ground { before, after, .. }] = grounds else { return Err(Refused("obeyed-alone")) };
        let (root, tally) = (&after.body.root_pact, &after.body.tally);
        // One pact was in force: its rules.
        if before.body.pact != after.body.pact {
            return Err(Refused("obeyed-revised"));
        }
        if after.kept.entries.since(&before.kept.entries) > MOST_ENTRIES {
            return Err(TOO_MANY);
        }
        let pacts = (root, &after.body.pact);
        let again = self.state.monitor.entries_from(pacts, tally, before.kept.entries);
        let again = again.ok_or(Refused("entries-ended"))?;
        let records = before.record.saturating_add(1)..=after.record;
        // The journal is that of all pacts. Opening its segments keeps verdicts waiting.
        let touched = self.journal.segments().into_iter().filter(|segment| {
            segment.last_seq >= *records.start() && segment.first_seq <= *records.end()
        });
        if touched.count() > MOST_JOURNAL_SEGMENTS {
            return Err(TOO_MANY);
        }
        let record = self.journal.stretch(records.clone()).map_err(|error| match error {
            JournalError::NotRetained { first, .. } if *records.start() < first => {
                Refused("entries-forgotten")
            }
            // The leaf is not durable yet.
            JournalError::NotRetained { .. } => RANGE_NOT_CLOSED,
            other => Refused(other.code()),
        })?;
        let (key, evidence) = (Arc::clone(&self.identity.segment_key), self.identity.evidence);
        Ok(Each { again, record, key, evidence })
    }

    /// Puts the epochs between two moments into the ranges, for whom some consent names.
    fn locate(&self, wanted: &mut Wanted, requester: &Did) -> Result<(), Refused> {
        let Some([from, to]) = wanted.over else { return Ok(()) };
        let monitor = &self.state.monitor;
        for range in &mut wanted.claim.ranges {
            let terms = monitor.chain(&range.root).last().copied();
            let terms = terms.and_then(|pact| monitor.under(&range.root, &pact));
            let terms = terms.ok_or(Refused("pact-unknown"))?;
            listed(&terms.consent, &wanted.claim.statements, requester)?;
            if monitor.pact_of_tally(&range.tally()) != Some(range.root) {
                return Err(Refused("claim-other-tally"));
            }
            let before = self.epoch_at(range.tally(), from)?;
            let last = self.epoch_at(range.tally(), to)?;
            let first = before.next().filter(|first| *first <= last);
            (range.first, range.last) = (first.ok_or(RANGE_NOT_CLOSED)?, last);
        }
        Ok(())
    }

    /// The epoch of a tally that ended at this moment; its opening, for a moment before that.
    fn epoch_at(&self, tally: TallyId, at: UnixMillis) -> Result<Epoch, Refused> {
        let known = |epoch| self.index.tallies.get(&(tally, Epoch(epoch))).copied();
        let bracket = |epoch: u64| {
            let leaf = self.leaf(known(epoch).ok_or(UNKNOWN_EPOCH)?)?;
            let body = TallyBody::from_cbor(&leaf.body).map_err(|_| UNKNOWN_EPOCH)?;
            Ok::<_, Refused>(body.at)
        };
        let all = (tally, Epoch(0))..=(tally, Epoch(u64::MAX));
        let newest = self.index.tallies.range(all).next_back().ok_or(UNKNOWN_EPOCH)?;
        let ((_, newest), _) = newest;
        let (mut low, mut high) = (0, newest.0);
        // The first epoch that ended at this moment or later.
        while low < high {
            let middle = low.midpoint(high);
            if bracket(middle)?.latest < at {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        let found = bracket(low)?;
        let ended = found.earliest <= at && at <= found.latest;
        if ended || low == 0 && at <= found.latest { Ok(Epoch(low)) } else { Err(RANGE_NOT_CLOSED) }
    }

    fn ground(&self, claim: &Claim, range: &Range, requester: &Did) -> Result<Ground, Refused> {
        let monitor = &self.state.monitor;
        let root = &range.root;
        if range.origin != self.values.origin {
            return Err(Refused("claim-other-log"));
        }
        if monitor.root_pact(root) != Some(*root) {
            return Err(Refused("pact-unknown"));
        }
        // The terms at the end of the range rule the claim: its consent and its counters. Whether
        // there is such an epoch is told only to whom some consent names.
        let last = self.in_force(range.tally(), range.last);
        let asked = last.as_ref().ok().or_else(|| monitor.chain(root).last());
        let terms = asked.and_then(|pact| monitor.under(root, pact));
        let terms = terms.ok_or(Refused("pact-unknown"))?;
        let listed = listed(&terms.consent, &claim.statements, requester)?;
        if monitor.pact_of_tally(&range.tally()) != Some(*root) {
            return Err(Refused("claim-other-tally"));
        }
        let before = range.first.previous().ok_or(Refused("claim-epoch-zero"))?;
        let (first, last) = (self.in_force(range.tally(), before)?, last?);
        let (before, after) =
            (self.sealed(range.tally(), before)?, self.sealed(range.tally(), range.last)?);
        let consent = opened(&terms.consent, listed, (claim, &before.body, &after.body))?;
        let (boots, _) = monitor.tally(&range.tally()).ok_or(Refused("claim-other-tally"))?;
        let signer = self.boot_leaf(&after.leaf.leaf.boot)?;
        // The boot that answers may sign the claim.
        let entries = boots.entries.iter().map(|entry| entry.boot);
        let mut signers: Vec<BootId> = entries.chain([self.identity.boot]).collect();
        // All pacts that were in force over the range, newest last.
        let mut revisions = Vec::new();
        let chain = monitor.chain(root).skip_while(|pact| **pact != first);
        for pact in chain.take_while(|pact| **pact != last).chain([&last]) {
            let leaf = self.index.pacts.get(pact).ok_or(Refused("pact-unknown"))?;
            let leaf = self.leaf(*leaf)?;
            signers.push(leaf.leaf.boot);
            revisions.push(leaf);
        }
        signers.sort_unstable();
        signers.dedup();
        let pact = revisions.pop().ok_or(Refused("pact-unknown"))?;
        let leaves = signers.iter().map(|boot| self.boot_leaf(boot)).collect::<Result<_, _>>()?;
        let begins = monitor.under(root, &first).ok_or(Refused("pact-unknown"))?;
        Ok(Ground {
            schemas: [begins.schema, terms.schema],
            revisions,
            before,
            after,
            pact,
            signer,
            consent,
            boots: (boots.clone(), leaves),
        })
    }

    /// The pact that was in force at the end of an epoch.
    fn in_force(&self, tally: TallyId, epoch: Epoch) -> Result<PactHash, Refused> {
        let index = self.index.tallies.get(&(tally, epoch)).ok_or(UNKNOWN_EPOCH)?;
        let body = TallyBody::from_cbor(&self.leaf(*index)?.body);
        body.map(|body| body.pact).map_err(|_| UNKNOWN_EPOCH)
    }

    /// A tally leaf with what the archive keeps to open it.
    pub(super) fn sealed(&self, tally: TallyId, epoch: Epoch) -> Result<Sealed, Refused> {
        let unknown = UNKNOWN_EPOCH;
        let index = self.index.tallies.get(&(tally, epoch)).ok_or(unknown)?;
        let Filed { disclosed, kept, record } = self.filed(*index)?;
        let body = TallyBody::from_cbor(&disclosed.body).map_err(|_| unknown)?;
        let kept = kept.ok_or(unknown)?;
        let boot_key = self.state.monitor.boot_key(&disclosed.leaf.boot).ok_or(unknown)?;
        let (_, secret) = self.state.monitor.tally(&tally).ok_or(unknown)?;
        let secret = HolderSecret::from_bytes(*secret.expose());
        let (root_pact, salt) = (body.root_pact, body.salt);
        let context = BlindingContext { root_pact, tally, epoch, salt, boot_key };
        let terms = self.state.monitor.under(&root_pact, &body.pact).ok_or(unknown)?;
        let (leaf, schema) = (disclosed, terms.schema);
        Ok(Sealed { leaf, body, schema, kept, record, secret, context })
    }
}

/// Of each statement the entries that list it and name the requester; at least one.
fn listed(
    entries: &[Consented],
    statements: &[Predicate],
    requester: &Did,
) -> Result<Vec<Vec<usize>>, Refused> {
    let one = |statement: &Predicate| {
        let listed = entries.iter().enumerate().filter(|(_, c)| c.entry.lists(statement));
        let mut listed = listed.peekable();
        listed.peek().ok_or(Refused("claim-not-consented"))?;
        let named = listed
            .filter(|(_, c)| c.entry.audience.is_empty() || c.entry.audience.contains(requester));
        let named: Vec<usize> = named.map(|(at, _)| at).collect();
        if named.is_empty() { Err(Refused("claim-audience-not-consented")) } else { Ok(named) }
    };
    statements.iter().map(one).collect()
}

/// Of each statement the first of its entries that permits it over this range, with its way to the
/// consent root. Where none does, the prover says why.
fn opened(
    entries: &[Consented],
    listed: Vec<Vec<usize>>,
    (claim, before, after): (&Claim, &TallyBody, &TallyBody),
) -> Result<Vec<OpenedConsent>, Refused> {
    let encoded: Vec<Vec<u8>> = entries.iter().map(|c| c.entry.to_cbor()).collect();
    let encoded: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    let one = |(statement, listed): (&Predicate, Vec<usize>)| {
        let permits = |at: &&usize| {
            let entry = entries.get(**at).map(|c| &c.entry);
            entry.is_some_and(|entry| {
                verify::consent::permits(entry, statement, claim, before, after).is_ok()
            })
        };
        let none = Refused("claim-not-consented");
        let at = *listed.iter().find(permits).or_else(|| listed.first()).ok_or(none)?;
        let entry = entries.get(at).ok_or(none)?.entry.clone();
        let path = CONSENT.path(&encoded, at).into_iter().map(LeafHash).collect();
        Ok(OpenedConsent { entry, index: u32::try_from(at).map_err(|_| none)?, path })
    };
    claim.statements.iter().zip(listed).map(one).collect()
}

/// Segments of one proof about each event: three minutes of a core, and 16,384 events at most.
const MOST_SEGMENTS: usize = 64;
const MOST_BLOCKS: usize = MOST_SEGMENTS * BLOCKS;
const MOST_ENTRIES: u64 = (MOST_BLOCKS * BLOCK) as u64;
/// Of the journal: one is begun each day, or after a million records of all pacts.
const MOST_JOURNAL_SEGMENTS: usize = 400;
const TOO_MANY: Refused = Refused("entries-too-many");
const RANGE_NOT_CLOSED: Refused = Refused("claim-range-not-closed");
const UNKNOWN_EPOCH: Refused = Refused("claim-epoch-unknown");
