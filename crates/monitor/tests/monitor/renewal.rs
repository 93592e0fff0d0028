//! A term that goes on unless a party objects in time.

use cloister_monitor::OpenError;
use messages::did::Did;
use messages::event::{Body, Content, Role, Status};
use messages::ids::SessionId;
use messages::reply::{Action, Open};
use messages::time::{Millis, UnixMillis};
use pact::{Needed, Pact};
use serde_json::{Value, json};

use crate::support::{ASK, START, Side, World, balance};

const DAY: u64 = 86_400_000;

/// The pact's term is ten days, and three before its end it is settled.
fn renewing(conditions: Value) -> impl FnOnce(&mut Value) {
    move |pact| {
        pact["term"]["not_after"] = "2026-12-11T00:00:00Z".into();
        pact["term"]["renewal"] = json!({"mode": "automatic-unless-objected", "notice": "P3D",
            "conditions": conditions});
        pact["performance"][1]["min_samples"] = 1.into();
    }
}

fn day(n: u64) -> UnixMillis {
    START.saturating_add(Millis(n * DAY))
}

/// Whether a session opens on this day, after the epochs before it ended.
fn opens(world: &mut World, on: u64) -> bool {
    let mut last = world.now.0.saturating_sub(START.0) / DAY;
    while last < on {
        last += 1;
        drop(world.close_epoch(day(last)));
    }
    world.now = day(on).saturating_add(Millis(1));
    let number = u8::try_from(on).unwrap();
    let principal = Did::parse("did:web:principal.example").unwrap();
    let session = SessionId([number; 32]);
    let open = Open { session, pact: world.in_force, principal, boot: world.boot };
    match world.try_open(&open) {
        Ok(()) => {
            world.opened.insert(session, world.in_force);
            true
        }
        Err(OpenError::OutOfTerm) => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn nobody_objects_and_the_pact_goes_on_for_as_long_again() {
    let mut world = World::new(21, renewing(json!([])));
    for on in [0, 9, 10, 19, 20, 39] {
        assert!(opens(&mut world, on), "day {on}");
    }
    // A session's calls are judged by the same end.
    let session = SessionId([39; 32]);
    let signed = world.sign(&mut Side::default(), session, ASK, balance("c0"));
    assert_eq!(world.feed(&signed).unwrap().action, Action::Allow);
    let mut plain =
        World::new(22, |pact| pact["term"]["not_after"] = "2026-12-11T00:00:00Z".into());
    assert!(opens(&mut plain, 9) && !opens(&mut plain, 10));
}

#[test]
fn either_party_objects_alone_and_in_time() {
    let end = |pact: &mut Value| pact["term"]["renewal"] = json!({"mode": "explicit"});
    for (objects, still, over) in [(6, 9, 10), (7, 19, 20), (8, 19, 20)] {
        let mut world = World::new(23, renewing(json!([])));
        assert!(opens(&mut world, objects));
        let new = world.revision(end);
        let [old, new] =
            [&world.pact, &new].map(|v| Pact::parse(v.to_string().as_bytes()).unwrap());
        assert_eq!(pact::diff(&old, &new).signatures(), Needed::Any);
        world.revise(end);
        assert!(opens(&mut world, still), "objected on day {objects}");
        assert!(!opens(&mut world, over), "objected on day {objects}");
    }
}

#[test]
fn a_breached_condition_lets_the_pact_end() {
    let failing = |status| {
        let mut world = World::new(24, renewing(json!(["ok-rate"])));
        assert!(opens(&mut world, 6));
        let (session, mut asks, mut serves) =
            (SessionId([6; 32]), Side::default(), Side::default());
        let call = world.sign(&mut asks, session, ASK, balance("c0"));
        world.feed(&call).unwrap();
        let answer = (Role::Provider, Role::Initiator);
        let content = Content::Text("?".into());
        let body = Body::Result { call: "c0".into(), status, content, latency_us: Some(1) };
        let signed = world.sign(&mut serves, session, answer, body);
        world.feed(&signed).unwrap();
        (opens(&mut world, 9), opens(&mut world, 10))
    };
    assert_eq!(failing(Status::Ok), (true, true));
    assert_eq!(failing(Status::Error), (true, false));
}

#[test]
fn a_revision_that_names_another_end_is_taken_at_its_word() {
    let mut world = World::new(25, renewing(json!([])));
    assert!(opens(&mut world, 15), "renewed once");
    world.revise(|pact| pact["term"]["max_sessions"] = 900.into());
    assert!(opens(&mut world, 19), "the renewal stays");
    world.revise(|pact| {
        pact["term"]["not_after"] = "2026-12-23T00:00:00Z".into();
        pact["term"]["renewal"] = json!({"mode": "none"});
    });
    assert!(opens(&mut world, 21) && !opens(&mut world, 22));
}
