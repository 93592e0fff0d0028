//! Provenance: every origin that is enough now must have been enough before.

use super::args::{Follow, severity};
use super::found::{Found, Place};
use crate::document::terms::{Alike, Origin, Provenance};
use crate::tokens::is_under;

pub(super) fn compare(
    found: &mut Found,
    place: &Place,
    (old, new): (&Provenance, &Provenance),
    follow: Follow,
) {
    let Provenance { any_of, under_scrutiny, alike, otherwise } = old;
    origins(found, &place.under("any_of"), (any_of, &new.any_of), follow);
    if under_scrutiny.is_some() || new.under_scrutiny.is_some() {
        let before = under_scrutiny.as_ref().unwrap_or(any_of);
        let now = new.under_scrutiny.as_ref().unwrap_or(&new.any_of);
        origins(found, &place.under("under_scrutiny"), (before, now), follow);
    }
    let [before, now] = [alike, &new.alike].map(|alike| alike.unwrap_or(Alike::Exact));
    if before != now {
        found.wider(&place.under("match"), "values are compared in another way");
    }
    severity(found, &place.under("else"), *otherwise, new.otherwise);
}

fn origins(found: &mut Found, place: &Place, (old, new): (&[Origin], &[Origin]), follow: Follow) {
    let all_covered = |of: &[Origin], by: &[Origin]| of.iter().all(|origin| covered(origin, by));
    let delegated = new.contains(&Origin::Delegated) && old.contains(&Origin::Delegated);
    if !all_covered(new, old) {
        found.wider(place, "another origin is enough now");
    } else if delegated && follow == Follow::Further {
        let text = "the words in `requested` let delegated sources decide on more calls";
        found.wider(place, text);
    } else if !all_covered(old, new) {
        found.narrower(place, "fewer origins are enough");
    }
}

/// Whether whatever has this origin has one of those.
fn covered(origin: &Origin, by: &[Origin]) -> bool {
    match origin {
        Origin::Content
        | Origin::Delegated
        | Origin::Principal
        | Origin::Record
        | Origin::Unseen => by.contains(origin),
        Origin::List(values) => values.iter().all(|value| {
            by.iter().any(|other| matches!(other, Origin::List(list) if list.contains(value)))
        }),
        Origin::Org(domain) => by.iter().any(|other| match other {
            Origin::Org(above) => is_under(domain, above),
            _ => false,
        }),
        Origin::Result { tool, .. } => {
            let all = Origin::Result { tool: tool.clone(), path: None };
            by.contains(origin) || by.contains(&all)
        }
    }
}
