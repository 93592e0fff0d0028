//! A small pact, changed by each test, and events under it.
#![allow(
    clippy::allow_attributes,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
#![allow(dead_code, reason = "each test file uses a part")]
pub(crate) mod arbitrary;

use std::collections::BTreeMap;

use cloister_pact::{
    Approval, Compiled, Decision, Judgement, Pact, SessionState, StandingState, check, compile,
};
use messages::event::{Body, Content, Event, Role, Status};
use messages::ids::{EventHash, PactHash, SessionId};
use messages::time::UnixMillis;
use serde_json::{Value, json};

pub(crate) const NOW: u64 = 1_780_000_000_000;

/// The fixture, as JSON.
pub(crate) fn base() -> Value {
    serde_json::from_str(include_str!("../small.pact.json")).unwrap()
}

/// A pact with these interactions, limits and labels.
pub(crate) fn pact(interactions: Value, limits: Value, sources: Value) -> Compiled {
    let mut value = base();
    value["interactions"] = interactions;
    value["limits"] = limits;
    value["labels"] = json!({"sources": sources});
    let pact = Pact::parse(value.to_string().as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    compile(&pact).unwrap_or_else(|e| panic!("{e}"))
}

/// An interaction named `name` with these further fields.
pub(crate) fn tool(name: &str, effect: &str, more: Value) -> Value {
    let mut value = json!({"id": name, "direction": "initiator->provider", "kind": "call",
        "name": name, "effect": effect});
    for (key, v) in more.as_object().unwrap() {
        value[key] = v.clone();
    }
    value
}

/// A session that is played event by event.
pub(crate) struct Play {
    pub(crate) pact: Compiled,
    pub(crate) session: SessionState,
    pub(crate) standing: StandingState,
    pub(crate) now: u64,
    calls: u32,
}

impl Play {
    pub(crate) fn new(pact: Compiled) -> Self {
        let session = SessionState::new([7; 16]);
        Self { pact, session, standing: StandingState::default(), now: NOW, calls: 0 }
    }

    pub(crate) fn next_session(&mut self) {
        self.session = SessionState::new([8; 16]);
    }

    pub(crate) fn event(
        &mut self,
        from: Role,
        to: Role,
        body: Body,
        approval: Approval,
    ) -> Judgement {
        let event = Event {
            pact: PactHash::default(),
            session: SessionId::default(),
            seq: 0,
            prev: EventHash::default(),
            from,
            to,
            body,
        };
        let now = UnixMillis(self.now);
        let judged = check(&self.pact, &self.session, &self.standing, &event, approval, now);
        self.session.apply(&judged.change);
        self.standing.apply(&judged.change);
        judged
    }

    pub(crate) fn tells(&mut self, from: Role, to: Role, text: &str) -> Judgement {
        self.event(from, to, Body::Message { text: text.into() }, Approval::Absent)
    }

    /// The principal speaks.
    pub(crate) fn says(&mut self, text: &str) {
        drop(self.tells(Role::Principal, Role::Initiator, text));
    }

    /// The agent speaks to its principal.
    pub(crate) fn asks(&mut self, text: &str) {
        drop(self.tells(Role::Initiator, Role::Principal, text));
    }

    pub(crate) fn call_as(
        &mut self,
        id: &str,
        name: &str,
        args: Value,
        how: Approval,
    ) -> Judgement {
        let args: BTreeMap<String, Value> = serde_json::from_value(args).unwrap();
        let body = Body::Call { call: id.into(), name: name.into(), args, via: None };
        self.event(Role::Initiator, Role::Provider, body, how)
    }

    /// A call under a fresh identifier.
    pub(crate) fn call(&mut self, name: &str, args: Value) -> (Decision, String) {
        self.calls += 1;
        let judged = self.call_as(&format!("c{}", self.calls), name, args, Approval::Absent);
        (judged.verdict.decision, judged.verdict.rule)
    }

    /// The result of the last call.
    pub(crate) fn answers(&mut self, content: Content) -> Judgement {
        let call = format!("c{}", self.calls);
        self.result(&call, Status::Ok, content)
    }

    /// The last call came to this.
    pub(crate) fn answers_with(&mut self, status: Status) -> Judgement {
        self.result(&format!("c{}", self.calls), status, text(""))
    }

    pub(crate) fn result(&mut self, call: &str, status: Status, content: Content) -> Judgement {
        let body = Body::Result { call: call.into(), status, content, latency_us: Some(60_000) };
        self.event(Role::Provider, Role::Initiator, body, Approval::Absent)
    }

    /// The value that a judgement adds to a counter.
    pub(crate) fn counted(&self, judged: &Judgement, name: &str) -> u64 {
        let (index, _) = self.pact.schema().find(name).unwrap_or_else(|| panic!("{name}"));
        let of = judged.change.counters().iter().filter(|(i, _)| *i == index);
        of.map(|(_, n)| n).sum()
    }
}

pub(crate) fn document(value: Value) -> Content {
    Content::Document(value)
}

pub(crate) fn text(text: &str) -> Content {
    Content::Text(text.into())
}

/// Decision and rule, to compare.
pub(crate) fn is(decision: Decision, rule: &str) -> (Decision, String) {
    (decision, rule.to_owned())
}
