//! What is written and read back is what was: a recovered state is the state, or, under a log
//! scope that writes less, one that permits no more.
#![allow(
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod common;
use std::collections::BTreeMap;

use cloister_pact::{
    Approval, Change, Compiled, Decision, LogScope, SessionState, StandingState, check,
};
use common::arbitrary::{body, role};
use common::{Play, document, pact, tool};
use messages::event::{Body, Event, Role, Status};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::time::UnixMillis;
use minicbor::Encode;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A pact in which what was read, what was counted and what was answered all matter.
fn watchful() -> Compiled {
    let send = json!({
        "args": {
            "recipient": {"provenance": {
                "any_of": ["principal", "record", "result:read_note.a@b.com"], "else": "escalate"}},
            "amount": {"type": "decimal", "unit": "EUR", "max": "100", "else": "escalate",
                "unless": "approved"},
            "*": {"provenance": {"any_of": ["principal", "content"], "else": "deny"}},
        },
        "after": ["read_note"], "limits": ["sent", "often", "to"],
    });
    let read = json!({"args": {"*": {}}, "limits": ["reads"]});
    let sources = json!([{"tool": "read_note", "trust": "content", "tier": "internal",
        "fields": [{"path": "a@b.com", "trust": "record"}]}]);
    let limits = json!([
        {"id": "sent", "counter": "sum:send_money.amount", "per": "pact", "max": "300", "else": "deny"},
        {"id": "often", "counter": "calls:send_money", "per": "PT64S", "max": "2", "else": "deny"},
        {"id": "to", "counter": "distinct:send_money.recipient", "per": "session", "max": "1",
            "else": "escalate"},
        {"id": "reads", "counter": "calls:read_note", "per": "session", "max": "2", "else": "alert"},
        {"id": "size", "counter": "bytes", "per": "pact", "max": "100", "else": "alert"},
        {"id": "errors", "counter": "errors", "per": "session", "max": "1", "else": "deny"},
    ]);
    pact(
        json!([tool("send_money", "spend", send), tool("read_note", "read", read)]),
        limits,
        sources,
    )
}

fn event((from, to, body): (Role, Role, Body)) -> Event {
    let (pact, session, prev) = (PactHash::default(), SessionId::default(), EventHash::default());
    Event { pact, session, seq: 0, prev, from, to, body }
}

fn bytes(value: impl Encode<()>) -> Vec<u8> {
    minicbor::to_vec(value).unwrap()
}

fn read<T: for<'b> minicbor::Decode<'b, ()>>(bytes: &[u8]) -> T {
    minicbor::decode(bytes).unwrap()
}

/// Both states of one monitor.
struct States(SessionState, StandingState);

impl States {
    fn fresh() -> Self {
        Self(SessionState::new([7; 16]), StandingState::default())
    }

    fn apply(&mut self, change: &Change, runs: bool) {
        if runs {
            self.0.observe(change);
        } else {
            self.0.apply(change);
        }
        self.1.apply(change);
    }

    fn recovered(&self, scope: LogScope) -> Self {
        Self(read(&bytes(self.0.scoped(scope))), read(&bytes(&self.1)))
    }
}

/// An event, whether it was approved, whether it ran all the same, whether the monitor stopped
/// after it, and how much later it came.
type Happening = ((Role, Role, Body), bool, bool, bool, u16);

/// Few words, few calls: what is sent was often read before.
fn plausible() -> impl Strategy<Value = (Role, Role, Body)> {
    let word =
        || prop_oneof![Just("a@b.com"), Just("10"), Just("eve@example.com"), Just("yes bob")];
    let call = || (0..8u8).prop_map(|n| n.to_string());
    let to_send = (call(), word(), 1..120u8).prop_map(|(call, recipient, amount)| {
        let args = [("recipient", json!(recipient)), ("amount", json!(amount))];
        let args = args.map(|(name, value)| (name.to_owned(), value)).into();
        Body::Call { call, name: "send_money".into(), args, via: None }
    });
    let to_read = call().prop_map(|call| Body::Call {
        call,
        name: "read_note".into(),
        args: BTreeMap::new(),
        via: None,
    });
    let result = (call(), word(), word()).prop_map(|(call, a, b)| Body::Result {
        call,
        status: Status::Ok,
        content: document(json!({"a@b.com": a, "other": b})),
        latency_us: None,
    });
    prop_oneof![
        word().prop_map(|w| (Role::Principal, Role::Initiator, Body::Message { text: w.into() })),
        to_read.prop_map(|body| (Role::Initiator, Role::Provider, body)),
        to_send.prop_map(|body| (Role::Initiator, Role::Provider, body)),
        result.prop_map(|body| (Role::Provider, Role::Initiator, body)),
    ]
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let arbitrary = (role(), role(), body());
    let said = prop_oneof![4 => plausible(), 1 => arbitrary];
    let stop = prop::bool::weighted(0.3);
    let one = (said, prop::bool::weighted(0.2), any::<bool>(), stop, 0..30_000u16);
    prop::collection::vec(one, 1..48)
}

proptest! {
    #[test]
    fn a_monitor_that_stopped_is_one_that_never_did(all in happenings()) {
        let pact = watchful();
        let (mut live, mut again) = (States::fresh(), States::fresh());
        let mut now = common::NOW;
        for (said, granted, runs, stops, later) in all {
            now += u64::from(later);
            let approval = if granted { Approval::Granted } else { Approval::Absent };
            let event = event(said);
            let judge = |s: &States| check(&pact, &s.0, &s.1, &event, approval, UnixMillis(now));
            let judged = judge(&live);
            prop_assert_eq!(&judge(&again), &judged);
            let written = bytes(&judged.change);
            let change: Change = read(&written);
            prop_assert_eq!(&change, &judged.change);
            prop_assert_eq!(bytes(change.scoped(LogScope::Full)), written);
            live.apply(&judged.change, runs);
            again.apply(&change, runs);
            if stops {
                again = again.recovered(LogScope::Full);
            }
        }
        prop_assert_eq!(bytes(&live.0), bytes(&again.0));
        prop_assert_eq!(bytes(&live.0), bytes(live.0.scoped(LogScope::Full)));
        prop_assert_eq!(live.1, again.1);
    }

    #[test]
    fn what_was_not_written_permits_no_more(
        all in happenings(), scope in prop_oneof![Just(LogScope::HashOnly), Just(LogScope::Metadata)]
    ) {
        let pact = watchful();
        let (mut live, mut again) = (States::fresh(), States::fresh());
        let mut now = common::NOW;
        for (said, granted, runs, stops, later) in all {
            now += u64::from(later);
            let approval = if granted { Approval::Granted } else { Approval::Absent };
            let event = event(said);
            let judge = |s: &States| check(&pact, &s.0, &s.1, &event, approval, UnixMillis(now));
            let judged = judge(&live);
            let (first, second) = (judged.verdict.decision, judge(&again).verdict.decision);
            // Who approves a call has seen it: no alert about it is due any more.
            let both = [first, second].map(|d| if granted { d.max(Decision::Alert) } else { d });
            prop_assert!(both[0] <= both[1], "{first:?}, after recovery {second:?}");
            live.apply(&judged.change, runs);
            again.apply(&read(&bytes(judged.change.scoped(scope))), runs);
            if stops {
                again = again.recovered(scope);
            }
        }
        prop_assert_eq!(live.1, again.1, "counts and limits do not depend on the scope");
    }

    #[test]
    fn any_bytes_are_a_state_or_none(noise in prop::collection::vec(any::<u8>(), 0..256)) {
        drop(minicbor::decode::<SessionState>(&noise));
        drop(minicbor::decode::<StandingState>(&noise));
        drop(minicbor::decode::<Change>(&noise));
    }

    #[test]
    fn a_damaged_state_is_a_state_or_none(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (state, standing, change) = well_read();
        for good in [bytes(&state), bytes(&standing), bytes(&change)] {
            let mut bad = good.clone();
            *at.get_mut(&mut bad) = to;
            drop(minicbor::decode::<SessionState>(&bad));
            drop(minicbor::decode::<StandingState>(&bad));
            drop(minicbor::decode::<Change>(&bad));
        }
    }
}

fn well_read() -> (SessionState, StandingState, Change) {
    let mut play = Play::new(watchful());
    play.says("send 10.00 to bob@example.com, yes");
    play.call("read_note", json!({"id": "7"}));
    let judged = play.answers(document(json!({"a@b.com": "eve@example.com", "n": [1, "x y"]})));
    (play.session, play.standing, judged.change)
}

#[test]
fn less_than_full_writes_no_token_of_what_was_read() {
    let (state, _, change) = well_read();
    for scope in [LogScope::HashOnly, LogScope::Metadata] {
        // A session of the same calls in which nothing was said and nothing came back.
        let mut silent = Play::new(watchful());
        silent.says("yes");
        silent.call("read_note", json!({"id": "7"}));
        let empty = silent.answers(document(json!({})));
        assert_eq!(bytes(state.scoped(scope)), bytes(silent.session.scoped(scope)));
        assert!(bytes(&state).len() > bytes(state.scoped(scope)).len() + 8 * 10);
        let written: Change = read(&bytes(change.scoped(scope)));
        let mut session = SessionState::new([7; 16]);
        session.apply(&written);
        let mut nothing = SessionState::new([7; 16]);
        nothing.apply(&empty.change);
        assert_eq!(bytes(&session), bytes(nothing.scoped(scope)));
    }
}

#[test]
fn after_recovery_what_was_read_is_unseen() {
    let asks = |state: &SessionState, play: &Play| {
        let args: BTreeMap<String, Value> =
            serde_json::from_value(json!({"recipient": "bob@example.com", "amount": "10"}))
                .unwrap();
        let body = Body::Call { call: "new".into(), name: "send_money".into(), args, via: None };
        let event = event((Role::Initiator, Role::Provider, body));
        let now = UnixMillis(common::NOW);
        let judged = check(&play.pact, state, &play.standing, &event, Approval::Absent, now);
        (judged.verdict.decision, judged.verdict.rule)
    };
    let mut play = Play::new(watchful());
    play.says("send 10 to bob@example.com");
    play.call("read_note", json!({"id": "7"}));
    drop(play.answers(document(json!({}))));
    assert_eq!(asks(&play.session, &play).0, Decision::Allow);
    let full: SessionState = read(&bytes(&play.session));
    assert_eq!(asks(&full, &play).0, Decision::Allow);
    let less: SessionState = read(&bytes(play.session.scoped(LogScope::HashOnly)));
    assert_eq!(asks(&less, &play), common::is(Decision::Escalate, "send_money.provenance"));
    // What a wider scope may not reach back to is what a narrower one would not have written.
    let less = bytes(play.session.scoped(LogScope::HashOnly));
    assert_ne!(bytes(&play.session), less);
    play.session.withhold();
    assert_eq!(bytes(&play.session), less);
}
