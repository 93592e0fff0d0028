//! What is kept of a text: keyed hashes, lengths and classes, never the text.
//!
//! A message or a result is judged by its digest and by nothing else, so whoever holds a session's
//! token key can make the digest where the text is, and the verdict is the same
//! ([`check_digest`](crate::check_digest)). Calls are judged whole: their arguments are what a
//! pact constrains. A digest hides a text from whoever lacks the key; with the key a guess can be
//! tried.

use messages::event::{Body, Content, Event, Role, Status};
use minicbor::{Decode, Encode};
use serde_json::Value;

use crate::check::{Granted, TurnSaid, granted, yes_or_no};
use crate::compile::{Compiled, SourceRule};
use crate::signals::{Signals, signals};
use crate::state::{SessionState, packed};
use crate::tokens::{Form, Pii, TokenKey, Tokens, text_of};

/// A message or a result without its text.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Digest {
    #[n(0)]
    pub(crate) from: Role,
    #[n(1)]
    pub(crate) to: Role,
    #[n(2)]
    pub(crate) heard: Heard,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Heard {
    #[n(0)]
    Message(#[n(0)] Gist),
    #[n(1)]
    Result {
        /// Token of the call's identifier.
        #[n(0)]
        call: u64,
        #[n(1)]
        status: Ended,
        #[n(2)]
        latency_us: Option<u64>,
        #[n(3)]
        read: Read,
        /// A part was nested too deep to be read.
        #[n(4)]
        unread: bool,
    },
}

/// How a call ended, as an event says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Ended {
    #[n(0)]
    Cancelled,
    #[n(1)]
    Error,
    #[n(2)]
    Ok,
    #[n(3)]
    Timeout,
}

/// A result's content.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Read {
    #[n(0)]
    Text(#[n(0)] Gist),
    /// Objects, each after the one that it stands in; the first is the whole document.
    #[n(1)]
    Document(#[n(0)] Vec<Item>),
}

/// An object's own texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Item {
    /// Place of the object that it stands in; its own for the first.
    #[n(0)]
    pub(crate) within: u32,
    #[n(1)]
    pub(crate) leaves: Vec<Leaf>,
}

/// One text or number, or the name of a field.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Leaf {
    /// Which of the source's fields it is in; none for the source's own label.
    #[n(0)]
    pub(crate) field: Option<u16>,
    /// It names who wrote the object.
    #[n(1)]
    pub(crate) sender: bool,
    /// It is the name of a field.
    #[n(2)]
    pub(crate) name: bool,
    /// Tokens under the places that provenance rules name.
    #[n(3)]
    #[cbor(with = "packed")]
    pub(crate) places: Vec<u64>,
    #[n(4)]
    pub(crate) gist: Gist,
}

/// A text without its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Gist {
    #[n(0)]
    pub(crate) bytes: u64,
    /// Words in order.
    #[n(1)]
    #[cbor(with = "packed")]
    pub(crate) words: Vec<u64>,
    /// Canonical forms in it.
    #[n(2)]
    #[cbor(with = "packed")]
    pub(crate) typed: Vec<u64>,
    /// The whole text: its one canonical form, or its words together.
    #[n(3)]
    pub(crate) whole: u64,
    #[n(4)]
    pub(crate) file_name: Option<u64>,
    /// Words that are written like names.
    #[n(5)]
    #[cbor(with = "packed")]
    pub(crate) names: Vec<u64>,
    /// Parts of the name of somebody, where it is one.
    #[n(6)]
    #[cbor(with = "packed")]
    pub(crate) who: Vec<u64>,
    /// Pieces by which the text is recognised elsewhere, where the pact follows any.
    #[n(7)]
    #[cbor(with = "packed")]
    pub(crate) pieces: Vec<u64>,
    /// Stems of the principal's words.
    #[n(8)]
    #[cbor(with = "packed")]
    pub(crate) stems: Vec<u64>,
    #[n(9)]
    pub(crate) said: Option<TurnSaid>,
    /// What the principal hands over.
    #[n(12)]
    pub(crate) granted: Granted,
    #[n(10)]
    pub(crate) pii: Pii,
    #[n(11)]
    pub(crate) signals: Signals,
}

impl Digest {
    /// The digest of a message or result; none of a call or delegation. `tool` is the name of the call that is
    /// answered.
    #[must_use]
    pub fn of(pact: &Compiled, session: &SessionState, event: &Event, tool: &str) -> Option<Self> {
        let key = &session.key;
        let heard = match &event.body {
            Body::Call { .. } | Body::Delegation { .. } => return None,
            Body::Message { text } => Heard::Message(message(key, event.from, text)),
            Body::Result { call, status, content, latency_us } => {
                let (read, unread) = Reader::new(pact, tool, key).read(content);
                let (call, status) = (key.token(Form::CallId, call), Ended::from(*status));
                Heard::Result { call, status, latency_us: *latency_us, read, unread }
            }
        };
        Some(Self { from: event.from, to: event.to, heard })
    }
}

fn message(key: &TokenKey, from: Role, text: &str) -> Gist {
    let mut gist = Gist::of(key, text);
    if from == Role::Principal {
        gist.stems = key.stems(text);
        gist.said = Some(yes_or_no(text));
        gist.granted = granted(text);
    }
    gist
}

impl Gist {
    /// What becomes known of it as text.
    pub(crate) fn tokens(&self) -> Tokens {
        Tokens { words: self.words.clone(), typed: self.typed.clone(), pii: self.pii }
    }

    fn of(key: &TokenKey, text: &str) -> Self {
        let tokens = key.read(text);
        Self {
            bytes: text.len() as u64,
            whole: key.canonical(text).unwrap_or_else(|| key.whole(&tokens.words)),
            words: tokens.words,
            typed: tokens.typed,
            file_name: key.file_name(text),
            names: key.names(text).collect(),
            pii: tokens.pii,
            signals: signals(text),
            ..Self::default()
        }
    }
}

struct Reader<'a> {
    key: &'a TokenKey,
    source: Option<&'a SourceRule>,
    /// The pact follows pieces of results.
    follows: bool,
    items: Vec<Item>,
    unread: bool,
}

impl<'a> Reader<'a> {
    fn new(pact: &'a Compiled, tool: &str, key: &'a TokenKey) -> Self {
        let source = pact.sources.get(tool).or_else(|| pact.sources.get("*"));
        Self {
            key,
            source,
            follows: !pact.marks.is_empty(),
            items: vec![Item::default()],
            unread: false,
        }
    }

    fn read(mut self, content: &Content) -> (Read, bool) {
        match content {
            Content::Text(text) => (Read::Text(self.gist(text)), false),
            Content::Document(value) => {
                self.value(0, value, &mut Vec::new());
                (Read::Document(self.items), self.unread)
            }
        }
    }

    fn gist(&self, text: &str) -> Gist {
        let mut gist = Gist::of(self.key, text);
        if self.follows {
            gist.pieces = self.key.pieces(text);
        }
        gist
    }

    fn value<'v>(&mut self, item: u32, value: &'v Value, at: &mut Vec<Option<&'v str>>) {
        if at.len() > MAX_DEPTH {
            self.unread = true;
            return;
        }
        match value {
            Value::Array(list) => {
                at.push(None);
                list.iter().for_each(|inner| self.value(item, inner, at));
                at.pop();
            }
            Value::Object(map) => {
                let own = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
                self.items.push(Item { within: item, leaves: Vec::new() });
                for (name, inner) in map {
                    self.leaf(own, name, at, true);
                    at.push(Some(name));
                    self.value(own, inner, at);
                    at.pop();
                }
            }
            Value::Number(_) | Value::String(_) => {
                if let Some(text) = text_of(value) {
                    self.leaf(item, &text, at, false);
                }
            }
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn leaf(&mut self, item: u32, text: &str, at: &[Option<&str>], name: bool) {
        let mut gist = self.gist(text);
        let source = self.source;
        let covered = |path: &crate::compile::Path| path.covers(at);
        let field = source.and_then(|s| s.fields.iter().position(|(path, _)| covered(path)));
        let sender = !name && source.is_some_and(|s| s.senders.iter().any(covered));
        if sender {
            gist.who = self.key.who(text);
        }
        let places = source.map(|s| &s.places[..]).unwrap_or_default();
        let under = places.iter().filter(|(path, _)| covered(path));
        let leaf = Leaf {
            field: field.and_then(|f| u16::try_from(f).ok()),
            sender,
            name,
            places: under.map(|(_, place)| self.key.under(*place, gist.whole)).collect(),
            gist,
        };
        if let Some(item) = usize::try_from(item).ok().and_then(|at| self.items.get_mut(at)) {
            item.leaves.push(leaf);
        }
    }
}

impl From<Status> for Ended {
    fn from(status: Status) -> Self {
        match status {
            Status::Cancelled => Self::Cancelled,
            Status::Error => Self::Error,
            Status::Ok => Self::Ok,
            Status::Timeout => Self::Timeout,
        }
    }
}

impl From<Ended> for Status {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Cancelled => Self::Cancelled,
            Ended::Error => Self::Error,
            Ended::Ok => Self::Ok,
            Ended::Timeout => Self::Timeout,
        }
    }
}

const MAX_DEPTH: usize = 32;
