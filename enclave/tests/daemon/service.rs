//! The whole service over the door: sessions, epochs, proofs, private aggregates, the log.

use messages::bundle::Proof;
use messages::claim::{Audience, Claim, Predicate};
use messages::codec::Wire;
use messages::event::Party;
use messages::ids::SessionId;
use messages::leaf::{Gaps, TallyBody};
use messages::receipt::Receipt;
use messages::reply::{Action, Open, ProofKind, Reply, Request, Wanted};
use messages::signature::SigningKey;
use messages::time::{Epoch, Millis, UnixMillis};
use pact::SignedPact;
use serde_json::Value;

use crate::parties::{ASK, Parties, Talk, call, did};
use crate::support::{Client, Daemon, Home, ORIGIN, code};

struct Scene {
    home: Home,
    daemon: Daemon,
    client: Client,
    parties: Parties,
}

impl Scene {
    fn new() -> Self {
        Self::under(Parties::new())
    }

    fn under(parties: Parties) -> Self {
        let home = Home::new();
        let daemon = home.start();
        let client = daemon.connect();
        let reply = client.ask(&parties.register());
        assert!(matches!(reply, Reply::Registered { .. }), "{reply:?}");
        Self { home, daemon, client, parties }
    }

    fn open(&self, number: u8) -> Reply {
        self.client.ask(&self.parties.open(SessionId([number; 32]), self.client.boot()))
    }

    /// One session of one allowed call, reported by both sides and closed.
    fn session(&self, number: u8) -> Receipt {
        assert_eq!(self.open(number), Reply::Opened);
        let mut talk = Talk::new(SessionId([number; 32]));
        let event = talk.say(&self.parties, ASK, call("c", "get_balance"));
        let Reply::Verdict { action: Action::Allow, receipt, ticket: Some(_), .. } =
            self.client.ask(&Request::Event { event })
        else {
            panic!("not allowed")
        };
        assert_eq!((receipt.count, receipt.head), (1, talk.side(Party::Initiator).head));
        talk.side(Party::Initiator).receipt = Some(receipt.clone());
        for party in Party::BOTH {
            let counts = self.parties.count(talk.counts(party, true));
            let closed = party == Party::Provider;
            let gaps = Gaps::default();
            assert_eq!(self.client.ask(&counts), Reply::Counted { closed, gaps });
        }
        receipt
    }

    fn prove(&self, consent: &str, edit: impl FnOnce(&mut Claim), key: &SigningKey) -> Reply {
        self.client.ask(&self.parties.prove(consent, (1, 1), edit, key))
    }

    fn release(&self, statistic: &str, day: u64, key: &SigningKey) -> Reply {
        self.client.ask(&self.parties.release(statistic, day, key))
    }

    fn next_day(&self) {
        let reply = self.client.ask(&Request::Advance { by: Millis(86_400_000) });
        assert!(matches!(reply, Reply::Advanced { .. }), "{reply:?}");
    }
}

#[test]
fn past_its_retention_a_session_is_forgotten_whole_and_its_receipt_is_no_rollback() {
    let ninety = |pact: &mut Value| pact["monitoring"]["retention"]["max"] = "P90D".into();
    let scene = Scene::under(Parties::with(ninety));
    let receipt = scene.session(1);
    let (certificate, _) = scene.client.certificate().unwrap();
    let resume = scene.parties.resume(receipt, certificate);
    let segments = || std::fs::read_dir(scene.home.state().join("journal")).unwrap().count();
    for _ in 0..95 {
        scene.next_day();
    }
    // A segment and its key are two files.
    assert!(segments() < 2 * 95, "what is past its retention is destroyed");
    // The pact's term ended within what is retained: until then it might have been opened again.
    assert_eq!(scene.client.refused(&resume), "resume-session-closed");
    for _ in 0..90 {
        scene.next_day();
    }
    assert_eq!(scene.client.refused(&resume), "resume-forgotten");
    scene.daemon.kill();
    let daemon = scene.home.start();
    assert_eq!(daemon.connect().refused(&resume), "resume-forgotten");
}

/// 2026-12-01 in days since 1970: where the configured clock starts.
const DAY: u64 = 20_788;

#[test]
fn proofs_leave_only_by_consent() {
    let scene = Scene::new();
    assert_eq!(scene.client.refused(&scene.parties.register()), "pact-known");
    scene.session(1);
    assert_eq!(code(scene.open(1)), "session-used");
    let auditor = &scene.parties.auditor;
    assert_eq!(
        code(scene.prove("pii-under-1000", |_| {}, auditor)),
        "claim-epoch-unknown",
        "the epoch is still open"
    );
    scene.next_day();

    let proof = scene.prove("pii-under-1000", |_| {}, auditor);
    assert!(matches!(proof, Reply::Proof { .. }), "{proof:?}");
    assert_eq!(code(scene.prove("no-such-entry", |_| {}, auditor)), "claim-not-consented");
    let sharper = |claim: &mut Claim| {
        claim.statements = vec![Predicate::at_most("pii:any", 500)];
    };
    assert_eq!(
        code(scene.prove("pii-under-1000", sharper, auditor)),
        "claim-not-consented",
        "a threshold outside the grid would start a binary search"
    );
    assert_eq!(
        code(scene.prove("pii-under-1000", |_| {}, &scene.parties.provider)),
        "claim-audience-not-consented"
    );
    let everybody = |claim: &mut Claim| claim.audience = Audience::Public;
    assert_eq!(code(scene.prove("pii-under-1000", everybody, auditor)), "not-consented-audience");
    let other = |claim: &mut Claim| claim.ranges[0].generation = 9;
    assert_eq!(code(scene.prove("pii-under-1000", other, auditor)), "claim-other-tally");
    let zero = |claim: &mut Claim| claim.ranges[0].first = Epoch(0);
    assert_eq!(code(scene.prove("pii-under-1000", zero, auditor)), "claim-epoch-zero");
    assert_eq!(
        code(scene.prove("calls-succeed", |_| {}, auditor)),
        "statement-false",
        "one call without an answer is no 60 %, and fewer than five"
    );
}

/// A claim may say dates; its epochs are those that end there.
#[test]
fn a_range_is_named_by_the_moments_at_which_epochs_end() {
    let scene = Scene::new();
    scene.session(1);
    scene.next_day();
    scene.next_day();
    let auditor = &scene.parties.auditor;
    let day = |n: u64| UnixMillis((DAY + n) * 86_400_000);
    let ask = |from, to, kind| {
        let request = scene.parties.prove("pii-under-1000", (9, 9), |_| {}, auditor);
        let Request::Prove { wanted, .. } = request else { panic!() };
        let wanted = Wanted { over: Some([from, to]), kind, ..wanted };
        scene.client.ask(&Parties::want(wanted, auditor))
    };
    for kind in [ProofKind::ZeroKnowledge, ProofKind::Signed] {
        for (from, to, epochs) in [(0, 1, (1, 1)), (1, 2, (2, 2)), (0, 2, (1, 2))] {
            let Reply::Proof { claim, .. } = ask(day(from), day(to), kind) else { panic!() };
            let range = &claim.claim.ranges[0];
            assert_eq!((range.first.0, range.last.0), epochs);
            assert_eq!(matches!(claim.proof, Proof::Signed(_)), kind == ProofKind::Signed);
        }
    }
    let kind = ProofKind::Signed;
    // Before the tally opened there was nothing: its opening is the beginning.
    assert!(matches!(ask(UnixMillis(0), day(1), kind), Reply::Proof { .. }));
    for (from, to) in [(day(0), day(3)), (day(1), day(1)), (day(2), day(1))] {
        assert_eq!(code(ask(from, to, kind)), "claim-range-not-closed");
    }
    let within = UnixMillis(day(1).0 + 1);
    assert_eq!(code(ask(day(0), within, kind)), "claim-range-not-closed");
}

/// What was asked, and which rules were met, is told to whom the pact names, and to nobody else.
#[test]
fn the_hidden_body_of_a_tally_leaf_is_told_to_whom_the_pact_names() {
    let scene = Scene::new();
    scene.session(1);
    scene.next_day();
    let auditor = &scene.parties.auditor;
    assert!(matches!(scene.prove("pii-under-1000", |_| {}, auditor), Reply::Proof { .. }));
    assert_eq!(code(scene.prove("calls-succeed", |_| {}, auditor)), "statement-false");
    scene.next_day();
    let mut party = scene.daemon.connect();
    party.login(&scene.parties.initiator).unwrap();
    let mut asked = Vec::new();
    for leaf in 0.. {
        match party.ask(&Request::Disclose { leaf }) {
            Reply::Disclosed { leaf, hidden: Some(hidden) } => {
                let body = TallyBody::from_cbor(&leaf.body).unwrap();
                assert_eq!(body.hidden, hidden.digest());
                assert_eq!(hidden.to_cbor().len() % 1024, 0);
                asked.extend(hidden.asked);
            }
            Reply::Disclosed { hidden: None, .. } => {}
            refused => {
                assert_eq!(code(refused), "log-no-such-leaf");
                break;
            }
        }
    }
    let first: Vec<_> = asked.iter().map(|asked| asked.statements[0].clone()).collect();
    assert_eq!(first.len(), 2, "whether it held or not: {first:?}");
    assert!(asked.iter().all(|asked| asked.requester == did(auditor)));
    let mut stranger = scene.daemon.connect();
    stranger.login(&SigningKey::from_seed(&[99; 32])).unwrap();
    assert_eq!(code(stranger.ask(&Request::Disclose { leaf: 2 })), "leaf-not-for-caller");
}

#[test]
fn an_aggregate_is_paid_once_drawn_once_and_answered_alike() {
    let scene = Scene::new();
    scene.session(1);
    let Parties { auditor, initiator, .. } = &scene.parties;
    assert_eq!(code(scene.release("sessions.count", DAY, auditor)), "release-day-still-open");
    scene.next_day();
    let first = scene.release("sessions.count", DAY, auditor);
    assert!(matches!(first, Reply::Released { .. }), "{first:?}");
    let again = scene.release("sessions.count", DAY, initiator);
    assert_eq!(again, first, "the same draw, whoever asks");
    assert_eq!(code(scene.release("secrets", DAY, auditor)), "release-not-consented");
    let stranger = SigningKey::from_seed(&[99; 32]);
    assert_eq!(code(scene.release("sessions.count", DAY, &stranger)), "release-not-a-party");
}

#[test]
fn the_log_only_grows_and_says_the_same_size_for_every_leaf() {
    let scene = Scene::new();
    scene.next_day();
    // Two leaves each day for the two idle tallies, one for the debits and four for the private
    // counts, also without sessions; besides boot, pact and the two openings.
    let mut checkpoints = Vec::new();
    for _ in 0..3 {
        let request = Request::Include { leaves: vec![0] };
        let Reply::Included { checkpoint, paths } = scene.client.ask(&request) else { panic!() };
        assert_eq!(paths.len(), 1);
        checkpoints.push(tlog::open_checkpoint(&checkpoint, ORIGIN, &scene.client.log_key()));
        scene.next_day();
    }
    let checkpoints: Vec<_> = checkpoints.into_iter().map(Result::unwrap).collect();
    let sizes: Vec<u64> = checkpoints.iter().map(tlog::Checkpoint::size).collect();
    assert_eq!(sizes, [11, 18, 25]);
    for old in checkpoints {
        let request = Request::Consistency { old: old.size(), new: None };
        let Reply::Consistent { checkpoint, path } = scene.client.ask(&request) else { panic!() };
        let new = tlog::open_checkpoint(&checkpoint, ORIGIN, &scene.client.log_key()).unwrap();
        tlog::verify_consistency(&old, &new, &path).unwrap();
    }
}

#[test]
fn a_trial_never_stands_in_for_a_session_that_counts() {
    let scene = Scene::new();
    assert_eq!(scene.open(1), Reply::Opened);
    let parsed = SignedPact::parse(&scene.parties.signed).unwrap();
    let draft = parsed.pact().canonical().to_vec();
    let Parties { initiator, provider, .. } = &scene.parties;
    let attempt = |number: u8| {
        let (session, boot) = (SessionId([number; 32]), scene.client.boot());
        let open = Open { session, pact: scene.parties.pact(), principal: did(initiator), boot };
        let parties = [did(initiator), did(provider)];
        scene.client.ask(&Request::Try { draft: draft.clone(), open, parties, mode: None })
    };
    assert_eq!(code(attempt(1)), "session-used");
    assert_eq!(attempt(2), Reply::Opened);
    assert_eq!(code(scene.open(2)), "session-used", "nor the other way round");
}
