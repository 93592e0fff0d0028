//! Where a value came from, and what that says of a call.
//!
//! From most to least believed: the principal's words, a field that the provider vouches for,
//! text of a source that the principal pointed to, any other text, nothing that was read.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Look;
use crate::compile::{PlacedOrigin, ProvenanceRule, Rule};
use crate::document::terms::{Alike, Effect};
use crate::state::{Known, Lineage};
use crate::tokens::{FilePath, Form, chunks, host, iban, is_local, is_under, phone, text_of};

/// One value in the forms in which it may have been read.
pub(super) struct Sought {
    words: Vec<u64>,
    /// Its one canonical form, when it is one.
    typed: Option<u64>,
    /// The whole field.
    whole: u64,
    host: Option<u64>,
    path: Option<SoughtPath>,
    alike: Alike,
}

struct SoughtPath {
    name: u64,
    /// Folders that it is in.
    folders: Vec<u64>,
}

impl Look<'_> {
    pub(super) fn sought(&self, text: &str, alike: Alike) -> Sought {
        let key = &self.session.key;
        let words = key.words(text);
        let typed = key.canonical(text);
        let lower = text.trim().to_lowercase();
        let path = FilePath::parse(&lower).filter(|_| host(&lower).is_none() && is_local(&lower));
        let path = path.map(|path| {
            let folders = path.ancestors().skip(1);
            SoughtPath {
                name: key.token(Form::FileName, path.name),
                folders: folders.map(|f| key.token(Form::Path, f)).collect(),
            }
        });
        let host = (alike == Alike::Host).then(|| key.host(text)).flatten();
        Sought {
            whole: typed.unwrap_or_else(|| key.whole(&words)),
            words,
            typed,
            host,
            path,
            alike,
        }
    }

    /// Whether `text` has one of the rule's origins.
    pub(super) fn has_origin(&self, rule: &Rule, provenance: &ProvenanceRule, text: &str) -> bool {
        let sought = self.sought(text, provenance.alike);
        let origins = match &provenance.under_scrutiny {
            Some(origins) if self.session.scrutiny => origins,
            Some(_) | None => &provenance.any_of,
        };
        origins.iter().any(|origin| self.is_from(rule, origin, &sought, text))
    }

    /// Whether `text`, sought as `sought`, is from `origin`.
    pub(super) fn is_from(
        &self,
        rule: &Rule,
        origin: &PlacedOrigin,
        sought: &Sought,
        text: &str,
    ) -> bool {
        let (session, key) = (self.session, &self.session.key);
        match origin {
            PlacedOrigin::Content => {
                let read = [&session.content, &session.urged, &session.delegated, &session.asked];
                read.into_iter().any(|known| sought.read_in(known))
            }
            PlacedOrigin::Delegated => {
                sought.pointed_to_in(&session.delegated)
                    || sought.pointed_to_in(&session.asked) && self.may_follow(rule)
                    || sought.vouched_in(&session.record) && self.speaks_of(rule, text)
            }
            PlacedOrigin::Principal => sought.pointed_to_in(&session.principal),
            PlacedOrigin::Record => sought.vouched_in(&session.record),
            PlacedOrigin::Result(place) => {
                !sought.words.is_empty()
                    && session.places.contains(&key.under(*place, sought.whole))
            }
            PlacedOrigin::Unseen => !session.forgot && self.is_unseen(sought),
            PlacedOrigin::Org(domain) => {
                let lower = text.trim().to_lowercase();
                host(&lower).is_some_and(|h| is_under(h, domain))
            }
            PlacedOrigin::List(values) => values.iter().any(|v| match sought.typed {
                Some(token) => key.canonical(v) == Some(token),
                None => !sought.words.is_empty() && key.words(v) == sought.words,
            }),
        }
    }

    fn is_unseen(&self, sought: &Sought) -> bool {
        let session = self.session;
        let read = [
            &session.content,
            &session.urged,
            &session.delegated,
            &session.asked,
            &session.principal,
        ];
        !read.into_iter().any(|known| sought.read_in(known)) && !sought.vouched_in(&session.record)
    }

    /// Whether the principal, or somebody whom it lets decide, spoke of who this is.
    fn speaks_of(&self, rule: &Rule, text: &str) -> bool {
        let session = self.session;
        self.is_named_in(&session.principal, text)
            || self.is_named_in(&session.asked, text) && self.may_follow(rule)
    }

    /// Whether the principal lets a source decide on a call of this rule: reading is free, all
    /// else must be in the principal's words, or these must hand over the decision.
    fn may_follow(&self, rule: &Rule) -> bool {
        rule.effect == Effect::Read
            || rule.requested.as_ref().is_some_and(|r| r.terms.iter().any(|t| self.was_said(t)))
            || self.session.granted.all
    }

    /// Whether the principal said to go by what is written somewhere. A person who is named may
    /// ask for things; a page or a file may only where the principal says so.
    pub(super) const fn grants(&self) -> bool {
        self.session.granted.all || self.session.granted.manner
    }

    /// What the arguments say of the result, and which of its values an answer may not make its
    /// own. What content chose goes before all else, then what identifies goes before words.
    /// Where there is too much to remember or to look at, content chose the result.
    pub(super) fn ancestry(&self, args: &BTreeMap<String, Value>) -> (Lineage, Vec<u64>) {
        let mut texts = Vec::new();
        let all = args.values().all(|value| gather(value, &mut texts, 0));
        let (mut lineage, mut echo) = (Lineage::Open, Vec::new());
        for text in &texts {
            let sought = self.sought(text, Alike::Exact);
            lineage = strongest(lineage, self.text_lineage(text, &sought));
            if echo.len() < MAX_ECHO && self.is_strange(&sought) {
                echo.push(sought.whole);
            }
        }
        if all && echo.len() < MAX_ECHO { (lineage, echo) } else { (Lineage::Steered, echo) }
    }

    /// A value that content holds and nobody vouches for.
    fn is_strange(&self, sought: &Sought) -> bool {
        let session = self.session;
        let pointed = [&session.principal, &session.delegated, &session.asked];
        !pointed.into_iter().any(|known| sought.pointed_to_in(known))
            && !sought.vouched_in(&session.record)
            && (sought.read_in(&session.content) || sought.read_in(&session.urged))
    }

    fn text_lineage(&self, text: &str, sought: &Sought) -> Lineage {
        let session = self.session;
        let host = self.session.key.host(text);
        let points = |known: &Known| {
            sought.pointed_to_in(known) || host.is_some_and(|host| known.holds(host))
        };
        let telling = text.chars().filter(|c| c.is_alphanumeric()).count() >= 3;
        let named = sought.path.is_some() || host.is_some() || identifies(text);
        let pointed = [&session.principal, &session.delegated, &session.asked];
        if telling && pointed.into_iter().any(points) {
            // A number, a day or a word identifies nothing.
            return if named { Lineage::Named } else { Lineage::Queried };
        }
        // However short, a field of something that the principal pointed to.
        if session.delegated.holds(session.key.field(sought.whole)) {
            return Lineage::Named;
        }
        if host.is_some() {
            // A place that nobody pointed to, whatever else the call names.
            return Lineage::Elsewhere;
        }
        if !telling || sought.vouched_in(&session.record) {
            return Lineage::Open;
        }
        // A word that merely occurs somewhere chose nothing; one that somebody asked for did.
        let chosen = sought.read_in(&session.urged);
        let watched = session.scrutiny || session.forgot;
        let doubtful = || {
            let trusted = [&session.principal, &session.record, &session.delegated];
            !sought.words.iter().all(|w| trusted.into_iter().any(|known| known.holds_word(*w)))
        };
        if chosen || watched && doubtful() { Lineage::Steered } else { Lineage::Open }
    }
}

/// The texts and numbers of a value; false where it goes deeper than anybody looks.
fn gather(value: &Value, into: &mut Vec<String>, depth: usize) -> bool {
    let inner = depth.saturating_add(1);
    match value {
        _ if depth > MAX_DEPTH => false,
        Value::Array(list) => list.iter().all(|v| gather(v, into, inner)),
        Value::Object(map) => map.values().all(|v| gather(v, into, inner)),
        Value::Number(_) | Value::String(_) => {
            into.extend(text_of(value));
            true
        }
        Value::Bool(_) | Value::Null => true,
    }
}

/// Most values of a call that an answer may not make its own.
const MAX_ECHO: usize = 64;

/// An account number or a telephone number, or one word of letters and digits.
fn identifies(text: &str) -> bool {
    let mut words = chunks(text);
    let (word, more) = (words.next().unwrap_or_default(), words.next().is_some());
    let mixed = word.chars().any(char::is_alphabetic) && word.chars().any(char::is_numeric);
    iban(text).is_some() || phone(text).is_some() || mixed && !more
}

const fn strongest(one: Lineage, other: Lineage) -> Lineage {
    if rank(other) >= rank(one) { other } else { one }
}

const fn rank(lineage: Lineage) -> u8 {
    match lineage {
        Lineage::Open => 0,
        Lineage::Queried => 1,
        Lineage::Named => 2,
        Lineage::Elsewhere => 3,
        Lineage::Steered => 4,
    }
}

impl Sought {
    /// Read as a value or as a run of words.
    pub(super) fn read_in(&self, known: &Known) -> bool {
        let named = || self.path.as_ref().is_some_and(|path| known.holds(path.name));
        match (self.alike, self.typed) {
            (Alike::Host, _) => self.host.is_some_and(|h| known.holds(h)),
            (_, Some(token)) if known.holds(token) || named() => true,
            (Alike::Exact, Some(_)) if self.path.is_none() => false,
            (Alike::Exact | Alike::Substring, _) => known.holds_run(&self.words),
        }
    }

    /// The same, or a file in a folder that was read.
    fn pointed_to_in(&self, known: &Known) -> bool {
        let under = |path: &SoughtPath| path.folders.iter().any(|folder| known.holds(*folder));
        self.read_in(known) || self.alike != Alike::Host && self.path.as_ref().is_some_and(under)
    }

    /// Vouched for as a whole field.
    fn vouched_in(&self, known: &Known) -> bool {
        let named = || self.path.as_ref().is_some_and(|path| known.holds(path.name));
        match (self.alike, self.typed) {
            (Alike::Host, _) => self.host.is_some_and(|h| known.holds(h)),
            (Alike::Exact, _) => !self.words.is_empty() && (known.holds(self.whole) || named()),
            (Alike::Substring, Some(token)) if known.holds(token) => true,
            (Alike::Substring, _) => known.holds_run(&self.words),
        }
    }
}

const MAX_DEPTH: usize = 64;
