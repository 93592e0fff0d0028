//! Permitted interactions: absence means denied, so one that is gone is narrower and a new one
//! wider; the conditions of one that stays are compared one by one.

use super::args::{self, Context, Follow};
use super::found::{Found, Place};
use super::{Taken, args::severity};
use crate::document::terms::{
    ApprovalTerm, Effect, Flow, FlowEffect, Interaction, Requested, RequestedWhen,
};

/// `flows` are those that both pacts have, as the new one has them.
pub(super) fn all(found: &mut Found, old: &[Interaction], new: &[Interaction], flows: &[&Flow]) {
    for interaction in old {
        let place = place_of(interaction);
        match new.iter().find(|i| i.id == interaction.id) {
            Some(other) => one(found, &place, (interaction, other), flows),
            None => found.narrower(&place, "it is not permitted any more"),
        }
    }
    for interaction in new.iter().filter(|i| old.iter().all(|o| o.id != i.id)) {
        found.wider(&place_of(interaction), "it is permitted now");
    }
}

fn place_of(interaction: &Interaction) -> Place {
    let taken = Taken::of(interaction.direction);
    Place::new(format!("interactions.{}", interaction.id.0), taken)
}

fn one(
    found: &mut Found,
    place: &Place,
    (old, new): (&Interaction, &Interaction),
    flows: &[&Flow],
) {
    let Interaction {
        id: _,
        direction,
        kind,
        name,
        effect,
        max_tier,
        args: _,
        unlisted_args: _,
        requested,
        confirmed_by,
        after,
        approval,
        limits,
        max_bytes,
        idempotency,
    } = old;
    for (field, same) in [
        ("direction", direction == &new.direction),
        ("kind", kind == &new.kind),
        ("name", name == &new.name),
        ("idempotency", idempotency == &new.idempotency),
    ] {
        if !same {
            found.wider(&place.under(field), "it is another");
        }
    }
    if effect != &new.effect {
        // Reading is free, and only what is sent to others is held against data.sharing.
        let narrower = match *effect {
            Effect::Read => true,
            Effect::ExternalSend => false,
            Effect::Destructive | Effect::Spend | Effect::Write => new.effect != Effect::Read,
        };
        found.judged(narrower, &place.under("effect"), "it changes something else");
    }
    let (old_tier, new_tier) = (*max_tier, new.max_tier);
    found.at_most(&place.under("max_tier"), "highest tier", old_tier, new_tier);
    let context = context(old, new, flows);
    args::all(found, &place.under("args"), (old, new), context);
    let mut here = flows.iter().copied().filter(|f| f.to.interactions.contains(&new.id));
    let delegated = |f: &Flow| f.to.recipients.iter().any(|to| to.contains("delegated"));
    if context.follow == Follow::Further && here.any(delegated) {
        let text = "a flow asks who is delegated, and its words make that more";
        found.wider(&place.under("requested.terms"), text);
    }
    asked_for(found, &place.under("requested"), requested.as_ref(), new.requested.as_ref());
    let confirmed = place.under("confirmed_by");
    found.exactly(&confirmed, "need of a confirmation", *confirmed_by, new.confirmed_by);
    found.superset(&place.under("after"), "interactions that must come before", after, &new.after);
    approved(found, &place.under("approval"), *approval, new.approval);
    found.superset(&place.under("limits"), "limits that it names", limits, &new.limits);
    let (old_bytes, new_bytes) = (*max_bytes, new.max_bytes);
    found.at_most(&place.under("max_bytes"), "largest size", old_bytes, new_bytes);
}

fn context(old: &Interaction, new: &Interaction, flows: &[&Flow]) -> Context {
    let lifts = |flow: &Flow| {
        flow.effect == FlowEffect::Allow
            && flow.to.interactions.contains(&new.id)
            && !flow.to.recipients.is_empty()
    };
    Context { follow: follow(old, new), lifted: flows.iter().copied().any(lifts) }
}

/// A word in `requested` does two things: without it the call is held, and with it a source that
/// the principal pointed to may decide on the call. More words can let more be decided.
fn follow(old: &Interaction, new: &Interaction) -> Follow {
    let terms = |i: &Interaction| i.requested.as_ref().map(|r| r.terms.clone()).unwrap_or_default();
    let before = terms(old);
    let more = terms(new).iter().any(|term| !before.contains(term));
    if more && old.effect != Effect::Read { Follow::Further } else { Follow::NoFurther }
}

fn asked_for(found: &mut Found, place: &Place, old: Option<&Requested>, new: Option<&Requested>) {
    let (Some(old), Some(new)) = (old, new) else {
        return found.exactly(place, "need of a request", old, new);
    };
    let Requested { terms, when, otherwise } = old;
    found.subset(&place.under("terms"), "words", Some(terms), Some(&new.terms));
    let often = |when: &Option<RequestedWhen>| when.unwrap_or(RequestedWhen::Always);
    match (often(when), often(&new.when)) {
        (RequestedWhen::Always, RequestedWhen::Scrutiny) => {
            found.wider(&place.under("when"), "only under scrutiny, no longer always");
        }
        (RequestedWhen::Scrutiny, RequestedWhen::Always) => {
            found.narrower(&place.under("when"), "always, no longer only under scrutiny");
        }
        (RequestedWhen::Always, RequestedWhen::Always)
        | (RequestedWhen::Scrutiny, RequestedWhen::Scrutiny) => {}
    }
    severity(found, &place.under("else"), *otherwise, new.otherwise);
}

/// `always` adds an escalation, `never` turns escalations into denials; neither does what the
/// other does.
fn approved(
    found: &mut Found,
    place: &Place,
    old: Option<ApprovalTerm>,
    new: Option<ApprovalTerm>,
) {
    let [old, new] = [old, new].map(|term| term.unwrap_or(ApprovalTerm::OnElse));
    if old != new {
        let narrower = old == ApprovalTerm::OnElse;
        found.judged(narrower, place, "an overseer decides at other times");
    }
}
