//! A small monitor in memory: one pact, two tallies, two boots, three epochs, one private
//! aggregate, and a log of everything. Only for tests.
#![allow(dead_code, reason = "each test binary uses its part")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that fails here says so"
)]

use std::collections::BTreeMap;

use cloister_prove::{Ground, ProveError, Request, prove};
use messages::bundle::{Bundle, IncludedLeaf, LogView, OpenedConsent, Place, ProvenClaim};
use messages::claim::{Audience, Calendar, Claim, ConsentEntry, Predicate, Range, Relation, Sum};
use messages::codec::Wire;
use messages::counter::{Bucket, Counter, CounterIndex, DEFAULT_MAX, Schema};
use messages::did::Did;
use messages::domain;
use messages::evidence::{Claims, Conceptual, Purpose, SOFTWARE_MEDIA_TYPE};
use messages::ids::{BodyDigest, BootId, ConfigDigest, LeafHash, PactHash, Root, Salt, TallyId};
use messages::leaf::{
    AggregateBody, BootBody, BootEntry, Boots, Gaps, Leaf, Mechanism, Noise, PactBody, Query,
    ReserveBody, Suite, TallyBody, body_digest,
};
use messages::merkle::CONSENT;
use messages::publication::{Disclosed, Publication};
use messages::signature::{PublicKey, SigningKey};
use messages::time::{Bracket, ClockKind, Epoch, Millis, UnixMillis};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use tally::{BlindingContext, Cut, HolderSecret, Openings, Totals, commit, tally_id};
use verify::{Anchors, Appraised, EvidenceClass, Findings, LogAnchor, Report, Unusable};

pub(crate) const ORIGIN: &str = "insecure-dev/test.example/log";
pub(crate) const EXPIRY: UnixMillis = UnixMillis(1_000_000);
pub(crate) const NOW: UnixMillis = UnixMillis(10_000);
pub(crate) const NONCE: [u8; 32] = [77; 32];

/// A publication before it is salted, signed and logged.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) publication: Publication,
    /// Which of the monitor's boots signs.
    pub(crate) signer: usize,
    pub(crate) salt: Salt,
}

pub(crate) struct Monitor {
    pub(crate) log_key: SigningKey,
    pub(crate) boot_keys: Vec<SigningKey>,
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
}

impl Monitor {
    pub(crate) fn start() -> Self {
        let (mut monitor, mut totals) = Self::begun(predicates());
        monitor.boot(1, 2);
        totals.iter_mut().for_each(|t| t.add(&EPOCH_2).unwrap());
        monitor.epoch(2, &totals);
        monitor.aggregate();
        monitor
    }

    /// The same life, but for two revisions in its second epoch: the second one adds a counter.
    pub(crate) fn revised() -> Self {
        let late = Predicate::at_most("late", 4);
        let (mut monitor, mut totals) = Self::begun([predicates(), vec![late]].concat());
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

    /// Its first epoch, up to the end.
    fn begun(predicates: Vec<Predicate>) -> (Self, [Totals; 2]) {
        let mut monitor = Self {
            log_key: SigningKey::from_seed(&[1; 32]),
            boot_keys: vec![SigningKey::from_seed(&[2; 32]), SigningKey::from_seed(&[3; 32])],
            schemas: vec![schema()],
            entries: predicates.iter().enumerate().map(|(i, p)| entry(i, p)).collect(),
            predicates,
            root_pact: PactHash([7; 32]),
            pact: (PactHash([7; 32]), 1),
            drafts: Vec::new(),
            boots: Boots::default(),
            openings: BTreeMap::new(),
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
        let head = tlog::sign_checkpoint(ORIGIN, log.size(), &log.root(), &self.log_key);
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
        prove(&request, &mut ChaCha20Rng::from_seed([42; 32]))
    }

    /// What a claim stands on over its range number `at`.
    pub(crate) fn ground<'a>(
        &'a self,
        leaves: &'a [IncludedLeaf],
        claim: &Claim,
        at: usize,
    ) -> Ground<'a> {
        let range = &claim.ranges[at];
        let opened = |epoch: Epoch| self.openings.get(&(range.tally, epoch)).unwrap();
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
            origin: ORIGIN.into(),
            root: self.root_pact,
            tally: self.tally(party),
            first: Epoch(first),
            last: Epoch(last),
        }
    }

    pub(crate) fn bundle(&self, claims: Vec<ProvenClaim>) -> Bundle {
        let (leaves, checkpoint) = self.publish(&self.drafts);
        let aggregates = leaves
            .iter()
            .filter(|l| l.disclosed.leaf.kind == messages::leaf::Kind::Aggregate)
            .map(|l| Place { origin: ORIGIN.into(), index: l.disclosed.index })
            .collect();
        Bundle {
            format: Bundle::FORMAT.into(),
            logs: vec![LogView { origin: ORIGIN.into(), checkpoint, leaves }],
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
                origin: ORIGIN.into(),
                log_key: self.log_key.public(),
                configs: vec![CONFIG],
            }],
            pacts: vec![self.root_pact],
            audience: Some(auditor()),
            nonce: Some(NONCE),
            witnesses: Vec::new(),
            quorum: 0,
            stamped: false,
        }
    }

    pub(crate) fn verify(&self, bundle: &[u8]) -> Result<Report, Unusable> {
        let appraised = self.appraised();
        let findings = Findings { appraised: &appraised, timestamped: &[] };
        verify::verify(bundle, &self.anchors(), findings, NOW)
    }

    pub(crate) fn appraised(&self) -> Vec<Appraised> {
        (0..self.boot_keys.len()).map(|i| assert_appraised(self.evidence_claims(i))).collect()
    }

    pub(crate) fn evidence_claims(&self, boot: usize) -> Claims {
        Claims {
            purpose: Purpose::Checkpoint,
            origin: ORIGIN.into(),
            boot_key: self.boot_keys[boot].public(),
            log_key: self.log_key.public(),
            nonce: None,
            tls_spki: None,
            exporter: None,
            role: None,
            config: CONFIG,
            boot: boot_id(boot),
        }
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

    fn boot(&mut self, boot: usize, first: u64) {
        let body = self.boot_body(boot, 500 + 1000 * first);
        let evidence = Conceptual::from_cbor(&body.evidence).unwrap().evidence_id();
        let (boot_id, config) = (body.boot, body.config);
        self.boots.entries.push(BootEntry { boot: boot_id, evidence, config, first: Epoch(first) });
        self.push(Publication::Boot(body), boot);
    }

    fn registered(&mut self, pact: PactHash, prior: Option<PactHash>) {
        let body = PactBody {
            pact,
            root: self.root_pact,
            prior,
            schema: self.schemas[0].hash(),
            consent: self.consent_root(),
            consent_count: u32::try_from(self.entries.len()).unwrap(),
            at: exactly(500),
        };
        self.pact = (pact, self.push(Publication::Pact(body), 0));
    }

    fn epoch(&mut self, epoch: u64, totals: &[Totals; 2]) {
        let signer = self.boots.entries.len() - 1;
        for (party, totals) in totals.iter().enumerate() {
            let tally = self.tally(party);
            let context = BlindingContext {
                root_pact: self.root_pact,
                tally,
                epoch: Epoch(epoch),
                salt: Salt([u8::try_from(10 * epoch).unwrap() + u8::try_from(party).unwrap(); 32]),
                boot_key: self.boot_keys[signer].public(),
            };
            let secret = HolderSecret::from_bytes([u8::try_from(party).unwrap() + 50; 32]);
            let openings = commit(totals, Some(&Cut::default()), &secret, &context);
            let originals = self.originals();
            let previous = Epoch(epoch).previous();
            let previous = previous.and_then(|e| self.openings.get(&(tally, e)));
            let body = TallyBody {
                suite: Suite::PedersenRistretto255,
                tally,
                root_pact: self.root_pact,
                pact: self.pact.0,
                schema: self.schemas[0].hash(),
                counters: u32::try_from(totals.len()).unwrap(),
                epoch: Epoch(epoch),
                at: exactly(if epoch == 0 { 500 } else { 1000 * epoch }),
                salt: context.salt,
                commitments: openings.root(),
                gaps: Gaps::default(),
                boots: self.boots.root(),
                previous: previous.map(|(at, _)| originals[*at]),
                hidden: Root([44; 32]),
                cut: openings.cut(),
                padding: Vec::new(),
            };
            let at = self.push(Publication::Tally(Box::new(body.padded())), signer);
            self.openings.insert((tally, Epoch(epoch)), (at, openings));
        }
    }

    fn aggregate(&mut self) {
        let query = query();
        let reserve = ReserveBody {
            sequence: 4,
            day: query.day,
            query: query.id(),
            debit_nano_rho: query.nano_rho,
            spent_nano_rho: 2 * query.nano_rho,
            cap_nano_rho: 20_000_000,
        };
        self.push(Publication::Reserve(reserve), 1);
        let aggregate = AggregateBody {
            sequence: 5,
            reserved: 4,
            noise: Noise {
                mechanism: query.mechanism,
                // 8 / sqrt(2 · 0.006)
                scale_milli: 73_030,
                sensitivity: 64,
                half_width_95: 144,
                session_bound: 8,
                cell_bound: 1,
            },
            query,
            values: vec![1_203, -4],
            at: exactly(2500),
        };
        self.push(Publication::Aggregate(aggregate), 1);
    }

    fn leaf(&self, publication: &Publication, draft: &Draft) -> Leaf {
        let kind = publication.kind();
        let body: BodyDigest = body_digest(kind, &draft.salt, &publication.body());
        let boot = boot_id(draft.signer);
        let signed = Leaf::signed_bytes(kind, &body, &boot);
        let signature = self.boot_keys[draft.signer].sign(domain::LEAF_SIGNATURE, &signed);
        Leaf { kind, body, boot, signature }
    }

    fn originals(&self) -> Vec<LeafHash> {
        self.drafts.iter().map(|d| tlog::leaf_hash(&self.leaf(&d.publication, d))).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "tests play the appraiser")]
pub(crate) fn assert_appraised(claims: Claims) -> Appraised {
    Appraised::assertion(evidence(&claims).evidence_id(), EvidenceClass::InsecureSoftware, claims)
}

pub(crate) fn evidence(claims: &Claims) -> Conceptual {
    let value = claims.to_cbor();
    Conceptual { media_type: SOFTWARE_MEDIA_TYPE.into(), value, indicator: 4 }
}

pub(crate) fn boot_id(boot: usize) -> BootId {
    BootId([u8::try_from(boot).unwrap() + 20; 32])
}

pub(crate) fn party_did(party: usize) -> Did {
    Did::parse(["did:web:shop.example", "did:web:bank.example"][party]).unwrap()
}

pub(crate) fn auditor() -> Did {
    Did::from_key(&PublicKey([9; 32]))
}

pub(crate) fn exactly(at: u64) -> Bracket {
    Bracket { earliest: UnixMillis(at), latest: UnixMillis(at), clock: ClockKind::Generated }
}

pub(crate) fn query() -> Query {
    Query {
        dataset: Root([33; 32]),
        day: 20_000,
        statistic: "sessions.outcome".into(),
        cells: vec!["completed".into(), "escalated".into()],
        nano_rho: 6_000_000,
        mechanism: Mechanism::DiscreteGaussian,
    }
}

pub(crate) fn schema() -> Schema {
    let counter =
        |name: &str, max, bucket| Counter { name: name.into(), unit: "calls".into(), max, bucket };
    let bucket = |edge| Some(Bucket { histogram: "latency".into(), edge });
    let counters = vec![
        counter("calls.all", DEFAULT_MAX, None),
        counter("calls.allowed", DEFAULT_MAX, None),
        counter("calls.denied", DEFAULT_MAX, None),
        counter("leaks", DEFAULT_MAX, None),
        counter("latency:200", DEFAULT_MAX, bucket(Some(200))),
        counter("latency:500", DEFAULT_MAX, bucket(Some(500))),
        counter("latency:inf", DEFAULT_MAX, bucket(None)),
        counter("sum:paid", u64::MAX, None),
        counter("small", 200, None),
    ];
    Schema { counters }
}

/// One of each kind; all hold over epochs 1 and 2. Their consent entries have the same places.
pub(crate) fn predicates() -> Vec<Predicate> {
    vec![
        Predicate::at_most("calls.denied", 5),
        Predicate::at_least("calls.all", 200),
        Predicate::between("small", 7, 9),
        Predicate::Ratio {
            part: "sum:paid".into(),
            whole: "calls.all".into(),
            relation: Relation::AtLeast,
            numerator: 99,
            denominator: 100,
            min_whole: 100,
        },
        Predicate::Percentile {
            histogram: "latency".into(),
            percent: 95,
            edge: 200,
            min_whole: 200,
        },
        Predicate::never("leaks"),
        Predicate::Equal {
            left: Sum::of(["calls.allowed", "calls.denied"]),
            right: "calls.all".into(),
        },
        // 200 calls in the 1,500 ms of both epochs.
        Predicate::Rate {
            sum: "calls.all".into(),
            relation: Relation::AtMost,
            count: 134,
            per: Millis(1000),
        },
    ]
}

fn entry(place: usize, predicate: &Predicate) -> ConsentEntry {
    ConsentEntry {
        id: format!("claim-{place}"),
        program: predicate.program_id(),
        grid: vec![predicate.thresholds()],
        // The ratio is for one auditor; the percentile is per calendar second.
        audience: if place == 3 { vec![auditor(), party_did(0)] } else { Vec::new() },
        per: (place == 4).then_some(Calendar::Every(Millis(1000))),
        salt: [u8::try_from(place).unwrap(); 32],
    }
}

const CONFIG: ConfigDigest = ConfigDigest([66; 32]);
const EPOCH_1: [(CounterIndex, u64); 7] = [
    (CounterIndex(0), 100),
    (CounterIndex(1), 97),
    (CounterIndex(2), 3),
    (CounterIndex(4), 95),
    (CounterIndex(5), 5),
    (CounterIndex(7), 1 << 62),
    (CounterIndex(8), 3),
];
const EPOCH_2: [(CounterIndex, u64); 8] = [
    (CounterIndex(0), 100),
    (CounterIndex(1), 98),
    (CounterIndex(2), 2),
    (CounterIndex(4), 95),
    (CounterIndex(5), 4),
    (CounterIndex(6), 1),
    (CounterIndex(7), 1 << 62),
    (CounterIndex(8), 5),
];
