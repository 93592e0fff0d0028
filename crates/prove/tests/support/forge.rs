//! Ways to break or forge a good bundle. Each leaves a bundle, anchors and appraisals behind, as
//! a verifier would meet them.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails here says so"
)]

use std::sync::LazyLock;

use crate::fixture::{NOW, ORIGIN, assert_bound, evidence};
use crate::monitor::{Draft, Monitor, bundle_over, prove_over};
use messages::accusation::Accusation;
use messages::bundle::{Bundle, LinearProof, OpenedConsent, Proof, ProvenClaim};
use messages::claim::{Claim, Predicate};
use messages::codec::Wire;
use messages::evidence::Claims;
use messages::ids::{Commitment, LeafHash, QueryId};
use messages::leaf::{AggregateBody, BootBody, Boots, Debit, PactBody, ReserveBody, TallyBody};
use messages::merkle::COMMITMENTS;
use messages::publication::Publication;
use messages::time::{Epoch, UnixMillis};
use verify::accusation::judge;
use verify::{Anchors, Appraised, Findings, Timestamped, audit, verify};

/// A bundle on its way to a verifier.
pub(crate) struct Case<'a> {
    pub(crate) monitor: &'a Monitor,
    pub(crate) bundle: Bundle,
    pub(crate) drafts: Vec<Draft>,
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) anchors: Anchors,
    pub(crate) appraised: Vec<Appraised>,
    pub(crate) timestamped: Vec<Timestamped>,
    pub(crate) now: UnixMillis,
    /// An accusation instead of a bundle.
    pub(crate) accusation: Option<Vec<u8>>,
    /// A whole ledger instead of a bundle.
    pub(crate) ledger: Option<Vec<u8>>,
}

pub(crate) type Step = fn(&mut Case<'_>);

impl<'a> Case<'a> {
    pub(crate) fn new(monitor: &'a Monitor, good: &Bundle) -> Self {
        Self {
            monitor,
            bundle: good.clone(),
            drafts: monitor.drafts.clone(),
            bytes: None,
            anchors: monitor.anchors(),
            appraised: monitor.appraised(),
            timestamped: Vec::new(),
            now: NOW,
            accusation: None,
            ledger: None,
        }
    }

    /// A bundle of the monitor whose pact was revised, about the counter that came later and about
    /// one that was there before.
    pub(crate) fn revised(&mut self) {
        let good = REVISED.good_bundle();
        *self = Self::new(&REVISED, &good);
        self.bundle.claims.rotate_right(1);
        self.bundle.claims.truncate(2);
    }

    /// An accusation that convicts, but for a change.
    pub(crate) fn accuse(&mut self, good: Accusation, change: impl FnOnce(&mut Accusation)) {
        let mut accusation = good;
        let convicts = judge(&accusation.to_cbor(), &self.anchors);
        assert!(convicts.is_ok(), "{convicts:?}");
        change(&mut accusation);
        self.accusation = Some(accusation.to_cbor());
    }

    /// The first tally at two monitors, which agree.
    pub(crate) fn both(&mut self) {
        let both = [&*OTHER, self.monitor];
        let agree = Predicate::Agree { sum: "calls.all".into() };
        let ranges = both.map(|monitor| monitor.range(0, 1, 2)).to_vec();
        let claim = Claim { ranges, ..self.monitor.claim(&agree, 1, 2) };
        let proven = prove_over(&both, &claim).unwrap();
        self.bundle = bundle_over(&both, vec![proven]);
        self.bundle.aggregates.clear();
        self.anchors.logs = both.iter().flat_map(|monitor| monitor.anchors().logs).collect();
        self.appraised = both.iter().flat_map(|monitor| monitor.appraised()).collect();
    }

    /// The monitor's word on the first claim.
    pub(crate) fn signed(&mut self) {
        self.only(0);
        let claim = self.bundle.claims[0].claim.clone();
        self.bundle.claims[0] = self.monitor.sign(&claim, 1, 9);
    }

    /// The monitor's word on the first claim as it now stands.
    pub(crate) fn sign_again(&mut self) {
        let proven = &self.bundle.claims[0];
        self.bundle.claims[0] =
            self.monitor.sign_over(&self.bundle.logs[0].leaves, &proven.claim, 1, 9);
    }

    /// The evidence of the boot at the end of the range binds something else.
    pub(crate) fn evidence(&mut self, change: impl FnOnce(&mut Claims)) {
        let mut claims = self.monitor.evidence_claims(1);
        let id = evidence(&claims).evidence_id();
        change(&mut claims);
        self.appraised[1] = assert_bound(id, claims);
    }

    /// The leaf of one of its pacts lies.
    pub(crate) fn pact(&mut self, at: usize, change: impl FnOnce(&mut PactBody)) {
        let Publication::Pact(body) = &mut self.drafts[at].publication else { panic!("{at}") };
        change(body);
        self.republish();
    }

    /// The bundle's code, or that of its first item that is not verified.
    pub(crate) fn outcome(&self) -> &'static str {
        if let Some(accusation) = &self.accusation {
            return judge(accusation, &self.anchors).map_or_else(|e| e.code(), |o| o.code());
        }
        let findings = Findings { appraised: &self.appraised, timestamped: &self.timestamped };
        if let Some(ledger) = &self.ledger {
            let audit = audit(ledger, &self.anchors, findings);
            return audit.map_or_else(|e| e.code(), |report| report.items[0].verdict.code());
        }
        let bytes = self.bytes.clone().unwrap_or_else(|| self.bundle.to_cbor());
        match verify(&bytes, &self.anchors, findings, self.now) {
            Err(unusable) => unusable.code(),
            Ok(report) => {
                let mut codes = report.items.iter().map(|item| item.verdict.code());
                codes.find(|code| *code != "verified").unwrap_or("verified")
            }
        }
    }

    /// Signs and logs the drafts anew, as a monitor would that lies in their bodies.
    pub(crate) fn republish(&mut self) {
        let log = &mut self.bundle.logs[0];
        (log.leaves, log.checkpoint) = self.monitor.publish(&self.drafts);
    }

    /// Logs the bundle's leaves as they are.
    pub(crate) fn relog(&mut self) {
        let mut log = tlog::Log::new();
        for leaf in &self.bundle.logs[0].leaves {
            log.append(&leaf.disclosed.leaf);
        }
        for leaf in &mut self.bundle.logs[0].leaves {
            leaf.path = log.inclusion(leaf.disclosed.index, log.size());
        }
        self.bundle.logs[0].checkpoint =
            tlog::sign_checkpoint(ORIGIN, log.size(), &log.root(), &self.monitor.log_key);
    }

    /// The first commitment of the first claim, before its range.
    pub(crate) fn before(&mut self, change: impl FnOnce(&mut Commitment)) {
        change(self.bundle.claims[0].stands[0].commitments[0].before.as_mut().unwrap());
    }

    pub(crate) fn only(&mut self, claim: usize) {
        self.bundle.claims = vec![self.bundle.claims[claim].clone()];
        self.bundle.aggregates.clear();
    }

    pub(crate) fn tally(&mut self, at: usize, change: impl FnOnce(&mut TallyBody)) {
        let Publication::Tally(body) = &mut self.drafts[at].publication else { panic!("{at}") };
        change(body);
        **body = (**body).clone().padded();
        self.republish();
    }

    pub(crate) fn boot(&mut self, change: impl FnOnce(&mut BootBody)) {
        let Publication::Boot(body) = &mut self.drafts[BOOT_B].publication else { panic!() };
        change(body);
        self.republish();
    }

    /// Another reservation after everything.
    pub(crate) fn reserve_again(&mut self, change: impl FnOnce(&mut ReserveBody)) {
        let mut again = self.drafts[RESERVE].publication.clone();
        let Publication::Reserve(body) = &mut again else { panic!() };
        body.sequence = 3;
        body.debits.truncate(1);
        body.debits[0] = Debit { query: QueryId([1; 32]), nano_rho: 3_000_000 };
        body.spent_nano_rho += 3_000_000;
        change(body);
        self.push(again);
    }

    pub(crate) fn reserve(&mut self, change: impl FnOnce(&mut ReserveBody)) {
        let Publication::Reserve(body) = &mut self.drafts[RESERVE].publication else { panic!() };
        change(body);
        self.republish();
    }

    pub(crate) fn aggregate(&mut self, change: impl FnOnce(&mut AggregateBody)) {
        let Publication::Aggregate(body) = &mut self.drafts[AGGREGATE].publication else {
            panic!()
        };
        change(body);
        self.republish();
    }

    pub(crate) fn total(&mut self, change: impl FnOnce(&mut AggregateBody)) {
        let Publication::Aggregate(body) = &mut self.drafts[TOTAL].publication else { panic!() };
        change(body);
        self.republish();
    }

    pub(crate) fn push(&mut self, publication: Publication) {
        let salt = messages::ids::Salt([250; 32]);
        self.drafts.push(Draft { publication, signer: 1, salt });
        self.republish();
    }

    /// A boots list of the leaf at the end of the range that is not the monitor's.
    pub(crate) fn boots(&mut self, at: usize, change: impl FnOnce(&mut Boots)) {
        let mut boots = self.monitor.boots.clone();
        change(&mut boots);
        let root = boots.root();
        self.bundle.boots.push(boots);
        self.tally(at, |b| b.boots = root);
    }

    /// A pact that consents to `predicate`, and a claim of it.
    pub(crate) fn claim_of(&mut self, predicate: Predicate) {
        let grid = vec![predicate.thresholds()];
        self.claim_under(predicate, grid);
    }

    /// The same, where consent lists these thresholds.
    pub(crate) fn claim_under(&mut self, predicate: Predicate, grid: Vec<Vec<u64>>) {
        self.only(0);
        let mut entry = self.bundle.claims[0].stands[0].consent[0].entry.clone();
        entry.program = predicate.program_id();
        entry.grid = grid;
        let mut encoded: Vec<Vec<u8>> = self.monitor.entries.iter().map(Wire::to_cbor).collect();
        encoded[0] = entry.to_cbor();
        let leaves: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        let root = messages::merkle::CONSENT.root(&leaves);
        let path = messages::merkle::CONSENT.path(&leaves, 0);
        let Publication::Pact(body) = &mut self.drafts[PACT].publication else { panic!() };
        body.consent = root;
        self.republish();
        let claim = &mut self.bundle.claims[0];
        let path = path.into_iter().map(LeafHash).collect();
        claim.stands[0].consent[0] = OpenedConsent { entry, index: 0, path };
        claim.claim.statements[0] = predicate;
    }

    /// The leaf at the end of the range commits to `point` as counter 2, and the claim opens it.
    pub(crate) fn commit_to(&mut self, point: Commitment) {
        self.only(0);
        let (_, openings) = &self.monitor.openings[&(self.monitor.tally(0), Epoch(2))];
        let mut commitments = openings.commitments().to_vec();
        commitments[2] = point;
        let leaves: Vec<&[u8]> = commitments.iter().map(|c| &c.0[..]).collect();
        let (root, path) = (COMMITMENTS.root(&leaves), COMMITMENTS.path(&leaves, 2));
        self.tally(AFTER, |b| b.commitments = root);
        let opened = &mut self.bundle.claims[0].stands[0].commitments[0];
        opened.after = point;
        opened.after_path = path.into_iter().map(LeafHash).collect();
    }
}

/// The parts of a claim's zero-knowledge proof.
pub(crate) fn zk(proven: &mut ProvenClaim) -> &mut LinearProof {
    match &mut proven.proof {
        Proof::ZeroKnowledge(linear) => linear,
        Proof::Segments(_) | Proof::Signed(_) => panic!("a claim of another kind"),
    }
}

static OTHER: LazyLock<Monitor> = LazyLock::new(Monitor::other);
static REVISED: LazyLock<Monitor> = LazyLock::new(Monitor::revised);

// Where the revised monitor's leaves lie.
pub(crate) const SECOND: usize = 6;
pub(crate) const THIRD: usize = 7;
pub(crate) const REVISED_BEFORE: usize = 2;
pub(crate) const REVISED_AFTER: usize = 9;
// Where the monitor's leaves lie.
pub(crate) const PACT: usize = 1;
pub(crate) const BEFORE: usize = 2;
pub(crate) const BOOT_B: usize = 6;
pub(crate) const AFTER: usize = 7;
pub(crate) const RESERVE: usize = 9;
pub(crate) const AGGREGATE: usize = 10;
pub(crate) const TOTAL: usize = 11;
