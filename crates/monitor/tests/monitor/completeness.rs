//! A dropped event is a gap with the right owner.

use crate::support::{ASK, SAY, START, Side, World, at, balance};
use messages::event::{Body, Party};
use messages::leaf::Gaps;
use messages::time::UnixMillis;

/// One session in which the initiator says something to its principal and calls twice.
fn sides(world: &mut World) -> (Side, Side, messages::ids::SessionId) {
    let session = world.open(1);
    let mut initiator = Side::default();
    let mut provider = Side::default();
    let hello = world.sign(&mut initiator, session, SAY, Body::Message { text: "balance?".into() });
    initiator.receipt = Some(world.feed(&hello).unwrap().receipt);
    let asked = world.sign(&mut initiator, session, ASK, balance("c0"));
    initiator.receipt = Some(world.feed(&asked).unwrap().receipt);
    initiator.delivered += 1;
    provider.received += 1;
    provider.received_head = asked.hash();
    (initiator, provider, session)
}

fn end(world: &mut World, sides: (Side, Side, messages::ids::SessionId)) -> Gaps {
    let (initiator, provider, session) = sides;
    assert_eq!(
        world.count(&initiator, session, Party::Initiator).unwrap(),
        (false, Gaps::default())
    );
    let (closed, gaps) = world.count(&provider, session, Party::Provider).unwrap();
    assert!(closed);
    gaps
}

#[test]
fn an_honest_session_has_no_gap() {
    let mut world = World::new(1, |_| {});
    let sides = sides(&mut world);
    assert_eq!(end(&mut world, sides), Gaps::default());
}

#[test]
fn an_event_dropped_at_the_agent_is_the_agents_gap() {
    let mut world = World::new(1, |_| {});
    let (initiator, mut provider, session) = sides(&mut world);
    // A second call reaches the provider, and the initiator's connector never reports it.
    provider.received += 1;
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps { agent: 1, ..Gaps::default() });
}

#[test]
fn an_event_dropped_on_the_way_is_the_networks_gap() {
    let mut world = World::new(1, |_| {});
    let (mut initiator, mut provider, session) = sides(&mut world);
    // Signed, counted and delivered; the monitor never hears of it and never receipts it.
    world.sign(&mut initiator, session, ASK, balance("c1"));
    initiator.delivered += 1;
    provider.received += 1;
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps { network: 1, ..Gaps::default() });
}

#[test]
fn an_event_dropped_by_the_monitor_is_the_monitors_gap() {
    let mut world = World::new(1, |_| {});
    let (mut initiator, mut provider, session) = sides(&mut world);
    // A twin of the monitor, same boot and key, receipts an event that this one then lacks:
    // exactly what a rolled-back monitor looks like.
    let mut twin = World::new(1, |_| {});
    let (copy, _, _) = sides(&mut twin);
    let event = world.sign(&mut initiator, session, ASK, balance("c1"));
    assert_eq!(copy.head, event.unverified().prev);
    initiator.receipt = Some(twin.feed(&event).unwrap().receipt);
    initiator.delivered += 1;
    provider.received += 1;
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps { monitor: 1, ..Gaps::default() });
}

#[test]
fn a_side_that_never_closes_leaves_the_tail_open() {
    let mut world = World::new(1, |_| {});
    let (initiator, _, session) = sides(&mut world);
    world.count(&initiator, session, Party::Initiator).unwrap();
    let later = UnixMillis(START.0 + 24 * 3_600_000);
    let closes = world.monitor.close_epoch(at(later), &mut world.rng);
    assert_eq!(closes.len(), 2);
    for close in closes {
        assert_eq!(close.body.gaps.tail_open, 1);
        assert_eq!(close.body.gaps.total(), 1);
    }
}

#[test]
fn gaps_reach_both_tallies_and_never_fall() {
    let mut world = World::new(1, |_| {});
    let (initiator, mut provider, session) = sides(&mut world);
    provider.received += 3;
    end(&mut world, (initiator, provider, session));
    let mut before = Gaps::default();
    for day in 1..4u64 {
        let moment = UnixMillis(START.0 + day * 24 * 3_600_000);
        for close in world.monitor.close_epoch(at(moment), &mut world.rng) {
            assert_eq!(close.body.gaps, Gaps { agent: 3, ..Gaps::default() });
            assert!(close.body.gaps.since(&before).is_some());
        }
        before = Gaps { agent: 3, ..Gaps::default() };
    }
}
