//! A dropped event is a gap with the right owner.

use cloister_monitor::CountError;

use crate::support::{ASK, SAY, START, Side, World, balance, call};
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
    let closes = world.close_epoch(later).closes;
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
        for close in world.close_epoch(moment).closes {
            assert_eq!(close.body.gaps, Gaps { agent: 3, ..Gaps::default() });
            assert!(close.body.gaps.since(&before).is_some());
        }
        before = Gaps { agent: 3, ..Gaps::default() };
    }
}

#[test]
fn an_agent_that_delivers_more_than_it_reports_is_found_though_both_counts_agree() {
    let mut world = World::new(1, |_| {});
    let (mut initiator, mut provider, session) = sides(&mut world);
    initiator.delivered += 3;
    provider.received += 3;
    let counts = world.count(&initiator, session, Party::Initiator);
    assert_eq!(counts, Err(CountError::Implausible), "delivered more than it says it sent");
    initiator.delivered -= 3;
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps { agent: 3, ..Gaps::default() });
}

#[test]
fn an_event_that_was_denied_and_delivered_all_the_same_is_the_agents_gap() {
    let mut world = World::new(1, |_| {});
    let (mut initiator, mut provider, session) = sides(&mut world);
    let odd = call("c1", "open_vault", serde_json::json!({}));
    let odd = world.sign(&mut initiator, session, ASK, odd);
    assert_eq!(world.feed(&odd).unwrap().action, messages::reply::Action::Deny);
    initiator.delivered += 1;
    provider.received += 1;
    provider.received_head = odd.hash();
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps { agent: 1, ..Gaps::default() });
}

#[test]
fn another_event_in_place_of_the_reported_one_is_the_agents_gap() {
    let mut world = World::new(1, |_| {});
    let (initiator, mut provider, session) = sides(&mut world);
    provider.received_head = messages::ids::EventHash([9; 32]);
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps { agent: 1, ..Gaps::default() });
}

#[test]
fn absurd_counts_are_refused_so_that_they_cannot_drown_later_gaps() {
    let mut world = World::new(1, |_| {});
    let (mut initiator, mut provider, session) = sides(&mut world);
    initiator.sent = u64::MAX;
    assert_eq!(world.count(&initiator, session, Party::Initiator), Err(CountError::Implausible));
    provider.received = u64::MAX;
    assert_eq!(world.count(&provider, session, Party::Provider), Err(CountError::Implausible));
}

#[test]
fn a_session_that_stays_open_hides_nothing_and_does_not_stay_open_for_ever() {
    let mut world = World::new(1, |_| {});
    let (_, mut provider, session) = sides(&mut world);
    provider.received += 2;
    let interim = world.statement(&provider, session, Party::Provider, false);
    assert!(world.submit(&interim).is_ok());
    assert_eq!(world.submit(&interim), Err(CountError::Falling), "a repetition keeps nothing open");
    let epoch = |world: &mut World, minutes: u64| {
        let moment = UnixMillis(START.0 + minutes * 60_000);
        let mut closes = world.close_epoch(moment).closes;
        closes.pop().unwrap().body.gaps
    };
    // Half an hour on the session is still open, and its gap is already in the leaf ...
    let open = epoch(&mut world, 30);
    assert_eq!(open, Gaps { agent: 2, ..Gaps::default() });
    // ... once; and when it idles out, only its open tails are added.
    let ended = epoch(&mut world, 500);
    assert_eq!(ended, Gaps { agent: 2, tail_open: 2, ..Gaps::default() });
}

#[test]
fn honest_running_counts_followed_by_a_crash_blame_nobody_but_the_tail() {
    let mut world = World::new(1, |_| {});
    let (mut initiator, provider, session) = sides(&mut world);
    for (side, party) in [(&initiator, Party::Initiator), (&provider, Party::Provider)] {
        let interim = world.statement(side, session, party, false);
        assert!(world.submit(&interim).is_ok());
    }
    for id in ["c1", "c2", "c3"] {
        let event = world.sign(&mut initiator, session, ASK, balance(id));
        assert!(world.feed(&event).is_ok());
    }
    let later = UnixMillis(START.0 + 24 * 3_600_000);
    for close in world.close_epoch(later).closes {
        assert_eq!(close.body.gaps, Gaps { tail_open: 2, ..Gaps::default() });
    }
}

#[test]
fn a_call_that_was_approved_after_a_later_one_ran_is_no_swap() {
    let mut world = World::new(1, |_| {});
    let session = world.open(1);
    let (mut initiator, mut provider) = (Side::default(), Side::default());
    let hello = Body::Message { text: "Please pay 5000 to DE89370400440532013000".into() };
    let hello = world.sign(&mut initiator, session, SAY, hello);
    assert!(world.feed(&hello).is_ok());
    let args = serde_json::json!({
        "recipient": "DE89370400440532013000", "amount": 2500, "subject": "b", "date": "2026-12-02"
    });
    let pay = world.sign(&mut initiator, session, ASK, call("c1", "send_money", args));
    assert_eq!(world.feed(&pay).unwrap().action, messages::reply::Action::Pause);
    let later = world.sign(&mut initiator, session, ASK, balance("c2"));
    assert!(world.feed(&later).is_ok());
    assert_eq!(world.approve(session, pay.hash()).unwrap().action, messages::reply::Action::Allow);
    initiator.delivered += 2;
    provider.received += 2;
    provider.received_head = later.hash();
    let gaps = end(&mut world, (initiator, provider, session));
    assert_eq!(gaps, Gaps::default());
}
