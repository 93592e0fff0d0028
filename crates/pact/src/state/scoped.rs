//! The encoding of a session's state, whole or as a log scope leaves it.
//!
//! Deterministic CBOR (RFC 8949, section 4.2.1) for a sealed journal and nothing else: it holds
//! the key of the session's tokens.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::{
    CallState, Known, MAX_CALLS, MAX_DELEGATES, MAX_WORDS, Marked, SessionState,
    keeps_what_was_read, packed,
};
use crate::document::terms::LogScope;
use crate::tokens::TokenKey;

/// What of a session's state may be written under a log scope; made by [`SessionState::scoped`].
#[must_use]
pub struct Scoped<'a> {
    state: &'a SessionState,
    /// Also what was read.
    whole: bool,
}

impl SessionState {
    /// What of this state may be written under a pact's log scope: under less than `full`
    /// nothing of what was read, as with [`Change::scoped`](super::Change::scoped). Decodes as a
    /// [`SessionState`].
    pub const fn scoped(&self, scope: LogScope) -> Scoped<'_> {
        Scoped { state: self, whole: keeps_what_was_read(scope) }
    }
}

/// The whole state.
impl<C> Encode<C> for SessionState {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        Scoped { state: self, whole: true }.encode(e, ctx)
    }
}

impl<C> Encode<C> for Scoped<'_> {
    fn encode<W: encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        let (nothing, none) = (&Known::default(), &BTreeSet::new());
        let kept = |known| if self.whole { known } else { nothing };
        // Destructured so that a new field cannot be forgotten.
        let SessionState {
            key,
            opened,
            turn,
            calls,
            succeeded,
            used,
            distinct,
            principal,
            record,
            delegated,
            asked,
            content,
            urged,
            proposed,
            delegates,
            marked,
            places,
            stems,
            granted,
            scrutiny,
            forgot,
        } = self.state;
        e.array(FIELDS)?;
        key.encode(e, ctx)?;
        opened.encode(e, ctx)?;
        turn.encode(e, ctx)?;
        if self.whole {
            calls.encode(e, ctx)?;
        } else {
            let silent = |call: &CallState| CallState { echo: Vec::new(), ..call.clone() };
            let calls: BTreeMap<u64, CallState> =
                calls.iter().map(|(token, call)| (*token, silent(call))).collect();
            calls.encode(e, ctx)?;
        }
        succeeded.encode(e, ctx)?;
        used.encode(e, ctx)?;
        e.map(distinct.len() as u64)?;
        for (limit, tokens) in distinct {
            limit.encode(e, ctx)?;
            packed::encode(tokens, e, ctx)?;
        }
        kept(principal).encode(e, ctx)?;
        kept(record).encode(e, ctx)?;
        kept(delegated).encode(e, ctx)?;
        kept(asked).encode(e, ctx)?;
        kept(content).encode(e, ctx)?;
        kept(urged).encode(e, ctx)?;
        kept(proposed).encode(e, ctx)?;
        delegates.encode(e, ctx)?;
        let unmarked = &Marked::default();
        (if self.whole { marked } else { unmarked }).encode(e, ctx)?;
        packed::encode(if self.whole { places } else { none }, e, ctx)?;
        packed::encode(if self.whole { stems } else { none }, e, ctx)?;
        granted.encode(e, ctx)?;
        scrutiny.encode(e, ctx)?;
        (*forgot || !self.whole).encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for SessionState {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(FIELDS) {
            return Err(decode::Error::message("expected the state of a session"));
        }
        Ok(Self {
            key: TokenKey::decode(d, ctx)?,
            opened: bool::decode(d, ctx)?,
            turn: Decode::decode(d, ctx)?,
            calls: within(MAX_CALLS, BTreeMap::<u64, CallState>::decode(d, ctx)?, BTreeMap::len)?,
            succeeded: Decode::decode(d, ctx)?,
            used: Decode::decode(d, ctx)?,
            distinct: distinct(d, ctx)?,
            principal: Known::decode(d, ctx)?,
            record: Known::decode(d, ctx)?,
            delegated: Known::decode(d, ctx)?,
            asked: Known::decode(d, ctx)?,
            content: Known::decode(d, ctx)?,
            urged: Known::decode(d, ctx)?,
            proposed: Known::decode(d, ctx)?,
            delegates: within(
                MAX_DELEGATES.saturating_mul(2),
                Decode::decode(d, ctx)?,
                BTreeMap::len,
            )?,
            marked: Marked::decode(d, ctx)?,
            places: within(MAX_WORDS, packed::decode(d, ctx)?, BTreeSet::len)?,
            stems: within(MAX_WORDS, packed::decode(d, ctx)?, BTreeSet::len)?,
            granted: Decode::decode(d, ctx)?,
            scrutiny: bool::decode(d, ctx)?,
            forgot: bool::decode(d, ctx)?,
        })
    }
}

fn distinct<C>(
    d: &mut Decoder<'_>,
    ctx: &mut C,
) -> Result<BTreeMap<u16, BTreeSet<u64>>, decode::Error> {
    let limits = d.map()?.ok_or_else(|| decode::Error::message("expected a length"))?;
    let mut distinct = BTreeMap::new();
    for _ in 0..limits {
        let limit = u16::decode(d, ctx)?;
        distinct.insert(limit, within(MAX_WORDS, packed::decode(d, ctx)?, BTreeSet::len)?);
    }
    Ok(distinct)
}

fn within<T>(most: usize, all: T, len: impl Fn(&T) -> usize) -> Result<T, decode::Error> {
    if len(&all) > most {
        return Err(decode::Error::message("more than a session remembers"));
    }
    Ok(all)
}

/// How many fields a state has.
const FIELDS: u64 = 21;
