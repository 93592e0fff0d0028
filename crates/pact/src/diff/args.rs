//! Arguments: what each name had to satisfy, and has to.

use core::cmp::Reverse;
use std::collections::BTreeSet;

use super::found::{Found, Place};
use super::provenance;
use crate::document::terms::{
    ArgType, Constraint, Effect, Interaction, Origin, Otherwise, Unless, Unlisted,
};

/// Whether the new pact lets the origin `delegated` hold for more calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    Further,
    NoFurther,
}

/// What else of the pact decides whether a change of one argument is narrower.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) follow: Follow,
    /// A flow lets data go to some recipients of these calls. An argument is a recipient once the
    /// pact asks where it came from, so asking for more may let more go.
    pub(super) lifted: bool,
}

/// What one argument has to satisfy.
#[derive(Clone, Copy)]
enum Held<'a> {
    /// An entry of its own.
    Listed(&'a Constraint),
    /// The entry for all others, or nothing.
    Other(&'a Constraint),
    Refused,
}

pub(super) fn all(
    found: &mut Found,
    place: &Place,
    (old, new): (&Interaction, &Interaction),
    context: Context,
) {
    for name in names(old, new) {
        argument(found, &place.under(name), (held(old, name), held(new, name)), context);
    }
}

/// Origins that are enough in `new` where some origin was asked for before.
pub(super) fn kept_origins<'a>(old: &'a Interaction, new: &'a Interaction) -> Vec<&'a Origin> {
    let mut kept = Vec::new();
    for name in names(old, new) {
        let constraint = |interaction| match held(interaction, name) {
            Held::Listed(constraint) | Held::Other(constraint) => Some(constraint),
            Held::Refused => None,
        };
        gather(constraint(old), constraint(new), &mut kept);
    }
    kept
}

fn gather<'a>(old: Option<&Constraint>, new: Option<&'a Constraint>, kept: &mut Vec<&'a Origin>) {
    let (Some(old), Some(new)) = (old, new) else { return };
    if let (Some(_), Some(now)) = (&old.provenance, &new.provenance) {
        kept.extend(now.any_of.iter().chain(now.under_scrutiny.iter().flatten()));
    }
    gather(old.each.as_deref(), new.each.as_deref(), kept);
}

fn names<'a>(old: &'a Interaction, new: &'a Interaction) -> BTreeSet<&'a str> {
    let listed = old.args.keys().chain(new.args.keys()).map(String::as_str);
    listed.chain([OTHERS]).collect()
}

/// As the check finds it: its own entry, else that of `*`, else the rule for what is not listed.
fn held<'a>(interaction: &'a Interaction, name: &str) -> Held<'a> {
    let own = interaction.args.get(name).filter(|_| name != OTHERS);
    if let Some(own) = own {
        return Held::Listed(own);
    }
    if let Some(others) = interaction.args.get(OTHERS) {
        return Held::Other(others);
    }
    let open = interaction.effect == Effect::Read && interaction.args.is_empty();
    let usual = if open { Unlisted::Allow } else { Unlisted::Deny };
    match interaction.unlisted_args.unwrap_or(usual) {
        Unlisted::Allow => Held::Other(&FREE),
        Unlisted::Deny => Held::Refused,
    }
}

fn argument(found: &mut Found, place: &Place, held: (Held<'_>, Held<'_>), context: Context) {
    match held {
        (Held::Refused, Held::Refused) => {}
        (Held::Refused, Held::Listed(_) | Held::Other(_)) => {
            found.wider(place, "the argument is accepted now");
        }
        (Held::Listed(old), Held::Refused) if old.required == Some(true) => {
            found.wider(place, "the argument need not be there any more");
        }
        (Held::Listed(_) | Held::Other(_), Held::Refused) => {
            found.narrower(place, "the argument is refused now");
        }
        (Held::Listed(old), Held::Listed(new)) => {
            required(found, place, old.required == Some(true), new.required == Some(true));
            constraint(found, place, (old, new), context);
        }
        (Held::Listed(old), Held::Other(new)) => {
            required(found, place, old.required == Some(true), false);
            constraint(found, place, (old, new), context);
        }
        (Held::Other(old), Held::Listed(new)) => {
            required(found, place, false, new.required == Some(true));
            constraint(found, place, (old, new), context);
        }
        // Nobody can require what has no name.
        (Held::Other(old), Held::Other(new)) => constraint(found, place, (old, new), context),
    }
}

fn required(found: &mut Found, place: &Place, old: bool, new: bool) {
    if old != new {
        let text = if new { "it must be there" } else { "it need not be there any more" };
        found.judged(new, &place.under("required"), text);
    }
}

fn constraint(
    found: &mut Found,
    place: &Place,
    (old, new): (&Constraint, &Constraint),
    context: Context,
) {
    let Constraint {
        kind,
        required: _,
        constant,
        one_of,
        not_in,
        pattern,
        min,
        max,
        unit: _,
        max_len,
        max_items,
        each,
        provenance: _,
        extract: _,
        max_tier,
        pii_max,
        unless: _,
        otherwise: _,
    } = old;
    typed(found, &place.under("type"), *kind, new.kind);
    found.exactly(&place.under("const"), "only value", constant.as_ref(), new.constant.as_ref());
    found.subset(&place.under("in"), "values", one_of.as_deref(), new.one_of.as_deref());
    let (listed, listed_now) = (not_in.as_deref(), new.not_in.as_deref());
    let [listed, listed_now] = [listed, listed_now].map(Option::unwrap_or_default);
    found.superset(&place.under("not_in"), "forbidden values", listed, listed_now);
    found.exactly(&place.under("pattern"), "pattern", pattern.as_ref(), new.pattern.as_ref());
    found.at_most(&place.under("min"), "minimum", min.map(Reverse), new.min.map(Reverse));
    found.at_most(&place.under("max"), "maximum", *max, new.max);
    unit(found, &place.under("unit"), old, new);
    found.at_most(&place.under("max_len"), "largest length", *max_len, new.max_len);
    found.at_most(&place.under("max_items"), "largest number", *max_items, new.max_items);
    found.at_most(&place.under("max_tier"), "highest tier", *max_tier, new.max_tier);
    found.at_most(&place.under("pii_max"), "bound on personal data", *pii_max, new.pii_max);
    match (each, &new.each) {
        (Some(old), Some(new)) => constraint(found, &place.under("each"), (old, new), context),
        // Whatever an element is has to be compared, so that no recipient appears unseen.
        (None, Some(new)) if context.lifted => {
            found.narrower(&place.under("each"), "it must be a list");
            constraint(found, &place.under("each"), (&FREE, new), context);
        }
        (old, new) => {
            let (old, new) = (old.as_ref(), new.as_ref());
            found.exactly(&place.under("each"), "constraint of each element", old, new);
        }
    }
    origin(found, place, (old, new), context);
    consequence(found, place, old, new);
}

fn origin(
    found: &mut Found,
    place: &Place,
    (old, new): (&Constraint, &Constraint),
    context: Context,
) {
    let from = place.under("provenance");
    match (&old.provenance, &new.provenance) {
        (Some(old), Some(new)) => provenance::compare(found, &from, (old, new), context.follow),
        (None, Some(_)) if context.lifted => {
            found.wider(&from, "it is a recipient now, to which a flow may let data go");
        }
        (old, new) => found.exactly(&from, "provenance", old.as_ref(), new.as_ref()),
    }
    if old.extract != new.extract {
        // Without a provenance there was nothing to extract for.
        let narrower = old.provenance.is_none();
        found.judged(narrower, &place.under("extract"), "the provenance is of other tokens");
    }
}

/// What a broken constraint leads to; of no account where nothing could be broken before.
fn consequence(found: &mut Found, place: &Place, old: &Constraint, new: &Constraint) {
    let bit = bites(old);
    if old.unless != new.unless {
        let narrower = !bit || old.unless.is_some();
        found.judged(narrower, &place.under("unless"), "an approval counts in another way");
    }
    let [before, now] = [old, new].map(leads_to);
    if bit {
        severity(found, &place.under("else"), before, now);
    } else if old.otherwise != new.otherwise {
        found.narrower(&place.under("else"), "something may follow now");
    }
}

/// As [`compile`](crate::compile::compile) takes it.
fn leads_to(constraint: &Constraint) -> Otherwise {
    let usual = match constraint.unless {
        Some(Unless::Approved) => Otherwise::Escalate,
        None => Otherwise::Deny,
    };
    constraint.otherwise.unwrap_or(usual)
}

/// Whether any value, or none, breaks it.
fn bites(constraint: &Constraint) -> bool {
    let Constraint {
        kind,
        required,
        constant,
        one_of,
        not_in,
        pattern,
        min,
        max,
        unit: _,
        max_len,
        max_items,
        each,
        // It has an `else` of its own.
        provenance: _,
        extract: _,
        max_tier,
        pii_max,
        unless: _,
        otherwise: _,
    } = constraint;
    let listed = one_of.is_some() || not_in.as_ref().is_some_and(|list| !list.is_empty());
    let text = pattern.is_some() || max_len.is_some();
    let number = min.is_some() || max.is_some();
    let shape = kind.is_some() || constant.is_some() || max_items.is_some() || each.is_some();
    let kept = max_tier.is_some() || pii_max.is_some() || *required == Some(true);
    listed || text || number || shape || kept
}

fn typed(found: &mut Found, place: &Place, old: Option<ArgType>, new: Option<ArgType>) {
    let special = matches!(
        (old, new),
        (Some(ArgType::Decimal), Some(ArgType::Integer))
            | (Some(ArgType::String), Some(ArgType::Timestamp))
    );
    if special {
        found.narrower(place, "the type is a special case of what it was");
    } else {
        found.exactly(place, "type", old, new);
    }
}

/// A bound means something else in another unit.
fn unit(found: &mut Found, place: &Place, old: &Constraint, new: &Constraint) {
    if old.unit != new.unit {
        let bounded = old.min.is_some() || old.max.is_some();
        let narrower = old.unit.is_none() && !bounded;
        found.judged(narrower, place, "it is in another unit");
    }
}

/// What follows must be no milder.
pub(super) fn severity(found: &mut Found, place: &Place, old: Otherwise, new: Otherwise) {
    if old != new {
        let narrower = new.decision() >= old.decision();
        let text = if narrower { "nothing milder follows" } else { "something milder follows" };
        found.judged(narrower, place, text);
    }
}

/// The name of all that have none.
const OTHERS: &str = "*";

/// What holds for an argument that may be anything.
const FREE: Constraint = Constraint {
    kind: None,
    required: None,
    constant: None,
    one_of: None,
    not_in: None,
    pattern: None,
    min: None,
    max: None,
    unit: None,
    max_len: None,
    max_items: None,
    each: None,
    provenance: None,
    extract: None,
    max_tier: None,
    pii_max: None,
    unless: None,
    otherwise: None,
};
