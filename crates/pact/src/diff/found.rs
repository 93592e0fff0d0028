//! The differences as they are found, and the comparisons that many terms share.

use core::cmp::Ordering;

use super::{Difference, Kind, Taken};

/// Differences so far.
#[derive(Default)]
pub(super) struct Found(Vec<Difference>);

/// Where a permit stands, and who loses when it shrinks.
#[derive(Clone)]
pub(super) struct Place {
    at: String,
    taken: Taken,
}

impl Place {
    pub(super) fn new(at: String, taken: Taken) -> Self {
        Self { at, taken }
    }

    /// A step further in. Names of arguments are free text: what a terminal would obey is escaped.
    pub(super) fn under(&self, step: &str) -> Self {
        Self { at: format!("{}.{}", self.at, step.escape_debug()), taken: self.taken }
    }
}

impl Found {
    pub(super) fn finish(self) -> Vec<Difference> {
        self.0
    }

    pub(super) fn any_narrower(&self) -> bool {
        // The end of a term hides no finding.
        self.0.iter().any(|d| d.kind == Kind::Narrower && d.taken != Taken::Either)
    }

    pub(super) fn narrower(&mut self, place: &Place, text: impl Into<String>) {
        self.add(place.at.clone(), Kind::Narrower, text.into(), place.taken);
    }

    pub(super) fn wider(&mut self, place: &Place, text: impl Into<String>) {
        self.add(place.at.clone(), Kind::Wider, text.into(), place.taken);
    }

    /// Narrower when it is so, wider otherwise.
    pub(super) fn judged(&mut self, narrower: bool, place: &Place, text: impl Into<String>) {
        if narrower { self.narrower(place, text) } else { self.wider(place, text) }
    }

    /// A term that is no permit.
    pub(super) fn agreed(&mut self, at: &str, same: bool, text: &str) {
        if !same {
            self.add(at.to_owned(), Kind::Changed, text.to_owned(), Taken::Both);
        }
    }

    /// Part of a permit's terms that permits nothing itself.
    pub(super) fn agreed_at(&mut self, place: &Place, same: bool, text: &str) {
        self.agreed(&place.at, same, text);
    }

    fn add(&mut self, at: String, kind: Kind, text: String, taken: Taken) {
        self.0.push(Difference { at, kind, text, taken });
    }

    /// A term that binds when it is there: the lower, the narrower.
    pub(super) fn at_most<T: Ord>(
        &mut self,
        place: &Place,
        what: &str,
        old: Option<T>,
        new: Option<T>,
    ) {
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => self.narrower(place, format!("there is a {what} now")),
            (Some(_), None) => self.wider(place, format!("there is no {what} any more")),
            (Some(old), Some(new)) => match new.cmp(&old) {
                Ordering::Less => self.narrower(place, format!("the {what} is tighter")),
                Ordering::Equal => {}
                Ordering::Greater => self.wider(place, format!("the {what} is looser")),
            },
        }
    }

    /// A term that binds when it is there and cannot be compared with another of its kind.
    pub(super) fn exactly<T: PartialEq>(
        &mut self,
        place: &Place,
        what: &str,
        old: Option<T>,
        new: Option<T>,
    ) {
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => self.narrower(place, format!("there is a {what} now")),
            (Some(_), None) => self.wider(place, format!("there is no {what} any more")),
            (Some(old), Some(new)) if old == new => {}
            (Some(_), Some(_)) => self.wider(place, format!("there is another {what}")),
        }
    }

    /// A list that forbids: the longer, the narrower.
    pub(super) fn superset<T: PartialEq>(
        &mut self,
        place: &Place,
        what: &str,
        old: &[T],
        new: &[T],
    ) {
        if old.iter().any(|item| !new.contains(item)) {
            self.wider(place, format!("{what} are gone"));
        } else if new.iter().any(|item| !old.contains(item)) {
            self.narrower(place, format!("there are more {what}"));
        }
    }

    /// A list that permits, where it is there: the shorter, the narrower.
    pub(super) fn subset<T: PartialEq>(
        &mut self,
        place: &Place,
        what: &str,
        old: Option<&[T]>,
        new: Option<&[T]>,
    ) {
        match (old, new) {
            (None, None) => {}
            (None, Some(_)) => {
                self.narrower(place, format!("only listed {what} are permitted now"));
            }
            (Some(_), None) => self.wider(place, format!("{what} are not listed any more")),
            (Some(old), Some(new)) if new.iter().any(|item| !old.contains(item)) => {
                self.wider(place, format!("other {what} are permitted"));
            }
            (Some(old), Some(new)) if old.iter().any(|item| !new.contains(item)) => {
                self.narrower(place, format!("fewer {what} are permitted"));
            }
            (Some(_), Some(_)) => {}
        }
    }
}
