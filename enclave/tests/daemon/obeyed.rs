//! That every event obeyed: proven by the monitor from its own record, over days, sessions that
//! interleave, an approval and a restart.

use messages::claim::{Claim, Predicate};
use messages::event::Party;
use messages::ids::SessionId;
use messages::reply::{Action, ProofKind, Reply, Request};
use serde_json::Value;
use verify::Report;

use crate::parties::{Parties, Talk};
use crate::revision::{asked, bundle, checked, close, next_day};
use crate::support::{Client, Home, code};

fn codes(report: &Report) -> Vec<&'static str> {
    report.items.iter().map(|item| item.verdict.code()).collect()
}

fn talk(client: &Client, parties: &Parties, n: u8) -> Talk {
    let id = SessionId([n; 32]);
    assert_eq!(client.ask(&parties.open(id, client.boot())), Reply::Opened);
    Talk::new(id)
}

#[test]
fn every_event_is_proven_from_the_record() {
    let (home, parties) = (Home::new(), Parties::new());
    let daemon = home.start();
    let client = daemon.connect();
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    // Two sessions that interleave; one of their calls is not of the pact, and does not run.
    let mut talks = [1, 2].map(|n| talk(&client, &parties, n));
    for name in ["get_balance", "list_payees", "no_such_call", "list_transactions"] {
        for talk in &mut talks {
            let action = asked(&client, &parties, talk, name);
            assert_eq!(action != Action::Allow, name == "no_such_call", "{name}");
        }
    }
    talks.into_iter().for_each(|talk| close(&client, &parties, talk));
    next_day(&client);
    // A day on which nothing happens, and one that a restart divides.
    next_day(&client);
    let mut third = talk(&client, &parties, 3);
    assert_eq!(asked(&client, &parties, &mut third, "get_balance"), Action::Allow);
    daemon.kill();
    let daemon = home.start();
    let client = daemon.connect();
    close(&client, &parties, third);
    next_day(&client);

    let proven = bundle(&client, &parties, "every-event", (1, 3));
    let (shown, circuits) = &proven;
    assert_eq!(circuits.len(), 1);
    assert_eq!(shown.claims[0].claim.statements, [Predicate::Obeyed]);
    assert_eq!(codes(&checked(&daemon, &parties, &proven)), ["verified"]);
    let unpinned = (shown.clone(), Vec::new());
    assert_eq!(codes(&checked(&daemon, &parties, &unpinned)), ["circuit-not-anchored"]);
    // Each part by itself, also the idle one: with the same key, made once in a boot.
    for range in [(1, 1), (2, 2), (3, 3), (2, 3)] {
        let part = bundle(&client, &parties, "every-event", range);
        assert_eq!(part.1, *circuits);
        assert_eq!(codes(&checked(&daemon, &parties, &part)), ["verified"], "{range:?}");
    }
    let two = |claim: &mut Claim| claim.statements.push(Predicate::Obeyed);
    let refused = client.ask(&parties.prove("every-event", (1, 1), two, &parties.auditor));
    assert_eq!(code(refused), "obeyed-alone");
    let Request::Prove { mut wanted, .. } =
        parties.prove("every-event", (1, 1), |_| {}, &parties.auditor)
    else {
        panic!("a proof")
    };
    wanted.kind = ProofKind::Signed;
    assert_eq!(code(client.ask(&Parties::want(wanted, &parties.auditor))), "obeyed-proof");
    let early = client.ask(&parties.prove("every-event", (4, 4), |_| {}, &parties.auditor));
    assert_eq!(code(early), "claim-epoch-unknown");

    // A revision ends no range that was before it, and none goes over it.
    let without = |pact: &mut Value| {
        let calls = pact["interactions"].as_array_mut().unwrap();
        calls.retain(|call| call["id"] != "list_payees");
    };
    let revised = parties.revised(without, &[Party::Initiator]);
    assert!(matches!(client.ask(&revised.register()), Reply::Registered { .. }));
    next_day(&client);
    next_day(&client);
    for (range, under) in [((1, 3), &parties), ((5, 5), &revised)] {
        let proven = bundle(&client, under, "every-event", range);
        assert_eq!(codes(&checked(&daemon, &parties, &proven)), ["verified"], "{range:?}");
    }
    let over = client.ask(&revised.prove("every-event", (3, 5), |_| {}, &revised.auditor));
    assert_eq!(code(over), "obeyed-revised");
}
