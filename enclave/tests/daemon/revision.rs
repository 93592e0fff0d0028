//! A pact is revised while it is monitored: sessions, counters and proofs go on over it, also over
//! a restart, and a stranger can check that they did.

use attestations::{Expect, appraise};
use channel::forms::NoticeReader;
use messages::bundle::{Bundle, IncludedLeaf, LogView};
use messages::circuit::CircuitKey;
use messages::codec::Wire;
use messages::event::Party;
use messages::ids::SessionId;
use messages::leaf::{BootBody, Gaps, Kind};
use messages::receipt::NoticeKind;
use messages::reply::{Action, Reply, Request};
use messages::signature::SigningKey;
use messages::time::{Millis, UnixMillis};
use serde_json::{Value, json};
use verify::{Anchors, Findings, LogAnchor, Report, evidence_in, verify};

use crate::parties::{ASK, Parties, Talk, call, did};
use crate::support::{Client, Daemon, Home, ORIGIN, code};

fn with_cards(pact: &mut Value) {
    let call = json!({"id": "list_cards", "direction": "initiator->provider", "kind": "call",
        "name": "list_cards", "effect": "read"});
    pact["interactions"].as_array_mut().unwrap().insert(0, call);
    let claims = pact["monitoring"]["disclosure"]["claims"].as_array_mut().unwrap();
    claims.push(json!({"id": "few-cards", "counter": "calls:list_cards", "op": "<=", "bound": "5",
        "per": "P1D"}));
    claims.push(json!({"id": "few-calls", "counter": "calls.all", "op": "<=", "bound": "9",
        "per": "P1D"}));
}

pub(crate) fn next_day(client: &Client) {
    let reply = client.ask(&Request::Advance { by: Millis(86_400_000) });
    assert!(matches!(reply, Reply::Advanced { .. }), "{reply:?}");
}

pub(crate) fn asked(client: &Client, parties: &Parties, talk: &mut Talk, name: &str) -> Action {
    let id = format!("c{}", talk.side(Party::Initiator).sent);
    let before = talk.sides.clone();
    let event = talk.say(parties, ASK, call(&id, name));
    let Reply::Verdict { action, receipt, .. } = client.ask(&Request::Event { event }) else {
        panic!("no verdict")
    };
    if action != Action::Allow {
        // It never reached the provider.
        let [mine, theirs] = before;
        talk.side(Party::Initiator).delivered = mine.delivered;
        *talk.side(Party::Provider) = theirs;
    }
    talk.side(Party::Initiator).receipt = Some(receipt);
    action
}

pub(crate) fn close(client: &Client, parties: &Parties, mut talk: Talk) {
    for party in Party::BOTH {
        let reply = client.ask(&parties.count(talk.counts(party, true)));
        let (closed, gaps) = (party == Party::Provider, Gaps::default());
        assert_eq!(reply, Reply::Counted { closed, gaps });
    }
}

/// A proof of `consent` over these epochs with its ways to the checkpoint, as a stranger gets it.
pub(crate) fn bundle(
    client: &Client,
    parties: &Parties,
    consent: &str,
    range: (u64, u64),
) -> (Bundle, Vec<CircuitKey>) {
    let proof = client.ask(&parties.prove(consent, range, |_| {}, &parties.auditor));
    let Reply::Proof { claim, mut leaves, schemas, boots, circuits } = proof else {
        panic!("{proof:?}")
    };
    leaves.sort_by_key(|leaf| leaf.index);
    leaves.dedup();
    let indices = leaves.iter().map(|leaf| leaf.index).collect();
    let Reply::Included { checkpoint, paths } = client.ask(&Request::Include { leaves: indices })
    else {
        panic!("the leaves are in the log")
    };
    let leaves = leaves.into_iter().zip(paths);
    let leaves = leaves.map(|(disclosed, path)| IncludedLeaf { disclosed, path }).collect();
    let bundle = Bundle {
        format: Bundle::FORMAT.into(),
        logs: vec![LogView { origin: ORIGIN.into(), checkpoint, leaves }],
        schemas,
        boots,
        claims: vec![*claim],
        aggregates: Vec::new(),
        stamps: Vec::new(),
        missing: Vec::new(),
    };
    (bundle, circuits)
}

pub(crate) fn checked(
    daemon: &Daemon,
    root: &Parties,
    (bundle, circuits): &(Bundle, Vec<CircuitKey>),
) -> Report {
    let [view] = &bundle.logs[..] else { panic!("one log") };
    let boots = view.leaves.iter().filter(|leaf| leaf.disclosed.leaf.kind == Kind::Boot);
    let boots = boots.map(|leaf| BootBody::from_cbor(&leaf.disclosed.body).unwrap());
    let anchors = Anchors {
        logs: vec![LogAnchor {
            origin: ORIGIN.into(),
            log_key: daemon.connect().log_key(),
            configs: boots.map(|body| body.config).collect(),
        }],
        pacts: vec![root.pact()],
        audience: Some(did(&root.auditor)),
        nonce: Some([7; 32]),
        witnesses: Vec::new(),
        quorum: 0,
        dealers: Vec::new(),
        circuits: circuits.clone(),
        stamped: false,
    };
    let policy = &daemon.policy;
    let appraised: Vec<_> = evidence_in(view)
        .iter()
        .map(|evidence| appraise(evidence, policy, Expect::Checkpoint, UnixMillis(0)).unwrap())
        .map(attestations::Appraisal::into_appraised)
        .collect();
    let findings = Findings { appraised: &appraised, timestamped: &[] };
    verify(&bundle.to_cbor(), &anchors, findings, UnixMillis(0)).unwrap()
}

#[test]
fn counters_and_claims_go_on_over_a_revision_and_a_restart() {
    let root = Parties::new();
    let home = Home::new();
    let daemon = home.start();
    let client = daemon.connect();
    let Reply::Registered { tallies: [tally, _], leaf: first, .. } = client.ask(&root.register())
    else {
        panic!("not registered")
    };
    let open = |client: &Client, parties: &Parties, n: u8| {
        client.ask(&parties.open(SessionId([n; 32]), client.boot()))
    };
    assert_eq!(open(&client, &root, 1), Reply::Opened);
    let mut talk = Talk::new(SessionId([1; 32]));
    assert_eq!(asked(&client, &root, &mut talk, "get_balance"), Action::Allow);
    assert_eq!(asked(&client, &root, &mut talk, "list_cards"), Action::Deny);

    let revised = root.revised(with_cards, &Party::BOTH);
    let one = root.revised(with_cards, &[Party::Initiator]);
    assert_eq!(client.refused(&one.register()), "one-signature", "it grants more");
    let Reply::Registered { root: of, tallies, leaf } = client.ask(&revised.register()) else {
        panic!("not registered")
    };
    assert_eq!((of, tallies[0]), (root.pact(), tally), "the same chain and the same tallies");
    assert!(leaf > first);
    assert_eq!(client.refused(&revised.register()), "pact-known");
    // Strangers learn nothing, whatever they sign and whatever they name.
    let refused = "pact-prior-not-in-force";
    assert_eq!(client.refused(&root.revised(with_cards, &[]).register()), refused);
    let other = |pact: &mut Value| pact["parties"]["provider"]["did"] = "did:web:x.example".into();
    assert_eq!(client.refused(&root.revised(other, &Party::BOTH).register()), refused);
    let chain = Request::Chain { pact: root.pact() };
    assert_eq!(client.refused(&chain), "login-required");
    assert_eq!(code(open(&client, &root, 2)), "pact-replaced");
    assert_eq!(open(&client, &revised, 2), Reply::Opened);
    // The session that was open goes on, under its own pact's name and the new terms.
    assert_eq!(asked(&client, &root, &mut talk, "list_cards"), Action::Allow);
    close(&client, &root, talk);
    close(&client, &root, Talk::new(SessionId([2; 32])));
    next_day(&client);

    daemon.kill();
    let daemon = home.start();
    let client = daemon.connect();
    assert_eq!(open(&client, &revised, 3), Reply::Opened);
    let mut talk = Talk::new(SessionId([3; 32]));
    assert_eq!(asked(&client, &revised, &mut talk, "list_cards"), Action::Allow);
    // What one party gives up alone, also after a restart.
    let without = |pact: &mut Value| {
        let calls = pact["interactions"].as_array_mut().unwrap();
        calls.retain(|call| call["id"] != "list_payees");
    };
    let theirs = revised.revised(without, &[Party::Provider]);
    assert_eq!(client.refused(&theirs.register()), "one-signature", "the initiator's to give up");
    let narrower = revised.revised(without, &[Party::Initiator]);
    let reply = client.ask(&narrower.register());
    assert!(matches!(reply, Reply::Registered { .. }), "{reply:?}");
    assert_eq!(asked(&client, &revised, &mut talk, "list_payees"), Action::Deny);
    close(&client, &revised, talk);
    next_day(&client);

    for (consent, parties, last) in [
        ("few-cards", &revised, 1),
        ("few-calls", &revised, 1),
        ("few-calls", &narrower, 2),
        ("few-cards", &narrower, 2),
    ] {
        let bundle = bundle(&client, parties, consent, (1, last));
        let report = checked(&daemon, &root, &bundle);
        let [item] = &report.items[..] else { panic!("one claim") };
        assert_eq!(item.verdict.code(), "verified", "{consent} until {last}");
        // Without the pact in between nobody can tell that it is one chain.
        let mut cut = bundle.clone();
        let pacts: Vec<u64> = pact_leaves(&cut.0);
        cut.0.logs[0].leaves.retain(|leaf| leaf.disclosed.index != pacts[0]);
        let report = checked(&daemon, &root, &cut);
        assert_eq!(report.items[0].verdict.code(), "revision-missing");
    }
}

/// One party may sign alone what binds both: the other is told, and reads what is in force.
#[test]
fn nobody_is_bound_in_secret() {
    let root = Parties::new();
    let home = Home::new();
    let daemon = home.start();
    let client = daemon.connect();
    assert!(matches!(client.ask(&root.register()), Reply::Registered { .. }));
    let mut provider = daemon.connect();
    provider.login(&root.provider).unwrap();
    let mut notices = provider.follow();
    drop(notices.piece());

    let less = |pact: &mut Value| {
        let calls = pact["interactions"].as_array_mut().unwrap();
        calls.retain(|call| call["id"] != "list_payees");
    };
    let narrower = root.revised(less, &[Party::Initiator]);
    assert!(matches!(client.ask(&narrower.register()), Reply::Registered { .. }));
    let mut reader = NoticeReader::default();
    let told = loop {
        if let Some(notice) = reader.push(&notices.piece()).unwrap().pop() {
            break notice;
        }
    };
    assert_eq!((told.kind, told.pact), (NoticeKind::Revised, root.pact()));
    assert_eq!(told.rule, narrower.pact().to_string());
    drop(notices);

    let documents = Reply::Chain { documents: vec![root.signed.clone(), narrower.signed.clone()] };
    for pact in [root.pact(), narrower.pact()] {
        assert_eq!(provider.ask(&Request::Chain { pact }), documents);
        assert_eq!(client.refused(&Request::Chain { pact }), "login-required");
    }
    // Somebody who may log in, and whom this pact does not concern.
    let mut stranger = daemon.connect();
    stranger.login(&SigningKey::from_seed(&[99; 32])).unwrap();
    assert_eq!(stranger.refused(&Request::Chain { pact: root.pact() }), "pact-not-for-caller");
}

/// Renewal is settled when an epoch ends, so one must end within the notice.
#[test]
fn a_notice_shorter_than_an_epoch_is_refused() {
    let renewing = |notice: &'static str| {
        move |pact: &mut Value| {
            pact["term"]["renewal"] =
                json!({"mode": "automatic-unless-objected", "notice": notice});
        }
    };
    let home = Home::new();
    let daemon = home.start();
    let client = daemon.connect();
    let short = Parties::with(renewing("PT1H"));
    assert_eq!(client.refused(&short.register()), "pact-notice-too-short");
    let long = Parties::with(renewing("P2D"));
    assert!(matches!(client.ask(&long.register()), Reply::Registered { .. }));
    assert_eq!(client.refused(&long.register()), "pact-known");
}

fn pact_leaves(bundle: &Bundle) -> Vec<u64> {
    let leaves = bundle.logs[0].leaves.iter().map(|leaf| &leaf.disclosed);
    leaves.filter(|leaf| leaf.leaf.kind == Kind::Pact).map(|leaf| leaf.index).collect()
}

#[test]
fn a_pact_that_names_configurations_is_monitored_by_no_other() {
    let home = Home::new();
    let daemon = home.start();
    let client = daemon.connect();
    let with = |configs: Value| {
        let terms = |pact: &mut Value| {
            pact["parties"]["monitors"][0]["attestation"]["configs"] = configs;
        };
        client.ask(&Parties::with(terms).register())
    };
    let other = format!("sha256:{}", "00".repeat(32));
    assert_eq!(code(with(json!([other]))), "pact-other-configuration");
    let [ours] = daemon.policy.configs[..] else { panic!() };
    let reply = with(json!([other, ours.to_string()]));
    assert!(matches!(reply, Reply::Registered { .. }), "{reply:?}");
}
