//! The monitor's whole state as bytes, for the sealed journal and for nothing else. What a pact's
//! log scope does not allow to be written is left out: values that were read count as unseen
//! afterwards, and a paused call whose content is not kept stays refused.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use messages::did::Did;
use messages::ids::{BootId, EventHash, PactHash, SessionId};
use messages::leaf::{BootEntry, Gaps};
use messages::reply::Action;
use messages::signature::PublicKey;
use messages::time::UnixMillis;
use minicbor::Encode;
use pact::{LogScope, Scoped};

use crate::apply::Misfit;
use crate::book::Book;
use crate::completeness::Track;
use crate::monitor::{Ended, Monitor, Settings, State};
use crate::session::{Session, Told};

/// As `State` is read.
#[derive(Encode)]
#[cbor(map)]
struct WrittenState<'a> {
    #[n(1)]
    boot: &'a BootEntry,
    #[n(2)]
    boots: &'a BTreeMap<BootId, PublicKey>,
    #[n(3)]
    books: &'a BTreeMap<PactHash, Book>,
    #[n(4)]
    sessions: BTreeMap<SessionId, (PactHash, WrittenSession<'a>)>,
    #[n(5)]
    ended: &'a BTreeMap<SessionId, Ended>,
    #[n(6)]
    oldest: u64,
    #[n(7)]
    revisions: &'a BTreeMap<PactHash, PactHash>,
}

/// As `Session` is read.
#[derive(Encode)]
#[cbor(map)]
struct WrittenSession<'a> {
    #[n(1)]
    pact: PactHash,
    #[n(2)]
    principal: &'a Did,
    #[n(3)]
    keys: [PublicKey; 2],
    #[n(4)]
    state: Scoped<'a>,
    #[n(5)]
    tracks: &'a [Track; 2],
    #[n(6)]
    paused: BTreeMap<EventHash, WrittenPaused<'a>>,
    #[n(7)]
    worst: Action,
    #[n(8)]
    used: &'a BTreeSet<u16>,
    #[n(9)]
    terminated: bool,
    #[n(10)]
    touched: UnixMillis,
    #[n(11)]
    opened: UnixMillis,
    #[n(12)]
    noted: Gaps,
    #[n(13)]
    decided: &'a BTreeMap<EventHash, Told>,
    #[n(14)]
    growth: &'a BTreeMap<u16, u64>,
}

/// As `Paused` is read.
#[derive(Encode)]
#[cbor(map)]
struct WrittenPaused<'a> {
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    event: Option<&'a [u8]>,
    #[n(2)]
    until: UnixMillis,
    #[n(3)]
    rule: &'a str,
}

impl Monitor {
    /// The state.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let state = &self.state;
        let scope =
            |root| self.compiled(root).map_or(LogScope::HashOnly, pact::Compiled::log_scope);
        let sessions = state.sessions.iter();
        let written = WrittenState {
            boot: &state.boot,
            boots: &state.boots,
            books: &state.books,
            sessions: sessions
                .map(|(id, (root, session))| (*id, (*root, written(session, scope(root)))))
                .collect(),
            ended: &state.ended,
            oldest: state.oldest,
            revisions: &state.revisions,
        };
        // Writing to a Vec cannot fail, and our encoders raise no error of their own.
        minicbor::to_vec(&written).unwrap_or_default()
    }

    /// The monitor that a snapshot was taken of, under the settings of now.
    ///
    /// # Errors
    /// [`Misfit`] when the bytes are not a snapshot.
    pub fn restore(settings: Settings, snapshot: &[u8]) -> Result<Self, Misfit> {
        let mut state: State = minicbor::decode(snapshot).map_err(|_| Misfit)?;
        for (root, _) in state.sessions.values() {
            let book = state.books.get_mut(root).ok_or(Misfit)?;
            book.open = book.open.saturating_add(1);
        }
        Ok(Self { settings, state })
    }
}

fn written(session: &Session, scope: LogScope) -> WrittenSession<'_> {
    let paused = session.paused.iter().map(|(call, paused)| {
        let event = paused.event.as_deref().filter(|_| scope == LogScope::Full);
        (*call, WrittenPaused { event, until: paused.until, rule: &paused.rule })
    });
    WrittenSession {
        pact: session.pact,
        principal: &session.principal,
        keys: session.keys,
        state: session.state.scoped(scope),
        tracks: &session.tracks,
        paused: paused.collect(),
        worst: session.worst,
        used: &session.used,
        terminated: session.terminated,
        touched: session.touched,
        opened: session.opened,
        noted: session.noted,
        decided: &session.decided,
        growth: &session.growth,
    }
}
