//! What the benches measure on: a pact of fifty rules, a tally, and a log with one claim.
//!
//! Benches live in `benches/`, other products in the separate package `peers/`; numbers, with
//! the machine and the command, in `RESULTS.md`.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a bench that panics has nothing to measure"
)]

use std::collections::BTreeMap;

use messages::bundle::{Bundle, IncludedLeaf, LogView, OpenedConsent, ProvenClaim};
use messages::claim::{Audience, Claim, ConsentEntry, Predicate, Range};
use messages::codec::Wire;
use messages::counter::{Counter, CounterIndex, DEFAULT_MAX, Schema};
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Event, Role};
use messages::evidence::{Claims, Conceptual, SOFTWARE_MEDIA_TYPE};
use messages::ids::{
    BootId, ConfigDigest, EventHash, FieldElement, LeafHash, PactHash, Root, Salt, SessionId,
    TallyId,
};
use messages::leaf::{
    BootBody, BootEntry, Boots, Gaps, Leaf, PactBody, Suite, TallyBody, body_digest,
};
use messages::merkle::CONSENT;
use messages::publication::{Disclosed, Publication};
use messages::segment::MOVED;
use messages::signature::SigningKey;
use messages::time::{Bracket, ClockKind, Epoch, UnixMillis};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Value, json};
use tally::{BlindingContext, HolderSecret, Openings, Place, Totals, commit, tally_id};
use verify::{Anchors, Appraised, EvidenceClass, Findings, LogAnchor};

/// Rules in the pact that decisions are measured on.
pub const RULES: usize = 50;
/// Counters in the tally that commitments are measured on.
pub const COUNTERS: usize = 32;
/// A moment in the pact's term.
pub const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

/// A pact with [`RULES`] interactions: tool *n* may be called with an amount up to 1000 + *n*.
#[must_use]
pub fn pact() -> pact::Compiled {
    let interaction = |n: usize| {
        json!({
            "id": tool(n), "direction": "initiator->provider", "kind": "call",
            "name": tool(n), "effect": "spend", "unlisted_args": "deny",
            "args": {"amount": {
                "type": "decimal", "max": format!("{}.00", 1000 + n), "unit": "EUR",
                "required": true, "else": "deny",
            }},
        })
    };
    let mut document: Value = serde_json::from_str(PACT).unwrap();
    document["interactions"] = (0..RULES).map(interaction).collect();
    let pact = pact::Pact::parse(document.to_string().as_bytes()).unwrap();
    pact::compile(&pact).unwrap()
}

/// The same pact; each tool also has a recipient, whom the principal or a record must name.
#[must_use]
pub fn sourced_pact() -> pact::Compiled {
    let interaction = |n: usize| {
        json!({
            "id": tool(n), "direction": "initiator->provider", "kind": "call",
            "name": tool(n), "effect": "spend", "unlisted_args": "deny",
            "args": {
                "amount": {"type": "decimal", "max": format!("{}.00", 1000 + n), "unit": "EUR",
                    "required": true, "else": "deny"},
                "recipient": {"provenance": {"any_of": ["principal", "record"], "else": "deny"}},
            },
        })
    };
    let mut document: Value = serde_json::from_str(PACT).unwrap();
    document["interactions"] = (0..RULES).map(interaction).collect();
    let pact = pact::Pact::parse(document.to_string().as_bytes()).unwrap();
    pact::compile(&pact).unwrap()
}

/// Tool 25 with an amount within its rule and a recipient that the principal named.
#[must_use]
pub fn sourced_event() -> Event {
    let mut event = event();
    if let Body::Call { args, .. } = &mut event.body {
        args.insert("recipient".to_owned(), "bob@example.com".into());
    }
    event
}

/// A session in which the principal said a thousand words.
#[must_use]
pub fn well_read(pact: &pact::Compiled) -> pact::SessionState {
    let mut session = pact::SessionState::new([0; 16]);
    let words: Vec<String> = (0..1_000).map(|n| format!("word{n}")).collect();
    let text = format!("{} bob@example.com", words.join(" "));
    let said = Event {
        from: Role::Principal,
        to: Role::Initiator,
        body: Body::Message { text },
        ..event()
    };
    let standing = pact::StandingState::default();
    let judged = pact::check(pact, &session, &standing, &said, pact::Approval::Absent, NOW);
    session.apply(&judged.change);
    session
}

/// Name of the *n*th tool.
#[must_use]
pub fn tool(n: usize) -> String {
    format!("tool_{n:02}")
}

/// The event that decisions are measured on: a permitted call.
#[must_use]
pub fn event() -> Event {
    Event {
        pact: PactHash([1; 32]),
        session: SessionId([2; 32]),
        seq: 0,
        prev: EventHash([0; 32]),
        from: Role::Initiator,
        to: Role::Provider,
        body: Body::Call {
            call: "call-1".into(),
            name: tool(25),
            args: BTreeMap::from([("amount".into(), json!("500.00"))]),
            via: None,
        },
    }
}

/// Totals of [`COUNTERS`] counters, all in use.
#[must_use]
pub fn totals() -> Totals {
    totals_with(2000)
}

/// The same, with another total of counter 1.
fn totals_with(amount: u64) -> Totals {
    let mut totals = Totals::new(&schema());
    let indices = (0_u16..).map(CounterIndex);
    let mut amounts: Vec<_> = indices.zip((1_u64..).map(|n| n * 1000)).take(COUNTERS).collect();
    amounts[1].1 = amount;
    totals.add(&amounts).unwrap();
    totals
}

/// A holder's secret.
#[must_use]
pub fn secret() -> HolderSecret {
    HolderSecret::from_bytes([50; 32])
}

/// What separates the blindings of an epoch.
#[must_use]
pub fn context(epoch: u64) -> BlindingContext {
    let (root_pact, tally, boot_key) = (PACT_HASH, tally_of(), boot_key().public());
    BlindingContext { root_pact, tally, epoch: Epoch(epoch), salt: Salt([9; 32]), boot_key }
}

/// A log with one tally over some number of epochs, and what proves one claim over all of them.
pub struct Fixture {
    claim: Claim,
    entry: ConsentEntry,
    leaves: Vec<IncludedLeaf>,
    checkpoint: String,
    boots: Boots,
    openings: [Openings; 2],
}

impl Fixture {
    /// A log of `epochs` epochs. The leaves between the first and the last are as many and as
    /// large as a monitor's; they repeat one commitment root, which no verifier of the range
    /// looks at.
    #[must_use]
    pub fn new(epochs: u64) -> Self {
        Self::counting(epochs, 2000)
    }

    /// The same, with this total of the counter that claims are about: its bound is [`BOUND`].
    #[must_use]
    pub fn counting(epochs: u64, amount: u64) -> Self {
        let entry = ConsentEntry {
            id: "claim".into(),
            program: predicate(0).program_id(),
            grid: (0..THRESHOLDS).map(|at| predicate(at).thresholds()).collect(),
            audience: Vec::new(),
            per: None,
            salt: [3; 32],
        };
        let openings = [
            commit(
                &Totals::new(&schema()),
                (&[None; MOVED], Place::start()),
                None,
                &secret(),
                &context(0),
            ),
            commit(
                &totals_with(amount),
                (&[None; MOVED], Place::start()),
                None,
                &secret(),
                &context(epochs),
            ),
        ];
        let evidence = evidence();
        let boots = Boots {
            entries: vec![BootEntry {
                boot: BOOT,
                evidence: evidence.evidence_id(),
                config: CONFIG,
                first: Epoch(0),
            }],
        };
        let mut log = Log::default();
        log.append(&Publication::Boot(BootBody {
            boot: BOOT,
            boot_key: boot_key().public(),
            log_key: log_key().public(),
            config: CONFIG,
            evidence: evidence.to_cbor(),
            at: at(0),
        }));
        log.append(&Publication::Pact(PactBody {
            pact: PACT_HASH,
            root: PACT_HASH,
            prior: None,
            schema: schema().hash(),
            consent: CONSENT.root(&[&entry.to_cbor()]),
            consent_count: 1,
            at: at(0),
            rules: FieldElement::default(),
        }));
        let mut previous = None;
        for epoch in 0..=epochs {
            let committed = if epoch < epochs { &openings[0] } else { &openings[1] };
            let body = TallyBody {
                suite: Suite::PedersenRistretto255,
                tally: tally_of(),
                root_pact: PACT_HASH,
                pact: PACT_HASH,
                schema: schema().hash(),
                counters: u32::try_from(COUNTERS).unwrap(),
                epoch: Epoch(epoch),
                at: at(epoch),
                salt: context(epoch).salt,
                commitments: committed.root(),
                gaps: Gaps::default(),
                boots: boots.root(),
                previous,
                hidden: Root([8; 32]),
                cut: committed.cut(),
                kappa: committed.kappa(),
                padding: Vec::new(),
            };
            previous = Some(log.append(&Publication::Tally(Box::new(body.padded()))));
        }
        let size = log.tree.size();
        let checkpoint = tlog::sign_checkpoint(ORIGIN, size, &log.tree.root(), &log_key());
        let shown = |disclosed: &Disclosed| IncludedLeaf {
            path: log.tree.inclusion(disclosed.index, size),
            disclosed: disclosed.clone(),
        };
        let (first, last) = (&log.disclosed[..3], &log.disclosed[log.disclosed.len() - 1..]);
        let leaves = first.iter().chain(last).map(shown).collect();
        let claim = Claim {
            statements: vec![predicate(0)],
            ranges: vec![Range {
                origin: ORIGIN.into(),
                root: PACT_HASH,
                party: party(),
                generation: 0,
                first: Epoch(1),
                last: Epoch(epochs),
            }],
            audience: Audience::Public,
            expiry: UnixMillis(u64::MAX),
            admitted_gaps: 0,
        };
        Self { claim, entry, leaves, checkpoint, boots, openings }
    }

    /// Proves the claim.
    #[must_use]
    pub fn prove(&self) -> ProvenClaim {
        self.prove_all(&[0])
    }

    /// Proves one claim of these statements, which differ in their thresholds.
    #[must_use]
    pub fn prove_all(&self, statements: &[u64]) -> ProvenClaim {
        let leaf = |at: usize| &self.leaves[at].disclosed;
        let path: Vec<LeafHash> =
            CONSENT.path(&[&self.entry.to_cbor()], 0).into_iter().map(LeafHash).collect();
        let consent = OpenedConsent { entry: self.entry.clone(), index: 0, path };
        let statements: Vec<Predicate> = statements.iter().map(|at| predicate(*at)).collect();
        let consent = vec![consent; statements.len()];
        let claim = Claim { statements, ..self.claim.clone() };
        let schema = schema();
        let ground = prove::Ground {
            schema: &schema,
            before: leaf(2),
            after: leaf(3),
            pact: leaf(1),
            boot: leaf(0),
            consent,
            before_openings: &self.openings[0],
            after_openings: &self.openings[1],
        };
        let request = prove::Request { claim: &claim, grounds: vec![ground] };
        prove::prove(&request, &mut ChaCha20Rng::from_seed([42; 32])).unwrap()
    }

    /// The bundle of the claim, encoded.
    #[must_use]
    pub fn bundle(&self) -> Vec<u8> {
        self.bundle_of(vec![self.prove()])
    }

    /// A bundle of `count` claims of one statement each.
    #[must_use]
    pub fn bundle_of_many(&self, count: u64) -> Vec<u8> {
        self.bundle_of((0..count).map(|at| self.prove_all(&[at])).collect())
    }

    /// A bundle of these claims, encoded.
    #[must_use]
    pub fn bundle_of(&self, claims: Vec<ProvenClaim>) -> Vec<u8> {
        let (checkpoint, leaves) = (self.checkpoint.clone(), self.leaves.clone());
        let bundle = Bundle {
            format: Bundle::FORMAT.into(),
            logs: vec![LogView { origin: ORIGIN.into(), checkpoint, leaves }],
            schemas: vec![schema()],
            boots: vec![self.boots.clone()],
            claims,
            aggregates: Vec::new(),
            stamps: Vec::new(),
            missing: Vec::new(),
        };
        bundle.to_cbor()
    }
}

/// A 64-bit statement that holds; the first have each a threshold of their own.
fn predicate(at: u64) -> Predicate {
    Predicate::at_most("c1", BOUND + at % THRESHOLDS)
}

/// The lowest threshold that claims may have.
pub const BOUND: u64 = 1 << 40;

/// How many thresholds the pact consents to.
const THRESHOLDS: u64 = 64;

/// Verifies a bundle of a [`Fixture`]; panics unless its claims hold.
pub fn verify(bundle: &[u8]) {
    let anchors = Anchors {
        logs: vec![LogAnchor {
            origin: ORIGIN.into(),
            log_key: log_key().public(),
            configs: vec![CONFIG],
        }],
        pacts: vec![PACT_HASH],
        audience: None,
        nonce: None,
        witnesses: Vec::new(),
        quorum: 0,
        dealers: Vec::new(),
        circuits: Vec::new(),
        stamped: false,
    };
    let appraised = [appraised()];
    let findings = Findings { appraised: &appraised, timestamped: &[] };
    let report = verify::verify(bundle, &anchors, findings, NOW).unwrap();
    let refused = report.items.iter().map(|item| item.verdict.code()).find(|c| *c != "verified");
    assert!(refused.is_none(), "{refused:?}");
}

#[derive(Default)]
struct Log {
    tree: tlog::Log,
    disclosed: Vec<Disclosed>,
}

impl Log {
    fn append(&mut self, publication: &Publication) -> LeafHash {
        let (kind, body, salt) = (publication.kind(), publication.body(), Salt([5; 32]));
        let digest = body_digest(kind, &salt, &body);
        let signed = Leaf::signed_bytes(kind, &digest, &BOOT);
        let signature = boot_key().sign(domain::LEAF_SIGNATURE, &signed);
        let leaf = Leaf { kind, body: digest, boot: BOOT, signature };
        let (index, hash) = (self.tree.append(&leaf), tlog::leaf_hash(&leaf));
        self.disclosed.push(Disclosed { index, leaf, salt, body });
        hash
    }
}

#[expect(clippy::disallowed_methods, reason = "the bench plays the appraiser")]
fn appraised() -> Appraised {
    let id = evidence().evidence_id();
    Appraised::assertion(id, EvidenceClass::InsecureSoftware, evidence_claims())
}

fn evidence() -> Conceptual {
    let value = evidence_claims().to_cbor();
    Conceptual { media_type: SOFTWARE_MEDIA_TYPE.into(), value, indicator: 4 }
}

fn evidence_claims() -> Claims {
    Claims::for_checkpoint(ORIGIN.into(), (BOOT, boot_key().public()), log_key().public(), CONFIG)
}

/// The ordered counters that everything here counts.
pub fn schema() -> Schema {
    let counter =
        |n| Counter { name: format!("c{n}"), unit: "calls".into(), max: DEFAULT_MAX, bucket: None };
    Schema { counters: (0..COUNTERS).map(counter).collect() }
}

fn tally_of() -> TallyId {
    tally_id(&PACT_HASH, &party(), 0)
}

fn party() -> Did {
    Did::parse("did:web:shop.example").unwrap()
}

fn log_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

fn boot_key() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

const fn at(epoch: u64) -> Bracket {
    let at = UnixMillis(3_600_000 * epoch);
    Bracket { earliest: at, latest: at, clock: ClockKind::Generated }
}

const ORIGIN: &str = "insecure-dev/bench.example/log";
const PACT_HASH: PactHash = PactHash([7; 32]);
const CONFIG: ConfigDigest = ConfigDigest([66; 32]);
const BOOT: BootId = BootId([20; 32]);
const PACT: &str = include_str!("pact.json");
