//! A small monitor in memory: one pact, two tallies, two boots, three epochs, one private
//! aggregate, and a log of everything. Only for tests.
#![allow(dead_code, reason = "each test binary uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

mod life;

use std::collections::BTreeMap;

use cloister_prove::{Ground, ProveError, Request, check, prove};
use messages::bundle::{Bundle, IncludedLeaf, LogView, OpenedConsent, Place, ProvenClaim};
use messages::claim::{Audience, Claim, ConsentEntry, Predicate, Range};
use messages::codec::Wire;
use messages::counter::{Counter, CounterIndex, Schema};
use messages::domain;
use messages::evidence::Claims;
use messages::ids::{
    BodyDigest, BootId, EvidenceId, FieldElement, LeafHash, PactHash, Root, Salt, TallyId,
};
use messages::leaf::{BootBody, Boots, Kind, Leaf, PactBody, TallyBody, body_digest};
use messages::ledger::Ledger;
use messages::merkle::CONSENT;
use messages::publication::{Disclosed, Publication};
use messages::signature::SigningKey;
use messages::time::Epoch;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tally::{Openings, Place as LogPlace, Totals, tally_id};
use tlog::Lease;
use verify::{Anchors, Appraised, Findings, LogAnchor, Report, Unusable};

use crate::fixture::{
    CONFIG, EPOCH_1, EPOCH_2, EXPIRY, NONCE, NOW, ORIGIN, OTHER, assert_appraised, auditor,
    boot_id, entry, evidence, exactly, party_did, predicates, schema, two_ranges,
};

/// A publication before it is salted, signed and logged.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) publication: Publication,
    /// Which of the monitor's boots signs.
    pub(crate) signer: usize,
    pub(crate) salt: Salt,
}

/// The pact that [`Monitor::start`] and [`Monitor::other`] watch.
const ROOT: PactHash = PactHash([7; 32]);

pub(crate) struct Monitor {
    pub(crate) origin: &'static str,
    /// Distinguishes the holders' secrets at this monitor from those at another.
    secrets: u8,
    pub(crate) log_key: SigningKey,
    pub(crate) boot_keys: Vec<SigningKey>,
    /// Did the session of the newest epoch end before it?
    pub(crate) ended: bool,
    /// In force at the end, then those before.
    pub(crate) schemas: Vec<Schema>,
    pub(crate) predicates: Vec<Predicate>,
    pub(crate) entries: Vec<ConsentEntry>,
    pub(crate) root_pact: PactHash,
    /// The pact in force, and where its leaf lies.
    pub(crate) pact: (PactHash, usize),
    pub(crate) drafts: Vec<Draft>,
    pub(crate) boots: Boots,
    pub(crate) openings: BTreeMap<(TallyId, Epoch), (usize, Openings)>,
    /// Where the log of entries is at the end of an epoch, where that is not its beginning.
    pub(crate) places: BTreeMap<u64, LogPlace>,
    /// What its pacts say for circuits.
    pub(crate) rules: FieldElement,
}

impl Monitor {
    pub(crate) fn start() -> Self {
        let (mut monitor, mut totals) = Self::begun(ORIGIN, ROOT, predicates());
        monitor.boot(1, 2);
        totals.iter_mut().for_each(|t| t.add(&EPOCH_2).unwrap());
        monitor.epoch(2, &totals);
        monitor.aggregates();
        monitor
    }

    /// The same life up to a third epoch, in which its first boot had no part.
    pub(crate) fn longer() -> Self {
        let (mut monitor, totals) = Self::begun(ORIGIN, ROOT, predicates());
        monitor.boot(1, 2);
        monitor.epoch(2, &totals);
        monitor.epoch(3, &totals);
        monitor
    }

    /// Another monitor that watched the same sessions.
    pub(crate) fn other() -> Self {
        Self::differing(&EPOCH_2, true)
    }

    /// Another monitor that counted this in the second epoch, and saw its session end or not.
    pub(crate) fn differing(second: &[(CounterIndex, u64)], ended: bool) -> Self {
        Self::elsewhere(ROOT, second, ended)
    }

    /// Another monitor, of another pact of the same parties.
    pub(crate) fn of_another_pact() -> Self {
        Self::elsewhere(PactHash([47; 32]), &EPOCH_2, true)
    }

    fn elsewhere(root: PactHash, second: &[(CounterIndex, u64)], ended: bool) -> Self {
        let (mut monitor, mut totals) = Self::begun(OTHER, root, predicates());
        totals.iter_mut().for_each(|t| t.add(second).unwrap());
        monitor.ended = ended;
        monitor.epoch(2, &totals);
        monitor
    }

    /// The same life, but for two revisions in its second epoch: the second one adds a counter.
    pub(crate) fn revised() -> Self {
        Self::revised_that_lets_out(Predicate::at_most("late", 4))
    }

    /// The same, whose pacts consent to one statement more.
    pub(crate) fn revised_that_lets_out(statement: Predicate) -> Self {
        let (mut monitor, mut totals) =
            Self::begun(ORIGIN, ROOT, [predicates(), vec![statement]].concat());
        monitor.registered(PactHash([17; 32]), Some(monitor.root_pact));
        let mut appended = schema();
        appended.counters.push(Counter { name: "late".into(), ..schema().counters[0].clone() });
        totals.iter_mut().for_each(|t| assert!(t.extend(&appended)));
        monitor.schemas.insert(0, appended);
        monitor.registered(PactHash([27; 32]), Some(PactHash([17; 32])));
        monitor.boot(1, 2);
        let grown = [&EPOCH_2[..], &[(CounterIndex(9), 4)]].concat();
        totals.iter_mut().for_each(|t| t.add(&grown).unwrap());
        monitor.epoch(2, &totals);
        monitor
    }

    /// A life whose second epoch is these entries, under a pact with these rules that lets out that
    /// every event obeyed.
    pub(crate) fn of_entries(
        rules: FieldElement,
        (place, growth): (LogPlace, &[(CounterIndex, u64)]),
    ) -> Self {
        let predicates = [predicates(), vec![Predicate::Obeyed]].concat();
        let (mut monitor, mut totals) = Self::begun_under(ORIGIN, ROOT, predicates, rules);
        totals.iter_mut().for_each(|t| t.add(growth).unwrap());
        monitor.places.insert(2, place);
        monitor.epoch(2, &totals);
        monitor
    }

    fn begun(
        origin: &'static str,
        root: PactHash,
        predicates: Vec<Predicate>,
    ) -> (Self, [Totals; 2]) {
        Self::begun_under(origin, root, predicates, FieldElement([45; 32]))
    }

    /// Its first epoch, up to the end.
    fn begun_under(
        origin: &'static str,
        root: PactHash,
        predicates: Vec<Predicate>,
        rules: FieldElement,
    ) -> (Self, [Totals; 2]) {
        let secrets = if origin == ORIGIN { 0 } else { 10 };
        let key = |n: u8| SigningKey::from_seed(&[n + secrets; 32]);
        let mut monitor = Self {
            origin,
            secrets,
            ended: true,
            log_key: key(1),
            boot_keys: vec![key(2), key(3)],
            schemas: vec![schema()],
            entries: [&predicates[..], &two_ranges()]
                .concat()
                .iter()
                .enumerate()
                .map(|(i, p)| entry(i, p))
                .collect(),
            predicates,
            root_pact: root,
            pact: (root, 1),
            drafts: Vec::new(),
            boots: Boots::default(),
            openings: BTreeMap::new(),
            places: BTreeMap::new(),
            rules,
        };
        let mut totals = [Totals::new(&schema()), Totals::new(&schema())];
        monitor.boot(0, 0);
        monitor.registered(monitor.root_pact, None);
        monitor.epoch(0, &totals);
        totals.iter_mut().for_each(|t| t.add(&EPOCH_1).unwrap());
        monitor.epoch(1, &totals);
        (monitor, totals)
    }

    pub(crate) fn tally(&self, party: usize) -> TallyId {
        tally_id(&self.root_pact, &party_did(party), 0)
    }

    /// The leaves as a holder gets them, and the log's head over them.
    pub(crate) fn publish(&self, drafts: &[Draft]) -> (Vec<IncludedLeaf>, String) {
        let mut log = tlog::Log::new();
        let mut hashes: Vec<(LeafHash, LeafHash)> = Vec::new();
        let originals = self.originals();
        let mut disclosed = Vec::new();
        for (i, draft) in drafts.iter().enumerate() {
            let mut publication = draft.publication.clone();
            // A republished leaf is continued where the original was.
            if let Publication::Tally(body) = &mut publication
                && let Some((_, new)) = hashes.iter().find(|(old, _)| Some(*old) == body.previous)
            {
                body.previous = Some(*new);
            }
            let leaf = self.leaf(&publication, draft);
            let index = log.append(&leaf);
            if let Some(original) = originals.get(i) {
                hashes.push((*original, tlog::leaf_hash(&leaf)));
            }
            disclosed.push(Disclosed { index, leaf, salt: draft.salt, body: publication.body() });
        }
        let (size, root) = (log.size(), log.root());
        let head = if self.origin == OTHER {
            // As one whose time is that of witnesses.
            let (boot, evidence) = (BootId([1; 32]), EvidenceId([2; 32]));
            let lease = Lease { boot, evidence, asked: 90, seconds: 60, after: None };
            tlog::sign_leased_checkpoint(self.origin, (size, &root), lease, &self.log_key)
        } else {
            tlog::sign_checkpoint(self.origin, size, &root, &self.log_key)
        };
        let path = |d: &Disclosed| log.inclusion(d.index, log.size());
        let leaves =
            disclosed.into_iter().map(|d| IncludedLeaf { path: path(&d), disclosed: d }).collect();
        (leaves, head)
    }

    pub(crate) fn prove(&self, claim: &Claim) -> Result<ProvenClaim, ProveError> {
        self.prove_with(&self.publish(&self.drafts).0, claim, |_| {})
    }

    pub(crate) fn prove_with<'a>(
        &'a self,
        leaves: &'a [IncludedLeaf],
        claim: &'a Claim,
        change: impl FnOnce(&mut Request<'a>),
    ) -> Result<ProvenClaim, ProveError> {
        let mut request = Request { claim, grounds: vec![self.ground(leaves, claim, 0)] };
        change(&mut request);
        let proven = prove(&request, &mut ChaCha20Rng::from_seed([42; 32]));
        let checked = check(&request);
        assert_eq!(checked.err(), proven.as_ref().err().copied(), "asked before, it says the same");
        proven
    }

    /// What a claim stands on over its range number `at`.
    pub(crate) fn ground<'a>(
        &'a self,
        leaves: &'a [IncludedLeaf],
        claim: &Claim,
        at: usize,
    ) -> Ground<'a> {
        let range = &claim.ranges[at];
        let opened = |epoch: Epoch| self.openings.get(&(range.tally(), epoch)).unwrap();
        let (before, before_openings) = opened(range.first.previous().unwrap());
        let (after, after_openings) = opened(range.last);
        let leaf = |i: usize| &leaves[i].disclosed;
        let boot = leaves
            .iter()
            .map(|l| &l.disclosed)
            .find(|d| BootBody::from_cbor(&d.body).is_ok_and(|b| b.boot == leaf(*after).leaf.boot));
        let ends = TallyBody::from_cbor(&leaf(*after).body).unwrap();
        let pact = leaves
            .iter()
            .map(|l| &l.disclosed)
            .find(|d| PactBody::from_cbor(&d.body).is_ok_and(|b| b.pact == ends.pact));
        let schema = self.schemas.iter().find(|s| s.hash() == ends.schema);
        Ground {
            schema: schema.unwrap_or(&self.schemas[0]),
            before: leaf(*before),
            after: leaf(*after),
            pact: pact.unwrap_or_else(|| leaf(1)),
            boot: boot.unwrap(),
            consent: claim.statements.iter().map(|p| self.consent(p)).collect(),
            before_openings,
            after_openings,
        }
    }

    /// The entry that lists a statement, or else the first.
    pub(crate) fn consent(&self, predicate: &Predicate) -> OpenedConsent {
        let at = self.entries.iter().position(|e| e.lists(predicate)).unwrap_or(0);
        let index = u32::try_from(at).unwrap();
        OpenedConsent { entry: self.entries[at].clone(), index, path: self.consent_path(at) }
    }

    /// A claim about the first tally over epochs `first..=last`, to the auditor, whose nonce is
    /// [`NONCE`].
    pub(crate) fn claim(&self, predicate: &Predicate, first: u64, last: u64) -> Claim {
        Claim {
            statements: vec![predicate.clone()],
            ranges: vec![self.range(0, first, last)],
            audience: Audience::Verifier { did: auditor(), nonce: NONCE },
            expiry: EXPIRY,
            admitted_gaps: 0,
        }
    }

    /// Epochs `first..=last` of a party's tally.
    pub(crate) fn range(&self, party: usize, first: u64, last: u64) -> Range {
        Range {
            origin: self.origin.into(),
            root: self.root_pact,
            party: party_did(party),
            generation: 0,
            first: Epoch(first),
            last: Epoch(last),
        }
    }

    pub(crate) fn bundle(&self, claims: Vec<ProvenClaim>) -> Bundle {
        let (leaves, checkpoint) = self.publish(&self.drafts);
        let aggregates = leaves
            .iter()
            .filter(|l| l.disclosed.leaf.kind == Kind::Aggregate)
            .map(|l| Place { origin: self.origin.into(), index: l.disclosed.index })
            .collect();
        Bundle {
            format: Bundle::FORMAT.into(),
            logs: vec![LogView { origin: self.origin.into(), checkpoint, leaves }],
            schemas: self.schemas.clone(),
            boots: vec![self.boots.clone()],
            claims,
            aggregates,
            stamps: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// A bundle with a claim for every predicate, all of which hold.
    pub(crate) fn good_bundle(&self) -> Bundle {
        let one = |p: &Predicate| self.prove(&self.claim(p, 1, 2)).unwrap();
        self.bundle(self.predicates.iter().map(one).collect())
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors {
            logs: vec![LogAnchor {
                origin: self.origin.into(),
                log_key: self.log_key.public(),
                configs: vec![CONFIG],
            }],
            pacts: vec![self.root_pact],
            audience: Some(auditor()),
            nonce: Some(NONCE),
            witnesses: Vec::new(),
            quorum: 0,
            dealers: Vec::new(),
            circuits: Vec::new(),
            stamped: false,
        }
    }

    /// The whole log of these drafts, with everything of its ledgers opened.
    pub(crate) fn ledger(&self, drafts: &[Draft]) -> Ledger {
        let (leaves, checkpoint) = self.publish(drafts);
        let disclosed: Vec<_> = leaves.into_iter().map(|included| included.disclosed).collect();
        let of_ledger = |kind| matches!(kind, Kind::Aggregate | Kind::Boot | Kind::Reserve);
        Ledger {
            format: Ledger::FORMAT.into(),
            origin: self.origin.into(),
            checkpoint,
            leaves: disclosed.iter().map(|disclosed| disclosed.leaf.clone()).collect(),
            opened: disclosed.into_iter().filter(|d| of_ledger(d.leaf.kind)).collect(),
        }
    }

    pub(crate) fn verify(&self, bundle: &[u8]) -> Result<Report, Unusable> {
        verify_under(&[self], bundle)
    }

    pub(crate) fn appraised(&self) -> Vec<Appraised> {
        (0..self.boot_keys.len()).map(|i| assert_appraised(self.evidence_claims(i))).collect()
    }

    pub(crate) fn evidence_claims(&self, boot: usize) -> Claims {
        Claims::for_checkpoint(
            self.origin.into(),
            (boot_id(boot), self.boot_keys[boot].public()),
            self.log_key.public(),
            CONFIG,
        )
    }

    pub(crate) fn consent_path(&self, entry: usize) -> Vec<LeafHash> {
        let encoded: Vec<Vec<u8>> = self.entries.iter().map(Wire::to_cbor).collect();
        let leaves: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        CONSENT.path(&leaves, entry).into_iter().map(LeafHash).collect()
    }

    pub(crate) fn consent_root(&self) -> Root {
        let encoded: Vec<Vec<u8>> = self.entries.iter().map(Wire::to_cbor).collect();
        CONSENT.root(&encoded.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    pub(crate) fn boot_body(&self, boot: usize, at: u64) -> BootBody {
        BootBody {
            boot: boot_id(boot),
            boot_key: self.boot_keys[boot].public(),
            log_key: self.log_key.public(),
            config: CONFIG,
            evidence: evidence(&self.evidence_claims(boot)).to_cbor(),
            at: exactly(at),
        }
    }

    pub(crate) fn push(&mut self, publication: Publication, signer: usize) -> usize {
        let at = self.drafts.len();
        let salt = Salt([u8::try_from(at).unwrap().wrapping_add(100); 32]);
        self.drafts.push(Draft { publication, signer, salt });
        at
    }

    fn leaf(&self, publication: &Publication, draft: &Draft) -> Leaf {
        let kind = publication.kind();
        let body: BodyDigest = body_digest(kind, &draft.salt, &publication.body());
        let boot = boot_id(draft.signer);
        let signed = Leaf::signed_bytes(kind, &body, &boot);
        let signature = self.boot_keys[draft.signer].sign(domain::LEAF_SIGNATURE, &signed);
        Leaf { kind, body, boot, signature }
    }

    /// Signs a claim instead of proving it.
    pub(crate) fn sign(&self, claim: &Claim, boot: usize, size: u64) -> ProvenClaim {
        self.sign_over(&self.publish(&self.drafts).0, claim, boot, size)
    }

    /// The same over leaves that it published otherwise.
    pub(crate) fn sign_over(
        &self,
        leaves: &[IncludedLeaf],
        claim: &Claim,
        boot: usize,
        size: u64,
    ) -> ProvenClaim {
        let grounds = (0..claim.ranges.len()).map(|at| self.ground(leaves, claim, at)).collect();
        let request = Request { claim, grounds };
        cloister_prove::sign(&request, (boot_id(boot), size), &self.boot_keys[boot]).unwrap()
    }

    fn originals(&self) -> Vec<LeafHash> {
        self.drafts.iter().map(|d| tlog::leaf_hash(&self.leaf(&d.publication, d))).collect()
    }
}

/// The verdict of somebody who accepts all these monitors.
pub(crate) fn verify_under(monitors: &[&Monitor], bundle: &[u8]) -> Result<Report, Unusable> {
    let appraised: Vec<Appraised> = monitors.iter().flat_map(|m| m.appraised()).collect();
    let findings = Findings { appraised: &appraised, timestamped: &[] };
    let logs = monitors.iter().flat_map(|m| m.anchors().logs).collect();
    let pacts = monitors.iter().map(|m| m.root_pact).collect();
    let anchors = Anchors { logs, pacts, ..monitors[0].anchors() };
    verify::verify(bundle, &anchors, findings, NOW)
}

/// A bundle over the logs of several monitors, which come in the order of their origins.
pub(crate) fn bundle_over(monitors: &[&Monitor], claims: Vec<ProvenClaim>) -> Bundle {
    let mut bundle = monitors[0].bundle(claims);
    for monitor in &monitors[1..] {
        let more = monitor.bundle(Vec::new());
        bundle.logs.extend(more.logs);
        bundle.boots.extend(more.boots);
        bundle.aggregates.extend(more.aggregates);
    }
    bundle
}

/// Proves a claim whose ranges are of these monitors, one each.
pub(crate) fn prove_over(monitors: &[&Monitor], claim: &Claim) -> Result<ProvenClaim, ProveError> {
    let published: Vec<_> = monitors.iter().map(|m| m.publish(&m.drafts).0).collect();
    let grounds = monitors.iter().zip(&published).enumerate();
    let grounds = grounds.map(|(at, (m, leaves))| m.ground(leaves, claim, at)).collect();
    prove(&Request { claim, grounds }, &mut ChaCha20Rng::from_seed([42; 32]))
}
