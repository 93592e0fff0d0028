//! Labels: how far results are believed.
//!
//! More trust lets more be permitted. Less trust does not always permit less: a field that is a
//! record no more is content, which `content` and `delegated` accept; what is not read any more is
//! `unseen`; and what a source says decides which later results are vouched for. So less trust is
//! narrower only where no rule asks for any of these.

use super::Taken;
use super::args;
use super::bounds::kept_flows;
use super::found::{Found, Place};
use crate::document::terms::{
    Constraint, Document, FieldTerms, Flow, Labels, Origin, Provenance, Source, Trust,
};

pub(super) fn compare(found: &mut Found, old: &Labels, (from, to): (&Document, &Document)) {
    let Labels { sources, pii_classes } = old;
    let new = &to.labels;
    let kinds = pii_classes == &new.pii_classes;
    found.agreed("labels.pii_classes", kinds, "other kinds of personal data are named");
    let place = Place::new("labels.sources".to_owned(), Taken::of_calls(from));
    let moot = is_moot(from, to);
    for source in sources {
        let place = place.under(&source.tool);
        match new.sources.iter().find(|s| s.tool == source.tool) {
            Some(other) => one(found, &place, (source, other), moot),
            None => found.wider(&place, "its results are believed like those of others"),
        }
    }
    for source in new.sources.iter().filter(|s| sources.iter().all(|o| o.tool != s.tool)) {
        found.wider(&place.under(&source.tool), "its results are believed in their own way");
    }
    // Places in the results of all tools that have no source of their own depend on which have.
    let [before, now] = [from, to].map(places);
    if before != now && before.iter().chain(&now).any(|(tool, _)| tool == "*") {
        found.wider(&place.under("*"), "other places in results are named");
    }
}

fn one(found: &mut Found, place: &Place, (old, new): (&Source, &Source), moot: bool) {
    let Source { tool: _, trust, tier, pii, fields } = old;
    let alike = tier == &new.tier && pii == &new.pii;
    found.agreed_at(place, alike, "its results are of another sensitivity");
    if trust != &new.trust {
        let narrower = moot && rank(new.trust) < rank(*trust);
        found.judged(narrower, &place.under("trust"), text(rank(new.trust) > rank(*trust)));
    }
    let order = |these: &[FieldTerms], those: &[FieldTerms]| -> Vec<String> {
        let common = these.iter().filter(|f| those.iter().any(|o| o.path == f.path));
        common.map(|f| f.path.clone()).collect()
    };
    let place = place.under("fields");
    if order(fields, &new.fields) != order(&new.fields, fields) {
        found.wider(&place, "another field comes first");
    }
    for field in fields {
        match new.fields.iter().find(|f| f.path == field.path) {
            Some(other) => {
                let trusts = (field.trust.unwrap_or(*trust), other.trust.unwrap_or(new.trust));
                the_field(found, &place.under(&field.path), (field, other), trusts, moot);
            }
            None => {
                let raised = rank(field.trust.unwrap_or(*trust)) < rank(new.trust);
                found.judged(
                    moot && !raised,
                    &place.under(&field.path),
                    "it is no field of its own",
                );
            }
        }
    }
    for field in new.fields.iter().filter(|f| fields.iter().all(|o| o.path != f.path)) {
        let raised = rank(field.trust.unwrap_or(new.trust)) > rank(*trust);
        let narrower = moot && !raised && field.sender != Some(true);
        found.judged(narrower, &place.under(&field.path), "it is a field of its own");
    }
}

fn the_field(
    found: &mut Found,
    place: &Place,
    (old, new): (&FieldTerms, &FieldTerms),
    (before, now): (Trust, Trust),
    moot: bool,
) {
    let FieldTerms { path: _, trust: _, tier, pii, sender } = old;
    let alike = tier == &new.tier && pii == &new.pii;
    found.agreed_at(place, alike, "it is of another sensitivity");
    if before != now {
        let raised = rank(now) > rank(before);
        found.judged(moot && !raised, &place.under("trust"), text(raised));
    }
    if sender != &new.sender {
        let narrower = moot && new.sender != Some(true);
        found.judged(narrower, &place.under("sender"), "whether it names who wrote differs");
    }
}

const fn text(raised: bool) -> &'static str {
    if raised { "it is believed more" } else { "it is believed less" }
}

const fn rank(trust: Trust) -> u8 {
    match trust {
        Trust::Agent => 0,
        Trust::Content => 1,
        Trust::Record => 2,
        Trust::Principal => 3,
    }
}

/// Whether no rule and no flow that both pacts have looks at what labels decide: what only the new
/// one has forbids more, whatever it looks at.
fn is_moot(from: &Document, to: &Document) -> bool {
    // The principal's words also say what is not carried from anywhere.
    let spoken = |terms: &Document| {
        let sources = &terms.labels.sources;
        let fields = sources.iter().flat_map(|s| &s.fields).filter_map(|f| f.trust);
        sources.iter().map(|s| s.trust).chain(fields).any(|t| t == Trust::Principal)
    };
    let looks = |origin: &&Origin| match origin {
        Origin::Content | Origin::Delegated | Origin::Record | Origin::Unseen => true,
        Origin::List(_) | Origin::Org(_) | Origin::Principal | Origin::Result { .. } => false,
    };
    let addressed = |flow: &&Flow| !flow.to.recipients.is_empty();
    let kept = to.interactions.iter().flat_map(|new| {
        let old = from.interactions.iter().find(|i| i.id == new.id);
        old.map(|old| args::kept_origins(old, new)).unwrap_or_default()
    });
    !spoken(from)
        && !spoken(to)
        && !kept_flows(from, to).iter().any(addressed)
        && !kept.into_iter().any(|origin| looks(&origin))
}

/// Places in results that rules and flows name, in order.
fn places(terms: &Document) -> Vec<(String, Option<String>)> {
    let recipients = terms.flows.iter().flat_map(|flow| &flow.to.recipients);
    let recipients = recipients.filter_map(|to| Origin::parse(to.strip_prefix('!').unwrap_or(to)));
    let named = recipients.chain(origins(terms).into_iter().cloned());
    named
        .filter_map(|origin| match origin {
            Origin::Result { tool, path } => Some((tool, path)),
            Origin::Content
            | Origin::Delegated
            | Origin::List(_)
            | Origin::Org(_)
            | Origin::Principal
            | Origin::Record
            | Origin::Unseen => None,
        })
        .collect()
}

fn origins(terms: &Document) -> Vec<&Origin> {
    let mut all = Vec::new();
    let args = terms.interactions.iter().flat_map(|i| i.args.values());
    args.for_each(|constraint| gather(constraint, &mut all));
    all
}

fn gather<'a>(constraint: &'a Constraint, all: &mut Vec<&'a Origin>) {
    if let Some(each) = &constraint.each {
        gather(each, all);
    }
    if let Some(Provenance { any_of, under_scrutiny, .. }) = &constraint.provenance {
        all.extend(any_of.iter().chain(under_scrutiny.iter().flatten()));
    }
}
