//! Openings leave only for the party that they are about, sealed, and only those that the pact
//! shares with it; what leaves opens what was published.

use messages::claim::Range;
use messages::codec::Wire;
use messages::counter::CounterIndex;
use messages::domain;
use messages::event::Party;
use messages::leaf::{BootBody, Gaps, Kind, TallyBody};
use messages::opening::SealedOpenings;
use messages::reply::{Action, Reply, Request};
use messages::signature::SigningKey;
use messages::time::{Epoch, Millis};
use tally::{Held, Openings};

use crate::parties::{ASK, Parties, Talk, call, did};
use crate::support::{Client, Daemon, Home, ORIGIN, code};

fn range(parties: &Parties, party: Party) -> Range {
    Range {
        origin: ORIGIN.into(),
        root: parties.root,
        party: did(parties.key(party)),
        generation: 0,
        first: Epoch(1),
        last: Epoch(1),
    }
}

fn ask(client: &Client, range: Range, key: &SigningKey) -> Reply {
    let signature = key.sign(domain::OPENINGS_REQUEST, &range.to_cbor());
    client.ask(&Request::Openings { range, requester: did(key), signature })
}

/// One day with one allowed call of the initiator's.
fn one_day(client: &Client, parties: &Parties) {
    let reply = client.ask(&parties.register());
    assert!(matches!(reply, Reply::Registered { .. }), "{reply:?}");
    let session = messages::ids::SessionId([1; 32]);
    assert_eq!(client.ask(&parties.open(session, client.boot())), Reply::Opened);
    let mut talk = Talk::new(session);
    let event = talk.say(parties, ASK, call("c", "get_balance"));
    let Reply::Verdict { action: Action::Allow, receipt, .. } =
        client.ask(&Request::Event { event })
    else {
        panic!("not allowed")
    };
    talk.side(Party::Initiator).receipt = Some(receipt);
    for party in Party::BOTH {
        let counts = parties.count(talk.counts(party, true));
        let (closed, gaps) = (party == Party::Provider, Gaps::default());
        assert_eq!(client.ask(&counts), Reply::Counted { closed, gaps });
    }
    let reply = client.ask(&Request::Advance { by: Millis(86_400_000) });
    assert!(matches!(reply, Reply::Advanced { .. }), "{reply:?}");
}

fn scene() -> (Home, Daemon, Client, Parties) {
    let (home, parties) = (Home::new(), Parties::new());
    let daemon = home.start();
    let client = daemon.connect();
    one_day(&client, &parties);
    (home, daemon, client, parties)
}

/// Unseals and checks what opens the leaf of epoch 1.
fn opened(reply: &Reply, key: &SigningKey) -> Openings {
    let Reply::Openings { sealed, leaves, schemas, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(sealed.len(), 2, "the epoch, and the one before it");
    let held = Held::unseal(&sealed[1], key).unwrap();
    let at = |kind| leaves.iter().filter(move |shown| shown.leaf.kind == kind);
    let leaf = at(Kind::Tally).find(|leaf| tlog::leaf_hash(&leaf.leaf) == held.leaf()).unwrap();
    let body = TallyBody::from_cbor(&leaf.body).unwrap();
    let boots = at(Kind::Boot).map(|leaf| BootBody::from_cbor(&leaf.body).unwrap());
    let boot = boots.into_iter().find(|boot| boot.boot == held.boot()).unwrap();
    assert_eq!(body.epoch, Epoch(1));
    let moved = messages::segment::moved(&schemas[0]);
    held.check((held.leaf(), &body), &moved, &boot.boot_key).unwrap()
}

#[test]
fn a_party_is_handed_what_the_pact_shares_of_its_own_tally() {
    let (_home, _daemon, client, parties) = scene();
    let schema = parties.compiled.schema();
    let place = |name: &str| schema.find(name).unwrap().0;
    for party in Party::BOTH {
        let key = parties.key(party);
        let reply = ask(&client, range(&parties, party), key);
        let openings = opened(&reply, key);
        let all: Vec<CounterIndex> =
            (0..schema.counters.len()).map(|n| CounterIndex(u16::try_from(n).unwrap())).collect();
        let shown = all.iter().filter(|at| openings.expose_value(**at).is_some()).count();
        // The demonstration's pact shares everything with one, and three counters with the other.
        let expected = if party == Party::Initiator { schema.counters.len() } else { 3 };
        assert_eq!(shown, expected);
        assert!(openings.expose_value(place("calls.all")).is_some());
    }
    let initiator = &parties.initiator;
    let reply = ask(&client, range(&parties, Party::Initiator), initiator);
    assert_eq!(opened(&reply, initiator).expose_value(place("calls.all")), Some(1));
    // Sealed anew each time, and to nobody else.
    let Reply::Openings { sealed, .. } = reply else { panic!() };
    let Reply::Openings { sealed: again, .. } =
        ask(&client, range(&parties, Party::Initiator), initiator)
    else {
        panic!()
    };
    assert_ne!(sealed, again);
    let refused = |sealed: &SealedOpenings| Held::unseal(sealed, &parties.provider).is_err();
    assert!(sealed.iter().all(refused));
}

#[test]
fn openings_are_refused_to_everybody_else() {
    let (_home, _daemon, client, parties) = scene();
    let own = || range(&parties, Party::Initiator);
    for stranger in [&parties.provider, &parties.auditor, &parties.overseer] {
        assert_eq!(code(ask(&client, own(), stranger)), "openings-not-for-requester");
    }
    let initiator = &parties.initiator;
    // Whether there is such a tally is told to nobody whom it is not about.
    let refused = |edit: &dyn Fn(&mut Range), expected: &str| {
        let mut range = own();
        edit(&mut range);
        assert_eq!(code(ask(&client, range, initiator)), expected);
    };
    refused(&|range| range.generation = 1, "openings-not-for-requester");
    refused(&|range| range.root.0[0] ^= 1, "openings-not-for-requester");
    refused(&|range| range.party = did(&parties.provider), "openings-not-for-requester");
    refused(&|range| range.origin.push('x'), "claim-other-log");
    refused(&|range| range.first = Epoch(0), "claim-epoch-zero");
    refused(&|range| range.last = Epoch(2), "claim-epoch-unknown");
    refused(&|range| range.last = Epoch(65), "openings-too-many");
    refused(&|range| range.first = Epoch(9), "openings-too-many");
    // What another signed is not the requester's wish.
    let range = own();
    let signature = parties.provider.sign(domain::OPENINGS_REQUEST, &range.to_cbor());
    let request = Request::Openings { range, requester: did(initiator), signature };
    assert_eq!(client.refused(&request), "requester-bad-signature");
}
