//! Private aggregates day by day, over a restart, as a stranger checks them.

use std::collections::BTreeMap;

use attestations::{Expect, appraise};
use messages::bundle::{Bundle, IncludedLeaf, LogView, Place};
use messages::codec::Wire;
use messages::event::{Body, Content, Party, Status};
use messages::ids::SessionId;
use messages::leaf::{AggregateBody, BootBody, Days, Kind};
use messages::publication::Disclosed;
use messages::reply::{Action, Reply, Request};
use messages::time::{Millis, UnixMillis};
use serde_json::json;
use verify::{Anchors, Findings, LogAnchor, evidence_in, verify};

use crate::parties::{ANSWER, ASK, Parties, Talk, call};
use crate::support::{Client, Daemon, Home, ORIGIN, code};

/// 2026-12-01 in days since 1970: where the configured clock starts.
const DAY: u64 = 20_788;
const NAMES: [&str; 4] = ["sessions.count", "sessions.total", "sessions.outcome", "tools"];

/// The leaves of every statistic of a day.
fn board(client: &Client, parties: &Parties, day: u64) -> Vec<Vec<Disclosed>> {
    let leaves = NAMES.map(|name| {
        let reply = client.ask(&parties.release(name, day, &parties.auditor));
        let Reply::Released { leaves } = reply else { panic!("{name}: {reply:?}") };
        leaves
    });
    leaves.to_vec()
}

fn next_day(client: &Client) {
    let reply = client.ask(&Request::Advance { by: Millis(86_400_000) });
    assert!(matches!(reply, Reply::Advanced { .. }), "{reply:?}");
}

/// Verdicts on the last of each of these.
fn verdicts(daemon: &Daemon, boards: &[Vec<Disclosed>]) -> Vec<&'static str> {
    let client = daemon.connect();
    let all = boards.iter().flatten();
    let all: BTreeMap<u64, &Disclosed> = all.map(|leaf| (leaf.index, leaf)).collect();
    let request = Request::Include { leaves: all.keys().copied().collect() };
    let Reply::Included { checkpoint, paths } = client.ask(&request) else { panic!("no paths") };
    let leaves = all.values().zip(paths);
    let leaves: Vec<IncludedLeaf> =
        leaves.map(|(leaf, path)| IncludedLeaf { disclosed: (*leaf).clone(), path }).collect();
    let boots = leaves.iter().filter(|leaf| leaf.disclosed.leaf.kind == Kind::Boot);
    let boots = boots.map(|leaf| BootBody::from_cbor(&leaf.disclosed.body).unwrap());
    let configs = boots.map(|body| body.config).collect();
    let place = |leaves: &Vec<Disclosed>| Place {
        origin: ORIGIN.into(),
        index: leaves.last().unwrap().index,
    };
    let bundle = Bundle {
        format: Bundle::FORMAT.into(),
        logs: vec![LogView { origin: ORIGIN.into(), checkpoint, leaves }],
        schemas: Vec::new(),
        boots: Vec::new(),
        claims: Vec::new(),
        aggregates: boards.iter().map(place).collect(),
        stamps: Vec::new(),
        missing: Vec::new(),
    };
    let log_key = client.log_key();
    let anchors = Anchors {
        logs: vec![LogAnchor { origin: ORIGIN.into(), log_key, configs }],
        pacts: Vec::new(),
        audience: None,
        nonce: None,
        witnesses: Vec::new(),
        quorum: 0,
        dealers: Vec::new(),
        circuits: Vec::new(),
        stamped: false,
    };
    let evidence = evidence_in(&bundle.logs[0]);
    let appraised = evidence.iter().map(|evidence| {
        appraise(evidence, &daemon.policy, Expect::Checkpoint, UnixMillis(0))
            .unwrap()
            .into_appraised()
    });
    let appraised: Vec<_> = appraised.collect();
    let findings = Findings { appraised: &appraised, timestamped: &[] };
    let report = verify(&bundle.to_cbor(), &anchors, findings, UnixMillis(0)).unwrap();
    report.items.iter().map(|item| item.verdict.code()).collect()
}

fn last(leaves: &[Disclosed]) -> AggregateBody {
    AggregateBody::from_cbor(&leaves.last().unwrap().body).unwrap()
}

#[test]
fn every_number_of_every_day_verifies_and_a_total_goes_on_over_a_restart() {
    let (home, parties) = (Home::new(), Parties::new());
    let daemon = home.start();
    let client = daemon.connect();
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    next_day(&client);
    next_day(&client);
    let before = [board(&client, &parties, DAY), board(&client, &parties, DAY + 1)].concat();
    daemon.kill();
    let daemon = home.start();
    let client = daemon.connect();
    let again = [board(&client, &parties, DAY), board(&client, &parties, DAY + 1)].concat();
    assert_eq!(again, before, "what was released is released as it was, for ever");
    next_day(&client);
    let all = [before, board(&client, &parties, DAY + 2)].concat();
    assert_eq!(verdicts(&daemon, &all), vec!["verified"; 12]);
    // Reservation and four answers a day.
    let sequences = all.iter().map(|leaves| last(leaves).sequence);
    assert_eq!(sequences.collect::<Vec<_>>(), [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14]);
    let totals: Vec<_> = all.iter().filter_map(|leaves| last(leaves).query.total).collect();
    assert_eq!(totals, [Days { first: DAY, horizon: 365 }; 3]);
    // Without what came between debit and draw a number is one that nobody can add up.
    let mut gap = all;
    for leaves in &mut gap {
        leaves.retain(|leaf| {
            let body = AggregateBody::from_cbor(&leaf.body);
            body.map_or(true, |body| (body.query.day, body.sequence) != (DAY + 1, 6))
        });
    }
    gap.remove(4);
    assert_eq!(verdicts(&daemon, &gap[3..5]), ["verified", "sequence-gap"]);
}

/// A price at which noise is almost none, so that what is counted can be seen.
fn loud() -> Home {
    Home::with(|config| {
        let config = config.replace("cap_nano_rho = 400000000", "cap_nano_rho = 9000000000000000");
        config.replace("price_nano_rho = 100000000", "price_nano_rho = 1000000000000000")
    })
}

#[test]
fn sums_are_clamped_and_a_session_has_the_latency_of_one_of_its_calls() {
    let listed = |statistic: &str, most: &str| {
        json!({"statistic": statistic, "epsilon": "2000", "delta": "0.0000001", "per": "P1D",
            "bounds": ["0", most], "unit": "session"})
    };
    let parties = Parties::with(|pact| {
        pact["monitoring"]["disclosure"]["dp"] = json!([
            listed("calls.all", "50"),
            listed("events", "5"),
            listed("latency_ms", "1"),
            listed("calls.ok", "0"),
            listed("salaries", "9"),
        ]);
    });
    let home = loud();
    let daemon = home.start();
    let client = daemon.connect();
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    let session = SessionId([1; 32]);
    assert_eq!(client.ask(&parties.open(session, client.boot())), Reply::Opened);
    let mut talk = Talk::new(session);
    for n in 0..20 {
        let id = format!("c{n}");
        let event = talk.say(&parties, ASK, call(&id, "get_balance"));
        let reply = client.ask(&Request::Event { event });
        assert!(matches!(reply, Reply::Verdict { action: Action::Allow, .. }), "{reply:?}");
        let (content, latency_us) = (Content::Text("1,000".into()), Some(300_000));
        let body = Body::Result { call: id, status: Status::Ok, content, latency_us };
        let event = talk.say(&parties, ANSWER, body);
        assert!(matches!(client.ask(&Request::Event { event }), Reply::Verdict { .. }));
    }
    for party in Party::BOTH {
        let reply = client.ask(&parties.count(talk.counts(party, true)));
        assert!(matches!(reply, Reply::Counted { .. }), "{reply:?}");
    }
    next_day(&client);
    let released = |name: &str| client.ask(&parties.release(name, DAY, &parties.auditor));
    let shown = |name: &str| {
        let Reply::Released { leaves } = released(name) else { panic!("{name}") };
        leaves
    };
    // Noise is rounded up to a scale of an eighth: past four it is met in one of 10¹³ runs.
    let calls = last(&shown("calls.all"));
    assert_eq!((calls.query.clamp, calls.noise.sensitivity), (Some(50), 50));
    assert!(calls.values[0].abs_diff(20) <= 4, "{:?}", calls.values);
    let events = last(&shown("events"));
    assert!(events.values[0].abs_diff(5) <= 4, "forty, of which five count: {:?}", events.values);
    assert_eq!(last(&shown("latency_ms")).values, [0, 0, 0, 1, 0, 0, 0, 0], "within 500 ms");
    assert_eq!(
        verdicts(&daemon, &["calls.all", "events", "latency_ms"].map(shown)),
        ["verified"; 3]
    );
    // Without a bound there is no sum, and what no counter is called there is not.
    for name in ["calls.ok", "salaries"] {
        assert_eq!(code(released(name)), "unknown-statistic");
    }
}

#[test]
fn what_would_cost_more_than_the_pact_lets_it_is_never_paid_for() {
    let parties = Parties::with(|pact| {
        let listed = |statistic: &str, delta: &str, per: &str, unit: &str| {
            json!({"statistic": statistic, "epsilon": "2", "delta": delta, "per": per,
                "bounds": ["0", "1"], "unit": unit})
        };
        pact["monitoring"]["disclosure"]["dp"] = json!([
            listed("tools", "0", "P7D", "session"),
            listed("sessions.count", "0", "P7D", "session"),
            listed("sessions.outcome", "0.0000001", "P1D", "agent"),
            listed("sessions.total", "0.0000001", "P1D", "session"),
            listed("violations.count", "0", "PT1H", "event"),
        ]);
    });
    let home = loud();
    let daemon = home.start();
    let client = daemon.connect();
    assert!(matches!(client.ask(&parties.register()), Reply::Registered { .. }));
    next_day(&client);
    let released = |name: &str| client.ask(&parties.release(name, DAY, &parties.auditor));
    for name in ["tools", "sessions.count", "sessions.outcome"] {
        assert_eq!(code(released(name)), "release-not-affordable", "{name}");
    }
    // ε = 2: with a δ of 10⁻⁷ at most (√18.118 − √16.118)² = 0.0585, without one 2²/2.
    let price = |name: &str| {
        let Reply::Released { leaves } = released(name) else { panic!("{name}") };
        last(&leaves).query.nano_rho
    };
    assert_eq!(price("violations.count"), 2_000_000_000);
    assert!((58_300_000..58_500_000).contains(&price("sessions.total")));
}
