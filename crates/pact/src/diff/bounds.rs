//! Limits, flows and delegation.

use super::Taken;
use super::args::severity;
use super::found::{Found, Place};
use crate::document::terms::{
    Delegation, Document, Flow, FlowEffect, InteractionKind, Limit, Narrowing,
};

pub(super) fn limits(found: &mut Found, old: &[Limit], (from, to): (&Document, &Document)) {
    for limit in old {
        let place = place_of(limit, from);
        match to.limits.iter().find(|l| l.id == limit.id) {
            Some(new) => one(found, &place, limit, new),
            None if is_moot(limit, from, to) => {
                found.narrower(&place, "it went with its interaction");
            }
            None => found.wider(&place, "it does not hold any more"),
        }
    }
    for limit in to.limits.iter().filter(|l| old.iter().all(|o| o.id != l.id)) {
        found.narrower(&place_of(limit, from), "it holds now");
    }
}

fn one(found: &mut Found, place: &Place, old: &Limit, new: &Limit) {
    let Limit { id: _, counter, per, max, otherwise } = old;
    if counter != &new.counter {
        found.wider(&place.under("counter"), "it counts something else");
    }
    if per != &new.per {
        found.wider(&place.under("per"), "it counts over something else");
    }
    found.at_most(&place.under("max"), "maximum", Some(*max), Some(new.max));
    severity(found, &place.under("else"), *otherwise, new.otherwise);
}

/// A limit on one interaction takes from who starts it, one on all calls from who makes calls;
/// any other also counts what the other party sends.
fn place_of(limit: &Limit, terms: &Document) -> Place {
    let taken = match subject(&limit.counter) {
        Subject::Calls => Taken::of_calls(terms),
        Subject::Interaction(id) => {
            let named = terms.interactions.iter().filter(|i| i.id.0 == id);
            Taken::of_all(named.map(|i| i.direction))
        }
        Subject::Volume => Taken::Both,
    };
    Place::new(format!("limits.{}", limit.id.0), taken)
}

/// What a counter is about.
enum Subject<'a> {
    Calls,
    Interaction(&'a str),
    Volume,
}

fn subject(counter: &str) -> Subject<'_> {
    match counter.split_once(':').unwrap_or((counter, "")) {
        ("calls" | "calls.all" | "errors", "") => Subject::Calls,
        ("calls", id) => Subject::Interaction(id),
        ("distinct" | "sum", rest) => {
            Subject::Interaction(rest.split_once('.').map_or(rest, |(id, _)| id))
        }
        _ => Subject::Volume,
    }
}

/// Whether all that it counted is not permitted any more.
fn is_moot(limit: &Limit, from: &Document, to: &Document) -> bool {
    let called = |terms: &Document, id: &str| {
        terms.interactions.iter().any(|i| i.id.0 == id && i.kind == InteractionKind::Call)
    };
    match subject(&limit.counter) {
        Subject::Interaction(id) => called(from, id) && !called(to, id),
        Subject::Calls | Subject::Volume => false,
    }
}

pub(super) fn flows(found: &mut Found, old: &[Flow], (from, to): (&Document, &Document)) {
    let place_of = |flow: &Flow| {
        let ends = from.interactions.iter().filter(|i| flow.to.interactions.contains(&i.id));
        let taken = Taken::of_all(ends.map(|i| i.direction));
        Place::new(format!("flows.{}", flow.id.0), taken)
    };
    for flow in old {
        let place = place_of(flow);
        match to.flows.iter().find(|f| f.id == flow.id) {
            None => {
                let narrower = flow.effect == FlowEffect::Allow;
                found.judged(narrower, &place, "it does not hold any more");
            }
            Some(new) => {
                let Flow { id: _, from, to, effect, min_match } = flow;
                if from != &new.from || to != &new.to || min_match != &new.min_match {
                    found.wider(&place, "it is about something else");
                }
                if effect != &new.effect {
                    let narrower = rank(new.effect) > rank(*effect);
                    found.judged(narrower, &place.under("effect"), "something else follows");
                }
            }
        }
    }
    for flow in to.flows.iter().filter(|f| old.iter().all(|o| o.id != f.id)) {
        found.judged(flow.effect != FlowEffect::Allow, &place_of(flow), "it holds now");
    }
}

/// The new pact's flows that the old one has too: any other is a difference of its own.
pub(super) fn kept_flows<'a>(from: &Document, to: &'a Document) -> Vec<&'a Flow> {
    to.flows.iter().filter(|flow| from.flows.iter().any(|f| f.id == flow.id)).collect()
}

const fn rank(effect: FlowEffect) -> u8 {
    match effect {
        FlowEffect::Allow => 0,
        FlowEffect::Escalate => 1,
        FlowEffect::Deny => 2,
    }
}

/// Either party may be the one that delegates.
pub(super) fn delegation(found: &mut Found, old: Option<&Delegation>, new: Option<&Delegation>) {
    let place = Place::new("delegation".to_owned(), Taken::Both);
    let (Some(old), Some(new)) = (old, new) else {
        return match (old, new) {
            (Some(_), None) | (None, Some(_)) => {
                found.wider(&place, "whether others may act differs");
            }
            (None, None) | (Some(_), Some(_)) => {}
        };
    };
    let Delegation { max_depth, narrowing, to, carry } = old;
    found.at_most(&place.under("max_depth"), "depth", Some(*max_depth), Some(new.max_depth));
    if narrowing != &new.narrowing {
        let narrower = new.narrowing == Some(Narrowing::MustNarrow);
        found.judged(narrower, &place.under("narrowing"), "scopes change in another way");
    }
    // An empty list names nobody in particular.
    let [before, now] =
        [to, &new.to].map(|list| Some(list.as_slice()).filter(|list| !list.is_empty()));
    found.subset(&place.under("to"), "delegates", before, now);
    if carry != &new.carry {
        found.wider(&place.under("carry"), "something else goes along");
    }
}
