//! The whole service over the door: sessions, epochs, proofs, private aggregates, the log.

use messages::claim::{Audience, Claim, Predicate, Range};
use messages::codec::Wire;
use messages::did::Did;
use messages::domain;
use messages::event::{Body, Counts, Event, Party, Receipt, Role};
use messages::evidence::{Claims, Conceptual, SoftwareEvidence};
use messages::ids::{BootId, EventHash, PactHash, SessionId, TallyId};
use messages::reply::{Action, Open, Reply, Request, Statistic};
use messages::signature::SigningKey;
use messages::time::{Epoch, Millis, UnixMillis};
use pact::{Compiled, Pact, SignedPact, compile};

use crate::support::Daemon;

struct Scene {
    daemon: Daemon,
    initiator: SigningKey,
    provider: SigningKey,
    auditor: SigningKey,
    compiled: Compiled,
    signed: Vec<u8>,
    tallies: [TallyId; 2],
    boot: BootId,
}

fn did(key: &SigningKey) -> Did {
    Did::from_key(&key.public())
}

impl Scene {
    fn new() -> Self {
        let [initiator, provider, auditor, overseer] =
            [1, 2, 3, 4].map(|n| SigningKey::from_seed(&[n; 32]));
        let mut text = include_str!("../../../crates/cloister/demo/bank.pact.json").to_owned();
        for (token, key) in [
            ("{{INITIATOR}}", &initiator),
            ("{{PROVIDER}}", &provider),
            ("{{AUDITOR}}", &auditor),
            ("{{OVERSEER}}", &overseer),
            ("{{MONITOR}}", &overseer),
        ] {
            text = text.replace(token, did(key).as_str());
        }
        let pact = Pact::parse(text.as_bytes()).unwrap();
        let compiled = compile(&pact).unwrap();
        let signed = SignedPact::draft(pact)
            .sign(did(&initiator), &initiator)
            .sign(did(&provider), &provider)
            .to_bytes();
        let daemon = Daemon::start();
        let register = Request::Register { pact: signed.clone() };
        let Reply::Registered { tallies, .. } = daemon.ask_bytes(&register.to_cbor()) else {
            panic!("not registered")
        };
        let attest = Request::Attest { nonce: [0; 32] }.to_cbor();
        let Reply::Attestation { evidence, .. } = daemon.ask_bytes(&attest) else { panic!() };
        let evidence = Conceptual::from_cbor(&evidence).unwrap();
        let evidence = SoftwareEvidence::from_cbor(&evidence.value).unwrap();
        let boot = Claims::from_cbor(&evidence.claims).unwrap().boot;
        Self { boot, daemon, initiator, provider, auditor, compiled, signed, tallies }
    }

    fn ask(&self, request: &Request) -> Reply {
        self.daemon.ask_bytes(&request.to_cbor())
    }

    fn pact(&self) -> PactHash {
        self.compiled.hash()
    }

    fn open(&self, number: u8) -> Reply {
        let principal = Did::parse("did:web:principal.example").unwrap();
        let boot = self.boot;
        let open = Open { session: SessionId([number; 32]), pact: self.pact(), principal, boot };
        let signature = self.initiator.sign(domain::OPEN, &open.to_cbor());
        self.ask(&Request::Open { open, signature })
    }

    /// One session of one allowed call, reported by both sides and closed.
    fn session(&self, number: u8) {
        assert_eq!(self.open(number), Reply::Opened);
        let session = SessionId([number; 32]);
        let call = Body::Call {
            call: "c".into(),
            name: "get_balance".into(),
            args: std::collections::BTreeMap::new(),
        };
        let head = self.say(&self.initiator, session, (Role::Initiator, Role::Provider), call);
        for (party, key) in [(Party::Initiator, &self.initiator), (Party::Provider, &self.provider)]
        {
            let sent = u64::from(party == Party::Initiator);
            let said = head.as_ref().map_or_else(EventHash::default, |r| r.head);
            let other = if party == Party::Provider { said } else { EventHash::default() };
            let head = if party == Party::Initiator { head.clone() } else { None };
            let counts = Counts {
                session,
                party,
                sent,
                sent_head: head.as_ref().map_or_else(EventHash::default, |r| r.head),
                received: u64::from(party == Party::Provider),
                delivered: sent,
                receipt: head,
                closing: true,
                received_head: other,
            };
            let signature = key.sign(domain::COUNTS, &counts.to_cbor());
            let Reply::Counted { gaps, .. } = self.ask(&Request::Count { counts, signature })
            else {
                panic!("not counted")
            };
            assert_eq!(gaps.total(), 0);
        }
    }

    fn say(
        &self,
        key: &SigningKey,
        session: SessionId,
        (from, to): (Role, Role),
        body: Body,
    ) -> Option<Receipt> {
        let (pact, prev) = (self.pact(), EventHash::default());
        let event = Event { pact, session, seq: 0, prev, from, to, body };
        let event = event.sign(key).unwrap().to_bytes().unwrap();
        match self.ask(&Request::Event { event }) {
            Reply::Verdict { action: Action::Allow, receipt, .. } => Some(receipt),
            other => panic!("{other:?}"),
        }
    }

    fn prove(&self, consent: &str, edit: impl FnOnce(&mut Claim), key: &SigningKey) -> Reply {
        let entry = self.compiled.consent().iter().find(|c| c.entry.id == consent);
        let predicate = entry.map_or_else(
            || Predicate::None { counter: "calls.all".into() },
            |c| c.predicate.clone(),
        );
        let [tally, _] = self.tallies;
        let mut claim = Claim {
            predicate,
            range: Range { tally, first: Epoch(1), last: Epoch(1) },
            audience: Audience::Verifier { did: did(&self.auditor), nonce: [7; 32] },
            expiry: UnixMillis(u64::MAX),
            admitted_gaps: 0,
        };
        edit(&mut claim);
        let signature = key.sign(domain::PROOF_REQUEST, &claim.to_cbor());
        let (pact, consent, requester) = (self.pact(), consent.into(), did(key));
        self.ask(&Request::Prove { pact, consent, claim, requester, signature })
    }

    fn release(&self, statistic: &str, day: u64, key: &SigningKey) -> Reply {
        let query = Statistic { pact: self.pact(), statistic: statistic.into(), day };
        let signature = key.sign(domain::STATISTIC_REQUEST, &query.to_cbor());
        self.ask(&Request::Release { query, requester: did(key), signature })
    }

    fn next_day(&self) {
        let reply = self.ask(&Request::Advance { by: Millis(86_400_000) });
        assert!(matches!(reply, Reply::Advanced { .. }), "{reply:?}");
    }
}

fn code(reply: Reply) -> String {
    match reply {
        Reply::Error { code } => code,
        other => panic!("{other:?}"),
    }
}

/// 2026-12-01 in days since 1970: where the configured clock starts.
const DAY: u64 = 20_788;

#[test]
fn proofs_leave_only_by_consent() {
    let scene = Scene::new();
    let again = Request::Register { pact: scene.signed.clone() };
    assert_eq!(code(scene.ask(&again)), "pact-known");
    scene.session(1);
    assert_eq!(code(scene.open(1)), "session-used");
    assert_eq!(
        code(scene.prove("pii-under-1000", |_| {}, &scene.auditor)),
        "claim-epoch-unknown",
        "the epoch is still open"
    );
    scene.next_day();

    let proof = scene.prove("pii-under-1000", |_| {}, &scene.auditor);
    assert!(matches!(proof, Reply::Proof { .. }), "{proof:?}");
    assert_eq!(code(scene.prove("no-such-entry", |_| {}, &scene.auditor)), "claim-not-consented");
    let sharper = |claim: &mut Claim| {
        claim.predicate = Predicate::AtMost { counter: "pii:any".into(), bound: 500 };
    };
    assert_eq!(
        code(scene.prove("pii-under-1000", sharper, &scene.auditor)),
        "claim-not-consented",
        "a threshold outside the grid would start a binary search"
    );
    let provider = SigningKey::from_seed(&scene.provider.expose_seed());
    assert_eq!(
        code(scene.prove("pii-under-1000", |_| {}, &provider)),
        "claim-audience-not-consented"
    );
    let everybody = |claim: &mut Claim| claim.audience = Audience::Public;
    assert_eq!(
        code(scene.prove("pii-under-1000", everybody, &scene.auditor)),
        "not-consented-audience"
    );
    let other = |claim: &mut Claim| claim.range.tally = TallyId([9; 32]);
    assert_eq!(code(scene.prove("pii-under-1000", other, &scene.auditor)), "claim-other-tally");
    let zero = |claim: &mut Claim| claim.range.first = Epoch(0);
    assert_eq!(code(scene.prove("pii-under-1000", zero, &scene.auditor)), "claim-epoch-zero");
    assert_eq!(
        code(scene.prove("calls-succeed", |_| {}, &scene.auditor)),
        "statement-false",
        "one call without an answer is no 60 %, and fewer than five"
    );
}

#[test]
fn an_aggregate_is_paid_once_drawn_once_and_answered_alike() {
    let scene = Scene::new();
    scene.session(1);
    assert_eq!(
        code(scene.release("sessions.count", DAY, &scene.auditor)),
        "release-day-still-open"
    );
    scene.next_day();
    let first = scene.release("sessions.count", DAY, &scene.auditor);
    assert!(matches!(first, Reply::Released { .. }), "{first:?}");
    let again = scene.release("sessions.count", DAY, &scene.initiator);
    assert_eq!(again, first, "the same draw, whoever asks");
    let refused = scene.release("secrets", DAY, &scene.auditor);
    assert_eq!(code(refused), "release-not-consented");
    let stranger = SigningKey::from_seed(&[99; 32]);
    assert_eq!(code(scene.release("sessions.count", DAY, &stranger)), "release-not-a-party");
}

#[test]
fn the_log_only_grows_and_says_the_same_size_for_every_leaf() {
    let scene = Scene::new();
    scene.next_day();
    let Reply::Attestation { evidence, .. } = scene.ask(&Request::Attest { nonce: [1; 32] }) else {
        panic!()
    };
    // Two leaves each day for the two idle tallies, besides boot, pact and the two openings.
    let mut checkpoints = Vec::new();
    for _ in 0..3 {
        let Reply::Included { checkpoint, paths } =
            scene.ask(&Request::Include { leaves: vec![0] })
        else {
            panic!()
        };
        checkpoints.push((checkpoint, paths));
        scene.next_day();
    }
    let sizes: Vec<u64> =
        checkpoints.iter().map(|(note, _)| note.lines().nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(sizes, [6, 8, 10]);
    assert!(!evidence.is_empty());
    for old in sizes {
        let reply = scene.ask(&Request::Consistency { old });
        assert!(matches!(reply, Reply::Consistent { .. }), "{reply:?}");
    }
}

#[test]
fn a_trial_never_stands_in_for_a_session_that_counts() {
    let scene = Scene::new();
    assert_eq!(scene.open(1), Reply::Opened);
    let parsed = SignedPact::parse(&scene.signed).unwrap();
    let draft = parsed.pact().canonical().to_vec();
    let attempt = |number: u8| {
        let principal = did(&scene.initiator);
        let session = SessionId([number; 32]);
        let open = Open { session, pact: scene.pact(), principal, boot: scene.boot };
        let parties = [did(&scene.initiator), did(&scene.provider)];
        scene.ask(&Request::Try { draft: draft.clone(), open, parties, mode: None })
    };
    assert_eq!(code(attempt(1)), "session-used");
    assert_eq!(attempt(2), Reply::Opened);
    assert_eq!(code(scene.open(2)), "session-used", "nor the other way round");
}
