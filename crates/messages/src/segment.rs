//! Segments: what a circuit is told of each judged event, and of the pact's rules.
//!
//! A tally's log of entries is hashed with Poseidon, in order; a segment is a stretch of it. The
//! numbers here are what `circuits` packs, hashes and proves about. None of this is a wire format:
//! entries are secret, and tables are compiled from the pact by whoever needs them.

use alloc::vec::Vec;

use minicbor::{Decode, Encode};

use crate::counter::{CounterIndex, Schema};
use crate::ids::EventHash;

/// Most entries of one segment.
pub const SEGMENT_ENTRIES: usize = 256;
/// Calls that a rule table can tell apart, by their numbers from 0.
pub const CALLS: usize = 64;
/// Sums of arguments that a rule table can tell apart.
pub const SUMS: usize = 8;
/// Counters that every pact has, before its calls and sums: the first of every schema.
pub const FIXED: usize = 22;
/// Buckets of the latency histogram, the last of the fixed counters.
pub const LATENCIES: usize = 8;

/// What one judged event, or an overseer's decision about it, adds to a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    /// The event.
    #[n(1)]
    pub event: EventHash,
    /// It is counted as an event: not when an overseer decides about it later.
    #[n(2)]
    pub taken: bool,
    /// It opens a session.
    #[n(3)]
    pub opens: bool,
    /// What became of a call.
    #[n(4)]
    pub outcome: Option<Outcome>,
    /// The call that ran, by its number in the chain of pacts; none when nothing ran.
    #[n(5)]
    pub ran: Option<u16>,
    /// What the call adds to the sum that its rule names, in the counter's unit.
    #[n(6)]
    pub amount: u64,
    /// Somebody was alerted.
    #[n(7)]
    pub alert: bool,
    /// A call was answered, well or not.
    #[n(8)]
    pub answer: Option<Answered>,
    /// Bucket of the time that the answer took.
    #[n(9)]
    pub latency: Option<u8>,
    /// A term was broken.
    #[n(10)]
    pub breach: bool,
    /// Bytes that the event carries.
    #[n(11)]
    pub bytes: u64,
    /// Items of personal data that it carries.
    #[n(12)]
    pub pii: u64,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Outcome {
    /// The rules permitted it.
    #[n(1)]
    Permitted,
    /// Refused.
    #[n(2)]
    Denied,
    /// It waits for an overseer.
    #[n(3)]
    Escalated,
    /// Refused, and the session is over.
    #[n(4)]
    Terminated,
    /// An overseer approved it, and the rules permit it then.
    #[n(5)]
    Approved,
}

/// How a call was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Answered {
    /// It succeeded.
    #[n(1)]
    Ok,
    /// It failed or timed out.
    #[n(2)]
    Error,
}

/// What a pact says, as far as the segment circuit knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTable {
    /// By number of the call, at most [`CALLS`]; what is missing may not run.
    pub calls: Vec<CallRule>,
    /// By place, at most [`SUMS`].
    pub sums: Vec<SumRule>,
}

/// What the table says of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRule {
    /// Counts the calls that ran.
    pub counter: CounterIndex,
    /// Largest amount that runs without an overseer; none when nothing does.
    pub permitted: Option<u64>,
    /// Largest amount that runs with an overseer's approval; none when nothing does.
    pub approved: Option<u64>,
    /// The sum that its amount goes into; none when it has no amount that is summed.
    pub sum: Option<u8>,
    /// Most calls that may ever run under the pact, all sessions together.
    pub most: u64,
}

/// What the table says of one sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumRule {
    /// The sum.
    pub counter: CounterIndex,
    /// Its limit under the pact, all sessions together.
    pub most: u64,
}

/// How many counters segments move.
pub const MOVED: usize = FIXED + CALLS + SUMS;

/// The counters that segments move, in the circuit's order: the fixed ones, then those of calls,
/// then the first sum of each call, each in schema order. None where the schema has no such
/// counter. A schema that goes on with this one has each of them in its place.
#[must_use]
pub fn moved(schema: &Schema) -> [Option<CounterIndex>; MOVED] {
    let counters = || schema.counters.iter().map(|c| c.name.as_str()).zip(0u16..);
    let named = counters().filter(|(name, _)| name.starts_with("calls:"));
    // Of several sums of one call, a segment has the first.
    let call =
        |name: &'_ str| -> Option<usize> { name.starts_with("sum:").then(|| name.find('.'))? };
    let first_of = |(name, at): &(&str, u16)| {
        let Some(end) = call(name) else { return false };
        let before = counters().take(usize::from(*at));
        !before
            .into_iter()
            .any(|(other, _)| call(other) == Some(end) && other.get(..end) == name.get(..end))
    };
    let firsts = counters().filter(first_of);
    let mut places = [None; MOVED];
    let fixed = (0u16..).map(CounterIndex).take(FIXED.min(schema.counters.len()));
    let (first, rest) = places.split_at_mut(FIXED);
    let (calls, sums) = rest.split_at_mut(CALLS);
    first.iter_mut().zip(fixed).for_each(|(place, counter)| *place = Some(counter));
    let place = |(to, (_, at)): (&mut Option<CounterIndex>, (&str, u16))| {
        *to = Some(CounterIndex(at));
    };
    calls.iter_mut().zip(named).for_each(place);
    sums.iter_mut().zip(firsts).for_each(place);
    places
}
